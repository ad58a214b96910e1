//! Flavors, and amounts of what they ask for.

use std::ops::{AddAssign, SubAssign};

use serde::Serialize;

pub type FlavorIx = u8;

/// vCPUs, MiB of memory, GiB of disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    pub vcpus: u32,
    pub ram: u32,
    pub disk: u32,
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.vcpus += other.vcpus;
        self.ram += other.ram;
        self.disk += other.disk;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        self.vcpus = self.vcpus.saturating_sub(other.vcpus);
        self.ram = self.ram.saturating_sub(other.ram);
        self.disk = self.disk.saturating_sub(other.disk);
    }
}

#[derive(Debug)]
pub struct Flavor {
    pub id: &'static str,
    pub name: &'static str,
    pub vcpus: u32,
    /// MiB.
    pub ram: u32,
    /// GiB.
    pub disk: u32,
    /// How often it is asked for; 0: only on purpose.
    pub weight: u32,
    pub extra_specs: &'static [(&'static str, &'static str)],
}

impl Flavor {
    pub fn amount(&self) -> Amount {
        Amount { vcpus: self.vcpus, ram: self.ram, disk: self.disk }
    }

    /// The pool of hosts that alone take it.
    pub fn pool(&self) -> Option<&'static str> {
        self.extra_specs
            .iter()
            .find(|(key, _)| *key == "aggregate_instance_extra_specs:pool")
            .map(|(_, pool)| *pool)
    }

    pub fn find(id_or_name: &str) -> Option<FlavorIx> {
        let by_id = FLAVORS.iter().position(|flavor| flavor.id == id_or_name);
        by_id.or_else(|| FLAVORS.iter().position(|flavor| flavor.name == id_or_name)).map(|ix| ix as FlavorIx)
    }
}

const fn flavor(id: &'static str, name: &'static str, size: (u32, u32, u32), weight: u32) -> Flavor {
    Flavor { id, name, vcpus: size.0, ram: size.1, disk: size.2, weight, extra_specs: &[] }
}

/// The flavors of every simulated cloud.
pub static FLAVORS: &[Flavor] = &[
    flavor("1", "m1.tiny", (1, 512, 1), 10),
    flavor("2", "m1.small", (1, 2_048, 20), 25),
    flavor("3", "m1.medium", (2, 4_096, 40), 30),
    flavor("4", "m1.large", (4, 8_192, 80), 18),
    flavor("5", "m1.xlarge", (8, 16_384, 160), 5),
    Flavor {
        extra_specs: &[("hw:cpu_policy", "shared"), ("quota:cpu_shares", "2048")],
        ..flavor("6", "c1.large", (8, 8_192, 40), 6)
    },
    Flavor { extra_specs: &[("hw:mem_page_size", "large")], ..flavor("7", "r1.large", (4, 32_768, 40), 6) },
    Flavor {
        extra_specs: &[
            ("aggregate_instance_extra_specs:pool", "gpu"),
            ("hw:pci_numa_affinity_policy", "preferred"),
        ],
        ..flavor("8", "g1.large", (8, 32_768, 100), 0)
    },
    Flavor {
        extra_specs: &[("aggregate_instance_extra_specs:pool", "analytics")],
        ..flavor("9", "a1.large", (8, 16_384, 200), 0)
    },
    // No host has so much.
    flavor("99", "x1.impossible", (960, 16_777_216, 10), 0),
];

/// The flavor that nobody can have.
pub const TOO_BIG: FlavorIx = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavors_are_found_by_id_and_by_name() {
        assert_eq!(Flavor::find("99"), Some(TOO_BIG));
        assert_eq!(Flavor::find("x1.impossible"), Some(TOO_BIG));
        assert_eq!(Flavor::find("nope"), None);
        assert_eq!(FLAVORS[7].pool(), Some("gpu"));
    }
}
