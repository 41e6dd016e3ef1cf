//! Until when something that came is given on.

use crate::{
    traffic::SeedUntil,
    window::{figures, memory::SeedKind},
};

pub const TITLE: &str = "Giving on";
pub const TEXT: &str = "What you got helps others to get it too, for as long as you like.";
pub const CHANGE: &str = "Change how long…";
pub const UNTIL: &str = "How long it is given on…";
pub const ALL_TITLE: &str = "How long is what you got given on?";
pub const AS_ALL: &str = "As everything else";
pub const FOREVER: &str = "As long as it is here";
pub const TIMES: &str = "Until it was given some times its size";
pub const COPIES: &str = "Until some people have it from here";
pub const HOURS: &str = "For some hours";
pub const DAYS: &str = "For some days";
pub const HOW_MANY: &str = "How many";
pub const NOT_A_NUMBER: &str = "Write a number, such as 2.";
pub const STOP_WHEN_CLOSED: &str = "Stop giving on when I close Handout";
pub const STOP_WHEN_CLOSED_TEXT: &str =
    "What you got is then not given on at the next start. What you share yourself still is.";

pub fn title_of(share: &str) -> String {
    format!("How long is {share} given on?")
}

/// What stands behind the number.
pub fn unit(kind: SeedKind) -> &'static str {
    match kind {
        SeedKind::AsAll | SeedKind::Forever => "",
        SeedKind::Times => "times its size",
        SeedKind::Copies => "people",
        SeedKind::Hours => "hours",
        SeedKind::Days => "days",
    }
}

pub fn until(until: SeedUntil) -> String {
    match until {
        SeedUntil::ForEver => FOREVER.to_owned(),
        SeedUntil::Ratio(1000) => "Until it was given once".to_owned(),
        SeedUntil::Ratio(2000) => "Until it was given twice".to_owned(),
        SeedUntil::Ratio(thousandths) => format!("Until it was given {} times", decimal(thousandths)),
        SeedUntil::Time(time) => format!("For {}", figures::time_left(time)),
        SeedUntil::Copies(copies) => format!("Until {} have it from here", super::people(copies.into())),
    }
}

/// Thousandths without needless noughts.
pub fn decimal(thousandths: u32) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
