//! The part of the records that is on screen, a line each or wrapped, and what is said above and below it.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::marks::Marks;
use super::search::Search;
use super::shown::{Key, Shown};
use super::{hosts, record, short};
use crate::action::Action;
use crate::health::Verdict;
use crate::pane::line::{place, verdict};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::store::Record;
use crate::theme::{Role, Sign};
use crate::ui::{format, spark, text};

/// Lines that a wrapped record may take: all of it is one key away.
const WRAPPED: usize = 8;
/// Cells by which the words are moved sideways at once.
const SIDEWAYS: usize = 20;
/// Widest host and service.
const HOST: usize = 16;
const SERVICE: usize = 18;
/// From this width on times have milliseconds.
const ROOMY: u16 = 100;
/// Characters of a message that are ever drawn on the list.
const MESSAGE: usize = 4_000;

/// What of the records is made out on screen.
pub(super) struct Look<'a> {
    pub search: Option<&'a Search>,
    pub marks: &'a Marks,
}

/// Where one looks.
pub(super) struct Window {
    /// Under the cursor; `None`: whatever comes last.
    cursor: Option<Key>,
    follows: bool,
    wraps: bool,
    sideways: usize,
    /// The cursor's line on screen, and how many there are, in the last frame.
    row: usize,
    height: usize,
    /// Which record stands on which line of the last frame.
    lines: Vec<Key>,
    /// The widest program that lines have named themselves: in a journal, or a file of a whole host, each does.
    program: usize,
}

impl Window {
    pub fn new() -> Self {
        Self {
            cursor: None,
            follows: true,
            wraps: false,
            sideways: 0,
            row: 0,
            height: 0,
            lines: Vec::new(),
            program: 0,
        }
    }

    pub fn follow(&mut self) {
        (self.follows, self.cursor) = (true, None);
    }

    /// The place of the cursor in the list.
    fn at(&self, shown: &Shown) -> Option<usize> {
        let list = shown.list();
        let last = list.len().checked_sub(1)?;
        match self.cursor {
            Some(key) if !self.follows => Some(list.partition_point(|other| *other < key).min(last)),
            _ => Some(last),
        }
    }

    /// The record under the cursor.
    pub fn key(&self, shown: &Shown) -> Option<Key> {
        shown.list().get(self.at(shown)?).copied()
    }

    pub fn is_at_the_end(&self, shown: &Shown) -> bool {
        self.at(shown).is_none_or(|at| at + 1 == shown.list().len())
    }

    /// To this record, or what stands in its place.
    pub fn go_to_key(&mut self, shown: &Shown, key: Key) {
        let to = shown.list().partition_point(|other| *other < key);
        let at = self.at(shown).unwrap_or(0);
        self.row = (self.row + to).saturating_sub(at).min(self.height.saturating_sub(1));
        self.follows = false;
        self.go(shown, to);
    }

    /// The number of the record under the cursor.
    pub fn cursor(&self, shown: &Shown) -> Option<u64> {
        shown.list().get(self.at(shown)?).map(|(_, number)| *number)
    }

    /// Another list follows: where the operator was, stays as near as can be.
    pub fn pin(&mut self, shown: &Shown) {
        if !self.follows {
            self.cursor = self.at(shown).and_then(|at| shown.list().get(at)).copied();
        }
    }

    fn go(&mut self, shown: &Shown, at: usize) {
        let last = shown.list().len().saturating_sub(1);
        self.cursor = shown.list().get(at.min(last)).copied();
    }

    /// The next one, or the one before, for which this holds.
    pub fn find(&mut self, shown: &Shown, forward: bool, holds: impl Fn(u64) -> bool) -> bool {
        let Some(at) = self.at(shown) else { return false };
        let list = shown.list();
        let found = match forward {
            true => (at + 1..list.len()).find(|at| holds(list[*at].1)),
            false => (0..at).rev().find(|at| holds(list[*at].1)),
        };
        if let Some(found) = found {
            self.follows = false;
            self.go(shown, found);
        }
        found.is_some()
    }

    /// To the first record at or after this moment; whether there is one.
    pub fn go_to(&mut self, shown: &Shown, at: Timestamp) -> bool {
        let place = shown.list().partition_point(|(other, _)| *other < at.as_microsecond());
        self.follows = false;
        self.row = 0;
        self.go(shown, place);
        place < shown.list().len()
    }

    pub fn on(&mut self, action: Action, shown: &Shown) -> bool {
        let at = self.at(shown).unwrap_or(0);
        let page = self.height.max(2) - 1;
        let last = shown.list().len().saturating_sub(1);
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::HalfPageUp => at.saturating_sub(page / 2 + 1),
            Action::HalfPageDown => at + page / 2 + 1,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::Top => 0,
            Action::Bottom => {
                self.follow();
                return true;
            }
            Action::Follow => {
                self.pin_here(shown);
                return true;
            }
            Action::Wrap => {
                self.wraps = !self.wraps;
                return true;
            }
            Action::Left => {
                self.sideways = self.sideways.saturating_sub(SIDEWAYS);
                return true;
            }
            Action::Right => {
                self.sideways = (self.sideways + SIDEWAYS).min(MESSAGE);
                return true;
            }
            _ => return false,
        };
        let was_last = at == last;
        self.row = (self.row + to.min(last)).saturating_sub(at).min(self.height.saturating_sub(1));
        // Who goes down at the end wants what comes next.
        self.follows = to > at && was_last && self.follows || to > last && was_last;
        self.go(shown, to);
        true
    }

    /// From following to standing still where one is, and back.
    fn pin_here(&mut self, shown: &Shown) {
        if self.follows {
            self.cursor = self.at(shown).and_then(|at| shown.list().get(at)).copied();
            self.row = self.height.saturating_sub(1);
            self.follows = false;
        } else {
            self.follow();
        }
    }

    pub fn click(&mut self, row: u16, shown: &Shown) {
        // Above the first line stands the head.
        let key = (row as usize).checked_sub(1).and_then(|row| self.lines.get(row)).copied();
        if let Some(key) = key {
            self.pin(shown);
            (self.follows, self.cursor, self.row) = (false, Some(key), row as usize - 1);
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx, shown: &Shown, look: &Look) {
        self.height = area.height as usize;
        self.lines.clear();
        let Some(at) = self.at(shown) else {
            let words = match (cx.store.logs.numbers().is_empty(), shown.is_behind()) {
                // That nobody was heard says nothing of what was written.
                (true, _) if cx.store.logs.files() == 0 => "   no log is followed yet".to_owned(),
                (true, _) => "   nothing was written yet".to_owned(),
                (_, true) => "   none of the newest match …".to_owned(),
                (_, false) => format!(
                    "   none of the {} lines that are held matches",
                    format::number((cx.store.logs.numbers().end - cx.store.logs.numbers().start) as i64)
                ),
            };
            let line = Line::styled(words, cx.theme.style(Role::Dim));
            if area.height > 1 {
                frame.render_widget(line, Rect { y: area.y + 1, height: 1, ..area });
            }
            return;
        };
        let list = shown.list();
        let near = at.saturating_sub(self.height)..list.len().min(at + self.height);
        self.program = self.program.max(widest_program(cx, list.get(near).unwrap_or_default()));
        let columns = Columns::new(cx, area.width, self.program);
        let made = |at: usize| -> Vec<Line<'static>> {
            let record = list.get(at).and_then(|(_, number)| cx.store.logs.record(*number));
            record.map_or_else(
                || vec![Line::default()],
                |record| self.lines_of(cx, &record, &columns, area.width),
            )
        };
        let row = if self.follows { self.height } else { self.row };
        let mut lines = place(at, row, self.height, list.len(), &made);
        self.row = lines.iter().position(|(index, _)| *index == at).unwrap_or(0);
        let numbers: Vec<u64> =
            lines.iter().filter_map(|(index, _)| list.get(*index)).map(|(_, number)| *number).collect();
        let matching =
            look.search.map(|search| search.passing(&numbers, cx.store, cx.now)).unwrap_or_default();
        for (y, (index, line)) in lines.drain(..).enumerate() {
            let place = Rect { y: area.y + y as u16, height: 1, ..area };
            frame.render_widget(text::cut_line(line, area.width as usize), place);
            if index == at {
                frame.buffer_mut().set_style(place, cx.theme.style(Role::Selection));
            }
            let sign = match list.get(index) {
                Some(key) if look.marks.holds(*key) => cx.look.sign(Sign::Mark),
                Some((_, number)) if matching.contains(number) => cx.look.sign(Sign::Match),
                _ => "",
            };
            frame.buffer_mut().set_string(place.x, place.y, sign, cx.theme.style(Role::Accent));
            self.lines.extend(list.get(index));
        }
    }

    fn lines_of(&self, cx: &Cx, record: &Record, columns: &Columns, width: u16) -> Vec<Line<'static>> {
        let parsed = cx.store.logs.parse(record.head);
        let bad = verdict(record.level);
        let mut spans = columns.spans(cx, record);
        let used: usize = spans.iter().map(Span::width).sum();
        let mut more = match record::more(record, &parsed) {
            0 => String::new(),
            n => format!(" {} {n}", if cx.look.is_ascii() { "+" } else { "▸" }),
        };
        let known = record::known(record, &parsed);
        more.extend(known.first().map(|known| format!(" [{}]", known.id)));
        let role = if bad == Verdict::Ok { Role::Text } else { parts::role(bad) };
        let style = cx.theme.style(role);
        let message = record::said(record, &parsed, MESSAGE);
        let room = (width as usize).saturating_sub(used + 1);
        let tail = |more: String| Span::styled(more, cx.theme.style(Role::Dim));
        if !self.wraps {
            let moved: String = message.chars().skip(self.sideways).collect();
            let cut = text::cut(&moved, room.saturating_sub(text::width(&more)).max(8)).into_owned();
            spans.extend([Span::styled(cut, style), tail(more)]);
            return vec![Line::from(spans)];
        }
        let mut wrapped = text::wrap(&message, room.max(8)).into_iter();
        spans.push(Span::styled(wrapped.next().unwrap_or_default(), style));
        let mut lines = vec![Line::from(spans)];
        for part in wrapped.by_ref().take(WRAPPED - 1) {
            lines.push(Line::from(vec![Span::raw(" ".repeat(used)), Span::styled(part, style)]));
        }
        let more = if wrapped.next().is_some() { format!(" {}{more}", cx.look.ellipsis()) } else { more };
        if let Some(last) = lines.last_mut() {
            last.push_span(tail(more));
        }
        lines
    }
}

/// How wide what stands before the words is.
struct Columns {
    has_millis: bool,
    host: usize,
    service: usize,
}

/// How wide the programs are that these records name themselves.
fn widest_program(cx: &Cx, keys: &[Key]) -> usize {
    let programs = keys.iter().filter_map(|(_, number)| {
        let record = cx.store.logs.record(*number)?;
        let program = cx.store.logs.parse(record.head).program.of(record.head);
        (!program.is_empty()).then(|| text::width(&text::sanitise(&String::from_utf8_lossy(program))))
    });
    programs.max().unwrap_or(0)
}

impl Columns {
    /// `program`: the widest that lines name themselves.
    fn new(cx: &Cx, width: u16, program: usize) -> Self {
        let sources = cx.store.logs.sources();
        let widest = |of: fn(&crate::model::LogSource) -> &str| {
            sources.iter().map(|source| text::width(&text::sanitise(of(source)))).max().unwrap_or(0)
        };
        let is_roomy = width >= ROOMY;
        // Of one host's logs all are its.
        let host = if hosts(cx).len() > 1 { widest(|source| &source.host).clamp(4, HOST) } else { 0 };
        let most = if is_roomy { SERVICE } else { 14 };
        Self {
            has_millis: is_roomy,
            host: if is_roomy { host } else { host.min(8) },
            service: widest(|source| &source.service).max(program).clamp(7, most),
        }
    }

    fn spans(&self, cx: &Cx, record: &Record) -> Vec<Span<'static>> {
        let bad = verdict(record.level);
        let dim = cx.theme.style(Role::Dim);
        let level = if bad == Verdict::Ok { dim } else { cx.theme.style(parts::role(bad)) };
        let sign = if bad == Verdict::Ok { " " } else { cx.look.sign(parts::sign(bad)) };
        let mut spans = vec![
            Span::styled(format!(" {} ", text::fit(sign, 1, false)), level),
            Span::styled(format!("{} ", time(cx, record.at, self.has_millis)), dim),
        ];
        if self.host > 0 {
            let host = record::host(cx, record);
            spans.push(Span::raw(format!("{} ", text::fit(&text::sanitise(&host), self.host, false))));
        }
        let service = record::service(cx, record);
        let service = text::sanitise(&service);
        let service = text::cut_middle(&service, self.service);
        spans.push(Span::raw(format!("{} ", text::fit(&service, self.service, false))));
        spans.push(Span::styled(format!("{} ", text::fit(short(record.level), 5, false)), level));
        spans
    }
}

/// When a record was written (microseconds), in 12 cells or 8; of another day the day.
pub(super) fn time(cx: &Cx, micros: i64, has_millis: bool) -> String {
    let width = if has_millis { 12 } else { 8 };
    let Ok(at) = Timestamp::from_microsecond(micros) else { return text::fit("?", width, false) };
    let whole = cx.clock.date_time(at);
    let is_today = cx.clock.date_time(cx.now).get(..10) == whole.get(..10);
    // In which zone they are, the header says.
    let time = cx.clock.time(at);
    let time = time.trim_end_matches('Z');
    let words = match (is_today, has_millis) {
        (true, true) => format!("{time}.{:03}", micros.rem_euclid(1_000_000) / 1_000),
        (true, false) => time.to_owned(),
        (false, true) => whole.get(5..16).unwrap_or("?").to_owned(),
        (false, false) => whole.get(5..10).unwrap_or("?").to_owned(),
    };
    text::fit(&words, width, false)
}

/// ` FOLLOW  3 hosts · 31 files · 18/s   ERROR ▁▁▂█ 12/min`.
pub(super) fn head(cx: &Cx, window: &Window, shown: &Shown, width: u16) -> Line<'static> {
    let logs = &cx.store.logs;
    // Whatever comes now, does not come here: how much that is, nobody knows.
    let is_stale = parts::is_stale(cx, Topic::Logs);
    let (state, role) = match (window.follows, window.at(shown)) {
        _ if is_stale => ("STALE".to_owned(), Role::Stale),
        (true, _) => ("FOLLOW".to_owned(), Role::Ok),
        (false, at) => {
            let below = at.map_or(0, |at| shown.list().len() - 1 - at);
            let below =
                if below > 0 { format!(" · {} below", format::number(below as i64)) } else { String::new() };
            (format!("PAUSED{below}"), Role::Warn)
        }
    };
    let rate = logs.rates().a_second(cx.now);
    let rate = match rate {
        _ if is_stale => "?".to_owned(),
        few if few < 10.0 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    };
    let words = format!(
        "  {} · {} · {rate}/s",
        format::count(hosts(cx).len(), "host"),
        format::count(logs.files(), "file")
    );
    let mut line = Line::from(vec![
        Span::styled(format!(" {state}"), cx.theme.style(role)),
        Span::styled(words, cx.theme.style(Role::Dim)),
    ]);
    if let n @ 1.. = logs.away().len() {
        let words = format!("   {} not heard", format::count(n, "host"));
        line.push_span(Span::styled(words, cx.theme.style(Role::Unknown)));
    }
    for (name, bad, minutes) in [
        ("ERROR", Verdict::Critical, logs.rates().errors(cx.now)),
        ("WARNING", Verdict::Warning, logs.rates().warnings(cx.now)),
    ] {
        let now = minutes.last().filter(|_| !is_stale).map_or_else(|| "?".to_owned(), u64::to_string);
        let is_any = minutes.iter().any(|n| *n > 0);
        let role = if is_any { parts::role(bad) } else { Role::Dim };
        let bars = spark::line(minutes.into_iter());
        let words = Span::styled(format!("   {name} {bars} {now}/min"), cx.theme.style(role));
        if line.width() + words.width() < width as usize {
            line.push_span(words);
        }
    }
    line
}

/// What cannot be had now; else the last that could not be had.
pub(super) fn trouble(cx: &Cx, width: u16) -> Option<Line<'static>> {
    if let Some((first, more)) = cx.store.logs.away().split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        let next = if first.next_step.is_empty() { String::new() } else { format!("; {}", first.next_step) };
        let words = format!(" {} {}{more}{next}", cx.look.sign(Sign::Unknown), first.message);
        let words = text::cut(&text::sanitise(&words), width as usize).into_owned();
        return Some(Line::styled(words, cx.theme.style(Role::Unknown)));
    }
    let mut troubles = cx.store.logs.troubles().rev();
    let (at, last) = troubles.next()?;
    let more = match troubles.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let age = format::duration(cx.now.duration_since(*at));
    let words = format!(" {} not had, {age} ago: {}{more}", cx.look.sign(Sign::Unknown), last.message);
    let words = text::cut(&text::sanitise(&words), width as usize).into_owned();
    Some(Line::styled(words, cx.theme.style(Role::Unknown)))
}
