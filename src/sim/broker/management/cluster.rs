//! `overview`, `nodes` and the health checks.

use serde_json::{Value, json};

use super::fields::{Columns, Fields, counted, object};
use super::list;
use super::view::{QueueRow, View};
use crate::sim::broker::accounts::{VHOST, VHOSTS};
use crate::sim::cloud::BusNode;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;
use crate::sim::random::Random;

/// What it says it is.
pub const VERSION: &str = "3.10.8";
const ERLANG: &str = "25.2.3";
const GIB: u64 = 1 << 30;
/// `vm_memory_high_watermark` of 0.4, of a controller with 32 GiB.
const MEMORY_LIMIT: u64 = 32 * GIB * 2 / 5;
const DISK_LIMIT: u64 = 50_000_000;
const FILES: u64 = 65_536;

/// What all queues together hold and move.
pub struct Sums {
    pub ready: u64,
    pub unacked: u64,
    pub consumers: u64,
    pub published: u64,
    pub delivered: u64,
    pub publish_rate: f64,
    pub deliver_rate: f64,
    pub queues: usize,
}

pub fn sums(view: &View<'_>) -> Sums {
    let mut sums = Sums {
        ready: 0,
        unacked: 0,
        consumers: 0,
        published: 0,
        delivered: 0,
        publish_rate: 0.0,
        deliver_rate: 0.0,
        queues: 0,
    };
    for row in view.queues() {
        sums.queues += 1;
        sums.ready += row.ready();
        sums.unacked += row.unacked();
        sums.consumers += u64::from(row.consumers());
        match row {
            QueueRow::Services(row) => {
                sums.published += row.published;
                sums.delivered += row.delivered();
                sums.publish_rate += row.rate;
                sums.deliver_rate += row.delivery_rate();
            }
            QueueRow::Clients(_, queue) => {
                sums.published += queue.published;
                sums.delivered += queue.delivered;
            }
        }
    }
    sums
}

/// Connections of services and clients, one channel each for the services'.
fn connections(view: &View<'_>) -> (usize, usize) {
    let services = view.processes().map(|process| process.connections().count()).sum::<usize>();
    let clients = &view.inner.post.clients;
    let channels = clients.values().map(|client| client.channels.len()).sum::<usize>();
    (services + clients.len(), services + channels)
}

fn message_stats(f: &mut Fields<'_>, sums: &Sums) {
    counted!(f, "message_stats.ack", sums.delivered, sums.deliver_rate);
    counted!(f, "message_stats.confirm", sums.published, sums.publish_rate);
    counted!(f, "message_stats.deliver", sums.delivered, sums.deliver_rate);
    counted!(f, "message_stats.deliver_get", sums.delivered, sums.deliver_rate);
    counted!(f, "message_stats.deliver_no_ack", 0, 0.0);
    counted!(f, "message_stats.disk_reads", 0, 0.0);
    counted!(f, "message_stats.disk_writes", 0, 0.0);
    counted!(f, "message_stats.drop_unroutable", 0, 0.0);
    counted!(f, "message_stats.get", 0, 0.0);
    counted!(f, "message_stats.get_empty", 0, 0.0);
    counted!(f, "message_stats.get_no_ack", 0, 0.0);
    counted!(f, "message_stats.publish", sums.published, sums.publish_rate);
    counted!(f, "message_stats.redeliver", 0, 0.0);
    counted!(f, "message_stats.return_unroutable", 0, 0.0);
}

pub fn overview(view: &View<'_>, ask: &Ask) -> Answer {
    let sums = sums(view);
    let (connections, channels) = connections(view);
    let (ledger, post, now) = (&view.inner.ledger, &view.inner.post, view.now);
    let opened = connections as u64 + ledger.closed.total + post.closed;
    let closed = ledger.closed.total + post.closed;
    let types: Vec<Value> = ["direct", "fanout", "headers", "topic"]
        .map(|name| {
            let description = format!("AMQP {name} exchange, as per the AMQP specification");
            json!({"name": name, "description": description, "enabled": true})
        })
        .into();
    let mut out = Vec::new();
    object(&mut out, &Columns::of(ask.query.get("columns")), |f| {
        f.put("management_version", VERSION);
        f.put("rates_mode", "basic");
        let retention =
            json!({"global": [600, 3_600, 28_800, 86_400], "basic": [600, 3_600], "detailed": [600]});
        f.put("sample_retention_policies", retention);
        f.put("exchange_types", types);
        f.put("product_version", VERSION);
        f.put("product_name", "RabbitMQ");
        f.put("rabbitmq_version", VERSION);
        f.put("cluster_name", cluster_name(view));
        f.put("erlang_version", ERLANG);
        f.put("erlang_full_version", "Erlang/OTP 25 [erts-13.1.5] [source] [64-bit] [smp:8:8]");
        f.put("release_series_support_status", "supported");
        f.put("disable_stats", false);
        f.put("enable_queue_totals", false);
        message_stats(f, &sums);
        counted!(f, "churn_rates.channel_closed", closed, ledger.closed.rate(now));
        counted!(f, "churn_rates.channel_created", opened, ledger.opened.rate(now));
        counted!(f, "churn_rates.connection_closed", closed, ledger.closed.rate(now));
        counted!(f, "churn_rates.connection_created", opened, ledger.opened.rate(now));
        counted!(f, "churn_rates.queue_created", sums.queues as u64, 0.0);
        counted!(f, "churn_rates.queue_declared", opened, ledger.opened.rate(now));
        counted!(f, "churn_rates.queue_deleted", 0, 0.0);
        counted!(f, "queue_totals.messages", sums.ready + sums.unacked, 0.0);
        counted!(f, "queue_totals.messages_ready", sums.ready, 0.0);
        counted!(f, "queue_totals.messages_unacknowledged", sums.unacked, 0.0);
        f.put("object_totals.channels", channels);
        f.put("object_totals.connections", connections);
        f.put("object_totals.consumers", sums.consumers);
        f.put("object_totals.exchanges", super::names::exchanges(view).len());
        f.put("object_totals.queues", sums.queues);
        f.put("statistics_db_event_queue", 0);
        f.put("node", view.node_name(0));
        f.put("listeners", listeners(view));
        let contexts: Vec<Value> = view.cloud.bus.running().map(|node| context(view, node)).collect();
        f.put("contexts", contexts);
    });
    Answer::bytes(200, out)
}

pub fn cluster_name(view: &View<'_>) -> String {
    view.cloud.bus.nodes.first().map(BusNode::name).unwrap_or_default()
}

fn context(view: &View<'_>, node: &BusNode) -> Value {
    json!({
        "ssl_opts": [], "node": node.name(), "description": "RabbitMQ Management", "path": "/",
        "cowboy_opts": "[{sendfile,false}]", "port": view.broker.management.to_string(),
    })
}

fn listeners(view: &View<'_>) -> Vec<Value> {
    let ports = [("amqp", view.broker.amqp), ("clustering", 25_672), ("http", view.broker.management)];
    let running = view.cloud.bus.running();
    running
        .flat_map(|node| {
            ports.map(|(protocol, port)| {
                json!({"node": node.name(), "protocol": protocol, "ip_address": "::", "port": port})
            })
        })
        .collect()
}

pub fn vhosts(view: &View<'_>, ask: &Ask) -> Answer {
    let sums = sums(view);
    let states: serde_json::Map<String, Value> =
        view.cloud.bus.running().map(|node| (node.name(), json!("running"))).collect();
    let rows: Vec<&str> = VHOSTS.to_vec();
    list::reply(ask, rows, |row| row, |row, f| vhost(row, &sums, &states, f))
}

pub fn one_vhost(view: &View<'_>, ask: &Ask, name: &str) -> Option<Answer> {
    let row = VHOSTS.iter().find(|known| **known == name)?;
    let states: serde_json::Map<String, Value> =
        view.cloud.bus.running().map(|node| (node.name(), json!("running"))).collect();
    let mut out = Vec::new();
    object(&mut out, &Columns::of(ask.query.get("columns")), |f| vhost(row, &sums(view), &states, f));
    Some(Answer::bytes(200, out))
}

fn vhost(row: &str, sums: &Sums, states: &serde_json::Map<String, Value>, f: &mut Fields<'_>) {
    let description = if row == "/" { "Default virtual host" } else { "" };
    f.put("cluster_state", states);
    f.put("default_queue_type", "undefined");
    f.put("description", description);
    if row == VHOST {
        message_stats(f, sums);
        counted!(f, "messages", sums.ready + sums.unacked, 0.0);
        counted!(f, "messages_ready", sums.ready, 0.0);
        counted!(f, "messages_unacknowledged", sums.unacked, 0.0);
    }
    f.put("metadata", json!({"description": description, "tags": []}));
    f.put("name", row);
    f.put("tags", json!([]));
    f.put("tracing", false);
}

pub fn nodes(view: &View<'_>, ask: &Ask) -> Answer {
    let shares = Shares::of(view);
    let mut rows: Vec<(usize, String)> =
        view.cloud.bus.nodes.iter().enumerate().map(|(at, node)| (at, node.name())).collect();
    rows.sort_by(|a, b| a.1.cmp(&b.1));
    list::reply(ask, rows, |row| &row.1, |row, f| node(view, &shares, row.0, f))
}

pub fn one_node(view: &View<'_>, ask: &Ask, name: &str) -> Option<Answer> {
    let at = view.cloud.bus.nodes.iter().position(|node| node.name() == name)?;
    let mut out = Vec::new();
    let columns = Columns::of(ask.query.get("columns"));
    object(&mut out, &columns, |f| node(view, &Shares::of(view), at, f));
    Some(Answer::bytes(200, out))
}

/// What each node that runs carries.
struct Shares {
    queues: u64,
    connections: u64,
    messages: u64,
}

impl Shares {
    fn of(view: &View<'_>) -> Self {
        let running = view.cloud.bus.running().count().max(1) as u64;
        let sums = sums(view);
        Self {
            queues: sums.queues as u64 / running,
            connections: connections(view).0 as u64 / running,
            messages: sums.ready / running,
        }
    }
}

fn node(view: &View<'_>, shares: &Shares, at: usize, f: &mut Fields<'_>) {
    let Some(row) = view.cloud.bus.nodes.get(at) else { return };
    let name = row.name();
    if row.down.is_some() {
        // Of a node that does not run the others know little more than its name.
        f.put("name", &name);
        f.put("type", "disc");
        f.put("running", false);
        return;
    }
    let slice = view.now.0.div_euclid(5_000) as u64;
    let wobble = Random::stream(slice, &name).next();
    let memory = 150_000_000
        + shares.queues * 38_000
        + shares.connections * 96_000
        + shares.messages * 2_400
        + wobble % 9_000_000;
    let memory = if row.memory_alarm { MEMORY_LIMIT + wobble % 300_000_000 } else { memory };
    let disk =
        if row.disk_alarm { DISK_LIMIT - 1 - wobble % 9_000_000 } else { 71 * GIB - wobble % 4_000_000 };
    let lost: Vec<String> = view.cloud.bus.lost_by(at).map(BusNode::name).collect();
    let version = |name: &str, version: &str| json!({"name": name, "description": "", "version": version});

    f.put("partitions", lost);
    f.put("os_pid", (900 + at * 37).to_string());
    f.put("fd_total", FILES);
    f.put("sockets_total", FILES * 9 / 10);
    f.put("mem_limit", MEMORY_LIMIT);
    f.put("mem_alarm", row.memory_alarm);
    f.put("disk_free_limit", DISK_LIMIT);
    f.put("disk_free_alarm", row.disk_alarm);
    f.put("proc_total", 1_048_576);
    f.put("rates_mode", "basic");
    f.put("uptime", view.now.since(row.started).max(0));
    f.put("run_queue", wobble % 3);
    f.put("processors", 8);
    f.put("applications", [version("rabbit", VERSION), version("rabbitmq_management", VERSION)]);
    f.put("contexts", [context(view, row)]);
    f.put("log_files", [format!("/var/log/rabbitmq/{name}.log")]);
    f.put("db_dir", format!("/var/lib/rabbitmq/mnesia/{name}"));
    f.put("config_files", ["/etc/rabbitmq/rabbitmq.conf"]);
    f.put("net_ticktime", 60);
    f.put("enabled_plugins", ["rabbitmq_management"]);
    f.put("mem_calculation_strategy", "rss");
    f.put("name", &name);
    f.put("type", "disc");
    f.put("running", true);
    counted!(f, "mem_used", memory, 0.0);
    counted!(f, "fd_used", 41 + shares.connections, 0.0);
    counted!(f, "sockets_used", shares.connections, 0.0);
    counted!(f, "proc_used", 420 + shares.queues + shares.connections * 5 + wobble % 9, 0.0);
    counted!(f, "disk_free", disk, 0.0);
    counted!(f, "gc_num", view.now.since(row.started).max(0) as u64 / 20, 49.8);
    counted!(f, "context_switches", view.now.since(row.started).max(0) as u64 / 6, 157.0);
    let links: Vec<Value> = view
        .cloud
        .bus
        .running()
        .filter(|other| other.host != row.host)
        .map(|other| json!({"name": other.name(), "peer_port": 25_672, "sock_port": 25_672}))
        .collect();
    f.put("cluster_links", links);
    f.put(
        "metrics_gc_queue_length",
        json!({"queue_deleted": 0, "connection_closed": 0, "channel_closed": 0}),
    );
}

/// `health/checks/…`; `None`: 3.10.8 has no such check.
pub fn health(view: &View<'_>, check: &[&str]) -> Option<Answer> {
    let bus = &view.cloud.bus;
    let failed = |reason: &str, mut more: Value| {
        more["status"] = json!("failed");
        more["reason"] = json!(reason);
        Answer::json(503, &more)
    };
    let fine = |body: Value| Some(Answer::json(200, &body));
    match check {
        ["alarms" | "local-alarms"] => {
            let local = check == ["local-alarms"];
            let running = bus.running().take(if local { 1 } else { usize::MAX });
            let alarms: Vec<Value> = running
                .flat_map(|node| {
                    let of = |on: bool, resource: &str| {
                        on.then(|| json!({"node": node.name(), "resource": resource}))
                    };
                    [of(node.memory_alarm, "memory"), of(node.disk_alarm, "disk")].into_iter().flatten()
                })
                .collect();
            let reason = match local {
                true => "There are alarms in effect on the node",
                false => "There are alarms in effect in the cluster",
            };
            if alarms.is_empty() {
                return fine(json!({"status": "ok"}));
            }
            Some(failed(reason, json!({"alarms": alarms})))
        }
        ["node-is-quorum-critical" | "node-is-mirror-sync-critical"] => {
            // A stream has a member on each node; with one gone the rest is needed.
            let critical = view.large
                && bus.nodes.len() > 1
                && bus.running().count() * 2 <= bus.nodes.len() + 1
                && check == ["node-is-quorum-critical"]
                && bus.running().count() < bus.nodes.len();
            match (critical, bus.nodes.len()) {
                (true, _) => Some(failed(
                    "There are quorum queues that would lose their quorum if the target node is shut down",
                    json!({"queues": []}),
                )),
                (false, 1) => fine(json!({"status": "ok", "reason": "single node cluster"})),
                (false, _) => fine(json!({"status": "ok"})),
            }
        }
        ["virtual-hosts"] | ["certificate-expiration", _, "days" | "weeks" | "months" | "years"] => {
            fine(json!({"status": "ok"}))
        }
        ["port-listener", port] => {
            let port: u16 = port.parse().ok()?;
            let ports = [view.broker.management, 25_672, view.broker.amqp];
            match ports.contains(&port) {
                true => fine(json!({"status": "ok", "port": port})),
                false => Some(failed("No active listener", json!({"missing": port, "ports": ports}))),
            }
        }
        ["protocol-listener", protocol] => {
            let has = match *protocol {
                "amqp" | "amqp091" | "amqp0.9.1" => Some("amqp"),
                "http" => Some("http"),
                "clustering" => Some("clustering"),
                _ => None,
            };
            match has {
                Some(protocol) => fine(json!({"status": "ok", "protocol": protocol})),
                None => Some(failed(
                    "No active listener",
                    json!({"missing": protocol, "protocols": ["http", "clustering", "amqp"]}),
                )),
            }
        }
        _ => None,
    }
}
