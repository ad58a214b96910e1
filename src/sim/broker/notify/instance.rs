//! What nova tells of an instance: as a dictionary, and as versioned objects.

use serde_json::{Value, json};

use super::{About, Notice};
use crate::sim::cloud::{Cloud, Event, Flavor, Instance, Kind, Power};
use crate::sim::random::derived;

/// States as they are, or, in the message of a change, as the event says.
fn states(event: &Event, it: &Instance) -> (&'static str, Option<&'static str>) {
    match event.kind {
        Kind::State { vm_state, task_state, .. } => (vm_state, task_state),
        _ => (it.vm_state.as_str(), it.task_state.map(crate::sim::cloud::TaskState::as_str)),
    }
}

fn old_states(event: &Event, it: &Instance) -> (&'static str, Option<&'static str>) {
    match event.kind {
        Kind::State { old_vm_state, old_task_state, .. } => (old_vm_state, old_task_state),
        _ => states(event, it),
    }
}

fn image_of(cloud: &Cloud, it: &Instance) -> Option<uuid::Uuid> {
    it.image.and_then(|ix| cloud.images.get(usize::from(ix))).map(|image| image.id)
}

fn reservation(it: &Instance) -> String {
    format!("r-{}", &derived(it.id, "reservation").simple().to_string()[..8])
}

/// As neutron makes it of a port's id.
pub(super) fn mac(port: uuid::Uuid) -> String {
    let bytes = port.as_bytes();
    format!("fa:16:3e:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2])
}

fn zone(cloud: &Cloud, event: &Event, it: &Instance) -> Option<&'static str> {
    let host = event.host.or(it.host).and_then(|host| cloud.hosts.get(host as usize));
    let asked = || it.zone.and_then(|zone| cloud.zones.get(usize::from(zone)).copied());
    host.map(|host| cloud.zone_of(host)).or_else(asked)
}

/// `compute.instance.*`.
pub(super) fn plain(notice: &Notice, cloud: &Cloud, event: &Event, it: &Instance) -> Value {
    let flavor = cloud.flavor(it.flavor);
    let (state, task) = states(event, it);
    let host = super::host_of(cloud, event);
    let image = image_of(cloud, it).map(|id| id.to_string()).unwrap_or_default();
    let or_nothing =
        |at: Option<crate::sim::time::Time>| at.map(|at| at.micro().to_string()).unwrap_or_default();
    let mut payload = json!({
        "tenant_id": cloud.project(it.project).id.simple().to_string(),
        "user_id": cloud.user(it.user).id.simple().to_string(),
        "instance_id": it.id,
        "display_name": &*it.name,
        "reservation_id": reservation(it),
        "hostname": &*it.name,
        "instance_type": flavor.name,
        "instance_type_id": u32::from(it.flavor) + 1,
        "instance_flavor_id": flavor.id,
        "architecture": null,
        "memory_mb": flavor.ram, "disk_gb": flavor.disk, "vcpus": flavor.vcpus, "root_gb": flavor.disk,
        "ephemeral_gb": 0,
        "host": host, "node": host,
        "availability_zone": zone(cloud, event, it),
        "cell_name": "",
        "created_at": format!("{}+00:00", it.created.spaced()),
        "terminated_at": or_nothing(it.terminated),
        "deleted_at": or_nothing(it.terminated),
        "launched_at": or_nothing(it.launched),
        "image_ref_url": format!("http://127.0.0.1:9292/images/{image}"),
        "os_type": null, "kernel_id": "", "ramdisk_id": "",
        "state": state,
        "state_description": task.unwrap_or_default(),
        "progress": "",
        "access_ip_v4": null, "access_ip_v6": null,
        "image_meta": {
            "min_ram": "0", "min_disk": "1", "disk_format": "qcow2", "container_format": "bare",
            "base_image_ref": image,
        },
        "metadata": metadata(it),
    });
    match (notice.about, notice.phase) {
        (About::Update, _) => {
            let (old, old_task) = old_states(event, it);
            payload["old_state"] = json!(old);
            payload["old_task_state"] = json!(old_task);
            payload["new_task_state"] = json!(task);
            payload["audit_period_beginning"] = json!(hour(event).micro());
            payload["audit_period_ending"] = json!(event.at.micro());
        }
        (About::Instance("create", _), "end") => {
            payload["message"] = json!("Success");
            payload["fixed_ips"] = json!(it.nic.map(|nic| {
                json!({
                    "address": cloud.project(it.project).address(nic.address), "type": "fixed", "version": 4,
                    "meta": {}, "floating_ips": [], "label": cloud.project(it.project).network_name(),
                    "vif_mac": mac(nic.port),
                })
            }).into_iter().collect::<Vec<_>>());
        }
        (_, "error") => {
            let why = it.fault().map(|fault| fault.message.as_str()).unwrap_or_default();
            payload["message"] = json!(why);
            payload["exception"] = json!({"kwargs": {"instance_uuid": it.id, "reason": why}});
            payload["code"] = json!(500);
        }
        _ => {}
    }
    payload
}

fn metadata(it: &Instance) -> Value {
    it.extra
        .iter()
        .flat_map(|extra| &extra.metadata)
        .map(|(key, value)| (key.to_string(), json!(&**value)))
        .collect()
}

fn hour(event: &Event) -> crate::sim::time::Time {
    let hour = crate::sim::time::HOUR;
    crate::sim::time::Time(event.at.0.div_euclid(hour) * hour)
}

/// A versioned object.
pub(super) fn object(name: &str, version: &str, data: Value) -> Value {
    json!({
        "nova_object.name": name,
        "nova_object.namespace": "nova",
        "nova_object.version": version,
        "nova_object.data": data,
    })
}

pub(super) fn flavor_object(flavor: &Flavor) -> Value {
    let specs: Value =
        flavor.extra_specs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    object(
        "FlavorPayload",
        "1.4",
        json!({
            "flavorid": flavor.id, "memory_mb": flavor.ram, "vcpus": flavor.vcpus, "root_gb": flavor.disk,
            "ephemeral_gb": 0, "name": flavor.name, "swap": 0, "rxtx_factor": 1.0, "vcpu_weight": 0,
            "disabled": false, "is_public": true, "extra_specs": specs, "projects": null, "description": null,
        }),
    )
}

fn power(power: Power) -> &'static str {
    match power {
        Power::NoState => "pending",
        Power::Running => "running",
        Power::Paused => "paused",
        Power::Shutdown => "shutdown",
        Power::Suspended => "suspended",
    }
}

/// `instance.*`.
pub(super) fn versioned(notice: &Notice, cloud: &Cloud, event: &Event, it: &Instance) -> Value {
    let (state, task) = states(event, it);
    let host = super::host_of(cloud, event);
    let project = cloud.project(it.project);
    let user = super::context::who(event, Some(it)).and_then(|ix| cloud.users.get(ix as usize));
    let addresses: Vec<Value> = it.nic.iter().map(|nic| {
        object("IpPayload", "1.0", json!({
            "label": project.network_name(), "mac": mac(nic.port), "meta": {}, "port_uuid": nic.port, "version": 4,
            "address": project.address(nic.address),
            "device_name": format!("tap{}", &nic.port.to_string()[..11]),
        }))
    }).collect();
    let mut data = json!({
        "uuid": it.id,
        "user_id": cloud.user(it.user).id.simple().to_string(),
        "tenant_id": project.id.simple().to_string(),
        "reservation_id": reservation(it),
        "display_name": &*it.name,
        "display_description": it.extra.as_ref().and_then(|extra| extra.description.as_deref()),
        "host_name": &*it.name,
        "host": host, "node": host,
        "os_type": null, "architecture": null,
        "availability_zone": zone(cloud, event, it),
        "flavor": flavor_object(cloud.flavor(it.flavor)),
        "image_uuid": image_of(cloud, it),
        "key_name": it.extra.as_ref().and_then(|extra| extra.key_name.as_deref()),
        "kernel_id": "", "ramdisk_id": "",
        "created_at": it.created.zulu(),
        "launched_at": it.launched.map(|at| at.zulu()),
        "terminated_at": it.terminated.map(|at| at.zulu()),
        "deleted_at": it.terminated.map(|at| at.zulu()),
        "updated_at": it.updated.zulu(),
        "state": state,
        "power_state": power(it.power),
        "task_state": task,
        "progress": 0,
        "ip_addresses": addresses,
        "block_devices": [],
        "metadata": metadata(it),
        "locked": it.locked,
        "auto_disk_config": "MANUAL",
        "request_id": event.request.map(|id| format!("req-{id}")),
        "action_initiator_user": user.map(|user| user.id.simple().to_string()),
        "action_initiator_project": user.map(|user| cloud.project(user.project).id.simple().to_string()),
        "locked_reason": it.extra.as_ref().and_then(|extra| extra.locked_reason.as_deref()),
    });
    let (name, version) = match notice.about {
        About::Update => {
            let (old, old_task) = old_states(event, it);
            data["state_update"] = object(
                "InstanceStateUpdatePayload",
                "1.0",
                json!({"old_state": old, "state": state, "old_task_state": old_task, "new_task_state": task}),
            );
            data["audit_period"] = object(
                "AuditPeriodPayload",
                "1.0",
                json!({"audit_period_beginning": hour(event).zulu(), "audit_period_ending": event.at.zulu()}),
            );
            data["old_display_name"] = Value::Null;
            data["tags"] = json!([]);
            ("InstanceUpdatePayload", "2.0")
        }
        About::Instance(_, "create") => {
            data["keypairs"] = json!([]);
            data["tags"] = json!([]);
            data["trusted_image_certificates"] = Value::Null;
            data["instance_name"] = json!(format!("instance-{:08x}", it.number));
            data["fault"] = fault(notice, it);
            ("InstanceCreatePayload", "1.12")
        }
        _ => {
            data["fault"] = fault(notice, it);
            ("InstanceActionPayload", "1.8")
        }
    };
    object(name, version, data)
}

fn fault(notice: &Notice, it: &Instance) -> Value {
    match it.fault().filter(|_| notice.phase == "error") {
        Some(fault) => object(
            "ExceptionPayload",
            "1.1",
            json!({
                "module_name": "nova.compute.manager", "function_name": "_do_build_and_run_instance",
                "exception": "BuildAbortException", "exception_message": fault.message,
                "traceback": fault.details,
            }),
        ),
        None => Value::Null,
    }
}
