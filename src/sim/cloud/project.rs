//! Projects with their network, limits and books.

use serde::Serialize;
use uuid::Uuid;

use super::UserIx;
use crate::sim::random::derived;
use crate::sim::time::Time;

pub type ProjectIx = u32;

/// Limits; -1 is unlimited.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quota {
    pub instances: i64,
    pub cores: i64,
    /// MiB.
    pub ram: i64,
    pub volumes: i64,
    pub gigabytes: i64,
    pub floating_ips: i64,
}

/// What counts against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub instances: i64,
    pub cores: i64,
    pub ram: i64,
}

pub struct Project {
    pub id: Uuid,
    pub name: Box<str>,
    pub description: &'static str,
    /// Who acts in it.
    pub user: UserIx,
    pub created: Time,
    pub quota: Quota,
    pub used: Tally,
    /// Its network's number, for addresses; `None`: it has no network.
    pub network: Option<u16>,
    /// The next address of its subnet that was never used.
    pub next_address: u16,
    /// Addresses that were given back.
    pub free: Vec<u16>,
    /// How many names it has given to instances.
    pub named: u32,
}

/// Addresses of a /20 that guests may have: less network, gateway, DHCP and broadcast.
const ADDRESSES: u16 = 4_090;

impl Project {
    pub fn network_id(&self) -> Uuid {
        derived(self.id, "network")
    }

    pub fn subnet_id(&self) -> Uuid {
        derived(self.id, "subnet")
    }

    pub fn router_id(&self) -> Uuid {
        derived(self.id, "router")
    }

    pub fn network_name(&self) -> String {
        format!("{}-net", self.name)
    }

    /// Its subnet's `n`th address.
    pub fn address(&self, n: u16) -> String {
        let base = u32::from(self.network.unwrap_or(0)) << 12 | u32::from(n);
        format!("10.{}.{}.{}", base >> 16 & 255, base >> 8 & 255, base & 255)
    }

    pub fn cidr(&self) -> String {
        format!("{}/20", self.address(0))
    }

    /// An address that nobody has; `None` when the subnet is full.
    pub fn lease(&mut self) -> Option<u16> {
        self.network?;
        if let Some(address) = self.free.pop() {
            return Some(address);
        }
        (self.next_address < ADDRESSES).then(|| {
            self.next_address += 1;
            self.next_address - 1
        })
    }

    /// Addresses of guests that are in use.
    pub fn leased(&self) -> usize {
        // The first three are the network's, the gateway's and DHCP's.
        usize::from(self.next_address) - self.free.len() - 3
    }
}
