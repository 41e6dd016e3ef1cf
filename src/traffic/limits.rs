//! Limits of speed, and which one holds where there are several.

use std::num::NonZeroU64;

/// Bytes a second; at least [`RATE_MIN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(NonZeroU64);

/// Slower than this, a piece takes so long that others give up on it; who wants less pauses.
pub const RATE_MIN: u64 = 4 * 1024;
/// Faster than any wire; a larger number is a slip of the keyboard.
pub const RATE_MAX: u64 = 1 << 40;

/// How fast something may go, each way; `None`: as fast as it can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub down: Option<Rate>,
    pub up: Option<Rate>,
}

impl Rate {
    /// `None` for what is below [`RATE_MIN`] or above [`RATE_MAX`].
    pub fn new(bytes_per_s: u64) -> Option<Rate> {
        NonZeroU64::new(bytes_per_s).filter(|_| (RATE_MIN..=RATE_MAX).contains(&bytes_per_s)).map(Rate)
    }

    /// Bytes a second.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl Limits {
    pub const NONE: Limits = Limits { down: None, up: None };

    /// The tighter of two, each way.
    pub fn and(self, other: Limits) -> Limits {
        Limits { down: tighter(self.down, other.down), up: tighter(self.up, other.up) }
    }
}

fn tighter(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_nobody_can_mean_is_none() {
        assert_eq!(Rate::new(RATE_MIN).map(Rate::get), Some(4096));
        assert_eq!(Rate::new(RATE_MAX).map(Rate::get), Some(1 << 40));
        for wrong in [0, 1, RATE_MIN - 1, RATE_MAX + 1, u64::MAX] {
            assert_eq!(Rate::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn of_two_limits_the_tighter_holds_each_way_and_none_is_no_limit() {
        let limits = |down, up| Limits { down: Rate::new(down), up: Rate::new(up) };

        assert_eq!(limits(10_000, 50_000).and(limits(20_000, 40_000)), limits(10_000, 40_000));
        assert_eq!(limits(10_000, 0).and(Limits::NONE), limits(10_000, 0));
        assert_eq!(Limits::NONE.and(limits(0, 10_000)), limits(0, 10_000));
    }
}
