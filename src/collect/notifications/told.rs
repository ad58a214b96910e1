//! What is said of notifications as a whole: that one vhost is heard well makes another no better.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::collect::{Outlet, outage};
use crate::model::Text;
use crate::report::{Outage, Outcome, Topic};
use crate::source::Error;

pub(super) struct Told<'a> {
    out: &'a Outlet,
    vhosts: Mutex<Vec<(Text, State)>>,
}

#[derive(Clone, Debug)]
enum State {
    /// Not listened to yet.
    Pending,
    Well,
    Trouble(Outage),
}

impl<'a> Told<'a> {
    pub fn new(out: &'a Outlet, vhosts: impl Iterator<Item = Text>) -> Self {
        Self { out, vhosts: Mutex::new(vhosts.map(|name| (name, State::Pending)).collect()) }
    }

    /// This vhost is heard.
    pub async fn well(&self, at: usize) {
        self.say(at, State::Well).await;
    }

    /// This vhost is not, or not as it should be.
    pub async fn failed(&self, at: usize, error: &Error, retry_in: Option<Duration>) {
        self.say(at, State::Trouble(outage(error, retry_in))).await;
    }

    async fn say(&self, at: usize, state: State) {
        let outcome = {
            let mut vhosts = self.vhosts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, now)) = vhosts.get_mut(at) {
                *now = state;
            }
            of_all(&vhosts)
        };
        self.out.say(outcome).await;
    }
}

/// All are well, or nothing is heard, or a part is missing.
fn of_all(vhosts: &[(Text, State)]) -> Outcome {
    let topic = Topic::Events;
    let trouble = vhosts.iter().find_map(|(name, state)| match state {
        State::Trouble(outage) => Some((name, outage)),
        _ => None,
    });
    let Some((name, outage)) = trouble else { return Outcome::End { topic, complete: true, limit: None } };
    let mut outage = outage.clone();
    if vhosts.len() > 1 {
        outage.message = format!("vhost {name}: {}", outage.message);
    }
    match vhosts.iter().any(|(_, state)| matches!(state, State::Well)) {
        true => Outcome::End { topic, complete: false, limit: Some(outage) },
        false => Outcome::Outage { topic, outage },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::OutageKind;

    #[test]
    fn the_trouble_of_one_vhost_is_said_until_that_one_is_well() {
        let trouble = |words: &str| {
            State::Trouble(Outage {
                kind: OutageKind::Unreachable,
                message: words.to_owned(),
                next_step: String::new(),
                request_id: None,
                retry_in: None,
            })
        };
        use State::{Pending, Well};
        for (states, expected) in [
            (vec![Well], "well"),
            (vec![trouble("lost")], "out: lost"),
            (vec![Well, Pending], "well"),
            (vec![Well, Well], "well"),
            (vec![Well, trouble("lost")], "part: vhost v1: lost"),
            (vec![trouble("refused"), Well], "part: vhost v0: refused"),
            (vec![trouble("refused"), trouble("lost")], "out: vhost v0: refused"),
            (vec![Pending, trouble("lost")], "out: vhost v1: lost"),
        ] {
            let vhosts: Vec<(Text, State)> = states
                .iter()
                .enumerate()
                .map(|(at, state)| (Text::from(format!("v{at}")), state.clone()))
                .collect();
            let said = match of_all(&vhosts) {
                Outcome::End { complete: true, limit: None, .. } => "well".to_owned(),
                Outcome::End { complete: false, limit: Some(limit), .. } => {
                    format!("part: {}", limit.message)
                }
                Outcome::Outage { outage, .. } => format!("out: {}", outage.message),
                other => panic!("{other:?}"),
            };
            assert_eq!(said, expected, "{states:?}");
        }
    }
}
