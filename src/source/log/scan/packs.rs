//! What was found out about packed files, kept for as long as the program runs: they do not change, and to unpack one
//! costs far more than to look through it. Notes of what was unpacked, and the records that were found: no
//! other text, and nothing of it on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::note::Note;
use super::{Record, worker::BLOCK};
use crate::source::log::files::LogFile;

/// Bytes that are kept of all files: the notes of a gigabyte of logs, unpacked. What was asked for last stays.
const ROOM: usize = 64 << 20;

/// What is known of a file.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// By where a part begins and ends.
    pub notes: HashMap<(u64, u64), Arc<Note>>,
    /// Unpacked, once it was gone through.
    pub size: Option<u64>,
    /// It could not be read to its end, which is to be said each time; or its name had gone to another file.
    pub is_doubtful: bool,
    /// Of a packed file: the lines of records that were found, by where they begin, with their lengths.
    records: BTreeMap<u64, (u32, Arc<Record>)>,
}

impl Known {
    pub fn note(&mut self, part: (u64, u64), note: Note) {
        self.notes.insert(part, Arc::new(note));
    }

    pub fn found(&mut self, record: Record) {
        let record = Arc::new(record);
        self.records.extend(record.lines.iter().map(|(at, length)| (*at, (*length, record.clone()))));
    }

    /// The record that has this place in one of its lines.
    pub fn record(&self, place: u64) -> Option<&Arc<Record>> {
        let (at, (length, record)) = self.records.range(..=place).next_back()?;
        (place - at < u64::from(*length)).then_some(record)
    }

    /// All blocks of a packed file that was gone through.
    pub fn blocks(&self) -> Option<Vec<u64>> {
        self.size.map(|size| (0..size.div_ceil(BLOCK as u64)).collect())
    }

    /// In bytes, nearly.
    fn weight(&self) -> usize {
        let notes: usize = self.notes.values().map(|note| note.size() + 64).sum();
        let of = |(at, (_, record)): (&u64, &(u32, Arc<Record>))| {
            let is_head = record.offset() == *at;
            64 + if is_head { record.head.len() + record.rest.len() + size_of::<Record>() } else { 0 }
        };
        notes + self.records.iter().map(of).sum::<usize>()
    }
}

/// A file as it was: packed anew it is another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Content {
    identity: (u64, u64),
    size: u64,
    written: Timestamp,
}

impl Content {
    fn of(file: &LogFile) -> Self {
        Self { identity: file.identity, size: file.size, written: file.written }
    }
}

/// What all traces of this process know; clones share it.
#[derive(Clone, Default)]
pub struct Packs(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    files: HashMap<Content, Entry>,
    /// Times that anything was asked for.
    turn: u64,
}

struct Entry {
    known: Arc<Known>,
    weight: usize,
    asked: u64,
}

impl Packs {
    /// What is known of a file.
    pub(super) fn of(&self, file: &LogFile) -> Arc<Known> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        let Some(entry) = kept.files.get_mut(&Content::of(file)) else { return Arc::default() };
        entry.asked = turn;
        entry.known.clone()
    }

    /// Keeps what is known now. What was asked for longest ago goes for it.
    pub(super) fn keep(&self, file: &LogFile, known: &Arc<Known>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let content = Content::of(file);
        if known.is_doubtful || kept.files.get(&content).is_some_and(|kept| Arc::ptr_eq(&kept.known, known)) {
            return;
        }
        kept.turn += 1;
        let entry = Entry { known: known.clone(), weight: known.weight(), asked: kept.turn };
        // Under its inode nothing else lies any more.
        kept.files.retain(|other, _| other.identity != content.identity);
        kept.files.insert(content, entry);
        while kept.files.values().map(|entry| entry.weight).sum::<usize>() > ROOM {
            let oldest = kept.files.iter().min_by_key(|(_, entry)| entry.asked).map(|(content, _)| *content);
            let Some(oldest) = oldest else { return };
            kept.files.remove(&oldest);
        }
    }
}
