//! Volumes, snapshots and attachments.

use std::cmp::Reverse;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, type_id};
use crate::sim::cloud::{Snapshot, VOLUME_TYPES, Volume};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::http::ask::is_yes;
use crate::sim::http::page::Page;
use crate::sim::random::derived;
use crate::sim::time::Time;

fn row(cx: &Cx<'_>, volume: &Volume, detail: bool) -> Value {
    let mut row = json!({
        "id": volume.id,
        "name": &*volume.name,
        "links": cx.links(&format!("volumes/{}", volume.id)),
    });
    if !detail {
        return row;
    }
    let owner = cx.cloud.project(volume.project).id.simple().to_string();
    let backend = volume.backend.and_then(|ix| cx.cloud.backends.get(usize::from(ix)));
    let mut more = json!({
        "status": volume.status(),
        "size": volume.size,
        "availability_zone": "nova",
        "created_at": volume.created.micro(),
        "updated_at": volume.updated.micro(),
        "description": null,
        "volume_type": VOLUME_TYPES[usize::from(volume.kind)],
        "snapshot_id": null,
        "source_volid": null,
        "metadata": {},
        "user_id": cx.cloud.user(volume.user).id.simple().to_string(),
        "bootable": if volume.bootable { "true" } else { "false" },
        "encrypted": false,
        "replication_status": null,
        "consistencygroup_id": null,
        "multiattach": false,
        "attachments": attachments_of(cx, volume),
        "os-vol-tenant-attr:tenant_id": owner,
    });
    if cx.is_admin() {
        more["migration_status"] = Value::Null;
        more["os-vol-mig-status-attr:migstat"] = Value::Null;
        more["os-vol-mig-status-attr:name_id"] = Value::Null;
        more["os-vol-host-attr:host"] = json!(backend.map(|backend| backend.pool()));
    }
    if cx.version >= 13 {
        more["group_id"] = Value::Null;
    }
    if cx.version >= 21 && cx.is_admin() {
        more["provider_id"] = Value::Null;
    }
    if cx.version >= 48 {
        // From 3.69 on it says nothing when it is not needed.
        more["shared_targets"] = json!(true);
        let service = backend.map(|backend| derived(cx.cloud.id, &backend.service()));
        more["service_uuid"] = json!(service);
    }
    if cx.version >= 61 {
        more["cluster_name"] = Value::Null;
    }
    if cx.version >= 63 {
        more["volume_type_id"] = json!(type_id(cx, usize::from(volume.kind)));
    }
    if cx.version >= 65 {
        more["consumes_quota"] = json!(true);
    }
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more);
    }
    row
}

fn attachments_of(cx: &Cx<'_>, volume: &Volume) -> Vec<Value> {
    let Some(server) = volume.attached else { return Vec::new() };
    let host = cx.cloud.instances.find(server).and_then(|(_, it)| it.host);
    vec![json!({
        "id": volume.id,
        "attachment_id": derived(volume.id, "attachment"),
        "volume_id": volume.id,
        "server_id": server,
        "host_name": host.map(|host| &*cx.cloud.host(host).name).filter(|_| cx.is_admin()),
        "device": if volume.bootable { "/dev/vda" } else { "/dev/vdb" },
        "attached_at": volume.updated.micro(),
    })]
}

fn takes(cx: &Cx<'_>, volume: &Volume) -> Result<bool, Refusal> {
    let query = &cx.ask.query;
    let is = |name: &str, own: &str| query.get(name).is_none_or(|wanted| wanted == own);
    let owner = || cx.cloud.project(volume.project).id.simple().to_string();
    let since = |name: &str, own: Time| match query.get(name) {
        None => Ok(true),
        // `gte:2026-11-23T18:50:10`, from 3.60 on.
        Some(text) => {
            let (operator, time) = text.split_once(':').unwrap_or(("eq", text));
            let time = Time::parse(time)
                .ok_or_else(|| Refusal::BadRequest(format!("Filter key {name} has no time: {text}")))?;
            Ok(match operator {
                "gt" => own > time,
                "gte" => own >= time,
                "lt" => own < time,
                "lte" => own <= time,
                "neq" => own.seconds() != time.seconds(),
                _ => own.seconds() == time.seconds(),
            })
        }
    };
    Ok(!volume.deleted
        && cx.sees(volume.project)
        && is("status", volume.status())
        && is("name", &volume.name)
        && query.get("name~").is_none_or(|part| volume.name.contains(part))
        && is("id", &volume.id.to_string())
        && query.get("project_id").is_none_or(|id| !cx.is_admin() || id == owner())
        && query.get("bootable").is_none_or(|wanted| is_yes(wanted) == volume.bootable)
        && query.get("size").is_none_or(|wanted| wanted == volume.size.to_string())
        && query.get("volume_type").is_none_or(|wanted| VOLUME_TYPES[usize::from(volume.kind)] == wanted)
        && since("updated_at", volume.updated)?
        && since("created_at", volume.created)?)
}

pub(super) fn list(cx: &Cx<'_>, detail: bool) -> Reply {
    let mut rows: Vec<&Volume> = Vec::new();
    for volume in &cx.cloud.volumes {
        if takes(cx, volume)? {
            rows.push(volume);
        }
    }
    order(cx, &mut rows);
    let total = rows.len();
    let page = Page::of(cx.ask)?;
    let id = |volume: &&Volume| volume.id.to_string();
    let cut = page.cut(&rows, id).ok_or_else(|| {
        let marker = page.marker.clone().unwrap_or_default();
        Refusal::NotFound(format!("Volume {marker} could not be found."))
    })?;
    let written: Vec<Value> = cut.iter().map(|volume| row(cx, volume, detail)).collect();
    let mut body = json!({"volumes": written});
    if let Some(links) = page.links(cx.ask, cut.len(), cut.last().map(id).as_deref()) {
        body["volumes_links"] = links;
    }
    if cx.version >= 45 && cx.ask.query.flag("with_count") == Some(true) {
        body["count"] = json!(total);
    }
    ok(&body)
}

/// `sort=name:asc`, or `sort_key` and `sort_dir`; else the youngest first.
fn order(cx: &Cx<'_>, rows: &mut [&Volume]) {
    let query = &cx.ask.query;
    let sort = query.get("sort").map(|sort| sort.split(',').next().unwrap_or(sort));
    let (key, direction) = match sort {
        Some(sort) => sort.split_once(':').unwrap_or((sort, "desc")),
        None => (query.get("sort_key").unwrap_or("created_at"), query.get("sort_dir").unwrap_or("desc")),
    };
    match key {
        "name" | "display_name" => rows.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id))),
        "size" => rows.sort_by_key(|volume| (volume.size, volume.id)),
        "status" => rows.sort_by_key(|volume| (volume.status(), volume.id)),
        "id" => rows.sort_by_key(|volume| volume.id),
        "updated_at" => rows.sort_by_key(|volume| (volume.updated.seconds(), volume.id)),
        _ => rows.sort_by_key(|volume| (volume.created.seconds(), volume.id)),
    }
    if direction != "asc" {
        rows.reverse();
    }
}

fn find<'a>(cx: &Cx<'a>, id: &str) -> Result<&'a Volume, Refusal> {
    let wanted = Uuid::parse_str(id).ok();
    let found = cx.cloud.volumes.iter().find(|volume| Some(volume.id) == wanted && !volume.deleted);
    found
        .filter(|volume| cx.is_admin() || volume.project == cx.project())
        .ok_or_else(|| Refusal::NotFound(format!("Volume {id} could not be found.")))
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    ok(&json!({"volume": row(cx, find(cx, id)?, true)}))
}

pub(super) fn summary(cx: &Cx<'_>) -> Reply {
    let (count, size) = cx
        .cloud
        .volumes
        .iter()
        .filter(|volume| !volume.deleted && cx.sees(volume.project))
        .fold((0, 0), |(count, size), volume| (count + 1, size + volume.size));
    let mut summary = json!({"total_count": count, "total_size": size});
    if cx.version >= 36 {
        summary["metadata"] = json!({});
    }
    ok(&json!({"volume-summary": summary}))
}

fn snapshot_row(cx: &Cx<'_>, snapshot: &Snapshot, detail: bool) -> Value {
    let volume = cx.cloud.volumes.get(snapshot.volume as usize).map(|volume| volume.id);
    let mut row = json!({
        "id": snapshot.id,
        "created_at": snapshot.created.micro(),
        "updated_at": snapshot.created.micro(),
        "name": &*snapshot.name,
        "description": null,
        "volume_id": volume,
        "status": "available",
        "size": snapshot.size,
        "metadata": {},
    });
    if detail {
        row["os-extended-snapshot-attributes:project_id"] =
            json!(cx.cloud.project(snapshot.project).id.simple().to_string());
        row["os-extended-snapshot-attributes:progress"] = json!("100%");
    }
    if cx.version >= 14 {
        row["group_snapshot_id"] = Value::Null;
    }
    if cx.version >= 41 {
        row["user_id"] = json!(cx.cloud.user(snapshot.user).id.simple().to_string());
    }
    if cx.version >= 65 {
        row["consumes_quota"] = json!(true);
    }
    row
}

pub(super) fn snapshots(cx: &Cx<'_>, detail: bool) -> Reply {
    let query = &cx.ask.query;
    let volume = query.get("volume_id").map(|id| Uuid::parse_str(id).ok());
    let of_volume = |snapshot: &Snapshot| cx.cloud.volumes.get(snapshot.volume as usize).map(|v| v.id);
    let owner = |snapshot: &Snapshot| cx.cloud.project(snapshot.project).id.simple().to_string();
    let mut rows: Vec<&Snapshot> = cx
        .cloud
        .snapshots
        .iter()
        .filter(|snapshot| cx.sees(snapshot.project))
        .filter(|snapshot| volume.is_none_or(|id| of_volume(snapshot) == id))
        .filter(|snapshot| query.get("name").is_none_or(|name| *snapshot.name == *name))
        .filter(|_| query.get("status").is_none_or(|status| status == "available"))
        .filter(|snapshot| query.get("project_id").is_none_or(|id| !cx.is_admin() || id == owner(snapshot)))
        .collect();
    rows.sort_by_key(|snapshot| Reverse((snapshot.created.seconds(), snapshot.id)));
    let page = Page::of(cx.ask)?;
    let id = |snapshot: &&Snapshot| snapshot.id.to_string();
    let cut = page.cut(&rows, id).ok_or_else(|| {
        let marker = page.marker.clone().unwrap_or_default();
        Refusal::NotFound(format!("Snapshot {marker} could not be found."))
    })?;
    let written: Vec<Value> = cut.iter().map(|snapshot| snapshot_row(cx, snapshot, detail)).collect();
    let mut body = json!({"snapshots": written});
    if let Some(links) = page.links(cx.ask, cut.len(), cut.last().map(id).as_deref()) {
        body["snapshots_links"] = links;
    }
    ok(&body)
}

pub(super) fn snapshot(cx: &Cx<'_>, id: &str) -> Reply {
    let wanted = Uuid::parse_str(id).ok();
    let found = cx.cloud.snapshots.iter().find(|snapshot| Some(snapshot.id) == wanted);
    let found = found.filter(|snapshot| cx.is_admin() || snapshot.project == cx.project());
    match found {
        Some(snapshot) => ok(&json!({"snapshot": snapshot_row(cx, snapshot, true)})),
        None => Err(Refusal::NotFound(format!("Snapshot {id} could not be found."))),
    }
}

pub(super) fn attachments(cx: &Cx<'_>) -> Reply {
    if cx.version < 27 {
        return Err(crate::sim::http::answer::no_route());
    }
    let rows: Vec<Value> = cx
        .cloud
        .volumes
        .iter()
        .filter(|volume| !volume.deleted && cx.sees(volume.project))
        .filter_map(|volume| {
            let instance = volume.attached?;
            let id = derived(volume.id, "attachment");
            Some(json!({
                "id": id,
                "status": "attached",
                "instance": instance,
                "volume_id": volume.id,
                "attached_at": volume.updated.micro(),
                "detached_at": "",
                "attach_mode": "rw",
                "connection_info": {
                    "access_mode": "rw", "qos_specs": null, "encrypted": false, "cacheable": false,
                    "driver_volume_type": "iscsi", "attachment_id": id,
                },
            }))
        })
        .collect();
    ok(&json!({"attachments": rows}))
}
