//! Which figures are recorded over time, as data: one line each, and what they are now.
//!
//! Only what is fresh and whole counts: a list in the middle of its first read, or one that its service does not tell
//! any more, is no sample. What is not known is none either, so a sum of which a part is unknown is left out.

pub mod chart;
pub mod line;
mod of;
mod quotas;
mod recorder;

pub use quotas::label as quota_label;
pub use recorder::Recorder;

use crate::model::{Labels, Pace, Rollup, Series};
use crate::report::Topic;
use recorder::Seen;

/// A series with where it comes from.
pub struct Recorded {
    pub series: Series,
    /// All of these must be fresh and whole.
    pub reads: &'static [Topic],
    /// Names each line with its value.
    of: fn(&Seen<'_>, &mut dyn FnMut(Labels, f64)),
}

/// A series in one breath: name, unit, labels, pace, what many points become, topics, values.
macro_rules! recorded {
    ($name:literal, $unit:literal, $labels:expr, $pace:ident, $rollup:ident, $reads:expr, $of:expr) => {
        Recorded {
            series: Series {
                name: $name,
                unit: $unit,
                labels: &$labels,
                pace: Pace::$pace,
                rollup: Rollup::$rollup,
            },
            reads: &$reads,
            of: $of,
        }
    };
}

/// Every series, by the order of `show trend`. Names stay for ever: files have them.
pub static RECORDED: &[Recorded] = &[
    recorded!("instances", "instances", [], Minutes, Mean, [Topic::Instances], of::instances),
    recorded!("instances.status", "instances", ["status"], Minutes, Mean, [Topic::Instances], of::by_status),
    recorded!("instances.flavor", "instances", ["flavor"], Changes, Last, [Topic::Instances], of::by_flavor),
    recorded!(
        "instances.host",
        "instances",
        ["host"],
        Changes,
        Last,
        [Topic::Instances, Topic::Hypervisors],
        of::by_host
    ),
    recorded!(
        "vcpus.used",
        "vCPUs",
        ["zone"],
        Minutes,
        Mean,
        [Topic::Hypervisors, Topic::Services],
        of::vcpus_used
    ),
    recorded!(
        "ram.used",
        "MiB",
        ["zone"],
        Minutes,
        Mean,
        [Topic::Hypervisors, Topic::Services],
        of::ram_used
    ),
    // Of 2,000 projects some 24,000 lines, a dozen resources each. A quiet day and line is twenty bytes of points
    // (`history/code.rs`), forty in the file: 1 MB a day, 90 of the bound's 200 in the 90 days of hours.
    recorded!(
        "quota.used",
        "the resource's",
        ["project", "resource"],
        Changes,
        Last,
        [Topic::Projects],
        of::quota_used
    ),
    recorded!("volumes", "volumes", [], Changes, Last, [Topic::Projects, Topic::CinderQuotas], of::volumes),
    // Snapshots count, too, but for those of a cinder with `no_snapshot_gb_quota`.
    recorded!(
        "volumes.size",
        "GiB",
        [],
        Changes,
        Last,
        [Topic::Projects, Topic::CinderQuotas],
        of::volumes_size
    ),
    recorded!("queues", "queues", ["broker"], Minutes, Mean, [Topic::Brokers], of::queues),
    recorded!("queues.ready", "messages", ["broker"], Minutes, Greatest, [Topic::Brokers], of::ready),
    recorded!("queues.unacked", "messages", ["broker"], Minutes, Greatest, [Topic::Brokers], of::unacked),
    recorded!("logs.errors", "errors an hour", ["service"], Minutes, Mean, [Topic::Logs], of::errors),
];

/// What projects have of what is limited.
pub const QUOTA_USED: &str = "quota.used";

/// The series of this name.
pub fn by_name(name: &str) -> Option<&'static Recorded> {
    RECORDED.iter().find(|recorded| recorded.series.name == name)
}
