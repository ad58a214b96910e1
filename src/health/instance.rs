//! An instance, judged by its states (operations.md §2.4).

use jiff::Timestamp;

use super::Verdict;
use crate::model::{Instance, PowerState};

/// The verdict alone.
pub fn verdict(instance: &Instance) -> Verdict {
    if instance.partial {
        return Verdict::Unknown;
    }
    match instance.status.as_ref() {
        "ERROR" => Verdict::Critical,
        "UNKNOWN" => Verdict::Unknown,
        _ if instance.task_state.is_some() => Verdict::Busy,
        "ACTIVE" if host_lost(instance) => Verdict::Warning,
        "ACTIVE" => match instance.power_state {
            PowerState::Running | PowerState::Unknown => Verdict::Ok,
            _ => Verdict::Warning,
        },
        "BUILD" | "REBUILD" | "RESIZE" | "MIGRATING" | "REBOOT" | "HARD_REBOOT" | "PASSWORD"
        | "REVERT_RESIZE" => Verdict::Busy,
        "VERIFY_RESIZE" | "RESCUE" => Verdict::Info,
        "SHUTOFF" | "PAUSED" | "SUSPENDED" | "SHELVED" | "SHELVED_OFFLOADED" | "DELETED" | "SOFT_DELETED" => {
            Verdict::Disabled
        }
        _ => Verdict::Unknown,
    }
}

fn host_lost(instance: &Instance) -> bool {
    matches!(instance.host_status.as_deref(), Some("DOWN" | "UNKNOWN"))
}

/// When it came to be in ERROR, as far as nova tells: faults are asked for a hundred at a time, and `updated` is no
/// earlier.
pub fn failed_at(instance: &Instance) -> Option<Timestamp> {
    let fault = instance.fault.as_ref().and_then(|fault| fault.created);
    fault.or(instance.updated).filter(|_| &*instance.status == "ERROR")
}

/// Why, in words; `None` when there is nothing to say.
pub fn words(instance: &Instance) -> Option<String> {
    let id = instance.id.get(..8).unwrap_or(&instance.id);
    if instance.partial {
        let name = if instance.is_bare() { id } else { &instance.name };
        return Some(format!(
            "{name}'s cell does not answer: what stands here is older, or unknown; its cell's database and broker first"
        ));
    }
    match instance.status.as_ref() {
        "ERROR" => Some(match &instance.fault {
            Some(fault) => fault.message.to_string(),
            None => "ERROR without a fault: look at its events".to_owned(),
        }),
        "VERIFY_RESIZE" => {
            Some("resized and waiting: `openstack server resize confirm` or `revert`".to_owned())
        }
        "ACTIVE" if host_lost(instance) => Some(format!(
            "its host {} is not heard from (host_status {}); the guest may still run",
            instance.host.as_deref().unwrap_or("?"),
            instance.host_status.as_deref().unwrap_or("?"),
        )),
        "ACTIVE"
            if instance.task_state.is_none()
                && !matches!(instance.power_state, PowerState::Running | PowerState::Unknown) =>
        {
            Some(format!(
                "nova wants it ACTIVE, the hypervisor says {}: start or hard-reboot it",
                instance.power_state.as_str()
            ))
        }
        _ => instance.locked.then(|| match &instance.locked_reason {
            Some(reason) => format!("locked: {reason}"),
            None => "locked".to_owned(),
        }),
    }
}
