//! Whom we serve at this moment, over all shares together, and who is told to come back and when.
//!
//! A few at a time get a piece sooner than many at once, and only whole pieces can be passed on. Turns are fair: who was
//! refused waits in line and gets a free slot before one that comes back from being served. Some wait here, on the
//! thread that serves them, and have the slot as soon as it is free; others are told about when to come back, and their
//! place lapses when they do not. Who came first and is here goes first; nobody waits for one that is not here.
//!
//! What has a higher priority goes before what has a lower one, in line too; who waited for long goes before both, so that
//! nobody waits for ever.
//!
//! A slot that is held much longer than the others (a slow line) stops counting, so that slow peers do not keep fast
//! ones out; what is sent altogether stays bounded.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::share::PeerId;

/// How many are served.
#[derive(Clone, Debug)]
pub struct UploadLimits {
    /// Pieces that are sent at once, those on slow lines not counted.
    pub slots: usize,
    /// Pieces that are sent at once in all.
    pub slots_max: usize,
    /// Pieces that one peer is sent at once.
    pub per_peer: usize,
    /// A slot is on a slow line when it is held for so many usual turns, and for at least and at most so long.
    pub slow_turns: u32,
    pub slow_min: Duration,
    pub slow_max: Duration,
    /// Peers that wait in line.
    pub waiting_max: usize,
    /// How long one that waits here keeps its place.
    pub wait_max: Duration,
    /// When to come back, at the earliest and at the latest.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

impl Default for UploadLimits {
    fn default() -> UploadLimits {
        UploadLimits {
            // Measured in `tests/sim`: with fewer, receivers whose own lines are full leave the wire idle; with more,
            // each piece takes longer to be whole and to be passed on.
            slots: 8,
            slots_max: 32,
            per_peer: 2,
            slow_turns: 4,
            slow_min: Duration::from_millis(500),
            slow_max: Duration::from_secs(10),
            waiting_max: 256,
            wait_max: Duration::from_secs(1),
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_secs(1),
        }
    }
}

/// Permission to send one piece; give it back with [`UploadSlots::release`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a slot that is not released stays taken"]
pub struct Slot(u64);

/// What one does who can't be served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It waits here, and asks again as soon as a slot is free.
    Here,
    /// It goes, and may come back.
    Elsewhere,
}

/// The answer to one who wants a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Admit {
    Granted(Slot),
    Refused { retry_after: Duration },
}

/// The slots of this computer. Memory is bounded by [`UploadLimits`].
#[derive(Debug)]
pub struct UploadSlots {
    limits: UploadLimits,
    held: BTreeMap<u64, Held>,
    next_slot: u64,
    line: VecDeque<Waiting>,
    /// How long a slot is held by those that are not slow; a moving average.
    turn: Duration,
}

#[derive(Debug)]
struct Held {
    peer: PeerId,
    since: Instant,
}

#[derive(Debug)]
struct Waiting {
    peer: PeerId,
    patience: Patience,
    /// Its place lapses when it has not asked again by then.
    until: Instant,
    since: Instant,
    priority: u8,
}

/// How one that waits does so.
#[derive(Clone, Copy)]
struct Wish {
    patience: Patience,
    priority: u8,
}

/// The priority of what nobody gave another one.
pub const NORMAL: u8 = 1;
/// Who has waited so long goes before everybody else.
const WAITED_LONG: Duration = Duration::from_secs(20);

impl UploadSlots {
    pub fn new(limits: UploadLimits) -> UploadSlots {
        let turn = limits.retry_min;
        UploadSlots { limits, held: BTreeMap::new(), next_slot: 0, line: VecDeque::new(), turn }
    }

    /// Other limits hold from now on; what is being sent is sent.
    pub fn set_limits(&mut self, limits: UploadLimits) {
        self.limits = limits;
    }

    /// A peer wants a piece, for the first time or again. Of `priority`, more goes before less.
    pub fn admit(&mut self, now: Instant, peer: PeerId, patience: Patience, priority: u8) -> Admit {
        self.line.retain(|waiting| waiting.until >= now);
        if self.held_by(&peer) >= self.limits.per_peer || self.held.len() >= self.limits.slots_max {
            return Admit::Refused { retry_after: self.retry_after(1) };
        }
        let free = self.free(now);
        let place = self.line.iter().position(|waiting| waiting.peer == peer);
        if let Some(waiting) = place.and_then(|place| self.line.get_mut(place)) {
            waiting.priority = priority;
        }
        if free > self.before(now, place, priority) {
            place.map(|place| self.line.remove(place));
            return Admit::Granted(self.take(now, peer));
        }
        self.wait(now, peer, Wish { patience, priority }, place)
    }

    /// How many that wait get a slot before one with this place, or none, and priority. Of the same rank it is who came
    /// first, and is here; a newcomer comes after them all.
    fn before(&self, now: Instant, place: Option<usize>, priority: u8) -> usize {
        let rank = |waiting: &Waiting| (now.saturating_duration_since(waiting.since) >= WAITED_LONG, waiting.priority);
        let own = place.and_then(|place| self.line.get(place)).map_or((false, priority), rank);
        let is_before = |(at, waiting): &(usize, &Waiting)| match rank(waiting).cmp(&own) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => place.is_none_or(|place| *at < place && waiting.patience == Patience::Here),
        };
        self.line.iter().enumerate().filter(is_before).count()
    }

    /// It waits no longer, or wants nothing any more.
    pub fn leave(&mut self, peer: PeerId) {
        self.line.retain(|waiting| waiting.peer != peer);
    }

    /// How many slots are free.
    pub fn free(&self, now: Instant) -> usize {
        self.limits.slots.saturating_sub(self.counted(now)).min(self.limits.slots_max.saturating_sub(self.held.len()))
    }

    /// A piece was sent, or its sending ended.
    pub fn release(&mut self, now: Instant, slot: Slot) {
        let Some(held) = self.held.remove(&slot.0) else { return };
        let took = now.saturating_duration_since(held.since).min(self.slow_after());
        self.turn = (self.turn * 7 + took) / 8;
    }

    /// How long one that waits here may wait.
    pub fn wait_max(&self) -> Duration {
        self.limits.wait_max
    }

    /// How long a slot is held for a piece, about.
    pub fn turn(&self) -> Duration {
        self.turn
    }

    /// How many pieces are being sent.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How many pieces this peer is being sent.
    pub fn held_by(&self, peer: &PeerId) -> usize {
        self.held.values().filter(|held| held.peer == *peer).count()
    }

    fn take(&mut self, now: Instant, peer: PeerId) -> Slot {
        let number = self.next_slot;
        self.next_slot += 1;
        self.held.insert(number, Held { peer, since: now });
        Slot(number)
    }

    /// Keeps the peer's place in line, or gives it the last one.
    fn wait(&mut self, now: Instant, peer: PeerId, wish: Wish, place: Option<usize>) -> Admit {
        let Wish { patience, priority } = wish;
        let retry_after = self.retry_after(place.unwrap_or(self.line.len()) + 1);
        let until = match patience {
            Patience::Here => now + self.limits.wait_max,
            Patience::Elsewhere => now + retry_after * 2 + self.limits.retry_min,
        };
        if let Some(waiting) = self.line.iter_mut().find(|waiting| waiting.peer == peer) {
            (waiting.until, waiting.patience) = (until, patience);
        } else if self.line.len() < self.limits.waiting_max {
            self.line.push_back(Waiting { peer, patience, until, since: now, priority });
        }
        Admit::Refused { retry_after }
    }

    /// About when the one at this place (counted from 1) has its turn.
    fn retry_after(&self, place: usize) -> Duration {
        let slots = self.limits.slots.max(1) as u32;
        let turns = (place as u32).saturating_mul(1000) / slots;
        (self.turn.saturating_mul(turns) / 1000).clamp(self.limits.retry_min, self.limits.retry_max)
    }

    /// Slots that are not on slow lines.
    fn counted(&self, now: Instant) -> usize {
        let slow_after = self.slow_after();
        self.held.values().filter(|held| now.saturating_duration_since(held.since) <= slow_after).count()
    }

    fn slow_after(&self) -> Duration {
        self.turn.saturating_mul(self.limits.slow_turns).clamp(self.limits.slow_min, self.limits.slow_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_are_served_in_all_and_to_one_peer() {
        let (mut slots, now) = (of(3, 2), Instant::now());

        let one = granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        let _two = granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        refused(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        let _three = granted(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL));
        refused(slots.admit(now, peer(3), Patience::Elsewhere, NORMAL));

        slots.release(now, one);
        assert_eq!((slots.held(), slots.held_by(&peer(1))), (2, 1));
    }

    #[test]
    fn who_was_refused_gets_in_before_who_was_just_served() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        let retry_after = refused(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL));

        let later = now + Duration::from_millis(5);
        slots.release(later, slot);

        refused(slots.admit(later, peer(1), Patience::Elsewhere, NORMAL));
        let slot = granted(slots.admit(now + retry_after, peer(2), Patience::Elsewhere, NORMAL));
        slots.release(now + retry_after, slot);
        let _slot = granted(slots.admit(now + retry_after, peer(1), Patience::Elsewhere, NORMAL));
    }

    #[test]
    fn a_higher_priority_goes_before_a_lower_one_and_nobody_waits_for_ever() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        refused(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL - 1));
        refused(slots.admit(now, peer(3), Patience::Elsewhere, NORMAL + 1));
        slots.release(now, slot);

        refused(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL - 1));
        let mut slot = granted(slots.admit(now, peer(3), Patience::Elsewhere, NORMAL + 1));

        // Somebody with a high priority is always there.
        refused(slots.admit(now, peer(4), Patience::Here, NORMAL + 1));
        let mut at = now;
        let waited = (0..400).find(|round| {
            at += Duration::from_millis(100);
            slots.release(at, std::mem::replace(&mut slot, Slot(u64::MAX)));
            if let Admit::Granted(_) = slots.admit(at, peer(2), Patience::Here, NORMAL - 1) {
                return true;
            }
            refused_or_granted(slots.admit(at, peer(4), Patience::Here, NORMAL + 1), &mut slot);
            refused_or_granted(slots.admit(at, peer(5 + (round % 2) as u8), Patience::Here, NORMAL + 1), &mut slot);
            false
        });
        assert!(waited.is_some_and(|rounds| (150..=250).contains(&rounds)), "{waited:?}");
    }

    #[test]
    fn a_place_lapses_when_its_owner_does_not_come_back() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL));
        refused(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL));
        slots.release(now, slot);

        let _slot = granted(slots.admit(now + Duration::from_secs(5), peer(1), Patience::Elsewhere, NORMAL));
    }

    #[test]
    fn slow_lines_do_not_keep_others_out_and_are_bounded() {
        let mut slots = UploadSlots::new(UploadLimits { slots: 2, slots_max: 3, ..UploadLimits::default() });
        let now = Instant::now();
        let _slow = (
            granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL)),
            granted(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL)),
        );
        refused(slots.admit(now, peer(3), Patience::Elsewhere, NORMAL));

        let later = now + Duration::from_secs(11);

        let _slot = granted(slots.admit(later, peer(3), Patience::Elsewhere, NORMAL));
        refused(slots.admit(later, peer(4), Patience::Elsewhere, NORMAL));
    }

    #[test]
    fn the_longer_the_line_the_later_to_come_back_and_never_beyond_the_limit() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.admit(now, peer(0), Patience::Elsewhere, NORMAL));
        slots.release(now + Duration::from_secs(2), slot);
        let now = now + Duration::from_secs(2);
        let _slot = granted(slots.admit(now, peer(0), Patience::Elsewhere, NORMAL));

        let waits: Vec<_> =
            (1..=255).chain(0..=255).map(|n| refused(slots.admit(now, peer(n), Patience::Elsewhere, NORMAL))).collect();

        assert!(waits[1] > waits[0]);
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(1)));
        assert!(slots.line.len() <= 256);
    }

    #[test]
    fn who_waits_here_goes_in_turn_and_not_behind_one_who_went_away() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.admit(now, peer(1), Patience::Here, NORMAL));
        refused(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL));
        refused(slots.admit(now, peer(3), Patience::Here, NORMAL));
        refused(slots.admit(now, peer(4), Patience::Here, NORMAL));

        slots.release(now, slot);

        refused(slots.admit(now, peer(4), Patience::Here, NORMAL));
        refused(slots.admit(now, peer(5), Patience::Here, NORMAL));
        let slot = granted(slots.admit(now, peer(3), Patience::Here, NORMAL));
        slots.release(now, slot);
        let _slot = granted(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL));
    }

    fn of(slots: usize, per_peer: usize) -> UploadSlots {
        UploadSlots::new(UploadLimits { slots, per_peer, ..UploadLimits::default() })
    }

    fn peer(n: u8) -> PeerId {
        PeerId([n; 32])
    }

    fn refused_or_granted(admit: Admit, slot: &mut Slot) {
        if let Admit::Granted(got) = admit {
            *slot = got;
        }
    }

    #[track_caller]
    fn granted(admit: Admit) -> Slot {
        match admit {
            Admit::Granted(slot) => slot,
            refused => panic!("{refused:?}"),
        }
    }

    #[track_caller]
    fn refused(admit: Admit) -> Duration {
        match admit {
            Admit::Refused { retry_after } => retry_after,
            granted => panic!("{granted:?}"),
        }
    }
}
