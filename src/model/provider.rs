use jiff::Timestamp;

use super::{Identified, Text};

/// A root resource provider of Placement, with what was read of it so far.
///
/// Its id is the hypervisor's UUID, its name the `hypervisor_hostname`. Inventories and usages cost a call
/// each per provider, so each has an age of its own; until read they are unknown, never a default ratio.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    pub id: Text,
    pub name: Text,
    /// `GET /resource_providers/{id}/inventories`, and when it was read.
    pub inventories: Option<(Timestamp, Vec<(ResourceClass, Inventory)>)>,
    /// `GET /resource_providers/{id}/usages`, and when it was read.
    pub usages: Option<(Timestamp, Vec<(ResourceClass, u64)>)>,
}

/// The resource classes that the dashboard understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceClass {
    Vcpu,
    /// Pinned CPUs; nova's `vcpus_used` counts them together with `VCPU`.
    Pcpu,
    /// MiB.
    MemoryMb,
    /// GiB.
    DiskGb,
}

/// What a provider has of one class: capacity is `(total - reserved) * allocation_ratio`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inventory {
    pub total: u64,
    pub reserved: u64,
    pub allocation_ratio: f64,
}

impl Inventory {
    /// What the scheduler may hand out, in the class's own unit.
    pub fn capacity(&self) -> f64 {
        self.total.saturating_sub(self.reserved) as f64 * self.allocation_ratio
    }
}

impl Provider {
    pub fn inventory(&self, class: ResourceClass) -> Option<Inventory> {
        let (_, list) = self.inventories.as_ref()?;
        list.iter().find(|(c, _)| *c == class).map(|(_, inventory)| *inventory)
    }

    pub fn usage(&self, class: ResourceClass) -> Option<u64> {
        let (_, list) = self.usages.as_ref()?;
        list.iter().find(|(c, _)| *c == class).map(|(_, used)| *used)
    }
}

impl Identified for Provider {
    fn id(&self) -> &Text {
        &self.id
    }
}
