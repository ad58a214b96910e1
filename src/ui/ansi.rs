//! A frame as text: plain, or with its colours.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

/// The cells of one row: what stands there, how, and how wide. Cells behind a wide character are left out.
pub(super) fn cells(buffer: &Buffer, y: u16) -> Vec<(u16, &str, Style, u16)> {
    let area = buffer.area;
    let mut cells = Vec::with_capacity(area.width as usize);
    let mut x = area.x;
    while x < area.x + area.width {
        let Some(cell) = buffer.cell((x, y)) else { break };
        let width = (cell.symbol().width() as u16).max(1);
        cells.push((x, cell.symbol(), cell.style(), width));
        x += width;
    }
    cells
}

/// The frame's characters, each line without trailing blanks.
pub fn plain(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.y..buffer.area.y + buffer.area.height {
        let line: String = cells(buffer, y).iter().map(|(_, symbol, ..)| *symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The frame with SGR sequences.
pub fn coloured(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.y..buffer.area.y + buffer.area.height {
        let mut last = Style::default();
        for (_, symbol, style, _) in cells(buffer, y) {
            if style != last {
                sgr(&mut text, style);
                last = style;
            }
            text.push_str(symbol);
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

fn sgr(text: &mut String, style: Style) {
    text.push_str("\x1b[0");
    for (modifier, code) in [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ] {
        if style.add_modifier.contains(modifier) {
            // Writing to a String cannot fail.
            let _ = write!(text, ";{code}");
        }
    }
    colour(text, style.fg, 30);
    colour(text, style.bg, 40);
    text.push('m');
}

fn colour(text: &mut String, colour: Option<Color>, base: u8) {
    let Some(colour) = colour else { return };
    let _ = match colour {
        Color::Rgb(r, g, b) => write!(text, ";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(i) => write!(text, ";{};5;{i}", base + 8),
        Color::Reset => Ok(()),
        named => match crate::theme::PALETTE_16.iter().position(|(c, _)| *c == named) {
            Some(i) if i < 8 => write!(text, ";{}", base + i as u8),
            Some(i) => write!(text, ";{}", base + 52 + i as u8),
            None => Ok(()),
        },
    };
}
