//! How errors are worded for a person: what happened, to what, what now. Every fault becomes a [`Trouble`] here.

use std::sync::Arc;

use super::{State, TROUBLES_MAX};
use crate::{
    engine::{
        command::Token,
        fault::DiskFault,
        trouble::{Trouble, TroubleKind},
    },
    share::PeerId,
};

impl State {
    pub(super) fn trouble(&mut self, kind: TroubleKind, what: &str, about: &str, hint: &str) -> Arc<Trouble> {
        Arc::new(Trouble {
            serial: self.next_serial(),
            kind,
            what: what.to_owned(),
            about: about.to_owned(),
            hint: hint.to_owned(),
            since: self.clock.wall,
        })
    }

    /// Ends a wish with a trouble.
    pub(super) fn fail(&mut self, token: Token, kind: TroubleKind, what: &str, about: &str, hint: &str) {
        let trouble = self.trouble(kind, what, about, hint);
        self.conclude(token, Err(trouble));
    }

    /// Shows a trouble that concerns no single transfer. The same one twice is shown once.
    pub(super) fn add_trouble(&mut self, trouble: Arc<Trouble>) {
        let same = |shown: &Arc<Trouble>| (&shown.what, &shown.about) == (&trouble.what, &trouble.about);
        if self.troubles.iter().any(same) {
            return;
        }
        if self.troubles.len() == TROUBLES_MAX {
            self.troubles.pop_front();
        }
        self.troubles.push_back(trouble);
        self.changed.rest = true;
    }

    pub(super) fn add_local_trouble(&mut self, what: String, about: String, hint: String) {
        let trouble = self.trouble(TroubleKind::Local, &what, &about, &hint);
        self.add_trouble(trouble);
    }

    /// What was in the way is gone.
    pub(super) fn healed(&mut self, what: &str) {
        self.troubles.retain(|trouble| trouble.what != what);
        self.changed.rest = true;
    }

    pub(super) fn dismiss_trouble(&mut self, serial: u64) {
        self.troubles.retain(|trouble| trouble.serial != serial);
        for held in self.held.values_mut() {
            // What a transfer still waits for stays said.
            if held.retry_at.is_none() && held.trouble.as_ref().is_some_and(|trouble| trouble.serial == serial) {
                held.trouble = None;
                self.changed.transfers = true;
                self.changed.shares = true;
            }
        }
        self.changed.rest = true;
    }

    pub(super) fn disk_trouble(&mut self, fault: &DiskFault, title: &str) -> Arc<Trouble> {
        self.trouble(TroubleKind::Disk, &fault.what, title, &fault.hint)
    }

    pub(super) fn bad_peer_trouble(&mut self, peer: PeerId, what: &str, title: &str) -> Arc<Trouble> {
        let name = self.name_of(peer);
        let what = format!("{name} sent something wrong: {what}");
        let hint = "What it sent was thrown away, and it is not asked for this again. Others are.";
        self.trouble(TroubleKind::BadPeer, &what, title, hint)
    }
}
