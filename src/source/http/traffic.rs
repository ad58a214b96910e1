//! What was asked so far, for whoever wants to know what we cost.

use std::fmt;
use std::time::Duration;

use crate::source::ServiceKind;

/// What one service was asked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    pub service: Option<ServiceKind>,
    pub requests: u64,
    pub errors: u64,
    /// Of answers; unknown where nobody counts them.
    pub bytes: Option<u64>,
    /// Of the last answer.
    pub latency: Duration,
    /// Requests a second since the start.
    pub rate: f64,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.bytes.map_or_else(|| "?".to_owned(), |n| format!("{:.1}", n as f64 / 1024.0));
        write!(
            f,
            "{:<10} {:>6} requests  {:>4} failed  {kib:>8} KiB  {:>5.2}/s  last {} ms",
            self.service.map_or("", ServiceKind::name),
            self.requests,
            self.errors,
            self.rate,
            self.latency.as_millis()
        )
    }
}
