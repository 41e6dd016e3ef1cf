//! Speeds: how many bytes a second, smoothed, both ways.

use std::time::Duration;

use crate::engine::snapshot::Speed;

/// The half-life of a smoothed speed is about two beats; so a bar's figure is calm, and true within a second.
const SMOOTHING: f64 = 0.3;
/// Below this many bytes a second nothing moves.
const STILL: f64 = 1.0;

/// Bytes counted in both directions, and the speeds they make.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    down: Rate,
    up: Rate,
}

#[derive(Clone, Debug, Default)]
struct Rate {
    /// Bytes since the last beat.
    fresh: u64,
    /// Bytes a second.
    smooth: f64,
}

impl Rates {
    pub fn add_down(&mut self, bytes: u64) {
        self.down.fresh += bytes;
    }

    pub fn add_up(&mut self, bytes: u64) {
        self.up.fresh += bytes;
    }

    /// A beat has passed.
    pub fn beat(&mut self, passed: Duration) {
        self.down.beat(passed);
        self.up.beat(passed);
    }

    /// Bytes a second.
    pub fn down(&self) -> u64 {
        self.down.smooth as u64
    }

    /// Bytes a second.
    pub fn up(&self) -> u64 {
        self.up.smooth as u64
    }

    pub fn speed(&self) -> Speed {
        Speed { down: self.down(), up: self.up() }
    }

    pub fn moving(&self) -> bool {
        self.down.moving() || self.up.moving()
    }
}

impl Rate {
    fn beat(&mut self, passed: Duration) {
        let seconds = passed.as_secs_f64().max(0.001);
        let fresh = self.fresh as f64 / seconds;
        self.smooth = if self.smooth < STILL { fresh } else { self.smooth + SMOOTHING * (fresh - self.smooth) };
        if self.fresh == 0 && self.smooth < 1024.0 {
            self.smooth = 0.0;
        }
        self.fresh = 0;
    }

    fn moving(&self) -> bool {
        self.fresh > 0 || self.smooth >= STILL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_shows_its_speed_and_a_stopped_one_goes_to_zero() {
        let mut rates = Rates::default();
        for _ in 0..20 {
            rates.add_down(1_000);
            rates.beat(Duration::from_millis(250));
        }
        assert!((3_900..=4_000).contains(&rates.down()), "{}", rates.down());
        for _ in 0..60 {
            rates.beat(Duration::from_millis(250));
        }
        assert!(!rates.moving());
    }
}
