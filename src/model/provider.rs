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

    /// What the scheduler may hand out of a class. CPUs count together, pinned or not, as they do in nova's
    /// `vcpus_used`.
    pub fn capacity(&self, class: ResourceClass) -> Option<f64> {
        let pinned = self.inventory(ResourceClass::Pcpu).filter(|_| class == ResourceClass::Vcpu);
        let both = self.inventory(class).into_iter().chain(pinned);
        both.map(|inventory| inventory.capacity()).reduce(|a, b| a + b)
    }

    /// What is in use of a class, CPUs together like their capacity.
    pub fn in_use(&self, class: ResourceClass) -> Option<u64> {
        let pinned = self.usage(ResourceClass::Pcpu).filter(|_| class == ResourceClass::Vcpu);
        self.usage(class).into_iter().chain(pinned).reduce(|a, b| a + b)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(of: &[(ResourceClass, u64, f64)]) -> Provider {
        let inventories = of.iter().map(|&(class, total, allocation_ratio)| {
            (class, Inventory { total, reserved: 0, allocation_ratio })
        });
        Provider {
            id: "p".into(),
            name: "cmp01".into(),
            inventories: Some((Timestamp::UNIX_EPOCH, inventories.collect())),
            usages: None,
        }
    }

    #[test]
    fn pinned_cpus_count_with_the_others() {
        use ResourceClass::{MemoryMb, Pcpu, Vcpu};
        for (of, class, expected) in [
            (&[(Vcpu, 24, 4.0), (Pcpu, 8, 1.0)][..], Vcpu, Some(104.0)),
            (&[(Vcpu, 24, 4.0)], Vcpu, Some(96.0)),
            (&[(Pcpu, 8, 1.0)], Vcpu, Some(8.0)),
            (&[(Vcpu, 24, 4.0), (Pcpu, 8, 1.0)], MemoryMb, None),
            (&[(MemoryMb, 1_024, 1.5), (Pcpu, 8, 1.0)], MemoryMb, Some(1_536.0)),
            (&[], Vcpu, None),
        ] {
            assert_eq!(provider(of).capacity(class), expected, "{of:?}");
        }
    }
}
