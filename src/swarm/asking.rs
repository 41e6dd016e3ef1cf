//! Which requests go out: the rarest wanted pieces to whoever has room, and second requests for what keeps us waiting.
//!
//! How many are on their way altogether follows the speed at which pieces come: with thirty peers that could each be asked
//! for two, sixty pieces would arrive at once and each take sixty times as long, and nothing could be passed on
//! meanwhile.
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

use super::{
    Effect, Limits, Link, Order, Swarm,
    peer::{Peer, pieces_within},
};
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
        let rested = self.rests.first().map(|(at, _)| (*at, "a peer may be asked again"));
        let deferred = self.deferred.values().min().map(|at| (*at, "a piece may be asked for again"));
        let look = (self.pieces.fetching() > 0).then_some(self.doubled_at).flatten();
        let look = look.map(|at| (at + self.look_every(), "a piece may be late"));
        let swap = self.swapped_at.filter(|_| !self.reserve.is_empty());
        let swap = swap.map(|at| (at + self.limits.useless_after / 4, "a peer may be of no use"));
        rested.into_iter().chain(deferred).chain(look).chain(swap).min()
    }

    /// Sends out what may be asked for at this moment.
    pub(super) fn ask_more(&mut self, now: Instant) {
        if self.paused || self.is_complete() {
            return;
        }
        self.end_rests(now);
        self.swap_the_useless(now);
        self.ask_for_the_rarest(now);
        if self.doubled_at.is_none_or(|at| now >= at + self.look_every()) {
            self.doubled_at = Some(now);
            self.ask_others_too(now);
        }
    }

    /// Sends out what may be asked of this peer.
    pub(super) fn ask_one(&mut self, now: Instant, id: PeerId) {
        if self.paused {
            return;
        }
        while self.may_have_more(now) && self.has_room(now, id) && self.has_air(id) {
            let Some(piece) = self.pick_from(id) else { break };
            self.ask(now, id, piece);
        }
    }

    fn end_rests(&mut self, now: Instant) {
        while self.rests.first().is_some_and(|(until, _)| *until <= now) {
            self.rests.pop_first();
        }
        let deferred = self.deferred.len();
        self.deferred.retain(|_, until| *until > now);
        if self.deferred.len() < deferred {
            self.peers.values_mut().filter(|peer| peer.have.is_full()).for_each(|peer| peer.dry = false);
        }
    }

    fn ask_for_the_rarest(&mut self, now: Instant) {
        if !self.may_have_more(now) || self.pieces.wanted().offered() == 0 {
            return;
        }
        for id in self.peers_with_room(now) {
            self.ask_one(now, id);
        }
    }

    /// Who is asked first matters when there are fewer pieces, or requests allowed, than there is room. The best link
    /// comes first; then those who have everything, as long as they have what nobody else has, and otherwise last, so
    /// that their wire is free for that; then the fastest, those whose speed is unknown before them, ties by chance.
    fn peers_with_room(&mut self, now: Instant) -> Vec<PeerId> {
        let complete = self.peers.values().filter(|peer| peer.have.is_full()).count() as u32;
        let seeds_first = self.pieces.wanted().rarest_offered().is_some_and(|copies| copies <= complete);
        let with_room = self.peers.iter().filter(|(_, peer)| !peer.dry);
        let with_room = with_room.filter(|(_, peer)| peer.has_room(now, &self.limits, self.piece_bytes));
        let chance = &mut self.chance;
        let mut places: Vec<(u64, PeerId)> = with_room
            .map(|(id, peer)| {
                let class = 63 - peer.speed_class(now, self.piece_bytes).min(63);
                let last = peer.have.is_full() != seeds_first;
                let place = (peer.link as u64) << 48 | u64::from(last) << 40 | u64::from(class) << 32;
                (place | u64::from(chance.below(u32::MAX)), *id)
            })
            .collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        places.into_iter().map(|(_, id)| id).collect()
    }

    fn pick_from(&mut self, id: PeerId) -> Option<PieceIndex> {
        let peer = self.peers.get_mut(&id)?;
        let mut offer = &peer.have;
        let without_deferred;
        if !self.deferred.is_empty() && peer.have.is_full() {
            let mut offered = peer.have.clone();
            self.deferred.keys().for_each(|piece| _ = offered.remove(*piece));
            without_deferred = offered;
            offer = &without_deferred;
        }
        let picked = match self.order {
            Order::Rarest => self.pieces.wanted().pick(offer, &mut self.chance),
            Order::InOrder => self.pieces.wanted().pick_first(offer),
        };
        peer.dry = picked.is_none();
        self.pieces.index(picked?)
    }

    fn ask_others_too(&mut self, now: Instant) {
        for (piece, remaining) in self.awaited_too_long(now) {
            if self.open >= self.limits.in_flight_max {
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
        self.open += 1;
        self.speed.began(now);
        self.effects.push_back(Effect::Fetch { peer: id, piece });
    }

    fn has_room(&self, now: Instant, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer: &Peer| peer.has_room(now, &self.limits, self.piece_bytes))
    }

    /// Whether asking this peer crowds the air.
    fn has_air(&self, id: PeerId) -> bool {
        let by_air = |peer: &Peer| peer.link == Link::Wireless && peer.in_flight() > 0;
        let new = self.peers.get(&id).is_some_and(|peer| peer.link == Link::Wireless && peer.in_flight() == 0);
        !new || self.peers.values().filter(|peer| by_air(peer)).count() < self.limits.wireless_asked_max
    }

    /// Whether one more may be on its way: as many as come within [`Limits::ahead`](super::Limits::ahead), and some.
    fn may_have_more(&self, now: Instant) -> bool {
        let Limits { in_flight_max, ahead, .. } = self.limits;
        let spare = self.spare();
        if self.open < spare.min(in_flight_max) {
            return true;
        }
        let speed = self.speed.estimate(now, u64::from(self.open) * self.piece_bytes).unwrap_or(0);
        self.open < pieces_within(ahead, speed, self.piece_bytes).saturating_add(spare).min(in_flight_max)
    }

    /// How many that is: one for each peer, of small pieces more, and at least and at most so many.
    fn spare(&self) -> u32 {
        let Limits { in_flight_spare_min, in_flight_spare_max, in_flight_spare_bytes, .. } = self.limits;
        let of_small = u32::try_from(in_flight_spare_bytes / self.piece_bytes.max(1)).unwrap_or(u32::MAX);
        (self.peers.len() as u32).max(of_small).clamp(in_flight_spare_min, in_flight_spare_max)
    }

    /// Whether everything that anybody has and we want is on its way.
    fn is_at_end(&self) -> bool {
        self.pieces.wanted().offered() == 0
    }

    fn look_every(&self) -> Duration {
        if self.is_at_end() { LOOK_AT_END } else { LOOK_BEFORE_END }
    }
}
