//! Why a transfer is as fast, or as slow, as it is, in words that a pupil understands.

use crate::{
    traffic::{Reason, reason::LimitBy},
    window::figures,
};

/// A sentence without its full stop. `name`: of the peer that the reason is about, if it is known.
pub fn reason(reason: &Reason, name: Option<&str>) -> String {
    match reason {
        Reason::FullSpeed => "As fast as this network goes".to_owned(),
        Reason::Starting => "Just beginning".to_owned(),
        Reason::Paused => "Paused by you".to_owned(),
        Reason::Choosing => "Waiting until you have chosen its files".to_owned(),
        Reason::PausedBySchedule { minutes } => format!("The timetable says pause for {} more", time(*minutes)),
        Reason::Queued { before, active } => queued(*before, *active),
        Reason::Nobody => "Nobody who has it is here".to_owned(),
        Reason::NoCompleteSet { .. } => "A part of it is on no computer that is here".to_owned(),
        Reason::Trouble => "Something is in the way".to_owned(),
        Reason::Checking => "Reading what is here and checking it".to_owned(),
        Reason::WaitingForSlot { sources } => waiting_for(*sources, name),
        Reason::Limit { by, rate } => limit(*by, &figures::speed(rate.get())),
        Reason::Disk { .. } => "This computer’s disk can’t write faster".to_owned(),
        Reason::Processor { .. } => "This computer is busy with other work".to_owned(),
        Reason::Wireless { rate } => {
            format!("The Wi-Fi is shared with everybody here, {} are left for you", figures::speed(*rate))
        }
        Reason::TheirSide { sources, .. } => their_side(*sources, name),
        Reason::NobodyAsks => "Nobody is getting it at the moment".to_owned(),
        Reason::SeedingEnded => "Given as long as you said, and not given any more".to_owned(),
    }
}

/// Figures that stand behind a reason, for Details.
pub fn figures_of(reason: &Reason) -> Option<String> {
    match reason {
        Reason::NoCompleteSet { missing_pieces } => {
            Some(super::plural(u64::from(*missing_pieces), "piece is on no computer", "pieces are on no computer"))
        }
        Reason::Disk { percent } => Some(format!("The disk is busy for {percent} % of the time")),
        Reason::Processor { percent } => Some(format!("The processor is busy for {percent} % of the time")),
        Reason::TheirSide { rate, .. } => Some(format!("{} come from there", figures::speed(*rate))),
        Reason::WaitingForSlot { sources } => Some(super::plural(
            u64::from(*sources),
            "seed or leech, all slots taken",
            "seeds and leeches, all slots taken",
        )),
        _ => None,
    }
}

fn queued(before: u32, active: u32) -> String {
    let at_a_time = match active {
        1 => "one comes at a time".to_owned(),
        _ => format!("{active} come at a time"),
    };
    match before {
        0 => format!("Next in the queue, {at_a_time}"),
        1 => format!("1 is before it, {at_a_time}"),
        _ => format!("{before} are before it, {at_a_time}"),
    }
}

fn waiting_for(sources: u32, name: Option<&str>) -> String {
    match (sources, name) {
        (_, Some(name)) => format!("Waiting for {name}, who is giving to others first"),
        (1, None) => "Waiting for the one who has it, who is giving to others first".to_owned(),
        _ => format!("Waiting for the {sources} who have it, who are giving to others first"),
    }
}

fn their_side(sources: u32, name: Option<&str>) -> String {
    match (sources, name) {
        (_, Some(name)) => format!("{name} can’t give it faster"),
        (1, None) => "The one who gives it can’t give it faster".to_owned(),
        _ => format!("The {sources} who give it can’t give it faster"),
    }
}

fn limit(by: LimitBy, rate: &str) -> String {
    match by {
        LimitBy::Transfer => format!("You let it go at {rate} at most"),
        LimitBy::Total => format!("You let everything together go at {rate} at most"),
        LimitBy::Schedule => format!("The timetable lets everything go at {rate} at most"),
        LimitBy::Policy => format!("Your administrator lets everything go at {rate} at most"),
    }
}

fn time(minutes: u32) -> String {
    figures::time_left(std::time::Duration::from_secs(u64::from(minutes) * 60))
}
