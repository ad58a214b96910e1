//! What the simulator itself says it holds, for tests: its own names, written from its own rows, past all that
//! the HTTP front does with them.

use serde_json::{Map, Value, json};

use super::cloud::{Cloud, Event, FLAVORS, Instance};
use super::story::World;
use super::time::Time;

pub fn cloud(world: &World, now: Time) -> Value {
    let cloud = &world.cloud;
    json!({
        "now": now.zulu(),
        "region": cloud.region,
        "zones": cloud.zones,
        "controllers": cloud.controllers.iter().map(|c| json!({
            "name": &*c.name, "scheduler": c.scheduler, "conductor": c.conductor,
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
        })).collect::<Vec<_>>(),
        "projects": cloud.projects.iter().map(|p| json!({
            "id": p.id.simple().to_string(), "name": &*p.name, "description": p.description,
            "quota": p.quota, "used": p.used, "user": &*cloud.user(p.user).name,
            "network": p.network.map(|_| json!({
                "id": p.network_id(), "name": p.network_name(), "subnet": p.subnet_id(), "cidr": p.cidr(),
                "router": p.router_id(), "leased": p.leased(),
            })),
        })).collect::<Vec<_>>(),
        "users": cloud.users.iter().map(|u| json!({
            "id": u.id.simple().to_string(), "name": &*u.name, "role": u.role.name(),
            "project": &*cloud.project(u.project).name,
        })).collect::<Vec<_>>(),
        "images": cloud.images.iter().filter(|i| !i.deleted).map(|i| json!({
            "id": i.id, "name": &*i.name, "status": i.status(), "public": i.public, "size": i.size,
            "owner": &*cloud.project(i.owner).name,
        })).collect::<Vec<_>>(),
        "instances": cloud.instances.youngest_first(None).map(|(_, it)| instance(cloud, it)).collect::<Vec<_>>(),
        "floating_ips": cloud.floating.iter().map(|f| json!({
            "id": f.id, "address": f.address(), "project": &*cloud.project(f.project).name,
            "instance": f.slot.and_then(|slot| cloud.instances.at(slot)).map(|it| it.id),
        })).collect::<Vec<_>>(),
        "backends": cloud.backends.iter().map(|b| json!({
            "service": b.service(), "pool": b.pool(), "capacity": b.capacity, "provisioned": b.provisioned,
            "silent": b.silent.map(|at| at.zulu()),
        })).collect::<Vec<_>>(),
        "volumes": cloud.volumes.iter().filter(|v| !v.deleted).map(|v| json!({
            "id": v.id, "name": &*v.name, "size": v.size, "status": v.status(), "bootable": v.bootable,
            "type": super::cloud::VOLUME_TYPES[usize::from(v.kind)],
            "project": &*cloud.project(v.project).name, "attached": v.attached,
        })).collect::<Vec<_>>(),
        "snapshots": cloud.snapshots.iter().map(|s| json!({
            "id": s.id, "name": &*s.name, "size": s.size, "project": &*cloud.project(s.project).name,
        })).collect::<Vec<_>>(),
        "migrations": cloud.migrations.iter().map(|m| json!({
            "number": m.number, "id": m.id, "instance": m.instance, "kind": m.kind,
            "status": m.progress.as_str(), "from": &*cloud.host(m.from).name, "to": &*cloud.host(m.to).name,
        })).collect::<Vec<_>>(),
        "ports": cloud.ports.len(),
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
                "up": h.is_up(now), "enabled": h.enabled, "disabled_reason": h.disabled_reason,
                "listens": h.listens, "backlog": h.backlog,
            })
        })
        .collect()
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
        "port": it.nic.map(|nic| nic.port),
        "address": it.nic.map(|nic| cloud.project(it.project).address(nic.address)),
        "floating": floating.map(super::cloud::Floating::address),
        "volumes": it.volumes().iter().filter_map(|&ix| cloud.volumes.get(ix as usize)).map(|v| v.id).collect::<Vec<_>>(),
        "fault": it.fault().map(|fault| &fault.message),
        "actions": it.acts().iter().map(|act| json!({
            "action": act.name, "request": format!("req-{}", act.request), "failed": act.failed,
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
