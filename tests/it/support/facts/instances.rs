//! The instances, what was done to them, and a console log.

use std::sync::Arc;

use jiff::Timestamp;
use stackwatch::model::{
    ActionEvent, Address, AddressKind, Fault, Flavor, Instance, InstanceAction, Mac, Named, PowerState, Text,
    VolumeRef,
};

use super::{EVIL, ago, evil, hosts, named, uuid};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Name, status, host (empty: none), project, flavor, age in seconds.
type Seed = (&'static str, &'static str, &'static str, &'static str, &'static str, i64);

/// What is special about one of them is added by [`special`].
const SEEDS: &[Seed] = &[
    ("web-01", "ACTIVE", "cmp01", "shop", "m1.large", 41 * DAY),
    ("web-02", "ACTIVE", "cmp08", "shop", "m1.large", 41 * DAY),
    ("web-17", "ERROR", "", "shop", "m1.xlarge", 2 * MINUTE),
    ("db-3", "BUILD", "cmp08", "analytics", "r2.large", 6 * MINUTE + 14),
    ("前端-01", "ACTIVE", "cmp03", "展示", "m1.small", 41 * DAY),
    (HOSTILE, "ACTIVE", "cmp03", "analytics", "g1.large", 3 * HOUR),
    ("lb-01", "ACTIVE", "cmp01", "shop", "m1.medium", 200 * DAY),
    ("orphan-1", "SHUTOFF", "cmp10", GONE, "m1.small", 700 * DAY),
    (PARTIAL, "UNKNOWN", "", "analytics", "", 12 * DAY),
    ("build-88", "ACTIVE", "cmp08", "ci", "m1.small", 20 * MINUTE),
    ("batch-07", "SHUTOFF", "cmp12", "analytics", "m1.xlarge", 90 * DAY),
    ("ci-runner-4", "PAUSED", "cmp09", "ci", "m1.large", 5 * DAY),
    ("erp-db", "VERIFY_RESIZE", "cmp10", "erp", "r2.large", 310 * DAY),
    ("bastion", "ACTIVE", "cmp01", "ops", "m1.small", 400 * DAY),
    ("cafe\u{301}-mail", "ACTIVE", "cmp05", "shop", "m1.medium", 60 * DAY),
    ("shop-api-1", "ACTIVE", "cmp07", "shop", "m1.large", 22 * DAY),
    ("shop-api-2", "ACTIVE", "cmp07", "shop", "m1.large", 22 * DAY),
    ("report-1", "SHUTOFF", "cmp07", "analytics", "r2.large", 33 * DAY),
    ("hpc-1", "ACTIVE", "cmp11", "analytics", "c1.32", 8 * DAY),
    ("hpc-2", "ACTIVE", "cmp11", "analytics", "c1.16", 8 * DAY),
    ("hpc-3", "ACTIVE", "cmp11", "analytics", "m1.xlarge", 8 * DAY),
    ("hpc-4", "ACTIVE", "cmp11", "analytics", "m1.large", 7 * DAY),
    ("hpc-5", "ACTIVE", "cmp11", "analytics", "m1.medium", 7 * DAY),
    ("k8s-prod-pool-general-purpose-7f9c6d5b8-x2x4z", "ACTIVE", "cmp06", "shop", "m1.xlarge", 17 * HOUR),
    ("cache-1", "MIGRATING", "cmp12", "shop", "r2.large", 55 * DAY),
];

/// A name that nova would refuse, and that a database may hold all the same.
const HOSTILE: &str = "evil\x1b[31m\x1b]52;c;aGFja2Vk\x07\r\u{202e}exe.txt";
/// nova knows nothing of a down cell's instance but id, project and age.
const PARTIAL: &str = "";
/// A project that keystone no longer knows.
const GONE: &str = "(gone)";

/// vCPUs, RAM in MiB, disk in GiB.
const FLAVORS: &[(&str, u32, u32, u32)] = &[
    ("m1.small", 1, 2_048, 20),
    ("m1.medium", 2, 4_096, 40),
    ("m1.large", 4, 8_192, 80),
    ("m1.xlarge", 8, 16_384, 160),
    ("r2.large", 4, 65_536, 40),
    ("g1.large", 8, 32_768, 200),
    ("c1.16", 16, 65_536, 100),
    ("c1.32", 32, 131_072, 100),
];

pub const PROJECTS: &[&str] = &["shop", "analytics", "展示", "ci", "erp", "ops"];

/// A boot as a serial console shows it: colours, a cursor that moves, a progress bar on one line.
pub const CONSOLE: &str =
    "\x1b[2J\x1b[01;01H[    0.000000] Linux version 6.1.0-28-cloud-amd64 (debian-kernel@lists.debian.org)
[    1.204411] virtio_blk virtio1: [vda] 335544320 512-byte logical blocks (172 GB/160 GiB)
[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh.service\x1b[0m - OpenBSD Secure Shell server.
[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mpostgresql@15-main.service\x1b[0m.
fsck: 10%\rfsck: 55%\rfsck: 100%
[  602.113020] Out of memory: Killed process 4711 (postgres) total-vm:68719476kB, anon-rss:66060288kB
\x1b]0;db\x07\x1b]52;c;aGFja2Vk\x07
web login: ";

pub fn project_id(name: &str) -> Text {
    let n = PROJECTS.iter().position(|project| *project == name).unwrap_or(PROJECTS.len());
    uuid(4_000 + n as u64).replace('-', "").into()
}

pub fn projects() -> Vec<Named> {
    PROJECTS.iter().map(|name| named(project_id(name), name)).collect()
}

pub fn user_id() -> Text {
    uuid(5_000).replace('-', "").into()
}

pub fn image_id() -> Text {
    uuid(5_001)
}

/// The id of the instance with this name.
pub fn id_of(name: &str) -> Text {
    uuid(SEEDS.iter().position(|seed| seed.0 == name).unwrap() as u64)
}

pub fn all() -> Vec<Instance> {
    SEEDS.iter().enumerate().map(|(n, seed)| special(planted(n as u64, seed))).collect()
}

/// The instance with this name, as the cloud has it.
pub fn instance(name: &str) -> Instance {
    all().into_iter().find(|row| row.name.as_ref() == name).unwrap()
}

/// So many plain instances, spread over hosts, projects and states.
pub fn many(count: usize) -> Vec<Instance> {
    (0..count)
        .map(|n| {
            let seed = &SEEDS[n % SEEDS.len()];
            Instance { name: format!("{}-{n}", seed.0).into(), ..planted(1_000_000 + n as u64, seed) }
        })
        .collect()
}

fn planted(n: u64, &(name, status, host, project, flavor, age): &Seed) -> Instance {
    let host = (!host.is_empty()).then(|| Text::from(host));
    let (vm_state, power_state) = match status {
        "ACTIVE" | "MIGRATING" => ("active", PowerState::Running),
        "SHUTOFF" => ("stopped", PowerState::Shutdown),
        "PAUSED" => ("paused", PowerState::Paused),
        "VERIFY_RESIZE" => ("resized", PowerState::Running),
        "ERROR" => ("error", PowerState::NoState),
        _ => ("building", PowerState::NoState),
    };
    Instance {
        id: uuid(n),
        name: name.into(),
        status: status.into(),
        vm_state: Some(vm_state.into()),
        task_state: None,
        power_state,
        hypervisor_hostname: host.clone(),
        instance_name: host.as_ref().map(|_| format!("instance-{:08x}", 31 + n).into()),
        project_id: project_id(project),
        user_id: Some(user_id()),
        flavor: FLAVORS.iter().find(|known| known.0 == flavor).map(|&(name, vcpus, ram, disk)| {
            Arc::new(Flavor {
                id: None,
                name: name.into(),
                vcpus: Some(vcpus),
                ram: Some(ram),
                disk: Some(disk),
                extra_specs: Box::default(),
            })
        }),
        image_id: Some(image_id()),
        availability_zone: host.as_deref().map(|host| hosts::zone(host).into()),
        addresses: host
            .iter()
            .map(|_| address("net-a", format!("10.10.0.{}", 11 + n % 200), AddressKind::Fixed))
            .collect(),
        volumes: Box::default(),
        security_groups: ["default".into()].into(),
        metadata: Box::default(),
        key_name: Some("ops-2026".into()),
        locked: false,
        locked_reason: None,
        host_status: host.as_ref().map(|_| "UP".into()),
        fault: None,
        created: Some(ago(age)),
        updated: Some(ago(age - 30)),
        launched_at: host.as_ref().filter(|_| status != "BUILD").map(|_| ago(age - 25)),
        partial: false,
        host,
    }
}

fn address(network: &str, addr: String, kind: AddressKind) -> Address {
    Address { network: network.into(), addr: addr.into(), kind, mac: Mac::parse("fa:16:3e:c8:43:92") }
}

/// What makes an instance one of a kind.
fn special(mut row: Instance) -> Instance {
    match row.name.as_ref() {
        "web-17" => {
            row.fault = Some(Box::new(Fault {
                code: Some(500),
                message: "No valid host was found. There are not enough hosts available.".into(),
                details: Some(TRACEBACK.into()),
                created: Some(ago(118)),
            }));
            if let Some(flavor) = &mut row.flavor {
                Arc::make_mut(flavor).extra_specs = [("hw:numa_nodes".into(), "2".into())].into();
            }
        }
        "db-3" => {
            row.task_state = Some("spawning".into());
            row.updated = Some(ago(6 * MINUTE + 12));
            row.addresses = Box::default();
        }
        HOSTILE => {
            row.metadata = [
                ("owner\x1b[5m".into(), "\x1b]0;owned\x07team\r\nroot".into()),
                ("note".into(), "\u{202e}gnp.tac\u{2066}".into()),
            ]
            .into();
            row.addresses[0].network = "net\x1b[2J\u{9b}31m".into();
        }
        "lb-01" => {
            row.addresses = [
                address("front", "10.20.0.5".to_owned(), AddressKind::Fixed),
                address("front", "203.0.113.182".to_owned(), AddressKind::Floating),
                address("back", "10.10.0.5".to_owned(), AddressKind::Fixed),
                address("back", "2001:db8:10::f816:3eff:fec8:4392".to_owned(), AddressKind::Fixed),
                address("front", "203.0.113.183".to_owned(), AddressKind::Floating),
            ]
            .into();
            row.volumes = [
                VolumeRef { id: uuid(6_000), delete_on_termination: Some(true) },
                VolumeRef { id: uuid(6_001), delete_on_termination: Some(false) },
            ]
            .into();
            row.security_groups = ["default".into(), "web-in".into()].into();
            row.metadata = [("role".into(), "edge".into())].into();
            row.image_id = None;
        }
        PARTIAL => {
            row.partial = true;
            row.vm_state = None;
            row.power_state = PowerState::Unknown;
            row.flavor = None;
            (row.image_id, row.user_id, row.key_name) = (None, None, None);
            (row.updated, row.launched_at) = (None, None);
            row.security_groups = [].into();
        }
        "bastion" => {
            row.locked = true;
            row.locked_reason = Some("do not touch: the way in".into());
        }
        "cafe\u{301}-mail" => row.power_state = PowerState::Shutdown,
        "shop-api-1" | "shop-api-2" | "report-1" => row.host_status = Some("UNKNOWN".into()),
        "cache-1" => {
            row.task_state = Some("migrating".into());
            row.updated = Some(ago(95));
        }
        _ => {}
    }
    row
}

const TRACEBACK: &str = "Traceback (most recent call last):
  File \"/usr/lib/python3/dist-packages/nova/conductor/manager.py\", line 1587, in schedule_and_build_instances
    host_lists = self._schedule_instances(context, request_specs[0],
nova.exception_Remote.NoValidHost_Remote: No valid host was found. There are not enough hosts available.";

/// What was done to an instance: newest first, as nova has it.
pub fn actions(id: &str) -> Vec<InstanceAction> {
    let event =
        |name: &str, start: i64, finish: Option<i64>, result: Option<&str>, host: Option<&str>| ActionEvent {
            event: name.into(),
            start_time: Some(ago(start)),
            finish_time: finish.map(ago),
            result: result.map(Into::into),
            host: host.map(Into::into),
            details: None,
            traceback: None,
        };
    let action = |n: u64, name: &str, start: i64, message: Option<&str>, events| InstanceAction {
        action: name.into(),
        request_id: format!("req-{}", uuid(8_000 + n)).into(),
        user_id: Some(user_id()),
        project_id: Some(project_id("shop")),
        start_time: Some(ago(start)),
        updated_at: Some(ago(start - 5)),
        message: message.map(Into::into),
        events,
    };
    if id == id_of("web-17").as_ref() {
        let mut failed =
            event("conductor_schedule_and_build_instances", 119, Some(118), Some("Error"), Some("ctl02"));
        failed.details = Some("No valid host was found.".into());
        failed.traceback = Some(TRACEBACK.into());
        return vec![action(1, "create", 120, Some("Error"), vec![failed])];
    }
    vec![
        action(
            2,
            "live-migration",
            300,
            None,
            vec![
                event("compute_live_migration", 298, None, None, Some("cmp01")),
                event("conductor_live_migrate_instance", 300, Some(299), Some("Success"), Some("ctl01")),
            ],
        ),
        action(
            3,
            "create",
            41 * DAY,
            None,
            vec![event(
                "compute__do_build_and_run_instance",
                41 * DAY - 1,
                Some(41 * DAY - 8),
                Some("Success"),
                Some("cmp01"),
            )],
        ),
    ]
}

/// An instance that changed at this moment.
pub fn changed(name: &str, at: Timestamp, change: impl FnOnce(&mut Instance)) -> Instance {
    let mut row = instance(name);
    row.updated = Some(at);
    change(&mut row);
    row
}

pub fn poison(row: &mut Instance) {
    evil(&mut row.name);
    evil(&mut row.status);
    let texts = [
        &mut row.vm_state,
        &mut row.host,
        &mut row.hypervisor_hostname,
        &mut row.instance_name,
        &mut row.availability_zone,
        &mut row.key_name,
        &mut row.locked_reason,
        &mut row.host_status,
        &mut row.task_state,
    ];
    texts.into_iter().flatten().for_each(evil);
    for address in &mut row.addresses {
        evil(&mut address.network);
        evil(&mut address.addr);
    }
    Arc::make_mut(&mut row.security_groups).iter_mut().for_each(evil);
    let more = |pairs: &[(Text, Text)]| pairs.iter().cloned().chain([(EVIL.into(), EVIL.into())]).collect();
    row.metadata = more(&row.metadata);
    if let Some(flavor) = row.flavor.as_mut().map(Arc::make_mut) {
        evil(&mut flavor.name);
        flavor.extra_specs = more(&flavor.extra_specs);
    }
    if let Some(fault) = &mut row.fault {
        evil(&mut fault.message);
        fault.details.iter_mut().for_each(evil);
    }
}

pub fn poison_action(action: &mut InstanceAction) {
    evil(&mut action.action);
    evil(&mut action.request_id);
    action.message.iter_mut().for_each(evil);
    for event in &mut action.events {
        evil(&mut event.event);
        let texts = [&mut event.result, &mut event.host, &mut event.details, &mut event.traceback];
        texts.into_iter().flatten().for_each(evil);
    }
}
