//! Which queues must be there and who should be behind them: from the service lists alone, whoever reads the
//! depths.
//!
//! operations.md 3.1: an RPC server of topic T on host S consumes from `T` and from `T.S`.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Agent, Queue, QueueRole, Service, ServiceState, ServiceStatus, Text};
use crate::report::Topic;
use crate::store::Store;
use crate::table::Slots;

/// What its service's own list says of whoever should be behind a host's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// The list was not read, or no list has this service.
    Unread,
    Up {
        heard: Option<Timestamp>,
    },
    Down {
        heard: Option<Timestamp>,
        /// Somebody took it out: that it is down is no surprise.
        disabled: bool,
    },
    /// The list was read, and does not know it.
    Unknown,
}

/// nova's services that are RPC servers, with their topic.
const NOVA: [(&str, &str); 3] =
    [("nova-compute", "compute"), ("nova-conductor", "conductor"), ("nova-scheduler", "scheduler")];
/// neutron's agents that have a topic of their own.
const NEUTRON: [(&str, &str); 3] = [
    ("neutron-dhcp-agent", "dhcp_agent"),
    ("neutron-l3-agent", "l3_agent"),
    ("neutron-metering-agent", "metering_agent"),
];

/// cinder's services, with their topic.
const CINDER: [(&str, &str); 3] = [
    ("cinder-scheduler", "cinder-scheduler"),
    ("cinder-volume", "cinder-volume"),
    ("cinder-backup", "cinder-backup"),
];

/// Who should be behind a queue that leads to a host.
pub fn behind(store: &Store, queue: &Queue) -> Listed {
    let (Some(service), Some(host)) = (queue.meaning.service, queue.meaning.host.as_deref()) else {
        return Listed::Unread;
    };
    if service.starts_with("nova-") {
        if store.freshness(Topic::Services).as_of.is_none() {
            return Listed::Unread;
        }
        let found = store.services_on(host).find(|row| &*row.binary == service);
        return found.map_or(Listed::Unknown, of_service);
    }
    if NEUTRON.iter().any(|(binary, _)| *binary == service) || service == "neutron agents" {
        if store.freshness(Topic::Agents).as_of.is_none() {
            return Listed::Unread;
        }
        let is_its = |binary: &str| service == "neutron agents" || binary == service;
        let agents: Vec<_> = store.agents_on(host).filter(|agent| is_its(&agent.binary)).collect();
        let heard = agents.iter().filter_map(|agent| agent.heartbeat).max();
        return match agents.iter().any(|agent| agent.alive) {
            true => Listed::Up { heard },
            false if agents.is_empty() => Listed::Unknown,
            false => Listed::Down { heard, disabled: agents.iter().all(|agent| !agent.admin_state_up) },
        };
    }
    if CINDER.iter().any(|(binary, _)| *binary == service) {
        // A cloud without cinder lists none of its services, and its queues are somebody else's.
        if store.freshness(Topic::VolumeServices).as_of.is_none() || store.volume_services.is_empty() {
            return Listed::Unread;
        }
        let whole = match queue.meaning.backend.as_deref() {
            Some(backend) => format!("{host}@{backend}"),
            None => host.to_owned(),
        };
        let mut rows = store.volume_services.iter().map(|(_, row)| row);
        let found = rows.find(|row| &*row.binary == service && *row.host == whole);
        return found.map_or(Listed::Unknown, of_service);
    }
    Listed::Unread
}

fn of_service(row: &Service) -> Listed {
    match row.state {
        ServiceState::Up => Listed::Up { heard: row.updated_at },
        ServiceState::Down => Listed::Down {
            heard: row.updated_at,
            disabled: row.status == ServiceStatus::Disabled || row.forced_down,
        },
        ServiceState::Unknown => Listed::Unread,
    }
}

/// How many consumers a shared queue has at least: one for each process that its list calls up. How many
/// workers each of them runs, no list says.
pub fn least(store: &Store, queue: &Queue) -> Option<u64> {
    let service = queue.meaning.service.filter(|_| queue.meaning.role == QueueRole::Topic)?;
    let (binary, _) =
        NOVA.iter().find(|(binary, topic)| *binary == service && *topic == &*queue.meaning.topic)?;
    store.freshness(Topic::Services).as_of?;
    Some(up(store, binary).count() as u64)
}

fn up<'a>(store: &'a Store, binary: &'a str) -> impl Iterator<Item = &'a Service> {
    let rows = store.services.iter().map(|(_, row)| row);
    rows.filter(move |row| &*row.binary == binary && row.state == ServiceState::Up)
}

/// The names of the queues that listed services have declared, whether those are up or not: one that is down has
/// left its queue behind. Made anew when the lists change.
#[derive(Debug, Default)]
pub struct Names {
    has_cloud: bool,
    /// Revisions of the lists that the names were made of.
    made_of: Option<[u64; 3]>,
    names: Arc<[Text]>,
}

impl Names {
    /// Without a cloud nobody tells of services.
    pub fn new(has_cloud: bool) -> Self {
        Self { has_cloud, ..Self::default() }
    }

    /// `None` while a list may still come.
    pub fn of(&mut self, store: &Store) -> Option<Arc<[Text]>> {
        let settled = |topic| store.freshness(topic).settled();
        let topics = [Topic::Services, Topic::Agents, Topic::VolumeServices];
        if self.has_cloud && !topics.into_iter().all(settled) {
            return None;
        }
        let now = [store.services.revision(), store.agents.revision(), store.volume_services.revision()];
        if self.made_of != Some(now) {
            let names = declared(store, |_| true, |_| true).into_iter().map(|queue| queue.name.into());
            self.names = names.collect();
            self.made_of = Some(now);
        }
        Some(self.names.clone())
    }
}

/// A queue that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub name: String,
    pub service: &'static str,
    /// `None` for a queue that all hosts of the service share.
    pub host: Option<Text>,
}

/// The queues that services which are up have declared. Never a reply or fanout queue: their names are the
/// process's own, and to declare one passively would renew its expiry.
pub fn expected(store: &Store) -> Vec<Expected> {
    declared(store, |row| row.state == ServiceState::Up, |row| row.alive)
}

/// The queues of these services and agents.
fn declared(
    store: &Store,
    service: impl Fn(&Service) -> bool,
    agent: impl Fn(&Agent) -> bool,
) -> Vec<Expected> {
    let mut all = Vec::new();
    for (binary, topic) in NOVA {
        let rows = store.services.iter().map(|(_, row)| row);
        let hosts = rows.filter(|row| &*row.binary == binary && service(row)).map(|row| row.host.clone());
        add(&mut all, binary, topic, hosts.collect());
    }
    for (binary, topic) in NEUTRON {
        let rows = store.agents.iter().map(|(_, row)| row);
        let hosts = rows.filter(|row| &*row.binary == binary && agent(row)).map(|row| row.host.clone());
        add(&mut all, binary, topic, hosts.collect());
    }
    for (binary, topic) in CINDER {
        let rows = store.volume_services.iter().map(|(_, row)| row);
        let hosts = rows.filter(|row| &*row.binary == binary && service(row)).map(|row| row.host.clone());
        add(&mut all, binary, topic, hosts.collect());
    }
    // An agent that is heard from is heard by neutron-server.
    if store.agents.iter().any(|(_, row)| agent(row)) {
        for topic in ["q-plugin", "q-reports-plugin"] {
            all.push(Expected { name: topic.to_owned(), service: "neutron-server", host: None });
        }
    }
    all
}

fn add(all: &mut Vec<Expected>, service: &'static str, topic: &str, hosts: Vec<Text>) {
    if !hosts.is_empty() {
        all.push(Expected { name: topic.to_owned(), service, host: None });
    }
    for host in hosts {
        let name = format!("{topic}.{host}");
        // cinder's `ctl01@fast` is a backend of the host ctl01.
        let host = host.split_once('@').map_or(host.clone(), |(host, _)| host.into());
        all.push(Expected { name, service, host: Some(host) });
    }
}
