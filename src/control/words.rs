//! Why a transfer is as fast as it is, in words: one sentence, and what can be done. For every face, so that a person reads
//! the same in the window and in the terminal.

use crate::{
    traffic::{Reason, reason::LimitBy},
    wire::manage,
};

/// A reason as a person reads it. `name_of` tells what a computer is called.
pub fn reason(reason: &Reason, name_of: impl Fn(crate::share::PeerId) -> String) -> manage::Reason {
    let (what, hint) = match *reason {
        Reason::FullSpeed => ("It goes as fast as this computer's network can.".to_owned(), ""),
        Reason::Starting => ("It has just begun.".to_owned(), ""),
        Reason::Paused => ("You have paused it.".to_owned(), "Resume it when it should go on."),
        Reason::Choosing => {
            ("It waits for you to choose among its files.".to_owned(), "Choose with `handout files`, then resume it.")
        }
        Reason::PausedBySchedule { minutes } => (
            format!("The schedule pauses everything for {}.", span(minutes)),
            "It goes on by itself; change the schedule if it should go on now.",
        ),
        Reason::Queued { before, active } => (
            format!("It waits for its turn: {} before it, and {active} may be active at a time.", are(before)),
            "Move it up, give it a higher priority, or allow more active downloads.",
        ),
        Reason::Nobody => (
            "Nobody who has it is here.".to_owned(),
            "It goes on by itself when a computer that has it is switched on and in this network.",
        ),
        Reason::NoCompleteSet { missing_pieces } => (
            format!("Nobody here has {} of it.", count(missing_pieces, "one piece", "pieces")),
            "It goes on when somebody who has all of it is here again.",
        ),
        Reason::Trouble => ("Something went wrong.".to_owned(), "Its message says what, and what to do."),
        Reason::Checking => ("Every byte is being checked and put in its place.".to_owned(), ""),
        Reason::WaitingForSlot { sources } => (
            format!("{} it serve others first.", those(sources)),
            "It gets its turn by itself; each computer that has it makes it faster.",
        ),
        Reason::Limit { by, rate } => limit(by, rate.get()),
        Reason::Disk { percent } => (
            format!("The disk can't write faster; {percent} % of the time is spent waiting for it."),
            "Choose a folder on a faster disk, or stop other programs that use this one.",
        ),
        Reason::Processor { percent } => (
            format!("This computer's processor is busy; {percent} % of it is used for this."),
            "Close other programs, or let it take its time.",
        ),
        Reason::Wireless { rate } => (
            format!("Wi-Fi is shared by everybody in the room; {} arrive here.", speed(rate)),
            "A network cable makes it faster.",
        ),
        Reason::TheirSide { sources, peer, rate } => their_side(sources, peer.map(name_of), rate),
        Reason::NobodyAsks => ("It is here, and nobody fetches it at the moment.".to_owned(), ""),
        Reason::SeedingEnded => {
            ("It was given to others for as long as was wanted.".to_owned(), "Resume it to give it to others again.")
        }
    };
    manage::Reason { code: reason.code().to_owned(), what, hint: hint.to_owned() }
}

fn limit(by: LimitBy, rate: u64) -> (String, &'static str) {
    let rate = speed(rate);
    match by {
        LimitBy::Transfer => {
            (format!("Its own limit of {rate} holds it back."), "Raise the limit of this transfer, or take it away.")
        }
        LimitBy::Total => (
            format!("The limit of {rate} for all transfers together holds it back."),
            "Raise the limit, or give this transfer a higher priority.",
        ),
        LimitBy::Schedule => (
            format!("At this hour the schedule allows {rate} for all transfers together."),
            "Wait for another hour, or change the schedule.",
        ),
        LimitBy::Policy => (
            format!("The administrator of this computer allows {rate} for all transfers together."),
            "Ask the administrator if more is needed.",
        ),
    }
}

fn their_side(sources: u32, name: Option<String>, rate: u64) -> (String, &'static str) {
    let hint = "It gets faster by itself when more computers have it.";
    let rate = speed(rate);
    match name {
        Some(name) => (format!("It moves as fast as {name}, or the line in between, can: {rate}."), hint),
        None => {
            (format!("It moves as fast as the {sources} other computers, or the lines in between, can: {rate}."), hint)
        }
    }
}

fn those(sources: u32) -> String {
    match sources {
        1 => "The computer that has".to_owned(),
        sources => format!("The {sources} computers that have"),
    }
}

fn are(before: u32) -> String {
    if before == 1 { "1 is".to_owned() } else { format!("{before} are") }
}

fn count(number: u32, one: &str, many: &str) -> String {
    if number == 1 { one.to_owned() } else { format!("{number} {many}") }
}

fn span(minutes: u32) -> String {
    match minutes {
        0..=1 => "another minute".to_owned(),
        2..=119 => format!("another {minutes} minutes"),
        _ => format!("another {} hours", minutes / 60),
    }
}

/// In units of 1000, as file managers show them.
fn speed(bytes_per_s: u64) -> String {
    let units = [(1_000_000_000, "GB/s"), (1_000_000, "MB/s"), (1_000, "KB/s")];
    match units.into_iter().find(|(unit, _)| bytes_per_s >= *unit) {
        Some((unit, name)) => {
            let tenths = bytes_per_s / (unit / 10);
            if tenths >= 1000 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
        None => format!("{bytes_per_s} B/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{share::PeerId, traffic::Rate};

    #[test]
    fn every_reason_is_one_sentence_and_says_what_to_do_where_something_can_be_done() {
        let rate = Rate::new(1_500_000).unwrap();
        let limits = [LimitBy::Transfer, LimitBy::Total, LimitBy::Schedule, LimitBy::Policy];
        let mut all = vec![
            Reason::FullSpeed,
            Reason::Starting,
            Reason::Paused,
            Reason::Choosing,
            Reason::PausedBySchedule { minutes: 30 },
            Reason::Queued { before: 1, active: 5 },
            Reason::Nobody,
            Reason::NoCompleteSet { missing_pieces: 2 },
            Reason::Trouble,
            Reason::Checking,
            Reason::WaitingForSlot { sources: 1 },
            Reason::Disk { percent: 60 },
            Reason::Processor { percent: 90 },
            Reason::Wireless { rate: 900 },
            Reason::TheirSide { sources: 3, peer: None, rate: 12_345_678 },
            Reason::TheirSide { sources: 1, peer: Some(PeerId([1; 32])), rate: 123_456_789 },
            Reason::NobodyAsks,
            Reason::SeedingEnded,
        ];
        all.extend(limits.map(|by| Reason::Limit { by, rate }));
        let nothing_to_do = ["full_speed", "starting", "checking", "nobody_asks"];

        for one in all {
            let said = reason(&one, |_| "Ann's PC".to_owned());
            assert!(said.what.ends_with('.') && said.what.len() > 15, "{said:?}");
            assert_eq!(said.hint.is_empty(), nothing_to_do.contains(&said.code.as_str()), "{said:?}");
        }
        let said =
            reason(&Reason::TheirSide { sources: 1, peer: Some(PeerId([1; 32])), rate: 12_345_678 }, |_| "Ann".into());
        assert_eq!(said.what, "It moves as fast as Ann, or the line in between, can: 12.3 MB/s.");
    }
}
