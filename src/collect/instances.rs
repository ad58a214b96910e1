mod faults;

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet};
use crate::model::Instance;
use crate::report::{Delta, Outage, OutageKind, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, nova};
use faults::Faults;

/// How far `changes-since` reaches back behind the last read: nova's hosts disagree about the time, and a
/// row is committed after the moment that it carries.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);
/// A full read, at most so often; and never sooner than [`FULL_SHARE`] times its own duration.
const FULL_EVERY: Duration = Duration::from_secs(600);
const FULL_SHARE: u32 = 20;
/// The same while a cell is down.
const PARTIAL_EVERY: Duration = Duration::from_secs(60);
/// How often changes are asked for; and while notifications tell of them.
const CHANGES_EVERY: Duration = Duration::from_secs(10);
const HEARD_EVERY: Duration = Duration::from_secs(20);
/// A notification that says too little asks sooner, but not sooner than this after the last time.
const STIRRED: Duration = Duration::from_secs(2);

/// The instances of all projects: a full read first, then what changed since.
pub struct Instances {
    session: Session,
    /// The cloud's own time at which the last good read started, and when and how long the last full one was.
    since: Option<Timestamp>,
    full: Option<(Instant, Duration)>,
    /// Rows of the last full read whose cell did not answer.
    partial: usize,
    /// Nova's refusal, when this account may not ask for all projects: then only its own are read, and said so.
    own_project: Option<Error>,
    faults: Faults,
    refreshes: u64,
    stirred: u64,
    heard: bool,
    asked: Option<Instant>,
}

impl Instances {
    pub fn new(session: Session) -> Self {
        Self {
            session,
            since: None,
            full: None,
            partial: 0,
            own_project: None,
            faults: Faults::default(),
            refreshes: 0,
            stirred: 0,
            heard: false,
            asked: None,
        }
    }

    /// Now, by the cloud's clock as far as it is known: ours may be wrong.
    fn cloud_now(&self) -> Timestamp {
        Timestamp::now() + self.session.clock_offset().unwrap_or(SignedDuration::ZERO)
    }

    fn full_is_due(&self) -> bool {
        match self.full {
            None => true,
            Some((at, took)) => {
                // A cell that comes back changes no row: only a full read notices.
                let every = if self.partial > 0 { PARTIAL_EVERY } else { FULL_EVERY };
                at.elapsed() >= every.max(took * FULL_SHARE)
            }
        }
    }

    async fn full_read(&mut self, out: &Outlet) -> Result<(), Error> {
        let (started, since) = (Instant::now(), self.cloud_now());
        // Asked anew each time: a role may have been granted meanwhile.
        self.own_project = None;
        let mut query = nova::ServerQuery { all_projects: true, ..Default::default() };
        let mut pages = nova::servers(&self.session, query.clone());
        let (mut begun, mut partial) = (false, 0);
        loop {
            let page = match pages.next().await {
                Err(error) if error.kind == ErrorKind::Forbidden && !begun && self.own_project.is_none() => {
                    self.own_project = Some(error);
                    query.all_projects = false;
                    pages = nova::servers(&self.session, query.clone());
                    continue;
                }
                page => page?,
            };
            if !begun {
                begun = true;
                out.say(Outcome::Begin { topic: Topic::Instances, expected: None }).await;
            }
            let Some(page) = page else { break };
            partial += page.rows.iter().filter(|row| row.partial).count();
            self.faults.note(&page.rows);
            out.say(Outcome::Part(Delta::Instances(page.rows))).await;
        }
        let took = started.elapsed();
        self.faults.ask(&self.session, out).await;
        let limit = self.own_project.as_ref().map(own_project_only).or_else(|| down_cell(partial));
        out.say(Outcome::End { topic: Topic::Instances, complete: true, limit }).await;
        self.partial = partial;
        self.since = Some(since);
        self.full = Some((started, took));
        Ok(())
    }

    async fn changes(&mut self, out: &Outlet, since: Timestamp) -> Result<(), Error> {
        let next = self.cloud_now();
        let query = nova::ServerQuery {
            all_projects: self.own_project.is_none(),
            changes_since: Some(since - OVERLAP),
            ..Default::default()
        };
        let mut pages = nova::servers(&self.session, query);
        while let Some(page) = pages.next().await? {
            let (gone, rows): (Vec<Instance>, Vec<Instance>) =
                page.rows.into_iter().partition(|row| matches!(&*row.status, "DELETED"));
            if !gone.is_empty() {
                let ids = gone.into_iter().map(|row| row.id).collect();
                out.say(Outcome::Part(Delta::Remove(Topic::Instances, ids))).await;
            }
            if !rows.is_empty() {
                self.faults.note(&rows);
                out.say(Outcome::Part(Delta::Instances(rows))).await;
            }
        }
        self.faults.ask(&self.session, out).await;
        out.say(Outcome::Current { topic: Topic::Instances }).await;
        self.since = Some(next);
        Ok(())
    }
}

fn own_project_only(refused: &Error) -> Outage {
    Outage {
        kind: OutageKind::Forbidden,
        message: format!(
            "own project only: nova refused the instances of all projects ({})",
            refused.message
        ),
        next_step: "take an account with the admin role, or one that nova's policy \
                    os_compute_api:servers:detail:get_all_tenants allows"
            .to_owned(),
        request_id: refused.request_id.clone(),
        retry_in: None,
    }
}

/// What is missing when a cell does not answer: nova gives its rows without their content.
fn down_cell(rows: usize) -> Option<Outage> {
    (rows > 0).then(|| Outage {
        kind: OutageKind::Unreachable,
        message: format!(
            "{rows} instances stand in a cell that does not answer: nova gives their id and project only"
        ),
        next_step: "look at that cell's database and broker: `nova-manage cell_v2 list_cells` names them; \
                    nova-api's log says which one timed out"
            .to_owned(),
        request_id: None,
        retry_in: None,
    })
}

impl Collector for Instances {
    fn topic(&self) -> Topic {
        Topic::Instances
    }

    fn every(&self) -> Duration {
        if self.heard { HEARD_EVERY } else { CHANGES_EVERY }
    }

    fn urgent(&self, wanted: &Wanted) -> bool {
        wanted.stirred != self.stirred && self.asked.is_none_or(|at| at.elapsed() >= STIRRED)
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let asked = {
                let wanted = wanted.borrow();
                (self.stirred, self.heard) = (wanted.stirred, wanted.heard);
                wanted.refresh.get(&Topic::Instances).copied().unwrap_or(0)
            };
            self.asked = Some(Instant::now());
            // Asked by hand twice in a row: the operator doubts what stands there, so everything is read.
            let insist = asked > self.refreshes + 1;
            self.refreshes = asked;
            match self.since {
                Some(since) if !self.full_is_due() && !insist => self.changes(out, since).await,
                _ => self.full_read(out).await,
            }
        })
    }
}
