//! `doctor`: every source, found how, reachable or not, and what to do.

use std::time::{Duration, Instant};

use super::{Failure, one_cloud, session, settings};
use crate::cli::Common;
use crate::config::clouds::Auth;
use crate::exit::Exit;
use crate::source::{Error, ServiceKind, Session, keystone, neutron, nova, placement};
use crate::ui::text::sanitise;

/// Asks each source once, one after the other, and says what it found.
pub async fn run(common: &Common) -> Result<Exit, Failure> {
    let (file, path) = crate::config::file::load(common.config.as_deref())?;
    line("i", "settings", &path.map_or("built-in defaults".to_owned(), |path| path.display().to_string()));
    let _ = settings;
    let cloud = one_cloud(common, &file)?;
    let auth = match &cloud.auth {
        Auth::Password { .. } => "password",
        Auth::Token(_) => "token (cannot be renewed)",
        Auth::ApplicationCredential { .. } => "application credential",
    };
    line("i", "cloud", &format!("{} from {}", cloud.title(), cloud.origin));
    line("i", "auth", &format!("{auth} at {}", cloud.auth_url));
    if !cloud.tls.verify {
        line("!", "TLS", "verify is off: anybody may stand between");
    }
    let session = session(cloud, &file)?;
    let mut report = Report { ok: true };
    report.note(
        "keystone login",
        timed(session.login()).await.map(|(identity, took)| {
            let project = identity.project.unwrap_or_else(|| "no project".to_owned());
            format!(
                "{}@{project}, roles {} ({} ms)",
                identity.user,
                identity.roles.join(","),
                took.as_millis()
            )
        }),
    );
    if !report.ok {
        return Ok(Exit::Partial);
    }
    for (service, cap) in [(ServiceKind::Compute, nova::CAP), (ServiceKind::Placement, placement::CAP)] {
        let about = session.about(service, cap).await.map(|(url, version)| {
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
    report.ask("keystone projects", keystone::projects(&session)).await;
    report.ask("neutron agents", neutron::agents(&session)).await;
    match session.clock_offset() {
        Some(offset) if offset.is_zero() => line("o", "clock", "as the cloud's"),
        Some(offset) => line(
            "!",
            "clock",
            &format!("the cloud's is {}s ahead of this machine's: set it by NTP", offset.as_secs()),
        ),
        None => line("?", "clock", "no answer carried a date"),
    }
    traffic(&session);
    Ok(if report.ok { Exit::Done } else { Exit::Partial })
}

struct Report {
    ok: bool,
}

impl Report {
    fn note(&mut self, what: &str, outcome: Result<String, Error>) {
        match outcome {
            Ok(words) => line("o", what, &words),
            Err(error) => {
                self.ok = false;
                line("x", what, &error.message);
                line(" ", "", &format!("next: {}", error.next_step));
                if let Some(id) = error.request_id {
                    line(" ", "", &id);
                }
            }
        }
    }

    async fn ask<T>(&mut self, what: &str, question: impl Future<Output = Result<Vec<T>, Error>>) {
        let outcome = timed(question).await;
        self.note(what, outcome.map(|(rows, took)| format!("{} in {} ms", rows.len(), took.as_millis())));
    }

    async fn page<T>(&mut self, what: &str, mut pages: crate::source::Pages<T>) {
        let outcome = timed(pages.next()).await;
        self.note(
            what,
            outcome.map(|(page, took)| {
                let rows = page.map_or(0, |page| page.rows.len());
                format!("first page has {rows}, in {} ms", took.as_millis())
            }),
        );
    }
}

async fn timed<T>(question: impl Future<Output = Result<T, Error>>) -> Result<(T, Duration), Error> {
    let started = Instant::now();
    question.await.map(|answer| (answer, started.elapsed()))
}

fn line(sign: &str, what: &str, words: &str) {
    println!("{sign} {what:<32} {}", sanitise(words));
}

fn traffic(session: &Session) {
    for service in session.traffic() {
        line("i", "requests", &service.to_string());
    }
}
