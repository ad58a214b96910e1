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
/// A branch shows so many queues: the tree flattens every opened node each frame. The table has them all.
const MOST: usize = 500;

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct QueueTree {
    tree: Tree,
    built: Option<Stamp>,
    /// Grows with every key, since a key may open a node.
    keys: usize,
    /// Branches that were shown once: a service's opens by itself then.
    known: HashSet<Vec<String>>,
}

#[derive(PartialEq)]
struct Stamp {
    revision: u64,
    /// Lines hold ages, in steps that are read.
    moment: i64,
    keys: usize,
    room: usize,
    shown: Vec<Slot>,
}

/// Queues by group and topic, in the order in which they were given.
type Groups = BTreeMap<(u8, String), BTreeMap<String, Vec<Slot>>>;

impl QueueTree {
    /// The id of the queue under the cursor.
    pub fn selected(&self) -> Option<Text> {
        self.tree.selected().get(QUEUE).map(|id| id.as_str().into())
    }

    fn on_branch(&self) -> bool {
        (1..=QUEUE).contains(&self.tree.selected().len())
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

    pub fn select(&mut self, cx: &Cx, slot: Slot) {
        if let Some(row) = cx.store.queues.get(slot) {
            self.tree.select(vec![group(row).1, row.meaning.topic.to_string(), row.id.to_string()]);
            self.keys += 1;
        }
    }

    /// Builds the items anew when the queues or the opened nodes have changed.
    pub fn sync(&mut self, cx: &Cx, shown: &[Slot]) {
        let stamp = Stamp {
            revision: cx.store.queues.revision(),
            moment: cx.now.as_second() / 10,
            keys: self.keys,
            room: self.tree.room(QUEUE),
            shown: shown.to_vec(),
        };
        if self.built.as_ref() == Some(&stamp) {
            return;
        }
        let mut groups = Groups::new();
        for &slot in shown {
            let Some(row) = cx.store.queues.get(slot) else { continue };
            let topics = groups.entry(group(row)).or_default();
            topics.entry(row.meaning.topic.to_string()).or_default().push(slot);
        }
        for (rank, name) in groups.keys() {
            if *rank == 0 && self.known.insert(vec![name.clone()]) {
                self.tree.open(vec![name.clone()]);
            }
        }
        // Services in trouble first; what is folded stays below them.
        let worst = |topics: &BTreeMap<String, Vec<Slot>>| worst(cx, topics.values().flatten());
        let mut order: Vec<_> = groups.iter().collect();
        order.sort_by_key(|((rank, name), topics)| (*rank, std::cmp::Reverse(worst(topics)), name.clone()));
        let nodes = order.into_iter().map(|((_, name), topics)| self.group(cx, name, topics)).collect();
        self.tree.set(nodes);
        self.built = Some(stamp);
    }

    fn group(&self, cx: &Cx, name: &str, topics: &BTreeMap<String, Vec<Slot>>) -> Node {
        let all: Vec<Slot> = topics.values().flatten().copied().collect();
        self.branch(cx, vec![name.to_owned()], &all, |path| {
            topics.iter().map(|(topic, slots)| self.topic(cx, path, topic, slots)).collect()
        })
    }

    fn topic(&self, cx: &Cx, path: &[String], topic: &str, slots: &[Slot]) -> Node {
        let path: Vec<String> = path.iter().cloned().chain([topic.to_owned()]).collect();
        self.branch(cx, path, slots, |_| {
            let room = self.tree.room(QUEUE);
            let mut nodes: Vec<Node> =
                slots.iter().take(MOST).filter_map(|slot| leaf(cx, *slot, room)).collect();
            if slots.len() > MOST {
                let words = format!("{} more: the table has them all", slots.len() - MOST);
                let line = Line::styled(words, cx.theme.style(Role::Dim));
                nodes.push(Node { id: String::new(), line, children: Vec::new(), has_children: false });
            }
            nodes
        })
    }

    /// A branch with its line; its children only if it is open.
    fn branch(
        &self,
        cx: &Cx,
        path: Vec<String>,
        slots: &[Slot],
        children: impl FnOnce(&[String]) -> Vec<Node>,
    ) -> Node {
        let id = path.last().cloned().unwrap_or_default();
        let line = branch_line(cx, &id, slots);
        let children = if self.tree.is_open(&path) { children(&path) } else { Vec::new() };
        Node { id, line, children, has_children: true }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.tree.fade(parts::is_stale(cx, Topic::Queues));
        self.tree.draw(frame, area, cx.theme, cx.look);
    }
}

/// Services first, then what is folded.
fn group(row: &Queue) -> (u8, String) {
    let folded = |rank, name: &str| (rank, name.to_owned());
    match row.meaning.role {
        QueueRole::Topic | QueueRole::Host => (0, row.meaning.service.unwrap_or("?").to_owned()),
        QueueRole::Other => folded(1, "other queues"),
        QueueRole::Notification => folded(2, "notifications"),
        QueueRole::Fanout => folded(3, "fanout"),
        QueueRole::Reply => folded(4, "replies"),
    }
}

fn worst<'a>(cx: &Cx, slots: impl Iterator<Item = &'a Slot>) -> Verdict {
    let rows = slots.filter_map(|slot| cx.store.queues.get(*slot));
    rows.map(|row| health::queue::verdict(cx.store, row)).max().unwrap_or(Verdict::Unknown)
}

/// A service, a topic or a folded kind: its worst queue's sign, how many there are, what waits in them.
fn branch_line(cx: &Cx, name: &str, slots: &[Slot]) -> Line<'static> {
    let rows = || slots.iter().filter_map(|slot| cx.store.queues.get(*slot));
    let worst = worst(cx, slots.iter());
    let sum = |f: fn(&Queue) -> Option<u64>| rows().filter_map(f).sum::<u64>();
    let figures = format!(
        " {:>11}  {:>7} ready  {:>5} unacked  {:>4} cons",
        format::count(slots.len(), "queue"),
        format::number(sum(|row| row.ready.filter(|_| row.kind != QueueType::Stream)) as i64),
        format::number(sum(|row| row.unacked) as i64),
        format::number(sum(|row| row.consumers) as i64),
    );
    let sign = cx.look.sign(parts::sign(worst));
    Line::from(vec![
        Span::styled(format!("{sign} "), cx.theme.style(parts::role(worst))),
        Span::raw(text::fit(&text::sanitise(name), 27, false)),
        Span::styled(figures, cx.theme.style(Role::Dim)),
    ])
}

/// A queue in so many cells: its name gives way before figures.
fn leaf(cx: &Cx, slot: Slot, room: usize) -> Option<Node> {
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
    let line = Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(look.sign)), cx.theme.style(look.role)),
        Span::raw(text::fit(&text::sanitise(&row.name), name, false)),
        Span::raw(figures),
        Span::styled(text::fit(&cell("reason"), REASON, false), cx.theme.style(look.role)),
    ]);
    Some(Node { id: row.id.to_string(), line, children: Vec::new(), has_children: false })
}
