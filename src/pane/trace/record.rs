//! One record of a log: all that it says, and what is known of such.

use crate::health::Verdict;
use crate::model::{Level, Span};
use crate::pane::{Cx, parts};
use crate::signature::{Signature, Signatures};
use crate::theme::Role;
use crate::trace::{Entry, Reason};
use crate::ui::details::Section;

/// How bad a record is by its level.
pub(super) fn verdict(entry: &Entry) -> Verdict {
    match entry.parsed.level {
        Level::Error | Level::Critical => Verdict::Critical,
        Level::Warning => Verdict::Warning,
        _ => Verdict::Ok,
    }
}

/// What is known of such a message.
pub(super) fn known(entry: &Entry) -> Vec<&'static Signature> {
    let known = Signatures::known().map(|known| known.of(entry.message(), entry.parsed.level));
    known.map(smallvec::SmallVec::into_vec).unwrap_or_default()
}

/// What the cursor is on: what it means and what to do, where that is known; else why it is here.
pub(super) fn words(entry: &Entry) -> (Verdict, String) {
    match known(entry).first() {
        Some(known) => (verdict(entry), format!("{}: {} Next: {}", known.id, known.meaning, known.next)),
        None => (verdict(entry), format!("{} on {}: {}", entry.service, entry.host, entry.reason.words())),
    }
}

pub(super) fn sections(cx: &Cx, entry: &Entry) -> Vec<Section> {
    let mut sections = vec![message(entry)];
    for known in known(entry) {
        let mut section = Section::new(format!("known as {}", known.id));
        section.add("meaning", known.meaning.clone());
        section.add("next", known.next.clone());
        sections.push(section);
    }
    sections.push(origin(cx, entry));
    if !entry.rest.is_empty() {
        let mut section = Section::new("goes on");
        for line in String::from_utf8_lossy(&entry.rest).lines() {
            section.add_as(Role::Dim, "", after_context(line));
        }
        sections.push(section);
    }
    sections
}

/// A traceback's line without the time, process and logger that oslo puts before each.
fn after_context(line: &str) -> &str {
    let mut words = line.splitn(6, ' ');
    let is_oslo = words.clone().nth(3).is_some_and(|level| Level::parse(level.as_bytes()).is_some());
    if is_oslo { words.nth(5).unwrap_or_default() } else { line }
}

fn message(entry: &Entry) -> Section {
    let mut section = Section::new("");
    section.add_as(parts::role(verdict(entry)), "level", entry.parsed.level.as_str());
    section.add("message", String::from_utf8_lossy(entry.message()));
    section.add("here because", entry.reason.words());
    section
}

fn origin(cx: &Cx, entry: &Entry) -> Section {
    let mut section = Section::new("where it stands");
    let at = entry.at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    section.add("time", parts::moment(cx, at));
    section.add("host", &*entry.host);
    section.add("service", &*entry.service);
    section.add("file", format!("{}, {} bytes in", entry.path, entry.offset));
    let parsed = &entry.parsed;
    let mut part = |label: &str, span: Span| {
        let text = String::from_utf8_lossy(span.of(&entry.head));
        if !text.is_empty() {
            section.add(label, text);
        }
    };
    part("logger", parsed.logger);
    part("process", parsed.pid);
    part("request", parsed.request_id);
    part("global request", parsed.global_request_id);
    part("user", parsed.user);
    part("project", parsed.project);
    if let Reason::Sibling(_) = entry.reason {
        part("instance", parsed.instance);
    }
    section
}
