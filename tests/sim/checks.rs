//! What must hold after every event, on the node it happened to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use handout::{
    share::{PeerId, PieceIndex},
    swarm::State,
};

use super::{
    network::Network,
    node::{Kind, Node, number_of},
};

/// So long may it take until a node gets something that somebody it knows of has: the longest rest after failures, and
/// one request that is lost; and for every turn of peers that give nothing to those it follows, so much longer.
const HUNGER_MAX: Duration = Duration::from_secs(80);
const TURN_MAX: Duration = Duration::from_secs(25);
/// Where not everything is looked at after every event, it is after so many.
const SELDOM: u64 = 20_011;

impl Network {
    pub(super) fn check(&self, number: usize) {
        let node = &self.nodes[number];
        if !node.here || node.kind != Kind::Honest {
            return;
        }
        assert!(node.open.len() <= self.limits.in_flight_max as usize, "node {number} has too much in flight");
        if self.thorough || self.events.is_multiple_of(SELDOM) {
            self.check_requests(number);
            self.check_thoroughly(number);
        }
    }

    fn check_requests(&self, number: usize) {
        let node = &self.nodes[number];
        let mut at_peer: BTreeMap<PeerId, u32> = BTreeMap::new();
        for (piece, peer) in node.swarm.in_flight() {
            *at_peer.entry(peer).or_default() += 1;
            let open = node.open.contains_key(&(number_of(&peer), piece));
            assert!(open, "node {number} waits for {piece:?} of {peer:?} and did not ask");
            assert_eq!(node.swarm.state(piece), Some(State::Fetching), "node {number} waits for {piece:?}");
            let by = node.swarm.asked_of(piece);
            assert!(by.contains(&peer) && by.len() <= self.limits.askers_max, "{piece:?} is fetched by {by:?}");
        }
        assert!(at_peer.values().all(|count| *count <= self.limits.per_peer_max), "node {number}: {at_peer:?}");
        assert!(!node.swarm.paused() || at_peer.is_empty(), "node {number} is paused and waits for pieces");
    }

    /// What costs a look at every piece.
    pub(super) fn check_thoroughly(&self, number: usize) {
        let node = &self.nodes[number];
        let mut waited_for: BTreeMap<PieceIndex, BTreeSet<PeerId>> = BTreeMap::new();
        for (piece, peer) in node.swarm.in_flight() {
            waited_for.entry(piece).or_default().insert(peer);
        }
        for piece in self.pieces.iter() {
            let by: BTreeSet<PeerId> = node.swarm.asked_of(piece).iter().copied().collect();
            assert_eq!(by.is_empty(), node.swarm.state(piece) != Some(State::Fetching));
            assert_eq!(by, waited_for.remove(&piece).unwrap_or_default(), "{piece:?} of node {number}");
            assert_eq!(node.swarm.have().contains(piece), node.swarm.state(piece) == Some(State::Had));
            if self.thorough && node.here && node.kind == Kind::Honest {
                let told = node.told.iter().filter(|(of, _)| !node.dropped.contains(of));
                let copies = told.filter(|(_, have)| have.contains(piece)).count() as u32;
                assert!(node.swarm.copies(piece) <= copies, "node {number} counts too many of {piece:?}");
            }
        }
    }

    /// Nobody starves: who wants something that somebody has gets something within a bounded time.
    pub(super) fn check_hunger(&mut self) {
        let now = self.world.now();
        let turns = self.nodes.len().div_ceil(self.limits.followed_max) as u32;
        for number in 0..self.nodes.len() {
            if !self.could_be_fed(&self.nodes[number]) {
                self.nodes[number].fed_at = now;
                continue;
            }
            let hungry = now - self.nodes[number].fed_at;
            self.longest_hunger = self.longest_hunger.max(hungry);
            assert!(
                hungry < HUNGER_MAX + TURN_MAX * turns,
                "node {number} gets nothing for {hungry:?}: {}",
                self.describe()
            );
        }
    }

    fn could_be_fed(&self, node: &Node) -> bool {
        if !node.here || node.kind != Kind::Honest || node.swarm.paused() || node.swarm.is_complete() {
            return false;
        }
        let has_some = |other: &Node| {
            let have = other.swarm.have();
            have.is_full() || self.pieces.iter().any(|piece| have.contains(piece) && !node.swarm.have().contains(piece))
        };
        self.nodes.iter().any(|other| other.here && other.kind == Kind::Honest && has_some(other))
    }

    pub(super) fn describe(&self) -> String {
        let open = self.nodes.iter().enumerate().filter(|(_, node)| node.here && !node.swarm.is_complete());
        let open = open.map(|(number, node)| {
            let (have, wakeup) = (node.swarm.have(), node.swarm.next_wakeup().map(|(_, why)| why));
            format!("node {number}: {have:?}, {} in flight, wakes because {wakeup:?}\n", node.swarm.in_flight().count())
        });
        open.take(5).collect()
    }
}
