//! The hypervisors with their services, aggregates, Placement providers and the migration under way.

use stackwatch::model::{
    Aggregate, Hypervisor, Inventory, Migration, Provider, ResourceClass, Service, ServiceState,
    ServiceStatus, Text,
};

use super::{ago, evil, instances, uuid};

/// One hypervisor: its zone, hardware and overcommit, and what is wrong with it.
struct Host {
    name: &'static str,
    zone: &'static str,
    threads: u64,
    /// VCPU's allocation ratio.
    ratio: f64,
    ram_gib: u64,
    trouble: Trouble,
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// Taken out on purpose.
    Disabled,
    /// Fenced off by an operator.
    ForcedDown,
    /// Placement has not answered for it yet.
    Unread,
    /// nova counts four vCPUs more than Placement.
    Drifted,
    /// Not heard from for seven minutes.
    Down,
    /// A quarter of its threads is kept for pinned instances.
    Pinned,
}

const HOSTS: &[Host] = &[
    Host { name: "cmp01", zone: "az-a", threads: 32, ratio: 16.0, ram_gib: 256, trouble: Trouble::None },
    Host { name: "cmp02", zone: "az-a", threads: 32, ratio: 16.0, ram_gib: 256, trouble: Trouble::Disabled },
    Host { name: "cmp03", zone: "az-a", threads: 64, ratio: 2.0, ram_gib: 512, trouble: Trouble::None },
    Host { name: "cmp04", zone: "az-a", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::ForcedDown },
    Host { name: "cmp05", zone: "az-a", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::Unread },
    Host { name: "cmp06", zone: "az-a", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::Drifted },
    Host { name: "cmp07", zone: "az-b", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::Down },
    Host { name: "cmp08", zone: "az-b", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::None },
    Host { name: "cmp09", zone: "az-b", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::None },
    Host { name: "cmp10", zone: "az-b", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::Pinned },
    // 62 of 64 vCPUs.
    Host { name: "cmp11", zone: "az-b", threads: 16, ratio: 4.0, ram_gib: 384, trouble: Trouble::None },
    Host { name: "cmp12", zone: "nova", threads: 32, ratio: 4.0, ram_gib: 256, trouble: Trouble::None },
];

/// MiB that nova keeps for the host itself and counts as used.
const RESERVED: u64 = 4_096;
const DISK_GIB: u64 = 1_800;

fn id(host: &Host) -> Text {
    let index = HOSTS.iter().position(|h| h.name == host.name).unwrap();
    uuid(1_000 + index as u64)
}

/// The hypervisor's id behind a host's name.
pub fn id_of(name: &str) -> Text {
    id(HOSTS.iter().find(|host| host.name == name).unwrap())
}

pub fn zone(name: &str) -> &'static str {
    HOSTS.iter().find(|host| host.name == name).map_or("nova", |host| host.zone)
}

fn disabled_reason(host: &Host) -> Option<Text> {
    (host.trouble == Trouble::Disabled).then(|| "CHG-4711 DIMM swap, back on Thursday".into())
}

fn state(host: &Host) -> ServiceState {
    match host.trouble {
        Trouble::Down | Trouble::ForcedDown => ServiceState::Down,
        _ => ServiceState::Up,
    }
}

fn status(host: &Host) -> ServiceStatus {
    if host.trouble == Trouble::Disabled { ServiceStatus::Disabled } else { ServiceStatus::Enabled }
}

/// vCPUs, MiB and GiB of the instances on a host.
fn in_use(host: &Host) -> (u64, u64, u64) {
    let guests = instances::all();
    let flavors = guests.iter().filter(|guest| guest.host.as_deref() == Some(host.name));
    flavors.filter_map(|guest| guest.flavor.as_ref()).fold((0, 0, 0), |sum, flavor| {
        let size = |n: Option<u32>| u64::from(n.unwrap_or(0));
        (sum.0 + size(flavor.vcpus), sum.1 + size(flavor.ram), sum.2 + size(flavor.disk))
    })
}

pub fn hypervisors() -> Vec<Hypervisor> {
    HOSTS
        .iter()
        .enumerate()
        .map(|(i, host)| {
            let (vcpus, memory, disk) = in_use(host);
            let leaked = if host.trouble == Trouble::Drifted { 4 } else { 0 };
            Hypervisor {
                id: id(host),
                hypervisor_hostname: host.name.into(),
                host: host.name.into(),
                state: state(host),
                status: status(host),
                disabled_reason: disabled_reason(host),
                hypervisor_type: "QEMU".into(),
                hypervisor_version: Some(7_002_000),
                host_ip: Some(format!("10.0.1.{}", 11 + i).into()),
                vcpus: Some(host.threads),
                vcpus_used: Some(vcpus + leaked),
                memory_mb: Some(host.ram_gib * 1_024),
                memory_mb_used: Some(memory + RESERVED),
                local_gb: Some(DISK_GIB),
                local_gb_used: Some(disk),
                running_vms: Some(
                    instances::all().iter().filter(|g| g.host.as_deref() == Some(host.name)).count() as u64,
                ),
                cpu_model: Some("EPYC-Milan".into()),
            }
        })
        .collect()
}

pub fn services() -> Vec<Service> {
    let control = ["nova-conductor", "nova-scheduler"].into_iter().flat_map(|binary| {
        ["ctl01", "ctl02", "ctl03"].into_iter().map(move |host| (binary, host, "internal"))
    });
    let control = control.enumerate().map(|(i, (binary, host, zone))| Service {
        id: uuid(3_000 + i as u64),
        binary: binary.into(),
        host: host.into(),
        zone: Some(zone.into()),
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        updated_at: Some(ago(4 + i as i64)),
        forced_down: false,
    });
    let compute = HOSTS.iter().enumerate().map(|(i, host)| Service {
        id: uuid(2_000 + i as u64),
        binary: "nova-compute".into(),
        host: host.name.into(),
        zone: Some(host.zone.into()),
        state: state(host),
        status: status(host),
        disabled_reason: disabled_reason(host),
        updated_at: Some(ago(match host.trouble {
            Trouble::Down => 7 * 60 + 12,
            Trouble::ForcedDown => 3 * 3_600,
            _ => 5 + i as i64 % 4,
        })),
        forced_down: host.trouble == Trouble::ForcedDown,
    });
    control.chain(compute).collect()
}

/// nova-compute's service on a host.
pub fn service(host: &str) -> Service {
    let compute = |row: &Service| row.host.as_ref() == host && row.binary.as_ref() == "nova-compute";
    services().into_iter().find(compute).unwrap()
}

/// The racks make the zones; cmp03 stands in two aggregates, cmp12 in none.
pub fn aggregates() -> Vec<Aggregate> {
    let aggregate =
        |id: &str, name: &str, zone: Option<&str>, hosts: &[&str], metadata: &[(&str, &str)]| Aggregate {
            id: id.into(),
            name: name.into(),
            availability_zone: zone.map(Into::into),
            hosts: hosts.iter().map(|host| (*host).into()).collect(),
            metadata: metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        };
    vec![
        aggregate("1", "rack-a", Some("az-a"), &["cmp01", "cmp02", "cmp03", "cmp04", "cmp05", "cmp06"], &[]),
        aggregate("2", "rack-b", Some("az-b"), &["cmp07", "cmp08", "cmp09"], &[]),
        aggregate("3", "gpu", None, &["cmp03"], &[("trait:CUSTOM_GPU_A100", "required")]),
        aggregate("4", "ssd", Some("az-b"), &["cmp10", "cmp11"], &[("ssd", "true")]),
    ]
}

/// Placement's side, its usages read `age` seconds ago.
pub fn providers(age: i64) -> Vec<Provider> {
    HOSTS
        .iter()
        .map(|host| {
            let read = host.trouble != Trouble::Unread;
            Provider {
                id: id(host),
                name: host.name.into(),
                inventories: read.then(|| (ago(1_200), inventories(host))),
                usages: read.then(|| (ago(age), usages(host))),
            }
        })
        .collect()
}

fn inventories(host: &Host) -> Vec<(ResourceClass, Inventory)> {
    let of = |total, reserved, allocation_ratio| Inventory { total, reserved, allocation_ratio };
    let pinned = if host.trouble == Trouble::Pinned { host.threads / 4 } else { 0 };
    let mut all = vec![
        (ResourceClass::Vcpu, of(host.threads - pinned, 0, host.ratio)),
        (
            ResourceClass::MemoryMb,
            of(host.ram_gib * 1_024, RESERVED, if host.ratio == 16.0 { 1.5 } else { 1.0 }),
        ),
        (ResourceClass::DiskGb, of(DISK_GIB, 0, 1.0)),
    ];
    if pinned > 0 {
        all.push((ResourceClass::Pcpu, of(pinned, 0, 1.0)));
    }
    all
}

fn usages(host: &Host) -> Vec<(ResourceClass, u64)> {
    let (vcpus, memory, disk) = in_use(host);
    let pinned = if host.trouble == Trouble::Pinned { vcpus.min(host.threads / 4) } else { 0 };
    let mut all = vec![
        (ResourceClass::Vcpu, vcpus - pinned),
        (ResourceClass::MemoryMb, memory),
        (ResourceClass::DiskGb, disk),
    ];
    if pinned > 0 {
        all.push((ResourceClass::Pcpu, pinned));
    }
    all
}

pub fn migrations() -> Vec<Migration> {
    vec![Migration {
        id: "31".into(),
        instance_id: instances::id_of("cache-1"),
        status: "running".into(),
        migration_type: Some("live-migration".into()),
        source_compute: Some("cmp12".into()),
        dest_compute: Some("cmp08".into()),
        created_at: Some(ago(95)),
        updated_at: Some(ago(6)),
    }]
}

pub fn poison_service(row: &mut Service) {
    evil(&mut row.host);
    row.zone.iter_mut().chain(&mut row.disabled_reason).for_each(evil);
}

pub fn poison_hypervisor(row: &mut Hypervisor) {
    evil(&mut row.host);
    evil(&mut row.hypervisor_hostname);
    evil(&mut row.hypervisor_type);
    let texts = [&mut row.disabled_reason, &mut row.host_ip, &mut row.cpu_model];
    texts.into_iter().flatten().for_each(evil);
}

pub fn poison_aggregate(row: &mut Aggregate) {
    evil(&mut row.name);
    row.hosts.iter_mut().for_each(evil);
}
