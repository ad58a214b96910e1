//! `doctor`: every source, found how, reachable or not, and what to do.

mod hosts;
mod quotas;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::{Failure, broker_limits, brokers, one_cloud, settings};
use crate::cli::Common;
use crate::config::broker::Trouble;
use crate::config::clouds::Auth;
use crate::config::logs::{self, LogPlace, Origin};
use crate::exit::Exit;
use crate::history::History;
use crate::model::Named;
use crate::source::log::files::{self, Skipped};
use crate::source::rabbitmq::amqp::Declared;
use crate::source::rabbitmq::{self, Amqp, Management};
use crate::source::{Error, Limits, Pages, ServiceKind, Session, keystone, neutron, nova, placement};
use crate::ui::format;
use crate::ui::text::sanitise;

/// Asks each source once, one after the other, and says what it found.
pub async fn run(common: &Common) -> Result<Exit, Failure> {
    let mut report = Report { out: io::stdout(), written: Ok(()), ok: true };
    let found = ask_all(common, &mut report).await;
    match report.written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(Failure::usage(format!("cannot write to standard output: {error}"))),
        Ok(()) => found.map(|()| if report.ok { Exit::Done } else { Exit::Partial }),
    }
}

async fn ask_all(common: &Common, report: &mut Report) -> Result<(), Failure> {
    let file = settings(common)?;
    report.line("i", "settings", &file.origin);
    let limits = broker_limits();
    let limits = Limits {
        connect: limits.connect.min(common.timeout),
        total: limits.total.min(common.timeout),
        ..limits
    };
    // Which cloud it is decides which brokers; that there is none is said after them.
    let cloud = one_cloud(common, &file);
    let name = cloud.as_ref().ok().map(|cloud| cloud.name.as_str());
    let brokers = brokers(&file, name, limits)?;
    let amqp = super::amqp(&file, name, limits)?;
    for broker in &brokers {
        ask_broker(broker, &amqp, report).await;
    }
    let troubles = &file.broker.troubles;
    if brokers.is_empty() && troubles.is_empty() {
        let error = rabbitmq::unconfigured(troubles);
        report.line("i", "rabbitmq", &error.message);
        report.line(" ", "", &format!("next: {}", error.next_step));
    }
    for Trouble { message, next_step } in troubles {
        // Where nothing else was found, it may well be what is missing.
        report.ok &= !brokers.is_empty();
        report.line(if brokers.is_empty() { "x" } else { "!" }, "rabbitmq", message);
        report.line(" ", "", &format!("next: {next_step}"));
    }
    logs(&file.logs, name, report);
    let places: Vec<LogPlace> = logs::of_cloud(&file.logs, name).cloned().collect();
    let cloud = match cloud {
        Ok(cloud) => cloud,
        Err(failure) => {
            hosts::ask(None, &places, common.timeout, report).await;
            return Err(failure);
        }
    };
    let auth = match &cloud.auth {
        Auth::Password { .. } => "password",
        Auth::Token(_) => "token (cannot be renewed)",
        Auth::ApplicationCredential { .. } => "application credential",
    };
    report.line("i", "cloud", &format!("{} from {}", cloud.title(), cloud.origin));
    report.line("i", "auth", &format!("{auth} at {}", cloud.auth_url));
    history(super::history(&file, &cloud), report);
    if !cloud.tls.verify {
        report.line("!", "TLS", "verify is off: anybody may stand between");
    }
    let usual = Limits::default();
    let session = Session::new(
        cloud,
        Limits {
            requests_per_second: file.cloud.requests_per_second,
            connect: usual.connect.min(common.timeout),
            total: usual.total.min(common.timeout),
            ..usual
        },
    )?;
    let login = timed(session.login()).await.map(|(identity, took)| {
        let project = identity.project.unwrap_or_else(|| "no project".to_owned());
        let roles = identity.roles.join(",");
        format!("{}@{project}, roles {roles} ({} ms)", identity.user, took.as_millis())
    });
    let is_in = login.is_ok();
    report.note("keystone login", login);
    hosts::ask(is_in.then_some(&session), &places, common.timeout, report).await;
    if !is_in {
        return Ok(());
    }
    for (service, cap) in [(ServiceKind::Compute, nova::CAP), (ServiceKind::Placement, placement::CAP)] {
        let about = session.about(service, cap).await;
        if service == ServiceKind::Compute
            && let Ok((_, version)) = &about
        {
            let lacks = nova::lacks(*version);
            if !lacks.is_empty() {
                report.line("i", "nova is too old to tell", &lacks.join(", "));
            }
        }
        let about = about.map(|(url, version)| {
            let version = version.map_or("no microversions".to_owned(), |v| format!("microversion {v}"));
            format!("{url}, {version}")
        });
        report.note(service.name(), about);
    }
    report.ask("nova services", nova::services(&session)).await;
    report.page("nova hypervisors", nova::hypervisors(&session)).await;
    report.ask("nova aggregates", nova::aggregates(&session)).await;
    let one = nova::ServerQuery { all_projects: true, limit: Some(1), ..Default::default() };
    report.page("nova instances of all projects", nova::servers(&session, one)).await;
    report.ask("placement providers", placement::providers(&session)).await;
    let projects = timed(keystone::projects(&session)).await;
    // A member is told of its own alone.
    let count = projects.as_ref().map_or(1, |(rows, _)| rows.len());
    let words = |(rows, took): (Vec<Named>, Duration)| format!("{} in {} ms", rows.len(), took.as_millis());
    report.note("keystone projects", projects.map(words));
    quotas::ask(&session, count, file.quotas, report).await;
    report.ask("neutron agents", neutron::agents(&session)).await;
    report.clock(session.clock_offset());
    for service in session.traffic() {
        report.line("i", "requests", &service.to_string());
    }
    Ok(())
}

/// What was recorded of the cloud's figures, and where.
fn history(path: Option<PathBuf>, report: &mut Report) {
    let Some(path) = path else { return report.line("i", "history", "none is kept") };
    match History::read(path.clone()).entries() {
        Ok(entries) => {
            let size = std::fs::metadata(&path).map_or(0, |file| file.len());
            let lines = format::count(entries.len(), "line");
            report.line("i", "history", &format!("{lines} in {}, {} KiB", path.display(), size >> 10));
        }
        Err(trouble) => {
            report.ok = false;
            report.line("x", "history", &trouble.message);
            report.line(" ", "", &format!("next: {}", trouble.next_step));
        }
    }
}

/// Where logs are, and how many of them can be read.
fn logs(all: &[LogPlace], cloud: Option<&str>, report: &mut Report) {
    let places: Vec<LogPlace> = logs::of_cloud(all, cloud).cloned().collect();
    if places.is_empty() {
        report.line("i", "logs", "none on this host: nowhere its services say, nor where packages put them");
        report.line(
            " ",
            "",
            "next: name them by [[logs]] in config.toml, or start stackwatch where they are",
        );
    }
    for place in places.iter().filter(|place| place.is_here() && !place.paths.is_empty()) {
        let paths: Vec<String> = place.paths.iter().map(|path| path.display().to_string()).collect();
        let found = files::find(std::slice::from_ref(place));
        let words = format!(
            "{} in {}, from {}",
            format::count(found.files.len(), "file"),
            paths.join(" "),
            place.origin
        );
        let mark = match (found.files.is_empty(), &place.origin) {
            (false, _) => "o",
            (true, Origin::Found(_)) => "i",
            (true, Origin::Named(_)) => "x",
        };
        report.ok &= mark != "x";
        report.line(mark, "logs", &words);
        let unread = found.skipped.iter().filter(|(_, why)| matches!(why, Skipped::Forbidden(_)));
        for (path, why) in unread {
            report.ok = false;
            report.line("x", "logs", &format!("{}: {why}", path.display()));
            report.line(
                " ",
                "",
                "next: start stackwatch as root, or as a member of the group that may read it",
            );
        }
    }
}

/// One broker: where it was found, who we are to it, and whether that is enough.
async fn ask_broker(broker: &Management, amqp: &[Amqp], report: &mut Report) {
    let config = broker.config();
    let name = &config.name;
    let hosts: Vec<String> =
        config.hosts().iter().map(|host| format!("{}:{}", host.in_url(), host.port)).collect();
    let spoken = if hosts.is_empty() { String::new() } else { format!(", AMQP {}", hosts.join(" ")) };
    report.line("i", &format!("rabbitmq {name}"), &format!("from {}{spoken}", config.origin));
    if !config.tls.verify {
        report.line("!", "TLS", "verify is off: anybody may stand between");
    }
    let overview = timed(rabbitmq::overview(broker)).await;
    let well = overview.is_ok();
    report.note(
        "rabbitmq management",
        overview.map(|(row, took)| {
            let version = row.version.as_deref().unwrap_or("of unknown version").to_owned();
            let queues = row.totals.queues.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let address = broker.address();
            format!("{version} at {address}, user {}, {queues} queues ({} ms)", row.user, took.as_millis())
        }),
    );
    if well {
        ask_management(broker, report).await;
    }
    for traffic in broker.traffic() {
        report.line("i", "requests", &traffic.to_string());
    }
    for vhost in amqp.iter().filter(|vhost| **vhost.broker() == *config.name) {
        ask_amqp(vhost, report).await;
        report.line("i", "requests", &vhost.traffic().to_string());
    }
}

/// Who we are to the management API, and whether that is enough.
async fn ask_management(broker: &Management, report: &mut Report) {
    let config = broker.config();
    let tags = rabbitmq::tags(broker).await;
    report.note("rabbitmq tags", tags.and_then(|tags| enough(&config.user, &tags)));
    report.ask("rabbitmq nodes", rabbitmq::nodes(broker)).await;
    for transport in &config.transports {
        let vhost = &transport.vhost;
        let seen = rabbitmq::may_see(broker, vhost).await;
        report.note("rabbitmq vhost", seen.and_then(|seen| visible(&config.user, vhost, seen)));
    }
}

/// One vhost over AMQP: whether it lets us in, and whether it lets us ask. `conductor` is there wherever nova is;
/// where it is not, its absence is an answer too.
async fn ask_amqp(vhost: &Amqp, report: &mut Report) {
    let what = format!("rabbitmq AMQP {}", vhost.vhost());
    let asked = timed(vhost.declare(&["conductor".into()])).await;
    let said = asked.and_then(|(answers, took)| {
        let found = match answers.into_iter().next() {
            Some(Declared::Refused(words)) => return Err(rabbitmq::lacks_declare(vhost, &words)),
            Some(Declared::There { consumers, .. }) => {
                format!("queue conductor has {}", format::count(consumers as usize, "consumer"))
            }
            _ => "no queue conductor: nova's is another vhost".to_owned(),
        };
        Ok((found, took))
    });
    let address = vhost.address().await;
    let words = |(found, took): (String, Duration)| {
        format!("{address}, user {}, {found} ({} ms)", vhost.user(), took.as_millis())
    };
    report.note(&what, said.map(words));
}

/// Whether the tags let an account see nodes and everybody's connections.
fn enough(user: &str, tags: &[String]) -> Result<String, Error> {
    match rabbitmq::lacks(user, tags) {
        None => Ok(format!("{user} is {}", tags.join(", "))),
        Some(error) => Err(error),
    }
}

fn visible(user: &str, vhost: &str, seen: bool) -> Result<String, Error> {
    if seen {
        Ok(format!("{vhost}: {user} sees its queues"))
    } else {
        Err(rabbitmq::lacks_permission(user, vhost))
    }
}

/// What is said, line by line, and whether all is well.
struct Report {
    out: io::Stdout,
    /// The first line that could not be written: none is tried after it.
    written: io::Result<()>,
    ok: bool,
}

impl Report {
    fn line(&mut self, sign: &str, what: &str, words: &str) {
        if self.written.is_ok() {
            self.written = writeln!(self.out, "{sign} {:<32} {}", sanitise(what), sanitise(words));
        }
    }

    /// What could not be had, and what to do about it.
    fn trouble(&mut self, what: &str, words: &str, next_step: &str) {
        self.ok = false;
        self.line("x", what, words);
        self.line(" ", "", &format!("next: {next_step}"));
    }

    fn note(&mut self, what: &str, outcome: Result<String, Error>) {
        match outcome {
            Ok(words) => self.line("o", what, &words),
            Err(error) => {
                self.ok = false;
                self.line("x", what, &error.message);
                self.line(" ", "", &format!("next: {}", error.next_step));
                if let Some(id) = error.request_id {
                    self.line(" ", "", &id);
                }
            }
        }
    }

    async fn ask<T>(&mut self, what: &str, question: impl Future<Output = Result<Vec<T>, Error>>) {
        let outcome = timed(question).await;
        self.note(what, outcome.map(|(rows, took)| format!("{} in {} ms", rows.len(), took.as_millis())));
    }

    async fn page<T: Send + 'static>(&mut self, what: &str, pages: Pages<T>) {
        let outcome = timed(pages.first()).await;
        let words = |(page, took): (Option<crate::source::Page<T>>, Duration)| {
            let rows = page.map_or(0, |page| page.rows.len());
            format!("first page has {rows}, in {} ms", took.as_millis())
        };
        self.note(what, outcome.map(words));
    }

    fn clock(&mut self, offset: Option<SignedDuration>) {
        let Some(offset) = offset else { return self.line("?", "clock", "no answer carried a date") };
        if offset.is_zero() {
            return self.line("o", "clock", "as the cloud's");
        }
        let (by, side) =
            (format::duration(offset.abs()), if offset.is_positive() { "ahead of" } else { "behind" });
        self.line("!", "clock", &format!("the cloud's is {by} {side} this machine's: set both by NTP"));
    }
}

async fn timed<T>(question: impl Future<Output = Result<T, Error>>) -> Result<(T, Duration), Error> {
    let started = Instant::now();
    question.await.map(|answer| (answer, started.elapsed()))
}
