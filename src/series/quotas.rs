//! What projects have of what is limited: what of it is due to be recorded.

use std::collections::HashSet;

use jiff::Timestamp;
use smallvec::smallvec;

use super::recorder::is_whole;
use crate::model::{Allowance, Labels, Limit, QuotaService, Quotas, Text};
use crate::report::Topic;
use crate::store::{COUNTED, Standing, Store};
use crate::table::{Slot, Slots};

/// What must be known from one minute to the next. Thousands of projects are not gone through each minute: all with
/// each hour, and else those of which something has changed.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// The hour of the last look, and the revision of the rows then.
    seen: Option<(i64, u64)>,
    /// Lines that were recorded: of what is no longer in use it is known that there is none.
    lines: HashSet<(Text, Text)>,
}

impl Due {
    /// What is due with this hour, counted since 1970: each line with its value, in the resource's own unit.
    pub fn take(&mut self, store: &Store, hour: i64, now: Timestamp) -> Vec<(Labels, f64)> {
        let rows = &store.quotas;
        let changed = match self.seen.replace((hour, rows.revision())) {
            Some((before, revision)) if before == hour => rows.changed_since(revision),
            _ => None,
        };
        if changed.is_none() {
            self.lines.retain(|(project, _)| rows.by_id(project).is_some());
        }
        let mut due = Vec::new();
        for row in changed.unwrap_or_else(|| rows.live()).iter().filter_map(|slot: &Slot| rows.get(*slot)) {
            for service in QuotaService::ALL {
                for it in fresh(store, row, service, now).into_iter().flatten() {
                    due.extend(self.line(store, row, service, it, now));
                }
            }
        }
        due
    }

    /// None of what has no limit, and of what was never in use.
    fn line(
        &mut self,
        store: &Store,
        row: &Quotas,
        service: QuotaService,
        it: &Allowance,
        now: Timestamp,
    ) -> Option<(Labels, f64)> {
        if it.limit == Limit::Unlimited {
            return None;
        }
        // These go by the instances, which must be known then.
        let by_instances = service == QuotaService::Nova && COUNTED.contains(&&*it.resource);
        if by_instances && !is_whole(store, Topic::Instances, now) {
            return None;
        }
        // Less than nothing is what wrong books say.
        let in_use = store.in_use(row, service, &it.resource).filter(|in_use| *in_use >= 0)?;
        let line = (row.id.clone(), label(service, &it.resource));
        if in_use == 0 && !self.lines.contains(&line) {
            return None;
        }
        let labels = smallvec![line.0.clone(), line.1.clone()];
        self.lines.insert(line);
        Some((labels, in_use as f64))
    }
}

/// `nova.cores`: what the resource of a line is called.
pub fn label(service: QuotaService, resource: &str) -> Text {
    format!("{}.{resource}", service.name()).into()
}

/// What a service said of a project, while that is as of now: it answers, and its answer is no older than may be. A
/// round over all projects need not be over.
pub(super) fn fresh<'a>(
    store: &Store,
    row: &'a Quotas,
    service: QuotaService,
    now: Timestamp,
) -> Option<&'a [Allowance]> {
    let topic = Topic::of_quotas(service);
    let answered = row.of(service);
    let (at, allowances) = answered.told.as_ref()?;
    let is_new = now.duration_since(*at) <= topic.stale_after();
    let answers =
        answered.trouble.is_none() && store.freshness(topic).standing(topic, now) == Standing::Fresh;
    (is_new && answers).then_some(&**allowances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flavor, Instance, Named, NamedKind, Trouble};
    use crate::report::{Delta, Outcome, QuotaSaid, Report};
    use crate::series::Recorder;
    use crate::store::tests::instance;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_035_200 + second).unwrap()
    }

    fn say(store: &mut Store, second: i64, outcome: Outcome) {
        store.apply(Report { at: at(second), epoch: 0, outcome });
    }

    fn whole(store: &mut Store, second: i64, topic: Topic, deltas: impl IntoIterator<Item = Delta>) {
        say(store, second, Outcome::Begin { topic, expected: None });
        deltas.into_iter().for_each(|delta| say(store, second, Outcome::Part(delta)));
        say(store, second, Outcome::End { topic, complete: true, limit: None });
    }

    fn allowances(seeds: &[(&str, i64, i64)]) -> std::sync::Arc<[Allowance]> {
        let one = |&(resource, limit, in_use): &(&str, i64, i64)| Allowance {
            in_use: Some(in_use),
            ..Allowance::limit(resource.into(), limit)
        };
        seeds.iter().map(one).collect()
    }

    fn told(service: QuotaService, project: &str, seeds: &[(&str, i64, i64)]) -> Delta {
        Delta::Quotas(service, QuotaSaid::Project(project.into(), Ok(allowances(seeds))))
    }

    fn guest(id: &str) -> Instance {
        let flavor = Flavor {
            name: "m1".into(),
            id: None,
            vcpus: Some(4),
            ram: Some(1_024),
            disk: None,
            extra_specs: Box::default(),
        };
        Instance { flavor: Some(flavor.into()), ..instance(id, None, None) }
    }

    fn projects(store: &mut Store, second: i64, ids: &[&str]) {
        let named =
            |id: &&str| Named { id: (*id).into(), name: (*id).into(), domain_id: None, enabled: None };
        let rows = ids.iter().map(named).collect();
        whole(store, second, Topic::Projects, [Delta::Names(NamedKind::Project, rows)]);
    }

    use QuotaService::{Cinder, Nova};

    /// Two projects: nova has told of one of them and goes on, cinder of both.
    fn cloud() -> Store {
        let mut store = Store::default();
        projects(&mut store, 0, &["p", "q"]);
        whole(&mut store, 0, Topic::Instances, [Delta::Instances(vec![guest("a")])]);
        say(&mut store, 0, Outcome::Begin { topic: Topic::NovaQuotas, expected: Some(2) });
        let nova = [("cores", 10, 4), ("ram", -1, 1_024), ("server_groups", 10, 0)];
        say(&mut store, 0, Outcome::Part(told(Nova, "p", &nova)));
        say(&mut store, 0, Outcome::Current { topic: Topic::NovaQuotas });
        let cinder = [
            told(Cinder, "p", &[("gigabytes", 100, 50), ("volumes", 10, 5)]),
            told(Cinder, "q", &[("gigabytes", -1, 7), ("volumes", 10, -1)]),
        ];
        whole(&mut store, 0, Topic::CinderQuotas, cinder);
        store
    }

    /// What is recorded of these series: `p nova.cores 4`.
    fn lines(recorder: &mut Recorder, store: &Store, second: i64, of: &str) -> Vec<String> {
        let samples = recorder.take(store, at(second)).map(|batch| batch.samples).unwrap_or_default();
        let of = samples.iter().filter(|sample| sample.series.name.starts_with(of));
        let mut lines: Vec<String> = of
            .map(|sample| match &sample.labels[..] {
                [] => format!("{} {}", sample.series.name, sample.value),
                labels => format!("{} {}", labels.join(" "), sample.value),
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_limited_and_in_use_is_due_with_each_hour_and_when_it_changes() {
        let (mut store, mut recorder) = (cloud(), Recorder::default());
        let all = ["p cinder.gigabytes 50", "p cinder.volumes 5", "p nova.cores 4"];
        assert_eq!(lines(&mut recorder, &store, 0, "quota"), all);
        assert_eq!(lines(&mut recorder, &store, 60, "quota"), Vec::<String>::new(), "nothing is new");
        // An instance comes, and nova says nothing.
        whole(&mut store, 110, Topic::Instances, [Delta::Instances(vec![guest("a"), guest("b")])]);
        let changed = ["p cinder.gigabytes 50", "p cinder.volumes 5", "p nova.cores 8"];
        assert_eq!(lines(&mut recorder, &store, 120, "quota"), changed);
        // All of it is gone, which is known.
        whole(&mut store, 170, Topic::Instances, [Delta::Instances(Vec::new())]);
        assert_eq!(lines(&mut recorder, &store, 180, "quota")[2], "p nova.cores 0");
        whole(&mut store, 3_600, Topic::Instances, [Delta::Instances(Vec::new())]);
        assert_eq!(lines(&mut recorder, &store, 3_600, "quota"), Vec::<String>::new(), "an hour old");
    }

    #[test]
    fn what_is_old_fails_or_goes_by_instances_that_are_not_known_is_no_sample() {
        let store = cloud();
        let at_once = |store: &Store, second| lines(&mut Recorder::default(), store, second, "quota");
        // By then the instances have been silent for too long.
        assert_eq!(at_once(&store, 120), ["p cinder.gigabytes 50", "p cinder.volumes 5"]);
        assert_eq!(at_once(&store, 2_701), Vec::<String>::new());
        // Others were told of since; p was not.
        let mut old = cloud();
        whole(&mut old, 2_700, Topic::CinderQuotas, [told(Cinder, "q", &[("volumes", 10, 2)])]);
        assert_eq!(at_once(&old, 2_760), ["q cinder.volumes 2"]);
        let mut failing = cloud();
        let trouble = Trouble {
            source: "cinder",
            kind: "unreachable",
            message: String::new(),
            next_step: String::new(),
            request_id: None,
        };
        let said = QuotaSaid::Project("p".into(), Err(trouble));
        say(&mut failing, 1, Outcome::Part(Delta::Quotas(Cinder, said)));
        assert_eq!(at_once(&failing, 2), ["p nova.cores 4"]);
    }

    #[test]
    fn volumes_are_summed_once_all_projects_of_a_whole_round_were_told_of() {
        let sum = |store: &Store, second| lines(&mut Recorder::default(), store, second, "volumes");
        let mut store = cloud();
        // Of q's volumes the books are wrong.
        assert_eq!(sum(&store, 0), ["volumes.size 57"]);
        say(&mut store, 1, Outcome::Part(told(Cinder, "q", &[("gigabytes", -1, 8), ("volumes", 10, 2)])));
        assert_eq!(sum(&store, 1), ["volumes 7", "volumes.size 58"]);
        // A project that nobody has asked about yet.
        projects(&mut store, 2, &["p", "q", "r"]);
        assert_eq!(sum(&store, 2), Vec::<String>::new());
        // A round that is not over, whoever was told of.
        let mut early = Store::default();
        projects(&mut early, 0, &["p"]);
        say(&mut early, 0, Outcome::Begin { topic: Topic::CinderQuotas, expected: Some(1) });
        say(&mut early, 0, Outcome::Part(told(Cinder, "p", &[("gigabytes", 9, 1), ("volumes", 9, 1)])));
        say(&mut early, 0, Outcome::Current { topic: Topic::CinderQuotas });
        assert_eq!(sum(&early, 0), Vec::<String>::new());
        say(&mut early, 1, Outcome::End { topic: Topic::CinderQuotas, complete: true, limit: None });
        assert_eq!(sum(&early, 1), ["volumes 1", "volumes.size 1"]);
    }
}
