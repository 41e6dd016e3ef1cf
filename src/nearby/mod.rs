//! Who is around: everything that is seen of other computers, merged by key, and forgotten in time.
//!
//! [`Nearby`] owns the table of neighbours. It takes in what was seen, and tells what changed by it; it opens no
//! connection and has no clock. A peer is its key: two addresses with one key are one neighbour.
//!
//! Invariants:
//! - at most [`Limits::peers_max`] neighbours with [`Limits::addresses_max`] addresses each, whatever is announced;
//! - this computer is never its own neighbour;
//! - each neighbour that appeared goes once, and nothing is told of one that has not appeared.
//!
//! Not here: what a neighbour gives (its catalogue is the engine's), and whether an address works.

mod neighbour;
mod sighting;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

pub use neighbour::Neighbour;
pub use sighting::{Role, Sighting, Source};

use crate::share::PeerId;

/// How much is kept, and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    pub peers_max: usize,
    pub addresses_max: usize,
    /// What was seen by mDNS holds this long, if it is not seen again.
    pub announced: Duration,
    /// What was given by hand or by link, or came in, holds this long.
    pub proven: Duration,
    /// What another peer told holds this long.
    pub told: Duration,
    /// A peer that spoke with us is there this long.
    pub contact: Duration,
    /// One that says goodbye just after it spoke with us has this long to speak again.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            peers_max: 4096,
            addresses_max: 16,
            announced: Duration::from_secs(30),
            proven: Duration::from_secs(120),
            told: Duration::from_secs(60),
            contact: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    fn lasts(&self, source: Source) -> Duration {
        match source {
            Source::Mdns => self.announced,
            Source::Peer => self.told,
            Source::Typed | Source::Link | Source::Inbound => self.proven,
        }
    }
}

/// A fact about who is around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Something was seen of a peer.
    Seen(Sighting),
    /// It answered a request, or made one; its key was proven.
    Spoke { peer: PeerId },
    /// Its announcement was withdrawn.
    Goodbye { peer: PeerId },
    /// The time that [`Nearby::next_wakeup`] gave has come.
    Tick,
}

/// What became different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Appeared {
        peer: PeerId,
    },
    /// Its name, role, addresses, or how we know of it.
    Changed {
        peer: PeerId,
    },
    /// What it gives.
    CatalogueChanged {
        peer: PeerId,
    },
    /// Half of its time has passed without a sign of it: who asks it now keeps it, if it answers ([`Input::Spoke`]).
    Doubted {
        peer: PeerId,
    },
    Gone {
        peer: PeerId,
    },
    /// Another computer uses this one's identity. Told once.
    DuplicateIdentity {
        addresses: Vec<SocketAddr>,
    },
}

/// The computers that are around.
#[derive(Debug)]
pub struct Nearby {
    limits: Limits,
    me: PeerId,
    /// The random number of this start, which our own announcement carries.
    instance: u64,
    neighbours: BTreeMap<PeerId, Neighbour>,
    /// When to look at whom.
    due: BTreeSet<(Instant, PeerId)>,
    duplicate_told: bool,
    changes: VecDeque<Change>,
}

impl Nearby {
    /// `instance`: a random number of this start, which our own announcement carries.
    pub fn new(limits: Limits, me: PeerId, instance: u64) -> Nearby {
        Nearby {
            limits,
            me,
            instance,
            neighbours: BTreeMap::new(),
            due: BTreeSet::new(),
            duplicate_told: false,
            changes: VecDeque::new(),
        }
    }

    /// Takes a fact in. What changed by it is in [`Nearby::poll_change`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Seen(sighting) if sighting.peer == self.me => self.seen_myself(sighting),
            Input::Seen(sighting) => self.seen(now, &sighting),
            Input::Spoke { peer } => self.spoke(now, peer),
            Input::Goodbye { peer } => self.goodbye(now, peer),
            Input::Tick => {}
        }
        self.forget(now);
    }

    /// The next change, in the order in which they happened.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// When [`Input::Tick`] is due, and why.
    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        self.due.first().map(|(at, _)| (*at, "a neighbour may be gone"))
    }

    pub fn get(&self, peer: &PeerId) -> Option<&Neighbour> {
        self.neighbours.get(peer)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (PeerId, &Neighbour)> + '_ {
        self.neighbours.iter().map(|(peer, neighbour)| (*peer, neighbour))
    }

    /// Our own announcement comes back to us, which is nothing; with another start's number it is a copy of this
    /// computer (a cloned disk).
    fn seen_myself(&mut self, sighting: Sighting) {
        let other = sighting.instance.is_some_and(|instance| instance != self.instance);
        if other && !self.duplicate_told {
            self.duplicate_told = true;
            let mut addresses = sighting.addresses;
            addresses.truncate(self.limits.addresses_max);
            self.changes.push_back(Change::DuplicateIdentity { addresses });
        }
    }

    fn seen(&mut self, now: Instant, sighting: &Sighting) {
        let peer = sighting.peer;
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return self.add(now, sighting) };
        let before = neighbour.clone();
        neighbour.take(now, sighting, &self.limits);
        self.due.remove(&(before.due_at(), peer));
        self.due.insert((neighbour.due_at(), peer));
        if neighbour.catalogue != before.catalogue {
            self.changes.push_back(Change::CatalogueChanged { peer });
        }
        if looks_different(neighbour, &before) {
            self.changes.push_back(Change::Changed { peer });
        }
    }

    fn add(&mut self, now: Instant, sighting: &Sighting) {
        if self.neighbours.len() >= self.limits.peers_max && !self.make_room(sighting.source) {
            return;
        }
        let neighbour = Neighbour::new(now, sighting, &self.limits);
        self.due.insert((neighbour.due_at(), sighting.peer));
        self.neighbours.insert(sighting.peer, neighbour);
        self.changes.push_back(Change::Appeared { peer: sighting.peer });
    }

    fn spoke(&mut self, now: Instant, peer: PeerId) {
        self.change_time(peer, |neighbour, limits| neighbour.spoken(now, limits));
    }

    fn goodbye(&mut self, now: Instant, peer: PeerId) {
        self.change_time(peer, |neighbour, limits| neighbour.goodbye(now, limits));
    }

    /// Does something to a neighbour that moves the time at which it is looked at.
    fn change_time(&mut self, peer: PeerId, change: impl FnOnce(&mut Neighbour, &Limits)) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        self.due.remove(&(neighbour.due_at(), peer));
        change(neighbour, &self.limits);
        self.due.insert((neighbour.due_at(), peer));
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, peer)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            let Some(neighbour) = self.neighbours.get_mut(&peer) else { continue };
            let before = neighbour.clone();
            if neighbour.forget(now, &self.limits) {
                self.neighbours.remove(&peer);
                self.changes.push_back(Change::Gone { peer });
                continue;
            }
            if neighbour.is_newly_doubted(now) {
                self.changes.push_back(Change::Doubted { peer });
            }
            if looks_different(neighbour, &before) {
                self.changes.push_back(Change::Changed { peer });
            }
            self.due.insert((neighbour.due_at(), peer));
        }
    }

    /// Lets the one go that was not seen for longest, of those that are not announced by mDNS; for a newcomer that
    /// proved its key, of the others too. Tells whether there is room.
    fn make_room(&mut self, newcomer: Source) -> bool {
        let oldest = |announced: bool| {
            let choice = self.neighbours.iter().filter(|(_, neighbour)| neighbour.is_announced() == announced);
            choice.min_by_key(|(_, neighbour)| neighbour.last_seen).map(|(peer, neighbour)| (*peer, neighbour.due_at()))
        };
        let goes = oldest(false).or_else(|| newcomer.is_proven().then(|| oldest(true)).flatten());
        let Some((peer, due_at)) = goes else { return false };
        self.due.remove(&(due_at, peer));
        self.neighbours.remove(&peer);
        self.changes.push_back(Change::Gone { peer });
        true
    }
}

fn looks_different(one: &Neighbour, other: &Neighbour) -> bool {
    let looks = |neighbour: &Neighbour| (neighbour.name.clone(), neighbour.role, neighbour.via);
    looks(one) != looks(other) || one.addresses != other.addresses
}
