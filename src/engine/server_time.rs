//! What time it is for the rules of a server: the server's, not this computer's clock, which whoever sits there can set.
//!
//! Each answer of the server says what time it is there; from then on a clock counts that nobody sets. Before the first
//! answer the computer's own clock holds, but for a time before what the server last signed.

use std::time::{Duration, SystemTime};

/// Clocks that differ by no more are right, in seconds.
pub const SLACK_S: i64 = 300;

/// Where the server's time comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerTime {
    /// The server's seconds since 1970 when this computer was on for 0 seconds.
    at_boot_s: Option<i64>,
    /// The server signed something then.
    at_least_s: i64,
}

impl ServerTime {
    /// The server said what time it is.
    pub fn told(&mut self, told_s: i64, since_boot: Duration) {
        let at_boot_s = told_s.saturating_sub(seconds(since_boot));
        // An answer that took a second on its way moves nothing.
        if self.at_boot_s.is_none_or(|before| before.abs_diff(at_boot_s) > 2) {
            self.at_boot_s = Some(at_boot_s);
        }
    }

    /// The server signed something at this time.
    pub fn signed(&mut self, at_s: i64) {
        self.at_least_s = self.at_least_s.max(at_s);
    }

    /// Seconds since 1970.
    pub fn now_s(self, wall: SystemTime, since_boot: Duration) -> i64 {
        match self.at_boot_s {
            Some(at_boot_s) => at_boot_s.saturating_add(seconds(since_boot)),
            None => since_1970(wall).max(self.at_least_s),
        }
    }

    /// By how many seconds this computer's clock is ahead of the server's; `None` before the server said.
    pub fn ahead_s(self, wall: SystemTime, since_boot: Duration) -> Option<i64> {
        self.at_boot_s.map(|_| since_1970(wall).saturating_sub(self.now_s(wall, since_boot)))
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn since_1970(wall: SystemTime) -> i64 {
    wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_servers_time_goes_on_however_the_computers_clock_is_set() {
        let boot = Duration::from_secs;
        let mut time = ServerTime::default();
        assert_eq!(time.now_s(wall(500), boot(10)), 500, "nobody said anything else");
        time.signed(1_000);
        assert_eq!(time.now_s(wall(500), boot(10)), 1_000, "it is later than what was signed");
        assert_eq!(time.now_s(wall(2_000), boot(10)), 2_000);

        time.told(3_000, boot(10));
        for clock in [0, 500, 3_000, 9_000_000] {
            assert_eq!(time.now_s(wall(clock), boot(20)), 3_010, "{clock}");
        }
        assert_eq!(time.ahead_s(wall(9_010), boot(20)), Some(6_000));
        time.told(3_011, boot(20));
        assert_eq!(time.now_s(wall(0), boot(20)), 3_010, "it does not jump to and fro");
        time.told(2_000, boot(20));
        assert_eq!(time.now_s(wall(0), boot(20)), 2_000, "a server whose clock was put right");
    }
}
