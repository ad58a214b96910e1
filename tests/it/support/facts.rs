//! A made-up cloud at a fixed time, in the words of collectors: what panes and journeys are tested over.
//!
//! Twelve hypervisors and 25 instances, among them each kind of trouble once. The figures agree with each
//! other as a real cloud's do: what a host has in use is the sum of its instances' flavors.

mod broker;
mod hosts;
mod instances;
pub mod logs;
mod quotas;
mod trace;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stackwatch::collect::{self, outage};
use stackwatch::model::{Assignment, Course, Named, NamedKind, Point, Queue, Span, Text, Usage, Wish};
use stackwatch::report::{Delta, Identity, Outage, OutageKind, Outcome, ProjectSaid, Report, Topic};
use stackwatch::request::Query;
use stackwatch::series;
use stackwatch::trace::{Account, Entry, Subject};

pub use hosts::{id_of as hypervisor_id, service};
pub use instances::{changed, instance, many, project_id, projects};

/// The moment at which the facts are looked at: 03:12:45 at night, UTC.
pub fn now() -> Timestamp {
    "2026-11-24T03:12:45Z".parse().unwrap()
}

/// So many seconds before [`now`].
fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub fn report(at: Timestamp, outcome: Outcome) -> Report {
    Report { at, epoch: 0, outcome }
}

/// A full read of a topic, `age` seconds ago.
fn read(age: i64, topic: Topic, deltas: Vec<Delta>) -> Vec<Report> {
    let mut reports = vec![report(ago(age), Outcome::Begin { topic, expected: None })];
    reports.extend(deltas.into_iter().map(|delta| report(ago(age), Outcome::Part(delta))));
    reports.push(report(ago(age), Outcome::End { topic, complete: true, limit: None }));
    reports
}

/// A stable UUID: the ids of a real cloud look as little alike as these.
pub fn uuid(n: u64) -> Text {
    let a = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let b = a.rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let (high, mid, low) = (a >> 32, a >> 16 & 0xffff, a & 0xfff);
    format!("{high:08x}-{mid:04x}-4{low:03x}-8{:03x}-{:012x}", b >> 52, b & 0xffff_ffff_ffff).into()
}

/// Everything that a healthy set of sources says of the cloud, in the order in which it would come.
pub fn cloud() -> Vec<Report> {
    let identity = Identity {
        user: "admin".into(),
        project: Some("ops".into()),
        project_id: Some(instances::project_id("ops")),
        roles: vec!["admin".into(), "reader".into()],
        expires_at: Some(ago(-3_000)),
        clock_offset: Some(SignedDuration::ZERO),
    };
    // A broker is looked at again and again: growth takes time.
    let looks = (0..broker::LOOKS).flat_map(|look| {
        read(2 + 10 * (broker::LOOKS - 1 - look), Topic::Queues, vec![Delta::Queues(broker::queues(look))])
    });
    // nova and Placement are read twice: only then can they be seen to disagree (cmp06).
    [
        read(600, Topic::Identity, vec![Delta::Identity(Box::new(identity))]),
        read(600, Topic::Projects, vec![Delta::Names(NamedKind::Project, instances::projects())]),
        read(300, Topic::Aggregates, vec![Delta::Aggregates(hosts::aggregates())]),
        read(68, Topic::Hypervisors, vec![Delta::Hypervisors(hosts::hypervisors())]),
        read(64, Topic::Providers, vec![Delta::Providers(hosts::providers(64))]),
        read(8, Topic::Hypervisors, vec![Delta::Hypervisors(hosts::hypervisors())]),
        read(6, Topic::Migrations, vec![Delta::Migrations(hosts::migrations())]),
        read(5, Topic::Providers, vec![Delta::Providers(hosts::providers(5))]),
        read(4, Topic::Services, vec![Delta::Services(hosts::services())]),
        read(3, Topic::Instances, vec![Delta::Instances(instances::all())]),
        read(4, Topic::Agents, vec![Delta::Agents(broker::agents())]),
        read(2, Topic::Nodes, vec![Delta::Nodes(broker::nodes())]),
        looks.collect(),
        read(2, Topic::Brokers, vec![Delta::Brokers(broker::brokers(2))]),
        read(2, Topic::Users, vec![Delta::Names(NamedKind::User, users())]),
        read(1, Topic::Logs, vec![Delta::Logs(Box::new(logs::heard()))]),
        read(2, Topic::Images, vec![Delta::Names(NamedKind::Image, images())]),
        quotas::reports(),
    ]
    .concat()
}

/// What is found in the logs of this subject: web-17's story, and nothing of anybody else.
pub fn traced(subject: Subject, at: Timestamp) -> Vec<Report> {
    let account = trace::account();
    let account = if account.subject == subject { account } else { Account::new(subject) };
    vec![
        report(at, Outcome::Begin { topic: Topic::Trace, expected: None }),
        report(at, Outcome::Part(Delta::Trace(std::sync::Arc::new(account)))),
        report(at, Outcome::End { topic: Topic::Trace, complete: true, limit: None }),
    ]
}

/// How many instances there are in it.
pub fn cloud_size() -> u16 {
    instances::all().len() as u16
}

/// The same without the instances whose names begin like this.
pub fn without(name: &str, mut reports: Vec<Report>) -> Vec<Report> {
    for report in &mut reports {
        if let Outcome::Part(Delta::Instances(rows)) = &mut report.outcome {
            rows.retain(|row| !row.name.starts_with(name));
        }
    }
    reports
}

/// The cloud said again, at this moment.
pub fn again(at: Timestamp) -> Vec<Report> {
    cloud().into_iter().map(|said| Report { at, ..said }).collect()
}

/// Nothing was heard yet.
pub fn silence() -> Vec<Report> {
    Vec::new()
}

/// No source ever answered.
pub fn never_had() -> Vec<Report> {
    outages(ago(20))
}

/// The cloud as it was known, then every source failing for the last three minutes.
pub fn all_down() -> Vec<Report> {
    let mut reports = cloud();
    reports.extend(outages(now() + SignedDuration::from_secs(30)));
    reports.extend(outages(now() + SignedDuration::from_secs(170)));
    reports
}

/// Each topic's source refuses at this moment, and is tried again half a minute later.
pub fn outages(at: Timestamp) -> Vec<Report> {
    Topic::ALL
        .iter()
        // That is a file.
        .filter(|topic| **topic != Topic::History)
        .map(|topic| report(at, Outcome::Outage { topic: *topic, outage: refused(*topic) }))
        .collect()
}

/// What a collector says when nobody listens on its service's port.
fn refused(topic: Topic) -> Outage {
    let port = match topic.source() {
        "nova" => 8774,
        "placement" => 8778,
        "neutron" => 9696,
        "glance" => 9292,
        "cinder" => 8776,
        "swift" => 8080,
        "rabbitmq" => 15672,
        _ => 5000,
    };
    let source = topic.source();
    if topic == Topic::Logs {
        return outage(&collect::logs::none(), None);
    }
    Outage {
        kind: OutageKind::Unreachable,
        message: format!("{source} at 10.0.0.10:{port} cannot be reached: Connection refused (os error 111)"),
        next_step: "is the service running, and the port open from here?".to_owned(),
        // A broker's logs know no request ids.
        request_id: (source != "rabbitmq").then(|| format!("req-{}", uuid(7_000 + port))),
        retry_in: Some(Duration::from_secs(30)),
    }
}

/// What the cloud answers to a question of a drill-down.
pub fn answer(query: &Query, at: Timestamp) -> Vec<Report> {
    let delta = match query {
        Query::Actions(id) => Delta::Actions { instance: id.clone(), actions: instances::actions(id) },
        Query::Console(id) => Delta::Console { instance: id.clone(), text: instances::CONSOLE.into() },
        Query::Instance(_) => return Vec::new(),
        Query::Trend(wishes) => {
            let wish = wishes[0].clone();
            let courses = if &*wish.series == series::QUOTA_USED {
                quotas::courses(&wish, at)
            } else {
                vec![course(&wish, at)]
            };
            Delta::Trend(wish, courses.into())
        }
        Query::Around(passage) => Delta::Around(trace::around(passage).into()),
        Query::Assignments(project) => {
            Delta::Project(project.clone(), ProjectSaid::Assignments(Ok(quotas::assignments())))
        }
        Query::Usage(project) => {
            let usage = Usage {
                hours: 96.0,
                vcpu_hours: 1_152.5,
                ram_mb_hours: 4_718_592.0,
                disk_gb_hours: 1_920.0,
                start: Some(at - SignedDuration::from_hours(24)),
                stop: Some(at),
                project: project.clone(),
                servers: None,
            };
            Delta::Project(project.clone(), ProjectSaid::Usage(Ok(usage)))
        }
        Query::Account(project) => {
            Delta::Project(project.clone(), ProjectSaid::Account(quotas::account(project)))
        }
        Query::Consumers { broker, vhost, name } => {
            Delta::Consumers { queue: Queue::id_of(broker, vhost, name), consumers: broker::consumers(name) }
        }
    };
    let end = Outcome::End { topic: query.topic(), complete: true, limit: None };
    vec![report(at, Outcome::Part(delta)), report(at, end)]
}

/// A point an hour over as long as is wished, growing, with a week in which nobody recorded.
fn course(wish: &Wish, at: Timestamp) -> Course {
    let (over, now) = (i64::from(wish.over), at.as_second() / 3_600 * 3_600);
    let hours = (0..over / 3_600).filter(|hour| !(168..336).contains(hour));
    let point =
        |hour: i64| Point { at: now - over + hour * 3_600, value: (2 + hour / 170 + hour / 24 % 2) as f64 };
    Course {
        series: wish.series.clone(),
        labels: wish.labels.clone().unwrap_or_default(),
        unit: "instances".into(),
        step: 3_600,
        points: hours.map(point).collect(),
    }
}

fn named(id: Text, name: &str) -> Named {
    Named { id, name: name.into(), domain_id: Some("default".into()), enabled: Some(true) }
}

fn users() -> Vec<Named> {
    vec![named(instances::user_id(), "li")]
}

fn images() -> Vec<Named> {
    vec![named(instances::image_id(), "debian-12-genericcloud")]
}

/// What no screen may obey: colours, a clipboard write, a window title, a way back to the line's start, text
/// turned around, zero-width and C1 characters, a tab, a line break.
pub const EVIL: &str = "\x1b[31mred\x1b]52;c;aGFja2Vk\x07\x1b]0;title\x1b\\\r\n\t\u{202e}txt.exe\u{2066}\u{200b}\u{9b}32m\u{90}q\u{9c}\0\x7f";

/// The cloud with [`EVIL`] in every text that comes from outside, ids that rows know each other by too.
pub fn hostile() -> Vec<Report> {
    let mut reports: Vec<Report> = all_down();
    for report in &mut reports {
        match &mut report.outcome {
            Outcome::Part(delta) => poison(delta),
            Outcome::Outage { outage, .. } => {
                outage.message.push_str(EVIL);
                outage.next_step.push_str(EVIL);
                outage.request_id.get_or_insert_default().push_str(EVIL);
            }
            _ => {}
        }
    }
    reports
}

/// [`EVIL`] behind every text of an answer.
pub fn poison(delta: &mut Delta) {
    match delta {
        Delta::Identity(identity) => {
            evil(&mut identity.user);
            identity.project.iter_mut().for_each(evil);
        }
        Delta::Services(rows) => rows.iter_mut().for_each(hosts::poison_service),
        Delta::VolumeServices(rows) => rows.iter_mut().for_each(hosts::poison_service),
        Delta::Hypervisors(rows) => rows.iter_mut().for_each(hosts::poison_hypervisor),
        Delta::Aggregates(rows) => rows.iter_mut().for_each(hosts::poison_aggregate),
        Delta::Providers(rows) => rows.iter_mut().for_each(|row| evil(&mut row.name)),
        Delta::Instances(rows) => rows.iter_mut().for_each(instances::poison),
        Delta::Names(_, rows) => rows.iter_mut().for_each(|row| evil(&mut row.name)),
        Delta::Actions { actions, .. } => actions.iter_mut().for_each(instances::poison_action),
        Delta::Console { text, .. } => evil(text),
        Delta::Brokers(rows) => rows.iter_mut().for_each(broker::poison_broker),
        Delta::Nodes(rows) => rows.iter_mut().for_each(broker::poison_node),
        Delta::Queues(rows) => rows.iter_mut().for_each(broker::poison_queue),
        Delta::Consumers { consumers, .. } => consumers.iter_mut().for_each(broker::poison_consumer),
        Delta::Amqp { state, .. } => {
            evil(&mut state.address);
            evil(&mut state.user);
        }
        Delta::Events(events) => events.iter_mut().for_each(broker::poison_event),
        Delta::Trace(account) => {
            let account = std::sync::Arc::make_mut(account);
            account.entries.iter_mut().for_each(poison_entry);
            account.belongings.image.iter_mut().for_each(evil);
            for port in &mut account.belongings.ports {
                [&mut port.status, &mut port.mac_address].into_iter().for_each(evil);
            }
        }
        Delta::Logs(heard) => logs::poison(heard),
        Delta::Quotas(_, said) => quotas::poison(said),
        Delta::Project(_, ProjectSaid::Assignments(assignments)) => {
            assignments.iter_mut().flatten().for_each(poison_assignment)
        }
        Delta::Project(_, ProjectSaid::Account(account)) => quotas::poison_account(account),
        Delta::Around(stretch) => trace::poison_stretch(std::sync::Arc::make_mut(stretch)),
        // Figures, by what was wished for.
        Delta::Trend(..) | Delta::Project(_, ProjectSaid::Usage(_)) => {}
        Delta::Migrations(_) | Delta::Agents(_) | Delta::Remove(..) | Delta::Missed | Delta::Depths(_) => {}
    }
}

fn poison_assignment(assignment: &mut Assignment) {
    evil(&mut assignment.name);
    assignment.domain.iter_mut().for_each(evil);
    assignment.roles.iter_mut().for_each(evil);
}

fn poison_entry(entry: &mut std::sync::Arc<Entry>) {
    let entry = std::sync::Arc::make_mut(entry);
    [&mut entry.host, &mut entry.service, &mut entry.path].into_iter().for_each(evil);
    entry.head = [&*entry.head, EVIL.as_bytes()].concat().into();
    entry.parsed.message = Span::new(entry.parsed.message.start(), entry.head.len());
    entry.rest = [EVIL.as_bytes(), b"\n"].concat().into();
}

fn evil(text: &mut Text) {
    *text = format!("{text}{EVIL}").into();
}
