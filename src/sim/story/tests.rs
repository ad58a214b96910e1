use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::sim::cloud::{Power, Progress, Tally, VmState};
use crate::sim::scenario::SHIPPED;
use crate::sim::time::{HOUR, MINUTE, SECOND};

const OPENS: Time = Time(1_795_000_000_000);

fn world(scenario: &str, hypervisors: usize, instances: usize, seed: u64) -> World {
    let scenario = Scenario::load(scenario).unwrap();
    World::new(Plan { hypervisors, instances, seed }, &scenario, OPENS, Vec::new())
}

/// A cloud in which nothing happens by itself.
fn still(hypervisors: usize, instances: usize) -> World {
    let scenario = Scenario::parse("title = \"still\"\nprelude = \"0s\"\n", "still.toml").unwrap();
    World::new(Plan { hypervisors, instances, seed: 1 }, &scenario, OPENS, Vec::new())
}

/// Everything that must be true of a cloud at any time.
fn check(world: &World, when: &str) {
    let cloud = &world.cloud;
    let mut tallies: BTreeMap<ProjectIx, Tally> = BTreeMap::new();
    let mut addresses = BTreeSet::new();
    for (slot, instance) in cloud.instances.iter() {
        let who = format!("{when}: {} {}", instance.name, instance.id);
        assert!(instance.host.is_none_or(|host| (host as usize) < cloud.hosts.len()), "{who}: no such host");
        if instance.is_deleted() {
            assert!(instance.terminated.is_some() && instance.nic.is_none(), "{who}: not quite dead");
            continue;
        }
        let tally = tallies.entry(instance.project).or_default();
        let amount = cloud.flavor(instance.flavor).amount();
        tally.instances += 1;
        tally.cores += i64::from(amount.vcpus);
        tally.ram += i64::from(amount.ram);
        let running = matches!(instance.vm_state, VmState::Active | VmState::Paused | VmState::Resized);
        assert!(!running || instance.host.is_some(), "{who}: {} nowhere", instance.status());
        assert!(
            instance.vm_state != VmState::Error || instance.fault().is_some(),
            "{who}: ERROR without a fault"
        );
        if let Some(nic) = instance.nic {
            assert!(addresses.insert((instance.project, nic.address)), "{who}: an address twice");
            assert_eq!(cloud.ports.get(nic.port), Some(crate::sim::cloud::PortRef::Instance(slot)), "{who}");
        }
        for &volume in instance.volumes() {
            assert_eq!(cloud.volumes[volume as usize].attached, Some(instance.id), "{who}");
        }
    }
    for (ix, project) in cloud.projects.iter().enumerate() {
        let tally = tallies.remove(&(ix as ProjectIx)).unwrap_or_default();
        assert_eq!(project.used, tally, "{when}: the books of project {}", project.name);
    }
    for (ix, host) in cloud.hosts.iter().enumerate() {
        let held = cloud.held(ix as HostIx);
        assert_eq!((host.used, host.guests), held, "{when}: the books of {}", host.name);
    }
}

#[test]
fn one_seed_tells_one_story() {
    for (name, _) in SHIPPED.iter().filter(|(name, _)| *name != "scale") {
        let tell = |seed| world(name, 20, 200, seed).events().take(100).cloned().collect::<Vec<_>>();
        let first = tell(1);
        assert_eq!(first.len(), 100, "{name}");
        assert_eq!(first, tell(1), "{name}");
        assert_ne!(first, tell(2), "{name}");
    }
}

#[test]
fn the_books_are_right_at_any_time() {
    for (name, _) in SHIPPED {
        let mut world = world(name, 30, 300, 7);
        check(&world, &format!("{name} at the opening"));
        for n in 1..=6 {
            while world.advance(OPENS.plus(n * 10 * MINUTE), 10_000) {}
            check(&world, &format!("{name} after {n}0 minutes"));
        }
    }
}

#[test]
fn a_cloud_can_have_any_size() {
    for (hypervisors, instances) in [(0, 0), (1, 0), (1, 1), (2, 50), (1, 200), (11, 3), (100, 10)] {
        for scenario in ["incident", "noisy-neighbour", "broker-partition"] {
            let mut world = world(scenario, hypervisors, instances, 1);
            world.advance(OPENS.plus(HOUR), 5_000);
            check(&world, &format!("{scenario} with {hypervisors} and {instances}"));
        }
    }
}

#[test]
fn the_population_hovers() {
    let mut world = world("noisy-neighbour", 40, 1_000, 3);
    while world.advance(OPENS.plus(2 * HOUR), 10_000) {}
    let live = world.cloud.instances.live();
    assert!((950..=1_050).contains(&live), "{live}");
}

#[test]
fn instances_are_born_fail_and_die_within_minutes() {
    let mut world = world("incident", 40, 1_000, 1);
    let before = world.events().last().unwrap().number;
    while world.advance(OPENS.plus(5 * MINUTE), 10_000) {}
    let since: Vec<_> = world.events().filter(|event| event.number > before).collect();
    let count = |action: &str, failed: bool| {
        let wanted = |kind: &Kind| matches!(kind, Kind::Finished { action: a, failed: f } if *a == action && *f == failed);
        since.iter().filter(|event| wanted(&event.kind)).count()
    };
    assert!(count("create", false) > 10, "born: {}", count("create", false));
    assert!(count("create", true) > 0, "failed: {}", count("create", true));
    assert!(count("delete", false) > 10, "died: {}", count("delete", false));
}

#[test]
fn the_incident_happens_as_it_is_told() {
    let world = world("incident", 40, 1_000, 1);
    let victim = world.cloud.hosts.len() as HostIx - 3;
    let host = world.cloud.host(victim);
    assert!(!host.is_up(OPENS) && !host.listens && host.backlog > 0, "{} has {}", host.name, host.backlog);
    let happened = |wanted: fn(&Kind) -> bool, host: Option<HostIx>| {
        let found =
            world.events().find(|event| wanted(&event.kind) && (host.is_none() || event.host == host));
        found.map(|event| event.number)
    };
    let order = [
        happened(|kind| *kind == Kind::HostSilent, Some(victim)),
        happened(|kind| *kind == Kind::HostRebooted, Some(victim)),
        happened(|kind| matches!(kind, Kind::Stranded { .. }), Some(victim)),
        happened(|kind| matches!(kind, Kind::NoValidHost { .. }), None),
    ];
    assert!(order.iter().all(Option::is_some), "{order:?}");
    let hang = world.cloud.instances.iter().filter(|(_, i)| {
        i.vm_state == VmState::Building && i.host == Some(victim) && OPENS.since(i.updated) > 5 * MINUTE
    });
    assert!(hang.count() > 0, "builds hang on it");
    assert!(world.cloud.hosts.iter().any(|host| !host.enabled), "one host is disabled");
}

/// Does an operation as its owner would, and tells the story until it is over.
fn act(world: &mut World, slot: Slot, op: Op) -> Result<(), Refused> {
    let request = world.story.random.uuid();
    world.operate(slot, op, Actor { user: 0, project: 0 }, request)?;
    let until = world.cloud.now.plus(10 * MINUTE);
    while world.advance(until, 100) {}
    check(world, &format!("after {op:?}"));
    Ok(())
}

#[test]
fn every_operation_ends_where_nova_ends_it() {
    use VmState as V;
    let mut world = still(4, 20);
    let find = |world: &World| {
        let found = world.cloud.instances.iter().find(|(_, i)| {
            i.vm_state == V::Active && i.power == Power::Running && world.cloud.flavor(i.flavor).vcpus == 1
        });
        found.map(|(slot, _)| slot).unwrap()
    };
    let slot = find(&world);
    let steps: &[(Op, V, Power)] = &[
        (Op::Stop, V::Stopped, Power::Shutdown),
        (Op::Start, V::Active, Power::Running),
        (Op::Reboot { hard: false }, V::Active, Power::Running),
        (Op::Pause, V::Paused, Power::Paused),
        (Op::Unpause, V::Active, Power::Running),
        (Op::Suspend, V::Suspended, Power::Suspended),
        (Op::Resume, V::Active, Power::Running),
        (Op::Rescue, V::Rescued, Power::Running),
        (Op::Unrescue, V::Active, Power::Running),
        (Op::Resize(3), V::Resized, Power::Running),
        (Op::Revert, V::Active, Power::Running),
        (Op::Resize(2), V::Resized, Power::Running),
        (Op::Confirm, V::Active, Power::Running),
        (Op::LiveMigrate(None), V::Active, Power::Running),
        (Op::Migrate, V::Resized, Power::Running),
        (Op::Confirm, V::Active, Power::Running),
        (Op::Rebuild, V::Active, Power::Running),
        (Op::Shelve, V::ShelvedOffloaded, Power::Shutdown),
        (Op::Unshelve, V::Active, Power::Running),
        (Op::Delete, V::Deleted, Power::NoState),
    ];
    for (op, vm_state, power) in steps {
        act(&mut world, slot, *op).unwrap();
        let instance = world.cloud.instances.at(slot).unwrap();
        assert_eq!(
            (instance.vm_state, instance.power, instance.task_state),
            (*vm_state, *power, None),
            "{op:?}"
        );
        let last = instance.acts().last().unwrap();
        assert!(last.name == op.action() && !last.failed, "{op:?}: {last:?}");
    }
    let resized = world.cloud.migrations.iter().map(|m| (m.kind, m.progress)).collect::<Vec<_>>();
    assert_eq!(
        resized,
        [
            ("resize", Progress::Reverted),
            ("resize", Progress::Confirmed),
            ("live-migration", Progress::Completed),
            ("migration", Progress::Confirmed),
        ]
    );
}

#[test]
fn nova_refuses_what_makes_no_sense_in_its_own_words() {
    let mut world = still(2, 20);
    let (slot, id) = world
        .cloud
        .instances
        .iter()
        .find(|(_, i)| i.vm_state == VmState::Active)
        .map(|(s, i)| (s, i.id))
        .unwrap();
    let refused = act(&mut world, slot, Op::Start).unwrap_err();
    let words = format!("Cannot 'start' instance {id} while it is in vm_state active");
    assert_eq!(refused, Refused::Conflict(words));
    let request = world.story.random.uuid();
    world.operate(slot, Op::Stop, Actor { user: 0, project: 0 }, request).unwrap();
    let refused = act(&mut world, slot, Op::Pause).unwrap_err();
    let words = format!("Cannot 'pause' instance {id} while it is in task_state powering-off");
    assert_eq!(refused, Refused::Conflict(words));
}

fn wish(flavor: FlavorIx) -> Wish {
    Wish {
        name: "new".to_owned(),
        flavor,
        image: Some(0),
        zone: None,
        network: true,
        key_name: None,
        metadata: Vec::new(),
    }
}

#[test]
fn a_build_beyond_the_quota_is_refused_with_every_limit_that_is_in_the_way() {
    let mut world = still(4, 0);
    world.cloud.projects[2].quota.instances = 0;
    world.cloud.projects[2].quota.cores = 1;
    let who = Actor { user: world.cloud.project(2).user, project: 2 };
    let refused = world.build(wish(2), who, Uuid::nil()).unwrap_err();
    let words =
        "Quota exceeded for cores, instances: Requested 2, 1, but already used 0, 0 of 1, 0 cores, instances";
    assert_eq!(refused, Refused::Quota(words.to_owned()));
    check(&world, "after the refusal");
}

#[test]
fn builds_on_a_deaf_host_hang_until_it_hears_again() {
    let mut world = still(1, 0);
    world.deafen(0);
    let who = Actor { user: world.cloud.project(2).user, project: 2 };
    let (slot, _) = world.build(wish(1), who, Uuid::nil()).unwrap();
    while world.advance(OPENS.plus(HOUR), 100) {}
    let instance = world.cloud.instances.at(slot).unwrap();
    assert_eq!((instance.status(), instance.host), ("BUILD", Some(0)));
    assert_eq!(world.cloud.host(0).backlog, 1);
    world.bring_back(0);
    while world.advance(OPENS.plus(2 * HOUR), 100) {}
    assert_eq!(world.cloud.instances.at(slot).unwrap().status(), "ACTIVE");
    assert_eq!(world.cloud.host(0).backlog, 0);
    check(&world, "after it came back");
}

#[test]
fn without_a_host_a_build_ends_in_error() {
    let mut world = still(1, 0);
    world.silence(0);
    while world.advance(OPENS.plus(2 * MINUTE), 100) {}
    let who = Actor { user: world.cloud.project(2).user, project: 2 };
    let (slot, _) = world.build(wish(1), who, Uuid::nil()).unwrap();
    while world.advance(OPENS.plus(3 * MINUTE), 100) {}
    let instance = world.cloud.instances.at(slot).unwrap();
    assert_eq!(instance.status(), "ERROR");
    assert_eq!(instance.fault().unwrap().message, "No valid host was found. ");
    // Placement named it: it knows nothing of who is up.
    let told = |event: &&Event| event.kind == Kind::NoValidHost { candidates: 1 };
    assert_eq!(world.events().filter(told).count(), 1);
    assert!(instance.acts()[0].failed);
}

#[test]
fn listeners_hear_every_step_in_order_with_the_cloud_as_it_is_then() {
    struct Ear(Arc<Mutex<Vec<(u64, Time)>>>);
    impl Listener for Ear {
        fn hear(&mut self, cloud: &Cloud, event: &Event) {
            assert_eq!(cloud.now, event.at);
            self.0.lock().unwrap().push((event.number, event.at));
        }
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let scenario = Scenario::load("healthy").unwrap();
    let plan = Plan { hypervisors: 5, instances: 50, seed: 1 };
    let mut world = World::new(plan, &scenario, OPENS, vec![Box::new(Ear(heard.clone()))]);
    world.advance(OPENS.plus(30 * SECOND), 1_000);
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 100);
    assert!(heard.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0 && pair[0].1 <= pair[1].1));
    assert_eq!(heard.len(), world.story.told as usize);
}

#[test]
fn memory_stays_bounded_however_long_the_story_is() {
    let mut world = world("noisy-neighbour", 20, 200, 1);
    while world.advance(OPENS.plus(12 * HOUR), 100_000) {}
    let cloud = &world.cloud;
    assert!(world.story.told > 50_000, "only {} events", world.story.told);
    assert!(cloud.instances.slots() < 200 + 2_000 + 500, "{} slots", cloud.instances.slots());
    assert!(cloud.migrations.len() <= 1_000 && world.story.events.len() <= EVENTS);
    assert!(cloud.images.len() <= 410, "{} images", cloud.images.len());
    check(&world, "after twelve hours");
}

#[test]
fn what_a_client_makes_the_story_leaves_alone() {
    let mut world = world("noisy-neighbour", 4, 20, 1);
    let who = Actor { user: world.cloud.project(3).user, project: 3 };
    world.cloud.projects[3].quota = world.cloud.projects[0].quota;
    let (slot, id) = world.build(wish(0), who, Uuid::nil()).unwrap();
    while world.advance(OPENS.plus(6 * HOUR), 10_000) {}
    let instance = world.cloud.instances.get(slot, id).expect("it still lives");
    assert_eq!((instance.status(), instance.acts().len()), ("ACTIVE", 1));
}
