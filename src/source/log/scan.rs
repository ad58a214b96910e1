//! Tracing through files with nothing prepared.
//!
//! One pass over everything for the UUID; it notes on its way which request ids each block holds ([`bloom`]), so
//! that those which the found lines lend are then looked for only where they can be, to the fixed point. What
//! belongs is [`crate::trace`]'s to say, as records come; they are handed on at once, and put in order at the
//! end. Files are read block by block, never mapped: one that is truncated while it is read is no fault, it
//! merely ends. Two threads at most: the machine has other work.

mod around;
mod bloom;
mod worker;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::trace::{Reason, Trace, order};

use self::bloom::Bloom;
use self::worker::{BLOCK, Needle, Scanned, Worker};
use super::files::{LogFile, Packing};
use super::grammar::Grammar;
use super::zone::Zone;

pub use around::Record;

/// Blocks of a plain file that a thread takes at once.
const PART: u64 = 64;
/// Memory for notes about blocks: enough for 16 GiB of logs. Blocks without a note are looked through again.
const NOTES: usize = (256 << 20) / Bloom::SIZE;
/// Times that newly adopted ids are looked for. Two levels need three.
const ROUNDS: usize = 6;

/// How much is done and kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub threads: usize,
    /// Records kept, and their bytes.
    pub records: usize,
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 2, records: 100_000, bytes: 256 << 20 }
    }
}

/// A record that belongs, and why.
#[derive(Clone, Debug)]
pub struct Kept {
    /// In the list of files.
    pub file: usize,
    /// Microseconds since 1970, UTC.
    pub at: Option<i64>,
    pub reason: Reason,
    pub record: Record,
}

/// What is said while it goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A record that belongs, as soon as that is known: in no order.
    Kept(&'a Kept),
    /// Bytes of the first pass that are done, of how many, packed ones as they lie there.
    Read { done: u64, of: u64 },
}

/// All of it.
#[derive(Debug, Default)]
pub struct Told {
    /// By time, then as they stand in the files.
    pub records: Vec<Kept>,
    /// Files that could not be read to their end, and why.
    pub trouble: Vec<(PathBuf, String)>,
    /// Bytes that were looked at, unpacked, in all passes.
    pub bytes: u64,
    pub rounds: usize,
    /// There was more than the limits allow: so many records were let go.
    pub dropped: usize,
    /// There were still ids to look for when the rounds were over.
    pub unfinished: usize,
    pub was_cancelled: bool,
}

/// One thread's job.
struct Job {
    file: usize,
    /// The first block of it; a packed file is one job.
    first: u64,
    blocks: u64,
}

enum Message {
    Found { file: usize, record: Record },
    Done { job: usize, scanned: Scanned },
}

/// Traces what `trace` is about through the files.
pub fn run(
    files: &[LogFile],
    grammar: &Grammar,
    trace: &mut Trace,
    limits: Limits,
    cancelled: &AtomicBool,
    say: &mut dyn FnMut(Progress),
) -> Told {
    let jobs = jobs(files);
    let mut notes: Vec<Vec<Option<Box<Bloom>>>> = jobs.iter().map(|_| Vec::new()).collect();
    let mut zones: Vec<Zone> = files.iter().map(|file| Zone::new(file.zone.clone(), file.written)).collect();
    let mut book = Book { limits, ..Book::default() };
    let of = files.iter().map(|file| file.size).sum();
    let mut done = 0;
    let mut needle = Needle::Subject(trace.subject().id());
    loop {
        let round = Round { files, jobs: &jobs, notes: &notes, grammar, needle: &needle, cancelled };
        let mut made: HashMap<usize, Vec<Option<Box<Bloom>>>> = HashMap::new();
        round.run(limits.threads, &mut |message| match message {
            Message::Found { file, record } => book.hear(trace, &mut zones[file], file, record, say),
            Message::Done { job, scanned } => {
                book.told.bytes += scanned.bytes;
                let file = &files[jobs[job].file];
                if let Some(why) = scanned.trouble {
                    book.trouble(file, why);
                }
                if matches!(round.needle, Needle::Subject(_)) {
                    done += share(file, &jobs[job]);
                    say(Progress::Read { done, of });
                    made.insert(job, scanned.blooms);
                }
            }
        });
        for (job, blooms) in made {
            notes[job] = blooms;
        }
        let fresh = trace.fresh();
        if fresh.is_empty() || cancelled.load(Ordering::Relaxed) {
            break;
        }
        book.told.rounds += 1;
        if book.told.rounds > ROUNDS {
            book.told.unfinished = fresh.len();
            break;
        }
        needle = Needle::ids(&fresh);
    }
    book.finish(cancelled.load(Ordering::Relaxed))
}

/// The bytes of a file, as it lies there, that a job is about.
fn share(file: &LogFile, job: &Job) -> u64 {
    let from = job.first * BLOCK as u64;
    file.size.saturating_sub(from).min(job.blocks.saturating_mul(BLOCK as u64))
}

/// Packed files first: they take longest for their size, and cannot be divided.
fn jobs(files: &[LogFile]) -> Vec<Job> {
    let (plain, packed): (Vec<_>, Vec<_>) =
        files.iter().enumerate().partition(|(_, file)| file.packing == Packing::Plain);
    let mut jobs: Vec<Job> =
        packed.iter().map(|(file, _)| Job { file: *file, first: 0, blocks: u64::MAX }).collect();
    for (file, log) in plain {
        let blocks = log.size.div_ceil(BLOCK as u64);
        let parts = (0..blocks).step_by(PART as usize);
        jobs.extend(parts.map(|first| Job { file, first, blocks: PART.min(blocks - first) }));
    }
    jobs
}

/// One pass of all threads over all jobs.
struct Round<'a> {
    files: &'a [LogFile],
    jobs: &'a [Job],
    notes: &'a [Vec<Option<Box<Bloom>>>],
    grammar: &'a Grammar,
    needle: &'a Needle,
    cancelled: &'a AtomicBool,
}

impl Round<'_> {
    fn run(&self, threads: usize, hear: &mut dyn FnMut(Message)) {
        let next = AtomicUsize::new(0);
        let noted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            // Bounded: a thread that finds faster than lines are judged waits.
            let (sender, receiver) = mpsc::sync_channel(64);
            for _ in 0..threads.max(1) {
                let sender = sender.clone();
                let (next, noted) = (&next, &noted);
                scope.spawn(move || self.work(next, noted, &sender));
            }
            drop(sender);
            for message in receiver {
                hear(message);
            }
        });
    }

    fn work(&self, next: &AtomicUsize, noted: &AtomicUsize, sender: &mpsc::SyncSender<Message>) {
        let mut buffer = Vec::new();
        let may_note = || noted.fetch_add(1, Ordering::Relaxed) < NOTES;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(number) else { return };
            if self.cancelled.load(Ordering::Relaxed) {
                return;
            }
            let wanted = |block: usize| {
                let noted = self.notes[number].get(block).and_then(Option::as_deref);
                self.needle.may_be_in(noted)
            };
            let mut found = |record| {
                // Nobody listens any more only when the listener has panicked.
                let _ = sender.send(Message::Found { file: job.file, record });
            };
            let mut worker = Worker {
                grammar: self.grammar,
                needle: self.needle,
                cancelled: self.cancelled,
                may_note: &may_note,
                found: &mut found,
                buffer: &mut buffer,
            };
            let file = &self.files[job.file];
            let is_any_wanted = || (0..self.notes[number].len().max(1)).any(wanted);
            let scanned = match file.packing {
                Packing::Plain => {
                    let blocks = job.first..job.first + job.blocks;
                    let mut blocks = blocks.filter(|block| wanted((block - job.first) as usize)).peekable();
                    // Most files have nothing more to say: they are not even opened again.
                    if blocks.peek().is_some() { worker.plain(file, &mut blocks) } else { Scanned::default() }
                }
                _ if is_any_wanted() => worker.packed(file, &wanted),
                _ => Scanned::default(),
            };
            let _ = sender.send(Message::Done { job: number, scanned });
        }
    }
}

/// What was heard, and what of it is kept.
#[derive(Default)]
struct Book {
    limits: Limits,
    told: Told,
    kept: HashSet<(usize, u64)>,
    /// Left out so far; one whose id was adopted since comes again.
    out: HashSet<(usize, u64)>,
    size: usize,
}

impl Book {
    fn hear(
        &mut self,
        trace: &mut Trace,
        zone: &mut Zone,
        file: usize,
        record: Record,
        say: &mut dyn FnMut(Progress),
    ) {
        let place = (file, record.offset());
        if self.kept.contains(&place) {
            return;
        }
        let was_out = self.out.contains(&place);
        match trace.hear(&record.head, &record.parsed, &record.rest, was_out) {
            None => {}
            Some(Err(_)) => {
                self.out.insert(place);
            }
            Some(Ok(reason)) => {
                let size = record.head.len() + record.rest.len();
                if self.told.records.len() >= self.limits.records || self.size + size > self.limits.bytes {
                    self.told.dropped += 1;
                    // Another id may lead to it once more.
                    self.kept.insert(place);
                    return;
                }
                self.size += size;
                self.out.remove(&place);
                self.kept.extend(record.lines.iter().map(|(offset, _)| (file, *offset)));
                let at = zone.instant(record.parsed.time, None);
                let kept = Kept { file, at, reason, record };
                say(Progress::Kept(&kept));
                self.told.records.push(kept);
            }
        }
    }

    fn trouble(&mut self, file: &LogFile, why: String) {
        let known = self.told.trouble.iter().any(|(path, said)| *path == file.path && *said == why);
        if !known {
            self.told.trouble.push((file.path.clone(), why));
        }
    }

    fn finish(mut self, was_cancelled: bool) -> Told {
        order(&mut self.told.records, |kept| (kept.at, kept.file, kept.record.offset()));
        self.told.was_cancelled = was_cancelled;
        self.told
    }
}

#[cfg(test)]
mod tests;
