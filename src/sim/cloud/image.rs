//! Images: the public ones, and snapshots of instances.

use uuid::Uuid;

use super::ProjectIx;
use crate::sim::random::Random;
use crate::sim::time::Time;

pub struct Image {
    pub id: Uuid,
    pub name: Box<str>,
    pub owner: ProjectIx,
    pub public: bool,
    /// Bytes; `None` while it is being uploaded.
    pub size: Option<u64>,
    pub min_disk: u32,
    pub created: Time,
    /// The instance that it is a snapshot of.
    pub of: Option<Uuid>,
    /// glance keeps the row and hides it.
    pub deleted: bool,
}

impl Image {
    pub fn status(&self) -> &'static str {
        if self.size.is_some() { "active" } else { "queued" }
    }

    /// MD5 has 32 digits; there is nothing to take it of.
    pub fn checksum(&self) -> Option<String> {
        self.size.map(|_| Random::stream(self.id.as_u64_pair().0, "checksum").hex(32))
    }

    /// SHA-512 has 128.
    pub fn hash(&self) -> Option<String> {
        self.size.map(|_| Random::stream(self.id.as_u64_pair().0, "hash").hex(128))
    }
}
