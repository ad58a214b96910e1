//! Numbers that a seed decides, on every machine and in every version: SplitMix64. (The generators of the
//! `rand` crate may change between its releases; the story must not.)

use uuid::{Builder, Uuid};

#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each purpose, so that one more draw in one place does not change all others.
    pub fn stream(seed: u64, purpose: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in purpose.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut random = Self(seed ^ hash);
        // Neighbouring seeds must not begin alike.
        random.next();
        Self(random.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`; 0 if there is nothing to choose from.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }

    /// From `low` up to but without `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(usize::try_from(high - low).unwrap_or(0)) as i64
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, odds: f64) -> bool {
        self.unit() < odds
    }

    /// Around `mean`, from a fifth of it to nearly twice as much. (An exponential would need a logarithm,
    /// whose last bits differ between machines.)
    pub fn around(&mut self, mean: i64) -> i64 {
        (mean as f64 * (0.2 + 1.6 * self.unit())) as i64
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// An index, as often as its weight says.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut left = if total == 0 { 0 } else { self.next() % total };
        for (i, weight) in weights.enumerate() {
            if left < u64::from(weight) {
                return i;
            }
            left -= u64::from(weight);
        }
        0
    }

    pub fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }
}

/// The id of a thing that is nowhere kept because its owner's id says all: always the same for the same words.
pub fn derived(owner: Uuid, role: &str) -> Uuid {
    let (high, low) = owner.as_u64_pair();
    Random::stream(high ^ low.rotate_left(17), role).uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_decide_every_number() {
        let draw = |seed, purpose| {
            let mut random = Random::stream(seed, purpose);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(1, "story"), draw(1, "story"));
        assert_ne!(draw(1, "story"), draw(2, "story"));
        assert_ne!(draw(1, "story"), draw(1, "names"));
        // Written down once: another figure here means another cloud for every seed.
        assert_eq!(Random::stream(1, "story").next(), 0x1f74_bdec_15c7_e6e3);
    }

    #[test]
    fn weights_of_nothing_choose_the_first() {
        assert_eq!(Random::stream(1, "x").weighted([].into_iter()), 0);
        assert_eq!(Random::stream(1, "x").weighted([0, 0].into_iter()), 0);
        let mut random = Random::stream(1, "x");
        let drawn: Vec<usize> = (0..1_000).map(|_| random.weighted([1, 0, 3].into_iter())).collect();
        let thirds = drawn.iter().filter(|&&i| i == 2).count();
        assert!(!drawn.contains(&1) && (650..850).contains(&thirds), "{thirds} of 1000");
    }

    #[test]
    fn ids_are_random_uuids() {
        let id = Random::stream(1, "x").uuid();
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(derived(id, "port"), derived(id, "port"));
        assert_ne!(derived(id, "port"), derived(id, "router"));
    }
}
