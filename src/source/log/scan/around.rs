//! From a place in the bytes to the record that it is in: its line, the head above it, the lines that go on.

use memchr::{memchr, memrchr};

use crate::model::{Context, Level, Line, Span, Stamp};

use super::super::grammar::Grammar;
use super::super::record::goes_on;

/// Other records' lines that may stand between a record's own: processes that share a file write record by
/// record, but what came through syslog line by line is mixed.
const FOREIGN: usize = 64;
/// Bytes of a line that are kept. What is longer has its end cut off; the file still has it.
pub(super) const LINE: usize = 256 << 10;
/// Bytes of a record that are kept.
const RECORD: usize = 1 << 20;

/// Bytes of a file.
pub(super) struct Window<'a> {
    pub bytes: &'a [u8],
    /// Where in the file they begin.
    pub at: u64,
    /// They begin, or are to be taken as if they began, with a line; they end with one.
    pub begins: bool,
    pub ends: bool,
}

/// On which side more bytes are needed to tell where the record begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct More;

/// A record as it stands in its file.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Where each of its lines begins in the file, and how long it is there, without its line break. The first is
    /// its head.
    pub lines: Vec<(u64, u32)>,
    /// The head, as far as it is kept.
    pub head: Vec<u8>,
    pub parsed: Line,
    /// The other lines, each with its line break, as far as they are kept.
    pub rest: Vec<u8>,
    /// Something of it was too long to be kept.
    pub is_cut: bool,
}

impl Record {
    pub fn offset(&self) -> u64 {
        self.lines.first().map_or(0, |(offset, _)| *offset)
    }
}

/// Who wrote a line, and when: what the lines of a traceback share with their record.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Writer<'a> {
    pid: &'a [u8],
    logger: &'a [u8],
    time: Stamp,
}

fn writer<'a>(line: &'a [u8], parsed: &Line) -> Writer<'a> {
    Writer { pid: parsed.pid.of(line), logger: parsed.logger.of(line), time: parsed.time }
}

impl<'a> Window<'a> {
    /// The line with this place in it, without its line break.
    fn line(&self, place: usize) -> Result<Span, More> {
        let before = self.bytes.get(..place).unwrap_or_default();
        let start = match memrchr(b'\n', before) {
            Some(at) => at + 1,
            None if self.begins => 0,
            None => return Err(More),
        };
        Ok(Span::new(start, self.end(place)?))
    }

    fn end(&self, place: usize) -> Result<usize, More> {
        let after = self.bytes.get(place..).unwrap_or_default();
        match memchr(b'\n', after) {
            Some(at) => Ok(place + at),
            None if self.ends => Ok(self.bytes.len()),
            None => Err(More),
        }
    }

    fn parse(&self, grammar: &Grammar, span: Span) -> (&'a [u8], Line) {
        let line = self.bytes.get(span.start()..span.end()).unwrap_or_default();
        (line, grammar.parse(line.get(..line.len().min(LINE)).unwrap_or(line)))
    }

    /// The record that has this place in one of its lines.
    pub(super) fn record(&self, grammar: &Grammar, place: usize) -> Result<Record, More> {
        let found = self.line(place)?;
        let (line, parsed) = self.parse(grammar, found);
        let head = if !parsed.is_head() || goes_on(&parsed) {
            self.head_above(grammar, found, writer(line, &parsed), parsed.is_head())?.unwrap_or(found)
        } else {
            found
        };
        let mut record = Record::default();
        let (line, parsed) = self.parse(grammar, head);
        self.keep(&mut record, head, place);
        record.parsed = parsed;
        self.follow(grammar, &mut record, head, writer(line, &parsed))?;
        // What brought us here may stand among other processes' lines, too far down to be followed to.
        if !record.lines.iter().any(|(offset, _)| *offset == self.at + found.start() as u64) {
            self.keep(&mut record, found, place);
        }
        Ok(record)
    }

    /// The head of the record that a line goes on with: by its writer if it has one, otherwise the next above.
    fn head_above(
        &self,
        grammar: &Grammar,
        from: Span,
        of: Writer<'a>,
        mut is_known: bool,
    ) -> Result<Option<Span>, More> {
        let mut of = of;
        let mut at = from.start();
        let mut foreign = 0;
        while foreign < FOREIGN {
            if at == 0 {
                return if self.begins { Ok(None) } else { Err(More) };
            }
            let span = self.line(at - 1)?;
            let (line, parsed) = self.parse(grammar, span);
            at = span.start();
            if !parsed.is_head() {
                continue;
            }
            let who = writer(line, &parsed);
            match (is_known, goes_on(&parsed)) {
                (false, true) => (of, is_known) = (who, true),
                (false, false) => return Ok(Some(span)),
                (true, false) if who == of => return Ok(Some(span)),
                _ => foreign += usize::from(who != of),
            }
        }
        Ok(None)
    }

    /// Takes in the lines after the head that go on with it.
    fn follow(&self, grammar: &Grammar, record: &mut Record, head: Span, of: Writer<'a>) -> Result<(), More> {
        // A traceback comes with what is logged as an error or a warning; behind any other record's own lines
        // nothing of it can follow.
        let level = record.parsed.level;
        let most = if level >= Level::Warning || level == Level::Trace { FOREIGN } else { 1 };
        let (mut foreign, mut is_ours, mut at, mut size) = (0, true, head.end() + 1, 0);
        while foreign < most && size < RECORD {
            if at >= self.bytes.len() {
                return if self.ends { Ok(()) } else { Err(More) };
            }
            let span = Span::new(at, self.end(at)?);
            let (line, parsed) = self.parse(grammar, span);
            at = span.end() + 1;
            if parsed.is_head() {
                let who = writer(line, &parsed);
                is_ours = goes_on(&parsed) && who == of && record.parsed.context != Context::Absent;
                if !is_ours {
                    foreign += 1;
                    // The same writer's next record ends this one.
                    if who.pid == of.pid && who.logger == of.logger && !goes_on(&parsed) {
                        return Ok(());
                    }
                    continue;
                }
            }
            // Only where nothing has a time do we go on for ever; a text file is no record.
            if is_ours && !record.parsed.is_head() {
                return Ok(());
            }
            if is_ours {
                size += span.end() - span.start();
                self.keep(record, span, usize::MAX);
            }
        }
        record.is_cut |= size >= RECORD;
        Ok(())
    }

    /// Adds a line. Of one that is too long the beginning, and what stands around the place that was found.
    fn keep(&self, record: &mut Record, span: Span, place: usize) {
        let whole = self.bytes.get(span.start()..span.end()).unwrap_or_default();
        let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
        let length = u32::try_from(whole.len()).unwrap_or(u32::MAX);
        record.lines.push((self.at + span.start() as u64, length));
        let mut kept = whole.get(..LINE).unwrap_or(whole).to_vec();
        let inside = place.checked_sub(span.start()).filter(|inside| (LINE..whole.len()).contains(inside));
        if let Some(inside) = inside {
            let around = whole.get(inside - 200..(inside + 200).min(whole.len())).unwrap_or_default();
            kept.extend_from_slice(" … ".as_bytes());
            kept.extend_from_slice(around);
        }
        record.is_cut |= whole.len() > LINE;
        if record.lines.len() == 1 {
            record.head = kept;
        } else {
            record.rest.append(&mut kept);
            record.rest.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
2026-11-23 18:48:41.100 1 INFO nova.a [None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] before
2026-11-23 18:48:41.205 21276 ERROR nova.b [None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] Failed:
Traceback (most recent call last):
  said by the other end
2026-11-23 18:48:41.205 21276 ERROR nova.b Traceback (most recent call last):
2026-11-23 18:48:41.206 21277 INFO nova.b [-] another process
  and more of that
2026-11-23 18:48:41.205 21276 ERROR nova.b NoValidHost: inside
2026-11-23 18:48:41.300 21276 ERROR nova.b [-] the next
2026-11-23 18:48:41.205 21276 ERROR nova.b far away";

    fn record(text: &str, word: &str, begins: bool, ends: bool) -> Result<Record, More> {
        let window = Window { bytes: text.as_bytes(), at: 1000, begins, ends };
        window.record(&Grammar::shipped().unwrap(), text.find(word).unwrap())
    }

    /// The numbers of the lines, from 0, that the record of this word has.
    fn lines(word: &str) -> Vec<usize> {
        let record = record(TEXT, word, true, true).unwrap();
        let number = |offset: u64| TEXT[..(offset - 1000) as usize].matches('\n').count();
        record.lines.iter().map(|(offset, _)| number(*offset)).collect()
    }

    #[test]
    fn every_line_of_a_record_leads_to_all_of_it() {
        for word in ["Failed:", "said by the other end", "inside", "ERROR nova.b Traceback"] {
            assert_eq!(lines(word), [1, 2, 3, 4, 7], "{word}");
        }
        assert_eq!(lines("before"), [0]);
        assert_eq!(lines("another process"), [5, 6]);
        assert_eq!(lines("and more of that"), [5, 6]);
        assert_eq!(lines("the next"), [8]);
    }

    #[test]
    fn where_the_bytes_do_not_tell_more_are_asked_for() {
        assert_eq!(record(TEXT, "before", false, true).unwrap_err(), More);
        assert_eq!(record(TEXT, "the next", true, false).unwrap_err(), More);
        assert_eq!(record(TEXT, "before", true, false).unwrap().lines.len(), 1);
    }

    #[test]
    fn a_line_too_long_to_keep_has_its_head_and_the_place_that_was_found() {
        let mut text = "2026-11-23 18:48:41.100 1 INFO nova.a [-] ".to_owned();
        text.push_str(&"x".repeat(LINE * 2));
        text.push_str("NEEDLE and the end");
        let record = record(&text, "NEEDLE", true, true).unwrap();
        assert!(record.is_cut && record.head.len() < LINE + 500);
        assert!(memchr::memmem::find(&record.head, b"NEEDLE and the end").is_some());
        assert_eq!(record.lines, [(1000, text.len() as u32)]);
    }
}
