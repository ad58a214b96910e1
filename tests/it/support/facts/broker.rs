//! The broker below the cloud: three nodes of which one is down, and queues with each kind of trouble once.

use stackwatch::model::{
    Agent, Broker, BrokerNode, Churn, Connections, Consumer, Counters, Counts, Event, Meaning, Queue,
    QueueType, Rates, Text, Totals,
};

use super::{ago, evil, uuid};

const BROKER: &str = "prod";
const VHOST: &str = "nova";

/// Looks at the broker, each ten seconds after the one before: enough to tell growth.
pub const LOOKS: i64 = 8;

pub fn brokers(age: i64) -> Vec<Broker> {
    vec![Broker {
        name: BROKER.into(),
        cluster_name: Some("rabbit@ctl".into()),
        version: Some("3.13.7".into()),
        erlang_version: Some("26.2.5".into()),
        answered_by: Some("rabbit@ctl01".into()),
        address: "ctl01:15672".into(),
        user: "stackwatch".into(),
        totals: Totals {
            connections: Some(1_204),
            channels: Some(1_208),
            queues: Some(queues(0).len() as u64),
            consumers: Some(131),
            exchanges: Some(64),
            ready: Some(18_247),
            unacked: Some(2),
        },
        rates: Rates { publish: Some(812.4), deliver: Some(809.0), ack: Some(809.0) },
        churn: Churn { connections_opened: Some(0.2), connections_closed: Some(0.2), ..Churn::default() },
        alarms: Some(Vec::new()),
        quorum_critical: Some(false),
        connections: Some(Connections { running: 1_202, flow: 2, ..Connections::default() }),
        nodes_expected: Some(3),
        vhosts: vec![VHOST.into()],
        as_of: Some(ago(age)),
        ..Broker::default()
    }]
}

pub fn nodes() -> Vec<BrokerNode> {
    const GIB: u64 = 1 << 30;
    let node = |name: &str, used: u64| BrokerNode {
        id: format!("{BROKER}/rabbit@{name}").into(),
        broker: BROKER.into(),
        name: format!("rabbit@{name}").into(),
        running: Some(true),
        partitions: Vec::new(),
        mem_used: Some(used * GIB / 10),
        mem_limit: Some(10 * GIB),
        mem_alarm: Some(false),
        disk_free: Some(41 * GIB),
        disk_free_limit: Some(GIB / 20),
        disk_free_alarm: Some(false),
        fd_used: Some(1_310),
        fd_total: Some(65_536),
        sockets_used: Some(602),
        sockets_total: Some(58_890),
        proc_used: Some(9_100),
        proc_total: Some(1_048_576),
        run_queue: Some(1),
        uptime_ms: Some(41 * 86_400_000),
        version: Some("3.13.7".into()),
        being_drained: Some(false),
    };
    let down = BrokerNode {
        running: Some(false),
        mem_used: None,
        mem_limit: None,
        mem_alarm: None,
        disk_free: None,
        disk_free_limit: None,
        disk_free_alarm: None,
        fd_used: None,
        fd_total: None,
        sockets_used: None,
        sockets_total: None,
        proc_used: None,
        proc_total: None,
        run_queue: None,
        uptime_ms: None,
        version: None,
        being_drained: None,
        ..node("ctl03", 0)
    };
    vec![node("ctl01", 37), node("ctl02", 34), down]
}

fn queue(name: &str, kind: QueueType, ready: Option<u64>, consumers: Option<u64>) -> Queue {
    let temporary = name.contains("_fanout_") || name.starts_with("reply_");
    Queue {
        id: Queue::id_of(BROKER, VHOST, name),
        broker: BROKER.into(),
        vhost: VHOST.into(),
        name: name.into(),
        kind,
        meaning: Meaning::of(name, kind),
        state: consumers.map(|_| "running".into()),
        listed: Some(Counts { ready, consumers }),
        declared: None,
        ready,
        unacked: consumers.map(|_| 0),
        consumers,
        consumer_capacity: consumers.filter(|n| *n > 0).map(|_| 1.0),
        publish_rate: consumers.map(|_| 0.0),
        deliver_rate: consumers.map(|_| 0.0),
        counters: Counters::default(),
        memory: consumers.map(|_| 35_512),
        node: Some("rabbit@ctl01".into()),
        members: Vec::new(),
        online: Vec::new(),
        policy: None,
        durable: Some(!temporary),
        exclusive: Some(false),
        expires_ms: temporary.then_some(1_800_000),
        idle_since: None,
    }
}

/// A process's own part of a name.
fn random(n: u64) -> String {
    uuid(n).replace('-', "")
}

/// The queues at one of the looks, the last being [`LOOKS`] − 1.
pub fn queues(look: i64) -> Vec<Queue> {
    let classic = |name: &str, ready: u64, consumers: u64| {
        queue(name, QueueType::Classic, Some(ready), Some(consumers))
    };
    let busy = |name: &str, consumers: u64, rate: f64| Queue {
        publish_rate: Some(rate),
        deliver_rate: Some(rate),
        ..classic(name, 0, consumers)
    };
    let mut all = vec![
        busy("conductor", 24, 91.0),
        // Of ten that are up.
        busy("compute", 10, 0.4),
        Queue { unacked: Some(2), ..busy("scheduler", 6, 3.1) },
        busy("q-plugin", 12, 40.2),
        busy("q-reports-plugin", 6, 12.0),
        busy("cinder-scheduler", 3, 0.1),
        busy("cinder-volume.ctl01@ssd", 2, 0.2),
        busy("cinder-volume.ctl01@hdd.ctl01", 1, 0.2),
        // Nobody reads it.
        Queue {
            publish_rate: Some(3.1),
            memory: Some(41 << 20),
            ..classic("notifications.info", 18_204 - 31 * (LOOKS - 1 - look).unsigned_abs(), 0)
        },
        classic("versioned_notifications.error", 2, 0),
        // A log, not a backlog.
        queue("compute_fanout", QueueType::Stream, Some(90_210), Some(11)),
        // Its third member is on the node that is down.
        Queue {
            members: ["rabbit@ctl01", "rabbit@ctl02", "rabbit@ctl03"].map(Text::from).to_vec(),
            online: ["rabbit@ctl01", "rabbit@ctl02"].map(Text::from).to_vec(),
            ..queue("l3_agent", QueueType::Quorum, Some(0), Some(1))
        },
        classic("l3_agent.net01", 0, 1),
        // Its host is no longer nova's.
        classic("compute.cmp99", 0, 0),
        // Made a moment ago.
        queue("dhcp_agent.net01", QueueType::Classic, None, None),
        classic("q-agent-notifier-port-update.net01", 0, 1),
    ];
    for host in 1..=12 {
        let name = format!("compute.cmp{host:02}");
        all.push(match host {
            // Off the bus for seven minutes; messages come in all the while.
            7 => Queue { publish_rate: Some(0.4), ..classic(&name, 34 + look.unsigned_abs(), 0) },
            // Fenced off.
            4 => classic(&name, 0, 0),
            _ => busy(&name, 1, 0.1),
        });
    }
    for host in ["ctl01", "ctl02", "ctl03"] {
        all.push(classic(&format!("conductor.{host}"), 0, 8));
        all.push(classic(&format!("scheduler.{host}"), 0, 2));
        all.push(classic(
            &format!("conductor_fanout_{}", random(host.len() as u64 + all.len() as u64)),
            0,
            1,
        ));
    }
    for n in 0..6 {
        all.push(classic(&format!("reply_{}", random(9_000 + n)), 0, 1));
    }
    // Left behind by a process that ended.
    all.push(classic(&format!("reply_{}", random(9_100)), 1, 0));
    all
}

pub fn agents() -> Vec<Agent> {
    ["neutron-dhcp-agent", "neutron-l3-agent", "neutron-openvswitch-agent"]
        .iter()
        .enumerate()
        .map(|(n, binary)| Agent {
            id: uuid(6_000 + n as u64),
            binary: (*binary).into(),
            agent_type: "agent".into(),
            host: "net01".into(),
            alive: true,
            admin_state_up: true,
            availability_zone: None,
            heartbeat: Some(ago(9)),
        })
        .collect()
}

/// Who takes messages from a queue.
pub fn consumers(queue: &str) -> Vec<Consumer> {
    if queue.ends_with("cmp07") {
        return Vec::new();
    }
    vec![Consumer {
        tag: "1".into(),
        connection: "10.0.1.3:33222 -> 10.0.0.11:5672".into(),
        peer_host: Some("10.0.1.3".into()),
        user: Some("openstack".into()),
        program: Some("nova-compute".into()),
        pid: Some(21_299),
        state: Some("running".into()),
        connected_at: Some(ago(86_400)),
        prefetch_count: Some(0),
        active: Some(true),
    }]
}

pub fn poison_broker(row: &mut Broker) {
    let texts = [&mut row.cluster_name, &mut row.version, &mut row.erlang_version, &mut row.answered_by];
    texts.into_iter().flatten().for_each(evil);
    row.vhosts.iter_mut().chain([&mut row.address, &mut row.user]).for_each(evil);
}

pub fn poison_node(row: &mut BrokerNode) {
    evil(&mut row.name);
    row.version.iter_mut().chain(&mut row.partitions).for_each(evil);
}

/// A queue's name is whatever its maker chose, and so what is read from it.
pub fn poison_queue(row: &mut Queue) {
    evil(&mut row.name);
    evil(&mut row.vhost);
    evil(&mut row.id);
    let name = row.name.clone();
    row.meaning = match &row.meaning.host {
        Some(_) => Meaning { host: Some(format!("{name}.host").into()), ..row.meaning.clone() },
        None => Meaning::of(&name, row.kind),
    };
    let texts = [&mut row.state, &mut row.node, &mut row.policy];
    texts.into_iter().flatten().chain(&mut row.members).for_each(evil);
}

pub fn poison_consumer(row: &mut Consumer) {
    let texts = [&mut row.peer_host, &mut row.user, &mut row.program, &mut row.state];
    texts.into_iter().flatten().chain([&mut row.connection, &mut row.tag]).for_each(evil);
}

pub fn poison_event(event: &mut Event) {
    evil(&mut event.kind);
    evil(&mut event.publisher);
    event.host.iter_mut().for_each(evil);
    event.message.iter_mut().for_each(evil);
}
