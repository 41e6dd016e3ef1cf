//! What people type for speeds, times and numbers, read as they mean it.

use super::{memory::SeedKind, words};
use crate::traffic::{Rate, SeedUntil, limits::RATE_MIN, schedule};

/// What is typed for a speed: `2 MB/s`, `500 kB/s`, `16 Mbit/s`, `1,5`; a number alone is in MB/s; nothing is no limit.
/// The error is a sentence.
pub fn rate(text: &str) -> Result<Option<Rate>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let split = text.find(|c: char| !matches!(c, '0'..='9' | '.' | ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.replace(',', ".").parse().map_err(|_| words::limits::NOT_A_SPEED)?;
    let unit = unit_bytes(unit.trim()).ok_or(words::limits::NOT_A_SPEED)?;
    let bytes_per_s = number * unit;
    match Rate::new(bytes_per_s.round() as u64) {
        Some(rate) => Ok(Some(rate)),
        None if bytes_per_s < RATE_MIN as f64 => Err(words::limits::TOO_SLOW),
        None => Err(words::limits::TOO_FAST),
    }
}

/// Bytes in one of a unit; `None` for what is no unit of speed.
fn unit_bytes(unit: &str) -> Option<f64> {
    let stem = unit.trim_end_matches("/s").trim_end_matches("ps").trim();
    let lower = stem.to_lowercase();
    let bits = lower.strip_suffix("bits").or_else(|| lower.strip_suffix("bit"));
    // `Mbps` is bits wherever it is written; `mb/s` is somebody who did not reach for the shift key.
    let bits = bits.or_else(|| lower.strip_suffix('b').filter(|_| unit.ends_with("ps") && stem.ends_with('b')));
    let (prefix, part) = match bits {
        Some(prefix) => (prefix, 0.125),
        None => (lower.strip_suffix('b').unwrap_or(&lower), 1.0),
    };
    let times = match prefix.trim() {
        "" if lower.is_empty() => 1e6,
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "ki" => 1024.0,
        "mi" => 1_048_576.0,
        "gi" => 1_073_741_824.0,
        _ => return None,
    };
    Some(times * part)
}

/// A speed as it stands in a field to be changed.
pub fn rate_text(rate: Option<Rate>) -> String {
    let Some(rate) = rate.map(Rate::get) else { return String::new() };
    let in_unit = |unit: u64, name: &str| {
        let text = format!("{}.{:03}", rate / unit, rate % unit * 1000 / unit);
        format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    if rate >= 1_000_000 { in_unit(1_000_000, "MB/s") } else { in_unit(1000, "kB/s") }
}

/// A seeding rule as a kind and the number that goes with it.
pub fn seeding_text(until: SeedUntil) -> (SeedKind, String) {
    match until {
        SeedUntil::ForEver => (SeedKind::Forever, String::new()),
        SeedUntil::Ratio(thousandths) => (SeedKind::Times, words::seeding::decimal(thousandths)),
        SeedUntil::Copies(copies) => (SeedKind::Copies, copies.to_string()),
        SeedUntil::Time(time) if time.as_secs().is_multiple_of(DAY_S) => {
            (SeedKind::Days, (time.as_secs() / DAY_S).to_string())
        }
        SeedUntil::Time(time) => {
            let thousandths = time.as_secs().saturating_mul(1000) / HOUR_S;
            (SeedKind::Hours, words::seeding::decimal(u32::try_from(thousandths).unwrap_or(u32::MAX)))
        }
    }
}

/// The seeding rule that a kind and a typed number are; `None` for a number that makes no sense. The kind "as for all" is
/// no rule of its own.
pub fn seeding(kind: SeedKind, number: &str) -> Option<SeedUntil> {
    let number = number.trim().replace(',', ".");
    match kind {
        SeedKind::AsAll | SeedKind::Forever => Some(SeedUntil::ForEver),
        SeedKind::Times => SeedUntil::parse(&format!("ratio:{number}")),
        SeedKind::Copies => SeedUntil::parse(&format!("copies:{number}")),
        SeedKind::Hours => {
            let hours: f64 = number.parse().ok().filter(|hours| (0.0..=1e6).contains(hours))?;
            SeedUntil::parse(&format!("time:{}m", (hours * 60.0).round()))
        }
        SeedKind::Days => SeedUntil::parse(&format!("time:{number}d")),
    }
}

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;

/// A time of day as minutes since midnight: `8:00`, `8.00`, `800`, `8`.
pub fn minute(text: &str) -> Option<u16> {
    let text = text.trim().replace(['.', 'h'], ":");
    if text.contains(':') {
        let whole = if text.ends_with(':') { format!("{text}00") } else { text };
        return schedule::parse_minute(&whole);
    }
    let digits = text.len();
    match (digits, text.parse::<u16>().ok()?) {
        (1 | 2, hours) => schedule::parse_minute(&format!("{hours}:00")),
        (3 | 4, both) => schedule::parse_minute(&format!("{}:{:02}", both / 100, both % 100)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_as_people_write_them() {
        let cases = [
            ("2 MB/s", 2_000_000),
            ("2", 2_000_000),
            (" 1,5 mb/s ", 1_500_000),
            ("500 kB/s", 500_000),
            ("500k", 500_000),
            ("16 Mbit/s", 2_000_000),
            ("100mbps", 12_500_000),
            ("1 GB", 1_000_000_000),
            ("1 MiB/s", 1_048_576),
            ("5000 B/s", 5_000),
        ];
        for (text, bytes_per_s) in cases {
            assert_eq!(rate(text).map(|rate| rate.map(Rate::get)), Ok(Some(bytes_per_s)), "{text}");
        }
        assert_eq!(rate("  "), Ok(None));
    }

    #[test]
    fn what_is_no_speed_says_why() {
        for text in ["fast", "2 MB/h", "-1", "1.2.3", "2 apples", ".", "MB/s"] {
            assert_eq!(rate(text), Err(words::limits::NOT_A_SPEED), "{text}");
        }
        assert_eq!(rate("0"), Err(words::limits::TOO_SLOW));
        assert_eq!(rate("1 B/s"), Err(words::limits::TOO_SLOW));
        assert_eq!(rate("99999999 GB/s"), Err(words::limits::TOO_FAST));
    }

    #[test]
    fn a_speed_in_a_field_reads_back_as_itself() {
        for bytes_per_s in [5_000, 500_000, 1_500_000, 2_000_000, 12_500_000] {
            let shown = rate_text(Rate::new(bytes_per_s));
            assert_eq!(rate(&shown).map(|rate| rate.map(Rate::get)), Ok(Some(bytes_per_s)), "{shown}");
        }
    }

    #[test]
    fn seeding_rules_read_back_as_they_stand_in_the_fields() {
        for text in ["forever", "ratio:1.5", "ratio:2", "copies:30", "time:90m", "time:2h", "time:7d"] {
            let until = SeedUntil::parse(text).unwrap();
            let (kind, number) = seeding_text(until);
            assert_eq!(seeding(kind, &number), Some(until), "{text}");
        }
        assert_eq!(seeding(SeedKind::Times, "1,5"), SeedUntil::parse("ratio:1.5"));
        for wrong in ["", "many", "-1", "0", "1e9"] {
            assert_eq!(seeding(SeedKind::Hours, wrong), None, "{wrong}");
            assert_eq!(seeding(SeedKind::Copies, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_of_day_are_read_as_people_write_them() {
        for (text, minutes) in [("8:00", 480), ("8", 480), ("08.30", 510), ("1530", 930), ("15h", 900), ("24:00", 0)] {
            assert_eq!(minute(text), Some(minutes), "{text}");
        }
        for text in ["", "25", "8:60", "noon", "99999", "8:3"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }
}
