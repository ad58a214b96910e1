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
    /// How it begins: a file that was rotated since has another line there. A journal's record is told by its cursor.
    pub head: Arc<[u8]>,
    /// Bytes before and behind that place.
    pub before: u64,
    pub after: u64,
}

impl Passage {
    pub fn new(path: Text, offset: u64, line: &[u8]) -> Self {
        let begins = || line.get(..line.len().min(HEAD)).unwrap_or_default();
        let head = if is_journal(&path) { cursor(line) } else { None };
        Self { head: head.unwrap_or_else(begins).into(), path, offset, before: FIRST, after: FIRST }
    }

    /// Whether it stands in a journal, which has no places.
    pub fn is_of_journal(&self) -> bool {
        is_journal(&self.path)
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

/// As a trace calls a journal: `cmp03:journal`.
fn is_journal(path: &str) -> bool {
    path == "journal" || path.ends_with(":journal")
}

/// journald's name of a record, in no fixed place of what `journalctl -o json` writes of it.
fn cursor(record: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"__CURSOR\":\"";
    let at = memchr::memmem::find(record, NAME)? + NAME.len();
    let cursor = record.get(at..)?;
    cursor.get(..memchr::memchr(b'"', cursor)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_journal_is_told_by_its_cursor_and_all_else_by_how_it_begins() {
        let record = br#"{"MESSAGE":"x","__CURSOR":"s=4;i=3a9;b=2;x=c","PRIORITY":"6"}"#;
        for (path, head) in [
            ("cmp03:journal", &b"s=4;i=3a9;b=2;x=c"[..]),
            ("journal", b"s=4;i=3a9;b=2;x=c"),
            ("cmp03:/var/log/journal", record),
            ("/srv/log/journal", record),
        ] {
            assert_eq!(*Passage::new(path.into(), 7, record).head, *head, "{path}");
        }
        let torn = &record[..30];
        assert_eq!(*Passage::new("cmp03:journal".into(), 7, torn).head, *torn);
    }
}
