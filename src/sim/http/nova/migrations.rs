//! os-migrations.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use crate::sim::cloud::{Migration, Progress};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::http::page::Page;
use crate::sim::time::Time;

fn row(cx: &Cx<'_>, migration: &Migration) -> Value {
    let name = |host| &*cx.cloud.host(host).name;
    let live = migration.kind == "live-migration";
    let mut row = json!({
        "id": migration.number,
        "source_compute": name(migration.from),
        "dest_compute": name(migration.to),
        "source_node": name(migration.from),
        "dest_node": name(migration.to),
        "dest_host": if live { None } else { Some(cx.cloud.host(migration.to).address()) },
        "old_instance_type_id": u32::from(migration.old_flavor) + 1,
        "new_instance_type_id": u32::from(migration.new_flavor) + 1,
        "instance_uuid": migration.instance,
        "status": migration.progress.as_str(),
        "created_at": migration.created.micro(),
        "updated_at": migration.updated.micro(),
    });
    if cx.version >= 23 {
        row["migration_type"] = json!(migration.kind);
        let running =
            matches!(migration.progress, Progress::Queued | Progress::Running | Progress::Migrating);
        if live && running {
            let path = format!("servers/{}/migrations/{}", migration.instance, migration.number);
            row["links"] = json!([
                {"rel": "self", "href": format!("{}/v2.1/{path}", cx.ask.base)},
                {"rel": "bookmark", "href": format!("{}/{path}", cx.ask.base)},
            ]);
        }
    }
    if cx.version >= 59 {
        row["uuid"] = json!(migration.id);
    }
    if cx.version >= 80 {
        row["user_id"] = json!(cx.cloud.user(migration.user).id.simple().to_string());
        row["project_id"] = json!(cx.cloud.project(migration.project).id.simple().to_string());
    }
    row
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    cx.admin("os-migrations:index")?;
    let query = &cx.ask.query;
    let time = |name: &str| match query.get(name).filter(|_| cx.version >= 59) {
        None => Ok(None),
        Some(text) => Time::parse(text).map(Some).ok_or_else(|| {
            Refusal::BadRequest(format!("Invalid input for query parameters {name}. Value: {text}."))
        }),
    };
    let (since, before) = (time("changes-since")?, time("changes-before")?);
    let instance = query.get("instance_uuid").map(|id| Uuid::parse_str(id).unwrap_or_default());
    let name = |host| &*cx.cloud.host(host).name;
    let user = |m: &Migration| cx.cloud.user(m.user).id.simple().to_string();
    let project = |m: &Migration| cx.cloud.project(m.project).id.simple().to_string();
    let mut rows: Vec<&Migration> = cx
        .cloud
        .migrations
        .iter()
        .filter(|m| query.get("host").is_none_or(|host| name(m.from) == host || name(m.to) == host))
        .filter(|m| query.get("source_compute").is_none_or(|host| name(m.from) == host))
        .filter(|m| query.get("status").is_none_or(|status| m.progress.as_str() == status))
        .filter(|m| query.get("migration_type").is_none_or(|kind| m.kind == kind))
        .filter(|m| query.get("user_id").is_none_or(|id| user(m) == id))
        .filter(|m| query.get("project_id").is_none_or(|id| project(m) == id))
        .filter(|m| instance.is_none_or(|id| m.instance == id))
        .filter(|m| since.is_none_or(|since| m.updated >= since) && before.is_none_or(|b| m.updated <= b))
        .collect();
    if cx.version < 59 {
        let rows: Vec<Value> = rows.into_iter().map(|migration| row(cx, migration)).collect();
        return ok(&json!({"migrations": rows}));
    }
    // With pages came the other order.
    rows.reverse();
    let page = Page::of(cx.ask)?;
    let cut = page.cut(&rows, |m| m.id.to_string()).ok_or_else(|| {
        Refusal::BadRequest(format!(
            "Marker {} could not be found.",
            page.marker.as_deref().unwrap_or_default()
        ))
    })?;
    let last = cut.last().map(|m| m.id.to_string());
    let mut body = json!({"migrations": cut.iter().map(|m| row(cx, m)).collect::<Vec<_>>()});
    if let Some(links) = page.links(cx.ask, cut.len(), last.as_deref()) {
        body["migrations_links"] = links;
    }
    ok(&body)
}
