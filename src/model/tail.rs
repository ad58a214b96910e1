//! What comes in from logs that are tailed: lines with the bytes that they are, as a collector hands them on.

use std::fmt;
use std::sync::Arc;

use super::{Endpoint, Level, Line, Request, Span, Text, Trouble};

/// Takes lines apart for those who keep them and know no format: a line is kept as it stands and read again when it
/// is looked at, which costs less than keeping its parts.
pub trait Parse: fmt::Debug + Send + Sync {
    fn parse(&self, line: &[u8]) -> Line;
}

/// A file that is tailed. What a line says of its own host and program goes before this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSource {
    pub path: Text,
    /// `?` where nobody says.
    pub host: Text,
    pub service: Text,
}

/// Lines that were heard together, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The number of the first line. Lines are numbered from 0 through all batches.
    pub first: u64,
    /// Files that are new: they are numbered from 0 through all batches.
    pub sources: Vec<LogSource>,
    pub lines: Vec<HeardLine>,
    /// The bytes of all lines, without newlines.
    pub text: Vec<u8>,
    pub parse: Arc<dyn Parse>,
    /// Endpoints that are new: they are numbered from 0 through all batches.
    pub endpoints: Vec<Endpoint>,
    /// Requests that the lines tell of.
    pub requests: Vec<Request>,
    /// How many more there were of our own, which ended well.
    pub own_requests: u64,
    /// What could not be had.
    pub troubles: Vec<Trouble>,
    /// How many files are followed now.
    pub files: usize,
    /// Hosts that are not heard now, and why.
    pub away: Arc<[Trouble]>,
}

/// One line of a batch.
#[derive(Clone, Copy, Debug)]
pub struct HeardLine {
    /// The number of its file.
    pub source: u32,
    /// Where it stands in the batch's text.
    pub text: Span,
    /// Its whole length in bytes, where only its start was kept.
    pub length: u64,
    /// Microseconds since 1970, UTC.
    pub at: i64,
    pub level: Level,
    /// The number of the line that begins the record: its own, or that of a line before it.
    pub record: u64,
    /// The number of the half line that this takes the place of.
    pub replaces: Option<u64>,
    /// The id of the signature of a known message, where it makes a finding or ends one.
    pub known: Option<&'static str>,
    /// A question of our own caused it, and nothing is wrong with it.
    pub is_own: bool,
}
