//! Which records are shown, by time: kept in order while lines come late and old ones go. Those that our own questions
//! caused are left out and counted, unless the filter asks for them.
//!
//! A filter is put to the newest records first, some thousand at once: what one looks at is there with the frame of
//! the key, and the rest follows while nothing else is to be done.

use std::ops::Range;

use jiff::Timestamp;

use crate::filter::{Filter, FilterError};
use crate::store::{Logs, Store};
use crate::tables::logs::{COLUMNS, OWN};
use crate::ui::format;

/// Lines that are asked at once: some milliseconds.
const BLOCK: u64 = 2_048;

/// Blocks of new lines that are asked with a frame. Of a flood the rest follows.
const AT_ONCE: usize = 4;

/// A record by when it was written and its number: the order on screen.
pub(super) type Key = (i64, u64);

pub(super) struct Shown {
    filter: Filter,
    text: String,
    list: Vec<Key>,
    /// Numbers of the lines that were asked so far.
    asked: Range<u64>,
    replaced: u64,
    /// The first line that is held, and the end of all, when the store was last looked at.
    first: u64,
    end: u64,
}

impl Shown {
    pub fn new() -> Self {
        Self {
            filter: Filter::default(),
            text: String::new(),
            list: Vec::new(),
            asked: 0..0,
            replaced: 0,
            first: 0,
            end: 0,
        }
    }

    pub fn filter(&mut self, text: &str, store: &Store, now: Timestamp) -> Result<(), FilterError> {
        let columns: Vec<&'static str> = COLUMNS.iter().map(|column| column.name).collect();
        self.filter = Filter::parse(text, &columns)?;
        text.clone_into(&mut self.text);
        self.begin(&store.logs);
        self.more(store, now);
        Ok(())
    }

    pub fn filter_text(&self) -> &str {
        &self.text
    }

    pub fn list(&self) -> &[Key] {
        &self.list
    }

    fn begin(&mut self, logs: &Logs) {
        self.list.clear();
        let end = logs.numbers().end;
        self.asked = end..end;
        self.replaced = logs.replaced();
        (self.first, self.end) = (logs.numbers().start, end);
    }

    /// Follows the store: what is gone goes, and what came is asked.
    pub fn sync(&mut self, store: &Store, now: Timestamp) {
        let held = store.logs.numbers();
        self.first = held.start;
        if held.end < self.asked.end || held.start > self.asked.end {
            self.begin(&store.logs);
        }
        if held.start > self.asked.start {
            self.asked.start = held.start;
            self.list.retain(|(_, number)| *number >= held.start);
        }
        if self.replaced != store.logs.replaced() {
            self.replaced = store.logs.replaced();
            self.list.retain(|(_, number)| store.logs.at(*number).is_some());
        }
        self.end = held.end;
        // The first look: what was written last is looked at first.
        if self.asked.end == 0 && held.end > BLOCK {
            self.asked = held.end..held.end;
        }
        for _ in 0..AT_ONCE {
            self.newer(store, now);
        }
        if self.list.is_empty() && self.asked.is_empty() {
            self.more(store, now);
        }
    }

    pub fn is_behind(&self) -> bool {
        self.asked.start > self.first || self.asked.end < self.end
    }

    /// Asks some that came since.
    fn newer(&mut self, store: &Store, now: Timestamp) {
        let block = self.asked.end..self.end.min(self.asked.end + BLOCK);
        self.asked.end = block.end;
        if !block.is_empty() {
            self.ask(block, store, now);
        }
    }

    /// Asks some more: those that came before all that was asked, and of a flood what is left.
    pub fn more(&mut self, store: &Store, now: Timestamp) {
        if self.asked.end < self.end {
            return self.newer(store, now);
        }
        let first = store.logs.numbers().start;
        let block = self.asked.start.saturating_sub(BLOCK).max(first)..self.asked.start;
        self.asked.start = block.start;
        self.ask(block, store, now);
    }

    fn ask(&mut self, block: Range<u64>, store: &Store, now: Timestamp) {
        let first = store.logs.numbers().start;
        let leaves_out = self.leaves_own_out();
        let is_shown =
            |number: &u64| store.logs.at(*number).is_some() && !(leaves_out && store.logs.is_own(*number));
        let heads = block.filter(is_shown);
        let slots = heads.filter_map(|number| u32::try_from(number - first).ok()).collect::<Vec<_>>();
        let passed = match self.filter.is_empty() {
            true => slots,
            false => self.filter.sieve(COLUMNS, store, now).keep(&slots),
        };
        let numbers = passed.into_iter().map(|slot| first + u64::from(slot));
        let mut new: Vec<Key> = numbers.filter_map(|number| Some((store.logs.at(number)?, number))).collect();
        new.sort_unstable();
        merge(&mut self.list, new);
    }

    /// Who asks for them by name sees them: `own=yes` them alone, `own!=no` all.
    fn leaves_own_out(&self) -> bool {
        !self.filter.names(OWN)
    }

    /// `1,204 records in 18,000 lines · by time`, and what is left out.
    pub fn status(&self, store: &Store) -> String {
        let held = store.logs.numbers();
        let number = |n: u64| format::number(i64::try_from(n).unwrap_or(i64::MAX));
        let asked = self.asked.end - self.asked.start;
        let of = match self.is_behind() {
            true => format!("the newest {} of {} lines …", number(asked), number(held.end - held.start)),
            false => format!("{} lines", number(held.end - held.start)),
        };
        let own = match store.logs.own() {
            own if own > 0 && self.leaves_own_out() => {
                format!(" · {} of our own left out (own=yes)", number(own as u64))
            }
            _ => String::new(),
        };
        format!("{} in {of} · by time{own}", format::count(self.list.len(), "record"))
    }
}

/// Puts what is sorted in its place: only where both overlap they are compared.
fn merge(list: &mut Vec<Key>, new: Vec<Key>) {
    let (Some(first), Some(last)) = (new.first(), new.last()) else { return };
    let from = list.partition_point(|key| key < first);
    let to = list.partition_point(|key| key <= last);
    let mut both = Vec::with_capacity(to - from + new.len());
    let mut old = list[from..to].iter().copied().peekable();
    for key in new {
        while let Some(before) = old.next_if(|before| *before < key) {
            both.push(before);
        }
        both.push(key);
    }
    both.extend(old);
    list.splice(from..to, both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_ones_are_put_in_their_place() {
        let mut list = vec![(1, 0), (3, 1), (5, 2)];
        merge(&mut list, vec![(2, 3), (3, 4), (9, 5)]);
        assert_eq!(list, [(1, 0), (2, 3), (3, 1), (3, 4), (5, 2), (9, 5)]);
        merge(&mut list, vec![(0, 6)]);
        merge(&mut list, Vec::new());
        merge(&mut list, vec![(10, 7)]);
        assert_eq!((list[0], list[7], list.len()), ((0, 6), (10, 7), 8));
    }
}
