//! A frame, written whole.

use std::io::{self, Stdout, Write, stdout};

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Standard output that takes what is flushed in one write, marked as one update (mode 2026): a terminal that
/// knows the mode never shows half a frame, others ignore it. What a panic cuts off is never written.
pub struct Frames {
    out: Stdout,
    frame: Vec<u8>,
}

impl Default for Frames {
    fn default() -> Self {
        Self { out: stdout(), frame: BEGIN.to_vec() }
    }
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.len() == BEGIN.len() {
            return Ok(());
        }
        self.frame.extend(END);
        let written = self.out.write_all(&self.frame).and_then(|()| self.out.flush());
        self.frame.truncate(BEGIN.len());
        written
    }
}
