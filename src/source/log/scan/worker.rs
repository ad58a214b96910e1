//! Blocks through the needle: what one thread does with a part of a file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use foldhash::fast::RandomState;

use crate::trace::Id;

use super::super::files::{LogFile, Packing, Unpacked};
use super::super::grammar::Grammar;
use super::super::uuid::{each, first};
use super::around::{Record, Window};
use super::note::{Note, Noting, Tags};

/// Bytes looked at in one go: they fit a core's own cache. The index names smaller parts.
pub(super) const BLOCK: usize = 256 << 10;
/// Bytes before and behind a block that are at hand: an id may stand across its edge, with `req-` before it.
const EDGE: usize = 64;
/// What a page of memory has; of some machines more, which are slower then.
const PAGE: usize = 4096;
/// Bytes to either side of a block of a packed file, which cannot be gone back in.
const MARGIN: usize = 64 << 10;
/// Bytes to either side of a place that are read when the block does not tell where its record ends, in turn.
const WIDER: [usize; 3] = [32 << 10, 1 << 20, 16 << 20];

/// Bytes to either side of a place that is known: most records end there.
const NEAR: usize = 4 << 10;
/// Bytes behind a place that must be at hand for it to be looked at with the one before.
const ENOUGH: usize = 1 << 10;
/// Records that are handed on at once: for each alone, whoever listens would have to wake.
const BATCH: usize = 64;

/// What is looked for.
pub(super) enum Needle {
    /// The UUID itself; on the way, all request ids are noted.
    Subject(Id, Tags),
    /// Request ids that were adopted since.
    Ids(HashSet<Id, RandomState>, Tags),
}

impl Needle {
    pub(super) fn subject(id: Id) -> Self {
        Self::Subject(id, Tags::new([first(&id.text(), 0)]))
    }

    pub(super) fn ids(ids: &[Id]) -> Self {
        let tags = Tags::new(ids.iter().map(|id| first(&id.text(), 0)));
        Self::Ids(ids.iter().copied().collect(), tags)
    }

    /// What the index is asked for.
    pub(super) fn firsts(&self) -> Vec<u64> {
        match self {
            Self::Subject(id, _) => vec![first(&id.text(), 0)],
            Self::Ids(ids, _) => ids.iter().map(|id| first(&id.text(), 0)).collect(),
        }
    }

    /// Where it stands in a part, as that was noted.
    pub(super) fn noted<'a>(&'a self, note: &'a Note) -> impl Iterator<Item = u64> + 'a {
        match self {
            Self::Subject(_, tags) => note.places(tags, false),
            Self::Ids(_, tags) => note.places(tags, true),
        }
    }

    /// It stands at this place.
    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        let id = Id::parse(bytes.get(at..).unwrap_or_default());
        id.is_some_and(|id| match self {
            Self::Subject(subject, _) => id == *subject,
            Self::Ids(ids, _) => is_request(bytes, at) && ids.contains(&id),
        })
    }

    /// The places of it in the bytes of a block; what stands there is noted.
    pub(super) fn places(&self, bytes: &[u8], noting: Option<(&mut Noting, bool)>, places: &mut Vec<usize>) {
        let before = places.len();
        let (Self::Subject(_, tags) | Self::Ids(_, tags)) = self;
        let sought = match self {
            Self::Subject(id, _) => first(&id.text(), 0),
            Self::Ids(..) => 0,
        };
        match (self, noting) {
            // One id is compared faster than looked up.
            (Self::Subject(..), Some((noting, all))) => each(bytes, |at| {
                let word = first(bytes, at);
                if word == sought {
                    places.push(at);
                }
                let is_request = is_request(bytes, at);
                noting.insert(word, at, is_request, is_request | all);
            }),
            (Self::Subject(..), None) => each(bytes, |at| {
                if first(bytes, at) == sought {
                    places.push(at);
                }
            }),
            (Self::Ids(..), Some((noting, all))) => each(bytes, |at| {
                let (word, is_request) = (first(bytes, at), is_request(bytes, at));
                if is_request && tags.has(word) {
                    places.push(at);
                }
                noting.insert(word, at, is_request, is_request | all);
            }),
            (Self::Ids(..), None) => each(bytes, |at| {
                if is_request(bytes, at) && tags.has(first(bytes, at)) {
                    places.push(at);
                }
            }),
        }
        // By their first eight characters many may be it.
        let found = places.split_off(before);
        places.extend(found.into_iter().filter(|at| self.is_at(bytes, *at)));
    }
}

/// It stands behind `req-`; or, where fluentd took that away, in the member of a JSON line that is a request's id.
fn is_request(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    match before.last_chunk() {
        Some(b"req-") => true,
        Some([.., b'"']) => MEMBERS.iter().any(|member| before.ends_with(member.as_bytes())),
        _ => false,
    }
}

/// What stands before a request's id in JSON, as its writers set it.
pub(super) const MEMBERS: [&str; 2] = ["request_id\":\"", "request_id\": \""];

/// What came of a part of a file.
#[derive(Default)]
pub(super) struct Scanned {
    /// Of each part, or block, that was gone through.
    pub notes: Vec<(Range<u64>, Note)>,
    /// How large it is, of a packed file that was gone through to its end.
    pub size: Option<u64>,
    pub bytes: u64,
    /// Reading ended early.
    pub trouble: Option<String>,
    /// Under its name another packed file lies by now.
    pub is_other: bool,
}

/// One thread's work: the same for every part.
pub(super) struct Worker<'a> {
    pub grammar: &'a Grammar,
    pub needle: &'a Needle,
    pub cancelled: &'a AtomicBool,
    /// Bytes that there is memory for, for more notes.
    pub room: &'a AtomicUsize,
    pub found: &'a mut dyn FnMut(Vec<Record>),
    /// Those that wait to be handed on.
    pub batch: Vec<Record>,
    /// The thread's own, for all its jobs.
    pub hands: &'a mut Hands,
}

/// What a thread works with.
#[derive(Default)]
pub(super) struct Hands {
    buffer: Vec<u8>,
    noting: Noting,
    places: Vec<usize>,
}

impl Worker<'_> {
    /// Parts of a plain file, each of one block at most.
    pub(super) fn plain(&mut self, file: &LogFile, parts: &[Range<u64>]) -> Scanned {
        let mut scanned = Scanned::default();
        let opened = match File::open(&file.path) {
            Ok(opened) => opened,
            Err(error) => return Scanned { trouble: Some(error.to_string()), ..scanned },
        };
        // The block at the beginning of a page, as it is in the kernel's cache: copied and looked at a third faster.
        let mut buffer = std::mem::take(&mut self.hands.buffer);
        buffer.resize(PAGE + BLOCK + EDGE + PAGE, 0);
        let page = buffer.as_ptr().align_offset(PAGE).min(PAGE) + PAGE - EDGE;
        let whole = &mut buffer;
        let buffer = &mut whole[page % PAGE..][..EDGE + BLOCK + EDGE];
        let mut done = HashSet::default();
        let mut last = None;
        for part in parts {
            if self.cancelled.load(Ordering::Relaxed) {
                break;
            }
            let at = part.start;
            // What was appended since belongs to the last block as far as there is room in it.
            let size = match part.end == file.size {
                true => BLOCK - (at % BLOCK as u64) as usize,
                false => ((part.end - at) as usize).min(BLOCK),
            };
            let before = (at as usize).min(EDGE);
            let read = match last {
                Some((end, size)) if end == at && size >= EDGE => {
                    buffer.copy_within(size..size + EDGE, 0);
                    Ok(EDGE)
                }
                _ => read_at(&opened, &mut buffer[EDGE - before..EDGE], at - before as u64),
            };
            last = Some((part.end, size));
            let read = read.and_then(|_| read_at(&opened, &mut buffer[EDGE..EDGE + size + EDGE], at));
            let read = match read {
                Ok(read) => read + before,
                Err(error) => {
                    scanned.trouble = Some(error.to_string());
                    break;
                }
            };
            let bytes = &buffer[EDGE - before..][..read];
            scanned.bytes += read.saturating_sub(before).min(size) as u64;
            self.block(bytes, before..before + size, part.clone(), false, &mut scanned);
            for place in std::mem::take(&mut self.hands.places) {
                let offset = at - before as u64 + place as u64;
                let window = Window {
                    bytes,
                    at: at - before as u64,
                    begins: at == 0,
                    ends: read < before + size + EDGE,
                };
                self.record(window, place, offset, Some(&opened), &mut done);
            }
            if size == BLOCK {
                self.hand_on();
            }
        }
        self.hands.buffer = std::mem::take(whole);
        self.hand_on();
        scanned
    }

    /// Places of a plain file, in their order, where something was noted.
    pub(super) fn noted(&mut self, file: &LogFile, places: &[u64]) -> Scanned {
        let mut scanned = Scanned::default();
        let opened = match File::open(&file.path) {
            Ok(opened) => opened,
            Err(error) => return Scanned { trouble: Some(error.to_string()), ..scanned },
        };
        let mut buffer = std::mem::take(&mut self.hands.buffer);
        buffer.resize(buffer.len().max(2 * NEAR), 0);
        let mut done = HashSet::default();
        let (mut from, mut read) = (0, 0);
        for place in places {
            if self.cancelled.load(Ordering::Relaxed) {
                break;
            }
            if place + (ENOUGH as u64) > from + read as u64 {
                from = place.saturating_sub(NEAR as u64);
                read = match read_at(&opened, &mut buffer[..2 * NEAR], from) {
                    Ok(read) => read,
                    Err(error) => {
                        scanned.trouble = Some(error.to_string());
                        break;
                    }
                };
                scanned.bytes += read as u64;
            }
            let (bytes, at) = (&buffer[..read], (place - from) as usize);
            if self.needle.is_at(bytes, at) {
                let window = Window { bytes, at: from, begins: from == 0, ends: read < 2 * NEAR };
                self.record(window, at, *place, Some(&opened), &mut done);
            }
        }
        self.hands.buffer = buffer;
        self.hand_on();
        scanned
    }

    /// A packed file, from its beginning. `wanted` says in which blocks anything is looked for, in order; none: in all.
    pub(super) fn packed(&mut self, file: &LogFile, wanted: Option<&[u64]>) -> Scanned {
        debug_assert!(file.packing != Packing::Plain);
        let mut scanned = Scanned::default();
        let mut reader = match Unpacked::open(file) {
            Ok(reader) => reader,
            Err(error) => return Scanned { trouble: Some(error.to_string()), ..scanned },
        };
        scanned.is_other = !reader.is_as_found;
        let last = wanted.map_or(u64::MAX, |wanted| wanted.last().copied().unwrap_or(0));
        // What lies before the block, the block, what lies behind it.
        let mut buffer: Vec<u8> = Vec::with_capacity(MARGIN + BLOCK + MARGIN);
        let (mut before, mut at, mut number, mut ended) = (0, 0u64, 0, false);
        let mut done = HashSet::default();
        while number <= last && !self.cancelled.load(Ordering::Relaxed) {
            while !ended && buffer.len() < before + BLOCK + MARGIN {
                let filled = buffer.len();
                buffer.resize(before + BLOCK + MARGIN, 0);
                let read = reader.read(&mut buffer[filled..]);
                buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
                match read {
                    Ok(0) => ended = true,
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        scanned.trouble = Some(error.to_string());
                        ended = true;
                    }
                }
            }
            scanned.bytes += (buffer.len() - before).min(BLOCK) as u64;
            let end = buffer.len().min(before + BLOCK + EDGE);
            if wanted.is_none_or(|wanted| wanted.binary_search(&number).is_ok()) {
                let part = at..at + BLOCK as u64;
                self.block(&buffer[..end], before..before + BLOCK, part, true, &mut scanned);
            }
            for place in std::mem::take(&mut self.hands.places) {
                let window =
                    Window { bytes: &buffer, at: at - before as u64, begins: number == 0, ends: ended };
                let offset = at - before as u64 + place as u64;
                self.record(window, place, offset, None, &mut done);
            }
            self.hand_on();
            if buffer.len() <= before + BLOCK && ended {
                scanned.size = Some(at + (buffer.len() - before) as u64);
                break;
            }
            let keep_from = (before + BLOCK).saturating_sub(MARGIN).min(buffer.len());
            let next = (before + BLOCK).min(buffer.len());
            buffer.drain(..keep_from);
            before = next - keep_from;
            at += BLOCK as u64;
            number += 1;
        }
        scanned
    }

    /// The places of what is looked for that begin in the block proper: those before it were the last one's. What
    /// stands there is noted: request ids, or `all`.
    fn block(
        &mut self,
        bytes: &[u8],
        proper: Range<usize>,
        part: Range<u64>,
        all: bool,
        scanned: &mut Scanned,
    ) {
        let Hands { noting, places, .. } = &mut *self.hands;
        let may_note = self.room.load(Ordering::Relaxed) > 0;
        places.clear();
        self.needle.places(bytes, may_note.then_some((&mut *noting, all)), places);
        places.retain(|place| proper.contains(place));
        if may_note {
            let note = noting.finish(proper.start);
            let room = |room: usize| Some(room.saturating_sub(note.size()));
            let _ = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
            scanned.notes.push((part, note));
        }
    }

    fn hand_on(&mut self) {
        if !self.batch.is_empty() {
            (self.found)(std::mem::take(&mut self.batch));
        }
    }

    /// Finds the record around a place and hands it on, unless another of its lines led there already.
    fn record(
        &mut self,
        window: Window,
        place: usize,
        offset: u64,
        file: Option<&File>,
        done: &mut HashSet<u64, RandomState>,
    ) {
        let line_start = |window: &Window, place: usize| {
            let before = window.bytes.get(..place).unwrap_or_default();
            memchr::memrchr(b'\n', before).map(|at| window.at + at as u64 + 1)
        };
        if line_start(&window, place).is_some_and(|start| done.contains(&start)) {
            return;
        }
        let mut found = window.record(self.grammar, place);
        if let (Err(_), Some(file)) = (&found, file) {
            for (turn, wider) in WIDER.iter().enumerate() {
                let from = offset.saturating_sub(*wider as u64);
                let mut bytes = vec![0; (offset - from) as usize + wider];
                let Ok(read) = read_at(file, &mut bytes, from) else { return };
                let is_last = turn + 1 == WIDER.len();
                let ends = read < bytes.len() || is_last;
                bytes.truncate(read);
                let window = Window { bytes: &bytes, at: from, begins: from == 0 || is_last, ends };
                found = window.record(self.grammar, (offset - from) as usize);
                if found.is_ok() {
                    break;
                }
            }
        } else if found.is_err() {
            let window = Window { begins: true, ends: true, ..window };
            found = window.record(self.grammar, place);
        }
        let Ok(record) = found else { return };
        if done.contains(&record.offset()) {
            return;
        }
        done.extend(record.lines.iter().map(|(offset, _)| *offset));
        self.batch.push(record);
        if self.batch.len() >= BATCH {
            self.hand_on();
        }
    }
}

/// As much as there is.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
