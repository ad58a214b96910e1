//! The index that tailing leaves behind: which blocks of the logs may hold a UUID, in a fiftieth of their size.
//!
//! Of each 16 KiB that the tail reads, a column of 2368 bits notes all UUIDs that begin there ([`strand`], `bits`).
//! Columns gather in memory and are asked there; when they are many, after a minute and at the end they are written
//! as a [`segment`]: a row for each bit, so that who asks for a UUID reads twelve short rows, however large the logs
//! are. Small segments are merged, so that there always are few; the oldest go when all are more than
//! [`Limits::bytes`] ([`shelf`]). What lay there before the tail began, and what is packed, is read little by little
//! while there is nothing else to do ([`fill`]).
//!
//! **Never wrong.** "No" is believed of a block only while it is sure to be the block that was indexed. A content is
//! known by its first 1 KiB, whatever the file is called; a run of blocks by the 256 bytes before its beginning and
//! before its end, which are 4 MiB apart at most, and which a trace reads again each time ([`cover`]). So a renamed or
//! copied file is the same file, one that was truncated is another, and what was appended is not covered. A packed
//! file cannot be looked into: it was unpacked to its end once, and is known by device, inode, size and time of its
//! last write. All that is read of a segment has a checksum. What is not covered, or not well, is scanned.
//! What is assumed: a log is appended to, truncated or replaced, but nobody changes bytes in its middle and leaves all
//! else as long as it was; and two contents that have the same beginning, and the same bytes at both ends of a run, at
//! the same places of the file, are the same between. Lines tell the time, so they are.
//!
//! **Never in the way.** Nothing here waits for a disk while a tail or a trace does: the tail puts columns down in
//! memory and drops them when nobody takes them away. A directory that cannot be written means an index that is not
//! there. It holds no text of the logs, only bits.

mod bits;
mod cover;
pub mod fill;
mod print;
mod runs;
mod segment;
mod shelf;
mod strand;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use cover::{Answer, Cover, Piece, Snapshot};
use segment::Segment;
use shelf::Shelf;
use strand::{Ready, Strand};

/// Bytes of a file that a column is of. A UUID belongs to the block in which it begins.
///
/// A trace reads a whole block for a line: with 64 KiB it took three times as long, with less the rows get long.
pub const BLOCK: u64 = 16 << 10;
/// Columns that may wait in memory, of 296 bytes each. More come only while they cannot be written.
const WAITING: usize = 16_384;
/// Where another writes it is tried so often to take its place.
const ASK: Duration = Duration::from_secs(60);
/// So long the end of the program waits for what is being written.
const END: Duration = Duration::from_millis(500);

/// Blocks of one content that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Of the content: what it begins with.
    key: u64,
    first: u64,
    count: u64,
    /// Of the bytes before the first block; 0 at the beginning.
    before: u64,
    /// All UUIDs that begin before this place are known, and what stands before it.
    to: u64,
    print: u64,
}

/// A packed file that was unpacked to its end: which content it has, and up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    written: i64,
    key: u64,
    to: u64,
    print: u64,
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of all segments on disk.
    pub bytes: u64,
    /// Columns that are written at once, and how long fewer may wait.
    pub columns: usize,
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 512 << 20, columns: 8192, age: Duration::from_secs(60) }
    }
}

/// The index of one directory; clones share it.
#[derive(Clone)]
pub struct Index(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    limits: Limits,
    /// None while another stackwatch writes, or nobody can.
    shelf: Mutex<Option<Shelf>>,
    /// Whether there is one: the shelf itself may be at work.
    is_writer: AtomicBool,
    /// When the right to write was asked for; none where it is not to be.
    asked: Mutex<Option<Instant>>,
    /// What lies there; whoever asks takes a copy of the list.
    segments: Mutex<Vec<Arc<Segment>>>,
    live: Mutex<Live>,
}

/// What is in memory alone.
#[derive(Default)]
struct Live {
    ready: Vec<Arc<Ready>>,
    packed: Vec<Packed>,
    /// When the first of them came.
    since: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves it whole: a panic elsewhere damages nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index {
    /// The index that lies there, to be asked and to be added to. While another stackwatch adds to it, or the directory
    /// cannot be written, it is asked only, and tried again.
    pub fn open(directory: &Path, limits: Limits) -> Self {
        let index = Self::with(directory, limits, Some(Instant::now()));
        index.take();
        index.look();
        index
    }

    /// The index that lies there, to be asked only.
    pub fn read(directory: &Path) -> Self {
        let index = Self::with(directory, Limits::default(), None);
        index.look();
        index
    }

    fn with(directory: &Path, limits: Limits, asked: Option<Instant>) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            limits,
            shelf: Mutex::default(),
            is_writer: AtomicBool::new(false),
            asked: Mutex::new(asked),
            segments: Mutex::default(),
            live: Mutex::default(),
        }))
    }

    /// Whether it is added to here.
    pub fn is_writer(&self) -> bool {
        self.0.is_writer.load(Ordering::Relaxed)
    }

    /// Asks for the right to write.
    fn take(&self) {
        match Shelf::take(&self.0.directory) {
            Ok(shelf) => {
                self.0.is_writer.store(shelf.is_some(), Ordering::Relaxed);
                *lock(&self.0.shelf) = shelf;
            }
            Err(error) => tracing::info!("no index is kept in {}: {error}", self.0.directory.display()),
        }
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        lock(&self.0.segments).iter().map(|segment| segment.table.size()).sum()
    }

    /// Whether there is room for what is not asked for now: neither must the oldest go for it, nor what the tail reads.
    fn has_room(&self) -> bool {
        self.size() < self.0.limits.bytes / 8 * 7 && lock(&self.0.live).ready.len() < WAITING / 4 * 3
    }

    /// Takes in what lies in the directory now; what it cannot read is as if it were not there.
    fn look(&self) {
        let there = shelf::list(&self.0.directory);
        let mut known = lock(&self.0.segments).clone();
        known.retain(|segment| there.contains(&segment.path));
        for path in there {
            if !known.iter().any(|segment| segment.path == path)
                && let Ok(segment) = Segment::open(&path)
            {
                known.push(Arc::new(segment));
            }
        }
        known.sort_by(|one, other| one.path.cmp(&other.path));
        *lock(&self.0.segments) = known;
    }

    /// What is known now, for one trace.
    pub fn snapshot(&self) -> Snapshot {
        // Another stackwatch may have written since.
        if !self.is_writer() {
            self.look();
        }
        let segments = lock(&self.0.segments).clone();
        let (ready, packed) = self.live();
        Snapshot::new(segments, ready, &packed)
    }

    fn live(&self) -> (Vec<Arc<Ready>>, Vec<Packed>) {
        let live = lock(&self.0.live);
        (live.ready.clone(), live.packed.clone())
    }

    fn put(&self, ready: impl IntoIterator<Item = Ready>, packed: Option<Packed>) {
        let mut live = lock(&self.0.live);
        let room = WAITING.saturating_sub(live.ready.len());
        let before = live.ready.len();
        live.ready.extend(ready.into_iter().take(room).map(Arc::new));
        if live.ready.len() > before || packed.is_some() {
            live.since.get_or_insert_with(Instant::now);
        }
        let has_room = live.packed.len() < WAITING;
        live.packed.extend(packed.filter(|_| has_room && room > 0));
    }

    /// Writes what has waited long enough, merges, lets go of the oldest and of what is damaged. May wait for the disk.
    pub fn keep(&self) {
        let is_asked = {
            let mut asked = lock(&self.0.asked);
            let is_asked = !self.is_writer() && asked.is_some_and(|at| at.elapsed() >= ASK);
            if is_asked {
                *asked = Some(Instant::now());
            }
            is_asked
        };
        if is_asked {
            self.look();
            self.take();
        }
        let is_due = {
            let live = lock(&self.0.live);
            live.ready.len() >= self.0.limits.columns
                || live.since.is_some_and(|since| since.elapsed() >= self.0.limits.age)
        };
        if let Some(shelf) = &mut *lock(&self.0.shelf) {
            self.work(shelf, is_due, true);
        }
    }

    /// Writes what there is, now. What cannot be written at once is lost: it is read again another time.
    pub fn finish(&self) {
        let begun = Instant::now();
        while begun.elapsed() < END {
            if let Ok(mut shelf) = self.0.shelf.try_lock() {
                if let Some(shelf) = &mut *shelf {
                    self.work(shelf, true, false);
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn work(&self, shelf: &mut Shelf, is_due: bool, is_patient: bool) {
        let done = self.write(shelf, is_due, is_patient).and_then(|()| self.tidy(shelf, is_patient));
        if let Err(error) = done {
            // A full disk, a directory that went away: what is in memory is asked there, and goes when it is too much.
            shelf.failed(&self.0.directory, &error);
        }
    }

    fn write(&self, shelf: &mut Shelf, is_due: bool, is_patient: bool) -> io::Result<()> {
        if !is_due || !shelf.may_try() {
            return Ok(());
        }
        let (ready, packed) = self.live();
        if ready.is_empty() && packed.is_empty() {
            return Ok(());
        }
        let mut packed_left = packed.clone();
        let mut parts: Vec<&[Arc<Ready>]> = ready.chunks(segment::COLUMNS).collect();
        parts.resize(parts.len().max(1), &[]);
        for part in parts {
            let columns = part.iter().map(|ready| (ready.run, &*ready.column)).collect();
            let packed = std::mem::take(&mut packed_left);
            let segment = shelf.write(&self.0.directory, columns, packed, is_patient)?;
            lock(&self.0.segments).push(Arc::new(segment));
        }
        let mut live = lock(&self.0.live);
        live.ready.drain(..ready.len());
        live.packed.drain(..packed.len());
        live.since = (!live.ready.is_empty() || !live.packed.is_empty()).then(Instant::now);
        Ok(())
    }

    fn tidy(&self, shelf: &mut Shelf, is_patient: bool) -> io::Result<()> {
        loop {
            let mut segments = lock(&self.0.segments).clone();
            let is_changed = shelf.tidy(&self.0.directory, &mut segments, self.0.limits.bytes, is_patient)?;
            *lock(&self.0.segments) = segments;
            if !is_changed || !is_patient {
                return Ok(());
            }
        }
    }
}

/// A file that is read on, on its way into the index.
pub struct Writing {
    index: Index,
    strand: Option<Strand>,
}

impl Writing {
    /// Nothing of the file was read yet.
    pub fn new(index: &Index) -> Self {
        Self { index: index.clone(), strand: None }
    }

    /// What is read next begins at this place. Before that is read, the content is given its name: who reads must see
    /// afterwards that it is still the same.
    pub fn begin(&mut self, file: &File, at: u64) {
        if self.strand.as_ref().is_some_and(|strand| strand.at() == at) {
            return;
        }
        self.strand = match at {
            0 => Some(Strand::whole()),
            _ => print::key_of(file).ok().flatten().map(|key| Strand::within(key, at)),
        };
    }

    /// This was read, and is of the content that it was begun with.
    pub fn take(&mut self, at: u64, bytes: &[u8]) {
        let Some(strand) = self.strand.as_mut().filter(|strand| strand.at() == at) else { return };
        let mut done = Vec::new();
        strand.feed(bytes, &mut |ready| done.push(ready));
        if !done.is_empty() {
            self.index.put(done, None);
        }
    }

    /// Another content begins.
    pub fn restart(&mut self) {
        self.strand = None;
    }
}

#[cfg(test)]
mod tests;
