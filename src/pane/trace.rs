//! A trace: what was done to one instance, by whom, how long each step took, and where it failed.
//!
//! It has no tab: one comes here from an instance, or by `:trace` with a UUID, a request id or a name.

mod around;
mod compare;
mod facts;
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
use crate::tables::trace::COLUMNS;
use crate::theme::Role;
use crate::trace::{Account, Subject, seconds, words};
use crate::ui::details::Details;
use crate::ui::{format, text};
use around::Around;
use compare::Compare;
use lines::Lines;

const READS: &[Topic] = &[Topic::Trace, Topic::Around];
/// Characters of a message that say what it is about.
const WORDS: usize = 300;

/// What is traced, and where the operator is in it.
pub struct TracePane {
    subject: Option<Subject>,
    /// Another trace, which this one is compared with.
    marked: Option<Subject>,
    lines: Lines,
    inside: Option<Inside>,
    /// Lines of the pane above the records, in the last frame.
    above: u16,
}

/// What of a record was gone into.
enum Inside {
    /// All that it says and that is known of it: the record by its place in the account.
    Details(usize, Details),
    /// The log around it.
    Around(Around),
    /// Something that the APIs know, as it was then.
    Fact(Details),
    /// The marked trace beside this one.
    Compare(Compare),
}

impl TracePane {
    pub fn new() -> Self {
        Self { subject: None, marked: None, lines: Lines::default(), inside: None, above: 0 }
    }

    fn account<'a>(&self, cx: &Cx<'a>) -> Option<&'a Account> {
        cx.store.trace(self.subject?).map(|account| &**account)
    }

    fn begin(&mut self, subject: Subject) {
        if self.subject != Some(subject) {
            *self = Self { subject: Some(subject), marked: self.marked, ..Self::new() };
        }
        let is_compared = self.marked.is_some_and(|marked| marked != subject);
        self.inside = is_compared.then(|| Inside::Compare(Compare::default()));
    }

    /// The record under the cursor: the log around it, or all that is known of it.
    fn enter(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(fact) = self.lines.fact() {
            self.inside = Some(Inside::Fact(Details::new(facts::sections(fact))));
            return Reply::Done;
        }
        let at = self.lines.selected();
        let entry = at.and_then(|at| Some((at, self.account(cx)?.entries.get(at)?)));
        let Some((at, entry)) = entry else { return Reply::Say("the cursor is on no record".to_owned()) };
        if action == Action::Details {
            self.inside = Some(Inside::Details(at, Details::new(record::sections(cx, entry))));
            return Reply::Done;
        }
        let (around, ask) = Around::new(entry);
        self.inside = Some(Inside::Around(around));
        ask
    }

    fn on_inside(&mut self, action: Action) -> Option<Reply> {
        let inside = self.inside.as_mut()?;
        match (inside, action) {
            (_, Action::Back | Action::Quit) => self.inside = None,
            (Inside::Compare(_), Action::Compare) => {
                (self.inside, self.marked) = (None, None);
                return Some(Reply::Say(UNMARKED.to_owned()));
            }
            (Inside::Compare(compare), _) => return compare.on(action),
            (Inside::Around(around), _) => return around.on(action),
            (Inside::Details(_, details) | Inside::Fact(details), Action::Copy) => {
                return Some(details.copied().map_or(Reply::Done, Reply::Copy));
            }
            (Inside::Details(_, details) | Inside::Fact(details), _) => {
                return details.on(action).then_some(Reply::Done);
            }
        }
        Some(Reply::Done)
    }

    /// The open trace is marked, or no longer; or what is marked is shown beside it.
    fn compare(&mut self, cx: &Cx) -> Reply {
        let Some(subject) = self.subject else { return Reply::Say(HOW.to_owned()) };
        match self.marked {
            Some(marked) if marked != subject => {
                self.inside = Some(Inside::Compare(Compare::default()));
                Reply::Done
            }
            Some(_) => {
                self.marked = None;
                Reply::Say(UNMARKED.to_owned())
            }
            None => {
                self.marked = Some(subject);
                let name = compare::name(cx, subject);
                Reply::Say(format!("{name} is marked: trace another one to see both; c takes the mark away"))
            }
        }
    }

    fn go_to_error(&mut self, forward: bool, cx: &Cx) -> Reply {
        if self.inside.is_some() || self.lines.go_to_error(forward, cx.now) {
            return Reply::Done;
        }
        let way = if forward { "below" } else { "above" };
        Reply::Say(format!("no error {way} in what is shown"))
    }

    /// The host of the record or step under the cursor.
    fn to_host(&self, cx: &Cx) -> Reply {
        if let Some(fact) = self.lines.fact() {
            return match &fact.host {
                Some(host) => line::to_hypervisor(cx, host),
                None => Reply::Say(format!("no host is known of this {}", fact.what)),
            };
        }
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
        self.lines.sync(account, cx.now);
        match &mut self.inside {
            Some(Inside::Details(at, details)) => match account.entries.get(*at) {
                Some(entry) => details.set(record::sections(cx, entry)),
                None => self.inside = None,
            },
            Some(Inside::Around(around)) => around.sync(cx),
            Some(Inside::Fact(_) | Inside::Compare(_)) | None => {}
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(reply) = self.on_inside(action) {
            return reply;
        }
        if self.inside.is_none() && self.lines.on(action, cx.now) {
            return Reply::Done;
        }
        match action {
            Action::Compare => self.compare(cx),
            _ if matches!(self.inside, Some(Inside::Compare(_))) => Reply::Up,
            Action::Enter | Action::Details => self.enter(action, cx),
            Action::NextError => self.go_to_error(true, cx),
            Action::PreviousError => self.go_to_error(false, cx),
            Action::Host => self.to_host(cx),
            Action::Copy => self.copied(cx),
            // What stands around the line comes back, and the cursor stays on it.
            Action::Back if !self.lines.filter_text().is_empty() => {
                // An empty filter has no faults.
                let _ = self.lines.filter("", cx.now);
                Reply::Done
            }
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, _: &Cx) {
        match (&mut self.inside, row.checked_sub(self.above)) {
            (Some(Inside::Around(around)), _) => around.click(row),
            (None, Some(row)) => self.lines.click(row),
            _ => {}
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &mut self.inside {
            Some(Inside::Details(_, details) | Inside::Fact(details)) => {
                return details.draw(frame, area, cx.theme, cx.look);
            }
            Some(Inside::Around(around)) => return around.draw(frame, area, cx),
            Some(Inside::Compare(compare)) => {
                if let (Some(left), Some(right)) = (self.marked, self.subject) {
                    return compare.draw(frame, area, cx, left, right);
                }
            }
            None => {}
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

    fn filter(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        self.lines.filter(text, cx.now)
    }

    fn columns(&self) -> Vec<&'static str> {
        COLUMNS.iter().map(|column| column.name).collect()
    }

    fn filter_text(&self) -> &str {
        self.lines.filter_text()
    }

    fn called(&mut self, rest: &str, cx: &Cx) -> Result<(), String> {
        if let Some(both) = rest.strip_prefix("against ") {
            let Some((left, right)) = both.trim().split_once(char::is_whitespace) else {
                return Err(
                    "two are compared: write :compare A B, with names, UUIDs or request ids".to_owned()
                );
            };
            let (left, right) = (subject_of(left, cx)?, subject_of(right.trim(), cx)?);
            self.marked = Some(left);
            self.begin(right);
            return Ok(());
        }
        if rest.is_empty() {
            return self.subject.map(|_| ()).ok_or_else(|| HOW.to_owned());
        }
        self.begin(subject_of(rest, cx)?);
        Ok(())
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
        match &self.inside {
            Some(Inside::Details(..)) => crumbs.push("record".to_owned()),
            Some(Inside::Around(_)) => crumbs.push("log around it".to_owned()),
            Some(Inside::Fact(_)) => crumbs.push("known to the APIs".to_owned()),
            Some(Inside::Compare(_)) => {
                crumbs.extend(self.marked.map(|marked| format!("against {}", compare::name(cx, marked))));
            }
            None => {}
        }
        crumbs
    }

    fn status(&self, cx: &Cx) -> String {
        match &self.inside {
            Some(Inside::Details(_, details) | Inside::Fact(details)) => return details.status(),
            Some(Inside::Around(around)) => return around.status(cx),
            Some(Inside::Compare(_)) => {
                if let (Some(left), Some(right)) = (self.marked, self.subject) {
                    return Compare::status(cx, left, right);
                }
            }
            None => {}
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
        if let Some(Inside::Around(around)) = &self.inside {
            return around.words();
        }
        // The first difference stands above.
        if let Some(Inside::Compare(_)) = &self.inside {
            return None;
        }
        let account = self.account(cx)?;
        if let Some(fact) = self.lines.fact() {
            return Some(facts::words(fact));
        }
        if let Some(entry) = self.lines.selected().and_then(|at| account.entries.get(at)) {
            return Some(record::words(entry));
        }
        let request = self.lines.request(account)?;
        let (verdict, sum) = head::summary(account, request);
        let gap = request.longest_gap();
        let gap = gap.map(|(step, gap)| format!(", longest until “{}”: {}", step.name, seconds(gap)));
        Some((verdict, format!("{sum}{}", gap.unwrap_or_default())))
    }

    fn wants(&self, cx: &Cx, wanted: &mut Wanted) {
        // One after the other; what it is compared with need not be followed.
        let is_read = |subject| cx.store.trace(subject).is_some_and(|account| account.reading.is_none());
        let unread = self.marked.filter(|marked| !is_read(*marked));
        wanted.trace = unread.or(self.subject).map(|subject| subject.text().into());
    }
}

/// A UUID, a request id, or the name of one instance.
fn subject_of(word: &str, cx: &Cx) -> Result<Subject, String> {
    let whole = Subject::parse(word.as_bytes()).filter(|subject| subject.text().len() == word.len());
    if let Some(subject) = whole {
        return Ok(subject);
    }
    let rows = cx.store.instances.live().into_iter().filter_map(|slot| cx.store.instances.get(slot));
    let named: Vec<&Text> = rows.filter(|row| &*row.name == word).map(|row| &row.id).collect();
    match named.as_slice() {
        [] => Err(format!("no instance is called {word}: take its UUID, or a request id (req-…)")),
        [id] => {
            Subject::parse(id.as_bytes()).ok_or_else(|| format!("{word} has the id {id}, which is no UUID"))
        }
        several => Err(format!("{} instances are called {word}: take a UUID", several.len())),
    }
}

const UNMARKED: &str = "no trace is marked any more";

/// How one comes to a trace.
const HOW: &str = "press t on an instance, or write :trace UUID, :trace req-… or :trace NAME";

/// What a record says, at a glance.
fn said(message: &[u8]) -> String {
    text::sanitise(&words(message, WORDS)).into_owned()
}
