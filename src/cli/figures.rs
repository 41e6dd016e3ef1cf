//! Sizes, speeds, times and strangers' texts, as a person reads them on a terminal.

use console::truncate_str;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/// A size, in units of 1000 as file managers and disks show it: `1.2 GB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    // 999.5 would be shown as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// A speed, or nothing where nothing moves.
pub(super) fn speed(bytes_per_s: u64) -> String {
    if bytes_per_s == 0 { String::new() } else { format!("{}/s", size(bytes_per_s)) }
}

/// A time that remains: `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, below: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {below}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(minutes, "min", seconds % 60, "s"),
        3_600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How long ago a time in RFC 3339 was, as seen from `now`: `just now`, `5 min ago`.
pub(super) fn ago(time: &str, now: OffsetDateTime) -> String {
    let Ok(then) = OffsetDateTime::parse(time, &Rfc3339) else { return String::new() };
    let seconds = u64::try_from((now - then).whole_seconds()).unwrap_or(0);
    match seconds {
        // Computers' clocks differ by seconds; to say so would only look wrong.
        0..10 => "just now".to_owned(),
        10..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// How much of a whole is there, rounded down: 100 % means all of it.
pub(super) fn percent(done: u64, of: u64) -> String {
    let percent = if of == 0 { 0 } else { u128::from(done) * 100 / u128::from(of) };
    format!("{} %", percent.min(100))
}

/// `1 file`, `2 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A stranger's text without what could steer the terminal or turn the direction of what follows.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// [`plain`], cut to so many columns of the terminal.
pub(super) fn cut(text: &str, columns: usize) -> String {
    truncate_str(&plain(text), columns, "…").into_owned()
}

/// Control characters, and the bidirectional controls of Unicode (UAX #9).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_at_most_four_places() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 KB"),
            (99_949, "99.9 KB"),
            (99_950, "100 KB"),
            (999_499, "999 KB"),
            (999_500, "1.0 MB"),
            (1_234_567_890, "1.2 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (250, "4 min 10 s"),
            (3_600, "1 h"),
            (11_100, "3 h 5 min"),
            (187_200, "2 d 4 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn a_time_is_shown_as_its_distance_and_a_fast_clock_as_now() {
        let now = OffsetDateTime::parse("2026-01-02T00:00:00Z", &Rfc3339).unwrap();

        assert_eq!(ago("2026-01-01T23:59:55Z", now), "just now");
        assert_eq!(ago("2026-01-02T00:10:00Z", now), "just now");
        assert_eq!(ago("2026-01-01T23:55:00Z", now), "5 min ago");
        assert_eq!(ago("2025-12-30T00:00:00Z", now), "3 d ago");
        assert_eq!(ago("yesterday", now), "");
    }

    #[test]
    fn a_hundred_percent_means_all_of_it() {
        assert_eq!(percent(999, 1_000), "99 %");
        assert_eq!(percent(1_000, 1_000), "100 %");
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(u64::MAX - 1, u64::MAX), "99 %");
    }

    #[test]
    fn a_stranger_s_text_can_t_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\nb\u{202e}c\u{9b}"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(cut("Überraschung 漢字漢字", 16), "Überraschung 漢…");
    }
}
