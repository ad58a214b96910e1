use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet, outage};
use crate::model::{Named, NamedKind, Text};
use crate::report::{Delta, Outage, OutageKind, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, glance, keystone, nova};

const LIST_EVERY: Duration = Duration::from_secs(1_800);
/// Single look-ups a round.
const BUDGET: usize = 20;
/// A service that failed to tell one name is not asked for others so long.
const LATER: Duration = Duration::from_secs(30);

/// The names behind ids. Projects come in one list; users and images one by one, and only those on screen:
/// a directory of 100,000 users is not ours to read. What is gone is asked for once.
pub struct Names {
    session: Session,
    listed: Option<Instant>,
    asked: HashSet<(NamedKind, Text)>,
    /// Since when a kind of name cannot be had: glance may be down while keystone is well.
    failed: HashMap<NamedKind, Instant>,
}

impl Names {
    pub fn new(session: Session) -> Self {
        Self { session, listed: None, asked: HashSet::new(), failed: HashMap::new() }
    }

    /// All projects with their domains; a member may not list them, but knows its own from its token.
    async fn list(&mut self, out: &Outlet) -> Result<(), Error> {
        let mut limit = None;
        let projects = match keystone::projects(&self.session).await {
            Ok(projects) => {
                // Where they may not be listed, or keystone is of two minds, their ids show.
                if let Ok(domains) = keystone::domains(&self.session).await {
                    out.say(Outcome::Part(Delta::Names(NamedKind::Domain, domains))).await;
                }
                projects
            }
            Err(error) if error.kind == ErrorKind::Forbidden => {
                limit = Some(own_project_only(&error));
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
        let topic = Topic::Projects;
        out.say(Outcome::Begin { topic, expected: None }).await;
        out.say(Outcome::Part(Delta::Names(NamedKind::Project, projects))).await;
        out.say(Outcome::End { topic, complete: true, limit }).await;
        Ok(())
    }

    /// Whether nobody has told this name yet, and it may be asked for now.
    fn open(&self, name: &(NamedKind, Text)) -> bool {
        !self.asked.contains(name) && self.failed.get(&name.0).is_none_or(|at| at.elapsed() >= LATER)
    }

    async fn look_up(&mut self, kind: NamedKind, id: &Text, out: &Outlet) {
        let found = match kind {
            NamedKind::Project => keystone::project(&self.session, id).await,
            NamedKind::Domain => keystone::domain(&self.session, id).await,
            NamedKind::User => keystone::user(&self.session, id).await,
            NamedKind::Image => glance::image(&self.session, id).await,
            NamedKind::Flavor => nova::flavor(&self.session, id).await,
        };
        match found {
            // Deleted, or not ours to see: the id itself stays on screen.
            Err(error) if !matches!(error.kind, ErrorKind::Missing | ErrorKind::Forbidden) => {
                self.failed.insert(kind, Instant::now());
                if kind == NamedKind::Project {
                    // Their list says what is wrong, and when it is well again.
                    self.listed = None;
                }
                if let Some(topic) = topic(kind) {
                    out.say(Outcome::Outage { topic, outage: outage(&error, Some(LATER)) }).await;
                }
                return;
            }
            Err(_) => {}
            Ok(named) => out.say(Outcome::Part(Delta::Names(kind, vec![named]))).await,
        }
        self.asked.insert((kind, id.clone()));
        if self.failed.remove(&kind).is_some()
            && let Some(topic) = topic(kind)
        {
            out.say(Outcome::Current { topic }).await;
        }
    }
}

/// What nova says of instances, too: a list of one is not all there are.
fn own_project_only(refused: &Error) -> Outage {
    Outage {
        kind: OutageKind::Forbidden,
        message: format!("own project only: keystone refused the list of all projects ({})", refused.message),
        next_step:
            "take an account with the admin role, or one that keystone's policy identity:list_projects \
                    allows"
                .to_owned(),
        request_id: refused.request_id.clone(),
        retry_in: None,
    }
}

/// Whose failure it is when one name cannot be had. Projects with their domains and nova's topics are read as a whole
/// too, and that tells of it.
fn topic(kind: NamedKind) -> Option<Topic> {
    match kind {
        NamedKind::User => Some(Topic::Users),
        NamedKind::Image => Some(Topic::Images),
        NamedKind::Project | NamedKind::Domain | NamedKind::Flavor => None,
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
        wanted.names.iter().any(|name| self.open(name))
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
            let mut left = BUDGET;
            for (kind, id) in names {
                // Asked anew for each: the one before may have found its service down.
                if left > 0 && self.open(&(kind, id.clone())) {
                    left -= 1;
                    self.look_up(kind, &id, out).await;
                }
            }
            Ok(())
        })
    }
}
