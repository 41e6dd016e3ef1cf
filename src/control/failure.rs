//! Why a request was not fulfilled, made from what the engine says.

use crate::{
    engine::{
        SendError,
        trouble::{Trouble, TroubleKind},
    },
    wire::control::{Failure, FailureKind},
};

impl From<&Trouble> for Failure {
    fn from(trouble: &Trouble) -> Failure {
        let kind = match trouble.kind {
            TroubleKind::Nobody => FailureKind::NotFound,
            TroubleKind::Refused => FailureKind::Refused,
            TroubleKind::WrongContent | TroubleKind::BadPeer => FailureKind::WrongContent,
            TroubleKind::Disk | TroubleKind::Source | TroubleKind::Local => FailureKind::Failed,
        };
        Failure::new(kind, &trouble.what, &trouble.about, &trouble.hint)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Failure {
        let hint = match error {
            SendError::Busy => "Try again in a moment.",
            SendError::Stopped => "Start Handout again.",
        };
        Failure::new(FailureKind::Failed, "The wish was not taken", error.to_string(), hint)
    }
}

/// The engine went away while it was being waited for.
pub(super) fn stopped() -> Failure {
    SendError::Stopped.into()
}
