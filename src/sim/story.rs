//! The story engine: what happens in the cloud, one step after the other, each at its time. The same seed tells
//! the same story; what clients do is told by the same steps.
//!
//! A step is due at a time and stands in a queue. `World::advance` takes what is due, in order; whatever a step
//! sets in motion is put into the queue again. Nothing here reads a clock.

mod beats;
mod build;
mod bus;
mod done;
mod hosts;
mod moves;
mod op;
mod operate;
mod schedule;
#[cfg(test)]
mod tests;
mod turns;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use uuid::Uuid;

pub use build::Wish;
pub use op::Op;
pub use operate::Refused;
use turns::Turn;

use super::cloud::{Cloud, Event, FlavorIx, HostIx, Instance, Kind, ProjectIx, Slot, UserIx};
use super::genesis::{self, Plan, Tenants};
use super::random::Random;
use super::scenario::{Beat, Odds, Pace, Scenario, What};
use super::time::Time;

/// Events that are kept for those who ask later.
const EVENTS: usize = 4_000;

/// Hears every step as it is told, with the cloud as it is then. What it makes of it is its own business: queues,
/// log files.
pub trait Listener: Send + Sync {
    fn hear(&mut self, cloud: &Cloud, event: &Event);

    /// All that is due until then was told.
    fn passed(&mut self, _until: Time) {}
}

/// The cloud and the story that moves it.
pub struct World {
    pub cloud: Cloud,
    story: Story,
}

struct Story {
    random: Random,
    queue: BinaryHeap<Reverse<Due>>,
    queued: u64,
    events: VecDeque<Event>,
    told: u64,
    listeners: Vec<Box<dyn Listener>>,
    /// Around this many instances the cloud stays.
    population: usize,
    pace: Pace,
    odds: Odds,
    beats: Vec<Beat>,
    tenants: Tenants,
    /// Hosts that take one flavor alone, with their pool.
    pools: BTreeMap<HostIx, String>,
    /// What waits in the queues of hosts that do not listen.
    parked: BTreeMap<HostIx, Vec<Course>>,
}

/// Who does something.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub user: UserIx,
    pub project: ProjectIx,
}

/// An operation on its way through its stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course {
    slot: Slot,
    id: Uuid,
    op: Op,
    request: Uuid,
    stage: u8,
    /// Whether the story began it, and so has to end what a client would end.
    own: bool,
    began: Time,
}

enum Step {
    Turn(Turn),
    Stage(Course),
    Beat(usize),
    /// The end of what a beat did to these hosts, or to these of the broker's nodes.
    Undo(What, Vec<HostIx>),
    /// nova notices that the host is down, if it still is.
    Notice(HostIx),
    Build {
        project: Option<ProjectIx>,
        flavor: Option<FlavorIx>,
    },
    Delete,
    LiveMigrate {
        slot: Slot,
        id: Uuid,
    },
    Confirm {
        slot: Slot,
        id: Uuid,
    },
}

struct Due {
    at: Time,
    /// What was put into the queue first is due first.
    order: u64,
    step: Step,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl World {
    /// The cloud as it stands when it opens its doors: founded, and the prelude told. `listeners` hear it all.
    pub fn new(plan: Plan, scenario: &Scenario, opens: Time, listeners: Vec<Box<dyn Listener>>) -> Self {
        let begins = opens.plus(-(scenario.prelude.as_millis() as i64));
        let mut cloud = genesis::create(plan, scenario, begins);
        cloud.opened = opens;
        let pools = cloud
            .aggregates
            .iter()
            .filter_map(|aggregate| Some((aggregate.pool()?.to_owned(), &aggregate.hosts)))
            .flat_map(|(pool, hosts)| hosts.iter().map(move |&host| (host, pool.clone())))
            .collect();
        let tenants = Tenants::new(&cloud, scenario);
        let story = Story {
            random: Random::stream(plan.seed, "story"),
            queue: BinaryHeap::new(),
            queued: 0,
            events: VecDeque::new(),
            told: 0,
            listeners,
            population: plan.instances,
            pace: scenario.pace,
            odds: scenario.odds,
            beats: scenario.beat.clone(),
            tenants,
            pools,
            parked: BTreeMap::new(),
        };
        let mut world = Self { cloud, story };
        world.plan_beats();
        world.plan_turns();
        while world.advance(opens, usize::MAX) {}
        world
    }

    /// Tells the story up to a time, at most so many steps of it; whether more is due until then.
    pub fn advance(&mut self, until: Time, steps: usize) -> bool {
        for _ in 0..steps {
            match self.story.queue.peek() {
                Some(Reverse(due)) if due.at <= until => {}
                _ => {
                    self.cloud.now = self.cloud.now.max(until);
                    self.story.listeners.iter_mut().for_each(|listener| listener.passed(until));
                    return false;
                }
            }
            if let Some(Reverse(due)) = self.story.queue.pop() {
                self.cloud.now = due.at;
                self.take(due.step);
            }
        }
        true
    }

    /// When the next step is due.
    pub fn next_due(&self) -> Option<Time> {
        self.story.queue.peek().map(|Reverse(due)| due.at)
    }

    /// The last events, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.story.events.iter()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Turn(turn) => self.turn(turn),
            Step::Stage(course) => self.stage_over(course),
            Step::Beat(ix) => self.beat(ix),
            Step::Undo(what, hosts) => self.undo(what, &hosts),
            Step::Notice(host) => self.notice(host),
            Step::Build { project, flavor } => self.build_one(project, flavor),
            Step::Delete => self.delete_one(),
            Step::LiveMigrate { slot, id } => self.migrate_away(slot, id),
            Step::Confirm { slot, id } => self.confirm(slot, id),
        }
    }

    /// Puts a step into the queue, due in so many milliseconds.
    fn later(&mut self, milliseconds: i64, step: Step) {
        let at = self.cloud.now.plus(milliseconds.max(0));
        self.story.queued += 1;
        self.story.queue.push(Reverse(Due { at, order: self.story.queued, step }));
    }

    fn tell(&mut self, kind: Kind, request: Option<Uuid>, instance: Option<Uuid>, host: Option<HostIx>) {
        self.story.told += 1;
        let event = Event { number: self.story.told, at: self.cloud.now, request, instance, host, kind };
        for listener in &mut self.story.listeners {
            listener.hear(&self.cloud, &event);
        }
        if self.story.events.len() >= EVENTS {
            self.story.events.pop_front();
        }
        self.story.events.push_back(event);
    }

    fn tell_of(&mut self, course: &Course, kind: Kind) {
        let host = self.instance(course).and_then(|instance| instance.host);
        self.tell(kind, Some(course.request), Some(course.id), host);
    }

    fn instance(&self, course: &Course) -> Option<&Instance> {
        self.cloud.instances.get(course.slot, course.id)
    }

    fn instance_mut(&mut self, course: &Course) -> Option<&mut Instance> {
        self.cloud.instances.get_mut(course.slot, course.id)
    }
}
