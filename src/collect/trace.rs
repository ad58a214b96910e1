//! A trace: what nova's API says of a subject, and what the logs hold of it. The word and the dashboard ask alike.

mod asked;
mod hosts;
mod so_far;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Collector, Outlet};
use crate::config::logs::LogPlace;
use crate::model::{Text, Trouble};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::log::Grammar;
use crate::source::log::files::{self, LogFile};
use crate::source::log::index::Index;
use crate::source::log::scan::elsewhere::Elsewhere;
use crate::source::log::scan::{self, Beside, Kept, Limits, Packs, Progress, Told};
use crate::source::log::ssh::Ssh;
use crate::source::{Error, Session, Sources};
use crate::trace::story::Steps;
use crate::trace::{Account, Clock, Entry, Id, Subject, Trace};

use asked::Memory;
use hosts::Resting;
pub use hosts::hosts;
use so_far::{Listener, SoFar};

/// While it is looked at a trace is made anew this often, but never for more than a twentieth of the time.
const EVERY: Duration = Duration::from_secs(5);
const SHARE: u32 = 20;

/// All that a trace needs; clones share it.
#[derive(Clone)]
pub struct Tracer {
    session: Option<Session>,
    logs: Arc<[LogPlace]>,
    grammar: Arc<Grammar>,
    steps: Arc<Steps>,
    ssh: Ssh,
    resting: Arc<Resting>,
    memory: Arc<Memory>,
    index: Option<Index>,
    packs: Packs,
}

impl Tracer {
    /// Nothing is asked or read yet.
    pub fn new(session: Option<Session>, logs: &[LogPlace], grammar: Arc<Grammar>) -> Self {
        // They ship with the program, and a test says that they can be read.
        let steps = Steps::shipped().unwrap_or_default();
        Self {
            session,
            logs: logs.into(),
            grammar,
            steps: Arc::new(steps),
            ssh: Ssh::default(),
            resting: Arc::default(),
            memory: Arc::default(),
            index: None,
            packs: Packs::default(),
        }
    }

    /// What the index covers need not be read.
    #[must_use]
    pub fn indexed(self, index: Option<Index>) -> Self {
        Self { index, ..self }
    }

    /// Traces it, until all is read or `stop` is set. What was found so far is put into `so_far` again and again.
    pub async fn trace(&self, subject: Subject, stop: Arc<AtomicBool>, so_far: Option<Listener>) -> Account {
        let mut account = Account::new(subject);
        // Until the logs are read it is not said that they hold nothing.
        account.reading = Some((0, 0));
        if let (Some(session), Subject::Instance(id)) = (&self.session, subject) {
            asked::ask(session, &self.memory, id, &mut account).await;
        }
        if let Some(so_far) = &so_far {
            so_far.send_replace(Some(Arc::new(account.clone())));
        }
        let (hosts, troubles) = hosts(self.session.as_ref(), &self.logs).await;
        let (hosts, resting) = self.resting.rouse(hosts, Instant::now());
        // First of all that could not be had: whose logs are not there matters more than a row of the API.
        account.troubles.splice(0..0, troubles.into_iter().chain(resting));
        account.waiting = hosts.len();
        let others = Elsewhere { ssh: self.ssh.clone(), hosts, runtime: Handle::current() };
        let this = self.clone();
        let mut begun = account.clone();
        match tokio::task::spawn_blocking(move || this.read(account, &others, &stop, so_far.as_ref())).await {
            Ok(account) => account,
            Err(error) => {
                (begun.reading, begun.waiting) = (None, 0);
                begun
                    .troubles
                    .push(Trouble::of_log(format!("the logs could not be read to their end: {error}")));
                begun
            }
        }
    }

    /// The logs' part. On a thread of its own.
    fn read(
        &self,
        mut account: Account,
        others: &Elsewhere,
        stop: &AtomicBool,
        so_far: Option<&Listener>,
    ) -> Account {
        let found = files::find(&self.logs);
        account.troubles.extend(self.skipped(&found));
        account.files = found.files.len();
        let requests = account.actions.iter().filter_map(|action| Id::of(action.request_id.as_bytes()));
        let mut trace = Trace::new(account.subject).with_requests(requests);
        let mut so_far = so_far.map(|listener| SoFar::new(self, listener, &account, &found.files));
        let mut say = |progress: Progress| {
            if let Some(so_far) = &mut so_far {
                so_far.hear(progress);
            }
        };
        let limits = Limits::default();
        let beside = Beside { others: Some(others), index: self.index.as_ref(), packs: Some(&self.packs) };
        let mut told =
            scan::everywhere(&found.files, beside, &self.grammar, &mut trace, limits, stop, &mut say);
        account.troubles.extend(troubles(&told));
        account.troubles.append(&mut told.troubles);
        for (number, trouble) in &told.failed {
            if let Some(asked) = others.hosts.get(*number) {
                self.resting.lay(asked, trouble, Instant::now());
            }
        }
        account.troubles.splice(0..0, told.failed.into_iter().map(|(_, trouble)| trouble));
        account.worked = told.worked;
        account.clocks = told.clocks.iter().map(clock).collect();
        account.was_cancelled = told.was_cancelled;
        account.omitted = trace.omitted();
        (account.reading, account.waiting) = (None, 0);
        let mut files = found.files;
        files.append(&mut told.elsewhere);
        account.files = files.len();
        self.tell(&mut account, &files, told.records);
        account
    }

    /// What was named and cannot be read. What lies among logs and is none says nothing.
    fn skipped(&self, found: &files::Found) -> Vec<Trouble> {
        let named = || self.logs.iter().flat_map(|place| &place.paths);
        let is_worth_it =
            |why: &files::Skipped| !matches!(why, files::Skipped::Kind(_) | files::Skipped::NotAFile(_));
        let mut troubles: Vec<Trouble> = found
            .skipped
            .iter()
            .filter(|(path, why)| is_worth_it(why) || named().any(|named| named == path))
            .map(|(path, why)| Trouble::of_log(format!("{}: {why}", path.display())))
            .collect();
        if self.logs.is_empty() {
            troubles.push(Trouble {
                next_step: "name them by [[logs]] in config.toml, or start stackwatch where they are"
                    .to_owned(),
                ..Trouble::of_log(
                    "no logs: this host has none where its services are configured to write them, nor where \
                     packages, kolla-ansible and TripleO put them",
                )
            });
        } else if found.files.is_empty()
            && troubles.is_empty()
            && self.logs.iter().all(|place| place.is_here() && !place.journal)
        {
            troubles.push(Trouble::of_log("there is no log to read where logs should be"));
        }
        troubles
    }

    /// Puts what was heard into the account, and tells its story.
    fn tell(&self, account: &mut Account, files: &[LogFile], records: Vec<Kept>) {
        // Of each record the file that told it first: what one file says twice was said twice.
        let mut told_by: HashMap<u64, Text> = HashMap::new();
        let hasher = foldhash::quality::FixedState::default();
        account.entries.clear();
        let mut copies = 0;
        for kept in records {
            let Some(file) = files.get(kept.file) else { continue };
            let entry = entry(kept, file);
            // A central server writes the same record into a file of its host and into one of its program.
            let mut hash = hasher.build_hasher();
            for part in [entry.host.as_bytes(), &entry.head, &entry.rest] {
                hash.write(part);
                hash.write_u8(0xff);
            }
            let first = told_by.entry(hash.finish()).or_insert_with(|| entry.path.clone());
            if *first != entry.path {
                copies += 1;
                continue;
            }
            account.entries.push(Arc::new(entry));
        }
        account.omitted.copies = copies;
        account.entries.sort_by(|a, b| (a.at, &a.path, a.offset).cmp(&(b.at, &b.path, b.offset)));
        account.retell(&self.steps);
    }
}

/// The record as it is told: whose it is the line itself knows best.
fn entry(kept: Kept, file: &LogFile) -> Entry {
    let record = kept.record;
    let own = |span: crate::model::Span| {
        let text = String::from_utf8_lossy(span.of(&record.head));
        (!text.is_empty()).then(|| Text::from(&*text))
    };
    // A file of a whole host, or of all of a service's programs.
    let is_mixed = !file.service.contains('-');
    Entry {
        host: own(record.parsed.host).unwrap_or_else(|| file.host.clone()),
        service: own(record.parsed.program).filter(|_| is_mixed).unwrap_or_else(|| file.service.clone()),
        path: file.path.to_string_lossy().into(),
        offset: record.offset(),
        at: kept.at,
        parsed: record.parsed,
        lines: record.lines.len(),
        head: record.head.into(),
        rest: record.rest.into(),
        reason: kept.reason,
    }
}

fn clock((host, clock): &(Text, scan::elsewhere::Clock)) -> Clock {
    let micros = |duration: jiff::SignedDuration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    Clock { host: host.clone(), ahead: micros(clock.ahead), doubt: micros(clock.doubt) }
}

/// What keeps it from being whole, and what to do about it.
fn troubles(told: &Told) -> Vec<Trouble> {
    let unread = told.trouble.iter().map(|(path, why)| Trouble::of_log(format!("{}: {why}", path.display())));
    let dropped = (told.dropped > 0).then(|| Trouble {
        next_step: "trace one of its requests (req-…)".to_owned(),
        ..Trouble::of_log(format!("{} more records belong to it than are kept", told.dropped))
    });
    let n = told.unfinished;
    let unfinished = (n > 0).then(|| Trouble::of_log(format!("{n} request ids were not looked for")));
    unread.chain(dropped).chain(unfinished).collect()
}

/// Traces what is looked at, and again while it is.
pub(super) struct Traces {
    tracer: Tracer,
    /// What the last round was about, and how long it took.
    done: Option<Text>,
    took: Duration,
    /// How often the operator had asked anew.
    refreshed: u64,
}

/// Where neither a cloud nor a log is known there is nothing to trace.
pub(super) fn all(sources: &Sources) -> Option<Box<dyn Collector>> {
    let tracer = Tracer::new(sources.session.clone(), &sources.logs, sources.grammar.get())
        .indexed(sources.index.clone());
    let is_any = sources.session.is_some() || !sources.logs.is_empty();
    is_any.then(|| {
        Box::new(Traces { tracer, done: None, took: Duration::ZERO, refreshed: 0 }) as Box<dyn Collector>
    })
}

impl Collector for Traces {
    fn topic(&self) -> Topic {
        Topic::Trace
    }

    fn every(&self) -> Duration {
        EVERY.max(self.took * SHARE)
    }

    fn urgent(&self, wanted: &Wanted) -> bool {
        wanted.trace.is_some() && wanted.trace != self.done
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut wanted = wanted.clone();
            let (wish, refreshed) = {
                let wanted = wanted.borrow_and_update();
                (wanted.trace.clone(), wanted.refresh.get(&Topic::Trace).copied().unwrap_or(0))
            };
            if std::mem::replace(&mut self.refreshed, refreshed) != refreshed {
                self.tracer.memory.forget();
            }
            let subject = wish.as_ref().and_then(|text| Subject::parse(text.as_bytes()));
            let (Some(wish), Some(subject)) = (wish, subject) else { return Ok(()) };
            let is_first = self.done.as_ref() != Some(&wish);
            out.say(Outcome::Begin { topic: Topic::Trace, expected: None }).await;
            let stop = Arc::new(AtomicBool::new(false));
            // What is known already stays while the same is looked for again.
            let (sender, mut so_far) = watch::channel(None);
            let mut work = Box::pin(self.tracer.trace(subject, stop.clone(), is_first.then_some(sender)));
            let account = loop {
                tokio::select! {
                    account = &mut work => break account,
                    Ok(()) = so_far.changed() => {
                        let partial = so_far.borrow_and_update().clone();
                        if let Some(partial) = partial {
                            out.say(Outcome::Part(Delta::Trace(partial))).await;
                        }
                    }
                    Ok(()) = wanted.changed() => {
                        if wanted.borrow_and_update().trace.as_ref() != Some(&wish) {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
            };
            self.took = account.worked;
            if !account.was_cancelled {
                self.done = Some(wish);
                out.say(Outcome::Part(Delta::Trace(Arc::new(account)))).await;
            }
            out.say(Outcome::End { topic: Topic::Trace, complete: true, limit: None }).await;
            Ok(())
        })
    }
}
