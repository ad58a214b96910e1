//! A file of the index: a table of which blocks it knows, and below it a row for each bit, with a bit for each block.
//! Who asks for a UUID reads its few rows and sees all blocks at once.
//!
//! It is written once and never changed. All in it has a checksum of its own, so nothing is believed that was
//! damaged, torn by a power cut or cut off: then it is as if the segment were not there.
//!
//! ```text
//! u64     format, runs, packed files, columns, hash of these and of the table
//! table   runs: key, first block, blocks, print before, end, print there;
//!         packed files: device, inode, size, written, key, end, print there
//! chunks  rows of whole words, some of them together where they are short, and their hash
//! ```
//! All numbers are little-endian.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::bits::{Column, HASHES, ROWS, STRIP, STRIPS, rows, transpose};
use super::print::hash;
use super::{Packed, Run};

/// Blocks of a segment at most, rows of 4 KiB: four times what is written at once, and what came meanwhile.
pub(super) const COLUMNS: usize = 34_816;
/// Packed files of a segment at most.
pub(super) const PACKED: usize = 8192;
const HEAD: usize = 5 * 8;
const RUN: usize = 6 * 8;
const FILE: usize = 7 * 8;
/// Bytes between two chunks that are wanted are read with them up to this: cheaper than another call.
const NEAR: usize = 4096;
/// Words of each row that are asked at once: of all rows they fit a core's own cache, however many UUIDs there are.
const TILE: usize = 8;

/// Named by what the hash makes of a text: where that changed, nothing is believed.
fn format() -> u64 {
    hash(0, b"stackwatch index 1: 16 KiB, 12 bits of 2368")
}

/// What a segment knows of.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Each with its first column; the others follow.
    pub runs: Vec<(Run, usize)>,
    pub packed: Vec<Packed>,
    pub columns: usize,
}

impl Table {
    pub fn new(runs: impl IntoIterator<Item = Run>, packed: Vec<Packed>) -> Self {
        let mut columns = 0usize;
        let place = |run: Run| {
            let at = columns;
            columns = columns.saturating_add(run.count as usize);
            (run, at)
        };
        let runs = runs.into_iter().map(place).collect();
        Self { runs, packed, columns }
    }

    /// Words of a row; one, where packed files alone are known.
    fn words(&self) -> usize {
        self.columns.div_ceil(64).max(1)
    }

    /// Rows that share a hash, so that it never is more than a small part.
    fn together(&self) -> usize {
        (64 / self.words().next_power_of_two().min(64)).max(1)
    }

    /// Bytes of a chunk, with its hash.
    fn chunk(&self) -> usize {
        self.together() * self.words() * 8 + 8
    }

    fn table_size(&self) -> usize {
        HEAD + self.runs.len() * RUN + self.packed.len() * FILE
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        (self.table_size() + ROWS / self.together() * self.chunk()) as u64
    }

    /// With the hash, which binds the rows to it.
    fn encode(&self) -> (Vec<u8>, u64) {
        let mut bytes = Vec::with_capacity(self.table_size());
        let mut put = |numbers: &[u64]| bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        put(&[format(), self.runs.len() as u64, self.packed.len() as u64, self.columns as u64, 0]);
        for (run, _) in &self.runs {
            put(&[run.key, run.first, run.count, run.before, run.to, run.print]);
        }
        for file in &self.packed {
            let Packed { device, inode, size, written, key, to, print } = file;
            put(&[*device, *inode, *size, written.cast_unsigned(), *key, *to, *print]);
        }
        let seal = hash(3, &bytes);
        bytes[HEAD - 8..HEAD].copy_from_slice(&seal.to_le_bytes());
        (bytes, seal)
    }

    fn read(file: &File) -> io::Result<(Self, u64)> {
        let mut bytes = vec![0; HEAD];
        file.read_exact_at(&mut bytes, 0)?;
        let [is, runs, packed, columns, seal] = numbers(&bytes);
        let is_possible = runs <= COLUMNS as u64 && packed <= PACKED as u64 && columns <= COLUMNS as u64;
        if is != format() || !is_possible {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.resize(HEAD + runs as usize * RUN + packed as usize * FILE, 0);
        file.read_exact_at(&mut bytes[HEAD..], HEAD as u64)?;
        bytes[HEAD - 8..HEAD].fill(0);
        if hash(3, &bytes) != seal {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (of_runs, of_files) = bytes[HEAD..].split_at(runs as usize * RUN);
        let run = |bytes: &[u8]| {
            let [key, first, count, before, to, print] = numbers(bytes);
            Run { key, first, count, before, to, print }
        };
        let packed = |bytes: &[u8]| {
            let [device, inode, size, written, key, to, print] = numbers(bytes);
            Packed { device, inode, size, written: written.cast_signed(), key, to, print }
        };
        let table =
            Self::new(of_runs.chunks_exact(RUN).map(run), of_files.chunks_exact(FILE).map(packed).collect());
        let is_whole = table.columns as u64 == columns
            && table.runs.iter().all(|(run, _)| run.is_possible())
            && file.metadata()?.len() == table.size();
        if is_whole { Ok((table, seal)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

fn numbers<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|place| words.get(place).map_or(0, |word| u64::from_le_bytes(*word)))
}

/// A segment that lies there.
pub(super) struct Segment {
    pub path: PathBuf,
    pub table: Table,
    file: File,
    seal: u64,
    is_damaged: AtomicBool,
}

impl Segment {
    /// # Errors
    /// It cannot be read, or is no whole segment.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let (table, seal) = Table::read(&file)?;
        Ok(Self { path: path.to_owned(), table, file, seal, is_damaged: AtomicBool::new(false) })
    }

    /// A row of it did not have its hash.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Reads chunks from one up to, without, another behind what is in `bytes`, as they lie there; none where one of
    /// them is damaged.
    fn chunks(&self, from: usize, to: usize, bytes: &mut Vec<u8>) -> Option<()> {
        let (size, begin) = (self.table.chunk(), bytes.len());
        bytes.resize(begin + (to - from) * size, 0);
        let at = self.table.table_size() + from * size;
        let read = self.file.read_exact_at(&mut bytes[begin..], at as u64);
        let is_well = read.is_ok()
            && bytes[begin..].chunks_exact(size).zip(from..).all(|(chunk, number)| {
                let (words, told) = chunk.split_at(size - 8);
                told == hash(self.seal ^ number as u64, words).to_le_bytes()
            });
        if !is_well {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        is_well.then_some(())
    }

    /// Columns that may hold any of these UUIDs (`uuid::first`), as bits. None where it is damaged.
    pub fn ask(&self, firsts: &[u64]) -> Option<Vec<u64>> {
        let (words, together) = (self.table.words(), self.table.together());
        let mut wanted: Vec<usize> =
            firsts.iter().flat_map(|first| rows(*first)).map(|row| row / together).collect();
        wanted.sort_unstable();
        wanted.dedup();
        // Which of the rows that were read is the first of a chunk, and where each row begins among the bytes.
        let mut places = vec![u32::MAX; ROWS / together];
        let (mut bytes, mut begins) = (Vec::new(), Vec::new());
        let near = (NEAR / self.table.chunk()).max(1);
        let mut left = wanted.as_slice();
        while let Some(from) = left.first().copied() {
            let count = left.windows(2).position(|pair| pair[1] - pair[0] > near);
            let count = count.map_or(left.len(), |at| at + 1);
            let to = left[count - 1] + 1;
            left = &left[count..];
            for (place, number) in (from..to).enumerate() {
                let chunk = bytes.len() + place * self.table.chunk();
                places[number] = begins.len() as u32;
                begins.extend((0..together).map(|row| chunk + row * words * 8));
            }
            self.chunks(from, to, &mut bytes)?;
        }
        let row = |row: usize| places[row / together] as usize + row % together;
        let asked: Vec<[usize; HASHES]> = firsts.iter().map(|first| rows(*first).map(row)).collect();
        let mut found = vec![0; words];
        let mut tile = vec![[0u64; TILE]; begins.len()];
        for (from, found) in (0..words).step_by(TILE).zip(found.chunks_mut(TILE)) {
            for (tile, begin) in tile.iter_mut().zip(&begins) {
                let row = &bytes[begin + from * 8..][..found.len() * 8];
                tile.iter_mut()
                    .zip(row.as_chunks::<8>().0)
                    .for_each(|(to, word)| *to = u64::from_le_bytes(*word));
            }
            let mut any = [0; TILE];
            for [first, others @ ..] in &asked {
                let mut all = tile[*first];
                for other in others {
                    all.iter_mut().zip(&tile[*other]).for_each(|(all, row)| *all &= row);
                }
                any.iter_mut().zip(&all).for_each(|(any, all)| *any |= all);
            }
            found.copy_from_slice(&any[..found.len()]);
        }
        Some(found)
    }

    /// The columns' words in the rows of a strip.
    fn strip(&self, strip: usize) -> Option<Vec<[u64; STRIP]>> {
        let (words, chunks) = (self.table.words(), STRIP / self.table.together());
        let mut bytes = Vec::new();
        self.chunks(strip * chunks, (strip + 1) * chunks, &mut bytes)?;
        let chunks = bytes.chunks_exact(self.table.chunk());
        let rows: Vec<u64> = chunks
            .flat_map(|chunk| chunk[..chunk.len() - 8].as_chunks::<8>().0)
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let tile = |place: usize| {
            let mut tile = std::array::from_fn(|row| rows[row * words + place]);
            transpose(&mut tile);
            tile
        };
        Some((0..words).map(tile).collect())
    }
}

/// Where a column is taken from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Memory(&'a Column),
    /// The number of a segment in a list, and the column in it.
    Segment(usize, usize),
}

/// Writes a segment, strip by strip: it never is in memory as a whole. One source for each column of the table.
///
/// # Errors
/// The file's. A damaged source is `InvalidData`, and known as damaged then.
pub(super) fn write<'a>(
    mut to: impl Write,
    table: &Table,
    from: &[&Segment],
    sources: impl ExactSizeIterator<Item = Source<'a>> + Clone,
) -> io::Result<()> {
    debug_assert!(sources.len() == table.columns);
    let (words, together) = (table.words(), table.together());
    let (head, seal) = table.encode();
    to.write_all(&head)?;
    let mut rows = vec![0u64; STRIP * words];
    let mut bytes = Vec::new();
    for strip in 0..STRIPS {
        let strips: Option<Vec<_>> = from.iter().map(|segment| segment.strip(strip)).collect();
        let strips = strips.ok_or(io::ErrorKind::InvalidData)?;
        let mut sources = sources.clone();
        for place in 0..words {
            let mut tile = [0; STRIP];
            for (word, source) in tile.iter_mut().zip(sources.by_ref()) {
                *word = match source {
                    Source::Memory(column) => column.strip(strip),
                    Source::Segment(number, column) => strips[number][column / 64][column % 64],
                };
            }
            transpose(&mut tile);
            for (row, word) in tile.into_iter().enumerate() {
                rows[row * words + place] = word;
            }
        }
        bytes.clear();
        for (chunk, rows) in rows.chunks_exact(together * words).enumerate() {
            let at = bytes.len();
            rows.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
            let number = strip * (STRIP / together) + chunk;
            let hash = hash(seal ^ number as u64, &bytes[at..]);
            bytes.extend(hash.to_le_bytes());
        }
        to.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::BLOCK;
    use super::*;

    /// Columns with a UUID of their own each.
    fn columns(count: u64, seed: u64) -> Vec<Column> {
        let column = |number| {
            let mut column = *Column::boxed();
            column.insert(first(seed, number));
            column
        };
        (0..count).map(column).collect()
    }

    fn first(seed: u64, number: u64) -> u64 {
        hash(seed, &number.to_le_bytes())
    }

    fn run(key: u64, count: u64) -> Run {
        Run { key, first: 3, count, before: 0, to: (3 + count) * BLOCK, print: 9 }
    }

    fn segment(path: &Path, count: u64, seed: u64) -> Segment {
        let columns = columns(count, seed);
        let packed = Packed { device: 1, inode: 2, size: 3, written: -4, key: seed, to: 5, print: 6 };
        let runs = [run(seed, count / 2), run(seed + 1, count - count / 2)];
        let table = Table::new(runs.into_iter().filter(|run| run.count > 0), vec![packed]);
        let sources = columns.iter().map(Source::Memory);
        write(File::create(path).unwrap(), &table, &[], sources).unwrap();
        Segment::open(path).unwrap()
    }

    fn set(bits: &[u64]) -> Vec<usize> {
        (0..bits.len() * 64).filter(|bit| bits[bit / 64] >> (bit % 64) & 1 == 1).collect()
    }

    #[test]
    fn each_uuid_is_found_in_its_column_and_a_merge_keeps_what_is_chosen() {
        let root = tempfile::tempdir().unwrap();
        for (one, other) in [(1, 1), (3, 200), (64, 65), (700, 8192), (4100, 2)] {
            let one = segment(&root.path().join("1"), one, 10);
            let other = segment(&root.path().join("2"), other, 20);
            for (segment, seed) in [(&one, 10), (&other, 20)] {
                assert_eq!(segment.table.packed[0].written, -4);
                for column in (0..segment.table.columns).step_by(97) {
                    assert_eq!(set(&segment.ask(&[first(seed, column as u64)]).unwrap()), [column]);
                }
                let all: Vec<u64> =
                    (0..segment.table.columns as u64).map(|number| first(seed, number)).collect();
                assert_eq!(set(&segment.ask(&all).unwrap()).len(), segment.table.columns);
            }
            // Every other column of the one, the last of the other, one from memory.
            let extra = columns(1, 30);
            let mut sources: Vec<Source> =
                (0..one.table.columns).step_by(2).map(|column| Source::Segment(0, column)).collect();
            sources.push(Source::Segment(1, other.table.columns - 1));
            sources.push(Source::Memory(&extra[0]));
            let path = root.path().join("3");
            let table = Table::new([run(1, sources.len() as u64)], Vec::new());
            write(File::create(&path).unwrap(), &table, &[&one, &other], sources.iter().copied()).unwrap();
            let merged = Segment::open(&path).unwrap();
            let count = merged.table.columns;
            assert_eq!(set(&merged.ask(&[first(10, 0)]).unwrap()), [0]);
            let last = other.table.columns as u64 - 1;
            assert_eq!(set(&merged.ask(&[first(20, last), first(30, 0)]).unwrap()), [count - 2, count - 1]);
        }
    }

    #[test]
    fn packed_files_alone_are_a_segment_too() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("segment");
        let packed = Packed { device: 1, inode: 2, size: 3, written: -4, key: 5, to: 6, print: 7 };
        let table = Table::new([], vec![packed]);
        write(File::create(&path).unwrap(), &table, &[], [].into_iter()).unwrap();
        let segment = Segment::open(&path).unwrap();
        assert_eq!(segment.table.packed, [packed]);
        assert_eq!(segment.ask(&[first(1, 1)]), Some(vec![0]));
    }

    #[test]
    fn whatever_is_damaged_answers_right_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        for count in [5, 130] {
            let path = root.path().join("segment");
            let whole = segment(&path, count, 10);
            let bytes = std::fs::read(&path).unwrap();
            let said = whole.ask(&[first(10, 1), first(10, 4)]).unwrap();
            let mut refused = 0;
            for at in (0..bytes.len()).step_by(211).chain(0..400) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << (at % 8);
                std::fs::write(&path, &damaged).unwrap();
                let answer =
                    Segment::open(&path).ok().and_then(|segment| segment.ask(&[first(10, 1), first(10, 4)]));
                refused += usize::from(answer.is_none());
                assert!(answer.is_none_or(|answer| answer == said), "{at}");
            }
            assert!(refused > 0);
            for length in (0..bytes.len()).step_by(997) {
                std::fs::write(&path, &bytes[..length]).unwrap();
                assert!(Segment::open(&path).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn a_damaged_row_is_not_carried_on_by_a_merge() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("segment");
        drop(segment(&path, 100, 10));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 100;
        bytes[last] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        let damaged = Segment::open(&path).unwrap();
        let table = Table::new([run(1, 1)], Vec::new());
        let error = write(Vec::new(), &table, &[&damaged], [Source::Segment(0, 7)].into_iter()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(damaged.is_damaged());
    }
}
