//! Which rows are shown, in what order: kept up to date by what changed, not made anew.

use jiff::Timestamp;

use super::kept::Kept;
use super::passing::{Passing, Question};
use crate::filter::Filter;
use crate::table::{Column, Slot, Table};

/// The filtered and sorted rows of a table.
///
/// A change re-places only its own rows: a full read of 100,000 comes as 100 pages, and as many full sorts
/// would eat every frame. Sorting and filtering know nothing of each other, so that a change of one does not
/// do the other's work again.
pub struct Order<C: ?Sized + 'static> {
    table: &'static Table<C>,
    kept: Kept<C>,
    passing: Passing,
    slots: Vec<Slot>,
    /// The revision of the rows that `slots` is true for; `None`: to be made anew.
    seen: Option<u64>,
    column: &'static Column<C>,
    descending: bool,
    filter: Filter,
}

impl<C: ?Sized> Order<C> {
    pub fn new(table: &'static Table<C>) -> Self {
        let (name, descending) = table.sort;
        // A table's first column stands in for a default that is misspelt; a test finds that.
        let column = table.column(name).unwrap_or(&table.columns[0]);
        Self {
            table,
            kept: Kept::new(table),
            passing: Passing::default(),
            slots: Vec::new(),
            seen: None,
            column,
            descending,
            filter: Filter::default(),
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

    pub fn filter(&mut self, filter: Filter) {
        self.passing.filter(!self.filter.is_empty() && filter.narrows(&self.filter));
        self.filter = filter;
        self.seen = None;
    }

    /// Rows that the filter was not put to yet: what they say comes with [`more`](Self::more).
    pub fn left(&self) -> usize {
        self.passing.left()
    }

    /// Whether the filter is to be put to more rows.
    pub fn is_behind(&self) -> bool {
        self.passing.is_behind()
    }

    /// Catches up with the rows. Returns whether anything moved.
    pub fn sync(&mut self, cx: &C, now: Timestamp) -> bool {
        let revision = (self.table.slots)(cx).revision();
        if self.seen == Some(revision) && !self.passing.is_due(&self.filter, now) {
            return false;
        }
        let order = self.kept.order(self.column, self.descending, cx);
        if self.filter.is_empty() {
            self.slots.clear();
            self.slots.extend_from_slice(order);
        } else {
            let question = Question { filter: &self.filter, table: self.table, cx, now };
            let all = self.passing.catch_up(&question) || self.seen.is_none();
            if all {
                self.passing.queue(order);
            }
            self.passing.shown(order, &mut self.slots);
            if all {
                self.passing.step(order, &mut self.slots, &question);
            }
        }
        self.seen = Some(revision);
        true
    }

    /// Puts the filter to the next rows.
    pub fn more(&mut self, cx: &C, now: Timestamp) {
        self.sync(cx, now);
        if self.is_behind() {
            let order = self.kept.order(self.column, self.descending, cx);
            let question = Question { filter: &self.filter, table: self.table, cx, now };
            self.passing.step(order, &mut self.slots, &question);
        }
    }
}
