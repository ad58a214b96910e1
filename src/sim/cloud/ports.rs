//! Ports: almost all follow from what they belong to; this is the index that finds them by id, in neutron's
//! order.

use std::collections::BTreeMap;
use std::ops::Bound;

use uuid::Uuid;

use super::{ProjectIx, Slot};

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRef {
    Instance(Slot),
    /// Of the project's network.
    Dhcp(ProjectIx),
    /// Of the project's router: in its own network, and in the public one.
    Interface(ProjectIx),
    Gateway(ProjectIx),
    Floating(u32),
}

#[derive(Default)]
pub struct Ports(BTreeMap<Uuid, PortRef>);

impl Ports {
    pub fn insert(&mut self, id: Uuid, port: PortRef) {
        self.0.insert(id, port);
    }

    pub fn remove(&mut self, id: Uuid) {
        self.0.remove(&id);
    }

    pub fn get(&self, id: Uuid) -> Option<PortRef> {
        self.0.get(&id).copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By id, from behind `marker` on.
    pub fn from(&self, marker: Option<Uuid>) -> impl DoubleEndedIterator<Item = (Uuid, PortRef)> {
        let from = marker.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range((from, Bound::Unbounded)).map(|(id, port)| (*id, *port))
    }
}

/// A floating IP.
pub struct Floating {
    pub id: Uuid,
    pub project: ProjectIx,
    /// Its number in the public network.
    pub address: u16,
    /// The instance that has it.
    pub slot: Option<Slot>,
    pub created: super::Time,
    pub updated: super::Time,
}

impl Floating {
    /// The public network is 198.18.0.0/16, which nobody routes.
    pub fn address(&self) -> String {
        public(self.address)
    }
}

/// The `n`th address of the public network.
pub fn public(n: u16) -> String {
    format!("198.18.{}.{}", n >> 8, n & 255)
}
