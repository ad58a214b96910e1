//! A log around one of its lines: what is asked, and what stands there.

use std::sync::Arc;

use super::{Level, Line, Text, Trouble};

/// So many bytes of a line tell it from every other at its place.
const HEAD: usize = 300;
/// Bytes on either side that are asked for at first, and at most.
const FIRST: u64 = 64 << 10;
const MOST: u64 = 4 << 20;

/// A line of a log, and how much around it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Passage {
    /// As a trace has it: another host's stands behind that and a colon.
    pub path: Text,
    /// Where the line begins there, in bytes, unpacked.
    pub offset: u64,
    /// How it begins: a file that was rotated since has another line there.
    pub head: Arc<[u8]>,
    /// Bytes before and behind that place.
    pub before: u64,
    pub after: u64,
}

impl Passage {
    pub fn new(path: Text, offset: u64, line: &[u8]) -> Self {
        let head = line.get(..line.len().min(HEAD)).unwrap_or_default().into();
        Self { path, offset, head, before: FIRST, after: FIRST }
    }

    /// Whether it is the same line, however much around it is wanted.
    pub fn is_of(&self, other: &Self) -> bool {
        (&self.path, self.offset, &self.head) == (&other.path, other.offset, &other.head)
    }

    /// More above; `None`: it is as much as there may be.
    pub fn more_before(&self) -> Option<Self> {
        (self.before < MOST).then(|| Self { before: (self.before * 4).min(MOST), ..self.clone() })
    }

    /// More below.
    pub fn more_after(&self) -> Option<Self> {
        (self.after < MOST).then(|| Self { after: (self.after * 4).min(MOST), ..self.clone() })
    }
}

/// One line of it.
#[derive(Clone, Debug)]
pub struct Passed {
    pub offset: u64,
    /// Without its line break.
    pub text: Box<[u8]>,
    pub parsed: Line,
    /// Its own level; of a line that goes on with a record, as it is written there.
    pub level: Level,
    /// It begins a record.
    pub is_head: bool,
}

/// What stands there.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// What was asked.
    pub passage: Passage,
    /// Where it was found: the file may be called otherwise by now.
    pub path: Text,
    pub lines: Vec<Passed>,
    /// The first line is the file's, and so is the last.
    pub begins: bool,
    pub ends: bool,
    /// Why there is nothing.
    pub trouble: Option<Trouble>,
}
