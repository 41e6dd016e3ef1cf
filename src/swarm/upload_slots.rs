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
//! Keys are free, and whoever likes can be many. So slots and places in line are counted by address and network as well
//! ([`Whence`]), and one more of an address that is being served already goes behind the others.
//!
//! A slot that is held much longer than usual (a slow line) stops counting, so that slow peers do not keep fast ones out;
//! what is sent altogether stays bounded. When there are that many, one that moves at less than a quarter of the usual speed
//! is dropped for a network that is sent nothing. A network's only slot stays as long as it takes, unless such are more than
//! half of all: slow lines get their pieces, too. Who took its last piece in the usual time finds slots that newcomers and
//! slow ones leave free for it.

mod crowds;
mod limits;
mod manners;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

pub use self::limits::UploadLimits;
use self::{
    crowds::Crowds,
    manners::{Manners, Took},
};
use crate::share::{PeerId, Whence};

/// Permission to send one piece; give it back with [`UploadSlots::release`].
#[derive(Debug)]
#[must_use = "a slot that is not released stays taken"]
pub struct Slot {
    number: SlotNumber,
    sent: Arc<AtomicU64>,
}

/// What one does who can't be served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It waits here, and asks again as soon as a slot is free.
    Here,
    /// It goes, and may come back.
    Elsewhere,
}

/// Who wants a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    pub peer: PeerId,
    pub whence: Whence,
}

/// What it wants, and how it waits.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub patience: Patience,
    /// More goes before less.
    pub priority: u8,
    /// How long the piece is: a long one may take longer.
    pub bytes: u32,
}

/// Those who count as one where many are few: a network's, and on this computer each program.
type Origin = (IpAddr, Option<PeerId>);

impl Asker {
    fn origin(&self) -> Origin {
        (self.whence.net, self.whence.is_here().then_some(self.peer))
    }
}

/// The answer to one who wants a piece.
#[derive(Debug)]
pub enum Admit {
    /// The sending of `dropped` is to be ended for it.
    Granted {
        slot: Slot,
        dropped: Option<SlotNumber>,
    },
    Refused {
        retry_after: Duration,
    },
}

/// Which slot is meant, for whoever can't hold it.
pub type SlotNumber = u64;

impl Slot {
    pub fn number(&self) -> SlotNumber {
        self.number
    }

    /// So many bytes more went out.
    pub fn moved(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Relaxed);
    }
}

/// The slots of this computer. Memory is bounded by [`UploadLimits`].
#[derive(Debug)]
pub struct UploadSlots {
    limits: UploadLimits,
    held: BTreeMap<SlotNumber, Held>,
    /// Dropped, and not given back yet.
    ending: BTreeSet<SlotNumber>,
    next_slot: SlotNumber,
    line: VecDeque<Waiting>,
    manners: Manners,
    /// How long a slot is usually held; a moving average.
    turn: Duration,
}

#[derive(Debug)]
struct Held {
    by: Asker,
    bytes: u32,
    since: Instant,
    /// What went out, by the one that sends; what was seen of it, and when it was seen to be more.
    sent: Arc<AtomicU64>,
    seen: u64,
    moved: Instant,
}

#[derive(Debug)]
struct Waiting {
    who: Asker,
    patience: Patience,
    /// Its place lapses when it has not asked again by then.
    until: Instant,
    since: Instant,
    priority: u8,
}

/// In which order those go who wait; the greatest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Fewer of its address and network are served or wait before it than one may be sent.
    alone: bool,
    waited_long: bool,
    priority: u8,
    /// It did not take its last piece slowly.
    not_slow: bool,
}

/// The priority of what nobody gave another one.
pub const NORMAL: u8 = 1;
/// Who has waited so long goes before everybody else.
const WAITED_LONG: Duration = Duration::from_secs(20);
/// What is sent at a time, about.
const STEP: u64 = 64 << 10;
/// Who moves nothing for so many usual steps may be dropped, and after at least so long; where nothing is usual yet, after
/// [`STUCK_AT_FIRST`].
const STUCK_STEPS: u32 = 4;
const STUCK_MIN: Duration = Duration::from_millis(250);
const STUCK_AT_FIRST: Duration = Duration::from_secs(2);

impl UploadSlots {
    pub fn new(limits: UploadLimits) -> UploadSlots {
        let turn = limits.retry_min;
        UploadSlots {
            limits,
            held: BTreeMap::new(),
            ending: BTreeSet::new(),
            next_slot: 0,
            line: VecDeque::new(),
            manners: Manners::new(),
            turn,
        }
    }

    /// Other limits hold from now on; what is being sent is sent.
    pub fn set_limits(&mut self, limits: UploadLimits) {
        self.limits = limits;
    }

    /// Somebody wants a piece, for the first time or again.
    pub fn admit(&mut self, now: Instant, who: Asker, wish: Wish) -> Admit {
        self.line.retain(|waiting| waiting.until >= now);
        self.manners.asks(now, who.peer);
        if self.holds_enough(&who) {
            return Admit::Refused { retry_after: self.retry_after(1) };
        }
        let full = self.held.len() >= self.limits.slots_max;
        let dropped = if full { self.slowest(now, &who) } else { None };
        let place = self.line.iter().position(|waiting| waiting.who.peer == who.peer);
        if let Some(waiting) = place.and_then(|place| self.line.get_mut(place)) {
            waiting.priority = wish.priority;
        }
        let room = !full || dropped.is_some();
        if room && self.has_turn(now, who, place, wish.priority) {
            place.map(|place| self.line.remove(place));
            self.put_behind(&who.whence);
            if let Some(held) = dropped.and_then(|number| self.held.remove(&number)) {
                self.ending.extend(dropped);
                self.manners.showed(held.by.peer, false);
            }
            return Admit::Granted { slot: self.take(now, who, wish.bytes), dropped };
        }
        self.wait(now, who, wish, place)
    }

    /// Whether it, its address or its network is sent as much at once as one may be.
    fn holds_enough(&self, who: &Asker) -> bool {
        let UploadLimits { per_peer, per_address, per_net, .. } = self.limits;
        let of = |same: &dyn Fn(&Asker) -> bool| self.held.values().filter(|held| same(&held.by)).count();
        self.held_by(&who.peer) >= per_peer
            || !who.whence.is_here()
                && (of(&|by| by.whence.address == who.whence.address) >= per_address
                    || of(&|by| by.whence.net == who.whence.net) >= per_net)
    }

    /// Whether a slot is free, and nobody goes before one with this place, or none, and priority. Of the same rank it is who
    /// came first, and is here; a newcomer comes after them all.
    fn has_turn(&self, now: Instant, who: Asker, place: Option<usize>, priority: u8) -> bool {
        let free = self.free(now);
        if free == 0 {
            return false;
        }
        let free_to_new = self.free_to_new(now, free);
        if self.line.is_empty() {
            return free_to_new > 0 || self.manners.is_quick(&who.peer);
        }
        let ranks = self.ranks(now, &who, priority);
        let own = place.and_then(|place| ranks.get(place)).or(ranks.last());
        let (mut quick, mut new) = (0, 0);
        for (at, (waiting, rank)) in self.line.iter().zip(&ranks).enumerate().filter(|(at, _)| Some(*at) != place) {
            let is_before = match Some(rank).cmp(&own) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal => place.is_none_or(|place| at < place && waiting.patience == Patience::Here),
            };
            match is_before {
                true if self.manners.is_quick(&waiting.who.peer) => quick += 1,
                true => new += 1,
                false => {}
            }
        }
        match self.manners.is_quick(&who.peer) {
            true => free > quick + new.min(free_to_new),
            false => free > quick + new && free_to_new > new,
        }
    }

    /// The ranks of those in line, and of one that came last.
    fn ranks(&self, now: Instant, last: &Asker, priority: u8) -> Vec<Rank> {
        let mut crowds = Crowds::of(&self.limits, self.held.values().map(|held| &held.by));
        let mut rank = |who: &Asker, waited: Duration, priority| Rank {
            alone: crowds.has_room_for(who),
            waited_long: waited >= WAITED_LONG,
            priority,
            not_slow: !self.manners.is_slow(&who.peer),
        };
        let in_line = self.line.iter();
        let in_line = in_line.map(|of| rank(&of.who, now.saturating_duration_since(of.since), of.priority));
        let mut ranks: Vec<Rank> = in_line.collect();
        ranks.push(rank(last, Duration::ZERO, priority));
        ranks
    }

    /// How many of the free slots are for those who are not known as quick: what quick ones could hold who asked a moment
    /// ago is left to them, up to half of all.
    fn free_to_new(&self, now: Instant, free: usize) -> usize {
        let slow_after = self.slow_after();
        let left_to_quick = (self.manners.quick_lately(now) * self.limits.per_peer).min(self.limits.slots / 2);
        let counts = |held: &&Held| now.saturating_duration_since(held.since) <= slow_after;
        let new = self.held.values().filter(counts).filter(|held| !self.manners.is_quick(&held.by.peer)).count();
        free.min(self.limits.slots.saturating_sub(left_to_quick).saturating_sub(new))
    }

    /// The slot that gives way to one from where nobody is served, when all are taken.
    fn slowest(&mut self, now: Instant, who: &Asker) -> Option<SlotNumber> {
        let mut origins: BTreeMap<Origin, usize> = BTreeMap::new();
        for held in self.held.values_mut() {
            *origins.entry(held.by.origin()).or_default() += 1;
            let sent = held.sent.load(Relaxed);
            if sent != held.seen {
                (held.seen, held.moved) = (sent, now);
            }
        }
        if !self.limits.drops || self.ending.len() >= self.limits.slots_max || origins.contains_key(&who.origin()) {
            return None;
        }
        let usual = self.manners.usual().map(|usual| usual.step.saturating_mul(STUCK_STEPS));
        let patience = usual.map_or(STUCK_AT_FIRST, |usual| usual.clamp(STUCK_MIN, self.limits.slow_max));
        let many = origins.len() * 2 > self.limits.slots_max;
        let gives_way = |held: &Held| many || origins.get(&held.by.origin()).is_some_and(|count| *count > 1);
        let stuck = |held: &Held| now.saturating_duration_since(held.moved) > patience;
        let slow = self.held.iter().filter(|(_, held)| stuck(held) && gives_way(held));
        slow.min_by_key(|(_, held)| held.moved).map(|(number, _)| *number)
    }

    /// One of an address has its turn: the others of it wait behind everybody.
    fn put_behind(&mut self, whence: &Whence) {
        let same = |waiting: &Waiting| !whence.is_here() && waiting.who.whence.address == whence.address;
        if self.line.iter().any(same) {
            let (behind, mut line): (VecDeque<_>, VecDeque<_>) = self.line.drain(..).partition(same);
            line.extend(behind);
            self.line = line;
        }
    }

    /// It waits no longer, or wants nothing any more.
    pub fn leave(&mut self, peer: PeerId) {
        self.line.retain(|waiting| waiting.who.peer != peer);
    }

    /// How many slots are free.
    pub fn free(&self, now: Instant) -> usize {
        self.limits.slots.saturating_sub(self.counted(now))
    }

    /// A piece was sent, or its sending ended.
    pub fn release(&mut self, now: Instant, slot: Slot) {
        self.ending.remove(&slot.number);
        let Some(held) = self.held.remove(&slot.number) else { return };
        let (piece, slow_after) = (now.saturating_duration_since(held.since), self.slow_after());
        let steps = u64::from(held.bytes).div_ceil(STEP).max(1);
        self.manners.showed(held.by.peer, piece <= slow_after);
        self.manners.took(&held.by, Took { piece, step: piece / u32::try_from(steps).unwrap_or(u32::MAX) });
        let usual = self.manners.usual().map_or(piece, |usual| usual.piece).min(slow_after);
        self.turn = (self.turn * 7 + usual) / 8;
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
        self.held.values().filter(|held| held.by.peer == *peer).count()
    }

    fn take(&mut self, now: Instant, by: Asker, bytes: u32) -> Slot {
        let number = self.next_slot;
        self.next_slot += 1;
        let sent = Arc::new(AtomicU64::new(0));
        self.held.insert(number, Held { by, bytes, since: now, sent: sent.clone(), seen: 0, moved: now });
        Slot { number, sent }
    }

    /// Keeps the peer's place in line, or gives it the last one.
    fn wait(&mut self, now: Instant, who: Asker, wish: Wish, place: Option<usize>) -> Admit {
        let retry_after = self.retry_after(place.unwrap_or(self.line.len()) + 1);
        let until = match wish.patience {
            Patience::Here => now + self.limits.wait_max,
            Patience::Elsewhere => now + retry_after * 2 + self.limits.retry_min,
        };
        if let Some(waiting) = self.line.iter_mut().find(|waiting| waiting.who.peer == who.peer) {
            (waiting.until, waiting.patience) = (until, wish.patience);
        } else if self.may_wait(&who.whence) {
            let Wish { patience, priority, .. } = wish;
            self.line.push_back(Waiting { who, patience, until, since: now, priority });
        }
        Admit::Refused { retry_after }
    }

    fn may_wait(&self, whence: &Whence) -> bool {
        let UploadLimits { waiting_max, waiting_per_address, waiting_per_net, .. } = self.limits;
        let from =
            |same: &dyn Fn(&Whence) -> bool| self.line.iter().filter(|waiting| same(&waiting.who.whence)).count();
        self.line.len() < waiting_max
            && (whence.is_here()
                || from(&|other| other.address == whence.address) < waiting_per_address
                    && from(&|other| other.net == whence.net) < waiting_per_net)
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

    /// [`UploadSlots`] as most tests use them: every peer on a computer of its own.
    struct Slots(UploadSlots);

    impl std::ops::Deref for Slots {
        type Target = UploadSlots;
        fn deref(&self) -> &UploadSlots {
            &self.0
        }
    }

    impl std::ops::DerefMut for Slots {
        fn deref_mut(&mut self) -> &mut UploadSlots {
            &mut self.0
        }
    }

    impl Slots {
        fn admit(&mut self, now: Instant, peer: PeerId, patience: Patience, priority: u8) -> Admit {
            self.from(now, peer, IpAddr::from([192, 0, 2, peer.0[0]]), Wish { patience, priority, bytes: 1 << 20 })
        }

        fn from(&mut self, now: Instant, peer: PeerId, address: IpAddr, wish: Wish) -> Admit {
            self.0.admit(now, Asker { peer, whence: Whence::of(address) }, wish)
        }
    }

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
            slots.release(at, std::mem::replace(&mut slot, Slot { number: u64::MAX, sent: Arc::default() }));
            if let Admit::Granted { .. } = slots.admit(at, peer(2), Patience::Here, NORMAL - 1) {
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
        let mut slots = with(UploadLimits { slots: 2, slots_max: 3, ..UploadLimits::default() });
        let now = Instant::now();
        let _slow = (
            granted(slots.admit(now, peer(1), Patience::Elsewhere, NORMAL)),
            granted(slots.admit(now, peer(2), Patience::Elsewhere, NORMAL)),
        );
        refused(slots.admit(now, peer(3), Patience::Elsewhere, NORMAL));

        let later = now + Duration::from_secs(11);

        let _slot = granted(slots.admit(later, peer(3), Patience::Elsewhere, NORMAL));
        // One more is bounded, too: for it another goes.
        assert!(matches!(
            slots.admit(later, peer(4), Patience::Elsewhere, NORMAL),
            Admit::Granted { dropped: Some(_), .. }
        ));
        assert_eq!(slots.held(), 3);
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

    const HOSTILE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));
    const WISH: Wish = Wish { patience: Patience::Here, priority: NORMAL, bytes: 1 << 20 };

    #[test]
    fn an_address_with_many_keys_gets_no_more_than_an_address_may_and_goes_behind_others() {
        let (mut slots, now) = (of(8, 2), Instant::now());
        let mut held: Vec<_> = (1..=8).map(|n| granted(slots.from(now, peer(n), HOSTILE, WISH))).collect();
        refused(slots.from(now, peer(9), HOSTILE, WISH));
        refused(slots.from(now, peer(10), HOSTILE, WISH));
        refused(slots.admit(now, peer(100), Patience::Here, NORMAL));

        slots.release(now, held.pop().unwrap());
        refused(slots.from(now, peer(9), HOSTILE, WISH));
        let _honest = granted(slots.admit(now, peer(100), Patience::Here, NORMAL));
        // One network of IPv6 has more addresses than it could use up.
        let mut slots = with(UploadLimits { slots: 64, slots_max: 64, ..UploadLimits::default() });
        let in_one_net = |n: u8| format!("2001:db8::{n:x}").parse().unwrap();
        let held = (1..=64).filter(|n| is_granted(slots.from(now, peer(*n), in_one_net(*n), WISH))).count();
        assert_eq!(held, 24);
        assert!(is_granted(slots.admit(now, peer(100), Patience::Here, NORMAL)));
    }

    #[test]
    fn an_address_with_many_keys_does_not_fill_the_line() {
        let (mut slots, now) = (of(1, 1), Instant::now());
        let slot = granted(slots.from(now, peer(0), HOSTILE, WISH));
        (1..=255).for_each(|n| _ = refused(slots.from(now, peer(n), HOSTILE, WISH)));
        assert_eq!(slots.line.len(), 32);
        refused(slots.admit(now, peer(250), Patience::Here, NORMAL));
        slots.release(now, slot);
        // One of them came first and is not more than others are.
        refused(slots.admit(now, peer(250), Patience::Here, NORMAL));
        let slot = granted(slots.from(now, peer(1), HOSTILE, WISH));
        slots.release(now, slot);
        assert!(is_granted(slots.admit(now, peer(250), Patience::Here, NORMAL)));
    }

    #[test]
    fn when_all_is_taken_one_that_is_stuck_is_dropped_for_a_network_that_has_nothing() {
        let mut slots = with(UploadLimits { slots: 4, slots_max: 4, ..UploadLimits::default() });
        let now = Instant::now();
        let slow = granted(slots.admit(now, peer(1), Patience::Here, NORMAL));
        let held: Vec<_> = (2..=4).map(|n| granted(slots.from(now, peer(n), HOSTILE, WISH))).collect();
        let later = now + Duration::from_secs(3);
        held[2].moved(1);
        refused(slots.from(later, peer(5), HOSTILE, WISH));

        let Admit::Granted { slot, dropped } = slots.admit(later, peer(6), Patience::Here, NORMAL) else { panic!() };
        assert!(dropped == Some(held[0].number()) || dropped == Some(held[1].number()), "{dropped:?}");
        assert_eq!(slots.held(), 4);
        // Who has something already drops nobody, and neither does anybody where it is us who are slow.
        refused(slots.admit(later, peer(6), Patience::Here, NORMAL));
        slots.set_limits(UploadLimits { slots: 4, slots_max: 4, drops: false, ..UploadLimits::default() });
        refused(slots.admit(later + Duration::from_secs(9), peer(7), Patience::Here, NORMAL));
        for slot in held.into_iter().chain([slot, slow]) {
            slots.release(later, slot);
        }
        assert_eq!((slots.held(), slots.ending.len()), (0, 0));
    }

    #[test]
    fn slow_ones_from_many_networks_keep_half_of_all_and_what_moves_stays() {
        let mut slots = with(UploadLimits { slots: 4, slots_max: 4, ..UploadLimits::default() });
        let now = Instant::now();
        let held: Vec<_> = (1..=4).map(|n| granted(slots.admit(now, peer(n), Patience::Here, NORMAL))).collect();
        let mut dropped = vec![];
        for n in 0..8 {
            let later = now + Duration::from_secs(20 + 20 * n);
            held[1..].iter().for_each(|slot| slot.moved(1));
            match slots.admit(later, peer(10 + n as u8), Patience::Here, NORMAL) {
                Admit::Granted { slot, dropped: gone } => {
                    dropped.extend(gone);
                    slots.release(later, slot);
                }
                Admit::Refused { .. } => {}
            }
        }
        assert_eq!(dropped, [held[0].number()]);
    }

    #[test]
    fn slow_readers_with_many_keys_leave_slots_to_who_takes_pieces_in_the_usual_time() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let (mut slots, mut now) = (of(8, 2), Instant::now());
        let slot = granted(slots.from(now, peer(1), here, WISH));
        slots.release(now + Duration::from_millis(5), slot);
        // As many as like hold what they get; the quick one is gone for a moment each time.
        let (mut got, mut held) = (0, vec![]);
        for _ in 0..1_000 {
            now += Duration::from_millis(5);
            for n in 10..40 {
                if let Admit::Granted { slot, dropped } = slots.from(now, peer(n), here, WISH) {
                    held.retain(|slot: &Slot| Some(slot.number()) != dropped);
                    held.push(slot);
                }
            }
            if let Admit::Granted { slot, .. } = slots.from(now, peer(1), here, WISH) {
                got += 1;
                slots.release(now + Duration::from_millis(4), slot);
            }
        }
        assert!(got > 850, "{got} pieces of 1000");
        assert!(slots.turn() < Duration::from_millis(50), "{:?}", slots.turn());
    }

    fn is_granted(admit: Admit) -> bool {
        matches!(admit, Admit::Granted { .. })
    }

    fn of(slots: usize, per_peer: usize) -> Slots {
        with(UploadLimits { slots, per_peer, ..UploadLimits::default() })
    }

    fn with(limits: UploadLimits) -> Slots {
        Slots(UploadSlots::new(limits))
    }

    fn peer(n: u8) -> PeerId {
        PeerId([n; 32])
    }

    fn refused_or_granted(admit: Admit, slot: &mut Slot) {
        if let Admit::Granted { slot: got, .. } = admit {
            *slot = got;
        }
    }

    #[track_caller]
    fn granted(admit: Admit) -> Slot {
        match admit {
            Admit::Granted { slot, .. } => slot,
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
