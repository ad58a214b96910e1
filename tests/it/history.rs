//! The history: what the dashboard leaves behind, what `show trend` makes of it, and what a bad file does to both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use stackwatch::config::clouds::CloudConfig;
use stackwatch::history::{self, History, Limits};
use stackwatch::model::{Batch, Labels, Sample};
use stackwatch::series::by_name;

use crate::support::pty::Pty;
use crate::support::stub::Stub;

/// Where the binary has it that calls this directory its home.
fn path(home: &Path, cloud: &CloudConfig) -> PathBuf {
    let host = cloud.auth_url.host_str().unwrap_or_default();
    let scope = cloud.identity();
    let directory = home.join(".local/state/stackwatch/history");
    history::file(&directory, host, &scope.each_ref().map(String::as_str))
}

fn sample(series: &str, label: Option<&str>, value: f64) -> Sample {
    let labels = label.map(Into::into).into_iter().collect::<Labels>();
    Sample { series: &by_name(series).unwrap().series, labels, value }
}

/// A cloud of which three hours were recorded, up to some minutes ago.
fn recorded() -> (Stub, PathBuf) {
    let cloud = Stub::new();
    let path = path(cloud.dir(), &cloud.config(&cloud.entry()));
    let history = History::start(path.clone(), Limits::default());
    let now = Timestamp::now().as_second() / 3_600 * 3_600;
    for hour in 0..3 {
        let samples = vec![
            sample("instances", None, 40.0 + hour as f64),
            sample("instances.host", Some("cmp01"), 7.0),
            sample("instances.host", Some("cmp\u{1b}[31m02"), hour as f64),
        ];
        history.give(Batch { at: now - (2 - hour) * 3_600, samples });
    }
    history.finish();
    (cloud, path)
}

#[test]
fn show_trend_lists_what_was_recorded_and_prints_it() {
    let (cloud, _) = recorded();
    let run = cloud.run(&["show", "trend"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
    let lines: Vec<Vec<&str>> = run.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SERIES", "LABELS", "UNIT"]);
    assert_eq!(lines[1], ["instances", "–", "instances"]);
    assert!(lines.contains(&vec!["instances.host", "host=cmp01", "instances"]), "{run:#?}");
    let run = cloud.run(&["show", "trend", "instances", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let json = run.json();
    assert_eq!((&json["schema"], &json["cloud"]), (&1.into(), &"stub".into()));
    let values: Vec<f64> =
        json["rows"].as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [40.0, 41.0, 42.0]);
    assert!(json["rows"][0]["at"].as_str().unwrap().ends_with(":00:00Z"), "{json}");
    let filtered = ["show", "trend", "instances.host", "--filter", "labels=host=cmp01", "-o", "csv"];
    let run = cloud.run(&filtered);
    let rows: Vec<&str> = run.out.lines().collect();
    assert_eq!(rows[0], "labels,at,value,step,series,unit");
    assert_eq!(rows.len(), 4, "{run:#?}");
    assert!(
        rows[1..].iter().all(|row| row.starts_with("host=cmp01,20") && row.contains(",7.0,3600,")),
        "{run:#?}"
    );
    // Only so far back.
    let run = cloud.run(&["show", "trend", "instances", "--over", "90m", "-o", "csv"]);
    assert!(run.out.lines().count() < 4, "{run:#?}");
    assert_eq!(cloud.requests().len(), 0, "the cloud is not asked");
}

#[test]
fn what_a_project_has_used_is_found_by_its_id() {
    let cloud = Stub::new();
    let history = History::start(path(cloud.dir(), &cloud.config(&cloud.entry())), Limits::default());
    let used = |project: &str, resource: &str, value| {
        let labels = Labels::from_iter([project.into(), resource.into()]);
        Sample { labels, ..sample("quota.used", None, value) }
    };
    let samples =
        vec![used("p1", "nova.cores", 4.0), used("p1", "cinder.volumes", 2.0), used("p2", "nova.cores", 8.0)];
    history.give(Batch { at: Timestamp::now().as_second() - 60, samples });
    history.finish();
    let run = cloud.run(&["show", "trend", "quota.used", "--filter", "labels=project=p1", "-o", "csv"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
    let rows: Vec<&str> = run.out.lines().skip(1).collect();
    assert_eq!(rows.len(), 2, "{run:#?}");
    assert!(rows[0].starts_with("project=p1 resource=") && rows[0].ends_with(",quota.used,the resource's"));
    let run = cloud.run(&["show", "trend", "quota.used"]);
    assert!(run.out.contains("project=p2") && run.out.contains("nova.cores"), "{run:#?}");
}

#[test]
fn another_region_or_user_of_the_cloud_has_a_history_of_its_own() {
    let (cloud, _) = recorded();
    for (from, to) in [
        ("RegionOne", "RegionTwo"),
        ("username: ops", "username: eve"),
        ("project_name: admin", "project_name: demo"),
    ] {
        let entry = cloud.entry().replace(from, to);
        assert_ne!(entry, cloud.entry());
        cloud.write("clouds.yaml", &cloud.clouds(&entry));
        let run = cloud.run(&["show", "trend", "-o", "csv"]);
        assert_eq!((run.code, run.out.lines().count()), (0, 1), "{to}: {run:#?}");
    }
}

#[test]
fn what_is_asked_amiss_is_said() {
    let (cloud, _) = recorded();
    for (args, parts) in [
        (
            &["show", "trend", "instnaces"][..],
            &["there is no series `instnaces`; did you mean `instances`?"][..],
        ),
        (&["show", "instances", "queues"], &["a series belongs to `show trend`"]),
        (&["show", "instances", "--over", "7d"], &["--over belongs to `show usage` and `show trend`"]),
        (&["show", "trend", "instances", "--over", "soon"], &["`soon` is no length of time"]),
        (&["show", "trend", "instances", "--sort", "vale"], &["has no column `vale`; did you mean `value`?"]),
        (
            &["show", "trend", "--cloud", "demo"],
            &["no history of DEMO/RegionOne is kept", "the simulated cloud begins anew"],
        ),
    ] {
        let run = cloud.run(args);
        assert_eq!(run.code, 2, "{run:#?}");
        run.says(parts);
    }
}

#[test]
fn a_file_that_is_damaged_is_named_with_the_next_step() {
    let (cloud, path) = recorded();
    std::fs::write(&path, [0xa5; 8_192]).unwrap();
    let run = cloud.run(&["show", "trend", "instances", "-o", "json"]);
    assert_eq!(run.code, 3, "{run:#?}");
    run.says(&["is damaged", "sets it aside", "  next: "]);
    assert_eq!(run.errors()[0].0, "history");
}

#[test]
fn the_dashboard_records_what_it_reads_and_sets_a_damaged_file_aside() {
    let cloud = Stub::new();
    let home = cloud.dir().display().to_string();
    let path = path(cloud.dir(), &cloud.config(&cloud.entry()));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "no database").unwrap();
    let clouds = cloud.dir().join("clouds.yaml").display().to_string();
    let env = [("HOME", &*home), ("STACKWATCH_ROOT", &*home), ("OS_CLIENT_CONFIG_FILE", &*clouds)];
    let mut dashboard = Pty::start(&["--cloud", "stub"], &env, (120, 40));
    dashboard.see("cmp01");
    let history = History::read(path.clone());
    let begun = std::time::Instant::now();
    while !history.entries().unwrap_or_default().iter().any(|entry| &*entry.series == "instances") {
        assert!(begun.elapsed() < Duration::from_secs(150), "nothing was recorded");
        std::thread::yield_now();
    }
    dashboard.press("!");
    dashboard.see("the history was damaged");
    drop(dashboard);
    let run = cloud.run(&["show", "trend", "instances", "-o", "csv"]);
    assert_eq!(run.out.lines().count(), 2, "{run:#?}");
    let beside = path.parent().unwrap().read_dir().unwrap().flatten();
    let aside = beside.filter(|entry| entry.file_name().to_string_lossy().contains(".damaged-"));
    assert_eq!(aside.count(), 1);
}

#[test]
fn the_words_leave_no_history_behind() {
    let cloud = Stub::new();
    for args in [&["show", "hypervisors"][..], &["screen", "hypervisors"], &["show", "trend"]] {
        cloud.run(args);
    }
    assert!(!cloud.dir().join(".local").exists());
}
