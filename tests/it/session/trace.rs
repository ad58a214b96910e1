//! What a trace asks the APIs about an instance, what it makes of their answers, and of none.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use stackwatch::collect::trace::Tracer;
use stackwatch::config::logs::LogPlace;
use stackwatch::source::log::Grammar;
use stackwatch::trace::{Account, Subject};

use crate::support::stub::{Answer, Endpoint, Stub};

const ID: &str = "e5d66ca8-edb6-4963-b7f0-9b62819efd99";

/// A cloud with cinder, and neutron's ports of the instance.
fn cloud() -> Stub {
    let stub = Stub::new();
    stub.set(|cloud| {
        let [kind, interface, region] = ["volumev3", "public", "RegionOne"];
        cloud.catalog.push(Endpoint { kind, interface, region, url: "/volume/v3".to_owned() });
    });
    let port = json!({
        "id": "p-1", "mac_address": "fa:16:3e:00:00:01", "status": "ACTIVE", "binding:host_id": "cmp01",
        "binding:vif_type": "ovs", "fixed_ips": [{ "ip_address": "10.0.0.7", "subnet_id": "s" }],
    });
    stub.script("GET /network/v2.0/ports", [Answer::json(json!({ "ports": [port] }))]);
    let attached = json!({ "id": "v-1", "volumeId": "v-1", "serverId": ID, "device": "/dev/vdb" });
    let path = format!("GET /compute/v2.1/servers/{ID}/os-volume_attachments");
    stub.script(&path, [Answer::json(json!({ "volumeAttachments": [attached] }))]);
    stub
}

fn tracer(stub: &Stub) -> Tracer {
    let logs = stub.dir().join("none.log");
    std::fs::write(&logs, "2026-11-24 18:40:00.205 21276 INFO nova.osapi_compute.wsgi.server [-] started\n")
        .unwrap();
    Tracer::new(
        Some(stub.session()),
        &[LogPlace::named(vec![logs], "test")],
        Arc::new(Grammar::shipped().unwrap()),
    )
}

async fn trace(tracer: &Tracer) -> Account {
    let subject = Subject::parse(ID.as_bytes()).unwrap();
    tracer.trace(subject, Arc::new(AtomicBool::new(false)), None).await
}

fn facts(account: &Account) -> Vec<String> {
    account.facts().into_iter().map(|fact| format!("{}: {}", fact.what, fact.words)).collect()
}

fn troubles(account: &Account) -> Vec<String> {
    account
        .troubles
        .iter()
        .map(|trouble| format!("{} {}: {}", trouble.source, trouble.kind, trouble.message))
        .collect()
}

fn has(words: &[String], what: &str) -> bool {
    words.iter().any(|words| words.contains(what))
}

#[tokio::test]
async fn what_an_instance_has_is_asked_again_only_after_a_rest_or_once_more_was_done_to_it() {
    let stub = cloud();
    let tracer = tracer(&stub);
    let first = trace(&tracer).await;
    assert!(has(&facts(&first), "port: 10.0.0.7 fa:16:3e:00:00:01 on cmp01: ACTIVE"), "{:?}", facts(&first));
    assert!(has(&facts(&first), "volume: "), "{:?}", facts(&first));
    let again = trace(&tracer).await;
    assert_eq!((facts(&again), troubles(&again)), (facts(&first), troubles(&first)));
    let row = format!("GET /compute/v2.1/servers/{ID}");
    assert_eq!((stub.asked(&row).len(), stub.asked("GET /network/v2.0/ports").len()), (2, 1));
    // Somebody reboots it.
    let actions = include_str!("../../samples/nova/actions.json");
    let mut more: serde_json::Value = serde_json::from_str(actions).unwrap();
    let rows = more["instanceActions"].as_array_mut().unwrap();
    let mut reboot = rows[0].clone();
    reboot["action"] = "reboot".into();
    reboot["request_id"] = "req-11111111-2222-4333-8444-555555555555".into();
    rows.insert(0, reboot);
    stub.script(&format!("{row}/os-instance-actions"), [Answer::json(more)]);
    trace(&tracer).await;
    assert_eq!(stub.asked("GET /network/v2.0/ports").len(), 2);
}

#[tokio::test]
async fn a_service_that_gives_no_answer_is_named_and_the_rest_is_told() {
    let stub = cloud();
    stub.script("GET /network/v2.0/ports", [Answer::status(503)]);
    stub.script("GET /volume/v3/volumes/v-1", [Answer::status(500)]);
    stub.script("GET /compute/v2.1/os-migrations", [Answer::status(500)]);
    let account = trace(&tracer(&stub)).await;
    let (facts, troubles) = (facts(&account), troubles(&account));
    assert!(account.instance.is_some());
    // nova knows that it is attached, whatever cinder says.
    assert!(has(&facts, "volume: ") && !has(&facts, "port: "), "{facts:?}");
    for words in ["neutron", "ports: ", "cinder", "volumes: ", "nova", "migrations: "] {
        assert!(has(&troubles, words), "{words}: {troubles:?}");
    }
}

#[tokio::test]
async fn a_member_is_told_that_migrations_are_not_his_to_see() {
    let stub = cloud();
    stub.set(|cloud| cloud.member = true);
    let account = trace(&tracer(&stub)).await;
    assert!(has(&facts(&account), "migration: ? nova tells of migrations to administrators alone"));
    assert!(!has(&troubles(&account), "migrations"), "{:?}", troubles(&account));
}

#[tokio::test]
async fn a_deleted_instance_is_found_among_the_deleted_and_who_may_not_ask_for_those_is_told_what_nova_said()
{
    let stub = cloud();
    let sample = include_str!("../../samples/nova/server-error-2.90.json");
    let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
    let row = format!("GET /compute/v2.1/servers/{ID}");
    stub.script(&row, [Answer::refusal(404, "Instance could not be found.")]);
    stub.script("GET /compute/v2.1/servers/detail", [Answer::json(json!({ "servers": [sample["server"]] }))]);
    let account = trace(&tracer(&stub)).await;
    assert!(account.belongings.is_deleted && account.instance.is_some(), "{:?}", troubles(&account));

    stub.script("GET /compute/v2.1/servers/detail", [Answer::status(403)]);
    let account = trace(&tracer(&stub)).await;
    assert!(!account.belongings.is_deleted && account.instance.is_none());
    assert!(has(&troubles(&account), "nova knows no row of"), "{:?}", troubles(&account));
}
