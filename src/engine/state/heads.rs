//! Where the server's audit log stands, kept by the computers that are enrolled: when a later head does not continue an earlier one, the
//! log was cut or written anew, and whoever sits here is told.

use std::time::{Duration, Instant};

use super::State;
use crate::engine::{
    managed::{HeadsKept, ServerFault},
    task::Task,
    trouble::TroubleKind,
};

/// How often a server is asked.
const EVERY: Duration = Duration::from_secs(300);

/// When it is asked next, and what is kept.
#[derive(Default)]
pub struct Heads {
    asking: bool,
    next_at: Option<Instant>,
    /// What the last question led to.
    pub kept: Option<HeadsKept>,
}

impl Heads {
    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        self.next_at.filter(|_| !self.asking).map(|at| (at, "ask where the audit log stands"))
    }
}

impl State {
    /// Asks, if it is time to.
    pub(super) fn heads_due(&mut self, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(enrolled) = self.managed.enrolled.as_ref() else {
            self.managed.heads = Heads::default();
            return;
        };
        let heads = &self.managed.heads;
        if heads.asking || !enrolled.reached || heads.next_at.is_some_and(|at| at > now) {
            return;
        }
        let (server, address) = (enrolled.server, enrolled.address.clone());
        let addresses = self.peers.get(&server).map(|peer| peer.addresses.clone()).unwrap_or_default();
        (self.managed.heads.asking, self.managed.heads.next_at) = (true, Some(now + EVERY));
        tasks.push(Task::AskHeads { server, addresses, address });
    }

    pub(super) fn heads_told(&mut self, result: Result<HeadsKept, ServerFault>) {
        self.managed.heads.asking = false;
        // A server that can't be asked now is asked the next time; that it is away is told elsewhere.
        let Ok(kept) = result else { return };
        self.managed.heads.kept = Some(kept);
        self.changed.rest = true;
        let (Some(broken), Some(enrolled)) = (kept.broken, self.managed.enrolled.as_ref()) else { return };
        let what = format!("{}: {broken}", enrolled.name);
        let file = crate::store::heads_path(&self.origin.home, enrolled.server).display().to_string();
        let hint =
            "Tell the owner of the server. What was kept here is the proof: copy that file before anything else.";
        let trouble = self.trouble(TroubleKind::BadPeer, &what, &file, hint);
        self.add_trouble(trouble);
    }
}
