//! Hypervisors: which host is down, full, taken out, and what stands on it.

mod details;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Cx, Go, Pane, Reply, parts};
use crate::action::Action;
use crate::collect::Wanted;
use crate::filter::{Filter, FilterError};
use crate::health::{self, Verdict};
use crate::model::{Hypervisor, ResourceClass, ServiceState, ServiceStatus, Text};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::hypervisors::{self as table, TABLE};
use crate::ui::details::Details;
use crate::ui::format;
use crate::ui::gauge::{self, Gauge};
use crate::ui::grid::{Grid, Looks, RowLook};
use tree::HostTree;

const READS: &[Topic] = &[
    Topic::Hypervisors,
    Topic::Services,
    Topic::Aggregates,
    Topic::Providers,
    Topic::Instances,
    Topic::Migrations,
];

/// The hypervisors pane: a table or a tree, and one host's details.
pub struct Hypervisors {
    grid: Grid<Store>,
    tree: HostTree,
    as_tree: bool,
    /// The host that is gone into.
    inside: Option<(Text, Details)>,
    filter: String,
}

impl Hypervisors {
    pub fn new() -> Self {
        Self {
            grid: Grid::new(&TABLE),
            tree: HostTree::default(),
            as_tree: false,
            inside: None,
            filter: String::new(),
        }
    }

    /// The host under the cursor, or the one that is gone into.
    fn current<'a>(&self, store: &'a Store) -> Option<(Slot, &'a Hypervisor)> {
        let slot = match &self.inside {
            Some((id, _)) => store.hypervisors.slot_of(id)?,
            None if self.as_tree => store.hypervisors.slot_of(&self.tree.selected()?)?,
            None => self.grid.selected()?,
        };
        store.hypervisors.get(slot).map(|row| (slot, row))
    }

    fn on_list(&mut self, action: Action, cx: &Cx) -> bool {
        if self.as_tree { self.tree.on(action) } else { self.grid.on(action, cx.store, cx.now) }
    }
}

impl Pane for Hypervisors {
    fn name(&self) -> &'static str {
        "hypervisors"
    }

    fn title(&self) -> &'static str {
        "Hypervisors"
    }

    fn opens(&self) -> (Action, char) {
        (Action::Pane2, '2')
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.grid.sync(cx.store, cx.now);
        if self.as_tree {
            self.tree.sync(cx, self.grid.slots());
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
        } else if self.on_list(action, cx) {
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
            Action::Copy => {
                self.current(cx.store).map_or(Reply::Done, |(_, row)| Reply::Copy(row.id.to_string()))
            }
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, cx: &Cx) {
        if self.inside.is_none() && !self.as_tree {
            self.grid.click(row, cx.store);
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((verdict, lines)) = parts::absence(cx, Topic::Hypervisors) {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        match &mut self.inside {
            Some((_, details)) => details.draw(frame, area, cx.theme, cx.look),
            None if self.as_tree => self.tree.draw(frame, area, cx),
            None => {
                let stale = parts::is_stale(cx, Topic::Hypervisors);
                let row = |slot: Slot| row_look(cx.store, slot, stale);
                let cell = |slot: Slot, column: &str, width: u16| cell(cx, slot, column, width);
                self.grid.draw(
                    frame,
                    area,
                    cx.store,
                    &Looks { theme: cx.theme, look: cx.look, now: cx.now, row: &row, cell: &cell },
                );
            }
        }
    }

    fn filter(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        let filter = Filter::parse(text, &self.columns())?;
        text.clone_into(&mut self.filter);
        self.grid.set_filter(filter, cx.store, cx.now);
        Ok(())
    }

    fn filter_text(&self) -> &str {
        &self.filter
    }

    fn columns(&self) -> Vec<&'static str> {
        TABLE.columns.iter().map(|column| column.name).collect()
    }

    fn select(&mut self, key: &str, cx: &Cx) {
        self.grid.sync(cx.store, cx.now);
        self.grid.select_key(key, cx.store);
    }

    fn home(&mut self) {
        self.inside = None;
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
            None => format!(
                "{} of {} shown · {}{}",
                format::number(self.grid.shown() as i64),
                format::number(self.grid.total() as i64),
                self.grid.sorted_words(),
                parts::progress_words(cx, Topic::Providers, " · placement "),
            ),
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
                "{} is up with {} instances; vCPUs may be overcommitted {limit}",
                row.host,
                cx.store.instance_count_on(row)
            ),
        ))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        let totals = Totals::of(cx.store);
        (totals.hosts > 0).then(|| totals.words())
    }

    fn wants(&self, cx: &Cx, wanted: &mut Wanted) {
        let visible = self.grid.visible().iter();
        wanted.hypervisors =
            visible.filter_map(|slot| cx.store.hypervisors.get(*slot)).map(|row| row.id.clone()).collect();
    }
}

/// A host's sign and colour.
pub(super) fn row_look(store: &Store, slot: Slot, stale: bool) -> RowLook {
    let verdict =
        store.hypervisors.get(slot).map_or(Verdict::Unknown, |row| health::hypervisor::verdict(store, row));
    parts::row_look(verdict, stale)
}

/// What the grid shows otherwise than as the plain value: state with its age, gauges against limits.
fn cell(cx: &Cx, slot: Slot, column: &str, width: u16) -> Option<Line<'static>> {
    let row = cx.store.hypervisors.get(slot)?;
    let limit = |class| table::inventory(cx.store, row, class).map(|i| (i.capacity(), i.reserved));
    match column {
        "state" => Some(Line::from(state_words(cx, row))),
        "vcpu_ratio" => {
            let (used, total) = (row.vcpus_used?, row.vcpus.filter(|n| *n > 0)?);
            Some(Line::from(format!("{:.1}:1", used as f64 / total as f64)).right_aligned())
        }
        "vcpus_used" => {
            let limit = limit(ResourceClass::Vcpu).map(|(limit, _)| limit);
            let figures = format!(
                "{:>5}/{:>5}",
                format::maybe(row.vcpus_used),
                limit.map_or_else(|| "?".to_owned(), |l| format!("{l:.0}"))
            );
            Some(bar(cx, row.vcpus_used, limit, 0, width, figures))
        }
        "memory_mb_used" => {
            let limit = limit(ResourceClass::MemoryMb);
            let gib = |mib: f64| format!("{:.1}", mib / 1024.0);
            let figures = format!(
                "{:>6}/{:>6}",
                row.memory_mb_used.map_or_else(|| "?".to_owned(), |m| gib(m as f64)),
                limit.map_or_else(|| "?".to_owned(), |(l, _)| gib(l))
            );
            let reserved = limit.map_or(0, |(_, reserved)| reserved);
            Some(bar(cx, row.memory_mb_used, limit.map(|(l, _)| l), reserved, width, figures))
        }
        "local_gb_used" => {
            let limit = limit(ResourceClass::DiskGb).map(|(limit, _)| limit);
            let figures = match (row.local_gb_used, limit) {
                (Some(used), Some(limit)) if limit > 0.0 => format!("{:>3.0}%", used as f64 / limit * 100.0),
                _ => "   ?".to_owned(),
            };
            Some(bar(cx, row.local_gb_used, limit, 0, width, figures))
        }
        _ => None,
    }
}

/// A bar in what the figures leave of the width; an unknown limit has none.
fn bar(
    cx: &Cx,
    used: Option<u64>,
    limit: Option<f64>,
    reserved: u64,
    width: u16,
    figures: String,
) -> Line<'static> {
    let cells = width.saturating_sub(figures.len() as u16 + 1);
    let gauge = Gauge { used: used.map(|used| used.saturating_sub(reserved) as f64), limit };
    let mut spans = gauge::spans(gauge, cells, cx.theme, cx.look);
    spans.push(format!(" {figures}").into());
    Line::from(spans)
}

/// `up`, `down 7m`, `disabled 3d`: the state, and since when nova has not heard from it.
pub(super) fn state_words(cx: &Cx, row: &Hypervisor) -> String {
    let (state, status) = (table::state(cx.store, row), table::status(cx.store, row));
    let service = cx.store.compute_service(&row.host);
    let silent = service
        .and_then(|service| service.updated_at)
        .map(|at| format!(" {}", format::duration(cx.now.duration_since(at).max(jiff::SignedDuration::ZERO))))
        .unwrap_or_default();
    if service.is_some_and(|service| service.forced_down) {
        return "forced down".to_owned();
    }
    match (state, status) {
        (ServiceState::Down, ServiceStatus::Disabled) => format!("down{silent},dis"),
        (ServiceState::Down, _) => format!("down{silent}"),
        (ServiceState::Up, ServiceStatus::Disabled) => "disabled".to_owned(),
        (ServiceState::Up, _) => "up".to_owned(),
        (ServiceState::Unknown, _) => "?".to_owned(),
    }
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
    fn add(&mut self, used: Option<u64>, limit: Option<f64>) {
        match (used, limit) {
            (Some(used), Some(limit)) => {
                self.used += used as f64;
                self.limit += limit;
            }
            _ => self.unknown += 1,
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
            let limit = |class| table::inventory(store, row, class).map(|i| i.capacity());
            totals.vcpus.add(row.vcpus_used, limit(ResourceClass::Vcpu));
            totals.memory.add(row.memory_mb_used, limit(ResourceClass::MemoryMb));
        }
        totals
    }

    fn words(&self) -> String {
        let mut words = format!(
            "{} hosts · {} up · {} disabled · {} down    vCPU {} of {:.0}    RAM {} of {:.1} TiB",
            self.hosts,
            self.up,
            self.disabled,
            self.down,
            self.vcpus.percent(),
            self.vcpus.limit,
            self.memory.percent(),
            self.memory.limit / 1024.0 / 1024.0,
        );
        if self.vcpus.unknown > 0 {
            words.push_str(&format!("    limits of {} hosts not read yet", self.vcpus.unknown));
        }
        words
    }
}
