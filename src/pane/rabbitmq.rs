//! RabbitMQ: whether the cluster is well, and which queue says that somebody is off the bus.

mod cluster;
mod details;
mod events;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::parts::{self, Beside};
use super::{Cx, Go, List, Pane, Reply, list, logs};
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{Queue, QueueRole, QueueType, Text};
use crate::report::Topic;
use crate::request::Query;
use crate::store::Store;
use crate::table::{Slot, Slots};
use crate::tables::queues::TABLE;
use crate::ui::details::Details;
use crate::ui::format;
use crate::ui::grid::{Looks, RowLook};
use tree::QueueTree;

const READS: &[Topic] = &[
    Topic::Queues,
    Topic::Brokers,
    Topic::Nodes,
    Topic::Services,
    Topic::Agents,
    Topic::VolumeServices,
    Topic::Events,
];

/// The RabbitMQ pane: the cluster in a few lines, its queues as a table or a tree, and what was gone into.
pub struct Rabbitmq {
    list: List,
    tree: QueueTree,
    as_tree: bool,
    inside: Option<Inside>,
    beside: Beside,
    totals: Totals,
    missing: health::broker::Missing,
    /// Lines of the cluster above the queues, in the last frame.
    above: u16,
}

enum Inside {
    Queue(Text, Details),
    Cluster(Details),
    Events(Details),
}

impl Inside {
    fn details(&mut self) -> &mut Details {
        let (Self::Queue(_, details) | Self::Cluster(details) | Self::Events(details)) = self;
        details
    }
}

impl Rabbitmq {
    pub fn new() -> Self {
        Self {
            list: List::new(&TABLE),
            tree: QueueTree::default(),
            as_tree: false,
            inside: None,
            beside: Beside::default(),
            totals: Totals::default(),
            missing: health::broker::Missing::default(),
            above: 0,
        }
    }

    /// The queue under the cursor, or the one that is gone into.
    fn current<'a>(&self, store: &'a Store) -> Option<(Slot, &'a Queue)> {
        let slot = match &self.inside {
            Some(Inside::Queue(id, _)) => store.queues.slot_of(id)?,
            Some(Inside::Cluster(_) | Inside::Events(_)) => return None,
            None if self.as_tree => store.queues.slot_of(&self.tree.selected()?)?,
            None => self.list.grid.selected()?,
        };
        store.queues.get(slot).map(|row| (slot, row))
    }

    fn on_list(&mut self, action: Action, cx: &Cx) -> bool {
        if self.as_tree { self.tree.on(action) } else { self.list.grid.on(action, cx.store, cx.now) }
    }

    fn enter(&mut self, cx: &Cx) -> Reply {
        let Some((_, row)) = self.current(cx.store) else { return Reply::Done };
        self.inside = Some(Inside::Queue(row.id.clone(), Details::new(details::sections(cx, row))));
        Reply::Ask(self.questions(cx))
    }

    /// From a queue to the hypervisor that it leads to.
    fn to_host(&self, cx: &Cx) -> Reply {
        let Some((_, row)) = self.current(cx.store) else { return Reply::Done };
        match cx.store.hypervisor_behind(row) {
            Some(hypervisor) => Reply::Go(Go {
                pane: "hypervisors",
                filter: Some(String::new()),
                select: Some(hypervisor.id.clone()),
            }),
            None => Reply::Say("this queue leads to no hypervisor that is known".to_owned()),
        }
    }
}

impl Pane for Rabbitmq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn title(&self) -> &'static str {
        "RabbitMQ"
    }

    fn opens(&self) -> Option<(Action, char)> {
        Some((Action::Pane5, '5'))
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.list.sync(cx);
        if self.as_tree {
            self.tree.sync(cx, self.list.grid.slots());
        }
        self.totals.sync(cx.store);
        self.missing.sync(cx.store);
        match &mut self.inside {
            Some(Inside::Queue(id, details)) => match cx.store.queues.by_id(id) {
                Some(row) => details.set(details::sections(cx, row)),
                // The queue is gone: so is its view.
                None => self.inside = None,
            },
            Some(Inside::Cluster(details)) => details.set(cluster::sections(cx, self.missing.all())),
            Some(Inside::Events(details)) => details.set(events::sections(cx)),
            None => {}
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(reply) = list::within(&mut self.inside, Inside::details, action) {
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
            Action::Enter if self.inside.is_none() => self.enter(cx),
            Action::Cluster => {
                self.inside = Some(Inside::Cluster(Details::new(cluster::sections(cx, self.missing.all()))));
                Reply::Done
            }
            Action::Events => {
                self.inside = Some(Inside::Events(Details::new(events::sections(cx))));
                Reply::Done
            }
            Action::Host => self.to_host(cx),
            // What is said of the bus, there where the queue leads to.
            Action::Logs => match self.current(cx.store).and_then(|(_, row)| row.meaning.host.as_ref()) {
                Some(host) => logs::of_host(cx, host, " amqp"),
                None => logs::with("amqp"),
            },
            Action::Copy => {
                self.current(cx.store).map_or(Reply::Done, |(_, row)| Reply::Copy(row.name.to_string()))
            }
            Action::Back | Action::Quit => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, cx: &Cx) {
        let Some(row) = row.checked_sub(self.above) else { return };
        match (&self.inside, self.as_tree) {
            (Some(_), _) => {}
            (None, true) => self.tree.click(row),
            (None, false) => self.list.grid.click(row, cx.store),
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let stale = parts::is_stale(cx, Topic::Queues);
        if let Some(Inside::Events(details)) = &mut self.inside {
            details.fade(cx.store.events.heard() > 0 && parts::is_stale(cx, Topic::Events));
            return details.draw(frame, area, cx.theme, cx.look);
        }
        if let Some(Inside::Queue(_, details) | Inside::Cluster(details)) = &mut self.inside {
            details.fade(stale);
            return details.draw(frame, area, cx.theme, cx.look);
        }
        self.above = cluster::draw(frame, area, cx, self.missing.all());
        let area = Rect { y: area.y + self.above, height: area.height - self.above, ..area };
        if let Some((verdict, lines)) = parts::absence(cx, Topic::Queues) {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        let (list, side) = Beside::split(frame, area, cx);
        if self.as_tree {
            self.tree.draw(frame, list, cx);
        } else {
            let row = |slot: Slot| row_look(cx.store, slot, stale);
            let looks =
                Looks { theme: cx.theme, look: cx.look, now: cx.now, row: &row, cell: &|_, _, _| None };
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
        if let Some(slot) = cx.store.queues.slot_of(key) {
            self.tree.select(cx, slot);
        }
    }

    fn crumbs(&self, cx: &Cx) -> Vec<String> {
        match &self.inside {
            Some(Inside::Queue(id, _)) => {
                cx.store.queues.by_id(id).map(|row| row.name.to_string()).into_iter().collect()
            }
            Some(Inside::Cluster(_)) => vec!["cluster".to_owned()],
            Some(Inside::Events(_)) => vec!["notifications".to_owned()],
            None => Vec::new(),
        }
    }

    fn status(&self, cx: &Cx) -> String {
        match &self.inside {
            Some(Inside::Queue(_, details) | Inside::Cluster(details) | Inside::Events(details)) => {
                details.status()
            }
            None if parts::absence(cx, Topic::Queues).is_some() => parts::NOTHING_KNOWN.to_owned(),
            None => self.list.status(),
        }
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let (_, row) = self.current(cx.store)?;
        let notes = health::queue::notes(cx.store, row, cx.now);
        if let Some(worst) = notes.first() {
            let words: Vec<&str> = notes.iter().map(|note| note.words.as_str()).collect();
            return Some((worst.verdict, words.join("; ")));
        }
        Some((Verdict::Ok, well(row)))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        // What was never had is not counted as nothing.
        cx.store.freshness(Topic::Queues).as_of?;
        Some(self.totals.words.clone())
    }

    fn questions(&self, cx: &Cx) -> Vec<Query> {
        let row = self.inside.as_ref().and_then(|_| self.current(cx.store));
        let question = |(_, row): (Slot, &Queue)| Query::Consumers {
            broker: row.broker.clone(),
            vhost: row.vhost.clone(),
            name: row.name.clone(),
        };
        row.map(question).into_iter().collect()
    }
}

/// A queue of which there is nothing to say.
fn well(row: &Queue) -> String {
    let what = match row.meaning.role {
        QueueRole::Topic => "work for any of its processes",
        QueueRole::Host => "work for this host",
        QueueRole::Notification => "events for whoever reads them",
        QueueRole::Fanout => "a copy of each message to all",
        QueueRole::Reply => "answers to one process",
        QueueRole::Other => "not OpenStack's, as far as its name says",
    };
    let consumers = row.consumers.map_or_else(|| "?".to_owned(), |n| format::count(n as usize, "consumer"));
    let waits = match row.ready {
        Some(0) => "nothing waits".to_owned(),
        Some(1) => "1 message waits".to_owned(),
        Some(n) => format!("{} messages wait", format::number(n as i64)),
        None => "depth unknown".to_owned(),
    };
    format!("{} ({}): {consumers}, {waits}", row.name, what)
}

/// A queue's sign and colour.
pub(super) fn row_look(store: &Store, slot: Slot, stale: bool) -> RowLook {
    let row = store.queues.get(slot);
    let verdict = row.map_or(Verdict::Unknown, |row| health::queue::verdict(store, row));
    // Of several brokers one may be silent while the others' rows are fresh; what AMQP tells is fresh all the same.
    let listed = row.filter(|row| row.declared.is_none());
    let silent = listed.and_then(|row| store.brokers.by_id(&row.broker)).is_some_and(|b| b.trouble.is_some());
    parts::row_look(verdict, stale || silent)
}

/// How many queues there are of each kind, and what waits in them; counted anew only when they have changed.
#[derive(Default)]
struct Totals {
    revision: u64,
    words: String,
}

impl Totals {
    fn sync(&mut self, store: &Store) {
        if self.revision == store.queues.revision() && !self.words.is_empty() {
            return;
        }
        let (mut ready, mut unacked, mut lone) = (0, 0, 0);
        let (mut replies, mut fanouts, mut unknown) = (0, 0, 0);
        for (_, row) in store.queues.iter() {
            // A stream keeps what was read: its depth is no backlog.
            ready += row.ready.filter(|_| row.kind != QueueType::Stream).unwrap_or(0);
            unacked += row.unacked.unwrap_or(0);
            lone += usize::from(row.consumers == Some(0));
            unknown += usize::from(row.consumers.is_none());
            match row.meaning.role {
                QueueRole::Reply => replies += 1,
                QueueRole::Fanout => fanouts += 1,
                _ => {}
            }
        }
        let number = |n: u64| format::number(n as i64);
        self.words = format!(
            "{}, {fanouts} fanout and {replies} reply among them · {lone} without consumer    {} ready  {} unacked",
            format::count(store.queues.len(), "queue"),
            number(ready),
            number(unacked),
        );
        if unknown > 0 {
            self.words.push_str(&format!("    {unknown} not measured"));
        }
        self.revision = store.queues.revision();
    }
}
