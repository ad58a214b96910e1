//! Answers questions about one thing, asked when the operator goes into it. A new one cancels the old of its slot.

use std::sync::Arc;

use crate::model::{Passage, Period, Queue, Text, Trouble, Usage};
use crate::report::{Delta, Outcome, ProjectSaid, Topic};
use crate::request::Query;
use crate::source::log::ssh::Ssh;
use crate::source::log::stretch;
use crate::source::{Error, Session, Sources, keystone, nova, rabbitmq, swift};

use super::quotas::is_missing_service;
use super::{Outlet, history, outage, trouble};

/// How many actions get their events at once: the newest. Older ones are a call each, on demand.
const EVENTS: usize = 5;
/// Lines of console log.
const CONSOLE_LINES: u32 = 500;
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Asks, and reports the answer or why there is none.
pub async fn run(query: Query, sources: Sources, out: Outlet) {
    let topic = query.topic();
    let answer = match (&query, &sources.session) {
        (Query::Consumers { broker, vhost, name }, _) => {
            consumers(&sources, [broker, vhost, name], &out).await
        }
        (Query::Around(passage), _) => {
            around(&sources, passage, &out).await;
            Ok(())
        }
        (Query::Trend(wishes), _) => {
            // Where none is kept nothing is to be said.
            if let Some(history) = &sources.history {
                history::tell(history, wishes, &out).await;
            }
            Ok(())
        }
        (_, Some(session)) => ask(&query, session, &out).await,
        // Without a cloud there is no pane that asks about one.
        (_, None) => Ok(()),
    };
    if let Err(error) = answer {
        out.say(Outcome::Outage { topic, outage: outage(&error, None) }).await;
    }
}

async fn ask(query: &Query, session: &Session, out: &Outlet) -> Result<(), Error> {
    match query {
        Query::Instance(id) => {
            let row = nova::server(session, id).await?;
            out.say(Outcome::Part(Delta::Instances(vec![row]))).await;
        }
        Query::Actions(id) => {
            let mut actions = nova::instance_actions(session, id).await?;
            // The list alone already tells much: shown while the events are asked for.
            let partial = Delta::Actions { instance: id.clone(), actions: actions.clone() };
            out.say(Outcome::Part(partial)).await;
            for action in actions.iter_mut().take(EVENTS) {
                action.events = nova::action_events(session, id, &action.request_id).await?;
            }
            out.say(Outcome::Part(Delta::Actions { instance: id.clone(), actions })).await;
            out.say(Outcome::End { topic: Topic::Actions, complete: true, limit: None }).await;
        }
        Query::Console(id) => {
            let text = nova::console_log(session, id, CONSOLE_LINES).await?;
            out.say(Outcome::Part(Delta::Console { instance: id.clone(), text: text.into() })).await;
            out.say(Outcome::End { topic: Topic::Console, complete: true, limit: None }).await;
        }
        Query::Assignments(id) => {
            let said = ProjectSaid::Assignments(told(keystone::assignments(session, id).await));
            out.say(Outcome::Part(Delta::Project(id.clone(), said))).await;
            out.say(Outcome::End { topic: Topic::Assignments, complete: true, limit: None }).await;
        }
        Query::Usage(id) => {
            let said = ProjectSaid::Usage(told(used(session, id).await));
            out.say(Outcome::Part(Delta::Project(id.clone(), said))).await;
            out.say(Outcome::End { topic: Topic::Usage, complete: true, limit: None }).await;
        }
        Query::Account(id) => {
            let answer = swift::account(session, id).await;
            // Of a cloud without an object store there is nothing to say.
            if !answer.as_ref().is_err_and(is_missing_service) {
                let said = ProjectSaid::Account(told(answer));
                out.say(Outcome::Part(Delta::Project(id.clone(), said))).await;
            }
            out.say(Outcome::End { topic: Topic::Account, complete: true, limit: None }).await;
        }
        // Asked of no service of the cloud.
        Query::Consumers { .. } | Query::Around(_) | Query::Trend(_) => {}
    }
    Ok(())
}

/// Why there is no answer belongs to the project as the answer does: the next one may be told of.
fn told<T>(answer: Result<T, Error>) -> Result<T, Trouble> {
    answer.map_err(|error| trouble(&error))
}

/// What a project has used in the last day.
async fn used(session: &Session, project: &Text) -> Result<Usage, Error> {
    let now = jiff::Timestamp::now() + session.clock_offset().unwrap_or_default();
    // nova ends it at its own now.
    let period = Period { start: now - DAY, end: now + DAY };
    let usage = nova::usage_of(session, project, &period).await?;
    let usage = usage.unwrap_or_else(|| Usage::none(project.clone(), &period));
    // Its instances are known.
    Ok(Usage { servers: None, ..usage })
}

/// What stands around a line of a log. What cannot be had is part of the answer.
async fn around(sources: &Sources, passage: &Passage, out: &Outlet) {
    let stretch = stretch::read(&Ssh::default(), &sources.logs, &sources.grammar.get(), passage).await;
    out.say(Outcome::Part(Delta::Around(Arc::new(stretch)))).await;
    out.say(Outcome::End { topic: Topic::Around, complete: true, limit: None }).await;
}

/// A queue's consumers, with the connections behind them.
async fn consumers(sources: &Sources, [of, vhost, name]: [&Text; 3], out: &Outlet) -> Result<(), Error> {
    let Some(broker) = sources.brokers.iter().find(|broker| broker.config().name == **of) else {
        return Ok(());
    };
    let consumers = rabbitmq::consumers(broker, vhost, name).await?;
    let queue = Queue::id_of(of, vhost, name);
    out.say(Outcome::Part(Delta::Consumers { queue, consumers })).await;
    out.say(Outcome::End { topic: Topic::Consumers, complete: true, limit: None }).await;
    Ok(())
}
