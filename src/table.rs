//! Tables: what a list of things shows, is sorted and filtered by, and prints as JSON.
//!
//! A table is defined once, as data: the grid on the screen, `show`, the filter language and `docs/json.md`
//! read the same columns. A row is a slot of the store; nothing is built for rows that are not shown.

mod tally;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};

pub use tally::Tally;

use crate::model::Text;

/// The stable place of a row. It stays the same while the row lives, whatever the order on screen.
pub type Slot = u32;

/// The rows of one kind, as a grid sees them.
pub trait Slots {
    /// Grows with every change of a row.
    fn revision(&self) -> u64;
    /// The slots that changed, came or went after `revision`; `None` when that is too long ago to tell.
    fn changed_since(&self, revision: u64) -> Option<Vec<Slot>>;
    /// Whether there is a row at `slot` now.
    fn is_live(&self, slot: Slot) -> bool;
    /// All slots that hold a row, in slot order.
    fn live(&self) -> Vec<Slot>;
    /// The number of rows.
    fn count(&self) -> usize;
    /// The identity of the row at `slot`.
    fn key(&self, slot: Slot) -> Option<&Text>;
    /// Where the row with this identity is.
    fn slot_of(&self, key: &str) -> Option<Slot>;
}

/// One cell: what is sorted, filtered, printed. Unknown is a value of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not measured, not given, not allowed: shown as `?`, `null` in JSON. Never zero.
    Unknown,
    /// Known not to be there (no host yet, no fault): shown as `–`, `null` in JSON.
    Absent,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A moment: sorted as such, shown as an age.
    Time(Timestamp),
    /// A length of time.
    Span(SignedDuration),
    List(Items<'a>),
}

/// The texts of a list cell. Most lists hold one, and one needs no allocation: a filter asks every row's.
#[derive(Clone, Debug)]
pub enum Items<'a> {
    One([Cow<'a, str>; 1]),
    Several(Vec<Cow<'a, str>>),
}

impl<'a> Deref for Items<'a> {
    type Target = [Cow<'a, str>];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::One(one) => one,
            Self::Several(several) => several,
        }
    }
}

impl PartialEq for Items<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'a> FromIterator<Cow<'a, str>> for Items<'a> {
    fn from_iter<I: IntoIterator<Item = Cow<'a, str>>>(items: I) -> Self {
        let mut items = items.into_iter();
        let Some(first) = items.next() else { return Self::Several(Vec::new()) };
        match items.next() {
            None => Self::One([first]),
            Some(second) => Self::Several([first, second].into_iter().chain(items).collect()),
        }
    }
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A text that may be known to be absent.
    pub fn maybe(text: Option<&'a Text>) -> Self {
        text.map_or(Self::Absent, |t| Self::Text(Cow::Borrowed(t)))
    }

    /// A number that may not have been given.
    pub fn int(n: Option<u64>) -> Self {
        n.map_or(Self::Unknown, |n| Self::Int(i64::try_from(n).unwrap_or(i64::MAX)))
    }

    /// Values of different kinds stand in this order.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Float(_) => 1,
            Self::Time(_) => 2,
            Self::Span(_) => 3,
            Self::Text(_) | Self::List(_) => 4,
            Self::Absent => 5,
            Self::Unknown => 6,
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Int(n) => *n as f64,
            Self::Float(n) => *n,
            _ => f64::NAN,
        }
    }

    /// A total order; what is absent or unknown comes last.
    pub fn order(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => a.as_ref().cmp(b.as_ref()),
            (Self::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Self::Int(a), Value::Int(b)) => a.cmp(b),
            (Self::Time(a), Value::Time(b)) => a.cmp(b),
            (Self::Span(a), Value::Span(b)) => a.cmp(b),
            (Self::List(a), Value::List(b)) => (**a).cmp(&**b),
            _ => self.rank().cmp(&other.rank()).then_with(|| self.number().total_cmp(&other.number())),
        }
    }
}

/// How a column stands in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
    /// At the left, and what is too long is cut in its middle: names that differ at their ends.
    Ends,
}

/// One column of a table over the rows of `C` (a context: the store and what belongs to it, and a slot).
pub struct Column<C: ?Sized> {
    /// The name in filters, `--sort` and JSON: stable for ever.
    pub name: &'static str,
    /// The heading on screen, with its unit.
    pub title: &'static str,
    /// What JSON readers need to know: unit, then service and path it comes from, or "derived: …".
    pub unit: &'static str,
    pub origin: &'static str,
    pub align: Align,
    /// Narrowest and widest width in cells; `(0, 0)`: never on the grid, only in JSON, filters and details.
    pub width: (u16, u16),
    /// Which column survives narrowing: 0 stays longest.
    pub rank: u8,
    pub value: Cell<C>,
    /// What it is sorted by, where that is more than its value: an order of rows of which it is not known yet.
    pub key: Option<Cell<C>>,
}

/// What a row has in a column.
pub type Cell<C> = for<'a> fn(&'a C, Slot) -> Value<'a>;

impl<C: ?Sized> Column<C> {
    /// The same, sorted by something else than its value.
    pub const fn sorted_by(mut self, key: Cell<C>) -> Self {
        self.key = Some(key);
        self
    }

    /// What a row is sorted by.
    pub fn key<'a>(&self, cx: &'a C, slot: Slot) -> Value<'a> {
        self.key.unwrap_or(self.value)(cx, slot)
    }
}

/// A column in one breath: name, title, unit, origin, alignment, widths, rank, value.
macro_rules! column {
    ($name:literal, $title:literal, $unit:literal, $origin:expr, $align:ident, $width:expr, $rank:literal, $value:expr) => {
        $crate::table::Column {
            name: $name,
            title: $title,
            unit: $unit,
            origin: $origin,
            align: $crate::table::Align::$align,
            width: $width,
            rank: $rank,
            value: $value,
            key: None,
        }
    };
}
pub(crate) use column;

/// A table's definition: its name in `show`, its columns in order, the column that it is sorted by at first.
pub struct Table<C: ?Sized + 'static> {
    pub name: &'static str,
    pub columns: &'static [Column<C>],
    pub slots: for<'a> fn(&'a C) -> &'a dyn Slots,
    /// Column name and whether descending.
    pub sort: (&'static str, bool),
    /// What a cell says to people where its plain value is not enough: a state with its age, use against a
    /// limit. Machines (JSON, CSV, filters, sorting) get the value.
    pub words: fn(&C, Slot, &str, Timestamp) -> Option<String>,
}

impl<C: ?Sized> Table<C> {
    pub fn column(&self, name: &str) -> Option<&'static Column<C>> {
        self.columns.iter().find(|column| column.name == name)
    }
}
