//! Takes what all series are once a minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::RECORDED;
use super::quotas::Due;
use crate::model::{Batch, Labels, Sample, Text};
use crate::report::Topic;
use crate::store::{Standing, Store};
use crate::table::Tally;

/// What series are read from: the store, and what is counted as it changes.
pub struct Seen<'a> {
    pub store: &'a Store,
    pub statuses: &'a Tally<Text>,
    pub flavors: &'a Tally<Text>,
    /// Errors by service, of the last minute.
    pub errors: &'a BTreeMap<Text, u64>,
    /// What of the projects' quotas is due.
    pub quotas: &'a [(Labels, f64)],
    pub now: Timestamp,
}

/// What must be known from one minute to the next.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The last minute that was taken, since 1970.
    minute: Option<i64>,
    statuses: Tally<Text>,
    flavors: Tally<Text>,
    /// Errors by service as they were counted then.
    errors: BTreeMap<Text, u64>,
    quotas: Due,
}

impl Recorder {
    /// What is known now, once in each minute.
    pub fn take(&mut self, store: &Store, now: Timestamp) -> Option<Batch> {
        let minute = now.as_second().div_euclid(60);
        let before = self.minute;
        if before == Some(minute) {
            return None;
        }
        let rows = &store.instances;
        // Counted as they change: there may be 100,000.
        self.statuses.sync(rows, |slot| rows.get(slot).map(|row| row.status.clone()));
        self.flavors.sync(rows, |slot| {
            let flavor = rows.get(slot)?.flavor.as_ref()?;
            let name = store.flavor_name(flavor);
            Some(if *name == *flavor.name { flavor.name.clone() } else { name.into() })
        });
        let errors = self.errors_since(store, before == Some(minute - 1));
        let quotas = self.quotas.take(store, minute.div_euclid(60), now);
        let (statuses, flavors) = (&self.statuses, &self.flavors);
        let seen = Seen { store, statuses, flavors, errors: &errors, quotas: &quotas, now };
        let mut samples = Vec::new();
        for recorded in RECORDED {
            if recorded.reads.iter().all(|topic| is_whole(store, *topic, now)) {
                (recorded.of)(&seen, &mut |labels, value| {
                    samples.push(Sample { series: &recorded.series, labels, value });
                });
            }
        }
        // While nothing is known it is looked again: the first minute need not be lost.
        if samples.is_empty() {
            return None;
        }
        self.minute = Some(minute);
        Some(Batch { at: minute * 60, samples })
    }

    /// Errors of each service since the minute before. None where it was not counted then: what came meanwhile is not
    /// of one minute.
    fn errors_since(&mut self, store: &Store, is_next: bool) -> BTreeMap<Text, u64> {
        let now: BTreeMap<Text, u64> =
            store.logs.errors().map(|(service, count)| (service.clone(), count)).collect();
        let before = std::mem::replace(&mut self.errors, now);
        // A service that is new to us began to be heard in this minute.
        let since = |(service, now): (&Text, &u64)| {
            let then = before.get(service)?;
            Some((service.clone(), now.checked_sub(*then)?))
        };
        if is_next { self.errors.iter().filter_map(since).collect() } else { BTreeMap::new() }
    }
}

/// It is known whole, and as of now. A read that goes on takes nothing away: rows stay until its end.
pub(super) fn is_whole(store: &Store, topic: Topic, now: Timestamp) -> bool {
    let fresh = store.freshness(topic);
    fresh.complete && fresh.standing(topic, now) == Standing::Fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Hypervisor, Instance, Service, ServiceState, ServiceStatus};
    use crate::report::{Delta, Outage, OutageKind, Outcome, Report};
    use crate::store::tests::{hypervisor, instance};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_035_200 + second).unwrap()
    }

    fn say(store: &mut Store, second: i64, outcome: Outcome) {
        store.apply(Report { at: at(second), epoch: 0, outcome });
    }

    fn whole(store: &mut Store, second: i64, topic: Topic, delta: Delta) {
        say(store, second, Outcome::Begin { topic, expected: None });
        say(store, second, Outcome::Part(delta));
        say(store, second, Outcome::End { topic, complete: true, limit: None });
    }

    fn compute(host: &str, zone: &str) -> Service {
        Service {
            id: host.into(),
            binary: "nova-compute".into(),
            host: host.into(),
            zone: Some(zone.into()),
            state: ServiceState::Up,
            status: ServiceStatus::Enabled,
            disabled_reason: None,
            updated_at: None,
            forced_down: false,
        }
    }

    fn cloud() -> Store {
        let mut store = Store::default();
        let services = vec![compute("cmp01", "az1"), compute("cmp02", "az1"), compute("cmp03", "az2")];
        whole(&mut store, 0, Topic::Services, Delta::Services(services));
        let unknown = Hypervisor { vcpus_used: None, ..hypervisor("cmp03", 0) };
        let hosts = vec![hypervisor("cmp01", 4), hypervisor("cmp02", 2), unknown];
        whole(&mut store, 0, Topic::Hypervisors, Delta::Hypervisors(hosts));
        let failed = Instance { status: "ERROR".into(), ..instance("c", None, None) };
        let rows = vec![instance("a", Some("cmp01"), None), instance("b", Some("cmp01"), None), failed];
        whole(&mut store, 0, Topic::Instances, Delta::Instances(rows));
        store
    }

    /// `series label value`, a line each, of these series.
    fn lines(batch: Option<Batch>, of: &str) -> Vec<String> {
        let samples = batch.map(|batch| batch.samples).unwrap_or_default();
        let line = |sample: &Sample| {
            assert_eq!(sample.labels.len(), sample.series.labels.len(), "{sample:?}");
            [sample.series.name, &sample.labels.join(" "), &sample.value.to_string()].join(" ")
        };
        let mut lines: Vec<String> =
            samples.iter().filter(|sample| sample.series.name.starts_with(of)).map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_series_says_what_is_known_and_nothing_of_what_is_not() {
        let batch = Recorder::default().take(&cloud(), at(10));
        assert_eq!(batch.as_ref().map(|batch| batch.at), Some(at(0).as_second()));
        assert_eq!(
            lines(batch, ""),
            [
                "instances  3",
                "instances.host cmp01 2",
                "instances.host cmp02 0",
                "instances.host cmp03 0",
                "instances.status ACTIVE 2",
                "instances.status BUILD 0",
                "instances.status ERROR 1",
                "instances.status SHUTOFF 0",
                "ram.used az1 1024",
                "ram.used az2 512",
                // Of az2 a host's figure is not known; no broker and no log was read.
                "vcpus.used az1 6",
            ]
        );
    }

    #[test]
    fn a_minute_is_taken_once_and_by_its_beginning() {
        let (mut recorder, store) = (Recorder::default(), cloud());
        let taken = [0, 1, 59, 60, 61].map(|second| recorder.take(&store, at(second)).map(|batch| batch.at));
        let minute = |second| Some(at(second).as_second());
        assert_eq!(taken, [minute(0), None, None, minute(60), None]);
    }

    #[test]
    fn what_is_being_read_for_the_first_time_is_failing_or_old_is_no_sample() {
        let begin = Outcome::Begin { topic: Topic::Instances, expected: Some(100_000) };
        let mut store = Store::default();
        say(&mut store, 0, begin.clone());
        say(&mut store, 0, Outcome::Part(Delta::Instances(vec![instance("a", None, None)])));
        assert_eq!(Recorder::default().take(&store, at(0)), None);
        // A part is not the whole.
        say(&mut store, 1, Outcome::End { topic: Topic::Instances, complete: false, limit: None });
        assert_eq!(Recorder::default().take(&store, at(1)), None);
        // Read again, what was there counts until the end.
        let mut store = cloud();
        say(&mut store, 1, begin);
        assert_eq!(lines(Recorder::default().take(&store, at(1)), "instances")[0], "instances  3");
        assert_eq!(Recorder::default().take(&store, at(3_600)), None, "old");
        let outage = Outage {
            kind: OutageKind::Unreachable,
            message: String::new(),
            next_step: String::new(),
            request_id: None,
            retry_in: None,
        };
        say(&mut store, 2, Outcome::Outage { topic: Topic::Instances, outage });
        let batch = Recorder::default().take(&store, at(2));
        assert_eq!(lines(batch.clone(), "instances"), Vec::<String>::new());
        assert!(!lines(batch, "ram").is_empty(), "what goes well is recorded");
    }

    #[test]
    fn a_status_that_nobody_has_any_more_is_none_not_unknown() {
        let (mut recorder, mut store) = (Recorder::default(), cloud());
        let rescued = |status: &str| Instance { status: status.into(), ..instance("a", Some("cmp01"), None) };
        for (second, status, count) in [(0, "RESCUE", "1"), (60, "ACTIVE", "0")] {
            say(&mut store, second, Outcome::Part(Delta::Instances(vec![rescued(status)])));
            let lines = lines(recorder.take(&store, at(second)), "instances.status");
            assert!(lines.contains(&format!("instances.status RESCUE {count}")), "{lines:?}");
        }
    }

    #[test]
    fn names_are_kept_once() {
        let names: std::collections::BTreeSet<&str> =
            RECORDED.iter().map(|recorded| recorded.series.name).collect();
        assert_eq!(names.len(), RECORDED.len());
        assert!(RECORDED.iter().all(|recorded| !recorded.reads.is_empty()));
    }
}
