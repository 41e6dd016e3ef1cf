//! The least speed that anybody must keep: 1 KiB/s, measured over any 15 seconds in which we wait for them.
//!
//! Pure: the time comes in as an argument. A [`Pace`] watches one direction of one connection and is told when waiting
//! begins, so that a silence in which nothing was owed costs nothing.

use std::time::{Duration, Instant};

/// What must move, and in which time; the time is also the longest silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastSpeed {
    pub window: Duration,
    pub bytes: u64,
}

impl Default for LeastSpeed {
    /// 1 KiB/s.
    fn default() -> LeastSpeed {
        LeastSpeed { window: Duration::from_secs(15), bytes: 15 * 1024 }
    }
}

/// Bytes moved since the beginning of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    least: LeastSpeed,
    since: Instant,
    bytes: u64,
}

/// Too little came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooSlow {
    pub bytes: u64,
}

impl Pace {
    /// Waiting begins.
    pub fn start(least: LeastSpeed, now: Instant) -> Pace {
        Pace { least, since: now, bytes: 0 }
    }

    /// Waiting begins again.
    pub fn restart(&mut self, now: Instant) {
        *self = Pace::start(self.least, now);
    }

    /// `bytes` moved. An error when the window is over and too little did.
    pub fn moved(&mut self, bytes: usize, now: Instant) -> Result<(), TooSlow> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if now < self.deadline() {
            return Ok(());
        }
        if self.bytes < self.least.bytes {
            return Err(TooSlow { bytes: self.bytes });
        }
        self.restart(now);
        Ok(())
    }

    /// When the window is over.
    pub fn deadline(&self) -> Instant {
        self.since + self.least.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(15);

    #[test]
    fn whoever_keeps_the_least_speed_may_go_on_for_ever() {
        let start = Instant::now();
        let mut pace = Pace::start(LeastSpeed::default(), start);
        for second in 1..1000 {
            assert_eq!(pace.moved(1025, start + Duration::from_secs(second)), Ok(()));
        }
    }

    #[test]
    fn a_trickle_is_noticed_at_the_end_of_the_window() {
        let start = Instant::now();
        let mut pace = Pace::start(LeastSpeed::default(), start);
        assert_eq!(pace.moved(1, start + Duration::from_secs(14)), Ok(()));
        assert_eq!(pace.moved(1, start + WINDOW), Err(TooSlow { bytes: 2 }));
    }

    #[test]
    fn a_burst_does_not_pay_for_the_next_window() {
        let start = Instant::now();
        let mut pace = Pace::start(LeastSpeed::default(), start);
        assert_eq!(pace.moved(1 << 30, start + WINDOW), Ok(()));
        assert_eq!(pace.moved(1, start + 2 * WINDOW), Err(TooSlow { bytes: 1 }));
    }
}
