//! Recorded answers of nova, by microversion, and what is made of them.

use std::sync::Arc;

use super::migrations::parse_migrations;
use super::*;
use crate::model::{Address, AddressKind, Fault, Flavor, Mac, Migration, PowerState};

/// A recorded body.
macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/samples/nova/", $name, ".json")).as_slice()
    };
}

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().unwrap())
}

fn text(word: &str) -> Option<Text> {
    Some(word.into())
}

#[test]
fn services_of_every_version() {
    use ServiceState::Up;
    use ServiceStatus::{Disabled, Enabled};
    let by_number = ["1", "2", "3", "4", "5"];
    let by_uuid = [
        "a5ec8f10-117e-4b44-82b5-150074a1bce2",
        "a08de25a-e993-4200-a7de-db13a9c252a0",
        "a015f2b8-1d8c-49df-8dff-d07aa9c9e070",
        "87c9bcd5-2dfc-45c7-aee4-fc2258f41fc1",
        "9ee5cfd4-4672-4367-9e28-a480584f9ec8",
    ];
    let rows = [
        ("nova-scheduler", "ctl01", "internal", Enabled, "2026-11-23T18:50:10Z", None),
        ("nova-conductor", "ctl01", "internal", Enabled, "", None),
        ("nova-compute", "cmp03", "az-b", Enabled, "2026-11-23T18:50:07Z", None),
        ("nova-compute", "cmp02", "az-a", Disabled, "2026-11-23T18:50:07Z", Some("maintenance CHG-4711")),
        ("nova-compute", "cmp01", "az-a", Enabled, "2026-11-23T18:50:07Z", None),
    ];
    for (version, body, ids) in [
        ("2.1", sample!("services-2.1"), by_number),
        ("2.11", sample!("services-2.11"), by_number),
        ("2.53", sample!("services-2.53"), by_uuid),
        ("2.69", sample!("services-2.69"), by_uuid),
        ("2.90", sample!("services-2.90"), by_uuid),
    ] {
        // Between the last two the conductor reported once more.
        let conductor = if version == "2.90" { "2026-11-23T18:50:10Z" } else { "2026-11-23T18:50:05Z" };
        let expected: Vec<Service> = rows
            .iter()
            .zip(ids)
            .map(|(&(binary, host, zone, status, updated, reason), id)| Service {
                id: id.into(),
                binary: binary.into(),
                host: host.into(),
                zone: text(zone),
                state: Up,
                status,
                disabled_reason: reason.map(Into::into),
                updated_at: at(if binary == "nova-conductor" { conductor } else { updated }),
                forced_down: false,
            })
            .collect();
        assert_eq!(parse_services(body).unwrap(), expected, "{version}");
    }
}

#[test]
fn a_down_cells_services_are_unknown_and_told_apart() {
    // As nova's API guide has it, "Handling Down Cells".
    let body = br#"{"services": [
        {"binary": "nova-compute", "host": "host1", "status": "UNKNOWN"},
        {"binary": "nova-compute", "host": "host2", "status": "UNKNOWN"},
        {"id": 2, "binary": "nova-compute", "host": "host4", "state": "down", "status": "enabled",
         "updated_at": "2012-10-29T13:42:05.000000", "forced_down": true, "zone": "nova", "disabled_reason": null}
    ]}"#;
    let rows = parse_services(body).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (&*row.id, row.state, row.status, row.forced_down)).collect();
    assert_eq!(
        seen,
        [
            ("nova-compute:host1", ServiceState::Unknown, ServiceStatus::Unknown, false),
            ("nova-compute:host2", ServiceState::Unknown, ServiceStatus::Unknown, false),
            ("2", ServiceState::Down, ServiceStatus::Enabled, true),
        ]
    );
    assert_eq!((rows[0].updated_at, rows[0].zone.clone()), (None, None));
}

#[test]
fn hypervisors_of_every_version() {
    let by_uuid = [
        "c2bb3e28-bc82-4f96-bc59-8e112c689a59",
        "887808b9-d3f8-45a8-ad16-f9268b6977e6",
        "4dd1c749-b723-44f1-8274-283c2b37a743",
    ];
    let rows = [
        ("cmp03", ServiceStatus::Enabled, None, 17, 2_048, 17, 17),
        ("cmp02", ServiceStatus::Disabled, Some("maintenance CHG-4711"), 4, 768, 4, 4),
        ("cmp01", ServiceStatus::Enabled, None, 18, 1_664, 18, 17),
    ];
    for (version, body, ids, figures) in [
        ("2.1", sample!("hypervisors-2.1"), ["1", "2", "3"], true),
        ("2.28", sample!("hypervisors-2.28"), ["1", "2", "3"], true),
        ("2.33", sample!("hypervisors-2.33"), ["1", "2", "3"], true),
        ("2.53", sample!("hypervisors-2.53"), by_uuid, true),
        ("2.87", sample!("hypervisors-2.87"), by_uuid, true),
        // What we never ask for: the figures are gone, and must not turn into zeros.
        ("2.88", sample!("hypervisors-2.88"), by_uuid, false),
        ("2.90", sample!("hypervisors-2.90"), by_uuid, false),
    ] {
        let given = |n: u64| figures.then_some(n);
        let expected: Vec<Hypervisor> = rows
            .iter()
            .zip(ids)
            .map(|(&(host, status, reason, vcpus, memory, disk, vms), id)| Hypervisor {
                id: id.into(),
                hypervisor_hostname: host.into(),
                host: host.into(),
                state: ServiceState::Up,
                status,
                disabled_reason: reason.map(Into::into),
                hypervisor_type: "fake".into(),
                hypervisor_version: Some(1_000),
                host_ip: text("127.0.0.1"),
                vcpus: given(10),
                vcpus_used: given(vcpus),
                memory_mb: given(8_192),
                memory_mb_used: given(memory),
                local_gb: given(1_028),
                local_gb_used: given(disk),
                running_vms: given(vms),
                cpu_model: figures.then(|| "Nehalem".into()),
            })
            .collect();
        assert_eq!(parse_hypervisors(body, &mut Words::default()).unwrap(), (expected, None), "{version}");
    }
}

#[test]
fn hypervisors_that_are_odd() {
    let body = br#"{"hypervisors": [
        {"id": "a", "hypervisor_hostname": "node-1", "service": {"host": "ironic-1", "disabled_reason": null},
         "state": "down", "status": "enabled", "vcpus_used": -1, "cpu_info": ""},
        {"id": "b", "hypervisor_hostname": "node-2", "cpu_info": "not JSON"},
        {"id": "c", "hypervisor_hostname": "node-3", "cpu_info": {"arch": "x86_64"}}
    ]}"#;
    let (rows, next) = parse_hypervisors(body, &mut Words::default()).unwrap();
    let seen: Vec<_> =
        rows.iter().map(|row| (&*row.host, row.state, row.vcpus_used, row.cpu_model.clone())).collect();
    assert_eq!(
        seen,
        [
            // The service's host, which instances and queues are called by; below zero is no measurement.
            ("ironic-1", ServiceState::Down, None, None),
            ("node-2", ServiceState::Unknown, None, None),
            ("node-3", ServiceState::Unknown, None, None),
        ]
    );
    assert_eq!(next, None);
}

#[test]
fn pages_name_the_next() {
    let next = |link: Option<String>| link.unwrap_or_default();
    let (rows, link) = parse_hypervisors(sample!("hypervisors-page"), &mut Words::default()).unwrap();
    let expected = "http://127.0.0.1:8774/v2.1/os-hypervisors/detail?limit=1&marker=c2bb3e28-bc82-4f96-bc59-8e112c689a59";
    assert_eq!((rows.len(), next(link).as_str()), (1, expected));
    let (rows, link) = parse_servers(sample!("servers-page"), &mut Words::default()).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(next(link).contains("all_tenants=1&limit=3&marker="));
    let (rows, link) = parse_migrations(sample!("migrations-page"), &mut Words::default()).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(next(link).ends_with("marker=209904fd-8d16-49fe-97bd-63eb94c92781"));
}

#[test]
fn aggregates() {
    let rack = |id: &str, name: &str, zone: &str, hosts: &[&str]| Aggregate {
        id: id.into(),
        name: name.into(),
        availability_zone: text(zone),
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
        metadata: [("availability_zone".into(), zone.into())].into(),
    };
    let expected =
        [rack("1", "rack-a", "az-a", &["cmp01", "cmp02"]), rack("2", "rack-b", "az-b", &["cmp03"])];
    assert_eq!(parse_aggregates(sample!("aggregates")).unwrap(), expected);
}

/// `web-01` as the newest version has it; older ones know less.
fn web_01() -> Instance {
    let address = |addr: &str, kind| Address {
        network: "demo-net".into(),
        addr: addr.into(),
        kind,
        mac: Mac::parse("fa:16:3e:c8:43:92"),
    };
    Instance {
        id: "bd707159-9b11-4e84-9bac-3565b8982fd4".into(),
        name: "web-01".into(),
        status: "ACTIVE".into(),
        vm_state: text("active"),
        task_state: None,
        power_state: PowerState::Running,
        host: text("cmp02"),
        hypervisor_hostname: text("cmp02"),
        instance_name: text("instance-00000001"),
        project_id: "2a294ffc60fe46fe817f77a69d912949".into(),
        user_id: text("2abd79619f444e01ac4ba1249e35ceed"),
        flavor: Some(Arc::new(Flavor {
            name: "m1.nano".into(),
            id: None,
            vcpus: Some(1),
            ram: Some(64),
            disk: Some(1),
            extra_specs: Box::default(),
        })),
        image_id: text("dad2b808-6fd9-4919-934e-499cf48fa4b6"),
        availability_zone: text("az-a"),
        addresses: [
            address("10.10.3.39", AddressKind::Fixed),
            address("203.0.113.182", AddressKind::Floating),
        ]
        .into(),
        volumes: Box::default(),
        security_groups: ["default".into()].into(),
        metadata: Box::default(),
        key_name: None,
        locked: false,
        locked_reason: None,
        host_status: text("MAINTENANCE"),
        fault: None,
        created: at("2026-11-23T18:48:27Z"),
        updated: at("2026-11-23T18:48:45Z"),
        launched_at: at("2026-11-23T18:48:34Z"),
        partial: false,
    }
}

#[test]
fn servers_of_every_version() {
    let oldest = Instance {
        flavor: Some(Arc::new(Flavor {
            name: "1".into(),
            id: text("1"),
            vcpus: None,
            ram: None,
            disk: None,
            extra_specs: Box::default(),
        })),
        host_status: None,
        ..web_01()
    };
    for (version, body, first) in [
        ("2.1", sample!("servers-2.1"), oldest),
        ("2.47", sample!("servers-2.47"), web_01()),
        ("2.90", sample!("servers-2.90"), web_01()),
        ("2.93", sample!("servers-2.93"), web_01()),
    ] {
        let (rows, next) = parse_servers(body, &mut Words::default()).unwrap();
        assert_eq!((&rows[0], next), (&first, None), "{version}");
        let seen: Vec<_> = rows.iter().map(|row| (&*row.name, &*row.status, row.power_state)).collect();
        assert_eq!(
            seen,
            [
                ("web-01", "ACTIVE", PowerState::Running),
                ("too-big", "ERROR", PowerState::NoState),
                ("web-08", "SHELVED_OFFLOADED", PowerState::Shutdown),
                ("web-07", "ACTIVE", PowerState::Running),
                ("web-03", "VERIFY_RESIZE", PowerState::Running),
                ("web-04", "SHUTOFF", PowerState::Shutdown),
            ],
            "{version}"
        );
        // Nobody hosts what was never scheduled, nor what was offloaded; an empty zone is none.
        for row in &rows[1..3] {
            assert_eq!((&row.host, &row.hypervisor_hostname, &row.availability_zone), (&None, &None, &None));
        }
        // 2.9 says whether it is locked, 2.73 why.
        assert_eq!(rows[3].locked, version != "2.1", "{version}");
        let reason = matches!(version, "2.90" | "2.93").then(|| "audit".into());
        assert_eq!(rows[3].locked_reason, reason, "{version}");
    }
}

#[test]
fn changes_name_the_deleted() {
    let (rows, _) = parse_servers(sample!("servers-changes-since"), &mut Words::default()).unwrap();
    let gone = &rows[0];
    assert_eq!(
        (&*gone.name, &*gone.status, gone.vm_state.as_deref()),
        ("web-10", "DELETED", Some("deleted"))
    );
    assert_eq!(rows[1], web_01());
}

#[test]
fn a_fault_has_its_words_its_traceback_and_its_time() {
    for (version, body) in [("2.1", sample!("server-error-2.1")), ("2.90", sample!("server-error-2.90"))] {
        let server = parse_server(body).unwrap();
        let Some(Fault { code, message, details, created }) = server.fault.map(|fault| *fault) else {
            panic!("{version}")
        };
        assert_eq!((code, &*message), (Some(500), "No valid host was found. "), "{version}");
        assert!(details.is_some_and(|details| details.starts_with("Traceback (most recent call last):\n")));
        assert_eq!(created, at("2026-11-23T18:48:41Z"));
    }
    let server = parse_server(sample!("server-active")).unwrap();
    assert_eq!(server, web_01());
}

#[test]
fn servers_that_are_odd() {
    let body = br#"{"servers": [
        {"id": "a", "name": "booted from a volume", "status": "ACTIVE", "tenant_id": "t", "image": "",
         "os-extended-volumes:volumes_attached": [{"id": "v", "delete_on_termination": true}, {"id": "w"}],
         "security_groups": [{"name": "web"}, {"name": "default"}, {"name": "web"}],
         "metadata": {"b": "2", "a": "1"}, "OS-EXT-STS:power_state": 5, "updated": "yesterday"},
        {"id": "b", "name": "", "status": "BUILD", "tenant_id": "t", "flavor": {"original_name": "m1",
         "vcpus": 2, "ram": 2048, "disk": 0, "extra_specs": {"hw:cpu_policy": "dedicated"}}}
    ]}"#;
    let (rows, _) = parse_servers(body, &mut Words::default()).unwrap();
    let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&first.image_id, first.power_state, first.updated), (&None, PowerState::Unknown, None));
    let volumes: Vec<_> = first.volumes.iter().map(|v| (&*v.id, v.delete_on_termination)).collect();
    assert_eq!(volumes, [("v", Some(true)), ("w", None)]);
    assert_eq!(*first.security_groups, ["default".into(), "web".into()]);
    assert_eq!(*first.metadata, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    assert!(!second.partial, "an empty name is a name");
    let flavor = second.flavor.as_ref().unwrap();
    assert_eq!(
        (flavor.disk, &*flavor.extra_specs),
        (Some(0), &[("hw:cpu_policy".into(), "dedicated".into())][..])
    );
}

#[test]
fn a_down_cells_servers_are_partial() {
    // As nova's API guide has it, "Handling Down Cells": in a list, and on its own.
    let list = br#"{"servers": [{"created": "2018-06-29T15:07:29Z", "status": "UNKNOWN",
        "tenant_id": "940f47b984034c7f8f9624ab28f5643c", "id": "bcc6c6dd-3d0a-4633-9586-60878fd68edb", "links": []}]}"#;
    let single = br#"{"server": {"created": "2018-06-29T15:07:29Z", "status": "UNKNOWN",
        "tenant_id": "940f47b984034c7f8f9624ab28f5643c", "id": "bcc6c6dd-3d0a-4633-9586-60878fd68edb",
        "user_id": "UNKNOWN", "image": "", "flavor": {"disk": 1, "ephemeral": 0, "extra_specs": {},
        "original_name": "m1.tiny.specs", "ram": 512, "swap": 0, "vcpus": 1},
        "OS-EXT-AZ:availability_zone": "UNKNOWN", "OS-EXT-STS:power_state": 0, "server_groups": []}}"#;
    let (mut rows, _) = parse_servers(list, &mut Words::default()).unwrap();
    for row in [rows.remove(0), parse_server(single).unwrap()] {
        assert!(row.partial);
        assert_eq!((&*row.status, &*row.project_id), ("UNKNOWN", "940f47b984034c7f8f9624ab28f5643c"));
        assert_eq!(row.created, at("2018-06-29T15:07:29Z"));
        assert_eq!((row.host, row.vm_state, row.addresses.len()), (None, None, 0));
    }
}

#[test]
fn migrations_of_both_forms() {
    let migration = |id: &str,
                     instance: &str,
                     status: &str,
                     kind: Option<&str>,
                     way: (&str, &str),
                     times: (&str, &str)| {
        Migration {
            id: id.into(),
            instance_id: instance.into(),
            status: status.into(),
            migration_type: kind.map(Into::into),
            source_compute: text(way.0),
            dest_compute: text(way.1),
            created_at: at(times.0),
            updated_at: at(times.1),
        }
    };
    let rows = |kinds: [Option<&str>; 3]| {
        vec![
            migration(
                "1",
                "bd707159-9b11-4e84-9bac-3565b8982fd4",
                "completed",
                kinds[0],
                ("cmp03", "cmp02"),
                ("2026-11-23T18:48:42Z", "2026-11-23T18:48:45Z"),
            ),
            migration(
                "2",
                "6deecf54-882e-4686-8e8d-95326e581925",
                "confirmed",
                kinds[1],
                ("cmp03", "cmp01"),
                ("2026-11-23T18:48:46Z", "2026-11-23T18:48:56Z"),
            ),
            migration(
                "3",
                "e1844633-17c1-46a0-b741-3d821761de67",
                "finished",
                kinds[2],
                ("cmp01", "cmp03"),
                ("2026-11-23T18:48:49Z", "2026-11-23T18:48:51Z"),
            ),
        ]
    };
    assert_eq!(
        parse_migrations(sample!("migrations-2.1"), &mut Words::default()).unwrap(),
        (rows([None; 3]), None)
    );
    let mut newest_first = rows([Some("live-migration"), Some("migration"), Some("resize")]);
    newest_first.reverse();
    assert_eq!(
        parse_migrations(sample!("migrations-2.80"), &mut Words::default()).unwrap(),
        (newest_first, None)
    );
}

#[test]
fn actions_and_their_events() {
    let (actions, next) = parse_actions(sample!("actions"), &mut Words::default()).unwrap();
    let action =
        |name: &str, request: &str, user: &str, project: &str, start: &str, updated: &str| InstanceAction {
            action: name.into(),
            request_id: request.into(),
            user_id: text(user),
            project_id: text(project),
            start_time: at(start),
            updated_at: at(updated),
            message: None,
            events: Vec::new(),
        };
    let expected = [
        action(
            "live-migration",
            "req-b9803a4f-3840-4d5d-a745-022fd7e45937",
            "0823a36a785442e8bf2f90c649cfd6b9",
            "2ca29ea816ee467fbb9cd53dbbea71b1",
            "2026-11-23T18:48:41Z",
            "2026-11-23T18:48:45Z",
        ),
        action(
            "create",
            "req-f184a242-e5df-4b68-8b42-609d4e4c0a68",
            "2abd79619f444e01ac4ba1249e35ceed",
            "2a294ffc60fe46fe817f77a69d912949",
            "2026-11-23T18:48:26Z",
            "2026-11-23T18:48:34Z",
        ),
    ];
    assert_eq!((actions.as_slice(), next), (&expected[..], None));
    let (failed, _) = parse_actions(sample!("actions-error"), &mut Words::default()).unwrap();
    assert_eq!(failed[0].message.as_deref(), Some("Error"));

    // The host came with 2.62, the details with 2.84.
    for (body, host) in [(sample!("events-2.1"), None), (sample!("events-2.90"), text("cmp03"))] {
        let expected = ActionEvent {
            event: "compute__do_build_and_run_instance".into(),
            start_time: at("2026-11-23T18:48:27Z"),
            finish_time: at("2026-11-23T18:48:34Z"),
            result: text("Success"),
            host,
            details: None,
            traceback: None,
        };
        assert_eq!(parse_events(body).unwrap(), [expected]);
    }
    for (body, host, details) in [
        (sample!("events-error-2.1"), None, None),
        (sample!("events-error-2.90"), text("ctl01"), text("No valid host was found. ")),
    ] {
        let events = parse_events(body).unwrap();
        assert_eq!((&events[0].host, &events[0].details), (&host, &details));
        assert_eq!(events[0].result.as_deref(), Some("Error"));
        assert!(events[0].traceback.as_ref().is_some_and(|lines| lines.contains("raise result")));
    }
}

#[test]
fn events_stand_in_the_order_of_their_start() {
    let body = br#"{"instanceAction": {"action": "reboot", "request_id": "req-1", "events": [
        {"event": "second", "start_time": "2026-11-23T18:48:28.000000", "result": null},
        {"event": "first", "start_time": "2026-11-23T18:48:27.000000", "finish_time": null}
    ]}}"#;
    let events = parse_events(body).unwrap();
    assert_eq!(events.iter().map(|event| &*event.event).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!((events[1].finish_time, &events[1].result), (None, &None), "it still runs");
}

#[test]
fn what_is_no_answer_of_nova_is_no_row() {
    for body in [&b"{}"[..], b"[]", b"null", b"{\"servers\": {}}", b"{\"servers\": [{\"name\": \"no id\"}]}"]
    {
        assert!(parse_servers(body, &mut Words::default()).is_err(), "{}", String::from_utf8_lossy(body));
        assert!(parse_services(body).is_err() && parse_hypervisors(body, &mut Words::default()).is_err());
    }
}
