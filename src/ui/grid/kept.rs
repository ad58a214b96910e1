//! The orders that the operator has sorted by: each a permutation of all rows, kept up to date by what changed.

use std::cmp::Ordering;

use super::keys::{self, Ties};
use crate::table::{Column, Slot, Slots, Table};

/// The orders of a table, the one in use last.
pub(super) struct Kept<C: ?Sized + 'static> {
    table: &'static Table<C>,
    /// By the first column, which says what a row is: it decides between rows that are equal in another.
    base: Sorted<C>,
    others: Vec<Sorted<C>>,
}

/// All rows in the order of one column.
struct Sorted<C: ?Sized + 'static> {
    column: &'static Column<C>,
    descending: bool,
    slots: Vec<Slot>,
    /// The revision of the rows that it is true for.
    seen: Option<u64>,
}

/// Orders that are kept besides the first column's, at four bytes a row.
const ORDERS: usize = 8;
/// A table of fewer rows is sorted anew when it is sorted by another column: within a frame, and as fresh as
/// can be where a value hangs on more than its row.
const SMALL: usize = 16_384;

impl<C: ?Sized> Kept<C> {
    pub fn new(table: &'static Table<C>) -> Self {
        Self { table, base: Sorted::new(&table.columns[0], false), others: Vec::new() }
    }

    /// All rows in this order, caught up with what changed.
    pub fn order(&mut self, column: &'static Column<C>, descending: bool, cx: &C) -> &[Slot] {
        let (table, rows) = (self.table, (self.table.slots)(cx));
        if self.base.is(column, descending) {
            self.base.catch_up(table, cx, rows, None);
            return &self.base.slots;
        }
        let mut sorted = match self.others.iter().position(|sorted| sorted.is(column, descending)) {
            Some(at) => self.others.remove(at),
            None => Sorted::new(column, descending),
        };
        if self.others.len() >= ORDERS {
            self.others.remove(0);
        }
        if rows.count() < SMALL {
            self.others.clear();
        }
        sorted.catch_up(table, cx, rows, Some(&mut self.base));
        self.others.push(sorted);
        self.others.last().map_or(&[], |sorted| &sorted.slots)
    }
}

impl<C: ?Sized> Sorted<C> {
    fn new(column: &'static Column<C>, descending: bool) -> Self {
        Self { column, descending, slots: Vec::new(), seen: None }
    }

    fn is(&self, column: &Column<C>, descending: bool) -> bool {
        self.column.name == column.name && self.descending == descending
    }

    fn catch_up(&mut self, table: &'static Table<C>, cx: &C, rows: &dyn Slots, base: Option<&mut Sorted<C>>) {
        let revision = rows.revision();
        if self.seen == Some(revision) {
            return;
        }
        match self.seen.and_then(|seen| rows.changed_since(seen)) {
            // Beyond a share of all rows sorting is cheaper than the merge's bookkeeping.
            Some(changed) if changed.len() <= rows.count() / 4 + 64 => {
                self.replace(&changed, table, cx, rows)
            }
            _ => {
                let value = |slot| self.column.key(cx, slot);
                self.slots = match base {
                    Some(base) => {
                        base.catch_up(table, cx, rows, None);
                        keys::sorted(&base.slots, value, self.descending, &Ties::Given)
                    }
                    None => {
                        let key = |slot| rows.key(slot).map_or("", |key| key);
                        keys::sorted(&rows.live(), value, self.descending, &Ties::By(&key))
                    }
                };
            }
        }
        self.seen = Some(revision);
    }

    /// Takes the changed rows out, and puts those that live back in: a binary search for each.
    fn replace(&mut self, changed: &[Slot], table: &'static Table<C>, cx: &C, rows: &dyn Slots) {
        let mut fresh: Vec<Slot> = changed.iter().copied().filter(|&slot| rows.is_live(slot)).collect();
        fresh.sort_unstable_by(|&a, &b| self.compare(table, cx, rows, a, b));
        let mut kept = std::mem::take(&mut self.slots);
        let last = changed.iter().max().map_or(0, |slot| *slot as usize);
        let mut gone = vec![false; last + 1];
        for slot in changed {
            gone[*slot as usize] = true;
        }
        kept.retain(|slot| !gone.get(*slot as usize).is_some_and(|gone| *gone));
        let mut merged = Vec::with_capacity(kept.len() + fresh.len());
        let mut rest = kept.as_slice();
        for slot in fresh {
            let before =
                rest.partition_point(|&other| self.compare(table, cx, rows, other, slot) == Ordering::Less);
            let (come, stay) = rest.split_at(before);
            merged.extend_from_slice(come);
            merged.push(slot);
            rest = stay;
        }
        merged.extend_from_slice(rest);
        self.slots = merged;
    }

    fn compare(&self, table: &'static Table<C>, cx: &C, rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
        let by = |column: &'static Column<C>| column.key(cx, a).order(&column.key(cx, b));
        let order = by(self.column);
        let order = if self.descending { order.reverse() } else { order };
        order.then_with(|| by(&table.columns[0])).then_with(|| tie(rows, a, b))
    }
}

/// Rows that look alike stand in the order of their keys, so that the order is total and nothing dances.
fn tie(rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
    rows.key(a).cmp(&rows.key(b)).then(a.cmp(&b))
}
