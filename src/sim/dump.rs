//! What the simulator itself says it holds, for tests: its own names, written from its own rows, past all that
//! the HTTP front does with them.

use serde_json::{Map, Value, json};

use super::cloud::{Cloud, Event, FLAVORS, Host, Instance, last_report};
use super::random::derived;
use super::story::World;
use super::time::{MINUTE, Time};

pub fn cloud(world: &World, now: Time) -> Value {
    let cloud = &world.cloud;
    json!({
        "now": now.zulu(),
        "region": cloud.region,
        "zones": cloud.zones,
        "controllers": cloud.controllers.iter().map(|c| json!({
            "name": &*c.name, "scheduler": c.scheduler, "conductor": c.conductor,
            "scheduler_reported": last_report(now, c.number).micro(),
            "conductor_reported": last_report(now, c.number + 1).micro(),
            "cinder_reported": last_report(now, c.number / 2).micro(),
        })).collect::<Vec<_>>(),
        "flavors": FLAVORS.iter().map(|f| json!({
            "id": f.id, "name": f.name, "vcpus": f.vcpus, "ram": f.ram, "disk": f.disk,
            "extra_specs": f.extra_specs.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect::<Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "hosts": hosts(cloud, now),
        "aggregates": cloud.aggregates.iter().map(|a| json!({
            "number": a.number, "id": a.id, "name": &*a.name,
            "zone": a.zone.and_then(|zone| cloud.zones.get(usize::from(zone))),
            "hosts": a.hosts.iter().map(|&h| &*cloud.host(h).name).collect::<Vec<_>>(),
            "metadata": a.metadata.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect::<Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "projects": cloud.projects.iter().map(|p| json!({
            "id": p.id.simple().to_string(), "name": &*p.name, "description": p.description,
            "quota": p.quota, "used": p.used, "user": &*cloud.user(p.user).name,
            "network": p.network.map(|_| json!({
                "id": p.network_id(), "name": p.network_name(), "subnet": p.subnet_id(), "cidr": p.cidr(),
                "router": p.router_id(), "leased": p.leased(), "gateway": p.address(1),
                "first": p.address(2), "last": p.address(4_094),
                "outside": super::cloud::public(10 + p.network.unwrap_or(0)),
                "groups": {
                    "default": derived(p.id, "security group default"),
                    "web": derived(p.id, "security group web"),
                },
            })),
        })).collect::<Vec<_>>(),
        "users": cloud.users.iter().map(|u| json!({
            "id": u.id.simple().to_string(), "name": &*u.name, "role": u.role.name(),
            "project": &*cloud.project(u.project).name,
        })).collect::<Vec<_>>(),
        "images": cloud.images.iter().filter(|i| !i.deleted).map(|i| json!({
            "id": i.id, "name": &*i.name, "status": i.status(), "public": i.public, "size": i.size,
            "checksum": i.checksum(), "hash": i.hash(),
            "owner": &*cloud.project(i.owner).name,
        })).collect::<Vec<_>>(),
        "instances": cloud.instances.youngest_first(None).map(|(_, it)| instance(cloud, it)).collect::<Vec<_>>(),
        "floating_ips": cloud.floating.iter().map(|f| json!({
            "id": f.id, "address": f.address(), "project": &*cloud.project(f.project).name,
            "instance": f.slot.and_then(|slot| cloud.instances.at(slot)).map(|it| it.id),
        })).collect::<Vec<_>>(),
        "backends": cloud.backends.iter().enumerate().map(|(n, b)| json!({
            "service": b.service(), "pool": b.pool(), "capacity": b.capacity, "provisioned": b.provisioned,
            "reported": b.reported(now, n as u32).micro(), "up": b.is_up(now, n as u32),
        })).collect::<Vec<_>>(),
        "volumes": cloud.volumes.iter().filter(|v| !v.deleted).map(|v| json!({
            "id": v.id, "name": &*v.name, "size": v.size, "status": v.status(), "bootable": v.bootable,
            "type": super::cloud::VOLUME_TYPES[usize::from(v.kind)],
            "project": &*cloud.project(v.project).name, "attached": v.attached,
            "attachment": derived(v.id, "attachment"), "updated": v.updated.micro(),
        })).collect::<Vec<_>>(),
        "snapshots": cloud.snapshots.iter().map(|s| json!({
            "id": s.id, "name": &*s.name, "size": s.size, "project": &*cloud.project(s.project).name,
            "volume": cloud.volumes.get(s.volume as usize).map(|v| v.id), "created": s.created.micro(),
            // The volume itself may be gone.
            "type": cloud.volumes.get(s.volume as usize).map(|v| super::cloud::VOLUME_TYPES[usize::from(v.kind)]),
        })).collect::<Vec<_>>(),
        "migrations": cloud.migrations.iter().map(|m| json!({
            "number": m.number, "id": m.id, "instance": m.instance, "kind": m.kind,
            "status": m.progress.as_str(), "from": &*cloud.host(m.from).name, "to": &*cloud.host(m.to).name,
            "old_flavor": cloud.flavor(m.old_flavor).name, "new_flavor": cloud.flavor(m.new_flavor).name,
            "created": m.created.micro(), "updated": m.updated.micro(),
        })).collect::<Vec<_>>(),
        "ports": cloud.ports.len(),
        "public": {
            "network": cloud.derived("public network"), "subnet": cloud.derived("public subnet"),
            "cidr": "198.18.0.0/16", "gateway": "198.18.0.1", "first": "198.18.0.2", "last": "198.18.255.254",
        },
        "agents": agents(cloud, now),
        "volume_types": super::cloud::VOLUME_TYPES.iter().enumerate().map(|(n, name)| json!({
            "id": cloud.derived(&format!("volume type {n}")), "name": name,
        })).collect::<Vec<_>>(),
        "services": SERVICES.iter().map(|(name, kind)| json!({
            "id": cloud.derived(&format!("service {name}")).simple().to_string(), "name": name, "type": kind,
        })).collect::<Vec<_>>(),
    })
}

fn hosts(cloud: &Cloud, now: Time) -> Vec<Value> {
    cloud
        .hosts
        .iter()
        .map(|h| {
            json!({
                "id": h.id, "service": h.service, "name": &*h.name, "number": h.number,
                "zone": cloud.zone_of(h), "address": h.address(),
                "size": h.size, "used": h.used, "leaked": h.leaked, "guests": h.guests,
                "ratio": {"vcpus": h.ratio_cpu, "ram": h.ratio_ram},
                "generation": h.generation, "reported": h.reported(now).micro(),
                "up": h.is_up(now), "enabled": h.enabled, "disabled_reason": h.disabled_reason,
                "listens": h.listens, "backlog": h.backlog, "uptime": uptime(h, now),
            })
        })
        .collect()
}

/// As the CLI takes a host's `uptime` apart.
fn uptime(host: &Host, now: Time) -> Value {
    let minutes = now.since(host.booted).max(0) / MINUTE;
    let load = f64::from(host.used.vcpus) / f64::from(host.size.vcpus.max(1)) * 2.0;
    json!({
        "clock": now.spaced().to_string().split(' ').nth(1),
        "up": format!("{} days, {:2}:{:02}", minutes / 1_440, minutes / 60 % 24, minutes % 60),
        "load": format!("{load:.2}, {:.2}, {:.2}", load * 0.97, load * 0.95),
    })
}

const SERVICES: [(&str, &str); 6] = [
    ("nova", "compute"),
    ("keystone", "identity"),
    ("cinderv3", "volumev3"),
    ("neutron", "network"),
    ("placement", "placement"),
    ("glance", "image"),
];

fn agents(cloud: &Cloud, now: Time) -> Vec<Value> {
    let kinds = [
        ("L3 agent", "neutron-l3-agent", Some("nova")),
        ("DHCP agent", "neutron-dhcp-agent", Some("nova")),
        ("Metadata agent", "neutron-metadata-agent", None),
        ("Open vSwitch agent", "neutron-openvswitch-agent", None),
    ];
    let of_controllers = cloud.controllers.iter().flat_map(|controller| {
        kinds.map(|(kind, binary, zone)| {
            json!({
                "id": cloud.derived(&format!("{binary} {}", controller.name)), "type": kind, "binary": binary,
                "host": &*controller.name, "zone": zone, "alive": true,
            })
        })
    });
    let of_hosts = cloud.hosts.iter().map(|host| {
        json!({
            "id": derived(host.id, "agent"), "type": kinds[3].0, "binary": kinds[3].1, "host": &*host.name,
            "zone": null, "alive": now.since(host.reported(now)) <= 75_000,
        })
    });
    of_controllers.chain(of_hosts).collect()
}

fn instance(cloud: &Cloud, it: &Instance) -> Value {
    let floating = it.nic.and_then(|nic| nic.floating).and_then(|ix| cloud.floating.get(ix as usize));
    json!({
        "id": it.id,
        "name": &*it.name,
        "status": it.status(),
        "vm_state": it.vm_state.as_str(),
        "task_state": it.task_state.map(super::cloud::TaskState::as_str),
        "power": it.power as u8,
        "host": it.host.map(|host| &*cloud.host(host).name),
        "project": &*cloud.project(it.project).name,
        "user": &*cloud.user(it.user).name,
        "flavor": cloud.flavor(it.flavor).name,
        "image": it.image.and_then(|image| cloud.images.get(usize::from(image))).map(|image| &*image.name),
        "locked": it.locked,
        "created": it.created.zulu(),
        "updated": it.updated.zulu(),
        "launched": it.launched.map(|at| at.zulu()),
        "terminated": it.terminated.map(|at| at.zulu()),
        "metadata": it.extra.iter().flat_map(|extra| &extra.metadata)
            .map(|(k, v)| (k.to_string(), json!(v))).collect::<Map<_, _>>(),
        "port": it.nic.map(|nic| nic.port),
        "address": it.nic.map(|nic| cloud.project(it.project).address(nic.address)),
        "floating": floating.map(super::cloud::Floating::address),
        "volumes": it.volumes().iter().filter_map(|&ix| cloud.volumes.get(ix as usize)).map(|v| v.id).collect::<Vec<_>>(),
        "fault": it.fault().map(|fault| &fault.message),
        "actions": it.acts().iter().map(|act| json!({
            "action": act.name, "request": format!("req-{}", act.request), "failed": act.failed,
            "start": act.start.micro(),
        })).collect::<Vec<_>>(),
    })
}

/// Events with a number above `after`.
pub fn events(world: &World, after: u64) -> Value {
    let rows: Vec<Value> =
        world.events().filter(|event| event.number > after).map(|e| event(&world.cloud, e)).collect();
    json!({"events": rows})
}

fn event(cloud: &Cloud, event: &Event) -> Value {
    let mut row = json!(event.kind);
    row["number"] = json!(event.number);
    row["at"] = json!(event.at.zulu());
    row["request"] = json!(event.request.map(|id| format!("req-{id}")));
    row["instance"] = json!(event.instance);
    row["host"] = json!(event.host.and_then(|ix| cloud.hosts.get(ix as usize)).map(|host| &*host.name));
    row
}
