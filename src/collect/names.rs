use std::collections::HashSet;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet};
use crate::model::{Named, NamedKind, Text};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, glance, keystone, nova};

const LIST_EVERY: Duration = Duration::from_secs(1_800);
/// Single look-ups a round.
const BUDGET: usize = 20;

/// The names behind ids. Projects come in one list; users and images one by one, and only those on screen:
/// a directory of 100,000 users is not ours to read. What is gone is asked for once.
pub struct Names {
    session: Session,
    listed: Option<Instant>,
    asked: HashSet<(NamedKind, Text)>,
}

impl Names {
    pub fn new(session: Session) -> Self {
        Self { session, listed: None, asked: HashSet::new() }
    }

    /// All projects; a member may not list them, but knows its own from its token.
    async fn list(&mut self, out: &Outlet) -> Result<(), Error> {
        let projects = match keystone::projects(&self.session).await {
            Ok(projects) => projects,
            Err(error) if error.kind == ErrorKind::Forbidden => {
                let identity = self.session.login().await?;
                let own = identity.project_id.zip(identity.project).map(|(id, name)| Named {
                    id: id.into(),
                    name: name.into(),
                    domain_id: None,
                    enabled: None,
                });
                own.into_iter().collect()
            }
            Err(error) => return Err(error),
        };
        self.listed = Some(Instant::now());
        out.whole(Topic::Projects, Delta::Names(NamedKind::Project, projects)).await;
        Ok(())
    }

    async fn look_up(&mut self, kind: NamedKind, id: &Text, out: &Outlet) -> Result<(), Error> {
        let found = match kind {
            NamedKind::Project => keystone::project(&self.session, id).await,
            NamedKind::User => keystone::user(&self.session, id).await,
            NamedKind::Image => glance::image(&self.session, id).await,
            NamedKind::Flavor => nova::flavor(&self.session, id).await,
        };
        self.asked.insert((kind, id.clone()));
        match found {
            Ok(named) => {
                out.say(Outcome::Part(Delta::Names(kind, vec![named]))).await;
                Ok(())
            }
            // Deleted, or not ours to see: the id itself stays on screen.
            Err(error) if matches!(error.kind, ErrorKind::Missing | ErrorKind::Forbidden) => Ok(()),
            Err(error) => {
                self.asked.remove(&(kind, id.clone()));
                Err(error)
            }
        }
    }
}

impl Collector for Names {
    fn topic(&self) -> Topic {
        Topic::Projects
    }

    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn urgent(&self, wanted: &Wanted) -> bool {
        wanted.names.iter().any(|name| !self.asked.contains(name))
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.listed.is_none_or(|at| at.elapsed() >= LIST_EVERY) {
                self.list(out).await?;
            }
            let names = wanted.borrow().names.clone();
            let fresh = names.into_iter().filter(|name| !self.asked.contains(name)).take(BUDGET);
            for (kind, id) in fresh.collect::<Vec<_>>() {
                self.look_up(kind, &id, out).await?;
            }
            Ok(())
        })
    }
}
