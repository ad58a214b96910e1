//! The real services' logs, on screen while they are written.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::support::cloud::{Api, Cloud, Dashboard, Server, cloud_tests, until};

cloud_tests![
    the_lines_of_a_new_instance_appear_as_they_are_written_and_all_of_them,
    from_a_build_that_failed_to_its_cause_in_two_keys,
    the_steps_of_a_trace_are_when_and_where_nova_says_that_they_were,
];

const PATIENCE: Duration = Duration::from_secs(60);

const SERVICES: [&str; 6] =
    ["nova-api", "nova-scheduler", "nova-conductor", "neutron-server", "placement-api", "glance-api"];

/// Records in all logs that name this instance: lines that begin with a time and go on with none. Those that our own
/// questions caused (nova asks neutron for the ports of what we list) are left out on screen, too.
fn naming(id: &str) -> usize {
    let cloud = Cloud::get();
    let is_own = |line: &str| line.contains("req-57ac3a7c-");
    let computes = (1..=4).map(|n| format!("nova-compute-cmp{n:02}"));
    let services = SERVICES.iter().map(|name| (*name).to_owned()).chain(computes);
    services
        .map(|service| {
            cloud.log_of(&service).lines().filter(|line| line.contains(id) && !is_own(line)).count()
        })
        .sum()
}

fn the_lines_of_a_new_instance_appear_as_they_are_written_and_all_of_them() {
    let api = Api::new("admin");
    let server = Server::create(&api, &json!({}));
    let mut dashboard = Dashboard::open_with("admin", &Cloud::get().log_settings(), "logs");
    dashboard.press(&format!("/{}\r", server.id));
    dashboard
        .wait_for("the build's last line", PATIENCE, |screen| screen.contains("seconds to build instance"));
    // Nobody asks for it any more, so its lines come to an end: each stands there once.
    until("every line is shown once", PATIENCE, || {
        let count = naming(&server.id);
        let words = if count == 1 { "1 record in".to_owned() } else { format!("{count} records in") };
        dashboard.screen().contents().contains(&words).then_some(())
    });
    dashboard.press("\x1b");
    dashboard.wait_for("what stands around it", PATIENCE, |screen| {
        !screen.contains(&format!("   /{}", server.id))
    });
}

fn from_a_build_that_failed_to_its_cause_in_two_keys() {
    let api = Api::new("admin");
    let failed = Server::create(&api, &json!({ "availability_zone": "nova:no-such-host" }));
    failed.wait_for("ERROR");
    let mut dashboard = Dashboard::open_with("admin", &Cloud::get().log_settings(), "instances");
    // Trouble stands first; it is not the only one that failed.
    dashboard.wait_for("the instances", PATIENCE, |screen| screen.contains(&failed.name));
    dashboard.press(&format!("/{}\r", failed.name));
    dashboard.wait_for("it alone", PATIENCE, |screen| screen.contains("1 of "));
    dashboard.press("t");
    dashboard.wait_for("its cause", PATIENCE, |screen| {
        screen.contains("failed after") && screen.contains("No valid host")
    });
    dashboard.press("d");
    dashboard.wait_for("the line", PATIENCE, |screen| screen.contains("where it stands"));
    // And the log around it, one key from there.
    dashboard.press("\x1b");
    dashboard.wait_for("the trace again", PATIENCE, |screen| !screen.contains("where it stands"));
    dashboard.press("\r");
    dashboard.wait_for("the log around it", PATIENCE, |screen| {
        screen.contains("nova-conductor.log") && screen.contains("NoValidHost")
    });
}

/// The steps of the request of an action: name, host, and when in seconds.
fn steps(trace: &Json, action: &Json) -> Vec<(String, String, f64)> {
    let requests = trace["requests"].as_array().unwrap();
    let request = requests.iter().find(|request| request["request_id"] == action["request_id"]);
    let request = request.unwrap_or_else(|| panic!("no {action} in {trace}"));
    let text = |step: &Json, key: &str| step[key].as_str().unwrap().to_owned();
    let at = |step: &Json| text(step, "at").parse::<Timestamp>().unwrap().as_millisecond() as f64 / 1e3;
    let steps = request["steps"].as_array().unwrap().iter();
    steps.map(|step| (text(step, "name"), text(step, "host"), at(step))).collect()
}

/// Nova's times are UTC, and cut to seconds.
fn nova_time(time: &Json) -> f64 {
    let time: DateTime = time.as_str().unwrap().parse().unwrap();
    TimeZone::UTC.to_timestamp(time).unwrap().as_second() as f64
}

fn the_steps_of_a_trace_are_when_and_where_nova_says_that_they_were() {
    let api = Api::new("admin");
    let net = api.id_of("network", "/v2.0/networks", "networks", "admin-net");
    let built = Server::create(&api, &json!({ "networks": [{ "uuid": net }] }));
    let failed = Server::create(&api, &json!({ "availability_zone": "nova:no-such-host" }));
    built.wait_for("ACTIVE");
    failed.wait_for("ERROR");
    let log = Cloud::get().clouds_yaml().with_file_name("log").display().to_string();
    for (server, begins, ends, event, result) in [
        (&built, "accepted", "active", "compute__do_build_and_run_instance", "Success"),
        (&failed, "accepted", "no valid host", "conductor_schedule_and_build_instances", "Error"),
    ] {
        let path = format!("/servers/{}/os-instance-actions", server.id);
        let action = api.get("compute", &path)["instanceActions"][0].clone();
        assert_eq!(action["action"], "create");
        let path = format!("{path}/{}", action["request_id"].as_str().unwrap());
        let events = || api.get("compute", &path)["instanceAction"]["events"].clone();
        let event = until("nova's word that it is over", PATIENCE, || {
            let events = events();
            let event = events.as_array()?.iter().find(|found| found["event"] == event)?.clone();
            (!event["finish_time"].is_null()).then_some(event)
        });
        assert_eq!(event["result"], result, "{event}");
        let words = ["trace", &server.id, "--log", &log, "-o", "json"];
        let trace = Cloud::get().stackwatch("admin", &words).json();
        let steps = steps(&trace, &action);
        let (first, last) = (steps.first().unwrap(), steps.last().unwrap());
        assert_eq!((&*first.0, &*last.0), (begins, ends), "{steps:?}");
        // The API writes its line when it has answered.
        assert!(first.2 >= nova_time(&action["start_time"]), "{first:?} {action}");
        // The event of a build that found no host is begun when it is over.
        let begun = if result == "Error" { &action["start_time"] } else { &event["start_time"] };
        let (from, to) = (nova_time(begun), nova_time(&event["finish_time"]) + 2.0);
        assert!((from..to).contains(&last.2), "{last:?} {event}");
        if result == "Success" {
            let server = api.get("compute", &format!("/servers/{}", server.id))["server"].clone();
            let on: Vec<_> = steps
                .iter()
                .filter(|(name, ..)| matches!(&**name, "claimed" | "spawned" | "active"))
                .collect();
            assert_eq!(on.len(), 3, "{steps:?}");
            assert!(
                on.iter()
                    .all(|(_, host, at)| *host == server["OS-EXT-SRV-ATTR:host"] && (from..to).contains(at)),
                "{on:?} {event}"
            );
            // That the port is plugged neutron says by itself, maybe later: these two are part of building.
            let is_there = |name: &str| steps.iter().any(|(step, ..)| step == name);
            assert!(is_there("allocated") && is_there("port made"), "{steps:?}");
        } else {
            let failure = &trace["failure"];
            assert_eq!(failure["request_id"], action["request_id"]);
            assert!(failure["words"].as_str().unwrap().contains("NoValidHost"), "{failure}");
        }
    }
}
