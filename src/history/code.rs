//! Points as bytes: what a series was on one day in some twenty of them, where nothing much happened.
//!
//! Times are told by how the pause between two of them changes, values by their difference: whole numbers and
//! thousandths as such, others by the bits in which they differ. Zeros, nearly all there is, are counted. What is long
//! is packed besides. A checksum stands at the end: a file that was damaged must not look like another past.

use crate::model::Point;

/// Points that may stand together: more than a day has seconds, and than a cloud has series.
pub(super) const MOST: usize = 1 << 20;
/// Below this packing costs more than it saves.
const SHORT: usize = 64;
/// Bytes that so many points have at most.
const LONGEST: usize = 32 + 20 * MOST;
const PLAIN: u8 = 1;
const PACKED: u8 = 2;
/// Up to here a float has every whole number.
const EXACT: f64 = (1u64 << 53) as f64;

/// Points in the order of time, which `origin` is near.
pub(super) fn encode(origin: i64, points: &[Point]) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, points.len() as u64);
    let scale = scale(points);
    body.push(scale);
    let (mut last, mut pause) = (origin, 0);
    ints(&mut body, points, |point| {
        let now = point.at.wrapping_sub(last);
        let change = now.wrapping_sub(pause);
        (last, pause) = (point.at, now);
        zigzag(change)
    });
    let (mut whole, mut bits) = (0i64, 0u64);
    ints(&mut body, points, |point| {
        if scale == 0 {
            let before = std::mem::replace(&mut bits, point.value.to_bits());
            return (bits ^ before).reverse_bits();
        }
        let now = (point.value * factor(scale)).round() as i64;
        zigzag(now.wrapping_sub(std::mem::replace(&mut whole, now)))
    });
    let packed = (body.len() > SHORT).then(|| zstd::bulk::compress(&body, 3).ok()).flatten();
    let mut bytes = match packed.filter(|packed| packed.len() + 4 < body.len()) {
        Some(packed) => {
            let mut bytes = vec![PACKED];
            put(&mut bytes, body.len() as u64);
            bytes.extend(packed);
            bytes
        }
        None => [&[PLAIN], &*body].concat(),
    };
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// The points again. None where these bytes are not what was encoded.
pub(super) fn decode(origin: i64, bytes: &[u8]) -> Option<Vec<Point>> {
    let (bytes, sum) = bytes.split_last_chunk::<4>()?;
    if checksum(bytes) != u32::from_le_bytes(*sum) {
        return None;
    }
    match bytes.split_first()? {
        (&PLAIN, body) => points(origin, body),
        (&PACKED, mut rest) => {
            let length = usize::try_from(take(&mut rest)?).ok().filter(|length| *length <= LONGEST)?;
            points(origin, &zstd::bulk::decompress(rest, length).ok()?)
        }
        _ => None,
    }
}

fn points(origin: i64, mut body: &[u8]) -> Option<Vec<Point>> {
    let count = usize::try_from(take(&mut body)?).ok().filter(|count| *count <= MOST)?;
    let (&scale, mut body) = body.split_first()?;
    let (mut last, mut pause) = (origin, 0i64);
    let times = untold(&mut body, count)?;
    let values = untold(&mut body, count)?;
    let (mut whole, mut bits) = (0i64, 0u64);
    let mut points = Vec::with_capacity(count);
    for (time, value) in times.into_iter().zip(values) {
        pause = pause.wrapping_add(unzigzag(time));
        let at = last.wrapping_add(pause);
        if points.last().is_some_and(|before: &Point| before.at >= at) {
            return None;
        }
        last = at;
        let value = match scale {
            0 => {
                bits ^= value.reverse_bits();
                f64::from_bits(bits)
            }
            1 | 2 => {
                whole = whole.wrapping_add(unzigzag(value));
                whole as f64 / factor(scale)
            }
            _ => return None,
        };
        points.push(Point { at, value });
    }
    (body.is_empty() && points.iter().all(|point| point.value.is_finite())).then_some(points)
}

/// How values are told: 1 as whole numbers, 2 as thousandths, 0 as they are.
fn scale(points: &[Point]) -> u8 {
    let fits = |scale| {
        let exact = move |point: &Point| {
            let scaled = (point.value * factor(scale)).round();
            scaled.abs() < EXACT && scaled / factor(scale) == point.value
        };
        points.iter().all(exact)
    };
    (1..=2).find(|scale| fits(*scale)).unwrap_or(0)
}

fn factor(scale: u8) -> f64 {
    if scale == 2 { 1_000.0 } else { 1.0 }
}

/// A number for each point; of zeros how many follow each other.
fn ints(into: &mut Vec<u8>, points: &[Point], mut number: impl FnMut(&Point) -> u64) {
    let mut zeros = 0u64;
    for point in points {
        let number = number(point);
        if number == 0 {
            zeros += 1;
            continue;
        }
        end_zeros(into, std::mem::take(&mut zeros));
        put(into, number);
    }
    end_zeros(into, zeros);
}

fn end_zeros(into: &mut Vec<u8>, zeros: u64) {
    if zeros > 0 {
        into.push(0);
        put(into, zeros);
    }
}

fn untold(from: &mut &[u8], count: usize) -> Option<Vec<u64>> {
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        match take(from)? {
            0 => {
                let zeros = usize::try_from(take(from)?).ok().filter(|zeros| *zeros > 0)?;
                let all = numbers.len().checked_add(zeros).filter(|all| *all <= count)?;
                numbers.resize(all, 0);
            }
            number => numbers.push(number),
        }
    }
    Some(numbers)
}

fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small numbers of either sign become small ones without.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// FNV-1a: it finds what a disk does to bytes, not what a person does.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 1_790_035_200;

    fn hours(value: impl Fn(i64) -> f64) -> Vec<Point> {
        (0..24).map(|hour| Point { at: DAY + hour * 3_600, value: value(hour) }).collect()
    }

    #[test]
    fn a_quiet_day_of_a_host_takes_twenty_bytes_and_a_lively_one_sixty() {
        for (points, most) in [
            (hours(|_| 12.0), 20),
            (hours(|hour| (12 + hour % 3) as f64), 48),
            (hours(|hour| 1_000.0 + (hour * hour) as f64 / 8.0), 64),
            (hours(|hour| (1.0 + hour as f64).sqrt()), 280),
        ] {
            let bytes = encode(DAY, &points);
            assert!(bytes.len() <= most, "{} bytes for {points:?}", bytes.len());
            assert_eq!(decode(DAY, &bytes), Some(points));
        }
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is() {
        let bytes = encode(DAY, &hours(|hour| hour as f64));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(DAY, &bytes), None, "bit {bit}");
        }
    }

    /// As if it had been written so: with the checksum that belongs to it.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(checksum(&bytes).to_le_bytes());
        bytes
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut bomb = vec![PACKED];
        put(&mut bomb, u64::MAX);
        bomb.extend(zstd::bulk::compress(&vec![0; 50 << 20], 3).unwrap());
        assert_eq!(decode(0, &sealed(bomb)), None);
        let mut zeros = vec![PLAIN];
        put(&mut zeros, MOST as u64);
        zeros.extend([1, 0]);
        put(&mut zeros, u64::MAX);
        assert_eq!(decode(0, &sealed(zeros)), None);
    }

    fn value() -> impl Strategy<Value = f64> {
        let finite = any::<f64>().prop_filter("only what is known is recorded", |value| value.is_finite());
        prop_oneof![
            (0u32..50).prop_map(f64::from),
            (-9_000i32..9_000).prop_map(|n| f64::from(n) / 1e3),
            finite
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            origin in any::<i32>(),
            pauses in prop::collection::vec((1i64..5_000, value()), 0..400),
        ) {
            let mut at = i64::from(origin);
            let points: Vec<Point> = pauses.into_iter().map(|(pause, value)| { at += pause; Point { at, value } }).collect();
            let bytes = encode(i64::from(origin), &points);
            prop_assert!(bytes.len() <= 40 + 20 * points.len());
            prop_assert_eq!(decode(i64::from(origin), &bytes), Some(points));
        }

        #[test]
        fn hostile_bytes_are_refused_or_some_points_in_order(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..3) {
            let bytes = sealed([vec![kind], bytes].concat());
            if let Some(points) = decode(0, &bytes) {
                prop_assert!(points.windows(2).all(|pair| pair[0].at < pair[1].at));
                prop_assert!(points.len() <= MOST);
            }
        }
    }
}
