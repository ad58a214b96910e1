//! The simulated cloud's own logs, read as an operator's are: what it says happened to an instance is what a trace
//! of its logs tells.

use std::path::Path;

use serde_json::Value as Json;

use crate::support::pty::Pty;
use crate::support::sim::Serving;
use crate::support::stub::{Run, command, run};

/// `trace` over the logs of a cloud that serves, with its API.
fn trace(dir: &Path, words: &[&str]) -> Run {
    let args: Vec<&str> =
        ["trace"].iter().chain(words).chain(&["--log", "cloud/log", "--cloud", "admin"]).copied().collect();
    let mut command = command(dir, &args);
    command.env("OS_CLIENT_CONFIG_FILE", dir.join("cloud/clouds.yaml"));
    command.env("TZ", "UTC");
    run(command)
}

fn instances(dir: &Path, filter: &str) -> Vec<Json> {
    let args = ["show", "instances", "--filter", filter, "--cloud", "admin", "-o", "json"];
    let mut command = command(dir, &args);
    command.env("OS_CLIENT_CONFIG_FILE", dir.join("cloud/clouds.yaml"));
    run(command).json()["rows"].as_array().unwrap().clone()
}

fn steps(trace: &Json, action: &str) -> Vec<String> {
    let requests = trace["requests"].as_array().unwrap();
    let request = requests.iter().find(|request| request["action"] == action);
    let request = request.unwrap_or_else(|| panic!("no {action} in {requests:#?}"));
    request["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_became_of_instances_is_told_by_their_logs() {
    let dir = tempfile::tempdir().unwrap();
    let _serving = Serving::start(dir.path(), &["--scenario", "incident", "--speed", "0"]);
    // Those that were born while the story was told, by whether they live.
    let mut alive = 0;
    for instance in instances(dir.path(), "status=ACTIVE") {
        let id = instance["id"].as_str().unwrap();
        let run = trace(dir.path(), &[id, "-o", "json"]);
        let document = if run.code == 1 { continue } else { run.json() };
        let requests = document["requests"].as_array().unwrap();
        if !requests.iter().any(|request| request["action"] == "create" && request["end"] == "done") {
            continue;
        }
        let steps = steps(&document, "create");
        for step in ["accepted", "allocated", "claimed", "port made", "plugged", "spawned", "active"] {
            assert!(steps.iter().any(|taken| taken == step), "{id} has no {step}: {steps:?}");
        }
        // What neutron and nova say of it is what `show` says of it.
        let known = document["known"].as_array().unwrap();
        let port = known.iter().find(|fact| fact["what"] == "port").unwrap_or_else(|| panic!("{known:#?}"));
        assert_eq!((&port["host"], &port["vif_type"]), (&instance["host"], &Json::from("ovs")), "{port:#}");
        let places = known.iter().filter(|fact| fact["what"] == "host" || fact["what"] == "migration");
        assert!(places.count() > 0 && known.iter().any(|fact| fact["what"] == "image"), "{known:#?}");
        assert_eq!((&document["deleted"], &document["errors"]), (&Json::from(false), &serde_json::json!([])));
        let rows = document["rows"].as_array().unwrap();
        let is_poll =
            |row: &Json| row["message"].as_str().is_some_and(|words| words.contains("/servers/detail"));
        assert!(!rows.iter().any(is_poll), "{id} has somebody's poll");
        alive += 1;
        if alive == 3 {
            break;
        }
    }
    assert_eq!(alive, 3);
}

#[test]
fn a_build_that_failed_is_told_with_its_host_and_what_libvirt_said() {
    let dir = tempfile::tempdir().unwrap();
    let _serving = Serving::start(dir.path(), &["--scenario", "noisy-neighbour", "--speed", "0"]);
    let failed = instances(dir.path(), "status=ERROR");
    let told = failed.iter().find_map(|instance| {
        let run = trace(dir.path(), &[instance["id"].as_str().unwrap(), "-o", "json"]);
        (run.code == 0).then(|| run.json()).filter(|document| !document["failure"].is_null())
    });
    let told = told.unwrap_or_else(|| panic!("none of {} failed instances has a failure", failed.len()));
    let words = told["failure"]["words"].as_str().unwrap();
    assert!(words.starts_with("Instance failed to spawn: libvirt.libvirtError: "), "{words}");
    let row = usize::try_from(told["failure"]["row"].as_u64().unwrap()).unwrap();
    let row = &told["rows"][row];
    assert!(row["host"].as_str().unwrap().starts_with("cmp") && row["service"] == "nova-compute", "{row:#}");
    assert_eq!(steps(&told, "create").last().unwrap(), "allocation freed");
    assert!(!told["failure"]["signatures"].as_array().unwrap().is_empty());
}

#[test]
fn a_name_is_found_by_the_api_and_its_lines_come_as_they_stand_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let _serving = Serving::start(dir.path(), &["--scenario", "incident", "--speed", "0"]);
    let born = instances(dir.path(), "status=ACTIVE");
    let is_unique =
        |row: &&Json| instances(dir.path(), &format!("name={}", row["name"].as_str().unwrap())).len() == 1;
    let named = born.iter().rev().filter(is_unique).find_map(|instance| {
        let run = trace(dir.path(), &[instance["id"].as_str().unwrap(), "-o", "raw"]);
        (run.code == 0 && run.out.lines().count() > 5).then(|| (instance.clone(), run.out))
    });
    let (instance, raw) = named.expect("an instance with a story");
    let by_name = trace(dir.path(), &[instance["name"].as_str().unwrap(), "-o", "raw"]);
    assert_eq!((by_name.code, &by_name.out), (0, &raw));
    let mut texts = String::new();
    for host in std::fs::read_dir(dir.path().join("cloud/log")).unwrap() {
        for file in std::fs::read_dir(host.unwrap().path()).unwrap() {
            texts.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    let missing: Vec<&str> = raw.lines().filter(|line| !texts.lines().any(|known| known == *line)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let nobody = trace(dir.path(), &["nobody-is-called-so"]);
    assert_eq!(nobody.code, 1);
    nobody.says(&["no instance is called nobody-is-called-so"]);
}

/// From an instance under the cursor of the running dashboard: the cause is there, found by the settings alone.
#[test]
fn in_a_terminal_one_key_leads_from_a_failed_build_to_its_cause() {
    let dir = tempfile::tempdir().unwrap();
    let _serving = Serving::start(dir.path(), &["--scenario", "noisy-neighbour", "--speed", "0"]);
    let failed = instances(dir.path(), "status=ERROR").into_iter().find(|instance| {
        let run = trace(dir.path(), &[instance["id"].as_str().unwrap(), "-o", "json"]);
        run.code == 0 && !run.json()["failure"].is_null()
    });
    let failed = failed.expect("a build that failed");
    let clouds = dir.path().join("cloud/clouds.yaml");
    let settings = dir.path().join("cloud/stackwatch.toml");
    let args = ["--cloud", "admin", "--config", settings.to_str().unwrap(), "--pane", "instances"];
    let env = [("OS_CLIENT_CONFIG_FILE", clouds.to_str().unwrap()), ("TZ", "UTC"), ("LANG", "C.UTF-8")];
    let mut dashboard = Pty::start(&args, &env, (120, 40));
    dashboard.see(" instances · ");
    dashboard.press(&format!("/id={}<enter>", failed["id"].as_str().unwrap()));
    dashboard.see("1 of ");
    dashboard.press("t");
    let screen = dashboard.see("Instance failed to spawn: libvirt.libvirtError");
    for words in ["failed after", "nova-compute on cmp", "Next: "] {
        assert!(screen.contains(words), "{words}:\n{}", screen.text());
    }
    dashboard.press("d");
    dashboard.see("known as B1");
    // The log around it, from the file that it stands in.
    dashboard.press("q<enter>");
    dashboard.see("log around it");
    dashboard.see("▶ ");
    dashboard.press("qq");
    dashboard.see("1 of ");
}
