//! Logs of other hosts: what each has of the ids it is asked for, over SSH.
//!
//! A host greps for itself (`look.sh`) and brings only what matches, with the lines around; here those are made into
//! records as if the file lay here. Each host goes by its own time: once it has answered it is asked for the ids that
//! were found since, wherever they were, until there are none. So the fixed point spans all hosts, and one that does
//! not answer holds up neither the others nor what lies here.

mod answer;
mod piece;
mod see;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub(super) use self::answer::Heard;
pub(in super::super) use self::answer::{clock, journal_fault, logfile};
pub use self::see::{Seen, see};

use self::answer::Answer;

use self::piece::Seek;
use super::super::grammar::Grammar;
use super::super::ssh::{Came, Fault, Host, Kind, Ssh, Talk};
use super::Message;
use super::worker::{MEMBERS, Needle};
use crate::config::logs::{LAYOUTS, LogPlace};
use crate::model::Trouble;
use crate::trace::{Id, Subject};

/// Hosts that are asked at the same time.
const AT_ONCE: usize = 8;
/// Bytes that one host may bring for one question. More is no trace.
const BYTES: usize = 512 << 20;
/// It is looked whether anybody still waits for it this often.
const LOOK: Duration = Duration::from_millis(50);
const SCRIPT: &str = include_str!("elsewhere/look.sh");

/// How a host is come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// It is this one: its journal is asked for as another's is, its files are read without this.
    Here,
    Ssh,
    Sudo,
}

/// A host, and what is to be looked through there.
#[derive(Clone, Debug)]
pub struct Asked {
    pub host: Host,
    pub way: Way,
    pub place: LogPlace,
}

impl Asked {
    /// Files, directories and globs, and before them whether the journal is.
    pub fn args(&self) -> Vec<String> {
        let LogPlace { paths, journal, .. } = &self.place;
        let mut args = Vec::new();
        if *journal {
            args.push("--journal".to_owned());
        }
        match (self.way, paths.is_empty(), journal) {
            (Way::Here, ..) | (_, true, true) => {}
            (_, true, false) => args.extend(LAYOUTS.iter().map(|layout| format!("/{layout}"))),
            (_, false, _) => args.extend(paths.iter().map(|path| path.display().to_string())),
        }
        args
    }

    pub(in super::super) async fn start(&self, ssh: &Ssh, script: &str) -> Result<Talk, Fault> {
        match self.way {
            Way::Here => ssh.start_here(script, &self.args()).await,
            way => ssh.start(&self.host, way == Way::Sudo, script, &self.args()).await,
        }
    }

    /// What to do where a right is missing.
    pub fn needs_a_right(&self) -> String {
        self.needs_the_group("adm")
    }

    /// The same of its journal.
    pub fn needs_the_journal(&self) -> String {
        self.needs_the_group("systemd-journal")
    }

    fn needs_the_group(&self, group: &str) -> String {
        let host = &self.host;
        match self.way {
            Way::Here => format!("start stackwatch as root, or as a member of the group {group}"),
            Way::Ssh => {
                format!("let the account on {host} join the group {group}, or set `sudo = true` in [[logs]]")
            }
            Way::Sudo => format!("look at its rights on {host}: root may not read it"),
        }
    }
}

/// How far a host's clock is ahead of ours, and how well that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub ahead: SignedDuration,
    pub doubt: SignedDuration,
}

/// Which hosts are asked, and how.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    pub ssh: Ssh,
    pub hosts: Vec<Asked>,
    /// Where what waits for them runs.
    pub runtime: Handle,
}

/// What became of a host.
#[derive(Debug)]
pub(super) enum State {
    /// So many of the ids were looked for, and the subject.
    Upto(usize),
    /// It will not be asked again.
    Failed(Trouble),
}

/// What all hosts share in one trace.
pub(super) struct Asking<'a> {
    pub subject: Subject,
    pub grammar: &'a Grammar,
    pub cancelled: &'a AtomicBool,
    pub sender: SyncSender<Message>,
}

impl Elsewhere {
    /// Asks them, until nobody has a wish any more. Wishes are all ids that were found so far.
    pub(super) fn ask(&self, asking: &Asking, wishes: watch::Receiver<Vec<Id>>) {
        let permits = Semaphore::new(AT_ONCE);
        let mut over = wishes.clone();
        self.runtime.block_on(async {
            let hosts = (0..self.hosts.len()).map(|host| self.host(host, asking, wishes.clone(), &permits));
            tokio::select! {
                _ = join_all(hosts) => {}
                () = async { while over.changed().await.is_ok() {} } => {}
                () = told_to_stop(asking.cancelled) => {}
            }
        });
    }

    /// One host, from its first question to its last.
    async fn host(
        &self,
        number: usize,
        asking: &Asking<'_>,
        mut wishes: watch::Receiver<Vec<Id>>,
        permits: &Semaphore,
    ) {
        let Some(asked) = self.hosts.get(number) else { return };
        let mut done = None;
        loop {
            let permit = permits.acquire().await;
            let ids = wishes.borrow_and_update().clone();
            let fresh = ids.get(done.unwrap_or(0)..).unwrap_or_default();
            if done.is_none() || !fresh.is_empty() {
                let question = self.question(number, asked, asking, fresh, done.is_none());
                let outcome = timeout(self.ssh.patience.whole, question).await;
                let state = match outcome.unwrap_or_else(|_| Err((endless(), true))) {
                    Ok(()) => State::Upto(ids.len()),
                    Err((fault, has_told)) => {
                        let trouble = of_fault(&asked.host, &fault, has_told || done.is_some());
                        State::Failed(trouble)
                    }
                };
                let is_over = matches!(state, State::Failed(_));
                asking.say(Message::Asked { host: number, state });
                if is_over {
                    return;
                }
                done = Some(ids.len());
            }
            drop(permit);
            if wishes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Or why it was not answered, and whether it was in part.
    async fn question(
        &self,
        number: usize,
        asked: &Asked,
        asking: &Asking<'_>,
        ids: &[Id],
        is_first: bool,
    ) -> Result<(), (Fault, bool)> {
        let each = |id: &Id| {
            ["req-"].iter().chain(&MEMBERS).map(|before| format!("{before}{id}\n")).collect::<String>()
        };
        let mut words: String = ids.iter().map(each).collect();
        let mut needles = vec![Needle::ids(ids)];
        if is_first {
            words.push_str(&format!("{}\n", asking.subject.id()));
            needles.push(Needle::subject(asking.subject.id()));
        }
        // A last line break would be a pattern that matches everything.
        let words = words.trim_end();
        let begun = asked.start(&self.ssh, SCRIPT).await;
        let mut talk = begun.map_err(|fault| (fault, false))?;
        let seek = Seek { needles, grammar: asking.grammar };
        let mut answer = Answer::new(asked, seek, Timestamp::now());
        talk.give(words.as_bytes()).await.map_err(|fault| (fault, false))?;
        let mut tell = |heard| asking.say(Message::Elsewhere { host: number, heard });
        let (mut line, mut bytes) = (Vec::new(), 0);
        loop {
            match talk.line(&mut line).await {
                Ok(Came::Line) => answer.hear(&line, &mut tell),
                Ok(Came::Done) => break,
                Err(fault) => {
                    // What came before is true all the same.
                    answer.end(&mut tell);
                    return Err((fault, bytes > 0));
                }
            }
            bytes += line.len();
            if bytes > BYTES {
                let fault = Fault::new(Kind::Other, format!("it brings more than {} MiB", BYTES >> 20));
                return Err((fault, true));
            }
        }
        answer.end(&mut tell);
        if is_first {
            for trouble in answer.troubles(&talk.errors().await) {
                asking.say(Message::Trouble(trouble));
            }
        }
        Ok(())
    }
}

impl Asking<'_> {
    fn say(&self, message: Message) {
        // Nobody listens any more when the trace is over.
        let _ = self.sender.send(message);
    }
}

/// What is said of a host that failed: at once, or when it had told something.
pub fn of_fault(host: &Host, fault: &Fault, has_told: bool) -> Trouble {
    let what = if has_told { "not all" } else { "nothing" };
    Trouble {
        kind: fault.as_str(),
        next_step: fault.next_step(host),
        ..Trouble::of_log(format!("{what} from {host}: {}", fault.words()))
    }
}

fn endless() -> Fault {
    Fault::new(Kind::Other, "it comes to no end")
}

async fn told_to_stop(cancelled: &AtomicBool) {
    while !cancelled.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests;
