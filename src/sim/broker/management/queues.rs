//! `queues`: the field names and their order are 3.10.8's.

use serde_json::{Map, Value, json};

use super::consumers;
use super::fields::{Columns, Fields, counted, object};
use super::list;
use super::view::{QueueRow, View};
use crate::sim::broker::accounts::VHOST;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;
use crate::sim::random::Random;
use crate::sim::time::Time;

pub fn all(view: &View<'_>, ask: &Ask, vhost: Option<&str>) -> Answer {
    // All queues are in one vhost; an account without it sees none, and is not told so.
    let visible = view.account.enters(VHOST) && vhost.is_none_or(|vhost| vhost == VHOST);
    let rows = if visible { view.queues() } else { Vec::new() };
    list::reply(ask, rows, |row| row.name(), |row, f| fields(view, row, f))
}

pub fn one(view: &View<'_>, ask: &Ask, name: &str) -> Option<Answer> {
    let row = view.queue(name)?;
    let columns = Columns::of(ask.query.get("columns"));
    let connections = view.connections();
    let consumers = view.consumers(&connections);
    let mut out = Vec::new();
    object(&mut out, &columns, |f| {
        let details: Vec<Value> = consumers
            .iter()
            .filter(|consumer| consumer.queue == name)
            .map(|consumer| consumers::json(consumer))
            .collect();
        f.put("consumer_details", details);
        f.put("deliveries", json!([]));
        f.put("incoming", json!([]));
        fields(view, &row, f);
    });
    Some(Answer::bytes(200, out))
}

/// `2026-11-23T18:50:40.632+00:00`.
pub fn idle(at: Time) -> String {
    let zulu = at.zulu().to_string();
    format!("{}.{:03}+00:00", zulu.trim_end_matches('Z'), at.0.rem_euclid(1_000))
}

struct Facts {
    published: u64,
    delivered: u64,
    acked: u64,
    publish_rate: f64,
    deliver_rate: f64,
    idle: Option<Time>,
}

fn facts(view: &View<'_>, row: &QueueRow<'_>) -> Facts {
    match row {
        QueueRow::Services(row) => {
            let delivered = row.delivered();
            Facts {
                published: row.published,
                delivered,
                acked: delivered,
                publish_rate: row.rate,
                deliver_rate: row.delivery_rate(),
                idle: row.idle,
            }
        }
        QueueRow::Clients(_, queue) => Facts {
            published: queue.published,
            delivered: queue.delivered,
            acked: queue.acked,
            publish_rate: 0.0,
            deliver_rate: 0.0,
            idle: queue.consumers.is_empty().then_some(queue.used.min(view.now)),
        },
    }
}

/// What it was declared with.
fn arguments(row: &QueueRow<'_>) -> Map<String, Value> {
    match row {
        QueueRow::Clients(_, queue) => queue.terms.arguments.clone(),
        QueueRow::Services(row) if row.stream => {
            let stream = json!({"x-queue-type": "stream", "x-max-age": "1800s", "x-max-length-bytes": 0});
            stream.as_object().cloned().unwrap_or_default()
        }
        QueueRow::Services(row) if row.expires() => {
            json!({"x-expires": super::super::process::LEFT_BEHIND}).as_object().cloned().unwrap_or_default()
        }
        QueueRow::Services(_) => Map::new(),
    }
}

fn fields(view: &View<'_>, row: &QueueRow<'_>, f: &mut Fields<'_>) {
    let facts = facts(view, row);
    let (ready, unacked, consumers) = (row.ready(), row.unacked(), row.consumers());
    let messages = ready + unacked;
    let stream = matches!(row, QueueRow::Services(row) if row.stream);
    let (place, durable, exclusive, auto_delete) = match row {
        QueueRow::Services(row) => (usize::from(row.node), row.stream, false, false),
        QueueRow::Clients(_, queue) => {
            (0, queue.terms.durable, queue.terms.exclusive, queue.terms.auto_delete)
        }
    };
    let draw = Random::stream(0, row.name()).next();
    let reductions = 7_000 + facts.published * 480 + draw % 3_000;
    let body = messages * 1_900;
    let utilisation = (consumers > 0).then_some(1.0);
    let node = view.node_name(place);

    f.put("arguments", arguments(row));
    f.put("auto_delete", auto_delete);
    f.put("consumer_capacity", utilisation.unwrap_or(0.0));
    f.put("consumer_utilisation", utilisation.unwrap_or(0.0));
    f.put("consumers", consumers);
    f.put("durable", durable);
    f.put("effective_policy_definition", Map::new());
    f.put("exclusive", exclusive);
    f.put("exclusive_consumer_tag", None::<&str>);
    f.put("head_message_timestamp", None::<u64>);
    if let Some(at) = facts.idle {
        f.put("idle_since", idle(at));
    }
    if stream {
        f.put("leader", &node);
        let members: Vec<String> = view.cloud.bus.nodes.iter().map(|node| node.name()).collect();
        f.put("members", members);
    }
    f.put("memory", 11_600 + draw % 24_000 + messages * 2_400);
    f.put("message_bytes", body);
    f.put("message_bytes_paged_out", 0);
    f.put("message_bytes_persistent", 0);
    f.put("message_bytes_ram", body);
    f.put("message_bytes_ready", ready * 1_900);
    f.put("message_bytes_unacknowledged", unacked * 1_900);
    // A queue through which nothing ever came has none, and one that nobody took from has half.
    let taken = facts.delivered > 0;
    if taken {
        counted!(f, "message_stats.ack", facts.acked, facts.deliver_rate);
        counted!(f, "message_stats.deliver", facts.delivered, facts.deliver_rate);
        counted!(f, "message_stats.deliver_get", facts.delivered, facts.deliver_rate);
        counted!(f, "message_stats.deliver_no_ack", 0, 0.0);
        counted!(f, "message_stats.get", 0, 0.0);
        counted!(f, "message_stats.get_empty", 0, 0.0);
        counted!(f, "message_stats.get_no_ack", 0, 0.0);
    }
    if facts.published > 0 {
        counted!(f, "message_stats.publish", facts.published, facts.publish_rate);
    }
    if taken {
        counted!(f, "message_stats.redeliver", 0, 0.0);
    }
    let growth = facts.publish_rate - facts.deliver_rate;
    let growth = if ready > 0 && !stream { growth } else { 0.0 };
    counted!(f, "messages", messages, growth);
    f.put("messages_paged_out", 0);
    f.put("messages_persistent", 0);
    f.put("messages_ram", messages);
    counted!(f, "messages_ready", ready, growth);
    f.put("messages_ready_ram", ready);
    counted!(f, "messages_unacknowledged", unacked, 0.0);
    f.put("messages_unacknowledged_ram", unacked);
    f.put("name", row.name());
    f.put("node", &node);
    if stream {
        let online: Vec<String> = view.cloud.bus.running().map(|node| node.name()).collect();
        f.put("online", online);
    }
    f.put("operator_policy", None::<&str>);
    f.put("policy", None::<&str>);
    f.put("recoverable_slaves", None::<&str>);
    counted!(f, "reductions", reductions, (facts.publish_rate * 480.0).round());
    f.put("single_active_consumer_tag", None::<&str>);
    f.put("state", "running");
    f.put("type", if stream { "stream" } else { "classic" });
    f.put("vhost", VHOST);
}
