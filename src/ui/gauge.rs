//! Bars of eighth blocks.

use ratatui::text::Span;

use crate::theme::{Look, Role, Theme};

/// How much is used of what. An unknown limit has no bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauge {
    pub used: Option<f64>,
    pub limit: Option<f64>,
}

/// Shares from which a bar changes its colour; usage above the limit is critical.
const WARN: f64 = 0.90;
const CRIT: f64 = 1.0;

/// The bar in exactly so many cells.
pub fn spans(gauge: Gauge, cells: u16, theme: &Theme, look: &Look) -> Vec<Span<'static>> {
    let cells = cells as usize;
    let share = match (gauge.used, gauge.limit) {
        (Some(used), Some(limit)) if limit > 0.0 => used / limit,
        _ => return vec![Span::raw(" ".repeat(cells))],
    };
    let role = match share {
        s if s > CRIT => Role::Crit,
        s if s >= WARN => Role::Warn,
        _ => Role::Bar,
    };
    let full = bar(share, cells, look.is_ascii() || look.ambiguous == 2);
    let empty = cells.saturating_sub(full.chars().count());
    vec![Span::styled(full, theme.style(role)), Span::styled(" ".repeat(empty), theme.style(Role::BarEmpty))]
}

fn bar(share: f64, cells: usize, ascii: bool) -> String {
    let share = share.clamp(0.0, 1.0);
    if ascii {
        return "#".repeat((share * cells as f64).round() as usize);
    }
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    // Something is never drawn as nothing.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let mut text = "█".repeat(eighths / 8);
    if let Some(part) = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8) {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars() {
        for (share, cells, utf8, ascii) in [
            (0.0, 4, "", ""),
            (0.001, 4, "▏", ""),
            (0.5, 4, "██", "##"),
            (0.53, 4, "██▏", "##"),
            (1.0, 4, "████", "####"),
            (7.0, 4, "████", "####"),
        ] {
            assert_eq!(bar(share, cells, false), utf8);
            assert_eq!(bar(share, cells, true), ascii);
        }
    }
}
