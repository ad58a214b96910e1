//! The last answers about single projects: as many as were looked at.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
use crate::model::{Answered, Assignment, StorageAccount, Text, Usage};
use crate::report::ProjectSaid;

/// What a project has answered to each question; as long as it is there.
#[derive(Debug, Default)]
pub struct Answers {
    /// Who has a role in it.
    pub assignments: Answered<Vec<Assignment>>,
    /// What it had used in the day before.
    pub usage: Answered<Usage>,
    /// What it had in the object store, `None` where it had no account.
    pub account: Answered<Option<StorageAccount>>,
}

/// By the project's id.
#[derive(Debug, Default)]
pub(super) struct OfProjects(HashMap<Text, Answers>);

impl OfProjects {
    pub fn put(&mut self, project: Text, said: ProjectSaid, at: Timestamp) {
        let answers = self.0.entry(project).or_default();
        match said {
            ProjectSaid::Assignments(answer) => answers.assignments.hear(answer, at),
            ProjectSaid::Usage(answer) => answers.usage.hear(answer, at),
            ProjectSaid::Account(answer) => answers.account.hear(answer, at),
        }
    }

    pub fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|project, _| is_there(project));
    }
}

impl Store {
    /// `None`: nothing was asked about it.
    pub fn answers(&self, project: &str) -> Option<&Answers> {
        self.of_projects.0.get(project)
    }

    /// Whether an object store was asked about anybody: only then is it known that the cloud has one.
    pub fn has_accounts(&self) -> bool {
        self.of_projects.0.values().any(|it| it.account.told.is_some() || it.account.trouble.is_some())
    }
}
