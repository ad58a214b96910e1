//! What a broker says over AMQP, vhost by vhost: a cross-check of its management API, and what is left where that
//! gives no answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::pause_after;
use crate::model::{AmqpState, Counts, Text};
use crate::request::Wanted;
use crate::source::Error;
use crate::source::rabbitmq::Amqp;
use crate::source::rabbitmq::amqp::Declared;

/// Queues that a vhost does not have are asked for this seldom: each costs a channel.
const ABSENT_EVERY: u32 = 4;
/// How long to wait for the lists of services, when there is nothing else to say.
const PATIENCE: Duration = Duration::from_secs(10);

/// The vhosts of one broker.
#[derive(Clone)]
pub(super) struct Declares {
    vhosts: Vec<Vhost>,
    rounds: u32,
}

#[derive(Clone)]
struct Vhost {
    amqp: Amqp,
    /// Queues that it did not have when it was asked.
    absent: Arc<HashSet<Text>>,
    failures: u32,
    /// Why it failed the last time, and until when it is left alone.
    rest: Option<(Error, Instant)>,
}

/// What one vhost says.
pub(super) struct Said {
    pub state: AmqpState,
    pub found: Vec<(Text, Counts)>,
}

impl Declares {
    /// Of these vhosts, those of the broker with this name.
    pub fn new(amqp: &[Amqp], broker: &str) -> Self {
        let its = amqp.iter().filter(|vhost| &**vhost.broker() == broker);
        let vhosts =
            its.map(|amqp| Vhost { amqp: amqp.clone(), absent: Arc::default(), failures: 0, rest: None });
        Self { vhosts: vhosts.collect(), rounds: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.vhosts.is_empty()
    }

    /// Nothing was asked yet.
    pub fn waits(&self) -> bool {
        !self.is_empty() && self.rounds == 0
    }

    /// Asks all vhosts for the queues that are wanted. With `patience` it waits a while for those to be known.
    pub async fn ask(&mut self, wanted: &watch::Receiver<Wanted>, patience: bool) -> Vec<Said> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut wanted = wanted.clone();
        let known = wanted.wait_for(|wanted| wanted.queues.is_some());
        let patience = if patience { PATIENCE } else { Duration::ZERO };
        let known = tokio::time::timeout(patience, known).await;
        let Some(names) = known.ok().and_then(Result::ok).and_then(|wanted| wanted.queues.clone()) else {
            return Vec::new();
        };
        self.rounds += 1;
        let all = self.rounds % ABSENT_EVERY == 1;
        join_all(self.vhosts.iter_mut().map(|vhost| vhost.ask(&names, all))).await
    }
}

impl Vhost {
    async fn ask(&mut self, names: &[Text], all: bool) -> Said {
        let mut state = AmqpState {
            broker: self.amqp.broker().clone(),
            vhost: self.amqp.vhost().clone(),
            address: Text::default(),
            user: self.amqp.user().into(),
            trouble: None,
            missing: Vec::new(),
            refused: None,
        };
        let mut found = Vec::new();
        match self.declare(names, all).await {
            Err(error) => state.trouble = Some((error.message.into(), error.next_step.into())),
            Ok(answers) => {
                for (name, answer) in answers {
                    match answer {
                        Declared::There { ready, consumers } => {
                            found.push((name, Counts { ready: Some(ready), consumers: Some(consumers) }));
                        }
                        Declared::Missing => state.missing.push(name),
                        Declared::Refused(words) => {
                            state.refused = Some((state.refused.map_or(1, |(n, _)| n + 1), words));
                        }
                    }
                }
            }
        }
        state.address = self.amqp.address().await.into();
        Said { state, found }
    }

    /// The answers, by name; those about queues that are asked for seldom are the last ones.
    async fn declare(&mut self, names: &[Text], all: bool) -> Result<Vec<(Text, Declared)>, Error> {
        if let Some((error, until)) = &self.rest
            && *until > Instant::now()
        {
            return Err(error.clone());
        }
        let (asked, absent): (Vec<Text>, Vec<Text>) =
            names.iter().cloned().partition(|name| all || !self.absent.contains(name));
        match self.amqp.declare(&asked).await {
            Ok(answers) => {
                (self.failures, self.rest) = (0, None);
                let absent = absent.into_iter().map(|name| (name, Declared::Missing));
                let answers: Vec<_> = asked.into_iter().zip(answers).chain(absent).collect();
                let missing = answers.iter().filter(|(_, answer)| *answer == Declared::Missing);
                self.absent = Arc::new(missing.map(|(name, _)| name.clone()).collect());
                Ok(answers)
            }
            Err(error) => {
                self.rest = Some((error.clone(), Instant::now() + pause_after(&error, self.failures)));
                self.failures += 1;
                Err(error)
            }
        }
    }
}
