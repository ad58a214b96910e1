//! Notifications of the real services: an instance changes on screen before anybody asks for it, and who else
//! listens misses nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value as Json;

use super::alone;
use crate::support::cloud::{Api, Cloud, Dashboard, cloud_tests, until};

cloud_tests![
    a_notification_turns_an_instance_active_before_the_next_poll_and_takes_nothing_from_other_consumers,
];

/// What nova may take to build an instance on a busy machine.
const BUILD: Duration = Duration::from_secs(90);

/// Moments at which nova-api has answered whoever asks for all instances' changes.
fn polls(cloud: &Cloud) -> Vec<Timestamp> {
    let log = cloud.log_of("nova-api");
    let asked =
        log.lines().filter(|line| line.contains("/servers/detail?") && line.contains("changes-since"));
    asked.filter_map(moment).collect()
}

/// The moment at the beginning of an oslo log line; this cloud's nodes live in UTC.
fn moment(line: &str) -> Option<Timestamp> {
    format!("{}Z", line.get(..23)?.replace(' ', "T")).parse().ok()
}

/// When nova-compute has said that its hypervisor has an instance: only after that it writes ACTIVE into the database.
fn spawned(cloud: &Cloud, id: &str) -> Option<Timestamp> {
    (1..=4).find_map(|host| {
        let log = cloud.log_of(&format!("nova-compute-cmp0{host}"));
        log.lines()
            .find(|line| line.contains(id) && line.contains("seconds to spawn the instance"))
            .and_then(moment)
    })
}

/// A consumer like ceilometer: a queue of its own at nova's exchange. Counts messages until it is dropped.
struct Ceilometer {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
    consumer: lapin::Consumer,
    heard: BTreeMap<String, u32>,
}

impl Ceilometer {
    fn listen(cloud: &Cloud) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let uri = cloud.env("AMQP_URI");
        let (connection, consumer) = runtime.block_on(async {
            let connection = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap();
            let channel = connection.create_channel().await.unwrap();
            let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare("".into(), own, FieldTable::default()).await.unwrap();
            let queue = queue.name().clone();
            for key in ["notifications.*", "versioned_notifications.*"] {
                let bind = QueueBindOptions::default();
                channel
                    .queue_bind(queue.clone(), "nova".into(), key.into(), bind, FieldTable::default())
                    .await
                    .unwrap();
            }
            let unacked = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let consumer =
                channel.basic_consume(queue, "other".into(), unacked, FieldTable::default()).await.unwrap();
            (connection, consumer)
        });
        Self { runtime, connection, consumer, heard: BTreeMap::new() }
    }

    /// All messages until this many seconds pass without one: how often each was heard, by its id.
    fn all(&mut self) -> &BTreeMap<String, u32> {
        while let Ok(Some(Ok(delivery))) = self
            .runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(3), self.consumer.next()).await })
        {
            let envelope: Json = serde_json::from_slice(&delivery.data).unwrap();
            let message: Json = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
            *self.heard.entry(message["message_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert!(self.connection.status().connected());
        &self.heard
    }
}

/// Messages in the queues of the services' own consumers, which nobody reads here.
fn kept(cloud: &Cloud) -> u64 {
    let vhost = cloud.env("RABBIT_VHOST");
    let words = ["list_queues", "-p", &vhost, "--formatter", "json", "name", "messages"];
    let rows = cloud.rabbitmqctl(&words).json();
    let rows = rows.as_array().unwrap().iter();
    let is_its = |row: &&Json| row["name"].as_str().unwrap().contains("notifications.");
    rows.filter(is_its).map(|row| row["messages"].as_u64().unwrap()).sum()
}

fn a_notification_turns_an_instance_active_before_the_next_poll_and_takes_nothing_from_other_consumers() {
    let ((cloud, _alone), api) = (alone(), Api::new("admin"));
    let settings = format!("{}notifications = true\n", cloud.broker_settings());
    let mut other = Ceilometer::listen(cloud);
    let before = kept(cloud);
    let mut dashboard = Dashboard::open_with("admin", &settings, "instances");
    dashboard.wait_for("the instances", BUILD, |screen| screen.contains("web-"));
    dashboard.press(":sort -created\rgg");
    let image = api.image()["name"].as_str().unwrap().to_owned();
    // Between the database and the screen a poll may happen to fall: then it proves nothing.
    let mut proven = false;
    for number in 0..5 {
        let name = format!("told-{}-{number}", std::process::id());
        let command = format!("server create --flavor m1.tiny --image {image} --nic none {name}");
        let made = cloud.cli("admin", &[command]).unwrap();
        let id = made[0]["id"].as_str().unwrap().to_owned();
        dashboard.wait_for("it is ACTIVE", BUILD, |screen| {
            screen.lines().any(|line| line.contains(&name) && line.contains("ACTIVE"))
        });
        let shown = Timestamp::now();
        let spawned = until("nova-compute's line about it", BUILD, || spawned(cloud, &id));
        let next = until("the next poll", BUILD, || polls(cloud).into_iter().find(|at| *at > shown));
        println!("{name}: spawned {spawned}, on screen {shown}, next poll answered {next}");
        let between = polls(cloud).into_iter().any(|at| at > spawned && at < shown);
        cloud.openstack("admin", &format!("server delete --wait {name}\n"));
        dashboard.wait_for("it is gone", BUILD, |screen| !screen.contains(&name));
        proven = !between;
        if proven {
            break;
        }
    }
    assert!(proven, "a poll fell between the database and the screen each time");
    drop(dashboard);
    let heard = other.all();
    assert!(heard.values().all(|times| *times == 1), "{heard:?}");
    // The other consumer heard nova alone; the services' own queues have what neutron and cinder say, too.
    let grown = kept(cloud) - before;
    assert!(heard.len() as u64 <= grown && heard.len() >= 10, "{} heard, {grown} kept", heard.len());
    println!(
        "{} messages of nova, each heard once by the other consumer; {grown} kept for the services'",
        heard.len()
    );
}
