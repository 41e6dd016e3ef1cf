//! Keeps what is fetched and given within its limits: the leaf that workers ask before they move bytes.
//!
//! The engine says what holds ([`Plan`]), the rules are `traffic::valve`'s, and here is the lock around them and the
//! waiting. Where nothing is limited, asking costs one look at a flag. What is said beside pieces (lists, manifests) is
//! small and not limited.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    share::ShareId,
    traffic::{Grant, Limits, Priority, Rate, Valve},
};

/// A worker is back after this, to see whether it should end.
const PATIENCE: Duration = Duration::from_millis(100);
/// A line that moves less than this is given up by those at its other end; so few lines are open at a time.
const LEAST_LINE: u64 = 16 * 1024;

/// What holds from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// For all transfers together.
    pub total: Limits,
    /// Transfers with a limit of their own, or another priority than the usual one.
    pub each: BTreeMap<ShareId, (Limits, Priority)>,
    /// Nothing is given at all.
    pub paused: bool,
}

/// One direction's limits.
#[derive(Debug, Default)]
pub struct Throttle {
    limited: AtomicBool,
    valve: Mutex<Valve>,
}

impl Throttle {
    /// Other limits hold: in total, and of single transfers.
    pub fn set(&self, total: Option<Rate>, each: impl Iterator<Item = (ShareId, Option<Rate>, Priority)>) {
        let mut valve = self.valve.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let each: Vec<_> = each.collect();
        valve.limit_total(now, total);
        valve.keep_only(each.iter().map(|(share, ..)| *share).collect());
        for (share, rate, priority) in each {
            valve.limit_one(now, share, rate, priority);
        }
        self.limited.store(!valve.is_open(), Ordering::Release);
    }

    /// How many bytes of a transfer may move now, at most `most`. Waits a moment where there are none; 0 means: not yet.
    pub fn take(&self, share: ShareId, most: usize) -> usize {
        if !self.limited.load(Ordering::Acquire) {
            return most;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let now = Instant::now();
            let granted = self.valve.lock().unwrap_or_else(PoisonError::into_inner).take(now, share, most as u64);
            match granted {
                Grant::Now(bytes) => return usize::try_from(bytes).unwrap_or(most).min(most),
                Grant::Wait(_) if now >= end => return 0,
                Grant::Wait(wait) => std::thread::sleep(wait.min(end - now)),
            }
        }
    }
}

/// How many lines may be open at a time, so that each moves enough for its other end; `None`: any number.
pub fn lines_under(limit: Option<Rate>) -> Option<usize> {
    limit.map(|rate| usize::try_from(rate.get() / LEAST_LINE).unwrap_or(usize::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_waits_until_a_limit_is_set_and_after_it_was_lifted() {
        let throttle = Throttle::default();
        assert_eq!(throttle.take(share(), 1 << 30), 1 << 30);

        throttle.set(Rate::new(4096), std::iter::empty());
        let granted: usize = (0..3).map(|_| throttle.take(share(), 1 << 20)).sum();
        assert!(granted < 4096, "{granted}");

        throttle.set(None, std::iter::empty());
        assert_eq!(throttle.take(share(), 1 << 30), 1 << 30);
    }

    #[test]
    fn a_small_limit_leaves_room_for_few_lines_and_always_for_one() {
        let lines = |rate| lines_under(Rate::new(rate));

        assert_eq!([4096, 64 << 10, 1 << 20].map(lines), [Some(1), Some(4), Some(64)]);
        assert_eq!(lines_under(None), None);
    }

    fn share() -> ShareId {
        ShareId([1; 32])
    }
}
