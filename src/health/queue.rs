//! A queue, judged by what it is for, who should be behind it, and what became of its depth.
//!
//! operations.md 2.8 (R07–R12, R16, R21) and 3.2 (what is normal for each kind). A stream's depth is no
//! backlog: it is never judged.

#[cfg(test)]
mod tests;
mod words;

use jiff::{SignedDuration, Timestamp};

use super::expect::{self, Listed};
use super::{Note, Verdict};
use crate::model::{Queue, QueueRole, QueueType};
use crate::report::Topic;
use crate::store::Store;

/// Messages that wait, or are not acknowledged, from which a queue for work is called deep (3.2).
const DEEP: u64 = 100;
const VERY_DEEP: u64 = 1_000;
/// Notifications that nobody reads (R08).
const UNREAD: u64 = 1_000;
const MANY_UNREAD: u64 = 20_000;
/// The management API's figures are some seconds old: a dispute that lasts no longer is none.
const DISPUTED: SignedDuration = SignedDuration::from_secs(30);
/// Answers that wait for who asked (3.2).
const ANSWERS: u64 = 50;

/// One thing that is wrong, or to be known.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// `down`, `minority`, `crashed`, `stopped`.
    State(String),
    /// A replicated queue with fewer members online than it has.
    Members {
        online: usize,
        all: usize,
    },
    /// Not measured yet, or its node is down, or statistics are off.
    Unmeasured,
    /// A host's queue that nobody takes from.
    OffTheBus(Listed),
    /// A shared queue that nobody takes from; how many should, where that is known.
    Nobody(Option<u64>),
    TooFew {
        has: u64,
        least: u64,
    },
    /// It is called down, and takes messages all the same.
    DownYetConsumes,
    Deep(u64),
    Unacked(u64),
    Growing {
        from: u64,
        to: u64,
        over: SignedDuration,
    },
    /// Notifications, and nobody reads them.
    NobodyReads,
    /// Its process is gone; the queue goes by itself.
    LeftBehind,
    /// For so long the management API says otherwise than AMQP about whether it has a consumer.
    Disputed {
        listed: u64,
        declared: u64,
        over: SignedDuration,
    },
    /// Whoever asked does not take the answers.
    Answers(u64),
}

/// The verdict alone, without building words: what sorting and colour need.
pub fn verdict(store: &Store, queue: &Queue) -> Verdict {
    let worst = findings(store, queue).iter().map(|finding| finding.verdict(queue)).max();
    worst.unwrap_or(Verdict::Ok)
}

/// Everything that is to be said, worst first.
pub fn notes(store: &Store, queue: &Queue, now: Timestamp) -> Vec<Note> {
    let mut notes: Vec<Note> = findings(store, queue)
        .iter()
        .map(|finding| Note { verdict: finding.verdict(queue), words: finding.words(store, queue, now) })
        .collect();
    notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    notes
}

/// What there is to say about a queue.
pub fn findings(store: &Store, queue: &Queue) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(state) = queue.state.as_deref().filter(|state| is_broken(state)) {
        found.push(Finding::State(state.to_owned()));
    }
    if queue.online.len() < queue.members.len() {
        found.push(Finding::Members { online: queue.online.len(), all: queue.members.len() });
    }
    let Some(consumers) = queue.consumers else {
        if found.is_empty() {
            found.push(Finding::Unmeasured);
        }
        return found;
    };
    let stream = queue.kind == QueueType::Stream;
    match queue.meaning.role {
        QueueRole::Host => of_host(store, queue, consumers, &mut found),
        QueueRole::Topic => of_topic(store, queue, consumers, &mut found),
        QueueRole::Notification if consumers == 0 && queue.ready.is_some_and(|n| n > 0) && !stream => {
            found.push(Finding::NobodyReads);
        }
        QueueRole::Fanout | QueueRole::Reply if consumers == 0 && !stream => found.push(Finding::LeftBehind),
        QueueRole::Fanout if consumers == 0 => found.push(Finding::Nobody(None)),
        QueueRole::Reply => answers(store, queue, &mut found),
        QueueRole::Other if consumers == 0 && queue.ready.is_some_and(|n| n > 0) && !stream => {
            found.push(Finding::Nobody(None));
        }
        QueueRole::Notification | QueueRole::Fanout | QueueRole::Other => {}
    }
    if !stream {
        depth(store, queue, &mut found);
    }
    found.extend(disputed(store, queue));
    found
}

fn is_broken(state: &str) -> bool {
    matches!(state, "down" | "minority" | "crashed" | "stopped")
}

fn of_host(store: &Store, queue: &Queue, consumers: u64, found: &mut Vec<Finding>) {
    let listed = expect::behind(store, queue);
    match listed {
        _ if consumers == 0 => found.push(Finding::OffTheBus(listed)),
        // Work for cinder's backends and neutron's objects is taken by processes of several services.
        Listed::Down { disabled: false, .. } if queue.meaning.service == Some("nova-compute") => {
            found.push(Finding::DownYetConsumes);
        }
        _ => {}
    }
}

fn of_topic(store: &Store, queue: &Queue, consumers: u64, found: &mut Vec<Finding>) {
    match expect::least(store, queue) {
        least if consumers == 0 => found.push(Finding::Nobody(least)),
        Some(least) if consumers < least => found.push(Finding::TooFew { has: consumers, least }),
        _ => {}
    }
}

/// Two ways of asking, and two answers.
fn disputed(store: &Store, queue: &Queue) -> Option<Finding> {
    let since = store.trend(&queue.id)?.disputed_since?;
    let over = store.freshness(Topic::Queues).as_of?.duration_since(since);
    let (listed, declared) = (queue.listed?.consumers?, queue.declared?.consumers?);
    (over >= DISPUTED).then_some(Finding::Disputed { listed, declared, over })
}

/// An answer that is still there at the next look is one that nobody takes.
fn answers(store: &Store, queue: &Queue, found: &mut Vec<Finding>) {
    if let Some(n) = queue.ready.filter(|n| *n > 0 && stays_above(store, queue, 0)) {
        found.push(Finding::Answers(n));
    }
}

fn depth(store: &Store, queue: &Queue, found: &mut Vec<Finding>) {
    let role = queue.meaning.role;
    let work = matches!(role, QueueRole::Host | QueueRole::Topic | QueueRole::Fanout | QueueRole::Other);
    if let Some(n) = queue.ready.filter(|n| work && *n > DEEP && stays_above(store, queue, DEEP)) {
        found.push(Finding::Deep(n));
    }
    if let Some(n) = queue.unacked.filter(|n| *n > DEEP) {
        found.push(Finding::Unacked(n));
    }
    if let Some((from, to, over)) = store.trend(&queue.id).and_then(|trend| trend.growing()) {
        found.push(Finding::Growing { from, to, over });
    }
}

/// Whether the sample before was above this, too; with one sample alone, that one.
fn stays_above(store: &Store, queue: &Queue, limit: u64) -> bool {
    let depths: Vec<u64> = store.trend(&queue.id).map(|trend| trend.depths().collect()).unwrap_or_default();
    depths.iter().rev().take(2).all(|depth| *depth > limit)
}

impl Finding {
    pub fn verdict(&self, queue: &Queue) -> Verdict {
        let waits = queue.ready.unwrap_or(0);
        let alone = queue.consumers == Some(0);
        match self {
            Self::State(_) => Verdict::Critical,
            Self::Members { .. } | Self::TooFew { .. } | Self::DownYetConsumes | Self::Disputed { .. } => {
                Verdict::Warning
            }
            Self::Unmeasured => Verdict::Unknown,
            Self::OffTheBus(Listed::Up { .. } | Listed::Down { disabled: false, .. }) => Verdict::Critical,
            Self::OffTheBus(Listed::Down { disabled: true, .. }) if waits == 0 => Verdict::Disabled,
            Self::OffTheBus(Listed::Down { .. }) => Verdict::Warning,
            Self::OffTheBus(Listed::Unknown) if waits == 0 => Verdict::Info,
            Self::OffTheBus(Listed::Unknown) => Verdict::Warning,
            Self::OffTheBus(Listed::Unread) if waits == 0 => Verdict::Warning,
            Self::OffTheBus(Listed::Unread) => Verdict::Critical,
            Self::Nobody(Some(1..)) => Verdict::Critical,
            Self::Nobody(_) if waits > DEEP => Verdict::Critical,
            Self::Nobody(_) if waits > 0 => Verdict::Warning,
            Self::Nobody(_) => Verdict::Info,
            Self::Deep(n) | Self::Unacked(n) if *n > VERY_DEEP => Verdict::Critical,
            Self::Deep(_) | Self::Unacked(_) => Verdict::Warning,
            Self::Growing { .. } => match queue.meaning.role {
                QueueRole::Host | QueueRole::Topic if alone => Verdict::Critical,
                _ => Verdict::Warning,
            },
            Self::NobodyReads if waits > MANY_UNREAD => Verdict::Critical,
            Self::NobodyReads if waits > UNREAD => Verdict::Warning,
            Self::NobodyReads | Self::LeftBehind => Verdict::Info,
            Self::Answers(n) if *n > ANSWERS => Verdict::Critical,
            Self::Answers(_) => Verdict::Warning,
        }
    }
}
