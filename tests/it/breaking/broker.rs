//! The broker, and who is on it.

use super::{BACK, DOWN, SOON, alone, line, text, unreachable};
use crate::support::cloud::{Cloud, Dashboard, cloud_tests, until};
use serde_json::Value as Json;

cloud_tests![
    a_killed_nova_compute_is_named_by_its_queue_before_nova_calls_it_down,
    a_broker_that_stops_leaves_old_queues_with_reason_and_age_and_comes_back,
    a_memory_alarm_is_said_with_the_node_that_raised_it,
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
    let dashboard = Dashboard::open_with_broker("admin", "rabbitmq");
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
