//! A list over the pane: a cursor that stays on what it is on while the order changes.

use crate::action::Action;

pub(super) struct Listing<K, B> {
    by: B,
    /// In the order on screen.
    keys: Vec<K>,
    cursor: Option<K>,
    top: usize,
    height: usize,
}

/// What a key came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    /// Another order: it wants its keys anew.
    Sorted,
}

impl<K: Copy + PartialEq, B: Order> Listing<K, B> {
    pub fn new(by: B) -> Self {
        Self { by, keys: Vec::new(), cursor: None, top: 0, height: 0 }
    }

    pub fn by(&self) -> B {
        self.by
    }

    pub fn set(&mut self, keys: Vec<K>) {
        self.keys = keys;
        if self.cursor.is_none_or(|key| !self.keys.contains(&key)) {
            self.cursor = self.keys.first().copied();
        }
    }

    pub fn cursor(&self) -> Option<K> {
        self.cursor
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    fn at(&self) -> usize {
        self.keys.iter().position(|key| Some(*key) == self.cursor).unwrap_or(0)
    }

    pub fn on(&mut self, action: Action) -> Option<Step> {
        if let Some(by) = self.by.after(action) {
            // What stands first then is looked at.
            (self.by, self.cursor) = (by, None);
            return Some(Step::Sorted);
        }
        let (at, page) = (self.at(), self.height.max(1));
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::HalfPageUp => at.saturating_sub(page / 2),
            Action::HalfPageDown => at + page / 2,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::Top => 0,
            Action::Bottom => usize::MAX,
            _ => return None,
        };
        self.cursor = self.keys.get(to.min(self.keys.len().saturating_sub(1))).copied();
        Some(Step::Done)
    }

    /// A row of the pane.
    pub fn click(&mut self, row: u16) {
        // The head of the pane, and that of the list.
        let at = (row as usize).checked_sub(2).map(|row| self.top + row);
        self.cursor = at.and_then(|at| self.keys.get(at)).copied().or(self.cursor);
    }

    /// What is on screen where there is room for so many, and whether it is under the cursor.
    pub fn visible(&mut self, height: usize) -> impl Iterator<Item = (K, bool)> {
        self.height = height;
        let at = self.at();
        self.top = self.top.min(at).max((at + 1).saturating_sub(height));
        let keys = self.keys.iter().copied().enumerate().skip(self.top).take(height);
        keys.map(move |(index, key)| (key, index == at))
    }
}

/// What stands first, of several ways.
pub(super) trait Order: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn words(self) -> &'static str;

    /// After a key that sorts; `None` for any other.
    fn after(self, action: Action) -> Option<Self> {
        let step = match action {
            Action::SortNext => 1,
            Action::SortPrevious => Self::ALL.len() - 1,
            _ => return None,
        };
        let now = Self::ALL.iter().position(|by| *by == self).unwrap_or(0);
        Self::ALL.get((now + step) % Self::ALL.len()).copied()
    }
}
