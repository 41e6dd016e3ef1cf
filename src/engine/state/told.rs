//! Addresses that others say somebody has: in lists of peers, in introductions to a share, and by announcing themselves.
//!
//! Anybody can make them up, for keys that nobody holds and for computers that have nothing to do with us. So one budget
//! holds for all first calls, whatever the way the address came in; only addresses of our own networks are called; and what
//! was told and does not answer is forgotten at once. Others are told of those alone who proved their key to us
//! (`peer_routes.rs`), so that what is made up goes no further than to the one to whom it was told.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use super::{
    State,
    peers::{Peer, seen},
};
use crate::{
    engine::{
        fault::{PeerFault, PeerFaultKind},
        snapshot::Via,
        task::Task,
    },
    nearby::{self, Sighting},
    share::{PeerId, ShareId},
    wire::peer::{Neighbour, presentable},
};

/// So many who did not prove themselves are called at once, and then one more each time that this has passed.
const CALLS_AT_ONCE: u32 = 32;
const CALL_EVERY: Duration = Duration::from_millis(125);
/// Addresses of one of them that are tried.
pub(super) const FIRST_ADDRESSES: usize = 4;
/// Of those that one peer tells of, so many may be unproved at a time, with so many addresses each.
const OF_ONE_TELLER: usize = 32;
const ADDRESSES_TOLD: usize = 2;
/// An address that was told and did not answer is not called again before this, though others tell of it.
const FAILED_FOR: Duration = Duration::from_secs(60);
const FAILED_MAX: usize = 1_024;
/// Shares for which one peer may be waited for until it proves itself.
const WAITED_MAX: usize = 16;

/// The budget of calls to those who did not prove themselves, and what came of them.
#[derive(Debug, Default)]
pub struct Told {
    /// When the budget is whole again.
    whole_at: Option<Instant>,
    failed: BTreeMap<SocketAddr, Instant>,
}

impl Told {
    /// Whether one more may be called now; else when.
    fn call(&mut self, now: Instant) -> Result<(), Instant> {
        let whole_at = self.whole_at.map_or(now, |at| at.max(now)) + CALL_EVERY;
        let full = now + CALL_EVERY * CALLS_AT_ONCE;
        if whole_at > full {
            return Err(now + (whole_at - full));
        }
        self.whole_at = Some(whole_at);
        Ok(())
    }

    fn failed(&mut self, now: Instant, addresses: &[SocketAddr]) {
        self.failed.retain(|_, until| *until > now);
        for address in addresses {
            if self.failed.len() < FAILED_MAX {
                self.failed.insert(*address, now + FAILED_FOR);
            }
        }
    }

    fn is_failed(&self, now: Instant, address: &SocketAddr) -> bool {
        self.failed.get(address).is_some_and(|until| *until > now)
    }
}

impl State {
    /// Whether an address that is not typed may be called: one of our own networks, never this very computer's.
    fn is_near(&self, address: &SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        if ip.is_loopback() || ip.is_multicast() || ip.is_unspecified() || self.listen.contains(address) {
            return false;
        }
        let networks = || self.subnets.iter().filter(|subnet| !subnet.address.is_loopback());
        match networks().next() {
            Some(_) => networks().any(|subnet| subnet.contains(ip)),
            // The system tells of no network.
            None => match ip {
                IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
            },
        }
    }

    /// Takes from an announcement the addresses that are not to be called.
    pub(super) fn keep_near(&self, sighting: &mut Sighting) {
        if sighting.source == nearby::Source::Mdns {
            sighting.addresses.retain(|address| self.is_near(address));
        }
    }

    /// An address of this very computer is worth something only from one that is on it, too.
    fn may_call(&self, address: &SocketAddr, teller: Option<SocketAddr>) -> bool {
        let both_here = address.ip().is_loopback() && teller.is_some_and(|at| at.ip().is_loopback());
        let may = both_here && !self.listen.contains(address) || self.is_near(address);
        may && !self.told.is_failed(self.clock.now, address)
    }

    /// A peer told of others.
    pub(super) fn introduced(&mut self, teller: PeerId, neighbours: Vec<Neighbour>, tasks: &mut Vec<Task>) {
        let at = self.peers.get(&teller).and_then(|peer| peer.reached).map(|(at, _)| at);
        let open = self.peers.values().filter(|peer| peer.teller == Some(teller) && !peer.proved).count();
        let mut room = OF_ONE_TELLER.saturating_sub(open);
        for neighbour in neighbours {
            let Ok(peer) = neighbour.id.parse::<PeerId>() else { continue };
            if room == 0 || peer == self.origin.id || self.peers.contains_key(&peer) {
                continue;
            }
            let addresses = neighbour.addresses.into_iter().filter(|address| self.may_call(address, at));
            let addresses: Vec<SocketAddr> = addresses.take(ADDRESSES_TOLD).collect();
            if addresses.is_empty() {
                continue;
            }
            let name = presentable(&neighbour.name).unwrap_or_else(|| peer.short());
            let told = seen(nearby::Source::Peer, peer, name, addresses);
            self.around(nearby::Input::Seen(told), tasks);
            if let Some(new) = self.peers.get_mut(&peer) {
                new.teller = Some(teller);
                room -= 1;
            }
        }
    }

    /// A peer that has some of a share told of others who have some. They are no more than addresses to call until they have
    /// proved who they are.
    pub(super) fn introduced_to_sources(
        &mut self,
        id: ShareId,
        teller: PeerId,
        neighbours: Vec<Neighbour>,
        tasks: &mut Vec<Task>,
    ) {
        let ids: Vec<PeerId> = neighbours.iter().filter_map(|neighbour| neighbour.id.parse().ok()).collect();
        self.introduced(teller, neighbours, tasks);
        for peer in ids {
            match self.peers.get_mut(&peer) {
                Some(peer) if !peer.proved && peer.waited_for.len() < WAITED_MAX => {
                    peer.waited_for.insert(id);
                }
                Some(peer) if !peer.proved => {}
                Some(_) => self.met(id, peer, tasks),
                None => {}
            }
        }
    }

    /// Somebody has some of a share, or soon will.
    pub(super) fn met(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let new = self.held.get(&id).is_some_and(|held| !held.sources.contains_key(&peer));
        if new && peer != self.origin.id && self.peers.contains_key(&peer) {
            self.found_source(id, peer, tasks);
        }
    }

    /// Whom of those that are due to call; the rest waits until the budget allows it. Those who proved themselves always may.
    pub(super) fn within_budget(&mut self, due: Vec<PeerId>) -> Vec<PeerId> {
        let now = self.clock.now;
        let (mut first, proved): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|id| self.peers.get(id).is_some_and(|peer| peer.reached.is_none()));
        // Who called us has a key at least, and who did not answer before has had its turn.
        first.sort_by_key(|id| self.peers.get(id).map(|peer| (!peer.proved, peer.failures)));
        let mut called = proved;
        let mut later = 0;
        for id in first {
            match self.told.call(now) {
                Ok(()) => called.push(id),
                Err(at) => {
                    if let Some(peer) = self.peers.get_mut(&id) {
                        peer.retry_at = Some(at + CALL_EVERY * later);
                    }
                    later += 1;
                }
            }
        }
        called
    }

    /// It answered at this address, so it holds its key.
    pub(super) fn reached(&mut self, id: PeerId, at: SocketAddr, tasks: &mut Vec<Task>) {
        let wall = self.clock.wall;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.reached = Some((at, wall));
        self.proved(id, tasks);
    }

    /// It proved its key, by an answer or by a call.
    pub(super) fn proved(&mut self, id: PeerId, tasks: &mut Vec<Task>) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.proved) else { return };
        peer.proved = true;
        let waited_for = std::mem::take(&mut peer.waited_for);
        self.changed.all_rows();
        self.call_it(id);
        self.remember_name(id, tasks);
        for share in waited_for {
            self.met(share, id, tasks);
        }
    }

    /// One that others told of did not answer: it is forgotten, and nobody tells of it again in vain.
    pub(super) fn forget_told(&mut self, id: PeerId, fault: &PeerFault, tasks: &mut Vec<Task>) -> bool {
        let told = |peer: &&Peer| !peer.proved && peer.via == Via::Peer;
        let Some(peer) = self.peers.get(&id).filter(told) else { return false };
        if matches!(fault.kind, PeerFaultKind::Unreachable | PeerFaultKind::WrongPeer) {
            let addresses = peer.addresses.clone();
            self.told.failed(self.clock.now, &addresses);
        }
        self.around(nearby::Input::Goodbye { peer: id }, tasks);
        true
    }

    /// Names of some that never answered, for whoever looks for what is wrong with the network.
    pub(super) fn silent(&self) -> Vec<String> {
        let silent = self.peers.values().filter(|peer| !peer.proved && peer.fault.is_some());
        silent.take(OF_ONE_TELLER).map(|peer| peer.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_of_first_calls_is_spent_and_comes_back() {
        let (mut told, begin) = (Told::default(), Instant::now());

        let at_once = (0..1_000).filter(|_| told.call(begin).is_ok()).count();
        assert_eq!(at_once, 32);
        let later = told.call(begin).unwrap_err();
        assert!(later > begin && told.call(later).is_ok());
        let mut calls = 0;
        for ms in 0..10_000 {
            calls += u32::from(told.call(later + Duration::from_millis(ms)).is_ok());
        }
        assert!((79..=81).contains(&calls), "{calls} in 10 s");
    }

    #[test]
    fn addresses_that_failed_are_few_and_come_back() {
        let (mut told, begin) = (Told::default(), Instant::now());
        let addresses: Vec<SocketAddr> = (1..3_000).map(|port| SocketAddr::from(([10, 0, 0, 1], port))).collect();

        told.failed(begin, &addresses);

        assert!(told.is_failed(begin, &addresses[0]) && !told.is_failed(begin, &addresses[2_000]));
        assert!(!told.is_failed(begin + FAILED_FOR, &addresses[0]));
    }
}
