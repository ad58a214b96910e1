//! The instances that are there when the story begins.

use super::{HISTORY, Plan, names};
use crate::sim::cloud::{
    Cloud, FLAVORS, Flavor, FlavorIx, Floating, HostIx, Instance, Nic, PortRef, Power, ProjectIx, VmState,
};
use crate::sim::random::{Random, derived};
use crate::sim::scenario::Scenario;
use crate::sim::time::{HOUR, MINUTE, SECOND};
use crate::sim::words;

/// The public network ends.
const FLOATING: usize = 60_000;

pub(super) fn settle(cloud: &mut Cloud, plan: Plan, scenario: &Scenario, random: &mut Random) {
    cloud.instances.reserve(plan.instances);
    let tenants = Tenants::new(cloud, scenario);
    let pooled = pooled(cloud, plan.instances / 4);
    let in_pool = |ix| cloud.aggregates.iter().any(|a| a.pool().is_some() && a.has(ix));
    let general: Vec<HostIx> = (0..cloud.hosts.len() as HostIx).filter(|&ix| !in_pool(ix)).collect();
    let crowd_hosts = scenario.crowd.as_ref().map_or(1.0, |crowd| crowd.hosts);
    let crowded =
        ((general.len() as f64 * crowd_hosts).ceil() as usize).clamp(1.min(general.len()), general.len());
    for n in 0..plan.instances {
        let (project, crowd) = tenants.draw(random);
        let (flavor, host) = match pooled.get(n) {
            Some(&(flavor, host)) => (flavor, Some(host)),
            None => {
                let flavor = random.weighted(FLAVORS.iter().map(|flavor| flavor.weight)) as FlavorIx;
                let hosts = if crowd { &general[..crowded] } else { &general[..] };
                (
                    flavor,
                    roomiest(cloud, hosts, flavor, random)
                        .or_else(|| roomiest(cloud, &general, flavor, random)),
                )
            }
        };
        add(cloud, project, flavor, host, random);
    }
}

/// Guests that fill the pools to a good half, at most so many.
fn pooled(cloud: &Cloud, most: usize) -> Vec<(FlavorIx, HostIx)> {
    let mut guests = Vec::new();
    for aggregate in &cloud.aggregates {
        let Some(pool) = aggregate.pool() else { continue };
        let Some(flavor) = FLAVORS.iter().position(|flavor| flavor.pool() == Some(pool)) else { continue };
        let amount = FLAVORS[flavor].amount();
        for &host in &aggregate.hosts {
            let capacity = cloud.host(host).capacity();
            let fit = (capacity.vcpus / amount.vcpus)
                .min(capacity.ram / amount.ram)
                .min(capacity.disk / amount.disk);
            guests.extend((0..fit * 6 / 10).map(|_| (flavor as FlavorIx, host)));
        }
    }
    guests.truncate(most);
    guests
}

/// The emptiest of a few that a die chooses; if none of them has room, the emptiest of all.
fn roomiest(cloud: &Cloud, hosts: &[HostIx], flavor: FlavorIx, random: &mut Random) -> Option<HostIx> {
    let amount = cloud.flavor(flavor).amount();
    let free = |ix: HostIx| {
        let host = cloud.host(ix);
        u64::from(host.capacity().ram - host.used.ram.min(host.capacity().ram))
    };
    let few: Vec<HostIx> = (0..4).filter_map(|_| random.pick(hosts).copied()).collect();
    let best = |of: &[HostIx]| {
        of.iter().copied().filter(|&ix| cloud.host(ix).fits(amount)).max_by_key(|&ix| (free(ix), ix))
    };
    best(&few).or_else(|| best(hosts))
}

/// Whose the next instance is: early projects have most, and the crowd's its share.
pub(in crate::sim) struct Tenants {
    /// Weights added up.
    sums: Vec<u64>,
    crowd: Option<(ProjectIx, f64)>,
}

impl Tenants {
    pub(in crate::sim) fn new(cloud: &Cloud, scenario: &Scenario) -> Self {
        let mut sum = 0;
        let sums = (2..cloud.projects.len() as u64)
            .map(|n| {
                sum += 100_000 / (n + 2);
                sum
            })
            .collect();
        let crowd = scenario.crowd.as_ref();
        let crowd = crowd.and_then(|crowd| Some((cloud.project_named(&crowd.project)?, crowd.share)));
        Self { sums, crowd }
    }

    /// The project, and whether it is the crowd's.
    pub(in crate::sim) fn draw(&self, random: &mut Random) -> (ProjectIx, bool) {
        if let Some((project, share)) = self.crowd
            && random.chance(share)
        {
            return (project, true);
        }
        let total = self.sums.last().copied().unwrap_or(1);
        let at = random.below(total as usize) as u64;
        (2 + self.sums.partition_point(|&sum| sum <= at) as ProjectIx, false)
    }
}

/// How an old instance stands: of 1,000, so many.
const STATES: [(u32, VmState, Power); 8] = [
    (868, VmState::Active, Power::Running),
    (80, VmState::Stopped, Power::Shutdown),
    (14, VmState::ShelvedOffloaded, Power::Shutdown),
    (12, VmState::Error, Power::NoState),
    (8, VmState::Paused, Power::Paused),
    (6, VmState::Suspended, Power::Suspended),
    (4, VmState::Rescued, Power::Running),
    (8, VmState::Active, Power::NoState),
];

fn add(cloud: &mut Cloud, project: ProjectIx, flavor: FlavorIx, host: Option<HostIx>, random: &mut Random) {
    let shape: &Flavor = cloud.flavor(flavor);
    let age = HISTORY as f64 * random.unit().powi(2);
    let created = cloud.now.plus(-(age as i64).max(HOUR));
    let launched = created.plus(random.between(4 * SECOND, 30 * SECOND));
    let (_, mut vm_state, mut power) = STATES[random.weighted(STATES.iter().map(|(weight, ..)| *weight))];
    if host.is_none() {
        (vm_state, power) = (VmState::Error, Power::NoState);
    }
    let host = host.filter(|_| vm_state != VmState::ShelvedOffloaded);
    let boots_from_volume = random.chance(0.15);
    let images = cloud.images.len();
    let id = random.uuid();
    let tenant = project as usize - 2;
    let owner = &mut cloud.projects[project as usize];
    let name = names::instance(tenant, owner.named);
    owner.named += 1;
    owner.used.instances += 1;
    owner.used.cores += i64::from(shape.vcpus);
    owner.used.ram += i64::from(shape.ram);
    let user = owner.user;
    let address = host.is_some().then(|| owner.lease()).flatten();
    let key = random.chance(0.4).then(|| format!("{}-key", owner.name).into());
    let mut instance = Instance {
        id,
        name: name.into(),
        number: cloud.next_instance,
        project,
        user,
        flavor,
        image: (!boots_from_volume).then(|| random.below(images) as u16),
        host,
        zone: None,
        vm_state,
        task_state: None,
        power,
        locked: random.chance(0.02),
        foreign: false,
        created,
        updated: launched.plus((cloud.now.since(launched) as f64 * random.unit().powi(3)) as i64),
        launched: (vm_state != VmState::Error || host.is_some()).then_some(launched),
        terminated: None,
        nic: address.map(|address| Nic { port: derived(id, "port"), address, floating: None }),
        extra: None,
    };
    cloud.next_instance += 1;
    if let Some(key) = key {
        instance.extra().key_name = Some(key);
    }
    if instance.locked {
        instance.extra().locked_reason = random.chance(0.5).then(|| "legal hold".into());
    }
    if random.chance(0.1) {
        instance.extra().metadata = vec![("owner".into(), "platform".into()), ("tier".into(), "gold".into())];
    }
    if vm_state == VmState::Error {
        instance.extra().fault = Some(match host {
            Some(_) => words::crashed(launched),
            None => words::no_valid_host(launched),
        });
    }
    place(cloud, instance, boots_from_volume, random);
}

fn place(cloud: &mut Cloud, mut instance: Instance, boots_from_volume: bool, random: &mut Random) {
    let (nic, project, host) = (instance.nic, instance.project, instance.host);
    if let Some(host) = host {
        cloud.claim(host, cloud.flavor(instance.flavor).amount(), 1);
        if boots_from_volume {
            super::storage::volume(cloud, &mut instance, true, random);
        }
        if random.chance(0.12) {
            super::storage::volume(cloud, &mut instance, false, random);
        }
    }
    let created = instance.created;
    let id = instance.id;
    let slot = cloud.instances.insert(instance);
    let Some(nic) = nic else { return };
    cloud.ports.insert(nic.port, PortRef::Instance(slot));
    if random.chance(0.08) && cloud.floating.len() < FLOATING {
        let ix = cloud.floating.len() as u32;
        let floating = Floating {
            id: derived(id, "floating ip"),
            project,
            // The first are the routers'.
            address: 4_000 + ix as u16,
            slot: Some(slot),
            created,
            updated: created.plus(MINUTE),
        };
        cloud.ports.insert(derived(floating.id, "port"), PortRef::Floating(ix));
        cloud.floating.push(floating);
        if let Some(nic) = cloud.instances.at_mut(slot).and_then(|instance| instance.nic.as_mut()) {
            nic.floating = Some(ix);
        }
    }
}
