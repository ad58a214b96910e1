//! Which record a line belongs to. A service writes records, not lines: a traceback of 40 lines is one error.

use std::hash::{BuildHasher, Hasher};

use crate::model::{Context, Line, Stamp};

/// Records of one file that may still go on, by who wrote them: as many as processes write into one file at once.
const OPEN: usize = 16;

/// Folds a file's lines into records.
///
/// A line without a time of its own goes on with the line above. Of oslo's lines those without a context are the
/// lines of a traceback (`logging_exception_prefix`): they go on with the record of the same process and logger
/// that has their very time, since oslo formats them all from one. Other processes' lines may stand in between.
#[derive(Debug, Default)]
pub struct Folder {
    hasher: foldhash::quality::FixedState,
    /// Records begun so far.
    count: u64,
    open: [Open; OPEN],
    /// Where in `open` the next goes.
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    writer: u64,
    time: Stamp,
    record: u64,
}

impl Folder {
    /// The number of the record that the line belongs to, counted from 1; and whether it begins it.
    pub fn place(&mut self, line: &[u8], parsed: &Line) -> (u64, bool) {
        if !parsed.is_head() {
            // Nothing above: the file was cut there.
            return if self.count == 0 { (self.begin(0, Stamp::None), true) } else { (self.count, false) };
        }
        let writer = self.writer(line, parsed);
        if goes_on(parsed)
            && let Some(open) =
                self.open.iter().find(|open| open.writer == writer && open.time == parsed.time)
        {
            return (open.record, false);
        }
        (self.begin(writer, parsed.time), true)
    }

    fn begin(&mut self, writer: u64, time: Stamp) -> u64 {
        self.count += 1;
        let own = self.open.iter().position(|open| open.writer == writer);
        let place = own.unwrap_or_else(|| {
            self.next = (self.next + 1) % OPEN;
            self.next
        });
        self.open[place] = Open { writer, time, record: self.count };
        self.count
    }

    fn writer(&self, line: &[u8], parsed: &Line) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for part in [parsed.host, parsed.pid, parsed.logger] {
            hasher.write(part.of(line));
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }
}

/// It is a line of oslo's that no record of its own can be.
pub(super) fn goes_on(parsed: &Line) -> bool {
    parsed.context == Context::Absent && !parsed.logger.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::Grammar;
    use super::*;

    /// The record of each line, as counted.
    fn records(text: &str) -> Vec<u64> {
        let grammar = Grammar::shipped().unwrap();
        let mut folder = Folder::default();
        text.lines().map(|line| folder.place(line.as_bytes(), &grammar.parse(line.as_bytes())).0).collect()
    }

    #[test]
    fn a_traceback_is_part_of_its_record_whoever_writes_in_between() {
        let text = "\
2026-11-23 18:48:41.205 21276 ERROR nova.conductor.manager [None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] Failed: No valid host
Traceback (most recent call last):

  File \"/usr/lib/python3/dist-packages/oslo_messaging/rpc/server.py\", line 244, in inner
2026-11-23 18:48:41.205 21276 ERROR nova.conductor.manager Traceback (most recent call last):
2026-11-23 18:48:41.206 21277 INFO nova.conductor.manager [-] Another process
2026-11-23 18:48:41.205 21276 ERROR nova.conductor.manager nova.exception.NoValidHost: No valid host was found.
2026-11-23 18:48:41.205 21276 ERROR nova.conductor.manager [instance: e5d66ca8-edb6-4963-b7f0-9b62819efd99] 
2026-11-23 18:48:41.205 21276 ERROR nova.conductor.manager [None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] Failed again
2026-11-23 18:48:41.300 21276 ERROR nova.other without brackets, at another time";
        assert_eq!(records(text), [1, 1, 1, 1, 1, 2, 1, 1, 3, 4]);
    }

    #[test]
    fn a_service_whose_format_has_no_context_still_writes_records() {
        let text = "\
2026-11-23 18:48:41.205 1 INFO nova.a one
2026-11-23 18:48:41.305 1 INFO nova.a two
2026-11-23 18:48:41.405 1 INFO nova.a three";
        assert_eq!(records(text), [1, 2, 3]);
    }

    #[test]
    fn a_file_that_begins_in_the_middle_of_a_record_has_that_for_its_first() {
        assert_eq!(records("  File x\n    raise\n2026-11-23 18:48:41.205 1 INFO nova.a [-] one"), [1, 1, 2]);
    }

    #[test]
    fn many_writers_at_once_are_told_apart_up_to_a_bound() {
        let mut text = String::new();
        for pid in 0..OPEN {
            text.push_str(&format!("2026-11-23 18:48:41.205 {pid} ERROR nova.a [-] x\n"));
        }
        for pid in 0..OPEN {
            text.push_str(&format!("2026-11-23 18:48:41.205 {pid} ERROR nova.a Traceback\n"));
        }
        let records = records(&text);
        assert_eq!(records[..OPEN], records[OPEN..]);
    }
}
