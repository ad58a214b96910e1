//! Whether the services tell of quotas, and how long a round over all projects takes.

use jiff::SignedDuration;

use super::{Report, timed};
use crate::collect;
use crate::config::file::Quotas;
use crate::model::QuotaService;
use crate::source::{ErrorKind, Session, quota};
use crate::ui::format;

/// Asks each service about our own project.
pub(super) async fn ask(session: &Session, projects: usize, settings: Quotas, report: &mut Report) {
    let own = match session.login().await {
        Ok(identity) => identity.project_id.unwrap_or_default(),
        // It was said before.
        Err(_) => return,
    };
    let mut services = 0;
    // glance's stand in keystone, and are in force on few clouds: nobody lacks them.
    for service in [QuotaService::Nova, QuotaService::Cinder, QuotaService::Neutron] {
        let what = format!("{} quotas", service.name());
        match timed(quota::of_project(session, service, &own)).await {
            Err(error) if error.kind == ErrorKind::Missing && error.status.is_none() => {
                report.line("i", &what, "not in the catalog: it limits nobody");
            }
            outcome => {
                services += 1;
                let words = |(rows, took): (crate::model::Allowances, std::time::Duration)| {
                    format!("{} resources in {} ms", rows.len(), took.as_millis())
                };
                report.note(&what, outcome.map(words));
            }
        }
    }
    let all = format!("{} of {services} services", format::count(projects, "project"));
    let rate = settings.requests_per_second;
    let words = match collect::first_round(projects * services, rate) {
        None => format!("{all}, as fast as they answer"),
        Some(takes) => {
            let takes = SignedDuration::try_from(takes).unwrap_or_default();
            format!("{all} at {rate} requests a second: the first round takes {}", format::duration(takes))
        }
    };
    report.line("i", "quotas", &words);
}
