//! The nodes of the brokers, against their limits.

use jiff::{SignedDuration, Timestamp};

use crate::health::node as health;
use crate::model::BrokerNode;
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Column, Slot, Table, Value, column};
use crate::ui::format;

pub const READS: &[Topic] = &[Topic::Nodes];

pub const TABLE: Table<Store> =
    Table { name: "nodes", columns: COLUMNS, slots: |store| &store.nodes, sort: ("trouble", true), words };

fn words(store: &Store, slot: Slot, column: &str, _: Timestamp) -> Option<String> {
    let row = store.nodes.get(slot)?;
    let size = |bytes: Option<u64>| bytes.map(format::bytes);
    match column {
        "mem_used" => of(row.mem_used, row.mem_limit).or(size(row.mem_used)),
        "disk_free" => size(row.disk_free),
        "fd_used" => of(row.fd_used, row.fd_total),
        "proc_used" => of(row.proc_used, row.proc_total),
        "sockets_used" => of(row.sockets_used, row.sockets_total),
        "uptime" => uptime(row).map(format::duration),
        _ => None,
    }
}

/// `37%` of the limit.
fn of(used: Option<u64>, limit: Option<u64>) -> Option<String> {
    health::share(used, limit).map(|share| format!("{:.0}%", share * 100.0))
}

pub fn uptime(row: &BrokerNode) -> Option<SignedDuration> {
    row.uptime_ms.and_then(|ms| i64::try_from(ms).ok()).map(SignedDuration::from_millis)
}

fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a BrokerNode) -> Value<'a>) -> Value<'a> {
    store.nodes.get(slot).map_or(Value::Unknown, f)
}

fn flag<'a>(flag: Option<bool>) -> Value<'a> {
    flag.map_or(Value::Unknown, Value::Bool)
}

const API: &str = "rabbitmq GET /api/nodes";

const COLUMNS: &[Column<Store>] = &[
    column!("name", "NODE", "", API, Left, (12, 40), 0, |s, slot| cell(s, slot, |n| Value::text(&*n.name))),
    column!("broker", "BROKER", "", "derived: its name in the settings", Left, (6, 20), 8, |s, slot| {
        cell(s, slot, |n| Value::text(&*n.broker))
    }),
    column!("running", "RUNS", "", API, Left, (4, 5), 1, |s, slot| cell(s, slot, |n| flag(n.running))),
    column!(
        "version",
        "VERSION",
        "",
        "rabbitmq GET /api/nodes applications.rabbit",
        Left,
        (7, 10),
        5,
        |s, slot| { cell(s, slot, |n| n.version.as_deref().map_or(Value::Unknown, Value::text)) }
    ),
    column!("uptime", "UPTIME", "seconds", "rabbitmq GET /api/nodes uptime", Right, (6, 6), 6, |s, slot| {
        cell(s, slot, |n| uptime(n).map_or(Value::Unknown, Value::Span))
    }),
    column!("mem_used", "MEMORY", "bytes", API, Right, (6, 9), 2, |s, slot| {
        cell(s, slot, |n| Value::int(n.mem_used))
    }),
    column!("mem_limit", "MEMORY LIMIT", "bytes", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::int(n.mem_limit))
    }),
    column!("mem_alarm", "MEMORY ALARM", "", API, Left, (0, 0), 99, |s, slot| cell(s, slot, |n| flag(
        n.mem_alarm
    ))),
    column!("disk_free", "DISK FREE", "bytes", API, Right, (9, 10), 3, |s, slot| {
        cell(s, slot, |n| Value::int(n.disk_free))
    }),
    column!("disk_free_limit", "DISK LIMIT", "bytes", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::int(n.disk_free_limit))
    }),
    column!("disk_free_alarm", "DISK ALARM", "", API, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| flag(n.disk_free_alarm))
    }),
    column!("fd_used", "FD", "file descriptors", API, Right, (4, 5), 4, |s, slot| {
        cell(s, slot, |n| Value::int(n.fd_used))
    }),
    column!("fd_total", "FD LIMIT", "file descriptors", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::int(n.fd_total))
    }),
    column!("sockets_used", "SOCKETS", "not given from 4.0 on", API, Right, (7, 7), 9, |s, slot| {
        cell(s, slot, |n| Value::int(n.sockets_used))
    }),
    column!("sockets_total", "SOCKETS LIMIT", "not given from 4.0 on", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::int(n.sockets_total))
    }),
    column!("proc_used", "PROCS", "Erlang processes", API, Right, (5, 6), 7, |s, slot| {
        cell(s, slot, |n| Value::int(n.proc_used))
    }),
    column!("proc_total", "PROCS LIMIT", "Erlang processes", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::int(n.proc_total))
    }),
    column!(
        "run_queue",
        "RUN QUEUE",
        "Erlang processes that wait for a core",
        API,
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |n| Value::int(n.run_queue)) }
    ),
    column!("partitions", "PARTITIONED FROM", "nodes", API, Left, (10, 30), 10, |s, slot| {
        cell(s, slot, |n| match n.partitions.as_slice() {
            [] => Value::Absent,
            nodes => Value::List(nodes.iter().map(|node| (&**node).into()).collect()),
        })
    }),
    column!("being_drained", "MAINTENANCE", "", API, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| flag(n.being_drained))
    }),
    column!("id", "ID", "", "derived: broker/name", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::text(&*n.id))
    }),
    column!("reason", "REASON", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| match health::notes(n).into_iter().next() {
            Some(note) => Value::text(note.words),
            None => Value::Absent,
        })
    }),
    column!("trouble", "TROUBLE", "0 ok … 6 critical", "derived: health", Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::Int(health::verdict(n) as i64))
    }),
    column!("verdict", "VERDICT", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |n| Value::text(health::verdict(n).as_str()))
    }),
];
