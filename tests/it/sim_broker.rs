//! The simulated cloud's broker before clients: lapin, and our own words. What they say is held against what the
//! simulator says itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use serde_json::{Value as Json, json};
use stackwatch::sim::Options;

use crate::sim_cli::lab::{Lab, SOON};
use crate::support::cloud::until;
use crate::support::stub::{Run, command, run};

fn small(scenario: &str) -> Options {
    let scenario = scenario.to_owned();
    Options { hypervisors: Some(12), instances: Some(150), speed: 0.0, scenario, ..Options::default() }
}

/// Our program over it, by the settings that it wrote.
fn ours(lab: &Lab, args: &[&str]) -> Run {
    let mut command = command(lab.dir(), &[args, &["--config", "stackwatch.toml"]].concat());
    command.env("OS_CLIENT_CONFIG_FILE", lab.dir().join("clouds.yaml"));
    run(command)
}

async fn connect(url: &str) -> Result<Connection, lapin::Error> {
    Connection::connect(&url.replacen("rabbit://", "amqp://", 1), ConnectionProperties::default()).await
}

/// Ready messages and consumers.
async fn look(channel: &Channel, name: &str) -> Result<(u64, u64), lapin::Error> {
    let options = QueueDeclareOptions::default().passive();
    let queue = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
    Ok((queue.message_count().into(), queue.consumer_count().into()))
}

/// With which code and words the broker refused.
fn refusal<T: std::fmt::Debug>(outcome: Result<T, lapin::Error>) -> (u16, String) {
    match outcome.unwrap_err().kind() {
        ErrorKind::ProtocolError(error) => (error.get_id(), error.get_message().to_string()),
        other => panic!("{other:?}"),
    }
}

/// The queues of the dump by name: ready, consumers.
fn dumped(lab: &Lab) -> BTreeMap<String, (u64, u64)> {
    let dump = lab.sim.dump_broker();
    let rows = dump["queues"].as_array().unwrap().iter();
    rows.map(|row| {
        let number = |key: &str| row[key].as_u64().unwrap();
        (row["name"].as_str().unwrap().to_owned(), (number("ready"), number("consumers")))
    })
    .collect()
}

#[test]
fn lapin_reads_every_queue_of_the_services_passively_as_the_dump_has_it() {
    let lab = Lab::start(&small("incident"));
    let expected = dumped(&lab);
    assert!(expected.len() > 200, "{} queues", expected.len());
    assert!(expected.values().any(|(ready, consumers)| *ready > 0 && *consumers == 0), "an incident");
    let found = lab.block_on(async {
        let connection = connect(&lab.sim.broker_url()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let asked = expected.keys().map(|name| look(&channel, name));
        // All at once: they are pipelined on one channel.
        let answers = futures::future::try_join_all(asked).await.unwrap();
        connection.close(200, "done".into()).await.unwrap();
        answers
    });
    let found: BTreeMap<String, (u64, u64)> = expected.keys().cloned().zip(found).collect();
    assert_eq!(found, expected);
    assert_eq!(dumped(&lab), expected, "looking leaves nothing behind");
}

#[test]
fn lapin_is_refused_as_by_rabbitmq_and_goes_on_with_another_channel() {
    let lab = Lab::start(&small("healthy"));
    let url = lab.sim.broker_url();
    lab.block_on(async {
        let wrong = url.replacen("simulated@", "wrong@", 1);
        let (code, words) = refusal(connect(&wrong).await);
        assert!(code == 403 && words.contains("Login was refused using authentication mechanism"), "{words}");
        let (code, words) = refusal(connect(&url.replacen("/openstack", "/nope", 1)).await);
        assert_eq!((code, words.as_str()), (530, "NOT_ALLOWED - vhost nope not found"));

        let connection = connect(&url).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let (code, words) = refusal(look(&channel, "compute.gone").await);
        assert_eq!((code, words.as_str()), (404, "NOT_FOUND - no queue 'compute.gone' in vhost 'openstack'"));
        assert!(!channel.status().connected(), "the channel went with it");
        let channel = connection.create_channel().await.unwrap();
        assert_eq!(look(&channel, "compute").await.unwrap(), (0, 12));

        let monitor = connect(&url.replacen("stackwatch:", "openstack-monitoring:", 1)).await.unwrap();
        let channel = monitor.create_channel().await.unwrap();
        let options = QueueDeclareOptions::exclusive();
        let refused = channel.queue_declare("stackwatch.x".into(), options, FieldTable::default()).await;
        let (code, words) = refusal(refused);
        assert!(code == 403 && words.contains("refused for user 'openstack-monitoring'"), "{words}");

        let channel = connection.create_channel().await.unwrap();
        let options = BasicPublishOptions::default();
        let _ = channel
            .basic_publish("nova".into(), "compute".into(), options, b"{}", BasicProperties::default())
            .await;
        let gone = async {
            while channel.status().connected() {
                tokio::task::yield_now().await;
            }
        };
        gone.await;
        assert_eq!(look(&connection.create_channel().await.unwrap(), "compute").await.unwrap(), (0, 12));
    });
}

#[test]
fn what_speaks_no_amqp_is_answered_with_what_would_be_spoken_and_cut_off() {
    let lab = Lab::start(&small("healthy"));
    let url = lab.sim.broker_url();
    let address = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
    let mut greeted = b"AMQP\x00\x00\x09\x01".to_vec();
    greeted.extend([b'x'; 100_000]);
    // Rubbish, another version, a frame of four gigabytes, rubbish after an honest greeting.
    for (said, hello) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), true),
        (b"AMQP\x03\x01\x00\x00".to_vec(), true),
        (b"AMQP\x00\x00\x09\x01\x01\x00\x00\xff\xff\xff\xff".to_vec(), false),
        (greeted, false),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        // It may be cut off before all is said.
        let _ = stream.write_all(&said);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert_eq!(heard == b"AMQP\x00\x00\x09\x01", hello, "{heard:?}");
    }
    let count = lab.block_on(async {
        let connection = connect(&url).await.unwrap();
        look(&connection.create_channel().await.unwrap(), "compute").await.unwrap()
    });
    assert_eq!(count, (0, 12), "others are served as before");
}

/// Events of the story by their notification: type, state, request, instance.
struct Heard {
    kind: String,
    state: Option<String>,
    request: Option<String>,
    instance: Option<String>,
}

fn heard(body: &[u8]) -> Heard {
    let envelope: Json = serde_json::from_slice(body).unwrap();
    assert_eq!(envelope["oslo.version"], "2.0");
    let message: Json = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    let data = &message["payload"]["nova_object.data"];
    let text = |value: &Json| value.as_str().map(str::to_owned);
    Heard {
        kind: text(&message["event_type"]).unwrap(),
        state: text(&data["state"]),
        request: text(&message["_context_request_id"]),
        instance: text(&data["uuid"]),
    }
}

#[test]
fn lapin_hears_of_an_instance_from_its_request_to_its_life_and_takes_nothing_from_others() {
    // The clock runs: what is built takes its time.
    let lab = Lab::start(&Options { speed: 20.0, ..small("healthy") });
    let (url, api) = (lab.sim.broker_url(), format!("{}/sim/events", lab.sim.auth_url()));
    let born = lab.block_on(async {
        let connection = connect(&url).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(10_000));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
        let options = QueueDeclareOptions::exclusive().auto_delete();
        let queue = channel.queue_declare("".into(), options, arguments).await.unwrap();
        let name = queue.name().clone();
        for key in ["versioned_notifications.info", "versioned_notifications.error"] {
            let bound = channel.queue_bind(
                name.clone(),
                "nova".into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bound.await.unwrap();
        }
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer = channel.basic_consume(name.clone(), "".into(), options, FieldTable::default()).await;
        let mut consumer = consumer.unwrap();
        let mut all: Vec<Heard> = Vec::new();
        let born = loop {
            let delivery = consumer.next().await.unwrap().unwrap();
            assert_eq!((delivery.exchange.as_str(), delivery.redelivered), ("nova", false));
            all.push(heard(&delivery.data));
            let last = all.last().unwrap();
            // Its beginning was heard too.
            let whole = |one: &Heard| one.kind == "instance.create.start" && one.instance == last.instance;
            if last.kind == "instance.create.end" && all.iter().any(whole) {
                break all.pop().unwrap();
            }
        };
        channel.queue_delete(name, QueueDeleteOptions::default()).await.unwrap();
        connection.close(200, "done".into()).await.unwrap();
        born
    });
    assert_eq!(born.state.as_deref(), Some("active"));
    // The simulator's own words for it: the same request, and it is over.
    let events: Json = lab.block_on(async {
        let body = reqwest::get(&api).await.unwrap().bytes().await.unwrap();
        serde_json::from_slice(&body).unwrap()
    });
    let step = events["events"].as_array().unwrap().iter().find(|event| {
        event["kind"] == "finished"
            && event["action"] == "create"
            && event["instance"] == json!(born.instance)
    });
    assert_eq!(step.map(|event| &event["request"]), Some(&json!(born.request)));
    // The services' own reader of these queues is not robbed.
    let of = dumped(&lab)["versioned_notifications.info"];
    assert_eq!(of, (0, 3));
    until("the client to be gone", SOON, || {
        let dump = lab.sim.dump_broker();
        let rows = dump["connections"].as_array().unwrap();
        rows.iter().all(|row| row["user"] == "openstack").then_some(())
    });
}

#[test]
fn the_dashboard_s_queues_and_nodes_are_what_the_dump_says() {
    for scenario in ["incident", "broker-partition"] {
        let lab = Lab::start(&small(scenario));
        let queues = ours(&lab, &["show", "queues", "-o", "json"]);
        assert_eq!(queues.code, 0, "{queues:#?}");
        let found: BTreeMap<String, (u64, u64)> = queues.json()["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let number = |key: &str| row[key].as_u64().unwrap();
                (row["name"].as_str().unwrap().to_owned(), (number("ready"), number("consumers")))
            })
            .collect();
        assert_eq!(found, dumped(&lab), "{scenario}");
        let nodes = ours(&lab, &["show", "nodes", "-o", "json"]).json();
        let dump = lab.sim.dump_broker();
        let expected = dump["nodes"].as_array().unwrap();
        assert_eq!(nodes["rows"].as_array().unwrap().len(), expected.len());
        for node in expected {
            let row =
                nodes["rows"].as_array().unwrap().iter().find(|row| row["name"] == node["name"]).unwrap();
            assert_eq!(row["running"], node["running"], "{scenario} {row}");
            let partitioned = row["reason"].as_str().is_some_and(|reason| reason.contains("partitioned"));
            assert_eq!(partitioned, node["partitions"] != json!([]), "{scenario} {row}");
        }
        let split = expected.iter().any(|node| node["partitions"] != json!([]));
        assert_eq!(split, scenario == "broker-partition");
    }
}

#[test]
fn in_the_incident_a_host_s_queue_grows_without_a_consumer_and_empties_when_it_is_back() {
    let lab = Lab::start(&small("incident"));
    let deaf = |queues: &BTreeMap<String, (u64, u64)>| -> BTreeMap<String, u64> {
        let hosts =
            queues.iter().filter(|(name, (_, consumers))| name.starts_with("compute.") && *consumers == 0);
        hosts.map(|(name, (ready, _))| (name.clone(), *ready)).collect()
    };
    let first = deaf(&dumped(&lab));
    assert!(first.len() == 1 && first.values().all(|ready| *ready > 0), "one fell silent before: {first:?}");
    // The busiest falls silent two minutes in, for four: whatever is asked of its guests waits.
    let mut depths: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for _ in 0..23 {
        lab.pass(15);
        for (name, ready) in deaf(&dumped(&lab)) {
            if !first.contains_key(&name) {
                depths.entry(name).or_default().push(ready);
            }
        }
    }
    assert_eq!(depths.len(), 1, "{depths:?}");
    let (name, depths) = depths.pop_first().unwrap();
    assert!(depths.is_sorted() && depths.last() > depths.first(), "it grows: {depths:?}");
    let host = name.trim_start_matches("compute.");
    let run = ours(&lab, &["show", "queues", "--filter", &format!("name={name}"), "-o", "json"]);
    let rows = run.json();
    let row = &rows["rows"][0];
    assert_eq!(
        (&row["name"], &row["host"], &row["verdict"]),
        (&json!(name), &json!(host), &json!("critical"))
    );
    assert_eq!(row["ready"], json!(depths.last()), "{row}");
    let reason = row["reason"].as_str().unwrap();
    assert!(reason.contains("has no consumer and") && reason.contains(host), "{reason}");
    lab.pass(60);
    assert_eq!(dumped(&lab)[&name], (0, 1), "it is back, and took what waited");
}

#[test]
fn the_demo_shows_its_own_broker_whatever_the_settings_say() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("c.toml"),
        "[broker]\nname = 'prod'\nurl = 'rabbit://u:p@127.0.0.1:1/v'\n",
    )
    .unwrap();
    let ours = |args: &[&str]| run(command(dir.path(), &[args, &["--config", "c.toml"]].concat()));
    let queues = ours(&["show", "queues", "--cloud", "demo", "-o", "json"]);
    assert_eq!(queues.code, 0, "{queues:#?}");
    let rows = queues.json();
    let rows = rows["rows"].as_array().unwrap();
    assert!(rows.len() > 500 && rows.iter().all(|row| row["broker"] == "simulated"), "{} rows", rows.len());
    let screen = ours(&["screen", "rabbitmq", "--cloud", "demo:broker-partition", "--size", "140x40"]);
    for words in ["rabbit@ctl03", "partitioned", "compute.cmp0"] {
        assert!(screen.out.contains(words), "{words}:\n{}", screen.out);
    }
    let doctor = ours(&["doctor", "--cloud", "demo"]);
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    assert!(
        doctor.out.contains("o rabbitmq vhost") && doctor.out.contains("openstack: stackwatch sees"),
        "{doctor:#?}"
    );
}
