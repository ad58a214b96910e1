//! All instances: rows in slots that are used again, found by id, and walked in nova's own order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use uuid::Uuid;

use super::Instance;

pub type Slot = u32;

/// nova lists the youngest first, and by uuid within a second.
type Age = (Reverse<i64>, Uuid);

#[derive(Default)]
pub struct Instances {
    rows: Vec<Option<Instance>>,
    free: Vec<Slot>,
    by_id: HashMap<Uuid, Slot>,
    by_age: BTreeMap<Age, Slot>,
    /// Deleted ones, in the order in which they went.
    graves: VecDeque<Slot>,
}

fn age(instance: &Instance) -> Age {
    (Reverse(instance.created.seconds()), instance.id)
}

impl Instances {
    pub fn reserve(&mut self, n: usize) {
        self.rows.reserve_exact(n);
        self.by_id.reserve(n);
    }

    pub fn insert(&mut self, instance: Instance) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            (self.rows.len() - 1) as Slot
        });
        self.by_id.insert(instance.id, slot);
        self.by_age.insert(age(&instance), slot);
        self.rows[slot as usize] = Some(instance);
        slot
    }

    /// The instance in a slot, if it is still this one: slots are used again.
    pub fn get(&self, slot: Slot, id: Uuid) -> Option<&Instance> {
        self.at(slot).filter(|instance| instance.id == id)
    }

    pub fn get_mut(&mut self, slot: Slot, id: Uuid) -> Option<&mut Instance> {
        self.rows.get_mut(slot as usize)?.as_mut().filter(|instance| instance.id == id)
    }

    pub fn at(&self, slot: Slot) -> Option<&Instance> {
        self.rows.get(slot as usize)?.as_ref()
    }

    pub fn at_mut(&mut self, slot: Slot) -> Option<&mut Instance> {
        self.rows.get_mut(slot as usize)?.as_mut()
    }

    pub fn find(&self, id: Uuid) -> Option<(Slot, &Instance)> {
        let slot = *self.by_id.get(&id)?;
        Some((slot, self.at(slot)?))
    }

    /// All, deleted ones among them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Instance)> {
        self.rows.iter().enumerate().filter_map(|(slot, row)| Some((slot as Slot, row.as_ref()?)))
    }

    /// The youngest first; from behind `marker` on.
    pub fn youngest_first(&self, marker: Option<&Instance>) -> impl Iterator<Item = (Slot, &Instance)> {
        let from = marker.map_or(Bound::Unbounded, |marker| Bound::Excluded(age(marker)));
        self.by_age.range((from, Bound::Unbounded)).filter_map(|(_, &slot)| Some((slot, self.at(slot)?)))
    }

    /// How many slots there are: `at` of any below it may hold one.
    pub fn slots(&self) -> usize {
        self.rows.len()
    }

    /// How many live.
    pub fn live(&self) -> usize {
        self.by_id.len() - self.graves.len()
    }

    /// Remembers that this one was deleted.
    pub fn mourn(&mut self, slot: Slot) {
        self.graves.push_back(slot);
    }

    pub fn graves(&self) -> usize {
        self.graves.len()
    }

    pub fn forget_oldest(&mut self) {
        let Some(slot) = self.graves.pop_front() else { return };
        if let Some(instance) = self.rows.get_mut(slot as usize).and_then(Option::take) {
            self.by_id.remove(&instance.id);
            self.by_age.remove(&age(&instance));
            self.free.push(slot);
        }
    }
}
