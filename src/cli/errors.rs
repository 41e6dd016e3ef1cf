//! How a command ends: its exit code, and what is said when it failed.

use std::{io, process::ExitCode};

use super::figures::plain;
use crate::{
    control::AskError,
    wire::control::{Failure, FailureKind},
};

/// Why a command ended before its time.
#[derive(Debug)]
pub enum Exit {
    /// It went wrong; said on standard error.
    Failed(Failure),
    /// Nobody reads what we print any more (`handout shares | head -1`): no fault, nothing to say.
    BrokenPipe,
    /// The person ended it. What that means, they know.
    Interrupted,
}

impl Exit {
    pub fn usage(what: impl Into<String>, about: impl Into<String>, hint: impl Into<String>) -> Exit {
        Exit::Failed(Failure::new(FailureKind::Usage, what, about, hint))
    }

    pub fn failed(what: impl Into<String>, about: impl Into<String>, hint: impl Into<String>) -> Exit {
        Exit::Failed(Failure::new(FailureKind::Failed, what, about, hint))
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Exit {
        Exit::Failed(failure)
    }
}

impl From<AskError> for Exit {
    fn from(error: AskError) -> Exit {
        // The sentence says what to do already.
        Exit::failed(error.to_string(), "", "")
    }
}

impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Exit {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Exit::BrokenPipe;
        }
        Exit::failed("The answer could not be printed", error.to_string(), "Look whether the disk is full.")
    }
}

/// The exit code for a command's end (stable): 0 done, 1 failed, 2 wrong usage, 3 nothing found, 4 refused, 5 wrong content.
pub fn exit_code(result: &Result<(), Exit>) -> ExitCode {
    let code = match result {
        Ok(()) | Err(Exit::BrokenPipe) => 0,
        Err(Exit::Interrupted) => 1,
        Err(Exit::Failed(failure)) => match failure.kind {
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
            FailureKind::NotFound => 3,
            FailureKind::Refused => 4,
            FailureKind::WrongContent => 5,
        },
    };
    ExitCode::from(code)
}

/// What happened, to what, what now; as one or two lines.
pub(super) fn sentence(failure: &Failure) -> String {
    let (what, about, hint) = (plain(&failure.what), plain(&failure.about), plain(&failure.hint));
    let about = if about.is_empty() { String::new() } else { format!(": {about}") };
    let hint = if hint.is_empty() { String::new() } else { format!("\n  {hint}") };
    format!("handout: {what}{about}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let code = |kind| exit_code(&Err(Exit::Failed(Failure::new(kind, "", "", ""))));
        let kinds = [
            FailureKind::Failed,
            FailureKind::Usage,
            FailureKind::NotFound,
            FailureKind::Refused,
            FailureKind::WrongContent,
        ];

        assert_eq!(kinds.map(code), [1, 2, 3, 4, 5].map(ExitCode::from));
        assert_eq!(exit_code(&Ok(())), ExitCode::from(0));
        assert_eq!(exit_code(&Err(Exit::BrokenPipe)), ExitCode::from(0));
    }

    #[test]
    fn a_failure_says_what_to_what_and_what_now() {
        let failure = Failure::new(FailureKind::Failed, "The disk is full", "Video\u{1b}[2J", "Make room.");

        assert_eq!(sentence(&failure), "handout: The disk is full: Video\u{fffd}[2J\n  Make room.");
        assert_eq!(sentence(&Failure::new(FailureKind::Failed, "No", "", "")), "handout: No");
    }
}
