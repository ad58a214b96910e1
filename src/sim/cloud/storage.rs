//! Volumes, their snapshots and the backends that hold them.

use uuid::Uuid;

use super::{ProjectIx, SERVICE_DOWN, UserIx, last_report};
use crate::sim::time::Time;

/// Volume types; each has the backend of its name, `__DEFAULT__` the first.
pub const VOLUME_TYPES: [&str; 3] = ["ssd", "hdd", "__DEFAULT__"];

pub struct Backend {
    /// `ssd`, `hdd`.
    pub name: &'static str,
    /// The controller that runs it.
    pub host: Box<str>,
    /// GiB.
    pub capacity: u32,
    /// GiB of its volumes.
    pub provisioned: u32,
    pub silent: Option<Time>,
}

impl Backend {
    /// `ctl01@ssd`.
    pub fn service(&self) -> String {
        format!("{}@{}", self.host, self.name)
    }

    /// When it last reported; `n` is its place among the backends.
    pub fn reported(&self, now: Time, n: u32) -> Time {
        last_report(self.silent.unwrap_or(now), n + 4)
    }

    pub fn is_up(&self, now: Time, n: u32) -> bool {
        now.since(self.reported(now, n)) <= SERVICE_DOWN
    }

    /// `ctl01@ssd#ssd`.
    pub fn pool(&self) -> String {
        format!("{}@{}#{}", self.host, self.name, self.name)
    }
}

pub struct Volume {
    pub id: Uuid,
    pub name: Box<str>,
    /// GiB.
    pub size: u32,
    /// Its place among the types.
    pub kind: u8,
    /// Its place among the backends; `None`: no backend took it.
    pub backend: Option<u8>,
    pub project: ProjectIx,
    pub user: UserIx,
    /// The instance that has it.
    pub attached: Option<Uuid>,
    pub bootable: bool,
    pub failed: bool,
    pub deleted: bool,
    pub created: Time,
    pub updated: Time,
}

impl Volume {
    pub fn status(&self) -> &'static str {
        if self.failed {
            "error"
        } else if self.attached.is_some() {
            "in-use"
        } else {
            "available"
        }
    }
}

pub struct Snapshot {
    pub id: Uuid,
    pub name: Box<str>,
    /// Its volume's place.
    pub volume: u32,
    pub size: u32,
    pub project: ProjectIx,
    pub user: UserIx,
    pub created: Time,
}
