//! Which request ids a block may hold, in 4 KiB: so that the ids which the first pass brings up are looked for
//! only where they can be. Filled on the way of the first pass, it costs a tenth of a second pass.

/// Bits, as a power of two.
const BITS: u32 = 15;

/// "No" is certain. With the 600 ids of 256 KiB of log one "yes" of 800 is wrong.
pub(super) struct Bloom([u64; 1 << (BITS - 6)]);

impl Bloom {
    /// In bytes.
    pub(super) const SIZE: usize = size_of::<Self>();

    pub(super) fn boxed() -> Box<Self> {
        Box::new(Self([0; 1 << (BITS - 6)]))
    }

    /// The two bits of an id, told by its first eight characters (`uuid::first`).
    fn bits(first: u64) -> [usize; 2] {
        let hash = first.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [(hash >> (64 - BITS)) as usize, (hash >> (64 - 2 * BITS)) as usize & ((1 << BITS) - 1)]
    }

    /// Puts it in, if `is` says so: without a branch, which the processor could only guess.
    pub(super) fn insert(&mut self, first: u64, is: bool) {
        for bit in Self::bits(first) {
            self.0[bit >> 6] |= u64::from(is) << (bit & 63);
        }
    }

    pub(super) fn may_hold(&self, first: u64) -> bool {
        Self::bits(first).iter().all(|bit| self.0[bit >> 6] >> (bit & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::uuid::first;
    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_little_else() {
        let text = |n: u32| format!("{:08x}", n.wrapping_mul(2_654_435_761));
        let mut bloom = Bloom::boxed();
        for n in 0..600 {
            bloom.insert(first(text(n).as_bytes(), 0), true);
            bloom.insert(first(text(n + 1_000_000).as_bytes(), 0), false);
        }
        assert!((0..600).all(|n| bloom.may_hold(first(text(n).as_bytes(), 0))));
        let wrong = (1_000..101_000).filter(|n| bloom.may_hold(first(text(*n).as_bytes(), 0))).count();
        assert!(wrong < 500, "{wrong} of 100,000");
    }
}
