//! Security groups: each project has `default`, as neutron makes it, and `web`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, of_project, owner};
use crate::sim::cloud::ProjectIx;
use crate::sim::random::derived;

pub(super) const GROUPS: [(&str, &str); 2] =
    [("default", "Default security group"), ("web", "HTTP, HTTPS and SSH from anywhere")];

/// Direction, Ethernet type, protocol with port, and whether it is from the group itself.
type RuleOf = (&'static str, &'static str, Option<(&'static str, u16)>, bool);

const OF_DEFAULT: [RuleOf; 4] = [
    ("ingress", "IPv4", None, true),
    ("ingress", "IPv6", None, true),
    ("egress", "IPv4", None, false),
    ("egress", "IPv6", None, false),
];

const OF_WEB: [RuleOf; 5] = [
    ("ingress", "IPv4", Some(("tcp", 22)), false),
    ("ingress", "IPv4", Some(("tcp", 80)), false),
    ("ingress", "IPv4", Some(("tcp", 443)), false),
    ("egress", "IPv4", None, false),
    ("egress", "IPv6", None, false),
];

/// How many rules a project has.
pub(super) const RULES: usize = OF_DEFAULT.len() + OF_WEB.len();

fn rules_of(cx: &Cx<'_>, ix: ProjectIx, name: &str, group: Uuid) -> Vec<Value> {
    let created = cx.cloud.project(ix).created;
    let of: &[RuleOf] = if name == "default" { &OF_DEFAULT } else { &OF_WEB };
    of.iter()
        .enumerate()
        .map(|(n, (direction, ethertype, protocol, own))| {
            let any = if *ethertype == "IPv4" { "0.0.0.0/0" } else { "::/0" };
            json!({
                "id": derived(group, &format!("rule {n}")),
                "tenant_id": owner(cx, ix),
                "security_group_id": group,
                "ethertype": ethertype,
                "direction": direction,
                "protocol": protocol.map(|(name, _)| name),
                "port_range_min": protocol.map(|(_, port)| port),
                "port_range_max": protocol.map(|(_, port)| port),
                "remote_ip_prefix": protocol.map(|_| any),
                "remote_address_group_id": null,
                "normalized_cidr": protocol.map(|_| any),
                "remote_group_id": own.then_some(group),
                "standard_attr_id": 100 + ix * 20 + n as u32,
                "description": null,
                "tags": [],
                "created_at": created.zulu(),
                "updated_at": created.zulu(),
                "revision_number": 0,
                "project_id": owner(cx, ix),
            })
        })
        .collect()
}

pub(super) fn groups(cx: &Cx<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    for ix in cx.tenants() {
        for (name, description) in GROUPS {
            let id = of_project(cx, ix, &format!("security group {name}"));
            let created = cx.cloud.project(ix).created;
            rows.push(json!({
                "id": id,
                "name": name,
                "stateful": true,
                "tenant_id": owner(cx, ix),
                "description": description,
                "shared": false,
                "security_group_rules": rules_of(cx, ix, name, id),
                "tags": [],
                "created_at": created.zulu(),
                "updated_at": created.zulu(),
                "revision_number": 1,
                "project_id": owner(cx, ix),
            }));
        }
    }
    rows
}

pub(super) fn rules(cx: &Cx<'_>) -> Vec<Value> {
    let of_group = |ix| {
        GROUPS.iter().flat_map(move |(name, _)| {
            let id = of_project(cx, ix, &format!("security group {name}"));
            rules_of(cx, ix, name, id)
        })
    };
    cx.tenants().flat_map(of_group).collect()
}
