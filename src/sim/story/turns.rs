//! What happens again and again: people who create, delete, stop and resize.

use uuid::Uuid;

use super::{Actor, Course, Op, Step, World};
use crate::sim::cloud::{FLAVORS, FlavorIx, HostIx, Instance, ProjectIx, Slot, TOO_BIG, VmState};
use crate::sim::genesis::names;
use crate::sim::scenario::{Pace, What};
use crate::sim::story::build::Wish;
use crate::sim::time::MINUTE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Create,
    Delete,
    Stop,
    Start,
    Reboot,
    Resize,
    Migrate,
    LiveMigrate,
    Snapshot,
    Shelve,
    Unshelve,
    Pause,
    HostBlip,
}

impl Turn {
    const ALL: [Self; 13] = [
        Self::Create,
        Self::Delete,
        Self::Stop,
        Self::Start,
        Self::Reboot,
        Self::Resize,
        Self::Migrate,
        Self::LiveMigrate,
        Self::Snapshot,
        Self::Shelve,
        Self::Unshelve,
        Self::Pause,
        Self::HostBlip,
    ];

    /// Its mean interval in milliseconds.
    fn mean(self, pace: &Pace) -> Option<i64> {
        let every = match self {
            Self::Create => pace.create,
            Self::Delete => pace.delete,
            Self::Stop => pace.stop,
            Self::Start => pace.start,
            Self::Reboot => pace.reboot,
            Self::Resize => pace.resize,
            Self::Migrate => pace.migrate,
            Self::LiveMigrate => pace.live_migrate,
            Self::Snapshot => pace.snapshot,
            Self::Shelve => pace.shelve,
            Self::Unshelve => pace.unshelve,
            Self::Pause => pace.pause,
            Self::HostBlip => pace.host_blip,
        };
        // A pace below a millisecond would tell for ever without getting anywhere.
        every.map(|every| (every.as_millis() as i64).max(1))
    }
}

impl World {
    pub(super) fn plan_turns(&mut self) {
        for turn in Turn::ALL {
            self.plan_turn(turn);
        }
    }

    fn plan_turn(&mut self, turn: Turn) {
        if let Some(mean) = turn.mean(&self.story.pace) {
            let wait = self.story.random.around(mean).max(1);
            self.later(wait, Step::Turn(turn));
        }
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        self.plan_turn(turn);
        let live = self.cloud.instances.live();
        let (least, most) = (self.story.population * 98 / 100, self.story.population * 102 / 100);
        match turn {
            // The cloud neither empties nor overflows.
            Turn::Create if live > most => self.delete_one(),
            Turn::Delete if live < least => self.build_one(None, None),
            Turn::Create if self.story.population == 0 => {}
            Turn::Create => self.build_one(None, None),
            Turn::Delete => self.delete_one(),
            Turn::Stop => self.one(Op::Stop, |i| i.vm_state == VmState::Active),
            Turn::Start => self.one(Op::Start, |i| i.vm_state == VmState::Stopped),
            Turn::Reboot => self.one(Op::Reboot { hard: false }, |i| i.vm_state == VmState::Active),
            Turn::Resize => self.resize_one(),
            Turn::Migrate => self.one(Op::Migrate, |i| i.vm_state == VmState::Active),
            Turn::LiveMigrate => self.one(Op::LiveMigrate(None), |i| i.vm_state == VmState::Active),
            Turn::Snapshot => self.snapshot_one(),
            Turn::Shelve => self.one(Op::Shelve, |i| i.vm_state == VmState::Stopped),
            Turn::Unshelve => self.one(Op::Unshelve, |i| i.vm_state == VmState::ShelvedOffloaded),
            Turn::Pause => match self.story.random.chance(0.5) {
                true => self.one(Op::Pause, |i| i.vm_state == VmState::Active),
                false => self.one(Op::Unpause, |i| i.vm_state == VmState::Paused),
            },
            Turn::HostBlip => self.blip(),
        }
    }

    /// Somebody asks for an instance.
    pub(super) fn build_one(&mut self, project: Option<ProjectIx>, flavor: Option<FlavorIx>) {
        let (drawn, _) = self.story.tenants.draw(&mut self.story.random);
        let project = project.unwrap_or(drawn);
        let too_big = self.story.random.chance(self.story.odds.too_big);
        let drawn = self.story.random.weighted(FLAVORS.iter().map(|flavor| flavor.weight)) as FlavorIx;
        let flavor = flavor.unwrap_or(if too_big { TOO_BIG } else { drawn });
        let public = self.cloud.images.iter().filter(|image| image.public).count();
        let image = Some(self.story.random.below(public) as u16);
        let row = &mut self.cloud.projects[project as usize];
        let name = names::instance((project as usize).saturating_sub(2), row.named);
        row.named += 1;
        let who = Actor { user: row.user, project };
        let request = self.story.random.uuid();
        let wish =
            Wish { name, flavor, image, zone: None, network: true, key_name: None, metadata: Vec::new() };
        // A refusal is part of the story, and told.
        let _ = self.birth(wish, who, request, true);
    }

    pub(super) fn delete_one(&mut self) {
        let now = self.cloud.now;
        // What has failed is cleared away before long.
        let failed = self.story.random.chance(0.5).then(|| {
            self.find(|i| {
                let old = now.since(i.updated) > 3 * MINUTE;
                i.vm_state == VmState::Error && old && i.extra.as_ref().is_some_and(|extra| extra.born)
            })
        });
        let rest = |i: &Instance| i.task_state.is_none() && i.vm_state != VmState::Resized;
        let found = failed.flatten().or_else(|| self.find(rest));
        if let Some(slot) = found {
            self.do_one(slot, Op::Delete);
        }
    }

    fn resize_one(&mut self) {
        let Some(slot) = self.find(|i| i.vm_state == VmState::Active && i.task_state.is_none()) else {
            return;
        };
        let flavor = self.story.random.weighted(FLAVORS.iter().map(|flavor| flavor.weight)) as FlavorIx;
        let old = self.cloud.instances.at(slot).map_or(0, |instance| instance.flavor);
        if flavor != old && self.cloud.flavor(old).pool().is_none() {
            self.do_one(slot, Op::Resize(flavor));
        }
    }

    fn snapshot_one(&mut self) {
        let Some(slot) = self.find(|i| i.vm_state == VmState::Active && i.task_state.is_none()) else {
            return;
        };
        let Some(instance) = self.cloud.instances.at(slot) else { return };
        let (id, project) = (instance.id, instance.project);
        let name = format!("{}-backup", instance.name);
        self.snapshot(slot, id, name, project, None);
    }

    /// Begins a snapshot into an image of this name; the image's place.
    pub fn snapshot(
        &mut self,
        slot: Slot,
        id: Uuid,
        name: String,
        owner: ProjectIx,
        by: Option<(Actor, Uuid)>,
    ) -> Option<usize> {
        let request = by.map_or_else(|| self.story.random.uuid(), |(_, request)| request);
        let began = self.cloud.now;
        let course = Course { slot, id, op: Op::Snapshot(0), request, stage: 0, own: by.is_none(), began };
        let image = self.image(&course, name, owner);
        let who = by.map_or_else(|| self.owner(slot), |(who, _)| who);
        match self.begin(slot, Op::Snapshot(image as u16), who, request, by.is_none()) {
            Ok(()) => Some(image),
            Err(_) => {
                self.cloud.images[image].deleted = true;
                None
            }
        }
    }

    /// A live migration because the host is emptied: the operator's.
    pub(super) fn migrate_away(&mut self, slot: Slot, id: Uuid) {
        if self.cloud.instances.get(slot, id).is_some() {
            let request = self.story.random.uuid();
            let _ = self.begin(slot, Op::LiveMigrate(None), Actor { user: 0, project: 0 }, request, true);
        }
    }

    fn one(&mut self, op: Op, which: fn(&Instance) -> bool) {
        if let Some(slot) = self.find(|i| which(i) && i.task_state.is_none() && !i.locked) {
            self.do_one(slot, op);
        }
    }

    fn do_one(&mut self, slot: Slot, op: Op) {
        // Moving guests is the operator's, all else its owner's.
        let who = match op {
            Op::LiveMigrate(_) | Op::Migrate => Actor { user: 0, project: 0 },
            _ => self.owner(slot),
        };
        let request = self.story.random.uuid();
        let _ = self.begin(slot, op, who, request, true);
    }

    fn owner(&self, slot: Slot) -> Actor {
        let instance = self.cloud.instances.at(slot);
        instance.map_or(Actor { user: 0, project: 0 }, |i| Actor { user: i.user, project: i.project })
    }

    /// Any of the story's own that lives and is such: a few tries, then from a random place on.
    fn find(&mut self, which: impl Fn(&Instance) -> bool) -> Option<Slot> {
        let slots = self.cloud.instances.slots();
        let fits = |slot: usize| {
            let instance = self.cloud.instances.at(slot as Slot)?;
            (!instance.is_deleted() && !instance.foreign && which(instance)).then_some(slot as Slot)
        };
        for _ in 0..16 {
            let slot = self.story.random.below(slots);
            if let Some(slot) = fits(slot) {
                return Some(slot);
            }
        }
        let from = self.story.random.below(slots);
        (from..slots).chain(0..from).find_map(fits)
    }

    /// A host drops off for a few minutes.
    fn blip(&mut self) {
        let count = self.cloud.hosts.len();
        if count == 0 {
            return;
        }
        let host = self.story.random.below(count) as HostIx;
        if self.cloud.host(host).silent.is_none() {
            self.silence(host);
            let lasts = self.story.random.around(3 * MINUTE);
            self.later(lasts, Step::Undo(What::Silence, vec![host]));
        }
    }
}
