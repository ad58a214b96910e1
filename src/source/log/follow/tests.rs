use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::*;

/// A directory that is followed, and what was told of it. Time goes by as the test says.
struct Scene {
    dir: tempfile::TempDir,
    follower: Follower,
    now: Instant,
    lines: Vec<String>,
    /// `given` of each line.
    given: Vec<usize>,
    lost: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let places = vec![LogPlace::named(vec![dir.path().to_owned()], "test").in_zone(TimeZone::UTC)];
        Self::over(dir, places)
    }

    fn over(dir: tempfile::TempDir, places: Vec<LogPlace>) -> Self {
        let (lines, given, lost) = (Vec::new(), Vec::new(), Vec::new());
        Self { dir, follower: Follower::new(places), now: Instant::now(), lines, given, lost }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text.as_ref());
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn poll(&mut self) {
        self.later(Duration::from_millis(100));
    }

    /// Polls after so much time, until there is nothing more.
    fn later(&mut self, by: Duration) {
        self.now += by;
        while self.poll_once(Pace::All) {}
    }

    fn poll_once(&mut self, pace: Pace) -> bool {
        let (lines, given, lost) = (&mut self.lines, &mut self.given, &mut self.lost);
        self.follower.poll(self.now, pace, &mut |told| match told {
            Told::Line(piece) => {
                lines.push(String::from_utf8_lossy(piece.bytes).into_owned());
                given.push(piece.given);
            }
            Told::Lost(path, why) => lost.push(format!("{}: {why}", path.display())),
            Told::Skipped(..) | Told::Trouble(_) => {}
        })
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn nothing_is_lost(&self) {
        assert!(self.lost.is_empty(), "{:?}", self.lost);
    }
}

fn append(path: &Path, text: &[u8]) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text).unwrap();
}

/// Lines that begin alike for more than a mark, as those of one moment do.
fn line(n: usize) -> String {
    format!("2026-11-23 18:48:41.205 21276 INFO nova.compute.manager [-] line {n:09}\n")
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

fn numbers(lines: &[String]) -> Vec<usize> {
    lines.iter().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

/// As logrotate does it: a copy under another name, then nothing is left in the file.
fn copytruncate(path: &Path, copy: &Path) {
    fs::copy(path, copy).unwrap();
    truncate(path);
}

fn truncate(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}

#[test]
fn what_stands_there_is_begun_at_its_end_and_what_comes_is_given_out_whole() {
    let mut scene = Scene::new();
    scene.append("nova-compute.log", lines(0..10_000));
    scene.poll();
    let first = numbers(&scene.take());
    assert_eq!(first.last(), Some(&9_999));
    assert_eq!(first.len(), START as usize / line(0).len(), "as many whole lines as fit");
    scene.append("nova-compute.log", "one\ntwo\nhal");
    scene.poll();
    assert_eq!(scene.take(), ["one", "two"]);
    scene.append("nova-compute.log", "f\n");
    scene.poll();
    scene.poll();
    assert_eq!(scene.take(), ["half"]);
    scene.nothing_is_lost();
}

#[test]
fn what_was_written_last_is_wanted_most_where_there_is_much() {
    let mut scene = Scene::new();
    let many = (START_ALL / START) as usize + 3;
    for n in 0..many {
        let path = scene.path(&format!("nova-{n:03}.log"));
        fs::write(&path, line(n).repeat(START as usize / line(n).len() + 1)).unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + n as u64);
        File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    }
    scene.poll();
    let told: HashSet<usize> = numbers(&scene.take()).into_iter().collect();
    let missing: Vec<usize> = (0..many).filter(|n| !told.contains(n)).collect();
    assert_eq!(missing, [0, 1, 2]);
    // Those are followed all the same.
    scene.append("nova-000.log", "and goes on\n");
    scene.poll();
    assert_eq!(scene.take(), ["and goes on"]);
}

#[test]
fn a_renamed_file_is_finished_before_its_successor_is_begun() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", "a\n");
    scene.poll();
    let mut old = OpenOptions::new().append(true).open(scene.path("nova-api.log")).unwrap();
    scene.rename("nova-api.log", "nova-api.log.1");
    old.write_all(b"b\n").unwrap();
    scene.append("nova-api.log", "c\n");
    scene.poll();
    assert_eq!(scene.take(), ["a", "b", "c"]);
    // Its writer does not know yet.
    old.write_all(b"late\n").unwrap();
    scene.poll();
    assert_eq!(scene.take(), ["late"]);
    // Twice between two polls.
    for (n, text) in [(2, "d\n"), (3, "e\n")] {
        scene.rename("nova-api.log", &format!("nova-api.log.0{n}"));
        scene.append("nova-api.log", text);
    }
    scene.poll();
    scene.later(LOOK);
    assert_eq!(scene.take(), ["d", "e"]);
    scene.nothing_is_lost();
}

#[test]
fn a_successor_that_is_empty_yet_is_followed_at_once() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", "a\n");
    scene.poll();
    scene.rename("nova-api.log", "nova-api.log.1");
    scene.poll();
    scene.append("nova-api.log", "");
    scene.poll();
    scene.append("nova-api.log", "b\n");
    scene.poll();
    assert_eq!(scene.take(), ["a", "b"]);
}

#[test]
fn a_successor_that_begins_with_the_same_banner_is_no_copy() {
    let mut scene = Scene::new();
    let banner = format!("{}\n", "=".repeat(80));
    scene.append("mariadb.log", format!("{banner}one\n"));
    scene.poll();
    for text in ["two", "three"] {
        scene.rename("mariadb.log", &format!("mariadb.log.{text}"));
        scene.append("mariadb.log", format!("{banner}{text}\n"));
    }
    scene.poll();
    scene.later(LOOK);
    let told = scene.take();
    let told: Vec<&String> = told.iter().filter(|line| !line.starts_with('=')).collect();
    assert_eq!(told, ["one", "two", "three"]);
}

#[test]
fn a_log_that_has_no_more_than_its_banner_yet_is_no_copy_of_a_rotation() {
    let mut scene = Scene::new();
    let banner = format!("{}\n", "=".repeat(80));
    scene.append("mariadb.log", format!("{banner}one\n"));
    scene.poll();
    // Two rotations at once: the first of them is seen under another name alone.
    for (text, name) in [("two\n", "mariadb.log.1"), ("", "mariadb.log.2")] {
        scene.rename("mariadb.log", name);
        scene.append("mariadb.log", format!("{banner}{text}"));
    }
    scene.poll();
    scene.append("mariadb.log", "three\n");
    scene.poll();
    scene.later(LOOK);
    let told = scene.take();
    let told: Vec<&String> = told.iter().filter(|line| !line.starts_with('=')).collect();
    assert_eq!(told, ["one", "two", "three"]);
}

#[test]
fn rotations_that_lay_there_are_not_read_when_one_file_alone_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("nova-api.log");
    append(&dir.path().join("nova-api.log.1"), b"long ago\n");
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let old = File::options().write(true).open(dir.path().join("nova-api.log.1")).unwrap();
    old.set_modified(written).unwrap();
    append(&log, b"a\n");
    let mut scene = Scene::over(dir, vec![LogPlace::named(vec![log], "test")]);
    scene.poll();
    scene.rename("nova-api.log", "nova-api.log.0");
    scene.append("nova-api.log", "b\n");
    scene.poll();
    assert_eq!(scene.take(), ["a", "b"]);
}

#[test]
fn a_truncated_file_is_finished_from_its_copy_however_long_it_is_again() {
    for again in [0, 1, 50] {
        let mut scene = Scene::new();
        scene.append("neutron-server.log", lines(0..10));
        scene.poll();
        scene.append("neutron-server.log", lines(10..20) + "2026 half");
        copytruncate(&scene.path("neutron-server.log"), &scene.path("neutron-server.log.1"));
        scene.append("neutron-server.log", lines(20..20 + again));
        scene.poll();
        let mut told = scene.take();
        assert_eq!(told.remove(20), "2026 half", "{again}");
        assert_eq!(numbers(&told), (0..20 + again).collect::<Vec<_>>());
        // The copy is never taken for a new log, whatever it is called later.
        scene.later(LOOK);
        scene.rename("neutron-server.log.1", "neutron-server.log.2");
        scene.later(LOOK);
        assert!(scene.take().is_empty(), "{again}");
        scene.nothing_is_lost();
    }
}

#[test]
fn a_copy_that_is_seen_before_the_truncation_is_no_new_log() {
    let mut scene = Scene::new();
    scene.append("cinder-volume.log", line(0));
    scene.poll();
    scene.append("cinder-volume.log", line(1));
    // One that is whole, and one that is being made.
    fs::copy(scene.path("cinder-volume.log"), scene.path("cinder-volume-20261129.log")).unwrap();
    scene.append("cinder-volume.log.1", &line(0)[..70]);
    scene.later(LOOK);
    truncate(&scene.path("cinder-volume.log"));
    scene.append("cinder-volume.log", line(2));
    scene.poll();
    scene.later(LOOK);
    assert_eq!(numbers(&scene.take()), [0, 1, 2]);
    scene.nothing_is_lost();
}

#[test]
fn a_log_that_is_empty_yet_is_told_from_its_first_line_and_a_copy_that_is_not_at_all() {
    let mut scene = Scene::new();
    scene.append("a.log", "");
    scene.append("b.log", "first\n");
    scene.append("b.log.1", "");
    scene.poll();
    scene.append("a.log", "one\n");
    scene.append("b.log.1", "first\n");
    scene.poll();
    assert_eq!(scene.lines, ["first", "one"]);
    scene.later(LOOK);
    scene.append("c.log", "");
    scene.later(LOOK);
    scene.append("c.log", "two\n");
    scene.append("d.log.gz", "");
    scene.poll();
    assert_eq!(scene.lines, ["first", "one", "two"]);
}

#[test]
fn a_copy_counts_as_given_out_only_once_its_original_was() {
    let mut scene = Scene::new();
    let path = scene.path("nova-api.log");
    scene.append("nova-api.log", line(0));
    scene.poll();
    copytruncate(&path, &scene.path("nova-api.log.2"));
    scene.append("nova-api.log", line(1));
    fs::copy(&path, scene.path("nova-api.log.1")).unwrap();
    // The first truncation is seen, and nothing read behind it, when the second comes.
    assert!(scene.poll_once(Pace::All), "there is more");
    truncate(&path);
    scene.append("nova-api.log", line(2));
    scene.poll();
    scene.later(LOOK);
    scene.later(LOOK);
    let mut told = numbers(&scene.take());
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2]);
    scene.nothing_is_lost();
}

#[test]
fn what_was_truncated_without_a_copy_is_said() {
    let mut scene = Scene::new();
    scene.append("glance-api.log", line(0));
    scene.poll();
    fs::write(scene.path("glance-api.log"), "new\n").unwrap();
    scene.poll();
    assert_eq!(scene.take()[1..], ["new"]);
    assert_eq!(scene.lost.len(), 1);
    let lost = &scene.lost[0];
    assert!(lost.contains("glance-api.log: was truncated") && lost.contains("no copy"), "{lost}");
}

#[test]
fn a_writer_that_does_not_append_leaves_a_hole_that_is_not_read() {
    let mut scene = Scene::new();
    let mut writer = File::create(scene.path("ovs.log")).unwrap();
    writer.write_all(lines(0..10).as_bytes()).unwrap();
    scene.poll();
    copytruncate(&scene.path("ovs.log"), &scene.path("ovs.log.1"));
    for n in [10, 11] {
        writer.write_all(line(n).as_bytes()).unwrap();
        scene.poll();
    }
    assert_eq!(numbers(&scene.take()), (0..12).collect::<Vec<_>>());
    scene.nothing_is_lost();
}

#[test]
fn files_and_directories_may_appear_later_and_go() {
    let mut scene = Scene::new();
    scene.poll();
    fs::create_dir(scene.path("heat")).unwrap();
    scene.append("heat/heat-engine.log", "one\ntwo\n");
    scene.later(LOOK);
    assert_eq!(scene.take(), ["one", "two"]);
    let mut writer = OpenOptions::new().append(true).open(scene.path("heat/heat-engine.log")).unwrap();
    fs::remove_file(scene.path("heat/heat-engine.log")).unwrap();
    writer.write_all(b"to nobody but us\n").unwrap();
    scene.poll();
    scene.append("heat/heat-engine.log", "again\n");
    scene.poll();
    assert_eq!(scene.take(), ["to nobody but us", "again"]);
    // The one that is gone is let go.
    scene.later(MOVED);
    scene.later(LOOK);
    assert_eq!(scene.follower.files().len(), 1);
    scene.nothing_is_lost();
}

#[test]
fn a_file_without_its_last_newline_is_given_out_after_a_second_and_joined() {
    let mut scene = Scene::new();
    scene.append("placement-api.log", "no newline");
    scene.poll();
    assert!(scene.take().is_empty());
    scene.later(HALF);
    assert_eq!(scene.take(), ["no newline"]);
    scene.later(HALF);
    scene.append("placement-api.log", " until now\n");
    scene.poll();
    assert_eq!((scene.take(), scene.given), (vec!["no newline until now".to_owned()], vec![0, 10]));
}

#[test]
fn a_log_that_slept_wakes_where_it_was_read_to() {
    let mut scene = Scene::new();
    scene.append("keystone.log", "one\n");
    scene.poll();
    scene.later(DORMANT);
    assert!(!scene.follower.files.values().any(Followed::is_open));
    scene.append("keystone.log", "two\n");
    scene.later(LOOK);
    assert_eq!(scene.take(), ["one", "two"]);
}

#[test]
fn a_quick_poll_asks_only_those_that_said_something_a_moment_ago() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", "a\n");
    scene.append("keystone.log", "k\n");
    scene.poll();
    scene.later(LIVELY);
    scene.append("nova-api.log", "b\n");
    scene.poll();
    scene.take();
    scene.append("nova-api.log", "c\n");
    scene.append("keystone.log", "l\n");
    scene.poll_once(Pace::Lively);
    assert_eq!(scene.take(), ["c"]);
    scene.poll();
    assert_eq!(scene.take(), ["l"]);
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_are_lines_too() {
    let mut scene = Scene::new();
    let long = [&vec![b'x'; 10 << 20][..], b"\nlast\n"].concat();
    scene.append("nova-compute.log", &long);
    scene.poll();
    // At the start a file's end alone is read; what comes is read whole.
    assert_eq!(scene.take(), ["last"]);
    scene.append("nova-compute.log", &long);
    scene.append("nova-compute.log", b"bad \xff utf-8\r\nnul \0 inside\n");
    scene.poll();
    let told = scene.take();
    assert_eq!(told[0].len(), lines::LONGEST);
    assert_eq!(told[1..], ["last", "bad \u{fffd} utf-8\r", "nul \0 inside"]);
}

#[test]
fn one_file_that_is_flooded_does_not_hold_up_the_others() {
    let mut scene = Scene::new();
    scene.append("flood.log", "begin\n");
    scene.append("quiet.log", "begin\n");
    scene.poll();
    scene.take();
    scene.append("flood.log", line(0).repeat((10 << 20) / line(0).len()));
    scene.append("quiet.log", "here too\n");
    assert!(scene.poll_once(Pace::All), "there is more");
    assert!(scene.lines.contains(&"here too".to_owned()));
    scene.poll();
    assert_eq!(scene.take().len(), (10 << 20) / line(0).len() + 1);
}

/// A log that is rotated while it is written. The writer holds still while it is rotated: what is written between a
/// copy and its truncation is lost to everybody. Up to three rotations come between two polls. Every line must be told
/// once.
fn under_load(rotate: fn(&Path, usize), rotations: usize) {
    const LINES: usize = 40;
    let mut scene = Scene::new();
    let path = scene.path("nova-compute.log");
    append(&path, line(0).as_bytes());
    scene.poll();
    let (written, is_over, polls) = (Mutex::new(1), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..rotations {
                for _ in 0..LINES {
                    let mut next = written.lock().unwrap();
                    append(&path, line(*next).as_bytes());
                    *next += 1;
                }
                rotate(&path, n);
                while polls.load(Ordering::Acquire) < n / 3 {
                    std::thread::yield_now();
                }
            }
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            scene.poll();
            polls.fetch_add(1, Ordering::Release);
        }
    });
    scene.poll();
    scene.later(LOOK);
    let mut told = numbers(&scene.take());
    told.sort_unstable();
    let twice: Vec<usize> = told.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(twice.is_empty(), "told twice: {twice:?}");
    let lost: Vec<usize> = (0..rotations * LINES + 1).filter(|n| told.binary_search(n).is_err()).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    scene.nothing_is_lost();
}

#[test]
fn no_line_is_lost_through_renames_under_a_writer() {
    under_load(
        |path, n| fs::rename(path, path.with_file_name(format!("nova-compute.log.{n}"))).unwrap(),
        250,
    );
}

#[test]
fn no_line_is_lost_through_copytruncates_under_a_writer() {
    under_load(|path, n| copytruncate(path, &path.with_file_name(format!("nova-compute.log.{n}"))), 300);
}
