//! The last answers about single projects: as many as were looked at.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
use crate::model::{Assignment, Text, Usage};

/// By the project's id.
#[derive(Debug, Default)]
pub(super) struct Answers {
    assignments: HashMap<Text, (Timestamp, Vec<Assignment>)>,
    usages: HashMap<Text, (Timestamp, Usage)>,
}

impl Store {
    pub(super) fn put_assignments(&mut self, project: Text, assignments: Vec<Assignment>, at: Timestamp) {
        self.of_projects.assignments.insert(project, (at, assignments));
    }

    pub(super) fn put_usage(&mut self, usage: Usage, at: Timestamp) {
        self.of_projects.usages.insert(usage.project.clone(), (at, usage));
    }

    /// Who has a role in a project, and when that was told.
    pub fn assignments(&self, project: &str) -> Option<(Timestamp, &[Assignment])> {
        self.of_projects.assignments.get(project).map(|(at, rows)| (*at, &**rows))
    }

    /// What a project had used in the day before this moment.
    pub fn usage(&self, project: &str) -> Option<(Timestamp, &Usage)> {
        self.of_projects.usages.get(project).map(|(at, usage)| (*at, usage))
    }
}
