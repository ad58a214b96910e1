//! Images: the public ones, and snapshots of instances.

use uuid::Uuid;

use super::ProjectIx;
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
}
