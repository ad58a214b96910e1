//! A broker as a whole: whether it answers, its alarms, its nodes, its connections (operations.md 2.8), and
//! the queues that should be there and are not.

use super::expect::{self, Expected};
use super::{Note, Verdict, node};
use crate::model::{AmqpState, Broker, Connections, Queue};
use crate::report::Topic;
use crate::store::Store;
use crate::table::Slots;

/// Share of connections that are slowed down from which it is more than a burst (R19; a judgement).
const FLOW: f64 = 0.1;
/// What services say who do not reach their broker, and from how many hosts on it is the broker (operations.md M1).
const LOST: [&str; 3] = ["M1", "M2", "M4"];
const HOSTS: usize = 4;

pub fn verdict(store: &Store, broker: &Broker) -> Verdict {
    notes(store, broker).first().map_or(Verdict::Ok, |note| note.verdict)
}

/// Everything that is to be said, worst first: of its nodes too.
pub fn notes(store: &Store, broker: &Broker) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |verdict, words: String| notes.push(Note { verdict, words });
    let name = &broker.name;
    if let Some((cause, next)) = &broker.trouble {
        if over_amqp(store, broker).any(|state| state.trouble.is_none()) {
            // So it is running, whatever became of its plugin.
            say(
                Verdict::Warning,
                format!(
                    "{cause}; AMQP tells ready messages and consumers of the queues that must be there; \
                     `rabbitmq-plugins enable rabbitmq_management` on a node brings the rest"
                ),
            );
        } else {
            say(Verdict::Unknown, format!("{cause}; {next}"));
        }
    }
    for amqp in over_amqp(store, broker) {
        let place = format!("AMQP, vhost {}", amqp.vhost);
        if let Some((cause, next)) = &amqp.trouble {
            // Beside a management API that answers it is a way less; with both gone nothing is known.
            let verdict = if broker.trouble.is_some() { Verdict::Unknown } else { Verdict::Warning };
            say(verdict, format!("{place}: {cause}; {next}"));
        }
        if let Some((n, words)) = &amqp.refused {
            let user = &amqp.user;
            say(
                Verdict::Warning,
                format!(
                    "{place}: {n} queues may not be asked for: {words}; brokers before 4.2.6 want a permission on \
                     the vhost alone, 4.2.6 and 4.3.0 `configure` on the queue, later ones any: `rabbitmqctl \
                     set_permissions -p {} {user} '^$' '^$' '.*'`",
                    amqp.vhost
                ),
            );
        }
    }
    for alarm in broker.alarms.iter().flatten() {
        let next = match &*alarm.resource {
            "memory" => "find the deepest queue, or raise vm_memory_high_watermark",
            "disk" => "free disk there, or lower disk_free_limit",
            _ => "look at the node's log",
        };
        let words =
            format!("{} alarm on {}: whoever publishes to {name} is blocked", alarm.resource, alarm.node);
        say(Verdict::Critical, format!("{words}; {next}"));
    }
    let nodes = store.nodes_of(name);
    if let Some(expected) = broker.nodes_expected.filter(|n| !nodes.is_empty() && nodes.len() < *n) {
        say(
            Verdict::Critical,
            format!("{name} has {} nodes of {expected}: one has left the cluster", nodes.len()),
        );
    }
    let mut versions: Vec<&str> = nodes.iter().filter_map(|node| node.version.as_deref()).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        say(
            Verdict::Warning,
            format!(
                "{name} has nodes of several versions ({}): is an upgrade under way?",
                versions.join(", ")
            ),
        );
    }
    if let Some(words) = broker.connections.as_ref().and_then(slowed) {
        say(words.0, format!("{name}: {}", words.1));
    }
    // One that stands alone says so, and there is nothing else to keep up.
    if broker.quorum_critical == Some(true) && nodes.len() > 1 {
        let node = broker.answered_by.as_deref().unwrap_or("this node");
        // Of two nodes neither can ever be spared: that is the cluster's size, and no trouble while both run.
        let always = nodes.len() == 2 && nodes.iter().all(|node| node.running == Some(true));
        let verdict = if always { Verdict::Info } else { Verdict::Warning };
        say(verdict, format!("do not stop {node}: some quorum queues would lose their majority"));
    }
    if broker.statistics_off {
        let is_measured = |row: &Queue| row.listed.is_some_and(|listed| listed.ready.is_some());
        let mut rows = store.queues.iter().map(|(_, row)| row).filter(|row| row.broker == *name);
        let (verdict, what) = match rows.any(is_measured) {
            true => (Verdict::Info, "depths and consumers come from its nodes' metrics, rates are unknown"),
            false => (Verdict::Unknown, "depths are unknown"),
        };
        let setting = "management_agent.disable_metrics_collector";
        say(verdict, format!("{name} keeps no statistics ({setting}): {what}"));
    }
    notes.extend(nodes.iter().flat_map(|row| node::notes(row)).filter(|note| {
        // The alarm itself was said above, by who knows it first.
        broker.alarms.as_ref().is_none_or(Vec::is_empty) || !note.words.contains(" alarm: ")
    }));
    // What the broker says itself comes first. With several brokers nobody knows which one they mean.
    let lost = match store.brokers.len() {
        1 if store.freshness(Topic::Logs).outage.is_none() => store.logs.facts().hosts_that_say(&LOST),
        _ => 0,
    };
    if lost >= HOSTS {
        notes.push(Note {
            verdict: Verdict::Critical,
            words: format!(
                "services on {lost} hosts say in their logs that they have lost {name}: from so many it is the broker, \
                 or the way to it; `6`, then `f`, says who and since when"
            ),
        });
    }
    notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    notes
}

/// Its vhosts, as far as AMQP was tried.
fn over_amqp<'a>(store: &'a Store, broker: &'a Broker) -> impl Iterator<Item = &'a AmqpState> {
    store.amqp.values().filter(move |state| state.broker == broker.name)
}

/// Connections that wait.
fn slowed(connections: &Connections) -> Option<(Verdict, String)> {
    let Connections { running, flow, blocking, blocked, other } = connections;
    let all = running + flow + blocking + blocked + other;
    if *blocked > 0 {
        return Some((
            Verdict::Critical,
            format!("{blocked} of {all} connections are blocked: see the alarms"),
        ));
    }
    if *flow as f64 > all as f64 * FLOW {
        return Some((
            Verdict::Warning,
            format!("{flow} of {all} connections are slowed down by flow control"),
        ));
    }
    None
}

/// The missing queues, looked for anew only when a list has changed: there are as many names as there are services.
#[derive(Debug, Default)]
pub struct Missing {
    of: Option<[u64; 5]>,
    all: Vec<Expected>,
}

impl Missing {
    pub fn sync(&mut self, store: &Store) {
        let now = [
            store.services.revision(),
            store.agents.revision(),
            store.volume_services.revision(),
            store.queues.revision(),
            store.freshness(Topic::Queues).revision,
        ];
        if self.of != Some(now) {
            (self.of, self.all) = (Some(now), missing(store));
        }
    }

    pub fn all(&self) -> &[Expected] {
        &self.all
    }
}

/// Queues of services that are up, which no broker has. Judged only when every queue was read, or asked for: what
/// an account may not see is not missing.
pub fn missing(store: &Store) -> Vec<Expected> {
    let fresh = store.freshness(Topic::Queues);
    if fresh.as_of.is_none() {
        return Vec::new();
    }
    let mut all = expect::expected(store);
    if !fresh.complete || fresh.limit.is_some() {
        // Over AMQP a vhost says of each by name that it is not there.
        let told = !store.amqp.is_empty() && store.amqp.values().all(|state| state.trouble.is_none());
        let nowhere =
            |name: &str| store.amqp.values().all(|state| state.missing.iter().any(|n| &**n == name));
        all.retain(|expected| told && nowhere(&expected.name));
        return all;
    }
    all.retain(|expected| match &expected.host {
        Some(host) => !store.queues_to(host).any(|queue| *queue.name == *expected.name),
        None => !store.queues_shared_by(expected.service).any(|queue| *queue.name == *expected.name),
    });
    all
}

/// What it means that such a queue is missing.
pub fn missing_words(expected: &Expected) -> String {
    let Expected { name, service, host } = expected;
    let host = host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
    format!(
        "{service}{host} is called up, and no broker that is read has its queue {name}: it lost the broker, or \
         its cell's broker is missing in [broker]"
    )
}
