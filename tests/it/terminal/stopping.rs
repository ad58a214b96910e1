//! Stopped to the shell, and back.

use std::fs;

use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcsetattr};

use super::away::{self, Home, SIZE};
use crate::support::pty::{Ended, Modes, PATIENCE, Pty, poll};

/// An interactive shell whose job the dashboard will be: alone in a terminal a program cannot be stopped by
/// ctrl-z. It edits no lines, so that it sets no modes of its own.
fn shell(home: &Home) -> Pty {
    let env = [("HOME", home.path().to_str().unwrap()), ("PS1", "ready> ")];
    let mut pty = Pty::spawn("bash", &["--norc", "--noprofile", "--noediting", "-i"], &env, SIZE);
    pty.see("ready>");
    pty.send(format!("{}\n", env!("CARGO_BIN_EXE_stackwatch")).as_bytes());
    pty.see("next try in");
    pty.wait_for_modes(Modes::TAKEN);
    pty
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let home = Home::away();
    let mut pty = shell(&home);
    for round in 1..=2 {
        pty.press("<ctrl-z>");
        pty.see("Stopped");
        pty.wait_for_modes(Modes::GIVEN_BACK);
        pty.send(b"echo here $((40 + 2))\n");
        pty.see("here 42");
        assert!(!pty.screen().contains("Instances"), "round {round}: {}", pty.screen().text());
        pty.send(b"fg\n");
        pty.see("next try in");
        pty.wait_for_modes(Modes::TAKEN);
        assert!(!pty.screen().contains("ready>"), "round {round}: {}", pty.screen().text());
    }
    pty.press("q");
    pty.see_no("Instances");
    pty.wait_for_modes(Modes::GIVEN_BACK);
    pty.send(b"echo left with $?\n");
    pty.see("left with 0");
}

#[test]
fn keys_typed_right_behind_fg_are_heard() {
    let home = Home::away();
    let mut pty = shell(&home);
    pty.press("<ctrl-z>");
    pty.see("Stopped");
    pty.send(b"fg\n:instances\r/typed early\r");
    pty.see("Instances   /typed early");
}

#[test]
fn who_continues_it_in_the_background_finds_it_waiting_for_fg() {
    let home = Home::away();
    let mut pty = shell(&home);
    pty.press("<ctrl-z>");
    pty.see("Stopped");
    pty.send(b"bg\n");
    pty.see("stackwatch &");
    // It asks for the terminal, which the shell has: the kernel stops it again. The shell must have heard of that:
    // `fg` continues nothing that runs, as far as it knows.
    poll(PATIENCE, || {
        pty.send(b"clear; jobs -l\n");
        pty.wait_for(PATIENCE, "the job's state", |screen| screen.text().contains("stackwatch"))
            .contains("tty output")
    })
    .expect("stopped again");
    pty.send(b"echo still $((40 + 2))\n");
    pty.see("still 42");
    assert_eq!(pty.modes(), Modes::GIVEN_BACK);
    pty.send(b"fg\n");
    pty.see("next try in");
    pty.wait_for_modes(Modes::TAKEN);
}

#[test]
fn after_a_stop_from_outside_it_sets_its_modes_and_draws_again() {
    let home = Home::away();
    let before = Pty::spawn("sleep", &["60"], &[], SIZE).settings();
    let mut pty = away::open(&home);
    let shown = away::timeless(&pty.screen());
    pty.signal(Signal::STOP);
    let stopped = || fs::read_to_string(format!("/proc/{}/stat", pty.pid())).unwrap().contains(") T ");
    poll(PATIENCE, stopped).expect("stopped");
    // What a shell does then: its own settings, its own screen.
    let device = pty.device();
    tcsetattr(&device, OptionalActions::Now, &before).unwrap();
    rustix::io::write(&device, b"\x1b[?1049l\x1b[?1000l\x1b[?2004l\x1b[?1004l\x1b[?25h$ ").unwrap();
    drop(device);
    pty.wait_for_modes(Modes::GIVEN_BACK);
    pty.signal(Signal::CONT);
    pty.wait_for_modes(Modes::TAKEN);
    pty.wait_for(PATIENCE, "the same frame as before", |screen| away::timeless(screen) == shown);
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
    assert_eq!(pty.modes(), Modes::GIVEN_BACK);
}
