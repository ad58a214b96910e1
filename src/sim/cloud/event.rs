//! What happens, step by step: the story as others can hear it. The broker makes messages and queues of it, the
//! logs their lines; tests compare it.

use serde::Serialize;
use uuid::Uuid;

use super::HostIx;
use crate::sim::time::Time;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counted from 1 for each cloud.
    pub number: u64,
    pub at: Time,
    /// The request that led to it (`req-` and this id); none for what happens by itself.
    pub request: Option<Uuid>,
    pub instance: Option<Uuid>,
    pub host: Option<HostIx>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// nova-api took it on.
    Accepted {
        action: &'static str,
    },
    /// nova-api refused.
    Refused {
        action: &'static str,
        why: String,
    },
    /// nova-scheduler chose the host.
    Scheduled,
    /// nova-scheduler chose none, of so many that Placement named.
    NoValidHost {
        candidates: usize,
    },
    /// A message for the host's queue.
    Cast {
        method: &'static str,
    },
    /// nobody took it from the queue: it waits there.
    Stranded {
        method: &'static str,
    },
    /// nova-compute claims the resources.
    Claimed,
    /// An instance's states changed; nova notifies of each.
    State {
        vm_state: &'static str,
        task_state: Option<&'static str>,
        old_vm_state: &'static str,
        old_task_state: Option<&'static str>,
    },
    /// Milliseconds from claim to running guest.
    Spawned {
        took: i64,
    },
    SpawnFailed {
        why: String,
    },
    Rescheduled,
    /// An action is over.
    Finished {
        action: &'static str,
        failed: bool,
    },
    Migration {
        number: u32,
        status: &'static str,
    },
    /// nova-compute stopped to report; a minute later nova calls it down.
    HostSilent,
    HostDown,
    HostBack,
    /// nobody consumes its queue any more, or somebody does again.
    HostDeaf,
    HostHears,
    HostRebooted,
    HostDisabled {
        reason: String,
    },
    HostEnabled,
    Leaked {
        vcpus: u32,
        ram: u32,
    },
    BackendSilent {
        backend: String,
    },
    BackendBack {
        backend: String,
    },
    BusSplit {
        hosts: usize,
    },
    BusHealed {
        hosts: usize,
    },
    /// A node of the broker stopped, and runs again.
    NodeLost {
        node: String,
    },
    NodeBack {
        node: String,
    },
    /// The broker blocks whoever publishes, and no longer does.
    Alarm {
        node: String,
        resource: &'static str,
    },
    AlarmOver {
        node: String,
        resource: &'static str,
    },
    VolumeDetached {
        volume: Uuid,
    },
    ImageSaved {
        image: Uuid,
    },
}
