//! The simulated broker before judges that nobody here wrote: rabbitmqadmin, the broker's own script, and py-amqp,
//! which OpenStack's services speak through.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value as Json, json};
use stackwatch::sim::Options;

use super::lab::Lab;
use super::small;
use crate::support::cloud::{Output, run};

/// Debian's Python: rabbitmqadmin and python3-amqp are for it.
const PYTHON: &str = "/usr/bin/python3";

fn script() -> PathBuf {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("run/rabbitmqadmin");
    let script = std::env::var_os("STACKWATCH_RABBITMQADMIN").map_or_else(own, PathBuf::from);
    assert!(script.is_file(), "{} is not there: run tests/cli/rabbitmqadmin", script.display());
    script
}

fn rabbitmqadmin(lab: &Lab, user: &str, words: &str) -> Output {
    let port = lab.sim.management_url().rsplit(':').next().unwrap().to_owned();
    let mut command = Command::new(PYTHON);
    command.arg(script()).args(["-H", "127.0.0.1", "-P", &port, "-u", user, "-p", "simulated"]);
    command.args(words.split_whitespace()).env("HOME", lab.dir());
    run(&mut command, "")
}

fn listed(lab: &Lab, words: &str) -> Vec<Json> {
    let output = rabbitmqadmin(lab, "admin", &format!("-f raw_json {words}"));
    assert_eq!(output.code, Some(0), "{words}: {output:#?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{words}: {error}: {output:#?}"))
}

fn texts(rows: &[Json], key: &str) -> Vec<String> {
    rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs rabbitmqadmin: tests/cli/rabbitmqadmin"]
fn rabbitmqadmin_lists_what_the_broker_holds() {
    let lab = Lab::start(&Options { scenario: "broker-partition".to_owned(), ..small() });
    let dump = lab.sim.dump_broker();
    let all = |kind: &str| dump[kind].as_array().unwrap().clone();

    let queues: BTreeSet<(String, u64, u64)> = listed(&lab, "list queues name messages_ready consumers")
        .iter()
        .map(|row| {
            assert_eq!(row.as_object().unwrap().len(), 3, "the columns that were asked for: {row}");
            let number = |key: &str| row[key].as_u64().unwrap();
            (row["name"].as_str().unwrap().to_owned(), number("messages_ready"), number("consumers"))
        })
        .collect();
    let expected: BTreeSet<(String, u64, u64)> = all("queues")
        .iter()
        .map(|row| {
            let number = |key: &str| row[key].as_u64().unwrap();
            (row["name"].as_str().unwrap().to_owned(), number("ready"), number("consumers"))
        })
        .collect();
    assert_eq!(queues, expected);
    assert_eq!(listed(&lab, "-V openstack list queues name").len(), expected.len());

    let nodes = listed(&lab, "list nodes name running partitions mem_alarm");
    let expected: Vec<Json> = all("nodes")
        .iter()
        .map(|node| {
            json!({
                "name": node["name"], "running": node["running"], "partitions": node["partitions"],
                "mem_alarm": node["memory_alarm"],
            })
        })
        .collect();
    assert_eq!(nodes, expected);
    assert!(nodes.iter().any(|node| node["partitions"] != json!([])), "it is split");

    for (words, key, kind) in
        [("list connections name user", "name", "connections"), ("list vhosts name", "name", "vhosts")]
    {
        let expected: Vec<String> = all(kind)
            .iter()
            .map(|row| row.as_str().map_or_else(|| row["name"].as_str().unwrap().to_owned(), str::to_owned))
            .collect();
        assert_eq!(texts(&listed(&lab, words), key), expected, "{words}");
    }
    assert_eq!(listed(&lab, "list consumers consumer_tag").len() as u64, dump["consumers"].as_u64().unwrap());
    assert_eq!(listed(&lab, "list channels name").len(), all("connections").len());

    let exchanges = listed(&lab, "list exchanges vhost name type");
    assert_eq!(exchanges, all("exchanges"));
    assert!(exchanges.iter().any(|row| row["name"] == "nova" && row["type"] == "topic"));
    let bindings = listed(&lab, "list bindings source destination routing_key");
    let bound = |source: &str, queue: &str, key: &str| json!({"source": source, "destination": queue, "routing_key": key});
    for expected in [
        bound("nova", "compute.cmp001", "compute.cmp001"),
        bound("", "conductor", "conductor"),
        bound("neutron", "notifications.info", "notifications.info"),
    ] {
        assert!(bindings.contains(&expected), "{expected}");
    }
    let users: BTreeMap<String, Json> = listed(&lab, "list users")
        .into_iter()
        .map(|row| (row["name"].to_string(), row["tags"].clone()))
        .collect();
    let permissions: BTreeSet<String> = listed(&lab, "list permissions")
        .iter()
        .map(|row| {
            format!("{} {} {} {} {}", row["user"], row["vhost"], row["configure"], row["write"], row["read"])
        })
        .collect();
    let mut expected = BTreeSet::new();
    for account in all("accounts") {
        assert_eq!(users.get(&account["name"].to_string()), Some(&account["tags"]), "{account}");
        for vhost in account["vhosts"].as_array().unwrap() {
            let may = &account["may"];
            expected.insert(format!("{} {vhost} {} {} {}", account["name"], may[0], may[1], may[2]));
        }
    }
    assert_eq!(permissions, expected);
}

#[test]
#[ignore = "needs rabbitmqadmin: tests/cli/rabbitmqadmin"]
fn rabbitmqadmin_shows_tables_sorts_and_is_refused_in_its_own_words() {
    let lab = Lab::start(&small());
    let dump = lab.sim.dump_broker();
    // Its own tables need each cell to be there.
    for kind in ["queues", "nodes", "connections", "exchanges", "bindings", "vhosts", "users", "permissions"]
    {
        let output = rabbitmqadmin(&lab, "admin", &format!("-f tsv list {kind} name"));
        assert_eq!(output.code, Some(0), "{kind}: {output:#?}");
        assert!(output.stdout.lines().count() > 1, "{kind}: {output:#?}");
    }
    let overview = rabbitmqadmin(&lab, "admin", "show overview");
    assert_eq!(overview.code, Some(0), "{overview:#?}");
    let queues = dump["queues"].as_array().unwrap();
    let ready: u64 = queues.iter().map(|row| row["ready"].as_u64().unwrap()).sum();
    for words in ["3.10.8", "rabbit@ctl01", &queues.len().to_string(), &ready.to_string()] {
        assert!(overview.stdout.contains(words), "{words}: {}", overview.stdout);
    }
    let sorted = listed(&lab, "-S messages -R list queues name messages");
    let depths: Vec<u64> = sorted.iter().map(|row| row["messages"].as_u64().unwrap()).collect();
    assert!(depths.is_sorted_by(|a, b| a >= b) && depths[0] > 0, "{depths:?}");
    let refused = rabbitmqadmin(&lab, "openstack", "list queues");
    assert!(
        refused.code == Some(1) && refused.stderr.contains("Access refused: /api/queues"),
        "{refused:#?}"
    );
    let missing = rabbitmqadmin(&lab, "admin", "-V nope list queues");
    assert!(
        missing.code == Some(1) && missing.stderr.contains("Not found: /api/queues/nope"),
        "{missing:#?}"
    );
}

/// What oslo.messaging's driver does with kombu, and what a passive reader does.
const KOMBU: &str = r#"
import json, socket, sys
import amqp.exceptions, kombu
url = sys.argv[1]
said = {}
with kombu.Connection(url, login_method="AMQPLAIN", heartbeat=60) as connection:
    connection.connect()
    channel = connection.channel()
    ok = channel.queue_declare("conductor", passive=True)
    said["conductor"] = [ok.message_count, ok.consumer_count]
    try:
        channel.queue_declare("nope", passive=True)
    except amqp.exceptions.NotFound as error:
        said["missing"] = [error.reply_code, error.reply_text]
    channel = connection.channel()
    exchange = kombu.Exchange("nova", type="topic", durable=False, channel=channel, passive=True)
    queue = kombu.Queue("", exchange=exchange, routing_key="versioned_notifications.info", exclusive=True,
                        auto_delete=True, queue_arguments={"x-max-length": 100, "x-overflow": "drop-head"})
    got = []
    def hear(body, message):
        got.append(json.loads(message.body)["oslo.version"])
        message.ack()
    with kombu.Consumer(channel, queue, callbacks=[hear]) as consumer:
        consumer.qos(prefetch_count=5)
        while len(got) < 12:
            connection.drain_events(timeout=30)
            connection.heartbeat_check()
    said["got"] = len(got)
try:
    kombu.Connection(url.replace("simulated@", "wrong@")).connect()
except amqp.exceptions.AccessRefused as error:
    said["refused"] = error.reply_code
print(json.dumps(said))
"#;

#[test]
#[ignore = "needs Debian's python3-kombu, which every OpenStack service brings"]
fn kombu_looks_binds_and_consumes() {
    let lab = Lab::start(&Options { scenario: "healthy".to_owned(), speed: 20.0, ..small() });
    let mut command = Command::new(PYTHON);
    let url = lab.sim.broker_url().replacen("rabbit://", "pyamqp://", 1);
    command.args(["-I", "-c", KOMBU, &url]);
    let output = run(&mut command, "");
    let said: Json =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    assert_eq!(said["conductor"], json!([0, 12]));
    assert_eq!(said["missing"], json!([404, "NOT_FOUND - no queue 'nope' in vhost 'openstack'"]));
    assert!(said["got"].as_u64() >= Some(12), "{said}");
    assert_eq!(said["refused"], 403);
}
