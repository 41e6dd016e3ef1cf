//! Why a transfer is as fast, or as slow, as it is: numbers for a sentence that a face says.

use std::time::Duration;

use super::Rate;
use crate::share::PeerId;

/// What holds a transfer back most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing does: it is as fast as the network of this computer goes, or nobody wants anything.
    FullSpeed,
    /// It began a moment ago; nothing can be said yet.
    Starting,
    /// A person paused it.
    Paused,
    /// The schedule says pause, for about so many minutes more.
    PausedBySchedule { minutes: u32 },
    /// It is not its turn: so many downloads are before it, and so many may be active.
    Queued { before: u32, active: u32 },
    /// Nobody who has it is around.
    Nobody,
    /// Those around miss the same pieces.
    NoCompleteSet { missing_pieces: u32 },
    /// It says so itself: the trouble of the transfer tells more.
    Trouble,
    /// The files are read again, or put in their places.
    Checking,
    /// Those who have it serve others first.
    WaitingForSlot { sources: u32 },
    /// A limit that holds: whose, and what it is.
    Limit { by: LimitBy, rate: Rate },
    /// The disk takes so many hundredths of the time.
    Disk { percent: u8 },
    /// This computer's processor is busy for so many hundredths of the time.
    Processor { percent: u8 },
    /// The line here is wireless and shared with everybody in the room. Bytes a second that come now.
    Wireless { rate: u64 },
    /// The slowest part is the line, or the computer, of those who give it. `peer`: who, when there is only one.
    TheirSide { sources: u32, peer: Option<PeerId>, rate: u64 },
    /// It is here, and nobody fetches it at the moment.
    NobodyAsks,
    /// It is here, and its seeding rule was fulfilled.
    SeedingEnded,
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitBy {
    /// Set for this transfer.
    Transfer,
    /// Set for all transfers together.
    Total,
    /// The schedule's, for this hour.
    Schedule,
    /// Set by an administrator.
    Policy,
}

/// What the code of a reason is in JSON; stable.
impl Reason {
    pub fn code(&self) -> &'static str {
        match self {
            Reason::FullSpeed => "full_speed",
            Reason::Starting => "starting",
            Reason::Paused => "paused",
            Reason::PausedBySchedule { .. } => "paused_by_schedule",
            Reason::Queued { .. } => "queued",
            Reason::Nobody => "nobody",
            Reason::NoCompleteSet { .. } => "no_complete_set",
            Reason::Trouble => "trouble",
            Reason::Checking => "checking",
            Reason::WaitingForSlot { .. } => "waiting_for_slot",
            Reason::Limit { by: LimitBy::Transfer, .. } => "limit",
            Reason::Limit { by: LimitBy::Total, .. } => "limit_in_total",
            Reason::Limit { by: LimitBy::Schedule, .. } => "limit_by_schedule",
            Reason::Limit { by: LimitBy::Policy, .. } => "limit_by_policy",
            Reason::Disk { .. } => "disk",
            Reason::Processor { .. } => "processor",
            Reason::Wireless { .. } => "wireless",
            Reason::TheirSide { .. } => "their_side",
            Reason::NobodyAsks => "nobody_asks",
            Reason::SeedingEnded => "seeding_ended",
        }
    }
}

/// Nothing is said of a transfer before it is this old.
pub const STARTING: Duration = Duration::from_secs(2);
