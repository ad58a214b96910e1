//! The log around a record: what stands before and behind it in its file, whoever wrote it.

use std::sync::Arc;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::record;
use crate::action::Action;
use crate::health::Verdict;
use crate::model::{Level, Passage, Passed, Stamp, Stretch};
use crate::pane::{Cx, Reply, line, parts};
use crate::request::Query;
use crate::theme::Role;
use crate::trace::Entry;
use crate::ui::{format, text};

/// Cells by which lines are moved sideways at once.
const SIDEWAYS: usize = 20;
/// Characters of a line that are ever drawn, and lines on screen that one may take.
const MESSAGE: usize = 4_000;
const WRAPPED: usize = 12;

pub(super) struct Around {
    /// What was asked last.
    passage: Passage,
    stretch: Option<Arc<Stretch>>,
    /// When that was read.
    read: Timestamp,
    is_asking: bool,
    /// The line under the cursor, by its place in the file.
    cursor: u64,
    wraps: bool,
    sideways: usize,
    /// The cursor's line on screen, and how many there are, in the last frame.
    row: usize,
    height: usize,
    /// Which line stands on which line of the last frame.
    drawn: Vec<u64>,
}

impl Around {
    /// Around this record, and the question for it.
    pub fn new(entry: &Entry) -> (Self, Reply) {
        let passage = Passage::new(entry.path.clone(), entry.offset, &entry.head);
        let ask = Reply::Ask(vec![Query::Around(passage.clone())]);
        let around = Self {
            cursor: passage.offset,
            passage,
            stretch: None,
            read: Timestamp::UNIX_EPOCH,
            is_asking: true,
            wraps: false,
            sideways: 0,
            // The middle, as soon as there is one.
            row: usize::MAX,
            height: 0,
            drawn: Vec::new(),
        };
        (around, ask)
    }

    /// Takes in what the store knows of it.
    pub fn sync(&mut self, cx: &Cx) {
        let Some((at, stretch)) = &cx.store.around else { return };
        if !stretch.passage.is_of(&self.passage) {
            return;
        }
        if self.stretch.as_ref().is_none_or(|known| !Arc::ptr_eq(known, stretch)) {
            self.is_asking = stretch.passage != self.passage;
            (self.stretch, self.read) = (Some(stretch.clone()), *at);
        }
    }

    fn lines(&self) -> &[Passed] {
        self.stretch.as_ref().map(|stretch| stretch.lines.as_slice()).unwrap_or_default()
    }

    fn at(&self) -> usize {
        let lines = self.lines();
        lines.partition_point(|line| line.offset < self.cursor).min(lines.len().saturating_sub(1))
    }

    /// The line under the cursor.
    fn line(&self) -> Option<&Passed> {
        self.lines().get(self.at())
    }

    /// Carries out a wish; `None`: it is none of this view's.
    pub fn on(&mut self, action: Action) -> Option<Reply> {
        let at = self.at();
        let page = self.height.max(2) - 1;
        let last = self.lines().len().saturating_sub(1);
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::HalfPageUp => at.saturating_sub(page / 2 + 1),
            Action::HalfPageDown => at + page / 2 + 1,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::Top => 0,
            Action::Bottom => last,
            Action::NextError | Action::PreviousError => return Some(self.go_to_error(action, at)),
            Action::Wrap => {
                self.wraps = !self.wraps;
                return Some(Reply::Done);
            }
            Action::Left => {
                self.sideways = self.sideways.saturating_sub(SIDEWAYS);
                return Some(Reply::Done);
            }
            Action::Right => {
                self.sideways = (self.sideways + SIDEWAYS).min(MESSAGE);
                return Some(Reply::Done);
            }
            Action::Copy => {
                let line = self.line().map(|line| text::sanitise(&words(line)).into_owned());
                return Some(line.map_or(Reply::Done, Reply::Copy));
            }
            _ => return None,
        };
        let up = matches!(action, Action::Up | Action::HalfPageUp | Action::PageUp | Action::Top);
        self.go(at, to.min(last));
        Some(if to == 0 && up || to >= last && !up { self.more(up) } else { Reply::Done })
    }

    fn go(&mut self, at: usize, to: usize) {
        self.row = (self.row.saturating_add(to)).saturating_sub(at).min(self.height.saturating_sub(1));
        if let Some(line) = self.lines().get(to) {
            self.cursor = line.offset;
        }
    }

    fn go_to_error(&mut self, action: Action, at: usize) -> Reply {
        let lines = self.lines();
        let is_error = |at: &usize| lines.get(*at).is_some_and(|it| it.is_head && it.level >= Level::Error);
        let forward = action == Action::NextError;
        let found = match forward {
            true => (at + 1..lines.len()).find(is_error),
            false => (0..at).rev().find(is_error),
        };
        match found {
            Some(to) => {
                self.go(at, to);
                Reply::Done
            }
            None => {
                Reply::Say(format!("no error {} in what is shown", if forward { "below" } else { "above" }))
            }
        }
    }

    /// What stands beyond this end, where there is anything.
    fn more(&mut self, up: bool) -> Reply {
        let Some(stretch) = self.stretch.as_ref().filter(|it| it.trouble.is_none()) else {
            return Reply::Done;
        };
        if self.is_asking || (up && stretch.begins) || (!up && stretch.ends) {
            return Reply::Done;
        }
        let more = if up { self.passage.more_before() } else { self.passage.more_after() };
        let Some(more) = more else {
            let path = text::sanitise(&stretch.path).into_owned();
            return Reply::Say(format!("that is as much as is shown here: less +{}P {path}", self.cursor));
        };
        self.passage = more.clone();
        self.is_asking = true;
        Reply::Ask(vec![Query::Around(more)])
    }

    pub fn click(&mut self, row: u16) {
        // Above the first line stands the head.
        let offset = (row as usize).checked_sub(1).and_then(|row| self.drawn.get(row)).copied();
        if let Some(offset) = offset {
            (self.cursor, self.row) = (offset, row as usize - 1);
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let Some(stretch) = self.stretch.clone() else {
            let words = format!("reading {} …", text::sanitise(&self.passage.path));
            return parts::draw_absence(frame, area, cx, Verdict::Busy, &[words]);
        };
        if let Some(trouble) = &stretch.trouble {
            let lines =
                [&trouble.message, &trouble.next_step].map(|words| text::sanitise(words).into_owned());
            return parts::draw_absence(frame, area, cx, Verdict::Unknown, &lines);
        }
        let row = |y: u16| Rect { y, height: 1, ..area };
        frame.render_widget(head(cx, &stretch, area.width as usize), row(area.y));
        let room = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.height = room.height as usize;
        let at = self.at();
        let wanted = if self.row == usize::MAX { self.height / 2 } else { self.row };
        let made = |at: usize| match stretch.lines.get(at) {
            Some(line) => self.drawn(cx, line, area.width as usize),
            None => vec![Line::default()],
        };
        let lines = line::place(at, wanted, self.height, stretch.lines.len(), &made);
        self.row = lines.iter().position(|(index, _)| *index == at).unwrap_or(0);
        self.drawn.clear();
        for (y, (index, line)) in lines.into_iter().enumerate() {
            let place = row(room.y + y as u16);
            frame.render_widget(text::cut_line(line, area.width as usize), place);
            if index == at {
                frame.buffer_mut().set_style(place, cx.theme.style(Role::Selection));
            }
            self.drawn.extend(stretch.lines.get(index).map(|line| line.offset));
        }
    }

    /// A line, and whether it is the one that one came from.
    fn drawn(&self, cx: &Cx, line: &Passed, width: usize) -> Vec<Line<'static>> {
        let is_marked = line.offset == self.passage.offset;
        let mark = match (is_marked, cx.look.is_ascii()) {
            (true, true) => "> ",
            (true, false) => "▶ ",
            (false, _) => "  ",
        };
        let bad = line::verdict(line.level);
        let role = match bad {
            Verdict::Ok if is_marked => Role::Accent,
            Verdict::Ok if line.is_head => Role::Text,
            Verdict::Ok => Role::Dim,
            bad => parts::role(bad),
        };
        let style = cx.theme.style(role);
        let known = line.is_head.then(|| line::known(line.parsed.message.of(&line.text), line.level));
        let known = known.and_then(|known| known.first().map(|known| format!(" [{}]", known.id)));
        let known = known.unwrap_or_default();
        let room = width.saturating_sub(3 + text::width(&known)).max(8);
        // Cut, it is what the line says; whole, it is the line as it stands.
        let words = if self.wraps { words(line) } else { said(line) };
        let words = text::sanitise(&words).into_owned();
        let lead = |at: usize| Span::styled(if at == 0 { mark } else { "  " }, cx.theme.style(Role::Accent));
        if !self.wraps {
            let moved: String = words.chars().skip(self.sideways).collect();
            let cut = text::cut(&moved, room).into_owned();
            let spans =
                vec![lead(0), Span::styled(cut, style), Span::styled(known, cx.theme.style(Role::Dim))];
            return vec![Line::from(spans)];
        }
        let wrapped = text::wrap(&words, room);
        let lines = wrapped.into_iter().take(WRAPPED).enumerate();
        lines.map(|(at, part)| Line::from(vec![lead(at), Span::styled(part, style)])).collect()
    }

    pub fn status(&self, cx: &Cx) -> String {
        let Some(stretch) = self.stretch.as_ref().filter(|it| it.trouble.is_none()) else {
            return String::new();
        };
        let (above, below) = match (stretch.begins, stretch.ends) {
            (true, true) => ("", ", the whole file"),
            (true, false) => (", from its beginning", ""),
            (false, true) => ("", ", to its end"),
            (false, false) => ("", ""),
        };
        let reading = if self.is_asking { " · reading more …" } else { "" };
        let age = format::duration(cx.now.duration_since(self.read));
        format!("{}{above}{below}, read {age} ago{reading}", format::count(stretch.lines.len(), "line"))
    }

    /// What the cursor is on, where that is known; else how far it is from where one came.
    pub fn words(&self) -> Option<(Verdict, String)> {
        let line = self.line()?;
        let bad = line::verdict(line.level);
        if let Some(known) = line::known(line.parsed.message.of(&line.text), line.level).first() {
            return Some((bad, line::known_words(known)));
        }
        let marked = self.lines().iter().position(|line| line.offset == self.passage.offset)?;
        let away = self.at().abs_diff(marked);
        Some((
            bad,
            match line.offset.cmp(&self.passage.offset) {
                std::cmp::Ordering::Less => format!("{} before the record", format::count(away, "line")),
                std::cmp::Ordering::Equal => "the record of the trace".to_owned(),
                std::cmp::Ordering::Greater => format!("{} behind the record", format::count(away, "line")),
            },
        ))
    }
}

/// What a line says, and when by its file: ids that fill a screen before the first word are left to the whole line.
fn said(line: &Passed) -> String {
    let whole = words(line);
    if !line.is_head {
        let words = record::after_context(&whole);
        // Which instance it is stands in the line that it goes on with.
        let own = words.strip_prefix("[instance: ").and_then(|rest| rest.split_once("] "));
        return format!("{:13}{}", "", own.map_or(words, |(_, words)| words));
    }
    let time = match line.parsed.time {
        Stamp::None => None,
        Stamp::Local(at) | Stamp::Utc(at) | Stamp::Yearless(at) => Timestamp::from_microsecond(at).ok(),
    };
    let Some(time) = time else { return whole };
    let message = line.parsed.message.of(&line.text);
    let message = String::from_utf8_lossy(message.get(..message.len().min(MESSAGE)).unwrap_or(message));
    let program = String::from_utf8_lossy(line.parsed.program.of(&line.text));
    let program = if program.is_empty() { String::new() } else { format!("{program} ") };
    format!("{} {:7} {program}{message}", time.strftime("%H:%M:%S%.3f"), line.level.as_str())
}

/// As far as it is ever drawn. Not stripped of anything.
fn words(line: &Passed) -> String {
    let bytes = line.text.get(..line.text.len().min(MESSAGE * 4)).unwrap_or(&line.text);
    String::from_utf8_lossy(bytes).chars().take(MESSAGE).collect()
}

/// Which file it is, and that it was called otherwise when it was traced.
fn head(cx: &Cx, stretch: &Stretch, width: usize) -> Line<'static> {
    let mut words = format!(" {}", stretch.path);
    if stretch.path != stretch.passage.path {
        let was = stretch.passage.path.rsplit('/').next().unwrap_or_default();
        words.push_str(&format!("   rotated since: it was {was}"));
    }
    words.push_str("   times as it has them");
    let words = text::cut(&text::sanitise(&words), width).into_owned();
    Line::styled(words, cx.theme.style(Role::Heading))
}
