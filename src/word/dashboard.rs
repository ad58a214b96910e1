//! The dashboard itself.

use std::io::{IsTerminal, stdin, stdout};

use super::{Failure, lookup, session, settings};
use crate::cli::Common;
use crate::config::clouds::{self, CloudConfig, Found};
use crate::config::file::File;
use crate::exit::Exit;
use crate::feed::Feed;
use crate::run::Loop;
use crate::terminal;

/// Opens the dashboard: over the only cloud there is, or with a chooser.
pub async fn run(common: &Common, pane: Option<&str>) -> Result<Exit, Failure> {
    if !stdout().is_terminal() || !stdin().is_terminal() {
        return Err(Failure::usage(
            "the dashboard needs a terminal; in pipes and scripts use `stackwatch show` or `stackwatch screen`",
        ));
    }
    let file = settings(common)?;
    let clouds = candidates(common, &file)?;
    let mut app = super::app(common, &file, pane)?;
    // Nothing is fetched before the first frame: a session does no I/O until it is asked.
    let mut connect = |choice: usize, epoch: u64| {
        let cloud = clouds.get(choice).cloned().unwrap_or_else(|| clouds[0].clone());
        Ok(Feed::start(session(cloud, &file)?, epoch, |_| true))
    };
    let feed = match clouds.as_slice() {
        [only] => {
            app.open(&only.name, only.region.as_deref());
            Some(connect(0, 0)?)
        }
        several => {
            app.choose(several.iter().map(CloudConfig::title).collect());
            None
        }
    };
    let mut terminal = terminal::take(app.mouse())
        .map_err(|error| Failure::usage(format!("cannot take the terminal: {error}")))?;
    let outcome = Loop { terminal: &mut terminal, app: &mut app, connect: &mut connect, feed }.run().await;
    terminal::restore();
    outcome.map_err(Failure::bug)
}

/// The clouds that the operator may mean.
fn candidates(common: &Common, file: &File) -> Result<Vec<CloudConfig>, Failure> {
    let lookup = lookup(common, file);
    match clouds::find(&lookup) {
        Ok(Found::Choose(choices)) => {
            let mut configs = Vec::new();
            for choice in &choices {
                let one = Common {
                    cloud: Some(choice.cloud.clone()),
                    region: choice.region.clone(),
                    ..common.clone()
                };
                // A broken entry must not keep the others out of the chooser.
                if let Ok(cloud) = super::one_cloud(&one, file) {
                    configs.push(cloud);
                }
            }
            if configs.is_empty() { super::one_cloud(common, file).map(|c| vec![c]) } else { Ok(configs) }
        }
        // One, or a question for a password, or an error with its words.
        _ => super::one_cloud(common, file).map(|cloud| vec![cloud]),
    }
}
