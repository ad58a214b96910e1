//! From bytes as they are read on, in pieces of any size, to a column for each block.

use std::collections::VecDeque;

use super::super::uuid::{UUID, each, first};
use super::bits::Column;
use super::print::{self, HEAD, TAIL};
use super::{BLOCK, Run};

/// Bytes at the end of what was read where a UUID may begin that is not whole yet.
const OPEN: usize = UUID - 1;
/// Bytes that are kept of what was read: enough to print the place up to which it is settled.
const KEPT: usize = TAIL + OPEN;

/// A column, and what it is of.
pub(super) struct Ready {
    /// Of one block.
    pub run: Run,
    pub column: Box<Column>,
}

/// One content as it is read on without a gap.
pub(super) struct Strand {
    /// None until enough of the beginning was read; then none where the content is not to be known by it.
    key: Option<u64>,
    head: Vec<u8>,
    /// Up to where it was read.
    at: u64,
    /// The last bytes that were read.
    kept: Vec<u8>,
    /// The blocks that are not done, the first and, once its edge was passed, the next.
    open: VecDeque<Open>,
}

struct Open {
    block: u64,
    column: Box<Column>,
    before: u64,
    /// Of its end, once that was read.
    print: Option<u64>,
}

impl Strand {
    /// From the content's beginning on.
    pub fn whole() -> Self {
        Self { key: None, head: Vec::new(), at: 0, kept: Vec::with_capacity(2 * KEPT), open: VecDeque::new() }
    }

    /// From within on: the first block is the next whose edge is passed with enough before it.
    pub fn within(key: u64, at: u64) -> Self {
        Self { key: Some(key), at, ..Self::whole() }
    }

    /// Up to where it was read.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Up to where a UUID that begins is whole.
    pub fn settled(&self) -> u64 {
        self.at.saturating_sub(OPEN as u64)
    }

    pub fn key(&self) -> Option<u64> {
        self.key
    }

    /// Takes in what follows.
    pub fn feed(&mut self, mut bytes: &[u8], ready: &mut dyn FnMut(Ready)) {
        if self.head.len() < HEAD && self.at == self.head.len() as u64 {
            self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD - self.head.len())]);
            self.key = self.key.or_else(|| print::key(&self.head));
        }
        while !bytes.is_empty() {
            // UUIDs of one block alone begin in a part.
            let left = BLOCK - self.at % BLOCK;
            let (part, rest) = bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            self.part(part, ready);
            bytes = rest;
        }
    }

    fn part(&mut self, part: &[u8], ready: &mut dyn FnMut(Ready)) {
        let edge = self.at.is_multiple_of(BLOCK).then_some(self.at / BLOCK);
        if let Some(block) = edge
            && let Some(before) = if block == 0 { Some(0) } else { self.print() }
        {
            self.open.push_back(Open { block, column: Column::boxed(), before, print: None });
        }
        // Those that begin in what was there before and end here.
        let before = self.kept.len().min(OPEN);
        let after = part.len().min(OPEN);
        let mut joint = [0; 2 * OPEN];
        joint[..before].copy_from_slice(&self.kept[self.kept.len() - before..]);
        joint[before..before + after].copy_from_slice(&part[..after]);
        let joint = &joint[..before + after];
        let from = self.at - before as u64;
        each(joint, |start| {
            // What begins in the part itself is found below, or with what follows.
            let block = (from + start as u64) / BLOCK;
            let open = self.open.iter_mut().find(|open| open.block == block);
            if let Some(open) = open.filter(|_| start < before) {
                open.column.insert(first(joint, start));
            }
        });
        if let Some(open) = self.open.back_mut() {
            each(part, |start| open.column.insert(first(part, start)));
        }
        self.at += part.len() as u64;
        self.kept.extend_from_slice(&part[part.len().saturating_sub(KEPT)..]);
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        if self.at.is_multiple_of(BLOCK) {
            let print = self.print();
            self.open.back_mut().into_iter().for_each(|open| open.print = print);
        }
        let settled = self.settled();
        while self.open.front().is_some_and(|open| (open.block + 1) * BLOCK <= settled) {
            let Some(open) = self.open.pop_front() else { return };
            if let (Some(key), Some(print)) = (self.key, open.print) {
                let to = (open.block + 1) * BLOCK;
                ready(open.ready(key, to, print));
            }
        }
    }

    /// Of the place up to which it was read.
    pub fn print(&self) -> Option<u64> {
        self.kept.last_chunk::<TAIL>().map(|before| print::print(before))
    }

    /// What is known of the block that is not done: all that begins before the last bytes, where one may begin that is
    /// not whole yet.
    pub fn end(&mut self) -> Option<Ready> {
        let (key, to) = (self.key?, self.settled());
        let open = self.open.pop_front().filter(|open| open.block * BLOCK < to)?;
        Some(open.ready(key, to, self.settled_print()?))
    }

    /// Of the place up to which it is settled.
    pub fn settled_print(&self) -> Option<u64> {
        let before = self.kept.get(..self.kept.len().checked_sub(OPEN)?)?;
        before.last_chunk::<TAIL>().map(|before| print::print(before))
    }
}

impl Open {
    fn ready(self, key: u64, to: u64, print: u64) -> Ready {
        let run = Run { key, first: self.block, count: 1, before: self.before, to, print };
        Ready { run, column: self.column }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bits::rows;
    use super::*;

    proptest! {
        #[test]
        fn pieces_make_what_the_whole_makes(
            edges in prop::collection::vec(-40i64..40, 4),
            pieces in prop::collection::vec(1usize..90_000, 1..12),
            from in prop::sample::select(vec![0, 1, BLOCK - 5_000, BLOCK - 500, BLOCK - 100, BLOCK, BLOCK + 5_000]),
        ) {
            // A UUID near each edge of a block, some across it.
            let mut text = vec![b'x'; 4 * BLOCK as usize + 5_000];
            let mut ids = Vec::new();
            for (number, away) in edges.iter().enumerate() {
                let id = uuid::Uuid::from_u128((number as u128 + 1) << 100 | 0xabc).to_string();
                let at = ((number as i64 + 1) * BLOCK as i64 + away) as usize;
                text[at..at + 36].copy_from_slice(id.as_bytes());
                ids.push((at as u64 / BLOCK, first(id.as_bytes(), 0)));
            }
            let key = print::key(&text).unwrap();
            let mut strand = if from == 0 { Strand::whole() } else { Strand::within(key, from) };
            let mut done = Vec::new();
            let (mut at, mut turn) = (from as usize, 0);
            while at < text.len() {
                let end = (at + pieces[turn % pieces.len()]).min(text.len());
                strand.feed(&text[at..end], &mut |ready| done.push(ready));
                (at, turn) = (end, turn + 1);
            }
            done.extend(strand.end());
            let begins = match from {
                0 => 0,
                _ if from + TAIL as u64 <= BLOCK => 1,
                _ => 2,
            };
            prop_assert_eq!(done.len(), 5 - begins);
            let before = |to: u64| if to == 0 { 0 } else { print::print(&text[to as usize - TAIL..to as usize]) };
            for (number, ready) in done.iter().enumerate() {
                let block = (number + begins) as u64;
                let to = ((block + 1) * BLOCK).min(text.len() as u64 - OPEN as u64);
                let run = Run { key, first: block, count: 1, before: before(block * BLOCK), to, print: before(to) };
                prop_assert_eq!(ready.run, run);
                for (of, id) in &ids {
                    prop_assert_eq!(ready.column.may_hold(&rows(*id)), *of == block);
                }
            }
        }
    }
}
