//! Speeds as a person types them: `500k`, `2MB`, `64KiB`, `100mbit`, `none`.

/// Bytes a second; 0 for `none`. Decimal units as this program shows them, binary ones with an `i`, and bits with `bit`.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    let problem =
        || format!("{text:?} is no speed; use for instance 500k, 2M, 64KiB or 100mbit (each a second), or none");
    let plain = text.trim().to_ascii_lowercase();
    if plain == "none" || plain == "unlimited" {
        return Ok(0);
    }
    let plain = plain.trim_end_matches("/s").trim_end_matches("ps");
    let digits = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
    let (number, unit) = plain.split_at(digits);
    let (multiple, divisor): (u64, u64) = match unit.trim() {
        "" | "b" => (1, 1),
        "k" | "kb" => (1_000, 1),
        "m" | "mb" => (1_000_000, 1),
        "g" | "gb" => (1_000_000_000, 1),
        "ki" | "kib" => (1 << 10, 1),
        "mi" | "mib" => (1 << 20, 1),
        "gi" | "gib" => (1 << 30, 1),
        "kbit" => (1_000, 8),
        "mbit" => (1_000_000, 8),
        "gbit" => (1_000_000_000, 8),
        _ => return Err(problem()),
    };
    let number: f64 =
        number.parse().ok().filter(|number: &f64| number.is_finite() && *number < 1e15).ok_or_else(problem)?;
    let bytes = (number * multiple as f64 / divisor as f64).round();
    let (least, most) = (crate::traffic::limits::RATE_MIN, crate::traffic::limits::RATE_MAX);
    if bytes >= least as f64 && bytes <= most as f64 {
        return Ok(bytes as u64);
    }
    Err(format!(
        "{text:?} is not between {least} bytes and 1 TiB a second; use none for no limit, and pause for nothing"
    ))
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn speeds_are_read_in_the_units_that_people_use() {
        let cases = [
            ("none", 0),
            ("Unlimited", 0),
            ("65536", 65_536),
            ("500k", 500_000),
            ("500KB/s", 500_000),
            ("2M", 2_000_000),
            ("1.5mb", 1_500_000),
            ("64KiB", 65_536),
            ("200 MiB/s", 200 << 20),
            ("100mbit", 12_500_000),
            ("1Gbit", 125_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(rate(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_speed_is_refused_with_an_example() {
        for text in
            ["", "fast", "-5", "0", "1", "4095", "1.2.3k", "5x", "k", "9e9", "inf", "99999999999999999999M", "2M3"]
        {
            let problem = rate(text).unwrap_err();
            assert!(problem.contains("none"), "{text:?}: {problem}");
        }
    }
}
