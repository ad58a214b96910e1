//! Queues: what waits in each, who takes it, and what that means to OpenStack.

use jiff::Timestamp;

use crate::health::{Verdict, queue as health};
use crate::model::{Queue, QueueType};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Column, Slot, Table, Value, column};
use crate::ui::{format, spark};

/// The lists of services and agents say who should be behind a queue.
pub const READS: &[Topic] = &[Topic::Queues, Topic::Services, Topic::Agents, Topic::VolumeServices];

pub const TABLE: Table<Store> =
    Table { name: "queues", columns: COLUMNS, slots: |store| &store.queues, sort: ("trouble", true), words };

fn words(store: &Store, slot: Slot, column: &str, now: Timestamp) -> Option<String> {
    let row = store.queues.get(slot)?;
    match column {
        "service" => Some(whose(row)),
        "publish_rate" => rate(store, row).0.map(per_second),
        "deliver_rate" => rate(store, row).1.map(per_second),
        "memory" => row.memory.map(format::bytes),
        "trend" => Some(spark::line(store.trend(&row.id)?.depths())),
        "reason" => Some(short(store, row, now)),
        _ => None,
    }
}

/// `nova-compute · cmp03`: the service, and the host that it leads to.
pub fn whose(row: &Queue) -> String {
    let service = row.meaning.service.unwrap_or(row.meaning.role.as_str());
    match &row.meaning.host {
        Some(host) => format!("{service} · {host}"),
        None => service.to_owned(),
    }
}

/// Messages a second in and out: as the broker has measured them, else from our own two samples.
pub fn rate(store: &Store, row: &Queue) -> (Option<f64>, Option<f64>) {
    let trend = store.trend(&row.id);
    (
        row.publish_rate.or(trend.and_then(|trend| trend.publish)),
        row.deliver_rate.or(trend.and_then(|trend| trend.deliver)),
    )
}

/// `0`, `0.4`, `91`: a figure that is read, not calculated with.
pub fn per_second(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        r if r < 10.0 => format!("{r:.1}"),
        r => format!("{r:.0}"),
    }
}

/// Why, in the few words that fit a line; the line below the table has the rest.
fn short(store: &Store, row: &Queue, now: Timestamp) -> String {
    use health::Finding as F;
    let since = store.trend(&row.id).and_then(|trend| trend.alone_since);
    let since = since.map(|at| now.duration_since(at)).filter(|long| long.as_secs() >= 5);
    let since = since.map(|long| format!(" {}", format::duration(long))).unwrap_or_default();
    let mut found = health::findings(store, row);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict(row)));
    match found.first() {
        None if row.listed.is_none() => "by AMQP".to_owned(),
        None => row.state.as_deref().unwrap_or("?").to_owned(),
        Some(F::State(state)) => state.clone(),
        Some(F::Members { online, all }) => format!("{online} of {all} members"),
        Some(F::Unmeasured) => "pending".to_owned(),
        Some(F::OffTheBus(_) | F::Nobody(_)) => format!("no consumer{since}"),
        Some(F::TooFew { has, least }) => format!("{has} of {least} consumers"),
        Some(F::DownYetConsumes) => "down, yet consumes".to_owned(),
        Some(F::Deep(_)) => "deep".to_owned(),
        Some(F::Unacked(_)) => "unacked".to_owned(),
        Some(F::Growing { .. }) => "grows".to_owned(),
        Some(F::NobodyReads) => "nobody reads".to_owned(),
        Some(F::LeftBehind) => format!("left behind{since}"),
        Some(F::Disputed { .. }) => "disputed".to_owned(),
        Some(F::Answers(_)) => "answers wait".to_owned(),
    }
}

/// Verdict first; among queues in trouble the deeper one stands above, among those that are well those that lead
/// somewhere above copies and answers.
fn trouble(store: &Store, row: &Queue) -> f64 {
    let verdict = health::verdict(store, row);
    let role = f64::from(5 - row.meaning.role as u8);
    let behind = if verdict >= Verdict::Warning {
        let waits = row.ready.unwrap_or(0) as f64;
        0.9 * waits / (waits + 1_000.0) + role / 10_000.0
    } else {
        role / 10.0
    };
    f64::from(verdict as u8) + behind
}

fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Queue) -> Value<'a>) -> Value<'a> {
    store.queues.get(slot).map_or(Value::Unknown, f)
}

fn float<'a>(n: Option<f64>) -> Value<'a> {
    // Two decimals: rates are read, not calculated with.
    n.map_or(Value::Unknown, |n| Value::Float((n * 100.0).round() / 100.0))
}

fn flag<'a>(flag: Option<bool>) -> Value<'a> {
    flag.map_or(Value::Unknown, Value::Bool)
}

const API: &str = "rabbitmq GET /api/queues";
const NAME: &str = "derived: what the name says (oslo.messaging)";

const COLUMNS: &[Column<Store>] = &[
    column!("name", "QUEUE", "", API, Ends, (26, 60), 0, |s, slot| cell(s, slot, |q| Value::text(&*q.name))),
    column!("vhost", "VHOST", "", API, Left, (5, 16), 9, |s, slot| cell(s, slot, |q| Value::text(&*q.vhost))),
    column!("broker", "BROKER", "", "derived: its name in the settings", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::text(&*q.broker))
    }),
    column!("service", "SERVICE · HOST", "", NAME, Left, (14, 40), 5, |s, slot| {
        cell(s, slot, |q| q.meaning.service.map_or(Value::Absent, Value::text))
    }),
    column!("host", "HOST", "", NAME, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::maybe(q.meaning.host.as_ref()))
    }),
    column!(
        "role",
        "ROLE",
        "topic, host, fanout, reply, notification, other",
        NAME,
        Left,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |q| Value::text(q.meaning.role.as_str())) }
    ),
    column!("topic", "TOPIC", "", NAME, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::text(&*q.meaning.topic))
    }),
    column!("type", "TYPE", "classic, quorum, stream", API, Left, (7, 7), 8, |s, slot| {
        cell(s, slot, |q| match q.kind {
            QueueType::Unknown => Value::Unknown,
            kind => Value::text(kind.as_str()),
        })
    }),
    column!(
        "ready",
        "READY",
        "messages",
        "rabbitmq GET /api/queues messages_ready",
        Right,
        (6, 9),
        1,
        |s, slot| { cell(s, slot, |q| Value::int(q.ready)) }
    ),
    column!(
        "unacked",
        "UNACK",
        "messages",
        "rabbitmq GET /api/queues messages_unacknowledged",
        Right,
        (5, 8),
        3,
        |s, slot| { cell(s, slot, |q| Value::int(q.unacked)) }
    ),
    column!("consumers", "CONS", "", API, Right, (4, 6), 2, |s, slot| cell(s, slot, |q| Value::int(
        q.consumers
    ))),
    column!(
        "publish_rate",
        "IN/s",
        "messages a second",
        "rabbitmq GET /api/queues message_stats.publish_details.rate, else two samples of publish",
        Right,
        (5, 7),
        6,
        |s, slot| { cell(s, slot, |q| float(rate(s, q).0)) }
    ),
    column!(
        "deliver_rate",
        "OUT/s",
        "messages a second",
        "rabbitmq GET /api/queues message_stats.deliver_get_details.rate, else two samples of deliver_get",
        Right,
        (5, 7),
        6,
        |s, slot| { cell(s, slot, |q| float(rate(s, q).1)) }
    ),
    column!(
        "trend",
        "TREND",
        "messages ready, oldest first",
        "derived: our last samples of ready",
        Left,
        (8, 8),
        7,
        |s, slot| {
            cell(s, slot, |q| match s.trend(&q.id) {
                Some(trend) => Value::List(trend.depths().map(|depth| depth.to_string().into()).collect()),
                None => Value::Unknown,
            })
        }
    ),
    column!(
        "state",
        "STATE",
        "running, idle, flow, down, minority, crashed, stopped",
        API,
        Left,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |q| q.state.as_deref().map_or(Value::Unknown, Value::text)) }
    ),
    column!("memory", "MEMORY", "bytes", API, Right, (8, 9), 10, |s, slot| cell(s, slot, |q| Value::int(
        q.memory
    ))),
    column!(
        "node",
        "NODE",
        "",
        "rabbitmq GET /api/queues leader, else node",
        Left,
        (8, 24),
        11,
        |s, slot| { cell(s, slot, |q| q.node.as_deref().map_or(Value::Unknown, Value::text)) }
    ),
    column!("reason", "STATE", "", "derived: health", Left, (12, 20), 4, |s, slot| {
        cell(s, slot, |q| {
            let mut found = health::findings(s, q);
            found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict(q)));
            // Ages stand in the words for people: what a script reads must not change by itself.
            match found.first() {
                Some(finding) => Value::text(finding.words(s, q, Timestamp::UNIX_EPOCH)),
                None => Value::Absent,
            }
        })
    }),
    column!("members", "MEMBERS", "nodes", API, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| match q.members.as_slice() {
            [] => Value::Absent,
            members => Value::List(members.iter().map(|node| (&**node).into()).collect()),
        })
    }),
    column!(
        "members_online",
        "ONLINE",
        "nodes",
        "rabbitmq GET /api/queues online",
        Left,
        (0, 0),
        99,
        |s, slot| {
            cell(s, slot, |q| match q.members.as_slice() {
                [] => Value::Absent,
                _ => Value::List(q.online.iter().map(|node| (&**node).into()).collect()),
            })
        }
    ),
    column!("consumer_capacity", "CAPACITY", "0 to 1", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| float(q.consumer_capacity))
    }),
    column!("policy", "POLICY", "", API, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::maybe(q.policy.as_ref()))
    }),
    column!("durable", "DURABLE", "", API, Left, (0, 0), 99, |s, slot| cell(s, slot, |q| flag(q.durable))),
    column!("exclusive", "EXCLUSIVE", "", API, Left, (0, 0), 99, |s, slot| cell(s, slot, |q| flag(
        q.exclusive
    ))),
    column!(
        "expires",
        "EXPIRES",
        "ms without use",
        "rabbitmq GET /api/queues arguments.x-expires",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |q| q.expires_ms.map_or(Value::Absent, |ms| Value::int(Some(ms)))) }
    ),
    column!("idle_since", "IDLE", "RFC 3339, UTC", API, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| q.idle_since.map_or(Value::Absent, Value::Time))
    }),
    column!("id", "ID", "", "derived: broker/vhost/name", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::text(&*q.id))
    }),
    column!(
        "trouble",
        "TROUBLE",
        "0 ok … 6 critical; behind the point what waits, and the role",
        "derived: health",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |q| Value::Float(trouble(s, q))) }
    ),
    column!("verdict", "VERDICT", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::text(health::verdict(s, q).as_str()))
    }),
];
