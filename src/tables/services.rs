//! nova's services, whatever the binary.

use crate::model::{Service, ServiceState, ServiceStatus};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Column, Slot, Table, Value, column};

pub const READS: &[Topic] = &[Topic::Services];

pub const TABLE: Table<Store> = Table {
    name: "services",
    columns: COLUMNS,
    slots: |store| &store.services,
    sort: ("state", false),
    words: |_, _, _, _| None,
};

fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Service) -> Value<'a>) -> Value<'a> {
    store.services.get(slot).map_or(Value::Unknown, f)
}

const NOVA: &str = "nova GET /os-services";

const COLUMNS: &[Column<Store>] = &[
    column!("binary", "BINARY", "", NOVA, Left, (14, 20), 0, |s, slot| cell(s, slot, |v| Value::text(
        &*v.binary
    ))),
    column!("host", "HOST", "", NOVA, Left, (8, 40), 1, |s, slot| cell(s, slot, |v| Value::text(&*v.host))),
    column!("zone", "ZONE", "", NOVA, Left, (6, 16), 4, |s, slot| cell(s, slot, |v| Value::maybe(
        v.zone.as_ref()
    ))),
    column!("state", "STATE", "", NOVA, Left, (6, 8), 2, |s, slot| {
        cell(s, slot, |v| match v.state {
            ServiceState::Unknown => Value::Unknown,
            state => Value::text(state.as_str()),
        })
    }),
    column!("status", "STATUS", "", NOVA, Left, (8, 9), 3, |s, slot| {
        cell(s, slot, |v| match v.status {
            ServiceStatus::Unknown => Value::Unknown,
            status => Value::text(status.as_str()),
        })
    }),
    column!("last_seen", "SEEN", "", NOVA, Left, (4, 6), 5, |s, slot| {
        cell(s, slot, |v| v.updated_at.map_or(Value::Unknown, Value::Time))
    }),
    column!("disabled_reason", "REASON", "", NOVA, Left, (10, 60), 6, |s, slot| {
        cell(s, slot, |v| Value::maybe(v.disabled_reason.as_ref()))
    }),
    column!("forced_down", "FORCED", "", NOVA, Left, (0, 0), 99, |s, slot| cell(s, slot, |v| Value::Bool(
        v.forced_down
    ))),
    column!("id", "ID", "", NOVA, Left, (0, 0), 99, |s, slot| cell(s, slot, |v| Value::text(&*v.id))),
];
