//! What a person may choose for one transfer.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use super::Limits;

/// Everything that was chosen for one transfer; kept over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub priority: Priority,
    /// Orders the downloads of one priority.
    pub position: i64,
    pub order: Order,
    pub class: Class,
    pub limits: Limits,
    /// `None`: as for all.
    pub seed_until: Option<SeedUntil>,
    /// Its seeding rule was fulfilled.
    pub seeding_ended: bool,
    /// Seconds since 1970 at which it was complete.
    pub completed_s: Option<i64>,
    /// It waits for a person to choose among its files.
    pub choosing: bool,
    /// Numbers of the files that are wanted; `None`: all.
    pub wanted: Option<Arc<BTreeSet<u32>>>,
}

/// Who goes first: for places among the active downloads, for upload slots, and for what a limit in total leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// In which order pieces are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those that the fewest have come first: fastest for everybody.
    #[default]
    Rarest,
    /// From the beginning, so that it can be looked at while it comes.
    InOrder,
}

/// How much a transfer may disturb other work on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    #[default]
    Foreground,
    /// It takes the processor and the disk only when nobody else wants them.
    Background,
}

/// Until when a share is given to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedUntil {
    #[default]
    ForEver,
    /// Until so many thousandths of its size were given: 2000 is twice.
    Ratio(u32),
    /// For so long after it was complete.
    Time(Duration),
    /// Until so many others have all of it.
    Copies(u32),
}

impl Priority {
    pub const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }

    pub fn parse(text: &str) -> Option<Priority> {
        Priority::ALL.into_iter().find(|priority| priority.as_str() == text)
    }

    /// How much of a limit in total a transfer gets beside others that want it too.
    pub fn weight(self) -> u64 {
        match self {
            Priority::Low => 1,
            Priority::Normal => 4,
            Priority::High => 16,
        }
    }
}

impl Order {
    pub fn as_str(self) -> &'static str {
        match self {
            Order::Rarest => "rarest",
            Order::InOrder => "in-order",
        }
    }

    pub fn parse(text: &str) -> Option<Order> {
        [Order::Rarest, Order::InOrder].into_iter().find(|order| order.as_str() == text)
    }
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Foreground => "foreground",
            Class::Background => "background",
        }
    }

    pub fn parse(text: &str) -> Option<Class> {
        [Class::Foreground, Class::Background].into_iter().find(|class| class.as_str() == text)
    }
}

impl SeedUntil {
    /// The longest time: ten years.
    pub const TIME_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);
    /// The largest ratio: a million times.
    pub const RATIO_MAX: u32 = 1_000_000_000;
    pub const COPIES_MAX: u32 = 1_000_000;

    /// `forever`, `ratio:1.5`, `time:90m` (s, m, h, d), `copies:30`.
    pub fn parse(text: &str) -> Option<SeedUntil> {
        if text == "forever" {
            return Some(SeedUntil::ForEver);
        }
        let (kind, value) = text.split_once(':')?;
        match kind {
            "ratio" => thousandths(value).map(SeedUntil::Ratio),
            "time" => time(value).map(SeedUntil::Time),
            "copies" => {
                let copies = value.parse().ok().filter(|copies| (1..=Self::COPIES_MAX).contains(copies));
                copies.map(SeedUntil::Copies)
            }
            _ => None,
        }
    }
}

/// What [`SeedUntil::parse`] reads.
impl fmt::Display for SeedUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeedUntil::ForEver => f.write_str("forever"),
            SeedUntil::Ratio(part) if part % 1000 == 0 => write!(f, "ratio:{}", part / 1000),
            SeedUntil::Ratio(part) => {
                let text = format!("{}.{:03}", part / 1000, part % 1000);
                write!(f, "ratio:{}", text.trim_end_matches('0'))
            }
            SeedUntil::Time(time) => {
                let seconds = time.as_secs();
                let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
                let (unit, name) = units.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "s"));
                write!(f, "time:{}{name}", seconds / unit)
            }
            SeedUntil::Copies(copies) => write!(f, "copies:{copies}"),
        }
    }
}

/// A decimal number of at most three places, as thousandths; more than nothing.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    let all = whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(part)?;
    (1..=SeedUntil::RATIO_MAX).contains(&all).then_some(all)
}

fn time(text: &str) -> Option<Duration> {
    let at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?;
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| u64::from(number).checked_mul(unit))?;
    let time = Duration::from_secs(seconds);
    (time > Duration::ZERO && time <= SeedUntil::TIME_MAX).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeding_rule_reads_back_as_it_is_written() {
        for text in ["forever", "ratio:2", "ratio:1.5", "ratio:0.125", "time:90m", "time:2h", "time:7d", "copies:30"] {
            assert_eq!(SeedUntil::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(SeedUntil::parse("time:120s").unwrap().to_string(), "time:2m");
    }

    #[test]
    fn a_seeding_rule_that_makes_no_sense_is_none() {
        let wrong = [
            "",
            "never",
            "ratio",
            "ratio:",
            "ratio:0",
            "ratio:-1",
            "ratio:1.2345",
            "ratio:1e3",
            "ratio:99999999999",
            "ratio:.5",
            "ratio:1.",
            "time:",
            "time:5",
            "time:0h",
            "time:h",
            "time:99999999d",
            "time:5é",
            "copies:0",
            "copies:-1",
            "copies:99999999",
            "copies:x",
        ];
        for text in wrong {
            assert_eq!(SeedUntil::parse(text), None, "{text:?}");
        }
    }
}
