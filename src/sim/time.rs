//! A moment of the cloud's own time, and the ways in which its services write it.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

/// Milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

impl Time {
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds since `earlier`.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds: what the databases keep.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// `2026-11-23T18:50:10Z`: nova's servers, glance, neutron's objects.
    pub fn zulu(self) -> Written {
        Written { time: self, style: Style::Zulu }
    }

    /// `2026-11-23T18:50:10.000000`: nova's services, cinder.
    pub fn micro(self) -> Written {
        Written { time: self, style: Style::Micro }
    }

    /// `2026-11-23T18:50:30.000000Z`: keystone.
    pub fn micro_zulu(self) -> Written {
        Written { time: self, style: Style::MicroZulu }
    }

    /// `2026-11-23 18:50:21`: neutron's agents.
    pub fn spaced(self) -> Written {
        Written { time: self, style: Style::Spaced }
    }

    /// `Mon, 23 Nov 2026 18:50:25 GMT`: HTTP.
    pub fn http(self) -> Written {
        Written { time: self, style: Style::Http }
    }

    /// `2026-11-23 18:50:30.066`: what oslo.log begins a line with.
    pub fn oslo(self) -> String {
        self.datetime().strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
    }

    /// `23/Nov/2026:18:50:30 +0000`: web servers.
    pub fn common_log(self) -> String {
        self.datetime().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    fn datetime(self) -> jiff::civil::DateTime {
        // Out of the calendar only if somebody asks for the year 10000.
        let at = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        Offset::UTC.to_datetime(at)
    }

    /// What clients write in a query: with or without zone, fraction, `T` or time of day; UTC if nothing is said.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().replacen(' ', "T", 1);
        let whole = || text.parse::<Timestamp>().ok();
        let zoned = || format!("{text}Z").parse().ok();
        let dated = || format!("{text}T00:00:00Z").parse().ok();
        whole().or_else(zoned).or_else(dated).map(Self::from)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

#[derive(Clone, Copy, Debug)]
enum Style {
    Zulu,
    Micro,
    MicroZulu,
    Spaced,
    Http,
}

/// A time in one of the services' ways of writing it.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    time: Time,
    style: Style,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.time.datetime();
        let (h, m, s) = (t.hour(), t.minute(), t.second());
        if matches!(self.style, Style::Http) {
            return write!(f, "{}", t.strftime("%a, %d %b %Y %H:%M:%S GMT"));
        }
        write!(f, "{:04}-{:02}-{:02}", t.year(), t.month(), t.day())?;
        match self.style {
            Style::Spaced => write!(f, " {h:02}:{m:02}:{s:02}"),
            Style::Micro => write!(f, "T{h:02}:{m:02}:{s:02}.000000"),
            Style::MicroZulu => write!(f, "T{h:02}:{m:02}:{s:02}.000000Z"),
            Style::Zulu | Style::Http => write!(f, "T{h:02}:{m:02}:{s:02}Z"),
        }
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_its_own_way_of_writing_a_time() {
        let t = Time::parse("2026-11-23T18:50:10.5Z").unwrap();
        assert_eq!(t.zulu().to_string(), "2026-11-23T18:50:10Z");
        assert_eq!(t.micro().to_string(), "2026-11-23T18:50:10.000000");
        assert_eq!(t.micro_zulu().to_string(), "2026-11-23T18:50:10.000000Z");
        assert_eq!(t.spaced().to_string(), "2026-11-23 18:50:10");
        assert_eq!(t.http().to_string(), "Mon, 23 Nov 2026 18:50:10 GMT");
    }

    #[test]
    fn clients_write_times_in_many_ways() {
        let expected = Time::parse("2026-11-23T00:00:00Z");
        assert!(expected.is_some());
        for text in
            ["2026-11-23", "2026-11-23T00:00:00", "2026-11-23 00:00:00.000000", "2026-11-23T01:00:00+01:00"]
        {
            assert_eq!(Time::parse(text), expected, "{text}");
        }
        assert_eq!(Time::parse("yesterday"), None);
    }
}
