//! An instance: nova's row, with what belongs to it.

use uuid::Uuid;

use super::{FlavorIx, HostIx, ProjectIx, UserIx};
use crate::sim::time::Time;

/// Enums of nova with their words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}

words! {
    /// `nova/compute/vm_states.py`.
    VmState {
        Building = "building",
        Active = "active",
        Paused = "paused",
        Suspended = "suspended",
        Stopped = "stopped",
        Rescued = "rescued",
        Resized = "resized",
        Deleted = "deleted",
        Error = "error",
        ShelvedOffloaded = "shelved_offloaded",
    }
}

words! {
    /// `nova/compute/task_states.py`.
    TaskState {
        Scheduling = "scheduling",
        BlockDeviceMapping = "block_device_mapping",
        Networking = "networking",
        Spawning = "spawning",
        Deleting = "deleting",
        PoweringOff = "powering-off",
        PoweringOn = "powering-on",
        Rebooting = "rebooting",
        RebootStarted = "reboot_started",
        RebootingHard = "rebooting_hard",
        Pausing = "pausing",
        Unpausing = "unpausing",
        Suspending = "suspending",
        Resuming = "resuming",
        Rescuing = "rescuing",
        Unrescuing = "unrescuing",
        ResizePrep = "resize_prep",
        ResizeMigrating = "resize_migrating",
        ResizeMigrated = "resize_migrated",
        ResizeFinish = "resize_finish",
        ResizeReverting = "resize_reverting",
        Migrating = "migrating",
        Rebuilding = "rebuilding",
        RebuildSpawning = "rebuild_spawning",
        ImageSnapshot = "image_snapshot",
        ImageUploading = "image_uploading",
        Shelving = "shelving",
        ShelvingUploading = "shelving_image_uploading",
        ShelvingOffloading = "shelving_offloading",
        Unshelving = "unshelving",
    }
}

/// `nova/compute/power_state.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Power {
    NoState = 0,
    Running = 1,
    Paused = 3,
    Shutdown = 4,
    Suspended = 7,
}

pub struct Instance {
    pub id: Uuid,
    pub name: Box<str>,
    /// `instance-0000002a`.
    pub number: u32,
    pub project: ProjectIx,
    pub user: UserIx,
    pub flavor: FlavorIx,
    /// Its place among the images; `None`: booted from a volume.
    pub image: Option<u16>,
    pub host: Option<HostIx>,
    /// The zone that was asked for.
    pub zone: Option<u8>,
    pub vm_state: VmState,
    pub task_state: Option<TaskState>,
    pub power: Power,
    pub locked: bool,
    /// A client made it: the story leaves it alone.
    pub foreign: bool,
    pub created: Time,
    pub updated: Time,
    pub launched: Option<Time>,
    pub terminated: Option<Time>,
    pub nic: Option<Nic>,
    /// What few instances have.
    pub extra: Option<Box<Extra>>,
}

/// Its port in its project's network.
#[derive(Clone, Copy, Debug)]
pub struct Nic {
    pub port: Uuid,
    /// Its place in the project's subnet.
    pub address: u16,
    /// Its place among the floating IPs.
    pub floating: Option<u32>,
}

#[derive(Default)]
pub struct Extra {
    /// What was done to it while the story was told, oldest first.
    pub acts: Vec<Act>,
    /// Whether its creation is among them.
    pub born: bool,
    pub fault: Option<Fault>,
    pub hold: Option<Hold>,
    /// Places among the volumes.
    pub volumes: Vec<u32>,
    pub metadata: Vec<(Box<str>, Box<str>)>,
    pub description: Option<Box<str>>,
    pub locked_reason: Option<Box<str>>,
    pub key_name: Option<Box<str>>,
}

/// Why it is in ERROR.
#[derive(Clone, Debug)]
pub struct Fault {
    pub code: u16,
    pub message: String,
    pub details: String,
    pub at: Time,
}

/// What an instance that moves holds on another host: where it goes to, and, once it is there and until that is
/// confirmed, where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    pub host: HostIx,
    pub flavor: FlavorIx,
    /// The migration's number.
    pub migration: u32,
    /// Whether it was shut off before.
    pub stopped: bool,
}

/// An entry of os-instance-actions.
#[derive(Clone, Debug)]
pub struct Act {
    pub name: &'static str,
    pub request: Uuid,
    pub user: UserIx,
    pub project: ProjectIx,
    pub start: Time,
    pub updated: Time,
    pub failed: bool,
    pub events: Vec<ActEvent>,
}

#[derive(Clone, Debug)]
pub struct ActEvent {
    pub name: &'static str,
    pub start: Time,
    pub finish: Option<Time>,
    pub failed: bool,
    /// The host's name: a controller's or a compute's.
    pub host: Box<str>,
}

/// What is kept of one instance's actions.
const ACTS: usize = 50;

impl Instance {
    pub fn is_deleted(&self) -> bool {
        self.vm_state == VmState::Deleted
    }

    /// The `status` of the API, as `nova/api/openstack/common.py` maps it.
    pub fn status(&self) -> &'static str {
        use TaskState as T;
        match (self.vm_state, self.task_state) {
            (_, Some(T::ResizePrep | T::ResizeMigrating | T::ResizeMigrated | T::ResizeFinish)) => "RESIZE",
            (VmState::Active, Some(T::Rebooting | T::RebootStarted)) => "REBOOT",
            (VmState::Active, Some(T::RebootingHard)) => "HARD_REBOOT",
            (VmState::Active | VmState::Paused, Some(T::Migrating)) => "MIGRATING",
            (
                VmState::Active | VmState::Stopped | VmState::Error,
                Some(T::Rebuilding | T::RebuildSpawning),
            ) => "REBUILD",
            (VmState::Resized, Some(T::ResizeReverting)) => "REVERT_RESIZE",
            (VmState::Building, _) => "BUILD",
            (VmState::Active, _) => "ACTIVE",
            (VmState::Paused, _) => "PAUSED",
            (VmState::Suspended, _) => "SUSPENDED",
            (VmState::Stopped, _) => "SHUTOFF",
            (VmState::Rescued, _) => "RESCUE",
            (VmState::Resized, _) => "VERIFY_RESIZE",
            (VmState::Deleted, _) => "DELETED",
            (VmState::Error, _) => "ERROR",
            (VmState::ShelvedOffloaded, _) => "SHELVED_OFFLOADED",
        }
    }

    pub fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub fn fault(&self) -> Option<&Fault> {
        self.extra.as_ref()?.fault.as_ref()
    }

    pub fn hold(&self) -> Option<&Hold> {
        self.extra.as_ref()?.hold.as_ref()
    }

    pub fn volumes(&self) -> &[u32] {
        self.extra.as_ref().map_or(&[], |extra| &extra.volumes)
    }

    pub fn acts(&self) -> &[Act] {
        self.extra.as_ref().map_or(&[], |extra| &extra.acts)
    }

    pub fn act(&mut self, request: Uuid) -> Option<&mut Act> {
        self.extra.as_mut()?.acts.iter_mut().rev().find(|act| act.request == request)
    }

    pub fn add_act(&mut self, act: Act) {
        let acts = &mut self.extra().acts;
        if acts.len() >= ACTS {
            acts.remove(0);
        }
        acts.push(act);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_alike() {
        for state in VmState::ALL {
            assert_eq!(VmState::parse(state.as_str()), Some(*state));
        }
        assert_eq!(TaskState::parse("powering-off"), Some(TaskState::PoweringOff));
        assert_eq!(TaskState::parse("dancing"), None);
    }

    #[test]
    fn an_instance_takes_little_memory() {
        // 100,000 of them, with names, indexes and what few have, must fit in about 100 MB.
        assert!(size_of::<Instance>() <= 200, "{}", size_of::<Instance>());
    }
}
