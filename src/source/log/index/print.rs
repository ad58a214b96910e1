//! By what a content is known again, whatever the file is called: how it begins, and what stands at chosen places.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::unix::fs::FileExt;

/// A file is known by so many bytes of its beginning; a shorter one is read faster than looked up.
pub(super) const HEAD: usize = 1024;
/// Bytes before a place that say whether it is still the content that was indexed.
pub(super) const TAIL: usize = 256;

/// A number for bytes, `salt` for what they are. Segments name the function by what it makes of a known text, so
/// that another version's, or another machine's, is another format.
pub(super) fn hash(salt: u64, bytes: &[u8]) -> u64 {
    let mut hasher = foldhash::quality::FixedState::with_seed(salt).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// The number of a content that begins so. None for what begins with a hole, as what a writer that does not append
/// leaves behind a truncation: many do, and they differ.
pub(super) fn key(head: &[u8]) -> Option<u64> {
    let head = head.get(..HEAD)?;
    head.iter().any(|byte| *byte != 0).then(|| hash(1, head))
}

/// What stands before a place, which are `TAIL` bytes.
pub(super) fn print(before: &[u8]) -> u64 {
    hash(2, before)
}

/// The number of a file's content, as it begins now.
pub(super) fn key_of(file: &File) -> io::Result<Option<u64>> {
    let mut head = [0; HEAD];
    Ok(is_filled(file, &mut head, 0)?.then(|| key(&head)).flatten())
}

/// Whether what stands in the file before this place is what it was.
pub(super) fn is_still(file: &File, to: u64, known: u64) -> bool {
    let mut before = [0; TAIL];
    let is_read =
        to.checked_sub(TAIL as u64).is_some_and(|at| is_filled(file, &mut before, at).unwrap_or(false));
    is_read && print(&before) == known
}

/// Whether there was as much.
fn is_filled(file: &File, buffer: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
