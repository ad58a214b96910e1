//! Figures as operators read them.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text::sanitise;
use crate::table::{Column, Slot, Table, Value};
pub use crate::words::duration;

/// `12,408`.
pub fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `512 MiB`, `44.8 GiB`, `20.5 TiB`.
pub fn mebibytes(mib: f64) -> String {
    match mib {
        n if n < 1_024.0 => format!("{n:.0} MiB"),
        n if n < 1_048_576.0 => format!("{:.1} GiB", n / 1_024.0),
        n => format!("{:.1} TiB", n / 1_048_576.0),
    }
}

/// `23 B`, `35 KiB`, and from a mebibyte on as [`mebibytes`].
pub fn bytes(n: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match n {
        ..KIB => format!("{n} B"),
        KIB..MIB => format!("{} KiB", n.div_ceil(KIB)),
        MIB.. => mebibytes(n as f64 / MIB as f64),
    }
}

/// A word as sh takes it, whatever stands in it.
pub fn shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// `1 instance`, `12,408 instances`: what is counted, in the singular.
pub fn count(n: usize, what: &str) -> String {
    let many = if n == 1 { "" } else { "s" };
    format!("{} {what}{many}", number(n as i64))
}

/// A number, or `?`.
pub fn maybe(n: Option<u64>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| n.to_string())
}

/// A cell as it stands in a table: unknown is `?`, absent `–`, a moment its age.
pub fn value<'a>(value: &'a Value<'_>, now: Timestamp) -> Cow<'a, str> {
    match value {
        Value::Unknown => Cow::Borrowed("?"),
        Value::Absent => Cow::Borrowed("–"),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("yes"),
        Value::Bool(false) => Cow::Borrowed("no"),
        Value::Int(n) => Cow::Owned(n.to_string()),
        Value::Float(n) => Cow::Owned(if n.fract() == 0.0 { format!("{n:.0}") } else { format!("{n:.2}") }),
        Value::Time(at) => Cow::Owned(duration(now.duration_since(*at))),
        Value::Span(span) => Cow::Owned(duration(*span)),
        Value::List(list) => match &**list {
            [one] => Cow::Borrowed(one.as_ref()),
            several => Cow::Owned(several.join(",")),
        },
    }
}

/// A cell as people read it, clean: the table's own words for it, else its value.
pub fn cell<C: ?Sized>(table: &Table<C>, cx: &C, slot: Slot, column: &Column<C>, now: Timestamp) -> String {
    match (table.words)(cx, slot, column.name, now) {
        Some(words) => sanitise(&words).into_owned(),
        None => sanitise(&value(&(column.value)(cx, slot), now)).into_owned(),
    }
}

/// A value as the filter takes it: in quotes where it holds a space. What cannot stand between quotes is
/// matched by a star.
pub fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_whitespace() || c == '"') || word.is_empty() {
        format!("\"{}\"", word.replace('"', "*"))
    } else {
        word.to_owned()
    }
}

/// The zone that times are shown in.
#[derive(Clone, Debug)]
pub struct Clock {
    local: TimeZone,
    utc: bool,
}

impl Clock {
    pub fn new(local: TimeZone, utc: bool) -> Self {
        Self { local, utc }
    }

    pub fn toggle_utc(&mut self) {
        self.utc = !self.utc;
    }

    fn zone(&self) -> TimeZone {
        if self.utc { TimeZone::UTC } else { self.local.clone() }
    }

    /// `03:12:45`, with `Z` in UTC.
    pub fn time(&self, at: Timestamp) -> String {
        let mark = if self.utc { "Z" } else { "" };
        format!("{}{mark}", at.to_zoned_datetime(self.zone()).strftime("%H:%M:%S"))
    }

    /// The last moment up to `now` at which the clock on the wall showed `03:12` or `03:12:45`.
    pub fn last_at(&self, words: &str, now: Timestamp) -> Option<Timestamp> {
        let time = ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|format| jiff::civil::Time::strptime(format, words).ok())?;
        let today = now.to_zoned_datetime(self.zone()).date();
        let at = |day: jiff::civil::Date| self.zone().to_timestamp(day.to_datetime(time)).ok();
        let today_at = at(today)?;
        if today_at <= now { Some(today_at) } else { at(today.yesterday().ok()?) }
    }

    /// `2026-11-23 18:48:26`, with `Z` in UTC.
    pub fn date_time(&self, at: Timestamp) -> String {
        let mark = if self.utc { "Z" } else { "" };
        format!("{}{mark}", at.to_zoned_datetime(self.zone()).strftime("%Y-%m-%d %H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_last_that_was() {
        let now: Timestamp = "2026-11-24T03:12:45Z".parse().unwrap();
        let utc = Clock::new(TimeZone::UTC, false);
        let east = Clock::new(TimeZone::fixed(jiff::tz::offset(8)), false);
        for (clock, words, at) in [
            (&utc, "03:12", Some("2026-11-24T03:12:00Z")),
            (&utc, "03:12:46", Some("2026-11-23T03:12:46Z")),
            (&east, "03:12", Some("2026-11-23T19:12:00Z")),
            (&east, "25:00", None),
            (&east, "nova", None),
        ] {
            assert_eq!(clock.last_at(words, now), at.map(|at| at.parse().unwrap()), "{words}");
        }
    }

    #[test]
    fn one_is_not_many() {
        for (n, text) in [(0, "0 hosts"), (1, "1 host"), (1_200, "1,200 hosts")] {
            assert_eq!(count(n, "host"), text);
        }
    }

    #[test]
    fn thousands() {
        for (n, text) in [(0, "0"), (999, "999"), (12_408, "12,408"), (-1_000_000, "-1,000,000")] {
            assert_eq!(number(n), text);
        }
    }
}
