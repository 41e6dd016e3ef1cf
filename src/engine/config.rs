//! What the engine is started with; `start` makes it from arguments, settings and the platform's folders.

use std::{net::SocketAddr, path::PathBuf};

pub use super::snapshot::{Fixed, Traffic};

/// Everything that is decided before the engine runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Identity, database and state are kept here; made if it is not there.
    pub home: PathBuf,
    /// Where downloads go when nothing else is said; made at the first download.
    pub downloads: PathBuf,
    /// The name others see.
    pub name: String,
    /// Where to answer. `None`: the default port on all addresses, or any free one where that is taken.
    pub listen: Option<SocketAddr>,
    /// Find others, and be found, by mDNS.
    pub discovery: bool,
    /// `HOST:PORT` of computers to ask although nobody announced them.
    pub peers: Vec<String>,
    /// Limits, schedule and rules for all transfers together, as they stand at the start.
    pub traffic: Traffic,
    /// What a file of this machine says about the server that manages it.
    pub managed: Option<super::managed::Ticket>,
    /// A text that is the same on every start of this machine and another on every other (`platform::machine_id`).
    pub machine_id: Option<String>,
}
