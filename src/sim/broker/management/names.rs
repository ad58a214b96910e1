//! `exchanges`, `bindings`, `users`, `permissions`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::list;
use super::view::View;
use crate::sim::broker::accounts::{ACCOUNTS, Account, VHOST, VHOSTS};
use crate::sim::broker::kinds::EXCHANGES;
use crate::sim::broker::process::Sort;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;

/// In every vhost.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("", "direct"),
    ("amq.direct", "direct"),
    ("amq.fanout", "fanout"),
    ("amq.headers", "headers"),
    ("amq.match", "headers"),
    ("amq.rabbitmq.trace", "topic"),
    ("amq.topic", "topic"),
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exchange {
    pub vhost: &'static str,
    pub name: String,
    pub kind: String,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    user: &'static str,
}

pub fn exchanges(view: &View<'_>) -> Vec<Exchange> {
    let built_in = VHOSTS.into_iter().flat_map(|vhost| {
        BUILT_IN.map(|(name, kind)| Exchange {
            vhost,
            name: name.to_owned(),
            kind: kind.to_owned(),
            durable: true,
            auto_delete: false,
            internal: name.ends_with("trace"),
            user: "rmq-internal",
        })
    });
    let own = |name: &str, kind: &str, auto_delete| Exchange {
        vhost: VHOST,
        name: name.to_owned(),
        kind: kind.to_owned(),
        durable: false,
        auto_delete,
        internal: false,
        user: "openstack",
    };
    let mut fanouts: Vec<&str> = view.table.rows.iter().filter_map(|row| row.fanout_exchange()).collect();
    fanouts.dedup();
    let mut rows: Vec<Exchange> = built_in
        .chain(EXCHANGES.iter().map(|name| own(name, "topic", false)))
        .chain(fanouts.into_iter().map(|name| own(name, "fanout", true)))
        .chain(view.inner.post.exchanges.iter().map(|(name, kind)| own(name, kind, false)))
        .collect();
    rows.sort();
    rows.dedup_by(|a, b| (a.vhost, &a.name) == (b.vhost, &b.name));
    rows
}

pub fn all_exchanges(view: &View<'_>, ask: &Ask, vhost: Option<&str>) -> Answer {
    let mut rows = exchanges(view);
    rows.retain(|row| view.account.enters(row.vhost) && vhost.is_none_or(|vhost| vhost == row.vhost));
    list::reply(
        ask,
        rows,
        |row| &row.name,
        |row, f| {
            f.put("arguments", json!({}));
            f.put("auto_delete", row.auto_delete);
            f.put("durable", row.durable);
            f.put("internal", row.internal);
            f.put("name", &row.name);
            f.put("type", &row.kind);
            f.put("user_who_performed_action", row.user);
            f.put("vhost", row.vhost);
        },
    )
}

struct Binding {
    source: String,
    queue: String,
    key: String,
}

fn bindings(view: &View<'_>) -> Vec<Binding> {
    let mut rows = Vec::new();
    let mut add = |source: &str, queue: &str, key: &str| {
        rows.push(Binding { source: source.to_owned(), queue: queue.to_owned(), key: key.to_owned() });
    };
    for queue in &view.table.rows {
        let name = &*queue.name;
        add("", name, name);
        match queue.sort {
            Sort::Topic | Sort::Host => add(queue.exchange, name, name),
            Sort::Fanout => add(queue.fanout_exchange().unwrap_or_default(), name, queue.fanout_key()),
            // nova alone has versions.
            Sort::Notification if name.starts_with("versioned") => add("nova", name, name),
            Sort::Notification => EXCHANGES.iter().for_each(|exchange| add(exchange, name, name)),
            Sort::Reply => {}
        }
    }
    view.inner.post.queues.keys().for_each(|name| add("", name, name));
    view.inner.post.bindings.iter().for_each(|(exchange, queue, key)| add(exchange, queue, key));
    rows.sort_by(|a, b| (&a.source, &a.queue, &a.key).cmp(&(&b.source, &b.queue, &b.key)));
    rows
}

/// How keys stand in the API's own paths.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub fn all_bindings(view: &View<'_>, ask: &Ask, vhost: Option<&str>, queue: Option<&str>) -> Answer {
    let visible = view.account.enters(VHOST) && vhost.is_none_or(|vhost| vhost == VHOST);
    let mut rows = if visible { bindings(view) } else { Vec::new() };
    rows.retain(|row| queue.is_none_or(|queue| row.queue == queue));
    list::reply(
        ask,
        rows,
        |row| &row.queue,
        |row, f| {
            f.put("source", &row.source);
            f.put("vhost", VHOST);
            f.put("destination", &row.queue);
            f.put("destination_type", "queue");
            f.put("routing_key", &row.key);
            f.put("arguments", json!({}));
            let key = match row.key.as_str() {
                "" => "~".to_owned(),
                key => utf8_percent_encode(key, KEY).to_string(),
            };
            f.put("properties_key", key);
        },
    )
}

pub fn users(ask: &Ask) -> Answer {
    let rows: Vec<&Account> = ACCOUNTS.iter().collect();
    list::reply(
        ask,
        rows,
        |row| row.name,
        |row, f| {
            f.put("name", row.name);
            f.put("password_hash", "c2ltdWxhdGVk");
            f.put("hashing_algorithm", "rabbit_password_hashing_sha256");
            f.put("tags", row.tags);
            f.put("limits", json!({}));
        },
    )
}

pub fn permissions(ask: &Ask, user: Option<&str>, vhost: Option<&str>) -> Answer {
    let rows: Vec<(&Account, &str)> = ACCOUNTS
        .iter()
        .filter(|account| user.is_none_or(|user| user == account.name))
        .flat_map(|account| account.vhosts.iter().map(move |at| (account, *at)))
        .filter(|(_, at)| vhost.is_none_or(|vhost| vhost == *at))
        .collect();
    list::reply(
        ask,
        rows,
        |row| row.0.name,
        |(account, vhost), f| {
            f.put("user", account.name);
            f.put("vhost", vhost);
            f.put("configure", account.may[0]);
            f.put("write", account.may[1]);
            f.put("read", account.may[2]);
        },
    )
}

pub fn whoami(account: &Account) -> Value {
    json!({"name": account.name, "tags": account.tags})
}
