//! Everything known about one queue, in sections.

use crate::model::{Consumer, Counts, Queue, QueueRole};
use crate::pane::{Cx, logs, parts};
use crate::report::Topic;
use crate::tables::queues::{per_second, rate, whose};
use crate::theme::Role;
use crate::ui::details::Section;
use crate::ui::{format, spark};

/// Kinds of messages that are shown: `l` has all of them.
const SAID: usize = 3;

pub(super) fn sections(cx: &Cx, row: &Queue) -> Vec<Section> {
    let mut sections = vec![figures(cx, row)];
    sections.extend(behind(cx, row));
    sections.push(consumers(cx, row));
    sections.extend(said(cx, row));
    sections.push(queue(cx, row));
    sections
}

fn figures(cx: &Cx, row: &Queue) -> Section {
    let mut section = Section::new(row.name.to_string());
    for note in crate::health::queue::notes(cx.store, row, cx.now) {
        section.add(note.verdict.as_str(), note.words);
    }
    let n = |n: Option<u64>| n.map_or_else(|| "? not measured".to_owned(), |n| format::number(n as i64));
    section.add("ready", n(row.ready));
    section.add("unacked", n(row.unacked));
    section.add("consumers", n(row.consumers));
    if let (Some(listed), Some(declared)) = (row.listed, row.declared) {
        let counts = |counts: Counts| format!("{} ready, {} consumers", n(counts.ready), n(counts.consumers));
        section.add("management says", counts(listed));
        section.add("AMQP says", counts(declared));
    } else if row.declared.is_some() {
        section.add("", "told by AMQP alone: unacked, rates and state are not known");
    }
    let (publish, deliver) = rate(cx.store, row);
    let rate = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), per_second);
    section.add("a second", format!("{} in, {} out", rate(publish), rate(deliver)));
    if let Some(trend) = cx.store.trend(&row.id) {
        let depths: Vec<String> = trend.depths().map(|depth| depth.to_string()).collect();
        section.add("ready so far", format!("{}  {}", spark::line(trend.depths()), depths.join(" ")));
    }
    if let Some(capacity) = row.consumer_capacity {
        section.add("consumer capacity", format!("{:.0}%", capacity * 100.0));
    }
    section
}

/// What nova and neutron say of the host that the queue leads to.
fn behind(cx: &Cx, row: &Queue) -> Option<Section> {
    let host = row.meaning.host.as_deref().filter(|_| row.meaning.role == QueueRole::Host)?;
    let mut section = Section::new(format!("on {host}"));
    for service in cx.store.services_on(host) {
        let seen = parts::moment(cx, service.updated_at);
        let words = format!("{}, {}; last seen {seen}", service.state.as_str(), service.status.as_str());
        section.add(service.binary.to_string(), words);
    }
    for agent in cx.store.agents_on(host) {
        let alive = if agent.alive { "alive" } else { "not heard from" };
        section.add(
            agent.binary.to_string(),
            format!("{alive}; last seen {}", parts::moment(cx, agent.heartbeat)),
        );
    }
    let others: Vec<&str> =
        cx.store.queues_to(host).map(|queue| &*queue.name).filter(|name| *name != &*row.name).collect();
    if !others.is_empty() {
        section.add("its other queues", others.join(", "));
    }
    if cx.store.services_on(host).next().is_none() && cx.store.agents_on(host).next().is_none() {
        section.add("", "no list that was read has a service on this host");
    }
    Some(section)
}

/// What the services of that host have said of the bus, each message once, the last one first.
fn said(cx: &Cx, row: &Queue) -> Option<Section> {
    let host = row.meaning.host.as_deref()?;
    let kinds = logs::kinds_of(cx, host, "amqp");
    if kinds.is_empty() {
        return None;
    }
    let mut section = Section::new(format!("what the logs of {host} say of AMQP"));
    for kind in kinds.into_iter().take(SAID) {
        let at = jiff::Timestamp::from_microsecond(kind.last).ok();
        let times = format!("{} times by {}, last {}", kind.count, kind.service, parts::moment(cx, at));
        section.add_as(Role::Dim, kind.level.as_str(), times);
        section.add("", kind.text.to_string());
    }
    Some(section)
}

fn consumers(cx: &Cx, row: &Queue) -> Section {
    let Some((at, consumers)) = cx.store.consumers.get(&row.id) else {
        let mut section = Section::new("consumers");
        section.add(
            "",
            match &cx.store.freshness(Topic::Consumers).outage {
                Some(failing) => format!("could not be had: {}", failing.outage.message),
                None => "? not asked yet (enter asks)".to_owned(),
            },
        );
        return section;
    };
    let mut section = Section::new(format!("consumers ({})", consumers.len()));
    for consumer in consumers {
        section.add(program(consumer), connection(cx, consumer));
    }
    if consumers.is_empty() {
        section.add("", "none");
    }
    section.add("as of", parts::moment(cx, Some(*at)));
    section
}

/// `nova-compute 21299`: the program and its process, as oslo.messaging names its connections.
fn program(consumer: &Consumer) -> String {
    let program = consumer.program.as_deref().unwrap_or("?");
    match consumer.pid {
        Some(pid) => format!("{program} {pid}"),
        None => program.to_owned(),
    }
}

fn connection(cx: &Cx, consumer: &Consumer) -> String {
    let mut words = vec![format!("from {}", consumer.peer_host.as_deref().unwrap_or("?"))];
    words.extend(consumer.state.as_deref().map(|state| format!("connection {state}")));
    words.extend(consumer.user.as_deref().map(|user| format!("user {user}")));
    words.extend(consumer.connected_at.map(|at| format!("since {}", parts::moment(cx, Some(at)))));
    words.extend(consumer.prefetch_count.map(|n| format!("prefetch {n}")));
    if consumer.active == Some(false) {
        words.push("waits for its turn".to_owned());
    }
    words.push(consumer.connection.to_string());
    words.join(", ")
}

fn queue(cx: &Cx, row: &Queue) -> Section {
    let mut section = Section::new("queue");
    section.add("whose", whose(row));
    section.add("role", row.meaning.role.as_str());
    section.add("topic", row.meaning.topic.to_string());
    if let Some(backend) = &row.meaning.backend {
        section.add("backend", backend.to_string());
    }
    section.add("vhost", row.vhost.to_string());
    section.add("broker", row.broker.to_string());
    section.add("type", row.kind.as_str());
    section.add("state", row.state.as_deref().unwrap_or("?"));
    section.add("node", row.node.as_deref().unwrap_or("?"));
    if !row.members.is_empty() {
        section.add("members", row.members.join(", "));
        section.add("online", row.online.join(", "));
    }
    section.add("policy", row.policy.as_deref().unwrap_or("–"));
    let flag = |flag: Option<bool>| match flag {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    section.add("durable", flag(row.durable));
    section.add("exclusive", flag(row.exclusive));
    if let Some(ms) = row.expires_ms {
        let span = jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        section.add("expires", format!("after {} without use", format::duration(span)));
    }
    if let Some(idle) = row.idle_since {
        section.add("idle since", parts::moment(cx, Some(idle)));
    }
    let memory = row.memory.map(format::bytes);
    section.add("memory", memory.unwrap_or_else(|| "?".to_owned()));
    section
}
