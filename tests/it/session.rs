//! The session with a cloud, against a server that answers as it is told.

mod account;
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

use stackwatch::feed::Feed;
use stackwatch::request::Query;
use stackwatch::store::Store;

use crate::support::stub::Stub;

/// Lets so much time pass for tokio's timers, and none for the wall clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

const MINUTE: Duration = Duration::from_secs(60);

/// The answer to a question of a drill-down, as the store has it.
async fn answered(cloud: &Stub, query: Query) -> Store {
    let mut feed = Feed::start(cloud.session(), 0, |_| false);
    let topic = query.topic();
    feed.ask(query);
    let (mut store, mut batch) = (Store::default(), Vec::new());
    while !store.freshness(topic).settled() {
        feed.reports(&mut batch, 64).await.unwrap();
        batch.drain(..).for_each(|report| store.apply(report));
    }
    store
}
