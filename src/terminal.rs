//! The terminal's modes: set at the start, and given back once, by the thread that draws.
//!
//! Not by ratatui's `init`: its panic hook gives the terminal back from whatever thread panics, also in the
//! middle of a frame that another one writes. [`panics`] does better.

mod frames;
pub mod panics;
mod reader;
pub mod secret;

use std::io::{self, Write, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};

pub use frames::Frames;
pub use reader::events;

/// The thread that draws, while the terminal is ours.
static HOLDER: Mutex<Option<ThreadId>> = Mutex::new(None);

fn holder() -> MutexGuard<'static, Option<ThreadId>> {
    HOLDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal for this thread. [`restore`] gives it back, and so does a panic here.
pub fn take(mouse: bool) -> io::Result<Terminal<CrosstermBackend<Frames>>> {
    *holder() = Some(thread::current().id());
    let taken = on(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(Frames::default())));
    if taken.is_err() {
        restore();
    }
    taken
}

/// Gives the terminal back, and then says what panicked meanwhile. Never fails: it may be gone already.
pub fn restore() {
    // Never twice: leaving the alternate screen moves the cursor to where it was before, and what was
    // printed since would be written over.
    if holder().take().is_some() {
        off();
        panics::say();
    }
}

/// Raw mode before all that is written: it must not depend on a terminal that takes it.
fn off() {
    reader::end();
    let _ = disable_raw_mode();
    let _ = mouse(false);
    let _ = execute!(
        stdout(),
        DisableBracketedPaste,
        DisableFocusChange,
        SetAttribute(Attribute::Reset),
        LeaveAlternateScreen,
        cursor::Show
    );
}

fn on(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)?;
    ask_for_input(mouse)?;
    reader::begin();
    Ok(())
}

/// What the terminal is to send beside keys.
fn ask_for_input(mouse: bool) -> io::Result<()> {
    execute!(stdout(), EnableBracketedPaste, EnableFocusChange)?;
    self::mouse(mouse)
}

/// The mouse for us, or for the terminal's own selection: presses and the wheel (1000), in coordinates of any
/// size (1006). crossterm's own command asks for every motion too, which nothing here looks at, and which is
/// a flood over ssh.
pub fn mouse(on: bool) -> io::Result<()> {
    let mut out = stdout();
    out.write_all(if on { b"\x1b[?1000h\x1b[?1006h" } else { b"\x1b[?1006l\x1b[?1000l" })?;
    out.flush()
}

/// Stops this process as `ctrl-z` would, with the terminal restored; returns after `fg`.
pub fn suspend(mouse: bool) -> io::Result<()> {
    off();
    // The whole group, as the terminal driver would do: a pager or ssh of ours must stop too. A group that
    // no shell waits for does not stop, and we are back at once.
    kill_current_process_group(Signal::TSTP)?;
    on(mouse)
}

/// Sets the modes anew after somebody continued us, if a shell has set its own meanwhile: whoever stopped us
/// did not ask. In the background this stops again, as it should, until `fg`.
///
/// A raw mode that is still ours is left alone: [`suspend`] has set it when its own `fg` is heard of, and a
/// `ctrl-z` that comes while it is given back and taken again would be the terminal driver's.
pub fn resume(mouse: bool) -> io::Result<()> {
    if is_raw() {
        return ask_for_input(mouse);
    }
    off();
    on(mouse)
}

/// As the terminal itself has it; crossterm only remembers what it has set.
fn is_raw() -> bool {
    rustix::termios::tcgetattr(rustix::stdio::stdin())
        .is_ok_and(|now| !now.local_modes.contains(rustix::termios::LocalModes::ICANON))
}

/// Whether the terminal has hung up: nobody will ever see or press anything there again.
pub fn is_gone() -> bool {
    rustix::termios::tcgetattr(rustix::stdio::stdin()).err() == Some(Errno::IO)
}

/// Ends the process with this status while the thread that draws cannot: it waits for a terminal that takes
/// nothing any more, or is busy. The terminal gets a moment to take its modes back.
pub fn abandon(status: i32) -> ! {
    let _ = disable_raw_mode();
    let (done, restored) = std::sync::mpsc::channel();
    thread::spawn(move || {
        restore();
        done.send(())
    });
    let _ = restored.recv_timeout(Duration::from_millis(500));
    std::process::exit(status)
}

/// To the clipboard of the operator's own terminal, also over SSH (OSC 52).
pub fn copy(text: &str) -> io::Result<()> {
    let mut out = stdout();
    write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))?;
    out.flush()
}

/// Standard base64 with padding: 15 lines beat a dependency here.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = (word >> (18 - 6 * i)) as usize & 63;
            text.push(if i <= chunk.len() { DIGITS.get(digit).map_or('=', |d| char::from(*d)) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
