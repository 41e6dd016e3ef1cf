//! How fast things may go.

use crate::{
    traffic::{Limits, Rate},
    window::figures,
};

pub const TITLE: &str = "Speed";
pub const TEXT: &str = "How fast everything together may go. Others in the room share the same line.";
pub const CHANGE: &str = "Change the speed…";
pub const LIMIT: &str = "Limit its speed…";
pub const ALL_TITLE: &str = "How fast may everything go?";
pub const DOWN: &str = "Coming in";
pub const UP: &str = "Given to others";
pub const NO_LIMIT: &str = "No limit";
pub const NONE: &str = "As fast as it can";
pub const NOT_A_SPEED: &str = "That is no speed. Write it like 2 MB/s, 500 kB/s or 16 Mbit/s.";
pub const TOO_SLOW: &str = "Slower than 5 kB/s nothing arrives. Pause it instead.";
pub const TOO_FAST: &str = "No network is that fast. Leave it empty for no limit.";
/// What can be chosen without typing, in bytes a second.
pub const USUAL: [u64; 4] = [500_000, 1_000_000, 2_000_000, 10_000_000];

pub fn title_of(share: &str) -> String {
    format!("How fast may {share} go?")
}

/// What the field of a direction is called.
pub fn field(name: &str) -> String {
    format!("{name}, at most")
}

/// What a speed means to a person.
pub fn means(bytes_per_s: u64) -> String {
    let seconds = 1_000_000_000 / bytes_per_s.max(1);
    format!("A film of 1 GB takes {}", figures::time_left(std::time::Duration::from_secs(seconds)))
}

pub fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| NO_LIMIT.to_owned(), |rate| figures::speed(rate.get()))
}

/// Both directions in one line.
pub fn both(limits: Limits) -> String {
    match (limits.down, limits.up) {
        (None, None) => NO_LIMIT.to_owned(),
        (down, up) => format!("↓ {}  ↑ {}", rate(down), rate(up)),
    }
}

/// The same as it is spoken.
pub fn spoken(limits: Limits) -> String {
    format!("{DOWN}: {}, {UP}: {}", rate(limits.down), rate(limits.up))
}

pub fn at_most(rate: &str) -> String {
    format!("Your administrator allows {rate} at most")
}

/// Shown while a rule of the schedule holds.
pub fn now(limits: Limits) -> String {
    format!("At this hour: {}", both(limits))
}
