//! Logs of other hosts as they grow, over real sshd's.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use crate::support::sshd::Hosts;
use crate::support::tail::Tail;

pub fn a_tail_over_ssh_tells_every_line_once_through_rotations_and_broken_connections() {
    let mut hosts = Hosts::new();
    for host in ["cmp01", "cmp02"] {
        hosts.start(host);
    }
    hosts.down("cmp03");
    let path = |host: &str| hosts.logs(host).join("nova-compute.log");
    let append = |host: &str, n: usize| {
        let time = format!("2026-11-23 18:{:02}:{:02}.205", 48 + n / 60, n % 60);
        let line = format!("{time} 7 INFO nova.compute [-] {host} line {n:03}\n");
        let file = fs::OpenOptions::new().create(true).append(true).open(path(host));
        file.unwrap().write_all(line.as_bytes()).unwrap();
    };
    append("cmp01", 0);
    append("cmp02", 0);
    let root = hosts.path("hosts");
    let settings = format!(
        "[[logs]]\nssh = 'cmp01'\npath = '{root}/cmp01'\n[[logs]]\nssh = 'cmp02'\npath = '{root}/cmp02'\n\
         [[logs]]\nssh = 'cmp03'\npath = '{root}/cmp03'\n",
        root = root.display()
    );
    let tail = Tail::start(hosts.command(&settings, &["tail", "-n", "0"]));
    let mut told = tail.until("nothing from cmp03");
    let mut n = 1;
    // It is heard once both are followed.
    for host in ["cmp01", "cmp02"] {
        append(host, n);
        told.extend(tail.until(&format!("{host} line {n:03}")));
        n += 1;
    }
    let first = n;
    for round in 0..3 {
        for host in ["cmp01", "cmp02"] {
            for _ in 0..20 {
                append(host, n);
                n += 1;
            }
            let old = path(host).with_extension(format!("log.{}", 3 - round));
            match host {
                "cmp01" => fs::rename(path(host), old).unwrap(),
                _ => {
                    told.extend(tail.until(&format!("{host} line {:03}", n - 1)));
                    fs::copy(path(host), old).unwrap();
                    fs::OpenOptions::new().write(true).open(path(host)).unwrap().set_len(0).unwrap();
                }
            }
            append(host, n);
            n += 1;
        }
        told.extend(tail.until(&format!("cmp02 line {:03}", n - 1)));
        if round == 1 {
            hosts.break_connections("cmp01");
            told.extend(tail.until("cmp01"));
        }
    }
    append("cmp01", n);
    told.extend(tail.until(&format!("cmp01 line {n:03}")));
    let lines: Vec<usize> = told
        .iter()
        .filter_map(|line| line.rsplit_once(" line ")?.1.parse().ok())
        .filter(|line| *line >= first)
        .collect();
    let once: BTreeSet<usize> = lines.iter().copied().collect();
    let lost: Vec<usize> = (first..=n).filter(|line| !once.contains(line)).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    let troubles = told.iter().filter(|line| line.contains("truncated")).count();
    assert_eq!(troubles, 0, "nothing is said to be lost: {told:#?}");
    assert_eq!(lines.len(), once.len(), "told twice");
}

pub fn a_file_that_was_truncated_and_has_grown_beyond_its_old_size_between_two_looks_is_told_anew() {
    let mut hosts = Hosts::new();
    hosts.start("cmp01");
    let path = hosts.logs("cmp01").join("nova-compute.log");
    let line = |n: usize| {
        format!("2026-11-23 18:{:02}:{:02}.205 7 INFO nova.compute [-] line {n:03}\n", 10 + n / 60, n % 60)
    };
    let lines = |numbers: std::ops::Range<usize>| numbers.map(line).collect::<String>();
    fs::write(&path, line(0)).unwrap();
    let settings = format!("[[logs]]\nssh = 'cmp01'\npath = '{}'\n", hosts.logs("cmp01").display());
    let tail = Tail::start(hosts.command(&settings, &["tail", "-n", "0"]));
    let mut told = tail.until("line 000");
    let append = |text: &str| {
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(&lines(1..3));
    told.extend(tail.until("line 002"));
    // With a copy, which has what nobody has looked at yet: written in one go, it never was smaller than before.
    append(&lines(3..6));
    fs::copy(&path, path.with_extension("log.1")).unwrap();
    let over = |text: String| {
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, text.as_bytes(), 0).unwrap();
    };
    over(lines(6..40));
    told.extend(tail.until("line 039"));
    assert!(!told.iter().any(|line| line.contains("truncated")), "{told:#?}");
    append(&line(40));
    told.extend(tail.until("line 040"));
    // Without: that is said, and what is there is told.
    fs::remove_file(path.with_extension("log.1")).unwrap();
    over(lines(41..99));
    told.extend(tail.until("line 098"));
    let lost = told
        .iter()
        .filter(|line| line.contains("was truncated; what was written since the last look is lost"));
    assert_eq!(lost.count(), 1, "{told:#?}");
    let numbers: Vec<usize> =
        told.iter().filter_map(|line| line.rsplit_once(" line ")?.1.parse().ok()).collect();
    assert_eq!(numbers, (0..99).collect::<Vec<_>>());
}
