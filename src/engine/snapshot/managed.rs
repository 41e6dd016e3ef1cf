//! The server that manages this computer, as faces see it.

use std::{sync::Arc, time::SystemTime};

use crate::{
    access::{GroupId, Policy, Role},
    share::{PeerId, ShareId},
};

/// A share that a server told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    pub share: ShareId,
    pub title: String,
    pub owner: Option<String>,
    /// Bytes.
    pub size: u64,
    pub files: u32,
    pub created: SystemTime,
    /// The file in it that has the words, where it is not the title.
    pub file: Option<String>,
    /// Who told of it.
    pub server: PeerId,
    pub server_name: String,
    /// The servers above that lead to it; empty: it is on the server that told of it.
    pub route: Vec<String>,
}

/// How far the server is with keeping a share of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It was not asked yet, or could not be.
    Waiting,
    /// Bytes that it has.
    Fetching {
        done_bytes: u64,
    },
    Kept,
    Refused {
        why: String,
    },
}

/// Who manages this computer, and by which rules.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedPicture {
    /// `None` while it is not enrolled, or no more.
    pub server: Option<PeerId>,
    pub name: String,
    /// Whose rules they are: shown as "Managed by …".
    pub by: String,
    /// Of the people who use this computer.
    pub role: Option<Role>,
    /// Groups to which it may give.
    pub groups: Vec<(GroupId, String)>,
    pub reachable: bool,
    /// Why the server can't be reached, and since when.
    pub lost: Option<(String, SystemTime)>,
    /// The server took this computer off its list.
    pub removed: Option<String>,
    /// Why there are no rules to go by, though it is managed: then nothing is given or fetched.
    pub missing: Option<String>,
    /// A file of this machine says so, so nobody who only uses it can do without.
    pub by_machine: bool,
    /// Of the policy.
    pub version: u64,
    pub policy: Option<Arc<Policy>>,
    /// An exam that holds here, and when it ends.
    pub exam_until: Option<SystemTime>,
    /// The same as hour and minute of this place.
    pub exam_clock: Option<(u16, u16)>,
    /// Heads of the server's audit log that are kept here; `None` where that is not this computer's business.
    pub heads: Option<usize>,
    /// How the log does not continue them.
    pub heads_broken: Option<String>,
    /// Why nothing may be given to everyone, if so.
    pub no_room: Option<String>,
    /// Why nothing may be given to the server, if so.
    pub no_server: Option<String>,
}
