//! The same hosts as a tree: region → zone → aggregate → host. A host in several aggregates stands under each and
//! counts once in its zone; one in none stands under `(no aggregate)`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::row_look;
use crate::action::Action;
use crate::health::Verdict;
use crate::model::Text;
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::hypervisors as table;
use crate::ui::text;
use crate::ui::tree::{Node, Tree};

/// Where a host's id stands in the path from the root.
const HOST: usize = 3;

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct HostTree {
    tree: Tree,
    /// What the items were built for: nothing is built while this stays.
    built: Option<Stamp>,
    /// Grows with every key, since a key may open a node.
    keys: usize,
    /// Branches that were shown once. A new one opens by itself where all of them fit on a few screens.
    known: HashSet<Vec<String>>,
}

/// The rows' revision, the second (lines hold ages), the keys, the width, and which rows are shown.
#[derive(PartialEq)]
struct Stamp {
    revision: u64,
    second: i64,
    keys: usize,
    /// Cells of a host's line.
    room: usize,
    shown: Vec<Slot>,
}

const NO_REGION: &str = "(no region)";
const NO_AGGREGATE: &str = "(no aggregate)";
const NO_ZONE: &str = "(zone unknown)";
/// More hosts than this are not opened by themselves: the tree flattens every opened node each frame.
const SMALL: usize = 200;

impl HostTree {
    /// The id of the host under the cursor.
    pub fn selected(&self) -> Option<Text> {
        self.tree.selected().get(HOST).map(|id| id.as_str().into())
    }

    /// Whether the cursor is on a region, a zone or an aggregate.
    fn on_branch(&self) -> bool {
        (1..=HOST).contains(&self.tree.selected().len())
    }

    pub fn on(&mut self, action: Action) -> bool {
        let action = if action == Action::Enter && self.on_branch() { Action::ToggleNode } else { action };
        let heard = self.tree.on(action);
        self.keys += usize::from(heard);
        heard
    }

    pub fn click(&mut self, row: u16) {
        self.tree.click(row);
        self.keys += 1;
    }

    /// Puts the cursor on a host, under the first of its aggregates.
    pub fn select(&mut self, cx: &Cx, slot: Slot) {
        let region = if cx.region.is_empty() { NO_REGION } else { cx.region };
        for (zone, aggregates) in grouped(cx.store, &[slot]) {
            let Some((aggregate, row)) = aggregates.keys().next().zip(cx.store.hypervisors.get(slot)) else {
                continue;
            };
            let path = [region, zone.as_str(), aggregate.as_str(), &*row.id];
            self.tree.select(path.map(str::to_owned).to_vec());
        }
        self.keys += 1;
    }

    /// Builds the items anew when the hosts or the opened nodes have changed.
    pub fn sync(&mut self, cx: &Cx, shown: &[Slot]) {
        let stamp = Stamp {
            revision: cx.store.hypervisors.revision(),
            second: cx.now.as_second(),
            keys: self.keys,
            room: self.tree.room(HOST),
            shown: shown.to_vec(),
        };
        if self.built.as_ref() == Some(&stamp) {
            return;
        }
        let region = if cx.region.is_empty() { NO_REGION } else { cx.region };
        let zones = grouped(cx.store, shown);
        self.open_new(region, &zones, shown.len() <= SMALL);
        let hosts = shown.iter().copied().collect();
        let root = self.branch(cx, vec![region.to_owned()], &hosts, |tree, path| {
            zones.iter().map(|(zone, aggregates)| tree.zone(cx, path, zone, aggregates)).collect()
        });
        self.tree.set(if shown.is_empty() { Vec::new() } else { vec![root] });
        self.built = Some(stamp);
    }

    /// Opens branches that were never shown before; of a large cloud the region alone.
    fn open_new(&mut self, region: &str, zones: &Zones, small: bool) {
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut paths = vec![path(&[region])];
        for (zone, aggregates) in zones.iter().filter(|_| small) {
            paths.push(path(&[region, zone]));
            paths.extend(aggregates.keys().map(|aggregate| path(&[region, zone, aggregate])));
        }
        for path in paths {
            if self.known.insert(path.clone()) {
                self.tree.open(path);
            }
        }
    }

    fn zone(&self, cx: &Cx, path: &[String], zone: &str, aggregates: &BTreeMap<String, Vec<Slot>>) -> Node {
        // A host in several aggregates counts once.
        let hosts = aggregates.values().flatten().copied().collect();
        self.branch(cx, below(path, zone), &hosts, |tree, path| {
            aggregates
                .iter()
                .map(|(name, slots)| {
                    let hosts = slots.iter().copied().collect();
                    tree.branch(cx, below(path, name), &hosts, |_, _| {
                        slots.iter().filter_map(|slot| host(cx, *slot, tree.tree.room(HOST))).collect()
                    })
                })
                .collect()
        })
    }

    /// A branch with its line; its children only if it is open.
    fn branch(
        &self,
        cx: &Cx,
        path: Vec<String>,
        hosts: &BTreeSet<Slot>,
        children: impl FnOnce(&Self, &[String]) -> Vec<Node>,
    ) -> Node {
        let id = path.last().cloned().unwrap_or_default();
        let line = branch_line(cx, &id, hosts);
        let children = if self.tree.is_open(&path) { children(self, &path) } else { Vec::new() };
        Node { id, line, children, has_children: true }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.tree.fade(parts::is_stale(cx, Topic::Hypervisors));
        self.tree.draw(frame, area, cx.theme, cx.look);
    }
}

/// Hosts by zone and aggregate.
type Zones = BTreeMap<String, BTreeMap<String, Vec<Slot>>>;

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// The shown hosts by zone and aggregate, in the order in which they were given.
fn grouped(store: &Store, shown: &[Slot]) -> Zones {
    let mut zones = Zones::new();
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

/// A region, zone or aggregate: its worst host's sign, how many hosts are up, what is used of the limits.
fn branch_line(cx: &Cx, name: &str, hosts: &BTreeSet<Slot>) -> Line<'static> {
    let rows = || hosts.iter().filter_map(|slot| cx.store.hypervisors.get(*slot));
    let verdicts = rows().map(|row| crate::health::hypervisor::verdict(cx.store, row));
    let worst = verdicts.max().unwrap_or(Verdict::Unknown);
    let up = rows().filter(|row| table::state(cx.store, row) == crate::model::ServiceState::Up).count();
    let share = |column| {
        let mut total = (0.0, 0.0);
        for row in rows() {
            let of = table::Use::of(cx.store, row, column)?;
            total = (total.0 + of.counted()?, total.1 + of.limit?);
        }
        (total.1 > 0.0).then(|| total.0 / total.1 * 100.0)
    };
    let percent = |column| share(column).map_or_else(|| "?".to_owned(), |share| format!("{share:.0}%"));
    let (vcpu, ram) = (percent("vcpus_used"), percent("memory_mb_used"));
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

/// A host in so many cells: its name gives way before figures.
fn host(cx: &Cx, slot: Slot, room: usize) -> Option<Node> {
    let row = cx.store.hypervisors.get(slot)?;
    let look = row_look(cx.store, slot, parts::is_stale(cx, Topic::Hypervisors));
    let of = |column| {
        let (used, limit) = table::Use::of(cx.store, row, column).map(|u| u.figures()).unwrap_or_default();
        format!("{used}/{limit}")
    };
    let figures = format!(
        "{:>4} VMs  vCPU {:>9}  RAM {:>11} GiB",
        cx.store.instance_count_on(row),
        of("vcpus_used"),
        of("memory_mb_used"),
    );
    const STATE: usize = 12;
    let name = room.saturating_sub(2 + STATE + figures.len()).clamp(8, 40);
    let line = Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(look.sign)), cx.theme.style(look.role)),
        Span::raw(text::fit(&text::sanitise(&row.host), name, false)),
        Span::styled(
            text::fit(&table::state_words(cx.store, row, cx.now), STATE, false),
            cx.theme.style(look.role),
        ),
        Span::raw(figures),
    ]);
    Some(Node { id: row.id.to_string(), line, children: Vec::new(), has_children: false })
}
