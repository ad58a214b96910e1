//! What the management API writes, into the model. A field may be missing (not measured yet, statistics off),
//! null, or another type than yesterday (`"unknown"` for a number): then it is unknown.

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Part;
use crate::model::{
    Alarm, Broker, BrokerNode, Churn, Consumer, Counters, Counts, Meaning, Queue, QueueType, Rates, Text,
    Totals,
};
use crate::source::wire::Words;

/// A number, whatever else may stand in its place.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(deserializer).map(|value| whole(&value))
}

fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Value::deserialize(deserializer).map(|value| value.as_f64())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(|value| match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Value::deserialize(deserializer).map(|value| value.as_bool())
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(list.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect())
}

fn whole(value: &Value) -> Option<u64> {
    // Erlang writes some counts as floats; a negative one is none.
    value.as_u64().or_else(|| value.as_f64().filter(|n| n.is_finite() && *n >= 0.0).map(|n| n as u64))
}

/// A number deep inside an answer.
fn at(value: &Value, path: &str) -> Option<u64> {
    whole(value.pointer(path)?)
}

fn rate(value: &Value, path: &str) -> Option<f64> {
    value.pointer(path)?.as_f64()
}

fn word(value: &Value, path: &str) -> Option<Text> {
    value.pointer(path)?.as_str().filter(|word| !word.is_empty()).map(Into::into)
}

pub(super) fn overview(body: &[u8]) -> Result<Broker, serde_json::Error> {
    let said: Value = serde_json::from_slice(body)?;
    let totals = |name: &str| at(&said, &format!("/object_totals/{name}"));
    let churn = |name: &str| rate(&said, &format!("/churn_rates/{name}_details/rate"));
    let message_rate = |name: &str| rate(&said, &format!("/message_stats/{name}_details/rate"));
    Ok(Broker {
        cluster_name: word(&said, "/cluster_name"),
        version: word(&said, "/rabbitmq_version"),
        erlang_version: word(&said, "/erlang_version"),
        answered_by: word(&said, "/node"),
        statistics_off: said.get("disable_stats").and_then(Value::as_bool).unwrap_or(false),
        totals: Totals {
            connections: totals("connections"),
            channels: totals("channels"),
            queues: totals("queues"),
            consumers: totals("consumers"),
            exchanges: totals("exchanges"),
            ready: at(&said, "/queue_totals/messages_ready"),
            unacked: at(&said, "/queue_totals/messages_unacknowledged"),
        },
        rates: Rates {
            publish: message_rate("publish"),
            deliver: message_rate("deliver_get"),
            ack: message_rate("ack"),
        },
        counters: counters(said.get("message_stats").unwrap_or(&Value::Null)),
        churn: Churn {
            connections_opened: churn("connection_created"),
            connections_closed: churn("connection_closed"),
            channels_opened: churn("channel_created"),
            channels_closed: churn("channel_closed"),
            queues_created: churn("queue_created"),
            queues_deleted: churn("queue_deleted"),
        },
        ..Broker::default()
    })
}

fn counters(stats: &Value) -> Counters {
    let count = |name: &str| stats.get(name).and_then(whole);
    Counters { publish: count("publish"), deliver: count("deliver_get"), ack: count("ack") }
}

/// `{"status": "failed", "alarms": [{"node", "resource"}]}`.
pub(super) fn alarms(body: &[u8]) -> Result<Vec<Alarm>, serde_json::Error> {
    let said: Value = serde_json::from_slice(body)?;
    let list = said.get("alarms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut alarms: Vec<Alarm> = list
        .iter()
        .map(|alarm| Alarm {
            node: word(alarm, "/node").unwrap_or_else(|| "?".into()),
            resource: word(alarm, "/resource").map_or_else(|| "?".into(), resource),
        })
        .collect();
    // It failed, so there is one, whatever the rest looks like.
    if alarms.is_empty() {
        alarms.push(Alarm { node: "?".into(), resource: "?".into() });
    }
    Ok(alarms)
}

/// `memory`, and for the disk what `rabbit_alarm` formats as `disk space`.
fn resource(said: Text) -> Text {
    if said.starts_with("disk") { "disk".into() } else { said }
}

#[derive(Deserialize)]
struct NodeRow {
    name: String,
    #[serde(default, deserialize_with = "flag")]
    running: Option<bool>,
    #[serde(default, deserialize_with = "texts")]
    partitions: Vec<String>,
    #[serde(default, deserialize_with = "number")]
    mem_used: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    mem_limit: Option<u64>,
    #[serde(default, deserialize_with = "flag")]
    mem_alarm: Option<bool>,
    #[serde(default, deserialize_with = "number")]
    disk_free: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    disk_free_limit: Option<u64>,
    #[serde(default, deserialize_with = "flag")]
    disk_free_alarm: Option<bool>,
    #[serde(default, deserialize_with = "number")]
    fd_used: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    fd_total: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    sockets_used: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    sockets_total: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    proc_used: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    proc_total: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    run_queue: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    uptime: Option<u64>,
    #[serde(default, deserialize_with = "flag")]
    being_drained: Option<bool>,
    #[serde(default)]
    applications: Value,
}

pub(super) fn nodes(body: &[u8], broker: &str) -> Result<Vec<BrokerNode>, serde_json::Error> {
    let rows: Vec<NodeRow> = serde_json::from_slice(body)?;
    let broker: Text = broker.into();
    Ok(rows.into_iter().map(|row| node(row, &broker)).collect())
}

fn node(row: NodeRow, broker: &Text) -> BrokerNode {
    let applications = row.applications.as_array().map(Vec::as_slice).unwrap_or_default();
    let rabbit = applications.iter().find(|app| app.get("name").is_some_and(|name| name == "rabbit"));
    // From 4.0 on sockets are no longer counted, and their total is 0.
    let sockets = row.sockets_total.filter(|total| *total > 0);
    BrokerNode {
        id: format!("{broker}/{}", row.name).into(),
        broker: broker.clone(),
        name: row.name.into(),
        running: row.running,
        partitions: row.partitions.into_iter().map(Into::into).collect(),
        mem_used: row.mem_used,
        mem_limit: row.mem_limit,
        mem_alarm: row.mem_alarm,
        disk_free: row.disk_free,
        disk_free_limit: row.disk_free_limit,
        disk_free_alarm: row.disk_free_alarm,
        fd_used: row.fd_used,
        fd_total: row.fd_total,
        sockets_used: row.sockets_used.filter(|_| sockets.is_some()),
        sockets_total: sockets,
        proc_used: row.proc_used,
        proc_total: row.proc_total,
        run_queue: row.run_queue,
        uptime_ms: row.uptime,
        version: rabbit.and_then(|app| word(app, "/version")),
        being_drained: row.being_drained,
    }
}

/// A list, or a page of one: `{"items": [], "page", "page_count", …}`.
fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Part<T>, serde_json::Error> {
    part(body).or_else(|error| {
        // Where one node of a replicated queue is down, its row has `online` twice.
        let part = part::<Repeating<T>>(body).map_err(|_| error)?;
        Ok(Part { rows: part.rows.into_iter().map(|row| row.0).collect(), is_last: part.is_last })
    })
}

fn part<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Part<T>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Page<T> {
        items: Vec<T>,
        #[serde(default, deserialize_with = "number")]
        page: Option<u64>,
        #[serde(default, deserialize_with = "number")]
        page_count: Option<u64>,
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return serde_json::from_slice(body).map(|rows| Part { rows, is_last: true });
    }
    let page: Page<T> = serde_json::from_slice(body)?;
    // A page without its number must not lead on for ever.
    let is_last = page.page.zip(page.page_count).is_none_or(|(page, count)| page >= count);
    Ok(Part { is_last: is_last || page.items.is_empty(), rows: page.items })
}

/// A row that has a field more than once. The first counts: it is what the queue says now, the second what was
/// measured of it some seconds ago.
struct Repeating<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Repeating<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    fields.entry(name).or_insert(value);
                }
                Ok(fields)
            }
        }
        let fields = deserializer.deserialize_map(Fields)?;
        T::deserialize(Value::Object(fields)).map(Self).map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
struct QueueRow {
    name: String,
    vhost: String,
    #[serde(default, rename = "type", deserialize_with = "text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "text")]
    state: Option<String>,
    #[serde(default, deserialize_with = "text")]
    node: Option<String>,
    #[serde(default, deserialize_with = "text")]
    leader: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    members: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    online: Vec<String>,
    #[serde(default, deserialize_with = "number")]
    messages_ready: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    messages_unacknowledged: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    consumers: Option<u64>,
    #[serde(default, deserialize_with = "float")]
    consumer_capacity: Option<f64>,
    /// Its name before 3.8.
    #[serde(default, deserialize_with = "float")]
    consumer_utilisation: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    memory: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    policy: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    durable: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    exclusive: Option<bool>,
    /// An object; an empty one may be written as a list.
    #[serde(default)]
    arguments: Value,
    #[serde(default, deserialize_with = "text")]
    idle_since: Option<String>,
    #[serde(default)]
    message_stats: Value,
}

pub(super) fn queues(body: &[u8], broker: &str) -> Result<Part<Queue>, serde_json::Error> {
    let mut words = Words::default();
    let broker: Text = broker.into();
    let part = list::<QueueRow>(body)?;
    let rows = part.rows.into_iter().map(|row| queue(row, &broker, &mut words));
    Ok(Part { rows: rows.collect(), is_last: part.is_last })
}

fn queue(row: QueueRow, broker: &Text, words: &mut Words) -> Queue {
    // Brokers before 3.8 know but one type, and say none; what was declared with one says it itself.
    let declared = row.arguments.get("x-queue-type").and_then(Value::as_str);
    let kind = row.kind.as_deref().or(declared).map_or(QueueType::Unknown, QueueType::parse);
    let mut list = |names: Vec<String>| names.iter().map(|name| words.text(name)).collect::<Vec<_>>();
    let (members, online) = (list(row.members), list(row.online));
    Queue {
        id: Queue::id_of(broker, &row.vhost, &row.name),
        broker: broker.clone(),
        meaning: Meaning::of(&row.name, kind),
        vhost: words.text(&row.vhost),
        name: row.name.into(),
        kind,
        state: words.maybe(row.state),
        listed: Some(Counts { ready: row.messages_ready, consumers: row.consumers }),
        declared: None,
        ready: row.messages_ready,
        unacked: row.messages_unacknowledged,
        consumers: row.consumers,
        consumer_capacity: row.consumer_capacity.or(row.consumer_utilisation),
        publish_rate: rate(&row.message_stats, "/publish_details/rate"),
        deliver_rate: rate(&row.message_stats, "/deliver_get_details/rate"),
        counters: counters(&row.message_stats),
        memory: row.memory,
        node: words.maybe(row.leader.or(row.node)),
        members,
        online,
        policy: words.maybe(row.policy),
        durable: row.durable,
        exclusive: row.exclusive,
        expires_ms: row.arguments.get("x-expires").and_then(whole),
        // `2026-11-23T18:50:40.632+00:00` since 3.9, `2020-01-01 10:00:00` before.
        idle_since: row.idle_since.as_deref().and_then(crate::source::wire::parse_time),
    }
}

/// The state of each connection; a fresh one has none yet.
pub(super) fn connections(body: &[u8]) -> Result<Part<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "text")]
        state: Option<String>,
    }
    let part = list::<Row>(body)?;
    let states = part.rows.into_iter().map(|row| row.state.unwrap_or_default());
    Ok(Part { rows: states.collect(), is_last: part.is_last })
}

/// `"administrator,monitoring"` before 3.9, a list since.
pub(super) fn tags(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let said: Value = serde_json::from_slice(body)?;
    Ok(match said.get("tags") {
        Some(Value::String(text)) => {
            text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
        }
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    })
}

pub(super) fn consumers(body: &[u8]) -> Result<Vec<Consumer>, serde_json::Error> {
    let said: Value = serde_json::from_slice(body)?;
    let list = said.get("consumer_details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(list
        .iter()
        .map(|one| Consumer {
            tag: word(one, "/consumer_tag").unwrap_or_else(|| "".into()),
            connection: word(one, "/channel_details/connection_name").unwrap_or_else(|| "?".into()),
            peer_host: word(one, "/channel_details/peer_host"),
            user: word(one, "/channel_details/user"),
            program: None,
            pid: None,
            state: None,
            connected_at: None,
            prefetch_count: at(one, "/prefetch_count"),
            active: one.get("active").and_then(Value::as_bool),
        })
        .collect())
}

/// What stands behind a consumer.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    state: Option<Text>,
    name: Option<Text>,
    connected_at: Option<Timestamp>,
    peer_host: Option<Text>,
}

pub(super) fn connection(body: &[u8]) -> Result<Connection, serde_json::Error> {
    let said: Value = serde_json::from_slice(body)?;
    let connected = at(&said, "/connected_at").and_then(|ms| i64::try_from(ms).ok());
    Ok(Connection {
        state: word(&said, "/state"),
        name: word(&said, "/client_properties/connection_name")
            .or_else(|| word(&said, "/user_provided_name")),
        connected_at: connected.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        peer_host: word(&said, "/peer_host"),
    })
}

impl Connection {
    /// oslo.messaging names its connections `program:pid:uuid`.
    pub fn fill(self, consumer: &mut Consumer) {
        if let Some(name) = self.name {
            let mut parts = name.rsplitn(3, ':');
            let (_, pid, program) = (parts.next(), parts.next(), parts.next());
            consumer.pid = pid.and_then(|pid| pid.parse().ok());
            consumer.program = match program.filter(|_| consumer.pid.is_some()) {
                Some(program) => Some(program.into()),
                None => Some(name),
            };
        }
        consumer.state = self.state;
        consumer.connected_at = self.connected_at;
        consumer.peer_host = consumer.peer_host.take().or(self.peer_host);
    }
}
