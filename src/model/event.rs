use jiff::Timestamp;

use super::{Identified, PowerState, Text};

/// What a service said over the bus: an oslo notification, of which only what is named here was kept. Payloads
/// may hold tokens (nova's scheduler puts a live one into its unversioned ones).
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `message_id`: one that is delivered again has the same.
    pub id: Text,
    /// When it was sent, by the sender's clock.
    pub at: Option<Timestamp>,
    /// `compute.instance.create.end`, `instance.create.end` …
    pub kind: Text,
    /// `INFO`, `ERROR` …
    pub priority: Text,
    /// `nova-compute`, `compute` … and the host that it runs on.
    pub publisher: Text,
    pub host: Option<Text>,
    pub request_id: Option<Text>,
    pub project_id: Option<Text>,
    /// What it says of an instance.
    pub instance: Option<Box<News>>,
    /// What went wrong, in the service's words.
    pub message: Option<Text>,
    /// The same step said once more, in nova's other format: it has the id of the first, and no line of its own.
    pub is_twin: bool,
}

impl Identified for Event {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// What a notification says of an instance: `None` is "not said".
#[derive(Clone, Debug, PartialEq, Default)]
pub struct News {
    pub id: Text,
    pub name: Option<Text>,
    pub vm_state: Option<Text>,
    /// `Some(None)`: no task is under way.
    pub task_state: Option<Option<Text>>,
    pub power_state: Option<PowerState>,
    pub host: Option<Text>,
    pub hypervisor_hostname: Option<Text>,
    /// It is gone: the notification is about its end.
    pub deleted: bool,
}

impl News {
    /// The status as nova's API would give it (`nova/api/openstack/common.py`, `_STATE_MAP`).
    pub fn status(vm_state: &str, task_state: Option<&str>) -> &'static str {
        let task = task_state.unwrap_or_default();
        let rebuilds = matches!(task, "rebuilding" | "rebuild_block_device_mapping" | "rebuild_spawning");
        let resizes =
            matches!(task, "resize_prep" | "resize_migrating" | "resize_migrated" | "resize_finish");
        match vm_state {
            "active" => match task {
                "rebooting" | "reboot_pending" | "reboot_started" => "REBOOT",
                "rebooting_hard" | "reboot_pending_hard" | "reboot_started_hard" => "HARD_REBOOT",
                "updating_password" => "PASSWORD",
                "migrating" => "MIGRATING",
                _ if rebuilds => "REBUILD",
                _ if resizes => "RESIZE",
                _ => "ACTIVE",
            },
            "building" => "BUILD",
            "stopped" if resizes => "RESIZE",
            "stopped" if rebuilds => "REBUILD",
            "stopped" => "SHUTOFF",
            "resized" if task == "resize_reverting" => "REVERT_RESIZE",
            "resized" => "VERIFY_RESIZE",
            "paused" if task == "migrating" => "MIGRATING",
            "paused" => "PAUSED",
            "suspended" => "SUSPENDED",
            "rescued" => "RESCUE",
            "error" if rebuilds => "REBUILD",
            "error" => "ERROR",
            "deleted" => "DELETED",
            "soft-delete" => "SOFT_DELETED",
            "shelved" => "SHELVED",
            "shelved_offloaded" => "SHELVED_OFFLOADED",
            _ => "UNKNOWN",
        }
    }
}
