//! The wall clock of the place where the computer stands.

use std::time::SystemTime;

/// Day of the week (0 is Monday) and minutes since midnight, in the system's time zone; UTC where it has none.
pub fn weekday_and_minute(at: SystemTime) -> (u8, u16) {
    let Ok(at) = jiff::Timestamp::try_from(at) else { return (0, 0) };
    let at = at.to_zoned(jiff::tz::TimeZone::system());
    let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
    (at.weekday().to_monday_zero_offset().unsigned_abs(), minute)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_moment_is_one_day_and_minute_of_the_week_in_any_time_zone() {
        let (day, minute) = weekday_and_minute(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045));
        let (next_day, next_minute) = weekday_and_minute(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_105));

        // 2026-01-02 was a Friday; no time zone is further than 14 hours from UTC.
        assert!((3..=5).contains(&day) && minute < 1440);
        let at = |day: u8, minute: u16| u32::from(day) * 1440 + u32::from(minute);
        assert_eq!(at(next_day, next_minute), at(day, minute) + 1);
    }
}
