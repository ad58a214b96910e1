//! The last look at a frame on terminals that draw less than ours does: nothing but ASCII in a locale that is
//! not UTF-8, and no character of ambiguous width where such take two cells.
//!
//! One place for all panes: they draw as if every terminal knew every character.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use crate::theme::Look;

/// What we draw ourselves, and how ASCII says it.
const PLAIN: &[(&str, &str)] = &[
    ("…", "~"),
    ("–", "-"),
    ("—", "-"),
    ("·", "."),
    ("›", ">"),
    ("→", ">"),
    ("─", "-"),
    ("│", "|"),
    ("▾", "-"),
    ("▸", "+"),
    ("×", "x"),
    ("∞", "*"),
    ("█", "#"),
    ("▉", "#"),
    ("▊", "#"),
    ("▋", "#"),
    ("▌", "#"),
    ("▍", "|"),
    ("▎", "|"),
    ("▏", "|"),
    ("▁", "_"),
    ("▂", "."),
    ("▃", "-"),
    ("▄", "="),
    ("▅", "="),
    ("▆", "+"),
    ("▇", "*"),
];

/// Replaces what the terminal would not draw, or draw wider than it was measured, cell by cell.
pub fn settle(buffer: &mut Buffer, look: &Look) {
    if !look.is_ascii() && look.ambiguous == 1 {
        return;
    }
    let area = buffer.area;
    for y in area.y..area.y + area.height {
        let mut x = area.x;
        while x < area.x + area.width {
            let symbol = buffer[(x, y)].symbol();
            let width = symbol.width().max(1) as u16;
            if !draws(symbol, look) {
                let plain = plain(symbol).to_owned();
                for cell in 0..width.min(area.x + area.width - x) {
                    buffer[(x + cell, y)].set_symbol(&plain);
                }
            }
            x += width;
        }
    }
}

/// Whether the terminal draws the character in the cells that it was given.
fn draws(symbol: &str, look: &Look) -> bool {
    if look.is_ascii() { symbol.is_ascii() } else { symbol.width_cjk() == symbol.width() }
}

/// One cell of ASCII for a character: ours by the table, a letter with accents by itself, else `?`.
fn plain(symbol: &str) -> &str {
    match PLAIN.iter().find(|(from, _)| *from == symbol) {
        Some((_, to)) => to,
        None => symbol.get(..1).filter(|first| first.is_ascii()).unwrap_or("?"),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn what_a_terminal_cannot_draw_becomes_what_it_can() {
        let line = "── a… 前端 cafe\u{301} ██▌ ① ok";
        for (ascii, ambiguous, expected) in [
            (false, 1, line),
            (true, 1, "-- a~ ???? cafe ### ? ok"),
            // The wide ones are wide everywhere; the box drawings and bars are not.
            (false, 2, "-- a~ 前端 cafe\u{301} ### ? ok"),
        ] {
            let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 28, 1));
            buffer.set_string(0, 0, line, Style::default());
            settle(&mut buffer, &Look::new(ascii, ambiguous));
            assert_eq!(super::super::ansi::plain(&buffer).trim_end(), expected, "{ascii} {ambiguous}");
        }
    }
}
