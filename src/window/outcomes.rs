//! How wishes ended, told in toasts: what happened, to what, and the way back.

use super::{
    memory::{Memory, Sent},
    names,
    parts::toasts::{Mood, Offer},
    words,
};
use crate::engine::{
    command::Recipients,
    snapshot::{Done, Outcome, Snapshot},
};

/// Tells the outcomes of this window's own wishes, each once; those of the command line are not its business.
pub fn take(memory: &mut Memory, now: &Snapshot, time: f64) {
    if memory.sent.is_empty() {
        return;
    }
    for outcome in &now.outcomes {
        if let Some(sent) = memory.sent.remove(&outcome.token) {
            tell(memory, now, time, &sent, outcome);
        }
    }
}

fn tell(memory: &mut Memory, now: &Snapshot, time: f64, sent: &Sent, outcome: &Outcome) {
    let toasts = &mut memory.toasts;
    match &outcome.result {
        Ok(Done::Shared { share, link, title, left_out, .. }) => {
            let text = words::shared_with(&names::quoted(title), &whom(now, sent));
            let more = (!left_out.is_empty()).then(|| words::left_out(left_out.len()));
            let offer = Offer::Shared { share: *share, title: title.clone(), link: link.clone() };
            toasts.say_more(time, Mood::Good, text, more, offer);
        }
        Ok(Done::Fetched { places, .. }) => {
            let text = words::is_here(&names::quoted(title(sent)));
            toasts.say(time, Mood::Good, text, Offer::Came { places: places.clone() });
        }
        Ok(Done::Verified { wrong, .. }) => {
            let mood = if *wrong == 0 { Mood::Good } else { Mood::Bad };
            toasts.say(time, mood, words::verified(&names::quoted(title(sent)), *wrong), Offer::Nothing);
        }
        Ok(Done::Enrolled { managed_by, .. }) => {
            let text = words::managed::managed_now(&names::isolated(managed_by));
            toasts.say(time, Mood::Good, text, Offer::Nothing);
        }
        // The page shows it; what was asked for something else by now is of no use.
        Ok(Done::Searched { words, found, silent }) => {
            if let Sent::Search = sent {
                memory.at_servers.answered(words, found.clone(), silent.clone());
            }
        }
        Ok(Done::Left { name, .. }) => {
            toasts.say(time, Mood::Plain, words::managed::left(&names::isolated(name)), Offer::Nothing);
        }
        // The ticks show it already.
        Ok(Done::Selected { .. }) => {}
        Ok(Done::Relocated { into, .. }) => {
            let folder = names::isolated(&into.display().to_string());
            toasts.say(time, Mood::Good, words::control::moved(&names::quoted(title(sent)), &folder), Offer::Nothing);
        }
        Err(trouble) => {
            if let (Sent::Select, Some(files)) = (sent, &mut memory.files) {
                files.refused();
            }
            if let Sent::Search = sent {
                return memory.at_servers.failed();
            }
            let more = (!trouble.hint.is_empty()).then(|| trouble.hint.clone());
            toasts.say_more(time, Mood::Bad, super::parts::notices::sentence(trouble), more, Offer::Nothing);
        }
    }
}

fn title(sent: &Sent) -> &str {
    match sent {
        Sent::Fetch { title } | Sent::Verify { title } | Sent::Move { title } => title,
        Sent::Share { .. } | Sent::Select | Sent::Enrol | Sent::Search => "",
    }
}

fn whom(now: &Snapshot, sent: &Sent) -> String {
    match sent {
        Sent::Share { audience: Recipients::Peers(people) } => match people.iter().collect::<Vec<_>>().as_slice() {
            [one] => now
                .peers
                .iter()
                .find(|row| row.id == **one)
                .map_or_else(|| one.short(), |row| names::isolated(&row.name)),
            many => words::people(many.len() as u64),
        },
        Sent::Share { audience: Recipients::Groups(of) } => words::managed::groups(now, of),
        Sent::Share { audience: Recipients::Link } => words::FOR_LINK.to_lowercase(),
        _ => words::FOR_EVERYONE.to_lowercase(),
    }
}
