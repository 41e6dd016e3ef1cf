//! How long somebody waits after failed tries to sign in.
//!
//! Nobody can lock anybody out: failures count for an account *at one address*, and the wait has an end of half a minute.
//! A browser in which somebody signed in before has a proof of it, and is counted alone, whatever others do at the same
//! address. A whole school can stand behind one address, so an address alone waits late and briefly.

use super::{Server, now_ms};
use crate::store::central::{CentralError, Failures};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An account at an address, or a browser that is known.
    Account,
    /// All tries of an address.
    Address,
}

/// Failures that are older do not count.
pub(super) const FORGOTTEN_MS: i64 = 15 * 60 * 1_000;

/// What is written down after one more failure.
pub(super) fn after_failure(kind: Kind, before: Failures, now_ms: i64) -> Failures {
    let remembered = if now_ms - before.at_ms > FORGOTTEN_MS { 0 } else { before.count };
    let count = remembered.saturating_add(1);
    let wait_ms = match kind {
        // Three for a slip of the finger, then 1, 2, 4 … 30 s.
        Kind::Account => wait_of(count, 3, 30_000),
        // A class that signs in after the holidays fails often.
        Kind::Address => wait_of(count, 60, 4_000),
    };
    Failures { count, until_ms: now_ms + wait_ms, at_ms: now_ms }
}

fn wait_of(count: u32, free: u32, longest_ms: i64) -> i64 {
    match count.checked_sub(free + 1) {
        None => 0,
        Some(more) => 1_000i64.checked_shl(more.min(20)).unwrap_or(longest_ms).min(longest_ms),
    }
}

/// How many whole seconds are left to wait, if any.
pub(super) fn left_s(failures: Failures, now_ms: i64) -> Option<u64> {
    let left = failures.until_ms - now_ms;
    (left > 0).then(|| u64::try_from(left).unwrap_or(0).div_ceil(1_000))
}

impl Server {
    /// Writes one more failure down.
    pub(super) async fn count_failure(&self, who: &str, kind: Kind) -> Result<(), CentralError> {
        self.central.add_failure(who, |before| after_failure(kind, before, now_ms())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_half_a_minute() {
        let mut failures = Failures::default();
        let mut waits = vec![];
        for _ in 0..12 {
            failures = after_failure(Kind::Account, failures, 1_000_000);
            waits.push(left_s(failures, 1_000_000).unwrap_or(0));
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
    }

    #[test]
    fn a_class_that_mistypes_does_not_stop_the_others_at_its_address() {
        let mut failures = Failures::default();
        for _ in 0..60 {
            failures = after_failure(Kind::Address, failures, 1_000_000);
        }
        assert_eq!(left_s(failures, 1_000_000), None);
        for _ in 0..1_000 {
            failures = after_failure(Kind::Address, failures, 1_000_000);
        }
        assert_eq!(left_s(failures, 1_000_000), Some(4));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let old = Failures { count: 9, until_ms: 0, at_ms: 0 };
        assert_eq!(after_failure(Kind::Account, old, FORGOTTEN_MS + 1).count, 1);
    }
}
