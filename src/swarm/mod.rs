//! One share's transfer, as a state machine: whom to ask for which piece, and when.
//!
//! Facts go in ([`Input`]), wishes come out ([`Effect`]), and time and chance are arguments: the same facts give the same
//! wishes, so a whole room of computers can be played in a test. After each [`Swarm::handle`] the owner takes all
//! effects, and calls again with [`Input::Tick`] at [`Swarm::next_wakeup`].
//!
//! The plan: the rarest piece first, ties by chance ([`picker`]); a few requests a peer, by its speed ([`peer`]); when
//! nothing is left to ask for, or a request is late, somebody faster is asked too ([`asking`]); the rest is cancelled
//! when the first answer comes. Of many peers some thirty are followed, and the others kept in [`reserve`]. A complete swarm asks for nothing and still knows who has what.
//!
//! Invariants:
//! - a piece is in one state; those in flight are exactly those that a peer was asked for;
//! - a peer is asked only for what it said it has, and for a piece once at a time;
//! - who sent wrong bytes is not asked again, also when it is found again;
//! - facts that come late, twice or of strangers change nothing.
//!
//! Not here: bytes, addresses, connections, and whom *we* serve: how many at once is for all shares together
//! ([`upload_slots`]), and a seed gives out first what nobody has ([`first_copies`]).

mod asking;
mod chance;
mod effect;
mod facts;
pub mod first_copies;
mod input;
mod peer;
mod peers;
mod picker;
mod pieces;
mod reserve;
mod speed;
#[cfg(test)]
mod tests;
pub mod upload_slots;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

pub use effect::Effect;
pub use input::{Input, Link, Order};
pub use pieces::State;

use crate::share::{Bitmap, PeerId, PieceIndex, Pieces};
use chance::Chance;
use peer::{Banned, Peer};
use peers::Peers;
use pieces::PieceTable;
use reserve::Reserve;
use speed::Speed;

/// How a [`Swarm`] behaves; the same for all transfers of a program.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests in flight at a peer: at least and at most.
    pub per_peer_min: u32,
    pub per_peer_max: u32,
    /// Requests in flight altogether, cancelled ones that have not ended too: at most, and how many above what comes
    /// within [`Limits::ahead`]: one for each peer, and at least and at most so many.
    pub in_flight_max: u32,
    pub in_flight_spare_min: u32,
    pub in_flight_spare_max: u32,
    /// Of small pieces as many as have this many bytes, up to that most: what stands in the lines' queues is counted in
    /// bytes.
    pub in_flight_spare_bytes: u64,
    /// Peers that are known of; more are not taken until some are lost.
    pub peers_max: usize,
    /// Of those that we reach by air, so many are asked at once: all of them share it, and what one sends another goes
    /// through it twice.
    pub wireless_asked_max: usize,
    /// Peers whose pieces are followed, and who are asked; the others are known only.
    pub followed_max: usize,
    /// A peer that gave nothing for so long makes room for another.
    pub useless_after: Duration,
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
            // Measured in `benches/school.rs` and `benches/swarm.rs`: with fewer, a large room leaves its wires idle; with
            // more, a small one waits longer for each piece. 100 MiB in pieces of 128 KiB take a room of eight 2 % longer
            // with 8 of them than with 16.
            in_flight_spare_min: 8,
            in_flight_spare_max: 16,
            in_flight_spare_bytes: 2 << 20,
            peers_max: 1024,
            wireless_asked_max: 4,
            followed_max: 32,
            useless_after: Duration::from_secs(20),
            ahead: Duration::from_millis(50),
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
    /// Those that are followed, and lost ones whose cancelled requests have not ended.
    peers: Peers,
    reserve: Reserve,
    banned: Banned,
    /// Requests without an answer, cancelled ones too.
    open: u32,
    /// What comes from all peers together.
    speed: Speed,
    /// When peers may be asked again; some may be again already.
    rests: BTreeSet<(Instant, PeerId)>,
    /// Pieces on their way to somebody else, and until when those who have everything are not asked for them.
    deferred: BTreeMap<PieceIndex, Instant>,
    swapped_at: Option<Instant>,
    paused: bool,
    order: Order,
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
            peers: Peers::default(),
            reserve: Reserve::default(),
            open: 0,
            speed: Speed::default(),
            rests: BTreeSet::new(),
            deferred: BTreeMap::new(),
            swapped_at: None,
            banned: Banned::default(),
            paused: false,
            order: Order::Rarest,
            chance: Chance::new(seed),
            doubled_at: None,
            effects: VecDeque::new(),
        }
    }

    /// Takes a fact in. What follows from it is in [`Swarm::poll_effect`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::PeerFound { peer, link } => self.peer_found(now, peer, link),
            Input::PeerLost { peer } => self.peer_lost(now, peer),
            Input::HaveLearned { peer, have } => self.have_learned(peer, &have),
            Input::PieceGained { peer, piece } => {
                // Most of what others gain is here already or on its way, and changes nothing.
                if self.piece_gained(peer, piece) {
                    self.ask_one(now, peer);
                }
                return;
            }
            Input::PieceVerified { peer, piece, bytes, took } => self.piece_verified(now, peer, piece, bytes, took),
            Input::PieceCorrupt { peer, piece } => self.piece_corrupt(now, peer, piece),
            Input::FetchRefused { peer, piece, retry_after } => self.fetch_refused(now, peer, piece, retry_after),
            Input::FetchDeferred { peer, piece, retry_after } => self.fetch_deferred(now, peer, piece, retry_after),
            Input::PieceMissing { peer, piece } => self.piece_missing(now, peer, piece),
            Input::FetchFailed { peer, piece } => self.fetch_failed(now, peer, piece),
            Input::FetchAbandoned { peer, piece } => self.fetch_abandoned(now, peer, piece),
            Input::PieceSpoiled { piece } => self.piece_spoiled(piece),
            Input::SetWanted { wanted } => self.set_wanted(now, &wanted),
            Input::SetOrder { order } => self.set_order(order),
            Input::Paused => self.pause(now),
            Input::Resumed => self.resume(),
            Input::Tick => {}
        }
        self.ask_more(now);
    }

    /// Behaves otherwise from now on; what was asked for stays asked for.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
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
    pub fn state(&self, piece: PieceIndex) -> Option<State> {
        self.pieces.state(piece)
    }

    /// Whom the piece was asked of.
    pub fn asked_of(&self, piece: PieceIndex) -> &[PeerId] {
        self.pieces.asked_of(piece)
    }

    /// How many of the peers that are followed have the piece.
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
        let known = self.reserve.iter().map(PeerView::of_known);
        present.chain(known).chain(self.banned.iter().map(PeerView::of_banned))
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

    pub fn order(&self) -> Order {
        self.order
    }

    /// What a person wants of the share, had or not.
    pub fn wanted(&self) -> &Bitmap {
        self.pieces.selected()
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
    /// One that is known and not followed.
    fn of_known(id: PeerId) -> PeerView {
        PeerView { banned: false, ..PeerView::of_banned(id) }
    }

    fn of_banned(id: PeerId) -> PeerView {
        PeerView { id, pieces: 0, complete: false, in_flight: 0, rate: 0, got_bytes: 0, banned: true }
    }
}
