//! What services say over the bus, as they say it: opt-in, by `notifications` in the settings of a broker.

mod loss;
mod told;
mod twins;

use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet, pause_after};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::Error;
use crate::source::rabbitmq::Amqp;
use loss::Loss;
use told::Told;
use twins::Twins;

/// A connection that is silent is looked after this often: whether it is there, and whether messages were dropped.
const CHECK: Duration = Duration::from_secs(15);
/// Events that are handed on at once.
const BATCH: usize = 256;

/// All vhosts that are listened to. Its one round never ends: notifications come when they come.
pub(super) struct Notifications {
    vhosts: Vec<Amqp>,
}

/// Nothing where nobody asked for it: that is no outage.
pub(super) fn all(amqp: &[Amqp]) -> Option<Box<dyn Collector>> {
    // Connections of their own: declares that hang must not hold up what is said.
    let vhosts: Vec<Amqp> = amqp.iter().filter(|vhost| vhost.listens()).map(Amqp::another).collect();
    (!vhosts.is_empty()).then(|| Box::new(Notifications { vhosts }) as Box<dyn Collector>)
}

impl Collector for Notifications {
    fn topic(&self) -> Topic {
        Topic::Events
    }

    fn every(&self) -> Duration {
        CHECK
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let told = Told::new(out, self.vhosts.iter().map(|vhost| vhost.vhost().clone()));
            join_all(self.vhosts.iter().enumerate().map(|(at, vhost)| follow(vhost, at, &told, out))).await;
            Ok(())
        })
    }
}

/// Listens to one vhost, and again when that fails.
async fn follow(vhost: &Amqp, at: usize, told: &Told<'_>, out: &Outlet) {
    let (mut failures, mut before) = (0, false);
    while !out.is_closed() {
        let Err(error) = listen(vhost, at, told, out, &mut before, &mut failures).await else { return };
        let pause = pause_after(&error, failures);
        failures += 1;
        tracing::warn!(collector = Topic::Events.name(), kind = ?error.kind, "{}", error.message);
        told.failed(at, &error, Some(pause)).await;
        tokio::time::sleep(pause).await;
    }
}

/// One connection, until it fails. `before`: there was one, so that what was said in between is lost.
async fn listen(
    vhost: &Amqp,
    at: usize,
    told: &Told<'_>,
    out: &Outlet,
    before: &mut bool,
    failures: &mut u32,
) -> Result<(), Error> {
    let mut heard = vhost.listen().await?;
    *failures = 0;
    if std::mem::replace(before, true) {
        out.say(Outcome::Part(Delta::Missed)).await;
    }
    told.well(at).await;
    let (mut twins, mut loss) = (Twins::default(), Loss::default());
    let mut check = tokio::time::interval(CHECK);
    check.tick().await;
    loop {
        let was_blocked = heard.trouble().is_some();
        let due = tokio::select! {
            batch = heard.batch(BATCH) => {
                let mut events = batch?;
                events.iter_mut().for_each(|event| twins.fold(event));
                if !events.is_empty() {
                    out.say(Outcome::Part(Delta::Events(events))).await;
                }
                false
            }
            _ = check.tick() => true,
        };
        if due || heard.wants_a_look() {
            let dropped = heard.may_have_dropped().await?;
            if loss.is_to_be_made_good(dropped, Instant::now()) {
                out.say(Outcome::Part(Delta::Missed)).await;
            }
        }
        match heard.trouble() {
            Some(error) if due || !was_blocked => told.failed(at, &error, None).await,
            Some(_) => {}
            None if due || was_blocked => told.well(at).await,
            None => {}
        }
    }
}
