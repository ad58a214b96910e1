//! The processes behind the broker's queues, from the cloud's hosts: who lives, what each takes from, and through
//! which connections.
//!
//! Nothing of it is kept. What a process draws at its start (the random part of a queue's name, its pid, its
//! ports) follows from its host and from how often that was started.

use super::kinds::{AGENT, BACKEND, COMPUTE, Kind, OF_CONTROLLERS, READERS};
use super::ledger::Ledger;
use crate::sim::cloud::{Cloud, HostIx};
use crate::sim::random::{Random, derived};
use crate::sim::time::{HOUR, MINUTE, Time};

use uuid::Uuid;

/// oslo.messaging's `rabbit_transient_queues_ttl`: so long a reply or fanout queue outlives its process.
pub const LEFT_BEHIND: i64 = 30 * MINUTE;

/// From so many hosts on the cloud is deployed as such clouds are: a stream a topic instead of a queue a process
/// (`rabbit_stream_fanout`, `use_queue_manager`), and neutron's agents on a broker of their own, which is not
/// simulated.
const LARGE: usize = 1_000;

pub fn is_large(cloud: &Cloud) -> bool {
    cloud.hosts.len() > LARGE
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Controller(usize),
    Host(HostIx),
}

/// A process, alive or gone.
#[derive(Clone, Debug)]
pub struct Process<'a> {
    pub kind: &'static Kind,
    pub place: Place,
    /// `cmp01`; `ctl01@ssd` for cinder's backends.
    pub host: &'a str,
    /// cinder's backend on that host.
    pub backend: Option<&'a str>,
    /// Its number among those of its kind on its host.
    pub worker: u8,
    /// Its number among all of its host's.
    seat: u16,
    /// Since when it runs.
    pub born: Time,
    /// Since when it has no connection.
    pub gone: Option<Time>,
    /// It talks and reports, but takes nothing from the queues that it serves.
    pub deaf: bool,
    /// From it follows what it drew at its start.
    id: Uuid,
    /// How often its host was started before.
    life: usize,
}

/// All of them, whether they run or left something behind.
pub fn all<'a>(cloud: &'a Cloud, ledger: &'a Ledger, now: Time) -> impl Iterator<Item = Process<'a>> {
    of_controllers(cloud)
        .chain(of_backends(cloud))
        .chain(of_hosts(cloud, ledger))
        // What went long ago has left nothing.
        .filter(move |process| process.life_is_over().is_none_or(|gone| now.since(gone) <= LEFT_BEHIND))
}

fn of_controllers(cloud: &Cloud) -> impl Iterator<Item = Process<'_>> {
    let born = cloud.opened.plus(-20 * 24 * HOUR);
    cloud.controllers.iter().enumerate().flat_map(move |(n, controller)| {
        let readers = READERS.iter().filter(|_| cloud.bus.read);
        OF_CONTROLLERS.iter().chain(readers).enumerate().flat_map(move |(at, kind)| {
            (0..kind.workers).map(move |worker| Process {
                kind,
                place: Place::Controller(n),
                host: &controller.name,
                backend: None,
                worker,
                seat: at as u16 * 4 + u16::from(worker),
                born,
                gone: None,
                deaf: false,
                // neutron-server is there twice, with topics of its own each.
                id: derived(controller.scheduler, kind.topics.first().unwrap_or(&kind.binary)),
                life: 0,
            })
        })
    })
}

fn of_backends(cloud: &Cloud) -> impl Iterator<Item = Process<'_>> {
    let born = cloud.opened.plus(-20 * 24 * HOUR);
    cloud.backends.iter().enumerate().map(move |(n, backend)| Process {
        kind: &BACKEND,
        place: Place::Controller(cloud.controllers.iter().position(|c| c.name == backend.host).unwrap_or(0)),
        host: &backend.host,
        backend: Some(backend.name),
        worker: n as u8,
        seat: 60 + n as u16,
        born,
        gone: backend.silent,
        deaf: false,
        id: cloud.derived(backend.name),
        life: 0,
    })
}

fn of_hosts<'a>(cloud: &'a Cloud, ledger: &'a Ledger) -> impl Iterator<Item = Process<'a>> {
    static KINDS: [&Kind; 2] = [&COMPUTE, &AGENT];
    let kinds = if is_large(cloud) { &KINDS[..1] } else { &KINDS[..] };
    cloud.hosts.iter().enumerate().flat_map(move |(ix, host)| {
        let former = ledger.former_lives(ix as HostIx);
        kinds.iter().enumerate().flat_map(move |(seat, kind)| {
            let process = move |life, gone, deaf| Process {
                kind,
                place: Place::Host(ix as HostIx),
                host: &host.name,
                backend: None,
                worker: 0,
                seat: seat as u16,
                born: host.booted,
                gone,
                deaf,
                id: derived(host.id, kind.binary),
                life,
            };
            let deaf = !host.listens && kind.binary == COMPUTE.binary;
            let current = process(former.len(), host.silent, deaf);
            let before = former.iter().enumerate();
            before.map(move |(life, &gone)| process(life, Some(gone), false)).chain([current])
        })
    })
}

/// A queue that a process has declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    pub sort: Sort,
    /// Whether its process takes from it now.
    pub taken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// Shared by all that serve the topic.
    Topic,
    /// Of one host.
    Host,
    /// A copy for one process, or a stream for all.
    Fanout,
    Reply,
    Notification,
}

impl Process<'_> {
    /// When a life ended after which another has begun, or began not yet.
    fn life_is_over(&self) -> Option<Time> {
        self.gone.filter(|_| self.born > self.gone.unwrap_or(self.born))
    }

    fn drawn(&self, what: &str) -> Uuid {
        derived(self.id, &format!("{what} {} {}", self.worker, self.life))
    }

    pub fn pid(&self) -> u32 {
        1_000 + (self.drawn("pid").as_u128() % 60_000) as u32
    }

    /// Topics, with the server that it is of each.
    fn serves(&self) -> impl Iterator<Item = (String, String)> {
        let server = match self.backend {
            Some(backend) => format!("{}@{backend}", self.host),
            None => self.host.to_owned(),
        };
        // A backend serves a topic of its own too, as the one of its host.
        let own = self.backend.map(|backend| {
            (format!("{}.{}@{backend}", self.kind.topics.join("."), self.host), self.host.to_owned())
        });
        self.kind.topics.iter().map(move |topic| ((*topic).to_owned(), server.clone())).chain(own)
    }

    /// The queues that it has declared, in the order in which it takes from them.
    pub fn queues(&self, now: Time, large: bool) -> Vec<Declared> {
        let mut queues = Vec::new();
        let (alive, current) = (self.gone.is_none(), self.life_is_over().is_none());
        let taken = alive && !self.deaf;
        // A queue with an expiry goes when nobody has taken from it for so long.
        let lasts = self.gone.is_none_or(|gone| now.since(gone) <= LEFT_BEHIND);
        for (topic, server) in self.serves() {
            // Of a former life only what had a name of its own is left.
            if current {
                queues.push(Declared { name: topic.clone(), sort: Sort::Topic, taken });
                queues.push(Declared { name: format!("{topic}.{server}"), sort: Sort::Host, taken });
            }
            if large {
                queues.push(Declared { name: format!("{topic}_fanout"), sort: Sort::Fanout, taken });
            } else if lasts {
                let name = format!("{topic}_fanout_{}", self.drawn(&topic).simple());
                queues.push(Declared { name, sort: Sort::Fanout, taken });
            }
        }
        if self.kind.asks && lasts {
            let name = match large {
                true => format!("reply_{}:{}:{}", self.host, self.kind.binary, self.seat + 1),
                false => format!("reply_{}", self.drawn("reply").simple()),
            };
            queues.push(Declared { name, sort: Sort::Reply, taken: alive });
        }
        let reads = self.kind.reads.iter();
        queues.extend(reads.map(|name| Declared {
            name: (*name).to_owned(),
            sort: Sort::Notification,
            taken,
        }));
        queues
    }

    /// Its connections: one to publish, one to take answers, one to take work.
    pub fn connections(&self) -> impl Iterator<Item = Connection> + '_ {
        let serves = !self.kind.topics.is_empty() || !self.kind.reads.is_empty();
        let uses = [(Use::Publish, true), (Use::Replies, self.kind.asks), (Use::Work, serves)];
        let alive = self.gone.is_none();
        uses.into_iter()
            .filter(move |(_, has)| alive && *has)
            .map(|(purpose, _)| Connection { purpose, ..self.connection(purpose) })
    }

    fn connection(&self, purpose: Use) -> Connection {
        let id = self.drawn(purpose.name());
        // A host's processes do not share a port.
        let base = Random::stream(self.life as u64, self.host).below(100) as u16 * 256;
        let port = 32_768 + base + self.seat * 3 + purpose as u16;
        let at = self.born.plus(Random::stream(id.as_u64_pair().0, "at").between(400, 4_000));
        Connection { purpose, id, port, pid: self.pid(), at }
    }
}

/// What a process uses a connection for: oslo.messaging keeps them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Publish,
    Replies,
    Work,
}

impl Use {
    fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Replies => "replies",
            Self::Work => "work",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub purpose: Use,
    pub id: Uuid,
    /// The client's.
    pub port: u16,
    pub pid: u32,
    /// Since when.
    pub at: Time,
}
