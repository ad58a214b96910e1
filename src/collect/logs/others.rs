//! The logs of other hosts, and all journals: each is followed over its own connection, and again when that breaks.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;

use crate::collect::trace::hosts;
use crate::config::logs::LogPlace;
use crate::model::Trouble;
use crate::source::Session;
use crate::source::log::follow::elsewhere::{Following, Told};
use crate::source::log::follow::journal::Journal;
use crate::source::log::scan::elsewhere::{Asked, Way};
use crate::source::log::ssh::Ssh;

/// Hosts at most: each is an `ssh` here and a script there, and another one for its journal.
const MOST: usize = 64;
/// The first pause after a connection broke; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// A connection that was well for so long begins anew.
const WELL: Duration = Duration::from_secs(60);

/// What hosts have to tell, by their number.
pub type Heard = mpsc::Receiver<(usize, Told)>;

/// What is followed over a connection of its own.
enum Part {
    Files(Following),
    Journal(Journal),
}

/// A host's files, its journal, or both. The files of this one are read without asking anybody.
fn parts(asked: Asked) -> impl Iterator<Item = Part> {
    let LogPlace { journal, paths, .. } = &asked.place;
    let (journal, files) = (*journal, asked.way != Way::Here && (!journal || !paths.is_empty()));
    let files = files.then(|| {
        let place = LogPlace { journal: false, ..asked.place.clone() };
        Part::Files(Following::new(Asked { place, ..asked.clone() }))
    });
    files.into_iter().chain(journal.then(|| Part::Journal(Journal::new(asked))))
}

/// Follows all hosts that the places name, for as long as somebody hears.
pub async fn follow(
    session: Option<Session>,
    places: Vec<LogPlace>,
    ssh: Ssh,
    to: mpsc::Sender<(usize, Told)>,
) {
    let (mut asked, troubles) = hosts(session.as_ref(), &places).await;
    let left = asked.split_off(asked.len().min(MOST));
    let left =
        left.iter().map(|asked| Trouble::of_log(format!("{}: not followed: {MOST} hosts are", asked.host)));
    // What keeps whole patterns from being followed stays said.
    for (number, trouble) in troubles.into_iter().chain(left).enumerate() {
        let _ = to.send((2 * MOST + number, Told::Away(trouble))).await;
    }
    let each = asked.into_iter().flat_map(parts).enumerate().map(|(number, mut part)| {
        let (to, ssh) = (to.clone(), &ssh);
        async move {
            let mut pause = FIRST_PAUSE;
            while !to.is_closed() {
                let begun = tokio::time::Instant::now();
                let trouble = match &mut part {
                    Part::Files(files) => files.run(ssh, number, &to).await,
                    Part::Journal(journal) => journal.run(ssh, number, &to).await,
                };
                if begun.elapsed() > WELL {
                    pause = FIRST_PAUSE;
                }
                if to.send((number, Told::Away(trouble))).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.9..=1.1))).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    });
    join_all(each).await;
}
