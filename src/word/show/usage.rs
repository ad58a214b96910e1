//! `show usage`: what projects have used over a time, as nova adds it up.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::Instant;

use super::super::{Failure, one_cloud, session, settings};
use super::{About, Wish, errors, no_project, order, parsed, print_still, read, source_json};
use crate::cli::{Common, Over};
use crate::collect;
use crate::exit::Exit;
use crate::health::quota;
use crate::model::{Period, Text, Trouble, Usage};
use crate::report::Topic;
use crate::source::{Error, ErrorKind, Session, nova};
use crate::store::Store;
use crate::tables::trend::Still;
use crate::tables::usage::{SERVERS, Served, TABLE, Used};

/// As `openstack usage list` has it.
const OVER: SignedDuration = SignedDuration::from_hours(4 * 7 * 24);
/// Where no end is named. nova's clock may be ahead of ours, and it counts no further than its own now.
const TOMORROW: SignedDuration = SignedDuration::from_hours(24);

const PERIODS: &str = "name two moments, as in --from 2026-10-01 --to 2026-11-01, or one and how long before it, as in \
                       --over month --to 2026-11-01";

/// Asks for the period, and prints a row a project, or a row an instance of one project.
pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let period = period(wish.from, wish.to, wish.over, Timestamp::now())
        .map_err(|why| Failure { next_step: Some(PERIODS.to_owned()), ..Failure::usage(why) })?;
    if wish.servers && wish.project.is_none() {
        return Err(Failure {
            next_step: Some("name the project by --project".to_owned()),
            ..Failure::usage("--servers is for one project: nova tells instances at a great cost")
        });
    }
    if wish.servers {
        parsed(&SERVERS, wish.filter.as_deref())?;
        order(&SERVERS, wish.sort.as_deref())?;
    } else {
        parsed(&TABLE, wish.filter.as_deref())?;
        order(&TABLE, wish.sort.as_deref())?;
    }
    let file = settings(common)?;
    let session = session(one_cloud(common, &file)?, &file)?;
    let about = About { cloud: Some(session.cloud().name.clone()), region: session.cloud().region.clone() };
    let deadline = Instant::now() + common.timeout;
    let names = read(session.clone(), &[Topic::Projects], quota::Order::default(), common.timeout);
    let (store, answer) = match &wish.project {
        None => tokio::join!(names, within(deadline, all(&session, &period))),
        Some(project) => {
            let store = names.await;
            let answer = within(deadline, of(&session, &store, project, &period)).await;
            (store, answer)
        }
    };
    let now = Timestamp::now();
    let as_of = answer.is_ok().then(|| now.to_string());
    let (usages, missing) = match answer {
        Ok(answer) => answer,
        // A sum over half of the pages would pass for the whole: rather none.
        Err(trouble) => (Vec::new(), Some(trouble)),
    };
    let is_known = !usages.is_empty();
    let nova = json!({"name": "nova usage", "as_of": as_of, "complete": missing.is_none()});
    let sources = vec![nova, source_json(&store, Topic::Projects, now)];
    // That a member may not list all projects is no loss here: of those it sees no usage either, and that is said.
    let names: &[Topic] =
        if store.freshness(Topic::Projects).limit.is_some() { &[] } else { &[Topic::Projects] };
    let errors: Vec<Trouble> = missing.into_iter().chain(errors(&store, names, now)).collect();
    let used: Vec<Used> = usages.into_iter().map(|usage| Used::new(&store, usage)).collect();
    let exit = if wish.servers {
        print_still(wish, (&SERVERS, &Still::new(Served::all(used))), &about, sources, &errors, now)?
    } else {
        print_still(wish, (&TABLE, &Still::new(used)), &about, sources, &errors, now)?
    };
    Ok(match &wish.project {
        Some(project) if !is_known && errors.is_empty() => no_project(project),
        _ => exit,
    })
}

/// What was asked for in words; why that is no period.
fn period(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    over: Option<Over>,
    now: Timestamp,
) -> Result<Period, String> {
    let end = to.unwrap_or(now);
    let start = match (from, over) {
        (Some(_), Some(_)) => {
            return Err("--from and --over both say when the period begins: take one of them".to_owned());
        }
        (Some(from), None) => Some(from),
        (None, Some(over)) => over.before(end),
        (None, None) => end.checked_sub(OVER).ok(),
    };
    // nova's dates go to the second, and begin with 1970 as ours.
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let start = whole(start.unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH));
    if start >= now {
        return Err(format!("the period begins at {start}, which is still to come: nothing was used then"));
    }
    let end = match to {
        Some(to) => whole(to),
        None => whole(now + TOMORROW),
    };
    if start == end {
        return Err(format!("from {start} to {end} is no time at all: --to is not part of the period"));
    }
    if start > end {
        return Err(format!("the period ends at {end}, before it begins at {start}"));
    }
    Ok(Period { start, end })
}

/// What projects have used, and what of it an account may not see.
type Answer = (Vec<Usage>, Option<Trouble>);

async fn within(
    deadline: Instant,
    asking: impl Future<Output = Result<Answer, Error>>,
) -> Result<Answer, Trouble> {
    match tokio::time::timeout_at(deadline, asking).await {
        Ok(answer) => answer.map_err(|error| trouble(&error)),
        Err(_) => Err(Trouble {
            source: "nova",
            kind: "timeout",
            message: "usage: not all read in time".to_owned(),
            next_step: "give it longer with --timeout, or ask for a shorter period".to_owned(),
            request_id: None,
        }),
    }
}

fn trouble(error: &Error) -> Trouble {
    let trouble = collect::trouble(error);
    Trouble { message: format!("usage: {}", trouble.message), ..trouble }
}

/// Of all projects; of the own one where nova tells no more.
async fn all(session: &Session, period: &Period) -> Result<Answer, Error> {
    let refused = match nova::usages(session, period).await {
        Err(error) if error.kind == ErrorKind::Forbidden => error,
        outcome => return Ok((outcome?, None)),
    };
    let Some(own) = session.login().await?.project_id else { return Err(refused) };
    let usage = nova::usage_of(session, &own, period).await?;
    let limit = Trouble {
        message: format!(
            "usage: own project only: nova refused the usage of all projects ({})",
            refused.message
        ),
        next_step: "take an account with the admin role, or one that nova's policy \
                    os_compute_api:os-simple-tenant-usage:list allows"
            .to_owned(),
        ..trouble(&refused)
    };
    Ok((usage.into_iter().collect(), Some(limit)))
}

/// Of the projects that go by a name, or of an id: one that was deleted has used nonetheless.
async fn of(session: &Session, store: &Store, name: &str, period: &Period) -> Result<Answer, Error> {
    let known: Vec<Text> = store
        .projects
        .iter()
        .map(|(_, project)| &project.id)
        .filter(|id| quota::is_called(store, id, name))
        .cloned()
        .collect();
    let mut usages = Vec::new();
    for id in &known {
        let usage = nova::usage_of(session, id, period).await?;
        usages.push(usage.unwrap_or_else(|| Usage::none(id.clone(), period)));
    }
    if known.is_empty() && is_id(name) {
        usages.extend(nova::usage_of(session, name, period).await?);
    }
    Ok((usages, None))
}

/// keystone's ids are 32 hexadecimal digits, or what an operator once chose; a name may be anything, and must not
/// lead elsewhere in nova's API.
fn is_id(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=64).contains(&word.len()) && word.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn said(from: &str, to: &str, over: Option<Over>) -> Result<[String; 2], String> {
        let of = |text: &str| (!text.is_empty()).then(|| at(text));
        period(of(from), of(to), over, at("2026-11-24T03:12:45.7Z"))
            .map(|period| [period.start.to_string(), period.end.to_string()])
    }

    #[test]
    fn periods_in_words() {
        let month = Some(Over::Months(1));
        let days = Some(Over::Span(Duration::from_secs(30 * 86_400)));
        let (october, november) = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
        for (from, to, over, start, end) in [
            // The last four weeks; the end is left to nova's clock.
            ("", "", None, "2026-10-27T03:12:45Z", "2026-11-25T03:12:45Z"),
            (october, november, None, october, november),
            (october, "", None, october, "2026-11-25T03:12:45Z"),
            ("", november, month, october, november),
            ("", "", month, "2026-10-24T03:12:45Z", "2026-11-25T03:12:45Z"),
            ("", november, days, "2026-10-02T00:00:00Z", november),
            ("", november, None, "2026-10-04T00:00:00Z", november),
            ("", "1970-01-02T00:00:00Z", days, "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"),
        ] {
            assert_eq!(said(from, to, over), Ok([start, end].map(str::to_owned)), "{from} {to} {over:?}");
        }
    }

    #[test]
    fn what_is_no_period_is_said() {
        let (october, november) = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
        for (from, to, over, words) in [
            (november, october, None, "before it begins"),
            (october, october, None, "no time at all"),
            (october, "2026-10-01T00:00:00.9Z", None, "no time at all"),
            ("2027-01-01T00:00:00Z", "", None, "still to come"),
            (october, november, Some(Over::Months(1)), "take one of them"),
        ] {
            let error = said(from, to, over).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        assert!(is_id("2ca29ea816ee467fbb9cd53dbbea71b1") && is_id("default"));
        for name in ["", "..", "../servers", "a/b", "web shop", "a?x=1", "ü"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
