//! A list that lies over the records: kinds of messages, or requests to the APIs.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::kinds::{self, Kinds};
use super::traffic::{self, Traffic};
use crate::action::Action;
use crate::health::Verdict;
use crate::pane::Cx;

pub(super) enum Over {
    Kinds(Kinds),
    Traffic(Traffic),
}

/// What a key came to.
pub(super) enum Outcome {
    Done,
    /// The list goes away.
    Leave,
    /// And this filter shows the records behind what was chosen.
    Show(String),
}

impl Over {
    /// What this key opens.
    pub fn of(action: Action, cx: &Cx) -> Option<Self> {
        match action {
            Action::Kinds => Some(Self::Kinds(Kinds::new(cx))),
            Action::Traffic => Some(Self::Traffic(Traffic::new(cx))),
            _ => None,
        }
    }

    pub fn sync(&mut self, cx: &Cx) {
        match self {
            Self::Kinds(kinds) => kinds.sync(cx),
            Self::Traffic(traffic) => traffic.sync(cx),
        }
    }

    pub fn on(&mut self, action: Action, cx: &Cx) -> Option<Outcome> {
        match (action, &mut *self) {
            // The same key leaves it.
            (Action::Back | Action::Quit, _)
            | (Action::Kinds, Self::Kinds(_))
            | (Action::Traffic, Self::Traffic(_)) => Some(Outcome::Leave),
            // All that said the same, or asked the same.
            (Action::Enter, Self::Kinds(kinds)) => {
                kinds.selected(cx).map(|kind| Outcome::Show(kinds::filter(kind)))
            }
            (Action::Enter, Self::Traffic(traffic)) => {
                traffic.selected(cx).map(|asked| Outcome::Show(traffic::filter(asked)))
            }
            (_, Self::Kinds(kinds)) => kinds.on(action, cx).then_some(Outcome::Done),
            (_, Self::Traffic(traffic)) => traffic.on(action, cx).then_some(Outcome::Done),
        }
    }

    /// The record that stands for what is under the cursor.
    pub fn record(&self, cx: &Cx) -> Option<u64> {
        match self {
            Self::Kinds(kinds) => kinds.selected(cx).map(|kind| kind.record),
            Self::Traffic(_) => None,
        }
    }

    pub fn click(&mut self, row: u16) {
        match self {
            Self::Kinds(kinds) => kinds.click(row),
            Self::Traffic(traffic) => traffic.click(row),
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match self {
            Self::Kinds(kinds) => kinds.draw(frame, area, cx),
            Self::Traffic(traffic) => traffic.draw(frame, area, cx),
        }
    }

    pub fn crumb(&self) -> &'static str {
        match self {
            Self::Kinds(_) => "kinds",
            Self::Traffic(_) => "API traffic",
        }
    }

    pub fn status(&self, cx: &Cx) -> String {
        match self {
            Self::Kinds(kinds) => kinds.status(),
            Self::Traffic(traffic) => traffic.status(cx),
        }
    }

    /// Where no record stands for what is under the cursor: what is known of it.
    pub fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        match self {
            Self::Kinds(_) => None,
            Self::Traffic(traffic) => traffic.words(cx),
        }
    }
}
