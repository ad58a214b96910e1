//! `trace`: what the logs hold of one instance or request, and where it failed. Needs no cloud; with one it starts
//! from what nova's API names, and knows instances by name.

mod against;
mod print;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::{Failure, Settings, complain, grammar, index, log_places, lookup, one_cloud, session, settings};
use crate::cli::{Common, Traced};
use crate::collect::trace::Tracer;
use crate::config::clouds::{self, Choice};
use crate::config::logs::LogPlace;
use crate::exit::Exit;
use crate::model::{Instance, Trouble};
use crate::source::Session;
use crate::source::log::index::Index;
use crate::source::nova::{self, ServerQuery};
use crate::trace::{Account, Subject};

pub struct Wish {
    pub subject: String,
    pub log: Vec<PathBuf>,
    /// Another one, to be compared with it.
    pub against: Option<String>,
    pub output: Traced,
}

/// All that there is to print.
struct Told<'a> {
    account: &'a Account,
    /// None where no cloud was found.
    cloud: Option<&'a Choice>,
    now: Timestamp,
}

pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let settings = settings(common)?;
    if wish.against.is_some() && wish.output == Traced::Raw {
        return Err(Failure {
            next_step: Some("take `-o timeline` or `-o json`".to_owned()),
            ..Failure::usage("lines as they stand in their files do not stand side by side")
        });
    }
    let session = open(common, &settings)?;
    let subject = subject(session.as_ref(), &wish.subject).await?;
    let other = match &wish.against {
        Some(word) => Some(self::subject(session.as_ref(), word).await?),
        None => None,
    };
    let cloud = session.as_ref().map(|session| {
        let cloud = session.cloud();
        Choice { cloud: cloud.name.clone(), region: cloud.region.clone() }
    });
    let logs = log_places(&wish.log, &settings, cloud.as_ref().map(|choice| &*choice.cloud))?;
    let alone = session.is_none();
    // What a dashboard has left there. It reads nothing that a trace wants, so it is not added to.
    let index = index(&settings).map(|directory| Index::read(&directory));
    let tracer = Tracer::new(session, &logs, grammar(&settings)).indexed(index);
    let account = traced(tracer.clone(), subject).await;
    if account.files == 0 {
        account.troubles.iter().for_each(|trouble| complain(&trouble.message, &trouble.next_step));
        let next_step = match logs.iter().all(LogPlace::is_here) {
            true => "name them: --log /var/log/nova --log /var/log/neutron",
            false => "see above why no host told anything; --log PATH names logs that lie here",
        };
        return Err(Failure {
            exit: Exit::NotThere,
            next_step: Some(next_step.to_owned()),
            ..Failure::usage("there is no log to read")
        });
    }
    if let Some(other) = other {
        let other = traced(tracer, other).await;
        against::print(&account, &other, wish.output, Timestamp::now()).or_else(unheard)?;
        return Ok(end(alone, &[&account, &other]));
    }
    let told = Told { account: &account, cloud: cloud.as_ref(), now: Timestamp::now() };
    told.print(wish.output).or_else(unheard)?;
    Ok(end(alone, &[&account]))
}

/// Who reads no further wants no more.
fn unheard(error: std::io::Error) -> Result<(), Failure> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::usage(format!("cannot write to standard output: {error}"))),
    }
}

/// Says what could not be had, each thing once, and what that makes of the whole.
fn end(alone: bool, accounts: &[&Account]) -> Exit {
    if alone {
        let next_step = "name a cloud with --cloud for its actions, names and faults";
        complain("no cloud was found: the logs alone were read", next_step);
    }
    let mut said: Vec<&Trouble> = Vec::new();
    for trouble in accounts.iter().flat_map(|account| &account.troubles) {
        if !said.contains(&trouble) {
            complain(&trouble.message, &trouble.next_step);
            said.push(trouble);
        }
    }
    let any = |holds: fn(&Account) -> bool| accounts.iter().any(|account| holds(account));
    match () {
        () if any(|account| account.was_cancelled) => Exit::Interrupt,
        () if any(|account| account.entries.is_empty()) => Exit::NotThere,
        () if !said.is_empty() => Exit::Partial,
        () => Exit::Done,
    }
}

/// By its UUID, request id or name.
async fn subject(session: Option<&Session>, word: &str) -> Result<Subject, Failure> {
    match (Subject::parse(word.as_bytes()).filter(|_| is_whole(word)), session) {
        (Some(subject), _) => Ok(subject),
        (None, Some(session)) => by_name(session, word).await,
        (None, None) => Err(Failure {
            next_step: Some("take its UUID, a request id (req-…), or name the cloud".to_owned()),
            ..Failure::usage(format!("{word} is no UUID, and without a cloud nobody knows names"))
        }),
    }
}

/// Traces it until all is read, or ctrl-c.
async fn traced(tracer: Tracer, subject: Subject) -> Account {
    let stop = Arc::new(AtomicBool::new(false));
    let mut work = Box::pin(tracer.trace(subject, stop.clone(), None));
    tokio::select! {
        account = &mut work => account,
        _ = tokio::signal::ctrl_c() => {
            stop.store(true, Ordering::Relaxed);
            work.await
        }
    }
}

/// So many instances of one name are listed.
const NAMED: usize = 5;

/// Nothing behind the UUID: `web-01` begins like none, but `f064d769-…-extra` would.
fn is_whole(text: &str) -> bool {
    matches!(text.len(), 36 | 40)
}

/// The cloud, if there is one: the logs can be read without.
pub(super) fn open(common: &Common, settings: &Settings) -> Result<Option<Session>, Failure> {
    match clouds::find(&lookup(common, settings)) {
        Err(error) if error.is_nothing() && settings.demo.is_none() => Ok(None),
        _ => Ok(Some(session(one_cloud(common, settings)?, settings)?)),
    }
}

/// The one instance of this name, of whichever project.
async fn by_name(session: &Session, name: &str) -> Result<Subject, Failure> {
    let name_is = Some(format!("^{}$", escaped(name)));
    let query = ServerQuery { all_projects: true, name: name_is, ..ServerQuery::default() };
    let page = nova::servers(session, query).first().await?;
    // Its regular expressions are the database's: what they mean differs.
    let found = page.into_iter().flat_map(|page| page.rows).filter(|instance| *instance.name == *name);
    let found: Vec<Instance> = found.collect();
    let ids: Vec<String> = found.iter().map(|instance| instance.id.to_string()).collect();
    let failure = |message, next_step: &str| Failure {
        exit: Exit::NotThere,
        message,
        next_step: Some(next_step.to_owned()),
    };
    match ids.as_slice() {
        [] => Err(failure(
            format!("no instance is called {name}"),
            "one that was deleted is known by its UUID alone",
        )),
        [id] => Subject::parse(id.as_bytes())
            .ok_or_else(|| failure(format!("{name} has the id {id}, which is no UUID"), "")),
        several => {
            let more = if several.len() > NAMED { " …" } else { "" };
            let some = several.get(..NAMED).unwrap_or(several).join(", ");
            Err(failure(
                format!("{} instances are called {name}: {some}{more}", several.len()),
                "take the UUID of the one that is meant: `show instances --filter name=…` has their projects",
            ))
        }
    }
}

/// nova takes a regular expression.
fn escaped(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        if !c.is_alphanumeric() && !matches!(c, '-' | '_' | ' ') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}
