//! neutron v2.0. Collections are built as JSON objects and then filtered, sorted, cut and projected in one place,
//! as neutron itself does it; only ports are so many that they are preselected.

mod agents;
mod networks;
mod ports;
mod quotas;
mod security;

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::ok;
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, ProjectIx};
use crate::sim::random::derived;

pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
}

impl Cx<'_> {
    pub fn is_admin(&self) -> bool {
        self.who.is_admin(self.cloud)
    }

    /// Tenants see their own.
    pub fn sees(&self, project: ProjectIx) -> bool {
        self.is_admin() || self.who.project() == Some(project)
    }

    /// Projects with a network.
    pub fn tenants(&self) -> impl Iterator<Item = ProjectIx> {
        (0..self.cloud.projects.len() as ProjectIx)
            .filter(|&ix| self.cloud.project(ix).network.is_some() && self.sees(ix))
    }

    pub fn public_network(&self) -> Uuid {
        self.cloud.derived("public network")
    }

    pub fn public_subnet(&self) -> Uuid {
        self.cloud.derived("public subnet")
    }
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let parts = ask.parts();
    // `details.json` is `details`.
    let parts: Vec<&str> = parts.iter().map(|part| part.strip_suffix(".json").unwrap_or(part)).collect();
    let answer = match parts.as_slice() {
        [] => {
            let link = json!([{"rel": "self", "href": format!("{}/v2.0/", ask.base)}]);
            return Answer::json(
                200,
                &json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": link}]}),
            );
        }
        ["v2.0", rest @ ..] => match front.tokens.of(&ask) {
            Ok(who) => {
                let world = front.read();
                read(&Cx { ask: &ask, cloud: &world.cloud, who: &who }, rest)
            }
            Err(refusal) => Err(refusal),
        },
        _ => Err(super::answer::no_route()),
    };
    answer
        .unwrap_or_else(|refusal| refuse(front, &refusal))
        .with("X-Openstack-Request-Id", ask.request())
        .with("Connection", "keep-alive")
}

/// `Network` and its id.
pub(super) fn missing(kind: &str, id: &str) -> Refusal {
    Refusal::NotFound(format!("{kind} {id} could not be found."))
}

fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let code = refusal.status();
    let message = refusal.message();
    if code == 401 {
        let body = json!({"error": {"code": 401, "title": "Unauthorized", "message": message}});
        let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
        return Answer::json(401, &body).with("WWW-Authenticate", realm);
    }
    let kind = match code {
        // `Network x could not be found.`: the exception is named after the thing.
        404 => match message.split(' ').next().filter(|_| message.ends_with("could not be found.")) {
            Some(thing) if thing != "The" => format!("{thing}NotFound"),
            _ => "HTTPNotFound".to_owned(),
        },
        403 => "PolicyNotAuthorized".to_owned(),
        400 => "HTTPBadRequest".to_owned(),
        _ => "HTTPError".to_owned(),
    };
    Answer::json(code, &json!({"NeutronError": {"type": kind, "message": message, "detail": ""}}))
}

fn read(cx: &Cx<'_>, parts: &[&str]) -> Reply {
    if !matches!(cx.ask.method.as_str(), "GET" | "HEAD") {
        return Err(super::answer::no_route());
    }
    match parts {
        [] => ok(&json!({"resources": []})),
        ["networks"] => collection(cx, "networks", networks::networks(cx)),
        ["networks", id] => one(cx, "network", "Network", id, networks::networks(cx)),
        ["subnets"] => collection(cx, "subnets", networks::subnets(cx)),
        ["subnets", id] => one(cx, "subnet", "Subnet", id, networks::subnets(cx)),
        ["routers"] => collection(cx, "routers", networks::routers(cx)),
        ["routers", id] => one(cx, "router", "Router", id, networks::routers(cx)),
        ["floatingips"] => collection(cx, "floatingips", networks::floating(cx)),
        ["floatingips", id] => one(cx, "floatingip", "FloatingIP", id, networks::floating(cx)),
        ["network-ip-availabilities"] => {
            collection(cx, "network_ip_availabilities", networks::availabilities(cx))
        }
        ["network-ip-availabilities", id] => {
            let rows = networks::availabilities(cx);
            let row = rows.into_iter().find(|row| row["network_id"] == **id);
            row.map_or_else(
                || Err(missing("Network", id)),
                |row| ok(&json!({"network_ip_availability": row})),
            )
        }
        ["ports"] => ports::list(cx),
        ["ports", id] => ports::show(cx, id),
        ["security-groups"] => collection(cx, "security_groups", security::groups(cx)),
        ["security-groups", id] => one(cx, "security_group", "SecurityGroup", id, security::groups(cx)),
        ["security-group-rules"] => collection(cx, "security_group_rules", security::rules(cx)),
        ["agents"] => collection(cx, "agents", agents::agents(cx)),
        ["agents", id] => one(cx, "agent", "Agent", id, agents::agents(cx)),
        ["agents", id, what] => agents::serves(cx, id, what),
        ["availability_zones"] => ok(&json!({"availability_zones": [
            {"state": "available", "name": "nova", "resource": "network"},
            {"state": "available", "name": "nova", "resource": "router"},
        ]})),
        ["extensions"] => ok(&json!({"extensions": agents::extensions()})),
        ["extensions", alias] => {
            let found = agents::extensions().into_iter().find(|extension| extension["alias"] == **alias);
            found.map_or_else(|| Err(missing("Extension", alias)), |row| ok(&json!({"extension": row})))
        }
        ["quotas"] => quotas::all(cx),
        ["quotas", project] => quotas::show(cx, project),
        ["quotas", project, "default"] => quotas::default(cx, project),
        ["quotas", project, "details"] => quotas::details(cx, project),
        [
            name @ ("subnetpools" | "address-scopes" | "rbac-policies" | "address-groups"
            | "service-providers" | "flavors" | "segments" | "trunks"),
        ] => collection(cx, &name.replace('-', "_"), Vec::new()),
        _ => Err(super::answer::no_route()),
    }
}

/// Names in a query that are no attributes.
const CONTROLS: [&str; 6] = ["fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"];
/// One collection's own: it is about what stands in its rows.
const OF_AVAILABILITIES: &str = "ip_version";

/// Filters, sorts, cuts and projects.
pub(super) fn collection(cx: &Cx<'_>, name: &str, mut rows: Vec<Value>) -> Reply {
    let query = &cx.ask.query;
    let mut wanted: Map<String, Value> = Map::new();
    let own = if name == "network_ip_availabilities" { OF_AVAILABILITIES } else { "" };
    let is_filter = |key: &str| !CONTROLS.contains(&key) && key != own;
    for (key, value) in query.0.iter().filter(|(key, _)| is_filter(key)) {
        let values = wanted.entry(key.clone()).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(Value::from(value.as_str()));
        }
    }
    // An attribute that the collection has not: filter-validation says so.
    if let Some(first) = rows.first()
        && let Some(key) = wanted.keys().find(|key| first.get(attribute(key)).is_none())
    {
        return Err(Refusal::BadRequest(format!("[u'{key}'] is invalid attribute for filtering")));
    }
    rows.retain(|row| wanted.iter().all(|(key, values)| matches(row, key, values)));
    sort(cx, &mut rows);
    let rows = cut(cx, name, rows)?;
    let (rows, links) = rows;
    let fields: Vec<&str> = query.all("fields").collect();
    let rows: Vec<Value> = rows.into_iter().map(|row| project(row, &fields)).collect();
    let mut body = json!({name: rows});
    if let Some(links) = links {
        body[format!("{name}_links")] = links;
    }
    ok(&body)
}

/// `tenant_id` is there by both names; tags have filters of their own.
fn attribute(key: &str) -> &str {
    match key {
        "tags-any" | "not-tags" | "not-tags-any" => "tags",
        _ => key,
    }
}

/// Whether an attribute equals one of the values.
fn matches(row: &Value, key: &str, values: &Value) -> bool {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    let own = &row[attribute(key)];
    values.iter().filter_map(Value::as_str).any(|wanted| match own {
        Value::String(text) => text == wanted,
        Value::Bool(flag) => *flag == super::ask::is_yes(wanted),
        Value::Number(number) => number.to_string() == wanted,
        Value::Null => wanted.is_empty(),
        // `fixed_ips=ip_address=10.0.0.3`, `fixed_ips=subnet_id=…`.
        Value::Array(list) if key == "fixed_ips" => {
            let (name, value) = wanted.split_once('=').unwrap_or((wanted, ""));
            let name = name.strip_suffix("_substr").unwrap_or(name);
            list.iter().any(|item| {
                item[name].as_str().is_some_and(|text| match wanted.contains("_substr=") {
                    true => text.contains(value),
                    false => text == value,
                })
            })
        }
        Value::Array(list) => list.iter().any(|item| item.as_str() == Some(wanted)),
        Value::Object(_) => false,
    })
}

fn sort(cx: &Cx<'_>, rows: &mut [Value]) {
    let query = &cx.ask.query;
    let keys: Vec<&str> = query.all("sort_key").collect();
    let directions: Vec<bool> = query.all("sort_dir").map(|direction| direction == "desc").collect();
    let compare = |a: &Value, b: &Value| match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    };
    rows.sort_by(|a, b| {
        let mut ordering = Ordering::Equal;
        for (n, key) in keys.iter().enumerate() {
            let own = compare(&a[*key], &b[*key]);
            ordering = ordering.then(if directions.get(n) == Some(&true) { own.reverse() } else { own });
        }
        // The primary key comes last, always.
        ordering.then_with(|| compare(&a["id"], &b["id"]))
    });
}

/// Pages exist only for those who ask for a limit.
fn cut(cx: &Cx<'_>, name: &str, rows: Vec<Value>) -> Result<(Vec<Value>, Option<Value>), Refusal> {
    let query = &cx.ask.query;
    let limit = match query.get("limit") {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| {
            Refusal::BadRequest(format!(
                "Bad limit request: limit must be an integer 0 or greater and not '{text}'"
            ))
        })?,
    };
    let reverse = query.flag("page_reverse").unwrap_or(false);
    let marker = match query.get("marker") {
        None => None,
        Some(marker) => {
            let at = rows.iter().position(|row| row["id"] == *marker);
            let singular = name.strip_suffix('s').unwrap_or(name);
            let kind = format!("{}{}", singular[..1].to_uppercase(), &singular[1..]);
            Some(at.ok_or_else(|| missing(&kind, marker))?)
        }
    };
    if limit == 0 {
        let from = marker.map_or(0, |at| at + 1);
        return Ok((rows.into_iter().skip(from).collect(), None));
    }
    let (from, to) = match (marker, reverse) {
        (None, false) => (0, limit),
        (Some(at), false) => (at + 1, at + 1 + limit),
        (None, true) => (rows.len().saturating_sub(limit), rows.len()),
        (Some(at), true) => (at.saturating_sub(limit), at),
    };
    let to = to.min(rows.len());
    let rows: Vec<Value> = rows.into_iter().skip(from).take(to.saturating_sub(from)).collect();
    let mut links = Vec::new();
    let full = rows.len() >= limit;
    let mut link = |rel: &str, row: Option<&Value>, backwards: bool| {
        links.push(json!({"rel": rel, "href": href(cx, row.and_then(|row| row["id"].as_str()), backwards)}));
    };
    if full || reverse {
        link("next", rows.last(), false);
    }
    if full || !reverse {
        link("previous", rows.first(), true);
    }
    Ok((rows, Some(Value::Array(links))))
}

fn href(cx: &Cx<'_>, marker: Option<&str>, backwards: bool) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in cx.ask.query.0.iter().filter(|(name, _)| name != "marker" && name != "page_reverse")
    {
        query.append_pair(name, value);
    }
    if let Some(marker) = marker {
        query.append_pair("marker", marker);
    }
    if backwards {
        query.append_pair("page_reverse", "True");
    }
    format!("{}{}?{}", cx.ask.base, cx.ask.path, query.finish())
}

fn project(row: Value, fields: &[&str]) -> Value {
    if fields.is_empty() {
        return row;
    }
    match row {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(key, _)| fields.contains(&key.as_str())).collect())
        }
        other => other,
    }
}

/// One row of a collection.
fn one(cx: &Cx<'_>, name: &str, kind: &str, id: &str, rows: Vec<Value>) -> Reply {
    let fields: Vec<&str> = cx.ask.query.all("fields").collect();
    match rows.into_iter().find(|row| row["id"] == *id) {
        Some(row) => ok(&json!({name: project(row, &fields)})),
        None => Err(missing(kind, id)),
    }
}

/// The ids of a project's things that are kept nowhere.
pub(super) fn of_project(cx: &Cx<'_>, project: ProjectIx, role: &str) -> Uuid {
    derived(cx.cloud.project(project).id, role)
}

/// A project's id as it is written.
pub(super) fn owner(cx: &Cx<'_>, project: ProjectIx) -> String {
    cx.cloud.project(project).id.simple().to_string()
}
