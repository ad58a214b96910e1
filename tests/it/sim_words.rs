//! `sim`, `demo` and `--cloud demo`: what the words print, take and leave behind.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::pty::{Ended, Pty};
use crate::support::sim::Serving;
use crate::support::stub::{Run, command, run};

fn alone(args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run(command(dir.path(), args))
}

#[test]
fn a_simulated_cloud_serves_any_client_until_a_signal_and_takes_its_files_away() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let dir = tempfile::tempdir().unwrap();
        let mut serving = Serving::start(dir.path(), &["--hypervisors", "5", "--instances", "30"]);
        assert!(dir.path().join("cloud/log").is_dir() && dir.path().join("cloud/stackwatch.toml").exists());
        for (entry, table, count, code) in [
            ("admin", "hypervisors", 5, 0),
            ("appcred", "hypervisors", 5, 0),
            // A member may not see them.
            ("member", "hypervisors", 0, 3),
        ] {
            let mut command = command(dir.path(), &["show", table, "--cloud", entry, "-o", "json"]);
            command.env("OS_CLIENT_CONFIG_FILE", dir.path().join("cloud/clouds.yaml"));
            let run = run(command);
            assert_eq!(run.code, code, "{run:#?}");
            assert_eq!(run.json()["rows"].as_array().unwrap().len(), count, "{entry}");
        }
        // Its settings name the cloud, and its broker.
        for (table, count) in [("hypervisors", 5), ("nodes", 3)] {
            let args = ["show", table, "--config", "cloud/stackwatch.toml", "-o", "json"];
            let mut command = command(dir.path(), &args);
            command.env("OS_CLIENT_CONFIG_FILE", dir.path().join("cloud/clouds.yaml"));
            let run = run(command);
            assert_eq!((run.code, run.json()["rows"].as_array().map(Vec::len)), (0, Some(count)), "{run:#?}");
        }
        assert_eq!(serving.end(signal), Some(code));
        let left: Vec<_> = std::fs::read_dir(dir.path().join("cloud")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn what_cannot_be_is_said_before_anything_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, parts) in [
        (&["sim", "--hypervisors", "1000000"][..], &["1000000 hypervisors are too many: at most 20000"][..]),
        (&["sim", "--instances", "9999999", "--hypervisors", "20000"], &["are too many: at most 200000"]),
        (&["sim", "--hypervisors", "0", "--instances", "1"], &["do not fit on 0 hypervisors"]),
        (&["sim", "--hypervisors", "2", "--instances", "500"], &["at most 200 on each"]),
        (&["sim", "--hypervisors", "-1"], &["'-1'"]),
        (&["sim", "--hypervisors", "many"], &["invalid value 'many'"]),
        (&["sim", "--speed", "-1"], &["'-1'"]),
        (&["sim", "--speed", "1e9"], &["a speed of 1000000000 is out of bounds"]),
        (&["sim", "--scenario", "incidnet"], &["no scenario `incidnet`; did you mean `incident`?"]),
        (&["sim", "--scenario", "gone.toml"], &["cannot read the scenario gone.toml"]),
        (&["sim", "--port", &port], &["keystone cannot listen on port", "another --port"]),
        (&["sim", "--port", "65533"], &["leaves no room for eight services"]),
        (&["sim", "--dir", "/proc/nowhere"], &["cannot write /proc/nowhere"]),
        (&["show", "hypervisors", "--cloud", "demo:healty"], &["did you mean `healthy`?"]),
        (&["demo"], &["the dashboard needs a terminal"]),
    ] {
        let run = alone(args);
        assert_eq!(run.code, 2, "{run:#?}");
        run.says(parts);
    }
}

#[test]
fn any_size_from_nothing_up_is_a_cloud() {
    for (hypervisors, instances) in [("0", "0"), ("1", "0"), ("1", "1"), ("3", "200")] {
        let dir = tempfile::tempdir().unwrap();
        let sizes = ["--hypervisors", hypervisors, "--instances", instances, "--speed", "0"];
        let _serving = Serving::start(dir.path(), &sizes);
        for (table, count) in [("hypervisors", hypervisors), ("instances", instances)] {
            let mut command = command(dir.path(), &["show", table, "--cloud", "admin", "-o", "json"]);
            command.env("OS_CLIENT_CONFIG_FILE", dir.path().join("cloud/clouds.yaml"));
            let run = run(command);
            assert_eq!(run.code, 0, "{run:#?}");
            let rows = run.json()["rows"].as_array().unwrap().len();
            let wanted: usize = count.parse().unwrap();
            // The prelude has moved the number of instances a little.
            assert!(rows.abs_diff(wanted) <= wanted / 20 + 5, "{rows} {table} of {wanted}");
        }
    }
}

#[test]
fn two_simulated_clouds_stand_beside_each_other() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _first = Serving::start(one.path(), &["--hypervisors", "2", "--instances", "5"]);
    let _second = Serving::start(other.path(), &["--hypervisors", "3", "--instances", "5"]);
    for (dir, count) in [(&one, 2), (&other, 3)] {
        let mut command = command(dir.path(), &["show", "hypervisors", "--cloud", "admin", "-o", "json"]);
        command.env("OS_CLIENT_CONFIG_FILE", dir.path().join("cloud/clouds.yaml"));
        assert_eq!(run(command).json()["rows"].as_array().unwrap().len(), count);
    }
}

#[test]
fn somebody_elses_clouds_yaml_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("clouds.yaml"), "clouds: {}\n").unwrap();
    let run = run(command(dir.path(), &["sim", "--dir", "."]));
    assert_eq!(run.code, 2);
    run.says(&["clouds.yaml is there and was not written by a simulated cloud"]);
}

#[test]
fn words_that_read_a_cloud_take_the_embedded_one_by_name() {
    let hypervisors = alone(&["show", "hypervisors", "--cloud", "demo", "-o", "json"]).json();
    assert_eq!(hypervisors["rows"].as_array().unwrap().len(), 40);
    assert_eq!(hypervisors["cloud"], "DEMO");
    let down = |cloud: &str| {
        let run = alone(&["show", "hypervisors", "--cloud", cloud, "--filter", "state=down", "-o", "json"]);
        run.json()["rows"].as_array().unwrap().len()
    };
    assert_eq!(down("demo:incident"), 1);
    assert_eq!(down("demo:healthy"), 0);
    let doctor = alone(&["doctor", "--cloud", "demo"]);
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    assert!(doctor.out.contains("a simulated cloud, scenario incident"), "{doctor:#?}");
}

#[test]
fn a_cloud_of_that_name_is_meant_before_the_embedded_one() {
    let dir = tempfile::tempdir().unwrap();
    let _serving = Serving::start(dir.path(), &["--hypervisors", "2", "--instances", "5"]);
    let clouds = std::fs::read_to_string(dir.path().join("cloud/clouds.yaml")).unwrap();
    std::fs::write(dir.path().join("clouds.yaml"), clouds.replace("  admin:", "  demo:")).unwrap();
    let count = |cloud: &str| {
        let run = run(command(dir.path(), &["show", "hypervisors", "--cloud", cloud, "-o", "json"]));
        run.json()["rows"].as_array().unwrap().len()
    };
    assert_eq!(count("demo"), 2);
    assert_eq!(count("demo:incident"), 40, "with a scenario only the embedded one can be meant");
}

#[test]
fn with_the_clock_frozen_two_runs_give_the_same_frames() {
    for (pane, keys) in
        [("hypervisors", ""), ("hypervisors", "<enter>"), ("instances", ""), ("instances", "Ge")]
    {
        let frame = || {
            let clock = ["--clock", "2026-11-23T18:50:10Z", "--size", "160x50"];
            let run = alone(&[&["screen", pane, "--cloud", "demo", "--keys", keys][..], &clock].concat());
            assert_eq!(run.code, 0, "{run:#?}");
            run.out
        };
        let first = frame();
        assert!(first.contains("DEMO"), "{first}");
        assert_eq!(first, frame(), "{pane} {keys}");
    }
}

/// Rows of the list of instances from the top: what stands under ID and STATUS.
fn listed(rows: &[String]) -> Vec<(String, String)> {
    // Names may take two cells a letter, so words are counted: the id is the one of eight hex digits.
    let is_id = |word: &&str| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    let found = rows.iter().filter_map(|row| {
        let mut words = row.split_whitespace().skip_while(|word| !is_id(word));
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    found.collect()
}

/// One seed tells one story: this one's has all three between twenty and forty seconds after its beginning.
const SEED: &str = "12";

#[test]
fn what_was_asked_over_amqp_is_listed_with_what_was_asked_over_http() {
    let home = tempfile::tempdir().unwrap();
    let env = [("HOME", home.path().to_str().unwrap())];
    let mut pty = Pty::start(&["demo", "--hypervisors", "5", "--instances", "20"], &env, (130, 60));
    pty.see("DEMO");
    pty.press(":sources<enter>");
    let asked = |screen: &str, service: &str| {
        screen.lines().filter_map(|line| line.trim().strip_prefix(service)).any(|rest| {
            let mut words = rest.split_whitespace();
            words.next().is_some_and(|n| n.parse::<u64>().is_ok_and(|n| n > 0))
                && words.next() == Some("requests")
        })
    };
    pty.wait_for(Duration::from_secs(30), "both ways to the broker", |screen| {
        asked(&screen.text(), "rabbitmq ") && asked(&screen.text(), "amqp ")
    });
}

#[test]
fn the_demo_opens_says_that_it_is_one_and_shows_instances_being_born_fail_and_die() {
    let home = tempfile::tempdir().unwrap();
    let env = [("HOME", home.path().to_str().unwrap())];
    let mut pty = Pty::start(&["demo", "--seed", SEED, "--pane", "instances"], &env, (130, 200));
    pty.see("DEMO");
    pty.see(" of 1,0");
    // The youngest first.
    pty.press(":sort -created<enter>");
    pty.see("AGE↓");
    pty.press("<home>");
    pty.wait_for(Duration::from_secs(30), "a youngest instance of seconds", |screen| {
        screen.rows().iter().any(|row| row.contains("BUILD") && row.trim_end().ends_with('s'))
    });
    let first = listed(&pty.screen().rows());
    assert!(first.len() > 100, "{first:?}");
    let before: BTreeMap<String, String> = first.iter().cloned().collect();
    let seen = RefCell::new(BTreeSet::new());
    pty.wait_for(Duration::from_secs(200), "an instance born, one failed, one gone", |screen| {
        let rows = listed(&screen.rows());
        let now: BTreeMap<String, String> = rows.iter().cloned().collect();
        let mut seen = seen.borrow_mut();
        for (id, status) in &now {
            match (status.as_str(), before.get(id).map(String::as_str)) {
                ("ACTIVE", None | Some("BUILD")) => seen.insert("born"),
                ("ERROR", None | Some("BUILD")) => seen.insert("failed"),
                _ => false,
            };
        }
        // Rows only move down while younger ones come: what is missing above one that is still there has died.
        let last = first.iter().rposition(|(id, _)| now.contains_key(id)).unwrap_or(0);
        if rows.len() > 100 && first[..last].iter().any(|(id, _)| !now.contains_key(id)) {
            seen.insert("died");
        }
        seen.len() == 3
    });
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "something is left behind: {left:?}");
}
