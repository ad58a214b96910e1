//! Brokers and their nodes: the cheap part of what a broker tells. All brokers are asked at the same time, each
//! with one request under way.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::queues::Queues;
use super::{Collector, Outlet, outage, pause_after};
use crate::model::{Broker, Connections, Identified, Text};
use crate::report::{Delta, Outage, Outcome, Topic};
use crate::request::Wanted;
use crate::source::rabbitmq::{self, Management};
use crate::source::{Error, ErrorKind, Sources};

/// The rhythm of what is cheap. A broker measures itself every 5 s.
pub(super) const EVERY: Duration = Duration::from_secs(15);
/// However slow a broker is, it is asked this often.
pub(super) const SELDOM: Duration = Duration::from_secs(180);
/// An answer may take this part of the time.
const SHARE: u32 = 10;
/// Connections are a row each: asked less often.
const CONNECTIONS_EVERY: Duration = Duration::from_secs(60);

/// The collectors over these brokers; where there are none, those that say so.
pub(super) fn all(sources: &Sources) -> Vec<Box<dyn Collector>> {
    let Sources { brokers, amqp, unconfigured, .. } = sources;
    if brokers.is_empty() {
        let why = unconfigured.clone().unwrap_or_else(|| rabbitmq::unconfigured(&[]));
        return [Topic::Brokers, Topic::Nodes, Topic::Queues]
            .map(|topic| Box::new(Unconfigured(topic, why.clone())) as Box<dyn Collector>)
            .into();
    }
    vec![
        Box::new(Brokers::new(brokers)),
        Box::new(Nodes { each: Each::new(brokers), known: HashMap::new() }),
        Box::new(Queues::new(brokers, amqp)),
    ]
}

/// Nobody named a broker: that is no failure of one, and neither is it well.
struct Unconfigured(Topic, Error);

impl Collector for Unconfigured {
    fn topic(&self) -> Topic {
        self.0
    }

    fn every(&self) -> Duration {
        SELDOM
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        _: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Err(self.1.clone())))
    }
}

/// All brokers, with what each of them cost and when one that failed may be asked again.
pub(super) struct Each {
    pub brokers: Vec<Management>,
    resting: Vec<Option<Rest>>,
    took: Duration,
}

#[derive(Clone)]
struct Rest {
    until: Instant,
    failures: u32,
    error: Error,
}

impl Each {
    pub fn new(brokers: &[Management]) -> Self {
        Self { brokers: brokers.to_vec(), resting: vec![None; brokers.len()], took: Duration::ZERO }
    }

    /// The rhythm that the slowest answer allows.
    pub fn every(&self, at_least: Duration) -> Duration {
        (self.took * SHARE).clamp(at_least, SELDOM.max(at_least))
    }

    /// Asks all of them at once. One of several that failed rests, as a collector of its own would; a single
    /// one has the supervisor for that.
    pub async fn ask<'a, T, F: Future<Output = Result<T, Error>>>(
        &mut self,
        question: impl Fn(usize) -> F + 'a,
    ) -> Vec<Result<T, Error>> {
        let started = Instant::now();
        let several = self.brokers.len() > 1;
        let resting = &self.resting;
        let answers = join_all((0..self.brokers.len()).map(|at| {
            let rest =
                resting.get(at).cloned().flatten().filter(|rest| several && rest.until > Instant::now());
            let asked = rest.is_none().then(|| question(at));
            async move {
                match (rest, asked) {
                    (Some(rest), _) => Err(rest.error),
                    (None, Some(asked)) => asked.await,
                    (None, None) => Err(rabbitmq::unconfigured(&[])),
                }
            }
        }))
        .await;
        for (answer, rest) in answers.iter().zip(&mut self.resting) {
            match answer {
                Ok(_) => *rest = None,
                Err(_) if rest.as_ref().is_some_and(|rest| rest.until > Instant::now()) => {}
                Err(error) => {
                    let failures = rest.as_ref().map_or(0, |rest| rest.failures + 1);
                    let until = Instant::now() + pause_after(error, failures);
                    *rest = Some(Rest { until, failures, error: error.clone() });
                }
            }
        }
        // What hung tells nothing about the cost of what answers.
        if answers.iter().all(Result::is_ok) {
            self.took = started.elapsed();
        }
        answers
    }

    /// Ends a round: complete, of some brokers only, or failed with all of them.
    pub async fn end(
        &self,
        topic: Topic,
        failed: Vec<(Text, Error)>,
        limit: Option<Outage>,
        out: &Outlet,
    ) -> Result<(), Error> {
        if failed.len() == self.brokers.len()
            && let Some((_, error)) = failed.into_iter().next()
        {
            return Err(error);
        }
        out.say(Outcome::End { topic, complete: true, limit }).await;
        Ok(())
    }
}

/// What brokers that could not be asked leave unknown.
pub(super) fn missing(failed: &[(Text, Error)]) -> Option<Outage> {
    let (name, error) = failed.first()?;
    let mut missing = outage(error, None);
    missing.message = format!("broker {name}: {}", missing.message);
    Some(missing)
}

/// What each broker says of itself.
struct Brokers {
    each: Each,
    known: HashMap<usize, Broker>,
    connections: HashMap<usize, (Instant, Option<Connections>)>,
}

impl Brokers {
    fn new(brokers: &[Management]) -> Self {
        Self { each: Each::new(brokers), known: HashMap::new(), connections: HashMap::new() }
    }
}

impl Collector for Brokers {
    fn topic(&self) -> Topic {
        Topic::Brokers
    }

    fn every(&self) -> Duration {
        self.each.every(EVERY)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let brokers = self.each.brokers.clone();
            let answers = self.each.ask(|at| rabbitmq::overview(&brokers[at])).await;
            let topic = Topic::Brokers;
            out.say(Outcome::Begin { topic, expected: Some(brokers.len()) }).await;
            let (mut rows, mut failed) = (Vec::new(), Vec::new());
            for (at, (answer, broker)) in answers.into_iter().zip(&brokers).enumerate() {
                match answer {
                    Ok(row) => {
                        let row = self.with_connections(at, row, broker).await;
                        self.known.insert(at, row.clone());
                        rows.push(row);
                    }
                    // What was known stays; that it is old is in the row, since others may be fresh.
                    Err(error) => {
                        let mut row =
                            self.known.get(&at).cloned().unwrap_or_else(|| rabbitmq::unknown(broker));
                        row.trouble = Some((error.message.as_str().into(), error.next_step.as_str().into()));
                        failed.push((row.name.clone(), error));
                        rows.push(row);
                    }
                }
            }
            out.say(Outcome::Part(Delta::Brokers(rows))).await;
            let limit = missing(&failed);
            self.each.end(topic, failed, limit, out).await
        })
    }
}

impl Brokers {
    /// Its connections by state, not older than a minute or so. They are no reason to call a broker unknown.
    async fn with_connections(&mut self, at: usize, mut row: Broker, broker: &Management) -> Broker {
        row.as_of = Some(Timestamp::now());
        let due = self.connections.get(&at).is_none_or(|(read, _)| read.elapsed() >= CONNECTIONS_EVERY);
        if due {
            let read = rabbitmq::connections(broker, row.totals.connections).await;
            let read = read.inspect_err(|error| tracing::warn!("{}", error.message)).unwrap_or_default();
            self.connections.insert(at, (Instant::now(), read));
        }
        row.connections = self.connections.get(&at).and_then(|(_, read)| read.clone());
        row
    }
}

/// The members of each cluster.
struct Nodes {
    each: Each,
    known: HashMap<usize, HashSet<Text>>,
}

impl Collector for Nodes {
    fn topic(&self) -> Topic {
        Topic::Nodes
    }

    fn every(&self) -> Duration {
        self.each.every(EVERY)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let brokers = self.each.brokers.clone();
            let answers = self.each.ask(|at| rabbitmq::nodes(&brokers[at])).await;
            let topic = Topic::Nodes;
            let mut failed = Vec::new();
            let mut read = Vec::new();
            for (at, (answer, broker)) in answers.into_iter().zip(&brokers).enumerate() {
                match answer {
                    Ok(rows) => read.push((at, rows)),
                    Err(error) => failed.push((broker.config().name.as_str().into(), error)),
                }
            }
            if !failed.is_empty() && !read.is_empty() {
                return self.some(read, failed, out).await;
            }
            if failed.is_empty() {
                out.say(Outcome::Begin { topic, expected: None }).await;
                self.known.clear();
                for (at, rows) in read {
                    self.known.insert(at, ids(&rows));
                    out.say(Outcome::Part(Delta::Nodes(rows))).await;
                }
            }
            self.each.end(topic, failed, None, out).await
        })
    }
}

impl Nodes {
    /// Of some brokers only: nothing is swept, for the others' rows stay.
    async fn some(
        &mut self,
        read: Vec<(usize, Vec<crate::model::BrokerNode>)>,
        failed: Vec<(Text, Error)>,
        out: &Outlet,
    ) -> Result<(), Error> {
        for (at, rows) in read {
            let now = ids(&rows);
            let gone = self.known.insert(at, now.clone()).unwrap_or_default();
            out.say(Outcome::Part(Delta::Nodes(rows))).await;
            let gone: Vec<Text> = gone.difference(&now).cloned().collect();
            out.say(Outcome::Part(Delta::Remove(Topic::Nodes, gone))).await;
        }
        let limit = missing(&failed);
        out.say(Outcome::End { topic: Topic::Nodes, complete: false, limit }).await;
        Ok(())
    }
}

/// The identities of rows.
pub(super) fn ids<T: Identified>(rows: &[T]) -> HashSet<Text> {
    rows.iter().map(|row| row.id().clone()).collect()
}

/// Whether an answer was too much for a broker, rather than refused.
pub(super) fn is_too_much(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Timeout | ErrorKind::TooLarge)
}
