//! What stands on the screen, and which bytes put it there.

use regex::bytes::Regex;
use rustix::process::Signal;

use super::away::{self, Home, SIZE, cloud};
use super::child::{Child, ID};
use crate::support::pty::{Ended, PATIENCE};

#[test]
fn a_cloud_that_is_away_opens_the_dashboard_which_names_the_cause_and_the_next_try() {
    let home = Home::away();
    let pty = home.dashboard(&[], SIZE);
    let screen = pty.see("next try in");
    let header = screen.row(0);
    assert!(header.contains("stackwatch") && header.contains("away/north"), "{header}");
    let tabs = screen.row(1);
    assert!(
        tabs.contains("2 Hypervisors") && tabs.contains("3 Instances") && tabs.contains("read-only"),
        "{tabs}"
    );
    assert!(screen.contains("127.0.0.1") && screen.contains("refused"), "{}", screen.text());
    assert!(screen.row(SIZE.1 as usize - 1).contains("filter"), "{}", screen.text());
}

#[test]
fn a_terminal_too_small_is_told_so_and_a_large_one_is_filled() {
    let home = Home::away();
    let pty = away::open(&home);
    pty.resize((20, 5));
    let screen = pty.see("stackwatch needs");
    assert!(screen.contains("60x16 cells"), "{}", screen.text());
    pty.resize((300, 100));
    let screen = pty.see("next try in");
    let rule = pty.wait_for(PATIENCE, "a rule over the whole width", |screen| {
        screen.row(2).chars().filter(|c| *c == '─').count() == 300
    });
    assert!(rule.row(99).contains("filter"), "{}", screen.text());
    pty.resize((60, 16));
    pty.wait_for(PATIENCE, "the smallest dashboard", |screen| {
        screen.row(1).contains("2 Hypervisors") && screen.row(15).contains("filter")
    });
}

#[test]
fn a_storm_of_resizes_ends_in_a_right_frame() {
    let home = Home::away();
    let mut pty = away::open(&home);
    let before = away::timeless(&pty.screen());
    for i in 0..200u16 {
        pty.resize((20 + i * 7 % 180, 5 + i * 3 % 60));
    }
    pty.resize(SIZE);
    pty.wait_for(PATIENCE, "the frame from before the storm", |screen| away::timeless(screen) == before);
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
}

#[test]
fn a_size_that_was_another_for_a_moment_is_drawn_whole_again() {
    let home = Home::away();
    let pty = away::open(&home);
    let before = away::timeless(&pty.screen());
    // A terminal that shrinks loses cells, and gets none of them back when it grows again.
    rustix::io::write(pty.device(), b"\x1b[2J").unwrap();
    pty.see_no("Hypervisors");
    pty.signal(Signal::WINCH);
    pty.wait_for(PATIENCE, "the frame from before", |screen| away::timeless(screen) == before);
}

#[test]
fn redrawing_writes_every_cell_anew() {
    let home = Home::away();
    let mut pty = away::open(&home);
    let before = away::timeless(&pty.screen());
    // Another program writes over it.
    rustix::io::write(pty.device(), b"\x1b[2J\x1b[5;5Hwall: the system goes down").unwrap();
    pty.see("wall:");
    pty.press("<ctrl-l>");
    pty.wait_for(PATIENCE, "the frame from before", |screen| away::timeless(screen) == before);
}

/// A sequence that a frame may not hold: all but CSI, and OSC 52 where something was copied.
fn untamed(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).expect("whole characters");
    let found = text.char_indices().find_map(|(at, c)| {
        let behind = &text[at + c.len_utf8()..];
        let good = match c {
            '\x1b' => behind.starts_with('[') || behind.starts_with("]52;c;"),
            // The end of OSC 52.
            '\x07' => {
                text[..at].rsplit_once("\x1b]52;c;").is_some_and(|(_, data)| data.chars().all(is_base64))
            }
            '\r' | '\n' => true,
            c => !c.is_control() && !is_bidi(c),
        };
        (!good).then(|| text[at..].chars().take(20).collect::<String>())
    });
    found.map(|what| what.escape_debug().to_string())
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_a_frame_may_not_hold_is_found() {
    for (bytes, tame) in [
        ("\x1b[1mhost ─ 前端\x1b[0m\r\n", true),
        ("\x1b]52;c;Zm9v\x07 and on", true),
        ("\x1b]0;title\x07", false),
        ("\x1bP1$r\x1b\\", false),
        ("\u{9b}31m", false),
        ("a\u{202e}b", false),
        ("\x07", false),
        ("\x08", false),
    ] {
        assert_eq!(untamed(bytes.as_bytes()).is_none(), tame, "{bytes:?}");
    }
}

#[test]
fn no_name_from_outside_steers_the_terminal() {
    let hostile = "\"a\\e]0;pwned\\a\\u009b31m\\u202eb\"";
    let home = Home::with(&format!("clouds:\n{}{}", cloud(hostile, hostile), cloud("other", "one")));
    let mut pty = home.dashboard(&[], SIZE);
    let mark = pty.mark();
    pty.see("choose a cloud");
    pty.press("<enter>");
    pty.see("next try in");
    pty.press("/");
    pty.paste("x\x1b]0;pwned\x07\u{9b}31m");
    pty.see("/x");
    pty.press("<enter>:");
    pty.paste("y\x1b]0;pwned\x07\u{9b}31m");
    pty.see(":y");
    assert_eq!(untamed(&pty.since(mark)), None);
}

#[test]
fn copying_writes_the_whole_id_to_the_clipboard_and_nothing_else() {
    let mut pty = Child::HasRows.start();
    pty.see("Hypervisors");
    pty.wait_for(PATIENCE, "a row", |screen| screen.rows()[3..].iter().any(|row| row.contains("cmp")));
    let mark = pty.mark();
    assert!(pty.copied().is_empty());
    pty.press("y");
    pty.see("copied");
    // RFC 4648's test vectors stand beneath the encoder.
    assert_eq!(pty.copied().len(), 1);
    assert_eq!(pty.copied()[0].len(), ID.len().div_ceil(3) * 4);
    pty.press(":sources<enter>");
    pty.see("placement  providers");
    pty.press("<ctrl-d>");
    pty.see("frames drawn");
    pty.press("<esc>");
    pty.see_no("frames drawn");
    pty.press("<enter>");
    pty.see(&ID[..8]);
    assert_eq!(untamed(&pty.since(mark)), None);
}

#[test]
fn no_color_is_honoured_in_every_byte() {
    let colour = Regex::new(r"\x1b\[([0-9:;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])([:;][0-9:;]*)?m").unwrap();
    let home = Home::away();
    for (name, env, coloured) in [
        ("no variable", &[][..], true),
        ("NO_COLOR=1", &[("NO_COLOR", "1")][..], false),
        ("NO_COLOR in true colour", &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")][..], false),
        ("an empty NO_COLOR", &[("NO_COLOR", "")][..], true),
    ] {
        let mut pty = home.dashboard(env, SIZE);
        pty.see("next try in");
        pty.press("?");
        pty.see("leave this view");
        pty.press("<esc>");
        pty.see_no("leave this view");
        let bytes = pty.since(0);
        assert_eq!(
            colour.is_match(&bytes),
            coloured,
            "{name}: {}",
            String::from_utf8_lossy(&bytes).escape_debug()
        );
    }
}
