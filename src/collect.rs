//! Collectors: each asks one question of the cloud, again and again, and reports what it hears.
//!
//! `supervise` owns time: when the next round is due, how long to wait after a failure, jitter. A collector
//! knows only its question. Nothing here draws, and no collector sees the store: what is worth asking comes
//! in `Wanted`.

pub mod query;

mod brokers;
mod declares;
mod history;
mod hypervisors;
mod identity;
mod instances;
pub mod logs;
mod names;
mod notifications;
mod placement;
mod queues;
mod quotas;
pub mod trace;
mod whole;

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::model::Trouble;
use crate::report::{Delta, Outage, OutageKind, Outcome, Report, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, Sources, cinder, neutron, nova};
pub use quotas::first_round;
use whole::Whole;

/// The collectors of a cloud and of its brokers, in the order in which they start.
pub fn all(sources: &Sources) -> Vec<Box<dyn Collector>> {
    let mut collectors = sources.session.as_ref().map(of_cloud).unwrap_or_default();
    collectors.extend(sources.session.iter().flat_map(|session| quotas::all(sources, session)));
    collectors.extend(brokers::all(sources));
    collectors.extend(notifications::all(&sources.amqp));
    collectors.extend(trace::all(sources));
    collectors.push(logs::all(sources));
    collectors.extend(history::all(sources));
    collectors
}

/// Those of a cloud. Those whose answer comes whole are one entry
/// here: the topic, how often (seconds), the question.
fn of_cloud(session: &Session) -> Vec<Box<dyn Collector>> {
    vec![
        Box::new(identity::Identity::new(session.clone())),
        // The cheapest sign of a host that is off the bus.
        Box::new(Whole::new(session, Topic::Services, 15, |nova| {
            nova::services(nova).map_ok(Delta::Services).boxed()
        })),
        Box::new(hypervisors::Hypervisors::new(session.clone())),
        Box::new(instances::Instances::new(session.clone())),
        // They change once a week.
        Box::new(Whole::new(session, Topic::Aggregates, 300, |nova| {
            nova::aggregates(nova).map_ok(Delta::Aggregates).boxed()
        })),
        Box::new(names::Names::new(session.clone())),
        Box::new(placement::Placement::new(session.clone())),
        // While one touches a host, Placement and nova may well disagree about it.
        Box::new(Whole::new(session, Topic::Migrations, 30, |nova| {
            nova::migrations(nova).map_ok(Delta::Migrations).boxed()
        })),
        Box::new(Whole::new(session, Topic::VolumeServices, 30, |cinder| {
            cinder::services(cinder).map_ok(Delta::VolumeServices).boxed()
        })),
        Box::new(Whole::new(session, Topic::Agents, 30, |neutron| {
            neutron::agents(neutron).map_ok(Delta::Agents).boxed()
        })),
    ]
}

/// One question, asked again and again.
pub trait Collector: Send {
    /// The topic that it reads, and that a failed round is about.
    fn topic(&self) -> Topic;

    /// The pause between the starts of two rounds that succeeded.
    fn every(&self) -> Duration;

    /// Whether something is wanted now that should not wait for the next round.
    fn urgent(&self, _: &Wanted) -> bool {
        false
    }

    /// One round: it returns after its answer. What it learns goes to `out` as it comes.
    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// Where a collector's reports go.
#[derive(Clone, Debug)]
pub struct Outlet {
    to: mpsc::Sender<Report>,
    epoch: u64,
}

impl Outlet {
    pub fn new(to: mpsc::Sender<Report>, epoch: u64) -> Self {
        Self { to, epoch }
    }

    /// Says one thing; waits while the channel is full, so a flood slows its source and loses nothing.
    pub async fn say(&self, outcome: Outcome) {
        // A closed channel means that the program ends: the supervisor is being cancelled.
        let _ = self.to.send(Report { at: Timestamp::now(), epoch: self.epoch, outcome }).await;
    }

    /// A whole read whose rows come in one piece.
    pub async fn whole(&self, topic: Topic, delta: Delta) {
        self.say(Outcome::Begin { topic, expected: None }).await;
        self.say(Outcome::Part(delta)).await;
        self.say(Outcome::End { topic, complete: true, limit: None }).await;
    }

    fn is_closed(&self) -> bool {
        self.to.is_closed()
    }
}

/// The first pause after a failure; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Urgent wishes make the next round due, but not sooner than this after the last one began.
const URGENT: Duration = Duration::from_millis(300);
/// What the cloud refuses it will refuse again: asked rarely, in case a role was granted meanwhile.
const REFUSED_PAUSE: Duration = Duration::from_secs(300);

/// Runs one collector until it is dropped.
pub async fn supervise(mut collector: Box<dyn Collector>, mut wanted: watch::Receiver<Wanted>, out: Outlet) {
    let topic = collector.topic();
    let mut failures = 0u32;
    let mut refreshes = refreshes(&wanted, topic);
    while !out.is_closed() {
        let started = Instant::now();
        let pause = match collector.round(&wanted, &out).await {
            Ok(()) => {
                failures = 0;
                let slower = if wanted.borrow().slow { 4 } else { 1 };
                // Counted from the start: a slow answer does not stretch the rhythm, unless it is slower
                // than the rhythm; then it waits as long as the answer took, so that it never asks without
                // pause.
                let every = jittered(collector.every() * slower);
                every.saturating_sub(started.elapsed()).max(started.elapsed().min(every))
            }
            Err(error) => {
                let pause = pause_after(&error, failures);
                failures = failures.saturating_add(1);
                let outage = outage(&error, Some(pause));
                tracing::warn!(collector = topic.name(), kind = ?error.kind, "{}", outage.message);
                out.say(Outcome::Outage { topic, outage }).await;
                pause
            }
        };
        let mut due = Instant::now() + pause;
        loop {
            // Back-off goes before every wish but a refresh by hand.
            if failures == 0 && collector.urgent(&wanted.borrow()) {
                due = due.min(started + URGENT);
            }
            tokio::select! {
                () = tokio::time::sleep_until(due) => break,
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = self::refreshes(&wanted, topic);
                    if now != refreshes {
                        refreshes = now;
                        break;
                    }
                }
            }
        }
    }
}

fn refreshes(wanted: &watch::Receiver<Wanted>, topic: Topic) -> u64 {
    wanted.borrow().refresh.get(&topic).copied().unwrap_or(0)
}

/// How long to wait after a failure.
fn pause_after(error: &Error, failures: u32) -> Duration {
    if let Some(asked) = error.retry_after {
        // Never sooner; and not all at the same moment.
        return asked.max(FIRST_PAUSE).mul_f64(rand::random_range(1.0..=1.1));
    }
    let base = match error.kind {
        ErrorKind::Forbidden => REFUSED_PAUSE,
        // Not in the catalog. A 404 is what a web server says while the service behind it starts.
        ErrorKind::Missing if error.status.is_none() => REFUSED_PAUSE,
        // A wrong password locks accounts in many directories: never hammer.
        ErrorKind::Auth => Duration::from_secs(30).saturating_mul(1 << failures.min(4)).min(REFUSED_PAUSE),
        _ => FIRST_PAUSE.saturating_mul(1 << failures.min(8)).min(MAX_PAUSE),
    };
    jittered(base)
}

/// A tenth more or less, so that many dashboards do not ask in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..=1.1))
}

/// A source's error, as words print it.
pub fn trouble(error: &Error) -> Trouble {
    let outage = outage(error, None);
    Trouble {
        source: error.service,
        kind: outage.kind.as_str(),
        message: outage.message,
        next_step: outage.next_step,
        request_id: outage.request_id,
    }
}

/// A source's error, as the store keeps it.
pub fn outage(error: &Error, retry_in: Option<Duration>) -> Outage {
    let kind = match error.kind {
        ErrorKind::Auth => OutageKind::Auth,
        ErrorKind::Forbidden => OutageKind::Forbidden,
        ErrorKind::Missing => OutageKind::Missing,
        ErrorKind::BadAnswer | ErrorKind::TooLarge | ErrorKind::Redirect => OutageKind::BadAnswer,
        ErrorKind::Unreachable
        | ErrorKind::Timeout
        | ErrorKind::Tls
        | ErrorKind::RateLimited
        | ErrorKind::Server => OutageKind::Unreachable,
    };
    Outage {
        kind,
        message: error.message.clone(),
        next_step: error.next_step.clone(),
        request_id: error.request_id.clone(),
        retry_in,
    }
}

#[cfg(test)]
mod tests;
