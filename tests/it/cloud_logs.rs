//! The real services' logs, on screen while they are written.

use std::time::Duration;

use serde_json::json;

use crate::support::cloud::{Api, Cloud, Dashboard, Server, cloud_tests, until};

cloud_tests![
    the_lines_of_a_new_instance_appear_as_they_are_written_and_all_of_them,
    from_a_build_that_failed_to_its_cause_in_two_keys,
];

const PATIENCE: Duration = Duration::from_secs(60);

/// The services' logs, which lie in no place where packages put them.
fn settings() -> String {
    let log = Cloud::get().clouds_yaml().with_file_name("log");
    format!("[[logs]]\npath = '{}'\n", log.display())
}

const SERVICES: [&str; 6] =
    ["nova-api", "nova-scheduler", "nova-conductor", "neutron-server", "placement-api", "glance-api"];

/// Records in all logs that name this instance: lines that begin with a time and go on with none.
fn naming(id: &str) -> usize {
    let cloud = Cloud::get();
    let computes = (1..=4).map(|n| format!("nova-compute-cmp{n:02}"));
    let services = SERVICES.iter().map(|name| (*name).to_owned()).chain(computes);
    services.map(|service| cloud.log_of(&service).lines().filter(|line| line.contains(id)).count()).sum()
}

fn the_lines_of_a_new_instance_appear_as_they_are_written_and_all_of_them() {
    let api = Api::new("admin");
    let server = Server::create(&api, &json!({}));
    let mut dashboard = Dashboard::open_with("admin", &settings(), "logs");
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
    let mut dashboard = Dashboard::open_with("admin", &settings(), "instances");
    // Trouble stands first; it is not the only one that failed.
    dashboard.wait_for("the instances", PATIENCE, |screen| screen.contains(&failed.name));
    dashboard.press(&format!("/{}\r", failed.name));
    dashboard.wait_for("it alone", PATIENCE, |screen| screen.contains("1 of "));
    dashboard.press("t");
    dashboard.wait_for("its cause", PATIENCE, |screen| {
        screen.contains("failed after") && screen.contains("No valid host")
    });
    dashboard.press("\r");
    dashboard.wait_for("the line", PATIENCE, |screen| screen.contains("where it stands"));
}
