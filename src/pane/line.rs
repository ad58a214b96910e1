//! What panes say alike of a line of a log: how bad it is, what is known of it, what its parts are, whose it is.

use super::{Cx, Go, Reply};
use crate::health::Verdict;
use crate::model::{Level, Line, Span, is_same_host};
use crate::signature::{Signature, Signatures};
use crate::table::Slots;
use crate::trace::NEWLINE;
use crate::ui::details::Section;
use crate::ui::text;

/// A line on screen.
type Shown = ratatui::text::Line<'static>;

/// How bad a record is by its level.
pub fn verdict(level: Level) -> Verdict {
    match level {
        Level::Error | Level::Critical => Verdict::Critical,
        Level::Warning => Verdict::Warning,
        _ => Verdict::Ok,
    }
}

/// What is known of such a message, the most telling first.
pub fn known(message: &[u8], level: Level) -> Vec<&'static Signature> {
    let known = Signatures::known().map(|known| known.of(message, level));
    known.map(smallvec::SmallVec::into_vec).unwrap_or_default()
}

/// The same at a glance.
pub fn known_words(known: &Signature) -> String {
    format!("{}: {} Next: {}", known.id, known.meaning, known.next)
}

/// The same in sections of the details.
pub fn known_sections(message: &[u8], level: Level) -> impl Iterator<Item = Section> {
    known(message, level).into_iter().map(|known| {
        let mut section = Section::new(format!("known as {}", known.id));
        section.add("meaning", known.meaning.clone());
        section.add("next", known.next.clone());
        section
    })
}

/// A message as it was written: rsyslog has one line for a record of several.
pub fn unfolded(words: &str) -> String {
    words.replace(NEWLINE, "\n")
}

/// Adds the parts of a line that it has.
pub fn add_parts(section: &mut Section, line: &[u8], parts: &[(&str, Span)]) {
    for (label, span) in parts {
        let text = String::from_utf8_lossy(span.of(line));
        if !text.is_empty() {
            section.add(*label, text);
        }
    }
}

/// Who wrote a line, and for whom.
pub fn parts(parsed: &Line) -> [(&'static str, Span); 6] {
    [
        ("logger", parsed.logger),
        ("process", parsed.pid),
        ("request", parsed.request_id),
        ("global request", parsed.global_request_id),
        ("user", parsed.user),
        ("project", parsed.project),
    ]
}

/// Lines of records around one whose first line should stand on that row: all rows are used where there are enough.
pub fn place(
    at: usize,
    row: usize,
    height: usize,
    count: usize,
    made: &dyn Fn(usize) -> Vec<Shown>,
) -> Vec<(usize, Shown)> {
    let of = |index: usize| made(index).into_iter().map(move |line| (index, line));
    let mut below: Vec<(usize, Shown)> = of(at).collect();
    let mut next = at + 1;
    while below.len() < height && next < count {
        below.extend(of(next));
        next += 1;
    }
    let own = below.iter().filter(|(index, _)| *index == at).count().min(height);
    // Not so low that it is cut, nor so low that rows below stay empty.
    let row = row.min(height - own).max(height.saturating_sub(below.len()));
    let mut above: Vec<Vec<(usize, Shown)>> = Vec::new();
    let mut taken = 0;
    let mut before = at;
    while taken < row && before > 0 {
        before -= 1;
        let lines: Vec<(usize, Shown)> = of(before).collect();
        taken += lines.len();
        above.push(lines);
    }
    let mut lines: Vec<(usize, Shown)> = above.into_iter().rev().flatten().collect();
    lines.drain(..taken.saturating_sub(row));
    lines.extend(below);
    lines.truncate(height);
    lines
}

/// To the hypervisor that a log calls so.
pub fn to_hypervisor(cx: &Cx, host: &str) -> Reply {
    let slots = cx.store.hypervisors.live();
    let mut rows = slots.into_iter().filter_map(|slot| cx.store.hypervisors.get(slot));
    match rows.find(|row| is_same_host(&row.host, host) || is_same_host(&row.hypervisor_hostname, host)) {
        Some(row) => {
            Reply::Go(Go { pane: "hypervisors", filter: Some(String::new()), select: Some(row.id.clone()) })
        }
        None => Reply::Say(format!("{} is no hypervisor that is known", text::sanitise(host))),
    }
}
