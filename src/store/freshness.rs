//! How well a topic is known: when it was last true, whether it is whole, why not.

use jiff::{SignedDuration, Timestamp};

use crate::report::{Outage, Topic};

/// The age and trouble of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Freshness {
    /// The last time that the topic's facts were confirmed by its source.
    pub as_of: Option<Timestamp>,
    /// Whether the last full read got everything.
    pub complete: bool,
    /// What this account may not see of the topic, though reads succeed: "own project only".
    pub limit: Option<Outage>,
    /// Since when it fails, when it failed last, and why. Cleared by the next success.
    pub outage: Option<Failing>,
    /// A full read under way.
    pub progress: Option<Progress>,
    /// Grows whenever any of this changes.
    pub revision: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    pub since: Timestamp,
    pub last: Timestamp,
    pub outage: Outage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub started: Timestamp,
    pub seen: usize,
    pub expected: Option<usize>,
}

/// What a reader of the screen must know about a topic at one glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was read yet and nothing failed.
    Waiting,
    Fresh,
    /// Known, but old: failing, or silent for too long.
    Stale,
    /// Never had.
    Failed,
}

impl Freshness {
    pub fn standing(&self, topic: Topic, now: Timestamp) -> Standing {
        match (self.as_of, &self.outage) {
            (None, None) => Standing::Waiting,
            (None, Some(_)) => Standing::Failed,
            (Some(_), Some(_)) => Standing::Stale,
            (Some(as_of), None) if now.duration_since(as_of) > topic.stale_after() => Standing::Stale,
            (Some(_), None) => Standing::Fresh,
        }
    }

    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        self.as_of.map(|at| now.duration_since(at))
    }

    /// Succeeded or failed at least once: a single frame need not wait any longer.
    pub fn settled(&self) -> bool {
        self.progress.is_none() && (self.as_of.is_some() || self.outage.is_some())
    }

    pub(super) fn succeeded(&mut self, at: Timestamp) {
        self.as_of = Some(at);
        self.outage = None;
        self.revision += 1;
    }

    pub(super) fn failed(&mut self, at: Timestamp, outage: Outage) {
        let since = self.outage.as_ref().map_or(at, |failing| failing.since);
        self.outage = Some(Failing { since, last: at, outage });
        self.progress = None;
        self.revision += 1;
    }
}
