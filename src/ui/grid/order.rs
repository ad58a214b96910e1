//! Which rows are shown, in what order: kept up to date by what changed, not made anew.

use std::cmp::Ordering;
use std::collections::HashSet;

use jiff::Timestamp;

use crate::filter::{Filter, Row};
use crate::table::{Column, Slot, Slots, Table, Value};

/// The filtered and sorted rows of a table.
///
/// A change re-places only its own rows: a full read of 100,000 comes as 100 pages, and as many full sorts
/// would eat every frame.
pub struct Order<C: ?Sized + 'static> {
    table: &'static Table<C>,
    slots: Vec<Slot>,
    /// The revision of the rows that the order is true for; `None`: to be made anew.
    seen: Option<u64>,
    column: &'static Column<C>,
    descending: bool,
    filter: Filter,
}

/// A row of a table, for the filter.
struct Line<'a, C: ?Sized + 'static> {
    table: &'static Table<C>,
    cx: &'a C,
    slot: Slot,
}

impl<C: ?Sized> Row for Line<'_, C> {
    fn cell(&self, column: &str) -> Value<'_> {
        self.table.column(column).map_or(Value::Unknown, |column| (column.value)(self.cx, self.slot))
    }

    fn any(&self, test: &mut dyn FnMut(&Value<'_>) -> bool) -> bool {
        self.table.columns.iter().any(|column| test(&(column.value)(self.cx, self.slot)))
    }
}

/// Whether a row passes a filter.
pub fn matches<C: ?Sized>(
    filter: &Filter,
    table: &'static Table<C>,
    cx: &C,
    slot: Slot,
    now: Timestamp,
) -> bool {
    filter.is_empty() || filter.matches(&Line { table, cx, slot }, now)
}

impl<C: ?Sized> Order<C> {
    pub fn new(table: &'static Table<C>) -> Self {
        let (name, descending) = table.sort;
        // A table's first column stands in for a default that is misspelt; a test finds that.
        let column = table.column(name).unwrap_or(&table.columns[0]);
        Self { table, slots: Vec::new(), seen: None, column, descending, filter: Filter::default() }
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn sorted_by(&self) -> (&'static Column<C>, bool) {
        (self.column, self.descending)
    }

    pub fn sort(&mut self, column: &'static Column<C>, descending: bool) {
        self.column = column;
        self.descending = descending;
        self.seen = None;
    }

    /// A narrower filter looks only at what the old one left.
    pub fn filter(&mut self, filter: Filter, cx: &C, now: Timestamp) {
        if self.seen.is_some() && filter.narrows(&self.filter) {
            let table = self.table;
            self.slots.retain(|&slot| matches(&filter, table, cx, slot, now));
        } else {
            self.seen = None;
        }
        self.filter = filter;
    }

    /// Catches up with the rows. Returns whether anything moved.
    pub fn sync(&mut self, cx: &C, now: Timestamp) -> bool {
        let rows = (self.table.slots)(cx);
        let revision = rows.revision();
        if self.seen == Some(revision) {
            return false;
        }
        match self.seen.and_then(|seen| rows.changed_since(seen)) {
            // Beyond a share of all rows a full sort is cheaper than the merge's bookkeeping.
            Some(changed) if changed.len() <= rows.count() / 4 + 64 => self.replace(&changed, cx, rows, now),
            _ => self.rebuild(cx, rows, now),
        }
        self.seen = Some(revision);
        true
    }

    fn passes(&self, cx: &C, rows: &dyn Slots, slot: Slot, now: Timestamp) -> bool {
        rows.is_live(slot) && matches(&self.filter, self.table, cx, slot, now)
    }

    fn rebuild(&mut self, cx: &C, rows: &dyn Slots, now: Timestamp) {
        let mut keyed: Vec<(Value<'_>, Slot)> = rows
            .live()
            .into_iter()
            .filter(|&slot| self.passes(cx, rows, slot, now))
            .map(|slot| ((self.column.value)(cx, slot), slot))
            .collect();
        // Each key is made once, not at every comparison.
        keyed.sort_unstable_by(|(a, x), (b, y)| self.directed(a.order(b)).then_with(|| tie(rows, *x, *y)));
        self.slots = keyed.into_iter().map(|(_, slot)| slot).collect();
    }

    /// Takes the changed rows out, and merges those that still pass back in: O(n + k log k).
    fn replace(&mut self, changed: &[Slot], cx: &C, rows: &dyn Slots, now: Timestamp) {
        let set: HashSet<Slot> = changed.iter().copied().collect();
        let mut fresh: Vec<Slot> =
            changed.iter().copied().filter(|&slot| self.passes(cx, rows, slot, now)).collect();
        fresh.sort_unstable_by(|&a, &b| self.compare(cx, rows, a, b));
        let old = std::mem::take(&mut self.slots);
        let mut merged = Vec::with_capacity(old.len() + fresh.len());
        let mut coming = fresh.into_iter().peekable();
        for slot in old.into_iter().filter(|slot| !set.contains(slot)) {
            while let Some(next) =
                coming.next_if(|&next| self.compare(cx, rows, next, slot) == Ordering::Less)
            {
                merged.push(next);
            }
            merged.push(slot);
        }
        merged.extend(coming);
        self.slots = merged;
    }

    fn compare(&self, cx: &C, rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
        let order = (self.column.value)(cx, a).order(&(self.column.value)(cx, b));
        self.directed(order).then_with(|| tie(rows, a, b))
    }

    fn directed(&self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

/// Equal cells stand in the order of their keys, so that the order is total and nothing dances.
fn tie(rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
    rows.key(a).cmp(&rows.key(b)).then(a.cmp(&b))
}
