use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::model::{Inventory, PowerState, ResourceClass, ServiceState, ServiceStatus};
use crate::report::{Outage, OutageKind};
use crate::table::Slots;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn say(store: &mut Store, second: i64, outcome: Outcome) {
    store.apply(Report { at: at(second), epoch: 0, outcome });
}

pub(crate) fn instance(id: &str, host: Option<&str>, task: Option<&str>) -> Instance {
    Instance {
        id: id.into(),
        name: id.into(),
        status: "ACTIVE".into(),
        vm_state: None,
        task_state: task.map(Into::into),
        power_state: PowerState::Running,
        host: host.map(Into::into),
        hypervisor_hostname: host.map(Into::into),
        instance_name: None,
        project_id: "p".into(),
        user_id: None,
        flavor: None,
        image_id: None,
        availability_zone: None,
        addresses: Box::default(),
        volumes: Box::default(),
        security_groups: [].into(),
        metadata: Box::default(),
        key_name: None,
        locked: false,
        locked_reason: None,
        host_status: None,
        fault: None,
        created: None,
        updated: None,
        launched_at: None,
        partial: false,
    }
}

pub(crate) fn hypervisor(id: &str, vcpus_used: u64) -> Hypervisor {
    Hypervisor {
        id: id.into(),
        hypervisor_hostname: id.into(),
        host: id.into(),
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        hypervisor_type: "fake".into(),
        hypervisor_version: None,
        host_ip: None,
        vcpus: Some(10),
        vcpus_used: Some(vcpus_used),
        memory_mb: Some(8_192),
        memory_mb_used: Some(512),
        local_gb: None,
        local_gb_used: None,
        running_vms: None,
        cpu_model: None,
    }
}

fn provider(id: &str, second: i64, vcpus: u64) -> Provider {
    let inventory = Inventory { total: 8_192, reserved: 512, allocation_ratio: 1.5 };
    Provider {
        id: id.into(),
        name: id.into(),
        inventories: Some((at(second), vec![(ResourceClass::MemoryMb, inventory)])),
        usages: Some((at(second), vec![(ResourceClass::Vcpu, vcpus), (ResourceClass::MemoryMb, 0)])),
    }
}

fn read_hypervisors(store: &mut Store, second: i64, rows: Vec<Hypervisor>) {
    let topic = Topic::Hypervisors;
    say(store, second, Outcome::Begin { topic, expected: None });
    say(store, second, Outcome::Part(Delta::Hypervisors(rows)));
    say(store, second, Outcome::End { topic, complete: true, limit: None });
}

fn outage() -> Outage {
    Outage {
        kind: OutageKind::Unreachable,
        message: "nova is away".into(),
        next_step: "look".into(),
        request_id: None,
        retry_in: None,
    }
}

#[test]
fn an_outage_keeps_the_facts_and_their_age() {
    let mut store = Store::default();
    read_hypervisors(&mut store, 0, vec![hypervisor("cmp01", 1)]);
    say(&mut store, 10, Outcome::Outage { topic: Topic::Hypervisors, outage: outage() });
    say(&mut store, 20, Outcome::Outage { topic: Topic::Hypervisors, outage: outage() });
    let fresh = store.freshness(Topic::Hypervisors);
    assert_eq!(store.hypervisors.len(), 1);
    assert_eq!(fresh.as_of, Some(at(0)));
    assert_eq!(fresh.standing(Topic::Hypervisors, at(21)), Standing::Stale);
    let failing = fresh.outage.as_ref().unwrap();
    assert_eq!((failing.since, failing.last), (at(10), at(20)));
    read_hypervisors(&mut store, 30, vec![hypervisor("cmp01", 1)]);
    assert_eq!(store.freshness(Topic::Hypervisors).standing(Topic::Hypervisors, at(31)), Standing::Fresh);
}

#[test]
fn an_outage_in_the_middle_of_a_read_sweeps_nothing() {
    let mut store = Store::default();
    read_hypervisors(&mut store, 0, vec![hypervisor("cmp01", 1), hypervisor("cmp02", 1)]);
    say(&mut store, 5, Outcome::Begin { topic: Topic::Hypervisors, expected: None });
    say(&mut store, 5, Outcome::Part(Delta::Hypervisors(vec![hypervisor("cmp01", 1)])));
    say(&mut store, 6, Outcome::Outage { topic: Topic::Hypervisors, outage: outage() });
    assert_eq!(store.hypervisors.len(), 2);
}

#[test]
fn silence_makes_facts_stale_without_an_outage() {
    let mut store = Store::default();
    read_hypervisors(&mut store, 0, vec![]);
    let fresh = store.freshness(Topic::Hypervisors);
    let late = at(0) + Topic::Hypervisors.stale_after() + SignedDuration::from_secs(1);
    assert_eq!(fresh.standing(Topic::Hypervisors, late), Standing::Stale);
}

#[test]
fn late_reports_of_an_old_cloud_are_dropped() {
    let mut store = Store::default();
    store.reset(3);
    store.apply(Report {
        at: at(0),
        epoch: 2,
        outcome: Outcome::Part(Delta::Instances(vec![instance("a", None, None)])),
    });
    assert!(store.instances.is_empty());
}

#[test]
fn a_host_counts_the_instances_that_stand_on_it() {
    let mut store = Store::default();
    read_hypervisors(&mut store, 0, vec![hypervisor("cmp01", 1), hypervisor("cmp02", 1)]);
    let rows = vec![instance("a", Some("cmp01"), None), instance("b", Some("cmp01"), None)];
    say(&mut store, 1, Outcome::Part(Delta::Instances(rows)));
    let revision = store.hypervisors.revision();
    say(&mut store, 2, Outcome::Part(Delta::Instances(vec![instance("a", Some("cmp02"), None)])));
    let count = |store: &Store, id| store.instance_count_on(store.hypervisors.by_id(id).unwrap());
    assert_eq!((count(&store, "cmp01"), count(&store, "cmp02")), (1, 1));
    assert_eq!(store.hypervisors.changed_since(revision).map(|slots| slots.len()), Some(2));
    say(&mut store, 3, Outcome::Part(Delta::Remove(Topic::Instances, vec!["a".into()])));
    assert_eq!(count(&store, "cmp02"), 0);
}

#[test]
fn a_task_state_is_as_old_as_its_first_sight() {
    let mut store = Store::default();
    let put = |store: &mut Store, second, task, updated| {
        let row = Instance { updated, ..instance("a", None, task) };
        say(store, second, Outcome::Part(Delta::Instances(vec![row])));
    };
    put(&mut store, 10, Some("spawning"), Some(at(4)));
    assert_eq!(store.task_since(0), Some(at(4)));
    put(&mut store, 60, Some("spawning"), Some(at(59)));
    assert_eq!(store.task_since(0), Some(at(4)), "a later save is no new task");
    put(&mut store, 70, Some("deleting"), Some(at(69)));
    assert_eq!(store.task_since(0), Some(at(69)));
    put(&mut store, 80, None, Some(at(79)));
    assert_eq!(store.task_since(0), None);
}

#[test]
fn drift_holds_only_over_two_readings_of_both() {
    let mut store = Store::default();
    let drifted = |store: &Store| store.drifted(store.hypervisors.by_id("cmp01").unwrap());
    let placement = |store: &mut Store, second, vcpus| {
        say(store, second, Outcome::Part(Delta::Providers(vec![provider("cmp01", second, vcpus)])));
    };
    read_hypervisors(&mut store, 0, vec![hypervisor("cmp01", 4)]);
    placement(&mut store, 1, 3);
    assert!(!drifted(&store), "one disagreement means nothing");
    placement(&mut store, 2, 3);
    assert!(!drifted(&store), "nova was not read again");
    read_hypervisors(&mut store, 60, vec![hypervisor("cmp01", 4)]);
    placement(&mut store, 61, 3);
    assert!(drifted(&store));
    placement(&mut store, 62, 4);
    assert!(!drifted(&store));
}

#[test]
fn a_migration_there_excuses_drift() {
    let mut store = Store::default();
    let migration = Migration {
        id: "1".into(),
        instance_id: "a".into(),
        status: "running".into(),
        migration_type: None,
        source_compute: Some("cmp02".into()),
        dest_compute: Some("cmp01".into()),
        created_at: None,
        updated_at: None,
    };
    say(&mut store, 0, Outcome::Part(Delta::Migrations(vec![migration])));
    for second in [0, 60, 120] {
        read_hypervisors(&mut store, second, vec![hypervisor("cmp01", 4)]);
        let row = provider("cmp01", second + 1, 3);
        say(&mut store, second + 1, Outcome::Part(Delta::Providers(vec![row])));
    }
    assert!(!store.drifted(store.hypervisors.by_id("cmp01").unwrap()));
}

/// What can happen to instances, in any order.
#[derive(Clone, Debug)]
enum Event {
    Begin,
    Rows(Vec<(u8, u8)>),
    End(bool),
    Remove(u8),
    Outage,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Begin),
        proptest::collection::vec((0u8..12, 0u8..4), 0..6).prop_map(Event::Rows),
        any::<bool>().prop_map(Event::End),
        (0u8..12).prop_map(Event::Remove),
        Just(Event::Outage),
    ]
}

proptest! {
    /// Any interleaving leaves indexes that equal a full scan.
    #[test]
    fn indexes_equal_a_full_scan(events in proptest::collection::vec(event(), 0..40)) {
        let mut store = Store::default();
        let hosts: Vec<_> = (0..4).map(|h| hypervisor(&format!("cmp{h}"), 1)).collect();
        read_hypervisors(&mut store, 0, hosts);
        for (second, event) in events.into_iter().enumerate() {
            let topic = Topic::Instances;
            let outcome = match event {
                Event::Begin => Outcome::Begin { topic, expected: None },
                Event::Rows(rows) => Outcome::Part(Delta::Instances(
                    rows.iter()
                        .map(|(id, host)| instance(&id.to_string(), Some(&format!("cmp{host}")), None))
                        .collect(),
                )),
                Event::End(complete) => Outcome::End { topic, complete, limit: None },
                Event::Remove(id) => Outcome::Part(Delta::Remove(topic, vec![id.to_string().into()])),
                Event::Outage => Outcome::Outage { topic, outage: outage() },
            };
            say(&mut store, second as i64, outcome);
            for (_, host) in store.hypervisors.iter() {
                let scan: Vec<_> = store
                    .instances
                    .iter()
                    .filter(|(_, i)| i.host.as_ref() == Some(&host.host))
                    .map(|(slot, _)| slot)
                    .collect();
                prop_assert_eq!(store.instances_on(host), scan);
            }
            prop_assert_eq!(store.instance_count_in("p"), store.instances.len());
        }
    }
}
