//! An error as a person meets it: what happened, to what, and what to do now.

use std::time::SystemTime;

/// What went wrong. Errors of the shell's rooms become this once, at the engine's border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Tells one trouble from another, so that it can be dismissed.
    pub serial: u64,
    pub kind: TroubleKind,
    /// What happened, as a sentence without its full stop: "The disk is full".
    pub what: String,
    /// To what: a file, a share's title, a person's name.
    pub about: String,
    /// What to do now: "It goes on by itself when there is room."
    pub hint: String,
    pub since: SystemTime,
}

/// What a face may want to tell apart: for the icon, and for the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// Disk full, folder read-only or gone.
    Disk,
    /// A shared file was changed, or can't be read.
    Source,
    /// Somebody sent wrong bytes; what they sent was thrown away.
    BadPeer,
    /// Nobody who has it can be reached.
    Nobody,
    /// Refused by policy or by the other side.
    Refused,
    /// The content failed its check.
    WrongContent,
    /// Our own identity, network or database.
    Local,
}
