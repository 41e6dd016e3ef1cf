//! What the command line asks about the server that manages this computer, and the rows of the answers, which are also
//! what `--json` prints: fields may be added, never taken away.

use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "server", rename_all = "snake_case")]
pub enum ServerWish {
    /// Let this server manage this computer. `address`: `HOST:PORT`, or a server that is around, by name or id.
    Enrol { address: String, token: String },
    /// Let no server manage it any more.
    Leave,
}

/// Who manages this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// The server's id; null while this computer is not enrolled, or no more.
    pub server: Option<String>,
    /// The server's name.
    pub name: String,
    pub managed_by: String,
    /// `student` or `teacher`.
    pub role: Option<String>,
    /// Groups to which this computer may give.
    pub groups: Vec<String>,
    pub reachable: bool,
    /// Why the server can't be reached, and since when.
    pub unreachable: Option<String>,
    pub unreachable_since: Option<String>,
    pub policy_version: u64,
    /// An exam that holds here.
    pub exam_until: Option<String>,
    /// Why there are no rules to go by: nothing is given or fetched then.
    pub missing: Option<String>,
    /// The server took this computer off its list.
    pub removed: Option<String>,
    /// On teachers' computers: heads of the server's audit log that are kept here.
    #[serde(default)]
    pub audit_heads: Option<usize>,
    /// How the server's audit log does not continue them.
    #[serde(default)]
    pub audit_broken: Option<String>,
    /// A file of this machine says so.
    pub by_machine: bool,
}
