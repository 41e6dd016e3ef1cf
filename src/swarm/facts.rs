//! What each fact changes.

use std::time::{Duration, Instant};

use super::{
    Effect, Link, Order, Swarm,
    peer::{Closed, Peer},
};
use crate::share::{Bitmap, PeerId, PieceIndex};

/// How long a piece that was just given to somebody else is not asked of those who have everything.
const DEFER_MIN: Duration = Duration::from_millis(10);
const DEFER_MAX: Duration = Duration::from_secs(5);
/// One that defers without end is one that gives nothing.
const DEFERRED_MAX: usize = 256;

impl Swarm {
    pub(super) fn peer_found(&mut self, now: Instant, id: PeerId, link: Link) {
        if self.banned.contains(&id) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            (peer.present, peer.link) = (true, link);
            return self.ask_what_it_has(id);
        }
        if self.reserve.contains(&id) {
            self.reserve.relink(&id, link);
        } else if self.peers.len() + self.reserve.len() < self.limits.peers_max {
            self.reserve.insert(id, link, 0);
            self.follow_more(now);
        }
    }

    pub(super) fn peer_lost(&mut self, now: Instant, id: PeerId) {
        self.reserve.remove(&id);
        self.stop_following(now, id);
        self.follow_more(now);
    }

    pub(super) fn stop_following(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.present = false;
        peer.have_asked = false;
        let had = std::mem::replace(&mut peer.have, self.nothing.clone());
        for index in self.pieces.indexes().filter(|index| had.contains(*index)).collect::<Vec<_>>() {
            self.pieces.copy_lost(index);
        }
        self.cancel_all_of(now, id);
        self.forget_if_over(id);
    }

    pub(super) fn have_learned(&mut self, id: PeerId, have: &Bitmap) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.present) else { return };
        if have.len() != self.nothing.len() {
            return;
        }
        let before = std::mem::replace(&mut peer.have, have.clone());
        peer.dry = false;
        for index in self.pieces.indexes().collect::<Vec<_>>() {
            match (before.contains(index), have.contains(index)) {
                (false, true) => _ = self.pieces.copy_found(index),
                (true, false) => self.pieces.copy_lost(index),
                _ => {}
            }
        }
    }

    /// Tells whether the piece is one that nobody was asked for yet.
    pub(super) fn piece_gained(&mut self, id: PeerId, piece: PieceIndex) -> bool {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.present) else { return false };
        let of_use = peer.have.insert(piece) && self.pieces.copy_found(piece);
        peer.dry &= !of_use;
        of_use
    }

    pub(super) fn piece_verified(&mut self, now: Instant, id: PeerId, piece: PieceIndex, bytes: u32, took: Duration) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.delivered(now, bytes, took, &self.limits);
            self.speed.arrived(now, bytes, took, self.open.max(1) as usize);
            let closed = peer.close(now, piece);
            self.closed(now, closed);
        }
        self.forget_if_over(id);
        let Some(asked_of) = self.pieces.got(piece) else { return };
        for other in asked_of {
            self.cancel(now, other, piece);
        }
        if self.pieces.is_complete() {
            self.effects.push_back(Effect::Complete);
        }
    }

    pub(super) fn piece_corrupt(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        self.close(now, id, piece);
        if self.banned.insert(id) {
            self.effects.push_back(Effect::Drop { peer: id });
            self.peer_lost(now, id);
        }
    }

    pub(super) fn fetch_refused(&mut self, now: Instant, id: PeerId, piece: PieceIndex, retry_after: Duration) {
        if self.close(now, id, piece) == Closed::Awaited
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.refused(now, retry_after, &mut self.chance);
            self.note_rest(id);
        }
    }

    /// Whoever gets the piece now passes it on; others that have everything would send it a second time, too.
    pub(super) fn fetch_deferred(&mut self, now: Instant, id: PeerId, piece: PieceIndex, retry_after: Duration) {
        if self.deferred.len() >= DEFERRED_MAX {
            return self.fetch_refused(now, id, piece, retry_after);
        }
        if self.close(now, id, piece) == Closed::Awaited {
            self.deferred.insert(piece, now + retry_after.clamp(DEFER_MIN, DEFER_MAX));
        }
    }

    pub(super) fn piece_missing(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        self.fetch_failed(now, id, piece);
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.have.remove(piece)
        {
            self.pieces.copy_lost(piece);
        }
    }

    pub(super) fn fetch_failed(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        if self.close(now, id, piece) == Closed::Awaited
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.failed(now, &self.limits, &mut self.chance);
            self.note_rest(id);
        }
    }

    pub(super) fn fetch_abandoned(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        self.close(now, id, piece);
    }

    /// It is woken for when the rest is over.
    fn note_rest(&mut self, id: PeerId) {
        if let Some(until) = self.peers.get(&id).and_then(Peer::rests_until) {
            self.rests.insert((until, id));
        }
    }

    pub(super) fn piece_spoiled(&mut self, piece: PieceIndex) {
        if self.pieces.spoil(piece) {
            self.wake_holders(piece);
        }
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.paused = true;
        for id in self.peers.ids().to_vec() {
            self.cancel_all_of(now, id);
        }
    }

    pub(super) fn resume(&mut self) {
        self.paused = false;
        for id in self.peers.ids().to_vec() {
            self.ask_what_it_has(id);
        }
    }

    /// What is had stays had; what is not wanted any more is cancelled.
    pub(super) fn set_wanted(&mut self, now: Instant, wanted: &Bitmap) {
        if wanted.len() != self.nothing.len() {
            return;
        }
        let was_complete = self.pieces.is_complete();
        for (piece, asked_of) in self.pieces.set_wanted(wanted) {
            for id in asked_of {
                self.cancel(now, id, piece);
            }
        }
        for peer in self.peers.values_mut() {
            peer.dry = false;
        }
        if self.pieces.is_complete() && !was_complete {
            self.effects.push_back(Effect::Complete);
        }
    }

    pub(super) fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// An answer came that brought nothing: the piece may be asked of others.
    fn close(&mut self, now: Instant, id: PeerId, piece: PieceIndex) -> Closed {
        let Some(peer) = self.peers.get_mut(&id) else { return Closed::Unasked };
        let closed = peer.close(now, piece);
        self.closed(now, closed);
        if closed == Closed::Awaited {
            self.withdraw(piece, id);
        }
        self.forget_if_over(id);
        closed
    }

    /// One request fewer is open.
    fn closed(&mut self, now: Instant, closed: Closed) {
        if closed == Closed::Unasked {
            return;
        }
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.speed.ended(now);
        }
    }

    fn cancel_all_of(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        for (piece, _) in peer.asked().collect::<Vec<_>>() {
            self.withdraw(piece, id);
            self.cancel(now, id, piece);
        }
    }

    fn cancel(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        if self.peers.get_mut(&id).is_some_and(|peer| peer.cancel(now, piece)) {
            self.effects.push_back(Effect::Cancel { peer: id, piece });
        }
    }

    fn withdraw(&mut self, piece: PieceIndex, id: PeerId) {
        if self.pieces.withdraw(piece, id) {
            self.wake_holders(piece);
        }
    }

    /// The piece is wanted again, so whoever has it is of use again.
    fn wake_holders(&mut self, piece: PieceIndex) {
        for peer in self.peers.values_mut().filter(|peer| peer.have.contains(piece)) {
            peer.dry = false;
        }
    }

    fn ask_what_it_has(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.present && !peer.have_asked && !self.paused {
            peer.have_asked = true;
            self.effects.push_back(Effect::AskHave { peer: id });
        }
    }

    fn forget_if_over(&mut self, id: PeerId) {
        if self.peers.get(&id).is_some_and(|peer| !peer.present && peer.open() == 0) {
            self.peers.remove(&id);
        }
    }

    /// Follows known peers as far as there is room, those with the best link first.
    pub(super) fn follow_more(&mut self, now: Instant) {
        while self.peers.len() < self.limits.followed_max {
            let Some((id, link, tried)) = self.reserve.draw(&mut self.chance) else { return };
            let mut peer = Peer::new(now, &self.limits, link, self.nothing.clone());
            peer.tried = tried;
            self.peers.insert(id, peer);
            self.ask_what_it_has(id);
        }
    }

    /// Who gave nothing for a while makes room for one that is known and not followed.
    pub(super) fn swap_the_useless(&mut self, now: Instant) {
        if self.reserve.is_empty() || self.swapped_at.is_some_and(|at| now < at + self.limits.useless_after / 4) {
            return;
        }
        self.swapped_at = Some(now);
        let useless = self.peers.iter().filter(|(_, peer)| peer.present && peer.open() == 0);
        let useless = useless.filter(|(_, peer)| peer.fails() || now >= peer.useful_at + self.limits.useless_after);
        let useless = useless.min_by_key(|(_, peer)| peer.useful_at);
        let Some((id, link, tried)) = useless.map(|(id, peer)| (*id, peer.link, peer.tried)) else { return };
        self.stop_following(now, id);
        self.effects.push_back(Effect::Unfollow { peer: id });
        self.follow_more(now);
        self.reserve.insert(id, link, tried + 1);
    }
}
