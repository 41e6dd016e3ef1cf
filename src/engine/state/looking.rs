//! Looking for somebody who has a share: who is asked for its list of files, and what comes of it.

use std::{net::SocketAddr, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    State,
    held::{Stage, Turn},
    offers::contradiction,
    peers::seen,
};
use crate::{
    engine::{
        command::Recipients,
        event::{Found, NotFound},
        task::{Candidate, Job, Keep, Task},
        trouble::TroubleKind,
    },
    nearby,
    share::{PeerId, ShareId},
};

/// A share that nobody around lists is asked for again this often.
const LOOK_RETRY: Duration = Duration::from_secs(3);
/// The manifest is asked of at most this many at once.
const CANDIDATES_MAX: usize = 64;

impl State {
    /// Asks those who may have it for the manifest.
    pub(super) fn look(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let candidates = self.candidates(id);
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Looking { asking, again, .. } = &mut held.stage else { return };
        if held.paused || held.barred.is_some() || asking.is_some() {
            *again = true;
            return;
        }
        *again = false;
        if candidates.is_empty() {
            return;
        }
        let cancel = CancellationToken::new();
        *asking = Some(cancel.clone());
        held.retry_at = None;
        let run = held.run;
        let servers = self.servers();
        tasks.push(Task::Transfer { share: id, run, job: Job::Find { candidates, servers, cancel } });
    }

    /// Those whose catalogue lists it come first, then the addresses of the link, then everybody else: a share for those
    /// who have the link is listed nowhere. Only the first are told its id, which the others may not know.
    fn candidates(&self, id: ShareId) -> Vec<Candidate> {
        let Some(held) = self.held.get(&id) else { return vec![] };
        let reachable = self.peers.iter().filter(|(peer, _)| !held.banned.contains(peer));
        let (listing, others): (Vec<_>, Vec<_>) = reachable.partition(|(_, peer)| peer.offers.contains_key(&id));
        let others = others.into_iter().filter(|(_, peer)| peer.proved);
        let known = |(id, peer): (&PeerId, &super::peers::Peer)| Candidate {
            peer: Some(*id),
            name: peer.name.clone(),
            addresses: peer.addresses.clone(),
            lists_it: peer.offers.contains_key(&held.id),
        };
        let hint =
            |at: &SocketAddr| Candidate { peer: None, name: at.to_string(), addresses: vec![*at], lists_it: false };
        let hints = held.hints.iter().map(hint);
        listing.into_iter().map(known).chain(hints).chain(others.map(known)).take(CANDIDATES_MAX).collect()
    }

    pub(super) fn search_ended(&mut self, id: ShareId, result: Result<Found, NotFound>, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Looking { asking, asked, again } = &mut held.stage else { return };
        *asking = None;
        match result {
            Ok(found) => {
                held.trouble = None;
                self.manifest_found(id, found, tasks);
            }
            Err(missed) => {
                asked.extend(missed.asked);
                let names = asked.iter().cloned().collect::<Vec<_>>().join(", ");
                let about = format!("{} (asked: {names})", held.title);
                if std::mem::take(again) {
                    return self.look(id, tasks);
                }
                held.retry_at = Some(now + LOOK_RETRY);
                let what = missed.fault.map_or("Nobody here has it".to_owned(), |fault| fault.what);
                let hint = "It goes on by itself when somebody who has it is here.";
                let trouble = self.trouble(TroubleKind::Nobody, &what, &about, hint);
                self.set_trouble(id, Some(trouble));
            }
        }
    }

    /// Ends a wish whose manifest says otherwise than the list out of which it was chosen: a person wished for something
    /// else. Whoever told of it wrongly is left out, so that what is shown from then on is true.
    fn is_not_what_was_shown(&mut self, id: ShareId, found: &Found) -> bool {
        let manifest = found.share.manifest();
        let liars = self.leave_out_lies(id, manifest);
        let Some(held) = self.held.get_mut(&id) else { return false };
        let Some(what) = held.shown.take().and_then(|offer| contradiction(&offer, manifest)) else { return false };
        held.stage = Stage::Failed;
        let (title, waiting) = (held.title.clone(), std::mem::take(&mut held.waiting));
        held.tell(manifest);
        let liars: Vec<String> = liars.into_iter().take(3).map(|peer| self.name_of(peer)).collect();
        let who = if liars.is_empty() { "A list".to_owned() } else { liars.join(", ") };
        let hint = format!("{who} told of it wrongly. Nothing was fetched; look at the list again before you get it.");
        let trouble = self.trouble(TroubleKind::WrongContent, what, &title, &hint);
        for token in waiting {
            self.conclude(token, Err(trouble.clone()));
        }
        self.set_trouble(id, Some(trouble));
        true
    }

    fn manifest_found(&mut self, id: ShareId, found: Found, tasks: &mut Vec<Task>) {
        if !self.peers.contains_key(&found.from) {
            let met = seen(nearby::Source::Link, found.from, found.name.clone(), vec![found.at]);
            self.around(nearby::Input::Seen(met), tasks);
        }
        self.reached(found.from, found.at, tasks);
        if self.is_not_what_was_shown(id, &found) {
            return;
        }
        let Some(held) = self.held.get_mut(&id) else { return };
        held.know(&found.share);
        if let Some(groups) = found.groups {
            held.recipients = Recipients::Groups(groups);
        }
        held.stage = Stage::Opening;
        // The queue decides when it is opened on disk.
        held.turn = Turn::Queued { before: 0 };
        held.sources.entry(found.from).or_default();
        tasks.push(Task::Remember(Keep::Share {
            share: found.share,
            mine: false,
            recipients: held.recipients.clone(),
            into: held.into.clone(),
            sources: None,
        }));
        self.keep_choices(id, tasks);
        self.changed.shares = true;
        self.rules_changed();
        self.govern(tasks);
        self.go_on(id, tasks);
    }
}
