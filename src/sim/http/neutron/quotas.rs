//! neutron's quotas.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, owner, security};
use crate::sim::cloud::{PortRef, ProjectIx};
use crate::sim::http::answer::{Refusal, Reply, ok};

/// Resource, default limit.
const RESOURCES: [(&str, i64); 9] = [
    ("network", 100),
    ("subnet", 100),
    ("subnetpool", -1),
    ("port", 500),
    ("router", 10),
    ("floatingip", 50),
    ("rbac_policy", 10),
    ("security_group", 10),
    ("security_group_rule", 100),
];

fn limit(cx: &Cx<'_>, ix: ProjectIx, name: &str, default: i64) -> i64 {
    match name {
        "floatingip" => cx.cloud.project(ix).quota.floating_ips,
        // Guests need ports: enough for all that nova allows.
        "port" => match cx.cloud.project(ix).quota.instances {
            -1 => -1,
            instances => default.max(instances + 50),
        },
        _ => default,
    }
}

fn used(cx: &Cx<'_>, ix: ProjectIx, name: &str) -> i64 {
    let has = i64::from(cx.cloud.project(ix).network.is_some());
    match name {
        "network" | "subnet" | "router" => has,
        "security_group" => has * security::GROUPS.len() as i64,
        "security_group_rule" => has * security::RULES as i64,
        "floatingip" => cx.cloud.floating.iter().filter(|floating| floating.project == ix).count() as i64,
        "port" => {
            let own = |port: PortRef| match port {
                PortRef::Instance(slot) => cx.cloud.instances.at(slot).is_some_and(|it| it.project == ix),
                PortRef::Dhcp(project) | PortRef::Interface(project) => project == ix,
                PortRef::Gateway(_) | PortRef::Floating(_) => false,
            };
            cx.cloud.ports.from(None).filter(|(_, port)| own(*port)).count() as i64
        }
        _ => 0,
    }
}

fn find(cx: &Cx<'_>, id: &str) -> Result<ProjectIx, Refusal> {
    let found = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id));
    if !cx.is_admin() && found != cx.who.project() {
        let words = "rule:get_quota is disallowed by policy";
        return Err(Refusal::Forbidden(words.to_owned()));
    }
    // neutron knows no projects: it answers for any.
    Ok(found.unwrap_or(0))
}

fn limits(cx: &Cx<'_>, ix: ProjectIx) -> Value {
    let mut row = json!({});
    for (name, default) in RESOURCES {
        row[name] = json!(limit(cx, ix, name, default));
    }
    row
}

pub(super) fn all(cx: &Cx<'_>) -> Reply {
    if !cx.is_admin() {
        return Err(Refusal::Forbidden("rule:get_quota is disallowed by policy".to_owned()));
    }
    let rows: Vec<Value> = cx
        .tenants()
        .map(|ix| {
            let mut row = limits(cx, ix);
            row["project_id"] = json!(owner(cx, ix));
            row["tenant_id"] = json!(owner(cx, ix));
            row
        })
        .collect();
    ok(&json!({"quotas": rows}))
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    ok(&json!({"quota": limits(cx, find(cx, id)?)}))
}

pub(super) fn default(cx: &Cx<'_>, id: &str) -> Reply {
    find(cx, id)?;
    let mut row = json!({});
    for (name, default) in RESOURCES {
        row[name] = json!(default);
    }
    ok(&json!({"quota": row}))
}

pub(super) fn details(cx: &Cx<'_>, id: &str) -> Reply {
    let ix = find(cx, id)?;
    let mut row = json!({});
    for (name, default) in RESOURCES {
        row[name] = json!({"limit": limit(cx, ix, name, default), "used": used(cx, ix, name), "reserved": 0});
    }
    ok(&json!({"quota": row}))
}
