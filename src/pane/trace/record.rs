//! One record of a log: all that it says, and what is known of such.

use crate::health::Verdict;
use crate::model::Level;
use crate::pane::{Cx, line, parts};
use crate::signature::Signature;
use crate::theme::Role;
use crate::trace::{Entry, Reason};
use crate::ui::details::Section;

/// How bad a record is by its level.
pub(super) fn verdict(entry: &Entry) -> Verdict {
    line::verdict(entry.parsed.level)
}

/// What is known of such a message.
pub(super) fn known(entry: &Entry) -> Vec<&'static Signature> {
    line::known(entry.message(), entry.parsed.level)
}

/// What the cursor is on: what it means and what to do, where that is known; else why it is here.
pub(super) fn words(entry: &Entry) -> (Verdict, String) {
    match known(entry).first() {
        Some(known) => (verdict(entry), line::known_words(known)),
        None => (verdict(entry), format!("{} on {}: {}", entry.service, entry.host, entry.reason.words())),
    }
}

pub(super) fn sections(cx: &Cx, entry: &Entry) -> Vec<Section> {
    let mut sections = vec![message(entry)];
    sections.extend(line::known_sections(entry.message(), entry.parsed.level));
    sections.push(origin(cx, entry));
    if !entry.rest.is_empty() {
        let mut section = Section::new("goes on");
        for text in String::from_utf8_lossy(&entry.rest).lines() {
            section.add_as(Role::Dim, "", after_context(text));
        }
        sections.push(section);
    }
    sections
}

/// A traceback's line without the time, process and logger that oslo puts before each.
pub(super) fn after_context(line: &str) -> &str {
    let mut words = line.splitn(6, ' ');
    let is_oslo = words.clone().nth(3).is_some_and(|level| Level::parse(level.as_bytes()).is_some());
    if is_oslo { words.nth(5).unwrap_or_default() } else { line }
}

fn message(entry: &Entry) -> Section {
    let mut section = Section::new("");
    section.add_as(parts::role(verdict(entry)), "level", entry.parsed.level.as_str());
    section.add("message", line::unfolded(&String::from_utf8_lossy(entry.message())));
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
    line::add_parts(&mut section, &entry.head, &line::parts(&entry.parsed));
    if let Reason::Sibling(_) = entry.reason {
        line::add_parts(&mut section, &entry.head, &[("instance", entry.parsed.instance)]);
    }
    section
}
