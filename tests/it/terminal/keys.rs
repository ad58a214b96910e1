//! Keys, pastes and the mouse, as a terminal sends them.

use rustix::process::Signal;

use super::away::{self, Home, SIZE};
use crate::support::pty::{Ended, Modes, PATIENCE, poll};

#[test]
fn keys_typed_while_the_program_starts_are_heard() {
    let home = Home::away();
    let mut pty = home.dashboard(&[], SIZE);
    pty.press(":instances<enter>/early<enter>");
    pty.see("Instances   /early");
}

#[test]
fn the_palette_completes_runs_and_recalls() {
    let home = Home::away();
    let mut pty = away::open(&home);
    pty.press(":inst<tab>");
    pty.see(":instances");
    assert!(pty.modes().cursor, "a prompt shows where it types");
    pty.press(" status=ERROR<enter>");
    pty.see("Instances   /status=ERROR");
    pty.wait_for_modes(Modes::TAKEN);
    pty.press(":hypervisors<enter>");
    pty.wait_for(PATIENCE, "the hypervisors", |screen| {
        screen.contains(" Hypervisors") && !screen.contains("/status")
    });
    pty.press(":<up>");
    pty.see(":hypervisors");
    pty.press("<up>");
    pty.see(":instances status=ERROR");
    pty.press("<down><down>");
    pty.see_no(":hypervisors");
    pty.press("nonsense<enter>");
    pty.see("`nonsense` is no pane and no command");
}

#[test]
fn a_filter_is_kept_recalled_and_taken_back() {
    let home = Home::away();
    let mut pty = away::open(&home);
    for filter in ["one", "two"] {
        pty.press("/<ctrl-u>");
        pty.press(&format!("{filter}<enter>"));
        pty.see(&format!("Hypervisors   /{filter}"));
    }
    pty.press("/<ctrl-u><up><up>");
    pty.see(" /one");
    pty.press("<esc>");
    pty.see("Hypervisors   /two");
    pty.press("/<ctrl-u>sta<tab>");
    pty.see(" /state=");
}

#[test]
fn a_paste_is_text_and_never_keys() {
    let home = Home::away();
    let mut pty = away::open(&home);
    // Nowhere to type: it is dropped, and the `q` in it leaves nothing.
    pty.paste("q\x1b[31m");
    pty.press("/");
    pty.paste("q\x1b[31m");
    pty.see("/q");
    pty.press("r<enter>");
    let screen = pty.see("Hypervisors   /qr");
    assert!(!screen.contains("/qr["), "{}", screen.text());
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
}

#[test]
fn a_key_gives_the_mouse_to_the_terminal_and_takes_it_back() {
    let home = Home::away();
    let mut pty = away::open(&home);
    pty.press("m");
    pty.see("the terminal selects text");
    pty.wait_for_modes(Modes { mouse: false, ..Modes::TAKEN });
    pty.press("m");
    pty.see("mouse on");
    pty.wait_for_modes(Modes::TAKEN);
    let column = pty.screen().row(1).find("Instances").unwrap();
    pty.click(column as u16, 1);
    pty.wait_for(PATIENCE, "the instances", |screen| {
        screen.contains(" Instances") && !screen.contains("› Hyp")
    });
}

#[test]
fn a_continued_program_leaves_the_mouse_as_it_was() {
    let home = Home::away();
    let mut pty = away::open(&home);
    pty.press("m");
    pty.wait_for_modes(Modes { mouse: false, ..Modes::TAKEN });
    let mark = pty.mark();
    pty.signal(Signal::CONT);
    let written = || String::from_utf8_lossy(&pty.since(mark)).into_owned();
    poll(PATIENCE, || written().contains("\x1b[?2004h")).expect("what the terminal sends is asked for anew");
    pty.wait_for_modes(Modes { mouse: false, ..Modes::TAKEN });
    assert!(!written().contains("\x1b[?1000h"), "{}", written().escape_debug());
}
