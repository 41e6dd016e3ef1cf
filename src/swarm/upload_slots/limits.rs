//! How much is given at a time, and to whom of how many.

use std::time::Duration;

/// How many are served.
#[derive(Clone, Debug)]
pub struct UploadLimits {
    /// Pieces that are sent at once, those on slow lines not counted.
    pub slots: usize,
    /// Pieces that are sent at once in all.
    pub slots_max: usize,
    /// Pieces that one peer is sent at once.
    pub per_peer: usize,
    /// Pieces that one address and one network are sent at once, those of this computer excepted.
    pub per_address: usize,
    pub per_net: usize,
    /// A slot is on a slow line when it is held for so many usual turns, and for at least and at most so long.
    pub slow_turns: u32,
    pub slow_min: Duration,
    pub slow_max: Duration,
    /// Whether one that moves slowly is dropped for another; not where it is slow because of our own limits.
    pub drops: bool,
    /// Peers that wait in line.
    pub waiting_max: usize,
    /// Of those from one address and one network, those of this computer excepted.
    pub waiting_per_address: usize,
    pub waiting_per_net: usize,
    /// How long one that waits here keeps its place.
    pub wait_max: Duration,
    /// When to come back, at the earliest and at the latest.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

impl Default for UploadLimits {
    fn default() -> UploadLimits {
        UploadLimits {
            // Measured in `tests/sim`: with fewer, receivers whose own lines are full leave the wire idle; with more,
            // each piece takes longer to be whole and to be passed on.
            slots: 8,
            slots_max: 32,
            per_peer: 2,
            per_address: 8,
            per_net: 24,
            slow_turns: 4,
            slow_min: Duration::from_millis(500),
            slow_max: Duration::from_secs(10),
            drops: true,
            waiting_max: 256,
            waiting_per_address: 32,
            waiting_per_net: 128,
            wait_max: Duration::from_secs(1),
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_secs(1),
        }
    }
}
