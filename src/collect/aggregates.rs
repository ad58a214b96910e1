use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session, nova};

/// Host aggregates change once a week.
pub struct Aggregates {
    session: Session,
}

impl Aggregates {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Aggregates {
    fn name(&self) -> &'static str {
        "aggregates"
    }

    fn topic(&self) -> Topic {
        Topic::Aggregates
    }

    fn every(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let aggregates = nova::aggregates(&self.session).await?;
            out.whole(Topic::Aggregates, Delta::Aggregates(aggregates)).await;
            Ok(())
        })
    }
}
