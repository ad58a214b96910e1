//! What can be done to an instance: its names in nova, from which states, through which stages.

use crate::sim::cloud::{FlavorIx, HostIx, Instance, TaskState, VmState};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Delete,
    Stop,
    Start,
    Reboot {
        hard: bool,
    },
    Pause,
    Unpause,
    Suspend,
    Resume,
    Rescue,
    Unrescue,
    Shelve,
    Unshelve,
    Resize(FlavorIx),
    Migrate,
    Confirm,
    Revert,
    LiveMigrate(Option<HostIx>),
    Evacuate,
    Rebuild,
    /// Into the image at this place.
    Snapshot(u16),
}

/// A task state, and how many milliseconds it lasts on average.
type Stage = (Option<TaskState>, i64);

impl Op {
    /// Its name in os-instance-actions.
    pub fn action(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Reboot { .. } => "reboot",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Rescue => "rescue",
            Self::Unrescue => "unrescue",
            Self::Shelve => "shelve",
            Self::Unshelve => "unshelve",
            Self::Resize(_) => "resize",
            Self::Migrate => "migrate",
            Self::Confirm => "confirmResize",
            Self::Revert => "revertResize",
            Self::LiveMigrate(_) => "live-migration",
            Self::Evacuate => "evacuate",
            Self::Rebuild => "rebuild",
            Self::Snapshot(_) => "createImage",
        }
    }

    /// The word that nova's conflicts name it by.
    pub fn verb(self) -> &'static str {
        match self {
            Self::LiveMigrate(_) => "os-migrateLive",
            _ => self.action(),
        }
    }

    /// The message that a compute gets.
    pub fn method(self) -> &'static str {
        match self {
            Self::Create => "build_and_run_instance",
            Self::Delete => "terminate_instance",
            Self::Stop => "stop_instance",
            Self::Start => "start_instance",
            Self::Reboot { .. } => "reboot_instance",
            Self::Pause => "pause_instance",
            Self::Unpause => "unpause_instance",
            Self::Suspend => "suspend_instance",
            Self::Resume => "resume_instance",
            Self::Rescue => "rescue_instance",
            Self::Unrescue => "unrescue_instance",
            Self::Shelve => "shelve_instance",
            Self::Unshelve => "unshelve_instance",
            Self::Resize(_) | Self::Migrate => "prep_resize",
            Self::Confirm => "confirm_resize",
            Self::Revert => "revert_resize",
            Self::LiveMigrate(_) => "live_migration",
            Self::Evacuate | Self::Rebuild => "rebuild_instance",
            Self::Snapshot(_) => "snapshot_instance",
        }
    }

    /// The event of its action on the compute.
    pub fn event(self) -> &'static str {
        match self {
            Self::Create => "compute__do_build_and_run_instance",
            Self::Delete => "compute_terminate_instance",
            Self::Stop => "compute_stop_instance",
            Self::Start => "compute_start_instance",
            Self::Reboot { .. } => "compute_reboot_instance",
            Self::Pause => "compute_pause_instance",
            Self::Unpause => "compute_unpause_instance",
            Self::Suspend => "compute_suspend_instance",
            Self::Resume => "compute_resume_instance",
            Self::Rescue => "compute_rescue_instance",
            Self::Unrescue => "compute_unrescue_instance",
            Self::Shelve => "compute_shelve_instance",
            Self::Unshelve => "compute_unshelve_instance",
            Self::Resize(_) | Self::Migrate => "compute_prep_resize",
            Self::Confirm => "compute_confirm_resize",
            Self::Revert => "compute_revert_resize",
            Self::LiveMigrate(_) => "compute_live_migration",
            Self::Evacuate | Self::Rebuild => "compute_rebuild_instance",
            Self::Snapshot(_) => "compute_snapshot_instance",
        }
    }

    pub(super) fn stages(self) -> &'static [Stage] {
        use TaskState as T;
        match self {
            Self::Create => &[
                (Some(T::Scheduling), 700),
                (Some(T::Networking), 1_300),
                (Some(T::BlockDeviceMapping), 400),
                (Some(T::Spawning), 4_500),
            ],
            Self::Delete => &[(Some(T::Deleting), 200), (Some(T::Deleting), 1_300)],
            Self::Stop => &[(Some(T::PoweringOff), 200), (Some(T::PoweringOff), 3_000)],
            Self::Start => &[(Some(T::PoweringOn), 200), (Some(T::PoweringOn), 1_500)],
            Self::Reboot { hard: false } => &[(Some(T::Rebooting), 300), (Some(T::RebootStarted), 2_500)],
            Self::Reboot { hard: true } => &[(Some(T::RebootingHard), 300), (Some(T::RebootingHard), 4_000)],
            Self::Pause => &[(Some(T::Pausing), 200), (Some(T::Pausing), 500)],
            Self::Unpause => &[(Some(T::Unpausing), 200), (Some(T::Unpausing), 500)],
            Self::Suspend => &[(Some(T::Suspending), 200), (Some(T::Suspending), 3_000)],
            Self::Resume => &[(Some(T::Resuming), 200), (Some(T::Resuming), 2_500)],
            Self::Rescue => &[(Some(T::Rescuing), 200), (Some(T::Rescuing), 4_000)],
            Self::Unrescue => &[(Some(T::Unrescuing), 200), (Some(T::Unrescuing), 3_000)],
            Self::Shelve => &[
                (Some(T::Shelving), 400),
                (Some(T::ShelvingUploading), 6_000),
                (Some(T::ShelvingOffloading), 800),
            ],
            Self::Unshelve => &[(Some(T::Unshelving), 800), (Some(T::Spawning), 5_000)],
            Self::Resize(_) | Self::Migrate => &[
                (Some(T::ResizePrep), 600),
                (Some(T::ResizeMigrating), 4_000),
                (Some(T::ResizeMigrated), 400),
                (Some(T::ResizeFinish), 1_200),
            ],
            Self::Confirm => &[(None, 200), (None, 800)],
            Self::Revert => &[(Some(T::ResizeReverting), 300), (Some(T::ResizeReverting), 2_500)],
            Self::LiveMigrate(_) => &[(Some(T::Migrating), 900), (Some(T::Migrating), 9_000)],
            Self::Evacuate | Self::Rebuild => {
                &[(Some(T::Rebuilding), 700), (Some(T::RebuildSpawning), 4_000)]
            }
            Self::Snapshot(_) => &[(Some(T::ImageSnapshot), 400), (Some(T::ImageUploading), 8_000)],
        }
    }

    /// Whether nova does it in this state; the task is judged apart.
    pub(super) fn is_allowed(self, instance: &Instance) -> bool {
        use VmState as V;
        let among = |states: &[V]| states.contains(&instance.vm_state);
        match self {
            Self::Create => false,
            Self::Delete => true,
            Self::Stop => among(&[V::Active, V::Error]),
            Self::Start => among(&[V::Stopped]),
            Self::Reboot { hard: false } => among(&[V::Active]),
            Self::Reboot { hard: true } => {
                among(&[V::Active, V::Stopped, V::Paused, V::Suspended, V::Error])
                    && instance.launched.is_some()
            }
            Self::Pause | Self::Suspend => among(&[V::Active]),
            Self::Unpause => among(&[V::Paused]),
            Self::Resume => among(&[V::Suspended]),
            Self::Rescue => among(&[V::Active, V::Stopped, V::Error]),
            Self::Unrescue => among(&[V::Rescued]),
            Self::Shelve => among(&[V::Active, V::Stopped, V::Paused, V::Suspended]),
            Self::Unshelve => among(&[V::ShelvedOffloaded]),
            Self::Resize(_) | Self::Migrate => among(&[V::Active, V::Stopped]),
            Self::Confirm | Self::Revert => among(&[V::Resized]),
            Self::LiveMigrate(_) => among(&[V::Active, V::Paused]),
            Self::Evacuate => among(&[V::Active, V::Stopped, V::Error]),
            Self::Rebuild => among(&[V::Active, V::Stopped, V::Error]),
            Self::Snapshot(_) => among(&[V::Active, V::Stopped, V::Paused, V::Suspended]),
        }
    }

    /// Deleting works whatever else is under way.
    pub(super) fn needs_rest(self) -> bool {
        !matches!(self, Self::Create | Self::Delete | Self::Reboot { hard: true })
    }
}
