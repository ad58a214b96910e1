//! Notifications: the list of the last ones, and what they change at once.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::Store;
use crate::model::{Event, Instance, News, Text};
use crate::report::Topic;

/// Events that are kept.
const KEPT: usize = 1_000;

/// The last notifications.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<Event>,
    /// Of those that are kept: a message may be delivered twice.
    ids: HashSet<Text>,
    /// The newest notification of each instance, so that one that comes late changes nothing.
    newest: HashMap<Text, Timestamp>,
    pub(super) stirred: u64,
    heard: u64,
}

impl Events {
    /// The oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.kept.iter()
    }

    /// Those about one instance, the oldest first.
    pub fn of_instance<'a>(&'a self, id: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> {
        self.kept.iter().filter(move |event| event.instance.as_ref().is_some_and(|news| *news.id == *id))
    }

    /// How many were heard since the start.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Grows when a notification told less than must be known.
    pub fn stirred(&self) -> u64 {
        self.stirred
    }

    /// Whether it is new.
    fn keep(&mut self, event: &Event) -> bool {
        if !self.ids.insert(event.id.clone()) {
            return false;
        }
        self.heard += 1;
        self.kept.push_back(event.clone());
        if self.kept.len() > KEPT
            && let Some(old) = self.kept.pop_front()
        {
            self.ids.remove(&old.id);
            // What is older than all that is kept will not come any more.
            if let Some(news) = &old.instance
                && self.newest.get(&news.id).is_some_and(|at| Some(*at) <= old.at)
            {
                self.newest.remove(&news.id);
            }
        }
        true
    }

    /// Whether no later one was heard of this instance.
    fn is_newest(&mut self, news: &News, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return true };
        let newest = self.newest.entry(news.id.clone()).or_insert(at);
        let first = at >= *newest;
        *newest = at.max(*newest);
        first
    }
}

impl Store {
    pub(super) fn put_event(&mut self, event: Event, at: Timestamp) {
        // nova's other format may say more of the instance.
        if !self.events.keep(&event) && !event.is_twin {
            return;
        }
        if let Some(fresh) = self.freshness.get_mut(&Topic::Events) {
            fresh.revision += 1;
        }
        let Some(news) = &event.instance else { return };
        if !self.events.is_newest(news, event.at) {
            return;
        }
        let Some(row) = self.instances.by_id(&news.id) else {
            // It takes more than a notification to make a row.
            self.events.stirred += u64::from(!news.deleted);
            return;
        };
        // nova's clock is in the row: a notification that waited is older than what was read since.
        if row.updated.zip(event.at).is_some_and(|(updated, said)| said < updated) {
            return;
        }
        if news.deleted {
            let id = news.id.clone();
            self.remove(Topic::Instances, &id);
            return;
        }
        let row = told(row, news);
        // Why it failed, the list does not say either: it is asked for with the row.
        self.events.stirred += u64::from(&*row.status == "ERROR" && row.fault.is_none());
        self.put_instance(row, at);
    }
}

/// The row with what a notification says of it.
fn told(row: &Instance, news: &News) -> Instance {
    let mut row = row.clone();
    if let Some(name) = &news.name {
        row.name = name.clone();
    }
    if let Some(vm_state) = &news.vm_state {
        row.vm_state = Some(vm_state.clone());
    }
    if let Some(task) = &news.task_state {
        row.task_state.clone_from(task);
    }
    if let Some(power) = news.power_state {
        row.power_state = power;
    }
    if news.host.is_some() {
        row.host.clone_from(&news.host);
        row.hypervisor_hostname.clone_from(&news.hypervisor_hostname);
    }
    if let Some(vm_state) = &row.vm_state {
        row.status = News::status(vm_state, row.task_state.as_deref()).into();
    }
    row
}
