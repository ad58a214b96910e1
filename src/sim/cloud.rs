//! The simulated cloud's state: what all its databases hold, as compact rows. Things of the same kind stand in a
//! vector and are named by their place in it; only what clients see by id has one.

mod aggregate;
mod bus;
mod event;
mod flavor;
mod host;
mod identity;
mod image;
mod instance;
mod instances;
mod migration;
mod ports;
mod project;
mod storage;

use std::collections::VecDeque;

use uuid::Uuid;

pub use aggregate::Aggregate;
pub use bus::{Bus, BusNode};
pub use event::{Event, Kind};
pub use flavor::{Amount, FLAVORS, Flavor, FlavorIx, TOO_BIG};
pub use host::{Controller, Host, HostIx, SERVICE_DOWN, last_report};
pub use identity::{Credential, ROLES, Role, User, UserIx};
pub use image::Image;
pub use instance::{Act, ActEvent, Extra, Fault, Hold, Instance, Nic, Power, TaskState, VmState};
pub use instances::{Instances, Slot};
pub use migration::{Migration, Progress};
pub use ports::{Floating, PortRef, Ports, public};
pub use project::{Project, ProjectIx, Quota, Tally};
pub use storage::{Backend, Snapshot, VOLUME_TYPES, Volume};

use super::random::derived;
use super::time::Time;

/// How many deleted instances the databases keep: nova's own keep them until somebody archives them.
const GRAVES: usize = 2_000;
const MIGRATIONS: usize = 1_000;

pub struct Cloud {
    /// From it follow the ids that are kept nowhere.
    pub id: Uuid,
    /// When the cloud opened its doors.
    pub opened: Time,
    /// Up to here the story is told.
    pub now: Time,
    pub region: &'static str,
    pub zones: Vec<&'static str>,
    pub controllers: Vec<Controller>,
    pub bus: Bus,
    pub hosts: Vec<Host>,
    pub aggregates: Vec<Aggregate>,
    pub images: Vec<Image>,
    /// `admin`, `service`, then the tenants.
    pub projects: Vec<Project>,
    /// The administrator, the services' users, then the tenants'.
    pub users: Vec<User>,
    pub credential: Credential,
    pub instances: Instances,
    pub ports: Ports,
    pub floating: Vec<Floating>,
    pub backends: Vec<Backend>,
    pub volumes: Vec<Volume>,
    pub snapshots: Vec<Snapshot>,
    /// Oldest first.
    pub migrations: VecDeque<Migration>,
    /// The number of the next migration.
    pub next_migration: u32,
    /// The number that the next instance's libvirt name carries.
    pub next_instance: u32,
}

impl Cloud {
    /// The id of a single thing of the cloud: a role, a region's service, the public network.
    pub fn derived(&self, role: &str) -> Uuid {
        derived(self.id, role)
    }

    pub fn flavor(&self, ix: FlavorIx) -> &'static Flavor {
        &FLAVORS[usize::from(ix)]
    }

    pub fn project(&self, ix: ProjectIx) -> &Project {
        &self.projects[ix as usize]
    }

    pub fn user(&self, ix: UserIx) -> &User {
        &self.users[ix as usize]
    }

    pub fn host(&self, ix: HostIx) -> &Host {
        &self.hosts[ix as usize]
    }

    pub fn host_named(&self, name: &str) -> Option<HostIx> {
        self.hosts.iter().position(|host| *host.name == *name).map(|ix| ix as HostIx)
    }

    pub fn project_by_id(&self, id: Uuid) -> Option<ProjectIx> {
        self.projects.iter().position(|project| project.id == id).map(|ix| ix as ProjectIx)
    }

    pub fn project_named(&self, name: &str) -> Option<ProjectIx> {
        self.projects.iter().position(|project| *project.name == *name).map(|ix| ix as ProjectIx)
    }

    pub fn zone_of(&self, host: &Host) -> &'static str {
        self.zones.get(usize::from(host.zone)).copied().unwrap_or("nova")
    }

    /// What a host's guests hold, added up anew: the running figures must always equal it.
    pub fn held(&self, host: HostIx) -> (Amount, u32) {
        let mut amount = Amount::default();
        let mut guests = 0;
        for (_, instance) in self.instances.iter().filter(|(_, i)| !i.is_deleted()) {
            if instance.host == Some(host) {
                amount += self.flavor(instance.flavor).amount();
                guests += 1;
            }
            if let Some(hold) = instance.hold().filter(|hold| hold.host == host) {
                amount += self.flavor(hold.flavor).amount();
            }
        }
        (amount, guests)
    }

    /// Moves the books of a host: `guests` is +1, 0 or -1.
    pub fn claim(&mut self, host: HostIx, amount: Amount, guests: i32) {
        let host = &mut self.hosts[host as usize];
        host.used += amount;
        host.guests = host.guests.saturating_add_signed(guests);
        host.generation += 1;
    }

    pub fn release(&mut self, host: HostIx, amount: Amount, guests: i32) {
        let host = &mut self.hosts[host as usize];
        host.used -= amount;
        host.guests = host.guests.saturating_add_signed(-guests);
        host.generation += 1;
    }

    /// Notes a migration; the oldest is forgotten when there are too many.
    pub fn add_migration(&mut self, mut migration: Migration) -> u32 {
        migration.number = self.next_migration;
        self.next_migration += 1;
        if self.migrations.len() >= MIGRATIONS {
            self.migrations.pop_front();
        }
        self.migrations.push_back(migration);
        self.next_migration - 1
    }

    /// Forgets the instances that were deleted first, when there are too many.
    pub fn bury(&mut self) {
        while self.instances.graves() > GRAVES {
            self.instances.forget_oldest();
        }
    }
}
