//! One record: all that it says, and what is known of such.

use std::borrow::Cow;

use crate::health::Verdict;
use crate::model::{Line, Span, Stamp};
use crate::pane::line::{self, verdict};
use crate::pane::{Cx, parts};
use crate::signature::Signature;
use crate::store::Record;
use crate::theme::Role;
use crate::trace::NEWLINE;
use crate::ui::details::Section;
use crate::ui::{format, text};

/// Whose it is: the line itself knows best.
pub(super) fn host<'a>(cx: &Cx, record: &Record<'a>) -> Cow<'a, str> {
    own(cx, record, |parsed| parsed.host).unwrap_or(Cow::Borrowed(&record.source.host))
}

pub(super) fn service<'a>(cx: &Cx, record: &Record<'a>) -> Cow<'a, str> {
    own(cx, record, |parsed| parsed.program).unwrap_or(Cow::Borrowed(&record.source.service))
}

fn own<'a>(cx: &Cx, record: &Record<'a>, of: fn(&Line) -> Span) -> Option<Cow<'a, str>> {
    let part = of(&cx.store.logs.parse(record.head)).of(record.head);
    (!part.is_empty()).then(|| String::from_utf8_lossy(part))
}

/// Its words, clean, up to so many bytes; what no format knows is its words as a whole.
pub(super) fn said(record: &Record, parsed: &Line, most: usize) -> String {
    let bytes = message_of(record.head, parsed);
    let words = String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes));
    let first = words.split(NEWLINE).next().unwrap_or_default();
    text::sanitise(without_connection(first.trim())).into_owned()
}

/// A line's words: of one that no format knows, all of it.
fn message_of<'a>(text: &'a [u8], parsed: &Line) -> &'a [u8] {
    let message = parsed.message.of(text);
    if message.is_empty() && parsed.time == Stamp::None { text } else { message }
}

/// Lines that go on with it, as lines of their own or within it.
pub(super) fn more(record: &Record, parsed: &Line) -> usize {
    let within = match parsed.program.is_empty() {
        true => 0,
        false => String::from_utf8_lossy(parsed.message.of(record.head)).matches(NEWLINE).count(),
    };
    record.more + within
}

/// oslo.messaging's lines begin with the connection's UUID in brackets: nobody reads a list for that.
fn without_connection(words: &str) -> &str {
    let rest = words.strip_prefix('[').and_then(|rest| rest.split_at_checked(36));
    let is_id = |id: &str| id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    match rest {
        Some((id, rest)) if is_id(id) => rest.strip_prefix("] ").unwrap_or(words),
        _ => words,
    }
}

/// What is known of such a message.
pub(super) fn known(record: &Record, parsed: &Line) -> Vec<&'static Signature> {
    line::known(parsed.message.of(record.head), record.level)
}

/// What the cursor is on: what it means and what to do, where that is known; else whose it is.
pub(super) fn words(cx: &Cx, record: &Record) -> (Verdict, String) {
    let parsed = cx.store.logs.parse(record.head);
    let bad = verdict(record.level);
    if let Some(known) = known(record, &parsed).first() {
        return (bad, line::known_words(known));
    }
    let mut words = format!("{} on {}", service(cx, record), host(cx, record));
    let mut part = |label: &str, span: Span| {
        let part = span.of(record.head);
        if !part.is_empty() {
            words.push_str(&format!(", {label}{}", String::from_utf8_lossy(part)));
        }
    };
    part("", parsed.logger);
    part("instance ", parsed.instance);
    let request =
        if parsed.global_request_id.is_empty() { parsed.request_id } else { parsed.global_request_id };
    part("", request);
    (if bad == Verdict::Ok { Verdict::Info } else { bad }, words)
}

pub(super) fn sections(cx: &Cx, record: &Record) -> Vec<Section> {
    let parsed = cx.store.logs.parse(record.head);
    let mut sections = vec![message(cx, record, &parsed)];
    sections.extend(line::known_sections(parsed.message.of(record.head), record.level));
    sections.push(origin(cx, record, &parsed));
    if record.more > 0 {
        let mut section = Section::new("goes on");
        for text in cx.store.logs.rest(record) {
            // A traceback's lines without the time, process and logger that oslo puts before each.
            let words = message_of(text, &cx.store.logs.parse(text));
            section.add_as(Role::Dim, "", String::from_utf8_lossy(words));
        }
        sections.push(section);
    }
    sections
}

fn message(cx: &Cx, record: &Record, parsed: &Line) -> Section {
    let mut section = Section::new("");
    section.add_as(parts::role(verdict(record.level)), "level", record.level.as_str());
    let words = parsed.message.of(record.head);
    let words = if words.is_empty() { record.head } else { words };
    section.add("message", line::unfolded(&String::from_utf8_lossy(words)));
    if record.is_cut {
        section.add_as(
            Role::Warn,
            "cut",
            format!("only its first {} are kept", format::bytes(record.head.len() as u64)),
        );
        section.add("the whole of it", whole(record));
    }
    if let Some(kind) = cx.store.logs.kinds().iter().find(|said| said.record == record.number)
        && kind.count > 1
    {
        section.add("said", format!("{} times", format::number(kind.count as i64)));
    }
    section
}

/// The command that prints a line that was too long to be kept, by how it begins, where its file lies.
fn whole(record: &Record) -> String {
    /// Time, process and logger: who wrote another line in the same millisecond, wrote it after this one.
    const BEGIN: usize = 64;
    let head = record.head.get(..BEGIN).unwrap_or(record.head);
    // What is no printable ASCII would have to be typed.
    let end = head.iter().position(|b| !matches!(b, b' '..=b'~')).unwrap_or(head.len());
    let begin = String::from_utf8_lossy(&head[..end]);
    format!(
        "on {}: grep -aFm1 -e {} {}",
        record.source.host,
        format::shell(&begin),
        format::shell(&record.source.path)
    )
}

fn origin(cx: &Cx, record: &Record, parsed: &Line) -> Section {
    let mut section = Section::new("where it stands");
    section.add("time", parts::moment(cx, jiff::Timestamp::from_microsecond(record.at).ok()));
    section.add("host", host(cx, record));
    section.add("service", service(cx, record));
    section.add("file", &*record.source.path);
    line::add_parts(&mut section, record.head, &line::parts(parsed));
    line::add_parts(&mut section, record.head, &[("instance", parsed.instance)]);
    section
}
