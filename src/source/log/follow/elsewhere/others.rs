//! The files of other hosts, and their lines as a [`Follower`](super::super::Follower) gives out those of this one.

use std::collections::{BTreeMap, HashMap};

use super::super::lines::{Cut, Lines};
use super::super::{self as follow, Piece};
use super::{Key, Told};
use crate::model::Trouble;
use crate::source::log::files::LogFile;

/// Contents of other hosts' files are numbered apart from those of this host.
const FIRST: u64 = 1 << 63;

struct File {
    id: u64,
    file: LogFile,
    lines: Lines,
}

/// All files of all hosts, by the host's number and the file's identity there.
#[derive(Default)]
pub struct Others {
    files: HashMap<(usize, Key), File>,
    ids: u64,
    away: BTreeMap<usize, Trouble>,
}

impl Others {
    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The hosts that are not heard now, and why.
    pub fn away(&self) -> impl Iterator<Item = &Trouble> {
        self.away.values()
    }

    /// Takes in what a host has told, and gives out its lines.
    pub fn hear(&mut self, host: usize, told: Told, sink: &mut dyn FnMut(follow::Told<'_>)) {
        match told {
            Told::File { key, file, from } => {
                self.ids += 1;
                let lines = if from > 0 { Lines::torn() } else { Lines::default() };
                self.files.insert((host, key), File { id: FIRST + self.ids, file, lines });
            }
            Told::Bytes { key, bytes } => {
                let Some(File { id, file, lines }) = self.files.get_mut(&(host, key)) else { return };
                lines.feed(&bytes, &mut |cut| sink(follow::Told::Line(piece(*id, file, cut))));
            }
            Told::Anew { key } => {
                let Some(File { id, file, lines }) = self.files.get_mut(&(host, key)) else { return };
                lines.end(&mut |cut| sink(follow::Told::Line(piece(*id, file, cut))));
                self.ids += 1;
                *id = FIRST + self.ids;
            }
            Told::Begun => drop(self.away.remove(&host)),
            Told::Away(trouble) => drop(self.away.insert(host, trouble)),
            Told::Trouble(trouble) => sink(follow::Told::Trouble(&trouble)),
        }
    }
}

fn piece<'a>(id: u64, file: &'a LogFile, cut: Cut<'a>) -> Piece<'a> {
    Piece { id, file, bytes: cut.bytes, length: cut.length, given: cut.given }
}
