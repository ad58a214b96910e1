//! What known messages say of the hosts whose services say them, for as long as it may be so, and of instances.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use super::kinds::own;
use crate::model::{HeardLine, Line, LogSource, Text, is_same_host, short_host};
use crate::signature::{Signature, Signatures, Told};
use crate::store::index::ByText;

/// So many hosts and so many instances are kept: then the one that was heard of longest ago goes.
const KEPT: usize = 4_096;
/// Messages of an instance.
const OF_INSTANCE: usize = 8;
/// An instance's messages are forgotten after so long.
const AN_HOUR: i64 = 3_600_000_000;
const A_MINUTE: i64 = 60_000_000;

/// A message that is known, as a service of a host says it again and again.
#[derive(Clone, Debug)]
pub struct Fact {
    pub signature: &'static Signature,
    pub host: Text,
    pub service: Text,
    /// Times in each minute (since 1970), the newest last.
    minutes: VecDeque<(i64, u64)>,
    /// When it was written last, in microseconds since 1970.
    pub last: i64,
    /// The number of the record that said it last.
    pub record: u64,
}

impl Fact {
    /// Times within the signature's own minutes; of an instance within an hour.
    pub fn times(&self) -> u64 {
        self.minutes.iter().map(|(_, times)| times).sum()
    }

    /// What it comes to.
    pub fn told(&self) -> Option<Told> {
        self.signature.tells.as_ref()?.told(self.times())
    }

    fn window(&self) -> i64 {
        self.signature.tells.as_ref().map_or(AN_HOUR, |tells| i64::from(tells.minutes) * A_MINUTE)
    }

    /// Lets go of what was said too long ago. Whether anything is left.
    fn forget(&mut self, now: i64) -> bool {
        let window = self.window();
        while self.minutes.front().is_some_and(|(minute, _)| (minute + 1) * A_MINUTE + window <= now) {
            self.minutes.pop_front();
        }
        !self.minutes.is_empty()
    }

    fn count(&mut self, at: i64, record: u64) {
        let minute = at.div_euclid(A_MINUTE);
        match self.minutes.iter_mut().find(|(known, _)| *known == minute) {
            Some((_, times)) => *times += 1,
            None => {
                let place = self.minutes.partition_point(|(known, _)| *known < minute);
                self.minutes.insert(place, (minute, 1));
            }
        }
        if at >= self.last {
            (self.last, self.record) = (at, record);
        }
    }
}

/// A known message that has just been heard.
struct Saying<'a> {
    signature: &'static Signature,
    host: &'a Text,
    service: &'a Text,
    instance: &'a str,
    at: i64,
    record: u64,
    /// The half of this line that was heard before.
    replaces: Option<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Facts {
    /// By the host's name without its domain: nova and a log may differ in that.
    hosts: ByText<Vec<Fact>>,
    instances: ByText<Vec<Fact>>,
    /// The minute in which was looked last what is too old.
    looked: i64,
    /// Hosts whose findings have changed, until they are taken.
    changed: HashSet<Text>,
}

impl Facts {
    /// Messages by which services of this host tell that something is wrong.
    pub fn of_host<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Fact> {
        let facts = if self.hosts.is_empty() { None } else { self.hosts.get(short_host(host)) };
        facts.into_iter().flatten().filter(move |fact| is_same_host(&fact.host, host))
    }

    /// Messages of the last hour that are known and name this instance, the last one first.
    pub fn of_instance(&self, id: &str) -> &[Fact] {
        self.instances.get(id).map_or(&[], Vec::as_slice)
    }

    /// How many hosts have a service that says one of these.
    pub fn hosts_that_say(&self, signatures: &[&str]) -> usize {
        let says = |fact: &Fact| signatures.contains(&fact.signature.id.as_str()) && fact.told().is_some();
        self.hosts.values().filter(|facts| facts.iter().any(says)).count()
    }

    /// A line of that source, in its parts, matches the signature of this id.
    pub(super) fn learn(
        &mut self,
        number: u64,
        known: &str,
        heard: &HeardLine,
        (source, line, parsed): (&LogSource, &[u8], &Line),
        now: Timestamp,
    ) {
        let Some(signature) = signature(known) else { return };
        let saying = Saying {
            signature,
            host: &own(parsed.host.of(line)).unwrap_or_else(|| source.host.clone()),
            service: &own(parsed.program.of(line)).unwrap_or_else(|| source.service.clone()),
            instance: &String::from_utf8_lossy(parsed.instance.of(line)),
            at: heard.at,
            record: number,
            replaces: heard.replaces,
        };
        self.hear(&saying, now);
    }

    fn hear(&mut self, saying: &Saying<'_>, now: Timestamp) {
        self.end(saying);
        let now = now.as_microsecond();
        // A host whose clock is ahead says it now.
        let at = saying.at.min(now);
        if saying.signature.tells.is_some() {
            let key = short_host(saying.host);
            if !self.hosts.contains_key(key) {
                make_room(&mut self.hosts);
                self.hosts.insert(key.into(), Vec::new());
            }
            let facts = self.hosts.get_mut(key);
            if let Some(facts) = facts
                && put(facts, saying, at, now)
            {
                self.changed.insert(saying.host.clone());
            }
        }
        if !saying.instance.is_empty() {
            if !self.instances.contains_key(saying.instance) {
                make_room(&mut self.instances);
                self.instances.insert(saying.instance.into(), Vec::new());
            }
            if let Some(facts) = self.instances.get_mut(saying.instance) {
                put(facts, saying, at, now);
                facts.sort_by_key(|fact| std::cmp::Reverse(fact.last));
                facts.truncate(OF_INSTANCE);
            }
        }
    }

    /// A service says that what it told is over.
    fn end(&mut self, saying: &Saying<'_>) {
        let Some(facts) = self.hosts.get_mut(short_host(saying.host)) else { return };
        let is_over = |fact: &Fact| {
            let until = fact.signature.tells.as_ref().and_then(|tells| tells.until.as_ref());
            until == Some(&saying.signature.id)
                && fact.host == *saying.host
                && fact.service == *saying.service
                && fact.last <= saying.at
        };
        let before = facts.len();
        facts.retain(|fact| !is_over(fact));
        if facts.len() < before {
            self.changed.insert(saying.host.clone());
        }
    }

    /// Time goes by: what was said too long ago counts no more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let now = now.as_microsecond();
        let minute = now.div_euclid(A_MINUTE);
        if std::mem::replace(&mut self.looked, minute) == minute {
            return;
        }
        let changed = &mut self.changed;
        self.hosts.retain(|_, facts| {
            facts.retain_mut(|fact| {
                let before = fact.told();
                let is_left = fact.forget(now);
                if before != fact.told() {
                    changed.insert(fact.host.clone());
                }
                is_left
            });
            !facts.is_empty()
        });
        self.instances.retain(|_, facts| {
            facts.retain_mut(|fact| fact.forget(now));
            !facts.is_empty()
        });
    }

    /// All of it is told again from the start.
    pub(super) fn anew(&mut self) {
        let facts = self.hosts.drain().flat_map(|(_, facts)| facts);
        self.changed.extend(facts.map(|fact| fact.host));
        self.instances.clear();
    }

    /// Hosts of which there is something else to say than when this was asked last.
    pub(in crate::store) fn take_changed(&mut self) -> HashSet<Text> {
        std::mem::take(&mut self.changed)
    }
}

/// Counts it. Whether it comes to something else now.
fn put(facts: &mut Vec<Fact>, saying: &Saying<'_>, at: i64, now: i64) -> bool {
    let is_this = |fact: &&mut Fact| {
        fact.signature.id == saying.signature.id
            && fact.host == *saying.host
            && fact.service == *saying.service
    };
    let Some(fact) = facts.iter_mut().find(is_this) else {
        let mut fact = Fact {
            signature: saying.signature,
            host: saying.host.clone(),
            service: saying.service.clone(),
            minutes: VecDeque::new(),
            last: i64::MIN,
            record: 0,
        };
        fact.count(at, saying.record);
        let is_left = fact.forget(now);
        let is_told = fact.told().is_some();
        if is_left {
            facts.push(fact);
        }
        return is_left && is_told;
    };
    let before = fact.told();
    if saying.replaces.is_some_and(|half| half == fact.record) {
        fact.record = saying.record;
    } else {
        fact.count(at, saying.record);
        fact.forget(now);
    }
    fact.told() != before
}

fn make_room(all: &mut ByText<Vec<Fact>>) {
    if all.len() < KEPT {
        return;
    }
    let last = |facts: &[Fact]| facts.iter().map(|fact| fact.last).max();
    let stalest = all.iter().min_by_key(|(_, facts)| last(facts)).map(|(key, _)| key.clone());
    stalest.map(|key| all.remove(&key));
}

/// The signature of this id: it is known for as long as the program runs.
fn signature(id: &str) -> Option<&'static Signature> {
    Signatures::known()?.get(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 10_000 * A_MINUTE;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    /// nova-compute of a host says something; how bad the host is then.
    fn say(facts: &mut Facts, host: &str, id: &str, when: i64) -> Option<Told> {
        let saying = Saying {
            signature: signature(id).unwrap(),
            host: &host.into(),
            service: &"nova-compute".into(),
            instance: "",
            at: when,
            record: 1,
            replaces: None,
        };
        facts.hear(&saying, at(when.max(NOW)));
        facts.of_host(host).filter_map(Fact::told).max()
    }

    #[test]
    fn a_message_that_is_said_often_enough_is_a_finding_until_it_is_old() {
        let mut facts = Facts::default();
        assert_eq!(say(&mut facts, "cmp01", "B1", NOW - 59 * A_MINUTE), None);
        assert_eq!(say(&mut facts, "cmp01", "B1", NOW - A_MINUTE), None);
        assert_eq!(facts.take_changed().len(), 0);
        assert_eq!(say(&mut facts, "cmp01", "B1", NOW), Some(Told::Warning));
        assert_eq!(facts.take_changed().len(), 1);
        for _ in 0..7 {
            say(&mut facts, "cmp01", "B1", NOW);
        }
        assert_eq!(facts.of_host("cmp01").filter_map(Fact::told).max(), Some(Told::Critical));
        // The two before are older than an hour by then.
        facts.forget(at(NOW + 62 * A_MINUTE));
        assert_eq!(facts.of_host("cmp01").count(), 0);
        assert!(facts.take_changed().contains("cmp01"));
        // What was said before anybody looked is no news.
        assert_eq!(say(&mut facts, "cmp02", "L1", NOW - 120 * A_MINUTE), None);
        assert_eq!(facts.of_host("cmp02").count(), 0);
    }

    #[test]
    fn the_service_that_said_it_says_that_it_is_over() {
        let mut facts = Facts::default();
        say(&mut facts, "cmp01.example.org", "M1", NOW);
        assert_eq!(facts.of_host("cmp01").count(), 1, "nova may leave the domain out");
        assert_eq!(facts.of_host("cmp01.other.org").count(), 0);
        let (host, service) = ("cmp01.example.org".into(), "neutron-openvswitch-agent".into());
        let mut other = Saying {
            signature: signature("M6").unwrap(),
            host: &host,
            service: &service,
            instance: "",
            at: NOW + 1,
            record: 2,
            replaces: None,
        };
        facts.hear(&other, at(NOW));
        assert_eq!(facts.of_host("cmp01").count(), 1, "its own connection alone is back");
        let service = "nova-compute".into();
        other.service = &service;
        facts.take_changed();
        facts.hear(&other, at(NOW));
        assert_eq!(facts.of_host("cmp01").count(), 0);
        assert!(facts.take_changed().contains("cmp01.example.org"));
    }

    #[test]
    fn an_instance_has_the_last_messages_that_name_it_and_a_half_line_counts_once() {
        let mut facts = Facts::default();
        let id = "5b0ae6a2-6bd1-4b6b-a47c-6ca1ed5ef8dd";
        let (host, service) = ("cmp01".into(), "nova-compute".into());
        for (record, signature_id, replaces) in [(1, "B1", None), (2, "B1", Some(1)), (3, "S6", None)] {
            let saying = Saying {
                signature: signature(signature_id).unwrap(),
                host: &host,
                service: &service,
                instance: id,
                at: NOW + record as i64,
                record,
                replaces,
            };
            facts.hear(&saying, at(NOW + 10));
        }
        let told: Vec<_> =
            facts.of_instance(id).iter().map(|fact| (fact.signature.id.as_str(), fact.times())).collect();
        assert_eq!(told, [("S6", 1), ("B1", 1)]);
        facts.forget(at(NOW + 2 * AN_HOUR));
        assert!(facts.of_instance(id).is_empty());
    }

    #[test]
    fn many_hosts_and_instances_are_bounded() {
        let mut facts = Facts::default();
        for n in 0..KEPT as i64 + 10 {
            say(&mut facts, &format!("cmp{n}"), "L1", NOW + n);
        }
        assert_eq!(facts.hosts_that_say(&["L1"]), KEPT);
        assert_eq!(facts.of_host("cmp0").count(), 0);
        assert_eq!(facts.of_host(&format!("cmp{}", KEPT + 9)).count(), 1);
    }
}
