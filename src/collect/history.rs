//! How it stands with the history: whether it is written, and what became of it.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet};
use crate::history::History;
use crate::model::Trouble;
use crate::report::{Outage, OutageKind, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, Sources};

/// It is looked so often, and said when something has changed, or after a minute: that is what is written at once.
const LOOK: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(60);

/// Says what the thread that writes has come upon.
struct Standing {
    history: History,
    said: Option<(Said, Instant)>,
}

/// Why nothing is written; what else is to be said.
type Said = (Option<Trouble>, Vec<String>);

/// None where no history is kept.
pub(super) fn all(sources: &Sources) -> Option<Box<dyn Collector>> {
    let history = sources.history.clone()?;
    Some(Box::new(Standing { history, said: None }))
}

impl Collector for Standing {
    fn topic(&self) -> Topic {
        Topic::History
    }

    fn every(&self) -> Duration {
        LOOK
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (topic, now) = (Topic::History, (self.history.trouble(), self.history.notes()));
            if self.said.as_ref().is_some_and(|(said, at)| *said == now && at.elapsed() < EVERY) {
                return Ok(());
            }
            let outcome = match &now {
                (Some(trouble), _) => Outcome::Outage { topic, outage: outage(trouble.clone()) },
                (None, notes) => Outcome::End { topic, complete: true, limit: limit(notes) },
            };
            self.said = Some((now, Instant::now()));
            out.say(outcome).await;
            Ok(())
        })
    }
}

/// What must be said though minutes are written.
fn limit(notes: &[String]) -> Option<Outage> {
    (!notes.is_empty()).then(|| Outage {
        kind: OutageKind::Missing,
        message: notes.join("; "),
        next_step: "[history] in the settings says where, how long and how much is kept".to_owned(),
        request_id: None,
        retry_in: None,
    })
}

/// Its trouble, as the store keeps it.
pub(super) fn outage(trouble: Trouble) -> Outage {
    let kind = match trouble.kind {
        "forbidden" => OutageKind::Forbidden,
        "bad answer" => OutageKind::BadAnswer,
        _ => OutageKind::Unreachable,
    };
    let Trouble { message, next_step, .. } = trouble;
    Outage { kind, message, next_step, request_id: None, retry_in: Some(EVERY) }
}
