//! The same hosts as a tree: region → zone → aggregate → host. A host in several aggregates stands under each and
//! counts once in its zone; one in none stands under `(no aggregate)`.

use std::collections::{BTreeMap, HashSet};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::row_look;
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{Hypervisor, ServiceState, Text};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::hypervisors as table;
use crate::theme::Role;
use crate::ui::text;
use crate::ui::tree::{Node, Tree};

/// Where a host's id stands in the path from the root.
const HOST: usize = 3;

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct HostTree {
    tree: Tree,
    /// What the hosts were grouped for, and which nodes were open when their children were built: nothing is
    /// built while this stays.
    grouped: Option<Stamp>,
    opened: Option<usize>,
    root: Root,
    /// Branches that were shown once. A new one opens by itself where all of them fit on a few screens.
    known: HashSet<Vec<String>>,
}

/// The rows' revision, and which of them are shown.
#[derive(PartialEq)]
struct Stamp {
    region: String,
    revision: u64,
    shown: Vec<Slot>,
}

/// The shown hosts by zone and aggregate.
#[derive(Default)]
struct Root {
    region: String,
    sum: Sum,
    zones: BTreeMap<String, Zone>,
}

#[derive(Default)]
struct Zone {
    sum: Sum,
    aggregates: BTreeMap<String, Group>,
}

/// The hosts of an aggregate, in the order of the list.
#[derive(Default)]
struct Group {
    sum: Sum,
    hosts: Vec<Slot>,
}

const NO_REGION: &str = "(no region)";
const NO_AGGREGATE: &str = "(no aggregate)";
const NO_ZONE: &str = "(zone unknown)";
/// More hosts than this are not opened by themselves: they would fill many screens.
const SMALL: usize = 200;

impl HostTree {
    /// The id of the host under the cursor.
    pub fn selected(&self) -> Option<Text> {
        self.tree.selected().get(HOST).map(|id| (*id).into())
    }

    /// Whether the cursor is on a region, a zone or an aggregate.
    fn on_branch(&self) -> bool {
        (1..=HOST).contains(&self.tree.selected().len())
    }

    pub fn on(&mut self, action: Action) -> bool {
        let action = if action == Action::Enter && self.on_branch() { Action::ToggleNode } else { action };
        self.tree.on(action)
    }

    pub fn click(&mut self, row: u16) {
        self.tree.click(row);
    }

    /// Puts the cursor on a host, under the first of its aggregates.
    pub fn select(&mut self, cx: &Cx, slot: Slot) {
        let root = Root::of(cx, &[slot]);
        for (zone, Zone { aggregates, .. }) in &root.zones {
            let Some((aggregate, row)) = aggregates.keys().next().zip(cx.store.hypervisors.get(slot)) else {
                continue;
            };
            let path = [root.region.as_str(), zone.as_str(), aggregate.as_str(), &*row.id];
            self.tree.select(&path.map(str::to_owned));
            // The cursor stays only where its node is built.
            self.opened = None;
        }
    }

    /// Groups the hosts anew when they have changed, and builds the items anew when other nodes are open.
    pub fn sync(&mut self, cx: &Cx, shown: &[Slot]) {
        let region = region(cx);
        let revision = cx.store.hypervisors.revision();
        let same = |stamp: &Stamp| {
            stamp.revision == revision && stamp.region == region && stamp.shown.as_slice() == shown
        };
        if !self.grouped.as_ref().is_some_and(same) {
            self.root = Root::of(cx, shown);
            self.open_new(shown.len() <= SMALL);
            self.opened = None;
            self.grouped = Some(Stamp { region: region.to_owned(), revision, shown: shown.to_vec() });
        }
        if self.opened != Some(self.tree.opened()) {
            let nodes = if shown.is_empty() { Vec::new() } else { vec![self.nodes(cx)] };
            self.tree.set(&nodes);
            self.opened = Some(self.tree.opened());
        }
    }

    /// Opens branches that were never shown before; of a large cloud the region alone.
    fn open_new(&mut self, small: bool) {
        let region = self.root.region.as_str();
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut paths = vec![path(&[region])];
        for (zone, Zone { aggregates, .. }) in self.root.zones.iter().filter(|_| small) {
            paths.push(path(&[region, zone]));
            paths.extend(aggregates.keys().map(|aggregate| path(&[region, zone, aggregate])));
        }
        for path in paths {
            if self.known.insert(path.clone()) {
                self.tree.open(&path);
            }
        }
    }

    /// The region with all that is open below it.
    fn nodes(&self, cx: &Cx) -> Node {
        let root = &self.root;
        self.branch(vec![root.region.clone()], |path| {
            let zones = root.zones.iter();
            zones
                .map(|(name, zone)| self.branch(below(path, name), |path| self.aggregates(cx, path, zone)))
                .collect()
        })
    }

    fn aggregates(&self, cx: &Cx, path: &[String], zone: &Zone) -> Vec<Node> {
        let host = |slot: &Slot| {
            let row = cx.store.hypervisors.get(*slot)?;
            Some(Node { id: row.id.to_string(), children: Vec::new(), has_children: false })
        };
        let hosts = |group: &Group| group.hosts.iter().filter_map(host).collect();
        let groups = zone.aggregates.iter();
        groups.map(|(name, group)| self.branch(below(path, name), |_| hosts(group))).collect()
    }

    /// A branch; its children only if it is open.
    fn branch(&self, path: Vec<String>, children: impl FnOnce(&[String]) -> Vec<Node>) -> Node {
        let children = if self.tree.is_open(&path) { children(&path) } else { Vec::new() };
        Node { id: path.last().cloned().unwrap_or_default(), children, has_children: true }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.tree.fade(parts::is_stale(cx, Topic::Hypervisors));
        let root = &self.root;
        self.tree.draw(frame, area, cx.theme, cx.look, &|path, room| {
            root.line(cx, path, room).unwrap_or_default()
        });
    }
}

fn region<'a>(cx: &Cx<'a>) -> &'a str {
    if cx.region.is_empty() { NO_REGION } else { cx.region }
}

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

impl Root {
    fn of(cx: &Cx, shown: &[Slot]) -> Self {
        let mut root = Self { region: region(cx).to_owned(), ..Self::default() };
        for &slot in shown {
            root.add(cx.store, slot);
        }
        root
    }

    /// A host, under its zone and each of its aggregates. What it adds to their sums is asked once.
    fn add(&mut self, store: &Store, slot: Slot) -> Option<()> {
        let row = store.hypervisors.get(slot)?;
        let sum = Sum::of(store, row);
        self.sum.add(&sum);
        let zone = store.compute_service(&row.host).and_then(|s| s.zone.as_deref()).unwrap_or(NO_ZONE);
        let zone = self.zones.entry(zone.to_owned()).or_default();
        // A host in several aggregates counts once.
        zone.sum.add(&sum);
        let mut stand = |name: &str| {
            let group = zone.aggregates.entry(name.to_owned()).or_default();
            group.sum.add(&sum);
            group.hosts.push(slot);
        };
        match store.aggregates_of(&row.host) {
            [] => stand(NO_AGGREGATE),
            names => names.iter().for_each(|name| stand(name)),
        }
        Some(())
    }

    /// What a node says.
    fn line(&self, cx: &Cx, path: &[&str], room: usize) -> Option<Line<'static>> {
        match *path {
            [name] => Some(self.sum.line(cx, name)),
            [_, name] => Some(self.zones.get(name)?.sum.line(cx, name)),
            [_, zone, name] => Some(self.zones.get(zone)?.aggregates.get(name)?.sum.line(cx, name)),
            [_, _, _, id] => host(cx, id, room),
            _ => None,
        }
    }
}

/// What hosts are together.
#[derive(Clone, Default)]
struct Sum {
    hosts: usize,
    up: usize,
    worst: Option<Verdict>,
    vcpus: Share,
    memory: Share,
}

/// Used and limit; unknown as soon as one host's are.
#[derive(Clone, Copy)]
struct Share(Option<(f64, f64)>);

impl Default for Share {
    fn default() -> Self {
        Self(Some((0.0, 0.0)))
    }
}

impl Share {
    fn of(used: Option<table::Use>) -> Self {
        Self(used.and_then(|used| Some((used.counted()?, used.limit?))))
    }

    fn add(&mut self, other: Self) {
        self.0 = self.0.zip(other.0).map(|(a, b)| (a.0 + b.0, a.1 + b.1));
    }

    fn percent(self) -> String {
        match self.0 {
            Some((used, limit)) if limit > 0.0 => format!("{:.0}%", used / limit * 100.0),
            _ => "?".to_owned(),
        }
    }
}

impl Sum {
    fn of(store: &Store, row: &Hypervisor) -> Self {
        Self {
            hosts: 1,
            up: usize::from(table::state(store, row) == ServiceState::Up),
            worst: Some(health::hypervisor::verdict(store, row)),
            vcpus: Share::of(table::Use::of(store, row, "vcpus_used")),
            memory: Share::of(table::Use::of(store, row, "memory_mb_used")),
        }
    }

    fn add(&mut self, other: &Self) {
        self.hosts += other.hosts;
        self.up += other.up;
        self.worst = self.worst.max(other.worst);
        self.vcpus.add(other.vcpus);
        self.memory.add(other.memory);
    }

    /// The worst host's sign, how many hosts are up, what is used of the limits.
    fn line(&self, cx: &Cx, name: &str) -> Line<'static> {
        let worst = self.worst.unwrap_or(Verdict::Unknown);
        let (vcpu, ram) = (self.vcpus.percent(), self.memory.percent());
        Line::from(vec![
            Span::styled(
                format!("{} ", cx.look.sign(parts::sign(worst))),
                cx.theme.style(parts::role(worst)),
            ),
            Span::raw(text::fit(&text::sanitise(name), 24, false)),
            Span::styled(
                format!(" {} of {} up   vCPU {vcpu}   RAM {ram}", self.up, self.hosts),
                cx.theme.style(Role::Dim),
            ),
        ])
    }
}

/// A host in so many cells: its name gives way before figures.
fn host(cx: &Cx, id: &str, room: usize) -> Option<Line<'static>> {
    let slot = cx.store.hypervisors.slot_of(id)?;
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
    Some(Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(look.sign)), cx.theme.style(look.role)),
        Span::raw(text::fit(&text::sanitise(&row.host), name, false)),
        Span::styled(
            text::fit(&table::state_words(cx.store, row, cx.now), STATE, false),
            cx.theme.style(look.role),
        ),
        Span::raw(figures),
    ]))
}
