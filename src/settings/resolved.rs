//! What holds, each value with where it came from.

use std::{net::SocketAddr, path::PathBuf};

use super::{Bad, Theme};
use crate::traffic::{Limits, Rate, Schedule, SeedUntil};

/// A value that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub source: Source,
}

/// Where a value came from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Default,
    /// `settings.toml`.
    File,
    /// An argument of the command line, or a variable of the environment that stands for one.
    Argument,
    /// The administrator's file; nobody at this computer can choose otherwise.
    Policy,
}

/// Everything that is decided before the engine runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub name: Setting<String>,
    pub downloads: Setting<PathBuf>,
    /// Where to answer; `None` leaves it to the engine.
    pub listen: Setting<Option<SocketAddr>>,
    pub discovery: Setting<bool>,
    pub limit_down: Setting<Option<Rate>>,
    pub limit_up: Setting<Option<Rate>>,
    /// Beyond these nobody can go.
    pub fixed_limits: Limits,
    pub schedule: Setting<Schedule>,
    pub active_downloads: Setting<u32>,
    pub seed_until: Setting<SeedUntil>,
    pub stop_seeding_when_closed: Setting<bool>,
    pub theme: Setting<Theme>,
    /// As the window was closed last.
    pub window_size: Option<[f32; 2]>,
    /// The card of the first start was read.
    pub welcomed: bool,
    /// What was written and can't be used.
    pub bad: Vec<Bad>,
}
