//! What a service lets through: so many requests at a time, and none while it asks to be left alone.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{Answer, date, lock};
use crate::source::{Error, ErrorKind, ServiceKind};

/// How long a request waits by itself where a service asks for it; what takes longer is an outage, with the
/// time of the next try.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What one service lets through.
pub(super) struct Gate {
    in_flight: Semaphore,
    /// Until when it asked to be left alone, by `Retry-After`.
    closed: Mutex<Option<Instant>>,
}

impl Gate {
    pub fn new(in_flight: usize) -> Self {
        Self { in_flight: Semaphore::new(in_flight), closed: Mutex::new(None) }
    }

    /// Waits until the service may be asked.
    pub async fn pass(&self, service: ServiceKind, host: &str) -> Result<SemaphorePermit<'_>, Error> {
        // Nobody closes the semaphore.
        let permit = self.in_flight.acquire().await.map_err(|error| Error::bad_answer(service, error))?;
        loop {
            let now = Instant::now();
            let Some(until) = lock(&self.closed).filter(|until| *until > now) else { return Ok(permit) };
            let left = until.duration_since(now);
            if left > PATIENCE {
                return Err(put_off(service, host, left));
            }
            tokio::time::sleep_until(until).await;
        }
    }

    pub fn close(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut closed = lock(&self.closed);
        *closed = Some(closed.map_or(until, |before| before.max(until)));
    }
}

/// Not sent at all: the service said when to come back.
fn put_off(service: ServiceKind, host: &str, left: Duration) -> Error {
    let mut error = Error::new(
        ErrorKind::RateLimited,
        service,
        format!("{} at {host} asks not to be asked for another {} s", service.name(), left.as_secs() + 1),
        "it is overloaded or under maintenance; for a limit on us, set [cloud] requests_per_second in config.toml",
    );
    error.retry_after = Some(left);
    error
}

impl Answer {
    /// How long a service that refuses asks to be left alone.
    pub fn retry_after(&self, status: StatusCode) -> Option<Duration> {
        let refused = matches!(status.as_u16(), 413 | 429 | 503);
        let text = self.headers.get("retry-after").filter(|_| refused)?.to_str().ok()?;
        // A date is meant by the clock of who wrote it.
        retry_after(text, date(&self.headers).unwrap_or_else(Timestamp::now))
    }
}

/// Seconds, or a date; one that is past asks for nothing.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    const AT_MOST: Duration = Duration::from_secs(3_600);
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(AT_MOST));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default().min(AT_MOST))
}
