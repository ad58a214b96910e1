use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session};

/// The answer to one question, whole.
type Answer<'a> = BoxFuture<'a, Result<Delta, Error>>;

/// A collector whose rows come in one answer, each time all of them.
pub struct Whole {
    session: Session,
    topic: Topic,
    every: Duration,
    ask: fn(&Session) -> Answer<'_>,
}

impl Whole {
    /// Asks every so many seconds.
    pub fn new(session: &Session, topic: Topic, every: u64, ask: fn(&Session) -> Answer<'_>) -> Self {
        Self { session: session.clone(), topic, every: Duration::from_secs(every), ask }
    }
}

impl Collector for Whole {
    fn topic(&self) -> Topic {
        self.topic
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let delta = (self.ask)(&self.session).await?;
            out.whole(self.topic, delta).await;
            Ok(())
        })
    }
}
