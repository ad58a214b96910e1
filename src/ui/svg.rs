//! A frame as SVG, for the README and reports: each run of cells at its own place, so that wide characters
//! and fonts of another pitch keep the columns.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::ansi::cells;
use crate::theme::PALETTE_16;

/// A cell of DejaVu Sans Mono at 14 pixels: renderers that ignore `textLength` keep the columns too.
const CELL: (f64, f64) = (8.43, 18.0);
const PAD: f64 = 12.0;
const DARK: ((u8, u8, u8), (u8, u8, u8)) = ((0x1a, 0x1b, 0x26), (0xc0, 0xca, 0xf5));
const LIGHT: ((u8, u8, u8), (u8, u8, u8)) = ((0xfa, 0xfa, 0xfa), (0x24, 0x29, 0x2f));

/// The frame as an SVG document; `light` is for themes that are made for light terminals.
pub fn svg(buffer: &Buffer, light: bool) -> String {
    let (paper, ink) = if light { LIGHT } else { DARK };
    let area = buffer.area;
    let width = f64::from(area.width) * CELL.0 + 2.0 * PAD;
    let height = f64::from(area.height) * CELL.1 + 2.0 * PAD;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, Noto Sans Mono CJK SC, monospace\" \
         font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>",
        hex(paper)
    );
    for y in 0..area.height {
        row(&mut out, buffer, area.y + y, y, paper, ink);
    }
    out.push_str("</svg>\n");
    out
}

/// Cells that look alike and stand side by side.
struct Run {
    x: u16,
    width: u16,
    text: String,
    style: Style,
}

fn row(out: &mut String, buffer: &Buffer, y: u16, line: u16, paper: (u8, u8, u8), ink: (u8, u8, u8)) {
    let mut runs: Vec<Run> = Vec::new();
    for (x, symbol, style, width) in cells(buffer, y) {
        match runs.last_mut() {
            // A wide character stands alone: its neighbours then keep their columns.
            Some(run) if run.style == style && width == 1 && run.text.is_ascii() && symbol.is_ascii() => {
                run.text.push_str(symbol);
                run.width += width;
            }
            _ => runs.push(Run { x: x - buffer.area.x, width, text: symbol.to_owned(), style }),
        }
    }
    let top = PAD + f64::from(line) * CELL.1;
    for run in &runs {
        let (fg, bg) = colours(run.style, paper, ink);
        let (x, width) = (PAD + f64::from(run.x) * CELL.0, f64::from(run.width) * CELL.0);
        if bg != paper {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\" \
                 shape-rendering=\"crispEdges\"/>",
                CELL.1,
                hex(bg)
            );
        }
        if run.text.trim().is_empty() {
            continue;
        }
        let bold = if run.style.add_modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
        let dim = if run.style.add_modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
        let lined = if run.style.add_modifier.contains(Modifier::UNDERLINED) {
            " text-decoration=\"underline\""
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
             xml:space=\"preserve\" fill=\"{}\"{bold}{dim}{lined}>{}</text>",
            top + 13.5,
            hex(fg),
            escaped(&run.text)
        );
    }
}

fn colours(style: Style, paper: (u8, u8, u8), ink: (u8, u8, u8)) -> ((u8, u8, u8), (u8, u8, u8)) {
    let fg = style.fg.and_then(rgb).unwrap_or(ink);
    let bg = style.bg.and_then(rgb).unwrap_or(paper);
    if style.add_modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
}

fn rgb(color: Color) -> Option<(u8, u8, u8)> {
    match color {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index @ 16..) => Some(crate::theme::xterm(index)),
        named => PALETTE_16.iter().find(|(c, _)| *c == named).map(|(_, rgb)| *rgb),
    }
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_wide_ones_stand_alone() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, "<前>&", Style::default());
        let svg = svg(&buffer, false);
        assert!(
            svg.contains("&lt;</text>") && svg.contains(">前</text>") && svg.contains("&gt;&amp;"),
            "{svg}"
        );
    }
}
