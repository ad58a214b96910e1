//! The directory of the segments, and who may change it: one stackwatch at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::bits::Column;
use super::runs::coalesce;
use super::segment::{self, COLUMNS, PACKED, Segment, Source, Table};
use super::{Packed, Run};

const ENDING: &str = "bits";
/// Segments of about the same size that there may be: then they become one. Each of them costs every question as many
/// reads as all the others.
const ALIKE: usize = 4;
/// After what could not be written nothing is tried for so long.
const PAUSE: Duration = Duration::from_secs(60);

/// The right to write, which others see.
pub(super) struct Shelf {
    _lock: File,
    /// The number of the next segment: the order in which they were made.
    next: u64,
    failed: Option<Instant>,
}

/// The segments that lie there, the oldest first.
pub(super) fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|is| is == ENDING))
        .collect();
    paths.sort();
    paths
}

impl Shelf {
    /// None where another has it.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn take(directory: &Path) -> io::Result<Option<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(directory.join("lock"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut last = 0;
        for path in list(directory) {
            let number = path.file_stem().and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
            match number {
                Some(number) if Segment::open(&path).is_ok() => last = last.max(number),
                // Damaged, or of another version.
                _ => fs::remove_file(&path)?,
            }
        }
        // What one that was killed has left half written.
        let _ = fs::remove_file(unfinished(directory));
        Ok(Some(Self { _lock: lock, next: last + 1, failed: None }))
    }

    pub fn may_try(&self) -> bool {
        self.failed.is_none_or(|at| at.elapsed() >= PAUSE)
    }

    pub fn failed(&mut self, directory: &Path, error: &io::Error) {
        self.failed = Some(Instant::now());
        let _ = fs::remove_file(unfinished(directory));
        tracing::warn!("the index in {} cannot be written: {error}", directory.display());
    }

    /// Columns from memory, of one block each, as a segment.
    pub fn write(
        &mut self,
        directory: &Path,
        columns: Vec<(Run, &Column)>,
        packed: Vec<Packed>,
        is_patient: bool,
    ) -> io::Result<Segment> {
        let runs = columns.into_iter().map(|(run, column)| (run, vec![Source::Memory(column)])).collect();
        let segment = self.put(directory, &[], runs, packed, self.next, is_patient)?;
        self.next += 1;
        Ok(segment)
    }

    /// Writes it beside, and gives it its name when it is whole. One who is not patient does not wait until it is on
    /// the disk: a torn segment is found by its checksums.
    fn put(
        &self,
        directory: &Path,
        from: &[&Segment],
        runs: Vec<(Run, Vec<Source<'_>>)>,
        mut packed: Vec<Packed>,
        number: u64,
        is_patient: bool,
    ) -> io::Result<Segment> {
        let runs = coalesce(runs);
        // Of a file that was there before under the same inode, what is known last.
        packed.reverse();
        packed.sort_by_key(|file| (file.device, file.inode));
        packed.dedup_by_key(|file| (file.device, file.inode));
        packed.truncate(PACKED);
        let table = Table::new(runs.iter().map(|(run, _)| *run), packed);
        let sources: Vec<Source<'_>> = runs.into_iter().flat_map(|(_, sources)| sources).collect();
        let beside = unfinished(directory);
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
        segment::write(&mut file, &table, from, sources.iter().copied())?;
        if is_patient {
            file.sync_data()?;
        }
        let path = directory.join(format!("{number:016x}.{ENDING}"));
        fs::rename(&beside, &path)?;
        Segment::open(&path)
    }

    /// Takes one step towards few segments that are not too large together. Whether there was one to take.
    pub fn tidy(
        &mut self,
        directory: &Path,
        segments: &mut Vec<Arc<Segment>>,
        most: u64,
        is_patient: bool,
    ) -> io::Result<bool> {
        if let Some(damaged) = segments.iter().position(|segment| segment.is_damaged()) {
            fs::remove_file(&segments[damaged].path)?;
            segments.remove(damaged);
            return Ok(true);
        }
        let size: u64 = segments.iter().map(|segment| segment.table.size()).sum();
        if size > most && !segments.is_empty() {
            fs::remove_file(&segments[0].path)?;
            segments.remove(0);
            return Ok(true);
        }
        let Some(chosen) = alike(segments).filter(|_| is_patient && self.may_try()) else { return Ok(false) };
        let from: Vec<&Segment> = chosen.iter().map(|place| &*segments[*place]).collect();
        let mut runs = Vec::new();
        for (number, segment) in from.iter().enumerate() {
            for (run, at) in &segment.table.runs {
                let columns = *at..at + run.count as usize;
                runs.push((*run, columns.map(|column| Source::Segment(number, column)).collect()));
            }
        }
        let packed = from.iter().flat_map(|segment| segment.table.packed.iter().copied()).collect();
        let merged = self.put(directory, &from, runs, packed, self.next, is_patient)?;
        self.next += 1;
        for place in chosen.into_iter().rev() {
            fs::remove_file(&segments[place].path)?;
            segments.remove(place);
        }
        segments.push(Arc::new(merged));
        Ok(true)
    }
}

fn unfinished(directory: &Path) -> PathBuf {
    directory.join("unfinished")
}

/// The places of segments that should be one: four of about one size, or those of them that fit together.
fn alike(segments: &[Arc<Segment>]) -> Option<Vec<usize>> {
    // Each class is eight times the one below.
    let class = |columns: usize| {
        [COLUMNS / 128, COLUMNS / 16, COLUMNS / 2].iter().position(|most| columns <= *most).unwrap_or(3)
    };
    (0..3).find_map(|wanted| {
        let of_class = |place: &usize| class(segments[*place].table.columns) == wanted;
        let mut columns = 0;
        let fits = |place: &usize| {
            columns += segments[*place].table.columns;
            columns <= COLUMNS
        };
        let all = (0..segments.len()).filter(of_class);
        let chosen: Vec<usize> = all.clone().take(ALIKE).take_while(fits).collect();
        (all.count() >= ALIKE && chosen.len() > 1).then_some(chosen)
    })
}
