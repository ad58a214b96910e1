//! The lines of a real cloud's services, as they stand in `tests/samples/logs`.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use stackwatch::model::{Level, Stamp};
use stackwatch::signature::Signatures;
use stackwatch::source::log::{Folder, Grammar, Zone};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/logs")
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for directory in ["zed", "zed-later", "others"] {
        for entry in std::fs::read_dir(samples().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{directory}/{}", path.file_name().unwrap().display());
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
    assert!(files.len() > 30, "{}", files.len());
    files.sort();
    files
}

/// The format that a file's lines are expected in.
fn expected(file: &str) -> &'static [&'static str] {
    if file.contains("/uwsgi-") { &["uwsgi", "uwsgi-start"] } else { &["oslo"] }
}

#[test]
fn every_line_that_begins_a_record_has_time_and_level_by_its_files_format() {
    let grammar = Grammar::shipped().unwrap();
    let mut wrong = Vec::new();
    for (file, bytes) in files() {
        let mut heads = 0;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let parsed = grammar.parse(line);
            // What begins like a record, without any of our code: a year, uWSGI's bracket.
            let begins =
                line.starts_with(b"2026-") || line.starts_with(b"[pid: ") || line.starts_with(b"*** Start");
            let name = grammar.name(line);
            let is_read = parsed.time != Stamp::None
                && parsed.level != Level::Unknown
                && name.is_some_and(|name| expected(&file).contains(&name));
            heads += usize::from(begins);
            if begins != is_read {
                wrong.push(format!("{file}:{}: {name:?} {}", number + 1, String::from_utf8_lossy(line)));
            }
        }
        assert!(heads > 0, "{file}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn times_grow_from_line_to_line_of_each_process() {
    let grammar = Grammar::shipped().unwrap();
    let written = "2026-11-24T00:00:00Z".parse().unwrap();
    for (file, bytes) in files() {
        let mut zone = Zone::new(TimeZone::UTC, written);
        let mut last = std::collections::HashMap::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            let parsed = grammar.parse(line);
            let Some(at) = zone.instant(parsed.time, None) else { continue };
            // Threads of one process take their time before they take the lock: some milliseconds.
            let before = last.insert(parsed.pid.of(line).to_vec(), at).unwrap_or(at);
            assert!(at + 1_500_000 >= before, "{file}: {}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn records_are_counted_not_lines() {
    let grammar = Grammar::shipped().unwrap();
    // Counted with awk: ERROR records, and the lines that say ERROR.
    for (file, records, lines) in [
        ("zed/nova-conductor.log", 1, 38),
        ("zed-later/nova-compute-cmp20.log", 3, 12),
        ("zed-later/nova-compute-cmp21.log", 6, 15),
    ] {
        let bytes = std::fs::read(samples().join(file)).unwrap();
        let mut folder = Folder::default();
        let (mut errors, mut error_lines) = (0, 0);
        for line in bytes.split(|byte| *byte == b'\n') {
            let parsed = grammar.parse(line);
            let (_, begins) = folder.place(line, &parsed);
            let is_error = parsed.level == Level::Error;
            errors += usize::from(is_error && begins);
            error_lines += usize::from(is_error);
        }
        assert_eq!((errors, error_lines), (records, lines), "{file}");
    }
}

#[test]
fn known_messages_are_found_where_they_are_and_nowhere_else() {
    let grammar = Grammar::shipped().unwrap();
    let signatures = Signatures::shipped().unwrap();
    let mut found = std::collections::BTreeMap::<(String, String), usize>::new();
    for (file, bytes) in files() {
        let directory = file.split('/').next().unwrap().to_owned();
        for line in bytes.split(|byte| *byte == b'\n') {
            let parsed = grammar.parse(line);
            // Counted by lines that begin with a time.
            for signature in
                signatures.of(parsed.message.of(line), parsed.level).iter().filter(|_| parsed.is_head())
            {
                *found.entry((directory.clone(), signature.id.clone())).or_default() += 1;
            }
        }
    }
    // Counted by running the same patterns over the raw lines; of each id one line was read.
    let expected = [
        // Ten builds and two moves; a reboot, a deletion; one that found no host.
        ("zed", "T3 12  T2 10  T1 10  T8 1  T6 1  P2 1  S1 5  S6 1  S4 1"),
        // A reschedule and an aborted build, with the lines of their tracebacks.
        ("zed-later", "T3 3  T2 1  T1 1  B1 2  B4 4  T6 2  B3 4  B3b 1  B9 1"),
        // A backend that does not work, and agents that started before neutron-server answered.
        ("others", "V5 4  V4 1  V4b 1  M9 5  N7 2"),
    ];
    let mut table = std::collections::BTreeMap::new();
    for (directory, counts) in expected {
        let words: Vec<&str> = counts.split_whitespace().collect();
        for pair in words.chunks(2) {
            table.insert((directory.to_owned(), pair[0].to_owned()), pair[1].parse().unwrap());
        }
    }
    assert_eq!(found, table);
}
