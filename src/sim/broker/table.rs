//! The queues that the services have declared, as one table in the order of their names: derived from the
//! cloud, and derived again whenever something has changed.

use std::collections::HashMap;

use super::kinds::NOTIFICATIONS;
use super::ledger::Ledger;
use super::process::{self, Place, Sort};
use crate::sim::cloud::{Cloud, HostIx};
use crate::sim::random::Random;
use crate::sim::time::{HOUR, SECOND, Time};

/// A queue of the services'.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: Box<str>,
    pub sort: Sort,
    pub exchange: &'static str,
    pub stream: bool,
    pub consumers: u32,
    pub ready: u64,
    /// Messages that came in so far.
    pub published: u64,
    /// A second.
    pub rate: f64,
    /// Its place among the nodes that run.
    pub node: u16,
    /// When it was last used, if it is not in use.
    pub idle: Option<Time>,
}

#[derive(Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
}

impl Row {
    /// What was taken from it.
    pub fn delivered(&self) -> u64 {
        if self.stream { self.published * u64::from(self.consumers) } else { self.published - self.ready }
    }

    pub fn delivery_rate(&self) -> f64 {
        if self.consumers > 0 { self.rate } else { 0.0 }
    }

    /// oslo.messaging lets queues with random names expire.
    pub fn expires(&self) -> bool {
        matches!(self.sort, Sort::Fanout | Sort::Reply) && !self.stream
    }

    /// The exchange with which its topic's copies come.
    pub fn fanout_exchange(&self) -> Option<&str> {
        (self.sort == Sort::Fanout).then(|| match self.name.rfind("_fanout") {
            Some(at) => &self.name[..at + "_fanout".len()],
            None => &self.name,
        })
    }

    /// The key with which it is bound there.
    pub fn fanout_key(&self) -> &str {
        self.name.rfind("_fanout").map_or(&*self.name, |at| &self.name[..at])
    }
}

impl Table {
    pub fn new(cloud: &Cloud, ledger: &Ledger, now: Time) -> Self {
        let large = process::is_large(cloud);
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut rows: Vec<Row> = Vec::new();
        let reports = Reports::of(cloud, ledger, now);
        for process in process::all(cloud, ledger, now) {
            for queue in process.queues(now, large) {
                let at = *places.entry(queue.name).or_insert_with_key(|name| {
                    let sort = queue.sort;
                    rows.push(Row {
                        stream: large && sort == Sort::Fanout,
                        ..empty(name, sort, process.kind.exchange)
                    });
                    rows.len() - 1
                });
                rows[at].consumers += u32::from(queue.taken);
                match (queue.sort, process.place) {
                    (Sort::Host, Place::Host(host)) if process.kind.exchange == "nova" => {
                        of_compute(&mut rows[at], cloud, ledger, host, now);
                    }
                    (Sort::Reply, Place::Host(_)) => {
                        let lived = process.gone.unwrap_or(now).since(process.born).max(0);
                        (rows[at].published, rows[at].rate) = (lived as u64 / 5_000, 0.2);
                    }
                    _ => {}
                }
                if let Some(gone) = process.gone.filter(|_| !queue.taken) {
                    rows[at].idle = Some(gone);
                }
            }
        }
        for (name, count) in NOTIFICATIONS.iter().zip(&ledger.notified) {
            let at = *places.entry((*name).to_owned()).or_insert_with(|| {
                rows.push(empty(name, Sort::Notification, "nova"));
                rows.len() - 1
            });
            let row = &mut rows[at];
            (row.published, row.rate) = (count.total, count.rate(now));
            row.ready = if row.consumers == 0 { count.total } else { 0 };
        }
        for row in &mut rows {
            reports.fill(row, ledger, now);
            finish(row, cloud, now);
        }
        rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Self { rows }
    }

    pub fn find(&self, name: &str) -> Option<&Row> {
        self.rows.binary_search_by(|row| (*row.name).cmp(name)).ok().map(|at| &self.rows[at])
    }
}

fn empty(name: &str, sort: Sort, exchange: &'static str) -> Row {
    Row {
        name: name.into(),
        sort,
        exchange,
        stream: false,
        consumers: 0,
        ready: 0,
        published: 0,
        rate: 0.0,
        node: 0,
        idle: None,
    }
}

/// `compute.cmp01`: what the story cast there, less what is done.
fn of_compute(row: &mut Row, cloud: &Cloud, ledger: &Ledger, host: HostIx, now: Time) {
    let ready = u64::from(cloud.host(host).backlog);
    row.ready = ready;
    row.published = ledger.casts_to(host).max(ready);
    row.rate = ledger.cast_rate(host, now);
}

/// What does not depend on whose it is.
fn finish(row: &mut Row, cloud: &Cloud, now: Time) {
    let draw = Random::stream(0, &row.name).next();
    row.node = (draw % cloud.bus.running().count().max(1) as u64) as u16;
    if row.stream {
        // What came in the last half hour is kept.
        row.published = draw % 900 + 20;
        row.ready = row.published;
    }
    // A rate that is measured is never quite the same.
    let slice = now.0.div_euclid(super::ledger::WINDOW) as u64;
    let wobble = 0.9 + 0.2 * Random::stream(slice, &row.name).unit();
    if row.sort != Sort::Notification && !row.name.starts_with("compute.") {
        row.rate = (row.rate * wobble * 5.0).round() / 5.0;
    }
    if row.rate > 0.0 && row.consumers > 0 {
        row.idle = None;
    } else if row.idle.is_none() {
        row.idle = Some(now.plus(-((draw >> 8) as i64 % (3 * HOUR)) - SECOND));
    }
}

/// What computes and agents report by themselves: it makes up most of a broker's messages.
struct Reports {
    /// Milliseconds that all hosts together were there, since the broker is.
    present: i64,
    /// Hosts that are there.
    live: usize,
}

impl Reports {
    fn of(cloud: &Cloud, ledger: &Ledger, now: Time) -> Self {
        let since = cloud.opened.plus(-24 * HOUR);
        let all = cloud.hosts.len() as i64 * now.since(since).max(0);
        let away: i64 = (0..cloud.hosts.len()).map(|host| ledger.away(host as HostIx, now)).sum();
        let live = cloud.hosts.iter().filter(|host| host.silent.is_none()).count();
        Self { present: (all - away).max(0), live }
    }

    fn fill(&self, row: &mut Row, ledger: &Ledger, now: Time) {
        let every =
            |seconds: i64| ((self.present / (seconds * SECOND)) as u64, self.live as f64 / seconds as f64);
        (row.published, row.rate) = match &*row.name {
            // Each nova-compute asks twice in ten seconds.
            "conductor" => every(5),
            "q-reports-plugin" => every(30),
            "q-plugin" => {
                let (published, rate) = every(120);
                (published + ledger.ports.total * 2, rate + ledger.ports.rate(now) * 2.0)
            }
            "scheduler" => (ledger.scheduled.total, ledger.scheduled.rate(now)),
            _ => return,
        };
    }
}
