//! Networks, subnets, routers, floating IPs, and how full the subnets are.

use serde_json::{Value, json};

use super::{Cx, owner};
use crate::sim::cloud::{ProjectIx, public};
use crate::sim::http::nova::mac;
use crate::sim::time::SECOND;

/// Addresses of the public network: a /16 less network, gateway and broadcast.
const PUBLIC: usize = 65_533;
/// Of a tenant's /20.
const TENANT: usize = 4_093;

pub(super) fn networks(cx: &Cx<'_>) -> Vec<Value> {
    let mut rows = vec![public_network(cx)];
    rows.extend(cx.tenants().map(|ix| network(cx, ix)));
    rows
}

fn provider(cx: &Cx<'_>, row: &mut Value, kind: &str, physical: Option<&str>, segment: Option<u32>) {
    if cx.is_admin() {
        row["provider:network_type"] = json!(kind);
        row["provider:physical_network"] = json!(physical);
        row["provider:segmentation_id"] = json!(segment);
    }
}

fn public_network(cx: &Cx<'_>) -> Value {
    let created = cx.cloud.project(0).created;
    let mut row = json!({
        "id": cx.public_network(),
        "name": "public",
        "tenant_id": owner(cx, 0),
        "admin_state_up": true,
        "mtu": 1500,
        "status": "ACTIVE",
        "subnets": [cx.public_subnet()],
        "shared": false,
        "availability_zone_hints": [],
        "availability_zones": ["nova"],
        "ipv4_address_scope": null,
        "ipv6_address_scope": null,
        "router:external": true,
        "description": "",
        "port_security_enabled": true,
        "is_default": true,
        "tags": [],
        "created_at": created.zulu(),
        "updated_at": created.zulu(),
        "revision_number": 2,
        "project_id": owner(cx, 0),
    });
    provider(cx, &mut row, "flat", Some("physnet1"), None);
    row
}

fn network(cx: &Cx<'_>, ix: ProjectIx) -> Value {
    let project = cx.cloud.project(ix);
    let created = project.created;
    let mut row = json!({
        "id": project.network_id(),
        "name": project.network_name(),
        "tenant_id": owner(cx, ix),
        "admin_state_up": true,
        "mtu": 1450,
        "status": "ACTIVE",
        "subnets": [project.subnet_id()],
        "shared": false,
        "availability_zone_hints": [],
        "availability_zones": ["nova"],
        "ipv4_address_scope": null,
        "ipv6_address_scope": null,
        "router:external": false,
        "description": "",
        "port_security_enabled": true,
        "tags": [],
        "created_at": created.zulu(),
        "updated_at": created.plus(SECOND).zulu(),
        "revision_number": 2,
        "project_id": owner(cx, ix),
    });
    provider(cx, &mut row, "vxlan", None, Some(100 + u32::from(project.network.unwrap_or(0))));
    row
}

pub(super) fn subnets(cx: &Cx<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    if cx.is_admin() {
        let of = Subnet {
            id: cx.public_subnet(),
            name: "public-v4".to_owned(),
            network: cx.public_network(),
            owner: owner(cx, 0),
            gateway: public(1),
            cidr: "198.18.0.0/16".to_owned(),
            pool: (public(2), "198.18.255.254".to_owned()),
            dhcp: false,
            created: cx.cloud.project(0).created,
        };
        rows.push(of.json());
    }
    rows.extend(cx.tenants().map(|ix| {
        let project = cx.cloud.project(ix);
        let of = Subnet {
            id: project.subnet_id(),
            name: format!("{}-v4", project.name),
            network: project.network_id(),
            owner: owner(cx, ix),
            gateway: project.address(1),
            cidr: project.cidr(),
            pool: (project.address(2), project.address(4_094)),
            dhcp: true,
            created: project.created,
        };
        of.json()
    }));
    rows
}

struct Subnet {
    id: uuid::Uuid,
    name: String,
    network: uuid::Uuid,
    owner: String,
    gateway: String,
    cidr: String,
    pool: (String, String),
    dhcp: bool,
    created: crate::sim::time::Time,
}

impl Subnet {
    fn json(self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "tenant_id": self.owner,
            "network_id": self.network,
            "ip_version": 4,
            "subnetpool_id": null,
            "enable_dhcp": self.dhcp,
            "ipv6_ra_mode": null,
            "ipv6_address_mode": null,
            "gateway_ip": self.gateway,
            "cidr": self.cidr,
            "allocation_pools": [{"start": self.pool.0, "end": self.pool.1}],
            "host_routes": [],
            "dns_nameservers": ["192.0.2.53"],
            "description": "",
            "service_types": [],
            "tags": [],
            "created_at": self.created.plus(SECOND).zulu(),
            "updated_at": self.created.plus(SECOND).zulu(),
            "revision_number": 0,
            "project_id": self.owner,
        })
    }
}

/// The router's address in the public network.
pub(super) fn gateway_address(cx: &Cx<'_>, ix: ProjectIx) -> String {
    public(10 + cx.cloud.project(ix).network.unwrap_or(0))
}

pub(super) fn routers(cx: &Cx<'_>) -> Vec<Value> {
    cx.tenants()
        .map(|ix| {
            let project = cx.cloud.project(ix);
            json!({
                "id": project.router_id(),
                "name": format!("{}-router", project.name),
                "tenant_id": owner(cx, ix),
                "admin_state_up": true,
                "status": "ACTIVE",
                "external_gateway_info": {
                    "network_id": cx.public_network(),
                    "external_fixed_ips": [{
                        "subnet_id": cx.public_subnet(), "ip_address": gateway_address(cx, ix),
                    }],
                    "enable_snat": true,
                },
                "description": "",
                "availability_zones": ["nova"],
                "distributed": false,
                "ha": false,
                "availability_zone_hints": [],
                "routes": [],
                "flavor_id": null,
                "tags": [],
                "created_at": project.created.plus(2 * SECOND).zulu(),
                "updated_at": project.created.plus(4 * SECOND).zulu(),
                "revision_number": 4,
                "project_id": owner(cx, ix),
            })
        })
        .collect()
}

pub(super) fn floating(cx: &Cx<'_>) -> Vec<Value> {
    let visible = cx.cloud.floating.iter().filter(|floating| cx.sees(floating.project));
    visible
        .map(|floating| {
            let owner = owner(cx, floating.project);
            let project = cx.cloud.project(floating.project);
            let it = floating.slot.and_then(|slot| cx.cloud.instances.at(slot));
            let nic = it.and_then(|it| Some((it, it.nic?)));
            let up = nic.is_some_and(|(it, _)| it.host.is_some());
            let status = if up { "ACTIVE" } else { "DOWN" };
            json!({
                "id": floating.id,
                "tenant_id": owner,
                "floating_ip_address": floating.address(),
                "floating_network_id": cx.public_network(),
                "router_id": nic.map(|_| project.router_id()),
                "port_id": nic.map(|(_, nic)| nic.port),
                "fixed_ip_address": nic.map(|(_, nic)| project.address(nic.address)),
                "status": status,
                "description": "",
                "port_details": nic.map(|(it, nic)| json!({
                    "name": "",
                    "network_id": project.network_id(),
                    "mac_address": mac(nic.port),
                    "admin_state_up": true,
                    "status": status,
                    "device_id": it.id,
                    "device_owner": super::ports::compute_owner(cx, it),
                })),
                "tags": [],
                "created_at": floating.created.zulu(),
                "updated_at": floating.updated.zulu(),
                "revision_number": 1,
                "project_id": owner,
            })
        })
        .collect()
}

pub(super) fn availabilities(cx: &Cx<'_>) -> Vec<Value> {
    // All subnets are of IPv4.
    if !cx.is_admin() || cx.ask.query.get("ip_version").is_some_and(|version| version != "4") {
        return Vec::new();
    }
    let row = |network, name: String, owner: String, subnet, cidr: String, used: usize, total: usize| {
        let subnet_name = format!("{}-v4", name.strip_suffix("-net").unwrap_or(&name));
        json!({
            "network_id": network,
            "network_name": name,
            "tenant_id": owner,
            "project_id": owner,
            "subnet_ip_availability": [{
                "subnet_id": subnet, "ip_version": 4, "cidr": cidr, "subnet_name": subnet_name,
                "used_ips": used, "total_ips": total,
            }],
            "used_ips": used,
            "total_ips": total,
        })
    };
    // A router's gateway for each, and the floating IPs.
    let gateways = cx.tenants().count();
    let mut rows = vec![row(
        cx.public_network(),
        "public".to_owned(),
        owner(cx, 0),
        cx.public_subnet(),
        "198.18.0.0/16".to_owned(),
        gateways + cx.cloud.floating.len(),
        PUBLIC,
    )];
    rows.extend(cx.tenants().map(|ix| {
        let project = cx.cloud.project(ix);
        // Guests, DHCP and the router.
        let used = project.leased() + 2;
        row(
            project.network_id(),
            project.network_name(),
            owner(cx, ix),
            project.subnet_id(),
            project.cidr(),
            used,
            TENANT,
        )
    }));
    rows
}
