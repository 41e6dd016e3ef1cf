//! Errors of the shell's rooms, as the engine tells them apart.

use std::time::Duration;

use crate::{
    engine::{
        event::NotFound,
        fault::{DiskFault, ImportFault, PeerFault, PeerFaultKind},
        managed::{ServerFault, ServerFaultKind},
    },
    net::{call::CallError, piece_stream::LaneError},
    store::DiskError,
};

impl From<CallError> for PeerFault {
    fn from(error: CallError) -> PeerFault {
        let kind = match &error {
            CallError::Refused { status: 404 | 410, .. } => PeerFaultKind::NotThere,
            CallError::Refused { status: 503, retry_after_ms: Some(ms), .. } => {
                PeerFaultKind::Busy { retry_after: Duration::from_millis(*ms) }
            }
            CallError::WrongPeer(_) => PeerFaultKind::WrongPeer,
            CallError::TooLarge { .. } | CallError::Malformed(_) => PeerFaultKind::Misbehaved,
            CallError::Unreachable { .. } | CallError::Refused { .. } | CallError::TooSlow | CallError::Closed => {
                PeerFaultKind::Unreachable
            }
        };
        PeerFault { kind, what: error.to_string() }
    }
}

impl From<LaneError> for PeerFault {
    fn from(error: LaneError) -> PeerFault {
        let kind = if error.breaks_the_rules() { PeerFaultKind::Misbehaved } else { PeerFaultKind::Unreachable };
        PeerFault { kind, what: format!("it {error}") }
    }
}

impl From<DiskError> for DiskFault {
    fn from(error: DiskError) -> DiskFault {
        DiskFault { what: error.to_string(), hint: error.hint().to_owned(), may_heal: error.may_heal() }
    }
}

pub const CRASHED: &str = "Handout met a mistake of its own";
const CRASHED_HINT: &str = "Please tell its developers what you did, with the log.";

pub fn server_crashed() -> ServerFault {
    ServerFault { kind: ServerFaultKind::Unreachable, what: CRASHED.to_owned() }
}

pub fn crashed() -> PeerFault {
    PeerFault { kind: PeerFaultKind::Unreachable, what: CRASHED.to_owned() }
}

pub fn disk_crashed() -> DiskFault {
    DiskFault { what: CRASHED.to_owned(), hint: CRASHED_HINT.to_owned(), may_heal: false }
}

pub fn still_in_use() -> DiskFault {
    let what = "Its files are still being read or written".to_owned();
    DiskFault { what, hint: "Try again in a moment.".to_owned(), may_heal: true }
}

pub fn find_crashed() -> NotFound {
    NotFound { asked: vec![], fault: Some(crashed()) }
}

pub fn import_crashed() -> ImportFault {
    ImportFault::Failed { what: CRASHED.to_owned(), about: String::new(), hint: CRASHED_HINT.to_owned() }
}
