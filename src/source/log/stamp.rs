//! Times as bytes: the digits that oslo and its kin write, without a detour through text.

use crate::model::Stamp;

const SECOND: i64 = 1_000_000;

/// The digits at the start, at most `most` of them, as a number; and how many they were.
pub(super) fn digits(bytes: &[u8], most: usize) -> (i64, usize) {
    let mut value = 0;
    let mut count = 0;
    for byte in bytes.iter().take(most.min(18)).take_while(|byte| byte.is_ascii_digit()) {
        value = value * 10 + i64::from(byte - b'0');
        count += 1;
    }
    (value, count)
}

/// A number of exactly `count` digits.
fn exactly(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let (value, found) = digits(bytes.get(at..)?, count);
    (found == count).then_some(value)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `2026-11-23 18:48:30.066`, with `T` or a space, with `.` or `,` or no fraction, with or without an offset
/// (`Z`, `+00:00`, `+0000`). Returns it and its length.
pub(super) fn iso(bytes: &[u8]) -> Option<(Stamp, usize)> {
    // The cheapest refusals first: most lines that are no head of a record begin with a letter.
    if !bytes.first()?.is_ascii_digit() || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let is_separated = matches!(bytes.get(10)?, b' ' | b'T');
    if !is_separated || bytes.get(13) != Some(&b':') || bytes.get(16) != Some(&b':') {
        return None;
    }
    let (year, month, day) = (exactly(bytes, 0, 4)?, exactly(bytes, 5, 2)?, exactly(bytes, 8, 2)?);
    let (hour, minute, second) = (exactly(bytes, 11, 2)?, exactly(bytes, 14, 2)?, exactly(bytes, 17, 2)?);
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_time || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut micros = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let (mut value, count) = digits(bytes.get(at + 1..)?, 9);
        if count == 0 {
            return None;
        }
        for _ in count..9 {
            value *= 10;
        }
        micros = value / 1000;
        at += 1 + count;
    }
    let clock = (days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * SECOND + micros;
    let rest = bytes.get(at..).unwrap_or_default();
    Some(match offset(rest) {
        Some((seconds, length)) => (Stamp::Utc(clock - seconds * SECOND), at + length),
        None => (Stamp::Local(clock), at),
    })
}

/// An offset from UTC in seconds, and its length.
fn offset(bytes: &[u8]) -> Option<(i64, usize)> {
    let sign = match bytes.first()? {
        b'Z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = exactly(bytes, 1, 2)?;
    let colon = usize::from(bytes.get(3) == Some(&b':'));
    let minutes = exactly(bytes, 3 + colon, 2)?;
    Some((sign * (hours * 3600 + minutes * 60), 5 + colon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_fraction_and_offset() {
        let at = 1_795_459_710; // 2026-11-23 18:48:30
        for (text, expected, length) in [
            ("2026-11-23 18:48:30.066 1 INFO", Stamp::Local(at * SECOND + 66_000), 23),
            ("2026-11-23 18:48:30,066", Stamp::Local(at * SECOND + 66_000), 23),
            ("2026-11-23 18:48:30 6619", Stamp::Local(at * SECOND), 19),
            ("2026-11-23T18:48:30.123456Z|", Stamp::Utc(at * SECOND + 123_456), 27),
            ("2026-11-23 19:48:30.5+01:00 [", Stamp::Utc(at * SECOND + 500_000), 27),
            ("2026-11-23 18:48:30.123+0000: 1", Stamp::Utc(at * SECOND + 123_000), 28),
        ] {
            assert_eq!(iso(text.as_bytes()), Some((expected, length)), "{text}");
        }
        for text in ["", "2026-11-23", "2026-13-23 18:48:30", "2026-11-23 18:48:3x", "x026-11-23 18:48:30"] {
            assert_eq!(iso(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn days_agree_with_the_calendar() {
        for (text, expected) in [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-11-23", 20_780)] {
            let date: jiff::civil::Date = text.parse().unwrap();
            let counted = days(date.year().into(), date.month().into(), date.day().into());
            assert_eq!(counted, expected, "{text}");
            assert_eq!(jiff::civil::date(1970, 1, 1).until(date).unwrap().get_days(), expected as i32);
        }
    }
}
