//! Text from outside: stripped of what a terminal would obey, measured and cut in cells.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::theme::{Role, Theme};

/// Takes out control characters, whole escape sequences, and what turns the direction of text or hides in
/// it. White space becomes one space each. Clean text is borrowed.
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => skip_escape(&mut rest),
            // C1's own introducers, as some terminals obey them.
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{9d}' | '\u{98}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if is_unsafe(c) => {}
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// Whether a terminal would obey this character, or nobody would see it.
pub fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Soft hyphen, zero-width and bidi marks, embeddings, overrides, isolates, byte order mark.
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(rest: &mut Chars) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_csi(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        // Intermediates, then one final byte.
        Some(' '..='~') => {
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
        }
        _ => {}
    }
}

fn skip_csi(rest: &mut Chars) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// Up to BEL or ST. One that never ends swallows the rest, as a terminal would.
fn skip_string(rest: &mut Chars) {
    while let Some(c) = rest.next() {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Cells that a clean text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many cells, with `…` where something is left out. Never splits a grapheme.
pub fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    if text.width() <= cells { Cow::Borrowed(text) } else { Cow::Owned(shortened(text, cells)) }
}

/// As much of the text as leaves a cell for the `…` that stands behind it.
fn shortened(text: &str, cells: usize) -> String {
    if cells == 0 {
        return String::new();
    }
    let mut used = 0;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let needs = grapheme.width();
        if used + needs > cells - 1 {
            break;
        }
        used += needs;
        end = at + grapheme.len();
    }
    let mut short = format!("{}…", &text[..end]);
    // Widths do not add up where characters join.
    while short.width() > cells {
        match text[..end].grapheme_indices(true).next_back() {
            Some((at, _)) => {
                end = at;
                short = format!("{}…", &text[..end]);
            }
            None => return String::new(),
        }
    }
    short
}

/// Both ends of a text that is too long, and `…` between them.
pub fn cut_middle(text: &str, cells: usize) -> Cow<'_, str> {
    if text.width() <= cells {
        return Cow::Borrowed(text);
    }
    let start = cells.div_ceil(2);
    // The sign for what is left out is the last cell of the start.
    let end = tail(text, cells - start);
    let short = format!("{}{end}", shortened(text, start));
    Cow::Owned(if short.width() > cells { shortened(text, cells) } else { short })
}

/// The end of a text that fits into so many cells.
pub fn tail(text: &str, cells: usize) -> &str {
    let mut start = text.len();
    for (at, _) in text.grapheme_indices(true).rev() {
        if text[at..].width() > cells {
            break;
        }
        start = at;
    }
    &text[start..]
}

/// A styled line in at most so many cells; the span that does not fit ends in `…`.
pub fn cut_line(line: Line<'static>, cells: usize) -> Line<'static> {
    if line.width() <= cells {
        return line;
    }
    let mut left = cells;
    let mut spans = Vec::with_capacity(line.spans.len());
    for span in line.spans {
        let needs = span.width();
        // One cell stays for the sign that something is left out.
        if needs >= left {
            spans.push(Span::styled(shortened(&span.content, left), span.style));
            break;
        }
        left -= needs;
        spans.push(span);
    }
    Line { spans, ..line }
}

/// Old facts are grey altogether: a piece in colour would still look like news. The cursor keeps its ground.
pub fn fade(buffer: &mut Buffer, area: Rect, theme: &Theme) {
    let stale = theme.style(Role::Stale);
    buffer.set_style(area, Style { bg: None, ..stale });
}

/// Cut and padded to exactly so many cells.
pub fn fit(text: &str, cells: usize, right: bool) -> String {
    let text = cut(text, cells);
    let pad = " ".repeat(cells.saturating_sub(text.width()));
    if right { format!("{pad}{text}") } else { format!("{text}{pad}") }
}

/// Broken into lines of at most so many cells: at spaces; inside a word only where it is longer than a line,
/// and there at its joints first. Blanks at the very beginning stay: they indent.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in text.split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        if !push_within(&mut line, word, cells) {
            if !line.trim().is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            if !push_within(&mut line, word, cells) {
                push_broken(&mut lines, &mut line, word, cells);
            }
        }
        // A blank that does not fit is where the line ends anyway.
        push_within(&mut line, &piece[word.len()..], cells);
    }
    lines.push(line);
    lines
}

/// A word that no line holds: broken at its joints, and those that are too long anywhere.
fn push_broken(lines: &mut Vec<String>, line: &mut String, word: &str, cells: usize) {
    for part in word.split_word_bounds() {
        if push_within(line, part, cells) {
            continue;
        }
        for grapheme in part.graphemes(true) {
            // Marks that join can make one wider than a narrow line.
            let grapheme = if grapheme.width() > cells { "…" } else { grapheme };
            if !push_within(line, grapheme, cells) {
                lines.push(std::mem::replace(line, grapheme.to_owned()));
            }
        }
    }
}

/// Adds a piece if the whole line still fits: widths do not add up where characters join.
fn push_within(line: &mut String, piece: &str, cells: usize) -> bool {
    let before = line.len();
    line.push_str(piece);
    let fits = line.width() <= cells;
    if !fits {
        line.truncate(before);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_gone() {
        for (dirty, clean) in [
            ("plain 前端", "plain 前端"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("a\rb\nc\td", "a b c d"),
            ("\x1b]52;c;aGFja2Vk\x07x", "x"),
            ("\x1b]0;title\x1b\\x", "x"),
            ("\u{9b}31mred", "red"),
            ("\x1bP1;2|q\x1b\\x", "x"),
            ("\u{202e}evil\u{2066}", "evil"),
            ("\x1b(Bx", "x"),
            ("\x1b", ""),
            ("a\0b\x7fc", "abc"),
        ] {
            assert_eq!(sanitise(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn wide_characters_are_not_split() {
        assert_eq!(cut("前端服务", 5), "前端…");
        assert_eq!(cut("前端服务", 4), "前…");
        assert_eq!(fit("前端", 6, true), "  前端");
    }

    #[test]
    fn a_text_cut_in_its_middle_keeps_both_ends() {
        for (text, cells, expected) in [
            ("compute.cmp01", 13, "compute.cmp01"),
            ("cinder-volume.ctl01@fast", 16, "cinder-…l01@fast"),
            ("reply_0a0a0a", 5, "re…0a"),
            ("前端服务器", 7, "前…器"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut_middle(text, cells), expected);
        }
    }

    #[test]
    fn a_styled_line_says_where_it_was_cut() {
        for (spans, cells, expected) in [
            (&["ab", "cd"][..], 4, "abcd"),
            (&["ab", "cd"], 3, "ab…"),
            (&["ab", "cd"], 2, "a…"),
            (&["ab", "前端"], 4, "ab…"),
            (&["ab"], 0, ""),
        ] {
            let line = Line::from(spans.iter().map(|span| Span::raw((*span).to_owned())).collect::<Vec<_>>());
            assert_eq!(cut_line(line, cells).to_string(), expected, "{spans:?} in {cells}");
        }
    }

    #[test]
    fn lines_break_at_spaces_and_inside_a_word_only_when_they_must() {
        for (text, cells, lines) in [
            ("one two three", 7, &["one two", "three"][..]),
            ("refused (os error 111)", 20, &["refused (os error", "111)"]),
            ("at 0.38:1 in effect", 8, &["at", "0.38:1", "in", "effect"]),
            ("  indented and long", 10, &["  indented", "and long"]),
            ("lib/python3/manager.py", 12, &["lib/python3/", "manager.py"]),
            ("前端服务", 4, &["前端", "服务"]),
            ("", 5, &[""]),
        ] {
            assert_eq!(wrap(text, cells), lines, "{text} in {cells}");
        }
    }

    proptest! {
        #[test]
        fn nothing_unsafe_survives(text in ".*") {
            let clean = sanitise(&text);
            prop_assert!(!clean.chars().any(is_unsafe));
            prop_assert_eq!(sanitise(&clean), clean.as_ref());
        }

        #[test]
        fn cutting_keeps_the_width(text in "\\PC*", cells in 0usize..40) {
            prop_assert!(cut(&text, cells).width() <= cells);
            prop_assert!(cut_middle(&text, cells).width() <= cells);
            prop_assert!(wrap(&text, cells.max(2)).iter().all(|line| line.width() <= cells.max(2)));
        }
    }
}
