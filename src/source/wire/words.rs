//! What rows of all pages have in common: texts, lists of them, flavors.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Entries, Str};
use crate::model::{Flavor, Text};

/// What many rows share is kept once, for as long as a row holds it.
#[derive(Default)]
pub(in crate::source) struct Words {
    texts: Shared<str>,
    lists: Shared<[Text]>,
    flavors: Shared<Flavor>,
}

impl Words {
    pub fn text(&mut self, word: &str) -> Text {
        self.texts.get(word, |word| word.into())
    }

    pub fn maybe(&mut self, word: Option<impl AsRef<str>>) -> Option<Text> {
        word.filter(|word| !word.as_ref().is_empty()).map(|word| self.text(word.as_ref()))
    }

    pub fn pairs(&mut self, entries: Option<Entries<Str>>) -> Box<[(Text, Text)]> {
        let entries = entries.unwrap_or_default().into_iter();
        entries.map(|(key, value)| (self.text(&key), self.text(&value))).collect()
    }

    pub fn list(&mut self, list: &[Text]) -> Arc<[Text]> {
        self.lists.get(list, |list| list.into())
    }

    pub fn flavor(&mut self, flavor: Flavor) -> Arc<Flavor> {
        self.flavors.get(&flavor, |flavor| Arc::new(flavor.clone()))
    }
}

/// One kind of what is shared.
struct Shared<T: ?Sized> {
    known: HashSet<Arc<T>, RandomState>,
    /// How many there may be before those that no row holds any more are let go.
    room: usize,
}

/// So few are never worth a look at all of them.
const ROOM: usize = 4_096;

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self { known: HashSet::default(), room: ROOM }
    }
}

impl<T: ?Sized + Hash + Eq> Shared<T> {
    fn get(&mut self, value: &T, new: impl FnOnce(&T) -> Arc<T>) -> Arc<T> {
        if let Some(known) = self.known.get(value) {
            return known.clone();
        }
        if self.known.len() >= self.room {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            // A look at all of them is paid for by as many new ones.
            self.room = ROOM.max(self.known.len() * 2);
        }
        let shared = new(value);
        self.known.insert(shared.clone());
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_as_long_as_somebody_holds_it() {
        let mut words = Words::default();
        let held = words.text("ACTIVE");
        assert!(Arc::ptr_eq(&held, &words.text("ACTIVE")));
        for n in 0..3 * ROOM {
            words.text(&n.to_string());
        }
        assert!(words.texts.known.len() <= ROOM, "{}", words.texts.known.len());
        assert!(Arc::ptr_eq(&held, &words.text("ACTIVE")));
    }
}
