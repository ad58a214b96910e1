//! Resource providers: a compute host each, with inventories, usages, aggregates and traits.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use super::allocations::amount;
use crate::sim::cloud::{Amount, Host};
use crate::sim::http::answer::{Refusal, Reply, ok};

pub(super) const TRAITS: [&str; 8] = [
    "COMPUTE_NODE",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_DEVICE_TAGGING",
    "HW_CPU_X86_AVX2",
    "HW_CPU_X86_AESNI",
];

/// nova sets it on computes that are disabled or forced down.
pub(super) const DISABLED: &str = "COMPUTE_STATUS_DISABLED";

pub(super) fn host<'a>(cx: &Cx<'a>, id: &str) -> Result<&'a Host, Refusal> {
    let wanted = Uuid::parse_str(id).ok();
    let found = cx.cloud.hosts.iter().find(|host| Some(host.id) == wanted);
    found.ok_or_else(|| {
        Refusal::NotFound(format!(
            "No resource provider with uuid {id} found : No resource provider with uuid {id} found"
        ))
    })
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    let query = &cx.ask.query;
    let wanted = query.get("resources").map(amount).transpose()?;
    let member = query.get("member_of").map(|list| {
        let list = list.strip_prefix("in:").unwrap_or(list);
        list.split(',').filter_map(|id| Uuid::parse_str(id).ok()).collect::<Vec<_>>()
    });
    let in_aggregate =
        |host: &Host| member.as_ref().is_none_or(|ids| of_host(cx, host).iter().any(|id| ids.contains(id)));
    let rows: Vec<Value> = cx
        .cloud
        .hosts
        .iter()
        .filter(|host| query.get("name").is_none_or(|name| *host.name == *name))
        .filter(|host| query.get("uuid").is_none_or(|id| Uuid::parse_str(id) == Ok(host.id)))
        .filter(|host| query.get("in_tree").is_none_or(|id| Uuid::parse_str(id) == Ok(host.id)))
        .filter(|host| wanted.is_none_or(|amount| host.fits(amount)))
        .filter(|host| in_aggregate(host))
        .map(|host| row(cx, host))
        .collect();
    ok(&json!({"resource_providers": rows}))
}

pub(super) fn row(cx: &Cx<'_>, host: &Host) -> Value {
    let own = format!("/resource_providers/{}", host.id);
    let mut parts = vec!["inventories", "usages"];
    for (since, name) in [(1, "aggregates"), (6, "traits"), (11, "allocations")] {
        if cx.version >= since {
            parts.push(name);
        }
    }
    let mut links = vec![json!({"rel": "self", "href": own})];
    links.extend(parts.iter().map(|name| json!({"rel": name, "href": format!("{own}/{name}")})));
    let mut row = json!({
        "uuid": host.id,
        "name": &*host.name,
        "generation": host.generation,
        "links": links,
    });
    if cx.version >= 14 {
        row["parent_provider_uuid"] = Value::Null;
        row["root_provider_uuid"] = json!(host.id);
    }
    row
}

fn inventory_of(host: &Host) -> Value {
    let class = |total: u32, reserved: u32, ratio: f64| {
        json!({
            "total": total, "reserved": reserved, "min_unit": 1, "max_unit": total, "step_size": 1,
            "allocation_ratio": ratio,
        })
    };
    json!({
        "VCPU": class(host.size.vcpus, 0, host.ratio_cpu),
        "MEMORY_MB": class(host.size.ram, host.reserved_ram(), host.ratio_ram),
        "DISK_GB": class(host.size.disk, 0, 1.0),
    })
}

pub(super) fn inventories(host: &Host) -> Reply {
    ok(&json!({"resource_provider_generation": host.generation, "inventories": inventory_of(host)}))
}

pub(super) fn inventory(host: &Host, class: &str) -> Reply {
    let mut row = inventory_of(host)[class].clone();
    if row.is_null() {
        let words = format!("No inventory of class {class} for {}", host.id);
        return Err(Refusal::NotFound(words));
    }
    row["resource_provider_generation"] = json!(host.generation);
    ok(&row)
}

pub(super) fn resources(amount: Amount) -> Value {
    json!({"VCPU": amount.vcpus, "MEMORY_MB": amount.ram, "DISK_GB": amount.disk})
}

pub(super) fn usages(host: &Host) -> Reply {
    ok(&json!({
        "resource_provider_generation": host.generation,
        "usages": resources(host.allocated()),
    }))
}

/// nova mirrors its host aggregates.
fn of_host(cx: &Cx<'_>, host: &Host) -> Vec<Uuid> {
    let ix = cx.cloud.hosts.iter().position(|other| other.id == host.id).unwrap_or(0) as u32;
    cx.cloud.aggregates.iter().filter(|aggregate| aggregate.has(ix)).map(|aggregate| aggregate.id).collect()
}

pub(super) fn aggregates(cx: &Cx<'_>, id: &str) -> Reply {
    let host = host(cx, id)?;
    let mut body = json!({"aggregates": of_host(cx, host)});
    if cx.version >= 19 {
        body["resource_provider_generation"] = json!(host.generation);
    }
    ok(&body)
}

pub(super) fn names(host: &Host) -> Vec<&'static str> {
    let disabled = !host.enabled || host.forced_down;
    TRAITS.iter().copied().chain(disabled.then_some(DISABLED)).collect()
}

pub(super) fn traits(host: &Host) -> Reply {
    ok(&json!({"traits": names(host), "resource_provider_generation": host.generation}))
}
