//! Projects, users, and their limits.

use uuid::Uuid;

use super::{HISTORY, Plan, names};
use crate::sim::cloud::{Cloud, PortRef, Project, ProjectIx, Quota, Role, Tally, User, UserIx};
use crate::sim::random::{Random, derived};
use crate::sim::scenario::Scenario;
use crate::sim::time::DAY;

/// Everybody's password: the cloud listens on this machine alone, and holds nothing.
pub const PASSWORD: &str = "simulated";

const SERVICES: [&str; 5] = ["nova", "placement", "neutron", "glance", "cinder"];
const NO_LIMITS: Quota =
    Quota { instances: -1, cores: -1, ram: -1, volumes: -1, gigabytes: -1, floating_ips: -1 };

pub(super) fn found(cloud: &mut Cloud, plan: Plan, scenario: &Scenario) {
    let mut random = Random::stream(plan.seed, "tenants");
    let about = "Bootstrap project for initializing the cloud.";
    add(cloud, &mut random, "admin".to_owned(), about, None);
    add(cloud, &mut random, "service".to_owned(), "", None);
    user(cloud, &mut random, "admin", 0, Role::Admin, Some(PASSWORD));
    for name in SERVICES {
        user(cloud, &mut random, name, 1, Role::Service, None);
    }
    let mut tenants: Vec<String> = (0..plan.projects()).map(names::project).collect();
    // The crowd's project must be there at any size, and early: early ones are the large ones.
    if let Some(crowd) = &scenario.crowd {
        let at = tenants.iter().position(|name| *name == crowd.project);
        let at = at.unwrap_or(tenants.len() - 1);
        tenants[at].clone_from(&crowd.project);
        tenants.swap(1, at);
    }
    for (n, name) in tenants.into_iter().enumerate() {
        let who = if n == 0 { "alice".to_owned() } else { format!("{name}-ops") };
        let project = add(cloud, &mut random, name, names::description(n), Some(n as u16));
        let user = user(cloud, &mut random, &who, project, Role::Member, Some(PASSWORD));
        cloud.projects[project as usize].user = user;
        wire(cloud, project);
    }
}

fn add(
    cloud: &mut Cloud,
    random: &mut Random,
    name: String,
    description: &'static str,
    network: Option<u16>,
) -> ProjectIx {
    cloud.projects.push(Project {
        id: random.uuid(),
        name: name.into(),
        description,
        user: 0,
        created: cloud.now.plus(-HISTORY + random.between(0, 30 * DAY)),
        quota: NO_LIMITS,
        used: Tally::default(),
        network,
        next_address: 3,
        free: Vec::new(),
        named: 0,
    });
    (cloud.projects.len() - 1) as ProjectIx
}

fn user(
    cloud: &mut Cloud,
    random: &mut Random,
    name: &str,
    project: ProjectIx,
    role: Role,
    password: Option<&'static str>,
) -> UserIx {
    cloud.users.push(User { id: random.uuid(), name: name.into(), project, role, password });
    (cloud.users.len() - 1) as UserIx
}

/// The ports of a project's network: DHCP, the router's leg in it, the router's gateway.
fn wire(cloud: &mut Cloud, project: ProjectIx) {
    let id = cloud.project(project).id;
    let port = |role: &str| -> Uuid { derived(id, role) };
    cloud.ports.insert(port("dhcp port"), PortRef::Dhcp(project));
    cloud.ports.insert(port("router interface"), PortRef::Interface(project));
    cloud.ports.insert(port("router gateway"), PortRef::Gateway(project));
}

/// Limits that fit what is used: from the scenario's slack.
pub(super) fn limits(cloud: &mut Cloud, scenario: &Scenario) {
    let mut largest: Vec<ProjectIx> = (2..cloud.projects.len() as ProjectIx).collect();
    largest.sort_by_key(|&ix| (std::cmp::Reverse(cloud.project(ix).used.instances), ix));
    largest.truncate(scenario.quota.squeezed);
    for ix in 2..cloud.projects.len() as ProjectIx {
        let squeezed = largest.contains(&ix);
        let slack = if squeezed { scenario.quota.squeezed_slack } else { scenario.quota.slack };
        // Round figures, as people set them; a squeezed project's are its own, to the last core.
        let limit = |used: i64, least: i64, round: i64| {
            let wanted = (used as f64 * slack).ceil() as i64;
            if squeezed { wanted.max(1) } else { (wanted + round - 1).div_euclid(round) * round }
                .max(if squeezed { 1 } else { least })
        };
        let volumes = cloud.volumes.iter().filter(|volume| volume.project == ix && !volume.deleted);
        let (count, gigabytes) = volumes.fold((0, 0), |(n, g), volume| (n + 1, g + i64::from(volume.size)));
        let floating = cloud.floating.iter().filter(|floating| floating.project == ix).count() as i64;
        let used = cloud.project(ix).used;
        cloud.projects[ix as usize].quota = Quota {
            instances: limit(used.instances, 10, 10),
            cores: limit(used.cores, 20, 20),
            ram: limit(used.ram, 51_200, 10_240),
            volumes: limit(count, 10, 10),
            gigabytes: limit(gigabytes, 1_000, 500),
            floating_ips: limit(floating, 10, 10),
        };
    }
}
