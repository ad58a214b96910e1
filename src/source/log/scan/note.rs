//! Which ids stand where in a part of a file: so that those which a pass brings up are looked for only at their places.
//! Made on the way of the pass. It may take another id for one that is sought, and never misses one.

use std::collections::HashSet;

use foldhash::fast::RandomState;

/// A UUID that was passed.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// Of its first eight characters.
    tag: u32,
    /// Where it begins in the part, and [`REQUEST`].
    at: u32,
}

/// Set where `req-` stands before it.
const REQUEST: u32 = 1 << 31;

/// What a pass has noted of one part.
pub struct Note {
    entries: Box<[Entry]>,
    /// Where the part begins in the bytes that were looked at.
    from: u32,
}

impl Note {
    /// In bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.entries)
    }

    /// Where in the part something stands that is probably one of the ids, requests' ids alone if `requests` says so:
    /// of four thousand million others one passes for it.
    pub(super) fn places(&self, sought: &Tags, requests: bool) -> impl Iterator<Item = u64> {
        let found = self.entries.iter().filter(move |entry| {
            sought.may_hold(entry.tag) && (!requests || entry.at & REQUEST != 0) && sought.holds(entry.tag)
        });
        // What begins before the part is the last one's.
        found.filter_map(|entry| (entry.at & !REQUEST).checked_sub(self.from).map(u64::from))
    }
}

/// A note that is being made. The memory is the thread's, for all its parts.
#[derive(Default)]
pub(super) struct Noting {
    entries: Vec<Entry>,
    count: usize,
}

impl Noting {
    /// Puts an id in, if `is` says so: without a branch, which the processor could only guess.
    #[inline]
    pub(super) fn insert(&mut self, first: u64, at: usize, is_request: bool, is: bool) {
        if self.count >= self.entries.len() {
            self.entries.resize(self.entries.len() + 4096, Entry::default());
        }
        let request = u32::from(is_request) << 31;
        self.entries[self.count] = Entry { tag: tag(first), at: at as u32 & !REQUEST | request };
        self.count += usize::from(is);
    }

    /// Of what was put in since the last. `from`: where the part begins in the bytes that were looked at.
    pub(super) fn finish(&mut self, from: usize) -> Note {
        let entries = self.entries.get(..self.count).unwrap_or_default().into();
        self.count = 0;
        Note { entries, from: from as u32 }
    }
}

fn tag(first: u64) -> u32 {
    (first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Ids that are looked for, by their tags.
pub(super) struct Tags {
    /// A bit for the upper half of each tag: nearly all that is asked is not there.
    bits: Box<[u64; 1 << 10]>,
    tags: HashSet<u32, RandomState>,
}

impl Tags {
    /// By their first eight characters (`uuid::first`).
    pub(super) fn new(firsts: impl IntoIterator<Item = u64>) -> Self {
        let tags: HashSet<u32, RandomState> = firsts.into_iter().map(tag).collect();
        let mut bits = Box::new([0; 1 << 10]);
        tags.iter().for_each(|tag| bits[(tag >> 22) as usize] |= 1 << (tag >> 16 & 63));
        Self { bits, tags }
    }

    fn may_hold(&self, tag: u32) -> bool {
        self.bits[(tag >> 22) as usize] >> (tag >> 16 & 63) & 1 == 1
    }

    fn holds(&self, tag: u32) -> bool {
        self.tags.contains(&tag)
    }

    /// Whether this is worth a closer look.
    pub(super) fn has(&self, first: u64) -> bool {
        let tag = tag(first);
        self.may_hold(tag) && self.holds(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::uuid::first;
    use super::*;

    #[test]
    fn what_was_put_in_is_found_at_its_place_and_nothing_else_is() {
        let id = |n: u32| first(format!("{:08x}", n.wrapping_mul(2_654_435_761)).as_bytes(), 0);
        let mut noting = Noting::default();
        for n in 0..6_000 {
            noting.insert(id(n), n as usize * 40, n % 2 == 0, true);
            noting.insert(id(n + 1_000_000), n as usize * 40 + 1, true, false);
        }
        let note = noting.finish(40);
        assert_eq!(note.size(), size_of::<Note>() + 6_000 * 8);
        let places = |ids: &[u32], requests| {
            note.places(&Tags::new(ids.iter().map(|n| id(*n))), requests).collect::<Vec<_>>()
        };
        assert_eq!(places(&[0, 1, 17, 5_998, 1_000_003, 9_999], false), [0, 640, 239_880]);
        assert_eq!(places(&[0, 1, 17, 5_998, 1_000_003, 9_999], true), [239_880]);
        assert_eq!(noting.finish(0).size(), size_of::<Note>());
    }
}
