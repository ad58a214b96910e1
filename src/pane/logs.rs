//! Logs as they grow: all files of all hosts by time, what stands out in them, and the same message counted once.

mod draw;
mod kinds;
mod listing;
mod marks;
mod over;
mod record;
mod search;
mod shown;
mod traffic;
mod ways;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::line;
use super::{Cx, Go, Pane, Reply, parts};
use crate::action::Action;
use crate::filter::FilterError;
use crate::health::Verdict;
use crate::model::{Level, Text};
use crate::report::Topic;
use crate::request::Wanted;
use crate::store::Record;
use crate::tables::logs::COLUMNS;
use crate::trace::Subject;
use crate::ui::details::Details;
use crate::ui::{format, text};
use draw::{Look, Window};
use marks::Marks;
use over::{Outcome, Over};
use search::{Found, Search};
use shown::Shown;
pub use ways::{kinds_of, of_host, with};

const READS: &[Topic] = &[Topic::Logs];

/// What is looked at, and where the operator is in it.
pub struct LogsPane {
    shown: Shown,
    window: Window,
    /// A record that was gone into.
    inside: Option<(u64, Details)>,
    over: Option<Over>,
    search: Option<Search>,
    /// How the last search ended, until the next key.
    said: Option<String>,
    marks: Marks,
}

impl LogsPane {
    pub fn new() -> Self {
        Self {
            shown: Shown::new(),
            window: Window::new(),
            inside: None,
            over: None,
            search: None,
            said: None,
            marks: Marks::default(),
        }
    }

    fn record<'a>(&self, cx: &Cx<'a>) -> Option<Record<'a>> {
        let number = match &self.over {
            Some(over) => over.record(cx)?,
            None => self.window.cursor(&self.shown)?,
        };
        cx.store.logs.record(number)
    }

    /// To the next record that is an error, or the one before.
    fn go_to_error(&mut self, cx: &Cx, forward: bool) -> Reply {
        let is_error =
            |number| cx.store.logs.record(number).is_some_and(|record| record.level >= Level::Error);
        match self.window.find(&self.shown, forward, is_error) {
            true => Reply::Done,
            false => {
                let way = if forward { "below" } else { "above" };
                Reply::Say(format!("no error {way} in what is shown"))
            }
        }
    }

    /// To the next match, or the one before; without a search to an error.
    fn go_to_match(&mut self, cx: &Cx, forward: bool) -> Reply {
        let Some(search) = &mut self.search else { return self.go_to_error(cx, forward) };
        let Some(from) = self.window.key(&self.shown) else { return Reply::Done };
        search.begin(from, forward);
        self.seek(cx).unwrap_or(Reply::Done)
    }

    /// Some more of the way to a match; what there is to say when it ends.
    fn seek(&mut self, cx: &Cx) -> Option<Reply> {
        let search = self.search.as_mut()?;
        let way = if search.is_forward() { "below" } else { "above" };
        match search.step(&self.shown, cx.store, cx.now) {
            Found::Match(key) => {
                self.window.go_to_key(&self.shown, key);
                None
            }
            Found::NotYet => None,
            Found::Nothing => {
                let words = format!("nothing {way} in what is shown matches {}", search.text());
                self.said = Some(words.clone());
                Some(Reply::Say(words))
            }
        }
    }

    fn toggle_mark(&mut self, cx: &Cx) -> Reply {
        let Some(record) = self.record(cx) else { return Reply::Done };
        let words = match self.marks.toggle(&record, cx.store) {
            true => "marked",
            false => "no longer marked",
        };
        Reply::Say(format!(
            "{words}: {} · :write FILE puts them into a file",
            format::count(self.marks.len(), "mark")
        ))
    }

    fn go_to_mark(&mut self, forward: bool) -> Reply {
        let Some(from) = self.window.key(&self.shown) else { return Reply::Done };
        match self.marks.beside(from, forward) {
            Some(key) => {
                self.window.go_to_key(&self.shown, key);
                Reply::Done
            }
            None => Reply::Say(format!("no mark {}", if forward { "below" } else { "above" })),
        }
    }

    /// The instance that the line is about, else the request.
    fn to_trace(&self, cx: &Cx) -> Reply {
        let subject = self.record(cx).and_then(|record| {
            let parsed = cx.store.logs.parse(record.head);
            [parsed.instance, parsed.global_request_id, parsed.request_id]
                .into_iter()
                .find_map(|part| Subject::parse(part.of(record.head)))
        });
        match subject {
            Some(subject) => {
                Reply::Go(Go { pane: "trace", select: Some(subject.text().into()), ..Go::default() })
            }
            None => Reply::Say("the line names no instance and no request".to_owned()),
        }
    }

    fn to_host(&self, cx: &Cx) -> Reply {
        let Some(record) = self.record(cx) else { return Reply::Done };
        line::to_hypervisor(cx, &record::host(cx, &record))
    }

    fn on_inside(&mut self, action: Action) -> Option<Reply> {
        let (_, details) = self.inside.as_mut()?;
        match action {
            Action::Back | Action::Quit => self.inside = None,
            Action::Copy => return Some(details.copied().map_or(Reply::Done, Reply::Copy)),
            _ if details.on(action) => {}
            _ => return None,
        }
        Some(Reply::Done)
    }

    fn on_over(&mut self, action: Action, cx: &Cx) -> Option<Reply> {
        match self.over.as_mut()?.on(action, cx)? {
            Outcome::Done => {}
            Outcome::Leave => self.over = None,
            Outcome::Show(filter) => {
                self.over = None;
                if let Err(error) = self.filter(&filter, cx) {
                    return Some(Reply::Say(error.to_string()));
                }
            }
        }
        Some(Reply::Done)
    }
}

impl Pane for LogsPane {
    fn name(&self) -> &'static str {
        "logs"
    }

    fn title(&self) -> &'static str {
        "Logs"
    }

    fn opens(&self) -> Option<(Action, char)> {
        Some((Action::Pane6, '6'))
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.shown.sync(cx.store, cx.now);
        if let Some((number, details)) = &mut self.inside
            && let Some(record) = cx.store.logs.record(*number)
        {
            // One that is no longer held stays as it was.
            details.set(record::sections(cx, &record));
        }
        if let Some(over) = &mut self.over {
            over.sync(cx);
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        self.said = None;
        if let Some(search) = &mut self.search {
            let was_on_its_way = search.is_on_its_way();
            search.stop();
            // `esc` ends the way, then the search, then the filter.
            if action == Action::Back && self.inside.is_none() && self.over.is_none() {
                if !was_on_its_way {
                    self.search = None;
                }
                return Reply::Done;
            }
        }
        if let Some(reply) = self.on_inside(action).or_else(|| self.on_over(action, cx)) {
            return reply;
        }
        match action {
            Action::Trace => return self.to_trace(cx),
            Action::Host => return self.to_host(cx),
            Action::Kinds | Action::Traffic if self.inside.is_none() => {
                self.over = Over::of(action, cx);
                return Reply::Done;
            }
            _ if self.inside.is_some() || self.over.is_some() => return Reply::Up,
            _ if self.window.on(action, &self.shown) => return Reply::Done,
            _ => {}
        }
        match action {
            Action::Enter => {
                self.inside = self
                    .record(cx)
                    .map(|record| (record.number, Details::new(record::sections(cx, &record))));
                Reply::Done
            }
            Action::NextMatch => self.go_to_match(cx, true),
            Action::PreviousMatch => self.go_to_match(cx, false),
            Action::Mark => self.toggle_mark(cx),
            Action::NextMark => self.go_to_mark(true),
            Action::PreviousMark => self.go_to_mark(false),
            Action::NextError => self.go_to_error(cx, true),
            Action::PreviousError => self.go_to_error(cx, false),
            Action::Copy => match self.record(cx) {
                Some(record) => {
                    Reply::Copy(text::sanitise(&String::from_utf8_lossy(record.head)).into_owned())
                }
                None => Reply::Done,
            },
            // What stands around the line comes back, and the cursor stays on it.
            Action::Back if !self.shown.filter_text().is_empty() => {
                self.window.pin(&self.shown);
                // An empty filter has no faults.
                let _ = self.shown.filter("", cx.store, cx.now);
                Reply::Done
            }
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, _: &Cx) {
        match (&self.inside, &mut self.over) {
            (Some(_), _) => {}
            (None, Some(over)) => over.click(row),
            (None, None) => self.window.click(row, &self.shown),
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((_, details)) = &mut self.inside {
            return details.draw(frame, area, cx.theme, cx.look);
        }
        // What is in already is shown while the rest is read.
        if cx.store.logs.numbers().is_empty()
            && let Some((verdict, lines)) = absence(cx)
        {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        let below = draw::trouble(cx, area.width);
        let row = |y: u16| Rect { y, height: 1, ..area };
        frame.render_widget(draw::head(cx, &self.window, &self.shown, area.width), row(area.y));
        let rest =
            Rect { y: area.y + 1, height: area.height.saturating_sub(1 + below.is_some() as u16), ..area };
        match &mut self.over {
            Some(over) => over.draw(frame, rest, cx),
            None => {
                let look = Look { search: self.search.as_ref(), marks: &self.marks };
                self.window.draw(frame, rest, cx, &self.shown, &look);
            }
        }
        if let Some(line) = below {
            frame.render_widget(line, row(rest.y + rest.height));
        }
    }

    fn filter(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        self.window.pin(&self.shown);
        self.shown.filter(text, cx.store, cx.now)
    }

    fn filter_text(&self) -> &str {
        self.shown.filter_text()
    }

    fn columns(&self) -> Vec<&'static str> {
        COLUMNS.iter().map(|column| column.name).collect()
    }

    /// A time of day, or a filter.
    fn called(&mut self, rest: &str, cx: &Cx) -> Result<(), String> {
        match cx.clock.last_at(rest, cx.now) {
            Some(at) if self.window.go_to(&self.shown, at) => Ok(()),
            Some(_) => Err(format!("nothing that is shown was written at {rest} or later")),
            None => self.filter(rest, cx).map_err(|error| error.to_string()),
        }
    }

    fn search(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        self.search = None;
        if !text.is_empty() {
            self.search = Some(Search::new(text)?);
            // Who looks at the end searches what came before.
            let forward = !self.window.is_at_the_end(&self.shown);
            self.go_to_match(cx, forward);
        }
        Ok(())
    }

    /// The marked records, else all that are shown.
    fn written(&self, cx: &Cx) -> Option<(String, Vec<u8>)> {
        if self.marks.len() > 0 {
            return Some((format::count(self.marks.len(), "marked record"), self.marks.text()));
        }
        let records = self.shown.list().iter().filter_map(|(_, number)| cx.store.logs.record(*number));
        let bytes: Vec<u8> = records.flat_map(|record| marks::raw(&record, cx.store)).collect();
        (!bytes.is_empty()).then(|| (format::count(self.shown.list().len(), "record"), bytes))
    }

    fn is_behind(&self) -> bool {
        self.shown.is_behind() || self.search.as_ref().is_some_and(Search::is_on_its_way)
    }

    fn catch_up(&mut self, cx: &Cx) {
        if self.shown.is_behind() {
            self.shown.more(cx.store, cx.now);
        }
        if self.search.as_ref().is_some_and(Search::is_on_its_way) {
            self.seek(cx);
        }
    }

    fn home(&mut self) {
        self.inside = None;
        self.over = None;
        self.window.follow();
    }

    fn crumbs(&self, _: &Cx) -> Vec<String> {
        match (&self.inside, &self.over) {
            (Some(_), _) => vec!["record".to_owned()],
            (None, Some(over)) => vec![over.crumb().to_owned()],
            (None, None) => Vec::new(),
        }
    }

    fn status(&self, cx: &Cx) -> String {
        if let Some((_, details)) = &self.inside {
            return details.status();
        }
        if let Some(over) = &self.over {
            return over.status(cx);
        }
        if cx.store.freshness(Topic::Logs).as_of.is_none() && cx.store.logs.numbers().is_empty() {
            return parts::NOTHING_KNOWN.to_owned();
        }
        match (&self.search, &self.said) {
            (_, Some(said)) => said.clone(),
            (Some(search), None) if search.is_on_its_way() => {
                let asked = i64::try_from(search.asked()).unwrap_or(i64::MAX);
                format!("searching {}: {} records so far · esc stops", search.text(), format::number(asked))
            }
            (Some(search), None) => {
                format!("n, N: {} · {}", search.text(), self.shown.status(cx.store))
            }
            (None, None) => self.shown.status(cx.store),
        }
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let known = self.over.as_ref().filter(|_| self.inside.is_none()).and_then(|over| over.words(cx));
        known.or_else(|| Some(record::words(cx, &self.record(cx)?)))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        let logs = &cx.store.logs;
        let dropped = logs.dropped();
        (dropped > 0).then(|| {
            format!(
                "{} older lines are no longer held",
                format::number(i64::try_from(dropped).unwrap_or(i64::MAX))
            )
        })
    }

    fn wants(&self, _: &Cx, wanted: &mut Wanted) {
        wanted.logs = true;
    }
}

fn absence(cx: &Cx) -> Option<(Verdict, Vec<String>)> {
    match parts::absence(cx, Topic::Logs)? {
        // Nobody is asked for them: they lie here.
        (Verdict::Busy, _) => Some((Verdict::Busy, vec!["reading the logs of this host …".to_owned()])),
        failed => Some(failed),
    }
}

/// Four or five letters for a level.
fn short(level: Level) -> &'static str {
    match level {
        Level::Warning => "WARN",
        Level::Critical => "CRIT",
        other => other.as_str(),
    }
}

/// The hosts of the files that are tailed, each once.
fn hosts(cx: &Cx) -> Vec<Text> {
    let mut hosts: Vec<Text> = cx.store.logs.sources().iter().map(|source| source.host.clone()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}
