//! Figures over time: what is recorded, and what became of it.

use smallvec::SmallVec;

use super::Text;

/// A figure that is recorded again and again: what it is, whatever it is of.
#[derive(Debug, PartialEq, Eq)]
pub struct Series {
    /// The name in `show trend` and in the database: stable for ever.
    pub name: &'static str,
    pub unit: &'static str,
    /// What its lines are told apart by: each sample has a value for each of them, in this order.
    pub labels: &'static [&'static str],
    pub pace: Pace,
    pub rollup: Rollup,
}

/// How often it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each minute; minutes are kept for two days. For what the cloud has few lines of.
    Minutes,
    /// Each hour, and when it has changed. For what each host or project has a line of.
    Changes,
}

/// What many points become in one that stands for their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollup {
    Mean,
    /// A peak that a mean would hide.
    Greatest,
    Last,
}

/// The values of a series' labels, in their order.
pub type Labels = SmallVec<[Text; 1]>;

/// What a series is now. What is not known is no sample: never a zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub series: &'static Series,
    pub labels: Labels,
    pub value: f64,
}

/// What was known at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Seconds since 1970, UTC.
    pub at: i64,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds since 1970, UTC. Of what was rolled up, where its time begins.
    pub at: i64,
    pub value: f64,
}

/// What became of one line of a series. Where there is no point, nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    pub series: Text,
    pub labels: Labels,
    pub unit: Text,
    /// Seconds that a point stands for; the next one may be nearer.
    pub step: u32,
    /// In the order of time.
    pub points: Vec<Point>,
}

/// A question for what became of a series, up to now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wish {
    /// Its name.
    pub series: Text,
    /// Those of its lines whose labels begin with these: a project's, whatever the resource. All of them otherwise.
    pub labels: Option<Labels>,
    /// So many seconds back.
    pub over: u32,
}
