//! How it stands with the history: whether it is written, and what became of what is on screen.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet};
use crate::history::History;
use crate::model::{Trouble, Wish};
use crate::report::{Delta, Outage, OutageKind, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, Sources};

/// It is looked so often, and said when something has changed, or after a minute: that is what is written at once.
const LOOK: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(60);
/// What stays on screen is asked for again after so long: what has many lines has a point an hour.
const AGAIN: Duration = Duration::from_secs(300);

/// Says what the thread that writes has come upon, and what was recorded of what is on screen.
struct Standing {
    history: History,
    said: Option<(Said, Instant)>,
    /// What was asked for last, and when.
    told: (Vec<Wish>, Option<Instant>),
}

/// Why nothing is written; what else is to be said.
type Said = (Option<Trouble>, Vec<String>);

/// None where no history is kept.
pub(super) fn all(sources: &Sources) -> Option<Box<dyn Collector>> {
    let history = sources.history.clone()?;
    Some(Box::new(Standing { history, said: None, told: Default::default() }))
}

impl Standing {
    /// Whether these were not asked for, or too long ago.
    fn owes(&self, trends: &[Wish]) -> bool {
        let (told, at) = &self.told;
        !trends.is_empty() && (told != trends || at.is_none_or(|at| at.elapsed() >= AGAIN))
    }
}

impl Collector for Standing {
    fn topic(&self) -> Topic {
        Topic::History
    }

    fn every(&self) -> Duration {
        LOOK
    }

    fn urgent(&self, wanted: &Wanted) -> bool {
        self.owes(&wanted.trends)
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let trends = wanted.borrow().trends.clone();
            if self.owes(&trends) {
                tell(&self.history, &trends, out).await;
                self.told = (trends, Some(Instant::now()));
            }
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

/// What became of some series: the file is read on a thread that may wait.
pub(super) async fn tell(history: &History, wishes: &[Wish], out: &Outlet) {
    let now = jiff::Timestamp::now().as_second();
    for wish in wishes {
        let (history, asked) = (history.clone(), wish.clone());
        let read = tokio::task::spawn_blocking(move || history.courses(&asked, now)).await;
        match read {
            Ok(Ok(courses)) => out.say(Outcome::Part(Delta::Trend(wish.clone(), courses.into()))).await,
            Ok(Err(trouble)) => {
                let outage = outage(trouble);
                return out.say(Outcome::Outage { topic: Topic::History, outage }).await;
            }
            Err(panic) => match panic.try_into_panic() {
                // A bug ends the program as one.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return,
            },
        }
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
fn outage(trouble: Trouble) -> Outage {
    let kind = match trouble.kind {
        "forbidden" => OutageKind::Forbidden,
        "bad answer" => OutageKind::BadAnswer,
        _ => OutageKind::Unreachable,
    };
    let Trouble { message, next_step, .. } = trouble;
    Outage { kind, message, next_step, request_id: None, retry_in: Some(EVERY) }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::model::Labels;

    fn wish(project: &str) -> Wish {
        let labels = Some(Labels::from_iter([project.into()]));
        Wish { series: "quota.used".into(), labels, over: 60 }
    }

    #[tokio::test]
    async fn what_comes_on_the_screen_is_told_at_once_and_then_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let history = History::read(directory.path().join("cloud.db"));
        let mut standing = Standing { history, said: None, told: Default::default() };
        let (to, mut from) = mpsc::channel(16);
        let (out, (wanted, wants)) = (Outlet::new(to, 0), watch::channel(Wanted::default()));
        let mut told = Vec::new();
        for on_screen in [&[][..], &["p"], &["p"], &["q"], &["p"], &[]] {
            let trends: Vec<Wish> = on_screen.iter().copied().map(wish).collect();
            wanted.send_replace(Wanted { trends, ..Wanted::default() });
            let is_urgent = standing.urgent(&wants.borrow());
            standing.round(&wants, &out).await.unwrap();
            let mut heard = Vec::new();
            while let Ok(report) = from.try_recv() {
                if let Outcome::Part(Delta::Trend(wish, courses)) = report.outcome {
                    assert!(courses.is_empty());
                    heard.extend(wish.labels.into_iter().flatten());
                }
            }
            told.push((is_urgent, heard.join(" ")));
        }
        let expected = [(false, ""), (true, "p"), (false, ""), (true, "q"), (true, "p"), (false, "")];
        assert_eq!(told, expected.map(|(is_urgent, heard)| (is_urgent, heard.to_owned())));
    }
}
