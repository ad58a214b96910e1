//! Hypervisors: nova's figures, the compute service behind each, and Placement's limits.

use jiff::Timestamp;

use crate::health::hypervisor as health;
use crate::model::{Hypervisor, Inventory, Queue, ResourceClass, ServiceState, ServiceStatus};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Column, Slot, Table, Value, column};
use crate::ui::format;

/// Instances are not among them: a list of hosts alone is not worth reading 100,000 servers.
pub const READS: &[Topic] = &[Topic::Hypervisors, Topic::Services, Topic::Aggregates, Topic::Providers];

pub const TABLE: Table<Store> = Table {
    name: "hypervisors",
    columns: COLUMNS,
    slots: |store| &store.hypervisors,
    sort: ("trouble", true),
    words,
};

fn words(store: &Store, slot: Slot, column: &str, now: Timestamp) -> Option<String> {
    let row = store.hypervisors.get(slot)?;
    match column {
        "state" => Some(state_words(store, row, now)),
        "queue_ready" => Some(queue_words(store, row)),
        "vcpu_ratio" => {
            let (used, total) = (row.vcpus_used?, row.vcpus.filter(|n| *n > 0)?);
            Some(format!("{:.1}:1", used as f64 / total as f64))
        }
        "local_gb_used" => Some(Use::of(store, row, column)?.percent()),
        _ => {
            let (used, limit) = Use::of(store, row, column)?.figures();
            Some(format!("{used}/{limit}"))
        }
    }
}

/// What of a resource is in use, against what the scheduler may give.
pub struct Use {
    /// In the resource's own unit (MiB, GiB), with the host's reservation in it, as nova counts.
    pub used: Option<u64>,
    /// Without the reservation; unknown until Placement was read.
    pub limit: Option<f64>,
    /// What nova counts as used and the limit leaves out.
    reserved: u64,
    /// Units of the resource in one unit on screen.
    unit: f64,
}

impl Use {
    /// The use that stands in this column, if there is one in it.
    pub fn of(store: &Store, row: &Hypervisor, column: &str) -> Option<Self> {
        let (class, used, unit) = match column {
            "vcpus_used" => (ResourceClass::Vcpu, row.vcpus_used, 1.0),
            "memory_mb_used" => (ResourceClass::MemoryMb, row.memory_mb_used, 1024.0),
            "local_gb_used" => (ResourceClass::DiskGb, row.local_gb_used, 1.0),
            _ => return None,
        };
        let inventory = inventory(store, row, class);
        // nova counts reserved memory as used, and no other reservation (operations.md, 2.3 C06).
        let reserved = inventory.filter(|_| class == ResourceClass::MemoryMb).map_or(0, |i| i.reserved);
        Some(Self { used, limit: capacity(store, row, class), reserved, unit })
    }

    /// Used without the reservation: what counts against the limit.
    pub fn counted(&self) -> Option<f64> {
        self.used.map(|used| used.saturating_sub(self.reserved) as f64)
    }

    /// Used (without the reservation) and limit, in the unit on screen.
    pub fn figures(&self) -> (String, String) {
        let show = |n: Option<f64>| n.map_or_else(|| "?".to_owned(), |n| self.in_unit(n));
        (show(self.counted()), show(self.limit))
    }

    /// A figure of the resource in the unit on screen: whole, or with one decimal where the unit is larger.
    pub fn in_unit(&self, n: f64) -> String {
        if self.unit == 1.0 { format!("{n:.0}") } else { format!("{:.1}", n / self.unit) }
    }

    pub fn percent(&self) -> String {
        match (self.counted(), self.limit) {
            (Some(used), Some(limit)) if limit > 0.0 => format!("{:.0}%", used / limit * 100.0),
            _ => "?".to_owned(),
        }
    }
}

/// `up`, `down 7m`, `disabled`: the state, and since when nova has not heard from it.
pub fn state_words(store: &Store, row: &Hypervisor, now: Timestamp) -> String {
    let service = store.compute_service(&row.host);
    if service.is_some_and(|service| service.forced_down) {
        return "forced down".to_owned();
    }
    let silent = service
        .and_then(|service| service.updated_at)
        .map(|at| format!(" {}", format::duration(now.duration_since(at))))
        .unwrap_or_default();
    match (state(store, row), status(store, row)) {
        (ServiceState::Down, ServiceStatus::Disabled) => format!("down{silent}, dis."),
        (ServiceState::Down, _) => format!("down{silent}"),
        (ServiceState::Up, ServiceStatus::Disabled) => "disabled".to_owned(),
        (ServiceState::Up, _) => "up".to_owned(),
        (ServiceState::Unknown, _) => "?".to_owned(),
    }
}

/// What a broker said before it fell silent is not said of a host as if it were so now.
fn is_told(store: &Store) -> bool {
    let fresh = store.freshness(Topic::Queues);
    fresh.as_of.is_some() && fresh.outage.is_none()
}

fn queue<'a>(store: &'a Store, row: &Hypervisor) -> Option<&'a Queue> {
    store.compute_queue(row).filter(|_| is_told(store))
}

/// `ok`, `41 wait`, `0 cons`: whether nova-compute takes its work from the bus.
fn queue_words(store: &Store, row: &Hypervisor) -> String {
    match queue(store, row) {
        None if is_told(store) => "none".to_owned(),
        None => "?".to_owned(),
        Some(queue) => match (queue.consumers, queue.ready) {
            (Some(0), _) => "0 cons".to_owned(),
            (Some(_), Some(0)) => "ok".to_owned(),
            (_, Some(n)) => format!("{} wait", format::number(n as i64)),
            (_, None) => "?".to_owned(),
        },
    }
}

/// A cell of the row at `slot`; a slot without a row has no facts.
fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Hypervisor) -> Value<'a>) -> Value<'a> {
    store.hypervisors.get(slot).map_or(Value::Unknown, f)
}

/// The state that counts: the service list is read more often than the hypervisors.
pub fn state(store: &Store, row: &Hypervisor) -> ServiceState {
    store.compute_service(&row.host).map_or(row.state, |service| service.state)
}

pub fn status(store: &Store, row: &Hypervisor) -> ServiceStatus {
    store.compute_service(&row.host).map_or(row.status, |service| service.status)
}

/// Placement's inventory of a hypervisor, once read.
pub fn inventory(store: &Store, row: &Hypervisor, class: ResourceClass) -> Option<Inventory> {
    store.provider_of(row)?.inventory(class)
}

/// What the scheduler may hand out on a hypervisor, once Placement was read.
fn capacity(store: &Store, row: &Hypervisor, class: ResourceClass) -> Option<f64> {
    store.provider_of(row)?.capacity(class)
}

fn limit<'a>(store: &'a Store, row: &'a Hypervisor, class: ResourceClass) -> Value<'a> {
    capacity(store, row, class).map_or(Value::Unknown, |n| Value::Int(n as i64))
}

fn allocation_ratio<'a>(store: &'a Store, row: &'a Hypervisor, class: ResourceClass) -> Value<'a> {
    inventory(store, row, class).map_or(Value::Unknown, |i| Value::Float(i.allocation_ratio))
}

fn ratio<'a>(used: Option<u64>, total: Option<u64>) -> Value<'a> {
    match (used, total) {
        (Some(used), Some(total)) if total > 0 => {
            // Two decimals: a ratio is read, not calculated with.
            Value::Float((used as f64 / total as f64 * 100.0).round() / 100.0)
        }
        _ => Value::Unknown,
    }
}

const NOVA: &str = "nova GET /os-hypervisors/detail";
const SERVICES: &str = "nova GET /os-services, else /os-hypervisors/detail";
const INVENTORIES: &str = "placement GET /resource_providers/{id}/inventories";
const QUEUE: &str = "rabbitmq GET /api/queues, of compute.HOST; on screen only";
const USAGES: &str = "placement GET /resource_providers/{id}/usages";

const COLUMNS: &[Column<Store>] = &[
    column!(
        "host",
        "HOST",
        "",
        "nova GET /os-hypervisors/detail service.host",
        Left,
        (8, 40),
        0,
        |s, slot| { cell(s, slot, |h| Value::text(&*h.host)) }
    ),
    column!("hypervisor_hostname", "HYPERVISOR", "", NOVA, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::text(&*h.hypervisor_hostname))
    }),
    column!("zone", "ZONE", "", "nova GET /os-services zone", Left, (4, 16), 5, |s, slot| {
        cell(s, slot, |h| match s.compute_service(&h.host) {
            Some(service) => Value::maybe(service.zone.as_ref()),
            None => Value::Unknown,
        })
    }),
    column!("aggregates", "AGGREGATES", "", "nova GET /os-aggregates", Left, (10, 28), 8, |s, slot| {
        cell(s, slot, |h| match s.freshness(Topic::Aggregates).as_of {
            None => Value::Unknown,
            Some(_) => {
                let names = s.aggregates_of(&h.host);
                match names {
                    [] => Value::Absent,
                    _ => Value::List(names.iter().map(|n| (&**n).into()).collect()),
                }
            }
        })
    }),
    column!("state", "STATE", "up, down", SERVICES, Left, (7, 16), 1, |s, slot| {
        cell(s, slot, |h| match state(s, h) {
            ServiceState::Unknown => Value::Unknown,
            state => Value::text(state.as_str()),
        })
    }),
    column!("status", "STATUS", "enabled, disabled", SERVICES, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| match status(s, h) {
            ServiceStatus::Unknown => Value::Unknown,
            status => Value::text(status.as_str()),
        })
    }),
    column!("disabled_reason", "REASON", "", SERVICES, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| health::disabled_reason(s, h).map_or(Value::Absent, Value::text))
    }),
    column!(
        "last_seen",
        "SEEN",
        "RFC 3339, UTC",
        "nova GET /os-services updated_at",
        Right,
        (4, 6),
        7,
        |s, slot| {
            cell(s, slot, |h| {
                s.compute_service(&h.host).and_then(|v| v.updated_at).map_or(Value::Unknown, Value::Time)
            })
        }
    ),
    column!(
        "vms",
        "VMS",
        "instances",
        "derived: instances on this node; nova's running_vms until they are read",
        Right,
        (4, 6),
        2,
        |s, slot| {
            cell(s, slot, |h| match s.freshness(Topic::Instances) {
                fresh if fresh.as_of.is_some() && fresh.limit.is_none() => {
                    Value::Int(s.instance_count_on(h) as i64)
                }
                _ => Value::int(h.running_vms),
            })
        }
    ),
    column!("vcpus", "CPUS", "threads", NOVA, Right, (0, 0), 99, |s, slot| cell(s, slot, |h| Value::int(
        h.vcpus
    ))),
    column!("vcpus_used", "vCPU  used/limit", "vCPUs", NOVA, Right, (18, 26), 3, |s, slot| {
        cell(s, slot, |h| Value::int(h.vcpus_used))
    }),
    column!(
        "vcpu_limit",
        "vCPU LIMIT",
        "vCPUs",
        "derived: (total - reserved) * allocation_ratio of VCPU and of PCPU",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |h| limit(s, h, ResourceClass::Vcpu)) }
    ),
    column!("vcpu_allocation_ratio", "vCPU RATIO SET", "", INVENTORIES, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| allocation_ratio(s, h, ResourceClass::Vcpu))
    }),
    column!("vcpu_ratio", "RATIO", "", "derived: vcpus_used / vcpus", Right, (7, 8), 6, |s, slot| {
        cell(s, slot, |h| ratio(h.vcpus_used, h.vcpus))
    }),
    column!("memory_mb", "RAM MiB", "MiB", NOVA, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::int(h.memory_mb))
    }),
    column!(
        "memory_mb_used",
        "RAM GiB used/limit",
        "MiB, with the host's reservation",
        NOVA,
        Right,
        (18, 26),
        4,
        |s, slot| { cell(s, slot, |h| Value::int(h.memory_mb_used)) }
    ),
    column!(
        "memory_limit_mb",
        "RAM LIMIT",
        "MiB",
        "derived: (total - reserved) * allocation_ratio of MEMORY_MB",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |h| limit(s, h, ResourceClass::MemoryMb)) }
    ),
    column!("memory_allocation_ratio", "RAM RATIO SET", "", INVENTORIES, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| allocation_ratio(s, h, ResourceClass::MemoryMb))
    }),
    column!(
        "memory_ratio",
        "RAM RATIO",
        "",
        "derived: memory_mb_used / memory_mb",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |h| ratio(h.memory_mb_used, h.memory_mb)) }
    ),
    column!("local_gb", "DISK GiB", "GiB", NOVA, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::int(h.local_gb))
    }),
    column!("local_gb_used", "DISK", "GiB", NOVA, Right, (8, 12), 9, |s, slot| {
        cell(s, slot, |h| Value::int(h.local_gb_used))
    }),
    column!("queue_ready", "QUEUE", "messages", QUEUE, Left, (5, 9), 10, |s, slot| {
        cell(s, slot, |h| Value::int(queue(s, h).and_then(|queue| queue.ready)))
    }),
    column!("queue_consumers", "CONSUMERS", "", QUEUE, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::int(queue(s, h).and_then(|queue| queue.consumers)))
    }),
    column!(
        "disk_limit_gb",
        "DISK LIMIT",
        "GiB",
        "derived: (total - reserved) * allocation_ratio of DISK_GB",
        Right,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |h| limit(s, h, ResourceClass::DiskGb)) }
    ),
    column!(
        "placement_vcpus_used",
        "PLACEMENT vCPU",
        "vCPUs, VCPU and PCPU",
        USAGES,
        Right,
        (0, 0),
        99,
        |s, slot| {
            cell(s, slot, |h| {
                let Some(provider) = s.provider_of(h).filter(|p| p.usages.is_some()) else {
                    return Value::Unknown;
                };
                Value::int(Some(
                    provider.usage(ResourceClass::Vcpu).unwrap_or(0)
                        + provider.usage(ResourceClass::Pcpu).unwrap_or(0),
                ))
            })
        }
    ),
    column!("placement_memory_mb_used", "PLACEMENT RAM", "MiB", USAGES, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| {
            let Some(provider) = s.provider_of(h).filter(|p| p.usages.is_some()) else {
                return Value::Unknown;
            };
            Value::int(Some(provider.usage(ResourceClass::MemoryMb).unwrap_or(0)))
        })
    }),
    column!(
        "placement_as_of",
        "PLACEMENT",
        "RFC 3339, UTC",
        "derived: when Placement's usages of it were read",
        Right,
        (9, 9),
        10,
        |s, slot| {
            cell(s, slot, |h| {
                s.provider_of(h)
                    .and_then(|p| p.usages.as_ref())
                    .map_or(Value::Unknown, |(at, _)| Value::Time(*at))
            })
        }
    ),
    column!(
        "drifted",
        "DRIFT",
        "",
        "derived: nova and Placement disagree over two readings",
        Left,
        (0, 0),
        99,
        |s, slot| {
            cell(s, slot, |h| match s.provider_of(h).and_then(|p| p.usages.as_ref()) {
                None => Value::Unknown,
                Some(_) => Value::Bool(s.drifted(h)),
            })
        }
    ),
    column!("forced_down", "FORCED DOWN", "", "nova GET /os-services", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| s.compute_service(&h.host).map_or(Value::Unknown, |v| Value::Bool(v.forced_down)))
    }),
    column!("host_ip", "IP", "", NOVA, Left, (0, 0), 99, |s, slot| cell(s, slot, |h| Value::maybe(
        h.host_ip.as_ref()
    ))),
    column!("hypervisor_type", "TYPE", "", NOVA, Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::text(&*h.hypervisor_type))
    }),
    column!("hypervisor_version", "VERSION", "", NOVA, Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::int(h.hypervisor_version))
    }),
    column!(
        "cpu_model",
        "CPU",
        "",
        "nova GET /os-hypervisors/detail cpu_info.model",
        Left,
        (0, 0),
        99,
        |s, slot| { cell(s, slot, |h| Value::maybe(h.cpu_model.as_ref())) }
    ),
    column!("id", "ID", "", NOVA, Left, (0, 0), 99, |s, slot| cell(s, slot, |h| Value::text(&*h.id))),
    column!("trouble", "TROUBLE", "0 ok … 6 critical", "derived: health", Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::Int(health::verdict(s, h) as i64))
    }),
    column!("verdict", "VERDICT", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |h| Value::text(health::verdict(s, h).as_str()))
    }),
];
