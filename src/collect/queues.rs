//! Queues: all of them as often as the broker can bear it, and of a large broker the deepest in between; and over
//! AMQP those that must be there, which is all there is where the management API gives no answer.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::{BoxFuture, join};
use tokio::sync::watch;
use tokio::time::Instant;

use super::brokers::{EVERY, Each, SELDOM, ids, is_too_much, missing};
use super::declares::{Declares, Said};
use super::{Collector, Outlet, outage, pause_after};
use crate::model::{Depth, Queue, Text};
use crate::report::{Delta, Outage, Outcome, Topic};
use crate::request::Wanted;
use crate::source::Error;
use crate::source::rabbitmq::{self, Amqp, Management, Which};

/// With more queues than this a list costs a broker seconds (operations.md 3.4).
const MANY: u64 = 2_000;
/// How often such a broker is asked for its deepest queues, and for all of them.
const DEEPEST_EVERY: Duration = Duration::from_secs(30);
const ALL_EVERY: Duration = Duration::from_secs(60);
/// The same while metrics tell of all of them, and none came or went.
const ALL_MEASURED_EVERY: Duration = Duration::from_secs(180);
/// All queues cost a broker at most this part of the time.
const SHARE: u32 = 10;
/// A list that fails so often in a row is given up: what AMQP says stands alone then.
const GIVEN_UP: u32 = 3;
/// Rows that are handed on at once, so that keys are heard in between.
const CHUNK: usize = 1_000;

pub(super) struct Queues {
    each: Each,
    lists: Vec<Listing>,
    refreshes: u64,
}

/// What is known of one broker's list.
#[derive(Clone)]
struct Listing {
    declares: Declares,
    known: HashSet<Text>,
    /// When it was read whole, and how long that took.
    whole: Option<(Instant, Duration)>,
    /// How many queues the broker has, as it says itself.
    count: u64,
    /// No node publishes its metrics: left alone until then.
    unmeasured: Option<Instant>,
    /// Between the last two lists they did.
    measured: bool,
    /// The tags of our account that do not let it see everything; asked once.
    blind: Option<Option<Outage>>,
    /// What the account may not see of it, by the last whole read.
    limit: Option<Outage>,
    /// How often it failed in a row: the next answer must be whole then.
    failures: u32,
    /// Why, and until when it is left alone while AMQP answers for it.
    rest: Option<(Error, Instant)>,
    /// One answer with all of them is more than the broker can give: it is asked page by page.
    paged: bool,
}

/// One broker's answer.
struct Read {
    list: Listed,
    said: Vec<Said>,
    listing: Listing,
}

#[derive(Default)]
struct Listed {
    rows: Vec<Queue>,
    /// Of rows that were listed before.
    depths: Vec<Depth>,
    /// All that can be had: what it does not name is gone.
    whole: bool,
}

impl Queues {
    pub fn new(brokers: &[Management], amqp: &[Amqp]) -> Self {
        let list = |broker: &Management| Listing::new(Declares::new(amqp, &broker.config().name));
        Self { each: Each::new(brokers), lists: brokers.iter().map(list).collect(), refreshes: 0 }
    }
}

impl Listing {
    fn new(declares: Declares) -> Self {
        Self {
            declares,
            known: HashSet::new(),
            whole: None,
            count: 0,
            unmeasured: None,
            measured: false,
            blind: None,
            limit: None,
            failures: 0,
            rest: None,
            paged: false,
        }
    }

    fn is_large(&self) -> bool {
        self.count > MANY
    }

    fn is_due(&self) -> bool {
        let same = self.measured && self.count == self.known.len() as u64;
        let every = if same { ALL_MEASURED_EVERY } else { ALL_EVERY };
        self.whole.is_none_or(|(at, cost)| !self.is_large() || at.elapsed() >= every.max(cost * SHARE))
    }

    /// Both ways at once.
    async fn read(
        mut self,
        broker: &Management,
        anew: bool,
        wanted: &watch::Receiver<Wanted>,
        out: &Outlet,
    ) -> Result<Read, Error> {
        let mut declares = self.declares.clone();
        let (listed, mut said) = join(self.list(broker, anew), declares.ask(wanted, false)).await;
        let listed = match listed {
            // There is nothing else to say: worth a while.
            Err(error) if said.is_empty() => {
                said = declares.ask(wanted, true).await;
                Err(error)
            }
            listed => listed,
        };
        self.declares = declares;
        match listed {
            Ok(list) => {
                (self.failures, self.rest) = (0, None);
                Ok(Read { list, said, listing: self })
            }
            Err(error) => {
                let answered = said.iter().any(|said| said.state.trouble.is_none());
                let never = self.whole.is_none();
                self.failures += 1;
                if !answered || (!never && self.failures < GIVEN_UP) {
                    // Else what AMQP said before would stand there as if it still answered.
                    hand_on(said, out).await;
                    return Err(error);
                }
                if self.rest.is_none() {
                    self.rest = Some((error.clone(), Instant::now() + pause_after(&error, self.failures)));
                }
                self.limit = Some(over_amqp(&error, &said));
                let list = Listed { whole: true, ..Listed::default() };
                Ok(Read { list, said, listing: self })
            }
        }
    }

    /// The list by the management API, or what a large broker can tell between two of them.
    async fn list(&mut self, broker: &Management, anew: bool) -> Result<Listed, Error> {
        if let Some((error, until)) = self.rest.take()
            && !anew
            && until > Instant::now()
        {
            self.rest = Some((error.clone(), until));
            return Err(error);
        }
        // How many there are decides how to ask for them.
        let (count, no_depths) = rabbitmq::queue_count(broker).await?;
        self.count = count.unwrap_or(0);
        if anew || self.blind.is_none() {
            self.blind = Some(blind(broker).await?);
        }
        if !anew && !self.is_due() && self.failures == 0 {
            let depths = self.measured(broker, &self.known.clone()).await;
            self.measured = !depths.is_empty();
            if self.measured {
                return Ok(Listed { depths, ..Listed::default() });
            }
            let rows = rabbitmq::queues(broker, Which::Deepest(1)).await?.rows;
            return Ok(Listed { rows, ..Listed::default() });
        }
        let started = Instant::now();
        let mut rows = match self.paged {
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
            self.count = rabbitmq::queue_count(broker).await?.0.unwrap_or(0).min(self.count);
        }
        if no_depths {
            let depths = self.measured(broker, &ids(&rows)).await;
            let depths: HashMap<&Text, &Depth> = depths.iter().map(|depth| (&depth.id, depth)).collect();
            for row in &mut rows {
                if let Some(depth) = depths.get(&row.id) {
                    row.measure(depth);
                }
            }
        }
        Ok(Listed { rows, whole: true, ..Listed::default() })
    }

    /// What the nodes' metrics tell of these queues; nothing where none are published, which is no failure.
    async fn measured(&mut self, broker: &Management, known: &HashSet<Text>) -> Vec<Depth> {
        if self.unmeasured.is_some_and(|until| until > Instant::now()) {
            return Vec::new();
        }
        match rabbitmq::depths(broker, known).await {
            Ok(depths) => depths,
            Err(error) => {
                tracing::info!("no metrics of the nodes: {}", error.message);
                self.unmeasured = Some(Instant::now() + SELDOM);
                Vec::new()
            }
        }
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

/// The list failed, and AMQP tells a part of it.
fn over_amqp(error: &Error, said: &[Said]) -> Outage {
    let found: usize = said.iter().map(|said| said.found.len()).sum();
    let mut outage = outage(error, None);
    let queues = match found {
        1 => "1 queue".to_owned(),
        n => format!("{n} queues"),
    };
    outage.message =
        format!("{}; AMQP tells ready messages and consumers of {queues} that must be there", error.message);
    outage
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

    fn urgent(&self, wanted: &Wanted) -> bool {
        wanted.queues.is_some() && self.lists.iter().any(|list| list.declares.waits())
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
            let recovers = self.lists.iter().any(|list| list.failures > 0);
            let brokers = self.each.brokers.clone();
            let lists = self.lists.clone();
            let answers = self.each.ask(|at| lists[at].clone().read(&brokers[at], anew, wanted, out)).await;
            let whole = answers.iter().all(|answer| matches!(answer, Ok(read) if read.list.whole));
            if whole {
                out.say(Outcome::Begin { topic, expected: None }).await;
            }
            let mut failed = Vec::new();
            for ((answer, broker), list) in answers.into_iter().zip(&brokers).zip(&mut self.lists) {
                match answer {
                    Err(error) => {
                        list.failures += 1;
                        failed.push((broker.config().name.as_str().into(), error));
                    }
                    Ok(Read { list: Listed { rows, depths, whole: of_it_all }, said, mut listing }) => {
                        let mut gone = Vec::new();
                        if listing.failures > 0 {
                            // What it listed is old. What AMQP says of it comes anew.
                            gone = listing.known.drain().collect();
                        } else if of_it_all {
                            listing.limit = listing.hidden(broker, rows.len());
                            let now = ids(&rows);
                            // Where other brokers' rows stay, nothing is swept: what is gone is named.
                            gone = listing.known.difference(&now).filter(|_| !whole).cloned().collect();
                            listing.known = now;
                        }
                        *list = listing;
                        say(rows, Delta::Queues, out).await;
                        say(depths, Delta::Depths, out).await;
                        out.say(Outcome::Part(Delta::Remove(topic, gone))).await;
                        hand_on(said, out).await;
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

async fn hand_on(said: Vec<Said>, out: &Outlet) {
    for Said { state, found } in said {
        out.say(Outcome::Part(Delta::Amqp { state, found })).await;
    }
}

async fn say<T>(mut rows: Vec<T>, delta: impl Fn(Vec<T>) -> Delta, out: &Outlet) {
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(CHUNK));
        out.say(Outcome::Part(delta(std::mem::replace(&mut rows, rest)))).await;
    }
}
