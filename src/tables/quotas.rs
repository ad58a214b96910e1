//! Projects with what they have of each resource, against their limits.

use jiff::Timestamp;

use crate::health::quota as health;
use crate::model::{Allowance, Limit, Named, QuotaService, Quotas};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Align, Column, Slot, Table, Value, column};

/// Instances are not among them: nova says what of them counts.
pub const READS: &[Topic] =
    &[Topic::Projects, Topic::NovaQuotas, Topic::CinderQuotas, Topic::NeutronQuotas, Topic::GlanceQuotas];

pub const TABLE: Table<Store> =
    Table { name: "quotas", columns: COLUMNS, slots: |store| &store.quotas, sort: ("nearest", true), words };

fn words(store: &Store, slot: Slot, column: &str, _: Timestamp) -> Option<String> {
    let row = store.quotas.get(slot)?;
    match column {
        "project" => Some(health::called(store, &row.id)),
        "nearest" => nearest_words(store, row),
        _ => {
            let resource = RESOURCES.iter().find(|resource| resource.column == column)?;
            Some(Cell::of(store, row, resource)?.figures())
        }
    }
}

/// `100% vCPU`: the resource that is nearest to its limit. The figure goes first: where there is little room, the name
/// is cut.
pub fn nearest_words(store: &Store, row: &Quotas) -> Option<String> {
    let (share, of) = health::nearest(store, row)?;
    Some(format!("{:>3}% {}", health::percent(share), health::label(of.service, of.resource)))
}

/// A resource that has a column.
#[derive(Debug)]
pub struct Resource {
    pub column: &'static str,
    pub service: QuotaService,
    /// As the service calls it.
    pub name: &'static str,
}

const fn resource(column: &'static str, service: QuotaService, name: &'static str) -> Resource {
    Resource { column, service, name }
}

use QuotaService::{Cinder, Neutron, Nova};

/// In the order of their columns.
pub const RESOURCES: &[Resource] = &[
    resource("instances", Nova, "instances"),
    resource("vcpu", Nova, "cores"),
    resource("ram", Nova, "ram"),
    resource("volumes", Cinder, "volumes"),
    resource("gigabytes", Cinder, "gigabytes"),
    resource("snapshots", Cinder, "snapshots"),
    resource("backups", Cinder, "backups"),
    resource("backup_gigabytes", Cinder, "backup_gigabytes"),
    resource("floating_ips", Neutron, "floatingip"),
    resource("ports", Neutron, "port"),
    resource("networks", Neutron, "network"),
    resource("subnets", Neutron, "subnet"),
    resource("routers", Neutron, "router"),
    resource("security_groups", Neutron, "security_group"),
    resource("security_group_rules", Neutron, "security_group_rule"),
    resource("server_groups", Nova, "server_groups"),
    resource("key_pairs", Nova, "key_pairs"),
];

/// What of a resource is in use, and what may be.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    resource: &'a Resource,
    /// Nobody counts what is in use (a user's keys), or the service is not there.
    pub counts: bool,
    pub in_use: Option<i64>,
    pub limit: Option<Limit>,
    pub reserved: i64,
}

impl<'a> Cell<'a> {
    /// `None`: the service is not there, and limits nobody.
    pub fn of(store: &Store, row: &Quotas, resource: &'a Resource) -> Option<Self> {
        if store.has_no_quotas(resource.service) {
            return None;
        }
        let allowance = row.find(resource.service, resource.name);
        Some(Self {
            resource,
            counts: allowance.is_none_or(|allowance| allowance.in_use.is_some()),
            in_use: store.in_use(row, resource.service, resource.name),
            limit: allowance.map(|allowance| allowance.limit),
            reserved: allowance.map_or(0, |allowance| allowance.reserved),
        })
    }

    /// `48/50`, `12/∞`; `?` for what is not known, `–` for what nobody counts.
    pub fn figures(&self) -> String {
        let amount = |n: i64| health::amount(self.resource.service, self.resource.name, n);
        let used = match self.in_use {
            Some(n) => amount(n),
            None if self.counts => "?".to_owned(),
            None => "–".to_owned(),
        };
        match self.limit {
            None if self.in_use.is_none() => "?".to_owned(),
            None => format!("{used}/?"),
            Some(Limit::Unlimited) => format!("{used}/∞"),
            Some(Limit::Of(limit)) => format!("{used}/{}", amount(limit as i64)),
        }
    }

    /// What is in use, and what is allowed, for a bar; none where there is no limit.
    pub fn bar(&self) -> (Option<f64>, Option<f64>) {
        let limit = match self.limit {
            Some(Limit::Of(limit)) => Some(limit as f64),
            _ => None,
        };
        (self.in_use.map(|n| (n.max(0) + self.reserved.max(0)) as f64), limit)
    }
}

/// A cell of the row at `slot`; a slot without a row has no facts.
fn cell<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Quotas) -> Value<'a>) -> Value<'a> {
    store.quotas.get(slot).map_or(Value::Unknown, f)
}

fn project<'a>(store: &'a Store, slot: Slot, f: impl FnOnce(&'a Named) -> Value<'a>) -> Value<'a> {
    let row = store.quotas.get(slot).and_then(|row| store.projects.by_id(&row.id));
    row.map_or(Value::Unknown, f)
}

fn domain<'a>(store: &'a Store, project: &'a Named) -> Value<'a> {
    let Some(id) = &project.domain_id else { return Value::Unknown };
    Value::text(store.domains.by_id(id).map_or(&**id, |domain| &*domain.name))
}

/// One resource's figure: unknown until its service was heard, absent where there is none.
fn figure<'a>(store: &'a Store, slot: Slot, resource: usize, f: impl Fn(&Cell) -> Option<i64>) -> Value<'a> {
    cell(store, slot, |row| match Cell::of(store, row, &RESOURCES[resource]) {
        None => Value::Absent,
        Some(of) if !of.counts && f(&of).is_none() => Value::Absent,
        Some(of) => f(&of).map_or(Value::Unknown, Value::Int),
    })
}

fn used_of<const R: usize>(store: &Store, slot: Slot) -> Value<'_> {
    figure(store, slot, R, |of| of.in_use)
}

fn limit_of<const R: usize>(store: &Store, slot: Slot) -> Value<'_> {
    figure(store, slot, R, |of| of.limit.map(Limit::to_number))
}

const fn origin(service: QuotaService) -> &'static str {
    match service {
        QuotaService::Nova => "nova GET /os-quota-sets/{project}/detail",
        QuotaService::Cinder => "cinder GET /os-quota-sets/{project}?usage=True",
        QuotaService::Neutron => "neutron GET /v2.0/quotas/{project}/details.json",
        QuotaService::Glance => "keystone GET /v3/limits",
    }
}

/// What is in use of a resource.
const fn used<const R: usize>(
    title: &'static str,
    unit: &'static str,
    width: (u16, u16),
    rank: u8,
) -> Column<Store> {
    let Resource { column, service, .. } = RESOURCES[R];
    let (origin, align) = (origin(service), Align::Right);
    Column { name: column, title, unit, origin, align, width, rank, value: used_of::<R>, key: None }
}

/// Its limit.
const fn limit<const R: usize>(name: &'static str, title: &'static str, unit: &'static str) -> Column<Store> {
    let origin = origin(RESOURCES[R].service);
    let (align, value) = (Align::Right, limit_of::<R>);
    Column { name, title, unit, origin, align, width: (0, 0), rank: 99, value, key: None }
}

/// Those that are in the rows, and of which something is promised.
fn reserved<'a>(row: &'a Quotas) -> Value<'a> {
    let promised = |(service, it): (QuotaService, &'a Allowance)| {
        (it.reserved != 0).then(|| format!("{}.{}={}", service.name(), it.resource, it.reserved).into())
    };
    if row.all().next().is_none() {
        return Value::Unknown;
    }
    let list: crate::table::Items = row.all().filter_map(promised).collect();
    if list.is_empty() { Value::Absent } else { Value::List(list) }
}

/// When a service told of the row.
fn as_of<'a>(store: &'a Store, row: &'a Quotas, service: QuotaService) -> Value<'a> {
    match &row.of(service).told {
        Some((at, _)) => Value::Time(*at),
        None if store.has_no_quotas(service) => Value::Absent,
        None => Value::Unknown,
    }
}

/// When the oldest of what was told came.
pub fn oldest(row: &Quotas) -> Option<Timestamp> {
    let told = QuotaService::ALL.into_iter().filter_map(|service| row.of(service).told.as_ref());
    told.map(|(at, _)| *at).min()
}

/// By how near a row is to its nearest limit. Below nothing, while that is not known, stand those that use most: so
/// there is an order from the first moment on.
fn pressure(store: &Store, row: &Quotas) -> f64 {
    match health::nearest(store, row) {
        Some((share, _)) => share,
        None => -1.0 / (1.0 + store.counted(&row.id).cores.max(0) as f64),
    }
}

fn by_pressure(store: &Store, slot: Slot) -> Value<'_> {
    cell(store, slot, |q| Value::Float(pressure(store, q)))
}

const LIMIT: &str = "-1: unlimited";
const DERIVED: &str = "derived: in use and reserved, of the limit";

const COLUMNS: &[Column<Store>] = &[
    column!("project", "PROJECT", "", "keystone GET /v3/projects", Left, (10, 32), 0, |s, slot| project(
        s,
        slot,
        |p| Value::text(&*p.name)
    )),
    column!("id", "ID", "", "keystone GET /v3/projects", Left, (0, 0), 99, |s, slot| cell(s, slot, |q| {
        Value::text(&*q.id)
    })),
    column!("domain", "DOMAIN", "", "keystone GET /v3/domains", Left, (6, 16), 17, |s, slot| project(
        s,
        slot,
        |p| domain(s, p)
    )),
    column!("enabled", "ENABLED", "", "keystone GET /v3/projects", Left, (7, 7), 19, |s, slot| project(
        s,
        slot,
        |p| p.enabled.map_or(Value::Unknown, Value::Bool)
    )),
    column!("nearest", "NEAREST LIMIT", "%", DERIVED, Left, (13, 24), 1, |s, slot| cell(s, slot, |q| {
        match health::nearest(s, q) {
            Some((share, _)) => Value::Int(health::percent(share)),
            None if health::lacks(s, q).next().is_some() => Value::Unknown,
            None => Value::Absent,
        }
    }))
    .sorted_by(by_pressure),
    column!("nearest_resource", "NEAREST", "", DERIVED, Left, (0, 0), 99, |s, slot| cell(s, slot, |q| {
        match health::nearest(s, q) {
            Some((_, of)) => Value::text(health::label(of.service, of.resource).into_owned()),
            None if health::lacks(s, q).next().is_some() => Value::Unknown,
            None => Value::Absent,
        }
    })),
    used::<0>("INSTANCES", "", (11, 16), 2),
    limit::<0>("instances_limit", "INSTANCES LIMIT", LIMIT),
    used::<1>("vCPU", "vCPUs", (11, 16), 3),
    limit::<1>("vcpu_limit", "vCPU LIMIT", "vCPUs, -1: unlimited"),
    used::<2>("RAM GiB", "MiB", (11, 16), 4),
    limit::<2>("ram_limit", "RAM LIMIT", "MiB, -1: unlimited"),
    used::<3>("VOLUMES", "", (11, 14), 5),
    limit::<3>("volumes_limit", "VOLUMES LIMIT", LIMIT),
    used::<4>("GiB", "GiB, volumes and snapshots", (11, 16), 6),
    limit::<4>("gigabytes_limit", "GiB LIMIT", "GiB, -1: unlimited"),
    used::<5>("SNAPSHOTS", "", (9, 14), 9),
    limit::<5>("snapshots_limit", "SNAPSHOTS LIMIT", LIMIT),
    used::<6>("BACKUPS", "", (7, 12), 15),
    limit::<6>("backups_limit", "BACKUPS LIMIT", LIMIT),
    used::<7>("BACKUP GiB", "GiB", (10, 14), 16),
    limit::<7>("backup_gigabytes_limit", "BACKUP GiB LIMIT", "GiB, -1: unlimited"),
    used::<8>("FLOATING IPS", "", (12, 14), 7),
    limit::<8>("floating_ips_limit", "FLOATING IPS LIMIT", LIMIT),
    used::<9>("PORTS", "", (11, 14), 8),
    limit::<9>("ports_limit", "PORTS LIMIT", LIMIT),
    used::<10>("NETWORKS", "", (8, 12), 10),
    limit::<10>("networks_limit", "NETWORKS LIMIT", LIMIT),
    used::<11>("SUBNETS", "", (0, 0), 99),
    limit::<11>("subnets_limit", "SUBNETS LIMIT", LIMIT),
    used::<12>("ROUTERS", "", (7, 12), 11),
    limit::<12>("routers_limit", "ROUTERS LIMIT", LIMIT),
    used::<13>("SEC. GROUPS", "", (11, 12), 12),
    limit::<13>("security_groups_limit", "SECURITY GROUPS LIMIT", LIMIT),
    used::<14>("SEC. RULES", "", (10, 12), 13),
    limit::<14>("security_group_rules_limit", "SECURITY RULES LIMIT", LIMIT),
    used::<15>("SERVER GROUPS", "", (13, 13), 14),
    limit::<15>("server_groups_limit", "SERVER GROUPS LIMIT", LIMIT),
    used::<16>("KEY PAIRS", "of each user: a project has none", (0, 0), 99),
    limit::<16>("key_pairs_limit", "KEY PAIRS LIMIT", "of each user, -1: unlimited"),
    column!(
        "reserved",
        "RESERVED",
        "service.resource=n",
        "derived: what is promised to requests under way",
        Left,
        (0, 0),
        99,
        |s, slot| cell(s, slot, reserved)
    ),
    column!(
        "as_of",
        "AGE",
        "RFC 3339, UTC",
        "derived: when its quotas were read, the oldest answer of all services",
        Right,
        (4, 5),
        18,
        |s, slot| cell(s, slot, |q| oldest(q).map_or(Value::Unknown, Value::Time))
    ),
    column!(
        "nova_as_of",
        "NOVA",
        "RFC 3339, UTC",
        "derived: when nova's answer came",
        Right,
        (0, 0),
        99,
        |s, slot| cell(s, slot, |q| as_of(s, q, Nova))
    ),
    column!(
        "cinder_as_of",
        "CINDER",
        "RFC 3339, UTC",
        "derived: when cinder's answer came",
        Right,
        (0, 0),
        99,
        |s, slot| cell(s, slot, |q| as_of(s, q, Cinder))
    ),
    column!(
        "neutron_as_of",
        "NEUTRON",
        "RFC 3339, UTC",
        "derived: when neutron's answer came",
        Right,
        (0, 0),
        99,
        |s, slot| cell(s, slot, |q| as_of(s, q, Neutron))
    ),
    column!(
        "pressure",
        "PRESSURE",
        "",
        "derived: nearest as a share; until that is known less than nothing, the largest first",
        Right,
        (0, 0),
        99,
        by_pressure
    ),
    column!("reason", "REASON", "", "derived: health", Left, (0, 0), 99, |s, slot| cell(s, slot, |q| {
        let first = health::notes(s, q).into_iter().next();
        first.map_or(Value::Absent, |note| Value::text(note.words))
    })),
    column!("trouble", "TROUBLE", "0 ok … 6 critical", "derived: health", Right, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::Int(health::verdict(s, q) as i64))
    }),
    column!("verdict", "VERDICT", "", "derived: health", Left, (0, 0), 99, |s, slot| {
        cell(s, slot, |q| Value::text(health::verdict(s, q).as_str()))
    }),
];
