use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session, neutron};

/// neutron's agents.
pub struct Agents {
    session: Session,
}

impl Agents {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Agents {
    fn name(&self) -> &'static str {
        "agents"
    }

    fn topic(&self) -> Topic {
        Topic::Agents
    }

    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let agents = neutron::agents(&self.session).await?;
            out.whole(Topic::Agents, Delta::Agents(agents)).await;
            Ok(())
        })
    }
}
