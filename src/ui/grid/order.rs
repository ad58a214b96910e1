//! Which rows are shown, in what order: kept up to date by what changed, not made anew.

use std::cmp::Ordering;
use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

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
    /// When the filter was asked about all rows; ages that it compares have grown since.
    asked: Timestamp,
}

/// How long rows may stay that a filter over ages (`created<5m`) no longer lets through, and others be left
/// out that it would: each time all rows are asked.
const AGEING: SignedDuration = SignedDuration::from_secs(5);

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
        Self {
            table,
            slots: Vec::new(),
            seen: None,
            column,
            descending,
            filter: Filter::default(),
            asked: Timestamp::UNIX_EPOCH,
        }
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
        if self.filter.is_about_ages() && now.duration_since(self.asked) >= AGEING {
            self.seen = None;
        }
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
        self.asked = now;
        let first = &self.table.columns[0];
        let mut keyed: Vec<(Value<'_>, Value<'_>, Slot)> = rows
            .live()
            .into_iter()
            .filter(|&slot| self.passes(cx, rows, slot, now))
            .map(|slot| ((self.column.value)(cx, slot), (first.value)(cx, slot), slot))
            .collect();
        // Each key is made once, not at every comparison.
        keyed.sort_unstable_by(|(a, a_first, x), (b, b_first, y)| {
            self.directed(a.order(b)).then_with(|| a_first.order(b_first)).then_with(|| tie(rows, *x, *y))
        });
        self.slots = keyed.into_iter().map(|(_, _, slot)| slot).collect();
    }

    /// Takes the changed rows out, and puts those that still pass back in: a binary search for each.
    fn replace(&mut self, changed: &[Slot], cx: &C, rows: &dyn Slots, now: Timestamp) {
        let set: HashSet<Slot> = changed.iter().copied().collect();
        let mut fresh: Vec<Slot> =
            changed.iter().copied().filter(|&slot| self.passes(cx, rows, slot, now)).collect();
        fresh.sort_unstable_by(|&a, &b| self.compare(cx, rows, a, b));
        let mut kept = std::mem::take(&mut self.slots);
        kept.retain(|slot| !set.contains(slot));
        let mut merged = Vec::with_capacity(kept.len() + fresh.len());
        let mut rest = kept.as_slice();
        for slot in fresh {
            let before = rest.partition_point(|&other| self.compare(cx, rows, other, slot) == Ordering::Less);
            let (come, stay) = rest.split_at(before);
            merged.extend_from_slice(come);
            merged.push(slot);
            rest = stay;
        }
        merged.extend_from_slice(rest);
        self.slots = merged;
    }

    /// Rows that are equal in the sorted column stand by the first one, which says what a row is.
    fn compare(&self, cx: &C, rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
        let by = |column: &'static Column<C>| (column.value)(cx, a).order(&(column.value)(cx, b));
        self.directed(by(self.column)).then_with(|| by(&self.table.columns[0])).then_with(|| tie(rows, a, b))
    }

    fn directed(&self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

/// Rows that look alike stand in the order of their keys, so that the order is total and nothing dances.
fn tie(rows: &dyn Slots, a: Slot, b: Slot) -> Ordering {
    rows.key(a).cmp(&rows.key(b)).then(a.cmp(&b))
}
