//! The same queues as a tree: service → topic → queue, and folded below them what is there by the hundred:
//! notifications, fanout and reply queues.

use std::collections::{BTreeMap, HashSet};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::row_look;
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{Queue, QueueRole, QueueType, Text};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::table::{Slot, Slots};
use crate::tables::queues::TABLE;
use crate::theme::Role;
use crate::ui::tree::{Node, Tree};
use crate::ui::{format, text};

/// Where a queue's id stands in the path from the root.
const QUEUE: usize = 2;

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct QueueTree {
    tree: Tree,
    /// What the queues were grouped for, and which nodes were open when their children were built: nothing is
    /// built while this stays.
    grouped: Option<Stamp>,
    opened: Option<usize>,
    /// In the order in which they stand.
    groups: Vec<Group>,
    /// Branches that were shown once: a service's opens by itself then.
    known: HashSet<String>,
}

/// The rows' revision, and which of them are shown.
#[derive(PartialEq)]
struct Stamp {
    revision: u64,
    shown: Vec<Slot>,
}

/// The queues of a service, or those that are folded.
struct Group {
    rank: u8,
    name: String,
    sum: Sum,
    topics: BTreeMap<String, Topics>,
}

/// The queues of a topic, in the order of the list.
#[derive(Default)]
struct Topics {
    sum: Sum,
    queues: Vec<Slot>,
}

impl QueueTree {
    /// The id of the queue under the cursor.
    pub fn selected(&self) -> Option<Text> {
        self.tree.selected().get(QUEUE).map(|id| (*id).into())
    }

    fn on_branch(&self) -> bool {
        (1..=QUEUE).contains(&self.tree.selected().len())
    }

    pub fn on(&mut self, action: Action) -> bool {
        let action = if action == Action::Enter && self.on_branch() { Action::ToggleNode } else { action };
        self.tree.on(action)
    }

    pub fn click(&mut self, row: u16) {
        self.tree.click(row);
    }

    pub fn select(&mut self, cx: &Cx, slot: Slot) {
        if let Some(row) = cx.store.queues.get(slot) {
            self.tree.select(&[group(row).1.to_owned(), row.meaning.topic.to_string(), row.id.to_string()]);
            // The cursor stays only where its node is built.
            self.opened = None;
        }
    }

    /// Groups the queues anew when they have changed, and builds the items anew when other nodes are open.
    pub fn sync(&mut self, cx: &Cx, shown: &[Slot]) {
        let revision = cx.store.queues.revision();
        let same = |stamp: &Stamp| stamp.revision == revision && stamp.shown.as_slice() == shown;
        if !self.grouped.as_ref().is_some_and(same) {
            self.groups = grouped(cx, shown);
            for group in self.groups.iter().filter(|group| group.rank == 0) {
                if self.known.insert(group.name.clone()) {
                    self.tree.open(std::slice::from_ref(&group.name));
                }
            }
            self.opened = None;
            self.grouped = Some(Stamp { revision, shown: shown.to_vec() });
        }
        if self.opened != Some(self.tree.opened()) {
            let nodes: Vec<Node> = self.groups.iter().map(|group| self.node(cx, group)).collect();
            self.tree.set(&nodes);
            self.opened = Some(self.tree.opened());
        }
    }

    /// A group with all that is open below it.
    fn node(&self, cx: &Cx, group: &Group) -> Node {
        let queue = |slot: &Slot| {
            let row = cx.store.queues.get(*slot)?;
            Some(Node { id: row.id.to_string(), children: Vec::new(), has_children: false })
        };
        self.branch(vec![group.name.clone()], |path| {
            let topics = group.topics.iter();
            topics
                .map(|(name, topic)| {
                    let path = path.iter().cloned().chain([name.clone()]).collect();
                    self.branch(path, |_| topic.queues.iter().filter_map(queue).collect())
                })
                .collect()
        })
    }

    /// A branch; its children only if it is open.
    fn branch(&self, path: Vec<String>, children: impl FnOnce(&[String]) -> Vec<Node>) -> Node {
        let children = if self.tree.is_open(&path) { children(&path) } else { Vec::new() };
        Node { id: path.last().cloned().unwrap_or_default(), children, has_children: true }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.tree.fade(parts::is_stale(cx, Topic::Queues));
        let groups = &self.groups;
        self.tree.draw(frame, area, cx.theme, cx.look, &|path, room| {
            line(cx, groups, path, room).unwrap_or_default()
        });
    }
}

/// What a node says.
fn line(cx: &Cx, groups: &[Group], path: &[&str], room: usize) -> Option<Line<'static>> {
    let group = |name: &str| groups.iter().find(|group| group.name == name);
    match *path {
        [name] => Some(group(name)?.sum.line(cx, name)),
        [of, name] => Some(group(of)?.topics.get(name)?.sum.line(cx, name)),
        [_, _, id] => queue(cx, cx.store.queues.slot_of(id)?, room),
        _ => None,
    }
}

/// The shown queues by group and topic: services in trouble first; what is folded stays below them.
fn grouped(cx: &Cx, shown: &[Slot]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &slot in shown {
        let Some(row) = cx.store.queues.get(slot) else { continue };
        let ((rank, name), sum) = (group(row), Sum::of(cx, row));
        let at =
            groups.iter().position(|group| group.rank == rank && group.name == name).unwrap_or_else(|| {
                let name = name.to_owned();
                groups.push(Group { rank, name, sum: Sum::default(), topics: BTreeMap::new() });
                groups.len() - 1
            });
        let Some(group) = groups.get_mut(at) else { continue };
        group.sum.add(&sum);
        let topic = group.topics.entry(row.meaning.topic.to_string()).or_default();
        topic.sum.add(&sum);
        topic.queues.push(slot);
    }
    groups.sort_by(|a, b| {
        let key = |group: &Group| (group.rank, std::cmp::Reverse(group.sum.worst));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    groups
}

/// Services first, then what is folded.
fn group(row: &Queue) -> (u8, &'static str) {
    match row.meaning.role {
        QueueRole::Topic | QueueRole::Host => (0, row.meaning.service.unwrap_or("?")),
        QueueRole::Other => (1, "other queues"),
        QueueRole::Notification => (2, "notifications"),
        QueueRole::Fanout => (3, "fanout"),
        QueueRole::Reply => (4, "replies"),
    }
}

/// What queues are together.
#[derive(Default)]
struct Sum {
    queues: usize,
    worst: Option<Verdict>,
    ready: u64,
    unacked: u64,
    consumers: u64,
}

impl Sum {
    fn of(cx: &Cx, row: &Queue) -> Self {
        Self {
            queues: 1,
            worst: Some(health::queue::verdict(cx.store, row)),
            // A stream's depth is no backlog.
            ready: row.ready.filter(|_| row.kind != QueueType::Stream).unwrap_or(0),
            unacked: row.unacked.unwrap_or(0),
            consumers: row.consumers.unwrap_or(0),
        }
    }

    fn add(&mut self, other: &Self) {
        self.queues += other.queues;
        self.worst = self.worst.max(other.worst);
        self.ready += other.ready;
        self.unacked += other.unacked;
        self.consumers += other.consumers;
    }

    /// A service, a topic or a folded kind: its worst queue's sign, how many there are, what waits in them.
    fn line(&self, cx: &Cx, name: &str) -> Line<'static> {
        let figures = format!(
            " {:>11}  {:>7} ready  {:>5} unacked  {:>4} cons",
            format::count(self.queues, "queue"),
            format::number(self.ready as i64),
            format::number(self.unacked as i64),
            format::number(self.consumers as i64),
        );
        let worst = self.worst.unwrap_or(Verdict::Unknown);
        let sign = cx.look.sign(parts::sign(worst));
        Line::from(vec![
            Span::styled(format!("{sign} "), cx.theme.style(parts::role(worst))),
            Span::raw(text::fit(&text::sanitise(name), 27, false)),
            Span::styled(figures, cx.theme.style(Role::Dim)),
        ])
    }
}

/// A queue in so many cells: its name gives way before figures.
fn queue(cx: &Cx, slot: Slot, room: usize) -> Option<Line<'static>> {
    let row = cx.store.queues.get(slot)?;
    let look = row_look(cx.store, slot, parts::is_stale(cx, Topic::Queues));
    let cell = |name: &str| {
        TABLE
            .column(name)
            .map(|column| format::cell(&TABLE, cx.store, slot, column, cx.now))
            .unwrap_or_default()
    };
    let figures = format!(
        "{:>7} ready  {:>5} unacked  {:>3} cons  ",
        cell("ready"),
        cell("unacked"),
        cell("consumers")
    );
    const REASON: usize = 18;
    let name = room.saturating_sub(2 + REASON + figures.len()).clamp(8, 48);
    Some(Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(look.sign)), cx.theme.style(look.role)),
        Span::raw(text::fit(&text::sanitise(&row.name), name, false)),
        Span::raw(figures),
        Span::styled(text::fit(&cell("reason"), REASON, false), cx.theme.style(look.role)),
    ]))
}
