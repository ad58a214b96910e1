//! What of the story the cloud itself forgets and a broker counts: messages, hosts that were away, connections
//! that came and went.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::sim::cloud::{Cloud, Event, HostIx, Kind};
use crate::sim::time::{SECOND, Time};

/// RabbitMQ's rates are of the last five seconds.
pub const WINDOW: i64 = 5 * SECOND;

#[derive(Default)]
pub struct Ledger {
    hosts: Vec<Book>,
    /// Casts of the last seconds.
    casts: VecDeque<(Time, HostIx)>,
    /// What the scheduler, and neutron's plugin, were asked.
    pub scheduled: Count,
    pub ports: Count,
    /// Messages into each of `NOTIFICATIONS`.
    pub notified: [Count; 4],
    pub opened: Count,
    pub closed: Count,
    /// The request whose cast was told last: a message that strands there is no other one.
    cast: Option<Uuid>,
    /// Counts every change after which the broker's lists look otherwise.
    pub revision: u64,
}

#[derive(Default)]
struct Book {
    /// Messages for its queue.
    casts: u64,
    /// Milliseconds in which it was away, but for the absence that lasts.
    away: i64,
    silent: Option<Time>,
    /// When each of its former lives fell silent.
    lives: Vec<Time>,
}

/// A count, with what was added in the last seconds.
#[derive(Debug, Default)]
pub struct Count {
    pub total: u64,
    last: VecDeque<(Time, u64)>,
}

impl Count {
    fn add(&mut self, at: Time, n: u64) {
        self.total += n;
        self.last.push_back((at, n));
        while self.last.front().is_some_and(|(then, _)| at.since(*then) > WINDOW) {
            self.last.pop_front();
        }
    }

    /// A second.
    pub fn rate(&self, now: Time) -> f64 {
        let recent = self.last.iter().filter(|(at, _)| now.since(*at) <= WINDOW);
        recent.map(|(_, n)| *n).sum::<u64>() as f64 / (WINDOW / SECOND) as f64
    }
}

impl Ledger {
    fn book(&mut self, host: HostIx) -> &mut Book {
        let at = host as usize;
        if self.hosts.len() <= at {
            self.hosts.resize_with(at + 1, Book::default);
        }
        &mut self.hosts[at]
    }

    /// When each life of a host's processes before this one fell silent.
    pub fn former_lives(&self, host: HostIx) -> &[Time] {
        self.hosts.get(host as usize).map_or(&[], |book| &book.lives)
    }

    /// Messages that were sent to a host so far.
    pub fn casts_to(&self, host: HostIx) -> u64 {
        self.hosts.get(host as usize).map_or(0, |book| book.casts)
    }

    pub fn cast_rate(&self, host: HostIx, now: Time) -> f64 {
        let recent = self.casts.iter().filter(|(at, to)| *to == host && now.since(*at) <= WINDOW);
        recent.count() as f64 / (WINDOW / SECOND) as f64
    }

    /// Milliseconds in which a host was away so far.
    pub fn away(&self, host: HostIx, now: Time) -> i64 {
        self.hosts
            .get(host as usize)
            .map_or(0, |book| book.away + book.silent.map_or(0, |since| now.since(since).max(0)))
    }

    /// Takes a step of the story in; `notified` says how many notifications it caused in each queue.
    pub fn hear(&mut self, cloud: &Cloud, event: &Event, notified: [u64; 4]) {
        let at = event.at;
        for (count, n) in self.notified.iter_mut().zip(notified).filter(|(_, n)| *n > 0) {
            count.add(at, n);
        }
        match (&event.kind, event.host) {
            (Kind::Cast { .. }, Some(host)) => {
                self.cast = event.request;
                self.send(host, at);
            }
            (Kind::Stranded { .. }, Some(host)) => {
                if self.cast.take() != event.request {
                    self.send(host, at);
                }
                self.revision += 1;
            }
            (Kind::Scheduled | Kind::NoValidHost { .. }, _) => self.scheduled.add(at, 1),
            (Kind::Accepted { action: "create" }, _) => self.ports.add(at, 2),
            (Kind::Finished { action: "delete", .. }, _) => self.ports.add(at, 1),
            (Kind::HostSilent, Some(host)) => {
                self.book(host).silent = Some(at);
                self.closed.add(at, CONNECTIONS);
            }
            (Kind::HostBack, Some(host)) => {
                let book = self.book(host);
                book.away += book.silent.take().map_or(0, |since| at.since(since));
                self.opened.add(at, CONNECTIONS);
            }
            (Kind::HostRebooted, Some(host)) => {
                let book = self.book(host);
                let silent = book.silent.unwrap_or(at);
                book.lives.push(silent);
            }
            _ => {}
        }
        // Who takes from which queue, and where nodes stand, changes with these alone.
        if event.host.is_none() || event.instance.is_none() {
            self.revision += 1;
        }
        debug_assert!(self.hosts.len() <= cloud.hosts.len());
    }

    fn send(&mut self, host: HostIx, at: Time) {
        self.book(host).casts += 1;
        self.casts.push_back((at, host));
        while self.casts.front().is_some_and(|(then, _)| at.since(*then) > WINDOW) {
            self.casts.pop_front();
        }
    }
}

/// Of a compute host: nova-compute's and the agent's.
const CONNECTIONS: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_five_seconds() {
        let mut count = Count::default();
        for second in 0..20 {
            count.add(Time(second * 1_000), 2);
        }
        assert_eq!((count.total, count.rate(Time(19_000))), (40, 12.0 / 5.0));
        assert_eq!(count.rate(Time(22_000)), 6.0 / 5.0);
        assert_eq!(count.rate(Time(60_000)), 0.0);
        assert!(count.last.len() <= 6, "{count:?}");
    }
}
