//! Instances are born: the API's checks, the row, and what can go wrong where it is built.

use uuid::Uuid;

use super::{Actor, Course, Op, Refused, World};
use crate::sim::cloud::{
    Act, Amount, FlavorIx, Instance, Kind, Nic, PortRef, Power, Slot, TaskState, VmState,
};
use crate::sim::random::derived;
use crate::sim::words;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub name: String,
    pub flavor: FlavorIx,
    /// Its place among the images; `None`: from a volume.
    pub image: Option<u16>,
    pub zone: Option<u8>,
    /// Whether it gets a port in its project's network.
    pub network: bool,
    pub key_name: Option<String>,
    pub metadata: Vec<(String, String)>,
}

impl World {
    /// Takes a build on, or says why not.
    pub fn build(&mut self, wish: Wish, who: Actor, request: Uuid) -> Result<(Slot, Uuid), Refused> {
        self.birth(wish, who, request, false)
    }

    pub(super) fn birth(
        &mut self,
        wish: Wish,
        who: Actor,
        request: Uuid,
        own: bool,
    ) -> Result<(Slot, Uuid), Refused> {
        let amount = self.cloud.flavor(wish.flavor).amount();
        if let Some(why) = self.over_quota(who, amount) {
            self.tell(Kind::Refused { action: "create", why: why.clone() }, Some(request), None, None);
            return Err(Refused::Quota(why));
        }
        let now = self.cloud.now;
        let id = self.story.random.uuid();
        let project = &mut self.cloud.projects[who.project as usize];
        project.used.instances += 1;
        project.used.cores += i64::from(amount.vcpus);
        project.used.ram += i64::from(amount.ram);
        let address = if wish.network { project.lease() } else { None };
        let mut instance = Instance {
            id,
            name: wish.name.into(),
            number: self.cloud.next_instance,
            project: who.project,
            user: who.user,
            flavor: wish.flavor,
            image: wish.image,
            host: None,
            zone: wish.zone,
            vm_state: VmState::Building,
            task_state: Some(TaskState::Scheduling),
            power: Power::NoState,
            locked: false,
            foreign: !own,
            created: now,
            updated: now,
            launched: None,
            terminated: None,
            nic: address.map(|address| Nic { port: derived(id, "port"), address, floating: None }),
            extra: None,
        };
        self.cloud.next_instance += 1;
        let extra = instance.extra();
        extra.born = true;
        extra.key_name = wish.key_name.map(Into::into);
        extra.metadata = wish.metadata.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        instance.add_act(Act {
            name: "create",
            request,
            user: who.user,
            project: who.project,
            start: now,
            updated: now,
            failed: false,
            events: Vec::new(),
        });
        let port = instance.nic.map(|nic| nic.port);
        let slot = self.cloud.instances.insert(instance);
        if let Some(port) = port {
            self.cloud.ports.insert(port, PortRef::Instance(slot));
        }
        self.tell(Kind::Accepted { action: "create" }, Some(request), Some(id), None);
        let course = Course { slot, id, op: Op::Create, request, stage: 0, own, began: now };
        let kind = Kind::State {
            vm_state: "building",
            task_state: Some("scheduling"),
            old_vm_state: "building",
            old_task_state: Some("scheduling"),
        };
        self.tell_of(&course, kind);
        self.enter(course);
        Ok((slot, id))
    }

    /// nova's words when a limit is in the way.
    fn over_quota(&self, who: Actor, amount: Amount) -> Option<String> {
        let project = self.cloud.project(who.project);
        let (quota, used) = (project.quota, project.used);
        let over: Vec<(&str, i64, i64, i64)> = [
            ("cores", i64::from(amount.vcpus), used.cores, quota.cores),
            ("instances", 1, used.instances, quota.instances),
            ("ram", i64::from(amount.ram), used.ram, quota.ram),
        ]
        .into_iter()
        .filter(|(_, wanted, used, limit)| *limit >= 0 && used + wanted > *limit)
        .collect();
        let join =
            |of: fn(&(&str, i64, i64, i64)) -> String| over.iter().map(of).collect::<Vec<_>>().join(", ");
        let names = join(|(name, ..)| (*name).to_owned());
        (!over.is_empty()).then(|| {
            format!(
                "Quota exceeded for {names}: Requested {}, but already used {} of {} {names}",
                join(|(_, wanted, ..)| wanted.to_string()),
                join(|(_, _, used, _)| used.to_string()),
                join(|(.., limit)| limit.to_string()),
            )
        })
    }

    /// Whether the guest does not spawn here: then it is tried elsewhere, or the build is given up.
    pub(super) fn misbuild(&mut self, course: &mut Course) -> bool {
        if !course.own {
            return false;
        }
        let odds = self.story.odds;
        let dice = self.story.random.unit();
        if dice >= odds.spawn_fails + odds.reschedules {
            return false;
        }
        let why = self.story.random.pick(&words::SPAWN_FAILURES).copied().unwrap_or_default();
        self.tell_of(course, Kind::SpawnFailed { why: why.to_owned() });
        let Some(instance) = self.instance_mut(course) else { return true };
        let (flavor, zone) = (instance.flavor, instance.zone);
        let Some(host) = instance.host.take() else { return true };
        self.cloud.release(host, self.cloud.flavor(flavor).amount(), 1);
        self.close_event(course);
        let other = if dice < odds.reschedules { self.choose(flavor, zone, &[host]) } else { None };
        match other {
            Some(other) => {
                self.tell(Kind::Rescheduled, Some(course.request), Some(course.id), Some(host));
                self.set_state(course, None, Some(TaskState::Scheduling), None);
                self.sit(course, other);
                course.stage = 0;
                // From here on it goes well: two misfortunes in a row look made up.
                course.own = false;
                self.cast(*course, other);
            }
            None => {
                let fault = words::build_aborted(&course.id.to_string(), why, self.cloud.now);
                self.fail(course, fault, true);
            }
        }
        true
    }

    /// Another compute gets the build.
    fn cast(&mut self, course: Course, host: u32) {
        let method = course.op.method();
        self.tell(Kind::Cast { method }, Some(course.request), Some(course.id), Some(host));
        match self.cloud.host(host).listens {
            true => self.work(course, host),
            false => self.park(host, course),
        }
    }

    /// The event on the host that failed ends there.
    fn close_event(&mut self, course: &Course) {
        let now = self.cloud.now;
        let act = self.instance_mut(course).and_then(|instance| instance.act(course.request));
        if let Some(event) = act.and_then(|act| act.events.last_mut()) {
            event.finish = Some(now);
            event.failed = true;
        }
    }

    pub(super) fn built(&mut self, course: &Course) {
        let now = self.cloud.now;
        if let Some(instance) = self.instance_mut(course) {
            instance.launched = Some(now);
        }
        let took = now.since(course.began);
        self.tell_of(course, Kind::Spawned { took });
        self.set_state(course, Some(VmState::Active), None, Some(Power::Running));
        self.finish(course, false);
    }
}
