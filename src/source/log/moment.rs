//! How a format writes its times.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use crate::model::Stamp;

use super::stamp::{days, iso};

/// `iso`, `epoch` (seconds since 1970, with or without a fraction), `epoch_us`, or a format of strptime(3).
pub(super) enum Moment {
    Iso,
    /// So many of its units are a second.
    Epoch(f64),
    Form(String),
}

impl Moment {
    pub(super) fn new(form: &str) -> Self {
        match form {
            "iso" => Self::Iso,
            "epoch" => Self::Epoch(1.0),
            "epoch_us" => Self::Epoch(1e6),
            form => Self::Form(form.to_owned()),
        }
    }

    pub(super) fn parse(&self, text: &[u8]) -> Option<Stamp> {
        match self {
            Self::Iso => iso(text).map(|(stamp, _)| stamp),
            Self::Epoch(units) => {
                let seconds = std::str::from_utf8(text).ok()?.parse::<f64>().ok()? / units;
                // Of this century: what is not is in another unit.
                let sane = (9e8..4.2e9).contains(&seconds);
                sane.then(|| Stamp::Utc((seconds * 1e6).round() as i64))
            }
            Self::Form(form) => by_form(form, text),
        }
    }
}

fn by_form(form: &str, text: &[u8]) -> Option<Stamp> {
    let mut found = BrokenDownTime::parse(form, text).ok()?;
    if found.year().is_none() {
        let (month, day) = (found.month()?, found.day()?);
        let time = found.to_time().ok()?;
        let seconds = days(2000, month.into(), day.into()) * 86_400
            + i64::from(time.hour()) * 3600
            + i64::from(time.minute()) * 60
            + i64::from(time.second());
        return Some(Stamp::Yearless(seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1000));
    }
    let offset = found.offset();
    found.set_offset(None);
    let wall = TimeZone::UTC.to_timestamp(found.to_datetime().ok()?).ok()?.as_microsecond();
    Some(match offset {
        Some(offset) => Stamp::Utc(wall - i64::from(offset.seconds()) * 1_000_000),
        None => Stamp::Local(wall),
    })
}
