//! What the index knows of the files of one trace, as they are now.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use super::super::files::{LogFile, Packing};
use super::bits::rows;
use super::runs::{chain, coalesce};
use super::segment::Segment;
use super::strand::Ready;
use super::{BLOCK, Packed, Run, print};

/// The number of the source that is in memory, behind those of segments.
const LIVE: usize = usize::MAX;

/// All that is known at one time.
pub struct Snapshot {
    segments: Vec<Arc<Segment>>,
    /// In the order of their runs.
    live: Vec<Arc<Ready>>,
    /// By content: the run, its source, its first column there.
    runs: HashMap<u64, Vec<(Run, usize, usize)>>,
    packed: HashMap<(u64, u64), Vec<Packed>>,
}

/// What of a file is covered.
#[derive(Debug, Default)]
pub struct Cover {
    /// In order; they do not overlap.
    pub pieces: Vec<Piece>,
}

/// A part of a file, and the columns that know what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where a block begins.
    pub from: u64,
    /// All UUIDs that begin before are known.
    pub to: u64,
    source: usize,
    column: usize,
}

impl Cover {
    /// The parts up to `size` that are not covered. None is too short for a UUID to begin in.
    pub fn gaps(&self, size: u64) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for piece in &self.pieces {
            gaps.push(at..piece.from.min(size));
            at = piece.to;
        }
        gaps.retain(|gap| gap.start < gap.end);
        if at + super::super::uuid::UUID as u64 <= size {
            gaps.push(at..size);
        }
        gaps
    }

    /// Bytes that are covered.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.to - piece.from).sum()
    }
}

impl Snapshot {
    pub(super) fn new(segments: Vec<Arc<Segment>>, ready: Vec<Arc<Ready>>, packed: &[Packed]) -> Self {
        let mut this = Self { segments, live: Vec::new(), runs: HashMap::new(), packed: HashMap::new() };
        for (number, segment) in this.segments.iter().enumerate() {
            for (run, column) in &segment.table.runs {
                this.runs.entry(run.key).or_default().push((*run, number, *column));
            }
        }
        for (run, ready) in coalesce(ready.into_iter().map(|ready| (ready.run, vec![ready])).collect()) {
            this.runs.entry(run.key).or_default().push((run, LIVE, this.live.len()));
            this.live.extend(ready);
        }
        let on_disk = this.segments.iter().flat_map(|segment| &segment.table.packed);
        for file in on_disk.chain(packed) {
            this.packed.entry((file.device, file.inode)).or_default().push(*file);
        }
        this
    }

    /// Nothing is known: no file need be opened.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The same run is known.
    pub(super) fn has(&self, run: &Run) -> bool {
        self.runs.get(&run.key).is_some_and(|runs| runs.iter().any(|(known, ..)| known == run))
    }

    /// What of a file is covered, as it is now.
    pub fn cover(&self, file: &LogFile) -> Cover {
        let pieces = if self.is_empty() {
            None
        } else if file.packing == Packing::Plain {
            self.plain(file)
        } else {
            self.packed(file)
        };
        Cover { pieces: pieces.unwrap_or_default() }
    }

    fn plain(&self, file: &LogFile) -> Option<Vec<Piece>> {
        if file.size < print::HEAD as u64 {
            return None;
        }
        let opened = File::open(&file.path).ok()?;
        let mut runs = self.runs.get(&print::key_of(&opened).ok()??)?.clone();
        runs.sort_by_key(|(run, ..)| (run.first, std::cmp::Reverse(run.to)));
        let mut pieces: Vec<Piece> = Vec::new();
        // What is known to stand before a place: ends of runs are beginnings of others.
        let mut known = (0, 0);
        for (run, source, column) in runs {
            let upto = pieces.last().map_or(0, |piece| piece.to);
            if run.to <= upto || run.to > file.size {
                continue;
            }
            let is_begun = run.first == 0
                || known == (run.from(), run.before)
                || print::is_still(&opened, run.from(), run.before);
            if !is_begun || !print::is_still(&opened, run.to, run.print) {
                continue;
            }
            known = (run.to, run.print);
            // Of a block that is covered in part already, this knows more.
            let from = run.from().max(upto / BLOCK * BLOCK);
            if let Some(last) = pieces.last_mut() {
                last.to = last.to.min(from);
            }
            pieces.retain(|piece| piece.from < piece.to);
            pieces.push(Piece {
                from,
                to: run.to,
                source,
                column: column + ((from - run.from()) / BLOCK) as usize,
            });
        }
        Some(pieces)
    }

    /// All of it, or nothing.
    fn packed(&self, file: &LogFile) -> Option<Vec<Piece>> {
        let written = i64::try_from(file.written.as_nanosecond()).ok()?;
        let known = self.packed.get(&file.identity)?;
        let known = known.iter().rfind(|known| (known.size, known.written) == (file.size, written))?;
        let runs = self.runs.get(&known.key)?;
        let piece = |(run, source, column): &(Run, usize, usize)| Piece {
            from: run.from(),
            to: run.to,
            source: *source,
            column: *column,
        };
        Some(chain(runs, known.to, known.print)?.into_iter().map(piece).collect())
    }

    /// Asks for these UUIDs (`uuid::first`).
    pub fn ask(&self, firsts: &[u64]) -> Answer {
        let segments = self.segments.iter().map(|segment| segment.ask(firsts)).collect();
        let rows: Vec<_> = firsts.iter().map(|first| rows(*first)).collect();
        let may_hold = |ready: &Arc<Ready>| rows.iter().any(|rows| ready.column.may_hold(rows));
        Answer { segments, live: self.live.iter().map(may_hold).collect() }
    }
}

/// Where they may be.
pub struct Answer {
    /// Columns, as bits. None: nothing is known of them any more.
    segments: Vec<Option<Vec<u64>>>,
    live: Vec<bool>,
}

impl Answer {
    /// The parts of a piece that may hold one of them; none where nothing is known of it any more.
    pub fn of(&self, piece: &Piece, parts: &mut Vec<Range<u64>>) -> Option<()> {
        let blocks = (piece.to - piece.from).div_ceil(BLOCK) as usize;
        let mut add = |block: usize| {
            let from = piece.from + block as u64 * BLOCK;
            parts.push(from..(from + BLOCK).min(piece.to));
        };
        if piece.source == LIVE {
            let of_piece = self.live.get(piece.column..piece.column + blocks)?;
            of_piece.iter().enumerate().filter(|(_, may)| **may).for_each(|(block, _)| add(block));
            return Some(());
        }
        let bits = self.segments.get(piece.source)?.as_ref()?;
        let (mut at, end) = (piece.column, piece.column + blocks);
        while at < end {
            let left = bits.get(at / 64)? >> (at % 64);
            at += left.trailing_zeros().min(64 - (at % 64) as u32) as usize;
            if left != 0 && at < end {
                add(at - piece.column);
                at += 1;
            }
        }
        Some(())
    }
}
