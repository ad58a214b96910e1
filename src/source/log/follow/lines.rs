//! From the bytes of a growing file to its lines, each given out once it is whole.

/// More of a line is not kept: one of 10 MB is a dump, and its start says of what.
pub(super) const LONGEST: usize = 256 << 10;
/// A line that was long leaves no more room behind than this: there are hundreds of files.
const ROOM: usize = 4 << 10;

/// A line as it is given out.
pub(super) struct Cut<'a> {
    pub bytes: &'a [u8],
    pub length: u64,
    pub given: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The line that has no end yet, as far as it is kept.
    half: Vec<u8>,
    /// Its whole length so far.
    length: u64,
    /// So much of it was given out.
    given: usize,
    /// The file was entered in the middle of a line: what comes up to its end is nothing.
    is_torn: bool,
}

impl Lines {
    pub fn torn() -> Self {
        Self { is_torn: true, ..Self::default() }
    }

    pub fn feed(&mut self, mut bytes: &[u8], give: &mut dyn FnMut(Cut<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if std::mem::take(&mut self.is_torn) {
                continue;
            }
            if self.length == 0 {
                let line = without_hole(line);
                give(Cut { bytes: &line[..line.len().min(LONGEST)], length: line.len() as u64, given: 0 });
            } else {
                self.add(line);
                self.end(give);
            }
        }
        if !self.is_torn {
            self.add(bytes);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let bytes = if self.length == 0 { without_hole(bytes) } else { bytes };
        let room = LONGEST.saturating_sub(self.half.len()).min(bytes.len());
        self.half.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
    }

    /// The line is over, with or without a newline. If all of it was given out, that was it.
    pub fn end(&mut self, give: &mut dyn FnMut(Cut<'_>)) {
        if self.length > self.given as u64 {
            give(Cut { bytes: &self.half, length: self.length, given: self.given });
        }
        (self.length, self.given) = (0, 0);
        self.half.clear();
        self.half.shrink_to(ROOM);
    }

    /// Gives out what there is of a line that has no end yet, and keeps it: it may go on.
    pub fn give_half(&mut self, give: &mut dyn FnMut(Cut<'_>)) {
        if self.half.len() > self.given {
            give(Cut { bytes: &self.half, length: self.length, given: self.given });
            self.given = self.half.len();
        }
    }
}

/// What a writer leaves that does not append, and was truncated: zeros up to where it goes on.
fn without_hole(line: &[u8]) -> &[u8] {
    let hole = line.iter().take_while(|byte| **byte == 0).count();
    &line[hole..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut give = |cut: Cut<'_>| told.push(cut.bytes.to_vec());
        parts.iter().for_each(|part| lines.feed(part, &mut give));
        lines.end(&mut give);
        told
    }

    proptest! {
        /// However a file is read, its lines are those that stand there.
        #[test]
        fn lines_are_the_same_in_whatever_parts_they_come(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), 1u8..=255], 0..200),
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let mut expected: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            // Behind the last newline there is no line.
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(lines(&parts), expected);
        }
    }

    #[test]
    fn a_half_line_is_given_out_once_and_again_when_it_goes_on() {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut give = |cut: Cut<'_>| told.push((String::from_utf8_lossy(cut.bytes).into_owned(), cut.given));
        lines.feed(b"one\nhal", &mut give);
        lines.give_half(&mut give);
        lines.give_half(&mut give);
        lines.feed(b"f\nwhole", &mut give);
        lines.give_half(&mut give);
        lines.feed(b"\n", &mut give);
        let expected = [("one", 0), ("hal", 0), ("half", 3), ("whole", 0)];
        assert_eq!(told, expected.map(|(text, given)| (text.to_owned(), given)));
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_and_its_length_told() {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut give = |cut: Cut<'_>| told.push((cut.bytes.len(), cut.length));
        (0..10).for_each(|_| lines.feed(&vec![b'x'; 1 << 20], &mut give));
        lines.feed(b"\nnext\n", &mut give);
        lines.feed(&[&vec![b'y'; LONGEST + 5][..], b"\n"].concat(), &mut give);
        assert_eq!(told, [(LONGEST, 10 << 20), (4, 4), (LONGEST, LONGEST as u64 + 5)]);
        assert!(lines.half.capacity() <= ROOM, "{}", lines.half.capacity());
    }

    #[test]
    fn what_was_entered_in_the_middle_of_a_line_begins_with_the_next() {
        let (mut lines, mut told) = (Lines::torn(), Vec::new());
        let mut give = |cut: Cut<'_>| told.push(cut.bytes.to_vec());
        lines.feed(b"rest of", &mut give);
        lines.feed(b" it\nnext\n", &mut give);
        assert_eq!(told, [b"next"]);
    }

    #[test]
    fn a_hole_is_no_part_of_a_line_and_other_nuls_are() {
        assert_eq!(lines(&[b"\0\0", b"\0\0one\0two\n", b"\0three\n"]), [&b"one\0two"[..], b"three"]);
    }
}
