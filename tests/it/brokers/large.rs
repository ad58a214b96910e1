//! As many queues as a large cloud has, declared for real.

use std::collections::BTreeSet;
use std::time::Duration;

use super::HEARD;
use crate::support::brokers::{Brokers, broker_tests};

broker_tests![ten_thousand_queues_are_all_listed_and_no_key_waits_for_them,];

const MANY: usize = 10_000;
/// A large broker is asked each 30 s at most, and for ten times as long as its answer took.
const BETWEEN: Duration = Duration::from_secs(180);

fn ten_thousand_queues_are_all_listed_and_no_key_waits_for_them() {
    let (brokers, _alone) = Brokers::alone();
    let before = brokers.show(&brokers.usual(), "queues")["rows"].as_array().unwrap().len();
    // One node alone declares them sooner, and forgets them all when it is killed.
    let fault = brokers.fault(&["stop", "2"]);
    fault.and(&["queues", &MANY.to_string()]);
    let document = brokers.show(&brokers.usual(), "queues");
    let rows = document["rows"].as_array().unwrap();
    let names: BTreeSet<&str> =
        rows.iter().filter(|row| row["vhost"] == "many").map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), rows.len()), (MANY, before + MANY));
    assert!(names.contains("compute.host00000") && names.contains("compute.host09999"));

    let metrics = format!("http://{}", brokers.address(1, "prometheus"));
    let settings =
        brokers.settings("stackwatch", &[brokers.management(1)], &format!("metrics = '{metrics}'"));
    let scraped = brokers.scrapes(1);
    let mut dashboard = brokers.dashboard(&settings, (139, 60));
    let all = format!("10,{:03} queues", before);
    dashboard.pty.wait_for(HEARD, "all of them counted", |screen| screen.contains(&all));
    // Between two lists the node's metrics are asked for, which cost it a third of one.
    dashboard.pty.wait_for(BETWEEN, "the metrics asked for", |_| brokers.scrapes(1) > scraped);
    // Nobody answers while keys are pressed: what they do must not wait for that.
    fault.and(&["freeze", "1"]);
    dashboard.pty.press("r");
    dashboard.pty.press("/host09999");
    dashboard.pty.press("<enter>");
    dashboard.pty.see("compute.host09999");
    dashboard.pty.see_no("compute.host00000");
    dashboard.pty.press("<enter>");
    dashboard.pty.see("? not asked yet");
    // What it took to draw is told, not judged: this machine does other things too.
    dashboard.pty.press(":sources<enter>");
    dashboard.pty.see("frames drawn, the slowest in ");
    fault.and(&["kill", "1"]);
}
