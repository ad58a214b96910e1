//! What `look.sh` says, line by line.
//!
//! A line of grep's begins with a number, the place in the file; two dashes stand between stretches. All else is a
//! letter and what it is about: the clock, a file, and what could not be looked through.

use std::path::PathBuf;
use std::str::from_utf8;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::super::super::files::{LogFile, Packing};
use super::super::super::place;
use super::super::around::Record;
use super::piece::{Piece, Seek};
use super::{Asked, Clock, Host};
use crate::config::logs::LogPlace;
use crate::model::Trouble;

/// What was understood.
pub(in super::super) enum Heard {
    File(LogFile),
    /// Of the last file.
    Record(Record),
    Clock(Clock),
}

/// A host's answer, as far as it came.
pub(super) struct Answer<'a> {
    asked: &'a Asked,
    seek: Seek<'a>,
    /// When it was asked.
    since: Timestamp,
    /// Its own, or the one of the settings.
    zone: TimeZone,
    piece: Piece,
    files: usize,
    missing: Vec<String>,
    unreadable: Vec<String>,
    damaged: Vec<String>,
    /// Files that a tool is missing for.
    packed: Vec<(String, usize)>,
    /// Its grep is of no use.
    lacks: bool,
    /// There were more files than this.
    most: Option<String>,
    /// Why its journal was not looked through.
    journal: Option<String>,
}

impl<'a> Answer<'a> {
    pub fn new(asked: &'a Asked, seek: Seek<'a>, since: Timestamp) -> Self {
        Self {
            asked,
            seek,
            since,
            zone: asked.place.zone.clone().unwrap_or(TimeZone::UTC),
            piece: Piece::default(),
            files: 0,
            missing: Vec::new(),
            unreadable: Vec::new(),
            damaged: Vec::new(),
            packed: Vec::new(),
            lacks: false,
            most: None,
            journal: None,
        }
    }

    pub fn hear(&mut self, line: &[u8], say: &mut dyn FnMut(Heard)) {
        match line {
            [b'0'..=b'9', ..] => {
                let Some(end) = line.iter().position(|byte| !byte.is_ascii_digit()) else { return };
                let number = from_utf8(line.get(..end).unwrap_or_default()).ok().and_then(|n| n.parse().ok());
                let Some(offset) = number else { return };
                let text = line.get(end + 1..).unwrap_or_default();
                self.piece.line(offset, text, &self.seek, &mut |record| say(Heard::Record(record)));
            }
            [b'-', ..] => self.end(say),
            [letter, b' ', rest @ ..] => {
                self.end(say);
                self.about(*letter, &String::from_utf8_lossy(rest), say);
            }
            _ => {}
        }
    }

    /// Whatever is there of the last stretch is all of it.
    pub fn end(&mut self, say: &mut dyn FnMut(Heard)) {
        self.piece.end(&self.seek, &mut |record| say(Heard::Record(record)));
    }

    fn about(&mut self, letter: u8, rest: &str, say: &mut dyn FnMut(Heard)) {
        match letter {
            b'C' => {
                if let Some((clock, zone)) = clock(rest, self.since, Timestamp::now()) {
                    self.zone = self.asked.place.zone.clone().unwrap_or(zone);
                    say(Heard::Clock(clock));
                }
            }
            b'F' => {
                if let Some(file) = logfile(rest, &self.asked.host, &self.asked.place, &self.zone) {
                    self.files += 1;
                    say(Heard::File(file));
                }
            }
            b'N' => self.missing.push(rest.to_owned()),
            b'X' => self.unreadable.push(rest.to_owned()),
            b'D' => self.damaged.push(rest.to_owned()),
            b'T' => match self.packed.iter_mut().find(|(tool, _)| tool == rest) {
                Some((_, count)) => *count += 1,
                None => self.packed.push((rest.to_owned(), 1)),
            },
            b'L' => self.lacks = true,
            b'J' => self.journal = Some(rest.to_owned()),
            b'M' => self.most = Some(rest.to_owned()),
            _ => {}
        }
    }

    /// What could not be looked through, and what to do about it. `errors`: what find said aside.
    pub fn troubles(&self, errors: &str) -> Vec<Trouble> {
        let host = &self.asked.host;
        let of = |message: String, next_step: String| Trouble { next_step, ..Trouble::of_log(message) };
        if self.lacks {
            let message =
                format!("nothing from {host}: its grep is not GNU's: it knows no place in a file (-b)");
            return vec![of(message, format!("install GNU grep on {host}"))];
        }
        let mut troubles = Vec::new();
        let unlisted = errors.lines().filter_map(|line| line.strip_suffix(": Permission denied"));
        let unlisted = unlisted.map(|line| line.trim_start_matches("find: ").trim_matches('\'').to_owned());
        let mut forbidden: Vec<String> = self.unreadable.iter().cloned().chain(unlisted).collect();
        forbidden.dedup();
        let next = self.asked.needs_a_right();
        troubles.extend(some(&forbidden).map(|paths| of(format!("{host}: no right to read {paths}"), next)));
        // A layout that is not there is another deployment's.
        if !self.asked.place.paths.is_empty() {
            let next = format!("does {host} have it? `path` in [[logs]] says where to look");
            troubles
                .extend(some(&self.missing).map(|paths| of(format!("{host}: there is no {paths}"), next)));
        } else if self.files == 0 && forbidden.is_empty() && !self.asked.place.journal {
            let message =
                format!("nothing from {host}: no logs where packages, kolla-ansible and TripleO put them");
            troubles.push(of(message, "say where they are by `path` in [[logs]]".to_owned()));
        }
        for (tool, count) in &self.packed {
            let message = format!("{host}: {count} packed files were not looked through: there is no {tool}");
            troubles.push(of(message, format!("install {tool} on {host}")));
        }
        let journal = self.journal.as_deref().or(meant(errors).filter(|_| self.asked.place.journal));
        if let Some(why) = journal {
            let message = format!("{host}: its journal was not looked through, or not all of it: {why}");
            troubles.push(of(message, self.asked.needs_the_journal()));
        }
        if let Some(most) = &self.most {
            let message = format!("{host}: more than {most} files: the rest was not looked through");
            troubles.push(of(message, "name the logs more narrowly by `path` in [[logs]]".to_owned()));
        }
        let damaged = some(&self.damaged).map(|paths| format!("{host}: damaged before its end: {paths}"));
        troubles.extend(damaged.map(|message| of(message, String::new())));
        troubles
    }
}

/// What journalctl says on standard error, and what that means.
const JOURNAL: &[(&str, &str)] = &[
    ("insufficient permissions", "no right to read it"),
    ("not seeing messages from other users", "no right to what others write"),
    ("No journal files were found", "there is none"),
    ("unrecognized option", "its journalctl is older than systemd 236"),
];

/// What it means, where that is known.
fn meant(said: &str) -> Option<&'static str> {
    JOURNAL.iter().find_map(|(words, meaning)| said.contains(words).then_some(*meaning))
}

/// What keeps a journal from being followed, or all of it, by what journalctl said.
pub(in super::super::super) fn journal_fault(asked: &Asked, said: &str) -> Trouble {
    let host = &asked.host;
    let is_of_rights = said.contains("permissions") || said.contains("not seeing");
    let next_step = match is_of_rights {
        true => asked.needs_the_journal(),
        false => format!("see what `journalctl -n 1` says on {host}, or take `journal` out of [[logs]]"),
    };
    let why = meant(said).map_or_else(|| said.trim().to_owned(), ToOwned::to_owned);
    Trouble {
        next_step,
        ..Trouble::of_log(format!("{host}: its journal is not followed, or not all of it: {why}"))
    }
}

/// The first, and how many more there are.
fn some(paths: &[String]) -> Option<String> {
    match paths {
        [] => None,
        [one] => Some(one.clone()),
        [first, rest @ ..] => Some(format!("{first} and {} more", rest.len())),
    }
}

/// `2049:131 5120 1764412345 /var/log/nova/nova-compute.log`.
pub(in super::super::super) fn logfile(
    text: &str,
    host: &Host,
    place: &LogPlace,
    zone: &TimeZone,
) -> Option<LogFile> {
    let mut parts = text.splitn(4, ' ');
    let (device, inode) = parts.next()?.split_once(':')?;
    let size = parts.next()?.parse().ok()?;
    let written = parts.next()?.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok())?;
    let path = PathBuf::from(parts.next()?);
    let (named, called) = place::place(&path);
    // Its directory may be called anything; only a central server's tree is other hosts'.
    let named = named.filter(|_| place::is_central(&path)).map(Into::into);
    let service = match &place.service {
        Some(service) => service.as_str().into(),
        None => (&*place::service(&path, called)).into(),
    };
    Some(LogFile {
        host: named.unwrap_or_else(|| host.name().clone()),
        service,
        path: format!("{host}:{}", path.display()).into(),
        packing: Packing::Plain,
        size,
        written,
        identity: (device.parse().ok()?, inode.parse().ok()?),
        zone: zone.clone(),
    })
}

/// `1764412345.123456789 +0100 /usr/share/zoneinfo/Europe/Berlin`: how far its clock is from ours, and its zone.
/// Asked at `since` and heard at `now`, it was read in between.
pub(in super::super::super) fn clock(
    text: &str,
    since: Timestamp,
    now: Timestamp,
) -> Option<(Clock, TimeZone)> {
    let mut parts = text.split(' ');
    let mut time = parts.next()?.split('.');
    let seconds: i64 = time.next()?.parse().ok()?;
    // busybox's date knows no nanoseconds: then it is within the second.
    let nanos = time.next().and_then(|text| text.parse::<i32>().ok());
    let read = Timestamp::new(seconds, nanos.unwrap_or(500_000_000)).ok()?;
    let half = now.duration_since(since) / 2;
    let ahead = read.duration_since(since) - half;
    let doubt = half + SignedDuration::from_millis(if nanos.is_some() { 0 } else { 500 });
    let (offset, name) = (parts.next().and_then(offset), parts.next().unwrap_or_default());
    let name = name.split_once("zoneinfo/").map_or(name, |(_, name)| name);
    // By its name DST is known; but never against what its clock says now.
    let named = TimeZone::get(name).ok().filter(|zone| Some(zone.to_offset(read)) == offset);
    let zone = named.or(offset.map(TimeZone::fixed)).unwrap_or(TimeZone::UTC);
    Some((Clock { ahead, doubt }, zone))
}

/// `+0530`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_known_as_well_as_the_way_there_and_back_allows_and_a_zone_by_its_name() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (since, now) = (at("2026-11-29T10:00:00Z"), at("2026-11-29T10:00:00.2Z"));
        let seconds = since.as_second();
        for (text, ahead, doubt, zone, july) in [
            (format!("{}.100000000 +0100 /usr/share/zoneinfo/Europe/Berlin", seconds + 3), 3000, 100, 1, 2),
            // What TZ says.
            (format!("{seconds}.100000000 +0100 Europe/Berlin"), 0, 100, 1, 2),
            // A name that is not what the clock shows, and none.
            (format!("{seconds}.100000000 -0300 /usr/share/zoneinfo/Europe/Berlin"), 0, 100, -3, -3),
            (format!("{}.100000000 +0200 ", seconds - 90), -90_000, 100, 2, 2),
            (format!("{seconds}.%N +0000 UTC"), 400, 600, 0, 0),
        ] {
            let (clock, its) = clock(&text, since, now).unwrap();
            assert_eq!((clock.ahead.as_millis(), clock.doubt.as_millis()), (ahead, doubt), "{text}");
            let hours = |at| its.to_offset(at).seconds() / 3600;
            assert_eq!((hours(now), hours(at("2026-07-01T10:00:00Z"))), (zone, july), "{text}");
        }
        assert!(clock("nonsense", since, now).is_none());
    }

    #[test]
    fn the_host_that_was_asked_is_whose_log_it_is_but_for_a_central_tree() {
        let host = Host::parse("cmp01").unwrap();
        let place = LogPlace::named(Vec::new(), "test");
        for (path, whose, service) in [
            ("/var/log/nova/nova-compute.log", "cmp01", "nova-compute"),
            ("/srv/mylogs/nova-compute.log.2.gz", "cmp01", "nova-compute"),
            ("/var/log/rsyslog/cmp07/nova-compute.log", "cmp07", "nova-compute"),
            ("/var/log/neutron/server.log with blanks", "cmp01", "neutron-server"),
        ] {
            let text = format!("2049:131 5120 1764412345 {path}");
            let file = logfile(&text, &host, &place, &TimeZone::UTC).unwrap();
            assert_eq!((&*file.host, &*file.service), (whose, service), "{path}");
            assert_eq!(file.path.to_str().unwrap(), format!("cmp01:{path}"));
        }
        assert!(logfile("garbage", &host, &place, &TimeZone::UTC).is_none());
    }
}
