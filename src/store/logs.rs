//! The last lines of all logs that are tailed, within a bound of memory.
//!
//! Lines are kept as they came: their bytes in chunks, and of each 32 bytes that say where it stands, when it was
//! written and to which record it belongs. What it says is read again when it is looked at. When there are too many,
//! those that came first go, and are counted.

mod facts;
mod kinds;
mod rates;
mod traffic;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Heard, HeardLine, Level, Line, LogSource, Parse, Text, Trouble};
pub use facts::{Fact, Facts};
pub use kinds::{Kind, Kinds, kind_of};
pub use rates::{BARS, Rates};
pub use traffic::{Asked, Traffic};

/// Bytes of lines that are kept, unless told otherwise.
const ROOM: usize = 64 << 20;
/// Bytes of a chunk. No line is longer: the collector cuts them.
const CHUNK: usize = 256 << 10;
/// Lines that stay taken apart: those that a filter is put to at once.
const PARSED: usize = 4_096;
/// Errors count as heard now if they were written so many microseconds ago at most.
const RECENT: i64 = 120_000_000;
/// So many troubles are kept.
const TROUBLES: usize = 100;

/// What is kept of a line.
#[derive(Clone, Copy, Debug)]
struct Kept {
    at: i64,
    /// Where its bytes are: the number of the chunk, counted from the first that ever was, and the place in it.
    chunk: u32,
    offset: u32,
    length: u32,
    /// How many lines before it its record begins; 0: here.
    back: u32,
    source: u16,
    /// Lines that go on with it.
    more: u16,
    level: Level,
    is_cut: bool,
    /// Another line has taken its place.
    is_gone: bool,
    /// A question of our own caused it.
    is_own: bool,
}

impl Kept {
    fn is_own_record(&self) -> bool {
        self.is_own && self.back == 0
    }
}

/// The last lines of all logs.
#[derive(Debug)]
pub struct Logs {
    room: usize,
    chunks: VecDeque<Vec<u8>>,
    first_chunk: u32,
    lines: VecDeque<Kept>,
    /// The number of the first line that is still there.
    first: u64,
    sources: Vec<LogSource>,
    parse: Option<Arc<dyn Parse>>,
    files: usize,
    away: Arc<[Trouble]>,
    dropped: u64,
    replaced: u64,
    own: usize,
    rates: Rates,
    /// Records of ERROR and above since the first was heard, by service.
    errors: BTreeMap<Text, u64>,
    kinds: Kinds,
    facts: Facts,
    traffic: Traffic,
    troubles: VecDeque<(Timestamp, Trouble)>,
    revision: u64,
    /// What was taken apart last, by the line's number: a filter asks for one part of a line after the other.
    parsed: RefCell<Vec<(u64, Line)>>,
}

impl Default for Logs {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

/// A record: a line, and those that go on with it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub number: u64,
    /// Microseconds since 1970, UTC.
    pub at: i64,
    pub level: Level,
    pub source: &'a LogSource,
    /// The bytes of its first line.
    pub head: &'a [u8],
    /// Lines that go on with it.
    pub more: usize,
    /// Only the line's start was kept.
    pub is_cut: bool,
}

impl Logs {
    /// Keeps so many bytes of lines.
    pub fn with_room(room: usize) -> Self {
        Self {
            room,
            chunks: VecDeque::new(),
            first_chunk: 0,
            lines: VecDeque::new(),
            first: 0,
            sources: Vec::new(),
            parse: None,
            files: 0,
            away: Arc::default(),
            dropped: 0,
            replaced: 0,
            own: 0,
            rates: Rates::default(),
            errors: BTreeMap::new(),
            kinds: Kinds::default(),
            facts: Facts::default(),
            traffic: Traffic::default(),
            troubles: VecDeque::new(),
            revision: 0,
            parsed: RefCell::default(),
        }
    }

    /// Takes in what was heard.
    pub(super) fn put(&mut self, heard: Heard, now: Timestamp) {
        self.revision += 1;
        if heard.first != self.next() {
            // Another collector counts anew: what the old one said is told again.
            let mut facts = std::mem::take(&mut self.facts);
            facts.anew();
            *self = Self { revision: self.revision, facts, ..Self::with_room(self.room) };
            self.first = heard.first;
        }
        for source in &heard.sources {
            self.errors.entry(source.service.clone()).or_default();
        }
        self.sources.extend(heard.sources);
        self.files = heard.files;
        self.away = heard.away;
        self.parse = Some(heard.parse.clone());
        for line in &heard.lines {
            self.keep(line, line.text.of(&heard.text), now);
        }
        self.traffic.put(heard.endpoints, &heard.requests, heard.own_requests);
        for trouble in heard.troubles {
            self.troubles.push_back((now, trouble));
        }
        self.troubles.drain(..self.troubles.len().saturating_sub(TROUBLES));
        self.make_room();
    }

    fn keep(&mut self, line: &HeardLine, bytes: &[u8], now: Timestamp) {
        let number = self.next();
        if let Some(old) = line.replaces {
            self.let_go(old);
        }
        let back = number.checked_sub(line.record).and_then(|back| u32::try_from(back).ok()).unwrap_or(0);
        let (chunk, offset, length) = self.write(bytes);
        self.lines.push_back(Kept {
            at: line.at,
            chunk,
            offset,
            length,
            back,
            source: u16::try_from(line.source).unwrap_or(u16::MAX),
            more: 0,
            level: line.level,
            is_cut: line.length > bytes.len() as u64,
            is_gone: false,
            is_own: line.is_own,
        });
        if back > 0 {
            if let Some(head) = self.kept_mut(line.record) {
                head.more = head.more.saturating_add(1);
            }
            return;
        }
        self.own += usize::from(line.is_own);
        // The half of a line says nothing that the whole does not say again.
        if line.replaces.is_none() {
            self.rates.count(line.at, line.level, now);
            self.count_error(line, now);
        }
        let is_grave = line.level >= Level::Warning;
        if (is_grave || line.known.is_some())
            && let (Some(parse), Some(source)) = (&self.parse, self.sources.get(line.source as usize))
        {
            let parsed = parse.parse(bytes);
            if is_grave {
                self.kinds.count(number, line, source, bytes, &parsed);
            }
            if let Some(known) = line.known {
                self.facts.learn(number, known, line, (source, bytes, &parsed), now);
            }
        }
    }

    /// Time goes by: findings of known messages that nobody says any more are over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.facts.forget(now);
    }

    /// Hosts of which known messages say something else now.
    pub(super) fn take_changed_hosts(&mut self) -> HashSet<Text> {
        self.facts.take_changed()
    }

    /// Of what was written long before it was heard nobody can say in which minute it came.
    fn count_error(&mut self, line: &HeardLine, now: Timestamp) {
        if line.level >= Level::Error
            && now.as_microsecond() - line.at < RECENT
            && let Some(source) = self.sources.get(line.source as usize)
        {
            match self.errors.get_mut(&source.service) {
                Some(count) => *count += 1,
                None => drop(self.errors.insert(source.service.clone(), 1)),
            }
        }
    }

    /// Another line takes its place.
    fn let_go(&mut self, number: u64) {
        let Some(old) = self.kept_mut(number).filter(|old| !old.is_gone) else { return };
        old.is_gone = true;
        let (back, is_own) = (u64::from(old.back), old.is_own_record());
        self.replaced += 1;
        self.own -= usize::from(is_own);
        if back > 0
            && let Some(head) = self.kept_mut(number - back)
        {
            head.more = head.more.saturating_sub(1);
        }
    }

    /// Puts bytes where there is room for them: the chunk, the place in it, and how many there are.
    fn write(&mut self, bytes: &[u8]) -> (u32, u32, u32) {
        let bytes = bytes.get(..CHUNK).unwrap_or(bytes);
        if self.chunks.back().is_none_or(|chunk| chunk.len() + bytes.len() > CHUNK) {
            self.chunks.push_back(Vec::with_capacity(CHUNK));
        }
        let number = self.first_chunk.wrapping_add(self.chunks.len() as u32 - 1);
        let Some(chunk) = self.chunks.back_mut() else { return (number, 0, 0) };
        let offset = chunk.len() as u32;
        chunk.extend_from_slice(bytes);
        (number, offset, bytes.len() as u32)
    }

    /// Lets go of the lines that came first, a sixteenth of the room at once: who follows must look what is gone.
    fn make_room(&mut self) {
        let held = |chunks: &VecDeque<Vec<u8>>| chunks.len() * CHUNK;
        if held(&self.chunks) <= self.room {
            return;
        }
        while held(&self.chunks) > self.room - self.room / 16 && self.chunks.len() > 1 {
            let gone = self.first_chunk;
            self.chunks.pop_front();
            self.first_chunk = self.first_chunk.wrapping_add(1);
            while let Some(line) = self.lines.front().filter(|line| line.chunk == gone) {
                self.own -= usize::from(!line.is_gone && line.is_own_record());
                self.lines.pop_front();
                self.first += 1;
                self.dropped += 1;
            }
        }
    }

    fn kept(&self, number: u64) -> Option<&Kept> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn kept_mut(&mut self, number: u64) -> Option<&mut Kept> {
        self.lines.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    fn bytes(&self, kept: &Kept) -> &[u8] {
        let chunk = self.chunks.get(kept.chunk.wrapping_sub(self.first_chunk) as usize);
        let start = kept.offset as usize;
        chunk.and_then(|chunk| chunk.get(start..start + kept.length as usize)).unwrap_or_default()
    }

    /// The numbers of the lines that are there, heads of records and others.
    pub fn numbers(&self) -> Range<u64> {
        self.first..self.next()
    }

    /// The record that begins with this line; `None` where none does, or it is gone.
    pub fn record(&self, number: u64) -> Option<Record<'_>> {
        let kept = self.kept(number).filter(|kept| kept.back == 0 && !kept.is_gone)?;
        Some(Record {
            number,
            at: kept.at,
            level: kept.level,
            source: self.sources.get(usize::from(kept.source))?,
            head: self.bytes(kept),
            more: usize::from(kept.more),
            is_cut: kept.is_cut,
        })
    }

    /// When the record was written, in microseconds, if one begins here.
    pub fn at(&self, number: u64) -> Option<i64> {
        self.kept(number).filter(|kept| kept.back == 0 && !kept.is_gone).map(|kept| kept.at)
    }

    /// Whether a question of our own caused the record, and nothing is wrong with it.
    pub fn is_own(&self, number: u64) -> bool {
        self.kept(number).is_some_and(|kept| kept.is_own)
    }

    /// How many such records are held.
    pub fn own(&self) -> usize {
        self.own
    }

    /// The number of the line that begins the record which this line is part of, and the line's bytes.
    pub fn line(&self, number: u64) -> Option<(u64, &[u8])> {
        let kept = self.kept(number).filter(|kept| !kept.is_gone)?;
        Some((number - u64::from(kept.back), self.bytes(kept)))
    }

    /// The lines that go on with a record. Others' lines stand in between.
    pub fn rest(&self, record: &Record<'_>) -> impl Iterator<Item = &[u8]> {
        let head = record.number;
        let behind = (head + 1..self.next()).filter_map(move |number| {
            let kept = self.kept(number)?;
            (u64::from(kept.back) == number - head && !kept.is_gone).then(|| self.bytes(kept))
        });
        behind.take(record.more)
    }

    /// The parts of a line.
    pub fn parse(&self, line: &[u8]) -> Line {
        self.parse.as_ref().map(|parse| parse.parse(line)).unwrap_or_default()
    }

    /// The parts of a record's first line.
    pub fn parsed(&self, record: &Record<'_>) -> Line {
        let mut parsed = self.parsed.borrow_mut();
        if parsed.is_empty() {
            parsed.resize(PARSED, (u64::MAX, Line::default()));
        }
        let place = (record.number % PARSED as u64) as usize;
        match parsed.get_mut(place) {
            Some((number, line)) if *number == record.number => *line,
            Some(other) => {
                *other = (record.number, self.parse(record.head));
                other.1
            }
            None => self.parse(record.head),
        }
    }

    pub fn sources(&self) -> &[LogSource] {
        &self.sources
    }

    /// Files that are followed now.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Hosts that are not heard now, and why.
    pub fn away(&self) -> &[Trouble] {
        &self.away
    }

    /// Lines that came and are no longer there.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Grows when a line takes the place of another.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Records of ERROR and above that were heard soon after they were written, since the first file was followed: by
    /// service, of each whose files are followed.
    pub fn errors(&self) -> impl Iterator<Item = (&Text, u64)> {
        self.errors.iter().map(|(service, count)| (service, *count))
    }

    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// What known messages say of hosts and instances.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Requests to the APIs, as access lines tell of them.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// What could not be had, the oldest first.
    pub fn troubles(&self) -> impl DoubleEndedIterator<Item = &(Timestamp, Trouble)> {
        self.troubles.iter()
    }

    /// Grows with everything that was heard.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

#[cfg(test)]
mod tests;
