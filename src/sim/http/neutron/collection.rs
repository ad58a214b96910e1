//! What neutron does with every collection in the same way: it filters by any attribute, sorts, cuts into pages and
//! leaves out the fields that nobody asked for.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{Cx, missing};
use crate::sim::http::answer::{Refusal, Reply, ok};

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
        Value::Bool(flag) => *flag == crate::sim::http::ask::is_yes(wanted),
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

pub(super) fn project(row: Value, fields: &[&str]) -> Value {
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
pub(super) fn one(cx: &Cx<'_>, name: &str, kind: &str, id: &str, rows: Vec<Value>) -> Reply {
    let fields: Vec<&str> = cx.ask.query.all("fields").collect();
    match rows.into_iter().find(|row| row["id"] == *id) {
        Some(row) => ok(&json!({name: project(row, &fields)})),
        None => Err(missing(kind, id)),
    }
}
