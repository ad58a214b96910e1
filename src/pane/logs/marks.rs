//! Records that the operator marked: they stay, with what they said, when the store lets them go.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::shown::Key;
use crate::store::{Record, Store};

#[derive(Default)]
pub(super) struct Marks(BTreeMap<Key, Vec<u8>>);

impl Marks {
    /// Marks it, or takes the mark away. Whether it is marked now.
    pub fn toggle(&mut self, record: &Record, store: &Store) -> bool {
        let key = (record.at, record.number);
        if self.0.remove(&key).is_some() {
            return false;
        }
        self.0.insert(key, raw(record, store));
        true
    }

    pub fn holds(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The next one, or the one before.
    pub fn beside(&self, key: Key, forward: bool) -> Option<Key> {
        let found = match forward {
            true => self.0.range((Bound::Excluded(key), Bound::Unbounded)).next(),
            false => self.0.range(..key).next_back(),
        };
        found.map(|(key, _)| *key)
    }

    /// What they said, by time, as it stands in the files.
    pub fn text(&self) -> Vec<u8> {
        self.0.values().flatten().copied().collect()
    }
}

/// A record's lines as they stand in its file.
pub(super) fn raw(record: &Record, store: &Store) -> Vec<u8> {
    let mut lines = record.head.to_vec();
    lines.push(b'\n');
    for line in store.logs.rest(record) {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines
}
