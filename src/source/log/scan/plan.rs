//! Which parts of which files a round looks through: what the index does not cover, unless its own notes say that
//! nothing is there, and of what it covers the blocks that may hold something.

use std::ops::Range;
use std::sync::Arc;

use super::super::files::{LogFile, Packing};
use super::super::index::{Answer, Cover, Index, Snapshot};
use super::Record;
use super::packs::{Known, Packs};
use super::worker::{BLOCK, Needle, Scanned};

/// Bytes that a thread takes at once, and places.
const PART: u64 = 16 << 20;
const PLACES: usize = 256;

/// One thread's job.
pub(super) struct Job {
    pub file: usize,
    pub work: Work,
    /// Bytes of the first pass that it is about, packed ones as they lie there.
    pub share: u64,
}

pub(super) enum Work {
    /// Parts of a plain file, of a block each at most.
    Parts(Vec<Range<u64>>),
    /// Places of a plain file, where something was noted.
    Noted(Vec<u64>),
    /// A packed file: all of it, or of its blocks those that may hold something.
    Packed(Option<Vec<u64>>),
}

/// What there is to do in a round.
#[derive(Default)]
pub(super) struct Jobs {
    pub jobs: Vec<Job>,
    /// Records of packed files that are known already.
    pub told: Vec<(usize, Arc<Record>)>,
}

pub(super) struct Plan<'a> {
    files: &'a [LogFile],
    snapshot: Option<Snapshot>,
    packs: Packs,
    covers: Vec<Cover>,
    /// Parts that are not covered, of one block at most each.
    gaps: Vec<Vec<Range<u64>>>,
    known: Vec<Arc<Known>>,
}

impl<'a> Plan<'a> {
    pub fn new(files: &'a [LogFile], index: Option<&Index>, packs: Packs) -> Self {
        let snapshot = index.map(Index::snapshot).filter(|snapshot| !snapshot.is_empty());
        let cover = |file| snapshot.as_ref().map(|snapshot| snapshot.cover(file)).unwrap_or_default();
        let covers = files.iter().map(cover).collect();
        let known = |file: &LogFile| if is_packed(file) { packs.of(file) } else { Arc::default() };
        let known = files.iter().map(known).collect();
        let gaps = files.iter().map(|_| Vec::new()).collect();
        let mut this = Self { files, snapshot, packs, covers, gaps, known };
        for file in 0..files.len() {
            this.find_gaps(file);
        }
        this
    }

    /// The gaps of a plain file in the order of their places.
    fn find_gaps(&mut self, file: usize) {
        let (Some(log), Some(cover), Some(gaps)) =
            (self.files.get(file), self.covers.get(file), self.gaps.get_mut(file))
        else {
            return;
        };
        if is_packed(log) {
            return;
        }
        gaps.clear();
        for gap in cover.gaps(log.size) {
            let mut at = gap.start;
            while at < gap.end {
                let end = ((at / BLOCK as u64 + 1) * BLOCK as u64).min(gap.end);
                gaps.push(at..end);
                at = end;
            }
        }
    }

    /// Bytes that no round need read because of what is known, if it stays as it is.
    pub fn covered(&self) -> u64 {
        let covered = |((file, cover), known): ((&LogFile, &Cover), &Arc<Known>)| match file.packing {
            Packing::Plain => cover.bytes().min(file.size),
            _ if cover.pieces.is_empty() && known.size.is_none() => 0,
            _ => file.size,
        };
        self.files.iter().zip(&self.covers).zip(&self.known).map(covered).sum()
    }

    /// What there is to do for this needle; what `is_kept` already is not looked for. Packed files first: they take
    /// longest for their size, and cannot be divided.
    pub fn jobs(&mut self, needle: &Needle, is_kept: &dyn Fn(usize, u64) -> bool) -> Jobs {
        let named = self.ask(needle);
        let mut jobs = Jobs::default();
        let (packed, plain): (Vec<usize>, Vec<usize>) =
            (0..self.files.len()).partition(|file| self.files.get(*file).is_some_and(is_packed));
        for file in packed {
            self.packed(file, named.get(file), needle, is_kept, &mut jobs);
        }
        for file in plain {
            self.plain(file, named.get(file), needle, is_kept, &mut jobs);
        }
        jobs
    }

    fn packed(
        &self,
        file: usize,
        named: Option<&Vec<Range<u64>>>,
        needle: &Needle,
        is_kept: &dyn Fn(usize, u64) -> bool,
        jobs: &mut Jobs,
    ) {
        let (Some(log), Some(cover), Some(known)) =
            (self.files.get(file), self.covers.get(file), self.known.get(file))
        else {
            return;
        };
        let named = named.filter(|_| !cover.pieces.is_empty());
        let of_named = || named.map(|parts| parts.iter().map(|part| part.start / BLOCK as u64).collect());
        let Some(mut blocks): Option<Vec<u64>> = known.blocks().or_else(of_named) else {
            jobs.jobs.push(Job { file, work: Work::Packed(None), share: log.size });
            return;
        };
        blocks.dedup();
        // What is known of a block, or was found there, need not be unpacked again.
        blocks.retain(|block| {
            let at = block * BLOCK as u64;
            let Some(note) = known.notes.get(&(at, at + BLOCK as u64)) else { return true };
            let mut is_wanted = false;
            for place in needle.noted(note).map(|place| at + place).filter(|place| !is_kept(file, *place)) {
                match known.record(place) {
                    Some(record) => jobs.told.push((file, record.clone())),
                    None => is_wanted = true,
                }
            }
            is_wanted
        });
        if !blocks.is_empty() {
            jobs.jobs.push(Job { file, work: Work::Packed(Some(blocks)), share: 0 });
        }
    }

    fn plain(
        &self,
        file: usize,
        named: Option<&Vec<Range<u64>>>,
        needle: &Needle,
        is_kept: &dyn Fn(usize, u64) -> bool,
        jobs: &mut Jobs,
    ) {
        let (Some(gaps), Some(known)) = (self.gaps.get(file), self.known.get(file)) else { return };
        let mut places = Vec::new();
        for (parts, is_gap) in [(gaps, true), (named.unwrap_or(&Vec::new()), false)] {
            let (mut left, mut size) = (Vec::new(), 0);
            let mut put = |left: &mut Vec<_>, size: &mut u64| {
                let share = if is_gap { *size } else { 0 };
                jobs.jobs.push(Job { file, work: Work::Parts(std::mem::take(left)), share });
                *size = 0;
            };
            for part in parts {
                if let Some(note) = known.notes.get(&(part.start, part.end)) {
                    let noted = needle.noted(note).map(|place| part.start + place);
                    places.extend(noted.filter(|place| !is_kept(file, *place)));
                    continue;
                }
                size += part.end - part.start;
                left.push(part.clone());
                if size >= PART {
                    put(&mut left, &mut size);
                }
            }
            if !left.is_empty() {
                put(&mut left, &mut size);
            }
        }
        places.sort_unstable();
        places.dedup();
        let job = |places: &[u64]| Job { file, work: Work::Noted(places.to_vec()), share: 0 };
        jobs.jobs.extend(places.chunks(PLACES).map(job));
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
                let is_plain = self.files.get(file).is_some_and(|log| !is_packed(log));
                cover.pieces.retain(|piece| is_plain && answer.of(piece, &mut Vec::new()).is_some());
                self.find_gaps(file);
            }
            all.push(parts);
        }
        all
    }

    /// What a job noted on its way.
    pub fn noted(&mut self, file: usize, scanned: &mut Scanned) {
        let Some(known) = self.known.get_mut(file) else { return };
        if scanned.notes.is_empty() && scanned.size.is_none() && scanned.trouble.is_none() {
            return;
        }
        let known = Arc::make_mut(known);
        for (part, note) in scanned.notes.drain(..) {
            known.note((part.start, part.end), note);
        }
        known.size = known.size.or(scanned.size);
        known.is_doubtful |= scanned.trouble.is_some() || scanned.is_other;
    }

    /// Records of a packed file, which to find again would cost unpacking it.
    pub fn found(&mut self, file: usize, records: &[Record]) {
        if let Some(known) = self.known.get_mut(file).filter(|_| self.files.get(file).is_some_and(is_packed))
        {
            let known = Arc::make_mut(known);
            records.iter().for_each(|record| known.found(record.clone()));
        }
    }

    /// Leaves what is known of packed files to the next trace.
    pub fn keep(&self) {
        let packed = self.files.iter().zip(&self.known).filter(|(file, _)| is_packed(file));
        packed.for_each(|(file, known)| self.packs.keep(file, known));
    }
}

fn is_packed(file: &LogFile) -> bool {
    file.packing != Packing::Plain
}

/// Whether all pieces have an answer; those that have one are asked in any case.
fn is_answered(cover: &Cover, answer: &Answer, parts: &mut Vec<Range<u64>>) -> bool {
    let unanswered = cover.pieces.iter().filter(|piece| answer.of(piece, parts).is_none()).count();
    unanswered == 0
}
