//! Bytes, speeds, times and counts as text. Decimal units, as file managers and discs have them.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];

/// A size: `0 B`, `999 B`, `1.2 MB`, `88 MB`.
pub fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = 0;
    // 999,950 would be shown as "1000 kB".
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// Bytes a second.
pub fn speed(bytes_per_s: u64) -> String {
    format!("{}/s", bytes(bytes_per_s))
}

/// What is left, roughly as people say it: `12 s`, `4 min`, `2 h 5 min`, `3 days`.
pub fn time_left(left: Duration) -> String {
    let s = left.as_secs();
    match s {
        0 => "1 s".to_owned(),
        1..=89 => format!("{s} s"),
        90..=3599 => format!("{} min", (s + 30) / 60),
        3600..=86_399 => match ((s / 3600), (s % 3600) / 60) {
            (h, 0) => format!("{h} h"),
            (h, min) => format!("{h} h {min} min"),
        },
        86_400..=172_799 => "1 day".to_owned(),
        _ if s < 86_400 * 99 => format!("{} days", s / 86_400),
        _ => "very long".to_owned(),
    }
}

/// When something was, as short as it is clear: the time of today, the day of this year, else the date. By the clock of this
/// place; nothing where it was so long ago that no calendar has it.
pub fn moment(at: SystemTime) -> String {
    let zone = TimeZone::system();
    Timestamp::try_from(at).map_or_else(|_| String::new(), |at| moment_of(&at.to_zoned(zone), &Zoned::now()))
}

fn moment_of(at: &Zoned, now: &Zoned) -> String {
    let form = match (at.date() == now.date(), at.year() == now.year()) {
        (true, _) => "%H:%M",
        (false, true) => "%-d %b",
        (false, false) => "%-d %b %Y",
    };
    at.strftime(form).to_string()
}

/// How much of a whole is done, from 0 to 1; an empty whole is done.
pub fn part(done: u64, whole: u64) -> f32 {
    if whole == 0 { 1.0 } else { (done as f64 / whole as f64).clamp(0.0, 1.0) as f32 }
}

/// Whole per cent; 100 only when nothing is missing.
pub fn percent(done: u64, whole: u64) -> String {
    let percent = (part(done, whole) * 100.0).floor() as u32;
    format!("{} %", if done < whole { percent.min(99) } else { percent })
}

/// A count with thin spaces between thousands: `12 480`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_as_short_as_it_is_clear() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let now = at("2026-03-09T15:00:00Z");
        for (then, said) in [
            ("2026-03-09T08:05:59Z", "08:05"),
            ("2026-03-08T23:00:00Z", "8 Mar"),
            ("2025-12-31T10:00:00Z", "31 Dec 2025"),
        ] {
            assert_eq!(moment_of(&at(then), &now), said);
        }
    }

    #[test]
    fn sizes_have_at_most_three_figures() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_234_567, "1.2 MB"),
            (9_960_000, "10 MB"),
            (88_000_000, "88 MB"),
            (999_600_000, "1.0 GB"),
            (u64::MAX, "18447 PB"),
        ];
        for (count, shown) in cases {
            assert_eq!(bytes(count), shown);
        }
    }

    #[test]
    fn time_left_is_said_as_people_say_it() {
        let cases = [(0, "1 s"), (12, "12 s"), (89, "89 s"), (90, "2 min"), (3540, "59 min"), (3600, "1 h")];
        for (s, shown) in cases {
            assert_eq!(time_left(Duration::from_secs(s)), shown);
        }
        assert_eq!(time_left(Duration::from_secs(7500)), "2 h 5 min");
        assert_eq!(time_left(Duration::from_secs(100_000)), "1 day");
        assert_eq!(time_left(Duration::MAX), "very long");
    }

    #[test]
    fn a_hundred_per_cent_means_all_of_it() {
        assert_eq!(percent(999_999, 1_000_000), "99 %");
        assert_eq!(percent(1_000_000, 1_000_000), "100 %");
        assert_eq!(percent(0, 0), "100 %");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(7), "7");
        assert_eq!(count(12_480), "12\u{202f}480");
    }
}
