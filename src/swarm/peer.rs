//! One remote: what it has, what we asked it for, how fast it is, and when it may be asked again.
//!
//! How many requests a peer gets at once follows its speed: enough for [`Limits::ahead`] of it, so that its line never
//! runs dry and no more of the share than needed waits for one peer. A peer that refuses gets as many as it took, and
//! one more after it has taken that many for a while. A peer that fails rests, twice as long each time.
//!
//! A request that was cancelled is *ending* until its answer comes. A peer with an ending request is not asked, so an
//! answer always belongs to one request.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{Limits, Link, chance::Chance, speed::Speed};
use crate::share::{Bitmap, PeerId, PieceIndex};

/// An unknown peer is thought to need this long for a piece.
const UNKNOWN_PIECE: Duration = Duration::from_secs(2);
/// A request is late when it took this many times as long as expected.
const LATE_FACTOR: u32 = 4;
/// A peer that refused is tried with one more after it answered this many times as many as it takes.
const PATIENCE_PER_PIECE: u32 = 4;
/// No peer is made to wait longer because it asked for it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Nor is it asked again sooner, whatever it says.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(10);

/// A remote.
#[derive(Debug)]
pub struct Peer {
    /// False once it is lost; it is then kept only until its cancelled requests have ended.
    pub present: bool,
    /// Whether somebody was sent to ask what it has.
    pub have_asked: bool,
    pub have: Bitmap,
    pub link: Link,
    /// How often it was followed in vain before.
    pub tried: u32,
    /// When it was found, or gave us something for the last time.
    pub useful_at: Instant,
    /// Nothing that it has is wanted; looked at again when that changes.
    pub dry: bool,
    /// Verified bytes that came from it.
    pub got_bytes: u64,
    asked: BTreeMap<PieceIndex, Request>,
    ending: BTreeSet<PieceIndex>,
    speed: Speed,
    /// As many as it took at once when it last refused, plus what it has earned since.
    takes: u32,
    answered_since: u32,
    failures: u32,
    rests_until: Option<Instant>,
}

/// A piece on its way.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub asked_at: Instant,
    /// When it should be here.
    pub due_at: Instant,
    /// When somebody else should be asked, too.
    pub late_at: Instant,
}

/// What an answer meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It answers a request that was waited for.
    Awaited,
    /// The request had been cancelled.
    Cancelled,
    /// Nobody asked.
    Unasked,
}

impl Peer {
    /// `nothing`: an empty bitmap of the share.
    pub fn new(now: Instant, limits: &Limits, link: Link, nothing: Bitmap) -> Peer {
        Peer {
            present: true,
            have_asked: false,
            have: nothing,
            link,
            tried: 0,
            useful_at: now,
            dry: true,
            got_bytes: 0,
            asked: BTreeMap::new(),
            ending: BTreeSet::new(),
            speed: Speed::default(),
            takes: limits.per_peer_max,
            answered_since: 0,
            failures: 0,
            rests_until: None,
        }
    }

    /// What it was asked for and has not answered, without what was cancelled.
    pub fn asked(&self) -> impl Iterator<Item = (PieceIndex, Request)> + '_ {
        self.asked.iter().map(|(piece, request)| (*piece, *request))
    }

    /// Requests without an answer, cancelled ones too.
    pub fn open(&self) -> u32 {
        (self.asked.len() + self.ending.len()) as u32
    }

    pub fn in_flight(&self) -> u32 {
        self.asked.len() as u32
    }

    /// Whether its last request ended with nothing.
    pub fn fails(&self) -> bool {
        self.failures > 0
    }

    pub fn rests_until(&self) -> Option<Instant> {
        self.rests_until
    }

    /// Speeds are compared in steps of four, so that equal peers take turns though one was measured a little faster. A
    /// peer that is not known yet is tried before all others.
    pub fn speed_class(&self, now: Instant, piece_bytes: u64) -> u32 {
        self.speed(now, piece_bytes).map_or(u32::MAX, |speed| speed.max(1).ilog2() / 2)
    }

    /// Whether it may get one request more. `piece_bytes`: of a full piece.
    pub fn has_room(&self, now: Instant, limits: &Limits, piece_bytes: u64) -> bool {
        self.can_be_asked(now) && self.in_flight() < self.room(now, limits, piece_bytes)
    }

    /// Whether it may get a request for a piece that somebody else keeps us waiting for: one above its measure.
    pub fn can_help(&self, now: Instant, limits: &Limits, piece_bytes: u64) -> bool {
        let room = self.room(now, limits, piece_bytes);
        self.can_be_asked(now) && self.in_flight() <= room && self.in_flight() < limits.per_peer_max
    }

    /// Bytes a second; 0 while it gives us nothing.
    pub fn rate(&self, now: Instant, piece_bytes: u64) -> u64 {
        if self.asked.is_empty() { 0 } else { self.speed(now, piece_bytes).unwrap_or(0) }
    }

    /// Bytes a second that it gave when last asked; `None` before its first piece.
    pub fn speed(&self, now: Instant, piece_bytes: u64) -> Option<u64> {
        self.speed.estimate(now, self.asked.len() as u64 * piece_bytes)
    }

    /// How long one request more would take it.
    pub fn expected(&self, now: Instant, piece_bytes: u64) -> Duration {
        let Some(speed) = self.speed(now, piece_bytes) else { return UNKNOWN_PIECE };
        let ahead_bytes = (self.asked.len() as u64 + 1) * piece_bytes;
        Duration::from_millis((ahead_bytes * 1000 / speed.max(1)).min(3_600_000))
    }

    /// A request goes out.
    pub fn ask(&mut self, now: Instant, piece: PieceIndex, limits: &Limits, piece_bytes: u64) {
        let expected = self.expected(now, piece_bytes);
        let late_at = now + (expected * LATE_FACTOR).max(limits.late_floor);
        self.asked.insert(piece, Request { asked_at: now, due_at: now + expected, late_at });
        self.speed.began(now);
    }

    /// An answer came.
    pub fn close(&mut self, now: Instant, piece: PieceIndex) -> Closed {
        if self.ending.remove(&piece) {
            return Closed::Cancelled;
        }
        if self.asked.remove(&piece).is_none() {
            return Closed::Unasked;
        }
        self.end_speed_if_idle(now);
        Closed::Awaited
    }

    /// The answer is not needed any more; tells whether one was awaited.
    pub fn cancel(&mut self, now: Instant, piece: PieceIndex) -> bool {
        let awaited = self.asked.remove(&piece).is_some();
        if awaited {
            self.ending.insert(piece);
            self.end_speed_if_idle(now);
        }
        awaited
    }

    /// A right piece came from it; called before [`Peer::close`].
    pub fn delivered(&mut self, now: Instant, bytes: u32, took: Duration, limits: &Limits) {
        self.got_bytes += u64::from(bytes);
        self.useful_at = now;
        (self.failures, self.tried) = (0, 0);
        self.rests_until = None;
        self.speed.arrived(now, bytes, took, self.asked.len().max(1));
        self.answered_since += 1;
        if self.answered_since >= self.takes.saturating_mul(PATIENCE_PER_PIECE) {
            self.takes = (self.takes + 1).min(limits.per_peer_max);
            self.answered_since = 0;
        }
    }

    /// It was busy. While it gives us something, that is what it takes; it rests only when it gives nothing.
    pub fn refused(&mut self, now: Instant, retry_after: Duration, chance: &mut Chance) {
        self.takes = self.in_flight().max(1);
        self.answered_since = 0;
        if self.asked.is_empty() {
            let rest = retry_after.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX);
            self.rest(now, rest, chance);
        }
    }

    /// A request ended with nothing. Several that end together (a broken connection) count once.
    pub fn failed(&mut self, now: Instant, limits: &Limits, chance: &mut Chance) {
        if self.rests_until.is_some_and(|until| until > now) {
            return;
        }
        let rest = limits.rest_min.saturating_mul(1 << self.failures.min(16)).min(limits.rest_max);
        self.failures += 1;
        self.rest(now, rest, chance);
    }

    /// How long until this request of it is answered, as far as can be told.
    pub fn remaining(&self, now: Instant, request: Request) -> Duration {
        match request.due_at.checked_duration_since(now) {
            Some(left) if !left.is_zero() => left,
            // What is overdue may take as long again.
            _ => now.saturating_duration_since(request.asked_at),
        }
    }

    fn can_be_asked(&self, now: Instant) -> bool {
        self.present && self.ending.is_empty() && self.rests_until.is_none_or(|until| until <= now)
    }

    fn room(&self, now: Instant, limits: &Limits, piece_bytes: u64) -> u32 {
        let speed = self.speed(now, piece_bytes).unwrap_or(0);
        let ahead = pieces_within(limits.ahead, speed, piece_bytes);
        ahead.saturating_add(1).clamp(limits.per_peer_min, limits.per_peer_max).min(self.takes)
    }

    /// A quarter of chance is added, so that many who were sent away together do not come back together.
    fn rest(&mut self, now: Instant, rest: Duration, chance: &mut Chance) {
        self.rests_until = Some(now + rest + chance.up_to(rest / 4));
    }

    fn end_speed_if_idle(&mut self, now: Instant) {
        if self.asked.is_empty() {
            self.speed.ended(now);
        }
    }
}

/// How many pieces come within a time at a speed in bytes a second, the last one perhaps in part.
pub fn pieces_within(time: Duration, speed: u64, piece_bytes: u64) -> u32 {
    let bytes = speed.saturating_mul(time.as_millis() as u64) / 1000;
    bytes.div_ceil(piece_bytes.max(1)).min(u64::from(u32::MAX)) as u32
}

/// Those who sent wrong bytes. Bounded: whoever makes up identities can push the oldest out, and gains one more wrong
/// piece for each.
#[derive(Debug, Default)]
pub struct Banned {
    ids: BTreeSet<PeerId>,
    order: VecDeque<PeerId>,
}

impl Banned {
    const MAX: usize = 4096;

    pub fn contains(&self, peer: &PeerId) -> bool {
        self.ids.contains(peer)
    }

    /// Tells whether it is new.
    pub fn insert(&mut self, peer: PeerId) -> bool {
        if !self.ids.insert(peer) {
            return false;
        }
        self.order.push_back(peer);
        if self.order.len() > Self::MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    pub fn iter(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.ids.iter().copied()
    }
}
