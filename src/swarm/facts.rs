//! What each fact changes.

use std::time::{Duration, Instant};

use super::{
    Effect, Order, Swarm,
    peer::{Closed, Peer},
};
use crate::share::{Bitmap, PeerId, PieceIndex};

impl Swarm {
    pub(super) fn peer_found(&mut self, id: PeerId) {
        if self.banned.contains(&id) || (!self.peers.contains_key(&id) && self.peers.len() >= self.limits.peers_max) {
            return;
        }
        let peer = self.peers.entry(id).or_insert_with(|| Peer::new(&self.limits, self.nothing.clone()));
        peer.present = true;
        self.ask_what_it_has(id);
    }

    pub(super) fn peer_lost(&mut self, now: Instant, id: PeerId) {
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
                (false, true) => self.pieces.copy_found(index),
                (true, false) => self.pieces.copy_lost(index),
                _ => {}
            }
        }
    }

    pub(super) fn piece_gained(&mut self, id: PeerId, piece: PieceIndex) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.present) else { return };
        if peer.have.insert(piece) {
            peer.dry = false;
            self.pieces.copy_found(piece);
        }
    }

    pub(super) fn piece_verified(&mut self, now: Instant, id: PeerId, piece: PieceIndex, bytes: u32, took: Duration) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.delivered(now, bytes, took, &self.limits);
            peer.close(now, piece);
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
        }
    }

    pub(super) fn piece_spoiled(&mut self, piece: PieceIndex) {
        if self.pieces.spoil(piece) {
            self.wake_holders(piece);
        }
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.paused = true;
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.cancel_all_of(now, id);
        }
    }

    pub(super) fn resume(&mut self) {
        self.paused = false;
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
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
        let Some(peer) = self.peers.get_mut(&id) else { return Closed::Stale };
        let closed = peer.close(now, piece);
        if closed == Closed::Awaited {
            self.withdraw(piece, id);
        }
        self.forget_if_over(id);
        closed
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
}
