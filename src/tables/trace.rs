//! Records of a trace, as the filter asks for them: the words are those of the logs (`tables::logs`). A slot is a
//! record's place in the account.

use crate::model::{Line, Span};
use crate::table::{Column, Slot, Value, column};
use crate::trace::{Account, Entry};

/// What a filter over a trace may ask for.
pub const COLUMNS: &[Column<Account>] = &[
    column!("level", "LEVEL", "", "the line", Left, (5, 8), 0, |account, slot| {
        entry(account, slot).map_or(Value::Unknown, |entry| Value::text(entry.parsed.level.as_str()))
    }),
    column!("host", "HOST", "", "the line, else its file's place", Left, (6, 16), 0, |account, slot| {
        entry(account, slot).map_or(Value::Unknown, |entry| Value::text(&*entry.host))
    }),
    column!("service", "SERVICE", "", "the line, else its file's name", Left, (8, 18), 0, |account, slot| {
        entry(account, slot).map_or(Value::Unknown, |entry| Value::text(&*entry.service))
    }),
    column!("message", "MESSAGE", "", "the line", Left, (20, 0), 0, |account, slot| {
        own(account, slot, |line| line.message)
    }),
    column!("step", "STEP", "", "derived: assets/steps.toml", Left, (0, 0), 0, |account, slot| {
        let steps = account.story.requests.iter().flat_map(|request| &request.steps);
        let mut own = steps.filter(|step| step.record == slot as usize);
        own.next().map_or(Value::Absent, |step| Value::text(&*step.name))
    }),
    column!("instance", "INSTANCE", "", "the line", Left, (0, 0), 0, |account, slot| {
        own(account, slot, |line| line.instance)
    }),
    column!("request_id", "REQUEST", "", "the line", Left, (0, 0), 0, |account, slot| {
        own(account, slot, |line| line.request_id)
    }),
    column!("global_request_id", "GLOBAL REQUEST", "", "the line", Left, (0, 0), 0, |account, slot| {
        own(account, slot, |line| line.global_request_id)
    }),
    column!("user", "USER", "", "the line", Left, (0, 0), 0, |account, slot| own(account, slot, |line| line
        .user)),
    column!("project", "PROJECT", "", "the line", Left, (0, 0), 0, |account, slot| {
        own(account, slot, |line| line.project)
    }),
    column!("logger", "LOGGER", "", "the line", Left, (0, 0), 0, |account, slot| {
        own(account, slot, |line| line.logger)
    }),
    column!("status", "STATUS", "", "an access line", Left, (0, 0), 0, |account, slot| {
        let access = entry(account, slot).and_then(|entry| entry.parsed.access);
        access.map_or(Value::Absent, |access| Value::Int(i64::from(access.status)))
    }),
    column!("file", "FILE", "", "where it stands", Left, (0, 0), 0, |account, slot| {
        entry(account, slot).map_or(Value::Unknown, |entry| Value::text(&*entry.path))
    }),
    column!("rest", "REST", "", "the lines that go on with it", Left, (0, 0), 0, |account, slot| {
        let rest = entry(account, slot).map(|entry| &*entry.rest).unwrap_or_default();
        if rest.is_empty() { Value::Absent } else { Value::Text(String::from_utf8_lossy(rest)) }
    }),
    column!("age", "AGE", "", "the line", Left, (0, 0), 0, |account, slot| {
        let at = entry(account, slot).and_then(|entry| jiff::Timestamp::from_microsecond(entry.at?).ok());
        at.map_or(Value::Unknown, Value::Time)
    }),
];

fn entry(account: &Account, slot: Slot) -> Option<&Entry> {
    account.entries.get(slot as usize).map(|entry| &**entry)
}

/// A part of the line; absent where it has none.
fn own(account: &Account, slot: Slot, of: fn(&Line) -> Span) -> Value<'_> {
    let Some(entry) = entry(account, slot) else { return Value::Unknown };
    let part = of(&entry.parsed).of(&entry.head);
    if part.is_empty() { Value::Absent } else { Value::Text(String::from_utf8_lossy(part)) }
}
