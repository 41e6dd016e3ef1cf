//! One share's transfer, as a state machine: whom to ask for which piece, and when.
//!
//! Facts go in ([`Input`]), wishes come out ([`Effect`]), and time and chance are arguments: the same facts give the same
//! wishes, so a whole room of computers can be played in a test. After each [`Swarm::handle`] the owner takes all
//! effects, and calls again with [`Input::Tick`] at [`Swarm::next_wakeup`].
//!
//! The plan: the rarest piece first, ties by chance ([`picker`]); a few requests a peer, by its speed ([`peer`]); when
//! nothing is left to ask for, or a request is late, somebody faster is asked too ([`asking`]); the rest is cancelled
//! when the first answer comes. A complete swarm asks for nothing and still knows who has what.
//!
//! Invariants:
//! - a piece is in one state; those in flight are exactly those that a peer was asked for;
//! - a peer is asked only for what it said it has, and for a piece once at a time;
//! - who sent wrong bytes is not asked again, also when it is found again;
//! - facts that come late, twice or of strangers change nothing.
//!
//! Not here: bytes, addresses, connections, and whom *we* serve, which is for all shares together ([`upload_slots`]).

mod asking;
mod chance;
mod effect;
mod input;
mod peer;
mod picker;
mod pieces;
mod speed;
#[cfg(test)]
mod tests;
pub mod upload_slots;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

pub use effect::Effect;
pub use input::Input;
pub use pieces::State;

use crate::share::{Bitmap, PeerId, PieceIndex, Pieces};
use chance::Chance;
use peer::{Banned, Closed, Peer};
use pieces::PieceTable;

/// How a [`Swarm`] behaves; the same for all transfers of a program.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests in flight at a peer: at least and at most.
    pub per_peer_min: u32,
    pub per_peer_max: u32,
    /// Requests in flight altogether, cancelled ones that have not ended too.
    pub in_flight_max: u32,
    /// Peers that are known of; more are not taken until some are lost.
    pub peers_max: usize,
    /// A peer is asked for as much as it gives in this time, and one piece more.
    pub ahead: Duration,
    /// No request is late before this.
    pub late_floor: Duration,
    /// At the end, what can be here within this time is waited for.
    pub end_patience: Duration,
    /// A piece is asked of at most this many at once.
    pub askers_max: usize,
    /// A peer that failed rests: at first and at most.
    pub rest_min: Duration,
    pub rest_max: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_peer_min: 2,
            per_peer_max: 32,
            in_flight_max: 256,
            peers_max: 1024,
            ahead: Duration::from_millis(250),
            late_floor: Duration::from_secs(10),
            end_patience: Duration::from_millis(500),
            askers_max: 3,
            rest_min: Duration::from_millis(500),
            rest_max: Duration::from_secs(60),
        }
    }
}

/// One share's transfer.
#[derive(Debug)]
pub struct Swarm {
    limits: Limits,
    pieces: PieceTable,
    /// Bytes of the largest piece.
    piece_bytes: u64,
    nothing: Bitmap,
    peers: BTreeMap<PeerId, Peer>,
    banned: Banned,
    paused: bool,
    chance: Chance,
    /// When it was last looked whether somebody else should be asked too.
    doubled_at: Option<Instant>,
    effects: VecDeque<Effect>,
}

/// What is known of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerView {
    pub id: PeerId,
    /// How many pieces it has.
    pub pieces: u32,
    /// Whether it has all of them.
    pub complete: bool,
    /// How many pieces we wait for from it.
    pub in_flight: u32,
    /// Bytes a second that it gives us.
    pub rate: u64,
    /// Bytes that came from it and were right.
    pub got_bytes: u64,
    /// Whether it sent wrong bytes.
    pub banned: bool,
}

impl Swarm {
    /// `have`: verified and on our disk. `wanted`: `None` for all pieces. `seed`: where chance begins.
    ///
    /// [`Effect::Complete`] comes when the last wanted piece does; a swarm with nothing to fetch is complete from the
    /// beginning ([`Swarm::is_complete`]) and does not say so.
    pub fn new(limits: Limits, pieces: &Pieces, have: Bitmap, wanted: Option<&Bitmap>, seed: u64) -> Swarm {
        Swarm {
            limits,
            pieces: PieceTable::new(pieces, have, wanted),
            piece_bytes: pieces.iter().map(|piece| u64::from(pieces.len(piece))).max().unwrap_or(0),
            nothing: Bitmap::empty(pieces),
            peers: BTreeMap::new(),
            banned: Banned::default(),
            paused: false,
            chance: Chance::new(seed),
            doubled_at: None,
            effects: VecDeque::new(),
        }
    }

    /// Takes a fact in. What follows from it is in [`Swarm::poll_effect`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::PeerFound { peer } => self.peer_found(peer),
            Input::PeerLost { peer } => self.peer_lost(now, peer),
            Input::HaveLearned { peer, have } => self.have_learned(peer, &have),
            Input::PieceGained { peer, piece } => self.piece_gained(peer, piece),
            Input::PieceVerified { peer, piece, bytes, took } => self.piece_verified(now, peer, piece, bytes, took),
            Input::PieceCorrupt { peer, piece } => self.piece_corrupt(now, peer, piece),
            Input::FetchRefused { peer, piece, retry_after } => self.fetch_refused(now, peer, piece, retry_after),
            Input::PieceMissing { peer, piece } => self.piece_missing(now, peer, piece),
            Input::FetchFailed { peer, piece } => self.fetch_failed(now, peer, piece),
            Input::PieceSpoiled { piece } => self.piece_spoiled(piece),
            Input::Paused => self.pause(now),
            Input::Resumed => self.resume(),
            Input::Tick => {}
        }
        self.ask_more(now);
    }

    /// The next wish, in the order in which they arose.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What we have.
    pub fn have(&self) -> &Bitmap {
        self.pieces.have()
    }

    /// `None` for a piece of another share.
    pub fn state(&self, piece: PieceIndex) -> Option<&State> {
        self.pieces.state(piece)
    }

    /// How many peers have the piece.
    pub fn copies(&self, piece: PieceIndex) -> u32 {
        self.pieces.copies(piece)
    }

    /// Which pieces are awaited from whom.
    pub fn in_flight(&self) -> impl Iterator<Item = (PieceIndex, PeerId)> + '_ {
        self.peers.iter().flat_map(|(id, peer)| peer.asked().map(|(piece, _)| (piece, *id)))
    }

    /// Everyone who is there, and everyone who sent wrong bytes.
    pub fn peers(&self, now: Instant) -> impl Iterator<Item = PeerView> + '_ {
        let present = self.peers.iter().filter(|(_, peer)| peer.present);
        let present = present.map(move |(id, peer)| self.view(now, *id, peer));
        present.chain(self.banned.iter().map(PeerView::of_banned))
    }

    /// Whether anybody is there who may be asked.
    pub fn has_peers(&self) -> bool {
        self.peers.values().any(|peer| peer.present)
    }

    /// Whether every wanted piece is had.
    pub fn is_complete(&self) -> bool {
        self.pieces.is_complete()
    }

    pub fn paused(&self) -> bool {
        self.paused
    }

    fn view(&self, now: Instant, id: PeerId, peer: &Peer) -> PeerView {
        PeerView {
            id,
            pieces: peer.have.count(),
            complete: peer.have.is_full(),
            in_flight: peer.in_flight(),
            rate: peer.rate(now, self.piece_bytes),
            got_bytes: peer.got_bytes,
            banned: false,
        }
    }
}

impl PeerView {
    fn of_banned(id: PeerId) -> PeerView {
        PeerView { id, pieces: 0, complete: false, in_flight: 0, rate: 0, got_bytes: 0, banned: true }
    }
}

/// What each fact changes.
impl Swarm {
    fn peer_found(&mut self, id: PeerId) {
        if self.banned.contains(&id) || (!self.peers.contains_key(&id) && self.peers.len() >= self.limits.peers_max) {
            return;
        }
        let peer = self.peers.entry(id).or_insert_with(|| Peer::new(&self.limits, self.nothing.clone()));
        peer.present = true;
        self.ask_what_it_has(id);
    }

    fn peer_lost(&mut self, now: Instant, id: PeerId) {
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

    fn have_learned(&mut self, id: PeerId, have: &Bitmap) {
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

    fn piece_gained(&mut self, id: PeerId, piece: PieceIndex) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.present) else { return };
        if peer.have.insert(piece) {
            peer.dry = false;
            self.pieces.copy_found(piece);
        }
    }

    fn piece_verified(&mut self, now: Instant, id: PeerId, piece: PieceIndex, bytes: u32, took: Duration) {
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

    fn piece_corrupt(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        self.close(now, id, piece);
        if self.banned.insert(id) {
            self.effects.push_back(Effect::Drop { peer: id });
            self.peer_lost(now, id);
        }
    }

    fn fetch_refused(&mut self, now: Instant, id: PeerId, piece: PieceIndex, retry_after: Duration) {
        if self.close(now, id, piece) == Closed::Awaited
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.refused(now, retry_after, &mut self.chance);
        }
    }

    fn piece_missing(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        self.fetch_failed(now, id, piece);
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.have.remove(piece)
        {
            self.pieces.copy_lost(piece);
        }
    }

    fn fetch_failed(&mut self, now: Instant, id: PeerId, piece: PieceIndex) {
        if self.close(now, id, piece) == Closed::Awaited
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.failed(now, &self.limits, &mut self.chance);
        }
    }

    fn piece_spoiled(&mut self, piece: PieceIndex) {
        if self.pieces.spoil(piece) {
            self.wake_holders(piece);
        }
    }

    fn pause(&mut self, now: Instant) {
        self.paused = true;
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.cancel_all_of(now, id);
        }
    }

    fn resume(&mut self) {
        self.paused = false;
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.ask_what_it_has(id);
        }
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
