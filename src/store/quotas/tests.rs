use std::sync::Arc;

use super::*;
use crate::model::{Flavor, Limit, Named, NamedKind};
use crate::report::{Delta, Outage, OutageKind, Outcome, Report};
use crate::store::tests::instance;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn say(store: &mut Store, second: i64, outcome: Outcome) {
    store.apply(Report { at: at(second), epoch: 0, outcome });
}

fn whole(store: &mut Store, second: i64, topic: Topic, delta: Delta) {
    say(store, second, Outcome::Begin { topic, expected: None });
    say(store, second, Outcome::Part(delta));
    say(store, second, Outcome::End { topic, complete: true, limit: None });
}

fn project(id: &str, name: &str, domain: &str) -> Named {
    Named { id: id.into(), name: name.into(), domain_id: Some(domain.into()), enabled: Some(true) }
}

/// An instance of the project `p`.
fn guest(id: &str, status: &str, vcpus: u32, ram: u32) -> Instance {
    let flavor = Flavor {
        name: "f".into(),
        id: None,
        vcpus: Some(vcpus),
        ram: Some(ram),
        disk: None,
        extra_specs: Box::default(),
    };
    Instance { status: status.into(), flavor: Some(Arc::new(flavor)), ..instance(id, None, None) }
}

fn nova(cores: i64) -> Allowances {
    [Allowance { resource: "cores".into(), limit: Limit::Of(20), in_use: Some(cores), reserved: 0 }].into()
}

fn answer(store: &mut Store, second: i64, answer: Result<Allowances, Trouble>) {
    let said = QuotaSaid::Project("p".into(), answer);
    say(store, second, Outcome::Part(Delta::Quotas(QuotaService::Nova, said)));
}

fn trouble() -> Trouble {
    Trouble {
        source: "nova",
        kind: "unreachable",
        message: "nova answered 500".to_owned(),
        next_step: "look at its log".to_owned(),
        request_id: None,
    }
}

/// The vCPUs of `p`, as its row shows them.
fn cores(store: &Store) -> Option<i64> {
    store.in_use(store.quotas.by_id("p").unwrap(), QuotaService::Nova, "cores")
}

fn disagreement(store: &Store) -> Option<(i64, i64)> {
    store.disagreement(store.quotas.by_id("p").unwrap(), "cores")
}

/// `p`, and its instances read.
fn known(instances: Vec<Instance>) -> Store {
    let mut store = Store::default();
    let projects = Delta::Names(NamedKind::Project, vec![project("p", "shop", "default")]);
    whole(&mut store, 0, Topic::Projects, projects);
    whole(&mut store, 1, Topic::Instances, Delta::Instances(instances));
    store
}

#[test]
fn instances_count_as_nova_counts_them() {
    // In ERROR without a host, shelved away, shut off: all count. Deleted softly: not.
    let store = known(vec![
        guest("a", "ERROR", 4, 1_024),
        guest("b", "SHELVED_OFFLOADED", 2, 512),
        guest("c", "SHUTOFF", 1, 256),
        guest("d", "SOFT_DELETED", 8, 4_096),
    ]);
    let expected = Counted { instances: 3, cores: 7, ram: 1_792, unsized_ones: 0 };
    assert_eq!(store.counted("p"), expected);
    assert_eq!(cores(&store), Some(7));
}

#[test]
fn counts_follow_instances_that_change_move_and_go() {
    let mut store = known(vec![guest("a", "ACTIVE", 4, 1_024), guest("b", "ACTIVE", 2, 512)]);
    let revision = store.quotas.revision();
    // Resized, and deleted softly.
    let part = |rows| Outcome::Part(Delta::Instances(rows));
    say(&mut store, 2, part(vec![guest("a", "ACTIVE", 8, 1_024), guest("b", "SOFT_DELETED", 2, 512)]));
    assert_eq!(store.counted("p"), Counted { instances: 1, cores: 8, ram: 1_024, unsized_ones: 0 });
    assert!(store.quotas.revision() > revision, "its row is placed anew");
    // Given to another project, then gone.
    let moved = Instance { project_id: "q".into(), ..guest("a", "ACTIVE", 8, 1_024) };
    say(&mut store, 3, part(vec![moved]));
    assert_eq!((store.counted("p").cores, store.counted("q").cores), (0, 8));
    say(&mut store, 4, Outcome::Part(Delta::Remove(Topic::Instances, vec!["a".into()])));
    assert_eq!(store.counted("q"), Counted::default());
}

#[test]
fn an_instance_of_unknown_size_makes_a_sum_unknown_and_no_less() {
    let mut store = known(vec![guest("a", "ACTIVE", 4, 1_024), instance("b", None, None)]);
    assert_eq!(cores(&store), None);
    let row = store.quotas.by_id("p").unwrap();
    assert_eq!(store.in_use(row, QuotaService::Nova, "instances"), Some(2));
    // nova knows.
    answer(&mut store, 2, Ok(nova(6)));
    assert_eq!(cores(&store), Some(6));
}

#[test]
fn what_was_not_read_is_unknown_and_not_nothing() {
    let mut store = Store::default();
    let projects = Delta::Names(NamedKind::Project, vec![project("p", "shop", "default")]);
    whole(&mut store, 0, Topic::Projects, projects);
    assert_eq!(cores(&store), None);
    // The first page is there, the rest is on its way.
    say(&mut store, 1, Outcome::Begin { topic: Topic::Instances, expected: None });
    assert_eq!(cores(&store), None);
    say(&mut store, 1, Outcome::Part(Delta::Instances(vec![guest("a", "ACTIVE", 4, 1_024)])));
    assert_eq!(cores(&store), Some(4));
}

#[test]
fn an_instance_that_one_side_knew_first_is_no_disagreement() {
    let mut store = known(vec![guest("a", "ACTIVE", 4, 1_024)]);
    // nova knows of one that we have not heard of yet: its figure is the newer one.
    answer(&mut store, 2, Ok(nova(6)));
    assert_eq!(cores(&store), Some(6));
    assert_eq!(disagreement(&store), Some((6, 4)), "until something changes");
    say(&mut store, 3, Outcome::Part(Delta::Instances(vec![guest("b", "BUILD", 2, 512)])));
    assert_eq!((cores(&store), disagreement(&store)), (Some(6), None));
    // And from there on it goes by the instances.
    say(&mut store, 4, Outcome::Part(Delta::Instances(vec![guest("c", "BUILD", 1, 512)])));
    assert_eq!(cores(&store), Some(7));
}

#[test]
fn where_nova_counts_otherwise_its_figure_goes_on_with_the_instances() {
    // As with count_usage_from_placement: what is shelved away has no allocation.
    let mut store = known(vec![guest("a", "ACTIVE", 4, 1_024), guest("b", "SHELVED_OFFLOADED", 2, 512)]);
    answer(&mut store, 2, Ok(nova(4)));
    answer(&mut store, 3, Ok(nova(4)));
    assert_eq!((cores(&store), disagreement(&store)), (Some(4), Some((4, 6))));
    say(&mut store, 4, Outcome::Part(Delta::Instances(vec![guest("c", "BUILD", 1, 512)])));
    assert_eq!((cores(&store), disagreement(&store)), (Some(5), Some((4, 6))));
}

#[test]
fn an_answer_before_the_instances_is_held_against_them_when_they_are_read() {
    let mut store = Store::default();
    let projects = Delta::Names(NamedKind::Project, vec![project("p", "shop", "default")]);
    whole(&mut store, 0, Topic::Projects, projects);
    answer(&mut store, 1, Ok(nova(4)));
    assert_eq!((cores(&store), disagreement(&store)), (Some(4), None));
    whole(&mut store, 2, Topic::Instances, Delta::Instances(vec![guest("a", "ACTIVE", 1, 1_024)]));
    assert_eq!((cores(&store), disagreement(&store)), (Some(4), Some((4, 1))));
}

#[test]
fn a_failure_keeps_what_was_told_and_a_success_forgets_the_failure() {
    let mut store = known(Vec::new());
    answer(&mut store, 2, Ok(nova(0)));
    answer(&mut store, 3, Err(trouble()));
    let answered = store.quotas.by_id("p").unwrap().of(QuotaService::Nova).clone();
    assert_eq!(answered.told.map(|(when, _)| when), Some(at(2)));
    assert_eq!(answered.trouble, Some(trouble()));
    answer(&mut store, 4, Ok(nova(1)));
    let answered = store.quotas.by_id("p").unwrap().of(QuotaService::Nova);
    assert_eq!(answered.told.as_ref().map(|(when, _)| *when), Some(at(4)));
    assert_eq!(answered.trouble, None);
}

#[test]
fn a_project_that_was_deleted_goes_and_a_late_answer_brings_no_row_back() {
    let mut store = known(Vec::new());
    let others = Delta::Names(NamedKind::Project, vec![project("q", "ci", "default")]);
    whole(&mut store, 2, Topic::Projects, others);
    assert!(store.quotas.by_id("p").is_none());
    answer(&mut store, 3, Ok(nova(1)));
    assert!(store.quotas.by_id("p").is_none());
    assert!(store.projects.by_id("p").is_some(), "its instances still have its name");
    // One that keystone did not tell of because it failed stays.
    say(&mut store, 4, Outcome::Begin { topic: Topic::Projects, expected: None });
    let outage = Outage {
        kind: OutageKind::Unreachable,
        message: String::new(),
        next_step: String::new(),
        request_id: None,
        retry_in: None,
    };
    say(&mut store, 5, Outcome::Outage { topic: Topic::Projects, outage });
    assert!(store.quotas.by_id("q").is_some());
}

#[test]
fn each_project_counts_once_in_the_first_round() {
    let mut store = known(Vec::new());
    say(&mut store, 2, Outcome::Begin { topic: Topic::NovaQuotas, expected: Some(1) });
    answer(&mut store, 3, Err(trouble()));
    answer(&mut store, 4, Ok(nova(1)));
    answer(&mut store, 5, Ok(nova(2)));
    let seen = store.freshness(Topic::NovaQuotas).progress.map(|progress| progress.seen);
    assert_eq!(seen, Some(1));
}

#[test]
fn names_that_several_domains_have_given_are_known_as_such() {
    let mut store = known(Vec::new());
    assert!(!store.is_ambiguous("shop"));
    let name = |row| Outcome::Part(Delta::Names(NamedKind::Project, vec![row]));
    say(&mut store, 2, name(project("q", "shop", "d2")));
    assert!(store.is_ambiguous("shop"));
    say(&mut store, 3, name(project("q", "store", "d2")));
    assert!(!store.is_ambiguous("shop") && !store.is_ambiguous("store"));
}

#[test]
fn a_service_that_is_not_there_limits_nobody_until_it_is() {
    let mut store = known(Vec::new());
    let revision = store.quotas.revision();
    let said = |said| Outcome::Part(Delta::Quotas(QuotaService::Cinder, said));
    say(&mut store, 2, said(QuotaSaid::Absent));
    assert!(store.has_no_quotas(QuotaService::Cinder) && store.quotas.revision() > revision);
    say(&mut store, 3, said(QuotaSaid::Defaults(nova(0))));
    assert!(!store.has_no_quotas(QuotaService::Cinder));
    assert!(store.quota_defaults(QuotaService::Cinder).is_some());
}
