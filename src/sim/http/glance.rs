//! glance v2.

use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{no_route, ok};
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, Image};

/// `limit_param_default` and `api_limit_max`.
const DEFAULT: usize = 25;
const MOST: usize = 1_000;

struct Cx<'a> {
    ask: &'a Ask,
    cloud: &'a Cloud,
    who: &'a Grant,
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let reply = match ask.parts().as_slice() {
        [] | ["versions"] => {
            let status = if ask.segments.is_empty() { 300 } else { 200 };
            return Answer::json(status, &versions(&ask));
        }
        ["v2", rest @ ..] => match front.tokens.of(&ask) {
            Ok(who) => {
                let world = front.read();
                read(&Cx { ask: &ask, cloud: &world.cloud, who: &who }, rest)
            }
            Err(refusal) => Err(refusal),
        },
        _ => Err(no_route()),
    };
    reply.unwrap_or_else(|refusal| refuse(front, &refusal)).with("x-openstack-request-id", ask.request())
}

fn versions(ask: &Ask) -> Value {
    let minors = [15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    let rows: Vec<Value> = minors
        .iter()
        .map(|minor| {
            let status = if *minor == 15 { "CURRENT" } else { "SUPPORTED" };
            let link = json!([{"rel": "self", "href": format!("{}/v2/", ask.base)}]);
            json!({"id": format!("v2.{minor}"), "status": status, "links": link})
        })
        .collect();
    json!({"versions": rows})
}

/// glance speaks HTML when it refuses.
fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let code = refusal.status();
    let title = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        _ => "Error",
    };
    let message = refusal.message();
    let page = format!(
        "<html>\n <head>\n  <title>{code} {title}</title>\n </head>\n <body>\n  <h1>{code} {title}</h1>\n  {message}<br /><br />\n\n\n </body>\n</html>"
    );
    let answer = Answer::bytes(code, page.into_bytes()).with_type("text/html; charset=UTF-8");
    match code {
        401 => {
            let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
            answer.with("WWW-Authenticate", realm)
        }
        _ => answer,
    }
}

fn read(cx: &Cx<'_>, parts: &[&str]) -> Reply {
    if !matches!(cx.ask.method.as_str(), "GET" | "HEAD") {
        return Err(no_route());
    }
    match parts {
        ["images"] => list(cx),
        ["images", id] => {
            let wanted = Uuid::parse_str(id).ok();
            let found = visible(cx).find(|image| Some(image.id) == wanted);
            let words = || Refusal::NotFound(format!("Failed to find image {id}"));
            found.map_or_else(|| Err(words()), |image| ok(&row(cx, image)))
        }
        ["images", _, "members"] => ok(&json!({"members": [], "schema": "/v2/schemas/members"})),
        ["info", "stores"] => ok(&json!({"stores": [{"id": "rbd", "default": "true"}]})),
        ["info", "usage"] => ok(&json!({"usage": {}})),
        ["info", "import"] => ok(&json!({"import-methods": {
            "description": "Import methods available.", "type": "array",
            "value": ["glance-direct", "web-download"],
        }})),
        ["tasks"] if cx.who.is_admin(cx.cloud) => {
            ok(&json!({"tasks": [], "first": "/v2/tasks", "schema": "/v2/schemas/tasks"}))
        }
        ["tasks"] => Err(Refusal::Forbidden("tasks_api_access is disallowed by policy rule".to_owned())),
        ["schemas", name @ ("image" | "images")] => ok(&json!({"name": name, "properties": {}})),
        _ => Err(no_route()),
    }
}

/// Public ones, and the own; all of them for administrators.
fn visible<'a>(cx: &Cx<'a>) -> impl Iterator<Item = &'a Image> {
    let (admin, own) = (cx.who.is_admin(cx.cloud), cx.who.project());
    let images = cx.cloud.images.iter();
    images.filter(move |image| !image.deleted && (image.public || admin || own == Some(image.owner)))
}

fn row(cx: &Cx<'_>, image: &Image) -> Value {
    let owner = cx.cloud.project(image.owner).id.simple().to_string();
    let active = image.size.is_some();
    let own = format!("/v2/images/{}", image.id);
    let mut row = json!({
        "name": &*image.name,
        "disk_format": active.then_some("qcow2"),
        "container_format": active.then_some("bare"),
        "visibility": if image.public { "public" } else { "private" },
        "size": image.size,
        "virtual_size": image.size.map(|size| size * 4),
        "status": image.status(),
        "checksum": image.checksum(),
        "protected": false,
        "min_ram": 0,
        "min_disk": image.min_disk,
        "owner": owner,
        "os_hidden": false,
        "os_hash_algo": active.then_some("sha512"),
        "os_hash_value": image.hash(),
        "id": image.id,
        "created_at": image.created.zulu(),
        "updated_at": image.created.zulu(),
        "tags": [],
        "self": own,
        "file": format!("{own}/file"),
        "schema": "/v2/schemas/image",
    });
    if active {
        row["stores"] = json!("rbd");
    }
    if let Some(of) = image.of {
        row["image_type"] = json!("snapshot");
        row["instance_uuid"] = json!(of);
    }
    row
}

fn takes(cx: &Cx<'_>, row: &Value) -> bool {
    const CONTROLS: [&str; 7] =
        ["limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "os_hidden"];
    let filters = cx.ask.query.0.iter().filter(|(key, _)| !CONTROLS.contains(&key.as_str()));
    filters.into_iter().all(|(key, wanted)| match (key.as_str(), &row[key]) {
        ("visibility", _) if wanted == "all" => true,
        ("size_min", _) => row["size"].as_u64() >= wanted.parse().ok(),
        ("size_max", _) => row["size"].as_u64() <= wanted.parse().ok(),
        (_, Value::String(own)) => {
            // `in:a,b`.
            let several = wanted
                .strip_prefix("in:")
                .map(|list| list.split(',').any(|word| word.trim_matches('"') == own));
            several.unwrap_or(own == wanted)
        }
        (_, Value::Bool(own)) => *own == super::ask::is_yes(wanted),
        (_, Value::Number(own)) => own.to_string() == *wanted,
        _ => false,
    })
}

fn list(cx: &Cx<'_>) -> Reply {
    let query = &cx.ask.query;
    let limit = match query.get("limit") {
        None => DEFAULT,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::BadRequest("limit param must be an integer".to_owned()))?
            .min(MOST),
    };
    let mut rows: Vec<Value> = visible(cx).map(|image| row(cx, image)).filter(|row| takes(cx, row)).collect();
    sort(cx, &mut rows);
    let from = match query.get("marker") {
        None => 0,
        Some(marker) => {
            let at = rows.iter().position(|row| row["id"] == *marker);
            at.ok_or_else(|| Refusal::NotFound(format!("No image found with ID {marker}")))? + 1
        }
    };
    let rows: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    let asked = |marker: Option<&str>| {
        let mut out = form_urlencoded::Serializer::new(String::new());
        query.0.iter().filter(|(key, _)| key != "marker").for_each(|(key, value)| {
            out.append_pair(key, value);
        });
        if let Some(marker) = marker {
            out.append_pair("marker", marker);
        }
        let text = out.finish();
        if text.is_empty() { "/v2/images".to_owned() } else { format!("/v2/images?{text}") }
    };
    let next = rows
        .last()
        .filter(|_| rows.len() == limit)
        .and_then(|row| row["id"].as_str())
        .map(|id| asked(Some(id)));
    let mut body = json!({"images": rows, "first": asked(None), "schema": "/v2/schemas/images"});
    if let Some(next) = next {
        body["next"] = json!(next);
    }
    ok(&body)
}

/// `sort=name:asc`, or `sort_key` and `sort_dir`; else the youngest first.
fn sort(cx: &Cx<'_>, rows: &mut [Value]) {
    let query = &cx.ask.query;
    let sort = query.get("sort").map(|sort| sort.split(',').next().unwrap_or(sort));
    let (key, direction) = match sort {
        Some(sort) => sort.split_once(':').unwrap_or((sort, "desc")),
        None => (query.get("sort_key").unwrap_or("created_at"), query.get("sort_dir").unwrap_or("desc")),
    };
    let text = |row: &Value| match &row[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{:>20}", number.to_string()),
        other => other.to_string(),
    };
    let id = |row: &Value| row["id"].as_str().map(str::to_owned);
    rows.sort_by_key(|row| (text(row), id(row)));
    if direction != "asc" {
        rows.reverse();
    }
}
