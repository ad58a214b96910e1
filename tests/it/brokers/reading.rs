//! What is there is shown, as the broker's own command shows it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::brokers::{Brokers, broker_tests};

broker_tests![
    every_queue_has_the_figures_that_rabbitmqctl_gives,
    names_that_steer_a_terminal_reach_none,
    without_statistics_the_nodes_own_metrics_tell_depths_and_consumers,
    the_doctor_finds_both_vhosts,
];

/// (vhost, name) and the figures of each queue.
type Queues = BTreeMap<(String, String), Json>;

/// `rabbitmqctl list_queues` of the vhosts that have any.
fn told(brokers: &Brokers) -> Queues {
    let mut queues = Queues::new();
    for vhost in [brokers.vhost(), brokers.odd_vhost()] {
        let items = ["name", "type", "messages_ready", "messages_unacknowledged", "consumers", "state"];
        let words: Vec<&str> = ["list_queues", "-p", vhost].into_iter().chain(items).collect();
        for row in brokers.rabbitmqctl(&words) {
            let figures = json!({
                "type": row["type"],
                "ready": row["messages_ready"],
                "unacked": row["messages_unacknowledged"],
                "consumers": row["consumers"],
                "state": row["state"],
            });
            queues.insert((vhost.to_owned(), meant(row["name"].as_str().unwrap())), figures);
        }
    }
    queues
}

/// What rabbitmqctl 3.10 means: in its JSON the four digits of a control character stand in reverse, ESC as
/// `\ub100`.
fn meant(name: &str) -> String {
    let reversed = |c: char| {
        let n = u32::from(c);
        (n & 0xf) << 12 | (n & 0xf0) << 4 | (n & 0xf00) >> 4 | (n & 0xf000) >> 12
    };
    let is_control = |c: &char| *c > ' ' && *c < '\u{10000}' && reversed(*c) < 0x20;
    name.chars().map(|c| if is_control(&c) { char::from_u32(reversed(c)).unwrap() } else { c }).collect()
}

fn shown(document: &Json) -> Queues {
    let mut queues = Queues::new();
    for row in document["rows"].as_array().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let figures: Json = ["type", "ready", "unacked", "consumers", "state"]
            .iter()
            .map(|key| ((*key).to_owned(), row[*key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        queues.insert((text("vhost"), text("name")), figures);
    }
    queues
}

fn every_queue_has_the_figures_that_rabbitmqctl_gives() {
    let (brokers, _alone) = Brokers::alone();
    let (told, shown) = (told(brokers), shown(&brokers.show(&brokers.usual(), "queues")));
    assert!(told.len() > 30, "{}", told.len());
    assert_eq!(shown, told);
    // There is something to compare in every column.
    for (key, least) in [("ready", 5), ("unacked", 1), ("consumers", 15)] {
        let some = told.values().filter(|figures| figures[key].as_u64().unwrap() > 0).count();
        assert!(some >= least, "{some} queues have {key}");
    }
    // Through the other node the same.
    let other = brokers.settings("stackwatch", &[brokers.management(2)], "");
    assert_eq!(self::shown(&brokers.show(&other, "queues")), told);
}

fn without_statistics_the_nodes_own_metrics_tell_depths_and_consumers() {
    let (brokers, _alone) = Brokers::alone();
    let told = told(brokers);
    let fault = brokers.fault(&["no-statistics", "1"]);
    fault.and(&["no-statistics", "2"]);
    let counts = |queues: Queues, keys: &[&str]| -> Vec<Json> {
        let figures = |queue: Json| keys.iter().map(|key| queue[*key].clone()).collect();
        queues.into_values().map(figures).collect()
    };
    let keys = ["ready", "unacked", "consumers"];
    let metrics = [1, 2].map(|node| format!("http://{}", brokers.address(node, "prometheus")));
    let with = brokers.settings("stackwatch", &[brokers.management(1)], &format!("metrics = {metrics:?}"));
    let document = brokers.show(&with, "queues");
    assert_eq!(counts(shown(&document), &keys), counts(told, &keys));
    // With nobody to ask they are not taken for none.
    let without = brokers.settings("stackwatch", &[brokers.management(1)], "metrics = 'http://127.0.0.1:1'");
    let document = brokers.show(&without, "queues");
    let unknown = counts(shown(&document), &keys);
    assert!(unknown.len() > 30 && unknown.iter().all(|figures| *figures == json!([null, null, null])));
}

fn names_that_steer_a_terminal_reach_none() {
    let (brokers, _alone) = Brokers::alone();
    // In JSON they are whole, and what the other words print is checked by the run.
    let names = brokers.show(&brokers.usual(), "queues").to_string();
    assert!(names.contains(r"\u001b]52;c;aGk=\u0007"), "{names}");
    for words in [
        &["show", "queues"][..],
        &["show", "queues", "-o", "csv"],
        &["screen", "rabbitmq", "--size", "200x60"],
        &["screen", "rabbitmq", "--keys", "<enter>"],
    ] {
        assert_eq!(brokers.stackwatch(&brokers.usual(), words).code, 0, "{words:?}");
    }
    let mut dashboard = brokers.dashboard(&brokers.usual(), (200, 60));
    dashboard.pty.see("two words");
    let screen = dashboard.pty.see("🐇");
    assert!(screen.contains("two words") && screen.contains("100%"), "{}", screen.text());
    dashboard.pty.press("/red");
    dashboard.pty.press("<enter>");
    // The name without what it would do; its details too.
    dashboard.pty.see_no("two words");
    dashboard.pty.press("<enter>");
    dashboard.pty.see("? not asked yet");
}

fn the_doctor_finds_both_vhosts() {
    let (brokers, _alone) = Brokers::alone();
    let url = |vhost: &str| {
        let vhost = percent_encoding::utf8_percent_encode(vhost, percent_encoding::NON_ALPHANUMERIC);
        format!("rabbit://openstack:{}@{}/{vhost}", brokers.password("openstack"), brokers.address(1, "amqp"))
    };
    let urls = [url(brokers.vhost()), url(brokers.odd_vhost())];
    let settings = brokers.settings("stackwatch", &[brokers.management(1)], &format!("url = {urls:?}"));
    let doctor = brokers.stackwatch(&settings, &["doctor"]);
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    for part in [
        "o rabbitmq management              3.10.8 at ",
        "o rabbitmq tags                    stackwatch is monitoring",
        "openstack: stackwatch sees its queues",
        "🐇: stackwatch sees its queues",
        "o rabbitmq AMQP openstack ",
    ] {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
}
