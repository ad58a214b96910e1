//! A stretch of a file, as grep brings it: lines that follow on each other, each with its place in the file.

use std::collections::HashSet;

use super::super::super::grammar::Grammar;
use super::super::around::{Record, Window};
use super::super::worker::Needle;

/// Bytes of a stretch that are at hand at once. Where everything matches, the stretch is the file.
const ENOUGH: usize = 4 << 20;
/// Bytes before and behind a place that its record is looked for in.
const MARGIN: usize = 256 << 10;

#[derive(Default)]
pub(super) struct Piece {
    bytes: Vec<u8>,
    /// Where in the file they begin.
    at: u64,
    /// How much of them was looked through.
    searched: usize,
    /// Lines that a record was found for.
    done: HashSet<u64>,
}

impl Piece {
    /// Takes in a line. Records that are whole by then are handed on.
    pub fn line(&mut self, offset: u64, line: &[u8], seek: &Seek, found: &mut dyn FnMut(Record)) {
        if self.at + self.bytes.len() as u64 != offset {
            self.end(seek, found);
            self.at = offset;
        }
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        if self.bytes.len() >= ENOUGH {
            let upto = self.line_before(self.bytes.len() - MARGIN);
            self.search(upto, seek, found);
            let gone = self.line_before(upto.saturating_sub(MARGIN));
            self.bytes.drain(..gone);
            self.at += gone as u64;
            self.searched = upto - gone;
            let at = self.at;
            self.done.retain(|offset| *offset >= at);
        }
    }

    /// Nothing follows on what there is.
    pub fn end(&mut self, seek: &Seek, found: &mut dyn FnMut(Record)) {
        self.search(self.bytes.len(), seek, found);
        self.bytes.clear();
        self.done.clear();
        self.searched = 0;
    }

    /// The beginning of the line that has this place.
    fn line_before(&self, place: usize) -> usize {
        let before = self.bytes.get(..place).unwrap_or_default();
        memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)
    }

    /// Between two beginnings of lines: no id stands across them.
    fn search(&mut self, upto: usize, seek: &Seek, found: &mut dyn FnMut(Record)) {
        let mut places = Vec::new();
        let fresh = self.bytes.get(self.searched..upto).unwrap_or_default();
        for needle in &seek.needles {
            needle.places(fresh, None, &mut places);
        }
        places.sort_unstable();
        for place in places {
            let place = self.searched + place;
            if self.done.contains(&(self.at + self.line_before(place) as u64)) {
                continue;
            }
            // What lies before and behind was not brought: it is too far away.
            let window = Window { bytes: &self.bytes, at: self.at, begins: true, ends: true };
            let Ok(record) = window.record(seek.grammar, place) else { continue };
            if !self.done.contains(&record.offset()) {
                self.done.extend(record.lines.iter().map(|(offset, _)| *offset));
                found(record);
            }
        }
        self.searched = upto;
    }
}

/// What is looked for.
pub(super) struct Seek<'a> {
    pub needles: Vec<Needle>,
    pub grammar: &'a Grammar,
}
