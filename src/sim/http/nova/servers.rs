//! Lists of servers, single ones, and parts of them.

use std::cmp::Ordering;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use super::filter::Filter;
use super::server::{self, View};
use crate::sim::cloud::Instance;
use crate::sim::http::answer::{Answer, Refusal, Reply, no_route, ok};
use crate::sim::http::page::Page;

const SORT_KEYS: &[&str] = &[
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "availability_zone",
    "config_drive",
    "created_at",
    "display_description",
    "display_name",
    "host",
    "hostname",
    "image_ref",
    "instance_type_id",
    "kernel_id",
    "key_name",
    "launch_index",
    "launched_at",
    "locked",
    "locked_by",
    "node",
    "power_state",
    "progress",
    "project_id",
    "ramdisk_id",
    "root_device_name",
    "task_state",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
    "vm_state",
];

pub(super) fn list(cx: &Cx<'_>, detail: bool) -> Reply {
    let page = Page::of(cx.ask)?;
    let order = order(cx)?;
    let filter = Filter::of(cx, detail)?;
    let marker = match &page.marker {
        Some(marker) => Some(find_marker(cx, marker)?),
        None => None,
    };
    let rows: Vec<&Instance> = if page.limit == 0 {
        Vec::new()
    } else if order.is_empty() {
        let behind = cx.cloud.instances.youngest_first(marker).map(|(_, it)| it);
        behind.filter(|it| filter.takes(cx, it)).take(page.limit).collect()
    } else {
        sorted(cx, &filter, &order, marker, page.limit)
    };
    let last = rows.last().map(|it| it.id.to_string());
    let links = page.links(cx.ask, rows.len(), last.as_deref());
    let body = server::body("servers", &rows, links, |out, it| match detail {
        true => server::detail(cx, out, it, View::List),
        false => server::brief(cx, out, it),
    });
    Ok(Answer::bytes(200, body))
}

fn find_marker<'a>(cx: &'a Cx<'_>, marker: &str) -> Result<&'a Instance, Refusal> {
    let found = Uuid::parse_str(marker).ok().and_then(|id| cx.cloud.instances.find(id));
    found
        .map(|(_, it)| it)
        .filter(|it| cx.is_admin() || it.project == cx.project())
        .ok_or_else(|| Refusal::BadRequest(format!("marker [{marker}] not found")))
}

/// Keys with their direction; empty: nova's own order, the youngest first.
fn order(cx: &Cx<'_>) -> Result<Vec<(String, bool)>, Refusal> {
    let query = &cx.ask.query;
    let directions: Vec<bool> = query.all("sort_dir").map(|direction| direction != "asc").collect();
    let mut order = Vec::new();
    for (n, key) in query.all("sort_key").enumerate() {
        if !SORT_KEYS.contains(&key) {
            let known: Vec<String> = SORT_KEYS.iter().map(|key| format!("'{key}'")).collect();
            let why = format!("'{key}' is not one of [{}]", known.join(", "));
            return Err(Refusal::BadRequest(format!(
                "Invalid input for query parameters sort_key. Value: {key}. {why}"
            )));
        }
        // Keys without a direction of their own have the first one's.
        let down = directions.get(n).or(directions.first()).copied().unwrap_or(true);
        order.push((key.to_owned(), down));
    }
    if order.is_empty() && directions.first() == Some(&false) {
        order.push(("created_at".to_owned(), false));
    }
    let is_default = matches!(order.as_slice(), [(key, true)] if key == "created_at");
    Ok(if is_default { Vec::new() } else { order })
}

fn sorted<'a>(
    cx: &Cx<'a>,
    filter: &Filter,
    order: &[(String, bool)],
    marker: Option<&Instance>,
    limit: usize,
) -> Vec<&'a Instance> {
    let compare = |a: &Instance, b: &Instance| {
        let by_keys = order.iter().map(|(key, down)| {
            let ordering = value(cx, a, key).cmp(&value(cx, b, key));
            if *down { ordering.reverse() } else { ordering }
        });
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| a.id.cmp(&b.id))
    };
    let all = cx.cloud.instances.iter().map(|(_, it)| it);
    let mut rows: Vec<&Instance> = all
        .filter(|it| filter.takes(cx, it))
        .filter(|it| marker.is_none_or(|marker| compare(it, marker) == Ordering::Greater))
        .collect();
    rows.sort_by(|a, b| compare(a, b));
    rows.truncate(limit);
    rows
}

/// What a row is sorted by: nothing before something, numbers before words.
fn value(cx: &Cx<'_>, it: &Instance, key: &str) -> (Option<i64>, Option<String>) {
    let cloud = cx.cloud;
    let host = || it.host.map(|host| cloud.host(host).name.to_string());
    match key {
        "created_at" => (Some(it.created.seconds()), None),
        "updated_at" => (Some(it.updated.seconds()), None),
        "launched_at" => (it.launched.map(|at| at.seconds()), None),
        "terminated_at" => (it.terminated.map(|at| at.seconds()), None),
        "power_state" => (Some(i64::from(it.power as u8)), None),
        "instance_type_id" => (Some(i64::from(it.flavor)), None),
        "locked" | "locked_by" => (Some(i64::from(it.locked)), None),
        "display_name" => (None, Some(it.name.to_lowercase())),
        "hostname" => (None, Some(server::hostname(it))),
        "host" | "node" => (None, host()),
        "vm_state" => (None, Some(it.vm_state.as_str().to_owned())),
        "task_state" => (None, it.task_state.map(|task| task.as_str().to_owned())),
        "project_id" => (None, Some(cloud.project(it.project).id.simple().to_string())),
        "user_id" => (None, Some(cloud.user(it.user).id.simple().to_string())),
        "uuid" => (None, Some(it.id.to_string())),
        "key_name" => {
            (None, it.extra.as_ref().and_then(|extra| extra.key_name.as_deref().map(str::to_owned)))
        }
        "image_ref" => {
            (None, it.image.and_then(|ix| cloud.images.get(usize::from(ix))).map(|i| i.id.to_string()))
        }
        "availability_zone" => (None, it.host.map(|host| cloud.zone_of(cloud.host(host)).to_owned())),
        _ => (None, None),
    }
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    let (_, it) = cx.instance(id)?;
    Ok(Answer::bytes(200, alone(cx, it)))
}

/// `{"server": …}`.
pub(super) fn alone(cx: &Cx<'_>, it: &Instance) -> Vec<u8> {
    let mut out = b"{\"server\":".to_vec();
    server::detail(cx, &mut out, it, View::Show);
    out.push(b'}');
    out
}

/// `/servers/{id}/os-interface` and its neighbours.
pub(super) fn part(cx: &Cx<'_>, id: &str, what: &str) -> Reply {
    let (_, it) = cx.instance(id)?;
    match what {
        "os-interface" => ok(&interfaces(cx, it)),
        "os-volume_attachments" => ok(&attachments(cx, it)),
        "os-security-groups" => ok(&json!({"security_groups": groups(cx, it)})),
        "metadata" => {
            let pairs = it.extra.iter().flat_map(|extra| &extra.metadata);
            let map: serde_json::Map<String, Value> =
                pairs.map(|(key, value)| (key.to_string(), Value::from(&**value))).collect();
            ok(&json!({"metadata": map}))
        }
        "ips" => {
            let mut out = Vec::new();
            server::detail(cx, &mut out, it, View::Show);
            let server: Value = serde_json::from_slice(&out).unwrap_or_default();
            ok(&json!({"addresses": server["addresses"]}))
        }
        "tags" if cx.version >= 26 => ok(&json!({"tags": []})),
        "migrations" if cx.version >= 23 => {
            cx.admin("servers:migrations:index")?;
            ok(&json!({"migrations": []}))
        }
        _ => Err(no_route()),
    }
}

fn interfaces(cx: &Cx<'_>, it: &Instance) -> Value {
    let project = cx.cloud.project(it.project);
    let rows: Vec<Value> = it
        .nic
        .iter()
        .map(|nic| {
            let mut row = json!({
                "net_id": project.network_id(),
                "port_id": nic.port,
                "mac_addr": server::mac(nic.port),
                "port_state": if it.host.is_some() { "ACTIVE" } else { "DOWN" },
                "fixed_ips": [{"subnet_id": project.subnet_id(), "ip_address": project.address(nic.address)}],
            });
            if cx.version >= 70 {
                row["tag"] = Value::Null;
            }
            row
        })
        .collect();
    json!({"interfaceAttachments": rows})
}

fn attachments(cx: &Cx<'_>, it: &Instance) -> Value {
    let rows: Vec<Value> = it
        .volumes()
        .iter()
        .enumerate()
        .filter_map(|(n, &ix)| {
            let volume = cx.cloud.volumes.get(ix as usize)?;
            let letter = char::from(b'a' + u8::try_from(n).ok()? + u8::from(it.image.is_some()));
            let mut row = json!({
                "serverId": it.id,
                "volumeId": volume.id,
                "device": format!("/dev/vd{letter}"),
            });
            if cx.version < 89 {
                row["id"] = json!(volume.id);
            } else {
                row["bdm_uuid"] = json!(crate::sim::random::derived(volume.id, "bdm"));
                row["attachment_id"] = json!(crate::sim::random::derived(volume.id, "attachment"));
            }
            if cx.version >= 70 {
                row["tag"] = Value::Null;
            }
            if cx.version >= 79 {
                row["delete_on_termination"] = json!(volume.bootable);
            }
            Some(row)
        })
        .collect();
    json!({"volumeAttachments": rows})
}

fn groups(cx: &Cx<'_>, it: &Instance) -> Value {
    let project = cx.cloud.project(it.project);
    let id = crate::sim::random::derived(project.id, "security group default");
    json!([{
        "id": id,
        "name": "default",
        "description": "Default security group",
        "tenant_id": project.id.simple().to_string(),
        "rules": [],
    }])
}
