//! What is told of builds before they have a host, of services, ports and volumes.

use serde_json::{Value, json};
use uuid::Uuid;

use super::instance::{flavor_object, mac, object};
use super::{Notice, context};
use crate::sim::cloud::{Cloud, Event, Instance, Kind};
use crate::sim::random::{Random, derived};

fn image(cloud: &Cloud, it: &Instance) -> Value {
    let image = it.image.and_then(|ix| cloud.images.get(usize::from(ix)));
    json!(image.map(|image| json!({
        "id": image.id, "name": &*image.name, "status": image.status(), "checksum": image.checksum(),
        "owner": cloud.project(image.owner).id.simple().to_string(), "size": image.size,
        "container_format": "bare", "disk_format": "qcow2", "created_at": image.created.micro(),
        "updated_at": image.created.micro(), "min_ram": 0, "min_disk": image.min_disk, "properties": {},
    })))
}

/// nova-scheduler's and nova-conductor's dictionary carries the user's token, deep inside: that is how it is, and
/// whoever shows or keeps these messages has to know. This one opens nothing.
fn request_spec(cloud: &Cloud, event: &Event, it: &Instance) -> Value {
    let flavor = cloud.flavor(it.flavor);
    let (user, project) = (cloud.user(it.user), cloud.project(it.project));
    let asks = context::who(event, Some(it)).and_then(|ix| cloud.users.get(ix as usize)).unwrap_or(user);
    let roles: Vec<&str> = asks.roles().iter().map(|role| role.name()).collect();
    let token = format!("gAAAAAB{}", Random::stream(event.number, "token").hex(160));
    json!({
        "num_instances": 1,
        "image": image(cloud, it),
        "instance_properties": {
            "numa_topology": null,
            "pci_requests": {
                "_changed_fields": ["instance_uuid", "requests"],
                "_context": {
                    "_user_id": asks.id.simple().to_string(),
                    "_project_id": cloud.project(asks.project).id.simple().to_string(),
                    "_domain_id": null, "_user_domain_id": "default", "_project_domain_id": "default",
                    "auth_token": token,
                    "user_name": &*asks.name, "project_name": &*cloud.project(asks.project).name,
                    "is_admin": false, "is_admin_project": true, "roles": roles,
                    "request_id": event.request.map(|id| format!("req-{id}")),
                    "global_request_id": null, "remote_address": "127.0.0.1",
                    "timestamp": event.at.micro(), "service_catalog": [],
                },
                "VERSION": "1.1", "_obj_requests": [], "_obj_instance_uuid": it.id,
            },
            "project_id": project.id.simple().to_string(), "user_id": user.id.simple().to_string(),
            "availability_zone": null, "uuid": it.id,
            "root_gb": flavor.disk, "ephemeral_gb": 0, "memory_mb": flavor.ram, "vcpus": flavor.vcpus,
        },
        "instance_type": {
            "id": u32::from(it.flavor) + 1, "name": flavor.name, "memory_mb": flavor.ram, "vcpus": flavor.vcpus,
            "root_gb": flavor.disk, "ephemeral_gb": 0, "flavorid": flavor.id, "swap": 0, "rxtx_factor": 1.0,
            "vcpu_weight": 0, "disabled": false, "is_public": true, "description": null,
        },
    })
}

fn request_spec_object(cloud: &Cloud, it: &Instance) -> Value {
    object(
        "RequestSpecPayload",
        "1.1",
        json!({
            "instance_uuid": it.id,
            "project_id": cloud.project(it.project).id.simple().to_string(),
            "user_id": cloud.user(it.user).id.simple().to_string(),
            "availability_zone": it.zone.and_then(|zone| cloud.zones.get(usize::from(zone))),
            "flavor": flavor_object(cloud.flavor(it.flavor)),
            "force_hosts": null, "force_nodes": null, "ignore_hosts": null, "instance_group": null,
            "image": object("ImageMetaPayload", "1.0", image(cloud, it)),
            "numa_topology": null, "num_instances": 1, "requested_destination": null, "retry": null,
            "scheduler_hints": {}, "security_groups": [],
        }),
    )
}

pub(super) fn select(notice: &Notice, cloud: &Cloud, event: &Event, it: &Instance) -> Value {
    match notice.versioned {
        true => request_spec_object(cloud, it),
        false => json!({"request_spec": request_spec(cloud, event, it)}),
    }
}

pub(super) fn no_host(notice: &Notice, cloud: &Cloud, event: &Event, it: &Instance) -> Value {
    const WORDS: &str = "No valid host was found. ";
    if notice.versioned {
        let reason = json!({
            "module_name": "oslo_messaging._drivers.amqpdriver", "function_name": "_send",
            "exception": "NoValidHost_Remote", "exception_message": WORDS,
            "traceback": format!("nova.exception_Remote.NoValidHost_Remote: {WORDS}"),
        });
        let data = json!({
            "instance_uuid": it.id, "request_spec": request_spec_object(cloud, it), "state": "error",
            "reason": object("ExceptionPayload", "1.1", reason),
        });
        return object("ComputeTaskPayload", "1.0", data);
    }
    let spec = request_spec(cloud, event, it);
    json!({
        "instance_properties": spec["instance_properties"],
        "request_spec": spec,
        "instance_id": it.id, "state": "error", "method": "build_instances",
        "reason": format!(
            "{{'kwargs': {{'reason': '', 'code': 500}}, 'message': '{WORDS}', 'class': 'NoValidHost_Remote'}}"
        ),
    })
}

pub(super) fn service(cloud: &Cloud, event: &Event) -> Value {
    let Some(host) = event.host.and_then(|ix| cloud.hosts.get(ix as usize)) else { return json!({}) };
    let (disabled, reason) = match &event.kind {
        Kind::HostDisabled { reason } => (true, Some(reason.as_str())),
        _ => (false, None),
    };
    let data = json!({
        "host": &*host.name, "binary": "nova-compute", "topic": "compute",
        "report_count": event.at.seconds() / 10 % 100_000, "disabled": disabled, "disabled_reason": reason,
        "availability_zone": null, "last_seen_up": host.reported(event.at).zulu(),
        "forced_down": host.forced_down, "version": 64, "uuid": host.service,
    });
    object("ServiceStatusPayload", "1.1", data)
}

pub(super) fn port(cloud: &Cloud, it: &Instance) -> Value {
    let project = cloud.project(it.project);
    let owner = project.id.simple().to_string();
    // A port that is gone with its instance had this id, and none of these addresses any more.
    let port = it.nic.map_or_else(|| derived(it.id, "port"), |nic| nic.port);
    let addresses: Vec<Value> = it
        .nic
        .iter()
        .map(|nic| json!({"subnet_id": project.subnet_id(), "ip_address": project.address(nic.address)}))
        .collect();
    json!({"port": {
        "id": port, "name": "", "network_id": project.network_id(), "tenant_id": owner, "mac_address": mac(port),
        "admin_state_up": true, "status": "DOWN", "device_id": it.id, "device_owner": "", "fixed_ips": addresses,
        "project_id": owner, "port_security_enabled": true,
        "security_groups": [derived(project.id, "security group default")],
        "binding:vnic_type": "normal", "allowed_address_pairs": [], "extra_dhcp_opts": [], "description": "",
        "tags": [], "created_at": it.created.zulu(), "updated_at": it.updated.zulu(), "revision_number": 1,
    }})
}

pub(super) fn volume(cloud: &Cloud, event: &Event) -> Value {
    let id = match event.kind {
        Kind::VolumeDetached { volume } => volume,
        _ => Uuid::nil(),
    };
    let Some(volume) = cloud.volumes.iter().find(|volume| volume.id == id) else { return json!({}) };
    let backend = volume.backend.and_then(|ix| cloud.backends.get(usize::from(ix)));
    json!({
        "tenant_id": cloud.project(volume.project).id.simple().to_string(),
        "user_id": cloud.user(volume.user).id.simple().to_string(),
        "host": backend.map(crate::sim::cloud::Backend::pool), "availability_zone": "nova", "volume_id": id,
        "volume_type": cloud.derived(&format!("volume type {}", volume.kind)),
        "display_name": &*volume.name, "created_at": format!("{}+00:00", volume.created.spaced()),
        "status": volume.status(), "snapshot_id": null, "size": volume.size, "metadata": [],
        "volume_attachment": [],
    })
}
