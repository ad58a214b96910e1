//! Which rows pass the filter, by slot: sorting asks no row again, and a filter sorts none.
//!
//! Asking all of 100,000 rows for a word in any column takes several frames, a regular expression more. So rows
//! are asked in steps, the uppermost first, and between two steps the operator is heard.

use jiff::{SignedDuration, Timestamp};

use crate::filter::Filter;
use crate::table::{Slot, Table};

/// What a filter let through so far.
#[derive(Default)]
pub(super) struct Passing {
    /// By slot: whether the row was asked, and whether it passed.
    answers: Vec<Answer>,
    /// The revision of the rows that the answers are true for; `None`: nobody was asked.
    seen: Option<u64>,
    /// When the first of the rows was asked; ages that it compares have grown since.
    at: Timestamp,
    /// Rows that are still to be asked, the next one last.
    todo: Vec<Slot>,
    /// What passes now may belong above what has passed already.
    mixed: bool,
    /// All rows are asked again for their age: the old answers stand meanwhile.
    renewed: bool,
}

/// What rows are asked.
pub(super) struct Question<'a, C: ?Sized + 'static> {
    pub filter: &'a Filter,
    pub table: &'static Table<C>,
    pub cx: &'a C,
    pub now: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Answer {
    asked: bool,
    passed: bool,
}

/// How long rows may stay that a filter over ages (`created<5m`) no longer lets through, and others be left
/// out that it would: each time all rows are asked.
const AGEING: SignedDuration = SignedDuration::from_secs(5);
/// Cells that are asked in one step: a few milliseconds.
const STEP: usize = 100_000;

impl Passing {
    /// A new filter. Where it is narrower than the old one, only what that let through is asked again.
    pub fn filter(&mut self, narrower: bool) {
        if narrower && !self.renewed {
            for answer in self.answers.iter_mut().filter(|answer| answer.passed) {
                *answer = Answer::default();
            }
        } else {
            *self = Self::default();
        }
    }

    /// Rows that were not asked yet.
    pub fn left(&self) -> usize {
        if self.renewed { 0 } else { self.todo.len() }
    }

    /// Whether there is more to ask.
    pub fn is_behind(&self) -> bool {
        !self.todo.is_empty()
    }

    /// Whether it is time to ask all rows for their age again.
    pub fn is_due(&self, filter: &Filter, now: Timestamp) -> bool {
        filter.is_about_ages() && now.duration_since(self.at) >= AGEING
    }

    /// Follows what changed: those rows are asked at once. Returns whether all are to be asked.
    pub fn catch_up<C: ?Sized>(&mut self, question: &Question<C>) -> bool {
        let rows = (question.table.slots)(question.cx);
        let revision = rows.revision();
        let due = self.is_due(question.filter, question.now);
        if due {
            self.at = question.now;
            // Where some were never asked, there is no old answer of theirs to stand.
            self.renewed = self.seen.is_some() && !self.is_behind();
            self.answers.iter_mut().for_each(|answer| answer.asked = false);
        }
        let changed = self.seen.and_then(|seen| rows.changed_since(seen));
        self.seen = Some(revision);
        match changed {
            Some(changed) => {
                changed.iter().for_each(|slot| self.put(*slot, Answer { asked: true, passed: false }));
                let live: Vec<Slot> = changed.into_iter().filter(|slot| rows.is_live(*slot)).collect();
                self.ask(&live, question);
                self.mixed |= !live.is_empty();
                due
            }
            None => {
                self.answers.clear();
                self.renewed = false;
                self.at = question.now;
                true
            }
        }
    }

    /// Rows are to be asked in this order.
    pub fn queue(&mut self, order: &[Slot]) {
        let mut todo = std::mem::take(&mut self.todo);
        todo.clear();
        todo.extend(order.iter().rev().copied().filter(|slot| !self.answer(*slot).asked));
        self.todo = todo;
        self.mixed = self.answers.iter().any(|answer| answer.passed);
    }

    /// Asks the next rows, and adds those that pass to the rows that are shown in this order.
    pub fn step<C: ?Sized>(&mut self, order: &[Slot], shown: &mut Vec<Slot>, question: &Question<C>) {
        let rows = (STEP / question.filter.cost(question.table.columns.len())).max(64);
        let rest = self.todo.len().saturating_sub(rows);
        let mut next = self.todo.split_off(rest);
        next.reverse();
        // One that has changed meanwhile was asked then.
        next.retain(|slot| !self.answer(*slot).asked);
        let passed = self.ask(&next, question);
        if self.mixed {
            self.shown(order, shown);
        } else {
            shown.extend(passed);
        }
        self.renewed &= !self.todo.is_empty();
        if self.todo.is_empty() {
            self.todo.shrink_to_fit();
        }
    }

    /// The rows of this order that passed.
    pub fn shown(&self, order: &[Slot], shown: &mut Vec<Slot>) {
        shown.clear();
        shown.extend(order.iter().copied().filter(|slot| self.answer(*slot).passed));
    }

    /// Those of the rows that pass.
    fn ask<C: ?Sized>(&mut self, slots: &[Slot], question: &Question<C>) -> Vec<Slot> {
        let Question { filter, table, cx, now } = *question;
        slots.iter().for_each(|slot| self.put(*slot, Answer { asked: true, passed: false }));
        let passed = filter.sieve(table.columns, cx, now).keep(slots);
        passed.iter().for_each(|slot| self.put(*slot, Answer { asked: true, passed: true }));
        passed
    }

    fn answer(&self, slot: Slot) -> Answer {
        self.answers.get(slot as usize).copied().unwrap_or_default()
    }

    fn put(&mut self, slot: Slot, answer: Answer) {
        let at = slot as usize;
        if at >= self.answers.len() {
            self.answers.resize(at + 1, Answer::default());
        }
        self.answers[at] = answer;
    }
}
