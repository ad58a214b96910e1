//! What became of series, as far as it was asked.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::Store;
use crate::model::{Course, Wish};
use crate::report::Topic;

/// So many answers are kept.
const KEPT: usize = 32;

/// The last answers, the newest last.
pub(super) type Courses = VecDeque<(Wish, Timestamp, Arc<[Course]>)>;

impl Store {
    /// When it was asked what became of a series, and what the answer was.
    pub fn courses(&self, wish: &Wish) -> Option<(Timestamp, &Arc<[Course]>)> {
        self.courses.iter().find(|(known, ..)| known == wish).map(|(_, at, courses)| (*at, courses))
    }

    pub(super) fn put_courses(&mut self, wish: Wish, courses: Arc<[Course]>, at: Timestamp) {
        self.courses.retain(|(known, ..)| *known != wish);
        if self.courses.len() >= KEPT {
            self.courses.pop_front();
        }
        self.courses.push_back((wish, at, courses));
        self.freshness.entry(Topic::History).or_default().revision += 1;
    }
}
