//! Which parts of which files a round looks through: what the index does not cover, unless its own notes say that
//! nothing is there, and of what it covers the blocks that may hold something.

use std::ops::Range;

use super::super::files::{LogFile, Packing};
use super::super::index::{Answer, Cover, Index, Snapshot};
use super::bloom::Bloom;
use super::worker::{BLOCK, Needle};

/// Blocks that a thread takes at once.
const PART: usize = 64;
/// Parts that the index names; they are small.
const NAMED: usize = 256;

/// A part that is not covered, of one block at most.
pub(super) struct Gap {
    pub part: Range<u64>,
    /// Which request ids stand there, once it was looked through.
    pub note: Option<Box<Bloom>>,
}

/// One thread's job.
pub(super) struct Job {
    pub file: usize,
    pub work: Work,
    /// Bytes of the first pass that it is about, packed ones as they lie there.
    pub share: u64,
}

pub(super) enum Work {
    /// Parts that the index names.
    Named(Vec<Range<u64>>),
    /// Of the gaps of a file those with these numbers.
    Gaps(Range<usize>),
    /// A packed file: all of it, or of its blocks those that the index names.
    Packed(Option<Vec<Range<u64>>>),
}

pub(super) struct Plan<'a> {
    files: &'a [LogFile],
    snapshot: Option<Snapshot>,
    covers: Vec<Cover>,
    gaps: Vec<Vec<Gap>>,
}

impl<'a> Plan<'a> {
    pub fn new(files: &'a [LogFile], index: Option<&Index>) -> Self {
        let snapshot = index.map(Index::snapshot).filter(|snapshot| !snapshot.is_empty());
        let cover = |file| snapshot.as_ref().map(|snapshot| snapshot.cover(file)).unwrap_or_default();
        let covers = files.iter().map(cover).collect();
        let mut this = Self { files, snapshot, covers, gaps: files.iter().map(|_| Vec::new()).collect() };
        for file in 0..files.len() {
            this.find_gaps(file);
        }
        this
    }

    /// The gaps of a file in the order of their places; those that were there keep their notes.
    fn find_gaps(&mut self, file: usize) {
        let (Some(log), Some(cover), Some(gaps)) =
            (self.files.get(file), self.covers.get(file), self.gaps.get_mut(file))
        else {
            return;
        };
        if log.packing != Packing::Plain {
            return;
        }
        let mut known = std::mem::take(gaps).into_iter().peekable();
        for gap in cover.gaps(log.size) {
            let mut at = gap.start;
            while at < gap.end {
                let end = ((at / BLOCK as u64 + 1) * BLOCK as u64).min(gap.end);
                let note = known.next_if(|known| known.part == (at..end)).and_then(|known| known.note);
                gaps.push(Gap { part: at..end, note });
                at = end;
            }
        }
    }

    /// Bytes that no round need read because of what the index knows, if it stays as it is.
    pub fn covered(&self) -> u64 {
        let covered = |(file, cover): (&LogFile, &Cover)| match file.packing {
            Packing::Plain => cover.bytes().min(file.size),
            _ if cover.pieces.is_empty() => 0,
            _ => file.size,
        };
        self.files.iter().zip(&self.covers).map(covered).sum()
    }

    pub fn gaps(&self, file: usize) -> &[Gap] {
        self.gaps.get(file).map_or(&[], Vec::as_slice)
    }

    /// What there is to do for this needle. Packed files first: they take longest for their size, and cannot be divided.
    pub fn jobs(&mut self, needle: &Needle) -> Vec<Job> {
        let named = self.ask(needle);
        let mut jobs = Vec::new();
        let packed = |file: &usize| self.files.get(*file).is_some_and(|log| log.packing != Packing::Plain);
        let (all_packed, plain): (Vec<usize>, Vec<usize>) = (0..self.files.len()).partition(packed);
        for file in all_packed {
            let is_covered = self.covers.get(file).is_some_and(|cover| !cover.pieces.is_empty());
            let size = self.files.get(file).map_or(0, |log| log.size);
            match named.get(file) {
                Some(parts) if is_covered && parts.is_empty() => {}
                Some(parts) if is_covered => {
                    jobs.push(Job { file, work: Work::Packed(Some(parts.clone())), share: 0 });
                }
                _ => jobs.push(Job { file, work: Work::Packed(None), share: size }),
            }
        }
        for file in plain {
            let gaps = self.gaps(file);
            for from in (0..gaps.len()).step_by(PART) {
                let part = from..(from + PART).min(gaps.len());
                let share = gaps[part.clone()].iter().map(|gap| gap.part.end - gap.part.start).sum();
                jobs.push(Job { file, work: Work::Gaps(part), share });
            }
            for parts in named.get(file).into_iter().flat_map(|parts| parts.chunks(NAMED)) {
                jobs.push(Job { file, work: Work::Named(parts.to_vec()), share: 0 });
            }
        }
        jobs
    }

    /// The parts of each file that may hold what is looked for, as the index says. What it cannot say any more is not
    /// covered any more.
    fn ask(&mut self, needle: &Needle) -> Vec<Vec<Range<u64>>> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let answer = snapshot.ask(&needle.firsts());
        let mut all = Vec::with_capacity(self.covers.len());
        for file in 0..self.covers.len() {
            let mut parts = Vec::new();
            if let Some(cover) = self.covers.get_mut(file)
                && !is_answered(cover, &answer, &mut parts)
            {
                // A packed file is read whole or not at all.
                let is_plain = self.files.get(file).is_some_and(|log| log.packing == Packing::Plain);
                cover.pieces.retain(|piece| is_plain && answer.of(piece, &mut Vec::new()).is_some());
                self.find_gaps(file);
            }
            all.push(parts);
        }
        all
    }

    /// What a job of the first round noted on its way.
    pub fn noted(&mut self, job: &Job, blooms: Vec<Option<Box<Bloom>>>) {
        let Some(gaps) = self.gaps.get_mut(job.file) else { return };
        match &job.work {
            Work::Named(_) | Work::Packed(Some(_)) => {}
            Work::Gaps(part) => {
                for (gap, note) in gaps.iter_mut().skip(part.start).zip(blooms) {
                    gap.note = note;
                }
            }
            Work::Packed(None) => {
                let part = |number: usize| {
                    let at = (number * BLOCK) as u64;
                    at..at + BLOCK as u64
                };
                *gaps = blooms
                    .into_iter()
                    .enumerate()
                    .map(|(number, note)| Gap { part: part(number), note })
                    .collect();
            }
        }
    }
}

/// Whether all pieces have an answer; those that have one are asked in any case.
fn is_answered(cover: &Cover, answer: &Answer, parts: &mut Vec<Range<u64>>) -> bool {
    let unanswered = cover.pieces.iter().filter(|piece| answer.of(piece, parts).is_none()).count();
    unanswered == 0
}
