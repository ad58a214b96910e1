//! The one details view: labelled lines in sections, scrolled by line, copied whole.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text;
use crate::action::Action;
use crate::theme::{Look, Role, Theme};

/// A titled group of labelled texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    title: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    label: String,
    text: String,
    role: Role,
}

impl Section {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), entries: Vec::new() }
    }

    /// A labelled text; it may have several lines.
    pub fn add(&mut self, label: impl Into<String>, text: impl Into<String>) {
        self.add_as(Role::Text, label, text);
    }

    /// The same in a role's colour.
    pub fn add_as(&mut self, role: Role, label: impl Into<String>, text: impl Into<String>) {
        self.entries.push(Entry { label: label.into(), text: text.into(), role });
    }
}

/// Sections with a cursor on one entry. `Paragraph::scroll` ends at 65,535 lines; this window does not.
#[derive(Clone, Debug, Default)]
pub struct Details {
    sections: Vec<Section>,
    /// The entry under the cursor, counted over all sections.
    cursor: usize,
    /// The first line on screen.
    top: usize,
    height: usize,
    /// What all of it shows is old.
    faded: bool,
    /// The end is looked at: it stays in sight when more comes.
    tail: bool,
    /// The lines of the last content and width.
    lines: Vec<DrawnLine>,
    width: u16,
}

#[derive(Clone, Debug)]
struct DrawnLine {
    /// The entry that the line belongs to; `None` for titles and gaps.
    entry: Option<usize>,
    label: String,
    text: String,
    role: Role,
}

impl DrawnLine {
    fn styled(&self, theme: &Theme) -> Line<'static> {
        let label = match self.entry {
            None => Span::styled(format!(" {}", text::sanitise(&self.label)), theme.style(self.role)),
            Some(_) => Span::styled(format!("  {}  ", self.label), theme.style(Role::Dim)),
        };
        Line::from(vec![label, Span::styled(self.text.clone(), theme.style(self.role))])
    }
}

/// The widest label, and from which part of the width on it may be wider: longer ones are cut.
const LABEL: usize = 18;
const SHARE: usize = 5;

impl Details {
    pub fn new(sections: Vec<Section>) -> Self {
        Self { sections, ..Self::default() }
    }

    /// New content: the cursor stays.
    pub fn set(&mut self, sections: Vec<Section>) {
        if self.sections != sections {
            self.sections = sections;
            self.width = 0;
            let last = self.entries().saturating_sub(1);
            self.cursor = if self.tail { last } else { self.cursor.min(last) };
        }
    }

    /// Whether all of it is drawn as old.
    pub fn fade(&mut self, faded: bool) {
        self.faded = faded;
    }

    fn entries(&self) -> usize {
        self.sections.iter().map(|section| section.entries.len()).sum()
    }

    /// To the last entry, and with it to what comes later: where a console log is of interest.
    pub fn to_end(&mut self) {
        self.tail = true;
        self.cursor = self.entries().saturating_sub(1);
    }

    /// Movement; `false` when the action is none. An entry that is taller than the screen is scrolled through
    /// before the cursor leaves it.
    pub fn on(&mut self, action: Action) -> bool {
        let page = self.height.max(1);
        match action {
            Action::Up => self.step_up(),
            Action::Down => self.step_down(),
            Action::HalfPageUp => self.turn_up(page / 2),
            Action::HalfPageDown => self.turn_down(page / 2),
            Action::PageUp => self.turn_up(page),
            Action::PageDown => self.turn_down(page),
            Action::Top => (self.cursor, self.top) = (0, 0),
            Action::Bottom => self.to_end(),
            _ => return false,
        }
        self.tail &= !matches!(action, Action::Up | Action::HalfPageUp | Action::PageUp | Action::Top);
        self.cursor = self.cursor.min(self.entries().saturating_sub(1));
        true
    }

    fn step_up(&mut self) {
        match self.lines_of(self.cursor) {
            Some((first, _)) if first < self.top => self.top -= 1,
            _ if self.cursor == 0 => self.top = 0,
            _ => self.cursor = self.cursor.saturating_sub(1),
        }
    }

    fn step_down(&mut self) {
        match self.lines_of(self.cursor) {
            Some((_, last)) if last >= self.top + self.height => self.top += 1,
            _ => self.cursor += 1,
        }
    }

    /// Window and cursor go by so many lines, not entries: nothing is skipped.
    fn turn_up(&mut self, by: usize) {
        let before = (self.top, self.cursor);
        let target = self.cursor_line().saturating_sub(by);
        self.top = self.top.saturating_sub(by);
        self.cursor = self.lines.iter().take(target + 1).rev().find_map(|line| line.entry).unwrap_or(0);
        if before == (self.top, self.cursor) {
            self.cursor = self.cursor.saturating_sub(1);
        }
    }

    fn turn_down(&mut self, by: usize) {
        let before = (self.top, self.cursor);
        let target = self.cursor_line() + by;
        self.top = (self.top + by).min(self.lines.len().saturating_sub(self.height));
        self.cursor = self.lines.iter().skip(target).find_map(|line| line.entry).unwrap_or(usize::MAX);
        if before == (self.top, self.cursor) {
            self.cursor += 1;
        }
    }

    /// The first line of the cursor's entry that is on screen.
    fn cursor_line(&self) -> usize {
        self.lines_of(self.cursor).map_or(0, |(first, _)| first.max(self.top))
    }

    /// The first and last line of an entry in the last frame.
    fn lines_of(&self, entry: usize) -> Option<(usize, usize)> {
        let of = |line: &DrawnLine| line.entry == Some(entry);
        Some((self.lines.iter().position(of)?, self.lines.iter().rposition(of)?))
    }

    /// The whole text of the entry under the cursor, cleaned.
    pub fn copied(&self) -> Option<String> {
        let entry = self.sections.iter().flat_map(|section| &section.entries).nth(self.cursor)?;
        Some(entry.text.lines().map(text::sanitise).collect::<Vec<_>>().join("\n"))
    }

    /// Where the cursor is, for the status line.
    pub fn status(&self) -> String {
        format!("{} of {}", (self.cursor + 1).min(self.entries()), self.entries())
    }

    fn lay_out(&mut self, width: u16) {
        self.width = width;
        self.lines.clear();
        let label = self
            .sections
            .iter()
            .flat_map(|section| &section.entries)
            .map(|entry| text::width(&text::sanitise(&entry.label)))
            .max()
            .unwrap_or(0)
            .min(LABEL.max(width as usize / SHARE));
        let room = (width as usize).saturating_sub(label + 5).max(10);
        let mut entry = 0;
        for section in &self.sections {
            if !self.lines.is_empty() {
                self.lines.push(DrawnLine {
                    entry: None,
                    label: String::new(),
                    text: String::new(),
                    role: Role::Text,
                });
            }
            if !section.title.is_empty() {
                self.lines.push(DrawnLine {
                    entry: None,
                    label: section.title.clone(),
                    text: String::new(),
                    role: Role::Heading,
                });
            }
            for Entry { label: name, text: body, role } in &section.entries {
                let mut first = true;
                let lines = body.lines().map(text::sanitise).collect::<Vec<_>>();
                for line in if lines.is_empty() { vec!["".into()] } else { lines } {
                    for part in text::wrap(&line, room) {
                        let name = if first {
                            text::fit(&text::sanitise(name), label, false)
                        } else {
                            " ".repeat(label)
                        };
                        first = false;
                        self.lines.push(DrawnLine {
                            entry: Some(entry),
                            label: name,
                            text: part,
                            role: *role,
                        });
                    }
                }
                entry += 1;
            }
        }
    }

    /// Beside a list: from the top, without a cursor.
    pub fn draw_quietly(&mut self, frame: &mut Frame, area: Rect, theme: &Theme) {
        if self.width != area.width {
            self.lay_out(area.width);
        }
        for (i, line) in self.lines.iter().take(area.height as usize).enumerate() {
            let row = Rect { y: area.y + i as u16, height: 1, ..area };
            frame.render_widget(line.styled(theme), row);
        }
        if self.faded {
            text::fade(frame.buffer_mut(), area, theme);
        }
    }

    /// Brings the cursor's entry into sight: all of it where it fits; coming from below, with its title.
    fn scroll(&mut self) {
        let (first, last) = self.lines_of(self.cursor).unwrap_or((0, 0));
        let above = &self.lines[..first.min(self.lines.len())];
        let titled = first - above.iter().rev().take_while(|line| line.entry.is_none()).count();
        if self.tail {
            self.top = self.lines.len().saturating_sub(self.height);
        } else if last - titled < self.height {
            self.top = self.top.max((last + 1).saturating_sub(self.height));
            if self.top > first {
                self.top = titled;
            }
        } else {
            self.top = self.top.clamp((first + 1).saturating_sub(self.height), last);
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, theme: &Theme, _: &Look) {
        if self.width != area.width {
            self.lay_out(area.width);
        }
        self.height = area.height as usize;
        self.scroll();
        for (i, line) in self.lines.iter().skip(self.top).take(self.height).enumerate() {
            let row = Rect { y: area.y + i as u16, height: 1, ..area };
            frame.render_widget(line.styled(theme), row);
            if self.faded {
                text::fade(frame.buffer_mut(), row, theme);
            }
            if line.entry == Some(self.cursor) {
                frame.buffer_mut().set_style(row, theme.style(Role::Selection));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    /// Three entries, of which the second is 30 lines high.
    fn tall() -> Details {
        let mut section = Section::new("state");
        section.add("status", "ERROR");
        section.add("fault", (0..30).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n"));
        section.add("task", "none");
        Details::new(vec![section])
    }

    fn draw(details: &mut Details, height: u16) -> String {
        let mut terminal = ratatui::Terminal::new(TestBackend::new(30, height)).unwrap();
        let theme = Theme::shipped("mono").unwrap().unwrap();
        let look = Look::new(false, 1);
        let drawn = terminal.draw(|frame| details.draw(frame, frame.area(), &theme, &look)).unwrap();
        super::super::ansi::plain(drawn.buffer)
    }

    /// Every line is seen while one goes through with a key, whatever the height.
    fn seen_going(action: Action, height: u16) {
        let mut details = tall();
        let down = matches!(action, Action::Down | Action::HalfPageDown | Action::PageDown);
        draw(&mut details, height);
        if !down {
            details.on(Action::Bottom);
        }
        let mut seen = draw(&mut details, height);
        for _ in 0..60 {
            details.on(action);
            seen.push_str(&draw(&mut details, height));
        }
        for line in
            (0..30).map(|n| format!("line {n}\n")).chain(["ERROR".into(), "none".into(), "state".into()])
        {
            assert!(seen.contains(&line), "{action:?} at {height}: {line} was never seen");
        }
        assert_eq!(details.status(), if down { "3 of 3" } else { "1 of 3" });
    }

    #[test]
    fn no_line_of_a_tall_entry_is_out_of_reach() {
        for action in [
            Action::Down,
            Action::HalfPageDown,
            Action::PageDown,
            Action::Up,
            Action::HalfPageUp,
            Action::PageUp,
        ] {
            for height in [3, 8, 12, 40] {
                seen_going(action, height);
            }
        }
    }

    #[test]
    fn the_end_stays_in_sight_when_more_comes() {
        let log = |lines: usize| {
            let mut section = Section::new("console log");
            (0..lines).for_each(|n| section.add("", format!("line {n}")));
            vec![section]
        };
        let mut details = Details::new(log(1));
        details.to_end();
        draw(&mut details, 5);
        details.set(log(50));
        assert!(draw(&mut details, 5).contains("line 49"));
        // One key up, and it stays where it is.
        details.on(Action::Up);
        details.set(log(60));
        let screen = draw(&mut details, 5);
        assert!(screen.contains("line 48") && !screen.contains("line 59"), "{screen}");
    }
}
