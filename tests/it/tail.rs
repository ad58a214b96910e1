//! `tail` over real files that grow and are rotated, and the dashboard's logs over them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::support::pty::{Ended, Pty, poll};
use crate::support::sim::Serving;
use crate::support::stub::{command, run};
use crate::support::tail::Tail;

const PATIENCE: Duration = Duration::from_secs(20);

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn line(second: u32, level: &str, words: &str) -> String {
    format!("2026-11-23 18:48:{second:02}.205 21276 {level} nova.compute.manager [-] {words}\n")
}

fn start(dir: &Path, words: &[&str]) -> Tail {
    let args: Vec<&str> = ["tail"].iter().chain(words).copied().collect();
    Tail::start(command(dir, &args))
}

/// The next line, without whose it is.
fn next(tail: &Tail) -> String {
    let line = tail.next();
    line.split_once("  ").map(|(_, line)| line.to_owned()).unwrap_or(line)
}

fn says(tail: &Tail, words: &[&str]) {
    for words in words {
        let line = next(tail);
        assert!(line.ends_with(words), "{line:?}, not {words:?}");
    }
}

#[test]
fn the_last_lines_of_all_files_come_by_time_and_then_what_is_written_through_rotations() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::create_dir(&log).unwrap();
    let (compute, api) = (log.join("nova-compute.log"), log.join("nova-api.log"));
    append(&compute, &(line(1, "INFO", "one") + &line(3, "INFO", "three")));
    append(&api, &(line(0, "INFO", "zero") + &line(2, "INFO", "two")));
    let tail = start(dir.path(), &["--log", "log", "-n", "3"]);
    says(&tail, &["one", "two", "three"]);
    append(&compute, &line(4, "INFO", "four"));
    says(&tail, &["four"]);
    fs::rename(&compute, log.join("nova-compute.log.1")).unwrap();
    append(&compute, &line(5, "INFO", "after a rename"));
    says(&tail, &["after a rename"]);
    fs::copy(&api, log.join("nova-api.log.1")).unwrap();
    OpenOptions::new().write(true).open(&api).unwrap().set_len(0).unwrap();
    append(&api, &line(6, "INFO", "after a truncation"));
    says(&tail, &["after a truncation"]);
    append(&log.join("heat-engine.log"), &line(7, "INFO", "of a new file"));
    says(&tail, &["of a new file"]);
}

#[test]
fn a_record_passes_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("nova-compute.log");
    append(&log, &line(1, "INFO", "nothing of note"));
    let tail = start(dir.path(), &["--log", "*.log", "--level", "warn", "--filter", "spawn"]);
    append(&log, &line(2, "ERROR", "another error"));
    append(&log, &line(3, "ERROR", "Instance failed to spawn"));
    append(&log, "2026-11-23 18:48:03.205 21276 ERROR nova.compute.manager Traceback\n");
    append(&log, &line(4, "INFO", "spawned"));
    append(&log, &line(5, "CRITICAL", "cannot spawn \x1b[31mred\x1b[0m"));
    says(&tail, &["failed to spawn", "Traceback"]);
    let last = next(&tail);
    assert!(last.contains("cannot spawn") && !last.contains('\x1b'), "{last:?}");
}

#[test]
fn what_cannot_be_asked_is_said_and_a_closed_pipe_is_a_quiet_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("nova-compute.log");
    append(&log, &line(1, "INFO", "one"));
    for (words, part) in
        [(&["--level", "loud"][..], "`loud` is no level"), (&["--filter", "hosst=a"], "did you mean `host`?")]
    {
        let args: Vec<&str> = ["tail", "--log", "."].iter().chain(words).copied().collect();
        let run = run(command(dir.path(), &args));
        assert!(run.code == 2 && run.err.contains(part), "{run:?}");
    }
    let mut tail = start(dir.path(), &["--log", "."]);
    says(&tail, &["one"]);
    tail.close();
    let ended = poll(PATIENCE, || {
        append(&log, &line(2, "INFO", "two"));
        tail.ended().is_some()
    });
    assert!(ended.is_some(), "it goes on without a reader");
    assert_eq!(tail.ended().unwrap().code(), Some(0));
}

#[test]
fn the_dashboard_shows_a_line_as_soon_as_it_is_written_and_follows_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("nova-compute.log");
    append(&log, &line(1, "INFO", "stood there"));
    let config = dir.path().join("config.toml");
    fs::write(&config, format!("[[logs]]\npath = '{}'\nhost = 'cmp03'\n", log.display())).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let _serving = Serving::start(dir.path(), &["--scenario", "healthy", "--speed", "0"]);
    let clouds = dir.path().join("cloud/clouds.yaml");
    let env = [("OS_CLIENT_CONFIG_FILE", clouds.to_str().unwrap()), ("TZ", "UTC"), ("LANG", "C.UTF-8")];
    let args = ["--config", &config, "--cloud", "admin", "--pane", "logs"];
    let mut pty = Pty::start(&args, &env, (120, 40));
    pty.see("stood there");
    append(
        &log,
        &line(
            2,
            "ERROR",
            "AMQP server on 10.0.0.11:5672 is unreachable: timed out. Trying again in 1 seconds.",
        ),
    );
    pty.see("AMQP server on 10.0.0.11:5672");
    pty.see("M1: The service has lost the message broker");
    fs::rename(&log, dir.path().join("nova-compute.log.1")).unwrap();
    append(&log, &line(3, "INFO", "after the rotation"));
    pty.see("after the rotation");
    pty.press("/level>=ERROR<enter>");
    pty.see_no("after the rotation");
    pty.see("1 record in 3 lines");
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
}
