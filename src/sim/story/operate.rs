//! Operations on instances, from the API's yes or no through their stages.

use uuid::Uuid;

use super::{Actor, Course, Op, Step, World};
use crate::sim::cloud::{Act, ActEvent, Fault, HostIx, Instance, Kind, Power, Slot, VmState};
use crate::sim::time::SECOND;
use crate::sim::words;

/// Why nova-api says no, in its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 403.
    Quota(String),
    /// 409.
    Conflict(String),
}

impl World {
    /// Takes an operation on; what comes of it, the story tells.
    pub fn operate(&mut self, slot: Slot, op: Op, who: Actor, request: Uuid) -> Result<(), Refused> {
        self.begin(slot, op, who, request, false)
    }

    pub(super) fn begin(
        &mut self,
        slot: Slot,
        op: Op,
        who: Actor,
        request: Uuid,
        own: bool,
    ) -> Result<(), Refused> {
        let now = self.cloud.now;
        let Some(instance) = self.cloud.instances.at(slot) else {
            return Err(Refused::Conflict("Instance is gone.".to_owned()));
        };
        if let Err(refused) = judge(instance, op) {
            let (Refused::Quota(why) | Refused::Conflict(why)) = &refused;
            let (id, host, why) = (instance.id, instance.host, why.clone());
            self.tell(Kind::Refused { action: op.action(), why }, Some(request), Some(id), host);
            return Err(refused);
        }
        let (id, host) = (instance.id, instance.host);
        let act = Act {
            name: op.action(),
            request,
            user: who.user,
            project: who.project,
            start: now,
            updated: now,
            failed: false,
            events: Vec::new(),
        };
        let course = Course { slot, id, op, request, stage: 0, own, began: now };
        if let Some(instance) = self.cloud.instances.at_mut(slot) {
            instance.add_act(act);
        }
        self.tell(Kind::Accepted { action: op.action() }, Some(request), Some(id), host);
        // Nobody is there to ask: nova deletes by itself.
        let unattended = host.is_none_or(|host| !self.cloud.host(host).is_up(now));
        if op == Op::Delete && unattended {
            self.done(course);
            return Ok(());
        }
        self.enter(course);
        Ok(())
    }

    /// Enters the stage that the course stands at.
    pub(super) fn enter(&mut self, course: Course) {
        let Some(&(task, mean)) = course.op.stages().get(usize::from(course.stage)) else {
            return self.done(course);
        };
        self.set_state(&course, None, task, None);
        let mut lasts = self.story.random.around(mean);
        // Once in a while something takes its time.
        if self.story.random.chance(0.02) {
            lasts *= 4;
        }
        self.later(lasts, Step::Stage(course));
    }

    /// A stage is over: on to the next, or to the end, unless something is in the way.
    pub(super) fn stage_over(&mut self, mut course: Course) {
        let Some(instance) = self.instance(&course) else { return };
        // It was deleted meanwhile, or another operation has taken over: what was begun comes to nothing.
        let task = course.op.stages().get(usize::from(course.stage)).and_then(|(task, _)| *task);
        if instance.is_deleted() || instance.task_state != task {
            return;
        }
        if course.stage == 0 && !self.schedule(&mut course) {
            return;
        }
        let Some(host) = self.worker(&course) else {
            course.stage += 1;
            return self.enter(course);
        };
        if course.stage == 0 {
            self.tell(
                Kind::Cast { method: course.op.method() },
                Some(course.request),
                Some(course.id),
                Some(host),
            );
        }
        if !self.cloud.host(host).listens {
            return self.park(host, course);
        }
        self.work(course, host);
    }

    /// The compute has the message and does what is its to do.
    pub(super) fn work(&mut self, mut course: Course, host: HostIx) {
        if course.stage == 0 {
            let name: Box<str> = self.cloud.host(host).name.clone();
            let start = self.cloud.now;
            let event = ActEvent { name: course.op.event(), start, finish: None, failed: false, host: name };
            if let Some(act) = self.instance_mut(&course).and_then(|instance| instance.act(course.request)) {
                act.events.push(event);
            }
            if matches!(course.op, Op::Create | Op::Unshelve) {
                self.tell_of(&course, Kind::Claimed);
            }
        }
        let last = usize::from(course.stage) + 1 == course.op.stages().len();
        if last && self.mishap(&mut course) {
            return;
        }
        course.stage += 1;
        self.enter(course);
    }

    /// The host whose compute must do the next stage.
    fn worker(&self, course: &Course) -> Option<HostIx> {
        let instance = self.instance(course)?;
        match course.op {
            Op::Evacuate => instance.hold().map(|hold| hold.host),
            _ => instance.host,
        }
    }

    /// Sets what is given, and tells of it if that changed anything.
    pub(super) fn set_state(
        &mut self,
        course: &Course,
        vm_state: Option<VmState>,
        task: Option<crate::sim::cloud::TaskState>,
        power: Option<Power>,
    ) {
        let now = self.cloud.now;
        let Some(instance) = self.instance_mut(course) else { return };
        let before = (instance.vm_state, instance.task_state);
        instance.vm_state = vm_state.unwrap_or(instance.vm_state);
        instance.task_state = task;
        instance.power = power.unwrap_or(instance.power);
        instance.updated = now;
        let after = (instance.vm_state, instance.task_state);
        if before != after {
            let kind = Kind::State {
                vm_state: after.0.as_str(),
                task_state: after.1.map(crate::sim::cloud::TaskState::as_str),
                old_vm_state: before.0.as_str(),
                old_task_state: before.1.map(crate::sim::cloud::TaskState::as_str),
            };
            self.tell_of(course, kind);
        }
    }

    /// Closes the action.
    pub(super) fn finish(&mut self, course: &Course, failed: bool) {
        let now = self.cloud.now;
        if let Some(act) = self.instance_mut(course).and_then(|instance| instance.act(course.request)) {
            act.failed = failed;
            act.updated = now;
            if let Some(event) = act.events.last_mut() {
                event.finish = Some(now);
                event.failed = failed;
            }
        }
        self.tell_of(course, Kind::Finished { action: course.op.action(), failed });
    }

    /// The operation failed; the instance is in ERROR if `fatal`, else as before.
    pub(super) fn fail(&mut self, course: &Course, fault: Fault, fatal: bool) {
        if let Some(instance) = self.instance_mut(course) {
            instance.extra().fault = Some(fault);
        }
        self.set_state(course, fatal.then_some(VmState::Error), None, fatal.then_some(Power::NoState));
        self.finish(course, true);
    }

    /// Whether something goes wrong at the last stage of an operation (builds have misfortunes of their own).
    fn mishap(&mut self, course: &mut Course) -> bool {
        if course.op == Op::Create {
            return self.misbuild(course);
        }
        let can_fail = matches!(
            course.op,
            Op::Start
                | Op::Reboot { .. }
                | Op::Resize(_)
                | Op::Migrate
                | Op::LiveMigrate(_)
                | Op::Snapshot(_)
        );
        // What a client asked for works, so that it can be relied upon.
        if !can_fail || !course.own || !self.story.random.chance(self.story.odds.operation_fails) {
            return false;
        }
        let why = self.story.random.pick(&words::OPERATION_FAILURES).copied().unwrap_or_default();
        let fatal = matches!(course.op, Op::Reboot { .. } | Op::Resize(_) | Op::Migrate);
        self.let_go(course);
        self.fail(course, words::operation_failed(why, self.cloud.now), fatal);
        true
    }

    /// Confirms what the story itself resized or migrated.
    pub(super) fn confirm(&mut self, slot: Slot, id: Uuid) {
        let Some(instance) = self.cloud.instances.get(slot, id) else { return };
        let who = Actor { user: instance.user, project: instance.project };
        let request = self.story.random.uuid();
        if self.begin(slot, Op::Confirm, who, request, true).is_err() {
            // Something else is under way: again later.
            let waits = self.cloud.instances.get(slot, id).is_some_and(|i| i.vm_state == VmState::Resized);
            if waits {
                self.later(30 * SECOND, Step::Confirm { slot, id });
            }
        }
    }
}

/// What nova says to an operation in this state.
fn judge(instance: &Instance, op: Op) -> Result<(), Refused> {
    let cannot = |what: &str, state: &str| {
        Err(Refused::Conflict(format!(
            "Cannot '{}' instance {} while it is in {what} {state}",
            op.verb(),
            instance.id
        )))
    };
    if instance.is_deleted() || !op.is_allowed(instance) {
        return cannot("vm_state", instance.vm_state.as_str());
    }
    if let Some(task) = instance.task_state.filter(|_| op.needs_rest()) {
        return cannot("task_state", task.as_str());
    }
    Ok(())
}
