//! The hosts whose logs are read over SSH: reachable or not, and what may be read there.

use std::time::Duration;

use futures::StreamExt;

use super::Report;
use crate::collect::trace::hosts;
use crate::config::logs::LogPlace;
use crate::source::Session;
use crate::source::log::scan::elsewhere::{Asked, Clock, Seen, Way, of_fault, see};
use crate::source::log::ssh::{Patience, Ssh};
use crate::ui::format;

/// Hosts that are asked at the same time.
const AT_ONCE: usize = 8;
/// A clock that is wrong by more than this is said, in milliseconds.
const SKEW: i128 = 1_000;

/// Goes to each, and says what it found. Without a session only hosts that were named are known.
pub(super) async fn ask(
    session: Option<&Session>,
    places: &[LogPlace],
    timeout: Duration,
    report: &mut Report,
) {
    let (asked, troubles) = hosts(session, places).await;
    for trouble in troubles {
        report.trouble("logs over SSH", &trouble.message, &trouble.next_step);
    }
    let usual = Patience::default();
    let patience = Patience { connect: usual.connect.min(timeout), ready: usual.ready.min(timeout), ..usual };
    let ssh = &Ssh { patience, ..Ssh::default() };
    let mut seen = futures::stream::iter(&asked)
        .map(|asked| async move { (asked, see(ssh, asked).await) })
        .buffered(AT_ONCE);
    while let Some((asked, outcome)) = seen.next().await {
        let what = format!("logs of {}", asked.host);
        match outcome {
            Ok(seen) => tell(asked, &what, &seen, report),
            Err(fault) => {
                let trouble = of_fault(&asked.host, &fault, false);
                report.trouble(&what, &trouble.message, &trouble.next_step);
            }
        }
    }
}

fn tell(asked: &Asked, what: &str, seen: &Seen, report: &mut Report) {
    let host = &asked.host;
    let files: usize = seen.places.iter().map(|(_, readable, _)| readable).sum();
    if seen.lacks {
        let next = format!("install GNU grep on {host}");
        report.trouble(what, "its grep is not GNU's: it knows no place in a file (-b)", &next);
    } else if files > 0 {
        let some = seen.places.iter().filter(|(_, readable, _)| *readable > 0);
        let paths: Vec<&str> = some.map(|(path, ..)| path.as_str()).collect();
        let (count, paths, zone) = (format::count(files, "file"), paths.join(" "), &seen.zone);
        let way = if asked.way == Way::Here { "" } else { ", over SSH" };
        report.line("o", what, &format!("{count} in {paths}{way}, in {zone}"));
    } else if seen.journal.is_none()
        && seen.unlisted.is_empty()
        && seen.places.iter().all(|(.., unreadable)| *unreadable == 0)
    {
        let words = match asked.place.paths.is_empty() {
            true => "none where packages, kolla-ansible and TripleO put them",
            false => "none where `path` in [[logs]] says",
        };
        report.trouble(what, words, "say where they are by `path` in [[logs]]");
    }
    let next = asked.needs_a_right();
    if let Some(why) = &seen.journal {
        report.trouble(what, &format!("its journal: {why}"), &asked.needs_the_journal());
    }
    for path in &seen.unlisted {
        report.trouble(what, &format!("no right to list {path}"), &next);
    }
    for (path, _, unreadable) in seen.places.iter().filter(|(.., unreadable)| *unreadable > 0) {
        let count = format::count(*unreadable, "file");
        report.trouble(what, &format!("no right to read {count} in {path}"), &next);
    }
    if !asked.place.paths.is_empty() && !seen.places.is_empty() {
        for path in &seen.missing {
            let next = format!("does {host} have it? `path` in [[logs]] says where to look");
            report.trouble(what, &format!("there is no {path}"), &next);
        }
    }
    if let Some(Clock { ahead, doubt }) = seen.clock
        && ahead.abs().as_millis() - doubt.as_millis() > SKEW
    {
        let side = if ahead.is_negative() { "behind" } else { "ahead of" };
        let by = format::duration(ahead.abs());
        report.line("!", what, &format!("its clock is {by} {side} this machine's: set both by NTP"));
    }
}
