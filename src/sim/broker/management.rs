//! The management API, as the plugin of 3.10.8 answers it. It only shows: nothing can be changed through it.

mod cluster;
mod connections;
mod consumers;
mod fields;
mod list;
mod names;
mod queues;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Broker;
use super::accounts::{ACCOUNTS, Account, VHOST, VHOSTS};
pub(super) use names::BUILT_IN;

use crate::sim::cloud::Cloud;
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;
use crate::sim::http::{Front, write};
use crate::sim::time::Time;
use view::View;

/// Its routes: all lead to one place, as the services' do.
pub fn router(front: Arc<Front>) -> Router {
    Router::new().fallback(move |request: Request| {
        let front = front.clone();
        async move { respond(&front, request) }
    })
}

fn respond(front: &Front, request: Request) -> Response<Body> {
    // Nothing that is asked has a body.
    let (parts, _) = request.into_parts();
    let head = parts.method == axum::http::Method::HEAD;
    let ask = Ask::new(&parts, Bytes::new(), "", Uuid::nil(), front.clock.now());
    write(answer(front, &ask), front, head)
}

pub(super) fn answer(front: &Front, ask: &Ask) -> Answer {
    let parts = ask.parts();
    let Some(path) = parts.strip_prefix(&["api"]) else { return not_found() };
    let account = match login(ask) {
        Ok(account) => account,
        Err(refused) => return *refused,
    };
    if ask.method != axum::http::Method::GET && ask.method != axum::http::Method::HEAD {
        return Answer::empty(405).with("Allow", "HEAD, GET, OPTIONS");
    }
    if account.tags.is_empty() {
        return unauthorised("Not management user");
    }
    let world = front.read();
    let view = View::new(&front.broker, &world.cloud, ask.now, account);
    route(&view, ask, path).unwrap_or_else(not_found)
}

fn route(view: &View<'_>, ask: &Ask, path: &[&str]) -> Option<Answer> {
    let monitors = view.account.is_monitor();
    let known = |vhost: &str| VHOSTS.contains(&vhost);
    Some(match path {
        ["whoami"] => Answer::json(200, &names::whoami(view.account)),
        ["overview"] => cluster::overview(view, ask),
        ["cluster-name"] => Answer::json(200, &json!({"name": cluster::cluster_name(view)})),
        ["nodes", ..] if !monitors => unauthorised("Not monitor user"),
        ["nodes"] => cluster::nodes(view, ask),
        ["nodes", name] => cluster::one_node(view, ask, name)?,
        ["vhosts"] => cluster::vhosts(view, ask),
        ["vhosts", name] => cluster::one_vhost(view, ask, name)?,
        ["vhosts", name, "permissions"] if known(name) => {
            administrator(view, || names::permissions(ask, None, Some(name)))
        }
        ["queues"] => queues::all(view, ask, None),
        // From 3.13 on `queues/detailed` is a list; until then it is a vhost of that name.
        [_, vhost, ..] if is_of_vhost(path) && !known(vhost) => return None,
        [_, vhost, ..] if is_of_vhost(path) && !view.account.enters(vhost) => {
            unauthorised("User not authorised to access virtual host")
        }
        ["queues", vhost] => queues::all(view, ask, Some(vhost)),
        ["queues", vhost, name] if *vhost == VHOST => queues::one(view, ask, name)?,
        ["queues", vhost, name, "bindings"] => names::all_bindings(view, ask, Some(vhost), Some(name)),
        ["connections"] => connections::all(view, ask),
        ["connections", name] => connections::one(view, ask, name)?,
        ["channels"] => connections::channels(view, ask),
        ["consumers"] => consumers::all(view, ask),
        ["consumers", vhost] if *vhost == VHOST => consumers::all(view, ask),
        ["consumers", _] | ["policies" | "operator-policies" | "parameters" | "vhost-limits", ..] => {
            Answer::json(200, &json!([]))
        }
        ["exchanges"] => names::all_exchanges(view, ask, None),
        ["exchanges", vhost] => names::all_exchanges(view, ask, Some(vhost)),
        ["bindings"] => names::all_bindings(view, ask, None, None),
        ["bindings", vhost] => names::all_bindings(view, ask, Some(vhost), None),
        ["users"] => administrator(view, || names::users(ask)),
        ["users", user, "permissions"] if ACCOUNTS.iter().any(|account| account.name == *user) => {
            administrator(view, || names::permissions(ask, Some(user), None))
        }
        ["permissions"] => administrator(view, || names::permissions(ask, None, None)),
        ["health", "checks", check @ ..] => cluster::health(view, check)?,
        _ => return None,
    })
}

fn is_of_vhost(path: &[&str]) -> bool {
    matches!(path, ["queues" | "exchanges" | "bindings" | "consumers", ..])
}

fn administrator(view: &View<'_>, answer: impl FnOnce() -> Answer) -> Answer {
    if view.account.is_administrator() { answer() } else { unauthorised("Not administrator user") }
}

fn not_found() -> Answer {
    Answer::json(404, &json!({"error": "Object Not Found", "reason": "Not Found"}))
}

/// The plugin says 401 for everything: who one is not, and what one may not.
fn unauthorised(reason: &str) -> Answer {
    Answer::json(401, &json!({"error": "not_authorised", "reason": reason}))
        .with("WWW-Authenticate", "Basic realm=\"RabbitMQ Management\"")
}

fn login(ask: &Ask) -> Result<&'static Account, Box<Answer>> {
    let refused = || Box::new(unauthorised("Login failed"));
    let header = ask.header("authorization").ok_or_else(refused)?;
    let (scheme, encoded) = header.split_once(' ').ok_or_else(refused)?;
    let decoded =
        BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let (name, password) = text.split_once(':').ok_or_else(refused)?;
    Account::login(name, password).ok_or_else(refused)
}

/// What the broker holds, for tests.
pub(super) fn dump(broker: &Broker, cloud: &Cloud, now: Time) -> Value {
    let view = View::new(broker, cloud, now, &ACCOUNTS[0]);
    let connections = view.connections();
    json!({
        "vhost": VHOST,
        "queues": view.queues().iter().map(|row| json!({
            "name": row.name(), "ready": row.ready(), "unacked": row.unacked(), "consumers": row.consumers(),
        })).collect::<Vec<_>>(),
        "nodes": cloud.bus.nodes.iter().enumerate().map(|(at, node)| json!({
            "name": node.name(), "running": node.down.is_none(),
            "partitions": cloud.bus.lost_by(at).map(|node| node.name()).collect::<Vec<_>>(),
            "memory_alarm": node.memory_alarm, "disk_alarm": node.disk_alarm,
        })).collect::<Vec<_>>(),
        "connections": connections.iter().map(|row| json!({
            "name": row.name, "user": connections::user(row),
        })).collect::<Vec<_>>(),
        "consumers": view.consumers(&connections).len(),
        "exchanges": names::exchanges(&view).iter().map(|row| json!({
            "vhost": row.vhost, "name": row.name, "type": row.kind,
        })).collect::<Vec<_>>(),
        "accounts": ACCOUNTS.iter().map(|account| json!({
            "name": account.name, "tags": account.tags, "vhosts": account.vhosts, "may": account.may,
        })).collect::<Vec<_>>(),
        "vhosts": VHOSTS,
    })
}
