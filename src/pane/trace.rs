//! A trace: what was done to one instance, by whom, how long each step took, and where it failed.
//!
//! It has no tab: one comes here from an instance, or by `:trace` with a UUID, a request id or a name.

mod head;
mod lines;
mod record;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Cx, Pane, Reply, line, parts};
use crate::action::Action;
use crate::filter::FilterError;
use crate::health::Verdict;
use crate::model::Text;
use crate::report::Topic;
use crate::request::Wanted;
use crate::table::Slots;
use crate::theme::Role;
use crate::trace::{Account, Subject, seconds, words};
use crate::ui::details::Details;
use crate::ui::{format, text};
use lines::Lines;

const READS: &[Topic] = &[Topic::Trace];
/// Characters of a message that say what it is about.
const WORDS: usize = 300;

/// What is traced, and where the operator is in it.
pub struct TracePane {
    subject: Option<Subject>,
    lines: Lines,
    /// A record that was gone into, by its place in the account.
    inside: Option<(usize, Details)>,
    /// Lines of the pane above the records, in the last frame.
    above: u16,
}

impl TracePane {
    pub fn new() -> Self {
        Self { subject: None, lines: Lines::default(), inside: None, above: 0 }
    }

    fn account<'a>(&self, cx: &Cx<'a>) -> Option<&'a Account> {
        cx.store.trace(self.subject?).map(|account| &**account)
    }

    fn begin(&mut self, subject: Subject) {
        if self.subject != Some(subject) {
            *self = Self { subject: Some(subject), ..Self::new() };
        }
        self.inside = None;
    }

    /// The host of the record or step under the cursor.
    fn to_host(&self, cx: &Cx) -> Reply {
        let entry = self.account(cx).and_then(|account| account.entries.get(self.lines.selected()?));
        let Some(entry) = entry else { return Reply::Say("the cursor is on no record".to_owned()) };
        line::to_hypervisor(cx, &entry.host)
    }

    fn copied(&self, cx: &Cx) -> Reply {
        let Some(account) = self.account(cx) else { return Reply::Done };
        match self.lines.selected().and_then(|at| account.entries.get(at)) {
            Some(entry) => Reply::Copy(text::sanitise(&String::from_utf8_lossy(&entry.head)).into_owned()),
            None => Reply::Copy(self.lines.request(account).map_or_else(
                || account.subject.text(),
                |request| request.id.map_or_else(|| account.subject.text(), |id| format!("req-{id}")),
            )),
        }
    }

    fn draw_body(&mut self, frame: &mut Frame, area: Rect, cx: &Cx, account: &Account) {
        let below = below(cx, account, area.width);
        let room = area.height.saturating_sub(below.len() as u16);
        let top = Rect { height: room, ..area };
        self.above = head::draw(frame, top, cx, account, self.lines.request(account));
        let rest = Rect { y: area.y + self.above, height: room.saturating_sub(self.above), ..area };
        self.lines.draw(frame, rest, cx, account);
        for (at, line) in below.into_iter().enumerate() {
            let y = area.y + room + at as u16;
            if y < area.bottom() {
                frame.render_widget(line, Rect { y, height: 1, ..area });
            }
        }
    }
}

/// What was left out, what could not be had, and whose clock is wrong: at most three lines.
fn below(cx: &Cx, account: &Account, width: u16) -> Vec<Line<'static>> {
    let line = |role: Role, words: &str| {
        let words = text::cut(&text::sanitise(words), width as usize).into_owned();
        Line::styled(words, cx.theme.style(role))
    };
    let trouble = account.troubles.first().map(|first| {
        let more = match account.troubles.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let next = if first.next_step.is_empty() { String::new() } else { format!("; {}", first.next_step) };
        line(
            Role::Unknown,
            &format!(
                " {} not had: {}{more}{next}",
                cx.look.sign(parts::sign(Verdict::Unknown)),
                first.message
            ),
        )
    });
    let left = account.left_out();
    let left = (!left.is_empty()).then(|| line(Role::Dim, &format!(" left out: {left}")));
    let skews = account.skews();
    let skews = (!skews.is_empty()).then(|| line(Role::Dim, &format!(" clocks: {skews}")));
    trouble.into_iter().chain(left).chain(skews).collect()
}

impl Pane for TracePane {
    fn name(&self) -> &'static str {
        "trace"
    }

    fn title(&self) -> &'static str {
        "Trace"
    }

    fn opens(&self) -> Option<(Action, char)> {
        None
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        let Some(account) = self.subject.and_then(|subject| cx.store.trace(subject)) else { return };
        self.lines.sync(account);
        if let Some((at, details)) = &mut self.inside {
            match account.entries.get(*at) {
                Some(entry) => details.set(record::sections(cx, entry)),
                None => self.inside = None,
            }
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some((_, details)) = &mut self.inside {
            match action {
                Action::Back | Action::Quit => {
                    self.inside = None;
                    return Reply::Done;
                }
                Action::Copy => return details.copied().map_or(Reply::Done, Reply::Copy),
                _ if details.on(action) => return Reply::Done,
                _ => {}
            }
        } else if self.lines.on(action) {
            return Reply::Done;
        }
        match action {
            Action::Enter => {
                let account = self.account(cx);
                let at = self.lines.selected();
                let entry = at.and_then(|at| Some((at, account?.entries.get(at)?)));
                self.inside = entry.map(|(at, entry)| (at, Details::new(record::sections(cx, entry))));
                Reply::Done
            }
            Action::Host => self.to_host(cx),
            Action::Copy => self.copied(cx),
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, _: &Cx) {
        if let (None, Some(row)) = (&self.inside, row.checked_sub(self.above)) {
            self.lines.click(row);
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((_, details)) = &mut self.inside {
            return details.draw(frame, area, cx.theme, cx.look);
        }
        let Some(subject) = self.subject else {
            let lines = ["nothing is traced".to_owned(), HOW.to_owned()];
            return parts::draw_absence(frame, area, cx, Verdict::Info, &lines);
        };
        match self.account(cx) {
            Some(account) => self.draw_body(frame, area, cx, account),
            None => {
                let (verdict, lines) = parts::absence(cx, Topic::Trace)
                    .unwrap_or((Verdict::Busy, vec![format!("reading the logs for {} …", subject.text())]));
                parts::draw_absence(frame, area, cx, verdict, &lines);
            }
        }
    }

    fn filter(&mut self, text: &str, _: &Cx) -> Result<(), FilterError> {
        self.lines.filter(text);
        Ok(())
    }

    fn filter_text(&self) -> &str {
        self.lines.filter_text()
    }

    fn called(&mut self, rest: &str, cx: &Cx) -> Result<(), String> {
        if rest.is_empty() {
            return self.subject.map(|_| ()).ok_or_else(|| HOW.to_owned());
        }
        if let Some(subject) =
            Subject::parse(rest.as_bytes()).filter(|subject| subject.text().len() == rest.len())
        {
            self.begin(subject);
            return Ok(());
        }
        let rows = cx.store.instances.live().into_iter().filter_map(|slot| cx.store.instances.get(slot));
        let named: Vec<&Text> = rows.filter(|row| &*row.name == rest).map(|row| &row.id).collect();
        match named.as_slice() {
            [] => Err(format!("no instance is called {rest}: take its UUID, or a request id (req-…)")),
            [id] => {
                self.select(id, cx);
                Ok(())
            }
            several => Err(format!("{} instances are called {rest}: take a UUID", several.len())),
        }
    }

    fn select(&mut self, key: &str, _: &Cx) {
        if let Some(subject) = Subject::parse(key.as_bytes()) {
            self.begin(subject);
        }
    }

    fn home(&mut self) {
        self.inside = None;
    }

    fn crumbs(&self, cx: &Cx) -> Vec<String> {
        let Some(subject) = self.subject else { return Vec::new() };
        let id = subject.text();
        let row = cx.store.instances.by_id(&id).filter(|row| !row.name.trim().is_empty());
        let named = self.account(cx).and_then(|account| account.instance.as_ref());
        let name = row.or(named).map_or_else(|| id.clone(), |row| row.name.to_string());
        let mut crumbs = vec![name];
        if self.inside.is_some() {
            crumbs.push("record".to_owned());
        }
        crumbs
    }

    fn status(&self, cx: &Cx) -> String {
        if let Some((_, details)) = &self.inside {
            return details.status();
        }
        let Some(account) = self.account(cx) else { return parts::NOTHING_KNOWN.to_owned() };
        match account.reading {
            Some((done, of)) => format!(
                "{} · reading {} of {} …",
                format::count(account.entries.len(), "record"),
                format::bytes(done),
                format::bytes(of)
            ),
            None => self.lines.status(account),
        }
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let account = self.account(cx)?;
        if let Some(entry) = self.lines.selected().and_then(|at| account.entries.get(at)) {
            return Some(record::words(entry));
        }
        let request = self.lines.request(account)?;
        let (verdict, sum) = head::summary(account, request);
        let gap = request.longest_gap();
        let gap = gap.map(|(step, gap)| format!(", longest until “{}”: {}", step.name, seconds(gap)));
        Some((verdict, format!("{sum}{}", gap.unwrap_or_default())))
    }

    fn wants(&self, _: &Cx, wanted: &mut Wanted) {
        wanted.trace = self.subject.map(|subject| subject.text().into());
    }
}

/// How one comes to a trace.
const HOW: &str = "press t on an instance, or write :trace UUID, :trace req-… or :trace NAME";

/// What a record says, at a glance.
fn said(message: &[u8]) -> String {
    text::sanitise(&words(message, WORDS)).into_owned()
}
