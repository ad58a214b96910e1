//! Migrations of every kind, as os-migrations lists them.

use uuid::Uuid;

use super::{FlavorIx, HostIx, ProjectIx, UserIx};
use crate::sim::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Queued,
    Running,
    Migrating,
    PostMigrating,
    /// A resize that waits to be confirmed.
    Finished,
    Confirmed,
    Reverted,
    /// A live migration that is over.
    Completed,
    Failed,
}

impl Progress {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Migrating => "migrating",
            Self::PostMigrating => "post-migrating",
            Self::Finished => "finished",
            Self::Confirmed => "confirmed",
            Self::Reverted => "reverted",
            Self::Completed => "completed",
            Self::Failed => "error",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Migration {
    pub number: u32,
    pub id: Uuid,
    pub instance: Uuid,
    pub from: HostIx,
    pub to: HostIx,
    pub old_flavor: FlavorIx,
    pub new_flavor: FlavorIx,
    /// `live-migration`, `migration`, `resize`, `evacuation`.
    pub kind: &'static str,
    pub progress: Progress,
    pub user: UserIx,
    pub project: ProjectIx,
    pub created: Time,
    pub updated: Time,
}
