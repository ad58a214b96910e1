use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::report::{Delta, Topic};
use crate::request::Wanted;
use crate::source::{Error, Session};

/// Who we are. Also the first to notice that keystone is down.
pub struct Identity {
    session: Session,
}

impl Identity {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Collector for Identity {
    fn topic(&self) -> Topic {
        Topic::Identity
    }

    fn every(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let identity = self.session.login().await?;
            let identity = crate::report::Identity {
                user: identity.user.into(),
                project: identity.project.map(Into::into),
                project_id: identity.project_id.map(Into::into),
                roles: identity.roles.into_iter().map(Into::into).collect(),
                expires_at: identity.expires_at,
                clock_offset: self.session.clock_offset(),
            };
            out.whole(Topic::Identity, Delta::Identity(Box::new(identity))).await;
            Ok(())
        })
    }
}
