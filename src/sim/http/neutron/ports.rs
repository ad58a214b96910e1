//! Ports: of instances, and of what networks need by themselves.

use serde_json::{Value, json};
use uuid::Uuid;

use super::collection::collection;
use super::networks::gateway_address;
use super::{Cx, missing, of_project, owner};
use crate::sim::cloud::{Instance, Nic, PortRef, ProjectIx, TaskState, VmState};
use crate::sim::http::answer::{Reply, ok};
use crate::sim::http::nova::mac;
use crate::sim::random::derived;
use crate::sim::time::{SECOND, Time};

/// `compute:az1`.
pub(super) fn compute_owner(cx: &Cx<'_>, it: &Instance) -> String {
    let zone = it.host.map_or("nova", |host| cx.cloud.zone_of(cx.cloud.host(host)));
    format!("compute:{zone}")
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    let query = &cx.ask.query;
    // What most ask for decides before rows are written: there may be a hundred thousand.
    let device = query.get("device_id").filter(|_| query.all("device_id").count() == 1);
    let device = device.and_then(|device| Uuid::parse_str(device).ok());
    let project = query.get("project_id").or_else(|| query.get("tenant_id"));
    let project = project.map(|id| Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id)));
    let host = query.get("binding:host_id");
    let network = query.get("network_id").and_then(|id| Uuid::parse_str(id).ok());
    let rows: Vec<(Uuid, PortRef)> = match device.and_then(|id| cx.cloud.instances.find(id)) {
        Some((slot, it)) => it.nic.iter().map(|nic| (nic.port, PortRef::Instance(slot))).collect(),
        None => cx.cloud.ports.from(None).collect(),
    };
    let rows: Vec<Value> = rows
        .into_iter()
        .filter(|(_, port)| {
            let of = project_of(cx, *port);
            of.is_some_and(|ix| cx.sees(ix))
                && project.is_none_or(|project| project == of)
                && network.is_none_or(|id| of.is_some_and(|ix| is_on(cx, *port, ix, id)))
                && host.is_none_or(|host| host_of(cx, *port) == host)
        })
        .filter_map(|(id, port)| row(cx, id, port))
        .collect();
    collection(cx, "ports", rows)
}

fn is_on(cx: &Cx<'_>, port: PortRef, ix: ProjectIx, network: Uuid) -> bool {
    match port {
        PortRef::Gateway(_) | PortRef::Floating(_) => network == cx.public_network(),
        _ => network == cx.cloud.project(ix).network_id(),
    }
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    let found = Uuid::parse_str(id).ok().and_then(|id| Some((id, cx.cloud.ports.get(id)?)));
    let visible = found.filter(|(_, port)| project_of(cx, *port).is_some_and(|ix| cx.sees(ix)));
    let row = visible.and_then(|(id, port)| row(cx, id, port)).ok_or_else(|| missing("Port", id))?;
    ok(&json!({"port": row}))
}

/// Whose it is. Ports of gateways and floating IPs belong to nobody: neutron's own, for administrators.
fn project_of(cx: &Cx<'_>, port: PortRef) -> Option<ProjectIx> {
    match port {
        PortRef::Instance(slot) => cx.cloud.instances.at(slot).map(|it| it.project),
        PortRef::Dhcp(ix) | PortRef::Interface(ix) => Some(ix),
        PortRef::Gateway(ix) => cx.is_admin().then_some(ix),
        PortRef::Floating(ix) => {
            cx.cloud.floating.get(ix as usize).filter(|_| cx.is_admin()).map(|floating| floating.project)
        }
    }
}

fn host_of<'a>(cx: &Cx<'a>, port: PortRef) -> &'a str {
    match port {
        PortRef::Instance(slot) => {
            let host = cx.cloud.instances.at(slot).and_then(|it| it.host);
            host.map_or("", |host| &cx.cloud.host(host).name)
        }
        PortRef::Dhcp(_) | PortRef::Interface(_) | PortRef::Gateway(_) => {
            cx.cloud.controllers.first().map_or("", |controller| &controller.name)
        }
        PortRef::Floating(_) => "",
    }
}

/// What differs between ports.
struct Port {
    network: Uuid,
    subnet: Uuid,
    address: String,
    owner: String,
    device: String,
    device_owner: String,
    status: &'static str,
    vif: &'static str,
    groups: Vec<Uuid>,
    created: Time,
    updated: Time,
}

fn row(cx: &Cx<'_>, id: Uuid, port: PortRef) -> Option<Value> {
    let it = match port {
        PortRef::Instance(slot) => {
            let it = cx.cloud.instances.at(slot)?;
            of_instance(cx, it, it.nic?)
        }
        PortRef::Floating(ix) => of_floating(cx, ix)?,
        PortRef::Dhcp(ix) | PortRef::Interface(ix) | PortRef::Gateway(ix) => of_network(cx, ix, port),
    };
    let bound = it.vif == "ovs";
    let details = match bound {
        true => json!({
            "connectivity": "l2", "port_filter": true, "ovs_hybrid_plug": null, "datapath_type": "system",
            "bridge_name": "br-int", "bound_drivers": {"0": "openvswitch"},
        }),
        false => json!({}),
    };
    let mut row = json!({
        "id": id,
        "name": "",
        "network_id": it.network,
        "tenant_id": it.owner,
        "mac_address": mac(id),
        "admin_state_up": true,
        "status": it.status,
        "device_id": it.device,
        "device_owner": it.device_owner,
        "fixed_ips": [{"subnet_id": it.subnet, "ip_address": it.address}],
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "security_groups": it.groups,
        "description": "",
        "binding:vnic_type": "normal",
        "port_security_enabled": bound,
        "tags": [],
        "created_at": it.created.zulu(),
        "updated_at": it.updated.zulu(),
        "revision_number": 4,
        "project_id": it.owner,
    });
    if cx.is_admin() {
        row["binding:profile"] = json!({});
        row["binding:host_id"] = json!(host_of(cx, port));
        row["binding:vif_type"] = json!(it.vif);
        row["binding:vif_details"] = details;
    }
    Some(row)
}

fn of_instance(cx: &Cx<'_>, it: &Instance, nic: Nic) -> Port {
    let project = cx.cloud.project(it.project);
    let host = it.host.map(|host| cx.cloud.host(host));
    // Plugged once the guest spawns, and as long as it runs.
    let building = it.vm_state == VmState::Building;
    let plugged = host.is_some() && (!building || it.task_state == Some(TaskState::Spawning));
    let vif = if host.is_some() { "ovs" } else { "unbound" };
    Port {
        network: project.network_id(),
        subnet: project.subnet_id(),
        address: project.address(nic.address),
        owner: owner(cx, it.project),
        device: it.id.to_string(),
        device_owner: compute_owner(cx, it),
        status: if plugged { "ACTIVE" } else { "DOWN" },
        vif,
        groups: vec![of_project(cx, it.project, "security group default")],
        created: it.created.plus(SECOND),
        updated: it.launched.unwrap_or(it.created.plus(2 * SECOND)),
    }
}

fn of_floating(cx: &Cx<'_>, ix: u32) -> Option<Port> {
    let floating = cx.cloud.floating.get(ix as usize)?;
    Some(Port {
        network: cx.public_network(),
        subnet: cx.public_subnet(),
        address: floating.address(),
        owner: String::new(),
        device: floating.id.to_string(),
        device_owner: "network:floatingip".to_owned(),
        status: "N/A",
        vif: "unbound",
        groups: Vec::new(),
        created: floating.created,
        updated: floating.created,
    })
}

fn of_network(cx: &Cx<'_>, ix: ProjectIx, port: PortRef) -> Port {
    let project = cx.cloud.project(ix);
    let own = (project.network_id(), project.subnet_id());
    let router = project.router_id().to_string();
    let (place, address, owner, device, device_owner) = match port {
        PortRef::Gateway(_) => (
            (cx.public_network(), cx.public_subnet()),
            gateway_address(cx, ix),
            String::new(),
            router,
            "network:router_gateway",
        ),
        PortRef::Interface(_) => (own, project.address(1), owner(cx, ix), router, "network:router_interface"),
        _ => {
            let device = format!("dhcp{}-{}", derived(cx.cloud.id, "dhcp host"), own.0);
            (own, project.address(2), owner(cx, ix), device, "network:dhcp")
        }
    };
    Port {
        network: place.0,
        subnet: place.1,
        address,
        owner,
        device,
        device_owner: device_owner.to_owned(),
        status: "ACTIVE",
        vif: "ovs",
        groups: Vec::new(),
        created: project.created.plus(2 * SECOND),
        updated: project.created.plus(3 * SECOND),
    }
}
