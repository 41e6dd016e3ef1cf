//! How transfers are managed from the command line: what is asked, and the rows of the answers.
//!
//! The rows are also what `--json` prints: fields may be added, never taken away. Sizes are in bytes, speeds in bytes a
//! second, times in RFC 3339. `share` in a wish: an id, the beginning of one, a link, or a title that only one share has.

use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "manage", rename_all = "snake_case")]
pub enum Manage {
    PauseAll,
    ResumeAll,
    RetryAll,
    Retry {
        share: String,
    },
    /// Moves a download in the queue. `to`: `top`, `up`, `down`, `bottom`, `before` or `after`; the last two need `other`.
    Move {
        share: String,
        to: String,
        other: Option<String>,
    },
    Set {
        share: String,
        options: Box<Chosen>,
    },
    /// What holds for all transfers together; with any value, after changing it.
    All {
        chosen: Box<ChosenForAll>,
    },
    ScheduleAdd {
        rule: ScheduleRule,
    },
    /// `number`: from 1.
    ScheduleRemove {
        number: usize,
    },
    ScheduleClear,
    Files {
        share: String,
    },
    /// Wants exactly the files with these numbers (from 1); all of them when `files` is `None`.
    Select {
        share: String,
        files: Option<Vec<u32>>,
    },
    Relocate {
        share: String,
        /// Absolute.
        into: Option<String>,
        name: Option<String>,
    },
    Given,
    Why {
        share: String,
    },
}

/// What is changed of one transfer; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// `high`, `normal` or `low`.
    pub priority: Option<String>,
    /// `rarest` or `in-order`.
    pub order: Option<String>,
    /// `foreground` or `background`.
    pub class: Option<String>,
    /// 0: no limit.
    pub limit_down: Option<u64>,
    pub limit_up: Option<u64>,
    /// `forever`, `ratio:2`, `time:2h`, `copies:30`, or `default` for what holds for all.
    pub seed_until: Option<String>,
}

/// What is changed for all transfers together; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenForAll {
    /// 0: no limit.
    pub limit_down: Option<u64>,
    pub limit_up: Option<u64>,
    pub active_downloads: Option<u32>,
    pub seed_until: Option<String>,
    pub stop_seeding_when_closed: Option<bool>,
}

/// What holds for all transfers together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// As a person chose them; null: no limit.
    pub limit_down: Option<u64>,
    pub limit_up: Option<u64>,
    /// As they are at this moment, with the schedule and what an administrator allows.
    pub limit_down_now: Option<u64>,
    pub limit_up_now: Option<u64>,
    /// The schedule says that nothing moves.
    pub paused_by_schedule: bool,
    pub active_downloads: u32,
    pub seed_until: String,
    pub stop_seeding_when_closed: bool,
    pub schedule: Vec<ScheduleRule>,
    /// The number of the rule that holds, from 1.
    pub rule_now: Option<usize>,
    /// What an administrator fixed, by the names of the settings.
    pub fixed: Vec<String>,
}

/// Other limits at certain hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRule {
    /// `mon-fri`, `sat,sun`, `daily`.
    pub days: String,
    /// `HH:MM`.
    pub from: String,
    pub to: String,
    /// Nothing moves; the limits are not used then.
    pub pause: bool,
    pub limit_down: Option<u64>,
    pub limit_up: Option<u64>,
}

/// A file of a share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOfShare {
    /// From 1.
    pub number: u32,
    pub path: String,
    pub size: u64,
    pub done_bytes: u64,
    pub wanted: bool,
}

/// What one computer got of one share from this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub peer: String,
    pub peer_name: String,
    /// The share's id.
    pub share: String,
    pub title: String,
    /// In all, over all times that the program ran.
    pub bytes: u64,
    /// Now.
    pub rate: u64,
    pub last: String,
}

/// Why a transfer is as fast as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable: `full_speed`, `limit`, `disk`, …
    pub code: String,
    /// A sentence.
    pub what: String,
    /// What can be done about it; empty where nothing is to be done.
    pub hint: String,
}

/// A transfer from near.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub transfer: super::control::Transfer,
    pub peers: Vec<PeerOfTransfer>,
    /// One value a second, oldest first.
    pub history: Vec<Speed>,
    /// Pieces side by side, at most 512 tiles.
    pub map: Vec<Tile>,
}

/// Another computer's part in a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerOfTransfer {
    pub id: String,
    pub name: String,
    pub rate: u64,
    pub rate_up: u64,
    pub got_bytes: u64,
    pub given_bytes: u64,
    pub pieces: u32,
    pub complete: bool,
    /// Pieces that it was asked for.
    pub in_flight: u32,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speed {
    pub down: u64,
    pub up: u64,
}

/// Some neighbouring pieces: how many of 255 parts are here and on their way, and how many copies others have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    pub had: u8,
    pub in_flight: u8,
    pub copies: u8,
}
