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
    top: usize,
    height: usize,
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

/// The widest label: longer ones are cut.
const LABEL: usize = 18;

impl Details {
    pub fn new(sections: Vec<Section>) -> Self {
        Self { sections, ..Self::default() }
    }

    /// New content: the cursor stays.
    pub fn set(&mut self, sections: Vec<Section>) {
        if self.sections != sections {
            self.sections = sections;
            self.width = 0;
            self.cursor = self.cursor.min(self.entries().saturating_sub(1));
        }
    }

    fn entries(&self) -> usize {
        self.sections.iter().map(|section| section.entries.len()).sum()
    }

    /// To the last entry: where a console log is of interest.
    pub fn to_end(&mut self) {
        self.cursor = self.entries().saturating_sub(1);
    }

    pub fn on(&mut self, action: Action) -> bool {
        let page = self.height.max(1);
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor += 1,
            Action::HalfPageUp => self.cursor = self.cursor.saturating_sub(page / 2),
            Action::HalfPageDown => self.cursor += page / 2,
            Action::PageUp => self.cursor = self.cursor.saturating_sub(page),
            Action::PageDown => self.cursor += page,
            Action::Top => self.cursor = 0,
            Action::Bottom => self.to_end(),
            _ => return false,
        }
        self.cursor = self.cursor.min(self.entries().saturating_sub(1));
        true
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
            .map(|entry| text::width(&entry.label))
            .max()
            .unwrap_or(0)
            .min(LABEL);
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
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, theme: &Theme, _: &Look) {
        if self.width != area.width {
            self.lay_out(area.width);
        }
        self.height = area.height as usize;
        let first = self.lines.iter().position(|line| line.entry == Some(self.cursor)).unwrap_or(0);
        let last = self.lines.iter().rposition(|line| line.entry == Some(self.cursor)).unwrap_or(first);
        if self.cursor == 0 {
            self.top = 0;
        } else if first < self.top {
            self.top = first;
        } else if last >= self.top + self.height {
            self.top = (last + 1).saturating_sub(self.height).min(first);
        }
        for (i, line) in self.lines.iter().skip(self.top).take(self.height).enumerate() {
            let row = Rect { y: area.y + i as u16, height: 1, ..area };
            frame.render_widget(line.styled(theme), row);
            if line.entry == Some(self.cursor) {
                frame.buffer_mut().set_style(row, theme.style(Role::Selection));
            }
        }
    }
}
