//! A node of a broker (operations.md 2.8: R01–R06, R23).

use jiff::SignedDuration;

use super::{Note, Verdict};
use crate::model::BrokerNode;
use crate::words::duration;

/// Shares of a limit from which a node is called short of something, and close to its end.
const SHORT: f64 = 0.80;
const OUT: f64 = 0.95;
/// Free disk below this many times its limit warns: publishers are blocked at the limit itself.
const DISK: u64 = 2;
const FRESH: SignedDuration = SignedDuration::from_mins(10);

pub fn verdict(node: &BrokerNode) -> Verdict {
    notes(node).first().map_or(Verdict::Ok, |note| note.verdict)
}

/// The part of a limit that is used.
pub fn share(used: Option<u64>, limit: Option<u64>) -> Option<f64> {
    limit.filter(|limit| *limit > 0).and_then(|limit| Some(used? as f64 / limit as f64))
}

/// Everything that is to be said, worst first.
pub fn notes(node: &BrokerNode) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |verdict, words: String| notes.push(Note { verdict, words });
    let name = &node.name;
    match node.running {
        // Whoever answers calls those it is partitioned from not running: they run, on the other side.
        Some(false) if !node.partitions.is_empty() => {}
        Some(false) => say(
            Verdict::Critical,
            format!("{name} is a member of the cluster and does not run: start it, and look at its log"),
        ),
        None => say(Verdict::Unknown, format!("{name}: the broker does not say whether it runs")),
        Some(true) => {}
    }
    if !node.partitions.is_empty() {
        say(
            Verdict::Critical,
            format!(
                "{name} is partitioned from {}: the network between them first; then restart the nodes of the \
                 smaller side one by one",
                node.partitions.join(", ")
            ),
        );
    }
    if node.mem_alarm == Some(true) {
        say(
            Verdict::Critical,
            format!("{name} has a memory alarm: all publishers are blocked; find the deepest queue"),
        );
    }
    if node.disk_free_alarm == Some(true) {
        say(
            Verdict::Critical,
            format!("{name} has a disk alarm: all publishers are blocked; free disk there"),
        );
    }
    let resources = [
        ("memory", node.mem_used, node.mem_limit, "find the deepest queue"),
        ("file descriptors", node.fd_used, node.fd_total, "raise LimitNOFILE of rabbitmq-server"),
        ("sockets", node.sockets_used, node.sockets_total, "raise LimitNOFILE of rabbitmq-server"),
        ("Erlang processes", node.proc_used, node.proc_total, "look for channels and queues that leak"),
    ];
    for (what, used, limit, next) in resources {
        if let Some(share) = share(used, limit).filter(|share| *share >= SHORT) {
            let verdict = if share >= OUT { Verdict::Critical } else { Verdict::Warning };
            say(verdict, format!("{name} uses {:.0}% of its {what}: {next}", share * 100.0));
        }
    }
    if let (Some(free), Some(limit)) = (node.disk_free, node.disk_free_limit)
        && free < limit.saturating_mul(DISK)
        && node.disk_free_alarm != Some(true)
    {
        let mib = |bytes: u64| bytes >> 20;
        say(
            Verdict::Warning,
            format!("{name} has {} MiB of disk left, and blocks publishers at {}", mib(free), mib(limit)),
        );
    }
    if node.being_drained == Some(true) {
        say(Verdict::Disabled, format!("{name} is in maintenance mode: `rabbitmq-upgrade revive` ends it"));
    }
    let up = node.uptime_ms.and_then(|ms| i64::try_from(ms).ok()).map(SignedDuration::from_millis);
    if let Some(up) = up.filter(|up| *up < FRESH && node.running == Some(true)) {
        say(Verdict::Info, format!("{name} started {} ago", duration(up)));
    }
    notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    notes
}
