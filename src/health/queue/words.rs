//! What is wrong with a queue, in words: the figure, what it means, the next step.

use jiff::Timestamp;

use super::{Finding, UNREAD};
use crate::health::expect::Listed;
use crate::model::{Queue, QueueRole};
use crate::store::Store;
use crate::words::duration;

impl Finding {
    pub fn words(&self, store: &Store, queue: &Queue, now: Timestamp) -> String {
        let name = &queue.name;
        let words = match self {
            Self::State(state) => format!(
                "{name} is {state}: look at its node {} and at the log there; `rabbitmqctl list_queues name state`",
                queue.node.as_deref().unwrap_or("(unknown)")
            ),
            Self::Members { online, all } => format!(
                "{name} has {online} of {all} members online: stop no other node; `rabbitmq-queues quorum_status {name}`"
            ),
            Self::Unmeasured => format!(
                "{name} is not measured: it is fresh, its node is down, or the broker's statistics are off"
            ),
            Self::OffTheBus(listed) => off_the_bus(queue, *listed, now),
            Self::Nobody(least) => nobody(queue, *least),
            Self::TooFew { has, least } => format!(
                "{name} has {} where {least} are expected: as many {} are up; look for those that lost the broker",
                consumers(*has),
                service(queue)
            ),
            Self::DownYetConsumes => format!(
                "{} {} takes messages from {name}, yet nova calls it down: its way to the conductor or its clock, \
                 not the broker",
                service(queue),
                host(queue)
            ),
            Self::Deep(n) => format!(
                "{n} messages wait in {name}: {} is too slow, or hangs; look at its log",
                service(queue)
            ),
            Self::Unacked(n) => format!(
                "{n} messages of {name} were taken and not acknowledged: a thread of {} hangs; \
                 SIGUSR2 makes it write its threads down",
                service(queue)
            ),
            Self::Growing { from, to, over } => format!(
                "{name} grew with each of the last five looks, from {from} to {to} messages in {}{}",
                duration(*over),
                if queue.meaning.role == QueueRole::Notification {
                    ": who reads it is too slow, or gone"
                } else {
                    ""
                },
            ),
            Self::NobodyReads => nobody_reads(queue),
            Self::LeftBehind => left_behind(queue),
            Self::Disputed { listed, declared, over } => format!(
                "the management API gives {name} {}, AMQP says {} for {}: its statistics are stuck; believe AMQP, \
                 and disable and enable rabbitmq_management with `rabbitmq-plugins`",
                consumers(*listed),
                declared,
                duration(*over)
            ),
            Self::Answers(n) => format!(
                "{n} answers wait in {name} for who asked: that process hangs; its connection says which (enter)"
            ),
        };
        words + &self.since(store, queue, now)
    }

    /// Since when, where it was seen to begin.
    fn since(&self, store: &Store, queue: &Queue, now: Timestamp) -> String {
        let alone = matches!(self, Self::OffTheBus(_) | Self::Nobody(_));
        let since = store.trend(&queue.id).filter(|_| alone).and_then(|trend| trend.alone_since);
        let long = since.map(|since| now.duration_since(since)).filter(|long| long.as_secs() >= 60);
        long.map(|long| format!(" (without a consumer for {} at least)", duration(long))).unwrap_or_default()
    }
}

fn service(queue: &Queue) -> &str {
    queue.meaning.service.unwrap_or("who consumes it")
}

/// `on cmp03`, or nothing.
fn host(queue: &Queue) -> String {
    queue.meaning.host.as_deref().map(|host| format!("on {host}")).unwrap_or_default()
}

fn consumers(n: u64) -> String {
    if n == 1 { "1 consumer".to_owned() } else { format!("{n} consumers") }
}

/// `no consumer`, and what waits for one.
fn alone(queue: &Queue) -> String {
    match queue.ready {
        None | Some(0) => "no consumer".to_owned(),
        Some(1) => "no consumer and 1 message".to_owned(),
        Some(n) => format!("no consumer and {n} messages"),
    }
}

fn off_the_bus(queue: &Queue, listed: Listed, now: Timestamp) -> String {
    let (name, alone) = (&queue.name, alone(queue));
    let (service, host) = (service(queue), queue.meaning.host.as_deref().unwrap_or("?"));
    let whose = format!("{name} has {alone}: {service} on {host} is off the bus");
    let restart = match queue.meaning.backend.as_deref() {
        Some(backend) => format!("restart {service} there (backend {backend})"),
        None if service == "neutron agents" => "restart neutron's agents there".to_owned(),
        None => format!("restart {service} there"),
    };
    let ago = |heard: Option<Timestamp>| {
        heard.map(|at| format!(" {} ago", duration(now.duration_since(at)))).unwrap_or_default()
    };
    match listed {
        Listed::Up { heard } => {
            format!("{whose}; service list says up{}, down expected; {restart}", ago(heard))
        }
        Listed::Down { disabled: true, .. } => {
            format!("{name} has {alone}: {service} on {host} is disabled and down")
        }
        Listed::Down { heard, .. } => {
            let heard = heard.map(|at| format!(", heard{}", ago(Some(at)))).unwrap_or_default();
            format!("{whose}; service list says down{heard}; {restart}")
        }
        Listed::Unknown => format!(
            "{name} has {alone}, and no list has a {service} on {host}: left behind by a host that is gone; \
             the broker forgets it with its next restart, or by `rabbitmqctl delete_queue {name}`"
        ),
        Listed::Unread => format!("{whose}; its service list was not read; {restart}"),
    }
}

fn nobody(queue: &Queue, least: Option<u64>) -> String {
    let (name, alone, service) = (&queue.name, alone(queue), service(queue));
    match least {
        Some(0) => format!("{name} has {alone}: no {service} is up"),
        Some(n) => {
            format!(
                "{name} has {alone}, though {n} {service} are up: they have lost the broker; restart {service}"
            )
        }
        None if queue.meaning.service.is_some() => {
            format!("{name} has {alone}: no {service} is on the bus; is that service in use, and running?")
        }
        None => format!("{name} has {alone}, and it is not known whose it is"),
    }
}

fn nobody_reads(queue: &Queue) -> String {
    let (name, n) = (&queue.name, queue.ready.unwrap_or(0));
    let words = format!("nobody reads {name}: {n} notifications wait, and each event adds one");
    if n <= UNREAD {
        return words;
    }
    let vhost = &queue.vhost;
    format!(
        "{words}; set `driver = noop` in [oslo_messaging_notifications] of the services, or bound it: \
         `rabbitmqctl set_policy -p {vhost} notifications '^(versioned_)?notifications' '{{\"max-length\":10000}}'`"
    )
}

fn left_behind(queue: &Queue) -> String {
    let (name, alone) = (&queue.name, alone(queue));
    let goes = match queue.expires_ms {
        Some(ms) => {
            let span = jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
            format!("it goes by itself after {} without use", duration(span))
        }
        None => "it has no x-expires, so it stays until somebody deletes it".to_owned(),
    };
    format!("{name} has {alone}: left behind by a process that ended; {goes}")
}
