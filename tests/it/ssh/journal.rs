//! A real journald's records as they come, of this host and over a real sshd of another.

use std::collections::BTreeMap;
use std::fs;

use crate::support::journald::Journald;
use crate::support::pty::Pty;
use crate::support::sim::Serving;
use crate::support::sshd::{Hosts, OPERATOR};
use crate::support::tail::Tail;

const REQUEST: &str = "req-a54b595b-8846-4aa2-8a5a-629e8034465f";

/// As oslo's handler writes it, but for the message.
fn of_nova<'a>(message: &'a str, request: &'a str) -> [(&'static str, &'a [u8]); 7] {
    [
        ("SYSLOG_IDENTIFIER", b"nova-compute"),
        ("PRIORITY", b"4"),
        ("LOGGER_NAME", b"nova.compute.manager"),
        ("LOGGER_LEVEL", b"WARNING"),
        ("REQUEST_ID", request.as_bytes()),
        ("USER_ID", b"u"),
        ("MESSAGE", message.as_bytes()),
    ]
}

pub fn a_tail_of_journals_tells_every_record_once_through_broken_connections() {
    let journald = Journald::new();
    let mut hosts = Hosts::new();
    hosts.start("cmp01");
    hosts.also("rights", "cmp01", &format!("  User {OPERATOR}\n"));
    hosts.know("rights", &hosts.key("cmp01"));
    // All that is written here is known by this.
    let run = format!("run{}", std::process::id());
    let say = |n: usize| journald.write(&of_nova(&format!("{run} record {n:03}"), REQUEST));
    let settings = "[[logs]]\nssh = 'cmp01'\njournal = true\n[[logs]]\nssh = 'rights'\njournal = true\n\
                    [[logs]]\njournal = true\n";
    say(0);
    let tail = Tail::start(hosts.command(settings, &["tail", "--filter", &run]));
    let mut told = tail.until("no right to");
    assert!(
        told.last().unwrap().contains("rights: its journal is not followed, or not all of it: no right to")
    );
    // What stood there is told, of both.
    while told.iter().filter(|line| line.contains("record 000")).count() < 2 {
        told.push(tail.next());
    }
    journald.write(&[
        ("SYSLOG_IDENTIFIER", b"qemu"),
        ("MESSAGE", format!("{run} \x1b[31mred\x1b[0m\ntwo").as_bytes()),
    ]);
    let mut n = 1;
    for round in 0..3 {
        // It is connected.
        say(n);
        let first = format!("{run} record {n:03}");
        n += 1;
        let is_told = |line: &String| line.starts_with("cmp01 journal ") && line.contains(&first);
        while !told.iter().any(is_told) {
            told.push(tail.next());
        }
        for _ in 0..50 {
            say(n);
            n += 1;
        }
        if round < 2 {
            hosts.break_connections("cmp01");
            told.extend(tail.until("cmp01: the connection over SSH broke"));
        }
    }
    let last = format!("{run} record {:03}", n - 1);
    while told.iter().filter(|line| line.contains(&last)).count() < 2 {
        told.push(tail.next());
    }
    let mut counts: BTreeMap<(bool, usize), usize> = BTreeMap::new();
    for line in &told {
        if let Some(number) = line.rsplit_once(" record ").and_then(|(_, number)| number.parse().ok()) {
            *counts.entry((line.starts_with("cmp01 "), number)).or_default() += 1;
        }
    }
    let wrong: Vec<_> =
        (0..n).flat_map(|n| [(true, n), (false, n)]).filter(|key| counts.get(key) != Some(&1)).collect();
    assert!(wrong.is_empty(), "lost or told twice: {wrong:?} of {told:#?}");
    let line =
        told.iter().find(|line| line.starts_with("cmp01 journal ") && line.contains("record 001")).unwrap();
    assert!(line.contains(&format!(" cmp01 nova-compute[{}]: WARNING", std::process::id())), "{line}");
    assert!(
        line.ends_with(&format!("nova.compute.manager [None {REQUEST} u - - - -] {run} record 001")),
        "{line}"
    );
    // Colours are stripped, and a record stays one line.
    let red = told.iter().find(|line| line.contains("qemu[")).unwrap();
    assert!(red.ends_with(&format!("{run} red#012two")), "{red:?}");
}

pub fn the_dashboard_follows_the_journal_and_leads_from_a_record_to_its_trace() {
    let journald = Journald::new();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    fs::write(&config, "[[logs]]\njournal = true\n").unwrap();
    let _serving = Serving::start(dir.path(), &["--scenario", "healthy", "--speed", "0"]);
    let clouds = dir.path().join("cloud/clouds.yaml");
    let env = [("OS_CLIENT_CONFIG_FILE", clouds.to_str().unwrap()), ("TZ", "UTC"), ("LANG", "C.UTF-8")];
    let args = ["--config", config.to_str().unwrap(), "--cloud", "admin", "--pane", "logs"];
    let mut pty = Pty::start(&args, &env, (140, 40));
    let run = format!("run{}", std::process::id());
    let request = format!("req-{:08x}-8846-4aa2-8a5a-629e8034465f", std::process::id());
    pty.see("FOLLOW");
    pty.press(&format!("/{run}<enter>"));
    for words in ["came before", "was slow", "came after"] {
        let request = if words == "was slow" { &request } else { REQUEST };
        journald.write(&of_nova(&format!("{run} {words}"), request));
    }
    pty.see("nova-compute WARN");
    pty.see(&format!("{run} came after"));
    pty.press("k<enter>");
    pty.see(&format!("{run} was slow"));
    for words in ["nova.compute.manager", &request, ":journal", "nova-compute"] {
        pty.see(words);
    }
    pty.press("t");
    pty.see("Logs › Trace");
    // Its branch is folded.
    pty.see("1 record of 1 file");
    // In one breath, before a frame.
    pty.press("vG<enter>");
    // The journal around it.
    pty.see("came before");
    let screen = pty.see("came after");
    assert!(screen.contains(":journal") && !screen.contains("rotated since"), "{}", screen.text());
}
