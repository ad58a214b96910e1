//! The terminal's modes: set at the start, and always restored.
//!
//! ratatui's `init` covers raw mode, the alternate screen and a panic hook; mouse, paste and focus reports
//! are ours to take back, also in a panic.

use std::io::{self, Write, stdout};

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::{cursor, execute};
use ratatui::DefaultTerminal;

/// Takes the terminal. [`restore`] gives it back, and so does a panic anywhere.
pub fn take(mouse: bool) -> io::Result<DefaultTerminal> {
    let terminal = ratatui::try_init()?;
    // ratatui's hook restores and then calls the one before it; ours goes before both.
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _ = modes_off();
        next(info);
    }));
    modes_on(mouse)?;
    Ok(terminal)
}

/// Gives the terminal back. Never fails: it may be gone already.
pub fn restore() {
    let _ = modes_off();
    let _ = ratatui::try_restore();
    let _ = execute!(stdout(), cursor::Show);
}

fn modes_on(mouse: bool) -> io::Result<()> {
    execute!(stdout(), EnableBracketedPaste, EnableFocusChange)?;
    self::mouse(mouse)
}

fn modes_off() -> io::Result<()> {
    execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, DisableFocusChange)
}

/// The mouse for us, or for the terminal's own selection.
pub fn mouse(on: bool) -> io::Result<()> {
    if on { execute!(stdout(), EnableMouseCapture) } else { execute!(stdout(), DisableMouseCapture) }
}

/// Stops this process as `ctrl-z` would, with the terminal restored; returns after `fg`.
pub fn suspend(mouse: bool) -> io::Result<()> {
    restore();
    // The whole group, as the terminal driver would do: a pager or ssh of ours must stop too.
    let stopped = std::process::Command::new("kill").args(["-TSTP", "0"]).status();
    crossterm::terminal::enable_raw_mode()?;
    execute!(stdout(), crossterm::terminal::EnterAlternateScreen)?;
    modes_on(mouse)?;
    stopped.map(drop)
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
