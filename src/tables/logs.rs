//! Records of logs, as the filter asks for them. A slot is a record's place among those that are held.

use std::borrow::Cow;

use jiff::SignedDuration;

use crate::model::{Level, Span, endpoint};
use crate::store::Store;
use crate::store::logs::{self, Record};
use crate::table::{Column, Slot, Value, column};
use crate::trace::Id;

/// The column that says of a line that a question of our own caused it.
pub const OWN: &str = "own";

/// What a filter over logs may ask for. `level` comes first: it is asked soonest.
pub const COLUMNS: &[Column<Store>] = &[
    column!("level", "LEVEL", "", "the line", Left, (5, 8), 0, |store, slot| {
        record(store, slot).map_or(Value::Unknown, |record| Value::text(record.level.as_str()))
    }),
    column!("host", "HOST", "", "the line, else its file's place", Left, (6, 16), 0, |store, slot| {
        part(store, slot, |line| line.host, |record| &record.source.host)
    }),
    column!("service", "SERVICE", "", "the line, else its file's name", Left, (8, 18), 0, |store, slot| {
        part(store, slot, |line| line.program, |record| &record.source.service)
    }),
    column!("message", "MESSAGE", "", "the line", Left, (20, 0), 0, |store, slot| {
        own(store, slot, |line| line.message)
    }),
    column!("instance", "INSTANCE", "", "the line", Left, (0, 0), 0, |store, slot| {
        own(store, slot, |line| line.instance)
    }),
    column!("request_id", "REQUEST", "", "the line", Left, (0, 0), 0, |store, slot| {
        own(store, slot, |line| line.request_id)
    }),
    column!("global_request_id", "GLOBAL REQUEST", "", "the line", Left, (0, 0), 0, |store, slot| {
        own(store, slot, |line| line.global_request_id)
    }),
    column!("user", "USER", "", "the line", Left, (0, 0), 0, |store, slot| own(store, slot, |line| line
        .user)),
    column!("project", "PROJECT", "", "the line", Left, (0, 0), 0, |store, slot| {
        own(store, slot, |line| line.project)
    }),
    column!("logger", "LOGGER", "", "the line", Left, (0, 0), 0, |store, slot| {
        own(store, slot, |line| line.logger)
    }),
    column!("status", "STATUS", "", "an access line", Left, (0, 0), 0, |store, slot| {
        let access = record(store, slot).and_then(|record| store.logs.parsed(&record).access);
        access.map_or(Value::Absent, |access| Value::Int(i64::from(access.status)))
    }),
    column!("endpoint", "ENDPOINT", "", "an access line", Left, (0, 0), 0, |store, slot| {
        let Some(record) = record(store, slot) else { return Value::Unknown };
        let Some(access) = store.logs.parsed(&record).access else { return Value::Absent };
        let mut words = String::new();
        endpoint(access.method.of(record.head), access.path.of(record.head), &mut words);
        Value::text(words)
    }),
    column!("took", "TOOK", "", "an access line", Left, (0, 0), 0, |store, slot| {
        let access = record(store, slot).and_then(|record| store.logs.parsed(&record).access);
        let took = access.and_then(|access| i64::try_from(access.took?).ok());
        took.map_or(Value::Absent, |micros| Value::Span(SignedDuration::from_micros(micros)))
    }),
    column!("file", "FILE", "", "where it stands", Left, (0, 0), 0, |store, slot| {
        record(store, slot).map_or(Value::Unknown, |record| Value::text(&*record.source.path))
    }),
    column!("own", "OWN", "", "the line's request", Left, (0, 0), 0, |store, slot| {
        let Some(record) = record(store, slot) else { return Value::Unknown };
        let parsed = store.logs.parsed(&record);
        let mut ids = [parsed.request_id, parsed.global_request_id].into_iter();
        if ids.any(|id| Id::is_ours_in(id.of(record.head))) { Value::text("yes") } else { Value::Absent }
    }),
    column!("rest", "REST", "", "the lines that go on with it", Left, (0, 0), 0, |store, slot| {
        let Some(record) = record(store, slot).filter(|record| record.more > 0) else { return Value::Absent };
        let lines: Vec<Cow<str>> = store.logs.rest(&record).map(String::from_utf8_lossy).collect();
        Value::text(lines.join("\n"))
    }),
    column!("kind", "KIND", "", "derived: the same message has the same", Left, (0, 0), 0, |store, slot| {
        record(store, slot).and_then(|record| kind(store, &record)).map_or(Value::Absent, Value::text)
    }),
    column!("age", "AGE", "", "the line", Left, (0, 0), 0, |store, slot| {
        let at = record(store, slot).and_then(|record| jiff::Timestamp::from_microsecond(record.at).ok());
        at.map_or(Value::Unknown, Value::Time)
    }),
];

fn record(store: &Store, slot: Slot) -> Option<Record<'_>> {
    store.logs.record(store.logs.numbers().start + u64::from(slot))
}

/// The kind of a message of WARNING and above, as a word that a filter can ask for.
fn kind(store: &Store, record: &Record) -> Option<String> {
    if record.level < Level::Warning {
        return None;
    }
    let parsed = store.logs.parsed(record);
    let kind = logs::kind_of(record.source, record.level, record.head, &parsed, &mut String::new());
    Some(kind_word(kind))
}

/// A kind as it stands in a filter.
pub fn kind_word(kind: u64) -> String {
    format!("{:012x}", kind >> 16)
}

/// A part of the line; absent where it has none.
fn own(store: &Store, slot: Slot, of: fn(&crate::model::Line) -> Span) -> Value<'_> {
    let Some(record) = record(store, slot) else { return Value::Unknown };
    let part = of(&store.logs.parsed(&record)).of(record.head);
    if part.is_empty() { Value::Absent } else { Value::Text(String::from_utf8_lossy(part)) }
}

/// A part of the line, or what its file says.
fn part<'a>(
    store: &'a Store,
    slot: Slot,
    of: fn(&crate::model::Line) -> Span,
    or: fn(&Record<'a>) -> &'a str,
) -> Value<'a> {
    let Some(record) = record(store, slot) else { return Value::Unknown };
    let part = of(&store.logs.parsed(&record)).of(record.head);
    if part.is_empty() { Value::text(or(&record)) } else { Value::Text(String::from_utf8_lossy(part)) }
}
