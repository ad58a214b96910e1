//! Limits and use of each project, service by service.
//!
//! They cost a call a project and service, and nova counts anew for each: so they are asked in a fair round within a
//! budget that the services share. Projects on screen go first, then those that were never asked, the largest
//! first, then the one that was asked longest ago.

mod pace;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet, outage, trouble};
use crate::model::{Allowance, Allowances, QuotaService, Text, find_allowance};
use crate::report::{Delta, Outage, Outcome, QuotaSaid, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, Sources, quota};
use pace::Pace;
pub use pace::takes as first_round;

/// How old an answer may become before it is asked for again: while its project is on screen, and else.
const VISIBLE_EVERY: Duration = Duration::from_secs(120);
const EVERY: Duration = Duration::from_secs(900);
/// Of the budget those on screen take no more than so much a second time, as long as others wait for their first.
const SHARE: usize = 20;
/// What operators set once a year.
const DEFAULTS_EVERY: Duration = Duration::from_secs(3_600);
/// A service that is not there may be installed.
const ABSENT_EVERY: Duration = Duration::from_secs(600);
/// A round looks up now and then: the screen may show others by now.
const ROUND: Duration = Duration::from_secs(10);
const IN_FLIGHT: usize = 4;
/// So many refusals in a row are the service's and no project's.
const IN_A_ROW: u32 = 3;

/// One for each service, with a budget in common.
pub fn all(sources: &Sources, session: &Session) -> Vec<Box<dyn Collector>> {
    let pace = Arc::new(Pace::new(sources.quotas.requests_per_second));
    let one = |service| -> Box<dyn Collector> { Box::new(Quotas::new(session, service, pace.clone())) };
    QuotaService::ALL.into_iter().map(one).collect()
}

/// The quotas of one service.
struct Quotas {
    session: Session,
    service: QuotaService,
    pace: Arc<Pace>,
    way: Way,
    /// All there are, as they were wanted last.
    all: Arc<[Text]>,
    projects: HashMap<Text, Asked>,
    /// What they may have of which nobody has said anything else, and when that was asked.
    defaults: Option<Allowances>,
    defaults_at: Option<Instant>,
    absent: Option<Instant>,
    refreshes: u64,
    begun: bool,
    /// Every project was asked once.
    whole: bool,
    /// There was more to ask than the last round had time for.
    busy: bool,
    /// Refusals since the last answer.
    refused: u32,
}

/// How a service tells of many projects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Each,
    /// One answer for all: the projects that have limits of their own; the others have the defaults. That is how
    /// glance's stand in keystone, and how a neutron without details tells its own.
    ForAll,
}

#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    /// Why it has no answer.
    failed: Option<Error>,
}

impl Quotas {
    fn new(session: &Session, service: QuotaService, pace: Arc<Pace>) -> Self {
        Self {
            session: session.clone(),
            service,
            pace,
            way: if service == QuotaService::Glance { Way::ForAll } else { Way::Each },
            all: Arc::default(),
            projects: HashMap::new(),
            defaults: None,
            defaults_at: None,
            absent: None,
            refreshes: 0,
            begun: false,
            whole: false,
            busy: false,
            refused: 0,
        }
    }

    async fn tell(&self, said: QuotaSaid, out: &Outlet) {
        out.say(Outcome::Part(Delta::Quotas(self.service, said))).await;
    }

    /// Whom to ask, the most urgent first.
    fn due(&self, wanted: &Wanted) -> VecDeque<Text> {
        let visible_every = visible_every(&self.pace, wanted.projects.len(), self.whole);
        due(&self.all, &wanted.projects, visible_every, |id| self.projects.get(id)?.at)
    }

    /// The defaults, where they are due. They may be kept from us while the rest is not.
    async fn read_defaults(&mut self, out: &Outlet) -> Result<(), Error> {
        if self.defaults_at.is_some_and(|at| at.elapsed() < DEFAULTS_EVERY) {
            return Ok(());
        }
        self.pace.turn().await;
        match quota::defaults(&self.session, self.service).await {
            Ok(defaults) => {
                self.defaults = Some(defaults.clone());
                self.tell(QuotaSaid::Defaults(defaults), out).await;
            }
            Err(error) if is_missing_service(&error) || is_of_service(&error) => return Err(error),
            Err(_) => {}
        }
        self.defaults_at = Some(Instant::now());
        Ok(())
    }

    /// Asks about one project after the other until nobody is due, or time is up.
    async fn ask_each(&mut self, wanted: &watch::Receiver<Wanted>, out: &Outlet) -> Result<(), Error> {
        let (session, service, pace) = (self.session.clone(), self.service, self.pace.clone());
        let until = Instant::now() + ROUND;
        let mut due = self.due(&wanted.borrow());
        let mut visible = wanted.borrow().projects.clone();
        let mut flight = FuturesUnordered::new();
        let mut asking: Vec<Text> = Vec::new();
        loop {
            if visible != wanted.borrow().projects {
                visible.clone_from(&wanted.borrow().projects);
                due = self.due(&wanted.borrow());
                due.retain(|id| !asking.contains(id));
            }
            self.busy = !due.is_empty();
            let more = self.busy && flight.len() < IN_FLIGHT && Instant::now() < until;
            if !more && flight.is_empty() {
                return Ok(());
            }
            tokio::select! {
                () = pace.turn(), if more => {
                    let Some(id) = due.pop_front() else { continue };
                    asking.push(id.clone());
                    let session = session.clone();
                    flight.push(async move {
                        let answer = quota::of_project(&session, service, &id).await;
                        (id, answer)
                    });
                }
                Some((id, answer)) = flight.next(), if !flight.is_empty() => {
                    asking.retain(|other| *other != id);
                    self.heard(id, answer, out).await?;
                }
            }
        }
    }

    /// One answer: it is the row's, whatever it is. An error is one that concerns all others too.
    async fn heard(
        &mut self,
        id: Text,
        answer: Result<Allowances, Error>,
        out: &Outlet,
    ) -> Result<(), Error> {
        let failed = answer.as_ref().err().cloned();
        // It knows no projects, so it is the question that it does not know.
        if let Some(error) = &failed
            && self.service == QuotaService::Neutron
            && error.kind == ErrorKind::Missing
        {
            return Err(error.clone());
        }
        // Whoever lists projects later names it no more.
        if failed.as_ref().is_some_and(quota::is_gone) {
            self.projects.insert(id.clone(), Asked { at: Some(Instant::now()), failed: None });
            self.tell(QuotaSaid::Gone(id), out).await;
            return Ok(());
        }
        self.projects.insert(id.clone(), Asked { at: Some(Instant::now()), failed: failed.clone() });
        let said = QuotaSaid::Project(id, answer.map_err(|error| trouble(&error)));
        self.tell(said, out).await;
        let Some(error) = failed else {
            self.refused = 0;
            return Ok(());
        };
        self.refused += u32::from(error.kind == ErrorKind::Server);
        if is_of_service(&error) || self.refused >= IN_A_ROW { Err(error) } else { Ok(()) }
    }

    async fn ask_for_all(&mut self, wanted: &watch::Receiver<Wanted>, out: &Outlet) -> Result<(), Error> {
        let due = self.due(&wanted.borrow());
        self.busy = false;
        if due.is_empty() {
            return Ok(());
        }
        self.pace.turn().await;
        let own = quota::own(&self.session, self.service).await?;
        let defaults = self.defaults.clone().unwrap_or_default();
        let mut own: HashMap<Text, Allowances> =
            own.into_iter().map(|(id, limits)| (id, over(&defaults, &limits))).collect();
        if self.service == QuotaService::Glance
            && let Some(project) = self.session.login().await?.project_id
        {
            // What is in use glance tells each project of itself alone.
            self.pace.turn().await;
            let used = quota::of_project(&self.session, self.service, &project).await?;
            own.insert(project.into(), used);
        }
        for id in due {
            let limits = own.get(&id).cloned().unwrap_or_else(|| defaults.clone());
            self.heard(id, Ok(limits), out).await?;
        }
        Ok(())
    }

    /// Whether glance asks keystone for limits at all; each but its newest releases does not.
    async fn is_used(&self) -> Result<bool, Error> {
        if self.service != QuotaService::Glance {
            return Ok(true);
        }
        self.pace.turn().await;
        match quota::of_project(&self.session, self.service, "").await {
            Ok(own) => Ok(!own.is_empty()),
            // Before Xena it knows no such question.
            Err(error) if error.kind == ErrorKind::Missing => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask(&mut self, wanted: &watch::Receiver<Wanted>, out: &Outlet) -> Result<(), Error> {
        if self.defaults_at.is_none() && !self.is_used().await? {
            return Err(absent(self.service));
        }
        self.read_defaults(out).await?;
        if self.way == Way::Each {
            match self.ask_each(wanted, out).await {
                // Who knows no details may still know limits.
                Err(error) if self.service == QuotaService::Neutron && is_unknown(&error) => {
                    self.way = Way::ForAll;
                }
                outcome => return outcome,
            }
        }
        self.ask_for_all(wanted, out).await
    }

    /// What of the projects could not be had, in one line.
    fn limit(&self) -> Option<Outage> {
        let failed = || self.projects.values().filter_map(|asked| asked.failed.as_ref());
        let first = failed().next()?;
        let outage = outage(first, None);
        let (n, all) = (failed().count(), self.projects.len());
        Some(Outage { message: format!("of {n} of {all} projects not told: {}", outage.message), ..outage })
    }

    async fn round(&mut self, wanted: &watch::Receiver<Wanted>, out: &Outlet) -> Result<(), Error> {
        let topic = Topic::of_quotas(self.service);
        let Some(all) = wanted.borrow().quotas.clone() else { return Ok(()) };
        if !Arc::ptr_eq(&self.all, &all) {
            let there: HashSet<&Text> = all.iter().collect();
            self.projects.retain(|id, _| there.contains(id));
            self.all = all;
        }
        let asked = wanted.borrow().refresh.get(&topic).copied().unwrap_or(0);
        if std::mem::replace(&mut self.refreshes, asked) != asked {
            self.absent = None;
            for id in &wanted.borrow().projects {
                self.projects.entry(id.clone()).or_default().at = None;
            }
        }
        if self.absent.is_some_and(|at| at.elapsed() < ABSENT_EVERY) {
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) {
            out.say(Outcome::Begin { topic, expected: Some(self.all.len()) }).await;
        }
        match self.ask(wanted, out).await {
            Err(error) if is_missing_service(&error) => {
                self.absent = Some(Instant::now());
                (self.defaults_at, self.whole, self.busy) = (None, true, false);
                self.tell(QuotaSaid::Absent, out).await;
            }
            outcome => outcome?,
        }
        self.whole |= self.all.iter().all(|id| self.projects.get(id).is_some_and(|asked| asked.at.is_some()));
        out.say(match self.whole {
            true => Outcome::End { topic, complete: true, limit: self.limit() },
            false => Outcome::Current { topic },
        })
        .await;
        Ok(())
    }
}

fn visible_every(pace: &Pace, visible: usize, whole: bool) -> Duration {
    let again = visible * QuotaService::ALL.len() * SHARE;
    if whole { VISIBLE_EVERY } else { pace.lasts(again).clamp(VISIBLE_EVERY, EVERY) }
}

/// Those on screen whose answer is older than the one for the screen, then the others: who was never asked goes
/// before who was, and of those who were the one that was asked longest ago.
fn due(
    all: &[Text],
    visible: &[Text],
    visible_every: Duration,
    asked: impl Fn(&Text) -> Option<Instant>,
) -> VecDeque<Text> {
    let visible: HashSet<&Text> = visible.iter().collect();
    let mut due: Vec<(bool, Option<Instant>, &Text)> = all
        .iter()
        .filter_map(|id| {
            let (seen, at) = (visible.contains(id), asked(id));
            let every = if seen { visible_every } else { EVERY };
            at.is_none_or(|at| at.elapsed() >= every).then_some((!seen, at, id))
        })
        .collect();
    // Stable: of those that were never asked the largest stays first.
    due.sort_by_key(|(hidden, at, _)| (*hidden, *at));
    due.into_iter().map(|(.., id)| id.clone()).collect()
}

/// Limits of a project's own over those that it has without.
fn over(defaults: &[Allowance], own: &[Allowance]) -> Allowances {
    let mut all: Vec<Allowance> =
        defaults.iter().filter(|it| find_allowance(own, &it.resource).is_none()).cloned().collect();
    all.extend(own.iter().cloned());
    all.sort_by(|a, b| a.resource.cmp(&b.resource));
    all.into()
}

/// It is not in the catalog, so it need not be asked about anybody.
pub(super) fn is_missing_service(error: &Error) -> bool {
    error.kind == ErrorKind::Missing && error.status.is_none()
}

/// 404: it is there, and does not know what was asked.
fn is_unknown(error: &Error) -> bool {
    error.kind == ErrorKind::Missing && error.status.is_some()
}

/// Whether a failure is no project's: the next one would fail likewise.
fn is_of_service(error: &Error) -> bool {
    !matches!(
        error.kind,
        ErrorKind::Forbidden | ErrorKind::Missing | ErrorKind::Server | ErrorKind::BadAnswer
    )
}

/// Its being there without quotas counts as its not being there.
fn absent(service: QuotaService) -> Error {
    Error {
        kind: ErrorKind::Missing,
        service: service.name(),
        message: format!("{} has no quotas", service.name()),
        next_step: String::new(),
        request_id: None,
        retry_after: None,
        status: None,
    }
}

impl Collector for Quotas {
    fn topic(&self) -> Topic {
        Topic::of_quotas(self.service)
    }

    fn every(&self) -> Duration {
        // Who has more to ask goes on at once, whether anybody looks or not: the budget bounds what is asked, and what is
        // recorded each hour must not be older than that.
        if self.busy { Duration::ZERO } else { Duration::from_secs(5) }
    }

    fn urgent(&self, wanted: &Wanted) -> bool {
        let unasked = |id: &Text| self.projects.get(id).is_none_or(|asked| asked.at.is_none());
        let new = || wanted.projects.iter().any(unasked);
        wanted.quotas.is_some() && self.absent.is_none() && (!self.begun || new())
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.round(wanted, out))
    }
}

#[cfg(test)]
mod tests;
