//! What projects have used over a time, and the instances of one of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::trend::Still;
use crate::model::{ServerUsage, Text, Usage};
use crate::store::Store;
use crate::table::{Column, Slot, Table, Value, column};

/// A project with what it has used.
#[derive(Debug)]
pub struct Used {
    usage: Usage,
    /// Its id where keystone knows it no more: what is gone has used nonetheless.
    name: Text,
    domain: Option<Text>,
}

impl Used {
    /// By the names that the store knows.
    pub fn new(store: &Store, usage: Usage) -> Self {
        let project = store.projects.by_id(&usage.project);
        let domain = project.and_then(|project| project.domain_id.as_ref());
        Self {
            name: project.map_or(&usage.project, |project| &project.name).clone(),
            domain: domain.map(|id| store.domains.by_id(id).map_or(id, |domain| &domain.name).clone()),
            usage,
        }
    }
}

/// One instance's part of it.
#[derive(Debug)]
pub struct Served {
    server: ServerUsage,
    project: Text,
}

impl Served {
    /// All that are told, one project's after the other's.
    pub fn all(used: Vec<Used>) -> Vec<Self> {
        let of = |used: Used| {
            let project = used.name;
            let servers = used.usage.servers.unwrap_or_default().into_iter();
            servers.map(move |server| Self { server, project: project.clone() })
        };
        used.into_iter().flat_map(of).collect()
    }
}

fn cell<'a, T>(rows: &'a Still<T>, slot: Slot, f: impl FnOnce(&'a T) -> Value<'a>) -> Value<'a> {
    rows.row(slot).map_or(Value::Unknown, f)
}

fn time(at: Option<Timestamp>) -> Value<'static> {
    at.map_or(Value::Unknown, Value::Time)
}

/// Sums to two digits, as `openstack usage list` has them; a moment by its date: its age says nothing of a period.
fn words<T>(columns: &[Column<Still<T>>], rows: &Still<T>, slot: Slot, column: &str) -> Option<String> {
    let column = columns.iter().find(|it| it.name == column)?;
    match (column.value)(rows, slot) {
        Value::Float(n) => Some(format!("{n:.2}")),
        Value::Time(at) => Some(at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%MZ").to_string()),
        _ => None,
    }
}

const PROJECTS: &str = "keystone GET /v3/projects";
const USAGE: &str = "nova GET /os-simple-tenant-usage";
const SERVERS_OF: &str = "nova GET /os-simple-tenant-usage/{project} server_usages";

/// A row for each project that had an instance in the period.
pub const TABLE: Table<Still<Used>> = Table {
    name: "usage",
    columns: COLUMNS,
    slots: |rows| rows,
    sort: ("vcpu_hours", true),
    words: |rows, slot, column, _| words(COLUMNS, rows, slot, column),
};

const COLUMNS: &[Column<Still<Used>>] = &[
    column!("project", "PROJECT", "its id where it is gone", PROJECTS, Left, (10, 32), 0, |rows, slot| cell(
        rows,
        slot,
        |used| Value::text(&*used.name)
    )),
    column!("id", "ID", "", USAGE, Left, (0, 0), 99, |rows, slot| cell(rows, slot, |used| {
        Value::text(&*used.usage.project)
    })),
    column!("domain", "DOMAIN", "", "keystone GET /v3/domains", Left, (6, 16), 5, |rows, slot| cell(
        rows,
        slot,
        |used| used.domain.as_deref().map_or(Value::Unknown, Value::text)
    )),
    column!(
        "instances",
        "INSTANCES",
        "that were there in the period; told with --project alone",
        SERVERS_OF,
        Right,
        (9, 9),
        4,
        |rows, slot| cell(rows, slot, |used| {
            Value::int(used.usage.servers.as_ref().map(|servers| servers.len() as u64))
        })
    ),
    column!("vcpu_hours", "vCPU-HOURS", "", USAGE, Right, (10, 16), 1, |rows, slot| cell(
        rows,
        slot,
        |used| Value::Float(used.usage.vcpu_hours)
    )),
    column!("ram_mb_hours", "RAM MB-HOURS", "MiB times hours", USAGE, Right, (12, 20), 2, |rows, slot| cell(
        rows,
        slot,
        |used| Value::Float(used.usage.ram_mb_hours)
    )),
    column!("disk_gb_hours", "DISK GB-HOURS", "GiB times hours", USAGE, Right, (13, 18), 3, |rows, slot| {
        cell(rows, slot, |used| Value::Float(used.usage.disk_gb_hours))
    }),
    column!("hours", "HOURS", "of all instances together", USAGE, Right, (8, 14), 6, |rows, slot| cell(
        rows,
        slot,
        |used| Value::Float(used.usage.hours)
    )),
    column!("start", "FROM", "RFC 3339, UTC", USAGE, Left, (17, 17), 7, |rows, slot| cell(
        rows,
        slot,
        |used| time(used.usage.start)
    )),
    column!(
        "stop",
        "TO",
        "RFC 3339, UTC; now, if later was asked for",
        USAGE,
        Left,
        (17, 17),
        8,
        |rows, slot| { cell(rows, slot, |used| time(used.usage.stop)) }
    ),
];

/// A row for each of their instances.
pub const SERVERS: Table<Still<Served>> = Table {
    name: "usage --servers",
    columns: OF_SERVERS,
    slots: |rows| rows,
    sort: ("hours", true),
    words: |rows, slot, column, _| words(OF_SERVERS, rows, slot, column),
};

const OF_SERVERS: &[Column<Still<Served>>] = &[
    column!("name", "NAME", "", SERVERS_OF, Left, (8, 40), 0, |rows, slot| cell(rows, slot, |row| {
        Value::text(&*row.server.name)
    })),
    column!("id", "ID", "", SERVERS_OF, Left, (36, 36), 7, |rows, slot| cell(rows, slot, |row| {
        row.server.id.as_deref().map_or(Value::Unknown, Value::text)
    })),
    column!("project", "PROJECT", "its id where it is gone", PROJECTS, Left, (0, 0), 99, |rows, slot| {
        cell(rows, slot, |row| Value::text(&*row.project))
    }),
    column!("flavor", "FLAVOR", "when it was made", SERVERS_OF, Left, (6, 24), 5, |rows, slot| cell(
        rows,
        slot,
        |row| match &*row.server.flavor {
            "" => Value::Unknown,
            flavor => Value::text(flavor),
        }
    )),
    column!(
        "state",
        "STATE",
        "nova's vm_state, or terminated",
        SERVERS_OF,
        Left,
        (6, 12),
        4,
        |rows, slot| { cell(rows, slot, |row| Value::text(&*row.server.state)) }
    ),
    column!("hours", "HOURS", "in the period", SERVERS_OF, Right, (8, 12), 1, |rows, slot| cell(
        rows,
        slot,
        |row| Value::Float(row.server.hours)
    )),
    column!("vcpus", "vCPU", "", SERVERS_OF, Right, (4, 6), 2, |rows, slot| cell(rows, slot, |row| {
        Value::int(row.server.vcpus)
    })),
    column!("memory_mb", "RAM MiB", "MiB", SERVERS_OF, Right, (7, 10), 3, |rows, slot| cell(
        rows,
        slot,
        |row| Value::int(row.server.memory_mb)
    )),
    column!(
        "local_gb",
        "DISK GiB",
        "GiB, root and ephemeral",
        SERVERS_OF,
        Right,
        (8, 10),
        6,
        |rows, slot| { cell(rows, slot, |row| Value::int(row.server.local_gb)) }
    ),
    column!("started_at", "LAUNCHED", "RFC 3339, UTC", SERVERS_OF, Left, (0, 0), 99, |rows, slot| cell(
        rows,
        slot,
        |row| time(row.server.started_at)
    )),
    column!("ended_at", "DELETED", "RFC 3339, UTC", SERVERS_OF, Left, (0, 0), 99, |rows, slot| cell(
        rows,
        slot,
        |row| row.server.ended_at.map_or(Value::Absent, Value::Time)
    )),
];
