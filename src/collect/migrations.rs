use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session, nova};

/// Migrations under way: while one touches a host, Placement and nova may well disagree about it.
pub struct Migrations {
    session: Session,
}

impl Migrations {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Migrations {
    fn name(&self) -> &'static str {
        "migrations"
    }

    fn topic(&self) -> Topic {
        Topic::Migrations
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
            let migrations = nova::migrations(&self.session).await?;
            out.whole(Topic::Migrations, Delta::Migrations(migrations)).await;
            Ok(())
        })
    }
}
