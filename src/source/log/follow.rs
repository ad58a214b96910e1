//! Follows logs as they grow: through rename and create, copy and truncate, deletion, and files that appear later.
//!
//! Files are asked, not watched: a poll loses nothing and costs a quarter of what notifications do, whose queue
//! overflows besides. A file is its device and inode, so that one that was renamed is still the same; and a copy
//! of one that is followed is told by its bytes, so that no line is given out twice.

pub mod elsewhere;
mod file;
pub mod journal;
mod lines;

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{self, LogFile, Packing, Skipped};
use super::index::{Index, Writing};
use crate::config::logs::LogPlace;
use crate::model::Trouble;
use file::{Followed, Head, Step};
use lines::Cut;

/// New files are looked for this often: a rotation is seen at the next poll, a file of a new name here.
const LOOK: Duration = Duration::from_secs(2);
/// At the start so much of each file's end is read, and so much of all, of what was written last.
const START: u64 = 256 << 10;
const START_ALL: u64 = 16 << 20;
/// A file that appears is read whole up to this: what is larger was not written just now.
const APPEARED: u64 = 64 << 20;
/// A file that says nothing for so long keeps no handle; it is looked at with the search for new files.
const DORMANT: Duration = Duration::from_secs(600);
/// A file that was renamed or deleted is read on for so long: its writer may not know yet.
const MOVED: Duration = Duration::from_secs(60);
/// A half line is given out after so much silence.
const HALF: Duration = Duration::from_secs(1);
/// Files that said something lately are those at the end of a tail, which is what is on screen.
const LIVELY: Duration = Duration::from_secs(2);

type Identity = (u64, u64);

/// Which files a poll asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    All,
    /// Those that said something a moment ago.
    Lively,
}

/// What a poll has to tell.
#[derive(Debug)]
pub enum Told<'a> {
    Line(Piece<'a>),
    /// What could not be had, and why.
    Lost(&'a Path, String),
    /// The same, on another host.
    Trouble(&'a Trouble),
    /// What was named, or lies there, and is not read. Said once.
    Skipped(&'a Path, &'a Skipped),
}

/// A line, or all that there is of it yet.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Of the file's present content: another one after a truncation, since records do not go on across it.
    pub id: u64,
    pub file: &'a LogFile,
    /// Without its newline; of a line that is too long its start.
    pub bytes: &'a [u8],
    /// The line's whole length.
    pub length: u64,
    /// So many of these bytes were given out before, as a line that had no end yet: this takes its place.
    pub given: usize,
}

pub struct Follower {
    places: Vec<LogPlace>,
    files: HashMap<Identity, Followed>,
    /// Copies that a rotation made of what was given out already, by what they begin with: inodes are used again.
    copies: HashMap<Identity, Head>,
    /// Paths of which it was said that they are not read.
    skipped: HashSet<PathBuf>,
    ids: u64,
    looked: Option<Instant>,
    buffer: Vec<u8>,
    index: Option<Index>,
}

type Sink<'a> = dyn FnMut(Told<'_>) + 'a;

impl Follower {
    /// Nothing is opened before the first poll.
    pub fn new(places: Vec<LogPlace>) -> Self {
        Self {
            places,
            files: HashMap::new(),
            copies: HashMap::new(),
            skipped: HashSet::new(),
            ids: 0,
            looked: None,
            buffer: vec![0; 256 << 10],
            index: None,
        }
    }

    /// What is read goes into the index too.
    #[must_use]
    pub fn indexed(self, index: Option<Index>) -> Self {
        Self { index, ..self }
    }

    /// What is followed, under the name that it had when it was begun.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &LogFile> {
        self.files.values().map(|followed| &followed.file)
    }

    /// Gives out what came since the last poll. Whether there is more already: no file holds up the others.
    pub fn poll(&mut self, now: Instant, pace: Pace, sink: &mut Sink<'_>) -> bool {
        if pace == Pace::All && self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK) {
            self.look(now, sink);
        }
        let is_asked = |followed: &Followed| {
            followed.is_open() && (pace == Pace::All || followed.is_quiet_for(now) < LIVELY)
        };
        let asked = self.files.iter().filter(|(_, followed)| is_asked(followed));
        let asked: Vec<Identity> = asked.map(|(identity, _)| *identity).collect();
        let mut is_more = false;
        for identity in asked {
            is_more |= self.ask(identity, now, sink);
        }
        is_more
    }

    /// One file. Whether there is more.
    fn ask(&mut self, identity: Identity, now: Instant, sink: &mut Sink<'_>) -> bool {
        let mut step = self.read(identity, now, sink);
        if step != Step::More && self.is_replaced(identity) {
            // What was written between the read and the rename comes before what the new file has.
            step = self.read(identity, now, sink);
            self.follow_siblings(identity, now, sink);
        }
        if step == Step::Done {
            self.settle(identity, now, sink);
        }
        step == Step::More
    }

    fn read(&mut self, identity: Identity, now: Instant, sink: &mut Sink<'_>) -> Step {
        let Some(followed) = self.files.get_mut(&identity) else { return Step::Done };
        match followed.read(&mut self.buffer, now, &mut |id, file, cut| sink(piece(id, file, cut))) {
            Ok(Step::Replaced) => self.restart(identity, now, sink),
            Ok(step) => step,
            Err(error) => {
                followed.close();
                let path = followed.file.path.clone();
                self.lost_once(&path, format!("cannot be read any more: {error}"), sink);
                Step::Done
            }
        }
    }

    /// Another content stands in the file: it was truncated. The rest of the old one is in a copy, if any.
    fn restart(&mut self, identity: Identity, now: Instant, sink: &mut Sink<'_>) -> Step {
        let Some(mut followed) = self.files.remove(&identity) else { return Step::Done };
        let beside = siblings(&followed.file.path);
        let copy = beside.iter().rev().find(|(path, metadata)| {
            let other = self::identity(metadata);
            other != identity && !self.files.contains_key(&other) && followed.is_whole_in(path)
        });
        let mut give = |id, file: &LogFile, cut: Cut<'_>| sink(piece(id, file, cut));
        let finished = match copy {
            Some((path, metadata)) => {
                self.copies.insert(self::identity(metadata), followed.head().clone());
                let finished = followed.finish_from(path, &mut self.buffer, now, &mut give);
                finished.map_err(|error| error.to_string())
            }
            // Nothing was read of it: what copies there are of it, are read whole.
            None if followed.offset() == 0 => Ok(()),
            None => Err("no copy of it is there".to_owned()),
        };
        followed.end_line(&mut give);
        if let Err(why) = finished {
            let words = format!("was truncated; what was written since the last look is lost: {why}");
            sink(Told::Lost(&followed.file.path, words));
        }
        self.ids += 1;
        followed.restart(self.ids);
        self.files.insert(identity, followed);
        // It may have been truncated several times since the last look.
        self.follow_siblings(identity, now, sink);
        Step::More
    }

    /// Whether a file has its name now that is not followed yet.
    fn is_replaced(&mut self, identity: Identity) -> bool {
        let Some(followed) = self.files.get_mut(&identity) else { return false };
        let named = fs::metadata(&followed.file.path).ok().map(|metadata| self::identity(&metadata));
        followed.has_moved = named != Some(identity);
        named.is_some_and(|named| !self.files.contains_key(&named))
    }

    /// Begins with all files that lie beside it under its name and were not there before: the older ones first, and
    /// last the one that has its name now.
    fn follow_siblings(&mut self, identity: Identity, now: Instant, sink: &mut Sink<'_>) {
        let Some(followed) = self.files.get(&identity) else { return };
        let (file, written) = (followed.file.clone(), followed.written());
        for (path, metadata) in siblings(&file.path) {
            let identity = self::identity(&metadata);
            // Older rotations lay there before; the one that has its name may be empty yet.
            let may_be_new = path == file.path || (metadata.len() > 0 && file::written(&metadata) >= written);
            let is_known = self.files.contains_key(&identity);
            if may_be_new && !is_known && Packing::of(&path).is_ok_and(|packing| packing == Packing::Plain) {
                // Whatever it is called now, it was written under the name that the log has.
                let file = LogFile { size: metadata.len(), identity, ..file.clone() };
                if self.appeared(file, &path, now, sink) {
                    self.read(identity, now, sink);
                }
            }
        }
    }

    /// What a file that said nothing new may need.
    fn settle(&mut self, identity: Identity, now: Instant, sink: &mut Sink<'_>) {
        let Some(followed) = self.files.get_mut(&identity) else { return };
        let quiet = followed.is_quiet_for(now);
        if quiet >= HALF {
            followed.give_half(&mut |id, file, cut| sink(piece(id, file, cut)));
        }
        if quiet >= DORMANT || (followed.has_moved && quiet >= MOVED) {
            followed.close();
        }
    }

    /// Looks for files that are new.
    fn look(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let is_first = self.looked.replace(now).is_none();
        let mut found = files::find_growing(&self.places);
        for (path, why) in &found.skipped {
            if self.skipped.insert(path.clone()) {
                sink(Told::Skipped(path, why));
            }
        }
        let there: HashSet<Identity> = found.files.iter().map(|file| file.identity).collect();
        self.copies.retain(|identity, _| there.contains(identity));
        self.files.retain(|identity, followed| there.contains(identity) || followed.is_open());
        found.files.retain(|file| file.packing == Packing::Plain);
        // A copy that was just begun must not be taken for a new log.
        let names: Vec<PathBuf> = found.files.iter().map(|file| file.path.clone()).collect();
        let is_rotation = |path: &Path| names.iter().any(|log| is_rotation(log, path));
        found.files.retain(|file| file.size > 0 || !is_rotation(&file.path));
        // What appeared first is given out first; at the start what was written last is wanted most.
        found.files.sort_by_key(|file| file.written);
        if is_first {
            found.files.reverse();
        }
        let mut left = START_ALL;
        for file in found.files {
            if let Some(known) = self.files.get_mut(&file.identity) {
                if !known.is_open() && known.offset() != file.size {
                    // One that cannot be opened now may be at the next look.
                    let _ = known.wake(&file.path, now);
                }
            } else if is_first {
                let back = START.min(left).min(file.size);
                left -= back;
                let path = file.path.clone();
                self.begin(file.size - back, file, &path, now, sink);
            } else {
                let path = file.path.clone();
                self.appeared(file, &path, now, sink);
            }
        }
    }

    /// A file that was not there before, and is called `at` now: from its start, unless it is a copy. Whether it is
    /// followed.
    fn appeared(&mut self, file: LogFile, at: &Path, now: Instant, sink: &mut Sink<'_>) -> bool {
        if self.copies.get(&file.identity).is_some_and(|head| head.is_of(at)) {
            return false;
        }
        // A copy never has the name of what it was made of.
        let is_log = self.files.values().any(|followed| followed.file.path == at);
        let original = self.files.values().find(|followed| {
            !is_log && is_sibling(&followed.file.path, at) && followed.is_copied_in(at, file.size)
        });
        if let Some(original) = original {
            // Until as much was read of the original as the copy has, the copy may be all that is left of it soon: then
            // nothing is settled yet, and it is asked again at the next look.
            if original.offset() >= file.size {
                self.copies.insert(file.identity, original.head().clone());
            }
            return false;
        }
        let mut from = 0;
        if file.size > APPEARED {
            from = file.size - START;
            sink(Told::Lost(at, "appeared with more than 64 MiB: only its end is read".to_owned()));
        }
        self.begin(from, file, at, now, sink)
    }

    fn begin(&mut self, from: u64, file: LogFile, at: &Path, now: Instant, sink: &mut Sink<'_>) -> bool {
        self.ids += 1;
        let identity = file.identity;
        match Followed::open(self.ids, file, at, from, now, self.index.as_ref().map(Writing::new)) {
            Ok(followed) => {
                self.files.insert(identity, followed);
                true
            }
            // It has another name by now, under which it is found.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => {
                self.lost_once(at, format!("cannot be read: {error}"), sink);
                false
            }
        }
    }

    fn lost_once(&mut self, path: &Path, why: String, sink: &mut Sink<'_>) {
        if self.skipped.insert(path.to_owned()) {
            sink(Told::Lost(path, why));
        }
    }
}

fn piece<'a>(id: u64, file: &'a LogFile, cut: Cut<'a>) -> Told<'a> {
    Told::Line(Piece { id, file, bytes: cut.bytes, length: cut.length, given: cut.given })
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Whether a rotation of one may be called as the other: `nova-api.log.1`, `nova-api-20261129.log`.
fn is_sibling(path: &Path, other: &Path) -> bool {
    let (Some(name), Some(other_name)) = (path.file_name(), other.file_name()) else { return false };
    let stem = name.as_encoded_bytes().split(|b| *b == b'.').next().unwrap_or_default();
    path.parent() == other.parent() && !stem.is_empty() && other_name.as_encoded_bytes().starts_with(stem)
}

/// Whether the other one may be a rotation of this log, and not the other way round.
fn is_rotation(log: &Path, other: &Path) -> bool {
    log.as_os_str().len() < other.as_os_str().len() && is_sibling(log, other)
}

/// The file of this name, at the end, and before it those that may be its rotations, as they were written.
fn siblings(path: &Path) -> Vec<(PathBuf, Metadata)> {
    let Some(Ok(entries)) = path.parent().map(fs::read_dir) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path()).filter(|other| is_sibling(path, other));
    let mut found: Vec<(PathBuf, Metadata)> = paths
        .filter_map(|path| fs::metadata(&path).ok().map(|metadata| (path, metadata)))
        .filter(|(_, metadata)| metadata.is_file())
        .collect();
    found.sort_by_key(|(other, metadata)| (other == path, file::written(metadata)));
    found
}

#[cfg(test)]
mod tests;
