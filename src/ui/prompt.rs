//! A line of text to type: the filter and the palette, with history and completion.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::text;
use crate::theme::{Role, Theme};

/// A prompt under way.
#[derive(Debug)]
pub struct Prompt {
    input: Input,
    initial: String,
    history: Vec<String>,
    /// How far back in the history; 0 is what was typed.
    back: usize,
    typed: String,
    error: Option<String>,
    /// The completions that a tab cycles through, and which one stands there.
    offered: Vec<String>,
    chosen: usize,
}

/// What a key did to the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Changed,
    Entered,
    Cancelled,
    /// The caller offers candidates by [`Prompt::complete`].
    Complete,
}

impl Prompt {
    pub fn new(text: String, history: Vec<String>) -> Self {
        Self {
            input: Input::new(text.clone()),
            initial: text,
            history,
            back: 0,
            typed: String::new(),
            error: None,
            offered: Vec::new(),
            chosen: 0,
        }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// What stood there when the prompt was opened.
    pub fn initial(&self) -> &str {
        &self.initial
    }

    pub fn set_error(&mut self, error: Option<String>) {
        self.error = error;
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Heard {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code != KeyCode::Tab {
            self.offered.clear();
        }
        match key.code {
            KeyCode::Enter => Heard::Entered,
            KeyCode::Esc => Heard::Cancelled,
            KeyCode::Char('c' | 'g') if control => Heard::Cancelled,
            KeyCode::Char('p') if control => self.recall(1),
            KeyCode::Char('n') if control => self.recall(-1),
            KeyCode::Up => self.recall(1),
            KeyCode::Down => self.recall(-1),
            KeyCode::Tab => Heard::Complete,
            // An emptied prompt is left by one more backspace, as in vim.
            KeyCode::Backspace if self.text().is_empty() => Heard::Cancelled,
            _ => {
                let before = self.input.value().to_owned();
                self.input.handle_event(&crossterm::event::Event::Key(key));
                if self.input.value() == before { Heard::Nothing } else { Heard::Changed }
            }
        }
    }

    pub fn on_paste(&mut self, pasted: &str) -> Heard {
        for c in text::sanitise(pasted).chars() {
            self.input.handle(InputRequest::InsertChar(c));
        }
        Heard::Changed
    }

    fn recall(&mut self, by: isize) -> Heard {
        if self.back == 0 {
            self.text().to_owned().clone_into(&mut self.typed);
        }
        let back = self.back.saturating_add_signed(by).min(self.history.len());
        if back == self.back {
            return Heard::Nothing;
        }
        self.back = back;
        let line = match back {
            0 => self.typed.clone(),
            n => self.history.get(self.history.len() - n).cloned().unwrap_or_default(),
        };
        self.input = Input::new(line);
        Heard::Changed
    }

    /// Completes the last word by those candidates that begin like it; again: the next one.
    pub fn complete(&mut self, candidates: &[String]) {
        if self.offered.is_empty() {
            let line = self.text().to_owned();
            let whole: Vec<String> = candidates.iter().filter(|c| c.starts_with(&line)).cloned().collect();
            let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
            let (head, word) = line.split_at(start);
            self.offered = if whole.is_empty() && !word.is_empty() {
                candidates.iter().filter(|c| c.starts_with(word)).map(|c| format!("{head}{c}")).collect()
            } else {
                whole
            };
            self.offered.dedup();
            self.chosen = 0;
        } else {
            self.chosen = (self.chosen + 1) % self.offered.len();
        }
        if let Some(line) = self.offered.get(self.chosen) {
            self.input = Input::new(line.clone());
        }
    }

    pub fn draw(&self, frame: &mut Frame, area: Rect, sign: char, theme: &Theme) {
        let (note, role) = self.note();
        // A mistake is seen however long the line is; the line scrolls with its cursor.
        let aside = (text::width(&note) + 3).min(area.width as usize / 2);
        let room = (area.width as usize).saturating_sub(3 + if note.is_empty() { 0 } else { aside });
        let cursor = self
            .input
            .value()
            .char_indices()
            .nth(self.input.cursor())
            .map_or(self.text().len(), |(at, _)| at);
        let (before, behind) = self.text().split_at(cursor);
        let (before, behind) = (text::sanitise(before), text::sanitise(behind));
        let before = text::tail(&before, room);
        let behind = text::cut(&behind, room - text::width(before));
        let mut spans = vec![Span::styled(format!(" {sign}{before}{behind}"), theme.style(Role::Prompt))];
        if !note.is_empty() {
            let used = 2 + text::width(before) + text::width(&behind);
            let note = text::cut(&note, (area.width as usize).saturating_sub(used + 3)).into_owned();
            spans.push(Span::styled(format!("   {note}"), theme.style(role)));
        }
        frame.render_widget(Line::from(spans), area);
        frame.set_cursor_position(Position::new(area.x + 2 + text::width(before) as u16, area.y));
    }

    /// What stands behind the line: a mistake, or the other completions.
    fn note(&self) -> (String, Role) {
        if let Some(error) = &self.error {
            return (text::sanitise(error).into_owned(), Role::Error);
        }
        let others = self.offered.len().saturating_sub(1);
        let next = self.offered.iter().cycle().skip(self.chosen + 1).take(others);
        (next.map(|line| text::sanitise(line)).collect::<Vec<_>>().join("  "), Role::Dim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::parse_keys;

    fn typed(keys: &str, history: &[&str]) -> (Prompt, Heard) {
        let mut prompt = Prompt::new(String::new(), history.iter().map(|s| (*s).to_owned()).collect());
        let mut last = Heard::Nothing;
        for key in parse_keys(keys).unwrap() {
            last = prompt.on_key(key);
        }
        (prompt, last)
    }

    #[test]
    fn typing_history_and_leaving() {
        for (keys, text, heard) in [
            ("ab", "ab", Heard::Changed),
            ("ab<ctrl-w>", "", Heard::Changed),
            ("x<up>", "two", Heard::Changed),
            ("x<up><up>", "one", Heard::Changed),
            ("x<up><down>", "x", Heard::Changed),
            ("ab<enter>", "ab", Heard::Entered),
            ("<esc>", "", Heard::Cancelled),
            ("<backspace>", "", Heard::Cancelled),
        ] {
            let (prompt, last) = typed(keys, &["one", "two"]);
            assert_eq!((prompt.text(), last), (text, heard), "{keys}");
        }
    }

    #[test]
    fn completion_cycles() {
        let candidates: Vec<String> = ["hypervisors", "host", "theme dark"].map(Into::into).to_vec();
        let (mut prompt, _) = typed("h", &[]);
        prompt.complete(&candidates);
        assert_eq!(prompt.text(), "hypervisors");
        prompt.complete(&candidates);
        assert_eq!(prompt.text(), "host");
        let (mut prompt, _) = typed("instances ho", &[]);
        prompt.complete(&candidates);
        assert_eq!(prompt.text(), "instances host");
    }

    /// The prompt in so many cells, and where its cursor stands.
    fn drawn(prompt: &Prompt, width: u16) -> (String, u16) {
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(width, 1)).unwrap();
        let theme = Theme::shipped("mono").unwrap().unwrap();
        terminal.draw(|frame| prompt.draw(frame, frame.area(), '/', &theme)).unwrap();
        let cursor = terminal.get_cursor_position().unwrap().x;
        (super::super::ansi::plain(terminal.backend().buffer()).trim_end().to_owned(), cursor)
    }

    #[test]
    fn a_long_line_scrolls_and_leaves_room_for_its_mistake() {
        for (keys, error, screen, cursor) in [
            ("status", "", " /status", 8),
            ("0123456789abcdefghijk", "", " /456789abcdefghijk", 19),
            ("0123456789abcdefghijk", "no column", " /efghijk   no colu…", 9),
            ("ab<left>", "", " /ab", 3),
            ("前端服务<left><left>", "", " /前端服务", 6),
        ] {
            let (mut prompt, _) = typed(keys, &[]);
            prompt.set_error((!error.is_empty()).then(|| error.to_owned()));
            assert_eq!(drawn(&prompt, 20), (screen.to_owned(), cursor), "{keys} {error}");
        }
    }

    #[test]
    fn a_filter_that_came_from_a_name_is_not_obeyed() {
        let prompt = Prompt::new("name=\u{202e}evil\x1b[31m".to_owned(), Vec::new());
        assert_eq!(drawn(&prompt, 20), (" /name=evil".to_owned(), 11));
    }

    #[test]
    fn a_paste_is_cleaned() {
        let (mut prompt, _) = typed("", &[]);
        prompt.on_paste("a\x1b[31mb\n");
        assert_eq!(prompt.text(), "ab ");
    }
}
