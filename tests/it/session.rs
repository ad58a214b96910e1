//! The session with a cloud, against a server that answers as it is told.

mod catalog;
mod limits;
mod login;
mod paging;
mod quotas;
mod trace;
mod transport;
mod usage;
mod versions;

use std::time::Duration;

/// Lets so much time pass for tokio's timers, and none for the wall clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

const MINUTE: Duration = Duration::from_secs(60);
