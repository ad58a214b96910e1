use std::collections::HashMap;
use std::hash::Hash;

use super::{Slot, Slots};

/// How many rows stand under each key, kept up to date by what changed: a look at all rows for every page of a
/// large list would cost more than the list.
#[derive(Debug)]
pub struct Tally<K> {
    /// The revision of the rows that the counts are true for.
    seen: Option<u64>,
    /// The number of each slot's key in `counts`.
    of: Vec<Option<u32>>,
    numbers: HashMap<K, u32>,
    counts: Vec<(K, usize)>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { seen: None, of: Vec::new(), numbers: HashMap::new(), counts: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    /// Catches up with the rows; `key` says under which key a row stands. Returns whether anything changed.
    pub fn sync(&mut self, rows: &dyn Slots, key: impl Fn(Slot) -> Option<K>) -> bool {
        let revision = rows.revision();
        if self.seen == Some(revision) {
            return false;
        }
        match self.seen.and_then(|seen| rows.changed_since(seen)) {
            Some(changed) => {
                for slot in changed {
                    self.place(slot, key(slot));
                }
            }
            None => {
                *self = Self::default();
                for slot in rows.live() {
                    self.place(slot, key(slot));
                }
            }
        }
        self.seen = Some(revision);
        true
    }

    fn place(&mut self, slot: Slot, key: Option<K>) {
        let slot = slot as usize;
        if self.of.len() <= slot {
            self.of.resize(slot + 1, None);
        }
        let number = key.map(|key| {
            let next = self.counts.len() as u32;
            let number = *self.numbers.entry(key.clone()).or_insert(next);
            if number == next {
                self.counts.push((key, 0));
            }
            number
        });
        let Some(place) = self.of.get_mut(slot) else { return };
        let before = std::mem::replace(place, number);
        if let Some((_, count)) = before.and_then(|before| self.counts.get_mut(before as usize)) {
            *count -= 1;
        }
        if let Some((_, count)) = number.and_then(|number| self.counts.get_mut(number as usize)) {
            *count += 1;
        }
    }

    /// The keys that have rows, with how many.
    pub fn counts(&self) -> impl Iterator<Item = (&K, usize)> {
        self.counts.iter().filter(|(_, count)| *count > 0).map(|(key, count)| (key, *count))
    }

    /// The keys that have, or had, rows: of what is gone it is known that there is none.
    pub fn all(&self) -> impl Iterator<Item = (&K, usize)> {
        self.counts.iter().map(|(key, count)| (key, *count))
    }

    pub fn count(&self, key: &K) -> usize {
        let number = self.numbers.get(key).and_then(|number| self.counts.get(*number as usize));
        number.map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Named, Text};
    use crate::store::Rows;

    fn counted(tally: &Tally<Text>) -> Vec<(String, usize)> {
        let mut counts: Vec<_> = tally.counts().map(|(key, count)| (key.to_string(), count)).collect();
        counts.sort();
        counts
    }

    #[test]
    fn counts_follow_rows_that_come_change_and_go() {
        let mut rows = Rows::default();
        let mut tally = Tally::default();
        let mut sync = |rows: &Rows<Named>| {
            let moved = tally.sync(rows, |slot| Some(rows.get(slot)?.name.clone()));
            (moved, counted(&tally))
        };
        let mut random: u32 = 7;
        let mut known = 0;
        for step in 0..30_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let id = (random >> 8 & 255).to_string();
            match random >> 30 {
                0 => drop(rows.remove(&id)),
                name => drop(rows.upsert(Named {
                    id: id.into(),
                    name: name.to_string().into(),
                    domain_id: None,
                    enabled: None,
                })),
            }
            // Also after more changes than are remembered.
            if step % 17 == 0 || step == 29_999 {
                if (5_000..20_000).contains(&step) {
                    continue;
                }
                let mut expected: HashMap<String, usize> = HashMap::new();
                for (_, row) in rows.iter() {
                    *expected.entry(row.name.to_string()).or_default() += 1;
                }
                let mut expected: Vec<_> = expected.into_iter().collect();
                expected.sort();
                assert_eq!(sync(&rows).1, expected, "after {step} steps");
                known += 1;
            }
        }
        assert!(known > 800, "{known}");
        assert!(!sync(&rows).0, "nothing changed");
    }
}
