//! nova-scheduler: which host takes a guest.

use super::{Course, Op, World};
use crate::sim::cloud::{Act, ActEvent, FlavorIx, Hold, HostIx, Kind, Migration, Progress, VmState};
use crate::sim::words;

/// How many hosts a die proposes before all are looked at.
const PROPOSED: usize = 8;

impl World {
    /// A host that is up, enabled, of the zone and of the flavor's pool, and has room: the emptiest of a few.
    pub(super) fn choose(&mut self, flavor: FlavorIx, zone: Option<u8>, not: &[HostIx]) -> Option<HostIx> {
        let count = self.cloud.hosts.len();
        let few: Vec<HostIx> = (0..PROPOSED).map(|_| self.story.random.below(count) as HostIx).collect();
        self.emptiest(few.into_iter(), flavor, zone, not)
            .or_else(|| self.emptiest(0..count as HostIx, flavor, zone, not))
    }

    fn emptiest(
        &self,
        hosts: impl Iterator<Item = HostIx>,
        flavor: FlavorIx,
        zone: Option<u8>,
        not: &[HostIx],
    ) -> Option<HostIx> {
        let now = self.cloud.now;
        hosts
            .filter(|ix| self.is_candidate(*ix, flavor, zone, not) && self.cloud.host(*ix).is_up(now))
            .max_by_key(|&ix| {
                let host = self.cloud.host(ix);
                (host.capacity().ram.saturating_sub(host.used.ram), std::cmp::Reverse(ix))
            })
    }

    /// Whether Placement names the host, which knows nothing of who is up.
    fn is_candidate(&self, ix: HostIx, flavor: FlavorIx, zone: Option<u8>, not: &[HostIx]) -> bool {
        let flavor = self.cloud.flavor(flavor);
        let Some(host) = self.cloud.hosts.get(ix as usize) else { return false };
        host.enabled
            && !not.contains(&ix)
            && zone.is_none_or(|zone| zone == host.zone)
            && self.story.pools.get(&ix).map(String::as_str) == flavor.pool()
            && host.fits(flavor.amount())
    }

    /// What the conductor does between the API and the compute: a host for those operations that need one.
    /// Whether the course goes on.
    pub(super) fn schedule(&mut self, course: &mut Course) -> bool {
        match course.op {
            Op::Create | Op::Unshelve => self.seat(course),
            Op::Resize(_) | Op::Migrate | Op::LiveMigrate(_) | Op::Evacuate => self.reserve(course),
            _ => true,
        }
    }

    /// A host for a guest that has none.
    fn seat(&mut self, course: &mut Course) -> bool {
        let Some(instance) = self.instance(course) else { return false };
        let (flavor, zone) = (instance.flavor, instance.zone);
        let Some(host) = self.choose(flavor, zone, &[]) else {
            self.no_valid_host(course);
            return false;
        };
        self.sit(course, host);
        true
    }

    pub(super) fn sit(&mut self, course: &Course, host: HostIx) {
        let Some(instance) = self.instance_mut(course) else { return };
        instance.host = Some(host);
        let amount = self.cloud.flavor(self.instance(course).map_or(0, |instance| instance.flavor)).amount();
        self.cloud.claim(host, amount, 1);
        self.tell_of(course, Kind::Scheduled);
    }

    /// Room on another host for a guest that moves.
    fn reserve(&mut self, course: &mut Course) -> bool {
        let Some(instance) = self.instance(course) else { return false };
        let Some(from) = instance.host else { return false };
        let (old, zone, stopped) = (instance.flavor, instance.zone, instance.vm_state == VmState::Stopped);
        let new = if let Op::Resize(flavor) = course.op { flavor } else { old };
        let wanted = if let Op::LiveMigrate(Some(host)) = course.op { Some(host) } else { None };
        let to = match wanted {
            Some(host) => self.emptiest(std::iter::once(host), new, None, &[from]),
            None => self.choose(new, zone, &[from]),
        };
        let Some(to) = to else {
            self.no_valid_host(course);
            return false;
        };
        let kind = match course.op {
            Op::Resize(_) => "resize",
            Op::LiveMigrate(_) => "live-migration",
            Op::Evacuate => "evacuation",
            _ => "migration",
        };
        let (user, project) = self
            .instance(course)
            .and_then(|instance| instance.acts().iter().rev().find(|act| act.request == course.request))
            .map_or((0, 0), |act| (act.user, act.project));
        let now = self.cloud.now;
        let id = self.story.random.uuid();
        let number = self.cloud.add_migration(Migration {
            number: 0,
            id,
            instance: course.id,
            from,
            to,
            old_flavor: old,
            new_flavor: new,
            kind,
            progress: Progress::Migrating,
            user,
            project,
            created: now,
            updated: now,
        });
        if let Some(instance) = self.instance_mut(course) {
            instance.extra().hold = Some(Hold { host: to, flavor: new, migration: number, stopped });
        }
        self.cloud.claim(to, self.cloud.flavor(new).amount(), 0);
        self.tell(Kind::Scheduled, Some(course.request), Some(course.id), Some(to));
        let status = Progress::Migrating.as_str();
        self.tell_of(course, Kind::Migration { number, status });
        true
    }

    /// Nobody has room: a build ends in ERROR, all else leaves the instance as it was.
    fn no_valid_host(&mut self, course: &Course) {
        let now = self.cloud.now;
        let candidates = self.instance(course).map_or(0, |instance| {
            let not: Vec<HostIx> = instance.host.into_iter().collect();
            let (flavor, zone) = (instance.flavor, instance.zone);
            let all = 0..self.cloud.hosts.len() as HostIx;
            all.filter(|ix| self.is_candidate(*ix, flavor, zone, &not)).count()
        });
        self.tell_of(course, Kind::NoValidHost { candidates });
        let name = match course.op {
            Op::Create => "conductor_schedule_and_build_instances",
            Op::Unshelve => "unshelve_instance",
            Op::LiveMigrate(_) => "conductor_live_migrate_instance",
            Op::Evacuate => "rebuild_server",
            _ => "cold_migrate",
        };
        let controller = self.controller();
        let event = ActEvent { name, start: now, finish: None, failed: true, host: controller };
        if let Some(act) = self.instance_mut(course).and_then(|instance| instance.act(course.request)) {
            let act: &mut Act = act;
            act.events.push(event);
        }
        self.fail(course, words::no_valid_host(now), course.op == Op::Create);
    }

    /// The controller whose conductor takes the next message.
    fn controller(&mut self) -> Box<str> {
        let controllers = &self.cloud.controllers;
        let ix = self.story.random.below(controllers.len());
        controllers.get(ix).map_or_else(|| "ctl01".into(), |controller| controller.name.clone())
    }
}
