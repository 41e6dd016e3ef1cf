//! Holds what students send and receive to the speeds of the policy. A person has one speed, over however many connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Server, caller::Visit};
use crate::access::{PersonId, Role};

/// So much of a second's bytes may come at once.
const BURST: Duration = Duration::from_millis(250);
/// Speeds of people of whom nothing was heard for a while are forgotten beyond this number.
const REMEMBERED_MAX: usize = 4_096;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Up,
    Down,
}

/// Everybody who has a limit.
#[derive(Default)]
pub(crate) struct Speeds {
    pacers: Mutex<BTreeMap<(PersonId, Way), Pacer>>,
}

/// One person's speed, one way. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pacer {
    bytes_per_s: u64,
    /// When all that passed so far has had its time.
    due: Arc<Mutex<Instant>>,
}

impl Pacer {
    fn new(bytes_per_s: u64) -> Pacer {
        Pacer { bytes_per_s: bytes_per_s.max(1), due: Arc::new(Mutex::new(Instant::now())) }
    }

    /// What may be read at once.
    pub fn step(&self, most: usize) -> usize {
        let burst = u128::from(self.bytes_per_s) * BURST.as_millis() / 1_000;
        usize::try_from(burst).unwrap_or(most).clamp(1_024, most)
    }

    /// Waits until so many bytes may have passed.
    pub async fn pass(&self, bytes: usize) {
        let due = self.due_after(bytes, Instant::now());
        if let Some(early) = due.checked_sub(BURST) {
            tokio::time::sleep_until(early.into()).await;
        }
    }

    /// When all that passed, and these bytes, have had their time.
    fn due_after(&self, bytes: usize, now: Instant) -> Instant {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_s as f64);
        // Who was silent does not save up.
        *due = (*due).max(now) + takes;
        *due
    }
}

impl Speeds {
    fn of(&self, who: (PersonId, Way), bytes_per_s: u64) -> Pacer {
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        if pacers.len() >= REMEMBERED_MAX {
            // Those that are in use are held by somebody else, too.
            pacers.retain(|_, pacer| Arc::strong_count(&pacer.due) > 1);
        }
        let pacer = pacers.entry(who).or_insert_with(|| Pacer::new(bytes_per_s));
        // Another speed holds for what goes on from now.
        pacer.bytes_per_s = bytes_per_s.max(1);
        pacer.clone()
    }
}

impl Server {
    /// The speed that holds for somebody; `None` where there is no limit.
    pub(super) fn speed_of(&self, visit: &Visit, way: Way) -> Option<Pacer> {
        let person = visit.actor.person().filter(|_| visit.actor.role <= Role::Student)?;
        let policy = self.policy();
        let students = &policy.students;
        let limit = match way {
            Way::Up => students.upload_bytes_per_s,
            Way::Down => students.download_bytes_per_s,
        };
        Some(self.speeds.of((person, way), limit?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_connections_of_one_person_share_one_speed() {
        let speeds = Speeds::default();
        let begun = Instant::now();
        let connections: Vec<Pacer> = (0..4).map(|_| speeds.of((PersonId(1), Way::Down), 100_000)).collect();
        let mut due = begun;
        for turn in 0..100 {
            due = connections[turn % 4].due_after(10_000, begun);
        }
        assert!((9.9..10.1).contains(&(due - begun).as_secs_f64()), "a megabyte at 100 kB/s takes 10 s");
        let other = speeds.of((PersonId(2), Way::Down), 100_000);
        assert!(other.due_after(10_000, begun) - begun < Duration::from_millis(150), "nobody waits for another");
        assert_eq!(other.step(256 << 10), 25_000);
    }

    #[test]
    fn who_was_silent_does_not_save_up() {
        let pacer = Pacer::new(1_000);
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(pacer.due_after(5_000, later) - later, Duration::from_secs(5));
    }
}
