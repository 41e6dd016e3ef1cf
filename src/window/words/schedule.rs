//! Other speeds at certain hours.

use crate::{
    traffic::{Days, Rule, Then, schedule::show_minute},
    window::figures,
};

pub const TITLE: &str = "Timetable";
pub const TEXT: &str = "Other speeds at certain hours, such as slow in lessons. The first line that fits holds.";
pub const ADD: &str = "Add hours…";
pub const NEW: &str = "At which hours?";
pub const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
pub const LONG_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub const FROM: &str = "From";
pub const TO: &str = "until";
pub const BEGINS: &str = "Begins at";
pub const ENDS: &str = "Ends at";
pub const PAUSE: &str = "Pause everything";
pub const SLOWER: &str = "Another speed";
pub const NO_DAY: &str = "Choose one day at least.";
pub const NO_TIME: &str = "Write times like 8:00 and 15:30.";
pub const EDIT: &str = "Change";
pub const EARLIER: &str = "Move up";
pub const REMOVE: &str = "Remove";
pub const WEEK: &str = "The week";
pub const FULL: &str = "usual speed";
pub const SLOW: &str = "another speed";
pub const PAUSED: &str = "pause";
pub const TOO_MANY: &str = "There are as many lines as the timetable can have.";

/// `Mon–Fri 08:00–15:30`.
pub fn hours(rule: &Rule) -> String {
    let to = if rule.to == 0 { "24:00".to_owned() } else { show_minute(rule.to) };
    format!("{}  {}–{to}", days(rule.days), show_minute(rule.from))
}

pub fn days(days: Days) -> String {
    if days == Days::ALL {
        return "Every day".to_owned();
    }
    let chosen: Vec<usize> = days.iter().map(usize::from).collect();
    let name = |day: &usize| DAYS.get(*day).copied().unwrap_or_default();
    match chosen.as_slice() {
        [first, .., last] if chosen.len() > 2 && last - first + 1 == chosen.len() => {
            format!("{}–{}", name(first), name(last))
        }
        _ => chosen.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

pub fn then(then: &Then) -> String {
    match then {
        Then::Pause => "Pause".to_owned(),
        Then::Limit(limits) => super::limits::both(*limits),
    }
}

/// What holds at this moment, and for how long.
pub fn now(then: &Then, minutes: u32) -> String {
    let left = figures::time_left(std::time::Duration::from_secs(u64::from(minutes) * 60));
    match then {
        Then::Pause => format!("The timetable says pause for {left} more"),
        Then::Limit(limits) => format!("The timetable holds for {left} more: {}", super::limits::both(*limits)),
    }
}
