//! What can be wrong with the database, in words.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::model::Trouble;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No room is left on the disk, or for this user.
    Full,
    Damaged(String),
    /// Written by a later version.
    Newer(i64),
    /// The directory or the file cannot be had.
    Closed(String),
    Other(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let words = error.to_string();
        let rusqlite::Error::SqliteFailure(failure, _) = error else { return Self::Other(words) };
        match failure.code {
            // The index of the log grows by memory that a file stands behind.
            _ if failure.extended_code == SQLITE_IOERR_SHMSIZE => Self::Full,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(words),
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => Self::Closed(words),
            _ => Self::Other(words),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Closed(error.to_string()),
        }
    }
}

impl Fault {
    pub fn trouble(&self, path: &Path) -> Trouble {
        let path = path.display();
        let elsewhere = "or name another directory by [history] path";
        let (kind, message, next_step) = match self {
            Self::Full => (
                "unreachable",
                format!("the disk is full that {path} is on: nothing is recorded"),
                format!("make room there, {elsewhere}; it is tried again each minute"),
            ),
            Self::Damaged(why) => (
                "bad answer",
                format!("{path} is damaged ({why})"),
                "the next stackwatch that records sets it aside and begins anew; then look at the disk"
                    .to_owned(),
            ),
            Self::Newer(version) => (
                "bad answer",
                format!("{path} was written by a later stackwatch (schema {version}): it is left alone"),
                format!("use that one, move the file away, {elsewhere}"),
            ),
            Self::Closed(why) => (
                "forbidden",
                format!("{path} cannot be used: {why}"),
                format!("let this user write there, {elsewhere}; \"\" keeps no history"),
            ),
            Self::Other(why) => (
                "unreachable",
                format!("{path}: {why}"),
                "it is tried again each minute; if it stays so, move the file away".to_owned(),
            ),
        };
        Trouble { source: "history", kind, message, next_step, request_id: None }
    }
}
