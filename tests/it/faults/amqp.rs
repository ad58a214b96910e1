//! Nodes that hang, fall silent, block or say what was not agreed on, over AMQP.

use std::net::TcpListener;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use stackwatch::collect::{self, Outlet};
use stackwatch::config::file;
use stackwatch::model::{AmqpState, Instance, PowerState};
use stackwatch::report::{Delta, Outcome, Report, Topic};
use stackwatch::request::Wanted;
use stackwatch::source::rabbitmq::Amqp;
use stackwatch::source::rabbitmq::amqp::Declared;
use stackwatch::source::{Error, ErrorKind, Limits, Sources};
use stackwatch::store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::support::amqp::{CONSUMERS, Offer, Peer, READY};
use crate::support::facts;
use crate::support::listening::{Listening, Says, notification};
use crate::support::stub::until;

/// What hangs here hangs for good; what is well lets in sooner, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(3);

/// `[broker]` over these hosts, in their order.
fn settings(hosts: &[&str], more: &str) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("ops:secret@{host}")).collect();
    format!("[broker]\nname = 'prod'\nurl = 'rabbit://{}/v'\n{more}", hosts.join(","))
}

/// Over these hosts, with limits that a test can wait for.
fn over(hosts: &[&str], more: &str) -> Amqp {
    let broker = file::parse(&settings(hosts, more), "c").unwrap().broker.all.remove(0);
    let limits = Limits { connect: PATIENCE, total: Duration::from_secs(20), ..Limits::default() };
    Amqp::all(&broker, limits).unwrap().remove(0)
}

async fn ask(amqp: &Amqp) -> Result<Declared, Error> {
    Ok(amqp.declare(&["conductor".into()]).await?.remove(0))
}

fn there() -> Declared {
    Declared::There { ready: READY.into(), consumers: CONSUMERS.into() }
}

fn closed() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn the_next_host_answers_for_one_that_hangs_and_for_one_that_refuses() {
    let (hangs, well) = (Peer::silent(), Peer::start(Offer::default()));
    for first in [hangs.address(), closed()] {
        let amqp = over(&[&first, &well.address()], "");
        let before = hangs.connections();
        assert_eq!(ask(&amqp).await.unwrap(), there(), "{first}");
        assert_eq!(amqp.address().await, well.address());
        // It stays with who answered.
        let connections = well.connections();
        assert_eq!(ask(&amqp).await.unwrap(), there());
        assert_eq!((well.connections(), hangs.connections()), (connections, before.max(1)));
    }
    // Nobody is left: both are named, and why.
    let amqp = over(&[&hangs.address(), &closed()], "");
    let error = ask(&amqp).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error:?}");
    assert!(
        error.message.contains(&format!("rabbitmq at {} (AMQP) did not answer in time", hangs.address()))
    );
    assert!(error.message.contains("(nor does 127.0.0.1:"), "{}", error.message);
    let traffic = amqp.traffic();
    assert_eq!((traffic.requests, traffic.errors, traffic.bytes), (2, 2, None));
    // A line for all vhosts, as of other services; what listens counts with its vhost.
    let well = over(&[&well.address()], "");
    assert_eq!(ask(&well).await.unwrap(), there());
    assert_eq!(ask(&well.another()).await.unwrap(), there());
    let lines = Sources { amqp: vec![amqp, well], ..Sources::default() }.traffic();
    let [all] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((all.requests, all.errors), (2 + 4, 2));
    let line = all.to_string();
    assert!(line.starts_with("amqp            6 requests     2 failed         ? KiB"), "{line}");
}

#[tokio::test]
async fn a_node_that_falls_silent_is_left_for_the_next_and_found_again() {
    let (first, second) =
        (Peer::start(Offer { heartbeat: 1, ..Offer::default() }), Peer::start(Offer::default()));
    let amqp = over(&[&first.address(), &second.address()], "");
    assert_eq!(ask(&amqp).await.unwrap(), there());
    assert_eq!(first.agreed().map(|(_, heartbeat)| heartbeat), Some(1));
    first.be_silent(true);
    // What was asked of it meanwhile is answered by nobody, and its silence is the reason.
    let error = ask(&amqp).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error:?}");
    assert!(error.message.contains("gave no sign of life for too long"), "{}", error.message);
    assert!(error.next_step.contains("rabbitmqctl status"), "{}", error.next_step);
    assert_eq!(ask(&amqp).await.unwrap(), there());
    assert_eq!(amqp.address().await, second.address());
}

#[tokio::test]
async fn frames_are_as_large_as_both_sides_bear_and_no_larger() {
    // What the node offers; what is agreed on. Some brokers bound nothing, and 4.1 takes 8192 at least.
    for (offered, agreed) in [(0, 32_768), (u32::MAX, 32_768), (131_072, 32_768), (8_192, 8_192)] {
        let node = Peer::start(Offer { frame_max: offered, heartbeat: 0 });
        let amqp = over(&[&node.address()], "");
        let names: Vec<_> = (0..500).map(|n| format!("compute.{n:0>200}").into()).collect();
        let answers = amqp.declare(&names).await.unwrap();
        assert!(answers.len() == 500 && answers.iter().all(|answer| *answer == there()), "{offered}");
        assert_eq!(node.agreed().map(|(frame_max, _)| frame_max), Some(agreed), "{offered}");
    }
    // Less than that no client of ours can bear: the broker says so, and we what to change.
    let node = Peer::start(Offer { frame_max: 4_096, heartbeat: 0 });
    let error = ask(&over(&[&node.address()], "")).await.unwrap_err();
    assert!(error.message.contains("NOT_ALLOWED - negotiated frame_max = 8192 is higher"), "{error:?}");
    assert!(error.next_step.contains("raise `frame_max` in rabbitmq.conf"), "{error:?}");
}

/// A second question, which the node has and does not answer.
async fn asked_in_vain(node: &Peer, amqp: &Amqp) -> JoinHandle<Result<Declared, Error>> {
    node.hold_declares(true);
    let asked = tokio::spawn({
        let amqp = amqp.clone();
        async move { ask(&amqp).await }
    });
    until("it is asked", || node.declares() == 2).await;
    asked
}

#[tokio::test]
async fn a_frame_larger_than_was_agreed_is_an_error_and_the_next_connection_is_well() {
    let node = Peer::start(Offer::default());
    let amqp = over(&[&node.address()], "");
    assert_eq!(ask(&amqp).await.unwrap(), there());
    // Of the answer that is waited for: the node does not give it.
    let asked = asked_in_vain(&node, &amqp).await;
    node.send_frame_of(60_000);
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadAnswer, "{error:?}");
    assert!(error.message.contains("sent what was not agreed on"), "{}", error.message);
    node.hold_declares(false);
    assert_eq!(ask(&amqp).await.unwrap(), there());
    assert_eq!(node.connections(), 2);
}

#[tokio::test]
async fn a_blocked_connection_is_said_at_once_and_used_again_when_it_goes_on() {
    let node = Peer::start(Offer::default());
    let amqp = over(&[&node.address()], "");
    assert_eq!(ask(&amqp).await.unwrap(), there());
    let asked = asked_in_vain(&node, &amqp).await;
    node.block("low on memory");
    // While it waits, and before it asks again.
    for error in [asked.await.unwrap().unwrap_err(), ask(&amqp).await.unwrap_err()] {
        assert_eq!(error.kind, ErrorKind::Server, "{error:?}");
        assert!(error.message.ends_with("(AMQP) has blocked the connection: low on memory"), "{error:?}");
        assert!(error.next_step.contains("rabbitmq-diagnostics alarms"), "{error:?}");
    }
    node.hold_declares(false);
    node.unblock();
    let mut last = ask(&amqp).await;
    for _ in 0..1_000 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        last = ask(&amqp).await;
    }
    assert_eq!(last.unwrap(), there());
    assert_eq!(node.connections(), 1, "it was the same one all the time");
}

#[tokio::test]
async fn a_heartbeat_that_stops_coming_is_said_and_a_new_connection_asks_for_what_was_missed() {
    let node = Peer::start(Offer { heartbeat: 1, ..Offer::default() });
    let mut listening = Listening::start(vec![over(&[&node.address()], "notifications = true")]);
    assert_eq!(listening.next().await, Says::Well);
    node.deliver(&notification("a", 0));
    assert_eq!(listening.next().await, Says::Heard(vec!["a".to_owned()]));
    node.be_silent(true);
    let Says::Out(words) = listening.next().await else { panic!("an outage") };
    assert!(words.contains("gave no sign of life for too long"), "{words}");
    node.be_silent(false);
    let mut said = listening.next().await;
    // It may have tried once more while nobody answered.
    while matches!(said, Says::Out(_)) {
        said = listening.next().await;
    }
    assert_eq!((said, listening.next().await), (Says::Missed, Says::Well));
    node.deliver(&notification("b", 0));
    assert_eq!(listening.next().await, Says::Heard(vec!["b".to_owned()]));
}

#[tokio::test]
async fn a_notification_comes_whole_in_the_smallest_frames() {
    let node = Peer::start(Offer { frame_max: 8_192, heartbeat: 0 });
    let mut listening = Listening::start(vec![over(&[&node.address()], "notifications = true")]);
    assert_eq!(listening.next().await, Says::Well);
    for (id, size) in [("small", 10), ("large", 300_000), ("after", 0)] {
        node.deliver(&notification(id, size));
        assert_eq!(listening.next().await, Says::Heard(vec![id.to_owned()]));
    }
}

#[tokio::test]
async fn a_blocked_connection_still_hears_and_is_said_until_it_goes_on() {
    let node = Peer::start(Offer::default());
    let mut listening = Listening::start(vec![over(&[&node.address()], "notifications = true")]);
    assert_eq!(listening.next().await, Says::Well);
    node.block("low on disk");
    let Says::Out(words) = listening.next().await else { panic!("an outage") };
    assert!(words.ends_with("has blocked the connection: low on disk"), "{words}");
    // Deliveries come, though none can be acknowledged.
    for id in ["a", "b"] {
        node.deliver(&notification(id, 0));
        assert_eq!(listening.next().await, Says::Heard(vec![id.to_owned()]));
    }
    node.unblock();
    assert_eq!(listening.next().await, Says::Well);
    node.deliver(&notification("c", 0));
    assert_eq!(listening.next().await, Says::Heard(vec!["c".to_owned()]));
    assert_eq!(node.connections(), 1);
}

#[tokio::test]
async fn the_trouble_of_one_vhost_is_no_longer_hidden_by_another_that_is_well() {
    let (well, ill) = (Peer::start(Offer::default()), Peer::start(Offer::default()));
    let both = [&well, &ill].map(|node| over(&[&node.address()], "notifications = true"));
    let mut listening = Listening::start(both.into());
    assert_eq!((listening.next().await, listening.next().await), (Says::Well, Says::Well));
    until("both listen", || well.has_consumer() && ill.has_consumer()).await;
    ill.be_silent(true);
    ill.hang_up();
    let Says::Part(words) = listening.next().await else { panic!("a part") };
    assert!(words.starts_with("vhost v: ") && words.contains(&ill.address()), "{words}");
    // What the other one says takes nothing of it back.
    well.deliver(&notification("a", 0));
    assert_eq!(listening.next().await, Says::Heard(vec!["a".to_owned()]));
    let Says::Part(words) = listening.next().await else { panic!("still a part") };
    assert!(words.contains("did not answer in time"), "{words}");
    ill.be_silent(false);
    let mut said = listening.next().await;
    while matches!(said, Says::Part(_)) {
        said = listening.next().await;
    }
    assert_eq!((said, listening.next().await), (Says::Missed, Says::Well));
}

/// nova says each step in the old format and in the new one: recorded, with the others between them.
#[tokio::test]
async fn a_step_in_both_formats_is_one_line_of_events_and_tells_all_of_the_instance() {
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("../../samples/rabbitmq/notifications.json")).unwrap();
    let node = Peer::start(Offer::default());
    let mut listening = Listening::start(vec![over(&[&node.address()], "notifications = true")]);
    assert_eq!(listening.next().await, Says::Well);
    let mut store = Store::default();
    // As the list has it while it is built.
    let web = Instance {
        id: "6deecf54-882e-4686-8e8d-95326e581925".into(),
        power_state: PowerState::NoState,
        updated: None,
        ..facts::instance("web-01")
    };
    let (at, web_id) = (Timestamp::now(), web.id.clone());
    store.apply(Report { at, epoch: 0, outcome: Outcome::Part(Delta::Instances(vec![web])) });
    for message in &recorded {
        node.deliver(message["raw_body"].to_string().as_bytes());
        store.apply(listening.report().await);
    }
    // The old format says nothing of this, and it came first.
    assert_eq!(store.instances.by_id(&web_id).unwrap().power_state, PowerState::Running);
    let lines: Vec<&str> = store.events.iter().map(|event| &*event.kind).collect();
    let (steps, once) = (
        // Those that were recorded in both formats, by the name of the first.
        [
            "compute_task.build_instances",
            "scheduler.select_destinations.start",
            "scheduler.select_destinations.end",
            "compute.instance.update",
            "compute.instance.create.end",
            "compute.instance.delete.end",
        ],
        ["port.create.end", "volume.create.end", "compute.exception", "service.update"],
    );
    for kind in steps.iter().chain(&once) {
        assert_eq!(lines.iter().filter(|line| *line == kind).count(), 1, "{kind}: {lines:?}");
    }
    assert_eq!(lines.len(), recorded.len() - steps.len(), "{lines:?}");
}

/// What the collector of queues says about AMQP while the management API is away.
#[tokio::test]
async fn when_amqp_stops_together_with_the_management_api_that_is_said() {
    let node = Peer::start(Offer { heartbeat: 1, ..Offer::default() });
    let text = settings(&[&node.address()], &format!("management = 'http://{}'", closed()));
    let broker = file::parse(&text, "c").unwrap().broker.all.remove(0);
    let limits = Limits { connect: PATIENCE, ..Limits::default() };
    let sources = Sources {
        brokers: vec![stackwatch::source::rabbitmq::Management::new(broker.clone(), limits).unwrap()],
        amqp: Amqp::all(&broker, limits).unwrap(),
        ..Sources::default()
    };
    let mut collectors = collect::all(&sources);
    let queues = collectors.iter_mut().find(|collector| collector.topic() == Topic::Queues).unwrap();
    let wanted = Wanted { queues: Some(["conductor".into()].into()), ..Wanted::default() };
    let (_wanted, wants) = watch::channel(wanted);
    let (to, mut reports) = mpsc::channel(64);
    let out = Outlet::new(to, 0);
    let mut states = async |queues: &mut Box<dyn collect::Collector>| {
        let ended = queues.round(&wants, &out).await.is_ok();
        let mut states: Vec<(AmqpState, usize)> = Vec::new();
        while let Ok(report) = reports.try_recv() {
            if let Outcome::Part(Delta::Amqp { state, found }) = report.outcome {
                states.push((state, found.len()));
            }
        }
        (ended, states)
    };
    // Nobody lists queues, and AMQP tells of the one that must be there.
    let (ended, said) = states(queues).await;
    assert!(ended && matches!(said.as_slice(), [(state, 1)] if state.trouble.is_none()), "{said:?}");
    node.be_silent(true);
    let (ended, said) = states(queues).await;
    assert!(!ended, "{said:?}");
    let [(state, 0)] = said.as_slice() else { panic!("{said:?}") };
    let (words, next) = state.trouble.clone().expect("that AMQP gives no answer either");
    assert!(words.contains("gave no sign of life") && !next.is_empty(), "{words}");
}
