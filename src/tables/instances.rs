//! Instances of all projects.

use jiff::Timestamp;

use crate::health::instance as health;
use crate::model::{AddressKind, Instance, PowerState};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Column, Items, Slot, Table, Value, column};
use crate::ui::format;

pub const READS: &[Topic] = &[Topic::Instances, Topic::Projects];

pub const TABLE: Table<Store> = Table {
    name: "instances",
    columns: COLUMNS,
    slots: |store| &store.instances,
    sort: ("trouble", true),
    words,
};

fn words(store: &Store, slot: Slot, column: &str, now: Timestamp) -> Option<String> {
    let row = store.instances.get(slot)?;
    match column {
        "task_state" => {
            let task = row.task_state.as_ref()?;
            let age = store.task_since(slot).map(|at| format::duration(now.duration_since(at)));
            Some(age.map_or_else(|| task.to_string(), |age| format!("{task} {age}")))
        }
        _ => None,
    }
}

/// Verdict first; of those that failed the last one stands above: what is old has been seen.
fn trouble(row: &Instance) -> f64 {
    // Seconds since 1970 have ten digits for 240 years to come.
    let failed = health::failed_at(row).map_or(0.0, |at| at.as_second() as f64 / 1e10);
    f64::from(health::verdict(row) as u8) + failed.clamp(0.0, 0.9)
}

/// A cell of the row at `slot`. A down cell's bare row knows its id, project and creation only.
fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Instance) -> Value<'a>) -> Value<'a> {
    store.instances.get(slot).map_or(Value::Unknown, f)
}

fn known<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Instance) -> Value<'a>) -> Value<'a> {
    cell(store, slot, |i| if i.is_bare() { Value::Unknown } else { f(i) })
}

fn addresses(instance: &Instance, kind: Option<AddressKind>) -> Value<'_> {
    let list: Items<'_> = instance
        .addresses
        .iter()
        .filter(|a| kind.is_none_or(|kind| a.kind == kind))
        .map(|a| (&*a.addr).into())
        .collect();
    if list.is_empty() { Value::Absent } else { Value::List(list) }
}

const NOVA: &str = "nova GET /servers/detail";
const FLAVOR: &str = "nova GET /servers/detail flavor (as built with)";

const COLUMNS: &[Column<Store>] = &[
    column!("name", "NAME", "", NOVA, Left, (16, 40), 0, |s, slot| known(s, slot, |i| Value::text(&*i.name))),
    column!("id", "ID", "UUID", NOVA, Left, (8, 8), 8, |s, slot| cell(s, slot, |i| Value::text(&*i.id))),
    column!("status", "STATUS", "", NOVA, Left, (13, 17), 1, |s, slot| cell(s, slot, |i| Value::text(
        &*i.status
    ))),
    column!(
        "vm_state",
        "VM STATE",
        "",
        "nova GET /servers/detail OS-EXT-STS:vm_state",
        Left,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |i| Value::maybe(i.vm_state.as_ref())) }
    ),
    column!(
        "task_state",
        "TASK",
        "",
        "nova GET /servers/detail OS-EXT-STS:task_state",
        Left,
        (4, 24),
        4,
        |s, slot| { known(s, slot, |i| Value::maybe(i.task_state.as_ref())) }
    ),
    column!(
        "task_since",
        "TASK SINCE",
        "RFC 3339, UTC",
        "derived: when the task state was first seen, or the last update before",
        Right,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |_| s.task_since(slot).map_or(Value::Absent, Value::Time)) }
    ),
    column!(
        "power_state",
        "POWER",
        "",
        "nova GET /servers/detail OS-EXT-STS:power_state",
        Left,
        (0, 0),
        99,
        |s, slot| {
            known(s, slot, |i| match i.power_state {
                PowerState::Unknown => Value::Unknown,
                state => Value::text(state.as_str()),
            })
        }
    ),
    column!(
        "project",
        "PROJECT",
        "",
        "keystone GET /v3/projects; the id where the project is gone",
        Left,
        (8, 24),
        3,
        |s, slot| {
            cell(s, slot, |i| {
                Value::text(s.projects.by_id(&i.project_id).map_or(&*i.project_id, |p| &*p.name))
            })
        }
    ),
    column!("project_id", "PROJECT ID", "", NOVA, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |i| Value::text(&*i.project_id))
    }),
    column!(
        "user",
        "USER",
        "",
        "keystone GET /v3/users/{id}, once asked for; else the id",
        Left,
        (0, 0),
        99,
        |s, slot| {
            known(s, slot, |i| match &i.user_id {
                None => Value::Unknown,
                Some(id) => Value::text(s.users.by_id(id).map_or(&**id, |u| &*u.name)),
            })
        }
    ),
    column!("user_id", "USER ID", "", NOVA, Left, (0, 0), 99, |s, slot| {
        known(s, slot, |i| i.user_id.as_deref().map_or(Value::Unknown, Value::text))
    }),
    column!(
        "host",
        "HOST",
        "",
        "nova GET /servers/detail OS-EXT-SRV-ATTR:host",
        Left,
        (5, 24),
        2,
        |s, slot| { known(s, slot, |i| Value::maybe(i.host.as_ref())) }
    ),
    column!(
        "hypervisor_hostname",
        "HYPERVISOR",
        "",
        "nova GET /servers/detail OS-EXT-SRV-ATTR:hypervisor_hostname",
        Left,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |i| Value::maybe(i.hypervisor_hostname.as_ref())) }
    ),
    column!(
        "instance_name",
        "LIBVIRT NAME",
        "",
        "nova GET /servers/detail OS-EXT-SRV-ATTR:instance_name",
        Left,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |i| Value::maybe(i.instance_name.as_ref())) }
    ),
    column!("flavor", "FLAVOR", "", FLAVOR, Left, (8, 20), 6, |s, slot| {
        known(s, slot, |i| i.flavor.as_ref().map_or(Value::Unknown, |f| Value::text(s.flavor_name(f))))
    }),
    column!("vcpus", "vCPU", "vCPUs", FLAVOR, Right, (4, 4), 9, |s, slot| {
        known(s, slot, |i| Value::int(i.flavor.as_ref().and_then(|f| f.vcpus).map(u64::from)))
    }),
    column!("ram", "RAM MiB", "MiB", FLAVOR, Right, (7, 8), 10, |s, slot| {
        known(s, slot, |i| Value::int(i.flavor.as_ref().and_then(|f| f.ram).map(u64::from)))
    }),
    column!("disk", "DISK GiB", "GiB", FLAVOR, Right, (0, 0), 99, |s, slot| {
        known(s, slot, |i| Value::int(i.flavor.as_ref().and_then(|f| f.disk).map(u64::from)))
    }),
    column!("image_id", "IMAGE ID", "", NOVA, Left, (0, 0), 99, |s, slot| {
        known(s, slot, |i| Value::maybe(i.image_id.as_ref()))
    }),
    column!(
        "image",
        "IMAGE",
        "",
        "glance GET /v2/images/{id}, once asked for; else the id; none: booted from a volume",
        Left,
        (0, 0),
        99,
        |s, slot| {
            known(s, slot, |i| match &i.image_id {
                None => Value::Absent,
                Some(id) => Value::text(s.images.by_id(id).map_or(&**id, |m| &*m.name)),
            })
        }
    ),
    column!("addresses", "IP", "", NOVA, Left, (15, 34), 7, |s, slot| known(s, slot, |i| addresses(i, None))),
    column!(
        "floating_ips",
        "FLOATING IP",
        "",
        "nova GET /servers/detail addresses OS-EXT-IPS:type floating",
        Left,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |i| addresses(i, Some(AddressKind::Floating))) }
    ),
    column!(
        "zone",
        "ZONE",
        "",
        "nova GET /servers/detail OS-EXT-AZ:availability_zone",
        Left,
        (4, 12),
        11,
        |s, slot| { known(s, slot, |i| Value::maybe(i.availability_zone.as_ref())) }
    ),
    column!("created", "AGE", "RFC 3339, UTC", NOVA, Right, (4, 5), 5, |s, slot| {
        cell(s, slot, |i| i.created.map_or(Value::Unknown, Value::Time))
    }),
    column!("updated", "UPDATED", "RFC 3339, UTC", NOVA, Right, (0, 0), 99, |s, slot| {
        known(s, slot, |i| i.updated.map_or(Value::Unknown, Value::Time))
    }),
    column!(
        "launched_at",
        "LAUNCHED",
        "RFC 3339, UTC",
        "nova GET /servers/detail OS-SRV-USG:launched_at",
        Right,
        (0, 0),
        99,
        |s, slot| { known(s, slot, |i| i.launched_at.map_or(Value::Absent, Value::Time)) }
    ),
    column!("host_status", "HOST STATUS", "", NOVA, Left, (0, 0), 99, |s, slot| {
        known(s, slot, |i| {
            i.host_status.as_ref().filter(|h| !h.is_empty()).map_or(Value::Absent, |h| Value::text(&**h))
        })
    }),
    column!("locked", "LOCKED", "", NOVA, Left, (0, 0), 99, |s, slot| known(s, slot, |i| Value::Bool(
        i.locked
    ))),
    column!("key_name", "KEY", "", NOVA, Left, (0, 0), 99, |s, slot| known(s, slot, |i| Value::maybe(
        i.key_name.as_ref()
    ))),
    column!(
        "fault",
        "FAULT",
        "",
        "nova GET /servers/{id} fault.message, asked of instances in ERROR, 100 a read",
        Left,
        (0, 0),
        99,
        |s, slot| {
            known(s, slot, |i| i.fault.as_ref().map_or(Value::Absent, |f| Value::text(&*f.message)))
        }
    ),
    column!("trouble", "TROUBLE", "0 ok … 6 critical", "derived: health", Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |i| Value::Int(health::verdict(i) as i64))
    })
    .sorted_by(|s, slot| cell(s, slot, |i| Value::Float(trouble(i)))),
    column!("verdict", "VERDICT", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |i| Value::text(health::verdict(i).as_str()))
    }),
];
