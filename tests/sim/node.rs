//! One computer of the room: the real rules, and a line that is played.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use handout::{
    share::{Bitmap, PeerId, PieceIndex},
    swarm::{
        Swarm,
        first_copies::FirstCopies,
        upload_slots::{Slot, UploadSlots},
    },
};

pub const MIB: u64 = 1 << 20;

/// How a node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Honest,
    /// Says that it has everything, and sends wrong bytes.
    Liar,
    /// Says that it has everything, takes requests, and never answers.
    Silent,
}

#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes a second.
    pub up: u64,
    pub down: u64,
    pub delay: Duration,
}

impl Line {
    /// Gigabit, less what protocols take.
    pub const GIGABIT: Line = Line { up: 118 * MIB, down: 118 * MIB, delay: Duration::from_micros(300) };
    /// A hundred megabit, less what protocols take.
    pub const FAST_ETHERNET: Line = Line { up: 12 * MIB, down: 12 * MIB, delay: Duration::from_micros(500) };
}

pub struct Node {
    pub id: PeerId,
    pub kind: Kind,
    pub line: Line,
    pub swarm: Swarm,
    /// False before it comes and after it left.
    pub here: bool,
    /// Virtual time at which it was complete.
    pub done_at: Option<Duration>,
    pub sent_bytes: u64,
    /// When it last got a piece, or had no reason to.
    pub fed_at: Instant,
    /// Whom it found to be lying.
    pub dropped: BTreeSet<usize>,
    pub slots: UploadSlots,
    /// Of one that brings the share into the room.
    pub first: Option<FirstCopies>,
    /// What others asked of this node, in order, one queue for each.
    pub lanes: BTreeMap<usize, Lane>,
    /// Those whose lane waits for a slot, in turn.
    pub line_up: VecDeque<usize>,
    pub uploads: VecDeque<Upload>,
    pub sending: bool,
    pub down_free_at: Instant,
    /// What others said they have, as it reached this node.
    pub told: BTreeMap<usize, Bitmap>,
    /// Requests that were sent and not answered: to whom, which piece, which request.
    pub open: BTreeMap<(usize, PieceIndex), u64>,
    /// Who listens to what this node gets.
    pub listeners: BTreeSet<usize>,
    /// What it got and has not told yet, and when it is told.
    pub news: Vec<PieceIndex>,
    pub news_due: Instant,
    /// What others told and it has not looked at yet.
    pub inbox: Vec<(usize, PieceIndex)>,
    pub wakeup: Option<Instant>,
}

/// What one asked of another and has not got; answered in order, one at a time.
#[derive(Default)]
pub struct Lane {
    pub queue: VecDeque<Request>,
    /// Whether the first of the queue waits in line for a slot.
    pub waits: bool,
    /// Whether a piece is being sent.
    pub sends: bool,
}

#[derive(Clone, Copy)]
pub struct Request {
    pub number: u64,
    pub piece: PieceIndex,
    pub asked_at: Instant,
}

pub struct Upload {
    pub to: usize,
    pub request: Request,
    /// Bytes that were not sent, that are on their way, and that came.
    pub left: u64,
    pub unconfirmed: u64,
    pub slot: Slot,
}

pub fn peer_id(number: usize) -> PeerId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(number as u64).to_le_bytes());
    PeerId(id)
}

pub fn number_of(peer: &PeerId) -> usize {
    let mut number = [0; 8];
    number.copy_from_slice(&peer.0[..8]);
    u64::from_le_bytes(number) as usize
}
