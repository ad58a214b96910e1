//! The dashboard itself.

use std::io::{IsTerminal, stdin, stdout};

use jiff::Timestamp;

use super::{Failure, Settings, lookup, settings, sources};
use crate::cli::Common;
use crate::config::clouds::{self, Choice, CloudConfig, ConfigError, Found};
use crate::exit::Exit;
use crate::feed::Feed;
use crate::history::{self, History};
use crate::run::{Loop, Signals, Unopened};
use crate::source::Sources;
use crate::source::log::index::{Index, Limits};
use crate::terminal;

/// Opens the dashboard: over the only cloud there is, or with a chooser.
pub async fn run(common: &Common, pane: Option<&str>) -> Result<Exit, Failure> {
    if !stdout().is_terminal() || !stdin().is_terminal() {
        return Err(Failure::usage(
            "the dashboard needs a terminal; in pipes and scripts use `stackwatch show` or `stackwatch screen`",
        ));
    }
    let file = settings(common)?;
    let entries = entries(common, &file)?;
    let mut app = super::app(common, &file, pane)?;
    let index = super::index(&file).map(|directory| Index::open(&directory, Limits::default()));
    // Nothing is fetched before the first frame: the loop connects after it.
    let mut kept: Option<History> = None;
    let mut connect = |choice: usize, epoch: u64| {
        let cloud = entries[choice].cloud.clone()?;
        let limits = history::Limits { bytes: file.history.max_size, keep: file.history.keep };
        kept = super::history(&file, &cloud).map(|path| History::start(path, limits));
        match sources(cloud, &file) {
            Ok(sources) => {
                let sources = Sources { index: index.clone(), history: kept.clone(), ..sources };
                Ok(Feed::start(sources, epoch, |_| true))
            }
            Err(error) => Err(Unopened { message: error.message, next_step: error.next_step }),
        }
    };
    let opens = match entries.as_slice() {
        [Entry { cloud: Ok(only), .. }] => {
            app.open(&only.name, only.region.as_deref());
            Some(0)
        }
        several => {
            app.choose(several.iter().map(Entry::line).collect());
            None
        }
    };
    let signals =
        Signals::listen().map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))?;
    let untaken = |error| Failure::usage(format!("cannot take the terminal: {error}"));
    let mut terminal = terminal::take(app.mouse()).map_err(untaken)?;
    let events = terminal::events().inspect_err(|_| terminal::restore()).map_err(untaken)?;
    let outcome = Loop {
        terminal: &mut terminal,
        app: &mut app,
        events,
        signals,
        connect: &mut connect,
        opens,
        feed: None,
        writing: None,
        now: Timestamp::now,
    }
    .run()
    .await;
    terminal::restore();
    index.iter().for_each(Index::finish);
    kept.iter().for_each(History::finish);
    // Its drop would show the cursor once more, and complain to a terminal that is gone.
    std::mem::forget(terminal);
    outcome.map_err(|error| match error.downcast::<Unopened>() {
        Ok(unopened) => Failure::unopened(unopened),
        Err(bug) => Failure::bug(bug),
    })
}

/// A cloud that the operator may mean; a broken one must not keep the others out of the chooser.
struct Entry {
    title: String,
    cloud: Result<CloudConfig, Unopened>,
}

impl Entry {
    fn new(choice: &Choice, found: Result<Found, ConfigError>) -> Self {
        let cloud = match found {
            Ok(Found::One(cloud)) => Ok(*cloud),
            Ok(Found::Choose(_)) => Err(Unopened {
                message: "it has several regions".to_owned(),
                next_step: "name one with --region".to_owned(),
            }),
            Err(error) => {
                // The keys are the loop's by then: only a start of its own can ask.
                let next_step = match error.wants_password() {
                    true => format!("start with --cloud {} to be asked for it", choice.cloud),
                    false => error.next_step().to_owned(),
                };
                Err(Unopened { message: error.to_string(), next_step })
            }
        };
        Self { title: choice.to_string(), cloud }
    }

    /// Its line in the chooser.
    fn line(&self) -> String {
        match &self.cloud {
            Ok(_) => self.title.clone(),
            Err(why) => format!("{}  cannot be opened: {}", self.title, why.message),
        }
    }
}

/// The clouds that the operator may mean.
fn entries(common: &Common, file: &Settings) -> Result<Vec<Entry>, Failure> {
    if let Ok(Found::Choose(choices)) = clouds::find(&lookup(common, file)) {
        let entry = |choice: &Choice| {
            let region = choice.region.clone().or_else(|| common.region.clone());
            let one = Common { cloud: Some(choice.cloud.clone()), region, ..common.clone() };
            Entry::new(choice, clouds::find(&lookup(&one, file)))
        };
        return Ok(choices.iter().map(entry).collect());
    }
    // One, or a question for a password, or an error with its words.
    let cloud = super::one_cloud(common, file)?;
    Ok(vec![Entry { title: cloud.title(), cloud: Ok(cloud) }])
}
