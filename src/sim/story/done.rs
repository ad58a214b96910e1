//! The ends of operations that go well.

use super::{Course, Op, Step, World};
use crate::sim::cloud::{Amount, Image, Kind, Power, Progress, VmState};
use crate::sim::time::SECOND;

/// Snapshots that are kept; the oldest are deleted.
const IMAGES: usize = 400;

impl World {
    pub(super) fn done(&mut self, course: Course) {
        use VmState as V;
        match course.op {
            Op::Create => return self.built(&course),
            Op::Delete => return self.deleted(&course),
            Op::Stop => self.ends(&course, V::Stopped, Power::Shutdown),
            Op::Start | Op::Reboot { .. } | Op::Unpause | Op::Resume | Op::Unrescue => {
                self.ends(&course, V::Active, Power::Running);
            }
            Op::Pause => self.ends(&course, V::Paused, Power::Paused),
            Op::Suspend => self.ends(&course, V::Suspended, Power::Suspended),
            Op::Rescue => self.ends(&course, V::Rescued, Power::Running),
            Op::Shelve => self.shelved(&course),
            Op::Unshelve => self.ends(&course, V::Active, Power::Running),
            Op::Resize(_) | Op::Migrate => self.resized(&course),
            Op::Confirm => self.confirmed(&course),
            Op::Revert => self.reverted(&course),
            Op::LiveMigrate(_) | Op::Evacuate => self.moved(&course),
            Op::Rebuild => self.ends(&course, V::Active, Power::Running),
            Op::Snapshot(image) => self.saved(&course, image),
        }
        self.finish(&course, false);
    }

    fn ends(&mut self, course: &Course, vm_state: VmState, power: Power) {
        self.set_state(course, Some(vm_state), None, Some(power));
    }

    fn deleted(&mut self, course: &Course) {
        let now = self.cloud.now;
        self.let_go(course);
        let Some(instance) = self.instance_mut(course) else { return };
        instance.terminated = Some(now);
        let (flavor, project, host) = (instance.flavor, instance.project, instance.host);
        let nic = instance.nic.take();
        let volumes =
            instance.extra.as_mut().map(|extra| std::mem::take(&mut extra.volumes)).unwrap_or_default();
        self.ends(course, VmState::Deleted, Power::NoState);
        let amount = self.cloud.flavor(flavor).amount();
        if let Some(host) = host {
            self.cloud.release(host, amount, 1);
        }
        self.uncount(project, amount);
        if let Some(nic) = nic {
            self.cloud.ports.remove(nic.port);
            self.cloud.projects[project as usize].free.push(nic.address);
            if let Some(floating) = nic.floating.and_then(|ix| self.cloud.floating.get_mut(ix as usize)) {
                floating.slot = None;
                floating.updated = now;
            }
        }
        for ix in volumes {
            self.detach(course, ix);
        }
        self.finish(course, false);
        self.cloud.instances.mourn(course.slot);
        self.cloud.bury();
    }

    /// Takes an instance out of its project's books.
    fn uncount(&mut self, project: u32, amount: Amount) {
        let used = &mut self.cloud.projects[project as usize].used;
        used.instances -= 1;
        used.cores -= i64::from(amount.vcpus);
        used.ram -= i64::from(amount.ram);
    }

    /// A root volume goes with its instance, all others stay.
    fn detach(&mut self, course: &Course, ix: u32) {
        let now = self.cloud.now;
        let Some(volume) = self.cloud.volumes.get_mut(ix as usize) else { return };
        volume.attached = None;
        volume.updated = now;
        volume.deleted = volume.bootable;
        let (id, size, backend) = (volume.id, volume.size, volume.backend.filter(|_| volume.bootable));
        if let Some(backend) = backend.and_then(|ix| self.cloud.backends.get_mut(usize::from(ix))) {
            backend.provisioned = backend.provisioned.saturating_sub(size);
        }
        self.tell_of(course, Kind::VolumeDetached { volume: id });
    }

    fn shelved(&mut self, course: &Course) {
        let Some(instance) = self.instance_mut(course) else { return };
        let (host, flavor) = (instance.host.take(), instance.flavor);
        let (name, project) = (format!("{}-shelved", instance.name), instance.project);
        if let Some(host) = host {
            self.cloud.release(host, self.cloud.flavor(flavor).amount(), 1);
        }
        self.ends(course, VmState::ShelvedOffloaded, Power::Shutdown);
        let image = self.image(course, name, project);
        self.fill(image);
    }

    fn resized(&mut self, course: &Course) {
        self.arrive(course, true);
        let Some(hold) = self.instance(course).and_then(|instance| instance.hold()).copied() else { return };
        let power = if hold.stopped { Power::Shutdown } else { Power::Running };
        self.ends(course, VmState::Resized, power);
        self.migration_is(course, hold.migration, Progress::Finished);
        if course.own {
            let waits = self.story.random.around(70 * SECOND);
            self.later(waits, Step::Confirm { slot: course.slot, id: course.id });
        }
    }

    fn confirmed(&mut self, course: &Course) {
        let hold = self.instance_mut(course).and_then(|instance| instance.extra().hold.take());
        let Some(hold) = hold else { return };
        self.cloud.release(hold.host, self.cloud.flavor(hold.flavor).amount(), 0);
        self.rests(course, hold.stopped);
        self.migration_is(course, hold.migration, Progress::Confirmed);
    }

    fn reverted(&mut self, course: &Course) {
        self.arrive(course, true);
        // It is back where it was; what it holds now is what it had tried.
        let hold = self.instance_mut(course).and_then(|instance| instance.extra().hold.take());
        let Some(hold) = hold else { return };
        self.cloud.release(hold.host, self.cloud.flavor(hold.flavor).amount(), 0);
        self.rests(course, hold.stopped);
        self.migration_is(course, hold.migration, Progress::Reverted);
    }

    fn rests(&mut self, course: &Course, stopped: bool) {
        match stopped {
            true => self.ends(course, VmState::Stopped, Power::Shutdown),
            false => self.ends(course, VmState::Active, Power::Running),
        }
    }

    fn moved(&mut self, course: &Course) {
        let hold = self.instance(course).and_then(|instance| instance.hold()).copied();
        self.arrive(course, false);
        let vm_state = self.instance(course).map(|instance| instance.vm_state);
        match (course.op, vm_state) {
            // A paused guest moves paused.
            (Op::LiveMigrate(_), Some(VmState::Paused)) => self.ends(course, VmState::Paused, Power::Paused),
            _ => self.ends(course, VmState::Active, Power::Running),
        }
        if let Some(hold) = hold {
            self.migration_is(course, hold.migration, Progress::Completed);
        }
    }

    fn saved(&mut self, course: &Course, image: u16) {
        self.set_state(course, None, None, None);
        self.fill(usize::from(image));
        if let Some(id) = self.cloud.images.get(usize::from(image)).map(|image| image.id) {
            self.tell_of(course, Kind::ImageSaved { image: id });
        }
    }

    /// An image that is about to be filled; its place.
    pub(super) fn image(&mut self, course: &Course, name: String, owner: u32) -> usize {
        let id = self.story.random.uuid();
        let created = self.cloud.now;
        let image = Image {
            id,
            name: name.into(),
            owner,
            public: false,
            size: None,
            min_disk: 1,
            created,
            of: Some(course.id),
            deleted: false,
        };
        // Places stay: instances name them. Beyond a bound the oldest snapshot's place is used again.
        if self.cloud.images.len() < IMAGES {
            self.cloud.images.push(image);
            return self.cloud.images.len() - 1;
        }
        let oldest = (0..self.cloud.images.len())
            .filter(|&ix| !self.cloud.images[ix].public)
            .min_by_key(|&ix| (self.cloud.images[ix].created, ix));
        let ix = oldest.unwrap_or(self.cloud.images.len() - 1);
        self.cloud.images[ix] = image;
        ix
    }

    pub(super) fn fill(&mut self, image: usize) {
        let size = self.story.random.between(1 << 30, 9 << 30) as u64;
        if let Some(image) = self.cloud.images.get_mut(image) {
            image.size = Some(size);
        }
    }
}
