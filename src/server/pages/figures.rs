//! Numbers as text.

use time::{OffsetDateTime, macros::format_description};

/// A size with three digits at most: `4.2 GB`. Decimal units, as disks and the systems' own windows count.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let digits = if value < 9.95 { 1 } else { 0 };
    format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&"PB"))
}

/// `1 file`, `20,000 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long ago, in words.
pub(super) fn ago(then_s: i64, now_s: i64) -> String {
    match now_s - then_s {
        ..60 => "just now".to_owned(),
        s @ 60..3_600 => count((s / 60) as u64, "minute ago", "minutes ago"),
        s @ 3_600..86_400 => count((s / 3_600) as u64, "hour ago", "hours ago"),
        s @ 86_400..2_592_000 => count((s / 86_400) as u64, "day ago", "days ago"),
        _ => date(then_s),
    }
}

/// `2026-11-23`.
pub(in crate::server) fn date(at_s: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

/// A moment for people: the page's script shows it in the zone of whoever reads, and without one it is told in UTC.
pub(super) fn time(at_s: i64) -> maud::Markup {
    let at = OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let machine = at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    maud::html! { time datetime=(machine) { (moment(at_s)) } }
}

/// `2026-11-23 09:05:07 UTC`.
pub(in crate::server) fn moment(at_s: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_read_well() {
        let sizes = [0, 999, 1_000, 4_200_000, 999_499_000, 999_600_000, 12_345_678_901].map(bytes);
        assert_eq!(sizes, ["0 bytes", "999 bytes", "1.0 kB", "4.2 MB", "999 MB", "1.0 GB", "12 GB"]);
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(1_234_567, "file", "files"), "1,234,567 files");
        assert_eq!(
            [ago(0, 59), ago(0, 60), ago(0, 7_300), ago(0, 200_000)],
            ["just now", "1 minute ago", "2 hours ago", "2 days ago"]
        );
        assert_eq!(moment(1_800_000_000), "2027-01-15 08:00:00 UTC");
    }
}
