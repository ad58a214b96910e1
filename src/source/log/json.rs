//! Lines that are JSON: oslo's own formatter (`use_json`), fluentd's and journald's records.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{Context, Level, Line, Span, Stamp};

/// Which member is what: the first that is there and not empty. A dot goes into an object.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct Fields {
    time: Vec<String>,
    level: Vec<String>,
    host: Vec<String>,
    program: Vec<String>,
    pid: Vec<String>,
    logger: Vec<String>,
    request_id: Vec<String>,
    global_request_id: Vec<String>,
    user: Vec<String>,
    project: Vec<String>,
    instance: Vec<String>,
    message: Vec<String>,
}

type Object<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

impl Fields {
    /// Where the members' values stand in the line, as they are written there: `\n` stays `\n`.
    pub(super) fn parse(&self, line: &[u8], moment: impl Fn(&[u8]) -> Stamp) -> Option<Line> {
        let object: Object = serde_json::from_slice(line).ok()?;
        let find = |names: &[String]| {
            names.iter().filter_map(|name| member(&object, name)).find_map(|value| span(line, value))
        };
        let part = |names: &[String]| find(names).unwrap_or_default();
        let time = self.time.iter().filter_map(|name| span(line, member(&object, name)?));
        let time = time.map(|span| moment(span.of(line))).find(|time| *time != Stamp::None)?;
        let level = part(&self.level);
        let request_id = part(&self.request_id);
        let (of_message, message) = instance(line, part(&self.message));
        Some(Line {
            time,
            // journald's PRIORITY is a digit.
            level: match level.of(line) {
                [digit @ b'0'..=b'7'] => Level::from_severity(digit - b'0'),
                word => Level::parse(word).unwrap_or_default(),
            },
            context: if request_id.is_empty() { Context::Empty } else { Context::Given },
            host: part(&self.host),
            program: part(&self.program),
            pid: part(&self.pid),
            logger: part(&self.logger),
            request_id,
            global_request_id: part(&self.global_request_id),
            user: part(&self.user),
            project: part(&self.project),
            instance: find(&self.instance).unwrap_or(of_message),
            message,
            ..Line::default()
        })
    }
}

/// `[instance: UUID] Claim successful`: to journald and fluentd what stands before the words is part of them.
fn instance(line: &[u8], message: Span) -> (Span, Span) {
    const BEFORE: &[u8] = b"[instance: ";
    const BEHIND: &[u8] = b"] ";
    let text = message.of(line);
    let rest = text.strip_prefix(BEFORE).and_then(|rest| Some((rest, rest.get(36..)?)));
    match rest {
        Some((id, rest)) if rest.starts_with(BEHIND) && id.get(8) == Some(&b'-') => {
            let start = message.start() + BEFORE.len();
            (Span::new(start, start + 36), Span::new(start + 36 + BEHIND.len(), message.end()))
        }
        _ => (Span::default(), message),
    }
}

fn member<'a>(object: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    // A name with a dot in it is tried whole first: `systemd.unit` is one name in some.
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let (outer, inner) = name.split_once('.')?;
    let nested: Object = serde_json::from_str(object.get(outer)?.get()).ok()?;
    member(&nested, inner)
}

/// The value's place, without quotes; `None` for null and for nothing.
fn span(line: &[u8], value: &RawValue) -> Option<Span> {
    let text = value.get();
    let start = (text.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    let quotes = usize::from(text.starts_with('"'));
    let span = Span::new(start + quotes, start + text.len() - quotes);
    (text != "null" && !span.is_empty()).then_some(span)
}
