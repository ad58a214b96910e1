//! The rows of one kind: stable slots, an index by id, and a log of what changed.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::model::{Identified, Text};
use crate::table::{Slot, Slots};

/// How many changes are remembered. A view that is further behind rebuilds its order, which costs one sort.
const LOG: usize = 8_192;

/// Rows that keep their slot while they live.
#[derive(Debug)]
pub struct Rows<T> {
    slots: Blocks<Entry<T>>,
    /// Slots by their row's id; the ids stand in the rows alone.
    by_id: HashTable<Slot>,
    hasher: RandomState,
    free: Vec<Slot>,
    revision: u64,
    log: VecDeque<(u64, Slot)>,
    /// The number of the full read that is under way or was last.
    read: u32,
}

#[derive(Debug)]
struct Entry<T> {
    row: T,
    /// The last full read that named this row, or the one under way when an event did.
    seen: u32,
}

/// What an upsert did.
#[derive(Debug, PartialEq)]
pub enum Change<T> {
    Unchanged,
    Inserted(Slot),
    /// With the row as it was.
    Updated(Slot, T),
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            slots: Blocks::default(),
            by_id: HashTable::new(),
            hasher: RandomState::default(),
            free: Vec::new(),
            revision: 0,
            log: VecDeque::new(),
            read: 0,
        }
    }
}

impl<T: Identified + PartialEq> Rows<T> {
    /// No rows, in the place of these: to who has followed them everything is new.
    pub fn after(old: &Self) -> Self {
        Self { revision: old.revision + 1, ..Self::default() }
    }

    /// A full read starts: rows that it does not name can be swept at its end.
    pub fn begin_read(&mut self) {
        self.read = self.read.wrapping_add(1);
    }

    /// Puts a row in place. An equal row changes nothing, so nothing is drawn for it.
    pub fn upsert(&mut self, row: T) -> Change<T> {
        let read = self.read;
        let hash = self.hasher.hash_one(&**row.id());
        if let Some(slot) = self.find(hash, row.id())
            && let Some(entry) = self.slots.get_mut(slot).and_then(Option::as_mut)
        {
            entry.seen = read;
            if entry.row == row {
                return Change::Unchanged;
            }
            let old = std::mem::replace(&mut entry.row, row);
            self.touch(slot);
            return Change::Updated(slot, old);
        }
        let entry = Some(Entry { row, seen: read });
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.slots.get_mut(slot) {
                    *place = entry;
                }
                slot
            }
            None => self.slots.push(entry),
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_id.insert_unique(hash, slot, |slot| hasher.hash_one(id_at(slots, *slot).unwrap_or_default()));
        self.touch(slot);
        Change::Inserted(slot)
    }

    fn find(&self, hash: u64, id: &str) -> Option<Slot> {
        self.by_id.find(hash, |slot| id_at(&self.slots, *slot) == Some(id)).copied()
    }

    /// Takes a row away.
    pub fn remove(&mut self, id: &str) -> Option<(Slot, T)> {
        let slots = &self.slots;
        let entry = self.by_id.find_entry(self.hasher.hash_one(id), |slot| id_at(slots, *slot) == Some(id));
        let (slot, _) = entry.ok()?.remove();
        let entry = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        self.touch(slot);
        Some((slot, entry.row))
    }

    /// Takes away every row that the full read under way has not named; called when it ended complete.
    pub fn sweep(&mut self) -> Vec<(Slot, T)> {
        let gone: Vec<Text> = self
            .slots
            .iter()
            .filter(|(_, entry)| entry.seen != self.read)
            .map(|(_, entry)| entry.row.id().clone())
            .collect();
        gone.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Marks a row as changed although its own facts are the same: something that its line shows has.
    pub fn touch(&mut self, slot: Slot) {
        self.revision += 1;
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back((self.revision, slot));
    }

    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.slots.get(slot).map(|entry| &entry.row)
    }

    pub fn by_id(&self, id: &str) -> Option<&T> {
        self.get(self.slot_of(id)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        self.slots.iter().map(|(slot, entry)| (slot, &entry.row))
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

fn id_at<T: Identified>(slots: &Blocks<Entry<T>>, slot: Slot) -> Option<&str> {
    slots.get(slot).map(|entry| &**entry.row.id())
}

/// Places in blocks that never move: a single vector that grows copies all of its rows, and leaves behind holes as
/// large as they are.
#[derive(Debug)]
struct Blocks<T>(Vec<Vec<Option<T>>>);

/// Places a block.
const BLOCK: usize = 1_024;

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Blocks<T> {
    fn get(&self, slot: Slot) -> Option<&T> {
        let slot = slot as usize;
        self.0.get(slot / BLOCK)?.get(slot % BLOCK)?.as_ref()
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Option<T>> {
        let slot = slot as usize;
        self.0.get_mut(slot / BLOCK)?.get_mut(slot % BLOCK)
    }

    fn push(&mut self, value: Option<T>) -> Slot {
        if self.0.last().is_none_or(|block| block.len() == BLOCK) {
            // The first one grows as it must: most kinds have few rows.
            self.0.push(Vec::with_capacity(if self.0.is_empty() { 0 } else { BLOCK }));
        }
        let last = self.0.last_mut().map_or(0, |block| {
            block.push(value);
            block.len()
        });
        // More rows than a u32 counts would need terabytes first.
        ((self.0.len() - 1) * BLOCK + last - 1) as Slot
    }

    fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        let places = self.0.iter().flatten().enumerate();
        places.filter_map(|(slot, value)| Some((slot as Slot, value.as_ref()?)))
    }
}

impl<T: Identified + PartialEq> Slots for Rows<T> {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn changed_since(&self, revision: u64) -> Option<Vec<Slot>> {
        if revision >= self.revision {
            return Some(Vec::new());
        }
        // The log is gapless, so one that starts right after `revision` holds everything since.
        match self.log.front() {
            Some(&(first, _)) if first <= revision + 1 => {}
            _ => return None,
        }
        let start = self.log.partition_point(|&(r, _)| r <= revision);
        let mut slots: Vec<Slot> = self.log.range(start..).map(|&(_, slot)| slot).collect();
        slots.sort_unstable();
        slots.dedup();
        Some(slots)
    }

    fn is_live(&self, slot: Slot) -> bool {
        self.get(slot).is_some()
    }

    fn live(&self) -> Vec<Slot> {
        self.iter().map(|(slot, _)| slot).collect()
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn key(&self, slot: Slot) -> Option<&Text> {
        self.get(slot).map(Identified::id)
    }

    fn slot_of(&self, key: &str) -> Option<Slot> {
        self.find(self.hasher.hash_one(key), key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Named;

    fn named(id: &str, name: &str) -> Named {
        Named { id: id.into(), name: name.into(), domain_id: None, enabled: None }
    }

    #[test]
    fn an_equal_row_is_no_change() {
        let mut rows = Rows::default();
        assert_eq!(rows.upsert(named("a", "x")), Change::Inserted(0));
        let revision = rows.revision();
        assert_eq!(rows.upsert(named("a", "x")), Change::Unchanged);
        assert_eq!(rows.revision(), revision);
        assert_eq!(rows.upsert(named("a", "y")), Change::Updated(0, named("a", "x")));
        assert_eq!(rows.changed_since(revision), Some(vec![0]));
    }

    #[test]
    fn a_complete_read_sweeps_what_it_did_not_name() {
        let mut rows = Rows::default();
        rows.upsert(named("a", "x"));
        rows.upsert(named("b", "x"));
        rows.begin_read();
        rows.upsert(named("b", "x"));
        assert_eq!(rows.len(), 2, "nothing goes before the end");
        let gone = rows.sweep();
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].1.id.as_ref(), "a");
        // The slot is used again, and the change log names it.
        let revision = rows.revision();
        assert_eq!(rows.upsert(named("c", "x")), Change::Inserted(0));
        assert_eq!(rows.changed_since(revision), Some(vec![0]));
    }

    #[test]
    fn who_has_followed_rows_is_told_nothing_of_those_in_their_place() {
        let mut old = Rows::default();
        old.upsert(named("a", "x"));
        let seen = old.revision();
        let mut rows = Rows::after(&old);
        assert_eq!(rows.changed_since(seen), None);
        rows.upsert(named("b", "x"));
        assert_eq!(rows.changed_since(seen), None);
        assert_eq!(rows.changed_since(seen + 1), Some(vec![0]));
    }

    #[test]
    fn a_view_that_is_too_far_behind_is_told_so() {
        let mut rows = Rows::default();
        for i in 0..=LOG {
            rows.upsert(named(&i.to_string(), "x"));
        }
        assert_eq!(rows.changed_since(0), None);
        assert_eq!(rows.changed_since(1).map(|s| s.len()), Some(LOG));
    }
}
