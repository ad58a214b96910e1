//! What became of a series, and which series there are.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::model::{Course, Labels, Text};
use crate::series;
use crate::table::{Slot, Slots, Table, Value, column};

/// Rows that do not change any more.
#[derive(Debug, Default)]
pub struct Still<T>(Vec<T>);

/// A line of a series.
#[derive(Debug)]
pub struct Line {
    pub series: Text,
    pub labels: Labels,
    pub unit: Text,
}

/// A point of a line.
#[derive(Debug)]
pub struct Moment {
    /// Seconds since 1970, UTC.
    at: i64,
    value: f64,
    step: u32,
    line: std::sync::Arc<Line>,
}

impl<T> Still<T> {
    pub fn new(rows: Vec<T>) -> Self {
        Self(rows)
    }

    pub(super) fn row(&self, slot: Slot) -> Option<&T> {
        self.0.get(slot as usize)
    }
}

impl Still<Moment> {
    /// The points of all of them, one line after the other.
    pub fn of(courses: &[Course]) -> Self {
        let of = |course: &Course| {
            let Course { series, labels, unit, step, points } = course.clone();
            let line = std::sync::Arc::new(Line { series, labels, unit });
            points.into_iter().map(move |point| Moment {
                at: point.at,
                value: point.value,
                step,
                line: line.clone(),
            })
        };
        Self(courses.iter().flat_map(of).collect())
    }
}

impl<T> Slots for Still<T> {
    fn revision(&self) -> u64 {
        0
    }

    fn changed_since(&self, _: u64) -> Option<Vec<Slot>> {
        Some(Vec::new())
    }

    fn is_live(&self, slot: Slot) -> bool {
        self.row(slot).is_some()
    }

    fn live(&self) -> Vec<Slot> {
        (0..self.0.len() as Slot).collect()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    /// They stand where they stand.
    fn key(&self, _: Slot) -> Option<&Text> {
        None
    }

    fn slot_of(&self, _: &str) -> Option<Slot> {
        None
    }
}

/// `host=cmp01`, for each label that the series has.
fn labels(line: &Line) -> Value<'_> {
    let names = series::by_name(&line.series).map_or(&[][..], |recorded| recorded.series.labels);
    let word = |(at, label): (usize, &Text)| match names.get(at) {
        Some(name) => Cow::Owned(format!("{name}={label}")),
        None => Cow::Owned(label.to_string()),
    };
    match line.labels.is_empty() {
        true => Value::Absent,
        false => Value::List(line.labels.iter().enumerate().map(word).collect()),
    }
}

/// All lines of all series.
pub const LINES: Table<Still<Line>> = Table {
    name: "trend",
    columns: &[
        column!("series", "SERIES", "", RECORDED, Left, (8, 20), 0, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |line| Value::text(&*line.series))),
        column!("labels", "LABELS", "", RECORDED, Left, (8, 60), 1, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, labels)),
        column!("unit", "UNIT", "", RECORDED, Left, (4, 20), 2, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |line| Value::text(&*line.unit))),
    ],
    slots: |rows| rows,
    sort: ("series", false),
    words: |_, _, _, _| None,
};

/// The points of a series.
pub const POINTS: Table<Still<Moment>> = Table {
    name: "trend SERIES",
    columns: &[
        column!("labels", "LABELS", "", RECORDED, Left, (8, 60), 1, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |row| labels(&row.line))),
        column!("at", "AT", "RFC 3339, UTC", RECORDED, Left, (20, 20), 0, |rows, slot| rows
            .row(slot)
            .and_then(|row| Timestamp::from_second(row.at).ok())
            .map_or(Value::Unknown, Value::Time)),
        column!("value", "VALUE", "the series'", RECORDED, Right, (5, 14), 0, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |row| Value::Float(row.value))),
        column!(
            "step",
            "STEP",
            "seconds that the value stands for",
            RECORDED,
            Right,
            (0, 0),
            99,
            |rows, slot| rows.row(slot).map_or(Value::Unknown, |row| Value::Int(i64::from(row.step)))
        ),
        column!("series", "SERIES", "", RECORDED, Left, (0, 0), 99, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |row| Value::text(&*row.line.series))),
        column!("unit", "UNIT", "", RECORDED, Left, (0, 0), 99, |rows, slot| rows
            .row(slot)
            .map_or(Value::Unknown, |row| Value::text(&*row.line.unit))),
    ],
    slots: |rows| rows,
    sort: ("at", false),
    // An age says nothing of a trend.
    words: |rows, slot, column, _| match column {
        "at" => Timestamp::from_second(rows.row(slot)?.at).ok().map(|at| at.to_string()),
        _ => None,
    },
};

const RECORDED: &str = "derived: recorded by the dashboard";
