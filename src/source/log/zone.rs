//! From the clock on a host's wall to the time of the world.
//!
//! oslo writes local time without an offset, and a host says nowhere in its logs which zone it keeps. The zone is
//! the source's (its config, or the machine's own). In the hour that DST repeats, a line that would lie before
//! the one above it belongs to the second pass. The offset between two changes is kept: asking the zone's table
//! for each line would cost more than the line.

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};

use crate::model::Stamp;

/// A source's zone, and what is needed to make its lines' times comparable.
#[derive(Clone, Debug)]
pub struct Zone {
    zone: TimeZone,
    /// When the lines were read, or the file was last written: a year that is not said is the last one in which
    /// the time does not lie ahead of this.
    written: Timestamp,
    /// Microseconds of wall time, from and to, in which the offset is the same; and that offset in seconds.
    kept: Option<(i64, i64, i64)>,
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Zone {
    pub fn new(zone: TimeZone, written: Timestamp) -> Self {
        Self { zone, written, kept: None }
    }

    /// Microseconds since 1970 in UTC. `before` is the time of the line above, in the same.
    pub fn instant(&mut self, stamp: Stamp, before: Option<i64>) -> Option<i64> {
        match stamp {
            Stamp::None => None,
            Stamp::Utc(micros) => Some(micros),
            Stamp::Local(micros) => self.local(micros, before),
            Stamp::Yearless(micros) => self.yearless(micros, before),
        }
    }

    fn local(&mut self, micros: i64, before: Option<i64>) -> Option<i64> {
        if let Some((from, to, offset)) = self.kept
            && (from..to).contains(&micros)
        {
            return Some(micros - offset * SECOND);
        }
        let at = Timestamp::from_microsecond(micros).ok()?;
        let wall = TimeZone::UTC.to_datetime(at);
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        let is_repeated = matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. });
        let is_plain = !ambiguous.is_ambiguous();
        if is_repeated {
            let (earlier, later) = (ambiguous.earlier().ok()?, ambiguous.later().ok()?);
            let is_over = before.is_some_and(|before| before > earlier.as_microsecond());
            return Some(if is_over { later } else { earlier }.as_microsecond());
        }
        // What the change to DST leaves out is read as if the clock had not been put forward yet.
        let instant = ambiguous.compatible().ok()?;
        if is_plain {
            self.keep(instant, micros);
        }
        Some(instant.as_microsecond())
    }

    /// Keeps the offset for a day's part that no change touches: an hour to either side of each is left out.
    fn keep(&mut self, instant: Timestamp, micros: i64) {
        let offset = i64::from(self.zone.to_offset(instant).seconds());
        let (mut from, mut to) = (micros - DAY, micros + DAY);
        let margin = 3 * 3600 * SECOND;
        // A change at the very instant lies before it.
        let after = instant + SignedDuration::from_secs(1);
        if let Some(change) = self.zone.preceding(after).next() {
            from = from.max(change.timestamp().as_microsecond() + offset * SECOND + margin);
        }
        if let Some(change) = self.zone.following(instant).next() {
            to = to.min(change.timestamp().as_microsecond() + offset * SECOND - margin);
        }
        self.kept = (from < to).then_some((from, to, offset));
    }

    /// RFC 3164 has no year. The last in which the time is not ahead of the file by more than a day (clocks
    /// differ); 29 February has fewer years to choose from.
    fn yearless(&mut self, micros: i64, before: Option<i64>) -> Option<i64> {
        let wall = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(micros).ok()?);
        let newest = TimeZone::UTC.to_datetime(self.written).year() + 1;
        let limit = self.written.as_microsecond() + DAY;
        (newest - 9..=newest).rev().find_map(|year| {
            let date = civil::Date::new(year, wall.month(), wall.day()).ok()?;
            let wall = TimeZone::UTC.to_timestamp(date.to_datetime(wall.time())).ok()?;
            self.local(wall.as_microsecond(), before).filter(|instant| *instant <= limit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamp::iso;
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn zone(name: &str, written: &str) -> Zone {
        Zone::new(TimeZone::get(name).unwrap(), written.parse().unwrap())
    }

    #[test]
    fn a_wall_clock_becomes_utc_through_the_change_to_and_from_dst() {
        let mut berlin = zone("Europe/Berlin", "2026-12-01T00:00:00Z");
        // One zone over all of them: what it kept for one line must not spoil the next.
        for (wall, utc) in [
            ("2026-03-29 01:59:59", "2026-03-29T00:59:59Z"),
            ("2026-03-29 03:00:00", "2026-03-29T01:00:00Z"),
            ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"), // there is no such time
            ("2026-07-01 12:00:00", "2026-07-01T10:00:00Z"),
            ("2026-10-25 01:59:59", "2026-10-24T23:59:59Z"),
            ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
            ("2026-10-25 03:00:00", "2026-10-25T02:00:00Z"),
            ("2026-11-23 18:00:00", "2026-11-23T17:00:00Z"),
        ] {
            let (stamp, _) = iso(wall.as_bytes()).unwrap();
            assert_eq!(berlin.instant(stamp, None), Some(at(utc)), "{wall}");
        }
    }

    #[test]
    fn in_the_hour_that_is_repeated_the_line_above_decides() {
        let mut berlin = zone("Europe/Berlin", "2026-12-01T00:00:00Z");
        let (stamp, _) = iso(b"2026-10-25 02:10:00").unwrap();
        let above = at("2026-10-25T00:50:00Z"); // 02:50 for the first time
        assert_eq!(berlin.instant(stamp, Some(above)), Some(at("2026-10-25T01:10:00Z")));
        assert_eq!(berlin.instant(stamp, Some(at("2026-10-25T00:05:00Z"))), Some(at("2026-10-25T00:10:00Z")));
    }

    #[test]
    fn a_year_that_is_not_said_is_the_last_that_can_be() {
        let yearless = |text: &str| match iso(text.as_bytes()) {
            Some((Stamp::Local(micros), _)) => Stamp::Yearless(micros),
            other => panic!("{other:?}"),
        };
        let mut utc = zone("UTC", "2027-01-01T00:10:00Z");
        for (said, expected) in [
            ("2000-12-31 23:59:58", "2026-12-31T23:59:58Z"),
            ("2000-01-01 00:00:01", "2027-01-01T00:00:01Z"),
            // A clock that is ahead, not a log that is a year old.
            ("2000-01-01 06:00:00", "2027-01-01T06:00:00Z"),
            ("2000-02-29 12:00:00", "2024-02-29T12:00:00Z"),
        ] {
            assert_eq!(utc.instant(yearless(said), None), Some(at(expected)), "{said}");
        }
    }
}
