//! Instances: any number of them, and everything that is known about one.

mod details;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::parts::{self, Beside};
use super::{Cx, Go, List, Pane, Reply, logs};
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{Instance, NamedKind, Text};
use crate::report::Topic;
use crate::request::{Query, Wanted};
use crate::store::Store;
use crate::table::{Slot, Slots, Tally};
use crate::tables::instances::TABLE;
use crate::ui::details::{Details, Section};
use crate::ui::format;
use crate::ui::grid::Looks;

const READS: &[Topic] = &[Topic::Instances, Topic::Projects];

/// What is shown of an instance that was gone into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Everything,
    Events,
    Console,
}

/// The instances pane.
pub struct Instances {
    list: List,
    inside: Option<Inside>,
    beside: Beside,
    totals: Totals,
}

/// How many instances there are in each status.
#[derive(Default)]
struct Totals {
    tally: Tally<Text>,
    words: Option<String>,
}

impl Totals {
    fn sync(&mut self, store: &Store) {
        let rows = &store.instances;
        if !self.tally.sync(rows, |slot| Some(rows.get(slot)?.status.clone())) {
            return;
        }
        let mut counts: Vec<_> = self.tally.counts().collect();
        counts.sort_by_key(|(status, n)| (std::cmp::Reverse(*n), *status));
        let counts = counts.iter().map(|(status, n)| format!(" · {} {status}", format::number(*n as i64)));
        let all = format::number(rows.len() as i64);
        self.words = Some(format!("{all} instances{}", counts.collect::<String>()));
    }
}

struct Inside {
    id: Text,
    view: View,
    details: Details,
}

impl Instances {
    pub fn new() -> Self {
        Self { list: List::new(&TABLE), inside: None, beside: Beside::default(), totals: Totals::default() }
    }

    fn current<'a>(&self, store: &'a Store) -> Option<(Slot, &'a Instance)> {
        let slot = match &self.inside {
            Some(inside) => store.instances.slot_of(&inside.id)?,
            None => self.list.grid.selected()?,
        };
        store.instances.get(slot).map(|row| (slot, row))
    }

    /// Goes into one view of the instance under the cursor, asking for what it shows.
    fn enter(&mut self, view: View, cx: &Cx) -> Reply {
        let Some((slot, row)) = self.current(cx.store) else { return Reply::Done };
        let mut details = Details::new(sections(view, cx, slot, row));
        if view == View::Console {
            details.to_end();
        }
        self.inside = Some(Inside { id: row.id.clone(), view, details });
        match view {
            View::Everything | View::Events => Reply::Ask(vec![Query::Actions(row.id.clone())]),
            View::Console => Reply::Ask(vec![Query::Console(row.id.clone())]),
        }
    }
}

fn sections(view: View, cx: &Cx, slot: Slot, row: &Instance) -> Vec<Section> {
    match view {
        View::Everything => details::everything(cx, slot, row),
        View::Events => details::events(cx, row),
        View::Console => details::console(cx, row),
    }
}

impl Pane for Instances {
    fn name(&self) -> &'static str {
        "instances"
    }

    fn title(&self) -> &'static str {
        "Instances"
    }

    fn opens(&self) -> Option<(Action, char)> {
        Some((Action::Pane3, '3'))
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.list.sync(cx);
        self.totals.sync(cx.store);
        if let Some(inside) = &mut self.inside {
            let slot = cx.store.instances.slot_of(&inside.id);
            match slot.and_then(|slot| Some((slot, cx.store.instances.get(slot)?))) {
                Some((slot, row)) => inside.details.set(sections(inside.view, cx, slot, row)),
                // Deleted while it was looked at: the list says the rest.
                None => self.inside = None,
            }
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(inside) = &mut self.inside {
            match action {
                Action::Back | Action::Quit => {
                    self.inside = None;
                    return Reply::Done;
                }
                Action::Copy => return inside.details.copied().map_or(Reply::Done, Reply::Copy),
                Action::Refresh => {
                    let view = inside.view;
                    return self.enter(view, cx);
                }
                _ if inside.details.on(action) => return Reply::Done,
                _ => {}
            }
        } else if self.list.grid.on(action, cx.store, cx.now) {
            return Reply::Done;
        }
        match action {
            Action::Enter if self.inside.is_none() => self.enter(View::Everything, cx),
            Action::Events => self.enter(View::Events, cx),
            Action::Console => self.enter(View::Console, cx),
            Action::Trace => match self.current(cx.store) {
                Some((_, row)) => Reply::Go(Go { pane: "trace", filter: None, select: Some(row.id.clone()) }),
                None => Reply::Done,
            },
            // Every line that names it, whoever wrote it.
            Action::Logs => match self.current(cx.store) {
                Some((_, row)) => logs::with(&row.id),
                None => Reply::Done,
            },
            Action::Host => match self.current(cx.store).and_then(|(_, row)| cx.store.hypervisor_of(row)) {
                Some((_, host)) => Reply::Go(Go {
                    pane: "hypervisors",
                    filter: Some(String::new()),
                    select: Some(host.id.clone()),
                }),
                None => Reply::Say("this instance stands on no host that is known".to_owned()),
            },
            Action::Project => match self.current(cx.store) {
                Some((_, row)) => {
                    let name = cx.store.projects.by_id(&row.project_id).map_or(&row.project_id, |p| &p.name);
                    Reply::Go(Go {
                        pane: "instances",
                        filter: Some(format!("project={}", format::quoted(name))),
                        select: Some(row.id.clone()),
                    })
                }
                None => Reply::Done,
            },
            Action::Quotas => match self.current(cx.store) {
                Some((_, row)) if cx.store.quotas.by_id(&row.project_id).is_some() => Reply::Go(Go {
                    pane: "quotas",
                    filter: Some(String::new()),
                    select: Some(row.project_id.clone()),
                }),
                Some(_) => {
                    Reply::Say("keystone lists no such project: it was deleted, or is not ours".to_owned())
                }
                None => Reply::Done,
            },
            Action::Copy => {
                self.current(cx.store).map_or(Reply::Done, |(_, row)| Reply::Copy(row.id.to_string()))
            }
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, cx: &Cx) {
        if self.inside.is_none() {
            self.list.grid.click(row, cx.store);
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((verdict, lines)) = parts::absence(cx, Topic::Instances) {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        let stale = parts::is_stale(cx, Topic::Instances);
        if let Some(inside) = &mut self.inside {
            inside.details.fade(stale && inside.view == View::Everything);
            return inside.details.draw(frame, area, cx.theme, cx.look);
        }
        let (list, side) = Beside::split(frame, area, cx);
        let row = |slot: Slot| match cx.store.instances.get(slot) {
            // What is known of a partial row is as old as an outage's.
            Some(row) => parts::row_look(health::instance::verdict(row), stale || row.partial),
            None => parts::row_look(Verdict::Unknown, stale),
        };
        let cell = |slot: Slot, column: &str, _: u16| cell(cx, slot, column);
        let looks = Looks { theme: cx.theme, look: cx.look, now: cx.now, row: &row, cell: &cell };
        self.list.grid.draw(frame, list, cx.store, &looks);
        if let Some(side) = side
            && let Some((slot, row)) = self.current(cx.store)
        {
            let (id, sections) = (row.id.clone(), details::everything(cx, slot, row));
            self.beside.draw(frame, side, cx, &id, sections, stale);
        }
    }

    fn list(&self) -> Option<&List> {
        Some(&self.list)
    }

    fn list_mut(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn home(&mut self) {
        self.inside = None;
    }

    fn crumbs(&self, cx: &Cx) -> Vec<String> {
        let Some(inside) = &self.inside else { return Vec::new() };
        let name = cx.store.instances.by_id(&inside.id).map_or(&*inside.id, called);
        let mut crumbs = vec![name.to_owned()];
        match inside.view {
            View::Everything => {}
            View::Events => crumbs.push("events".to_owned()),
            View::Console => crumbs.push("console log".to_owned()),
        }
        crumbs
    }

    fn status(&self, cx: &Cx) -> String {
        match &self.inside {
            Some(inside) => inside.details.status(),
            None if parts::absence(cx, Topic::Instances).is_some() => parts::NOTHING_KNOWN.to_owned(),
            None => self.list.status() + &parts::progress_words(cx, Topic::Instances, " · reading "),
        }
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let (slot, row) = self.current(cx.store)?;
        let verdict = health::instance::verdict(row);
        let name = called(row);
        Some((
            verdict,
            match health::instance::words(row) {
                // It begins with what the instance goes by already.
                Some(words) if row.partial => words,
                Some(words) => format!("{name}: {words}"),
                None => match &row.task_state {
                    Some(task) => {
                        let since = cx.store.task_since(slot).map(|at| cx.now.duration_since(at));
                        let since = since.map(|age| format!(" for {}", format::duration(age)));
                        format!("{name} is {task}{}", since.unwrap_or_default())
                    }
                    None => {
                        format!("{name} is {} on {}", row.status, row.host.as_deref().unwrap_or("no host"))
                    }
                },
            },
        ))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        self.totals.words.clone().filter(|_| !cx.store.instances.is_empty())
    }

    fn wants(&self, cx: &Cx, wanted: &mut Wanted) {
        let mut want = |kind, id: &Text, known: bool| {
            if !known && !wanted.names.contains(&(kind, id.clone())) {
                wanted.names.push((kind, id.clone()));
            }
        };
        let visible = self.list.grid.visible().iter().filter_map(|slot| cx.store.instances.get(*slot));
        for row in visible {
            want(NamedKind::Project, &row.project_id, cx.store.projects.by_id(&row.project_id).is_some());
            if let Some(id) = row.flavor.as_ref().and_then(|flavor| flavor.id.as_ref()) {
                want(NamedKind::Flavor, id, cx.store.flavors.by_id(id).is_some());
            }
        }
        // Users and images stand in the details only.
        if let Some((_, row)) = self.current(cx.store) {
            if let Some(id) = &row.user_id {
                want(NamedKind::User, id, cx.store.users.by_id(id).is_some());
            }
            if let Some(id) = &row.image_id {
                want(NamedKind::Image, id, cx.store.images.by_id(id).is_some());
            }
        }
    }
}

/// What an instance goes by: one of a down cell may have no name that is known.
fn called(row: &Instance) -> &str {
    if row.name.trim().is_empty() { row.id.get(..8).unwrap_or(&row.id) } else { &row.name }
}

/// UUIDs are short on screen and whole when copied.
fn cell(cx: &Cx, slot: Slot, column: &str) -> Option<Line<'static>> {
    let row = cx.store.instances.get(slot).filter(|_| column == "id")?;
    Some(Line::from(row.id.get(..8).unwrap_or(&row.id).to_owned()))
}
