//! The pieces that panes are drawn from. None reads a clock or does I/O.

pub mod ansi;
pub mod ascii;
pub mod details;
pub mod format;
pub mod gauge;
pub mod grid;
pub mod prompt;
pub mod spark;
pub mod svg;
pub mod text;
pub mod tree;
