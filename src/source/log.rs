//! Logs: from a file's bytes to the model's lines, and from a UUID to the lines that belong to it.
//!
//! The flow is one way. [`Grammar`] takes a line apart where it stands (`oslo` by hand, all else by formats that
//! are data), [`Zone`] makes its time comparable, [`Folder`] says which record it goes on with. None of them
//! reads files, and none allocates for a line of oslo's: a tail of 500 files reads 250,000 lines a second.
//!
//! [`files`] finds the logs and unpacks them, [`follow`] reads on as they grow, `uuid` finds ids in blocks of bytes, [`index`] knows which
//! blocks need not be looked at, [`scan`] is the loop around
//! [`crate::trace`], which alone says what belongs to an instance.

pub mod files;
pub mod follow;
mod format;
mod grammar;
pub mod index;
mod json;
mod moment;
mod oslo;
pub mod place;
mod record;
pub mod scan;
pub mod ssh;
mod stamp;
pub mod stretch;
mod uuid;
mod zone;

pub use format::FormatError;
pub use grammar::{Grammar, Grammars};
pub use record::Folder;
pub use zone::Zone;
