//! Hosts that fall silent, go deaf, and come back.

use super::{Course, Step, World};
use crate::sim::cloud::{HostIx, Kind, Power, SERVICE_DOWN, Slot, VmState};
use crate::sim::time::SECOND;

impl World {
    fn tell_host(&mut self, host: HostIx, kind: Kind) {
        self.tell(kind, None, None, Some(host));
    }

    /// nova-compute neither reports nor consumes.
    pub fn silence(&mut self, host: HostIx) {
        let now = self.cloud.now;
        let row = &mut self.cloud.hosts[host as usize];
        if row.silent.is_some() {
            return;
        }
        row.silent = Some(now);
        self.tell_host(host, Kind::HostSilent);
        self.deafen(host);
        self.later(SERVICE_DOWN + SECOND, Step::Notice(host));
    }

    /// Nobody consumes its queue any more.
    pub fn deafen(&mut self, host: HostIx) {
        let row = &mut self.cloud.hosts[host as usize];
        if std::mem::replace(&mut row.listens, false) {
            self.tell_host(host, Kind::HostDeaf);
        }
    }

    /// It reports and consumes again, and takes what waited.
    pub fn bring_back(&mut self, host: HostIx) {
        let row = &mut self.cloud.hosts[host as usize];
        let was_silent = row.silent.take().is_some();
        let was_deaf = !std::mem::replace(&mut row.listens, true);
        row.backlog = 0;
        if was_silent {
            self.tell_host(host, Kind::HostBack);
        }
        if was_deaf {
            self.tell_host(host, Kind::HostHears);
        }
        for course in self.story.parked.remove(&host).unwrap_or_default() {
            let waits = self.instance(&course).is_some_and(|instance| !instance.is_deleted());
            if waits {
                self.work(course, host);
            }
        }
    }

    /// A minute without a report.
    pub(super) fn notice(&mut self, host: HostIx) {
        if !self.cloud.host(host).is_up(self.cloud.now) {
            self.tell_host(host, Kind::HostDown);
        }
    }

    /// The machine is up again: some of its guests did not come back with it.
    pub(super) fn booted(&mut self, host: HostIx) {
        self.cloud.hosts[host as usize].booted = self.cloud.now;
        self.tell_host(host, Kind::HostRebooted);
        let guests: Vec<Slot> = self
            .cloud
            .instances
            .iter()
            .filter(|(_, i)| i.host == Some(host) && i.vm_state == VmState::Active && i.task_state.is_none())
            .map(|(slot, _)| slot)
            .collect();
        let now = self.cloud.now;
        for slot in guests {
            if !self.story.random.chance(0.2) {
                continue;
            }
            let Some(instance) = self.cloud.instances.at_mut(slot) else { continue };
            instance.vm_state = VmState::Stopped;
            instance.power = Power::Shutdown;
            instance.updated = now;
            let id = instance.id;
            let kind = Kind::State {
                vm_state: "stopped",
                task_state: None,
                old_vm_state: "active",
                old_task_state: None,
            };
            self.tell(kind, None, Some(id), Some(host));
        }
    }

    pub fn disable(&mut self, host: HostIx, reason: &str) {
        let row = &mut self.cloud.hosts[host as usize];
        row.enabled = false;
        row.disabled_reason = (!reason.is_empty()).then(|| reason.into());
        self.tell_host(host, Kind::HostDisabled { reason: reason.to_owned() });
    }

    pub fn enable(&mut self, host: HostIx) {
        let row = &mut self.cloud.hosts[host as usize];
        row.enabled = true;
        row.disabled_reason = None;
        self.tell_host(host, Kind::HostEnabled);
    }

    /// A course waits in the queue of a host that does not listen.
    pub(super) fn park(&mut self, host: HostIx, course: Course) {
        self.cloud.hosts[host as usize].backlog += 1;
        self.tell(
            Kind::Stranded { method: course.op.method() },
            Some(course.request),
            Some(course.id),
            Some(host),
        );
        self.story.parked.entry(host).or_default().push(course);
    }
}
