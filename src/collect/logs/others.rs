//! The logs of other hosts: each is followed over its own connection, and again when that breaks.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;

use crate::collect::trace::hosts;
use crate::config::logs::LogPlace;
use crate::source::Session;
use crate::source::log::follow::elsewhere::{Following, Told};
use crate::source::log::scan::elsewhere::{Way, of_fault};
use crate::source::log::ssh::Ssh;

/// Connections at most: each is an `ssh` here and a script there.
const MOST: usize = 64;
/// The first pause after a connection broke; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// A connection that was well for so long begins anew.
const WELL: Duration = Duration::from_secs(60);

/// What hosts have to tell, by their number.
pub type Heard = mpsc::Receiver<(usize, Told)>;

/// Follows all hosts that the places name, for as long as somebody hears.
pub async fn follow(
    session: Option<Session>,
    places: Vec<LogPlace>,
    ssh: Ssh,
    to: mpsc::Sender<(usize, Told)>,
) {
    let (mut asked, troubles) = hosts(session.as_ref(), &places).await;
    // A journal of this host is not a file that grows.
    asked.retain(|asked| asked.way != Way::Here);
    let left = asked.split_off(asked.len().min(MOST));
    let left = left.iter().map(|asked| {
        crate::model::Trouble::of_log(format!("{}: not followed: {MOST} hosts are", asked.host))
    });
    // What keeps whole patterns from being followed stays said.
    for (number, trouble) in troubles.into_iter().chain(left).enumerate() {
        let _ = to.send((MOST + number, Told::Away(trouble))).await;
    }
    let each = asked.into_iter().enumerate().map(|(number, asked)| {
        let (to, ssh) = (to.clone(), &ssh);
        async move {
            let host = asked.host.clone();
            let mut following = Following::new(asked);
            let mut pause = FIRST_PAUSE;
            while !to.is_closed() {
                let begun = tokio::time::Instant::now();
                let fault = following.run(ssh, number, &to).await;
                if begun.elapsed() > WELL {
                    pause = FIRST_PAUSE;
                }
                let away = Told::Away(of_fault(&host, &fault, following.has_told()));
                if to.send((number, away)).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.9..=1.1))).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    });
    join_all(each).await;
}
