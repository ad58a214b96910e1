//! Which UUIDs a block may hold, in a fifty-fifth of the block's bytes: a bloom filter that is a column of a
//! segment's table.

/// Rows that are transposed at once: a word of a column.
pub(super) const STRIP: usize = 64;
pub(super) const STRIPS: usize = 37;
/// Bits of a block, the rows of a segment: 296 bytes for 16 KiB, 1.8 % of them. With all else a segment has it must not
/// be 2 %, and each bit is worth it: what is looked through in vain is most of what a trace of many requests costs.
pub(super) const ROWS: usize = STRIP * STRIPS;
/// Bits of a UUID. 16 KiB of oslo's lines have some 60 to 110 of them; at 60 one block in two million is looked through
/// in vain, at 110 one in 25,000, an eighth of what eight bits of 2048 let through.
pub(super) const HASHES: usize = 12;

/// The rows of a UUID, told by its first eight characters (`uuid::first`).
pub(super) fn rows(first: u64) -> [usize; HASHES] {
    // The finisher of splitmix64: characters differ in few bits, the rows must differ in all.
    let hash = (first ^ first >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let (from, by) = (hash as u32, (hash >> 32) as u32 | 1);
    let turn = |turn: usize| from.wrapping_add(by.wrapping_mul(turn as u32));
    std::array::from_fn(|number| ((u64::from(turn(number)) * ROWS as u64) >> 32) as usize)
}

/// One block's bits.
#[derive(Clone)]
pub(super) struct Column([u64; STRIPS]);

impl Column {
    pub fn boxed() -> Box<Self> {
        Box::new(Self([0; STRIPS]))
    }

    pub fn insert(&mut self, first: u64) {
        for row in rows(first) {
            self.0[row / STRIP] |= 1 << (row % STRIP);
        }
    }

    /// "No" is certain.
    pub fn may_hold(&self, rows: &[usize; HASHES]) -> bool {
        rows.iter().all(|row| self.0[row / STRIP] >> (row % STRIP) & 1 == 1)
    }

    /// Its bits in the rows of a strip.
    pub fn strip(&self, strip: usize) -> u64 {
        self.0[strip]
    }
}

/// Rows to columns, and back: bit `x` of word `y` becomes bit `y` of word `x`. By halves, as in Hacker's Delight
/// 7-3, for the order that counts bits from the lowest.
pub(super) fn transpose(words: &mut [u64; STRIP]) {
    let (mut half, mut mask) = (32, u64::MAX >> 32);
    while half > 0 {
        let mut at = 0;
        while at < STRIP {
            let other = at | half;
            let swapped = (words[at] >> half ^ words[other]) & mask;
            words[at] ^= swapped << half;
            words[other] ^= swapped;
            at = (other + 1) & !half;
        }
        half /= 2;
        mask ^= mask << half;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn transposed_is_what_it_says(words in prop::collection::vec(any::<u64>(), STRIP)) {
            let given: [u64; STRIP] = words.try_into().unwrap();
            let mut turned = given;
            transpose(&mut turned);
            for (y, row) in given.iter().enumerate() {
                for (x, column) in turned.iter().enumerate() {
                    prop_assert_eq!(column >> y & 1, row >> x & 1);
                }
            }
        }
    }

    #[test]
    fn what_was_put_in_is_there_and_next_to_nothing_else_is() {
        let id = |number: u64| {
            u64::from_le_bytes(
                format!("{:08x}", number * 2_654_435_761 % (1 << 32)).as_bytes()[..8].try_into().unwrap(),
            )
        };
        let mut column = Column::boxed();
        (0..62).for_each(|number| column.insert(id(number)));
        assert!((0..62).all(|number| column.may_hold(&rows(id(number)))));
        let wrong = (62..200_062).filter(|number| column.may_hold(&rows(id(*number)))).count();
        assert!(wrong < 8, "{wrong} of 200,000");
    }
}
