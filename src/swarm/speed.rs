//! How fast a peer gives: a moving average over the time in which it was asked for something.
//!
//! Whole pieces come in lumps, several at once, so a single piece's duration says little; what counts is the bytes that
//! came within a window. Time in which nothing was asked for does not count.

use std::time::{Duration, Instant};

/// Bytes are summed up this long before they are taken into the average.
const WINDOW: Duration = Duration::from_millis(250);
/// The average forgets at this pace.
const MEMORY: Duration = Duration::from_secs(1);

/// A measured speed.
#[derive(Clone, Debug, Default)]
pub struct Speed {
    /// Bytes a second.
    average: Option<f64>,
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    bytes: u64,
}

impl Speed {
    /// Something is asked for, and nothing was before.
    pub fn began(&mut self, now: Instant) {
        self.window.get_or_insert(Window { since: now, bytes: 0 });
    }

    /// A piece came. `took`: since it was asked for; `together`: how many were on their way, itself included.
    pub fn arrived(&mut self, now: Instant, bytes: u32, took: Duration, together: usize) {
        if self.average.is_none() && !took.is_zero() {
            self.average = Some(f64::from(bytes) * together as f64 / took.as_secs_f64());
        }
        let Some(window) = &mut self.window else { return };
        window.bytes += u64::from(bytes);
        if now.saturating_duration_since(window.since) >= WINDOW {
            self.fold(now);
        }
    }

    /// Nothing is on its way any more.
    pub fn ended(&mut self, now: Instant) {
        if self.window.is_some_and(|window| window.bytes > 0 && window.since < now) {
            self.fold(now);
        }
        self.window = None;
    }

    /// Bytes a second; `None` before anything came. While a piece of `awaited` bytes keeps us waiting, the estimate
    /// sinks, since the peer can't be faster than what it has shown.
    pub fn estimate(&self, now: Instant, awaited: u64) -> Option<u64> {
        let average = self.average?;
        let Some(window) = self.window else { return Some(average as u64) };
        let open_for = now.saturating_duration_since(window.since).max(WINDOW);
        let at_most = (window.bytes + awaited) as f64 / open_for.as_secs_f64();
        Some(average.min(at_most) as u64)
    }

    fn fold(&mut self, now: Instant) {
        let (Some(window), Some(average)) = (self.window, self.average) else { return };
        let open_for = now.saturating_duration_since(window.since);
        let sample = window.bytes as f64 / open_for.as_secs_f64();
        let weight = open_for.as_secs_f64() / (open_for + MEMORY).as_secs_f64();
        self.average = Some(average + (sample - average) * weight);
        self.window = Some(Window { since: now, bytes: 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;

    #[test]
    fn a_steady_stream_is_measured_and_idle_time_is_not() {
        let begin = Instant::now();
        let mut speed = Speed::default();
        let mut now = begin;

        for _ in 0..3 {
            speed.began(now);
            for _ in 0..50 {
                now += Duration::from_millis(100);
                speed.arrived(now, MIB, Duration::from_millis(200), 2);
            }
            speed.ended(now);
            now += Duration::from_secs(60);
        }

        let measured = speed.estimate(now, 0).unwrap() as f64 / f64::from(MIB);
        assert!((9.5..10.5).contains(&measured), "{measured} MiB/s");
    }

    #[test]
    fn a_peer_that_falls_silent_is_not_thought_fast() {
        let begin = Instant::now();
        let mut speed = Speed::default();
        speed.began(begin);
        speed.arrived(begin + Duration::from_millis(100), MIB, Duration::from_millis(100), 1);

        let later = begin + Duration::from_secs(20);

        assert!(speed.estimate(later, u64::from(MIB)).unwrap() <= u64::from(MIB) / 10);
        assert_eq!(Speed::default().estimate(later, 0), None);
    }
}
