use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::sim::genesis::Plan;
use crate::sim::scenario::Scenario;
use crate::sim::story::World;

const OPENS: Time = Time(1_795_000_000_000);

/// What a world has written until it opened: each file by its host and service.
fn written(scenario: &str) -> (World, BTreeMap<(String, String), String>) {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path().to_owned(), 1);
    let scenario = Scenario::load(scenario).unwrap();
    let plan = Plan { hypervisors: 40, instances: 1_000, seed: 1 };
    let world = World::new(plan, &scenario, OPENS, vec![Box::new(logs)]);
    let mut files = BTreeMap::new();
    for host in fs::read_dir(dir.path()).unwrap() {
        let host = host.unwrap();
        for file in fs::read_dir(host.path()).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let service = name.strip_suffix(".log").unwrap().to_owned();
            let key = (host.file_name().into_string().unwrap(), service);
            files.insert(key, fs::read_to_string(file.path()).unwrap());
        }
    }
    (world, files)
}

#[test]
fn every_entry_is_of_a_step_that_there_is_and_names_what_there_is() {
    assert_eq!(ENTRIES.values().map(Vec::len).sum::<usize>(), 82);
    let known = [
        "accepted",
        "refused",
        "scheduled",
        "claimed",
        "spawned",
        "spawn-failed",
        "rescheduled",
        "finished",
        "no-valid-host",
        "no-candidates",
        "filtered-out",
        "image-saved",
        "volume-detached",
        "host-deaf",
        "host-hears",
        "host-silent",
        "host-back",
        "host-rebooted",
        "backend-silent",
        "node-lost",
        "node-back",
        "alarm",
        "alarm-over",
        "poll",
    ];
    for entry in ENTRIES.values().flatten() {
        let step = entry.on.split('/').next().unwrap_or_default();
        assert!(known.contains(&step), "{}", entry.on);
        for text in entry.trace.iter().chain([&entry.text]) {
            for name in facts::placeholders(text) {
                assert!(facts::NAMES.contains(&name), "{}: {{{name}}}", entry.on);
            }
        }
    }
}

#[test]
fn a_build_leaves_its_lines_with_the_services_that_worked_for_it_and_on_the_host_it_came_to() {
    let (world, files) = written("incident");
    let spawned: Vec<&Event> =
        world.events().filter(|event| matches!(event.kind, Kind::Spawned { .. })).collect();
    assert!(spawned.len() > 5, "{}", spawned.len());
    for event in spawned {
        let (request, id) = (event.request.unwrap(), event.instance.unwrap());
        let host = &world.cloud.host(event.host.unwrap()).name;
        let compute = &files[&(host.to_string(), "nova-compute".to_owned())];
        let own = format!("[None req-{request} ");
        let about = format!("[instance: {id}] Took ");
        assert_eq!(compute.lines().filter(|l| l.contains(&own) && l.contains(&about)).count(), 2, "{id}");
        for (service, beside) in [("neutron-server", 4), ("placement-api", 3)] {
            let global = format!("[req-{request} req-");
            let lines = files.iter().filter(|((_, name), _)| name == service);
            let found: usize =
                lines.map(|(_, text)| text.lines().filter(|l| l.contains(&global)).count()).sum();
            assert!(found >= beside, "{service} has {found} lines of {id}");
        }
    }
}

#[test]
fn every_line_begins_as_oslo_writes_it_and_no_fact_is_missing_in_one() {
    let (_, files) = written("incident");
    let mut lines = 0;
    for ((host, service), text) in &files {
        for line in text.lines() {
            lines += 1;
            let words: Vec<&str> = line.splitn(6, ' ').collect();
            let [date, time, pid, level, logger, rest] = &words[..] else {
                panic!("{host} {service}: {line}")
            };
            assert!(format!("{date}T{time}Z").parse::<jiff::Timestamp>().is_ok(), "{line}");
            assert!(pid.parse::<u32>().is_ok() && logger.contains('.'), "{line}");
            assert!(["INFO", "WARNING", "ERROR"].contains(level), "{line}");
            let facts = rest.split_once("] ").map_or(*rest, |(_, facts)| facts);
            // A fact that is not known would stand there as Python's None.
            let unknown = facts.split([' ', '/', '=', ':', '"']).any(|word| word == "None");
            assert!(!unknown && (!facts.contains('{') || facts.contains("{'name'")), "{line}");
        }
    }
    assert!(lines > 500, "{lines}");
}

#[test]
fn files_are_in_the_order_of_time() {
    let (_, files) = written("healthy");
    for ((host, service), text) in &files {
        let times: Vec<&str> = text.lines().filter_map(|line| line.get(..23)).collect();
        assert!(times.is_sorted_by(|a, b| a <= b), "{host} {service}");
    }
}

#[test]
fn the_scheduler_says_which_filter_left_no_host_or_that_there_were_no_candidates() {
    let (world, _) = written("healthy");
    let (_, instance) = world.cloud.instances.iter().next().unwrap();
    for (candidates, expected) in [
        (0, "Got no allocation candidates from the Placement API. ".to_owned()),
        (
            7,
            format!(
                "Filtering removed all hosts for the request with instance ID '{}'. Filter results: \
                 ['ComputeFilter: (start: 7, end: 0)']",
                instance.id
            ),
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = Logs::new(dir.path().to_owned(), 1);
        let kind = Kind::NoValidHost { candidates };
        let (request, id) = (Some(Uuid::from_u128(7)), Some(instance.id));
        let event = Event { number: 1, at: OPENS, request, instance: id, host: None, kind };
        logs.hear(&world.cloud, &event);
        logs.passed(OPENS.plus(60_000));
        let file =
            fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path().join("nova-scheduler.log");
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(&expected), "{text}");
    }
}
