//! Holds bytes to limits: how many may pass now, and how long to wait for more.
//!
//! One [`Valve`] guards one direction: a bucket for all transfers together, and one for each transfer that has a limit of
//! its own. Buckets fill with time and hold a tenth of a second's worth, so what passes in any longer time is within a few
//! hundredths of the limit. Bytes are given in small portions: a small limit is a steady trickle and no whole piece at
//! once, and nobody waits so long that the other side gives up on us.
//!
//! Where transfers wait for the same bucket, the one that got least so far, by its weight, goes first; who comes back after
//! a while without wishes does not get what it did not ask for meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Priority, Rate};
use crate::share::ShareId;

/// A portion is what passes in a fiftieth of a second, within these bounds.
const PORTION_MIN: u64 = 256;
const PORTION_MAX: u64 = 64 * 1024;
/// Who was told to wait and is this much overdue does not wait any more.
const OVERDUE: Duration = Duration::from_millis(50);
/// Virtual bytes have this many parts, so that division by a weight loses nothing that counts.
const PARTS: u64 = 1024;

/// What may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// So many bytes, at least one; they are counted.
    Now(u64),
    /// Nothing before so much time has passed.
    Wait(Duration),
}

/// The limits of one direction.
#[derive(Debug, Default)]
pub struct Valve {
    total: Option<Bucket>,
    flows: BTreeMap<ShareId, Flow>,
    /// The least that any transfer got, by weight, when bytes last passed.
    floor: u64,
}

/// One transfer's part.
#[derive(Debug)]
struct Flow {
    own: Option<Bucket>,
    weight: u64,
    /// Bytes that it got in parts, divided by its weight.
    got: u64,
    /// It waits for a portion, and is back by then.
    waits_until: Option<Instant>,
}

/// Fills at a rate.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// When it was, or would have been, empty.
    empty_at: Instant,
}

impl Valve {
    /// Whether anything is limited at all.
    pub fn is_open(&self) -> bool {
        self.total.is_none() && self.flows.values().all(|flow| flow.own.is_none())
    }

    /// The limit of all transfers together.
    pub fn limit_total(&mut self, now: Instant, rate: Option<Rate>) {
        Bucket::set(&mut self.total, now, rate);
    }

    /// A transfer's own limit, and its part of what is limited in total.
    pub fn limit_one(&mut self, now: Instant, share: ShareId, rate: Option<Rate>, priority: Priority) {
        let floor = self.floor;
        let flow = self.flows.entry(share).or_insert_with(|| Flow::new(floor));
        flow.weight = priority.weight();
        Bucket::set(&mut flow.own, now, rate);
    }

    /// All other transfers are over, or have nothing of their own any more.
    pub fn keep_only(&mut self, shares: BTreeSet<ShareId>) {
        for (share, flow) in &mut self.flows {
            if !shares.contains(share) {
                (flow.own, flow.weight) = (None, Priority::Normal.weight());
            }
        }
        // Who waits keeps its turn; the rest begins anew when it comes back.
        self.flows.retain(|share, flow| shares.contains(share) || flow.waits_until.is_some());
    }

    /// Somebody wants to move at most `most` bytes of a transfer.
    pub fn take(&mut self, now: Instant, share: ShareId, most: u64) -> Grant {
        if most == 0 {
            return Grant::Wait(Duration::ZERO);
        }
        let floor = self.floor;
        let flow = self.flows.entry(share).or_insert_with(|| Flow::new(floor));
        if flow.waits_until.take().is_none() {
            flow.got = flow.got.max(floor);
        }
        let own = match &flow.own {
            Some(own) => match own.holds(now, most) {
                Ok(bytes) => bytes.min(most),
                Err(wait) => return Grant::Wait(wait),
            },
            None => most,
        };
        let Some(total) = &self.total else { return self.pass(now, share, own) };
        match total.holds(now, own) {
            Err(wait) => self.wait(now, share, wait),
            Ok(bytes) if self.is_next(now, share) => self.pass(now, share, bytes.min(own)),
            Ok(_) => {
                let turn = total.time_for(total.portion());
                self.wait(now, share, turn)
            }
        }
    }

    fn wait(&mut self, now: Instant, share: ShareId, wait: Duration) -> Grant {
        if let Some(flow) = self.flows.get_mut(&share) {
            flow.waits_until = Some(now + wait + OVERDUE);
        }
        Grant::Wait(wait)
    }

    /// Whether nobody waits who got less.
    fn is_next(&self, now: Instant, share: ShareId) -> bool {
        let got = self.flows.get(&share).map_or(0, |flow| flow.got);
        let waiting = self
            .flows
            .iter()
            .filter(|(other, flow)| **other != share && flow.waits_until.is_some_and(|until| until >= now));
        waiting.map(|(_, flow)| flow.got).all(|other| got <= other)
    }

    fn pass(&mut self, now: Instant, share: ShareId, bytes: u64) -> Grant {
        if let Some(total) = &mut self.total {
            total.spend(now, bytes);
        }
        if let Some(flow) = self.flows.get_mut(&share) {
            self.floor = self.floor.max(flow.got);
            flow.got = flow.got.saturating_add(bytes.saturating_mul(PARTS) / flow.weight.max(1));
            if let Some(own) = &mut flow.own {
                own.spend(now, bytes);
            }
        }
        Grant::Now(bytes)
    }
}

impl Flow {
    fn new(floor: u64) -> Flow {
        Flow { own: None, weight: Priority::Normal.weight(), got: floor, waits_until: None }
    }
}

impl Bucket {
    fn set(bucket: &mut Option<Bucket>, now: Instant, rate: Option<Rate>) {
        if bucket.as_ref().map(|bucket| bucket.rate) != rate {
            *bucket = rate.map(|rate| Bucket { rate, empty_at: now });
        }
    }

    fn portion(&self) -> u64 {
        (self.rate.get() / 50).clamp(PORTION_MIN, PORTION_MAX)
    }

    /// A tenth of a second's worth, and two portions at least.
    fn most(&self) -> u64 {
        (self.rate.get() / 10).max(2 * self.portion())
    }

    fn time_for(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn held(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.empty_at).as_nanos();
        let held = since.saturating_mul(u128::from(self.rate.get())) / 1_000_000_000;
        u64::try_from(held).unwrap_or(u64::MAX).min(self.most())
    }

    /// What is there, if it is a portion or all that is wanted; else how long that takes.
    fn holds(&self, now: Instant, wanted: u64) -> Result<u64, Duration> {
        let (held, enough) = (self.held(now), self.portion().min(wanted));
        // Rounded up: who comes back after this finds it.
        if held >= enough { Ok(held) } else { Err(self.time_for(enough - held) + Duration::from_micros(1)) }
    }

    fn spend(&mut self, now: Instant, bytes: u64) {
        let full_since = now.checked_sub(self.time_for(self.most())).unwrap_or(self.empty_at);
        self.empty_at = self.empty_at.max(full_since) + self.time_for(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;

    #[test]
    fn a_limit_holds_within_a_few_hundredths_whether_small_or_large() {
        for rate in [4 * KIB, 64 * KIB, MIB, 20 * MIB, 200 * MIB] {
            for lanes in [1, 2, 30] {
                let mut room = Room::new(lanes);
                room.valve.limit_total(room.now, Rate::new(rate));

                let passed: u64 = room.run(Duration::from_secs(30)).values().sum();

                let part = passed as f64 / (rate * 30) as f64;
                assert!((0.97..=1.01).contains(&part), "{rate} bytes/s over {lanes} lanes: {part}");
            }
        }
    }

    #[test]
    fn a_small_limit_is_a_steady_trickle() {
        let mut room = Room::new(1);
        room.valve.limit_total(room.now, Rate::new(64 * KIB));
        for _ in 0..100 {
            let passed: u64 = room.run(Duration::from_millis(250)).values().sum();
            assert!((12 * KIB..=20 * KIB).contains(&passed), "{passed} bytes in a quarter of a second");
        }
    }

    #[test]
    fn time_without_wishes_is_not_saved_up() {
        let mut room = Room::new(1);
        room.valve.limit_total(room.now, Rate::new(MIB));
        room.now += Duration::from_secs(3600);

        let passed: u64 = room.run(Duration::from_secs(1)).values().sum();

        assert!(passed <= MIB + MIB / 5, "{passed}");
    }

    #[test]
    fn the_limit_of_a_transfer_holds_beside_that_of_all() {
        let mut room = Room::new(2);
        room.valve.limit_total(room.now, Rate::new(10 * MIB));
        room.valve.limit_one(room.now, share(0), Rate::new(MIB), Priority::Normal);

        let passed = room.run(Duration::from_secs(10));

        let mib = |n| passed[&share(n)] as f64 / (10 * MIB) as f64;
        assert!((0.97..=1.01).contains(&mib(0)), "{}", mib(0));
        assert!((8.7..=9.1).contains(&mib(1)), "{}", mib(1));
    }

    #[test]
    fn what_is_limited_in_total_is_shared_by_priority() {
        let mut room = Room::new(3);
        room.valve.limit_total(room.now, Rate::new(10 * MIB));
        for (n, priority) in [Priority::High, Priority::Normal, Priority::Low].into_iter().enumerate() {
            room.valve.limit_one(room.now, share(n), None, priority);
        }

        let passed = room.run(Duration::from_secs(21));

        let mib = |n| passed[&share(n)] as f64 / MIB as f64;
        assert!((155.0..=165.0).contains(&mib(0)), "{}", mib(0));
        assert!((38.0..=42.0).contains(&mib(1)), "{}", mib(1));
        assert!((9.0..=11.0).contains(&mib(2)), "{}", mib(2));
    }

    #[test]
    fn who_comes_late_gets_its_part_and_not_what_it_missed() {
        let mut room = Room::new(2);
        room.valve.limit_total(room.now, Rate::new(MIB));
        room.away = Some(1);
        room.run(Duration::from_secs(60));
        room.away = None;

        let passed = room.run(Duration::from_secs(10));

        let part = passed[&share(1)] as f64 / (passed[&share(0)] + passed[&share(1)]) as f64;
        assert!((0.45..=0.55).contains(&part), "{part}");
    }

    #[test]
    fn without_limits_everything_passes_at_once() {
        let (mut valve, now) = (Valve::default(), Instant::now());

        assert!(valve.is_open());
        assert_eq!(valve.take(now, share(0), 1 << 40), Grant::Now(1 << 40));
        valve.limit_one(now, share(0), Rate::new(MIB), Priority::Normal);
        assert!(!valve.is_open());
        valve.keep_only(BTreeSet::new());
        assert!(valve.is_open());
    }

    /// Lanes that want as much as they can get, each of its own transfer, on a clock that is turned.
    struct Room {
        now: Instant,
        valve: Valve,
        due: Vec<Instant>,
        away: Option<usize>,
    }

    impl Room {
        fn new(lanes: usize) -> Room {
            let now = Instant::now();
            Room { now, valve: Valve::default(), due: vec![now; lanes], away: None }
        }

        /// Bytes that passed in that time.
        fn run(&mut self, time: Duration) -> BTreeMap<ShareId, u64> {
            let end = self.now + time;
            let mut passed = BTreeMap::new();
            self.due.iter_mut().for_each(|due| *due = self.now.max(*due));
            while let Some((lane, at)) = self.next().filter(|(_, at)| *at < end) {
                self.now = at;
                match self.valve.take(at, share(lane), 64 * KIB) {
                    Grant::Now(bytes) => {
                        *passed.entry(share(lane)).or_default() += bytes;
                        self.due[lane] = at + Duration::from_micros(1);
                    }
                    // A thread wakes a little later than it wished.
                    Grant::Wait(wait) => self.due[lane] = at + wait + Duration::from_micros(80),
                }
            }
            self.now = end;
            passed
        }

        fn next(&self) -> Option<(usize, Instant)> {
            let here = self.due.iter().copied().enumerate().filter(|(lane, _)| Some(*lane) != self.away);
            here.min_by_key(|(_, due)| *due)
        }
    }

    fn share(n: usize) -> ShareId {
        ShareId([n as u8; 32])
    }
}
