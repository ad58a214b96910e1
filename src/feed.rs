//! The collectors at work: one channel of reports, what is wanted, questions under way.
//!
//! The dashboard, `show` and `screen` all read a cloud through this.

use std::collections::HashMap;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use crate::collect::{self, Collector, Outlet, query};
use crate::model::Batch;
use crate::report::{Report, Topic};
use crate::request::{Query, Wanted};
use crate::source::Sources;

/// Reports that may wait to be taken in, each a page of rows at most. When it is full, collectors wait: nothing is
/// lost.
const CHANNEL: usize = 4;

/// The running collectors of one cloud. Dropping it cancels them all.
pub struct Feed {
    sources: Sources,
    epoch: u64,
    to: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    wanted: watch::Sender<Wanted>,
    tasks: JoinSet<()>,
    queries: HashMap<&'static str, AbortHandle>,
}

impl Feed {
    /// Starts the collectors whose topic `which` wants.
    pub fn start(sources: impl Into<Sources>, epoch: u64, which: impl Fn(Topic) -> bool) -> Self {
        let sources = sources.into();
        let collectors = collect::all(&sources);
        Self::over(sources, epoch, collectors.into_iter().filter(|collector| which(collector.topic())))
    }

    /// Starts these collectors.
    pub fn over(
        sources: impl Into<Sources>,
        epoch: u64,
        collectors: impl IntoIterator<Item = Box<dyn Collector>>,
    ) -> Self {
        let (to, reports) = mpsc::channel(CHANNEL);
        let (wanted, _) = watch::channel(Wanted::default());
        let mut tasks = JoinSet::new();
        for collector in collectors {
            tasks.spawn(collect::supervise(collector, wanted.subscribe(), Outlet::new(to.clone(), epoch)));
        }
        Self { sources: sources.into(), epoch, to, reports, wanted, tasks, queries: HashMap::new() }
    }

    /// What is asked: a session with the cloud, and the brokers.
    pub fn session(&self) -> &Sources {
        &self.sources
    }

    /// Waits for reports and takes all that are there, up to `limit`. An error is a collector that panicked:
    /// a bug, which must end the program rather than freeze a pane.
    pub async fn reports(&mut self, into: &mut Vec<Report>, limit: usize) -> Result<(), JoinError> {
        tokio::select! {
            biased;
            error = panicked(&mut self.tasks) => Err(error),
            // Never none: `self.to` keeps the channel open.
            _ = self.reports.recv_many(into, limit) => Ok(()),
        }
    }

    /// Says what is worth asking; collectors that sleep are woken only by a refresh of theirs.
    pub fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|now| {
            let changed = *now != wanted;
            if changed {
                *now = wanted;
            }
            changed
        });
    }

    /// Whether figures are to be recorded.
    pub fn has_history(&self) -> bool {
        self.sources.history.is_some()
    }

    /// Gives a minute's figures to be recorded. Never waits.
    pub fn record(&self, batch: Batch) {
        if let Some(history) = &self.sources.history {
            history.record(batch);
        }
    }

    /// Asks about one thing; a question of the same slot that is still under way is dropped.
    pub fn ask(&mut self, question: Query) {
        let slot = question.slot();
        let out = Outlet::new(self.to.clone(), self.epoch);
        let task = self.tasks.spawn(query::run(question, self.sources.clone(), out));
        if let Some(old) = self.queries.insert(slot, task) {
            old.abort();
        }
    }
}

/// Waits until a collector panics; those that end otherwise were cancelled.
async fn panicked(tasks: &mut JoinSet<()>) -> JoinError {
    loop {
        match tasks.join_next().await {
            Some(Err(error)) if error.is_panic() => return error,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}
