//! A table on a pane: the grid with its filter, as most panes have one.

use crate::action::Action;
use crate::filter::{Filter, FilterError};
use crate::pane::{Cx, Reply};
use crate::store::Store;
use crate::table::Table;
use crate::ui::details::Details;
use crate::ui::format;
use crate::ui::grid::Grid;

/// Rows of one table, filtered and sorted as the operator wants them.
pub struct List {
    table: &'static Table<Store>,
    pub grid: Grid<Store>,
    filter: String,
}

impl List {
    pub fn new(table: &'static Table<Store>) -> Self {
        Self { table, grid: Grid::new(table), filter: String::new() }
    }

    pub fn sync(&mut self, cx: &Cx) {
        self.grid.sync(cx.store, cx.now);
    }

    pub fn filter(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        let filter = Filter::parse(text, &self.columns())?;
        text.clone_into(&mut self.filter);
        self.grid.set_filter(filter, cx.store, cx.now);
        Ok(())
    }

    pub fn filter_text(&self) -> &str {
        &self.filter
    }

    pub fn columns(&self) -> Vec<&'static str> {
        self.table.columns.iter().map(|column| column.name).collect()
    }

    pub fn sort(&mut self, column: &str, descending: bool, cx: &Cx) {
        if let Some(column) = self.table.column(column) {
            self.grid.sort(column, descending, cx.store, cx.now);
        }
    }

    pub fn select(&mut self, key: &str, cx: &Cx) {
        self.sync(cx);
        self.grid.select_key(key, cx.store);
    }

    /// `12 of 40 shown · sorted by name`; `12 of the first 6,000 of 100,000 … · sorted by name` while the filter
    /// is still put to the rest.
    pub fn status(&self) -> String {
        let number = |n: usize| format::number(n as i64);
        let (shown, total) = (number(self.grid.shown()), number(self.grid.total()));
        let shown = match self.grid.asked() {
            None => format!("{shown} of {total} shown"),
            Some(asked) => format!("{shown} of the first {} of {total} …", number(asked)),
        };
        format!("{shown} · {}", self.grid.sorted_words())
    }
}

/// What a view that was gone into does itself: it is left, its line is copied, its cursor moved. `None`: it is for the
/// pane to do, or nothing was gone into.
pub fn within<T>(
    inside: &mut Option<T>,
    details: impl FnOnce(&mut T) -> &mut Details,
    action: Action,
) -> Option<Reply> {
    let details = details(inside.as_mut()?);
    match action {
        Action::Back | Action::Quit => {
            *inside = None;
            Some(Reply::Done)
        }
        Action::Copy => Some(details.copied().map_or(Reply::Done, Reply::Copy)),
        _ => details.on(action).then_some(Reply::Done),
    }
}
