//! Logs as they grow. Files are read on a thread of their own, whose one round never ends; what it hears is handed on
//! in batches, and while nobody takes them it waits: the files keep what was not read yet.

mod keeper;
pub mod others;
pub mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::{Collector, Outlet};
use crate::config::logs::LogPlace;
use crate::model::Heard;
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::log::Grammars;
use crate::source::log::follow::Pace;
use crate::source::log::index::Index;
use crate::source::log::ssh::Ssh;
use crate::source::{Error, ErrorKind, Session, Sources};
use reader::Reader;

/// All files are asked this often; those that said something a moment ago more often while somebody looks.
const POLL: Duration = Duration::from_millis(100);
const LOOKED_AT: Duration = Duration::from_millis(30);
/// Batches that may wait to be taken in.
const WAITING: usize = 4;
/// Pieces of other hosts' files that may wait.
const PIECES: usize = 64;
/// While nothing is said it is told this often that all is read.
const CURRENT: Duration = Duration::from_secs(15);

/// All logs that lie on this host, and those of other hosts and journals.
pub(super) struct Tails {
    session: Option<Session>,
    here: Vec<LogPlace>,
    elsewhere: Vec<LogPlace>,
    index: Option<Index>,
    grammar: Grammars,
}

/// There always is one: where there are no logs, it says so.
pub(super) fn all(sources: &Sources) -> Box<dyn Collector> {
    let (here, elsewhere) = split(&sources.logs);
    Box::new(Tails {
        session: sources.session.clone(),
        here,
        elsewhere,
        index: sources.index.clone(),
        grammar: sources.grammar.clone(),
    })
}

/// The places with files of this host, and those that are asked for what they have: other hosts, and journals.
pub fn split(places: &[LogPlace]) -> (Vec<LogPlace>, Vec<LogPlace>) {
    let here = places.iter().filter(|place| place.is_here() && !place.paths.is_empty());
    let asked = places.iter().filter(|place| !place.is_here() || place.journal);
    (here.cloned().collect(), asked.cloned().collect())
}

impl Collector for Tails {
    fn topic(&self) -> Topic {
        Topic::Logs
    }

    fn every(&self) -> Duration {
        CURRENT
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.here.is_empty() && self.elsewhere.is_empty() {
                return Err(none());
            }
            out.say(Outcome::Begin { topic: Topic::Logs, expected: None }).await;
            let is_looked_at = Arc::new(AtomicBool::new(false));
            let (to, mut told) = mpsc::channel(WAITING);
            let (say, heard) = mpsc::channel(PIECES);
            let mut others = std::pin::pin!(others::follow(
                self.session.clone(),
                self.elsewhere.clone(),
                Ssh::default(),
                say
            ));
            let mut are_others_over = false;
            let reader =
                Reader::new(self.here.clone(), self.grammar.get()).hearing(heard).indexed(self.index.clone());
            if let Some(index) = &self.index {
                keeper::start(index.clone(), self.here.clone(), to.downgrade());
            }
            let mut work = Some(start(reader, to, is_looked_at.clone()));
            let mut wanted = wanted.clone();
            let mut is_whole = false;
            let mut current = tokio::time::interval(CURRENT);
            loop {
                is_looked_at.store(wanted.borrow_and_update().logs, Ordering::Relaxed);
                tokio::select! {
                    told = told.recv() => match told {
                        Some(Told::Heard(heard)) => out.say(Outcome::Part(Delta::Logs(heard))).await,
                        Some(Told::AllRead) => {
                            is_whole = true;
                            out.say(Outcome::End { topic: Topic::Logs, complete: true, limit: None }).await;
                        }
                        // It ends by a panic alone: that is a bug, and ends the program as one.
                        None => if let Some(Err(panic)) = work.take().map(JoinHandle::join) {
                            std::panic::resume_unwind(panic)
                        } else {
                            return Ok(())
                        },
                    },
                    () = &mut others, if !are_others_over => are_others_over = true,
                    _ = current.tick(), if is_whole => {
                        out.say(Outcome::Current { topic: Topic::Logs }).await;
                    }
                    changed = wanted.changed() => if changed.is_err() {
                        return Ok(());
                    },
                }
            }
        })
    }
}

enum Told {
    Heard(Box<Heard>),
    /// What was there at the start is told.
    AllRead,
}

/// Reads until nobody listens any more.
fn start(mut reader: Reader, to: mpsc::Sender<Told>, is_looked_at: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let (mut all_at, mut was_all_read) = (None, false);
        while !to.is_closed() {
            let now = Instant::now();
            // Sooner rather than later, where the quick rhythm does not fall on it.
            let is_due = all_at.is_none_or(|at| now.duration_since(at) + LOOKED_AT / 2 >= POLL);
            let pace = if is_due { Pace::All } else { Pace::Lively };
            // Who does not listen any more is noticed above.
            let is_more = reader.poll(now, pace, &mut |heard| {
                let _ = to.blocking_send(Told::Heard(Box::new(heard)));
            });
            if is_due {
                all_at = Some(now);
            }
            if is_more {
                continue;
            }
            if !std::mem::replace(&mut was_all_read, true) {
                let _ = to.blocking_send(Told::AllRead);
            }
            let pace = if is_looked_at.load(Ordering::Relaxed) { LOOKED_AT } else { POLL };
            // From beginning to beginning: what a poll takes is part of what a line waits.
            thread::sleep(pace.saturating_sub(now.elapsed()));
        }
    })
}

/// What is said where there is nothing to tail.
pub fn none() -> Error {
    Error {
        kind: ErrorKind::Missing,
        service: "logs",
        message:
            "this host has no logs of OpenStack where its services are configured to write them, nor where \
                  packages, kolla-ansible and TripleO put them"
                .to_owned(),
        next_step: "name them by [[logs]] in config.toml, or start stackwatch where they are".to_owned(),
        request_id: None,
        retry_after: None,
        status: None,
    }
}
