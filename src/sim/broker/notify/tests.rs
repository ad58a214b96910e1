//! What the services tell of a story, against what real ones sent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;
use crate::sim::genesis::Plan;
use crate::sim::scenario::Scenario;
use crate::sim::story::{Listener, World};
use crate::sim::time::Time;

type Told = (String, String, Value);

/// Keeps what is told: exchange and key, the event's type, and the message of those that `wants` it.
struct Kept {
    told: Arc<Mutex<Vec<Told>>>,
    wants: fn(&[Told], &Event, &str) -> bool,
}

impl Listener for Kept {
    fn hear(&mut self, cloud: &Cloud, event: &Event) {
        for notice in notices(cloud, event) {
            let mut told = self.told.lock().unwrap();
            let (way, kind) = (format!("{} {}", notice.exchange(), notice.key()), notice.event_type());
            let mut message = Value::Null;
            if (self.wants)(&told, event, &kind) {
                let envelope: Value = serde_json::from_slice(&notice.body(cloud, event)).unwrap();
                assert_eq!(envelope["oslo.version"], "2.0");
                message = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
                assert_eq!(message["event_type"], kind);
            }
            told.push((way, kind, message));
        }
    }
}

/// Of each kind the first few: there are thousands.
fn some(told: &[Told], _: &Event, kind: &str) -> bool {
    told.iter().filter(|(_, known, message)| known == kind && !message.is_null()).nth(3).is_none()
}

/// All of the request that was told of first.
fn first(told: &[Told], event: &Event, _: &str) -> bool {
    let known = told.iter().find_map(|(.., message)| message["_context_request_id"].as_str());
    let own = event.request.map(|id| format!("req-{id}"));
    match known {
        Some(known) => own.as_deref() == Some(known),
        None => matches!(event.kind, Kind::Accepted { action: "create" }),
    }
}

fn told(scenario: &str, wants: fn(&[Told], &Event, &str) -> bool) -> Vec<Told> {
    let scenario = Scenario::load(scenario).unwrap();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let listeners: Vec<Box<dyn Listener>> = vec![Box::new(Kept { told: kept.clone(), wants })];
    let plan = Plan { hypervisors: 12, instances: 150, seed: 1 };
    drop(World::new(plan, &scenario, Time(1_795_000_000_000), listeners));
    Arc::try_unwrap(kept).unwrap_or_default().into_inner().unwrap()
}

#[test]
fn the_services_tell_what_happens_where_and_to_whom() {
    let told = told("incident", some);
    let kinds: BTreeSet<(&str, &str)> =
        told.iter().map(|(way, kind, _)| (way.as_str(), kind.as_str())).collect();
    for expected in [
        ("nova notifications.info", "compute.instance.create.start"),
        ("nova notifications.info", "compute.instance.create.end"),
        ("nova notifications.error", "compute.instance.create.error"),
        ("nova versioned_notifications.info", "instance.create.end"),
        ("nova versioned_notifications.error", "instance.create.error"),
        ("nova notifications.info", "compute.instance.delete.start"),
        ("nova notifications.info", "compute.instance.delete.end"),
        ("nova notifications.info", "compute.instance.power_off.end"),
        ("nova notifications.info", "compute.instance.power_on.start"),
        ("nova notifications.info", "compute.instance.finish_resize.end"),
        ("nova versioned_notifications.info", "instance.resize_finish.end"),
        ("nova versioned_notifications.info", "instance.live_migration_post.end"),
        ("nova notifications.info", "compute.instance.live_migration._post.end"),
        ("nova notifications.info", "compute.instance.update"),
        ("nova versioned_notifications.info", "instance.update"),
        ("nova notifications.info", "scheduler.select_destinations.end"),
        ("nova notifications.error", "compute_task.build_instances"),
        ("nova versioned_notifications.error", "compute_task.build_instances.error"),
        ("nova versioned_notifications.info", "service.update"),
        ("neutron notifications.info", "port.create.end"),
        ("neutron notifications.info", "port.delete.end"),
    ] {
        assert!(kinds.contains(&expected), "{expected:?} of {kinds:?}");
    }
    let ids: Vec<&str> = told.iter().filter_map(|(.., message)| message["message_id"].as_str()).collect();
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert!(unique.len() == ids.len() && ids.len() > 40, "each message has an id of its own");
}

#[test]
fn an_instance_s_birth_is_told_with_its_states_host_and_request() {
    let told = told("healthy", first);
    let born = told.iter().find(|(_, kind, _)| kind == "instance.create.end").unwrap();
    let data = &born.2["payload"]["nova_object.data"];
    let (id, host) = (data["uuid"].as_str().unwrap(), data["host"].as_str().unwrap());
    assert_eq!(
        (&data["state"], &data["power_state"], &data["task_state"]),
        (&json!("active"), &json!("running"), &Value::Null)
    );
    assert_eq!(born.2["publisher_id"], format!("nova-compute:{host}"));
    let request = data["request_id"].as_str().unwrap();
    assert!(request.starts_with("req-") && born.2["_context_request_id"] == request, "{request}");
    let plain: Vec<&Value> = told
        .iter()
        .filter(|(_, _, message)| {
            message["payload"]["instance_id"] == id && message["_context_request_id"] == request
        })
        .map(|(_, _, message)| message)
        .collect();
    let states: Vec<(&str, &str)> = plain
        .iter()
        .filter(|message| message["event_type"] == "compute.instance.update")
        .map(|message| {
            (
                message["payload"]["state"].as_str().unwrap(),
                message["payload"]["state_description"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(states.first(), Some(&("building", "scheduling")));
    assert_eq!(states.last(), Some(&("active", "")));
    let last = plain.last().unwrap();
    assert_eq!(
        (&last["event_type"], &last["payload"]["message"]),
        (&json!("compute.instance.create.end"), &json!("Success"))
    );
}

#[test]
fn only_the_dictionaries_of_scheduling_carry_a_token_as_they_do() {
    let told = told("incident", some);
    let mut with = BTreeSet::new();
    for (way, kind, message) in &told {
        if message.to_string().contains("gAAAAA") {
            with.insert((way.as_str(), kind.as_str()));
        }
    }
    let expected = [
        ("nova notifications.error", "compute_task.build_instances"),
        ("nova notifications.info", "scheduler.select_destinations.end"),
        ("nova notifications.info", "scheduler.select_destinations.start"),
    ];
    assert_eq!(with, expected.into());
}

/// Names of keys of a real message of this kind that ours has not.
#[test]
fn payloads_have_the_keys_of_the_recorded_ones() {
    let told = told("incident", some);
    let of = |kind: &str| {
        let found = told.iter().rev().find(|(_, known, message)| known == kind && !message.is_null());
        found.unwrap_or_else(|| panic!("{kind} was not told")).2.clone()
    };
    // Taken from Zed's own messages.
    const INSTANCE: &str = "tenant_id user_id instance_id display_name reservation_id hostname instance_type \
        instance_type_id instance_flavor_id architecture memory_mb disk_gb vcpus root_gb ephemeral_gb host node \
        availability_zone cell_name created_at terminated_at deleted_at launched_at image_ref_url os_type \
        kernel_id ramdisk_id state state_description progress access_ip_v4 access_ip_v6 image_meta metadata";
    const VERSIONED: &str = "uuid user_id tenant_id reservation_id display_name display_description host_name host \
        node os_type architecture availability_zone flavor image_uuid key_name kernel_id ramdisk_id created_at \
        launched_at terminated_at deleted_at updated_at state power_state task_state progress ip_addresses \
        block_devices metadata locked auto_disk_config request_id action_initiator_user action_initiator_project \
        locked_reason";
    const CONTEXT: &str = "user project_id system_scope project domain user_domain project_domain is_admin read_only \
        show_deleted auth_token request_id global_request_id resource_uuid roles user_identity is_admin_project \
        user_id read_deleted remote_address timestamp quota_class user_name service_catalog project_name";
    for (kind, pointer, keys) in [
        ("compute.instance.create.end", "/payload", INSTANCE),
        ("compute.instance.create.end", "/payload", "fixed_ips message"),
        ("compute.instance.update", "/payload", INSTANCE),
        (
            "compute.instance.update",
            "/payload",
            "old_state old_task_state new_task_state audit_period_beginning audit_period_ending",
        ),
        ("instance.create.end", "/payload/nova_object.data", VERSIONED),
        ("instance.create.end", "/payload/nova_object.data", "keypairs tags instance_name fault"),
        ("instance.power_off.end", "/payload/nova_object.data", VERSIONED),
        ("instance.update", "/payload/nova_object.data", "state_update audit_period old_display_name tags"),
        (
            "port.create.end",
            "/payload/port",
            "id network_id device_id mac_address status fixed_ips project_id",
        ),
        (
            "service.update",
            "/payload/nova_object.data",
            "host binary topic disabled disabled_reason last_seen_up",
        ),
    ] {
        let message = of(kind);
        let payload = message.pointer(pointer).unwrap_or_else(|| panic!("{kind}: no {pointer}"));
        for key in keys.split_whitespace() {
            assert!(payload.get(key).is_some(), "{kind}: no {key} in {payload}");
        }
        for key in CONTEXT.split_whitespace() {
            assert!(message.get(format!("_context_{key}")).is_some(), "{kind}: no _context_{key}");
        }
    }
}
