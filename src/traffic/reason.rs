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
    /// The list of its files is here, and a person wanted to choose among them before anything comes.
    Choosing,
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
            Reason::Choosing => "choosing",
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

/// What is known of a transfer at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub state: State,
    /// How long it has been in that state.
    pub since: Duration,
    /// Bytes a second, in the direction that counts.
    pub rate: u64,
    /// The tightest limit in that direction, and whose it is.
    pub limit: Option<(LimitBy, Rate)>,
    /// How the workers spent their time lately, in hundredths: waiting for a limit, for the disk, working.
    pub limit_percent: u8,
    pub disk_percent: u8,
    pub processor_percent: u8,
    /// How much of all processors the program uses, in hundredths.
    pub program_percent: u8,
    /// Computers that something was asked of and that answer, and which, if it is one.
    pub giving: u32,
    pub only: Option<PeerId>,
    /// How many times somebody had no slot for us lately, and how many computers have something that we want.
    pub refusals: u32,
    pub offering: u32,
    /// Wanted pieces that nobody around has.
    pub missing_pieces: u32,
    pub wireless: bool,
    /// What the network's interface carries, in bytes a second.
    pub wire: Option<u64>,
}

/// What a transfer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Paused,
    Choosing,
    Scheduled {
        minutes: u32,
    },
    Queued {
        before: u32,
        active: u32,
    },
    Looking,
    Trouble,
    Checking,
    Fetching,
    /// `asked`: somebody fetches it.
    Seeding {
        asked: bool,
    },
    Done,
}

/// Nothing is said of a transfer before it is this old.
pub const STARTING: Duration = Duration::from_secs(2);
/// So much of what is possible counts as all of it.
const FULL_PERCENT: u64 = 85;

/// The one reason that holds a transfer back most.
pub fn why(facts: &Facts) -> Reason {
    match facts.state {
        State::Paused => Reason::Paused,
        State::Choosing => Reason::Choosing,
        State::Scheduled { minutes } => Reason::PausedBySchedule { minutes },
        State::Queued { before, active } => Reason::Queued { before, active },
        State::Looking => Reason::Nobody,
        State::Trouble => Reason::Trouble,
        State::Checking => Reason::Checking,
        State::Done => Reason::SeedingEnded,
        State::Seeding { asked: false } => Reason::NobodyAsks,
        State::Seeding { asked: true } => limit(facts).or_else(|| full(facts)).unwrap_or_else(|| line(facts)),
        State::Fetching => fetching(facts),
    }
}

fn fetching(facts: &Facts) -> Reason {
    if facts.since < STARTING {
        return Reason::Starting;
    }
    if let Some(reason) = limit(facts) {
        return reason;
    }
    if facts.giving == 0 || facts.rate == 0 {
        return match facts {
            Facts { refusals: 1.., .. } => Reason::WaitingForSlot { sources: facts.offering.max(1) },
            Facts { missing_pieces: 1.., .. } => Reason::NoCompleteSet { missing_pieces: facts.missing_pieces },
            Facts { offering: 0, .. } => Reason::Nobody,
            _ => line(facts),
        };
    }
    full(facts).or_else(|| here(facts)).unwrap_or_else(|| match facts.refusals {
        // Who is busy for us now and then and gives nothing meanwhile is what we wait for.
        refusals if refusals > 2 * facts.giving => Reason::WaitingForSlot { sources: facts.offering.max(1) },
        _ => line(facts),
    })
}

/// A limit that is felt.
fn limit(facts: &Facts) -> Option<Reason> {
    let (by, rate) = facts.limit?;
    let reached = facts.rate.saturating_mul(100) >= rate.get().saturating_mul(FULL_PERCENT);
    (reached || facts.limit_percent >= 20).then_some(Reason::Limit { by, rate })
}

fn full(facts: &Facts) -> Option<Reason> {
    let wire = facts.wire?;
    (facts.rate.saturating_mul(100) >= wire.saturating_mul(FULL_PERCENT)).then_some(Reason::FullSpeed)
}

/// Something in this computer.
fn here(facts: &Facts) -> Option<Reason> {
    if facts.disk_percent >= 40 {
        return Some(Reason::Disk { percent: facts.disk_percent });
    }
    let busy = facts.processor_percent.max(facts.program_percent);
    let processor = facts.program_percent >= 85 || facts.processor_percent >= 60;
    processor.then_some(Reason::Processor { percent: busy })
}

/// The line between, or the other end of it.
fn line(facts: &Facts) -> Reason {
    if facts.wireless {
        return Reason::Wireless { rate: facts.rate };
    }
    Reason::TheirSide { sources: facts.giving.max(1), peer: facts.only, rate: facts.rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measured_fact_has_its_own_reason() {
        let limit = |by, rate| Some((by, Rate::new(rate).unwrap()));
        let cases = [
            (Facts { since: Duration::ZERO, ..facts() }, "starting"),
            (Facts { limit: limit(LimitBy::Transfer, 10_500), ..facts() }, "limit"),
            (Facts { limit: limit(LimitBy::Total, 10_500), ..facts() }, "limit_in_total"),
            (Facts { limit: limit(LimitBy::Schedule, 100_000), limit_percent: 20, ..facts() }, "limit_by_schedule"),
            (Facts { limit: limit(LimitBy::Policy, 10_500), ..facts() }, "limit_by_policy"),
            (Facts { limit: limit(LimitBy::Total, 100_000), ..facts() }, "their_side"),
            (Facts { disk_percent: 40, processor_percent: 60, ..facts() }, "disk"),
            (Facts { processor_percent: 60, ..facts() }, "processor"),
            (Facts { program_percent: 85, ..facts() }, "processor"),
            (Facts { refusals: 9, ..facts() }, "waiting_for_slot"),
            (Facts { refusals: 1, giving: 0, missing_pieces: 3, ..facts() }, "waiting_for_slot"),
            (Facts { giving: 0, missing_pieces: 3, ..facts() }, "no_complete_set"),
            (Facts { giving: 0, offering: 0, ..facts() }, "nobody"),
            (Facts { wireless: true, ..facts() }, "wireless"),
            (Facts { wire: Some(11_700), ..facts() }, "full_speed"),
            (Facts { wire: Some(12_500_000), ..facts() }, "their_side"),
            (Facts { state: State::Seeding { asked: true }, ..facts() }, "their_side"),
            (Facts { state: State::Seeding { asked: false }, ..facts() }, "nobody_asks"),
        ];
        for (facts, code) in cases {
            assert_eq!(why(&facts).code(), code, "{facts:?}");
        }
    }

    proptest::proptest! {
        /// Full speed is said only of what goes as fast as the wire; everything else has a reason that is told.
        #[test]
        fn whatever_is_slower_than_the_wire_has_a_reason(
            state in 0..10u32, secs in 0..10u64, rate in 0..2_000u64, limit: Option<(u8, u16)>, percents: [u8; 4],
            counts: [u8; 4], wireless: bool, wire: Option<u16>,
        ) {
            let state = [
                State::Paused, State::Choosing, State::Scheduled { minutes: 3 }, State::Queued { before: 5, active: 5 }, State::Looking,
                State::Trouble, State::Checking, State::Fetching, State::Seeding { asked: true }, State::Done,
            ][state as usize];
            let by = [LimitBy::Transfer, LimitBy::Total, LimitBy::Schedule, LimitBy::Policy];
            let limit = limit.and_then(|(whose, rate)| Some((by[usize::from(whose) % 4], Rate::new(rate.into())?)));
            let facts = Facts {
                state, since: Duration::from_secs(secs), rate, limit,
                limit_percent: percents[0] % 101, disk_percent: percents[1] % 101,
                processor_percent: percents[2] % 101, program_percent: percents[3] % 101,
                giving: (counts[0] % 4).into(), only: None, refusals: (counts[1] % 20).into(),
                offering: (counts[2] % 4).into(), missing_pieces: (counts[3] % 3).into(),
                wireless, wire: wire.map(u64::from),
            };

            let reason = why(&facts);

            if reason == Reason::FullSpeed {
                let wire = facts.wire.expect("full speed is measured against the wire");
                proptest::prop_assert!(rate * 100 >= wire * FULL_PERCENT);
            }
        }
    }

    /// It comes at 10 kB/s from one of two.
    fn facts() -> Facts {
        Facts {
            state: State::Fetching,
            since: Duration::from_secs(10),
            rate: 10_000,
            limit: None,
            limit_percent: 0,
            disk_percent: 5,
            processor_percent: 5,
            program_percent: 5,
            giving: 1,
            only: None,
            refusals: 0,
            offering: 2,
            missing_pieces: 0,
            wireless: false,
            wire: None,
        }
    }
}
