use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session, nova};

/// Hypervisors with nova's figures, page by page.
pub struct Hypervisors {
    session: Session,
}

impl Hypervisors {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Hypervisors {
    fn topic(&self) -> Topic {
        Topic::Hypervisors
    }

    fn every(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut pages = nova::hypervisors(&self.session);
            let mut begun = false;
            while let Some(page) = pages.next().await? {
                if !begun {
                    begun = true;
                    out.say(Outcome::Begin { topic: Topic::Hypervisors, expected: None }).await;
                }
                out.say(Outcome::Part(Delta::Hypervisors(page.rows))).await;
            }
            if !begun {
                out.say(Outcome::Begin { topic: Topic::Hypervisors, expected: None }).await;
            }
            out.say(Outcome::End { topic: Topic::Hypervisors, complete: true, limit: None }).await;
            Ok(())
        })
    }
}
