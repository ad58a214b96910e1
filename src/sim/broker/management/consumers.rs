//! `consumers`, alone and beside their queue.

use serde_json::{Value, json};

use super::connections::user;
use super::list;
use super::view::{ConsumerRow, View};
use crate::sim::broker::accounts::VHOST;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;

pub fn all(view: &View<'_>, ask: &Ask) -> Answer {
    let connections = view.connections();
    let mut rows = view.consumers(&connections);
    rows.sort_by(|a, b| (&a.queue, a.connection).cmp(&(&b.queue, b.connection)));
    list::reply(
        ask,
        rows,
        |row| &row.queue,
        |row, f| {
            f.put("arguments", json!({}));
            f.put("ack_required", !row.no_ack);
            f.put("active", true);
            f.put("activity_status", "up");
            f.put("channel_details", channel(row));
            f.put("consumer_tag", &row.tag);
            f.put("exclusive", row.exclusive);
            f.put("prefetch_count", row.prefetch);
            f.put("queue.name", &row.queue);
            f.put("queue.vhost", VHOST);
        },
    )
}

fn channel(row: &ConsumerRow<'_>) -> Value {
    let connection = &row.connections[row.connection];
    json!({
        "connection_name": connection.name, "name": format!("{} ({})", connection.name, row.channel),
        "node": connection.node, "number": row.channel, "peer_host": connection.peer,
        "peer_port": connection.port, "user": user(connection),
    })
}

pub fn json(row: &ConsumerRow<'_>) -> Value {
    json!({
        "arguments": {}, "channel_details": channel(row), "ack_required": !row.no_ack, "active": true,
        "activity_status": "up", "consumer_tag": row.tag, "exclusive": row.exclusive,
        "prefetch_count": row.prefetch, "queue": {"name": row.queue, "vhost": VHOST},
    })
}
