//! Queues: all of them as often as the broker can bear it, and of a large broker the deepest in between.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::brokers::{EVERY, Each, ids, is_too_much, missing};
use super::{Collector, Outlet, outage};
use crate::model::{Queue, Text};
use crate::report::{Delta, Outage, Outcome, Topic};
use crate::request::Wanted;
use crate::source::Error;
use crate::source::rabbitmq::{self, Management, Which};

/// With more queues than this a list costs a broker seconds (operations.md 3.4).
const MANY: u64 = 2_000;
/// How often such a broker is asked for its deepest queues, and for all of them.
const DEEPEST_EVERY: Duration = Duration::from_secs(30);
const ALL_EVERY: Duration = Duration::from_secs(60);
/// All queues cost a broker at most this part of the time.
const SHARE: u32 = 10;
/// Rows that are handed on at once, so that keys are heard in between.
const CHUNK: usize = 1_000;

pub(super) struct Queues {
    each: Each,
    lists: Vec<Listing>,
    refreshes: u64,
}

/// What is known of one broker's list.
#[derive(Clone, Default)]
struct Listing {
    known: HashSet<Text>,
    /// When it was read whole, and how long that took.
    whole: Option<(Instant, Duration)>,
    /// How many queues the broker has, as it says itself.
    count: u64,
    /// The tags of our account that do not let it see everything; asked once.
    blind: Option<Option<Outage>>,
    /// What the account may not see of it, by the last whole read.
    limit: Option<Outage>,
    /// It failed the last time: then the next answer must be whole.
    failed: bool,
    /// One answer with all of them is more than the broker can give: it is asked page by page.
    paged: bool,
}

/// One broker's answer.
struct Read {
    rows: Vec<Queue>,
    whole: bool,
    listing: Listing,
}

impl Queues {
    pub fn new(brokers: &[Management]) -> Self {
        Self { each: Each::new(brokers), lists: vec![Listing::default(); brokers.len()], refreshes: 0 }
    }
}

impl Listing {
    fn is_large(&self) -> bool {
        self.count > MANY
    }

    fn is_due(&self) -> bool {
        self.whole.is_none_or(|(at, cost)| !self.is_large() || at.elapsed() >= ALL_EVERY.max(cost * SHARE))
    }

    async fn read(mut self, broker: &Management, anew: bool) -> Result<Read, Error> {
        // How many there are decides how to ask for them.
        self.count = rabbitmq::queue_count(broker).await?.unwrap_or(0);
        if anew || self.blind.is_none() {
            self.blind = Some(blind(broker).await?);
        }
        if !anew && !self.is_due() && !self.failed {
            let rows = rabbitmq::queues(broker, Which::Deepest(1)).await?.rows;
            return Ok(Read { rows, whole: false, listing: self });
        }
        self.failed = false;
        let started = Instant::now();
        let rows = match self.paged {
            true => pages(broker).await?,
            false => match rabbitmq::queues(broker, Which::All).await {
                Ok(part) => part.rows,
                Err(error) if is_too_much(&error) && self.is_large() => {
                    self.paged = true;
                    pages(broker).await?
                }
                Err(error) => return Err(error),
            },
        };
        self.whole = Some((Instant::now(), started.elapsed()));
        // Those that went while the list was read are hidden from nobody.
        if (rows.len() as u64) < self.count {
            self.count = rabbitmq::queue_count(broker).await?.unwrap_or(0).min(self.count);
        }
        Ok(Read { rows, whole: true, listing: self })
    }

    /// Fewer queues than the broker says it has: those of vhosts on which the account has no permission are
    /// left out without a word. A few may come and go between the two questions.
    fn hidden(&self, broker: &Management, shown: usize) -> Option<Outage> {
        if let Some(Some(blind)) = &self.blind {
            return Some(blind.clone());
        }
        let (shown, all) = (shown as u64, self.count);
        let hidden = all.saturating_sub(shown);
        if hidden == 0 || (shown > 0 && hidden <= (all / 20).max(5)) {
            return None;
        }
        Some(outage(&rabbitmq::hides(&broker.config().user, shown, all), None))
    }
}

/// Why an account sees but a part, when its tags are to blame: then even the count is of its own vhosts alone.
async fn blind(broker: &Management) -> Result<Option<Outage>, Error> {
    let tags = rabbitmq::tags(broker).await?;
    let error = rabbitmq::lacks(&broker.config().user, &tags);
    Ok(error.map(|error| outage(&error, None)))
}

/// All queues, page by page. A queue that moves from one page to another while they are read may come twice,
/// or not at all: the next round has it.
async fn pages(broker: &Management) -> Result<Vec<Queue>, Error> {
    let mut rows = Vec::new();
    for page in 1.. {
        let part = rabbitmq::queues(broker, Which::Deepest(page)).await?;
        rows.extend(part.rows);
        if part.is_last {
            break;
        }
    }
    Ok(rows)
}

impl Collector for Queues {
    fn topic(&self) -> Topic {
        Topic::Queues
    }

    fn every(&self) -> Duration {
        let large = self.lists.iter().any(Listing::is_large);
        self.each.every(if large { DEEPEST_EVERY } else { EVERY })
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let topic = Topic::Queues;
            let asked = wanted.borrow().refresh.get(&topic).copied().unwrap_or(0);
            let anew = std::mem::replace(&mut self.refreshes, asked) != asked;
            let recovers = self.lists.iter().any(|list| list.failed);
            let brokers = self.each.brokers.clone();
            let lists = self.lists.clone();
            let answers = self.each.ask(|at| lists[at].clone().read(&brokers[at], anew)).await;
            let whole = answers.iter().all(|answer| matches!(answer, Ok(read) if read.whole));
            if whole {
                out.say(Outcome::Begin { topic, expected: None }).await;
            }
            let mut failed = Vec::new();
            for ((answer, broker), list) in answers.into_iter().zip(&brokers).zip(&mut self.lists) {
                match answer {
                    Err(error) => {
                        list.failed = true;
                        failed.push((broker.config().name.as_str().into(), error));
                    }
                    Ok(Read { rows, whole: of_it_all, mut listing }) => {
                        let mut gone = Vec::new();
                        if of_it_all {
                            listing.limit = listing.hidden(broker, rows.len());
                            let now = ids(&rows);
                            // Where other brokers' rows stay, nothing is swept: what is gone is named.
                            gone = listing.known.difference(&now).filter(|_| !whole).cloned().collect();
                            listing.known = now;
                        }
                        *list = listing;
                        say(rows, out).await;
                        out.say(Outcome::Part(Delta::Remove(topic, gone))).await;
                    }
                }
            }
            // What failed was read whole again: with it all is as fresh as it gets.
            if whole || failed.len() == brokers.len() || (failed.is_empty() && recovers) {
                let limit = self.lists.iter().find_map(|list| list.limit.clone());
                return self.each.end(topic, failed, limit, out).await;
            }
            if !failed.is_empty() {
                let limit = missing(&failed);
                out.say(Outcome::End { topic, complete: false, limit }).await;
            }
            // Only the deepest were read, of one broker at least: what all are was true before.
            Ok(())
        })
    }
}

async fn say(mut rows: Vec<Queue>, out: &Outlet) {
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(CHUNK));
        out.say(Outcome::Part(Delta::Queues(std::mem::replace(&mut rows, rest)))).await;
    }
}
