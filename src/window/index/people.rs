//! Who is around and answers to what is searched for.

use std::{collections::BTreeMap, sync::Arc};

use super::{asked, follow, matches};
use crate::{
    engine::snapshot::PeerRow,
    share::{PeerId, words::folded},
};

/// The people, and what the choice was made from.
#[derive(Debug, Default)]
pub struct People {
    rows: Vec<Arc<PeerRow>>,
    places: BTreeMap<PeerId, usize>,
    shown: Vec<usize>,
    /// What `shown` answers, as typed; `None`: it must be answered anew.
    answered: Option<String>,
}

impl People {
    /// Where in `Snapshot::peers`; those who give something first, among equals the engine's order, by name.
    pub fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// Where in `Snapshot::peers` one stands.
    pub fn place(&self, id: &PeerId) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub fn read(&mut self, peers: &[Arc<PeerRow>]) {
        let mut changed = false;
        follow(&mut self.rows, peers, |_, _| changed = true);
        if changed {
            self.places = peers.iter().enumerate().map(|(at, row)| (row.id, at)).collect();
            self.answered = None;
        }
    }

    pub fn answer(&mut self, peers: &[Arc<PeerRow>], typed: &str) {
        if self.answered.as_deref() == Some(typed) {
            return;
        }
        let search = asked(typed);
        let answers = |row: &PeerRow| search.is_empty() || matches(&folded(&row.name), &search);
        self.shown = peers.iter().enumerate().filter(|(_, row)| answers(row)).map(|(at, _)| at).collect();
        self.shown.sort_by_key(|at| peers.get(*at).is_none_or(|row| row.shares == 0));
        self.answered = Some(typed.to_owned());
    }
}
