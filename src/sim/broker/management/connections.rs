//! `connections` and `channels`.

use serde_json::{Value, json};

use super::fields::{Columns, Fields, counted, object};
use super::list;
use super::queues::idle;
use super::view::{ConnectionRow, Owner, View};
use crate::sim::broker::accounts::VHOST;
use crate::sim::broker::post::ChannelRow;
use crate::sim::broker::process::Use;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;
use crate::sim::random::Random;

pub fn all(view: &View<'_>, ask: &Ask) -> Answer {
    list::reply(ask, view.connections(), |row| &row.name, |row, f| fields(view, row, f))
}

pub fn one(view: &View<'_>, ask: &Ask, name: &str) -> Option<Answer> {
    let rows = view.connections();
    let row = rows.iter().find(|row| row.name == name)?;
    let mut out = Vec::new();
    object(&mut out, &Columns::of(ask.query.get("columns")), |f| fields(view, row, f));
    Some(Answer::bytes(200, out))
}

/// What the client calls its connection.
fn called(row: &ConnectionRow<'_>) -> Option<String> {
    match &row.owner {
        Owner::Service(process, its) => Some(format!("{}:{}:{}", process.kind.binary, its.pid, its.id)),
        Owner::Client(_, client) => client.properties.get("connection_name")?.as_str().map(str::to_owned),
    }
}

pub fn user(row: &ConnectionRow<'_>) -> &'static str {
    match &row.owner {
        Owner::Service(..) => "openstack",
        Owner::Client(_, client) => client.user,
    }
}

fn channel_count(row: &ConnectionRow<'_>) -> usize {
    match &row.owner {
        Owner::Service(..) => 1,
        Owner::Client(_, client) => client.channels.len(),
    }
}

/// Whoever publishes is stopped while a node has an alarm; who only reads never notices.
fn state(view: &View<'_>, row: &ConnectionRow<'_>) -> &'static str {
    match &row.owner {
        _ if !view.cloud.bus.blocks() => "running",
        Owner::Service(_, its) if its.purpose == Use::Publish => "blocked",
        Owner::Service(..) => "blocking",
        Owner::Client(..) => "running",
    }
}

fn fields(view: &View<'_>, row: &ConnectionRow<'_>, f: &mut Fields<'_>) {
    let name = called(row);
    let (mechanism, properties, since, heartbeat, frame_max) = match &row.owner {
        Owner::Service(_, its) => {
            let capabilities = json!({
                "authentication_failure_close": true, "connection.blocked": true, "consumer_cancel_notify": true,
            });
            let properties = json!({
                "capabilities": capabilities, "connection_name": name, "product": "py-amqp",
                "product_version": "5.1.1",
            });
            ("AMQPLAIN", properties, its.at, 60, 131_072)
        }
        Owner::Client(_, client) => (
            client.mechanism,
            Value::Object(client.properties.clone()),
            client.since,
            client.heartbeat,
            client.frame_max,
        ),
    };
    let lived = view.now.since(since).max(0) as u64;
    let draw = Random::stream(0, &row.name).next();
    // A heartbeat of eight octets each half minute, both ways, and what is said besides.
    let beats = lived / 30_000;
    let said = lived / 10_000 * (draw % 7);

    f.put("auth_mechanism", mechanism);
    f.put("channel_max", 2_047);
    f.put("channels", channel_count(row));
    f.put("client_properties", properties);
    f.put("connected_at", since.0);
    f.put("frame_max", frame_max);
    f.put("garbage_collection", garbage(draw));
    f.put("host", &row.host);
    f.put("name", &row.name);
    f.put("node", &row.node);
    f.put("peer_cert_issuer", None::<&str>);
    f.put("peer_cert_subject", None::<&str>);
    f.put("peer_cert_validity", None::<&str>);
    f.put("peer_host", &row.peer);
    f.put("peer_port", row.port);
    f.put("port", row.own_port);
    f.put("protocol", "AMQP 0-9-1");
    f.put("recv_cnt", beats + said + 12);
    counted!(f, "recv_oct", beats * 8 + said * 740 + 1_000, (draw % 7 * 74) as f64);
    counted!(f, "reductions", lived / 100 + draw % 40_000, 171.6);
    f.put("send_cnt", beats + said + 14);
    counted!(f, "send_oct", beats * 8 + said * 620 + 3_700, (draw % 7 * 62) as f64);
    f.put("send_pend", 0);
    f.put("ssl", false);
    for nothing in ["ssl_cipher", "ssl_hash", "ssl_key_exchange", "ssl_protocol"] {
        f.put(nothing, None::<&str>);
    }
    f.put("state", state(view, row));
    f.put("timeout", heartbeat);
    f.put("type", "network");
    f.put("user", user(row));
    if let Some(name) = name {
        f.put("user_provided_name", name);
    }
    f.put("user_who_performed_action", user(row));
    f.put("vhost", VHOST);
}

fn garbage(draw: u64) -> Value {
    json!({
        "fullsweep_after": 65_535, "max_heap_size": 0, "min_bin_vheap_size": 46_422, "min_heap_size": 233,
        "minor_gcs": draw % 60,
    })
}

/// A channel of a connection.
pub struct Channel {
    pub name: String,
    number: u16,
    connection: usize,
    row: ChannelRow,
    consumers: usize,
}

pub fn channels(view: &View<'_>, ask: &Ask) -> Answer {
    let connections = view.connections();
    let rows = collect(view, &connections);
    list::reply(ask, rows, |row| &row.name, |row, f| channel(view, &connections[row.connection], row, f))
}

fn collect(view: &View<'_>, connections: &[ConnectionRow<'_>]) -> Vec<Channel> {
    let mut taking = vec![0; connections.len()];
    let consumers = view.consumers(connections);
    consumers.iter().for_each(|consumer| taking[consumer.connection] += 1);
    let mut rows = Vec::new();
    for (at, connection) in connections.iter().enumerate() {
        let mut add = |number: u16, row: ChannelRow, consumers| {
            let name = format!("{} ({number})", connection.name);
            rows.push(Channel { name, number, connection: at, row, consumers });
        };
        match &connection.owner {
            Owner::Service(..) => add(1, ChannelRow::default(), taking[at]),
            Owner::Client(_, client) => {
                for (&number, row) in &client.channels {
                    let is_its = |consumer: &&super::view::ConsumerRow<'_>| {
                        consumer.connection == at && consumer.channel == number
                    };
                    add(number, *row, consumers.iter().filter(is_its).count());
                }
            }
        }
    }
    rows
}

fn channel(view: &View<'_>, connection: &ConnectionRow<'_>, row: &Channel, f: &mut Fields<'_>) {
    let draw = Random::stream(0, &row.name).next();
    f.put("acks_uncommitted", 0);
    f.put("confirm", row.row.confirms);
    f.put("connection_details.name", &connection.name);
    f.put("connection_details.peer_host", &connection.peer);
    f.put("connection_details.peer_port", connection.port);
    f.put("consumer_count", row.consumers);
    f.put("garbage_collection", garbage(draw));
    f.put("global_prefetch_count", 0);
    f.put("idle_since", idle(view.now.plus(-((draw % 60_000) as i64))));
    f.put("messages_unacknowledged", row.row.unacked);
    f.put("messages_uncommitted", 0);
    f.put("messages_unconfirmed", 0);
    f.put("name", &row.name);
    f.put("node", &connection.node);
    f.put("number", row.number);
    f.put("pending_raft_commands", 0);
    f.put("prefetch_count", row.row.prefetch);
    counted!(f, "reductions", 7_000 + draw % 9_000, 0.0);
    f.put("state", "running");
    f.put("transactional", false);
    f.put("user", user(connection));
    f.put("user_who_performed_action", user(connection));
    f.put("vhost", VHOST);
}
