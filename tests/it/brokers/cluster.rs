//! Nodes that go, links that break, alarms: real ones.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use serde_json::{Value as Json, json};

use super::{HEARD, line};
use crate::support::brokers::{Brokers, Dashboard, broker_tests};
use crate::support::cloud::until;

broker_tests![
    a_stopped_node_is_said_with_its_queues_and_so_is_its_return,
    a_partition_is_said_with_both_sides_until_it_is_healed,
    memory_and_disk_alarms_are_said_with_the_nodes_that_raised_them,
    the_second_node_answers_for_the_first_and_both_may_be_away_for_a_while,
    a_node_that_is_killed_in_the_middle_of_its_answer_is_asked_no_more,
];

/// Every column, and no details beside the list.
const SIZE: (u16, u16) = (139, 60);

/// The dashboard over both nodes, all well.
fn open(brokers: &Brokers) -> Dashboard {
    let dashboard = brokers.dashboard(&brokers.usual(), SIZE);
    dashboard.pty.wait_for(HEARD, "a healthy cluster", |screen| {
        let text = screen.text();
        text.contains("partitions none") && !text.contains("mq2 down") && text.contains("compute.cmp03")
    });
    dashboard
}

/// Waits until the screen's text is so.
fn shows(dashboard: &Dashboard, what: &str, is_so: impl Fn(&str) -> bool) -> String {
    dashboard.pty.wait_for(HEARD, what, |screen| is_so(&screen.text())).text()
}

fn row(document: &Json, name: &str) -> Json {
    let found = document["rows"].as_array().unwrap().iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {document}")).clone()
}

/// Asks until a row is so. What a broker says of its nodes and queues is some seconds old.
fn until_row(brokers: &Brokers, table: &str, name: &str, is_so: impl Fn(&Json) -> bool) -> Json {
    until(&format!("{name} of {table}"), HEARD, || {
        Some(row(&brokers.show(&brokers.usual(), table), name)).filter(&is_so)
    })
}

fn a_stopped_node_is_said_with_its_queues_and_so_is_its_return() {
    let (brokers, _alone) = Brokers::alone();
    let mut dashboard = open(brokers);
    let fault = brokers.fault(&["stop", "2"]);
    let node = until_row(brokers, "nodes", brokers.name(2), |row| row["running"] == false);
    assert_eq!(node["verdict"], "critical", "{node}");
    assert!(node["reason"].as_str().unwrap().contains("does not run: start it"), "{node}");
    // Its memory and disk are unknown, not 0.
    assert_eq!((&node["mem_used"], &node["disk_free"]), (&Json::Null, &Json::Null));
    let queue = until_row(brokers, "queues", "compute.cmp03", |row| row["state"] == "down");
    assert_eq!((&queue["verdict"], &queue["ready"]), (&json!("critical"), &Json::Null), "{queue}");
    shows(&dashboard, "the node and its queues down", |screen| {
        screen.contains("mq2 down")
            && line(screen, "✖ compute.cmp03").is_some_and(|row| row.contains("down"))
            && line(screen, "is a member of the cluster and does not run").is_some()
    });
    fault.and(&["undo"]);
    dashboard.pty.press("r");
    shows(&dashboard, "all of it back", |screen| {
        !screen.contains("mq2 down") && line(screen, "compute.cmp03").is_some_and(|row| row.contains('●'))
    });
    let node = until_row(brokers, "nodes", brokers.name(2), |row| row["running"] == true);
    assert_ne!(node["verdict"], "critical", "{node}");
}

fn a_partition_is_said_with_both_sides_until_it_is_healed() {
    let (brokers, _alone) = Brokers::alone();
    let mut dashboard = open(brokers);
    // While they do not reach each other each calls the other one down; after it both know what happened.
    let fault = brokers.fault(&["cut"]);
    until_row(brokers, "nodes", brokers.name(2), |row| row["running"] == false);
    fault.and(&["join"]);
    for (node, other) in [(1, 2), (2, 1)] {
        let found = until_row(brokers, "nodes", brokers.name(node), |row| !row["partitions"].is_null());
        assert_eq!(found["partitions"], json!([brokers.name(other)]));
        assert_eq!(found["verdict"], "critical", "{found}");
        let reason = format!("{} is partitioned from {}", brokers.name(node), brokers.name(other));
        assert!(found["reason"].as_str().unwrap().contains(&reason), "{found}");
    }
    dashboard.pty.press("r");
    shows(&dashboard, "the partition", |screen| {
        screen.contains("partitions mq1, mq2")
            && screen.contains("mq2 partitioned")
            && screen.contains("is partitioned from")
    });
    fault.and(&["undo"]);
    dashboard.pty.press("r");
    shows(&dashboard, "no partition", |screen| {
        screen.contains("partitions none") && !screen.contains("is partitioned from")
    });
}

fn memory_and_disk_alarms_are_said_with_the_nodes_that_raised_them() {
    let (brokers, _alone) = Brokers::alone();
    let mut dashboard = open(brokers);
    let fault = brokers.fault(&["memory-alarm", "2"]);
    let alarm = format!("memory alarm on {}: whoever publishes to prod is blocked", brokers.name(2));
    dashboard.pty.press("r");
    shows(&dashboard, "the memory alarm", |screen| screen.contains(&alarm));
    until_row(brokers, "nodes", brokers.name(2), |row| {
        row["mem_alarm"] == true && row["verdict"] == "critical"
    });
    assert_eq!(row(&brokers.show(&brokers.usual(), "nodes"), brokers.name(1))["mem_alarm"], false);
    fault.and(&["no-alarm", "2"]);
    fault.and(&["disk-alarm", "1"]);
    let alarm = format!("disk alarm on {}: whoever publishes to prod is blocked", brokers.name(1));
    dashboard.pty.press("r");
    shows(&dashboard, "the disk alarm, and not the other one", |screen| {
        screen.contains(&alarm) && !screen.contains("memory alarm")
    });
    until_row(brokers, "nodes", brokers.name(1), |row| row["disk_free_alarm"] == true);
    fault.and(&["undo"]);
    dashboard.pty.press("r");
    shows(&dashboard, "no alarm", |screen| screen.contains("alarms none"));
}

fn the_second_node_answers_for_the_first_and_both_may_be_away_for_a_while() {
    let (brokers, _alone) = Brokers::alone();
    let dashboard = open(brokers);
    let fault = brokers.fault(&["stop", "1"]);
    let gap = |screen: &str| screen.contains(" as of ") || screen.contains("next try in");
    let screen = shows(&dashboard, "what the second node says", |screen| {
        assert!(!gap(screen), "there is a gap:\n{screen}");
        screen.contains("mq1 down")
    });
    assert!(line(&screen, "compute.cmp03").is_some_and(|row| row.contains('●')), "{screen}");
    // A script finds it at once, and the doctor says where.
    let nodes = brokers.show(&brokers.usual(), "nodes");
    assert_eq!(row(&nodes, brokers.name(1))["running"], false);
    let doctor = brokers.stackwatch(&brokers.usual(), &["doctor"]);
    let at = format!("3.10.8 at {}", brokers.address(2, "management"));
    assert!(doctor.code == 0 && doctor.out.contains(&at), "{doctor:#?}");

    fault.and(&["stop", "2"]);
    let screen = shows(&dashboard, "that nobody answers", |screen| {
        gap(screen) && screen.contains("cannot be reached")
    });
    assert!(screen.contains("compute.cmp03"), "nothing is lost: {screen}");
    let run = brokers.stackwatch(&brokers.usual(), &["show", "queues", "-o", "json"]);
    assert_eq!((run.code, run.errors()[0].1.as_str()), (3, "unreachable"), "{run:#?}");
    let other = brokers.address(2, "management");
    run.says(&[&format!("nor does {other} answer"), "rabbitmq-plugins enable rabbitmq_management"]);

    fault.and(&["undo"]);
    shows(&dashboard, "both of them, without a key pressed", |screen| {
        !gap(screen)
            && !screen.contains("mq1 down")
            && !screen.contains("mq2 down")
            && line(screen, "compute.cmp01").is_some_and(|row| row.contains('●'))
    });
}

/// Stands before a node. Of the answer that lists the queues it lets a piece through, says so, and breaks the
/// connection when it is told to.
struct Between {
    address: SocketAddr,
    reached: mpsc::Receiver<()>,
    goes_on: mpsc::Sender<()>,
}

/// Of which answer only a piece goes through. It is known by its request: how long it is depends on what the node
/// knows of its queues by then.
const CUT: &[u8] = b"GET /api/queues";
/// A piece, in bytes: less than any list of 2,000 queues, compressed as it is.
const PIECE: usize = 1_024;

impl Between {
    fn start(node: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (reach, reached) = mpsc::channel();
        let (goes_on, go) = mpsc::channel();
        let go = Arc::new(Mutex::new(go));
        thread::spawn(move || {
            for client in listener.incoming() {
                // Whoever comes when the node is gone is sent away, as by the node itself.
                let Ok(mut server) = TcpStream::connect(&node) else { continue };
                let mut client = client.unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let is_asked = Arc::new(AtomicBool::new(false));
                let asks = Arc::clone(&is_asked);
                // One request is in flight at a time: what is noted before it goes on is noted before its answer.
                thread::spawn(move || {
                    pass(&mut from, &mut to, |piece| {
                        asks.fetch_or(piece.starts_with(CUT), Ordering::SeqCst);
                        false
                    });
                });
                let (reach, go) = (reach.clone(), go.clone());
                thread::spawn(move || {
                    if pass(&mut server, &mut client, |_| is_asked.load(Ordering::SeqCst)) {
                        // Nobody listens any more when the test is over.
                        let _ = reach.send(());
                        let _ = go.lock().unwrap().recv();
                    }
                    // The other direction holds the connection too.
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, reached, goes_on }
    }
}

/// Hands on until the end, or until this piece was the last one.
fn pass(from: &mut TcpStream, to: &mut TcpStream, mut is_last: impl FnMut(&[u8]) -> bool) -> bool {
    let mut buffer = [0; PIECE];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        // Before it goes on: the other side may answer at once.
        let last = is_last(&buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            return false;
        }
        if last {
            return true;
        }
    }
}

fn a_node_that_is_killed_in_the_middle_of_its_answer_is_asked_no_more() {
    let (brokers, _alone) = Brokers::alone();
    let fault = brokers.fault(&["queues", "2000"]);
    // One asks this node, then the other; one this node alone.
    let [of_two, of_one] = [(); 2].map(|()| Between::start(brokers.address(1, "management")));
    let [first, only] = [&of_two, &of_one].map(|between| format!("http://{}", between.address));
    let both = brokers.settings("stackwatch", &[first, brokers.management(2)], "");
    let asked = thread::spawn(move || brokers.stackwatch(&both, &["show", "queues", "-o", "json"]));
    let dashboard = brokers.dashboard(&brokers.settings("stackwatch", &[only], ""), SIZE);
    for between in [&of_two, &of_one] {
        between.reached.recv_timeout(HEARD).expect("a long answer");
    }
    fault.and(&["kill", "1"]);
    for between in [&of_two, &of_one] {
        between.goes_on.send(()).unwrap();
    }
    // The other node is asked for the same, and says soon which queues went.
    let run = asked.join().unwrap();
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
    assert_eq!(row(&run.json(), "scheduler")["state"], "running");
    until_row(brokers, "queues", "conductor", |row| row["state"] == "down");
    shows(&dashboard, "why there are no queues", |screen| {
        screen.contains("cut its answer short")
            || screen.contains("broke the connection")
            || screen.contains("cannot be reached")
    });
}
