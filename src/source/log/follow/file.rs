//! One file that is followed: where it was read to, and by what it is known again.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

use super::lines::{Cut, Lines};
use crate::source::log::files::LogFile;
use crate::source::log::index::Writing;

/// Bytes by which a content is known again, at its start and before the place where it was read to.
const MARK: usize = 64;
/// So much of one file is read before the others have their turn.
const TURN: u64 = 4 << 20;

/// What a file begins with. Empty: nothing is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head(Vec<u8>);

impl Head {
    fn read(file: &File) -> io::Result<Self> {
        Ok(Self(up_to(file, MARK, 0)?))
    }

    /// Whether the file there begins so.
    pub fn is_of(&self, path: &Path) -> bool {
        let head = || Self::read(&File::open(path)?);
        !self.0.is_empty() && head().is_ok_and(|head: Self| head.0.starts_with(&self.0))
    }
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All there is was read.
    Done,
    /// There is more, and it is others' turn.
    More,
    /// It is not the content that was read before.
    Replaced,
}

pub(super) struct Followed {
    id: u64,
    pub file: LogFile,
    /// Another file has its name, or none.
    pub has_moved: bool,
    handle: Option<File>,
    offset: u64,
    head: Head,
    /// What stands before `offset`.
    tail: Vec<u8>,
    /// Size and time of the last write when all was read: as long as they stay, nothing came.
    seen: Option<(u64, i128)>,
    /// When this content was last written, as of the last look.
    written: i128,
    lines: Lines,
    said: Instant,
    /// What is read, on its way into the index.
    writing: Option<Writing>,
}

type Give<'a> = dyn FnMut(u64, &LogFile, Cut<'_>) + 'a;

impl Followed {
    /// `at`: the name that it has now, where that is not the one under which it was written.
    pub fn open(
        id: u64,
        file: LogFile,
        at: &Path,
        from: u64,
        now: Instant,
        writing: Option<Writing>,
    ) -> io::Result<Self> {
        let handle = open(at, file.identity)?;
        // The byte before tells whether a line begins here: if it is a newline, that ends the torn one.
        let offset = from.saturating_sub(1);
        let before = offset.min(MARK as u64);
        Ok(Self {
            id,
            file,
            has_moved: false,
            head: Head(up_to(&handle, before as usize, 0)?),
            tail: up_to(&handle, before as usize, offset - before)?,
            offset,
            handle: Some(handle),
            seen: None,
            written: 0,
            lines: if from > 0 { Lines::torn() } else { Lines::default() },
            said: now,
            writing,
        })
    }

    pub fn is_open(&self) -> bool {
        self.handle.is_some()
    }

    pub fn close(&mut self) {
        self.handle = None;
    }

    /// Opens it again, under whatever name it has now.
    pub fn wake(&mut self, path: &Path, now: Instant) -> io::Result<()> {
        self.handle = Some(open(path, self.file.identity)?);
        (self.seen, self.said) = (None, now);
        Ok(())
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn written(&self) -> i128 {
        self.written
    }

    pub fn is_quiet_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.said)
    }

    /// Reads what came. It is looked at after each read whether this is still the same content, since a truncation
    /// may come at any time: what was read before a look that it passes is what was written there.
    pub fn read(&mut self, buffer: &mut [u8], now: Instant, give: &mut Give<'_>) -> io::Result<Step> {
        let Some(handle) = &self.handle else { return Ok(Step::Done) };
        let metadata = handle.metadata()?;
        let written = written(&metadata);
        if self.seen == Some((metadata.len(), written)) {
            return Ok(Step::Done);
        }
        if metadata.len() < self.offset {
            return Ok(Step::Replaced);
        }
        let end = self.offset + TURN;
        while self.offset < end {
            let Some(handle) = &self.handle else { break };
            if let Some(writing) = &mut self.writing {
                writing.begin(handle, self.offset);
            }
            let n = handle.read_at(buffer, self.offset)?;
            if !self.is_in(handle)? {
                return Ok(Step::Replaced);
            }
            self.written = written;
            if n == 0 {
                self.seen = Some((self.offset, written));
                return Ok(Step::Done);
            }
            self.take(&buffer[..n], now, give);
            // There was no more. What came since is told by the file's size or time at the next look.
            if n < buffer.len() {
                self.seen = Some((self.offset, written));
                return Ok(Step::Done);
            }
        }
        Ok(Step::More)
    }

    fn take(&mut self, bytes: &[u8], now: Instant, give: &mut Give<'_>) {
        let (id, file) = (self.id, &self.file);
        if let Some(writing) = &mut self.writing {
            writing.take(self.offset, bytes);
        }
        self.lines.feed(bytes, &mut |cut| give(id, file, cut));
        if let Ok(at) = usize::try_from(self.offset)
            && at < MARK
            && at <= self.head.0.len()
        {
            self.head.0.truncate(at);
            self.head.0.extend_from_slice(&bytes[..bytes.len().min(MARK - at)]);
        }
        self.offset += bytes.len() as u64;
        self.said = now;
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(MARK)..]);
        let too_many = self.tail.len().saturating_sub(MARK);
        self.tail.drain(..too_many);
    }

    /// Whether all that was read of it stands in that file too, as in a copy that was made since. Where nothing was
    /// read, nothing tells them from others that begin alike.
    pub fn is_whole_in(&self, path: &Path) -> bool {
        !self.tail.is_empty() && File::open(path).and_then(|file| self.is_in(&file)).unwrap_or(false)
    }

    fn is_in(&self, file: &File) -> io::Result<bool> {
        let at = self.offset - (self.tail.len() as u64).min(self.offset);
        Ok(stands_at(file, &self.head.0, 0)? && stands_at(file, &self.tail, at)?)
    }

    /// Whether that file of this size is a copy of it, or one that is being made. Many logs begin alike, so beginnings
    /// alone say nothing: the copy's end must stand here at the same place, or, if this was truncated since, what was
    /// read of this there.
    pub fn is_copied_in(&self, path: &Path, size: u64) -> bool {
        let at = size.saturating_sub(MARK as u64);
        let count = (size - at) as usize;
        let is_end_here = || -> io::Result<bool> {
            let Some(handle) = &self.handle else { return Ok(false) };
            let end = up_to(&File::open(path)?, count, at)?;
            Ok(end.len() == count && up_to(handle, count, at)? == end)
        };
        // A file that is empty yet is a copy of nothing.
        count > 0 && self.head.is_of(path) && (is_end_here().unwrap_or(false) || self.is_whole_in(path))
    }

    /// Gives out what a copy of the old content has behind the place where it was read to.
    pub fn finish_from(
        &mut self,
        copy: &Path,
        buffer: &mut [u8],
        now: Instant,
        give: &mut Give<'_>,
    ) -> io::Result<()> {
        let copy = File::open(copy)?;
        loop {
            let n = copy.read_at(buffer, self.offset)?;
            if n == 0 {
                return Ok(());
            }
            self.take(&buffer[..n], now, give);
        }
    }

    /// To the start of another content. A writer that does not append goes on where it was, behind a hole.
    pub fn restart(&mut self, id: u64) {
        self.id = id;
        self.seen = None;
        self.tail.clear();
        self.writing.iter_mut().for_each(Writing::restart);
        let head = self.handle.as_ref().map(Head::read).and_then(Result::ok);
        self.head = head.unwrap_or_default();
        let size =
            self.handle.as_ref().and_then(|handle| handle.metadata().ok()).map_or(0, |file| file.len());
        let is_hole = self.head.0.len() == MARK && self.head.0.iter().all(|byte| *byte == 0);
        if !is_hole || size <= self.offset {
            self.offset = 0;
        }
    }

    pub fn end_line(&mut self, give: &mut Give<'_>) {
        let (id, file) = (self.id, &self.file);
        self.lines.end(&mut |cut| give(id, file, cut));
    }

    pub fn give_half(&mut self, give: &mut Give<'_>) {
        let (id, file) = (self.id, &self.file);
        self.lines.give_half(&mut |cut| give(id, file, cut));
    }
}

/// The file of this name, if it is still that one.
fn open(path: &Path, identity: (u64, u64)) -> io::Result<File> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if (metadata.dev(), metadata.ino()) != identity {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(file)
}

/// When a file was last written, in nanoseconds.
pub(super) fn written(metadata: &Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// Whether these bytes, [`MARK`] at most, stand there.
fn stands_at(file: &File, bytes: &[u8], at: u64) -> io::Result<bool> {
    let mut found = [0; MARK];
    let Some(found) = found.get_mut(..bytes.len()) else { return Ok(false) };
    match file.read_exact_at(found, at) {
        Ok(()) => Ok(found == bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// So many bytes from there; fewer where the file ends.
fn up_to(file: &File, count: usize, at: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut read = 0;
    while read < count {
        match file.read_at(&mut bytes[read..], at + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
