//! Recorded answers of RabbitMQ 3.10.8, and what other versions are documented to write otherwise.

use super::*;
use crate::model::{QueueRole, QueueType};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/samples/rabbitmq/", $name, ".json"))
    };
}

#[test]
fn the_overview() {
    let row = parse::overview(sample!("overview")).unwrap();
    assert_eq!(row.version.as_deref(), Some("3.10.8"));
    assert_eq!(row.cluster_name.as_deref(), Some("rabbit@vm"));
    assert_eq!(
        (row.totals.queues, row.totals.connections, row.totals.ready),
        (Some(92), Some(92), Some(1_101))
    );
    assert_eq!(
        (row.rates.publish, row.counters.publish, row.counters.deliver),
        (Some(3.6), Some(3_891), Some(2_687))
    );
    assert_eq!((row.churn.queues_created, row.statistics_off), (Some(0.0), false));
    // Without statistics there are no messages to count, which is not none.
    let row =
        parse::overview(br#"{"rabbitmq_version": "3.13.7", "disable_stats": true, "object_totals": {}}"#);
    let row = row.unwrap();
    assert_eq!((row.statistics_off, row.totals.ready, row.rates.publish), (true, None, None));
}

#[test]
fn nodes_with_and_without_an_alarm() {
    let nodes = parse::nodes(sample!("nodes"), "b").unwrap();
    let [node] = nodes.as_slice() else { panic!("{nodes:?}") };
    assert_eq!(
        (node.id.as_ref(), node.running, node.version.as_deref()),
        ("b/rabbit@vm", Some(true), Some("3.10.8"))
    );
    assert_eq!((node.mem_used, node.mem_limit), (Some(165_957_632), Some(10_110_600_806)));
    assert_eq!((node.fd_used, node.fd_total, node.sockets_used), (Some(133), Some(1_024), Some(92)));
    assert_eq!(
        (node.uptime_ms, node.proc_used, node.disk_free_alarm),
        (Some(235_734), Some(1_560), Some(false))
    );
    // Four seconds into an alarm the node still says that there is none: the check is what knows.
    assert_eq!(parse::nodes(sample!("nodes-alarm"), "b").unwrap()[0].mem_alarm, Some(false));
    let [of] = parse::alarms(sample!("alarms")).unwrap().try_into().unwrap();
    let Alarm { node, resource } = of;
    assert_eq!((node.as_ref(), resource.as_ref()), ("rabbit@vm", "memory"));
    // As 3.10.8 says it.
    let disk = br#"{"status": "failed", "alarms": [{"node": "rabbit@vm", "resource": "disk space"}]}"#;
    assert_eq!(&*parse::alarms(disk).unwrap()[0].resource, "disk");
}

/// As 3.10.8 writes it while one of two nodes is down: what the queue says itself, and what was measured.
#[test]
fn a_field_that_comes_twice_takes_nothing_from_the_list() {
    let rows = r#"[{"name": "engine", "vhost": "/", "type": "quorum", "members": ["a", "b"],
        "online": ["a"], "online": ["a", "b"]}, {"name": "conductor", "vhost": "/", "messages_ready": 1}]"#;
    for body in [rows.to_owned(), format!(r#"{{"items": {rows}, "page": 1, "page_count": 2}}"#)] {
        let part = parse::queues(body.as_bytes(), "b").unwrap();
        let [engine, conductor] = part.rows.as_slice() else { panic!("{part:?}") };
        assert_eq!((engine.members.len(), engine.online.len(), conductor.ready), (2, 1, Some(1)));
        assert_eq!(part.is_last, body == rows);
    }
    // What is wrong otherwise is still said where it is.
    let error = parse::queues(br#"[{"vhost": "/"}]"#, "b").unwrap_err();
    assert!(error.to_string().contains("missing field `name` at line 1"), "{error}");
}

#[test]
fn what_a_node_does_not_say_is_unknown() {
    // A node that does not run; words where numbers were; sockets of 4.x.
    for (body, fd, sockets) in [
        (r#"[{"name": "rabbit@a", "type": "disc", "running": false}]"#, None, None),
        (r#"[{"name": "a", "fd_used": "unknown", "mem_limit": "memory_monitoring_disabled"}]"#, None, None),
        (r#"[{"name": "a", "fd_used": 5.0, "sockets_used": 0, "sockets_total": 0}]"#, Some(5), None),
        (r#"[{"name": "a", "fd_used": null, "sockets_used": 3, "sockets_total": 9}]"#, None, Some(3)),
    ] {
        let nodes = parse::nodes(body.as_bytes(), "b").unwrap();
        assert_eq!((nodes[0].fd_used, nodes[0].sockets_used), (fd, sockets), "{body}");
        assert_eq!((nodes[0].mem_limit, nodes[0].partitions.len()), (None, 0), "{body}");
    }
}

#[test]
fn queues_as_a_list_and_as_a_page() {
    let part = parse::queues(sample!("queues"), "b").unwrap();
    assert!(part.is_last);
    let find = |name: &str| part.rows.iter().find(|row| *row.name == *name).unwrap();
    let info = find("notifications.info");
    assert_eq!((info.ready, info.unacked, info.consumers), (Some(558), Some(0), Some(0)));
    assert_eq!(
        (info.id.as_ref(), info.meaning.role),
        ("b/%2Fzed/notifications.info", QueueRole::Notification)
    );
    let compute = find("compute.cmp02");
    assert_eq!(
        (compute.consumers, compute.kind, compute.state.as_deref()),
        (Some(1), QueueType::Classic, Some("running"))
    );
    assert_eq!(
        (compute.meaning.host.as_deref(), compute.node.as_deref()),
        (Some("cmp02"), Some("rabbit@vm"))
    );
    assert_eq!((compute.expires_ms, compute.durable), (None, Some(false)));
    let reply = part.rows.iter().find(|row| row.meaning.role == QueueRole::Reply).unwrap();
    assert_eq!(reply.expires_ms, Some(1_800_000));
    let page = parse::queues(sample!("queues-page"), "b").unwrap();
    assert_eq!((page.rows.len(), page.is_last), (2, false));
    assert_eq!((page.rows[0].publish_rate, page.rows[0].counters.publish), (Some(0.8), Some(5)));
}

#[test]
fn what_a_queue_does_not_say_is_unknown_and_never_zero() {
    for body in [
        // Fresh; its node down; statistics off; the same as nulls and as other types.
        r#"[{"name": "q", "vhost": "/"}]"#,
        r#"[{"name": "q", "vhost": "/", "state": "down", "node": "rabbit@a"}]"#,
        r#"[{"name": "q", "vhost": "/", "messages_ready": null, "consumers": null, "message_stats": []}]"#,
        r#"[{"name": "q", "vhost": "/", "messages_ready": "unknown", "consumers": -1, "arguments": []}]"#,
        r#"{"items": [{"name": "q", "vhost": "/"}], "page": 1, "page_count": 1}"#,
        // A page that does not say which.
        r#"{"items": [{"name": "q", "vhost": "/"}]}"#,
    ] {
        let part = parse::queues(body.as_bytes(), "b").unwrap();
        let row = &part.rows[0];
        assert_eq!(
            (row.ready, row.unacked, row.consumers, row.publish_rate),
            (None, None, None, None),
            "{body}"
        );
        assert!(part.is_last, "{body}");
    }
    let end = parse::queues(br#"{"items": [], "page": 7, "page_count": 9}"#, "b").unwrap();
    assert!(end.is_last, "an empty page leads nowhere");
    for body in ["{}", "[{}]", "<html>", "[{\"name\": 5}]", ""] {
        assert!(parse::queues(body.as_bytes(), "b").is_err(), "{body}");
    }
}

#[test]
fn quorum_queues_and_streams() {
    let body = r#"[
        {"name": "conductor", "vhost": "nova", "type": "quorum", "leader": "rabbit@b", "node": "rabbit@a",
         "members": ["rabbit@a", "rabbit@b", "rabbit@c"], "online": ["rabbit@a", "rabbit@b"],
         "consumer_utilisation": 0.4},
        {"name": "compute_fanout", "vhost": "nova", "type": "stream"},
        {"name": "x", "vhost": "nova", "arguments": {"x-queue-type": "quorum"}}]"#;
    let rows = parse::queues(body.as_bytes(), "b").unwrap().rows;
    assert_eq!((rows[0].kind, rows[0].node.as_deref()), (QueueType::Quorum, Some("rabbit@b")));
    assert_eq!((rows[0].members.len(), rows[0].online.len(), rows[0].consumer_capacity), (3, 2, Some(0.4)));
    assert_eq!((rows[1].kind, rows[1].meaning.role), (QueueType::Stream, QueueRole::Fanout));
    assert_eq!(rows[2].kind, QueueType::Quorum);
}

#[test]
fn connections_by_state_and_the_consumers_of_a_queue() {
    let mut states = parse::connections(sample!("connections-alarm")).unwrap().rows;
    states.sort();
    assert_eq!(states, ["blocked", "blocked", "blocking", "blocking", "running", "running"]);
    let mut consumers = parse::consumers(sample!("queue")).unwrap();
    assert_eq!(consumers[0].connection.as_ref(), "127.0.0.1:54538 -> 127.0.0.1:5672");
    assert_eq!((consumers[0].user.as_deref(), consumers[0].active), (Some("zed"), Some(true)));
    parse::connection(sample!("connection")).unwrap().fill(&mut consumers[0]);
    assert_eq!(
        (consumers[0].program.as_deref(), consumers[0].pid),
        (Some("neutron-dhcp-agent"), Some(21_299))
    );
    assert_eq!(consumers[0].state.as_deref(), Some("running"));
    assert_eq!(consumers[0].connected_at.map(|at| at.as_second()), Some(1_795_459_766));
    // One that oslo.messaging did not name.
    parse::connection(br#"{"user_provided_name": "my consumer"}"#).unwrap().fill(&mut consumers[0]);
    assert_eq!((consumers[0].program.as_deref(), consumers[0].pid), (Some("my consumer"), None));
}

#[test]
fn tags_as_a_list_and_as_one_text() {
    assert_eq!(parse::tags(sample!("whoami")).unwrap(), ["administrator"]);
    let old = parse::tags(br#"{"name": "m", "tags": "monitoring, management"}"#).unwrap();
    assert_eq!(old, ["monitoring", "management"]);
    assert!(parse::tags(br#"{"name": "m", "tags": ""}"#).unwrap().is_empty());
}
