//! Depths from the nodes' own metrics (`GET /metrics/detailed` of the plugin rabbitmq_prometheus, as 3.10 has it):
//! of all queues for a third of what their list costs a broker (operations.md 3.4), and there too where the
//! management API's statistics are switched off.
//!
//! Each node tells of the queues that live on it, to everybody who reaches it: no login is sent.

use std::collections::{HashMap, HashSet};

use super::Management;
use crate::model::{Counts, Depth, Queue, Text};
use crate::source::{Error, ErrorKind, ServiceKind};

/// What of it is measured: ready, unacknowledged; consumers. Other families cost seconds.
const FAMILIES: [(&str, &str); 2] = [("family", "queue_coarse_metrics"), ("family", "queue_consumer_count")];

/// What the nodes tell of the queues that are `known` by their ids. Nodes that do not answer are left out, for
/// they may be down; an error if none does.
pub async fn depths(broker: &Management, known: &HashSet<Text>) -> Result<Vec<Depth>, Error> {
    let mut depths = Vec::new();
    let mut failed = None;
    let mut answered = false;
    for node in &broker.config().metrics {
        match broker.metrics(node, &FAMILIES).await {
            Ok(body) => {
                answered = true;
                let body = String::from_utf8_lossy(&body);
                depths.extend(parse(&body, &broker.config().name, known));
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) if !answered => Err(error),
        None if !answered => Err(nowhere()),
        _ => Ok(depths),
    }
}

fn nowhere() -> Error {
    Error::new(
        ErrorKind::Missing,
        ServiceKind::Broker,
        "rabbitmq: no node is named whose metrics could be asked for".to_owned(),
        "name them in config.toml: [broker] metrics = \"http://host:15692\"",
    )
}

/// Prometheus' text format, of which this is a line: `rabbitmq_detailed_queue_consumers{vhost="/",queue="q"} 1`.
/// A crate for it would want the quotes within names escaped, which 3.10 leaves as they are.
fn parse(body: &str, broker: &str, known: &HashSet<Text>) -> Vec<Depth> {
    let mut found: HashMap<&str, Depth> = HashMap::new();
    for line in body.lines() {
        let Some(line) = line.strip_prefix("rabbitmq_detailed_queue_") else { continue };
        let Some((metric, rest)) = line.split_once('{') else { continue };
        let Some((labels, value)) = rest.rsplit_once("} ") else { continue };
        // A gauge: an integer, or what newer brokers print as a float.
        let value = value.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0).map(|n| n as u64);
        if !matches!(metric, "messages_ready" | "messages_unacked" | "consumers") {
            continue;
        }
        let depth = match found.get_mut(labels) {
            Some(depth) => depth,
            None => {
                let Some(id) = id(labels, broker, known) else { continue };
                found.entry(labels).or_insert(Depth { id, counts: Counts::default(), unacked: None })
            }
        };
        match metric {
            "messages_ready" => depth.counts.ready = value,
            "messages_unacked" => depth.unacked = value,
            _ => depth.counts.consumers = value,
        }
    }
    found.into_values().collect()
}

/// The known queue that these labels name: as they stand, or with what newer brokers escape.
fn id(labels: &str, broker: &str, known: &HashSet<Text>) -> Option<Text> {
    let (vhost, queue) = labels.strip_prefix("vhost=\"")?.split_once("\",queue=\"")?;
    let queue = queue.strip_suffix('"')?;
    let plain = Queue::id_of(broker, vhost, queue);
    known.get(&plain).cloned().or_else(|| {
        labels
            .contains('\\')
            .then(|| Queue::id_of(broker, &unescaped(vhost), &unescaped(queue)))
            .and_then(|id| known.get(&id).cloned())
    })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(names: &[(&str, &str)]) -> HashSet<Text> {
        names.iter().map(|(vhost, name)| Queue::id_of("b", vhost, name)).collect()
    }

    #[test]
    fn each_queue_gets_what_its_lines_say() {
        let body = "# TYPE rabbitmq_detailed_queue_messages_ready gauge\n\
            rabbitmq_detailed_queue_messages_ready{vhost=\"/\",queue=\"conductor\"} 4\n\
            rabbitmq_detailed_queue_messages_unacked{vhost=\"/\",queue=\"conductor\"} 2\n\
            rabbitmq_detailed_queue_messages{vhost=\"/\",queue=\"conductor\"} 6\n\
            rabbitmq_detailed_queue_process_reductions_total{vhost=\"/\",queue=\"conductor\"} 991\n\
            rabbitmq_detailed_queue_consumers{vhost=\"/\",queue=\"conductor\"} 1.0\n\
            rabbitmq_detailed_queue_consumers{vhost=\"/\",queue=\"not listed\"} 1\n\
            rabbitmq_build_info{rabbitmq_version=\"3.10.8\"} 1\n";
        let [depth] = &parse(body, "b", &known(&[("/", "conductor")]))[..] else { panic!() };
        assert_eq!(&*depth.id, "b/%2F/conductor");
        assert_eq!(depth.counts, Counts { ready: Some(4), consumers: Some(1) });
        assert_eq!(depth.unacked, Some(2));
    }

    #[test]
    fn quotes_within_names_are_understood_as_old_and_new_brokers_write_them() {
        for (vhost, name, labels) in [
            ("openstack", "quote'\"\\", r#"vhost="openstack",queue="quote'"\""#),
            ("openstack", "quote'\"\\", r#"vhost="openstack",queue="quote'\"\\""#),
            ("a\"b", "x} 7", r#"vhost="a\"b",queue="x} 7""#),
            ("v", "two\nlines", r#"vhost="v",queue="two\nlines""#),
            ("/", "", r#"vhost="/",queue="""#),
        ] {
            let line = format!("rabbitmq_detailed_queue_consumers{{{labels}}} 3\n");
            let found = parse(&line, "b", &known(&[(vhost, name)]));
            let ids: Vec<&str> = found.iter().map(|depth| &*depth.id).collect();
            assert_eq!(ids, [&*Queue::id_of("b", vhost, name)], "{labels}");
        }
    }

    #[test]
    fn what_is_no_number_is_unknown() {
        for (value, expected) in [("NaN", None), ("-1", None), ("undefined", None), ("1e3", Some(1_000))] {
            let line = format!("rabbitmq_detailed_queue_messages_ready{{vhost=\"/\",queue=\"q\"}} {value}");
            let [depth] = &parse(&line, "b", &known(&[("/", "q")]))[..] else { panic!("{value}") };
            assert_eq!(depth.counts.ready, expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_names_a_queue_that_is_not_known(body in "(rabbitmq_detailed_queue_|consumers|[{}\"\\\\=,\n ]|vhost|queue|.){0,40}") {
            prop_assert!(parse(&body, "b", &HashSet::new()).is_empty());
        }
    }
}
