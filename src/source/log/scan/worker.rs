//! Blocks through the needle: what one thread does with a part of a file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::trace::Id;

use super::super::files::{LogFile, Packing, Unpacked};
use super::super::grammar::Grammar;
use super::super::uuid::{each, first};
use super::around::{Record, Window};
use super::bloom::Bloom;

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

/// What is looked for.
pub(super) enum Needle {
    /// The UUID itself; on the way, all request ids are noted.
    Subject(Id),
    /// Request ids that were adopted since.
    Ids(HashSet<Id>, HashSet<u64, foldhash::fast::RandomState>),
}

impl Needle {
    pub(super) fn ids(ids: &[Id]) -> Self {
        let firsts = ids.iter().map(|id| first(&id.text(), 0)).collect();
        Self::Ids(ids.iter().copied().collect(), firsts)
    }

    /// What the index is asked for.
    pub(super) fn firsts(&self) -> Vec<u64> {
        match self {
            Self::Subject(id) => vec![first(&id.text(), 0)],
            Self::Ids(_, firsts) => firsts.iter().copied().collect(),
        }
    }

    /// Whether a block may hold it. Without a note of its ids it may.
    pub(super) fn may_be_in(&self, noted: Option<&Bloom>) -> bool {
        match (self, noted) {
            (Self::Ids(_, firsts), Some(bloom)) => firsts.iter().any(|first| bloom.may_hold(*first)),
            _ => true,
        }
    }

    /// The places of it in the bytes of a block.
    pub(super) fn places(&self, bytes: &[u8], mut bloom: Option<&mut Bloom>, places: &mut Vec<usize>) {
        match self {
            Self::Subject(id) => {
                let sought = first(&id.text(), 0);
                each(bytes, |at| {
                    let word = first(bytes, at);
                    if word == sought && Id::parse(bytes.get(at..).unwrap_or_default()) == Some(*id) {
                        places.push(at);
                    }
                    if let Some(bloom) = bloom.as_deref_mut() {
                        bloom.insert(word, is_request(bytes, at));
                    }
                });
            }
            Self::Ids(ids, firsts) => each(bytes, |at| {
                if is_request(bytes, at)
                    && firsts.contains(&first(bytes, at))
                    && Id::parse(bytes.get(at..).unwrap_or_default()).is_some_and(|id| ids.contains(&id))
                {
                    places.push(at);
                }
            }),
        }
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
    pub blooms: Vec<Option<Box<Bloom>>>,
    pub bytes: u64,
    /// Reading ended early.
    pub trouble: Option<String>,
}

/// One thread's work: the same for every part.
pub(super) struct Worker<'a> {
    pub grammar: &'a Grammar,
    pub needle: &'a Needle,
    pub cancelled: &'a AtomicBool,
    /// Whether there is memory for one more block's note.
    pub may_note: &'a (dyn Fn() -> bool + Sync),
    pub found: &'a mut dyn FnMut(Record),
    /// The thread's own, for all its jobs.
    pub buffer: &'a mut Vec<u8>,
}

impl Worker<'_> {
    /// Parts of a plain file, each of one block at most.
    pub(super) fn plain(&mut self, file: &LogFile, parts: &mut dyn Iterator<Item = Range<u64>>) -> Scanned {
        let mut scanned = Scanned::default();
        let opened = match File::open(&file.path) {
            Ok(opened) => opened,
            Err(error) => return Scanned { trouble: Some(error.to_string()), ..scanned },
        };
        // The block at the beginning of a page, as it is in the kernel's cache: copied and looked at a third faster.
        let mut buffer = std::mem::take(self.buffer);
        buffer.resize(PAGE + BLOCK + EDGE + PAGE, 0);
        let page = buffer.as_ptr().align_offset(PAGE).min(PAGE) + PAGE - EDGE;
        let whole = &mut buffer;
        let buffer = &mut whole[page % PAGE..][..EDGE + BLOCK + EDGE];
        let mut places = Vec::new();
        let mut done = HashSet::new();
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
            self.block(bytes, before..before + size, &mut scanned.blooms, &mut places);
            for place in places.drain(..) {
                let offset = at - before as u64 + place as u64;
                let window = Window {
                    bytes,
                    at: at - before as u64,
                    begins: at == 0,
                    ends: read < before + size + EDGE,
                };
                self.record(window, place, offset, Some(&opened), &mut done);
            }
        }
        *self.buffer = std::mem::take(whole);
        scanned
    }

    /// A packed file, from its beginning. `wanted` says of which blocks anything is looked for; behind `last` none is.
    pub(super) fn packed(&mut self, file: &LogFile, wanted: &dyn Fn(usize) -> bool, last: usize) -> Scanned {
        debug_assert!(file.packing != Packing::Plain);
        let mut scanned = Scanned::default();
        let mut reader = match Unpacked::open(file) {
            Ok(reader) => reader,
            Err(error) => return Scanned { trouble: Some(error.to_string()), ..scanned },
        };
        // What lies before the block, the block, what lies behind it.
        let mut buffer: Vec<u8> = Vec::with_capacity(MARGIN + BLOCK + MARGIN);
        let (mut before, mut at, mut number, mut ended) = (0, 0u64, 0, false);
        let mut places = Vec::new();
        let mut done = HashSet::new();
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
            if wanted(number) {
                self.block(&buffer[..end], before..before + BLOCK, &mut scanned.blooms, &mut places);
            }
            for place in places.drain(..) {
                let window =
                    Window { bytes: &buffer, at: at - before as u64, begins: number == 0, ends: ended };
                let offset = at - before as u64 + place as u64;
                self.record(window, place, offset, None, &mut done);
            }
            if buffer.len() <= before + BLOCK && ended {
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

    /// The places of what is looked for that begin in the block proper: those before it were the last one's.
    fn block(
        &mut self,
        bytes: &[u8],
        proper: Range<usize>,
        blooms: &mut Vec<Option<Box<Bloom>>>,
        places: &mut Vec<usize>,
    ) {
        let mut bloom = None;
        if matches!(self.needle, Needle::Subject(_)) {
            bloom = (self.may_note)().then(Bloom::boxed);
        }
        self.needle.places(bytes, bloom.as_deref_mut(), places);
        places.retain(|place| proper.contains(place));
        if matches!(self.needle, Needle::Subject(_)) {
            blooms.push(bloom);
        }
    }

    /// Finds the record around a place and hands it on, unless another of its lines led there already.
    fn record(
        &mut self,
        window: Window,
        place: usize,
        offset: u64,
        file: Option<&File>,
        done: &mut HashSet<u64>,
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
        (self.found)(record);
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
