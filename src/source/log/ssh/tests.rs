use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

/// An `ssh` that does what a script says; `$command` is what it was to run on `$host`.
fn ssh(dir: &Path, does: &str) -> Ssh {
    let program = dir.join("ssh");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >{}/args\nwhile [ \"$1\" != -- ]; do shift; done\n\
         host=$2 command=$3\n{does}\n",
        dir.display()
    );
    // Written aside and moved: a file that is open for writing somewhere cannot be run.
    std::fs::write(dir.join("new"), script).unwrap();
    std::fs::set_permissions(dir.join("new"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::rename(dir.join("new"), &program).unwrap();
    let patience = Patience { grace: Duration::from_millis(50), ..Patience::default() };
    Ssh { program: program.into(), patience }
}

fn host() -> Host {
    Host::parse("cmp01").unwrap()
}

/// All lines that it says, or what is wrong.
async fn said(ssh: &Ssh, script: &str, args: &[&str], input: &str) -> (Vec<String>, Option<Fault>) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut lines = Vec::new();
    let mut talk = match ssh.start(&host(), false, script, &args).await {
        Ok(talk) => talk,
        Err(fault) => return (lines, Some(fault)),
    };
    if let Err(fault) = talk.give(input.as_bytes()).await {
        return (lines, Some(fault));
    }
    let mut line = Vec::new();
    loop {
        match talk.line(&mut line).await {
            Ok(Came::Line) => lines.push(String::from_utf8_lossy(&line).into_owned()),
            Ok(Came::Done) => {
                talk.errors().await;
                return (lines, None);
            }
            Err(fault) => return (lines, Some(fault)),
        }
    }
}

/// As a login shell runs it, here.
const RUNS: &str = "exec sh -c \"$command\"";
const ECHO: &str =
    "echo stackwatch ready; cat; for arg; do printf '%s\\n' \"$arg\"; done; echo stackwatch done";

#[test]
fn names_that_are_options_or_commands_are_no_hosts() {
    for name in ["cmp01", "cmp01.example.com", "10.0.0.5", "fe80::1", "node_1"] {
        assert!(Host::parse(name).is_some(), "{name}");
    }
    for name in ["", "-oProxyCommand=x", "a b", "a;b", "$(x)", "u@h", "a/b", "cmp\u{e9}", "a\n"] {
        assert_eq!(Host::parse(name), None, "{name}");
    }
}

#[tokio::test]
async fn what_is_given_arrives_as_it_is_and_what_a_login_prints_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let ssh = ssh(dir.path(), &format!("echo 'Welcome to Debian'\n{RUNS}"));
    let odd = ["it's", "$HOME `id` \"x\" \\ *", "-n", "", "a\tb"];
    let (lines, fault) = said(&ssh, ECHO, &odd, "one\ntwo\n").await;
    assert_eq!(fault, None);
    assert_eq!(lines, [&["one", "two"][..], &odd].concat());
    let args = std::fs::read_to_string(dir.path().join("args")).unwrap();
    for option in ["-oBatchMode=yes", "-oConnectTimeout=10", "-oClearAllForwardings=yes"] {
        assert!(args.lines().any(|arg| arg == option), "{option}: {args}");
    }
    assert!(args.contains("\n--\ncmp01\nsh -c "), "{args}");
}

#[tokio::test]
async fn every_refusal_is_told_with_its_cause_and_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    for (words, kind, cause, next) in [
        (
            "@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@\nHost key verification failed.",
            Kind::KeyChanged,
            "key is another",
            "ssh-keygen -R cmp01",
        ),
        ("Host key verification failed.", Kind::KeyUnknown, "not known here", "by hand: `ssh cmp01`"),
        (
            "root@10.0.0.5: Permission denied (publickey,password).",
            Kind::Denied,
            "without a password",
            "ssh-add",
        ),
        (
            "ssh: Could not resolve hostname cmp01: Name or service not known",
            Kind::Unresolved,
            "nobody knows its name",
            "HostName",
        ),
        (
            "ssh: connect to host cmp01 port 22: Connection refused",
            Kind::Refused,
            "unreachable over SSH: connection refused",
            "ssh cmp01 true",
        ),
        (
            "ssh: connect to host cmp01 port 22: No route to host",
            Kind::Unreachable,
            "no way to it",
            "is the host up",
        ),
        (
            "ssh: connect to host cmp01 port 22: Connection timed out",
            Kind::Silent,
            "in time",
            "is the host up",
        ),
        ("sudo: a password is required", Kind::SudoAsks, "ask for a password", "NOPASSWD"),
        ("bash: line 1: sudo: command not found", Kind::SudoMissing, "no sudo there", "take `sudo` out"),
        (
            "proxy: http://ops:hunter2@proxy/ is down",
            Kind::Other,
            "ssh failed (proxy: is down)",
            "`ssh cmp01 true`",
        ),
    ] {
        let ssh = ssh(dir.path(), &format!("cat >&2 <<'END'\n{words}\nEND\nexit 255"));
        let (_, fault) = said(&ssh, ECHO, &[], "").await;
        let fault = fault.unwrap();
        assert_eq!(fault.kind, kind, "{words}");
        assert!(fault.words().contains(cause), "{words}: {}", fault.words());
        assert!(fault.next_step(&host()).contains(next), "{words}: {}", fault.next_step(&host()));
        assert!(!fault.words().contains("hunter2"));
    }
}

#[tokio::test]
async fn without_the_program_that_is_said() {
    let ssh = Ssh { program: "/nowhere/ssh".into(), ..Ssh::default() };
    let (_, fault) = said(&ssh, ECHO, &[], "").await;
    let fault = fault.unwrap();
    assert_eq!(fault.kind, Kind::NoProgram);
    assert!(fault.next_step(&host()).contains("openssh-client"));
}

#[tokio::test]
async fn an_answer_that_ends_in_the_middle_is_not_taken_for_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let ssh = ssh(dir.path(), "echo stackwatch ready; echo one; printf tw; exit 255");
    let (lines, fault) = said(&ssh, ECHO, &[], "").await;
    assert_eq!(lines, ["one"]);
    assert_eq!(fault.unwrap().kind, Kind::Torn);
}

#[tokio::test]
async fn a_host_that_falls_silent_is_left_and_everything_started_for_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    // Before it is ready, and after.
    for (begins, ready, line) in [("", 300, 60_000), ("echo stackwatch ready; ", 60_000, 300)] {
        let mut ssh = ssh(dir.path(), &format!("sleep 1000 & echo $! >$0.pid; {begins}wait"));
        ssh.patience.ready = Duration::from_millis(ready);
        ssh.patience.line = Duration::from_millis(line);
        let (_, fault) = said(&ssh, ECHO, &[], "").await;
        assert_eq!(fault.unwrap().kind, Kind::Silent);
        let pid = std::fs::read_to_string(dir.path().join("ssh.pid")).unwrap();
        let stat = Path::new("/proc").join(pid.trim()).join("stat");
        let started = Instant::now();
        // Ended, though perhaps not waited for yet by whoever inherited it.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(started.elapsed() < Duration::from_secs(20), "{pid} goes on");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_control_master_that_keeps_standard_error_open_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let does = format!("setsid sleep 1000 >/dev/null & echo $! >$0.pid; {RUNS}");
    let ssh = ssh(dir.path(), &does);
    let (lines, fault) = said(&ssh, ECHO, &["x"], "").await;
    assert_eq!((lines, fault), (vec!["x".to_owned()], None));
    let pid = std::fs::read_to_string(dir.path().join("ssh.pid")).unwrap();
    std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
}

#[tokio::test]
async fn a_line_without_an_end_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let ssh = ssh(dir.path(), RUNS);
    let script = "echo stackwatch ready; cat; head -c 9000000 /dev/zero; echo; echo x; echo stackwatch done";
    let (lines, fault) = said(&ssh, script, &[], "").await;
    assert_eq!(fault, None);
    assert!(lines[0].len() == 4 << 20 && lines[1] == "x", "{}", lines[0].len());
}
