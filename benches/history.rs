//! The history of a large cloud: `cargo bench --bench history`. 90 days at 10,000 hosts (`HISTORY_HOSTS`,
//! `HISTORY_DAYS`), recorded as the dashboard does, then read.
//!
//! Prints rows of `benches/run`'s table. Exits with 1 when a limit is missed.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "support/table.rs"]
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use stackwatch::history::{History, Limits};
use stackwatch::model::{
    Batch, Flavor, Hypervisor, Instance, Labels, PowerState, Sample, Service, ServiceState, ServiceStatus,
    Text, Wish,
};
use stackwatch::report::{Delta, Outcome, Report, Topic};
use stackwatch::series::{Recorder, by_name};
use stackwatch::store::Store;

use table::Table;

/// 2026-06-24 00:00 UTC.
const BEGIN: i64 = 1_782_259_200;
const DAY: i64 = 86_400;
/// Instances on a host, more or less.
const ON_HOST: usize = 10;

fn main() -> ExitCode {
    let number = |name: &str, usual: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (hosts, days) = (number("HISTORY_HOSTS", 10_000), number("HISTORY_DAYS", 90) as i64);
    let mut table = Table::default();
    take(&mut table, hosts);
    let directory = tempfile::tempdir().expect("a directory");
    let history = History::start(directory.path().join("cloud.db"), Limits::default());
    let begun = (cpu(), Instant::now());
    let most = record(&history, directory.path(), hosts, days);
    history.finish();
    let what = format!("history of {days} days at {hosts} hosts, on disk");
    table.against(&what, size(directory.path()) as f64 / 1_048_576.0, "", 200.0, "MiB");
    table.against("… at most meanwhile", most as f64 / 1_048_576.0, "", 200.0, "MiB");
    let notes = history.notes();
    assert!(history.trouble().is_none() && notes.is_empty(), "{:?} {notes:?}", history.trouble());
    // With the making of what is recorded, which is not the history's.
    let a_day = (cpu() - begun.0).as_secs_f64() / days as f64;
    table.plain("… CPU to write a day", a_day, "s");
    table.plain("… of a core, day by day", a_day / DAY as f64 * 100.0, "%");
    table.plain("… written in all, wall", begun.1.elapsed().as_secs_f64(), "s");
    let now = BEGIN + days * DAY;
    let host = Labels::from_iter([Text::from(name(hosts / 2))]);
    for (words, series, labels, over) in [
        ("a month's chart of one host", "instances.host", Some(host.clone()), 30),
        ("a month's chart of the whole cloud", "instances", None, 30),
        ("two days' chart of the whole cloud, by the minute", "instances", None, 2),
        ("all that there is of one host", "instances.host", Some(host), 731),
    ] {
        let wish = Wish { series: series.into(), labels, over: (over * DAY) as u32 };
        let mut points = 0;
        let took = median((0..9).map(|_| {
            let begun = Instant::now();
            let courses = history.courses(&wish, now).expect("it can be read");
            points = courses.iter().map(|course| course.points.len()).sum();
            begun.elapsed()
        }));
        assert!(points > days.min(over) as usize / 2, "{words}: {points} points");
        table.against(&format!("{words}, {points} points"), took, "", 50.0, "ms");
    }
    let wish = Wish { series: "instances.status".into(), labels: None, over: 30 * DAY as u32 };
    let begun = Instant::now();
    let lines = history.courses(&wish, now).expect("it can be read").len();
    table.against(&format!("a month's chart of {lines} statuses"), ms(begun.elapsed()), "", 50.0, "ms");
    if table.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn name(host: usize) -> String {
    format!("cmp{host:05}.az1.example.org")
}

/// As the recorder gives them, but that hosts come only when one of them has changed: each hour, and some in the middle
/// of it. The most bytes that were on disk after a day.
fn record(history: &History, directory: &std::path::Path, hosts: usize, days: i64) -> u64 {
    let series = |name: &str| &by_name(name).expect("it is recorded").series;
    let sample = |name: &str, label: Option<&str>, value| Sample {
        series: series(name),
        labels: label.map(Text::from).into_iter().collect(),
        value,
    };
    let mut cloud = vec![sample("instances", None, 0.0)];
    let several = |name: &str, stem: &str, count: usize| {
        (0..count).map(|i| sample(name, Some(&format!("{stem}{i}")), 0.0)).collect::<Vec<_>>()
    };
    cloud.extend(several("instances.status", "STATUS", 8));
    cloud.extend(several("vcpus.used", "az", 4));
    cloud.extend(several("ram.used", "az", 4));
    for name in ["queues", "queues.ready", "queues.unacked"] {
        cloud.extend(several(name, "ctl", 3));
    }
    cloud.extend(several("logs.errors", "nova-", 12));
    let minutely = cloud.len();
    cloud.extend(several("instances.flavor", "m1.", 100));
    cloud.extend((0..hosts).map(|host| sample("instances.host", Some(&name(host)), ON_HOST as f64)));
    let (mut random, mut most) = (1u64, 0);
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    for minute in 0..days * 1_440 {
        for sample in &mut cloud[..minutely] {
            sample.value = (sample.value + (next() % 41) as f64 - 19.0).max(0.0);
        }
        let is_whole = minute % 30 == 0;
        if minute % 60 == 30 {
            // Each host and flavor twice a day.
            for sample in &mut cloud[minutely..] {
                if next() % 12 == 0 {
                    sample.value = (sample.value + (next() % 5) as f64 - 2.0).max(0.0);
                }
            }
        }
        let samples = if is_whole { cloud.clone() } else { cloud[..minutely].to_vec() };
        history.give(Batch { at: BEGIN + minute * 60, samples });
        if minute % 1_440 == 10 {
            most = most.max(size(directory));
        }
    }
    most
}

/// What the loop does once a minute: it must not hold up a key.
fn take(table: &mut Table, hosts: usize) {
    let mut store = Store::default();
    let at = |second: i64| Timestamp::from_second(BEGIN + second).expect("a time");
    let whole = |store: &mut Store, topic: Topic, delta: Delta| {
        for outcome in [
            Outcome::Begin { topic, expected: None },
            Outcome::Part(delta),
            Outcome::End { topic, complete: true, limit: None },
        ] {
            store.apply(Report { at: at(0), epoch: 0, outcome });
        }
    };
    whole(&mut store, Topic::Services, Delta::Services((0..hosts).map(service).collect()));
    whole(&mut store, Topic::Hypervisors, Delta::Hypervisors((0..hosts).map(hypervisor).collect()));
    let flavors: Vec<Arc<Flavor>> = (0..100).map(flavor).collect();
    let rows: Vec<Instance> = (0..hosts * ON_HOST).map(|i| instance(i, &flavors)).collect();
    whole(&mut store, Topic::Instances, Delta::Instances(rows.clone()));
    let mut recorder = Recorder::default();
    let begun = Instant::now();
    let samples = recorder.take(&store, at(0)).expect("it is known").samples.len();
    table.plain(
        &format!("the first minute's {samples} figures of {hosts} hosts, taken"),
        ms(begun.elapsed()),
        "ms",
    );
    let took = median((1..60).map(|minute| {
        // A hundred changes.
        let changed = rows.iter().skip(minute as usize * 100).take(100);
        let changed = changed.map(|row| Instance { status: "SHUTOFF".into(), ..row.clone() }).collect();
        store.apply(Report { at: at(minute), epoch: 0, outcome: Outcome::Part(Delta::Instances(changed)) });
        let now = at(minute * 60).min(at(85)).max(at(minute * 60));
        for topic in [Topic::Services, Topic::Hypervisors, Topic::Instances] {
            store.apply(Report { at: now, epoch: 0, outcome: Outcome::Current { topic } });
        }
        let begun = Instant::now();
        assert!(recorder.take(&store, now).is_some_and(|batch| batch.samples.len() > hosts));
        begun.elapsed()
    }));
    table.against("… each minute after it", took, "", 16.0, "ms");
}

fn service(host: usize) -> Service {
    Service {
        id: format!("{host}").into(),
        binary: "nova-compute".into(),
        host: name(host).into(),
        zone: Some(format!("az{}", host % 4).into()),
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        updated_at: None,
        forced_down: false,
    }
}

fn hypervisor(host: usize) -> Hypervisor {
    Hypervisor {
        id: format!("hypervisor-{host}").into(),
        hypervisor_hostname: name(host).into(),
        host: name(host).into(),
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        hypervisor_type: "QEMU".into(),
        hypervisor_version: None,
        host_ip: None,
        vcpus: Some(64),
        vcpus_used: Some(40),
        memory_mb: Some(262_144),
        memory_mb_used: Some(131_072),
        local_gb: None,
        local_gb_used: None,
        running_vms: None,
        cpu_model: None,
    }
}

fn flavor(i: usize) -> Arc<Flavor> {
    let name = format!("m1.{i}").into();
    Arc::new(Flavor {
        name,
        id: None,
        vcpus: Some(4),
        ram: Some(8_192),
        disk: Some(40),
        extra_specs: Box::default(),
    })
}

fn instance(i: usize, flavors: &[Arc<Flavor>]) -> Instance {
    let host: Text = name(i / ON_HOST).into();
    Instance {
        id: format!("instance-{i}").into(),
        name: format!("vm-{i}").into(),
        status: "ACTIVE".into(),
        vm_state: None,
        task_state: None,
        power_state: PowerState::Running,
        host: Some(host.clone()),
        hypervisor_hostname: Some(host),
        instance_name: None,
        project_id: "p".into(),
        user_id: None,
        flavor: flavors.get(i % flavors.len()).cloned(),
        image_id: None,
        availability_zone: None,
        addresses: Box::default(),
        volumes: Box::default(),
        security_groups: [].into(),
        metadata: Box::default(),
        key_name: None,
        locked: false,
        locked_reason: None,
        host_status: None,
        fault: None,
        created: None,
        updated: None,
        launched_at: None,
        partial: false,
    }
}

/// Bytes of all files there.
fn size(directory: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("a directory").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Of all threads.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    ms(times[times.len() / 2])
}
