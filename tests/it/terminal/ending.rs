//! How the program ends, and what it leaves behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::away::{self, Home, SIZE};
use super::child::{Child, DREADED};
use crate::support::pty::{Ended, Modes, PATIENCE, Pty, Screen, poll};

/// What a terminal's owner sees of the terminal's settings.
fn settings(pty: &Pty) -> String {
    let now = pty.settings();
    format!("{:?} {:?} {:?} {:?}", now.input_modes, now.output_modes, now.control_modes, now.local_modes)
}

/// A shell that says its terminal's settings are worth keeping, and then becomes the dashboard.
fn after_a_shell(home: &Home) -> Pty {
    let script = format!("echo kept; read -r line; exec {}", env!("CARGO_BIN_EXE_stackwatch"));
    Pty::spawn("bash", &["-c", &script], &[("HOME", home.path().to_str().unwrap())], SIZE)
}

#[test]
fn the_terminal_is_given_back_however_the_program_ends() {
    type End = fn(&mut Pty);
    let ends: [(&str, End, u32); 6] = [
        ("q", |pty| pty.press("q"), 0),
        (":q", |pty| pty.press(":q<enter>"), 0),
        ("ctrl-c", |pty| pty.press("<ctrl-c>"), 130),
        ("SIGINT", |pty| pty.signal(Signal::INT), 130),
        ("SIGTERM", |pty| pty.signal(Signal::TERM), 143),
        ("SIGHUP", |pty| pty.signal(Signal::HUP), 129),
    ];
    for (name, end, code) in ends {
        let home = Home::away();
        let mut pty = after_a_shell(&home);
        pty.see("kept");
        let before = settings(&pty);
        pty.send(b"\n");
        pty.see("next try in");
        assert_eq!(pty.modes(), Modes::TAKEN, "{name}");
        end(&mut pty);
        assert_eq!(pty.end(), Ended::Code(code), "{name}");
        assert_eq!(pty.modes(), Modes::GIVEN_BACK, "{name}");
        assert_eq!(settings(&pty), before, "{name}");
        let rows = pty.screen().rows();
        assert_eq!(rows[0], "kept", "{name}: what stood there before stands there again");
        assert!(rows[2..].iter().all(String::is_empty), "{name}: nothing of the dashboard is left: {rows:?}");
    }
}

#[test]
fn a_signal_ends_the_program_also_while_its_terminal_takes_nothing() {
    let home = Home::away();
    let mut pty = away::open(&home);
    pty.stall(true);
    // It writes to its terminal, and goes on writing.
    let call = format!("/proc/{}/syscall", pty.pid());
    let writes = || fs::read_to_string(&call).unwrap_or_default().split(' ').nth(1) == Some("0x1");
    let stuck = || (0..20).all(|_| writes() && poll(Duration::from_millis(5), || !writes()).is_none());
    poll(PATIENCE, || {
        pty.press("<ctrl-l>");
        stuck()
    })
    .expect("the program waits for its terminal");
    pty.signal(Signal::TERM);
    poll(PATIENCE, || !Path::new(&call).exists()).expect("it ends though nobody reads");
    pty.stall(false);
    assert_eq!(pty.end(), Ended::Code(143));
    assert!(!pty.modes().raw);
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let home = Home::away();
    // Its own terminal's end comes as SIGHUP; that of another one does not.
    for (name, spawn) in
        [("its own", Pty::spawn as fn(&_, &[_], &[_], _) -> Pty), ("another", Pty::spawn_detached as _)]
    {
        let env = [("HOME", home.path().to_str().unwrap())];
        let mut pty = spawn(env!("CARGO_BIN_EXE_stackwatch"), &[], &env, SIZE);
        pty.see("next try in");
        pty.close();
        assert_eq!(pty.end_within(Duration::from_secs(10)), Ended::Code(129), "{name}");
    }
}

#[test]
fn a_bug_gives_the_terminal_back_before_it_says_what_happened() {
    let dreaded = format!("/{DREADED}");
    for (child, keys, message) in [
        (Child::PanicsInCollector, "r", "the collector has a bug"),
        (Child::PanicsInDrawing, dreaded.as_str(), "the backend has a bug"),
        (Child::FailsToDraw, dreaded.as_str(), "the backend has a bug"),
    ] {
        let mut pty = child.start();
        pty.see("Hypervisors");
        pty.wait_for_modes(Modes::TAKEN);
        pty.press(keys);
        assert_eq!(pty.end(), Ended::Code(70), "{child:?}");
        assert_eq!(pty.modes(), Modes::GIVEN_BACK, "{child:?}");
        let screen = pty.screen();
        assert!(screen.contains(message), "{child:?}:\n{}", screen.text());
        assert!(!screen.contains("Hypervisors"), "{child:?}:\n{}", screen.text());
    }
}

#[test]
fn a_panic_is_said_once_and_nothing_is_written_over_it() {
    let mut pty = Child::PanicsInCollector.start();
    pty.see("Hypervisors");
    let mark = pty.mark();
    pty.press("r");
    assert_eq!(pty.end(), Ended::Code(70));
    let written = String::from_utf8(pty.since(mark)).unwrap();
    assert_eq!(written.matches("the collector has a bug").count(), 1, "{written}");
    let after = written.split_once("\x1b[?1049l").expect("the alternate screen is left").1;
    assert!(!after.contains("\x1b[?1049"), "left once: {after}");
    assert!(after.contains("the collector has a bug") && after.contains("report it"), "{after}");
    assert!(!after.contains("\x1b[3"), "what a panic says has no colours: {}", after.escape_debug());
    assert!(!after.contains("\x1b[2;1H"), "no frame is drawn on the shell's screen: {after}");
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let home = Home::away();
    let program = env!("CARGO_BIN_EXE_stackwatch");
    let output = Command::new(program)
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
    assert!(said.contains("needs a terminal") && said.contains("stackwatch show"), "{said}");
    // One of both is not enough.
    for redirection in ["</dev/null", ">/dev/null"] {
        let script = format!("{program} {redirection}; echo code $?");
        let pty = Pty::spawn("bash", &["-c", &script], &[("HOME", home.path().to_str().unwrap())], SIZE);
        pty.wait_for(PATIENCE, redirection, |screen: &Screen| screen.contains("code 2"));
        assert!(pty.screen().contains("needs a terminal"), "{redirection}: {}", pty.screen().text());
    }
}
