//! Virtual time: a queue of what happens when, and chance that can be played again.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

/// What happens when, in order; what happens at the same time happens in the order in which it was planned.
pub struct World<E> {
    begin: Instant,
    now: Instant,
    /// In how many nanoseconds from the beginning, in which order planned, and where in `events`.
    queue: BinaryHeap<Reverse<(u64, u64, u32)>>,
    events: Vec<Option<E>>,
    /// Free places of `events`.
    free: Vec<u32>,
    planned: u64,
}

impl<E> World<E> {
    pub fn new() -> World<E> {
        // The only look at a real clock; nothing depends on what it shows.
        let begin = Instant::now();
        World { begin, now: begin, queue: BinaryHeap::new(), events: vec![], free: vec![], planned: 0 }
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - self.begin
    }

    pub fn plan_at(&mut self, at: Instant, event: E) {
        self.planned += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() as u32 - 1
        });
        self.events[place as usize] = Some(event);
        let at = at.max(self.now) - self.begin;
        self.queue.push(Reverse((at.as_nanos() as u64, self.planned, place)));
    }

    pub fn plan_in(&mut self, after: Duration, event: E) {
        self.plan_at(self.now + after, event);
    }

    /// Moves time to the next event.
    pub fn next(&mut self) -> Option<E> {
        let Reverse((at, _, place)) = self.queue.pop()?;
        self.now = self.begin + Duration::from_nanos(at);
        self.free.push(place);
        self.events[place as usize].take()
    }
}

/// SplitMix64; apart from the one of the code under test, so that a fault there does not hide here.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed ^ 0xd1ce)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Runs `play` with each seed, or with as many as the environment's `SEEDS` says, or only with that of `SEED`; a run that
/// fails prints its seed.
pub fn with_seeds(seeds: std::ops::Range<u64>, mut play: impl FnMut(u64)) {
    let from_environment = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let seeds = match (from_environment("SEED"), from_environment("SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => seeds,
    };
    for seed in seeds {
        let shown = PrintedOnPanic(seed);
        play(seed);
        drop(shown);
    }
}

struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this run had SEED={seed}; play it again with: SEED={seed} cargo test sim", seed = self.0);
        }
    }
}
