//! Finding UUIDs by their dashes: of 64 bytes a mask of those that are dashes, and where four of them stand five
//! apart, there one is. Aho-Corasick over bare UUIDs is twenty times slower, and searching for `req-` alone twice
//! as slow. Nothing here depends on what the bytes are: a branch for each of five million UUIDs would cost as
//! much as finding them.

/// Characters of a UUID.
pub(super) const UUID: usize = 36;
/// From the first dash of a UUID back to its beginning.
const FIRST_DASH: usize = 8;
/// Chunks of 64 bytes whose UUIDs are gathered before they are looked at.
const GROUP: usize = 32;

/// Calls `found` with the place of everything that has its dashes where a UUID has them, and has room for 36
/// characters. Whether they are hexadecimal is not looked at.
pub(super) fn each(bytes: &[u8], found: impl FnMut(usize)) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") {
        #[expect(unsafe_code, reason = "a function for processors that have AVX2 and BMI1")]
        // SAFETY: this one has both: it was asked above.
        return unsafe { wide::each(bytes, found) };
    }
    each_by(bytes, dashes, found);
}

/// Bit `i` is set where byte `i` is a dash. Eight bytes are looked at as one number, on any processor.
fn dashes(chunk: &[u8; 64]) -> u64 {
    const DASHES: u64 = u64::from_le_bytes([b'-'; 8]);
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    // Moves the top bit of byte i to bit 56 + i.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut mask = 0;
    for (place, word) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ DASHES;
        let is_dash = !(((differs & LOW) + LOW) | differs | LOW);
        mask |= ((is_dash >> 7).wrapping_mul(GATHER) >> 56) << (place * 8);
    }
    mask
}

/// The same with AVX2, seven times as fast.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
    };

    #[target_feature(enable = "avx2,bmi1")]
    pub(super) fn each(bytes: &[u8], found: impl FnMut(usize)) {
        super::each_by(bytes, |chunk| dashes(chunk), found);
    }

    #[target_feature(enable = "avx2")]
    fn dashes(chunk: &[u8; 64]) -> u64 {
        let dash = _mm256_set1_epi8(b'-'.cast_signed());
        let (halves, _) = chunk.as_chunks::<32>();
        let mask = |half: &[u8; 32]| {
            let is_dash = _mm256_cmpeq_epi8(load(half), dash);
            u64::from(_mm256_movemask_epi8(is_dash).cast_unsigned())
        };
        mask(&halves[0]) | mask(&halves[1]) << 32
    }

    #[target_feature(enable = "avx2")]
    fn load(half: &[u8; 32]) -> __m256i {
        #[expect(unsafe_code, reason = "put together from numbers it would take six instructions")]
        // SAFETY: it reads 32 bytes, which is what the reference is to, and needs no alignment.
        unsafe {
            _mm256_loadu_si256(half.as_ptr().cast())
        }
    }
}

/// `each`, by whatever makes the mask.
#[inline(always)]
fn each_by(bytes: &[u8], dashes: impl Fn(&[u8; 64]) -> u64, mut found: impl FnMut(usize)) {
    let (chunks, rest) = bytes.as_chunks::<64>();
    let mut last = [0; 64];
    last[..rest.len()].copy_from_slice(rest);
    let mut hand_on = |dash: usize| {
        let start = dash.wrapping_sub(FIRST_DASH);
        if start < bytes.len() && start + 36 <= bytes.len() {
            found(start);
        }
    };
    // Of each chunk of the group, and of the one behind it.
    let mut masks = [0; GROUP + 1];
    // Where four dashes stand five apart: the first of them.
    let mut fours = [0u64; GROUP];
    // Room for two of each chunk: a UUID has 36 bytes.
    let mut places = [0u32; GROUP * 2 + 2];
    let mut base = 0;
    masks[GROUP] = dashes(chunks.first().unwrap_or(&last));
    while base <= chunks.len() {
        masks[0] = masks[GROUP];
        if let Some(group) = chunks.get(base + 1..base + 1 + GROUP) {
            for (mask, chunk) in masks[1..].iter_mut().zip(group) {
                *mask = dashes(chunk);
            }
        } else {
            let left = chunks.get(base + 1..).unwrap_or_default();
            let end = (base < chunks.len()).then_some(&last);
            let mut left = left.iter().chain(end);
            masks[1..].fill_with(|| left.next().map_or(0, &dashes));
        }
        for (chunk, fours) in fours.iter_mut().enumerate() {
            let shifted = |by: u32| masks[chunk] >> by | masks[chunk + 1] << (64 - by);
            *fours = masks[chunk] & shifted(5) & shifted(10) & shifted(15);
        }
        let mut count = 0;
        for (chunk, first) in fours.iter().copied().enumerate() {
            let second = first & first.wrapping_sub(1);
            let at = (chunk * 64) as u32;
            places[count] = at + first.trailing_zeros();
            count += usize::from(first != 0);
            places[count] = at + second.trailing_zeros();
            count += usize::from(second != 0);
            // Rows of dashes.
            let mut more = second & second.wrapping_sub(1);
            while more != 0 {
                hand_on((base + chunk) * 64 + more.trailing_zeros() as usize);
                more &= more - 1;
            }
        }
        for place in &places[..count] {
            hand_on(base * 64 + *place as usize);
        }
        base += GROUP;
    }
}

/// The eight characters before the first dash, in lower case: what two UUIDs are told apart by at first.
pub(super) fn first(bytes: &[u8], start: usize) -> u64 {
    const CASE: u64 = u64::from_le_bytes([0x20; 8]);
    let word = bytes.get(start..).and_then(|bytes| bytes.first_chunk::<8>());
    word.map_or(0, |word| u64::from_le_bytes(*word) | CASE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trace::Id;

    fn found(bytes: &[u8]) -> Vec<usize> {
        let mut places = Vec::new();
        each(bytes, |at| places.push(at));
        places.sort_unstable();
        let mut plain = Vec::new();
        each_by(bytes, dashes, |at| plain.push(at));
        plain.sort_unstable();
        assert_eq!(places, plain, "with and without AVX2");
        places
    }

    /// The same, the slow way.
    fn expected(bytes: &[u8]) -> Vec<usize> {
        let is = |at: &usize| [8, 13, 18, 23].iter().all(|dash| bytes[at + dash] == b'-');
        (0..(bytes.len() + 1).saturating_sub(36)).filter(is).collect()
    }

    #[test]
    fn a_uuid_is_found_wherever_it_stands() {
        for before in 0..200 {
            for after in [0, 1, 27, 28, 64, 100] {
                let mut text = vec![b'x'; before];
                text.extend(b"f064d769-2144-43c6-a1f6-7967745cf373");
                text.resize(text.len() + after, b'y');
                assert_eq!(found(&text), [before], "{before} {after}");
            }
        }
    }

    #[test]
    fn dates_and_prefixes_are_no_uuids() {
        let line =
            b"2026-11-23 18:48:30 [None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - - -] a-b-c - - - -";
        assert_eq!(found(line), [30]);
        assert_eq!(
            Id::parse(&line[30..]).map(|id| id.to_string()).unwrap(),
            "a54b595b-8846-4aa2-8a5a-629e8034465f"
        );
        assert_eq!(first(line, 30), first(b"A54B595B-", 0));
    }

    proptest! {
        #[test]
        fn it_finds_what_the_slow_way_finds(bytes in prop::collection::vec(prop::sample::select(b"-a1\n".to_vec()), 0..400)) {
            prop_assert_eq!(found(&bytes), expected(&bytes));
        }

        #[test]
        fn it_finds_uuids_among_anything(before in prop::collection::vec(any::<u8>(), 0..150), after in prop::collection::vec(any::<u8>(), 0..150), id: u128) {
            let text = uuid::Uuid::from_u128(id).to_string();
            let bytes = [&before[..], text.as_bytes(), &after[..]].concat();
            prop_assert!(found(&bytes).contains(&before.len()));
            prop_assert_eq!(found(&bytes), expected(&bytes));
        }
    }
}
