//! Agents, whom they serve, and the extensions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::collection::project;
use super::{Cx, missing, networks};
use crate::sim::cloud::last_report;
use crate::sim::http::answer::{Refusal, Reply, no_route, ok};
use crate::sim::random::derived;
use crate::sim::time::{SECOND, Time};

/// neutron's `agent_down_time`.
const DOWN: i64 = 75 * SECOND;

/// Of each controller: type, binary, topic, and whether it has a zone.
const OF_CONTROLLERS: [(&str, &str, &str, bool); 4] = [
    ("L3 agent", "neutron-l3-agent", "l3_agent", true),
    ("DHCP agent", "neutron-dhcp-agent", "dhcp_agent", true),
    ("Metadata agent", "neutron-metadata-agent", "N/A", false),
    ("Open vSwitch agent", "neutron-openvswitch-agent", "N/A", false),
];

struct Agent<'a> {
    id: Uuid,
    kind: (&'a str, &'a str, &'a str, bool),
    host: &'a str,
    created: Time,
    started: Time,
    heartbeat: Time,
    configurations: Value,
}

/// Nobody but an administrator sees agents: others get an empty list, not a refusal.
pub(super) fn agents(cx: &Cx<'_>) -> Vec<Value> {
    if !cx.is_admin() {
        return Vec::new();
    }
    let now = cx.ask.now;
    let mut rows: Vec<Value> = Vec::new();
    for (n, controller) in cx.cloud.controllers.iter().enumerate() {
        for kind in OF_CONTROLLERS {
            let agent = Agent {
                id: derived(cx.cloud.id, &format!("{} {}", kind.1, controller.name)),
                kind,
                host: &controller.name,
                created: cx.cloud.project(0).created,
                started: cx.cloud.project(0).created,
                heartbeat: last_report(now, n as u32),
                configurations: configurations(cx, kind.1, n),
            };
            rows.push(agent.json(now));
        }
    }
    for host in &cx.cloud.hosts {
        let agent = Agent {
            id: derived(host.id, "agent"),
            kind: OF_CONTROLLERS[3],
            host: &host.name,
            created: cx.cloud.project(0).created,
            started: host.booted,
            // It shares the host's fate.
            heartbeat: host.reported(now),
            configurations: switch(&host.address(), host.guests),
        };
        rows.push(agent.json(now));
    }
    rows
}

impl Agent<'_> {
    fn json(self, now: Time) -> Value {
        let (kind, binary, topic, zoned) = self.kind;
        json!({
            "id": self.id,
            "agent_type": kind,
            "binary": binary,
            "topic": topic,
            "host": self.host,
            "admin_state_up": true,
            "created_at": self.created.spaced(),
            "started_at": self.started.spaced(),
            "heartbeat_timestamp": self.heartbeat.spaced(),
            "description": null,
            "resources_synced": null,
            "availability_zone": zoned.then_some("nova"),
            "alive": now.since(self.heartbeat) <= DOWN,
            "configurations": self.configurations,
        })
    }
}

fn switch(address: &str, devices: u32) -> Value {
    json!({
        "arp_responder_enabled": false,
        "bridge_agent": null,
        "bridge_mappings": {"physnet1": "br-ex"},
        "datapath_type": "system",
        "devices": devices,
        "enable_distributed_routing": false,
        "extensions": [],
        "in_distributed_mode": false,
        "integration_bridge": "br-int",
        "l2_population": false,
        "log_agent_heartbeats": false,
        "ovs_capabilities": {"datapath_types": ["system"], "iface_types": ["vxlan"]},
        "tunnel_types": ["vxlan"],
        "tunneling_ip": address,
        "vhostuser_socket_dir": "/var/run/openvswitch",
    })
}

fn configurations(cx: &Cx<'_>, binary: &str, n: usize) -> Value {
    // The first controller has all networks and routers.
    let count = if n == 0 { cx.tenants().count() } else { 0 };
    match binary {
        "neutron-l3-agent" => json!({
            "agent_mode": "legacy",
            "ex_gw_ports": count,
            "extensions": [],
            "floating_ips": if n == 0 { cx.cloud.floating.len() } else { 0 },
            "handle_internal_only_routers": true,
            "interface_driver": "openvswitch",
            "interfaces": count,
            "log_agent_heartbeats": false,
            "routers": count,
        }),
        "neutron-dhcp-agent" => json!({
            "dhcp_driver": "neutron.agent.linux.dhcp.Dnsmasq",
            "dhcp_lease_duration": 86400,
            "log_agent_heartbeats": false,
            "networks": count,
            "ports": if n == 0 { cx.cloud.ports.len() } else { 0 },
            "subnets": count,
        }),
        "neutron-metadata-agent" => json!({
            "log_agent_heartbeats": false,
            "metadata_proxy_socket": "/var/lib/neutron/metadata_proxy",
            "nova_metadata_host": "127.0.0.1",
            "nova_metadata_port": 8775,
        }),
        _ => switch(&format!("172.16.0.{}", n + 1), count as u32),
    }
}

/// `/agents/{id}/dhcp-networks` and `/l3-routers`.
pub(super) fn serves(cx: &Cx<'_>, id: &str, what: &str) -> Reply {
    if !cx.is_admin() {
        return Err(Refusal::Forbidden(format!("rule:get_{what} is disallowed by policy")));
    }
    let agent = agents(cx).into_iter().find(|row| row["id"] == *id).ok_or_else(|| missing("Agent", id))?;
    let first = cx.cloud.controllers.first().map(|controller| &*controller.name);
    let serves = agent["host"].as_str() == first;
    let (name, binary, rows) = match what {
        "dhcp-networks" => ("networks", "neutron-dhcp-agent", networks::networks(cx)),
        "l3-routers" => ("routers", "neutron-l3-agent", networks::routers(cx)),
        _ => return Err(no_route()),
    };
    let rows = if serves && agent["binary"] == binary { rows } else { Vec::new() };
    let fields: Vec<&str> = cx.ask.query.all("fields").collect();
    ok(&json!({name: rows.into_iter().map(|row| project(row, &fields)).collect::<Vec<_>>()}))
}

/// What Zed's ml2 with router and Open vSwitch has.
const EXTENSIONS: [(&str, &str); 34] = [
    ("Address scope", "address-scope"),
    ("agent", "agent"),
    ("Agent's Resource View Synced to Placement", "agent-resources-synced"),
    ("Allowed Address Pairs", "allowed-address-pairs"),
    ("Availability Zone", "availability_zone"),
    ("Availability Zone Filter Extension", "availability_zone_filter"),
    ("DHCP Agent Scheduler", "dhcp_agent_scheduler"),
    ("Empty String Filtering Extension", "empty-string-filtering"),
    ("Neutron external network", "external-net"),
    ("Neutron Extra DHCP options", "extra_dhcp_opt"),
    ("Neutron Extra Route", "extraroute"),
    ("Filter parameters validation", "filter-validation"),
    ("Add a fip_port_details API attribute", "fip-port-details"),
    ("Neutron L3 Router", "router"),
    ("Neutron L3 Configurable external gateway mode", "ext-gw-mode"),
    ("L3 Agent Scheduler", "l3_agent_scheduler"),
    ("Multi Provider Network", "multi-provider"),
    ("Net MTU", "net-mtu"),
    ("Network Availability Zone", "network_availability_zone"),
    ("Network IP Availability", "network-ip-availability"),
    ("Pagination support", "pagination"),
    ("Port Binding", "binding"),
    ("Port Security", "port-security"),
    ("project_id field enabled", "project-id"),
    ("Provider Network", "provider"),
    ("Quota management support", "quotas"),
    ("Quota details management support", "quota_details"),
    ("RBAC Policies", "rbac-policies"),
    ("Router Availability Zone", "router_availability_zone"),
    ("security-group", "security-group"),
    ("Sorting support", "sorting"),
    ("standard-attr-revisions", "standard-attr-revisions"),
    ("Tag support for resources with standard attribute: port, subnet, router, network", "standard-attr-tag"),
    ("Resource timestamps", "standard-attr-timestamp"),
];

pub(super) fn extensions() -> Vec<Value> {
    EXTENSIONS
        .iter()
        .map(|(name, alias)| {
            json!({
                "name": name,
                "alias": alias,
                "description": name,
                "updated": "2016-09-12T10:00:00-00:00",
                "links": [],
            })
        })
        .collect()
}
