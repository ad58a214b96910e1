use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::model::Level;

struct Scene {
    dir: TempDir,
    reader: Reader,
    now: Instant,
    heard: Vec<Heard>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = LogPlace::named(vec![dir.path().to_owned()], "test").in_zone(jiff::tz::TimeZone::UTC);
        Self {
            reader: Reader::new(vec![place], Arc::new(Grammar::shipped().unwrap())),
            dir,
            now: Instant::now(),
            heard: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn poll(&mut self) {
        self.now += Duration::from_millis(100);
        while self.reader.poll(self.now, Pace::All, &mut |heard| self.heard.push(heard)) {}
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
        self.poll();
    }

    /// All that was told, and which line begins its record.
    fn told(&self) -> Vec<(String, u64)> {
        let lines = self.heard.iter().flat_map(|heard| heard.lines.iter().map(move |line| (heard, line)));
        lines
            .map(|(heard, line)| {
                (String::from_utf8_lossy(line.text.of(&heard.text)).into_owned(), line.record)
            })
            .collect()
    }

    fn lines(&self) -> Vec<HeardLine> {
        self.heard.iter().flat_map(|heard| heard.lines.clone()).collect()
    }
}

const AT: &str = "2026-11-23 18:48:41.205";

fn micros(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_microsecond()
}

#[test]
fn a_traceback_goes_on_with_its_record_through_batches_and_others_lines() {
    let mut scene = Scene::new();
    scene.append(
        "nova-conductor.log",
        &format!("{AT} 7 ERROR nova.conductor [None req-1 u p - - -] Failed\n"),
    );
    scene.poll();
    scene.append("nova-api.log", &format!("{AT} 9 INFO nova.api [-] another\n"));
    scene.append(
        "nova-conductor.log",
        &format!("{AT} 7 ERROR nova.conductor Traceback (most recent call last):\n{AT} 8 INFO nova.conductor [-] b\n"),
    );
    scene.later(Duration::from_secs(2));
    scene.append("nova-conductor.log", "  File x, without a time\n");
    scene.poll();
    let told = scene.told();
    let record = |part: &str| told.iter().find(|(line, _)| line.contains(part)).unwrap().1;
    assert_eq!((record("Failed"), record("Traceback")), (0, 0));
    assert_eq!(record("without a time"), record(" b"), "it goes on with the line above");
    assert_eq!(told.iter().filter(|(_, record)| *record == 0).count(), 2);
    let lines = scene.lines();
    assert_eq!((lines[0].level, lines[0].at), (Level::Error, micros("2026-11-23T18:48:41.205Z")));
    assert_eq!(scene.heard.last().unwrap().files, 2);
    // Lines are counted through all batches.
    let firsts: Vec<u64> = scene.heard.iter().map(|heard| heard.first).collect();
    assert!(firsts.windows(2).all(|pair| pair[0] <= pair[1]), "{firsts:?}");
    let sources: Vec<&str> = scene.heard.iter().flat_map(|h| h.sources.iter().map(|s| &*s.service)).collect();
    assert_eq!(sources, ["nova-conductor", "nova-api"]);
}

#[test]
fn a_file_that_tells_no_times_has_records_of_one_line_by_when_they_were_heard() {
    let mut scene = Scene::new();
    scene.append("qemu.log", "old one\nold two\n");
    let written = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    File::options().write(true).open(scene.path("qemu.log")).unwrap().set_modified(written).unwrap();
    scene.poll();
    let before = Timestamp::now().as_microsecond();
    scene.append("qemu.log", "new\n");
    scene.poll();
    let lines = scene.lines();
    assert_eq!(lines.iter().map(|line| line.record).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((lines[0].at, lines[1].at), (1_000_000_000_000, 1_000_000_000_000));
    assert!(lines[2].at >= before, "{lines:?}");
}

#[test]
fn lines_above_the_first_that_has_a_time_are_as_old_as_that() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", &format!("  torn\n{AT} 9 INFO nova.api [-] whole\n"));
    scene.poll();
    let lines = scene.lines();
    assert_eq!((lines[0].at, lines[0].record, lines[1].record), (lines[1].at, 0, 1));
}

#[test]
fn what_comes_long_after_a_record_is_no_part_of_it() {
    let mut scene = Scene::new();
    scene.append("mixed.log", &format!("{AT} 9 INFO nova.api [-] whole\n"));
    scene.poll();
    scene.append("mixed.log", "at once\n");
    scene.poll();
    scene.later(TOGETHER);
    scene.append("mixed.log", "on its own\n");
    scene.later(TOGETHER);
    let lines = scene.lines();
    assert_eq!(lines.iter().map(|line| line.record).collect::<Vec<_>>(), [0, 0, 2]);
    assert!(lines[2].at > lines[0].at);
}

#[test]
fn a_half_line_is_told_and_then_replaced_by_the_whole() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", &format!("{AT} 9 INFO nova.api [-] who"));
    scene.poll();
    scene.later(Duration::from_secs(1));
    scene.append("nova-api.log", &format!("le\n{AT} 9 ERROR nova.api Traceback\n"));
    scene.poll();
    let lines = scene.lines();
    assert_eq!((lines[0].replaces, lines[1].replaces, lines[1].record), (None, Some(0), 1));
    assert!(scene.told()[1].0.ends_with("whole"));
    // It goes on with the whole line, not with the half that is gone.
    assert_eq!(lines[2].record, 1);
}

#[test]
fn what_is_not_read_is_said() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", "one line of text\n");
    scene.poll();
    fs::write(scene.path("nova-api.log"), "new\n").unwrap();
    scene.poll();
    let troubles: Vec<&Trouble> = scene.heard.iter().flat_map(|heard| &heard.troubles).collect();
    assert!(troubles.len() == 1 && troubles[0].message.contains("was truncated"), "{troubles:?}");
}

#[test]
fn much_comes_in_batches() {
    let mut scene = Scene::new();
    scene.append("nova-api.log", "begin\n");
    scene.poll();
    let line = format!("{AT} 9 INFO nova.api [-] {}\n", "x".repeat(100));
    let count = 3 * BATCH / line.len();
    scene.append("nova-api.log", &line.repeat(count));
    scene.poll();
    assert_eq!(scene.lines().len(), count + 1);
    assert!(scene.heard.iter().all(|heard| heard.text.len() < BATCH + 1_000));
}

#[test]
fn what_a_central_server_writes_into_several_files_is_told_once() {
    let mut scene = Scene::new();
    fs::create_dir_all(scene.path("rsyslog/cmp01")).unwrap();
    let line = |n: u32, words: &str| {
        format!("Nov 23 18:48:41 cmp01 nova-compute[7]: 2026-11-23 18:48:41.2{n:02} 7 {words}\n")
    };
    let failed = line(5, "ERROR nova.compute [None req-1 u p - - -] Failed");
    for file in ["rsyslog/cmp01/nova.log", "rsyslog/nova.log", "rsyslog/cmp01/syslog.log"] {
        scene.append(file, &failed);
    }
    scene.poll();
    assert_eq!(scene.lines().len(), 1, "{:?}", scene.told());
    // Its traceback comes by another file first, and belongs to it all the same.
    let rest = line(5, "ERROR nova.compute Traceback (most recent call last):");
    for file in ["rsyslog/nova.log", "rsyslog/cmp01/nova.log"] {
        scene.append(file, &rest);
        scene.poll();
    }
    let lines = scene.lines();
    assert_eq!((lines.len(), lines[1].record), (2, 0), "{:?}", scene.told());
    // What one file says twice was said twice.
    for _ in 0..2 {
        scene.append("rsyslog/nova.log", &line(6, "INFO nova.compute [-] again"));
    }
    scene.poll();
    assert_eq!(scene.lines().len(), 4, "{:?}", scene.told());
}

#[test]
fn a_half_line_that_was_a_copy_takes_no_other_lines_place() {
    let mut scene = Scene::new();
    fs::create_dir_all(scene.path("rsyslog/cmp01")).unwrap();
    scene.append("nova-api.log", &format!("{AT} 9 INFO nova.api [-] the first\n"));
    scene.poll();
    let half = "Nov 23 18:48:41 cmp01 nova-compute[7]: 2026-11-23 18:48:41.205 7 INFO nova.compute [-] who";
    for file in ["rsyslog/cmp01/nova.log", "rsyslog/nova.log"] {
        scene.append(file, half);
    }
    scene.later(Duration::from_secs(2));
    scene.later(Duration::from_secs(2));
    assert_eq!(scene.told().len(), 2, "{:?}", scene.told());
    // The one that was not told is whole first.
    let sources = scene.heard.iter().flat_map(|heard| &heard.sources);
    let told = sources.map(|source| source.path.to_string()).nth(scene.lines()[1].source as usize).unwrap();
    let mut files = ["rsyslog/nova.log", "rsyslog/cmp01/nova.log"];
    files.sort_by_key(|file| told.ends_with(file));
    for file in files {
        scene.append(file, "le\n");
        scene.poll();
    }
    let replaced: Vec<u64> = scene.lines().iter().filter_map(|line| line.replaces).collect();
    assert!(!replaced.contains(&0), "{replaced:?} of {:?}", scene.told());
}

#[test]
fn what_our_own_questions_caused_is_said_to_be_ours_unless_something_is_wrong_with_it() {
    let mut scene = Scene::new();
    let access = |id: &str, level: &str, status: u16| {
        format!(
            "{AT} 9 {level} nova.api.openstack.requestlog [{id} u p - - d d] 10.0.0.5 \"GET /v2.1/servers/detail\" \
             status: {status} len: 15 microversion: 2.1 time: 0.01\n"
        )
    };
    let ours = "57ac3a7c-8846-4aa2-8a5a-629e8034465f";
    let other = "req-a54b595b-8846-4aa2-8a5a-629e8034465f";
    for (ids, level, status) in [
        (format!("None req-{ours}"), "INFO", 200),
        // As nova calls it, and as it asks others on our behalf.
        (format!("req-{ours} {other}"), "INFO", 404),
        (format!("None {other}"), "INFO", 200),
        (format!("req-{ours} {other}"), "INFO", 503),
        (format!("req-{ours} {other}"), "WARNING", 200),
    ] {
        scene.append("nova-api.log", &access(&ids, level, status));
    }
    // fluentd's.
    scene.append(
        "fluentd.log",
        &format!("{{\"@timestamp\":\"2026-11-23T18:48:30Z\",\"request_id\":\"{ours}\",\"Payload\":\"x\"}}\n"),
    );
    scene.poll();
    let own = |line: &HeardLine| line.is_own;
    let mut owns: Vec<bool> = scene.lines().iter().map(own).collect();
    owns.sort_unstable();
    assert_eq!(owns, [false, false, false, true, true, true], "{:?}", scene.told());
    let asked: Vec<u16> =
        scene.heard.iter().flat_map(|heard| &heard.requests).map(|request| request.status).collect();
    assert_eq!(asked, [200, 503, 200]);
    assert_eq!(scene.heard.iter().map(|heard| heard.own_requests).sum::<u64>(), 2);
}
