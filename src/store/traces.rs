//! The last traces.

use std::sync::Arc;

use super::Store;
use crate::report::Topic;
use crate::trace::{Account, Subject};

/// So many are kept: to compare one with another, and to come back to.
const TRACES: usize = 4;

impl Store {
    /// What was heard of a subject so far, if it is one of the last that were traced.
    pub fn trace(&self, subject: Subject) -> Option<&Arc<Account>> {
        self.traces.iter().find(|account| account.subject == subject)
    }

    pub(super) fn put_trace(&mut self, account: Arc<Account>) {
        self.traces.retain(|known| known.subject != account.subject);
        if self.traces.len() >= TRACES {
            self.traces.pop_front();
        }
        self.traces.push_back(account);
        self.freshness.entry(Topic::Trace).or_default().revision += 1;
    }
}
