//! What must hold after every event, on the node it happened to.

use std::collections::{BTreeMap, BTreeSet};

use handout::{
    share::{PeerId, PieceIndex},
    swarm::State,
};

use super::{
    network::Network,
    node::{Kind, number_of},
};

impl Network {
    pub(super) fn check(&self, number: usize) {
        let node = &self.nodes[number];
        if !node.here || node.kind != Kind::Honest {
            return;
        }
        let mut at_peer: BTreeMap<PeerId, u32> = BTreeMap::new();
        for (piece, peer) in node.swarm.in_flight() {
            *at_peer.entry(peer).or_default() += 1;
            let open = node.open.contains_key(&(number_of(&peer), piece));
            assert!(open, "node {number} waits for {piece:?} of {peer:?} and did not ask");
            let Some(State::Fetching { by }) = node.swarm.state(piece) else {
                panic!("node {number} waits for {piece:?}, which is in state {:?}", node.swarm.state(piece))
            };
            assert!(by.contains(&peer) && by.len() <= self.limits.askers_max, "{piece:?} is fetched by {by:?}");
        }
        assert!(at_peer.values().all(|count| *count <= self.limits.per_peer_max), "node {number}: {at_peer:?}");
        assert!(node.open.len() <= self.limits.in_flight_max as usize, "node {number} has too much in flight");
        assert!(!node.swarm.paused() || at_peer.is_empty(), "node {number} is paused and waits for pieces");
        if self.events.is_multiple_of(2000) {
            self.check_thoroughly(number);
        }
    }

    /// What costs a look at every piece.
    pub(super) fn check_thoroughly(&self, number: usize) {
        let node = &self.nodes[number];
        let mut waited_for: BTreeMap<PieceIndex, BTreeSet<PeerId>> = BTreeMap::new();
        for (piece, peer) in node.swarm.in_flight() {
            waited_for.entry(piece).or_default().insert(peer);
        }
        for piece in self.pieces.iter() {
            let by = match node.swarm.state(piece) {
                Some(State::Fetching { by }) => by.iter().copied().collect(),
                _ => BTreeSet::new(),
            };
            assert_eq!(by, waited_for.remove(&piece).unwrap_or_default(), "{piece:?} of node {number}");
            assert_eq!(node.swarm.have().contains(piece), node.swarm.state(piece) == Some(&State::Had));
            if node.here && node.kind == Kind::Honest {
                let told = node.told.iter().filter(|(of, _)| !node.dropped.contains(of));
                let copies = told.filter(|(_, have)| have.contains(piece)).count() as u32;
                assert!(node.swarm.copies(piece) <= copies, "node {number} counts too many of {piece:?}");
            }
        }
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
