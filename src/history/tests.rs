use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::*;
use crate::model::{Labels, Pace, Point, Rollup, Sample, Series};

/// Only a hang comes near it.
const PATIENCE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// 2026-09-22 00:00 UTC.
const NOON: i64 = 1_790_035_200;

static ALL: Series =
    Series { name: "instances", unit: "instances", labels: &[], pace: Pace::Minutes, rollup: Rollup::Mean };
static DEPTH: Series = Series {
    name: "queues.ready",
    unit: "messages",
    labels: &["broker"],
    pace: Pace::Minutes,
    rollup: Rollup::Greatest,
};
static HOST: Series = Series {
    name: "instances.host",
    unit: "instances",
    labels: &["host"],
    pace: Pace::Changes,
    rollup: Rollup::Last,
};

static USED: Series = Series {
    name: "quota.used",
    unit: "the resource's",
    labels: &["project", "resource"],
    pace: Pace::Changes,
    rollup: Rollup::Last,
};

/// What a project has of a resource.
fn used(project: &str, resource: &str, value: f64) -> Sample {
    Sample { series: &USED, labels: Labels::from_iter([project.into(), resource.into()]), value }
}

fn sample(series: &'static Series, label: &str, value: f64) -> Sample {
    let labels = if series.labels.is_empty() { Labels::new() } else { Labels::from_iter([label.into()]) };
    Sample { series, labels, value }
}

fn batch(at: i64, samples: &[Sample]) -> Batch {
    Batch { at, samples: samples.to_vec() }
}

fn wish(series: &Series, over: i64) -> Wish {
    Wish { series: series.name.into(), labels: None, over: over as u32 }
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("cloud.db")
    }

    /// Writes these, and closes the file.
    fn write(&self, limits: Limits, batches: impl IntoIterator<Item = Batch>) -> Vec<String> {
        self.keeper(limits, batches).1
    }

    fn keeper(&self, limits: Limits, batches: impl IntoIterator<Item = Batch>) -> (State, Vec<String>) {
        let history = History::start(self.path(), limits);
        for batch in batches {
            history.give(batch);
        }
        history.finish_within(PATIENCE);
        let notes = history.notes();
        (lock(&history.0.state).clone(), notes)
    }

    /// What became of the only line of a series.
    fn points(&self, series: &Series, over: i64, now: i64) -> Vec<(i64, f64)> {
        let courses = History::read(self.path()).courses(&wish(series, over), now).unwrap();
        assert!(courses.len() <= 1, "{courses:?}");
        courses.iter().flat_map(|course| &course.points).map(|point| (point.at - NOON, point.value)).collect()
    }
}

/// A minute each, from there on.
fn minutes(from: i64, count: i64, value: impl Fn(i64) -> f64) -> impl Iterator<Item = Batch> {
    (0..count).map(move |minute| batch(from + minute * 60, &[sample(&ALL, "", value(minute))]))
}

#[test]
fn minutes_become_hours_and_days_and_a_gap_stays_one() {
    let place = Place::new();
    // Two hours yesterday with one of nothing between, and three minutes today.
    let yesterday = NOON - DAY;
    let written = minutes(yesterday, 60, |minute| minute as f64)
        .chain(minutes(yesterday + 2 * HOUR, 60, |_| 7.0))
        .chain(minutes(NOON, 3, |minute| 10.0 + minute as f64));
    assert_eq!(place.write(Limits::default(), written), Vec::<String>::new());
    let now = NOON + 200;
    let fine = place.points(&ALL, 2 * DAY, now);
    assert_eq!(fine.len(), 123);
    assert_eq!(fine[59..62], [(-DAY + 59 * 60, 59.0), (-DAY + 2 * HOUR, 7.0), (-DAY + 2 * HOUR + 60, 7.0)]);
    assert_eq!(
        place.points(&ALL, 30 * DAY, now),
        [(-DAY, 29.5), (-DAY + 2 * HOUR, 7.0), (0, 11.0)],
        "by the hour"
    );
    assert_eq!(place.points(&ALL, 365 * DAY, now), [(-DAY, 18.25), (0, 11.0)], "by the day");
    // Part of it.
    assert_eq!(place.points(&ALL, 130, now), [(60, 11.0), (120, 12.0)]);
    assert_eq!(place.points(&DEPTH, DAY, now), []);
}

#[test]
fn hosts_are_written_each_hour_and_when_they_change() {
    let place = Place::new();
    let value = |minute: i64| if minute < 90 { 3.0 } else { 4.0 };
    place.write(
        Limits::default(),
        (0..150).map(|minute| {
            batch(NOON + minute * 60, &[sample(&HOST, "cmp01", value(minute)), sample(&HOST, "cmp02", 1.0)])
        }),
    );
    let history = History::read(place.path());
    let courses = history.courses(&wish(&HOST, DAY), NOON + 150 * 60).unwrap();
    let at = |course: &Course| {
        course.points.iter().map(|point| (point.at - NOON, point.value)).collect::<Vec<_>>()
    };
    assert_eq!(courses.len(), 2);
    assert_eq!(at(&courses[0]), [(0, 3.0), (HOUR, 3.0), (90 * 60, 4.0), (2 * HOUR, 4.0)]);
    assert_eq!(at(&courses[1]), [(0, 1.0), (HOUR, 1.0), (2 * HOUR, 1.0)]);
    let one = Wish { labels: Some(Labels::from_iter(["cmp02".into()])), ..wish(&HOST, DAY) };
    assert_eq!(history.courses(&one, NOON + 150 * 60).unwrap(), courses[1..]);
    let names: Vec<String> = history
        .entries()
        .unwrap()
        .iter()
        .map(|entry| format!("{} {}", entry.series, entry.labels[0]))
        .collect();
    assert_eq!(names, ["instances.host cmp01", "instances.host cmp02"]);
}

#[test]
fn the_lines_of_one_project_are_asked_for_by_its_label_alone() {
    let place = Place::new();
    let lines =
        [("p", "nova.cores"), ("p", "nova.ram"), ("p2", "nova.cores"), ("p\"", "x"), ("[p", "x"), ("%", "x")];
    place.write(
        Limits::default(),
        [batch(NOON, &lines.map(|(project, resource)| used(project, resource, 1.0)))],
    );
    let history = History::read(place.path());
    for (labels, expected) in [
        (&["p"][..], &["p nova.cores", "p nova.ram"][..]),
        (&["p", "nova.ram"], &["p nova.ram"]),
        (&["p\""], &["p\" x"]),
        (&["[p"], &["[p x"]),
        (&["%"], &["% x"]),
        (&["nova.cores"], &[]),
    ] {
        let labels = Some(labels.iter().map(|label| (*label).into()).collect());
        let courses = history.courses(&Wish { labels, ..wish(&USED, DAY) }, NOON).unwrap();
        let found: Vec<String> = courses.iter().map(|course| course.labels.join(" ")).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_quiet_day_of_a_project_s_lines_costs_what_is_said_of_it() {
    let place = Place::new();
    let (projects, resources, days) = (40, 12, 10);
    let hour = |hour: i64| {
        let lines = (0..projects).flat_map(|project| (0..resources).map(move |of| (project, of)));
        // One resource in twelve has changed by the day after.
        let value =
            |project: i64, of: i64| (project * 31 + of * 7 + if of == 0 { hour / 24 } else { 0 }) as f64;
        let samples: Vec<Sample> = lines
            .map(|(project, of)| used(&format!("{project:032x}"), &format!("r{of}"), value(project, of)))
            .collect();
        batch(NOON + hour * HOUR, &samples)
    };
    place.write(Limits::default(), (0..=days * 24).map(hour));
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let sum = "SELECT sum(length(points)) FROM chunks WHERE tier = 2";
    let bytes: i64 = connection.query_row(sum, [], |row| row.get(0)).unwrap();
    let file = fs::metadata(place.path()).unwrap().len() as i64;
    let each = [bytes, file].map(|bytes| bytes / (projects * resources * days));
    // What it costs once, to be known at all, is among the file's.
    assert!((8..=20).contains(&each[0]) && each[1] <= 64, "{each:?} bytes");
}

#[test]
fn a_backlog_s_peak_is_in_its_hour() {
    let place = Place::new();
    place.write(
        Limits::default(),
        (0..60).map(|minute| {
            batch(NOON + minute * 60, &[sample(&DEPTH, "ctl01", if minute == 30 { 900.0 } else { 0.0 })])
        }),
    );
    assert_eq!(place.points(&DEPTH, 30 * DAY, NOON + HOUR), [(0, 900.0)]);
}

#[test]
fn what_is_no_number_is_no_sample() {
    let place = Place::new();
    place.write(
        Limits::default(),
        [batch(NOON, &[sample(&ALL, "", f64::NAN), sample(&DEPTH, "ctl01", f64::INFINITY)])],
    );
    assert_eq!(place.points(&ALL, DAY, NOON), []);
    assert_eq!(History::read(place.path()).entries().unwrap(), []);
}

#[test]
fn what_is_older_than_it_may_be_goes() {
    let place = Place::new();
    let limits = Limits { keep: Duration::from_secs(10 * DAY as u64), ..Limits::default() };
    // Each day once, for 30 days.
    place.write(limits, (0..30).map(|day| batch(NOON - (29 - day) * DAY, &[sample(&ALL, "", day as f64)])));
    let first = |over| place.points(&ALL, over, NOON).first().map(|(at, _)| *at / DAY);
    assert_eq!(first(2 * DAY), Some(-2));
    assert_eq!(hours(&place), 10, "hours of ten days");
    // What is older is there by the day.
    assert_eq!(place.points(&ALL, 40 * DAY, NOON).len(), 30);
    assert_eq!(first(40 * DAY), Some(-29));
}

/// Chunks of hours.
fn hours(place: &Place) -> i64 {
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection.query_row("SELECT count(*) FROM chunks WHERE tier = 2", [], |row| row.get(0)).unwrap()
}

#[test]
fn of_too_much_the_oldest_of_the_finest_goes_and_it_is_said() {
    let place = Place::new();
    let limits = Limits { bytes: 400 << 10, ..Limits::default() };
    // Values that nothing makes small.
    let noise = |host: i64, day: i64| ((host * 7_919 + day * 104_729) as f64).sqrt();
    let day = |day: i64| {
        (0..8).map(move |hour| {
            let hosts: Vec<Sample> = (0..100)
                .map(|host| sample(&HOST, &format!("cmp{host:03}"), noise(host, day * 24 + hour)))
                .collect();
            batch(NOON + day * DAY + hour * 3 * HOUR, &hosts)
        })
    };
    let (state, notes) = place.keeper(limits, (0..40).flat_map(day));
    assert_eq!(state.fault, None);
    assert!(fs::metadata(place.path()).unwrap().len() <= limits.bytes);
    let is_said = |notes: &[String]| notes.len() == 1 && notes[0].starts_with("let go of hours of 2026-");
    assert!(is_said(&notes), "{notes:?}");
    assert!(is_said(&place.write(limits, [])), "and the next time");
    let one = Wish { labels: Some(Labels::from_iter(["cmp007".into()])), ..wish(&HOST, 60 * DAY) };
    let courses = History::read(place.path()).courses(&one, NOON + 40 * DAY).unwrap();
    let points = &courses[0].points;
    // Hours of the last days, days before: nothing is missing.
    assert_eq!(points[0], Point { at: NOON, value: noise(7, 7) });
    let days: std::collections::BTreeSet<i64> = points.iter().map(|point| (point.at - NOON) / DAY).collect();
    assert_eq!(days.len(), 40);
    assert!(points.len() > 40 + 7 * 5, "{} points", points.len());
}

#[test]
fn two_at_once_do_not_mix_and_one_takes_the_other_s_place() {
    let place = Place::new();
    let first = History::start(place.path(), Limits::default());
    first.give(batch(NOON, &[sample(&ALL, "", 1.0)]));
    wait(|| place.points(&ALL, DAY, NOON) == [(0, 1.0)]);
    let second = History::start(place.path(), Limits::default());
    wait(|| second.notes() == ["another stackwatch records this cloud: this one only reads"]);
    second.give(batch(NOON + 60, &[sample(&ALL, "", 99.0)]));
    first.give(batch(NOON + 120, &[sample(&ALL, "", 2.0)]));
    // It reads meanwhile.
    wait(|| second.courses(&wish(&ALL, DAY), NOON + 200).unwrap()[0].points.len() == 2);
    first.finish_within(PATIENCE);
    second.give(batch(NOON + 180, &[sample(&ALL, "", 3.0)]));
    second.finish_within(PATIENCE);
    assert_eq!(second.notes(), Vec::<String>::new());
    assert_eq!(place.points(&ALL, DAY, NOON + 200), [(0, 1.0), (120, 2.0), (180, 3.0)]);
}

fn wait(is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came to be");
        thread::yield_now();
    }
}

#[test]
fn a_minute_that_two_wrote_one_after_the_other_has_both() {
    let place = Place::new();
    place.write(Limits::default(), [batch(NOON, &[sample(&ALL, "", 1.0)])]);
    place.write(Limits::default(), [batch(NOON, &[sample(&DEPTH, "ctl01", 2.0)])]);
    assert_eq!(place.points(&ALL, DAY, NOON), [(0, 1.0)]);
    assert_eq!(place.points(&DEPTH, DAY, NOON), [(0, 2.0)]);
}

#[test]
fn of_two_that_have_one_name_one_counts() {
    let place = Place::new();
    let twice = [sample(&HOST, "cmp01", 1.0), sample(&ALL, "", 3.0), sample(&HOST, "cmp01", 2.0)];
    place.write(Limits::default(), [batch(NOON, &twice)]);
    assert_eq!(place.points(&HOST, DAY, NOON), [(0, 1.0)]);
    assert_eq!(place.points(&ALL, DAY, NOON), [(0, 3.0)]);
}

#[test]
fn a_clock_that_went_back_adds_to_a_day_that_was_folded() {
    let place = Place::new();
    place.write(Limits::default(), minutes(NOON - HOUR, 2, |_| 1.0).chain(minutes(NOON, 1, |_| 2.0)));
    place.write(Limits::default(), minutes(NOON - 30 * 60, 1, |_| 4.0).chain(minutes(NOON + 60, 1, |_| 2.0)));
    assert_eq!(
        place.points(&ALL, DAY, NOON + 90),
        [(-HOUR, 1.0), (-HOUR + 60, 1.0), (-30 * 60, 4.0), (0, 2.0), (60, 2.0)]
    );
}

#[test]
fn a_damaged_file_is_set_aside_with_words_and_a_new_one_begun() {
    for (what, damage) in [
        ("no database", (|_| b"what a full disk or a person left here".to_vec()) as fn(Vec<u8>) -> Vec<u8>),
        ("another's database", |mut bytes| {
            bytes[68..72].fill(7);
            bytes
        }),
        ("its end is missing", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("its pages are overwritten", |mut bytes| {
            bytes[4_096..].fill(0xa5);
            bytes
        }),
    ] {
        let place = Place::new();
        place.write(Limits::default(), minutes(NOON - DAY, 300, |minute| minute as f64));
        fs::write(place.path(), damage(fs::read(place.path()).unwrap())).unwrap();
        let (state, notes) = place.keeper(Limits::default(), minutes(NOON, 3, |_| 5.0));
        assert_eq!((state.fault, state.lost), (None, 0), "{what}");
        assert!(notes.len() == 1 && notes[0].contains("cloud.damaged-2"), "{what}: {notes:?}");
        assert_eq!(place.points(&ALL, 2 * DAY, NOON + 180), [(0, 5.0), (60, 5.0), (120, 5.0)], "{what}");
        let aside = fs::read_dir(place.directory.path()).unwrap().flatten();
        let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("cloud.damaged-"));
        assert_eq!(aside.count(), 1, "{what}");
    }
}

#[test]
fn damage_that_a_reader_finds_first_is_set_aside_too() {
    let place = Place::new();
    let history = History::start(place.path(), Limits::default());
    for batch in minutes(NOON, 300, |minute| minute as f64) {
        history.give(batch);
    }
    wait(|| place.points(&ALL, DAY, NOON + DAY).len() == 300);
    // Behind its back, once all stands in the file itself.
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let bytes = fs::read(place.path()).unwrap();
    fs::write(place.path(), vec![0xa5; bytes.len().max(8_192)]).unwrap();
    wait(|| {
        let _ = history.courses(&wish(&ALL, DAY), NOON + DAY);
        !history.notes().is_empty()
    });
    assert!(history.notes()[0].contains("damaged"), "{:?}", history.notes());
    history.give(batch(NOON + DAY, &[sample(&ALL, "", 1.0)]));
    history.finish_within(PATIENCE);
    assert_eq!(place.points(&ALL, DAY, NOON + DAY), [(DAY, 1.0)]);
}

#[test]
fn a_chunk_that_is_damaged_inside_is_a_gap() {
    let place = Place::new();
    place.write(
        Limits::default(),
        (0..3).map(|day| batch(NOON + day * DAY, &[sample(&HOST, "cmp01", day as f64)])),
    );
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection
        .execute("UPDATE chunks SET points = x'0102030405060708' WHERE tier = 2 AND start = ?1", [NOON + DAY])
        .unwrap();
    drop(connection);
    assert_eq!(place.points(&HOST, 5 * DAY, NOON + 3 * DAY), [(0, 0.0), (2 * DAY, 2.0)]);
}

#[test]
fn what_a_later_version_wrote_is_left_alone() {
    let place = Place::new();
    place.write(Limits::default(), minutes(NOON, 1, |_| 1.0));
    rusqlite::Connection::open(place.path()).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = fs::read(place.path()).unwrap();
    let history = History::start(place.path(), Limits::default());
    history.give(batch(NOON + 60, &[sample(&ALL, "", 2.0)]));
    history.finish_within(PATIENCE);
    let trouble = history.trouble().unwrap();
    assert!(trouble.message.contains("schema 99") && !trouble.next_step.is_empty(), "{trouble:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
    assert!(history.courses(&wish(&ALL, DAY), NOON).unwrap_err().message.contains("schema 99"));
}

#[test]
fn it_names_hosts_so_only_its_owner_may_read_it() {
    let place = Place::new();
    let directory = place.directory.path().join("new/history");
    let history = History::start(directory.join("cloud.db"), Limits::default());
    history.give(batch(NOON, &[sample(&ALL, "", 2.0)]));
    wait(|| !history.entries().unwrap_or_default().is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for entry in fs::read_dir(&directory).unwrap().flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
    }
}

#[test]
fn a_place_that_cannot_be_written_is_said_with_the_next_step_and_holds_up_nobody() {
    let place = Place::new();
    fs::write(place.directory.path().join("file"), "").unwrap();
    let history = History::start(place.directory.path().join("file/cloud.db"), Limits::default());
    history.give(batch(NOON, &[sample(&ALL, "", 2.0)]));
    wait(|| history.notes() == ["1 min could not be recorded since the start"]);
    let trouble = history.trouble().unwrap();
    assert!(trouble.message.contains("file/cloud.db cannot be used"), "{trouble:?}");
    assert!(trouble.next_step.contains("[history] path"), "{trouble:?}");
}

#[test]
fn nobody_waits_for_a_disk_that_does_not_answer() {
    let place = Place::new();
    let (to, _stuck) = mpsc::sync_channel(WAITING);
    let inner = Inner { path: place.path(), to: Some(to), state: Arc::default(), lost: AtomicU64::new(0) };
    let history = History(Arc::new(inner));
    for minute in 0..WAITING as i64 + 3 {
        history.record(batch(NOON + minute * 60, &[sample(&ALL, "", 1.0)]));
    }
    assert_eq!(history.notes(), ["3 min could not be recorded since the start"]);
    history.finish();
}

/// A file system of its own, as small as a full disk must be.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(kib: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(directory.path())
            .status();
        assert!(mounted.unwrap().success(), "root mounts a file system");
        Self(directory)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_once_and_what_comes_after_it_has_room_is_recorded() {
    let disk = Tmpfs::mount(1_024);
    let path = disk.0.path().join("cloud.db");
    let history = History::start(path.clone(), Limits::default());
    history.give(batch(NOON, &[sample(&ALL, "", 1.0)]));
    wait(|| !history.entries().unwrap_or_default().is_empty());
    let ballast = disk.0.path().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    drop(file);
    let noise = |minute: i64| {
        let hosts: Vec<Sample> = (0..500)
            .map(|host| sample(&HOST, &format!("cmp{host:03}"), ((minute * 7_919 + host * 13) as f64).sqrt()))
            .collect();
        batch(NOON + minute * 60, &hosts)
    };
    (1..40).for_each(|minute| history.give(noise(minute)));
    wait(|| history.trouble().is_some_and(|trouble| trouble.message.contains("the disk is full that")));
    assert!(history.trouble().unwrap().next_step.contains("make room there"));
    wait(|| !history.notes().is_empty());
    // What was recorded is read all the same.
    assert!(!history.courses(&wish(&ALL, DAY), NOON).unwrap().is_empty());
    fs::remove_file(&ballast).unwrap();
    history.give(batch(NOON + 50 * 60, &[sample(&ALL, "", 2.0)]));
    wait(|| history.trouble().is_none());
    history.finish_within(PATIENCE);
    assert_eq!(history.notes().len(), 1, "what was lost stays said: {:?}", history.notes());
    let courses = History::read(path.clone()).courses(&wish(&ALL, DAY), NOON + HOUR).unwrap();
    assert_eq!(courses[0].points, [Point { at: NOON, value: 1.0 }, Point { at: NOON + 50 * 60, value: 2.0 }]);
    rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| {
            assert_eq!(row.get::<_, String>(0)?, "ok");
            Ok(())
        })
        .unwrap();
}

const CHILD: &str = "STACKWATCH_TEST_HISTORY";

/// Not a test by itself: records into the file that it is given, and says which minute can be read, until it is
/// killed. Called without, it records three minutes and reads them.
#[test]
fn a_child_that_records_until_it_is_killed() {
    let (place, is_child) = (Place::new(), std::env::var_os(CHILD));
    let path = is_child.clone().map_or_else(|| place.path(), PathBuf::from);
    let history = History::start(path, Limits::default());
    let (mut at, mut out) = (NOON, std::io::stdout().lock());
    loop {
        let hosts: Vec<Sample> = (0..300)
            .map(|host| sample(&HOST, &format!("cmp{host:03}"), ((at + host) % 97) as f64))
            .chain([sample(&ALL, "", (at - NOON) as f64)])
            .collect();
        history.give(batch(at, &hosts));
        let is_read = || {
            let courses = history.courses(&wish(&ALL, HOUR), at).unwrap_or_default();
            courses.first().and_then(|course| course.points.last()).is_some_and(|point| point.at == at)
        };
        wait(is_read);
        writeln!(out, "\nread {}", at - NOON).unwrap();
        out.flush().unwrap();
        // Seven hours: days are folded meanwhile.
        at += 7 * HOUR;
        if is_child.is_none() && at > NOON + DAY {
            return;
        }
    }
}

#[test]
fn what_could_be_read_is_there_after_kill_9() {
    for rounds in [1, 5, 12] {
        let place = Place::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "history::tests::a_child_that_records_until_it_is_killed", "--nocapture"])
            .env(CHILD, place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let read: Vec<i64> =
            lines.filter_map(|line| line.strip_prefix("read ")?.parse().ok()).take(rounds).collect();
        // In the middle of whatever it does now.
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(read.len(), rounds);
        let last = NOON + read[rounds - 1];
        // Its lock went with it.
        let (state, notes) =
            place.keeper(Limits::default(), [batch(last + 30 * DAY, &[sample(&ALL, "", 1.0)])]);
        assert_eq!((state.fault, state.is_elsewhere, notes), (None, false, Vec::new()));
        let days: std::collections::BTreeMap<i64, f64> =
            place.points(&ALL, 365 * DAY, last).into_iter().collect();
        let hours = place.points(&ALL, 60 * DAY, last);
        for second in read {
            assert!(days.contains_key(&(second / DAY * DAY)), "{second} of {days:?}");
            assert!(hours.contains(&(second / HOUR * HOUR, second as f64)), "{second} of {hours:?}");
        }
    }
}

#[test]
fn clouds_regions_and_projects_have_files_of_their_own() {
    let directory = Path::new("/state");
    let all: std::collections::BTreeSet<PathBuf> = [
        ["https://a/v3", "one", "admin"],
        ["https://b/v3", "one", "admin"],
        ["https://a/v3", "two", "admin"],
        ["https://a/v3", "one", "demo"],
        ["https://a/v3", "oneadmin", ""],
    ]
    .iter()
    .map(|scope| file(directory, "a", scope))
    .collect();
    assert_eq!(all.len(), 5);
    assert_eq!(file(directory, "../[fd00::1]", &["x"]), Path::new("/state/..--fd00--1--08f0d807b58d20e5.db"));
}
