//! From what the operator names (a file, a directory, a glob) to the files that are logs, each once.

mod open;

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use open::{Packing, Unpacked};

use super::place;
use crate::config::logs::LogPlace;
use crate::model::Text;

/// Directories below each other that are followed.
const DEPTH: usize = 16;
/// Files that are looked at: more is a wrong path, `/` or a mail spool.
const FILES: usize = 50_000;
/// No logs, though they lie among them.
const NO_LOGS: &[&str] =
    &["journal", "db", "sqlite", "pyc", "pcap", "tar", "zip", "bz2", "lz4", "lock", "pid"];

const PACKED: &[&str] = &["gz", "zst", "xz"];

/// A file that can be read.
#[derive(Clone, Debug)]
pub struct LogFile {
    pub path: PathBuf,
    /// Told by its first bytes, not by its name.
    pub packing: Packing,
    /// In bytes, as it lies there.
    pub size: u64,
    /// When it was last written.
    pub written: Timestamp,
    /// Device and inode: one file has many names.
    pub identity: (u64, u64),
    /// Whose it is; `?` where nobody says.
    pub host: Text,
    pub service: Text,
    /// In which its lines tell the time, where they have no offset.
    pub zone: TimeZone,
}

/// Why something that was named, or lay there, is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    #[error("there is no such file")]
    Missing,
    #[error("the glob matches nothing")]
    NoMatch,
    #[error("no right to {0}")]
    Forbidden(&'static str),
    #[error("a {0}, not a file")]
    NotAFile(&'static str),
    #[error("a link to a directory above it: a loop")]
    Loop,
    #[error("more than {DEPTH} directories deep")]
    TooDeep,
    #[error("more than {FILES} files: the rest was not looked at")]
    TooMany,
    #[error("{0} files are not read")]
    Kind(String),
    #[error("{0}")]
    Other(String),
}

/// What was found, and what was not taken.
#[derive(Debug, Default)]
pub struct Found {
    pub files: Vec<LogFile>,
    pub skipped: Vec<(PathBuf, Skipped)>,
    seen: HashSet<(u64, u64)>,
}

/// All logs of this host that these places name: files as they are, directories with all below them, globs by what
/// they match. In the order of their paths; a file that has several names is there once, under the first. One that is
/// empty has nothing to tell.
pub fn find(places: &[LogPlace]) -> Found {
    let mut found = find_growing(places);
    found.files.retain(|file| file.size > 0);
    found
}

/// The same, with those that are empty yet: they may be written to in a moment.
pub fn find_growing(places: &[LogPlace]) -> Found {
    let mut found = Found::default();
    for place in places.iter().filter(|place| place.is_here()) {
        let before = found.files.len();
        for path in &place.paths {
            found.named(path);
        }
        for file in found.files.iter_mut().skip(before) {
            file.belongs(place);
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl LogFile {
    /// It is the same file, and nobody has written to it since.
    pub(super) fn is_still(&self, now: &Metadata) -> bool {
        let written = now.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        (now.dev(), now.ino()) == self.identity && now.len() == self.size && written == Some(self.written)
    }

    /// Whose it is: as the settings say, else as its path does.
    fn belongs(&mut self, place: &LogPlace) {
        let (host, called) = place::place(&self.path);
        self.service = match &place.service {
            Some(service) => service.as_str().into(),
            None => place::service(&self.path, called).into(),
        };
        self.host = place.host.as_deref().or(host).unwrap_or("?").into();
        self.zone = place.zone.clone().unwrap_or_else(TimeZone::system);
    }
}

fn is_glob(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '[']))
}

impl Found {
    fn skip(&mut self, path: &Path, why: Skipped) {
        self.skipped.push((path.to_owned(), why));
    }

    fn named(&mut self, path: &Path) {
        if path.exists() || !is_glob(path) {
            return self.take(path, &mut Vec::new(), true);
        }
        let matched: Vec<PathBuf> = match path.to_str().map(glob::glob) {
            Some(Ok(paths)) => paths.flatten().collect(),
            Some(Err(error)) => return self.skip(path, Skipped::Other(format!("a bad glob: {error}"))),
            None => Vec::new(),
        };
        if matched.is_empty() {
            self.skip(path, Skipped::NoMatch);
        }
        for path in matched {
            self.take(&path, &mut Vec::new(), true);
        }
    }

    /// `above`: the directories that lead here. `named`: the operator named it, so its name does not matter.
    fn take(&mut self, path: &Path, above: &mut Vec<(u64, u64)>, named: bool) {
        if self.files.len() >= FILES {
            if !self.skipped.iter().any(|(_, why)| *why == Skipped::TooMany) {
                self.skip(path, Skipped::TooMany);
            }
            return;
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.skip(path, refused(&error, "look at it"));
                return;
            }
        };
        if metadata.is_dir() {
            self.descend(path, &metadata, above);
        } else if metadata.is_file() {
            self.file(path, &metadata, named);
        } else {
            self.skip(path, Skipped::NotAFile(kind(&metadata)));
        }
    }

    fn descend(&mut self, path: &Path, metadata: &Metadata, above: &mut Vec<(u64, u64)>) {
        let identity = (metadata.dev(), metadata.ino());
        if above.contains(&identity) {
            return self.skip(path, Skipped::Loop);
        }
        if above.len() >= DEPTH {
            return self.skip(path, Skipped::TooDeep);
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.skip(path, refused(&error, "list it")),
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        above.push(identity);
        for path in paths {
            self.take(&path, above, false);
        }
        above.pop();
    }

    fn file(&mut self, path: &Path, metadata: &Metadata, named: bool) {
        let identity = (metadata.dev(), metadata.ino());
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !named && NO_LOGS.contains(&extension) {
            return self.skip(path, Skipped::Kind(extension.to_owned()));
        }
        // What will be packed is no log that grows.
        if (metadata.len() == 0 && PACKED.contains(&extension)) || !self.seen.insert(identity) {
            return;
        }
        let mut magic = [0; 6];
        let read = File::open(path).and_then(|mut file| file.read(&mut magic));
        if let Err(error) = read {
            return self.skip(path, refused(&error, "read it"));
        }
        let written = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        self.files.push(LogFile {
            path: path.to_owned(),
            packing: Packing::by_magic(&magic),
            size: metadata.len(),
            written: written.unwrap_or(Timestamp::UNIX_EPOCH),
            identity,
            host: "?".into(),
            service: "?".into(),
            zone: TimeZone::UTC,
        });
    }
}

fn refused(error: &std::io::Error, right: &'static str) -> Skipped {
    match error.kind() {
        std::io::ErrorKind::NotFound => Skipped::Missing,
        std::io::ErrorKind::PermissionDenied => Skipped::Forbidden(right),
        // A link that leads to itself (ELOOP) has no kind of its own that is stable.
        _ if error.raw_os_error() == Some(libc::ELOOP) => Skipped::Loop,
        _ => Skipped::Other(error.to_string()),
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    match () {
        () if kind.is_fifo() => "FIFO",
        () if kind.is_socket() => "socket",
        () => "device",
    }
}

#[cfg(test)]
mod tests;
