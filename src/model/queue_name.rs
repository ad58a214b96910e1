//! What the name of a queue says: oslo.messaging makes it of topic and server, and services choose those.
//!
//! operations.md 3.1 and 3.2 (oslo.messaging `_drivers/amqpdriver.py`, `impl_rabbit.py`, and each service's
//! `rpcapi.py`). Nothing here depends on who reads the depths.

use super::{QueueType, Text};

/// A queue, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Meaning {
    pub role: QueueRole,
    /// Who takes messages from it: `nova-compute`. `None`: not known to us.
    pub service: Option<&'static str>,
    /// The name without host and random parts; the whole name where it is not understood.
    pub topic: Text,
    /// The host that it leads to, or that the process behind it says it runs on.
    pub host: Option<Text>,
    /// cinder's backend, of `cinder-volume.<host>@<backend>`.
    pub backend: Option<Text>,
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueRole {
    /// Shared work: any server of the topic may take a message.
    Topic,
    /// Work for one host.
    Host,
    Notification,
    /// A copy of each message for one process; a stream is one copy for all.
    Fanout,
    /// Answers to one process that asked.
    Reply,
    /// Not OpenStack's, as far as we know.
    Other,
}

impl QueueRole {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Host => "host",
            Self::Notification => "notification",
            Self::Fanout => "fanout",
            Self::Reply => "reply",
            Self::Other => "other",
        }
    }
}

/// RPC topics, and whose they are.
const TOPICS: &[(&str, &str)] = &[
    ("compute", "nova-compute"),
    // A second server of every nova-compute from 2026.2 on, so that one that stops can still be told so.
    ("compute-alt", "nova-compute"),
    ("conductor", "nova-conductor"),
    ("scheduler", "nova-scheduler"),
    ("cert", "nova-cert"),
    ("consoleauth", "nova-consoleauth"),
    ("network", "nova-network"),
    ("cells", "nova-cells"),
    ("cinder-scheduler", "cinder-scheduler"),
    ("cinder-volume", "cinder-volume"),
    ("cinder-backup", "cinder-backup"),
    ("engine", "heat-engine"),
    ("engine_worker", "heat-engine"),
    ("heat-engine-listener", "heat-engine"),
    ("q-plugin", "neutron-server"),
    ("q-l3-plugin", "neutron-server"),
    ("q-reports-plugin", "neutron-server"),
    ("q-server-resource-versions", "neutron-server"),
    ("q-metering-plugin", "neutron-server"),
    ("dhcp_agent", "neutron-dhcp-agent"),
    ("l3_agent", "neutron-l3-agent"),
    ("metering_agent", "neutron-metering-agent"),
];

/// Topics that begin like this: neutron's agents hear of one object's changes each.
const BEGINNINGS: &[(&str, &str)] =
    &[("q-agent-notifier-", "neutron agents"), ("neutron-vo-", "neutron agents")];

/// The priorities of oslo.messaging's notifier.
const PRIORITIES: &[&str] = &["audit", "debug", "info", "warn", "error", "critical", "sample"];

impl Meaning {
    pub fn of(name: &str, kind: QueueType) -> Self {
        if let Some(rest) = name.strip_prefix("reply_") {
            if is_random(rest) {
                return Self::new(QueueRole::Reply, None, "reply");
            }
            if let Some(host) = managed(rest) {
                return Self { host: Some(host.into()), ..Self::new(QueueRole::Reply, None, "reply") };
            }
        }
        if let Some((topic, rest)) = name.rsplit_once("_fanout_") {
            let host = managed(rest);
            if is_random(rest) || host.is_some() {
                return Self::fanout(topic, host);
            }
        }
        if let Some(topic) = name.strip_suffix("_fanout").filter(|_| kind == QueueType::Stream) {
            return Self::fanout(topic, None);
        }
        if let Some(topic) = notification(name) {
            return Self::new(QueueRole::Notification, None, topic);
        }
        Self::rpc(name).unwrap_or_else(|| Self::new(QueueRole::Other, None, name))
    }

    fn new(role: QueueRole, service: Option<&'static str>, topic: &str) -> Self {
        Self { role, service, topic: topic.into(), host: None, backend: None }
    }

    /// The topic of a fanout may be a host's: `cinder-volume.ctl01@fast_fanout_…`.
    fn fanout(topic: &str, host: Option<&str>) -> Self {
        let mut meaning = Self::rpc(topic).unwrap_or_else(|| Self::new(QueueRole::Fanout, None, topic));
        meaning.role = QueueRole::Fanout;
        if let Some(host) = host {
            meaning.host = Some(host.into());
        }
        meaning
    }

    /// `topic`, or `topic.host`.
    fn rpc(name: &str) -> Option<Self> {
        let (topic, host) = split(name);
        let service = service(topic)?;
        let Some(host) = host else { return Some(Self::new(QueueRole::Topic, Some(service), topic)) };
        let mut meaning = Self::new(QueueRole::Host, Some(service), topic);
        let (host, backend) = host.split_once('@').map_or((host, None), |(host, rest)| {
            // A second server of the same backend: `host@backend.host`.
            let behind = rest.strip_suffix(host).and_then(|rest| rest.strip_suffix('.'));
            (host, Some(behind.unwrap_or(rest)))
        });
        meaning.host = Some(host.into());
        meaning.backend = backend.map(Into::into);
        Some(meaning)
    }
}

/// Topic and host. Topics have no dot, but for neutron's object versions: `neutron-vo-Port-1.7`.
fn split(name: &str) -> (&str, Option<&str>) {
    let from = match name.starts_with("neutron-vo-") {
        true => name.find('.').map_or(name.len(), |dot| dot + 1),
        false => 0,
    };
    match name.get(from..).and_then(|rest| rest.find('.')) {
        Some(dot) => (&name[..from + dot], name.get(from + dot + 1..).filter(|host| !host.is_empty())),
        None => (name, None),
    }
}

fn service(topic: &str) -> Option<&'static str> {
    let exact = TOPICS.iter().find(|(known, _)| *known == topic);
    exact
        .or_else(|| BEGINNINGS.iter().find(|(beginning, _)| topic.starts_with(beginning)))
        .map(|(_, service)| *service)
}

/// `notifications.info`, `versioned_notifications.error`, `notifications_designate.info`.
fn notification(name: &str) -> Option<&str> {
    let (topic, priority) = name.rsplit_once('.')?;
    let bare = topic.strip_prefix("versioned_").unwrap_or(topic);
    let rest = bare.strip_prefix("notifications")?;
    let named = rest.is_empty()
        || rest.strip_prefix('_').is_some_and(|word| !word.is_empty() && !word.contains(['.', '_']));
    (named && PRIORITIES.contains(&priority)).then_some(topic)
}

/// A UUID without dashes: each process makes its own.
fn is_random(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `host:process:number`, with `use_queue_manager`.
fn managed(text: &str) -> Option<&str> {
    let mut parts = text.rsplitn(3, ':');
    let number = parts.next()?;
    let (process, host) = (parts.next()?, parts.next()?);
    let fits = !host.is_empty() && !process.is_empty() && !number.is_empty();
    (fits && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `role service topic host backend`, with `-` for nothing.
    fn words(name: &str, kind: QueueType) -> String {
        let Meaning { role, service, topic, host, backend } = Meaning::of(name, kind);
        let maybe = |text: Option<Text>| text.unwrap_or_else(|| "-".into());
        format!("{} {} {topic} {} {}", role.as_str(), service.unwrap_or("-"), maybe(host), maybe(backend))
    }

    #[test]
    fn names_of_every_kind() {
        let hex = "3c2a45c0f915407188722d1efb690afd";
        for (name, expected) in [
            ("compute", "topic nova-compute compute - -"),
            ("compute.cmp03", "host nova-compute compute cmp03 -"),
            ("compute.cmp03.example.org", "host nova-compute compute cmp03.example.org -"),
            ("compute-alt.cmp03", "host nova-compute compute-alt cmp03 -"),
            ("conductor", "topic nova-conductor conductor - -"),
            ("cinder-volume.ctl01@fast", "host cinder-volume cinder-volume ctl01 fast"),
            ("cinder-volume.ctl01@fast.ctl01", "host cinder-volume cinder-volume ctl01 fast"),
            ("cinder-volume.c.org@a.b.c.org", "host cinder-volume cinder-volume c.org a.b"),
            (
                "q-agent-notifier-port-update.net01",
                "host neutron agents q-agent-notifier-port-update net01 -",
            ),
            ("neutron-vo-Port-1.7", "topic neutron agents neutron-vo-Port-1.7 - -"),
            ("neutron-vo-Port-1.7.net01", "host neutron agents neutron-vo-Port-1.7 net01 -"),
            ("notifications.info", "notification - notifications - -"),
            ("versioned_notifications.error", "notification - versioned_notifications - -"),
            ("notifications_designate.info", "notification - notifications_designate - -"),
            ("notifications.loud", "other - notifications.loud - -"),
            ("reply_host1:nova-api:3", "reply - reply host1 -"),
            ("reply_to_nobody", "other - reply_to_nobody - -"),
            ("compute_fanout_cmp03:nova-compute:1", "fanout nova-compute compute cmp03 -"),
            ("compute_fanout", "other - compute_fanout - -"),
            ("aliveness-test", "other - aliveness-test - -"),
            ("compute.", "topic nova-compute compute - -"),
            ("", "other -  - -"),
            ("é.前端", "other - é.前端 - -"),
        ] {
            assert_eq!(words(name, QueueType::Classic), expected, "{name}");
        }
        for (name, expected) in [
            (format!("reply_{hex}"), "reply - reply - -"),
            (format!("conductor_fanout_{hex}"), "fanout nova-conductor conductor - -"),
            (
                format!("cinder-volume.ctl01@fast_fanout_{hex}"),
                "fanout cinder-volume cinder-volume ctl01 fast",
            ),
            (format!("my_own_fanout_{hex}"), "fanout - my_own - -"),
        ] {
            assert_eq!(words(&name, QueueType::Classic), expected, "{name}");
        }
        assert_eq!(words("compute_fanout", QueueType::Stream), "fanout nova-compute compute - -");
    }
}
