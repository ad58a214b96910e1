//! Truth, not grep: which lines of a real cloud's logs belong to an instance was labelled by file and line, from
//! what nova's API says of its actions and from reading the logs (`tests/samples/trace`). What is not labelled
//! must not be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use serde::Deserialize;
use stackwatch::config::logs::LogPlace;
use stackwatch::source::log::Grammar;
use stackwatch::source::log::files;
use stackwatch::source::log::scan::{Limits, Progress, Told, run};
use stackwatch::trace::{Reason, Subject, Trace};

use crate::support::stub::{Run, command, run as run_harmless};

#[derive(Deserialize)]
pub struct Labels {
    pub instance: String,
    /// The directory of its logs.
    pub logs: String,
    pub must: BTreeMap<String, String>,
    #[serde(default)]
    pub may: BTreeMap<String, String>,
}

pub type Lines = BTreeSet<(String, usize)>;

pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

pub fn labels() -> Vec<(String, Labels)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(samples().join("trace")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        all.push((path.file_stem().unwrap().display().to_string(), toml::from_str(&text).unwrap()));
    }
    assert!(all.len() >= 11);
    all
}

/// `"3 5-7"` of each file.
pub fn lines(labels: &BTreeMap<String, String>) -> Lines {
    let mut lines = Lines::new();
    for (file, ranges) in labels {
        for range in ranges.split_whitespace() {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let numbers: std::ops::RangeInclusive<usize> = from.parse().unwrap()..=to.parse().unwrap();
            lines.extend(numbers.map(|number| (file.clone(), number)));
        }
    }
    lines
}

fn trace_in(
    paths: &[PathBuf],
    subject: &str,
    cancelled: &AtomicBool,
    say: &mut dyn FnMut(Progress),
) -> (Told, Trace, Vec<PathBuf>) {
    let found = files::find(&[LogPlace::named(paths.to_vec(), "test").in_zone(TimeZone::UTC)]);
    let grammar = Grammar::shipped().unwrap();
    let mut trace = Trace::new(Subject::parse(subject.as_bytes()).unwrap());
    let told = run(&found.files, &grammar, &mut trace, Limits::default(), cancelled, say);
    (told, trace, found.files.into_iter().map(|file| file.path).collect())
}

/// File and number of every line that was kept.
fn kept(told: &Told, files: &[PathBuf]) -> Lines {
    let texts: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut lines = Lines::new();
    for kept in &told.records {
        let name = files[kept.file].file_name().unwrap().display().to_string();
        for (offset, _) in &kept.record.lines {
            let before = &texts[kept.file][..usize::try_from(*offset).unwrap()];
            let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            assert!(lines.insert((name.clone(), number)), "{name}:{number} is there twice");
        }
    }
    lines
}

#[test]
fn a_trace_has_every_line_that_it_must_have_and_none_that_it_must_not() {
    for (name, labels) in labels() {
        let directory = samples().join("logs").join(&labels.logs);
        let (told, trace, files) =
            trace_in(&[directory], &labels.instance, &AtomicBool::new(false), &mut |_| {});
        let found = kept(&told, &files);
        let (must, may) = (lines(&labels.must), lines(&labels.may));
        assert!(must.len() > 10, "{name}");
        let missing: Vec<_> = must.difference(&found).collect();
        let wrong: Vec<_> = found.iter().filter(|line| !must.contains(line) && !may.contains(line)).collect();
        assert!(missing.is_empty() && wrong.is_empty(), "{name}: missing {missing:?}, wrong {wrong:?}");
        assert_eq!((told.dropped, told.unfinished, told.trouble.len()), (0, 0, 0), "{name}");
        // A dashboard polled them all; that is said, not shown.
        assert!(labels.logs != "zed" || trace.omitted().lookers >= 5, "{name}: {:?}", trace.omitted());
    }
}

#[test]
fn records_come_as_they_are_found_and_end_in_the_order_of_time() {
    let directory = samples().join("logs/zed");
    let mut streamed = Vec::new();
    let mut read = Vec::new();
    let (told, ..) = trace_in(
        &[directory],
        "f064d769-2144-43c6-a1f6-7967745cf373",
        &AtomicBool::new(false),
        &mut |progress| match progress {
            Progress::Kept(kept) => streamed.push((kept.file, kept.record.offset())),
            Progress::Read { done, of } => read.push((done, of, streamed.len())),
            Progress::File(_) | Progress::Waiting(_) => {}
        },
    );
    let (done, of, before) = *read.last().unwrap();
    assert_eq!(done, of);
    assert!(before > 0 && before < streamed.len(), "some came in the first pass, some after: {before}");
    let mut ordered: Vec<_> = told.records.iter().map(|kept| (kept.file, kept.record.offset())).collect();
    let times: Vec<_> = told.records.iter().map(|kept| kept.at.unwrap()).collect();
    assert!(times.is_sorted());
    ordered.sort_unstable();
    streamed.sort_unstable();
    assert_eq!(ordered, streamed);
    assert!(told.records.iter().any(|kept| kept.reason == Reason::Names));
}

#[test]
fn a_trace_that_is_cancelled_ends_with_what_it_has() {
    let cancelled = AtomicBool::new(false);
    let mut seen = 0;
    let (told, ..) = trace_in(
        &[samples().join("logs/zed")],
        "f064d769-2144-43c6-a1f6-7967745cf373",
        &cancelled,
        &mut |progress| {
            if let Progress::Kept(_) = progress {
                seen += 1;
                cancelled.store(true, Ordering::Relaxed);
            }
        },
    );
    assert!(told.was_cancelled);
    assert_eq!(told.rounds, 0, "no id was looked for after that");
    assert_eq!(told.records.len(), seen);
}

/// The word, with no cloud to ask.
fn word(args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let args: Vec<&str> = ["trace"].iter().chain(args).copied().collect();
    let mut command = command(dir.path(), &args);
    command.env("TZ", "UTC");
    run_harmless(command)
}

const TOO_BIG: &str = "e5d66ca8-edb6-4963-b7f0-9b62819efd99";

#[test]
fn the_word_tells_where_a_build_failed_and_what_that_means() {
    let logs = samples().join("logs/zed").display().to_string();
    let run = word(&[TOO_BIG, "--log", &logs]);
    assert_eq!(run.code, 0, "{run:#?}");
    for part in [
        "failed after “no candidates”: no valid host: Placement has no candidate for ",
        "NoValidHost",
        "S4: Placement knows no host with enough room",
        "create  req-5702dcce-d960-427a-8672-eaf3ae6b9393",
        "accepted",
        "records of somebody who looked at many",
    ] {
        assert!(run.out.contains(part), "{part}:\n{}", run.out);
    }
    run.says(&["no cloud was found"]);
    let json = word(&[TOO_BIG, "--log", &logs, "-o", "json"]).json();
    let create = json["requests"].as_array().unwrap().iter().find(|request| request["action"] == "create");
    let steps: Vec<&str> = create.unwrap()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["accepted", "no candidates", "no valid host"]);
    assert_eq!(json["failure"]["signatures"][0]["id"], "S1");
    assert_eq!(json["failure"]["no_host"]["filters"], serde_json::json!([]), "no filter was asked");
    assert!(json["failure"]["no_host"]["asked"].as_str().unwrap().contains("VCPU 96"), "{json:#}");
    // Raw is what the files hold, line by line.
    let raw = word(&[TOO_BIG, "--log", &logs, "-o", "raw"]);
    let held: String = std::fs::read_dir(&logs)
        .unwrap()
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
        .collect();
    let held: BTreeSet<&str> = held.lines().collect();
    assert!(raw.out.lines().count() > 40 && raw.out.lines().all(|line| held.contains(line)), "{}", raw.out);
}

#[test]
fn two_are_told_side_by_side_with_their_first_difference_above() {
    let logs = samples().join("logs/zed").display().to_string();
    let worked = "f064d769-2144-43c6-a1f6-7967745cf373";
    let run = word(&[worked, "--against", TOO_BIG, "--log", &logs]);
    assert_eq!(run.code, 0, "{run:#?}");
    let first = run.out.lines().next().unwrap();
    assert!(
        first.starts_with("first difference: after “accepted” ") && first.contains("“no candidates”"),
        "{first}"
    );
    let line = |name: &str| run.out.lines().find(|line| line.contains(&format!(" {name} "))).unwrap();
    assert!(line("allocated").starts_with(" < ") && line("allocated").ends_with("not taken"), "{}", run.out);
    assert!(
        line("no valid host").starts_with(" > ") && line("no valid host").ends_with("failed"),
        "{}",
        run.out
    );
    let json = word(&[worked, "--against", TOO_BIG, "--log", &logs, "-o", "json"]).json();
    assert_eq!((&json["action"], &json["right"]), (&"create".into(), &TOO_BIG.into()), "{json:#}");
    assert_eq!(json["steps"][0]["differs"], false, "{json:#}");
    let run = word(&[worked, "--against", TOO_BIG, "--log", &logs, "-o", "raw"]);
    assert_eq!(run.code, 2, "{run:#?}");
    run.says(&["do not stand side by side"]);
}

#[test]
fn what_cannot_be_traced_is_said_with_the_next_step() {
    let logs = samples().join("logs/zed").display().to_string();
    for (args, code, parts) in [
        (&["00000000-0000-4000-8000-000000000000", "--log", &logs][..], 1, &["0 records"][..]),
        (
            &["web-01", "--log", &logs],
            2,
            &["web-01 is no UUID, and without a cloud nobody knows names", "req-"],
        ),
        (&[TOO_BIG, "--log", "/nowhere/at/all"], 1, &["there is no log to read", "--log /var/log/nova"]),
        (&[TOO_BIG], 2, &["this host has no logs of OpenStack", "--log PATH"]),
    ] {
        let run = word(args);
        assert_eq!(run.code, code, "{args:?}: {run:#?}");
        for part in parts {
            assert!(run.out.contains(part) || run.err.contains(part), "{args:?}: {part}: {run:#?}");
        }
    }
}

/// What a real nova-scheduler writes at INFO, with those of a sibling that shares the request.
#[test]
fn the_filters_that_left_no_host_are_told_with_their_counts() {
    const UUID: &str = "6d9d2a0d-4a1b-4f2d-8d2b-0d6a4a1b4f2d";
    let dir = tempfile::tempdir().unwrap();
    let line = |service: &str, ms: u32, level: &str, logger: &str, message: &str| {
        let context = "[None req-5702dcce-d960-427a-8672-eaf3ae6b9393 2abd79 2a294f - - default default]";
        let path = dir.path().join(format!("{service}.log"));
        let mut text = std::fs::read_to_string(&path).unwrap_or_default();
        text.push_str(&format!("2026-11-23 18:48:41.{ms:03} 1 {level} {logger} {context} {message}\n"));
        std::fs::write(path, text).unwrap();
    };
    let filtered = |id: &str, start: u32| {
        format!(
            "Filtering removed all hosts for the request with instance ID '{id}'. Filter results: \
             ['AvailabilityZoneFilter: (start: {start}, end: {start})', 'ComputeFilter: (start: {start}, end: 0)']"
        )
    };
    line("nova-scheduler", 199, "INFO", "nova.filters", "Filter ComputeFilter returned 0 hosts");
    line("nova-scheduler", 200, "INFO", "nova.filters", &filtered(UUID, 3));
    line(
        "nova-scheduler",
        201,
        "INFO",
        "nova.filters",
        &filtered("00000000-0000-4000-8000-000000000000", 41),
    );
    let failed =
        "Failed to schedule instances: nova.exception_Remote.NoValidHost_Remote: No valid host was found. ";
    line("nova-conductor", 205, "ERROR", "nova.conductor.manager", failed);
    let error = format!("[instance: {UUID}] Setting instance to ERROR state.: nova.exception.NoValidHost");
    line("nova-conductor", 261, "WARNING", "nova.scheduler.utils", &error);
    let logs = dir.path().display().to_string();
    let run = word(&[UUID, "--log", &logs]);
    let expected = "failed after “filtered out”: no valid host: 3 hosts → AvailabilityZoneFilter 3 → ComputeFilter 0: \
                    none of their nova-computes is up and enabled";
    assert!(run.out.contains(expected), "{}", run.out);
    let json = word(&[UUID, "--log", &logs, "-o", "json"]).json();
    let no_host = &json["failure"]["no_host"];
    assert_eq!((&no_host["start"], &no_host["filters"][1]["left"]), (&3.into(), &0.into()), "{no_host:#}");
}

/// Formats and signatures beside the settings.
#[test]
fn an_operators_own_formats_and_signatures_count_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own");
    for name in ["formats", "signatures"] {
        std::fs::create_dir_all(own.join(name)).unwrap();
    }
    let settings = own.join("config.toml");
    std::fs::write(&settings, "").unwrap();
    let format = "[[format]]\nname = 'ours'\nregex = '^~(?<time>\\S+ \\S+)~(?<level>[A-Z]+)~(?<message>.*)'\ntime = ['iso']\n";
    std::fs::write(own.join("formats/ours.toml"), format).unwrap();
    let signature = "[[signature]]\nid = 'X1'\nlevel = 'ERROR'\nservice = 'any'\nliteral = 'no flux for'\npattern = 'no flux for'\n\
                     sample = 'no flux for it'\nmeaning = 'The flux is off.'\nnext = 'Turn it on.'\nsource = 'ours'\n";
    std::fs::write(own.join("signatures/ours.toml"), signature).unwrap();
    let log = dir.path().join("ours.log");
    let id = "6d9d2a0d-4a1b-4f2d-8d2b-0d6a4a1b4f2d";
    std::fs::write(&log, format!("~2026-11-23 18:00:00.000~ERROR~no flux for {id}\n")).unwrap();
    let run = |args: &[&str]| {
        let mut command = command(dir.path(), args);
        command.env("TZ", "UTC").args(["--config", &settings.display().to_string()]);
        run_harmless(command)
    };
    let log = log.display().to_string();
    let told = run(&["trace", id, "--log", &log]);
    assert_eq!(told.code, 0, "{told:#?}");
    for part in ["no flux for", "X1: The flux is off.; next: Turn it on.", "18:00:00.000", "ERROR"] {
        assert!(told.out.contains(part), "{part}: {told:#?}");
    }
    // One that cannot be used is said at once, with its name.
    for (file, text, words) in [
        ("formats/ours.toml", "[[format]]\nname = 'bad'\nregex = '^('\n", "bad"),
        ("signatures/ours.toml", "[[signature]]\nid = 'X1'\n", "signatures/ours.toml"),
    ] {
        let path = own.join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let refused = run(&["trace", id, "--log", &log]);
        assert_eq!(refused.code, 2, "{file}: {refused:#?}");
        assert!(refused.err.contains(words), "{file}: {refused:#?}");
        std::fs::write(&path, before).unwrap();
    }
}
