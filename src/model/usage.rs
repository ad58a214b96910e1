//! What projects have used over a time.

use jiff::Timestamp;

use super::Text;

/// From when until when; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// What the instances of a project have used over a period (`os-simple-tenant-usage`), those that were deleted in it
/// among them. nova counts from the launch to the deletion, whether an instance runs or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// The project's id.
    pub project: Text,
    /// Hours that its instances were there, added up.
    pub hours: f64,
    pub vcpu_hours: f64,
    /// MiB times hours.
    pub ram_mb_hours: f64,
    /// GiB times hours, of root and ephemeral disks.
    pub disk_gb_hours: f64,
    /// The period that nova has counted: it ends now, if a later end was asked for.
    pub start: Option<Timestamp>,
    pub stop: Option<Timestamp>,
    /// Its instances; `None` where they were not asked for.
    pub servers: Option<Vec<ServerUsage>>,
}

impl Usage {
    /// Nothing at all.
    pub fn none(project: Text, period: &Period) -> Self {
        Self {
            project,
            hours: 0.0,
            vcpu_hours: 0.0,
            ram_mb_hours: 0.0,
            disk_gb_hours: 0.0,
            start: Some(period.start),
            stop: Some(period.end),
            servers: Some(Vec::new()),
        }
    }

    /// The same project on the next page, with other instances.
    pub fn add(&mut self, more: Self) {
        self.hours += more.hours;
        self.vcpu_hours += more.vcpu_hours;
        self.ram_mb_hours += more.ram_mb_hours;
        self.disk_gb_hours += more.disk_gb_hours;
        // Each page ends at its own now.
        self.stop = self.stop.max(more.stop);
        match (&mut self.servers, more.servers) {
            (Some(servers), Some(more)) => servers.extend(more),
            (servers, _) => *servers = None,
        }
    }
}

/// One instance's part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerUsage {
    pub id: Option<Text>,
    pub name: Text,
    /// Its flavor's name when it was made; empty where the flavor is gone.
    pub flavor: Text,
    /// nova's `vm_state`, or `terminated`.
    pub state: Text,
    /// Hours that it was there in the period.
    pub hours: f64,
    pub vcpus: Option<u64>,
    /// MiB.
    pub memory_mb: Option<u64>,
    /// GiB.
    pub local_gb: Option<u64>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}
