use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session, nova};

/// nova's services: the cheapest sign of a host that is off the bus.
pub struct Services {
    session: Session,
}

impl Services {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Services {
    fn name(&self) -> &'static str {
        "services"
    }

    fn topic(&self) -> Topic {
        Topic::Services
    }

    fn every(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let services = nova::services(&self.session).await?;
            out.whole(Topic::Services, Delta::Services(services)).await;
            Ok(())
        })
    }
}
