//! Which requests go out: the rarest wanted pieces to whoever has room, and second requests for what keeps us waiting.
//!
//! A second request goes out for a piece that is late, or, once nothing wanted is left that anybody has, for one that
//! will not be here within [`Limits::end_patience`](super::Limits::end_patience). It goes to the peer that is expected
//! to be fastest, and only if that halves the wait: so equal peers at the end do not fetch everything twice, and a slow
//! or silent one never holds up the end.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Effect, Order, Swarm};
use crate::share::{PeerId, PieceIndex};

/// How often it is looked whether somebody else should be asked too: at the end, and before.
const LOOK_AT_END: Duration = Duration::from_millis(100);
const LOOK_BEFORE_END: Duration = Duration::from_secs(1);

impl Swarm {
    /// When [`Input::Tick`](super::Input::Tick) is due, and why. `None`: only a fact changes anything.
    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        if self.paused || self.is_complete() {
            return None;
        }
        let rested = self.peers.values().filter(|peer| !peer.dry).filter_map(|peer| peer.rests_until()).min();
        let rested = rested.map(|at| (at, "a peer may be asked again"));
        let look = (self.pieces.fetching() > 0).then_some(self.doubled_at).flatten();
        let look = look.map(|at| (at + self.look_every(), "a piece may be late"));
        rested.into_iter().chain(look).min()
    }

    /// Sends out what may be asked for at this moment.
    pub(super) fn ask_more(&mut self, now: Instant) {
        if self.paused || self.is_complete() {
            return;
        }
        self.end_rests(now);
        self.ask_for_the_rarest(now);
        if self.doubled_at.is_none_or(|at| now >= at + self.look_every()) {
            self.doubled_at = Some(now);
            self.ask_others_too(now);
        }
    }

    fn end_rests(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.end_rest(now);
        }
    }

    fn ask_for_the_rarest(&mut self, now: Instant) {
        if self.open() >= self.limits.in_flight_max {
            return;
        }
        for id in self.peers_with_room(now) {
            while self.open() < self.limits.in_flight_max && self.has_room(now, id) {
                let Some(piece) = self.pick_from(id) else { break };
                self.ask(now, id, piece);
            }
        }
    }

    /// The fastest first, those whose speed is unknown before them, ties by chance: it matters when there are fewer
    /// pieces, or requests allowed, than there is room.
    fn peers_with_room(&mut self, now: Instant) -> Vec<PeerId> {
        let with_room = self.peers.iter().filter(|(_, peer)| !peer.dry);
        let with_room = with_room.filter(|(_, peer)| peer.has_room(now, &self.limits, self.piece_bytes));
        let mut ids: Vec<PeerId> = with_room.map(|(id, _)| *id).collect();
        if ids.len() > 1 {
            let turn = self.chance.below(ids.len() as u32) as usize;
            ids.rotate_left(turn);
            ids.sort_by_cached_key(|id| {
                Reverse(self.peers.get(id).map(|peer| peer.speed(now, self.piece_bytes).unwrap_or(u64::MAX)))
            });
        }
        ids
    }

    fn pick_from(&mut self, id: PeerId) -> Option<PieceIndex> {
        let peer = self.peers.get_mut(&id)?;
        let picked = match self.order {
            Order::Rarest => self.pieces.wanted().pick(&peer.have, &mut self.chance),
            Order::InOrder => self.pieces.wanted().pick_first(&peer.have),
        };
        peer.dry = picked.is_none();
        self.pieces.index(picked?)
    }

    fn ask_others_too(&mut self, now: Instant) {
        for (piece, remaining) in self.awaited_too_long(now) {
            if self.open() >= self.limits.in_flight_max {
                return;
            }
            let Some((expected, id)) = self.fastest_helper(now, piece) else { continue };
            if expected * 2 <= remaining {
                self.ask(now, id, piece);
            }
        }
    }

    /// Pieces that somebody else may be asked for, with the time until they come as things are; the longest first.
    fn awaited_too_long(&self, now: Instant) -> Vec<(PieceIndex, Duration)> {
        let at_end = self.is_at_end();
        let mut waits: BTreeMap<PieceIndex, (Duration, bool)> = BTreeMap::new();
        for peer in self.peers.values() {
            for (piece, request) in peer.asked() {
                let (soonest, all_late) = waits.entry(piece).or_insert((Duration::MAX, true));
                *soonest = peer.remaining(now, request).min(*soonest);
                *all_late &= now >= request.late_at;
            }
        }
        let too_long = waits.into_iter().filter(|(piece, (remaining, late))| {
            let askers = self.pieces.asked_of(*piece).len();
            askers < self.limits.askers_max && (*late || at_end && *remaining >= self.limits.end_patience)
        });
        let mut too_long: Vec<_> = too_long.map(|(piece, (remaining, _))| (piece, remaining)).collect();
        too_long.sort_by_key(|(_, remaining)| Reverse(*remaining));
        too_long
    }

    fn fastest_helper(&self, now: Instant, piece: PieceIndex) -> Option<(Duration, PeerId)> {
        let asked_of = self.pieces.asked_of(piece);
        let helpers = self.peers.iter().filter(|(id, peer)| peer.have.contains(piece) && !asked_of.contains(id));
        let helpers = helpers.filter(|(_, peer)| peer.can_help(now, &self.limits, self.piece_bytes));
        helpers.map(|(id, peer)| (peer.expected(now, self.piece_bytes), *id)).min()
    }

    fn ask(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.ask(now, piece, &self.limits, self.piece_bytes);
        self.pieces.ask(piece, id);
        self.effects.push_back(Effect::Fetch { peer: id, piece });
    }

    fn has_room(&self, now: Instant, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.has_room(now, &self.limits, self.piece_bytes))
    }

    /// Requests without an answer, cancelled ones too.
    fn open(&self) -> u32 {
        self.peers.values().map(|peer| peer.open()).sum()
    }

    /// Whether everything that anybody has and we want is on its way.
    fn is_at_end(&self) -> bool {
        self.pieces.wanted().offered() == 0
    }

    fn look_every(&self) -> Duration {
        if self.is_at_end() { LOOK_AT_END } else { LOOK_BEFORE_END }
    }
}
