//! Zones, racks, controllers and computes.

use uuid::Uuid;

use super::{HISTORY, Plan};
use crate::sim::cloud::{Aggregate, Amount, Bus, BusNode, Cloud, Controller, FLAVORS, Host, HostIx};
use crate::sim::random::{Random, derived};
use crate::sim::scenario::Scenario;
use crate::sim::time::{DAY, MINUTE, Time};

pub(super) fn zones(hosts: usize) -> Vec<&'static str> {
    let count = match hosts {
        0..3 => 1,
        3..12 => 2,
        _ => 3,
    };
    ["az1", "az2", "az3"][..count].to_vec()
}

/// Three, whatever the size: scheduler and conductor on each.
pub(super) fn controllers(cloud: Uuid) -> Vec<Controller> {
    (1..=3_u32)
        .map(|n| Controller {
            name: format!("ctl{n:02}").into(),
            number: n * 2 - 1,
            scheduler: derived(cloud, &format!("scheduler {n}")),
            conductor: derived(cloud, &format!("conductor {n}")),
        })
        .collect()
}

/// The broker's nodes are on the first controllers.
pub(super) fn bus(scenario: &Scenario, begins: Time) -> Bus {
    let node = |n: usize| BusNode {
        host: format!("ctl{n:02}").into(),
        // One after the other, when it was last upgraded.
        started: begins.plus(-31 * DAY + n as i64 * 7 * MINUTE),
        down: None,
        memory_alarm: false,
        disk_alarm: false,
    };
    Bus { nodes: (1..=scenario.broker.nodes).map(node).collect(), split: None, read: scenario.broker.read }
}

/// Kinds of machine: CPU, overcommit of vCPUs and of memory, how much more than needed.
const KINDS: [(&str, f64, f64, usize); 3] =
    [("EPYC-Milan", 4.0, 1.5, 0), ("Cascadelake-Server", 4.0, 1.5, 0), ("EPYC-Rome", 8.0, 1.2, 1)];

const THREADS: [u32; 11] = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384];

pub(super) fn found(cloud: &mut Cloud, plan: Plan, scenario: &Scenario) {
    let mut random = Random::stream(plan.seed, "hosts");
    let count = plan.hypervisors;
    let width = count.to_string().len().max(3);
    let step = machine(plan);
    for i in 0..count {
        // One in eight is of a newer, larger kind.
        let (cpu, ratio_cpu, ratio_ram, more) = KINDS[if i % 8 == 5 { 2 } else { i % 2 }];
        let vcpus = THREADS[(step + more).min(THREADS.len() - 1)];
        cloud.hosts.push(Host {
            id: random.uuid(),
            service: random.uuid(),
            name: format!("cmp{:0width$}", i + 1).into(),
            // The controllers' services came first.
            number: i as u32 + 7,
            zone: (i * cloud.zones.len() / count) as u8,
            size: Amount { vcpus, ram: vcpus * 6 * 1_024, disk: vcpus * 64 },
            ratio_cpu,
            ratio_ram,
            used: Amount::default(),
            leaked: Amount::default(),
            guests: 0,
            enabled: true,
            disabled_reason: None,
            forced_down: false,
            listens: true,
            silent: None,
            booted: cloud.now.plus(-random.between(DAY, 90 * DAY)),
            generation: 1,
            cpu,
            backlog: 0,
        });
    }
    racks(cloud);
    pools(cloud, scenario);
}

/// The smallest machine that holds its share of guests and is then about sixty per cent full.
fn machine(plan: Plan) -> usize {
    let weight: u32 = FLAVORS.iter().map(|flavor| flavor.weight).sum();
    let mean = |of: fn(Amount) -> u32| {
        let sum: u64 = FLAVORS.iter().map(|f| u64::from(of(f.amount())) * u64::from(f.weight)).sum();
        sum as f64 / f64::from(weight)
    };
    let guests = plan.instances as f64 / plan.hypervisors.max(1) as f64 / 0.6;
    let by_cpu = guests * mean(|a| a.vcpus) / 4.0;
    let by_ram = guests * mean(|a| a.ram) / (6.0 * 1_024.0 * 1.5);
    let by_disk = guests * mean(|a| a.disk) / 64.0;
    let need = by_cpu.max(by_ram).max(by_disk);
    THREADS.iter().position(|&threads| f64::from(threads) >= need).unwrap_or(THREADS.len() - 1)
}

/// Aggregates that make the zones: one a rack.
fn racks(cloud: &mut Cloud) {
    let size = if cloud.hosts.len() > 200 { 40 } else { 10 };
    for zone in 0..cloud.zones.len() {
        let of_zone: Vec<HostIx> = (0..cloud.hosts.len())
            .filter(|&i| usize::from(cloud.hosts[i].zone) == zone)
            .map(|i| i as HostIx)
            .collect();
        for (rack, hosts) in of_zone.chunks(size).enumerate() {
            let name = format!("{}-rack{:02}", cloud.zones[zone], rack + 1);
            let metadata = vec![
                ("availability_zone", cloud.zones[zone].into()),
                ("rack", format!("r{:02}", rack + 1).into()),
            ];
            add(cloud, name, hosts.to_vec(), Some(zone as u8), metadata);
        }
    }
}

/// Aggregates of hosts that take one flavor alone: the last hosts, a tenth of the cloud at most.
fn pools(cloud: &mut Cloud, scenario: &Scenario) {
    let mut end = cloud.hosts.len();
    for pool in &scenario.pool {
        let take = pool.hosts.min(cloud.hosts.len() / 10).min(end);
        let hosts: Vec<HostIx> = (end - take..end).map(|i| i as HostIx).collect();
        end -= take;
        if !hosts.is_empty() {
            add(cloud, pool.name.clone(), hosts, None, vec![("pool", pool.name.as_str().into())]);
        }
    }
}

fn add(
    cloud: &mut Cloud,
    name: String,
    hosts: Vec<HostIx>,
    zone: Option<u8>,
    metadata: Vec<(&'static str, Box<str>)>,
) {
    let number = cloud.aggregates.len() as u32 + 1;
    cloud.aggregates.push(Aggregate {
        number,
        id: derived(cloud.id, &format!("aggregate {number}")),
        name: name.into(),
        hosts,
        zone,
        metadata,
        created: cloud.now.plus(-HISTORY),
    });
}
