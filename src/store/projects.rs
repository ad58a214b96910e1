//! The last answers about single projects: as many as were looked at.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
use crate::model::{Assignment, StorageAccount, Text, Trouble, Usage};

/// A project's account, `None` where it has none; or why that is not told.
type Said = Result<Option<StorageAccount>, Trouble>;

/// By the project's id.
#[derive(Debug, Default)]
pub(super) struct Answers {
    assignments: HashMap<Text, (Timestamp, Vec<Assignment>)>,
    usages: HashMap<Text, (Timestamp, Usage)>,
    accounts: HashMap<Text, (Timestamp, Said)>,
}

impl Store {
    pub(super) fn put_assignments(&mut self, project: Text, assignments: Vec<Assignment>, at: Timestamp) {
        self.of_projects.assignments.insert(project, (at, assignments));
    }

    pub(super) fn put_usage(&mut self, usage: Usage, at: Timestamp) {
        self.of_projects.usages.insert(usage.project.clone(), (at, usage));
    }

    pub(super) fn put_account(&mut self, project: Text, account: Said, at: Timestamp) {
        self.of_projects.accounts.insert(project, (at, account));
    }

    /// Who has a role in a project, and when that was told.
    pub fn assignments(&self, project: &str) -> Option<(Timestamp, &[Assignment])> {
        self.of_projects.assignments.get(project).map(|(at, rows)| (*at, &**rows))
    }

    /// What a project had used in the day before this moment.
    pub fn usage(&self, project: &str) -> Option<(Timestamp, &Usage)> {
        self.of_projects.usages.get(project).map(|(at, usage)| (*at, usage))
    }

    /// What a project had in the object store at this moment, `None` where it had no account; or why that is not told.
    pub fn account(&self, project: &str) -> Option<(Timestamp, Result<Option<&StorageAccount>, &Trouble>)> {
        let (at, account) = self.of_projects.accounts.get(project)?;
        Some((*at, account.as_ref().map(Option::as_ref)))
    }

    /// Whether an object store has answered for anybody: only then is it known that the cloud has one.
    pub fn has_accounts(&self) -> bool {
        !self.of_projects.accounts.is_empty()
    }
}
