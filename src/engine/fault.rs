//! Errors of the shell's rooms, as the engine tells them apart. Each becomes a [`Trouble`](super::trouble::Trouble) once,
//! in `state/trouble.rs`.

use std::{path::PathBuf, time::Duration};

/// Another computer did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFault {
    pub kind: PeerFaultKind,
    /// A sentence: what it did.
    pub what: String,
}

/// What the engine does depends on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerFaultKind {
    /// It does not answer, or hung up; it may later.
    Unreachable,
    /// Another key answers at its address.
    WrongPeer,
    /// It has too much to do; it may be asked again after so long.
    Busy { retry_after: Duration },
    /// It answered that it has no such thing for us.
    NotThere,
    /// It broke the protocol or sent what is not what it should be: it is not asked again.
    Misbehaved,
}

/// The disk did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFault {
    /// A sentence: what happened to what.
    pub what: String,
    pub hint: String,
    /// Whether it is worth trying again by itself.
    pub may_heal: bool,
}

/// Why files could not be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportFault {
    /// Some of them can't be read; a person may leave them out.
    Unreadable {
        title: String,
        files: Vec<(PathBuf, String)>,
        more: usize,
    },
    Cancelled,
    /// What happened to what, and what to do now.
    Failed {
        what: String,
        about: String,
        hint: String,
    },
}
