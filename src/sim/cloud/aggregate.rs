//! Host aggregates.

use uuid::Uuid;

use super::HostIx;
use crate::sim::time::Time;

pub struct Aggregate {
    pub number: u32,
    pub id: Uuid,
    pub name: Box<str>,
    /// Sorted.
    pub hosts: Vec<HostIx>,
    /// Its availability zone, if it makes one.
    pub zone: Option<u8>,
    pub metadata: Vec<(&'static str, Box<str>)>,
    pub created: Time,
}

impl Aggregate {
    pub fn has(&self, host: HostIx) -> bool {
        self.hosts.binary_search(&host).is_ok()
    }

    pub fn pool(&self) -> Option<&str> {
        self.metadata.iter().find(|(key, _)| *key == "pool").map(|(_, pool)| &**pool)
    }
}
