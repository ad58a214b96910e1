//! The broker, and who is on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{BACK, DOWN, SOON, alone, line, text, unreachable};
use crate::support::cloud::{Cloud, Dashboard, cloud_tests, until};
use serde_json::Value as Json;

cloud_tests![
    a_killed_nova_compute_is_named_by_its_queue_before_nova_calls_it_down,
    a_broker_that_stops_leaves_old_queues_with_reason_and_age_and_comes_back,
    a_memory_alarm_is_said_with_the_node_that_raised_it,
    without_the_management_plugin_amqp_tells_the_same_of_the_queues_that_must_be_there,
];

/// The row of a queue, as a script gets it.
fn queue(cloud: &Cloud, name: &str) -> Json {
    let filter = format!("name={name}");
    let output =
        cloud.stackwatch_with_broker("admin", &["show", "queues", "--filter", &filter, "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    output.json()["rows"][0].clone()
}

fn open() -> Dashboard {
    let mut dashboard = Dashboard::open_with_broker("admin", "rabbitmq");
    // There are more queues than lines.
    dashboard.press("/compute\r");
    dashboard.wait_for("the queues", SOON, |screen| line(screen, "compute.cmp01").is_some());
    dashboard
}

fn a_killed_nova_compute_is_named_by_its_queue_before_nova_calls_it_down() {
    let (cloud, _alone) = alone();
    let dashboard = open();
    assert_eq!(queue(cloud, "compute.cmp01")["consumers"], 1);
    let fault = cloud.fault(&["kill", "nova-compute-cmp01"]);
    let lost = until("the queue without its consumer", SOON, || {
        Some(queue(cloud, "compute.cmp01")).filter(|row| row["consumers"] == 0)
    });
    assert_eq!((text(&lost["host"]), text(&lost["verdict"])), ("cmp01".into(), "critical".into()));
    // nova does not know yet.
    let reason = text(&lost["reason"]);
    let expected = "nova-compute on cmp01 is off the bus; service list says up";
    assert!(reason.contains(expected) && reason.contains("restart nova-compute there"), "{reason}");
    dashboard.wait_for("the queue, and what it means", SOON, |screen| {
        line(screen, "✖ compute.cmp01 ").is_some_and(|row| row.contains("no consumer"))
            && screen.contains("nova-compute on cmp01 is off the bus")
    });
    fault.and(&["undo"]);
    dashboard.wait_for("its consumer again", BACK, |screen| {
        line(screen, "compute.cmp01 ").is_some_and(|row| row.contains('●'))
    });
}

fn a_broker_that_stops_leaves_old_queues_with_reason_and_age_and_comes_back() {
    let (cloud, _alone) = alone();
    let dashboard = open();
    let fault = cloud.fault(&["stop", "rabbitmq"]);
    let nobody = unreachable("rabbitmq", "rabbitmq-management");
    let screen = dashboard.wait_for("the reason, the age and the next try", DOWN, |screen| {
        let said = line(screen, "queues as of").unwrap_or_default();
        said.contains(" ago") && said.contains("next try in") && said.contains(&nobody)
    });
    assert!(screen.contains("◌ rabbit") && screen.contains("compute.cmp01"), "nothing is lost: {screen}");
    let output = cloud.stackwatch_with_broker("admin", &["show", "queues", "-o", "json"]);
    assert_eq!((output.code, output.json()["errors"][0]["kind"].clone()), (Some(3), "unreachable".into()));
    fault.and(&["start", "rabbitmq"]);
    dashboard.wait_for("fresh queues", BACK, |screen| {
        line(screen, "compute.cmp01").is_some()
            && !screen.contains("queues as of")
            && !screen.contains("◌ rabbit")
    });
}

/// A memory alarm that is in effect until this is dropped.
struct Alarm(&'static Cloud);

impl Alarm {
    fn raise(cloud: &'static Cloud) -> Self {
        let output = cloud.rabbitmqctl(&["set_vm_memory_high_watermark", "0"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        Self(cloud)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]);
    }
}

fn a_memory_alarm_is_said_with_the_node_that_raised_it() {
    let (cloud, _alone) = alone();
    let dashboard = open();
    let alarm = Alarm::raise(cloud);
    dashboard.wait_for("the alarm", SOON, |screen| {
        screen.contains("memory alarm on stackwatch@localhost: whoever publishes to cloud is blocked")
    });
    drop(alarm);
    dashboard.wait_for("no alarm", BACK, |screen| screen.contains("alarms none"));
}

/// The management plugin is off until this is dropped.
struct Unplugged(&'static Cloud);

impl Unplugged {
    fn pull(cloud: &'static Cloud) -> Self {
        let output = cloud.rabbitmq("rabbitmq-plugins", &["disable", "rabbitmq_management"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        Self(cloud)
    }
}

impl Drop for Unplugged {
    fn drop(&mut self) {
        self.0.rabbitmq("rabbitmq-plugins", &["enable", "rabbitmq_management"]);
    }
}

/// Name, ready messages and consumers, as the broker's own command has them.
fn told(cloud: &Cloud) -> BTreeMap<String, (i64, i64)> {
    let vhost = cloud.env("RABBIT_VHOST");
    let words = ["list_queues", "-p", &vhost, "--formatter", "json", "name", "messages_ready", "consumers"];
    let rows = cloud.rabbitmqctl(&words).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (text(&row["name"]), (row["messages_ready"].as_i64().unwrap(), row["consumers"].as_i64().unwrap()))
    })
    .collect()
}

fn without_the_management_plugin_amqp_tells_the_same_of_the_queues_that_must_be_there() {
    let (cloud, _alone) = alone();
    let dashboard = open();
    let unplugged = Unplugged::pull(cloud);
    // Messages come and go within milliseconds: a queue agrees when it does once.
    let mut differ = BTreeMap::new();
    let mut names = BTreeSet::new();
    until("the same figures of all of them", SOON, || {
        let before = told(cloud);
        let output = cloud.stackwatch_with_broker("admin", &["show", "queues", "-o", "json"]);
        assert_eq!(output.code, Some(3), "{output:#?}");
        assert!(output.stderr.contains("AMQP tells ready messages and consumers of"), "{output:#?}");
        names.clear();
        differ.clear();
        for row in output.json()["rows"].as_array().unwrap() {
            let name = text(&row["name"]);
            assert_eq!((&row["unacked"], &row["memory"]), (&Json::Null, &Json::Null), "{row}");
            let counts = (row["ready"].as_i64().unwrap(), row["consumers"].as_i64().unwrap());
            if before[&name] != counts {
                differ.insert(name.clone(), (before[&name], counts));
            }
            names.insert(name);
        }
        differ.is_empty().then_some(())
    });
    for (topic, hosts) in [
        ("compute", &["cmp01", "cmp02", "cmp03", "cmp04"][..]),
        ("conductor", &["ctl01"]),
        ("scheduler", &["ctl01"]),
        ("dhcp_agent", &["net01"]),
        ("l3_agent", &["net01"]),
        ("q-plugin", &[]),
    ] {
        assert!(names.contains(topic), "{topic} is not in {names:?}");
        for host in hosts {
            assert!(names.contains(&format!("{topic}.{host}")), "{topic}.{host} is not in {names:?}");
        }
    }
    dashboard.wait_for("queues by AMQP, and why", DOWN, |screen| {
        screen.contains("AMQP tells ready messages") && line(screen, "compute.cmp01").is_some()
    });
    // A host that leaves the bus is seen this way too.
    let fault = cloud.fault(&["kill", "nova-compute-cmp02"]);
    dashboard.wait_for("the queue, and what it means", SOON, |screen| {
        line(screen, "✖ compute.cmp02 ").is_some_and(|row| row.contains("no consumer"))
    });
    // The cloud's own scripts ask the plugin whether the broker is up.
    drop(unplugged);
    dashboard.wait_for("the whole list again", BACK, |screen| {
        !screen.contains("AMQP tells ready messages") && line(screen, "compute_fano").is_some()
    });
    fault.and(&["undo"]);
    dashboard.wait_for("its consumer again", BACK, |screen| {
        line(screen, "compute.cmp02 ").is_some_and(|row| row.contains('●'))
    });
}
