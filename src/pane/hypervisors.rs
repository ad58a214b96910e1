//! Hypervisors: which host is down, full, taken out, and what stands on it.

mod details;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::parts::{self, Beside};
use super::{Cx, Go, List, Pane, Reply, list, logs};
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{Hypervisor, ResourceClass, ServiceState, ServiceStatus, Text};
use crate::report::Topic;
use crate::request::{Query, Wanted};
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::hypervisors::{self as table, TABLE};
use crate::ui::details::Details;
use crate::ui::format;
use crate::ui::gauge::{self, Gauge};
use crate::ui::grid::{Looks, RowLook};
use tree::HostTree;

const READS: &[Topic] = &[
    Topic::Hypervisors,
    Topic::Services,
    Topic::Aggregates,
    Topic::Providers,
    Topic::Instances,
    Topic::Migrations,
    Topic::Queues,
];

/// The hypervisors pane: a table or a tree, and one host's details.
pub struct Hypervisors {
    list: List,
    tree: HostTree,
    as_tree: bool,
    /// The host that is gone into.
    inside: Option<(Text, Details)>,
    beside: Beside,
}

impl Hypervisors {
    pub fn new() -> Self {
        Self {
            list: List::new(&TABLE),
            tree: HostTree::default(),
            as_tree: false,
            inside: None,
            beside: Beside::default(),
        }
    }

    /// The host under the cursor, or the one that is gone into.
    fn current<'a>(&self, store: &'a Store) -> Option<(Slot, &'a Hypervisor)> {
        let slot = match &self.inside {
            Some((id, _)) => store.hypervisors.slot_of(id)?,
            None if self.as_tree => store.hypervisors.slot_of(&self.tree.selected()?)?,
            None => self.list.grid.selected()?,
        };
        store.hypervisors.get(slot).map(|row| (slot, row))
    }

    fn on_list(&mut self, action: Action, cx: &Cx) -> bool {
        if self.as_tree { self.tree.on(action) } else { self.list.grid.on(action, cx.store, cx.now) }
    }
}

impl Pane for Hypervisors {
    fn name(&self) -> &'static str {
        "hypervisors"
    }

    fn title(&self) -> &'static str {
        "Hypervisors"
    }

    fn opens(&self) -> Option<(Action, char)> {
        Some((Action::Pane2, '2'))
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.list.sync(cx);
        if self.as_tree {
            self.tree.sync(cx, self.list.grid.slots());
        }
        if let Some((id, details)) = &mut self.inside {
            match cx.store.hypervisors.by_id(id) {
                Some(row) => details.set(details::sections(cx, row)),
                // The host is gone: so is its view.
                None => self.inside = None,
            }
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(reply) = list::within(&mut self.inside, |(_, details)| details, action) {
            return reply;
        }
        if self.inside.is_none() && self.on_list(action, cx) {
            return Reply::Done;
        }
        match action {
            Action::ToggleTree if self.inside.is_none() => {
                self.as_tree = !self.as_tree;
                Reply::Done
            }
            Action::Enter if self.inside.is_none() => {
                if let Some((_, row)) = self.current(cx.store) {
                    self.inside = Some((row.id.clone(), Details::new(details::sections(cx, row))));
                    return Reply::Ask(self.questions(cx));
                }
                Reply::Done
            }
            Action::Instances => match self.current(cx.store) {
                Some((_, row)) => Reply::Go(Go {
                    pane: "instances",
                    filter: Some(format!("host={}", format::quoted(&row.host))),
                    select: None,
                }),
                None => Reply::Done,
            },
            Action::Queue => match self.current(cx.store) {
                Some((_, row)) => to_queue(cx.store, row),
                None => Reply::Done,
            },
            Action::Logs => match self.current(cx.store) {
                Some((_, row)) => logs::of_host(cx, &row.host, ""),
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
        match (&self.inside, self.as_tree) {
            (Some(_), _) => {}
            (None, true) => self.tree.click(row),
            (None, false) => self.list.grid.click(row, cx.store),
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((verdict, lines)) = parts::absence(cx, Topic::Hypervisors) {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        let stale = parts::is_stale(cx, Topic::Hypervisors);
        if let Some((_, details)) = &mut self.inside {
            details.fade(stale);
            return details.draw(frame, area, cx.theme, cx.look);
        }
        let (list, side) = Beside::split(frame, area, cx);
        if self.as_tree {
            self.tree.draw(frame, list, cx);
        } else {
            let row = |slot: Slot| row_look(cx.store, slot, stale);
            let cell = |slot: Slot, column: &str, width: u16| cell(cx, slot, column, width);
            let looks = Looks { theme: cx.theme, look: cx.look, now: cx.now, row: &row, cell: &cell };
            self.list.grid.draw(frame, list, cx.store, &looks);
        }
        if let Some(side) = side
            && let Some((_, row)) = self.current(cx.store)
        {
            let (id, sections) = (row.id.clone(), details::sections(cx, row));
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

    fn select(&mut self, key: &str, cx: &Cx) {
        self.list.select(key, cx);
        if let Some(slot) = cx.store.hypervisors.slot_of(key) {
            self.tree.select(cx, slot);
        }
    }

    fn crumbs(&self, cx: &Cx) -> Vec<String> {
        self.inside
            .as_ref()
            .and_then(|(id, _)| cx.store.hypervisors.by_id(id))
            .map(|row| row.host.to_string())
            .into_iter()
            .collect()
    }

    fn status(&self, cx: &Cx) -> String {
        match &self.inside {
            Some((_, details)) => details.status(),
            None if parts::absence(cx, Topic::Hypervisors).is_some() => parts::NOTHING_KNOWN.to_owned(),
            None => self.list.status() + &parts::progress_words(cx, Topic::Providers, " · placement "),
        }
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let (_, row) = self.current(cx.store)?;
        let notes = health::hypervisor::notes(cx.store, row);
        if let Some(worst) = notes.first() {
            let words: Vec<&str> = notes.iter().map(|note| note.words.as_str()).collect();
            return Some((worst.verdict, words.join("; ")));
        }
        let limit = match table::inventory(cx.store, row, ResourceClass::Vcpu) {
            Some(inventory) => format!("{}:1", inventory.allocation_ratio),
            None => "? (Placement not read)".to_owned(),
        };
        Some((
            Verdict::Ok,
            format!(
                "{} is up with {}; vCPUs may be overcommitted {limit}",
                row.host,
                format::count(cx.store.instance_count_on(row), "instance")
            ),
        ))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        let totals = Totals::of(cx.store);
        (totals.hosts > 0).then(|| totals.words())
    }

    fn questions(&self, cx: &Cx) -> Vec<Query> {
        let row = self.inside.as_ref().and_then(|_| self.current(cx.store));
        row.map(|(_, row)| Query::Trend(vec![details::wish(row)])).into_iter().collect()
    }

    fn wants(&self, cx: &Cx, wanted: &mut Wanted) {
        let visible = self.list.grid.visible().iter();
        wanted.hypervisors =
            visible.filter_map(|slot| cx.store.hypervisors.get(*slot)).map(|row| row.id.clone()).collect();
    }
}

/// The queue by which nova talks to a host; where no broker has it, those that name the host.
fn to_queue(store: &Store, row: &Hypervisor) -> Reply {
    let known = store.freshness(Topic::Queues);
    match (store.compute_queue(row), &known.outage) {
        (None, Some(failing)) if known.as_of.is_none() => Reply::Say(failing.outage.message.clone()),
        (queue, _) => Reply::Go(Go {
            pane: "rabbitmq",
            filter: Some(format!("host={}", format::quoted(&row.host))),
            select: queue.map(|queue| queue.id.clone()),
        }),
    }
}

/// A host's sign and colour.
pub(super) fn row_look(store: &Store, slot: Slot, stale: bool) -> RowLook {
    let verdict =
        store.hypervisors.get(slot).map_or(Verdict::Unknown, |row| health::hypervisor::verdict(store, row));
    parts::row_look(verdict, stale)
}

/// Gauges against limits: the table's own words say everything else.
fn cell(cx: &Cx, slot: Slot, column: &str, width: u16) -> Option<Line<'static>> {
    let row = cx.store.hypervisors.get(slot)?;
    let of = table::Use::of(cx.store, row, column)?;
    let figures = match column {
        "local_gb_used" => format!("{:>4}", of.percent()),
        _ => {
            let (used, limit) = of.figures();
            format!("{used:>6}/{limit:>6}")
        }
    };
    let cells = width.saturating_sub(figures.len() as u16 + 1);
    let mut spans = gauge::spans(Gauge { used: of.counted(), limit: of.limit }, cells, cx.theme, cx.look);
    spans.push(format!(" {figures}").into());
    Some(Line::from(spans))
}

/// The sums over all hosts, for the line below the table.
#[derive(Default)]
struct Totals {
    hosts: usize,
    up: usize,
    disabled: usize,
    down: usize,
    vcpus: Sum,
    memory: Sum,
}

/// Used and limit over the hosts whose limit is known.
#[derive(Default)]
struct Sum {
    used: f64,
    limit: f64,
    unknown: usize,
}

impl Sum {
    fn add(&mut self, of: Option<table::Use>) {
        match of.and_then(|of| Some((of.counted()?, of.limit?))) {
            Some((used, limit)) => {
                self.used += used;
                self.limit += limit;
            }
            None => self.unknown += 1,
        }
    }

    fn percent(&self) -> String {
        if self.limit > 0.0 { format!("{:.0}%", self.used / self.limit * 100.0) } else { "?".to_owned() }
    }
}

impl Totals {
    fn of(store: &Store) -> Self {
        let mut totals = Self::default();
        for (_, row) in store.hypervisors.iter() {
            totals.hosts += 1;
            match (table::state(store, row), table::status(store, row)) {
                (ServiceState::Down, _) => totals.down += 1,
                (_, ServiceStatus::Disabled) => totals.disabled += 1,
                (ServiceState::Up, _) => totals.up += 1,
                _ => {}
            }
            for (sum, column) in [(&mut totals.vcpus, "vcpus_used"), (&mut totals.memory, "memory_mb_used")] {
                sum.add(table::Use::of(store, row, column));
            }
        }
        totals
    }

    fn words(&self) -> String {
        let mut words = format!(
            "{} · {} up · {} disabled · {} down    vCPU {} of {}    RAM {} of {}",
            format::count(self.hosts, "host"),
            self.up,
            self.disabled,
            self.down,
            self.vcpus.percent(),
            format::number(self.vcpus.limit as i64),
            self.memory.percent(),
            format::mebibytes(self.memory.limit),
        );
        if self.vcpus.unknown > 0 {
            words.push_str(&format!(
                "    limits of {} not read yet",
                format::count(self.vcpus.unknown, "host")
            ));
        }
        words
    }
}
