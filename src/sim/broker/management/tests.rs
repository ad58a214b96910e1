//! What the management API answers, to whom, and in which shapes.

use std::collections::BTreeSet;

use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::*;
use crate::sim::http::tests::{front, pass};
use crate::sim::scenario::Beat;

fn ask_as(front: &Front, login: Option<&str>, method: &str, path: &str) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(login) = login {
        request = request.header("Authorization", format!("Basic {}", BASE64_STANDARD.encode(login)));
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let answer = answer(front, &Ask::new(&parts, Bytes::new(), "", Uuid::nil(), front.clock.now()));
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn get(front: &Front, path: &str) -> Value {
    let (status, body) = ask_as(front, Some("admin:simulated"), "GET", path);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

/// A queue's ready messages, consumers.
fn depth(front: &Front, name: &str) -> (u64, u64) {
    let row = get(front, &format!("/api/queues/openstack/{name}"));
    (row["messages_ready"].as_u64().unwrap(), row["consumers"].as_u64().unwrap())
}

fn beat(front: &Front, text: &str) {
    let beat: Beat = toml::from_str(&format!("at = \"0s\"\n{text}")).unwrap();
    front.write().perform(&beat);
}

#[test]
fn who_may_ask_what_is_told_in_the_plugin_s_words() {
    let front = front("still", 3, 10);
    for (login, path, status, reason) in [
        (None, "/api/overview", 401, "Login failed"),
        (Some("stackwatch:wrong"), "/api/overview", 401, "Login failed"),
        (Some("nobody:simulated"), "/api/overview", 401, "Login failed"),
        (Some("openstack:simulated"), "/api/overview", 401, "Not management user"),
        (Some("stackwatch:simulated"), "/api/users", 401, "Not administrator user"),
        (Some("stackwatch:simulated"), "/api/permissions", 401, "Not administrator user"),
        (Some("stackwatch:simulated"), "/api/queues/%2F", 401, "User not authorised to access virtual host"),
        (Some("stackwatch:simulated"), "/api/queues/nope", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/api/queues/detailed", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/api/queues/openstack/nope", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/api/nodes/nope", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/api/definitions", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/nowhere", 404, "Not Found"),
        (Some("stackwatch:simulated"), "/api/queues?page=1&page_size=501", 400, "page size 501"),
        (Some("stackwatch:simulated"), "/api/queues?page=0", 400, "page number 0"),
        (Some("stackwatch:simulated"), "/api/queues?page=x", 400, "Pagination parameters are invalid"),
        (Some("stackwatch:simulated"), "/api/queues?page=99", 400, "Page out of range, page: 99"),
        (Some("stackwatch:simulated"), "/api/queues?page=1&name=(&use_regex=true", 400, "regular expression"),
    ] {
        let (found, body) = ask_as(&front, login, "GET", path);
        assert_eq!(found, status, "{login:?} {path}: {body}");
        assert!(body["reason"].as_str().unwrap().contains(reason), "{login:?} {path}: {body}");
    }
    let (status, _) = ask_as(&front, Some("admin:simulated"), "DELETE", "/api/queues/openstack/compute");
    assert_eq!(status, 405, "nothing is changed through it");
    let (_, whoami) = ask_as(&front, Some("stackwatch:simulated"), "GET", "/api/whoami");
    assert_eq!(whoami, json!({"name": "stackwatch", "tags": ["monitoring"]}));
}

#[test]
fn queues_are_those_that_oslo_messaging_declares() {
    let front = front("still", 3, 10);
    let all = get(&front, "/api/queues");
    let found: BTreeSet<String> = names(&all)
        .iter()
        // What is drawn at random is left out.
        .map(|name| match name.rsplit_once('_') {
            Some((head, tail)) if tail.len() == 32 => head.to_owned(),
            _ => (*name).to_owned(),
        })
        .collect();
    for name in [
        "compute",
        "compute.cmp001",
        "compute_fanout",
        "conductor",
        "conductor.ctl02",
        "scheduler_fanout",
        "q-plugin",
        "q-reports-plugin.ctl01",
        "q-agent-notifier-port-update.cmp003",
        "dhcp_agent.ctl03",
        "l3_agent",
        "cinder-scheduler",
        "cinder-volume",
        "reply",
        "notifications.info",
        "versioned_notifications.error",
    ] {
        assert!(found.contains(name), "{name} is missing of {found:?}");
    }
    let backend = found.iter().find(|name| name.starts_with("cinder-volume.") && name.contains('@')).unwrap();
    assert_eq!(depth(&front, backend), (0, 2), "{backend}: as the backend's host, and as its topic");
    // Of each kind one, with its consumers: workers on three controllers, a compute each.
    for (name, consumers) in [
        ("compute", 3),
        ("compute.cmp002", 1),
        ("conductor", 12),
        ("conductor.ctl01", 4),
        ("scheduler", 6),
        ("q-l3-plugin.ctl01", 2),
        ("dhcp_agent", 3),
        ("notifications.info", 3),
    ] {
        assert_eq!(depth(&front, name), (0, consumers), "{name}");
    }
    // Each name once, in order; consumers and connections add up.
    let listed = names(&all);
    assert!(listed.is_sorted() && listed.windows(2).all(|pair| pair[0] != pair[1]));
    let sum: u64 = all.as_array().unwrap().iter().map(|row| row["consumers"].as_u64().unwrap()).sum();
    assert_eq!(get(&front, "/api/consumers").as_array().unwrap().len() as u64, sum);
    let overview = get(&front, "/api/overview");
    let total = |kind: &str| overview["object_totals"][kind].as_u64().unwrap() as usize;
    for kind in ["queues", "connections", "channels", "exchanges", "consumers"] {
        let rows = get(&front, &format!("/api/{kind}")).as_array().unwrap().len();
        assert_eq!(rows, total(kind), "{kind}");
    }
    let connections = get(&front, "/api/connections");
    let names: BTreeSet<&str> = names(&connections).into_iter().collect();
    assert_eq!(names.len(), total("connections"), "no two have one name");
    let called = connections[0]["client_properties"]["connection_name"].as_str().unwrap();
    assert_eq!(called.split(':').count(), 3, "{called}: oslo's `argv[0]:pid:uuid`");
}

#[test]
fn rows_have_the_fields_of_the_recorded_ones() {
    let front = front("incident", 12, 150);
    let recorded = |file: &str| -> Value {
        let path = format!("{}/tests/samples/rabbitmq/{file}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    /// Paths of one that the other has not, or has of another type.
    fn missing(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
        match (ours, theirs) {
            (Value::Object(ours), Value::Object(theirs)) => {
                for (name, value) in theirs {
                    let path = format!("{path}.{name}");
                    match ours.get(name) {
                        Some(own) => missing(&path, own, value, found),
                        None => found.push(path),
                    }
                }
            }
            (Value::Null, _) | (_, Value::Null) => {}
            (a, b) if std::mem::discriminant(a) != std::mem::discriminant(b) => found.push(path.to_owned()),
            _ => {}
        }
    }
    // What 3.10.8 says beyond what anybody reads: the Erlang machine's inside, and I/O that there is none of.
    let left_out = |path: &String| {
        [
            "backing_queue_status",
            "garbage_collection",
            "io_",
            "mnesia_",
            "msg_store_",
            "queue_index_",
            "gc_",
            "ra_open",
            "_created",
            "_closed",
            "_declared",
            "_deleted",
            "exchange_types",
            "auth_mechanisms",
        ]
        .iter()
        .any(|word| path.contains(word))
    };
    let first = |list: Value| list[0].clone();
    let busy = |list: Value| {
        list.as_array().unwrap().iter().find(|row| row.get("message_stats").is_some()).unwrap().clone()
    };
    for (ours, theirs) in [
        (busy(get(&front, "/api/queues")), busy(recorded("queues"))),
        (get(&front, "/api/queues/openstack/conductor"), recorded("queue")),
        (first(get(&front, "/api/nodes")), first(recorded("nodes"))),
        (get(&front, "/api/overview"), recorded("overview")),
        (first(get(&front, "/api/connections")), recorded("connection")),
        (get(&front, "/api/queues/openstack?page=1&page_size=2"), recorded("queues-page")),
        (get(&front, "/api/whoami"), recorded("whoami")),
    ] {
        let mut found = Vec::new();
        missing("", &ours, &theirs, &mut found);
        found.retain(|path| !left_out(path));
        assert!(found.is_empty(), "{found:?} of {theirs}\nhere {ours}");
    }
}

#[test]
fn lists_come_whole_or_in_pages_filtered_and_sorted() {
    let front = front("incident", 12, 150);
    let all = get(&front, "/api/queues/openstack?columns=name");
    let count = all.as_array().unwrap().len();
    assert!(all.as_array().unwrap().iter().all(|row| row.as_object().unwrap().len() == 1), "{all}");
    let mut paged = Vec::new();
    let mut page = 1;
    loop {
        let part = get(&front, &format!("/api/queues?page={page}&page_size=50&columns=name"));
        assert_eq!((part["total_count"].as_u64(), part["page"].as_u64()), (Some(count as u64), Some(page)));
        let rows = part["items"].as_array().unwrap();
        assert_eq!(part["item_count"].as_u64(), Some(rows.len() as u64));
        paged.extend(rows.clone());
        if part["page_count"].as_u64() == Some(page) {
            break;
        }
        page += 1;
    }
    assert_eq!(Value::Array(paged), all);
    let computes = get(&front, "/api/queues?page=1&page_size=500&name=^compute%5C.&use_regex=true");
    assert_eq!(computes["filtered_count"], 12);
    let some = get(&front, "/api/queues?page=1&name=SCHEDULER");
    assert!(
        names(&some["items"]).iter().all(|name| name.contains("scheduler")) && some["filtered_count"] != 0
    );
    let deepest = get(&front, "/api/queues?page=1&page_size=5&sort=messages&sort_reverse=true");
    let depths: Vec<u64> =
        deepest["items"].as_array().unwrap().iter().map(|row| row["messages"].as_u64().unwrap()).collect();
    assert!(depths.is_sorted_by(|a, b| a >= b) && depths[0] > 0, "{depths:?}");
    let busiest = get(&front, "/api/queues?sort=message_stats.publish&columns=name,message_stats.publish");
    let last = &busiest.as_array().unwrap()[count - 1];
    assert!(last["message_stats"]["publish"].as_u64() > Some(1_000), "{last}");
}

#[test]
fn a_host_that_is_deaf_loses_its_consumer_and_one_that_is_silent_its_connections_too() {
    let front = front("still", 3, 10);
    let of_host = |front: &Front, host: &str| {
        let rows = get(front, "/api/connections");
        rows.as_array().unwrap().iter().filter(|row| row["peer_host"] == host).count()
    };
    let address = front.read().cloud.hosts[1].address();
    assert_eq!((depth(&front, "compute.cmp002"), depth(&front, "compute")), ((0, 1), (0, 3)));
    assert_eq!(of_host(&front, &address), 6);
    beat(&front, "do = \"deafen\"\nhost = \"2\"");
    assert_eq!((depth(&front, "compute.cmp002"), depth(&front, "compute")), ((0, 0), (0, 2)));
    assert_eq!(of_host(&front, &address), 6, "it is there, and takes nothing");
    beat(&front, "do = \"silence\"\nhost = \"2\"\nfor = \"3m\"");
    assert_eq!(of_host(&front, &address), 0);
    assert_eq!(depth(&front, "q-agent-notifier-port-update.cmp002").1, 0, "the agent went with it");
    let lost = get(&front, "/api/overview");
    assert!(lost["churn_rates"]["connection_closed_details"]["rate"].as_f64() > Some(0.0), "{lost}");
    pass(&front, 200_000);
    assert_eq!((depth(&front, "compute.cmp002"), depth(&front, "compute")), ((0, 1), (0, 3)));
    assert_eq!(of_host(&front, &address), 6);
}

#[test]
fn what_a_rebooted_host_left_behind_goes_after_half_an_hour() {
    let front = front("still", 3, 10);
    let fanouts = |front: &Front| {
        let rows = get(front, "/api/queues?page=1&name=^compute_fanout_&use_regex=true");
        let rows = rows["items"].as_array().unwrap().clone();
        let alone = rows.iter().filter(|row| row["consumers"] == 0).count();
        (rows.len(), alone)
    };
    assert_eq!(fanouts(&front), (3, 0));
    beat(&front, "do = \"reboot\"\nhost = \"1\"\nfor = \"1m\"");
    assert_eq!(fanouts(&front), (3, 1));
    pass(&front, 61_000);
    assert_eq!(fanouts(&front), (4, 1), "a new process draws a new name");
    pass(&front, 31 * 60_000);
    assert_eq!(fanouts(&front), (3, 0));
}

#[test]
fn counts_grow_and_never_fall() {
    let front = front("incident", 12, 150);
    let counts = |front: &Front| -> Vec<(String, u64)> {
        let rows = get(front, "/api/queues?columns=name,message_stats.publish");
        let rows = rows.as_array().unwrap().iter();
        rows.filter_map(|row| {
            Some((row["name"].as_str()?.to_owned(), row["message_stats"]["publish"].as_u64()?))
        })
        .collect()
    };
    let mut before = counts(&front);
    let begun = before.clone();
    for _ in 0..40 {
        pass(&front, 15_000);
        let now = counts(&front);
        for (name, count) in &before {
            // A queue that has gone took its count with it.
            if let Some((_, later)) = now.iter().find(|(other, _)| other == name) {
                assert!(later >= count, "{name}: {later} after {count}");
            }
        }
        before = now;
    }
    let of = |counts: &[(String, u64)], name: &str| counts.iter().find(|(n, _)| n == name).unwrap().1;
    for name in ["conductor", "q-reports-plugin", "notifications.info", "scheduler"] {
        assert!(of(&before, name) > of(&begun, name), "{name} does not move");
    }
}

#[test]
fn a_partition_a_lost_node_and_an_alarm_are_said_by_nodes_and_checks() {
    let front = front("still", 3, 10);
    let partitions = |front: &Front| -> Vec<usize> {
        let rows = get(front, "/api/nodes");
        rows.as_array().unwrap().iter().map(|row| row["partitions"].as_array().map_or(0, Vec::len)).collect()
    };
    assert_eq!(partitions(&front), [0, 0, 0]);
    beat(&front, "do = \"partition\"\nshare = 0.3\nfor = \"1m\"");
    assert_eq!(partitions(&front), [1, 1, 2]);
    pass(&front, 61_000);
    assert_eq!(partitions(&front), [0, 0, 0]);
    let restarted = get(&front, "/api/nodes/rabbit@ctl03");
    assert!(restarted["uptime"].as_u64() < Some(60_000), "{restarted}");

    beat(&front, "do = \"lose-node\"\nnode = 2\nfor = \"1m\"");
    let lost = get(&front, "/api/nodes/rabbit@ctl02");
    assert_eq!(lost, json!({"name": "rabbit@ctl02", "type": "disc", "running": false}));
    let homes = get(&front, "/api/queues?columns=node");
    assert!(homes.as_array().unwrap().iter().all(|row| row["node"] != "rabbit@ctl02"), "they moved");
    pass(&front, 61_000);
    assert_eq!(get(&front, "/api/nodes/rabbit@ctl02")["running"], true);

    let blocked = |front: &Front| {
        let rows = get(front, "/api/connections?columns=state");
        rows.as_array().unwrap().iter().filter(|row| row["state"] != "running").count()
    };
    assert_eq!(blocked(&front), 0);
    beat(&front, "do = \"memory-alarm\"\nnode = 1\nfor = \"1m\"");
    let (status, body) = ask_as(&front, Some("admin:simulated"), "GET", "/api/health/checks/alarms");
    assert_eq!((status, &body["alarms"]), (503, &json!([{"node": "rabbit@ctl01", "resource": "memory"}])));
    let node = get(&front, "/api/nodes/rabbit@ctl01");
    assert!(node["mem_alarm"] == true && node["mem_used"].as_u64() > node["mem_limit"].as_u64(), "{node}");
    assert!(blocked(&front) > 0);
    pass(&front, 61_000);
    assert_eq!(get(&front, "/api/health/checks/alarms"), json!({"status": "ok"}));
}

#[test]
fn notifications_pile_up_where_nobody_reads_them() {
    let front = front("noisy-neighbour", 12, 150);
    let (ready, consumers) = depth(&front, "notifications.info");
    assert!(ready > 100 && consumers == 0, "{ready} {consumers}");
    let stats = &get(&front, "/api/queues/openstack/notifications.info")["message_stats"];
    assert_eq!(stats.as_object().unwrap().keys().collect::<Vec<_>>(), ["publish", "publish_details"]);
    pass(&front, 60_000);
    assert!(depth(&front, "notifications.info").0 > ready);
}

#[test]
fn a_large_cloud_has_streams_and_two_queues_a_host() {
    let front = front("scale", 1_500, 2_000);
    let overview = get(&front, "/api/overview?columns=object_totals");
    let queues = overview["object_totals"]["queues"].as_u64().unwrap();
    assert!((3_000..3_400).contains(&queues), "{queues}");
    let fanout = get(&front, "/api/queues/openstack/compute_fanout");
    assert_eq!((&fanout["type"], &fanout["durable"]), (&json!("stream"), &json!(true)));
    assert_eq!(fanout["online"].as_array().map(Vec::len), Some(3));
    let up = front.read().cloud.hosts.iter().filter(|host| host.listens).count() as u64;
    assert_eq!(fanout["consumers"].as_u64(), Some(up));
    assert_eq!(depth(&front, "reply_cmp0001:nova-compute:1").1, 1);
}

#[test]
fn one_seed_has_one_broker() {
    let list = || {
        let front = front("incident", 12, 150);
        (get(&front, "/api/queues"), get(&front, "/api/connections"), get(&front, "/api/nodes"))
    };
    assert_eq!(list(), list());
}
