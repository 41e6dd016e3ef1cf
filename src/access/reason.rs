//! Why something was refused: a code for programs, a sentence for people.

use std::fmt;

use super::{Role, Scope};

/// Why not. The text is for the person; the code for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    SignIn,
    Role {
        least: Role,
    },
    Scope {
        needed: Scope,
    },
    SecondFactor,
    /// Only its owner does it, signed in.
    NotByKey,
    Guests,
    Exam {
        until_s: i64,
    },
    NotForYou,
    NotYours,
    Quarantined,
    Blocked {
        note: String,
    },
    StudentsMayNot {
        what: &'static str,
    },
    TooLarge {
        limit_bytes: u64,
    },
    Type {
        kind: String,
    },
    QuotaBytes {
        limit_bytes: u64,
    },
    QuotaFiles {
        limit: u32,
    },
    /// Older than things are kept.
    Outdated {
        days: u32,
    },
    /// For a group that it is not in.
    OtherGroups,
    Rank {
        role: Role,
    },
}

impl Reason {
    /// A short name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::SignIn => "sign-in",
            Reason::Role { .. } => "role",
            Reason::Scope { .. } => "scope",
            Reason::SecondFactor => "second-factor",
            Reason::NotByKey => "not-by-key",
            Reason::Guests => "guests",
            Reason::Exam { .. } => "exam",
            Reason::NotForYou => "not-for-you",
            Reason::NotYours => "not-yours",
            Reason::Quarantined => "quarantined",
            Reason::Blocked { .. } => "blocked",
            Reason::StudentsMayNot { .. } => "students",
            Reason::TooLarge { .. } => "too-large",
            Reason::Type { .. } => "type",
            Reason::QuotaBytes { .. } => "quota-bytes",
            Reason::QuotaFiles { .. } => "quota-files",
            Reason::Outdated { .. } => "outdated",
            Reason::OtherGroups => "other-groups",
            Reason::Rank { .. } => "rank",
        }
    }

    /// Whether even the share's existence is not to be told.
    pub fn hides(&self) -> bool {
        matches!(self, Reason::NotForYou | Reason::Quarantined)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::SignIn => f.write_str("Sign in first."),
            Reason::Role { least } => write!(f, "Only people with the role {least} or above do this."),
            Reason::Scope { needed } => {
                write!(f, "The key that was used is not made for this: it lacks {}.", needed.name())
            }
            Reason::SecondFactor => {
                f.write_str("Set up one-time codes on your account page first; this server asks for them.")
            }
            Reason::NotByKey => f.write_str("A key can't change its owner's account or make keys. Sign in to do that."),
            Reason::Guests => f.write_str("This server is for people with an account: sign in, or ask for a link."),
            Reason::Exam { .. } => f.write_str("An exam is on. Until it ends, only its materials are open."),
            Reason::NotForYou => f.write_str("This share is for others."),
            Reason::NotYours => f.write_str("This share belongs to somebody else."),
            Reason::Quarantined => f.write_str("This share was taken out of sight until a teacher has looked at it."),
            Reason::Blocked { note } if note.is_empty() => f.write_str("This content is not allowed here."),
            Reason::Blocked { note } => write!(f, "This content is not allowed here: {note}."),
            Reason::StudentsMayNot { what } => write!(f, "Students may not {what} here."),
            Reason::TooLarge { limit_bytes } => write!(f, "A file may have at most {} here.", size(*limit_bytes)),
            Reason::Type { kind } => write!(f, "Files of the type .{kind} are not allowed here."),
            Reason::QuotaBytes { limit_bytes } => {
                write!(f, "Your room here is full: it is {}. Remove something of yours first.", size(*limit_bytes))
            }
            Reason::QuotaFiles { limit } => {
                write!(f, "You may have at most {limit} files here. Remove something of yours first.")
            }
            Reason::Outdated { days } => write!(f, "What is given here ends after {days} days."),
            Reason::OtherGroups => f.write_str("It may be given to groups of one's own only."),
            Reason::Rank { role } => {
                write!(f, "Your role is not enough to change or make somebody with the role {role}.")
            }
        }
    }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) if bytes.is_multiple_of(*unit) => format!("{} {name}", bytes / unit),
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}
