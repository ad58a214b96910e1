use jiff::Timestamp;

use super::*;
use crate::health::{broker, expect};
use crate::model::{
    Agent, Broker, Counters, Counts, Depth, Meaning, Service, ServiceState, ServiceStatus, Text,
};
use crate::report::{Delta, Outcome, Report, Topic};
use crate::table::Slots;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn queue(name: &str, ready: Option<u64>, consumers: Option<u64>) -> Queue {
    let kind = if name.ends_with("_fanout") { QueueType::Stream } else { QueueType::Classic };
    Queue {
        id: Queue::id_of("b", "/", name),
        broker: "b".into(),
        vhost: "/".into(),
        name: name.into(),
        kind,
        meaning: Meaning::of(name, kind),
        state: Some("running".into()),
        listed: Some(Counts { ready, consumers }),
        declared: None,
        ready,
        unacked: Some(0),
        consumers,
        consumer_capacity: None,
        publish_rate: None,
        deliver_rate: None,
        counters: Counters::default(),
        memory: None,
        node: Some("rabbit@ctl01".into()),
        members: Vec::new(),
        online: Vec::new(),
        policy: None,
        durable: Some(false),
        exclusive: Some(false),
        expires_ms: (name.contains("_fanout_") || name.starts_with("reply_")).then_some(1_800_000),
        idle_since: None,
    }
}

fn service(binary: &str, host: &str, state: ServiceState, status: ServiceStatus) -> Service {
    Service {
        id: format!("{binary}@{host}").into(),
        binary: binary.into(),
        host: host.into(),
        zone: None,
        state,
        status,
        disabled_reason: None,
        updated_at: Some(at(-12)),
        forced_down: false,
    }
}

fn whole(store: &mut Store, second: i64, topic: Topic, delta: Delta) {
    for outcome in [
        Outcome::Begin { topic, expected: None },
        Outcome::Part(delta),
        Outcome::End { topic, complete: true, limit: None },
    ] {
        store.apply(Report { at: at(second), epoch: 0, outcome });
    }
}

/// Four compute hosts: up, silent, disabled and silent, up; one conductor and one scheduler. An L3 agent lives.
fn cloud() -> Store {
    use ServiceState::{Down, Up};
    use ServiceStatus::{Disabled, Enabled};
    let mut store = Store::default();
    let services = vec![
        service("nova-compute", "cmp01", Up, Enabled),
        service("nova-compute", "cmp02", Down, Enabled),
        service("nova-compute", "cmp03", Down, Disabled),
        service("nova-compute", "cmp04", Up, Enabled),
        service("nova-conductor", "ctl01", Up, Enabled),
        service("nova-scheduler", "ctl01", Up, Enabled),
    ];
    whole(&mut store, 0, Topic::Services, Delta::Services(services));
    let agent = Agent {
        id: "a".into(),
        binary: "neutron-l3-agent".into(),
        agent_type: "L3 agent".into(),
        host: "net01".into(),
        alive: true,
        admin_state_up: true,
        availability_zone: None,
        heartbeat: Some(at(-3)),
    };
    whole(&mut store, 0, Topic::Agents, Delta::Agents(vec![agent]));
    store
}

/// The worst note of a queue that was read with these depths, ten seconds apart.
fn judged(store: &mut Store, name: &str, depths: &[u64], consumers: u64) -> (Verdict, String) {
    let mut row = queue(name, None, None);
    for (n, depth) in depths.iter().enumerate() {
        row = queue(name, Some(*depth), Some(consumers));
        whole(store, 10 * n as i64, Topic::Queues, Delta::Queues(vec![row.clone()]));
    }
    let notes = notes(store, &row, at(0));
    assert_eq!(notes.first().map_or(Verdict::Ok, |note| note.verdict), verdict(store, &row), "{name}");
    notes.into_iter().next().map_or((Verdict::Ok, String::new()), |note| (note.verdict, note.words))
}

#[test]
fn each_kind_of_queue_with_its_verdict_and_words() {
    let reply = "reply_0150387f763f408facf094b674231932";
    let fanout = "compute_fanout_27be394173fa4a7faec55febab7f7780";
    use Verdict::{Critical, Disabled, Info, Ok, Warning};
    for (name, depths, consumers, expected, words) in [
        ("compute.cmp01", &[0, 0][..], 1, Ok, ""),
        (
            "compute.cmp01",
            &[41],
            0,
            Critical,
            "compute.cmp01 has no consumer and 41 messages: nova-compute on cmp01 is off the bus; service list says \
             up 12s ago, down expected; restart nova-compute there",
        ),
        (
            "compute.cmp02",
            &[0],
            0,
            Critical,
            "service list says down, heard 12s ago; restart nova-compute there",
        ),
        ("compute.cmp03", &[0], 0, Disabled, "nova-compute on cmp03 is disabled and down"),
        ("compute.cmp03", &[2], 0, Warning, "no consumer and 2 messages: nova-compute on cmp03 is disabled"),
        ("compute.cmp99", &[0], 0, Info, "left behind by a host that is gone"),
        (
            "compute.cmp99",
            &[1],
            0,
            Warning,
            "no consumer and 1 message, and no list has a nova-compute on cmp99",
        ),
        ("compute.cmp02", &[0], 1, Warning, "yet nova calls it down"),
        (
            "l3_agent.net01",
            &[0],
            0,
            Critical,
            "neutron-l3-agent on net01 is off the bus; service list says up 3s ago",
        ),
        ("cinder-volume.ctl01@fast", &[0], 0, Warning, "restart cinder-volume there (backend fast)"),
        ("cinder-volume.ctl01@fast", &[3], 0, Critical, "its service list was not read"),
        ("compute", &[0], 2, Ok, ""),
        ("compute", &[0], 1, Warning, "compute has 1 consumer where 2 are expected"),
        ("conductor", &[7], 0, Critical, "no consumer and 7 messages, though 1 nova-conductor are up"),
        ("consoleauth", &[0], 0, Info, "no nova-consoleauth is on the bus"),
        ("q-plugin", &[0], 0, Info, "no neutron-server is on the bus"),
        ("q-plugin", &[101], 0, Critical, "no consumer and 101 messages"),
        ("conductor", &[101, 102], 24, Warning, "102 messages wait in conductor: nova-conductor is too slow"),
        ("conductor", &[0, 102], 24, Ok, ""),
        ("conductor", &[1001, 1002], 24, Critical, "1002 messages wait"),
        ("conductor", &[1, 2, 3, 4, 5], 24, Warning, "from 1 to 5 messages in 40s"),
        ("compute.cmp01", &[1, 2, 3, 4, 5], 0, Critical, ""),
        ("notifications.info", &[18], 0, Info, "nobody reads notifications.info: 18 notifications wait"),
        ("notifications.info", &[18_204], 0, Warning, "max-length"),
        ("notifications.info", &[20_001], 0, Critical, "driver = noop"),
        ("notifications.info", &[18_204], 1, Ok, ""),
        ("notifications.info", &[1, 2, 3, 4, 5], 1, Warning, "who reads it is too slow"),
        (reply, &[0], 1, Ok, ""),
        (
            reply,
            &[1],
            0,
            Info,
            "left behind by a process that ended; it goes by itself after 30m without use",
        ),
        (reply, &[0, 3], 1, Ok, ""),
        (reply, &[3, 3], 1, Warning, "3 answers wait"),
        (reply, &[51, 51], 1, Critical, "51 answers wait"),
        (fanout, &[1], 0, Info, "left behind"),
        (fanout, &[0], 1, Ok, ""),
        ("compute_fanout", &[90_000, 90_001, 90_002, 90_003, 90_004], 3, Ok, ""),
        ("compute_fanout", &[90_000], 0, Critical, ""),
        ("aliveness-test", &[0], 0, Ok, ""),
        ("orders", &[5], 0, Warning, "it is not known whose it is"),
    ] {
        let (verdict, said) = judged(&mut cloud(), name, depths, consumers);
        assert_eq!(verdict, expected, "{name} {depths:?} {consumers}: {said}");
        assert!(said.contains(words), "{name} {depths:?} {consumers}: {said}");
    }
}

#[test]
fn what_was_not_measured_is_unknown_and_never_fine() {
    let store = cloud();
    for (ready, consumers) in [(None, None), (Some(0), None)] {
        let row = queue("compute.cmp01", ready, consumers);
        assert_eq!(verdict(&store, &row), Verdict::Unknown);
    }
    let down = Queue { state: Some("down".into()), ..queue("conductor", None, None) };
    assert_eq!(verdict(&store, &down), Verdict::Critical);
    let third = |name: &str| -> Text { name.into() };
    let quorum = Queue {
        members: vec![third("a"), third("b"), third("c")],
        online: vec![third("a"), third("b")],
        ..queue("conductor", Some(0), Some(1))
    };
    assert_eq!(verdict(&store, &quorum), Verdict::Warning);
}

#[test]
fn without_a_service_list_nobody_is_called_up_or_down() {
    let row = queue("compute.cmp01", Some(41), Some(0));
    let said = notes(&Store::default(), &row, at(0)).remove(0);
    assert_eq!(said.verdict, Verdict::Critical);
    assert!(said.words.contains("its service list was not read"), "{}", said.words);
}

#[test]
fn a_service_that_goes_down_changes_the_verdict_of_its_queue_at_once() {
    let mut store = cloud();
    judged(&mut store, "compute.cmp04", &[0], 1);
    let slot = crate::table::Slots::slot_of(&store.queues, "b/%2F/compute.cmp04").unwrap();
    let revision = crate::table::Slots::revision(&store.queues);
    let down = service("nova-compute", "cmp04", ServiceState::Down, ServiceStatus::Enabled);
    store.apply(Report { at: at(20), epoch: 0, outcome: Outcome::Part(Delta::Services(vec![down])) });
    assert_eq!(crate::table::Slots::changed_since(&store.queues, revision), Some(vec![slot]));
}

#[test]
fn queues_that_must_be_there_come_from_the_lists_of_who_is_up() {
    let mut store = cloud();
    let names = |all: Vec<expect::Expected>| {
        let mut names: Vec<String> = all.into_iter().map(|expected| expected.name).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        names(expect::expected(&store)),
        "compute compute.cmp01 compute.cmp04 conductor conductor.ctl01 l3_agent l3_agent.net01 q-plugin \
         q-reports-plugin scheduler scheduler.ctl01"
    );
    // Nothing was read: nothing is missing.
    assert_eq!(names(broker::missing(&store)), "");
    let there = ["compute", "compute.cmp01", "conductor", "conductor.ctl01", "scheduler", "scheduler.ctl01"];
    let there = there.map(|name| queue(name, Some(0), Some(1)));
    whole(&mut store, 0, Topic::Queues, Delta::Queues(there.to_vec()));
    let missing = broker::missing(&store);
    assert!(broker::missing_words(&missing[0]).contains("nova-compute on cmp04 is called up"));
    assert_eq!(names(missing), "compute.cmp04 l3_agent l3_agent.net01 q-plugin q-reports-plugin");
}

#[test]
fn a_broker_is_judged_by_its_alarms_nodes_and_connections() {
    use crate::model::{Alarm, BrokerNode, Connections};
    let node = |name: &str| BrokerNode {
        id: format!("b/{name}").into(),
        broker: "b".into(),
        name: name.into(),
        running: Some(true),
        partitions: Vec::new(),
        mem_used: Some(10),
        mem_limit: Some(100),
        mem_alarm: Some(false),
        disk_free: Some(1_000),
        disk_free_limit: Some(50),
        disk_free_alarm: Some(false),
        fd_used: Some(1),
        fd_total: Some(100),
        sockets_used: None,
        sockets_total: None,
        proc_used: Some(1),
        proc_total: Some(100),
        run_queue: Some(0),
        uptime_ms: Some(86_400_000),
        version: Some("3.10.8".into()),
        being_drained: None,
    };
    let well =
        Broker { name: "b".into(), alarms: Some(Vec::new()), nodes_expected: Some(2), ..Broker::default() };
    let alarm = Alarm { node: "rabbit@a".into(), resource: "memory".into() };
    let connections = |flow, blocked| Connections { running: 90, flow, blocked, ..Connections::default() };
    let (a, b) = (node("rabbit@a"), node("rabbit@b"));
    for (broker, nodes, expected, words) in [
        (well.clone(), vec![a.clone(), b.clone()], Verdict::Ok, ""),
        (well.clone(), vec![a.clone()], Verdict::Critical, "1 nodes of 2"),
        (
            Broker { alarms: Some(vec![alarm]), ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Critical,
            "memory alarm on rabbit@a: whoever publishes to b is blocked",
        ),
        (
            well.clone(),
            vec![a.clone(), BrokerNode { running: Some(false), ..b.clone() }],
            Verdict::Critical,
            "rabbit@b is a member of the cluster and does not run",
        ),
        (
            well.clone(),
            vec![BrokerNode { partitions: vec!["rabbit@b".into()], ..a.clone() }, b.clone()],
            Verdict::Critical,
            "rabbit@a is partitioned from rabbit@b",
        ),
        (
            // To who answers, the other side does not run.
            well.clone(),
            vec![
                a.clone(),
                BrokerNode { running: Some(false), partitions: vec!["rabbit@a".into()], ..b.clone() },
            ],
            Verdict::Critical,
            "rabbit@b is partitioned from rabbit@a",
        ),
        (
            well.clone(),
            vec![BrokerNode { mem_used: Some(81), ..a.clone() }, b.clone()],
            Verdict::Warning,
            "81% of its memory",
        ),
        (
            well.clone(),
            vec![BrokerNode { fd_used: Some(95), ..a.clone() }, b.clone()],
            Verdict::Critical,
            "95% of its file descriptors",
        ),
        (
            well.clone(),
            vec![BrokerNode { disk_free: Some(99), ..a.clone() }, b.clone()],
            Verdict::Warning,
            "of disk left",
        ),
        (
            well.clone(),
            vec![BrokerNode { version: Some("3.10.9".into()), ..a.clone() }, b.clone()],
            Verdict::Warning,
            "3.10.8, 3.10.9",
        ),
        (
            Broker { connections: Some(connections(0, 2)), ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Critical,
            "2 of 92 connections are blocked",
        ),
        (
            Broker { connections: Some(connections(20, 0)), ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Warning,
            "slowed down",
        ),
        (
            Broker { statistics_off: true, ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Unknown,
            "no statistics",
        ),
        (
            Broker { trouble: Some(("cannot be reached".into(), "start it".into())), ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Unknown,
            "cannot be reached; start it",
        ),
        (
            Broker { quorum_critical: Some(true), answered_by: Some("rabbit@a".into()), ..well.clone() },
            vec![a.clone(), b.clone(), node("rabbit@c")],
            Verdict::Warning,
            "do not stop rabbit@a",
        ),
        (
            // Of two it is always so.
            Broker { quorum_critical: Some(true), answered_by: Some("rabbit@a".into()), ..well.clone() },
            vec![a.clone(), b.clone()],
            Verdict::Info,
            "do not stop rabbit@a",
        ),
    ] {
        let mut store = Store::default();
        whole(&mut store, 0, Topic::Nodes, Delta::Nodes(nodes));
        whole(&mut store, 0, Topic::Brokers, Delta::Brokers(vec![broker.clone()]));
        let notes = broker::notes(&store, &broker);
        assert_eq!(broker::verdict(&store, &broker), expected, "{words}: {notes:?}");
        assert!(notes.first().map_or("", |note| &note.words).contains(words), "{words}: {notes:?}");
    }
}

/// cmp01 as nova lists it, and its queue with a consumer.
fn served() -> (Store, Text) {
    let mut store = cloud();
    let host = crate::model::Hypervisor {
        id: "h1".into(),
        hypervisor_hostname: "cmp01".into(),
        host: "cmp01".into(),
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        hypervisor_type: "QEMU".into(),
        hypervisor_version: None,
        host_ip: None,
        vcpus: None,
        vcpus_used: None,
        memory_mb: None,
        memory_mb_used: None,
        local_gb: None,
        local_gb_used: None,
        running_vms: None,
        cpu_model: None,
    };
    whole(&mut store, 1, Topic::Hypervisors, Delta::Hypervisors(vec![host]));
    let row = queue("compute.cmp01", Some(0), Some(1));
    let id = row.id.clone();
    whole(&mut store, 1, Topic::Queues, Delta::Queues(vec![row]));
    (store, id)
}

#[test]
fn what_a_node_measures_changes_the_row_and_its_host_and_nothing_that_is_unknown() {
    let (mut store, id) = served();
    for (ready, consumers, expected) in [
        (Some(41), Some(0), (Some(41), Some(7), Some(0))),
        (None, Some(1), (Some(41), Some(7), Some(1))),
        (Some(0), None, (Some(0), Some(7), Some(1))),
    ] {
        let counts = Counts { ready, consumers };
        let depths = [&id, &"b/%2F/gone".into()].map(|id| Depth { id: id.clone(), counts, unacked: Some(7) });
        let before = store.hypervisors.revision();
        let outcome = Outcome::Part(Delta::Depths(depths.into()));
        store.apply(Report { at: at(30), epoch: 0, outcome });
        let row = store.queues.by_id(&id).unwrap();
        assert_eq!((row.ready, row.unacked, row.consumers), expected);
        assert!(store.hypervisors.revision() > before, "the host's row is judged by it too");
    }
    assert_eq!(store.queues.len(), 1);
}

#[test]
fn a_host_whose_queue_nobody_takes_from_is_critical_before_nova_says_so_and_only_on_fresh_news() {
    use crate::health::hypervisor;
    let (mut store, id) = served();
    let judged = |store: &Store| {
        let (_, host) = store.hypervisors.iter().next().unwrap();
        let notes = hypervisor::notes(store, host);
        let verdict = hypervisor::verdict(store, host);
        assert_eq!(notes.first().map_or(Verdict::Ok, |note| note.verdict), verdict);
        (verdict, notes.into_iter().next().map(|note| note.words).unwrap_or_default())
    };
    assert_eq!(judged(&store), (Verdict::Ok, String::new()));
    let counts = Counts { ready: Some(4), consumers: Some(0) };
    let outcome = Outcome::Part(Delta::Depths(vec![Depth { id, counts, unacked: None }]));
    store.apply(Report { at: at(30), epoch: 0, outcome });
    let said = "compute.cmp01 has no consumer, 4 messages wait: nova-compute there is off the bus";
    assert_eq!(judged(&store), (Verdict::Critical, said.to_owned()));
    let outage = crate::report::Outage {
        kind: crate::report::OutageKind::Unreachable,
        message: "refused".to_owned(),
        next_step: "start it".to_owned(),
        request_id: None,
        retry_in: None,
    };
    store.apply(Report { at: at(45), epoch: 0, outcome: Outcome::Outage { topic: Topic::Queues, outage } });
    assert_eq!(judged(&store), (Verdict::Ok, String::new()));
}
