//! The one windowed grid: any number of rows, of which only the visible ones are ever built.

mod fit;
mod kept;
mod keys;
mod order;
mod passing;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub use order::Order;

use super::{format, text};
use crate::action::Action;
use crate::filter::Filter;
use crate::model::Text;
use crate::table::{Align, Column, Slot, Table};
use crate::theme::{Look, Role, Sign, Theme};

/// A row's sign and the role of its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLook {
    pub sign: Sign,
    pub role: Role,
    /// What the whole row fades to when its facts are old.
    pub faded: bool,
}

/// How the rows of a frame look.
pub struct Looks<'a> {
    pub theme: &'a Theme,
    pub look: &'a Look,
    pub now: Timestamp,
    pub row: &'a dyn Fn(Slot) -> RowLook,
    /// A cell that is more than its value: a gauge, a state with its age.
    pub cell: &'a dyn Fn(Slot, &str, u16) -> Option<Line<'static>>,
}

/// A table on the screen: order, cursor, scroll position.
pub struct Grid<C: ?Sized + 'static> {
    table: &'static Table<C>,
    order: Order<C>,
    total: usize,
    cursor: usize,
    /// The row that the cursor stays on while others come and go.
    key: Option<Text>,
    /// The operator has put the cursor where it is. Until then it stays on top, wherever rows go.
    held: bool,
    /// The row that the cursor was on before a filter hid it.
    hidden: Option<Text>,
    top: usize,
    height: usize,
    /// Widths of the last frame: columns grow at once and shrink only when the size changes.
    widths: Vec<u16>,
    area: Rect,
    /// Rows built so far: a test holds it against the screen's height.
    built: u64,
}

/// One cell that was built.
struct Cell<C: ?Sized + 'static> {
    column: &'static Column<C>,
    text: String,
    /// The cells that it would take whole.
    wants: u16,
}

/// Cells for a row's sign and the blanks beside it.
const GUTTER: u16 = 3;
/// Rows kept in sight above and below the cursor.
const MARGIN: usize = 2;

impl<C: ?Sized> Grid<C> {
    pub fn new(table: &'static Table<C>) -> Self {
        Self {
            table,
            order: Order::new(table),
            total: 0,
            cursor: 0,
            key: None,
            held: false,
            hidden: None,
            top: 0,
            height: 1,
            widths: Vec::new(),
            area: Rect::ZERO,
            built: 0,
        }
    }

    /// Follows the rows; the cursor stays on its row, and where that is gone, at its place.
    pub fn sync(&mut self, cx: &C, now: Timestamp) {
        let rows = (self.table.slots)(cx);
        self.total = rows.count();
        if self.order.sync(cx, now) {
            self.follow(cx);
        }
    }

    /// Puts the cursor back on its row; `false` when that is not shown.
    fn follow(&mut self, cx: &C) -> bool {
        let rows = (self.table.slots)(cx);
        let slots = self.order.slots();
        let mut found = true;
        if self.held {
            let slot = self.key.as_deref().and_then(|key| rows.slot_of(key));
            if slot.is_none() || slots.get(self.cursor) != slot.as_ref() {
                match slot.and_then(|slot| slots.iter().position(|s| *s == slot)) {
                    Some(at) => self.move_to(at),
                    None => found = false,
                }
            }
        }
        self.settle(cx);
        found
    }

    /// The row keeps its line on screen when others come above it. But a list that stood at its beginning
    /// stays there as long as the cursor is in sight: what comes on top is what matters most.
    fn move_to(&mut self, at: usize) {
        let line = self.cursor.saturating_sub(self.top);
        if self.top > 0 || at + MARGIN >= self.height {
            self.top = at.saturating_sub(line);
        }
        self.cursor = at;
    }

    /// The cursor within the rows, and its key remembered.
    fn settle(&mut self, cx: &C) {
        let slots = self.order.slots();
        self.cursor = self.cursor.min(slots.len().saturating_sub(1));
        let rows = (self.table.slots)(cx);
        self.key = slots.get(self.cursor).and_then(|slot| rows.key(*slot)).cloned();
    }

    /// Shows the rows that match. A row that the filter hides gets the cursor back when it is shown again.
    pub fn set_filter(&mut self, filter: Filter, cx: &C, now: Timestamp) {
        let before = self.hidden.take().or_else(|| self.key.clone());
        self.order.filter(filter);
        self.order.sync(cx, now);
        self.total = (self.table.slots)(cx).count();
        self.widths.clear();
        self.key.clone_from(&before);
        if !self.follow(cx) {
            (self.cursor, self.top) = (0, 0);
            self.settle(cx);
            self.hidden = before;
        }
    }

    /// Puts the filter to more rows, where there are too many to ask between a key and its frame.
    pub fn more(&mut self, cx: &C, now: Timestamp) {
        self.order.more(cx, now);
        // The row that had the cursor may be among what came.
        if let Some(hidden) = self.hidden.take() {
            let on = self.key.replace(hidden.clone());
            if self.follow(cx) {
                return;
            }
            (self.key, self.hidden) = (on, Some(hidden));
        }
        self.follow(cx);
    }

    /// Whether there is more to ask.
    pub fn is_behind(&self) -> bool {
        self.order.is_behind()
    }

    /// Rows that the filter was put to, when these are not all yet.
    pub fn asked(&self) -> Option<usize> {
        let left = self.order.left();
        (left > 0).then(|| self.total.saturating_sub(left))
    }

    /// The operator moved the cursor: from now on it stays on its row.
    fn hold(&mut self) {
        self.held = true;
        self.hidden = None;
    }

    /// Movement and sorting; `false` when the action is none of these.
    pub fn on(&mut self, action: Action, cx: &C, now: Timestamp) -> bool {
        let page = self.height.max(1);
        let last = self.order.slots().len().saturating_sub(1);
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor += 1,
            Action::HalfPageUp => self.cursor = self.cursor.saturating_sub(page / 2),
            Action::HalfPageDown => self.cursor += page / 2,
            Action::PageUp => self.cursor = self.cursor.saturating_sub(page),
            Action::PageDown => self.cursor += page,
            Action::Top => self.cursor = 0,
            Action::Bottom => self.cursor = last,
            Action::SortNext => self.step_sort(1, cx, now),
            Action::SortPrevious => self.step_sort(-1, cx, now),
            Action::SortReverse => {
                let (column, descending) = self.order.sorted_by();
                self.sort(column, !descending, cx, now);
            }
            _ => return false,
        }
        self.hold();
        self.settle(cx);
        true
    }

    /// Sorts by the next column that is on the grid; by trouble between the last and the first.
    fn step_sort(&mut self, by: isize, cx: &C, now: Timestamp) {
        let default = self.table.column(self.table.sort.0);
        let mut columns: Vec<&'static Column<C>> = default.into_iter().collect();
        columns.extend(self.table.columns.iter().filter(|c| c.width.1 > 0 && c.name != self.table.sort.0));
        let now_at = columns.iter().position(|c| c.name == self.order.sorted_by().0.name).unwrap_or(0);
        let next = (now_at as isize + by).rem_euclid(columns.len().max(1) as isize) as usize;
        if let Some(column) = columns.get(next) {
            let descending = if column.name == self.table.sort.0 { self.table.sort.1 } else { false };
            self.sort(column, descending, cx, now);
        }
    }

    /// Sorts; the cursor stays on its row.
    pub fn sort(&mut self, column: &'static Column<C>, descending: bool, cx: &C, now: Timestamp) {
        self.order.sort(column, descending);
        self.order.sync(cx, now);
        self.hold();
        self.follow(cx);
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<Slot> {
        self.order.slots().get(self.cursor).copied()
    }

    /// Puts the cursor on the row with this key, if it is shown.
    pub fn select_key(&mut self, key: &str, cx: &C) {
        let Some(slot) = (self.table.slots)(cx).slot_of(key) else { return };
        if let Some(at) = self.order.slots().iter().position(|s| *s == slot) {
            self.cursor = at;
            self.hold();
            self.settle(cx);
        }
    }

    /// A click on the line `row` of the last frame.
    pub fn click(&mut self, row: u16, cx: &C) {
        if row > 0 {
            self.cursor = self.top + row as usize - 1;
            self.hold();
            self.settle(cx);
        }
    }

    pub fn shown(&self) -> usize {
        self.order.slots().len()
    }

    /// The shown rows, in order.
    pub fn slots(&self) -> &[Slot] {
        self.order.slots()
    }

    pub fn total(&self) -> usize {
        self.total
    }

    pub fn rows_built(&self) -> u64 {
        self.built
    }

    /// `sorted by name`, for the status line.
    pub fn sorted_words(&self) -> String {
        let (column, descending) = self.order.sorted_by();
        let way = if descending == (column.name == self.table.sort.0 && self.table.sort.1) {
            ""
        } else {
            " reversed"
        };
        format!("sorted by {}{way}", column.name)
    }

    /// The slots on screen.
    pub fn visible(&self) -> &[Slot] {
        let slots = self.order.slots();
        let end = (self.top + self.height).min(slots.len());
        slots.get(self.top.min(end)..end).unwrap_or(&[])
    }

    /// Draws the heading and the visible rows.
    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &C, looks: &Looks) {
        self.height = area.height.saturating_sub(1) as usize;
        self.scroll();
        let visible = self.visible().to_vec();
        let cells: Vec<Vec<Cell<C>>> = visible.iter().map(|&slot| self.row(cx, slot, looks)).collect();
        self.built += cells.len() as u64;
        let columns = self.fit(area, &cells);
        self.heading(frame, Rect { height: 1, ..area }, &columns, looks);
        for (i, (slot, row)) in visible.iter().zip(&cells).enumerate() {
            let line = Rect { y: area.y + 1 + i as u16, height: 1, ..area };
            let at_cursor = self.top + i == self.cursor;
            draw_row(frame, line, *slot, row, &columns, at_cursor, looks);
        }
        if visible.is_empty() && area.height > 2 {
            let words = match self.total {
                0 => format!("   there are no {}", self.table.name),
                total => match self.asked() {
                    Some(asked) => format!("   none of the first {} matches …", format::number(asked as i64)),
                    None => {
                        format!("   none of the {} {} matches", format::number(total as i64), self.table.name)
                    }
                },
            };
            let line = Line::styled(words, looks.theme.style(Role::Dim));
            frame.render_widget(line, Rect { y: area.y + 2, height: 1, ..area });
        }
    }

    fn scroll(&mut self) {
        let margin = MARGIN.min(self.height.saturating_sub(1) / 2);
        let rows = self.order.slots().len();
        if self.cursor < self.top + margin {
            self.top = self.cursor.saturating_sub(margin);
        }
        if self.cursor + margin + 1 > self.top + self.height {
            self.top = (self.cursor + margin + 1).saturating_sub(self.height);
        }
        self.top = self.top.min(rows.saturating_sub(self.height));
    }

    /// The cells of one row: only those that may be on the grid.
    fn row(&self, cx: &C, slot: Slot, looks: &Looks) -> Vec<Cell<C>> {
        self.on_grid()
            .map(|column| {
                let text = format::cell(self.table, cx, slot, column, looks.now);
                // More than its value may want more room: `forced down` for `down`, a bar beside its figures.
                let wants = match (looks.cell)(slot, column.name, column.width.1) {
                    Some(line) => text::width(line.to_string().trim_end()),
                    None => text::width(&text),
                };
                Cell { column, text, wants: wants as u16 }
            })
            .collect()
    }

    fn on_grid(&self) -> impl Iterator<Item = &'static Column<C>> + use<C> {
        self.table.columns.iter().filter(|column| column.width.1 > 0)
    }

    /// The columns of this frame. They grow at once and shrink only with a new width or filter: rows that
    /// come and go must not make them dance.
    fn fit(&mut self, area: Rect, cells: &[Vec<Cell<C>>]) -> Vec<(usize, u16)> {
        let columns: Vec<&Column<C>> = self.on_grid().collect();
        let least = |c: &Column<C>| c.width.0.max((text::width(c.title) as u16).min(c.width.1));
        if self.area.width != area.width || self.widths.len() != columns.len() {
            self.widths = columns.iter().map(|column| least(column)).collect();
        }
        self.area = area;
        for row in cells {
            for ((width, column), cell) in self.widths.iter_mut().zip(&columns).zip(row) {
                *width = (*width).max(cell.wants.min(column.width.1));
            }
        }
        let asks: Vec<fit::Ask> = columns
            .iter()
            .zip(&self.widths)
            .map(|(column, wants)| fit::Ask { least: least(column), wants: *wants, rank: column.rank })
            .collect();
        fit::fit(&asks, area.width.saturating_sub(GUTTER))
    }

    fn heading(&self, frame: &mut Frame, area: Rect, columns: &[(usize, u16)], looks: &Looks) {
        let style = looks.theme.style(Role::Heading);
        let (sorted, descending) = self.order.sorted_by();
        let titles: Vec<&Column<C>> = self.on_grid().collect();
        let mut spans = vec![Span::styled(" ".repeat(GUTTER as usize), style)];
        for (i, width) in columns {
            let Some(column) = titles.get(*i) else { continue };
            let right = column.align == Align::Right;
            let title = if column.name == sorted.name {
                let mark = looks.look.sorted(descending);
                format!("{}{mark}", text::cut(column.title, width.saturating_sub(1) as usize))
            } else {
                column.title.to_owned()
            };
            spans.push(Span::styled(format!("{} ", text::fit(&title, *width as usize, right)), style));
        }
        frame.render_widget(Line::from(spans), area);
    }
}

fn draw_row<C: ?Sized>(
    frame: &mut Frame,
    area: Rect,
    slot: Slot,
    cells: &[Cell<C>],
    columns: &[(usize, u16)],
    at_cursor: bool,
    looks: &Looks,
) {
    let look = (looks.row)(slot);
    let signed = looks.theme.style(look.role);
    let mut x = area.x;
    let mut put = |frame: &mut Frame, width: u16, line: Line| {
        let width = width.min((area.x + area.width).saturating_sub(x));
        frame.render_widget(line, Rect { x, width, ..area });
        x += width;
    };
    put(frame, GUTTER, Line::styled(format!(" {} ", looks.look.sign(look.sign)), signed));
    for (place, (i, width)) in columns.iter().enumerate() {
        let Some(Cell { column, text, .. }) = cells.get(*i) else { continue };
        let line = match (looks.cell)(slot, column.name, *width) {
            Some(line) => line,
            None => {
                let cells = *width as usize;
                let text = match column.align {
                    Align::Ends => text::fit(&text::cut_middle(text, cells), cells, false),
                    align => text::fit(text, cells, align == Align::Right),
                };
                // What the row's colour is about wears it; its name only when there is something to see.
                let wears = column.name == "state" || place == 0 && look.role != Role::Ok;
                Line::styled(text, if wears { signed } else { Style::default() })
            }
        };
        put(frame, *width, text::cut_line(line, *width as usize));
        put(frame, 1, Line::raw(" "));
    }
    if look.faded {
        text::fade(frame.buffer_mut(), area, looks.theme);
    }
    if at_cursor {
        frame.buffer_mut().set_style(area, looks.theme.style(Role::Selection));
    }
}
