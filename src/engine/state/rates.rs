//! Speeds: how many bytes a second, smoothed, both ways.

use std::{collections::VecDeque, time::Duration};

use super::{BEAT, State};
use crate::engine::{served::Reading, snapshot::Speed};

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

/// A value a second is kept for this long.
const HISTORY_MAX: usize = 300;
const BEATS_A_SECOND: u64 = (1_000 / BEAT.as_millis()) as u64;

impl State {
    /// A quarter of a second has passed: speeds are renewed.
    pub(super) fn beat(&mut self) {
        let passed = self.last_beat.map_or(BEAT, |last| self.clock.now - last);
        self.last_beat = Some(self.clock.now);
        self.beats += 1;
        let keep = self.beats.is_multiple_of(BEATS_A_SECOND);
        self.read_gauges(passed);
        let was_moving = self.total.moving();
        self.total.beat(passed);
        if keep && (was_moving || self.history.back().is_some_and(|last| *last != Speed::default())) {
            push(&mut self.history, self.total.speed());
        }
        for held in self.held.values_mut() {
            let moved = held.moving();
            held.rates.beat(passed);
            held.sources.values_mut().for_each(|source| source.rates.beat(passed));
            held.given.values_mut().for_each(|given| given.rates.beat(passed));
            if moved {
                self.changed.transfers = true;
                self.changed.rest = true;
                if keep {
                    push(&mut held.history, held.rates.speed());
                }
            }
        }
        self.changed.rest |= was_moving;
    }

    /// What others got from us so far.
    pub(super) fn uploads_read(&mut self, readings: &[Reading]) {
        for reading in readings {
            let Some(held) = self.held.get_mut(&reading.share) else { continue };
            let given = held.given.entry(reading.peer).or_default();
            let fresh = reading.bytes.saturating_sub(given.read);
            let opened = given.open != reading.open;
            given.read = reading.bytes;
            given.bytes += fresh;
            given.open = reading.open;
            given.rates.add_up(fresh);
            held.rates.add_up(fresh);
            self.total.add_up(fresh);
            if fresh > 0 {
                self.ledger.add(reading.share, reading.peer, &held.title, fresh, self.clock.wall);
            }
            self.changed.transfers |= fresh > 0 || opened;
        }
    }
}

fn push(history: &mut VecDeque<Speed>, speed: Speed) {
    if history.len() == HISTORY_MAX {
        history.pop_front();
    }
    history.push_back(speed);
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
