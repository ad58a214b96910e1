//! From one record that matches to the next, while all others stay where they are. What is looked through for one key is
//! bounded; the rest follows while nothing else is to be done, and any key ends it.

use std::collections::HashSet;

use jiff::Timestamp;

use super::shown::{Key, Shown};
use crate::filter::{Filter, FilterError};
use crate::store::Store;
use crate::tables::logs::COLUMNS;

/// Records that are asked at once: some milliseconds.
const BLOCK: usize = 2_048;

pub(super) struct Search {
    filter: Filter,
    text: String,
    way: Option<Way>,
}

/// On the way to the next match.
#[derive(Clone, Copy)]
struct Way {
    forward: bool,
    /// The last one that was asked, or where it began.
    from: Key,
    asked: usize,
}

/// How a step ended.
pub(super) enum Found {
    Match(Key),
    /// There is none on this side.
    Nothing,
    NotYet,
}

impl Search {
    /// In the one filter language.
    pub fn new(text: &str) -> Result<Self, FilterError> {
        let columns: Vec<&'static str> = COLUMNS.iter().map(|column| column.name).collect();
        Ok(Self { filter: Filter::parse(text, &columns)?, text: text.to_owned(), way: None })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn begin(&mut self, from: Key, forward: bool) {
        self.way = Some(Way { forward, from, asked: 0 });
    }

    pub fn stop(&mut self) {
        self.way = None;
    }

    pub fn is_on_its_way(&self) -> bool {
        self.way.is_some()
    }

    pub fn is_forward(&self) -> bool {
        self.way.is_some_and(|way| way.forward)
    }

    /// Records that were asked on this way so far.
    pub fn asked(&self) -> usize {
        self.way.map_or(0, |way| way.asked)
    }

    /// Whether these records match, each by its number.
    pub fn passing(&self, numbers: &[u64], store: &Store, now: Timestamp) -> Vec<u64> {
        let first = store.logs.numbers().start;
        let slots: Vec<u32> =
            numbers.iter().filter_map(|number| u32::try_from(number.checked_sub(first)?).ok()).collect();
        let passed = self.filter.sieve(COLUMNS, store, now).keep(&slots);
        passed.into_iter().map(|slot| first + u64::from(slot)).collect()
    }

    /// Some more of the way.
    pub fn step(&mut self, shown: &Shown, store: &Store, now: Timestamp) -> Found {
        let Some(way) = self.way else { return Found::Nothing };
        let list = shown.list();
        let block = match way.forward {
            true => {
                let from = list.partition_point(|key| *key <= way.from);
                list.get(from..list.len().min(from + BLOCK)).unwrap_or_default()
            }
            false => {
                let to = list.partition_point(|key| *key < way.from);
                list.get(to.saturating_sub(BLOCK)..to).unwrap_or_default()
            }
        };
        let last = if way.forward { block.last() } else { block.first() };
        let last = last.copied().unwrap_or(way.from);
        let numbers: Vec<u64> = block.iter().map(|(_, number)| *number).collect();
        let passed = self.passing(&numbers, store, now);
        let passed: HashSet<u64> = passed.into_iter().collect();
        let is_in = |key: &&Key| passed.contains(&key.1);
        let found = if way.forward { block.iter().find(is_in) } else { block.iter().rev().find(is_in) };
        match found {
            Some(key) => {
                self.way = None;
                Found::Match(*key)
            }
            // Behind a part that is not full there is nothing more.
            None if block.len() < BLOCK => {
                self.way = None;
                Found::Nothing
            }
            None => {
                self.way = Some(Way { from: last, asked: way.asked + block.len(), ..way });
                Found::NotYet
            }
        }
    }
}
