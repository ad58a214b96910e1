//! The same hosts as a tree: zone → aggregate → host. A host in several aggregates stands under each and
//! counts once in its zone; one in none stands under `(no aggregate)`.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{row_look, state_words};
use crate::action::Action;
use crate::health::Verdict;
use crate::model::{ResourceClass, Text};
use crate::pane::{Cx, parts};
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::hypervisors as table;
use crate::ui::text;
use crate::ui::tree::{Node, Tree};

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct HostTree {
    tree: Tree,
    /// Rows and opened nodes that the items were built for: nothing is built while these stay.
    built: Option<(u64, usize, Vec<Slot>)>,
    opened: usize,
}

const NO_AGGREGATE: &str = "(no aggregate)";
const NO_ZONE: &str = "(zone unknown)";

impl HostTree {
    /// The id of the host under the cursor.
    pub fn selected(&self) -> Option<Text> {
        self.tree.selected().get(2).map(|id| id.as_str().into())
    }

    /// Whether the cursor is on a zone or an aggregate.
    pub fn on_branch(&self) -> bool {
        (1..=2).contains(&self.tree.selected().len())
    }

    pub fn on(&mut self, action: Action) -> bool {
        let action = if action == Action::Enter && self.on_branch() { Action::ToggleNode } else { action };
        let heard = self.tree.on(action);
        if heard {
            self.opened += 1;
        }
        heard
    }

    /// Builds the items anew when the hosts or the opened nodes have changed.
    pub fn sync(&mut self, cx: &Cx, shown: &[Slot]) {
        let revision = cx.store.hypervisors.revision();
        // State words grow older by the second, so lines are made again each tick as well.
        let stamp = (revision ^ cx.now.as_second().unsigned_abs(), self.opened);
        if self.built.as_ref().is_some_and(|(r, o, slots)| (*r, *o) == stamp && slots == shown) {
            return;
        }
        let first = self.built.is_none();
        let zones = grouped(cx.store, shown);
        if first {
            // A small cloud is seen at once; a large one would flatten thousands of rows a frame.
            for (zone, aggregates) in zones.iter().filter(|_| shown.len() <= 200) {
                self.tree.open(vec![zone.clone()]);
                for aggregate in aggregates.keys() {
                    self.tree.open(vec![zone.clone(), aggregate.clone()]);
                }
            }
        }
        let nodes = zones.iter().map(|(zone, aggregates)| self.zone(cx, zone, aggregates)).collect();
        self.tree.set(nodes);
        self.built = Some((stamp.0, stamp.1, shown.to_vec()));
    }

    fn zone(&self, cx: &Cx, zone: &str, aggregates: &BTreeMap<String, Vec<Slot>>) -> Node {
        let hosts: BTreeSet<Slot> = aggregates.values().flatten().copied().collect();
        let path = vec![zone.to_owned()];
        let children = if self.tree.is_open(&path) {
            aggregates.iter().map(|(name, slots)| self.aggregate(cx, zone, name, slots)).collect()
        } else {
            Vec::new()
        };
        Node { id: zone.to_owned(), line: branch(cx, zone, &hosts), children, has_children: true }
    }

    fn aggregate(&self, cx: &Cx, zone: &str, name: &str, slots: &[Slot]) -> Node {
        let path = vec![zone.to_owned(), name.to_owned()];
        let children = if self.tree.is_open(&path) {
            slots.iter().filter_map(|slot| host(cx, *slot)).collect()
        } else {
            Vec::new()
        };
        let hosts = slots.iter().copied().collect();
        Node { id: name.to_owned(), line: branch(cx, name, &hosts), children, has_children: true }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.tree.draw(frame, area, cx.theme, cx.look);
    }
}

/// Hosts by zone and aggregate, in the order in which they were given.
fn grouped(store: &Store, shown: &[Slot]) -> BTreeMap<String, BTreeMap<String, Vec<Slot>>> {
    let mut zones: BTreeMap<String, BTreeMap<String, Vec<Slot>>> = BTreeMap::new();
    for &slot in shown {
        let Some(row) = store.hypervisors.get(slot) else { continue };
        let zone = store.compute_service(&row.host).and_then(|s| s.zone.as_deref()).unwrap_or(NO_ZONE);
        let aggregates = zones.entry(zone.to_owned()).or_default();
        let names = store.aggregates_of(&row.host);
        if names.is_empty() {
            aggregates.entry(NO_AGGREGATE.to_owned()).or_default().push(slot);
        }
        for name in names {
            aggregates.entry(name.to_string()).or_default().push(slot);
        }
    }
    zones
}

/// A zone or aggregate: its worst host's sign, how many hosts are up, what is used of the limits.
fn branch(cx: &Cx, name: &str, hosts: &BTreeSet<Slot>) -> Line<'static> {
    let rows = || hosts.iter().filter_map(|slot| cx.store.hypervisors.get(*slot));
    let verdicts = rows().map(|row| crate::health::hypervisor::verdict(cx.store, row));
    let worst = verdicts.max().unwrap_or(Verdict::Unknown);
    let up = rows().filter(|row| table::state(cx.store, row) == crate::model::ServiceState::Up).count();
    let sum = |class, used: fn(&crate::model::Hypervisor) -> Option<u64>| {
        let mut total = (0.0, 0.0);
        for row in rows() {
            let capacity = table::inventory(cx.store, row, class)?.capacity();
            total = (total.0 + used(row)? as f64, total.1 + capacity);
        }
        (total.1 > 0.0).then(|| total.0 / total.1 * 100.0)
    };
    let percent = |share: Option<f64>| share.map_or_else(|| "?".to_owned(), |share| format!("{share:.0}%"));
    let vcpu = percent(sum(ResourceClass::Vcpu, |row| row.vcpus_used));
    let ram = percent(sum(ResourceClass::MemoryMb, |row| row.memory_mb_used));
    let sign = cx.look.sign(parts::sign(worst));
    Line::from(vec![
        Span::styled(format!("{sign} "), cx.theme.style(parts::role(worst))),
        Span::raw(text::fit(&text::sanitise(name), 24, false)),
        Span::styled(
            format!(" {up} of {} up   vCPU {vcpu}   RAM {ram}", hosts.len()),
            cx.theme.style(crate::theme::Role::Dim),
        ),
    ])
}

fn host(cx: &Cx, slot: Slot) -> Option<Node> {
    let row = cx.store.hypervisors.get(slot)?;
    let stale = parts::is_stale(cx, crate::report::Topic::Hypervisors);
    let look = row_look(cx.store, slot, stale);
    let limit = |class| {
        table::inventory(cx.store, row, class)
            .map_or_else(|| "?".to_owned(), |i| format!("{:.0}", i.capacity()))
    };
    let figures = format!(
        "{:>4} VMs   vCPU {:>4}/{:<5} RAM {:>7}/{:<7} MiB",
        cx.store.instance_count_on(row),
        crate::ui::format::maybe(row.vcpus_used),
        limit(ResourceClass::Vcpu),
        crate::ui::format::maybe(row.memory_mb_used),
        limit(ResourceClass::MemoryMb),
    );
    let line = Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(look.sign)), cx.theme.style(look.role)),
        Span::raw(text::fit(&text::sanitise(&row.host), 22, false)),
        Span::styled(text::fit(&state_words(cx, row), 14, false), cx.theme.style(look.role)),
        Span::raw(figures),
    ]);
    Some(Node { id: row.id.to_string(), line, children: Vec::new(), has_children: false })
}
