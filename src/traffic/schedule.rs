//! Other limits at certain hours of the week.
//!
//! A schedule is a list of rules: on these days, from this minute to that one, this holds. The first rule that applies
//! wins; where none does, the usual limits hold. A rule whose end is not after its beginning goes over midnight and
//! belongs to the day on which it begins. All times are the wall clock's where the computer stands.

use std::fmt;

use super::Limits;

/// More rules than this are not taken.
pub const RULES_MAX: usize = 64;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A moment as a wall clock shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 is Monday, 6 Sunday.
    pub weekday: u8,
    /// Minutes since midnight.
    pub minute: u16,
}

/// The days of a rule; bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(u8);

/// What holds while a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing is fetched or given.
    Pause,
    /// These are the limits in total, in place of the usual ones.
    Limit(Limits),
}

/// One line of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub days: Days,
    /// Minutes since midnight, below 1440.
    pub from: u16,
    /// Minutes since midnight, below 1440; the first minute in which it does not hold any more.
    pub to: u16,
    pub then: Then,
}

/// All rules, the first that applies wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(pub Vec<Rule>);

impl Days {
    pub const ALL: Days = Days(0x7f);
    /// Their short names, Monday first.
    pub const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// `None` without any day.
    pub fn new(days: impl IntoIterator<Item = u8>) -> Option<Days> {
        let bits = days.into_iter().filter(|day| *day < 7).fold(0, |bits, day| bits | 1 << day);
        (bits != 0).then_some(Days(bits))
    }

    pub fn contains(self, weekday: u8) -> bool {
        weekday < 7 && self.0 >> weekday & 1 == 1
    }

    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..7).filter(move |day| self.contains(*day))
    }

    /// `mon-fri`, `sat,sun`, `daily`.
    pub fn parse(text: &str) -> Option<Days> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "daily" | "all" | "every day" => return Some(Days::ALL),
            "weekdays" => return Days::new(0..5),
            "weekend" => return Days::new(5..7),
            _ => {}
        }
        let mut days = vec![];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            let length = (last + 7 - first) % 7;
            days.extend((0..=length).map(|step| (first + step) % 7));
        }
        Days::new(days)
    }
}

fn day(text: &str) -> Option<u8> {
    const LONG: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let text = text.trim();
    let at = LONG.iter().position(|long| text.len() >= 3 && long.starts_with(text))?;
    u8::try_from(at).ok()
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Days::ALL {
            return f.write_str("daily");
        }
        let days: Vec<u8> = self.iter().collect();
        let name = |day: u8| Self::NAMES.get(usize::from(day)).copied().unwrap_or_default();
        match days.as_slice() {
            [first, .., last] if days.len() > 2 && usize::from(last - first) + 1 == days.len() => {
                write!(f, "{}-{}", name(*first), name(*last))
            }
            days => f.write_str(&days.iter().map(|day| name(*day)).collect::<Vec<_>>().join(",")),
        }
    }
}

/// `HH:MM` as minutes since midnight; `24:00` is midnight again.
pub fn parse_minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| (1..=2).contains(&text.len()).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|_| minutes.len() == 2)?);
    match (hours, minutes) {
        (24, 0) => Some(0),
        (0..24, 0..60) => Some(hours * 60 + minutes),
        _ => None,
    }
}

/// Minutes since midnight as `HH:MM`.
pub fn show_minute(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

impl Rule {
    /// Whether it holds at that moment.
    pub fn applies(&self, at: LocalTime) -> bool {
        self.minutes_left(at).is_some()
    }

    /// How many minutes it still holds; a rule from 08:00 to 08:00 holds the whole day.
    fn minutes_left(&self, at: LocalTime) -> Option<u16> {
        let yesterday = (at.weekday + 6) % 7;
        let length = (self.to + DAY - self.from - 1) % DAY + 1;
        let since = |begins: u8, now: u16| {
            let within = self.days.contains(begins) && now >= self.from && now < self.from + length;
            within.then(|| self.from + length - now)
        };
        since(at.weekday, at.minute).or_else(|| since(yesterday, at.minute + DAY))
    }
}

impl Schedule {
    /// The rule that holds, its place in the list, and how many minutes it holds if no other comes before it.
    pub fn now(&self, at: LocalTime) -> Option<(usize, &Rule, u16)> {
        let applying = |(place, rule): (usize, &'_ Rule)| rule.minutes_left(at).map(|left| (place, left));
        let (place, left) = self.0.iter().enumerate().find_map(applying)?;
        Some((place, self.0.get(place)?, left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: u8 = 0;
    const SATURDAY: u8 = 5;

    #[test]
    fn a_rule_holds_from_its_first_minute_until_before_its_last() {
        let lessons = rule("mon-fri", "08:00", "15:30");

        for (weekday, time, holds) in [
            (MONDAY, "07:59", None),
            (MONDAY, "08:00", Some(450)),
            (MONDAY, "15:29", Some(1)),
            (MONDAY, "15:30", None),
            (SATURDAY, "09:00", None),
        ] {
            assert_eq!(lessons.minutes_left(at(weekday, time)), holds, "{weekday} {time}");
        }
    }

    #[test]
    fn a_rule_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = rule("sun", "22:00", "06:00");

        assert!(night.applies(at(6, "23:00")));
        assert!(night.applies(at(MONDAY, "05:59")));
        assert!(!night.applies(at(MONDAY, "06:00")));
        assert!(!night.applies(at(MONDAY, "23:00")));
        assert!(!night.applies(at(6, "05:00")));
    }

    #[test]
    fn a_rule_that_ends_when_it_begins_holds_a_whole_day() {
        let day = rule("mon", "08:00", "08:00");

        assert_eq!(day.minutes_left(at(MONDAY, "08:00")), Some(1440));
        assert!(day.applies(at(1, "07:59")) && !day.applies(at(1, "08:00")) && !day.applies(at(MONDAY, "07:59")));
    }

    #[test]
    fn every_minute_of_the_week_is_answered_by_the_first_rule_that_applies() {
        let schedule = Schedule(vec![rule("mon", "10:00", "11:00"), rule("daily", "00:00", "24:00")]);

        let mut first = 0;
        for weekday in 0..7 {
            for minute in 0..DAY {
                let (place, ..) = schedule.now(LocalTime { weekday, minute }).expect("one of them applies");
                first += usize::from(place == 0);
            }
        }

        assert_eq!(first, 60);
        assert_eq!(Schedule::default().now(LocalTime::default()), None);
    }

    #[test]
    fn days_and_times_read_back_as_they_are_written() {
        for text in ["daily", "mon-fri", "sat,sun", "mon,wed,fri", "tue"] {
            assert_eq!(Days::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Days::parse("Fri-Mon").unwrap().to_string(), "mon,fri,sat,sun");
        assert_eq!(Days::parse("Weekend"), Days::parse("saturday, sunday"));
        for wrong in ["", "mo", "mon-", "someday", "mon fri", "8"] {
            assert_eq!(Days::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(show_minute(parse_minute("7:05").unwrap()), "07:05");
        for wrong in ["", "8", "8:5", "24:01", "12:60", "-1:00", "1:2:3", "012:00"] {
            assert_eq!(parse_minute(wrong), None, "{wrong:?}");
        }
    }

    fn rule(days: &str, from: &str, to: &str) -> Rule {
        let (from, to) = (parse_minute(from).unwrap(), parse_minute(to).unwrap());
        Rule { days: Days::parse(days).unwrap(), from, to, then: Then::Pause }
    }

    fn at(weekday: u8, time: &str) -> LocalTime {
        LocalTime { weekday, minute: parse_minute(time).unwrap() }
    }
}
