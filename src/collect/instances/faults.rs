//! Why an instance is in ERROR: nova's list leaves the fault out, so each one is asked for by itself, once.

use std::collections::{HashMap, VecDeque};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::collect::Outlet;
use crate::model::{Instance, Text};
use crate::report::{Delta, Outcome};
use crate::source::{ErrorKind, Session, nova};

/// Questions a round: a cloud with thousands of failed instances must not pay for them all at once.
const BUDGET: usize = 100;
/// Questions under way; the session's own bound holds beside it.
const AT_ONCE: usize = 4;

/// The faults that are still to be asked for.
#[derive(Default)]
pub(super) struct Faults {
    due: VecDeque<(Text, Option<Timestamp>)>,
    /// Of each instance the update whose fault was asked for.
    asked: HashMap<Text, Option<Timestamp>>,
}

impl Faults {
    /// Notes rows that need a fault.
    pub fn note(&mut self, rows: &[Instance]) {
        for row in rows.iter().filter(|row| &*row.status == "ERROR" && row.fault.is_none() && !row.partial) {
            if self.asked.get(&row.id) != Some(&row.updated) {
                self.asked.insert(row.id.clone(), row.updated);
                self.due.push_back((row.id.clone(), row.updated));
            }
        }
    }

    /// Asks for those that are due. A question that fails is asked again in the next round.
    pub async fn ask(&mut self, session: &Session, out: &Outlet) {
        let batch: Vec<_> = self.due.drain(..self.due.len().min(BUDGET)).collect();
        let mut answers = stream::iter(batch)
            .map(|(id, updated)| async move {
                let answer = nova::server(session, &id).await;
                (id, updated, answer)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((id, updated, answer)) = answers.next().await {
            match answer {
                Ok(row) => out.say(Outcome::Part(Delta::Instances(vec![row]))).await,
                // Deleted meanwhile, or not ours to see.
                Err(error) if matches!(error.kind, ErrorKind::Missing | ErrorKind::Forbidden) => {}
                Err(error) => {
                    tracing::debug!(instance = &*id, "its fault: {}", error.message);
                    self.due.push_back((id, updated));
                }
            }
        }
    }
}
