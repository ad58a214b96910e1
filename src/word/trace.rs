//! `trace`: what the logs hold of one instance or request, and where it failed. Needs no cloud; with one it starts
//! from what nova's API names, and knows instances by name.

mod print;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Failure, Settings, complain, lookup, one_cloud, session, settings};
use crate::cli::{Common, Traced};
use crate::config::clouds;
use crate::exit::Exit;
use crate::model::{Instance, InstanceAction};
use crate::signature::Signatures;
use crate::source::log::files::{self, LogFile};
use crate::source::log::scan::{self, Limits, Told};
use crate::source::log::{Grammar, place};
use crate::source::nova::{self, ServerQuery};
use crate::source::{Error, ErrorKind, Session};
use crate::trace::story::{Heard, Steps, Story};
use crate::trace::{Id, Reason, Subject, Trace};

pub struct Wish {
    pub subject: String,
    pub log: Vec<PathBuf>,
    pub output: Traced,
}

/// What nova's API says of it.
#[derive(Default)]
struct Known {
    /// `prod/RegionOne`; none where no cloud was found.
    cloud: Option<String>,
    instance: Option<Instance>,
    actions: Vec<InstanceAction>,
    /// What could not be had, and why.
    notes: Vec<(String, String)>,
    /// Nobody was asked: the logs alone are read.
    alone: bool,
}

/// All that there is to print.
struct Account<'a> {
    subject: Subject,
    known: &'a Known,
    files: &'a [LogFile],
    /// Host and service of each.
    places: &'a [(String, String)],
    told: &'a Told,
    trace: &'a Trace,
    story: &'a Story,
    signatures: &'a Signatures,
    now: Timestamp,
}

pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let settings = settings(common)?;
    let mut known = Known::default();
    let subject = Subject::parse(wish.subject.as_bytes()).filter(|_| is_whole(&wish.subject));
    let session = open(common, &settings, &mut known)?;
    let subject = match (subject, &session) {
        (Some(subject), _) => subject,
        (None, Some(session)) => by_name(session, &wish.subject).await?,
        (None, None) => {
            return Err(Failure {
                next_step: Some("take its UUID, a request id (req-…), or name the cloud".to_owned()),
                ..Failure::usage(format!(
                    "{} is no UUID, and without a cloud nobody knows names",
                    wish.subject
                ))
            });
        }
    };
    if let (Some(session), Subject::Instance(id)) = (&session, subject) {
        ask(session, id, &mut known).await;
    }
    let found = files::find(&paths(wish)?);
    for (path, why) in &found.skipped {
        // What lies among logs and is none says nothing; what was named and cannot be read does.
        if wish.log.iter().any(|named| path.starts_with(named)) {
            known.notes.push((format!("{}: {why}", path.display()), String::new()));
        }
    }
    if found.files.is_empty() {
        return Err(Failure {
            exit: Exit::NotThere,
            next_step: Some("name them: --log /var/log/nova --log /var/log/neutron".to_owned()),
            ..Failure::usage("there is no log to read")
        });
    }
    let (told, trace) = scan_all(&found.files, subject, &known.actions).await?;
    let (steps, signatures) = shipped()?;
    let places = places(&found.files);
    let story = steps.story(&heard(&places, &told));
    let account = Account {
        subject,
        known: &known,
        files: &found.files,
        places: &places,
        told: &told,
        trace: &trace,
        story: &story,
        signatures: &signatures,
        now: Timestamp::now(),
    };
    if let Err(error) = account.print(wish.output)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(Failure::usage(format!("cannot write to standard output: {error}")));
    }
    if known.alone {
        let next_step = "name a cloud with --cloud for its actions, names and faults";
        complain("no cloud was found: the logs alone were read", next_step);
    }
    let partial = account.troubles();
    for (message, next_step) in &partial {
        complain(message, next_step);
    }
    Ok(match (told.was_cancelled, told.records.is_empty(), partial.is_empty()) {
        (true, ..) => Exit::Interrupt,
        (_, true, _) => Exit::NotThere,
        (_, _, false) => Exit::Partial,
        _ => Exit::Done,
    })
}

/// So many instances of one name are listed.
const NAMED: usize = 5;

/// Nothing behind the UUID: `web-01` begins like none, but `f064d769-…-extra` would.
fn is_whole(text: &str) -> bool {
    matches!(text.len(), 36 | 40)
}

/// The cloud, if there is one: the logs can be read without.
fn open(common: &Common, settings: &Settings, known: &mut Known) -> Result<Option<Session>, Failure> {
    match clouds::find(&lookup(common, settings)) {
        Err(error) if error.is_nothing() && settings.demo.is_none() => {
            known.alone = true;
            Ok(None)
        }
        _ => {
            let cloud = one_cloud(common, settings)?;
            known.cloud = Some(cloud.title());
            Ok(Some(session(cloud, settings)?))
        }
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

/// The instance, and which requests were made for it.
async fn ask(session: &Session, id: Id, known: &mut Known) {
    let id = id.to_string();
    let mut note = |what: &str, error: Error| {
        let gone = error.kind == ErrorKind::Missing;
        let message = match gone {
            true => format!("nova knows no {what} of {id}: it was deleted, or belongs to another cloud"),
            false => format!("{what}: {}", error.message),
        };
        known.notes.push((message, if gone { String::new() } else { error.next_step }));
    };
    match nova::server(session, &id).await {
        Ok(instance) => known.instance = Some(instance),
        Err(error) => note("row", error),
    }
    match nova::instance_actions(session, &id).await {
        Ok(actions) => known.actions = actions,
        Err(error) => note("actions", error),
    }
}

/// Where the logs are: those that were named, or where the known layouts have them on this host.
fn paths(wish: &Wish) -> Result<Vec<PathBuf>, Failure> {
    if !wish.log.is_empty() {
        return Ok(wish.log.clone());
    }
    let root = crate::config::root();
    let known = LAYOUTS.iter().map(|path| root.join(path)).filter(|path| path.exists());
    let found: Vec<PathBuf> = known.collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(Failure {
            next_step: Some("name them: --log PATH, a file, a directory or a glob".to_owned()),
            ..Failure::usage(
                "this host has no logs of OpenStack where packages, kolla-ansible and TripleO put them",
            )
        }),
    }
}

/// Packages', kolla-ansible's, TripleO's, and a central rsyslog's (operations.md 4.2, 4.4).
const LAYOUTS: &[&str] = &[
    "var/log/nova",
    "var/log/neutron",
    "var/log/placement",
    "var/log/cinder",
    "var/log/glance",
    "var/log/kolla",
    "var/lib/docker/volumes/kolla_logs/_data",
    "var/log/containers",
    "var/log/rsyslog",
];

/// Reads them, on threads of their own, until all is read or ctrl-c.
async fn scan_all(
    files: &[LogFile],
    subject: Subject,
    actions: &[InstanceAction],
) -> Result<(Told, Trace), Failure> {
    let grammar = Grammar::shipped().map_err(|error| Failure::usage(error.to_string()))?;
    let requests = actions.iter().filter_map(|action| Id::of(action.request_id.as_bytes()));
    let mut trace = Trace::new(subject).with_requests(requests);
    let cancelled = Arc::new(AtomicBool::new(false));
    let (files, stop) = (files.to_vec(), cancelled.clone());
    let mut work = tokio::task::spawn_blocking(move || {
        let zone = TimeZone::system();
        let told = scan::run(&files, &zone, &grammar, &mut trace, Limits::default(), &stop, &mut |_| {});
        (told, trace)
    });
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        _ = tokio::signal::ctrl_c() => {
            cancelled.store(true, Ordering::Relaxed);
            work.await
        }
    };
    outcome.map_err(|error| Failure::usage(format!("the logs could not be read to their end: {error}")))
}

fn shipped() -> Result<(Steps, Signatures), Failure> {
    let steps = Steps::shipped().map_err(|error| Failure::usage(error.to_string()))?;
    let signatures = Signatures::shipped().map_err(|error| Failure::usage(error.to_string()))?;
    Ok((steps, signatures))
}

/// Host and service of each file.
fn places(files: &[LogFile]) -> Vec<(String, String)> {
    let of = |file: &LogFile| {
        let (host, called) = place::place(&file.path);
        (host.unwrap_or("?").to_owned(), place::service(&file.path, called).into_owned())
    };
    files.iter().map(of).collect()
}

/// The records as the story takes them.
fn heard<'a>(places: &'a [(String, String)], told: &'a Told) -> Vec<Heard<'a>> {
    let of = |kept: &'a scan::Kept| {
        let (host, service) = places.get(kept.file).map_or(("?", "?"), |(host, service)| (host, service));
        let record = &kept.record;
        // A line that only mentions a request is told with it: neutron's words about an event.
        let mentioned = match kept.reason {
            Reason::Mentions(id) => Some(id),
            _ => None,
        };
        Heard {
            at: kept.at,
            host,
            service,
            level: record.parsed.level,
            request: Id::of(record.parsed.request_id.of(&record.head)).or(mentioned),
            global: Id::of(record.parsed.global_request_id.of(&record.head)),
            message: record.parsed.message.of(&record.head),
            is_of_another: kept.reason.is_of_another(),
        }
    };
    told.records.iter().map(of).collect()
}
