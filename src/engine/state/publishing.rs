//! What the server keeps for us, and what it and others find.
//!
//! Nothing is pushed: the server is told of a share, fetches it like anybody, and says when it has all of it or why it will
//! not. It is asked again until it has said one of both, also after a restart of either.

use std::time::{Duration, Instant};

use super::{Held, Peer, State};
use crate::{
    access::GroupId,
    engine::{
        command::{ForGroups, Recipients, Token},
        managed::{ServerFault, ServerFaultKind},
        snapshot::{Keeping, Role, Via},
        task::{Candidate, Task},
        trouble::TroubleKind,
    },
    share::{Audience, PeerId, ShareId},
    wire::enrolled::Publication,
};

/// While the server fetches, it is asked this often how far it is.
const EVERY: Duration = Duration::from_millis(700);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);
/// More servers are not asked for one search.
const SERVERS_MAX: usize = 4;
const WORDS_BYTES_MAX: usize = 1_024;

/// A share that the server shall keep.
#[derive(Clone, Debug)]
pub struct Publishing {
    pub keeping: Keeping,
    asking: bool,
    retry_at: Option<Instant>,
    failures: u32,
}

impl Publishing {
    fn new() -> Publishing {
        Publishing { keeping: Keeping::Waiting, asking: false, retry_at: None, failures: 0 }
    }

    fn is_due(&self, now: Instant) -> bool {
        let open = matches!(self.keeping, Keeping::Waiting | Keeping::Fetching { .. });
        open && !self.asking && self.retry_at.is_none_or(|at| at <= now)
    }
}

impl State {
    /// What a share's manifest says of whom it is for. What the server keeps for everyone is for everyone, though it comes
    /// from us to the server alone.
    pub(super) fn audience_for(&self, recipients: &Recipients) -> Audience {
        match recipients {
            Recipients::Everyone => Audience::Everyone,
            Recipients::Link => Audience::Link,
            Recipients::Peers(_) if self.keeper(recipients).is_some() => Audience::Everyone,
            Recipients::Peers(_) | Recipients::Groups(_) => Audience::Peers,
        }
    }

    /// The server that shall keep what is for these, and the groups to which it gives it; none: to everyone.
    fn keeper(&self, recipients: &Recipients) -> Option<(PeerId, Vec<GroupId>)> {
        let server = self.managed.enrolled.as_ref()?.server;
        match recipients {
            Recipients::Peers(peers) if peers.iter().eq([&server]) => Some((server, vec![])),
            Recipients::Groups(ForGroups { server: of, groups, keep: true }) if *of == server => {
                Some((server, groups.iter().copied().collect()))
            }
            _ => None,
        }
    }

    /// Tells the server of what it shall keep, and asks how far it is.
    pub(super) fn publish_due(&mut self, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let wanted = |held: &&Held| held.mine && held.is_complete() && !held.paused && held.barred.is_none();
        let wanted = self.held.values().filter(wanted);
        let due: Vec<(ShareId, PeerId, Vec<GroupId>)> = wanted
            .filter(|held| held.publishing.as_ref().is_none_or(|publishing| publishing.is_due(now)))
            .filter_map(|held| self.keeper(&held.recipients).map(|(server, groups)| (held.id, server, groups)))
            .collect();
        for (share, server, groups) in due {
            let address = self.managed.enrolled.as_ref().map_or(String::new(), |enrolled| enrolled.address.clone());
            let candidate = self.candidate(server);
            let Some(held) = self.held.get_mut(&share) else { continue };
            let publishing = held.publishing.get_or_insert_with(Publishing::new);
            publishing.asking = true;
            let begin = publishing.keeping == Keeping::Waiting;
            tasks.push(Task::Publish { share, groups, server: candidate, address, begin });
            self.changed.shares = true;
        }
    }

    pub(super) fn publish_wakeup(&self) -> Option<(Instant, &'static str)> {
        let open = self.held.values().filter_map(|held| held.publishing.as_ref());
        let waiting = open.filter(|publishing| !publishing.asking).filter_map(|publishing| publishing.retry_at);
        waiting.min().map(|at| (at, "ask the server what it keeps"))
    }

    pub(super) fn published(
        &mut self,
        share: ShareId,
        result: Result<Publication, ServerFault>,
        tasks: &mut Vec<Task>,
    ) {
        let now = self.clock.now;
        let Some(publishing) = self.held.get_mut(&share).and_then(|held| held.publishing.as_mut()) else { return };
        (publishing.asking, publishing.retry_at) = (false, None);
        self.changed.shares = true;
        let refused = match result {
            Ok(Publication { state, .. }) if state == "kept" => {
                publishing.keeping = Keeping::Kept;
                None
            }
            Ok(Publication { state, done_bytes, .. }) if state == "fetching" => {
                publishing.keeping = Keeping::Fetching { done_bytes };
                (publishing.failures, publishing.retry_at) = (0, Some(now + EVERY));
                None
            }
            Ok(failed) => Some(failed.why.unwrap_or_else(|| "it could not fetch it".to_owned())),
            Err(fault) if fault.kind == ServerFaultKind::Refused => Some(fault.what),
            Err(_) => {
                publishing.keeping = Keeping::Waiting;
                publishing.failures = publishing.failures.saturating_add(1);
                let wait = RETRY_FIRST * 2u32.saturating_pow(publishing.failures.saturating_sub(1).min(8));
                publishing.retry_at = Some(now + wait.min(RETRY_LAST));
                None
            }
        };
        if let Some(why) = refused {
            self.not_kept(share, why);
        }
        self.publish_due(tasks);
    }

    fn not_kept(&mut self, share: ShareId, why: String) {
        let server = self.managed.enrolled.as_ref().map_or(String::new(), |enrolled| enrolled.name.clone());
        let Some(held) = self.held.get_mut(&share) else { return };
        held.publishing.iter_mut().for_each(|publishing| publishing.keeping = Keeping::Refused { why: why.clone() });
        let title = held.title.clone();
        let what = format!("{server} does not keep it: {}", why.trim_end_matches('.'));
        let hint = format!("Managed by {}: ask there, or give it to others.", self.managed.managed_by());
        let trouble = self.trouble(TroubleKind::Refused, &what, &title, &hint);
        self.set_trouble(share, Some(trouble));
    }

    /// The servers that may know what is looked for here: the one that manages this computer, and no other where there is
    /// one; else those whose address a person gave. Anybody can call itself a server.
    pub(super) fn servers(&self) -> Vec<Candidate> {
        let own = self.managed.enrolled.as_ref().map(|enrolled| enrolled.server);
        let given = |peer: &Peer| peer.role == Role::Server && peer.via == Via::Typed;
        let others = self.peers.iter().filter(|(_, peer)| own.is_none() && given(peer)).map(|(id, _)| *id);
        own.into_iter().chain(others).take(SERVERS_MAX).map(|id| self.candidate(id)).collect()
    }

    fn candidate(&self, id: PeerId) -> Candidate {
        let addresses = self.peers.get(&id).map(|peer| peer.addresses.clone()).unwrap_or_default();
        Candidate { peer: Some(id), name: self.name_of(id), addresses, lists_it: true }
    }

    pub(super) fn wish_search(&mut self, token: Token, words: String, tasks: &mut Vec<Task>) {
        let servers = self.servers();
        if words.len() > WORDS_BYTES_MAX {
            let hint = "Search for fewer words.";
            return self.fail(token, TroubleKind::Local, "The search is too long", "", hint);
        }
        tasks.push(Task::Search { token, words, servers });
    }
}
