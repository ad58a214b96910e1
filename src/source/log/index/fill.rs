//! What lay there before the tail began, and what is packed: read in small steps, so that whoever calls sets the pace.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use jiff::{SignedDuration, Timestamp};

use super::super::files::{LogFile, Packing, Unpacked};
use super::print::{self, TAIL};
use super::runs::coalesce;
use super::strand::{Ready, Strand};
use super::{BLOCK, Index, Packed, Run};

/// Bytes of a step.
const STEP: usize = 256 << 10;
/// A part that is not covered is worth a column of its own from this on, where its file has come to rest.
const WORTH: u64 = 4 << 10;
const REST: SignedDuration = SignedDuration::from_secs(60);

/// Goes through files, one step at a time.
pub struct Filler {
    index: Index,
    /// Plain ones first, each kind by when it was written: what is new is asked for most.
    files: VecDeque<LogFile>,
    now: Option<Filling>,
    buffer: Vec<u8>,
}

enum Filling {
    Plain(Plain),
    Packed(Box<OfPacked>),
}

struct Plain {
    file: File,
    key: u64,
    /// Parts that are not covered, from a block's beginning.
    parts: VecDeque<(u64, u64)>,
    at: Option<(u64, Strand)>,
    /// The end is taken in too, though the block is not whole.
    is_at_rest: bool,
}

struct OfPacked {
    file: LogFile,
    written: i64,
    reader: Unpacked,
    strand: Strand,
    /// Of one run.
    ready: Vec<Ready>,
}

impl Filler {
    pub fn new(index: &Index, mut files: Vec<LogFile>) -> Self {
        files.sort_by_key(|file| (file.packing != Packing::Plain, std::cmp::Reverse(file.written)));
        Self { index: index.clone(), files: files.into(), now: None, buffer: vec![0; STEP] }
    }

    /// Reads a little. How much; none when all is done, or there is no room for more.
    pub fn step(&mut self) -> Option<u64> {
        let filling = match self.now.take() {
            Some(filling) => Some(filling),
            // Where the oldest must go for it, it is not worth while.
            None if !self.index.has_room() => return None,
            None => {
                let file = self.files.pop_front()?;
                begin(&self.index, file)
            }
        };
        // What cannot be read is not said here: whoever wants to read it says so.
        let Some(mut filling) = filling else { return Some(0) };
        let step = match &mut filling {
            Filling::Plain(plain) => plain.step(&self.index, &mut self.buffer),
            Filling::Packed(packed) => packed.step(&self.index, &mut self.buffer),
        };
        match step {
            Ok(0) | Err(_) => Some(0),
            Ok(read) => {
                self.now = Some(filling);
                Some(read)
            }
        }
    }
}

/// None where there is nothing to do.
fn begin(index: &Index, file: LogFile) -> Option<Filling> {
    let snapshot = index.snapshot();
    let cover = snapshot.cover(&file);
    if file.packing != Packing::Plain {
        if !cover.pieces.is_empty() {
            return None;
        }
        let written = i64::try_from(file.written.as_nanosecond()).ok()?;
        let reader = Unpacked::open(&file).ok()?;
        return Some(Filling::Packed(Box::new(OfPacked {
            file,
            written,
            reader,
            strand: Strand::whole(),
            ready: Vec::new(),
        })));
    }
    let is_at_rest = Timestamp::now().duration_since(file.written) >= REST;
    let opened = File::open(&file.path).ok()?;
    let key = print::key_of(&opened).ok()??;
    // Who reads on makes the last block whole.
    let size = if is_at_rest { file.size } else { file.size / BLOCK * BLOCK };
    let mut parts = VecDeque::new();
    for gap in cover.gaps(size) {
        let is_worth_it = gap.end - gap.start >= WORTH || gap.end.is_multiple_of(BLOCK);
        let from = gap.start / BLOCK * BLOCK;
        if is_worth_it && parts.back().is_none_or(|(_, to)| *to <= from) {
            parts.push_back((from, gap.end));
        }
    }
    let plain = Plain { file: opened, key, parts, at: None, is_at_rest };
    (!plain.parts.is_empty()).then_some(Filling::Plain(plain))
}

impl Plain {
    /// How much was read; 0 at the end.
    fn step(&mut self, index: &Index, buffer: &mut [u8]) -> io::Result<u64> {
        if self.at.is_none() {
            let Some((from, to)) = self.parts.pop_front() else { return Ok(0) };
            // With enough before it to know the place by, and behind it for what begins there to be whole.
            let begin = from.saturating_sub(TAIL as u64);
            let strand = if from == 0 { Strand::whole() } else { Strand::within(self.key, begin) };
            self.at = Some((to, strand));
        }
        let Some((to, strand)) = &mut self.at else { return Ok(0) };
        let behind = if to.is_multiple_of(BLOCK) { TAIL as u64 } else { 0 };
        let left = (*to + behind).saturating_sub(strand.at());
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], strand.at())?;
        // It is still that content, or was until it was read.
        let is_same = print::key_of(&self.file)? == Some(self.key)
            && strand.print().is_none_or(|print| print::is_still(&self.file, strand.at(), print));
        if !is_same {
            return Ok(0);
        }
        let mut done = Vec::new();
        strand.feed(&buffer[..read], &mut |ready| done.push(ready));
        if read == 0 || read == most && left == most as u64 {
            if self.is_at_rest && !to.is_multiple_of(BLOCK) {
                done.extend(strand.end());
            }
            self.at = None;
        }
        index.put(done, None);
        Ok((read as u64).max(1))
    }
}

impl OfPacked {
    fn step(&mut self, index: &Index, buffer: &mut [u8]) -> io::Result<u64> {
        let read = match self.reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(1),
            read => read?,
        };
        let mut done = Vec::new();
        self.strand.feed(&buffer[..read], &mut |ready| done.push(ready));
        if read > 0 {
            self.gather(index, done);
            return Ok(read as u64);
        }
        let packed = self.strand.key().zip(self.strand.settled_print()).map(|(key, print)| {
            let (device, inode) = self.file.identity;
            let to = self.strand.settled();
            Packed { device, inode, size: self.file.size, written: self.written, key, to, print }
        });
        done.extend(self.strand.end());
        self.gather(index, done);
        index.put(self.ready.drain(..).collect::<Vec<_>>(), None);
        // It may have been packed anew meanwhile.
        let is_same = std::fs::metadata(&self.file.path).is_ok_and(|now| self.file.is_still(&now));
        index.put([], packed.filter(|_| is_same));
        Ok(0)
    }

    /// A run at a time, and not what was known of it when it was not packed yet.
    fn gather(&mut self, index: &Index, done: Vec<Ready>) {
        for ready in done {
            self.ready.push(ready);
            let runs = || coalesce(self.ready.iter().map(|ready| (ready.run, vec![()])).collect());
            if self.ready.last().is_some_and(|ready| ready.run.is_end_of_group() || ready.run.is_partial()) {
                let snapshot = index.snapshot();
                let known: Vec<Run> =
                    runs().into_iter().map(|(run, _)| run).filter(|run| snapshot.has(run)).collect();
                self.ready.retain(|ready| !known.iter().any(|run| run.holds(&ready.run)));
                index.put(self.ready.drain(..).collect::<Vec<_>>(), None);
            }
        }
    }
}
