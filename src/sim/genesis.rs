//! The cloud as it stands when the story begins: everything here follows from the seed, the sizes and the
//! scenario.

mod guests;
mod hosts;
pub(super) mod names;
mod storage;
mod tenants;

pub(super) use guests::Tenants;
pub use tenants::PASSWORD;

use super::cloud::{Cloud, Credential, Instances, Ports};
use super::random::{Random, derived};
use super::scenario::Scenario;
use super::time::{DAY, Time};

/// How large a cloud, and which.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub hypervisors: usize,
    pub instances: usize,
    pub seed: u64,
}

impl Plan {
    /// Tenants: one for 50 instances; the largest clouds have about 2,000.
    pub fn projects(&self) -> usize {
        (self.instances / 50).clamp(3, 2_000)
    }
}

/// How long the cloud existed before.
pub const HISTORY: i64 = 400 * DAY;

/// Everything of the cloud, at the time at which its story begins.
pub fn create(plan: Plan, scenario: &Scenario, begins: Time) -> Cloud {
    let mut random = Random::stream(plan.seed, "genesis");
    let id = random.uuid();
    let mut cloud = Cloud {
        id,
        opened: begins,
        now: begins,
        region: "RegionOne",
        zones: hosts::zones(plan.hypervisors),
        controllers: hosts::controllers(id),
        bus: hosts::bus(scenario, begins),
        hosts: Vec::new(),
        aggregates: Vec::new(),
        images: Vec::new(),
        projects: Vec::new(),
        users: Vec::new(),
        credential: Credential {
            id: derived(id, "application credential"),
            name: "stackwatch",
            secret: Random::stream(plan.seed, "credential").hex(64),
            user: 0,
        },
        instances: Instances::default(),
        ports: Ports::default(),
        floating: Vec::new(),
        backends: storage::backends(),
        volumes: Vec::new(),
        snapshots: Vec::new(),
        migrations: Default::default(),
        next_migration: 1,
        next_instance: 1,
    };
    hosts::found(&mut cloud, plan, scenario);
    tenants::found(&mut cloud, plan, scenario);
    storage::images(&mut cloud);
    guests::settle(&mut cloud, plan, scenario, &mut random);
    storage::snapshots(&mut cloud, &mut random);
    tenants::limits(&mut cloud, scenario);
    cloud
}
