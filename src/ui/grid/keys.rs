//! Sorting many rows by one column: each value is asked once and turned into a number whose order is the
//! values' own as far as it goes. Only rows whose numbers tie are compared further.

use std::cmp::Ordering;

use jiff::SignedDuration;

use crate::table::{Slot, Value};

/// From the top: the value's rank, its key, and the row's place among the given ones, which decides ties.
type Entry = u128;

/// Bits of the place and of the key.
const PLACE: u32 = 32;
const KEY: u32 = 64;
/// Bytes of a text that a key holds; the last byte says how many there were.
const BYTES: usize = 7;
/// Fewer rows than this are compared at once when their keys tie.
const FEW: usize = 8;
/// Texts that are alike for so many rounds are compared at once.
const ROUNDS: usize = 32;

/// What tells rows apart that are equal in the column.
pub(super) enum Ties<'a> {
    /// They stay in the order in which they were given.
    Given,
    /// A second text, then the slot.
    By(&'a dyn Fn(Slot) -> &'a str),
}

/// The rows in the order of their values.
pub(super) fn sorted<'a>(
    slots: &[Slot],
    value: impl Fn(Slot) -> Value<'a>,
    descending: bool,
    ties: &Ties<'a>,
) -> Vec<Slot> {
    let values: Vec<Value<'a>> = slots.iter().map(|&slot| value(slot)).collect();
    let mut sort = Sort { slots, values: &values, descending, ties };
    let mut entries = sort.entries();
    sort.whole(&mut entries);
    entries.iter().filter_map(|entry| slots.get(place(*entry)).copied()).collect()
}

struct Sort<'s, 'a> {
    slots: &'s [Slot],
    values: &'s [Value<'a>],
    descending: bool,
    ties: &'s Ties<'a>,
}

/// Which kinds of values a column holds, and what all of its texts begin with.
#[derive(Default)]
struct Kinds<'v> {
    ints: bool,
    floats: bool,
    texts: bool,
    lists: bool,
    /// Moments or lengths of time that a key does not hold whole.
    fine: bool,
    start: Option<&'v str>,
}

impl<'v> Kinds<'v> {
    fn of(values: &'v [Value<'_>]) -> Self {
        let mut kinds = Self::default();
        for value in values {
            match value {
                Value::Int(_) => kinds.ints = true,
                Value::Float(_) => kinds.floats = true,
                Value::Text(text) => {
                    kinds.texts = true;
                    kinds.starts(text);
                }
                Value::List(list) => {
                    kinds.lists = true;
                    kinds.starts(list.first().map_or("", |first| first));
                }
                Value::Time(at) => kinds.fine |= at.subsec_nanosecond() % 1_000 != 0,
                Value::Span(span) => kinds.fine |= span.subsec_nanos() % 1_000 != 0 || micros(*span).is_none(),
                Value::Unknown | Value::Absent | Value::Bool(_) => {}
            }
        }
        kinds
    }

    fn starts(&mut self, text: &'v str) {
        self.start = Some(match self.start {
            None => text,
            Some(start) => &start[..common(start, text)],
        });
    }

    /// Two kinds in one column that are compared with each other: only `Value::order` knows how.
    fn are_mixed(&self) -> bool {
        self.ints && self.floats || self.texts && self.lists
    }
}

/// Bytes that two texts have in common at their beginning, cut between characters.
fn common(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    (0..=same).rev().find(|end| a.is_char_boundary(*end)).unwrap_or(0)
}

impl<'a> Sort<'_, 'a> {
    fn entries(&self) -> Vec<Entry> {
        (0..self.values.len()).map(|place| place as Entry).collect()
    }

    fn whole(&mut self, entries: &mut [Entry]) {
        let kinds = Kinds::of(self.values);
        if kinds.are_mixed() {
            self.compare(entries);
            return;
        }
        let start = kinds.start.map_or(0, str::len);
        for entry in entries.iter_mut() {
            let Some(value) = self.values.get(place(*entry)) else { continue };
            *entry = self.entry(value.rank(), key(value, start), place(*entry));
        }
        entries.sort_unstable();
        for group in groups(entries) {
            match group.first().and_then(|entry| self.values.get(place(*entry))) {
                Some(Value::Text(_)) if is_cut(group, self.descending) => self.texts(group, start + BYTES, 0),
                Some(Value::List(_)) => self.compare(group),
                Some(Value::Time(_) | Value::Span(_)) if kinds.fine => self.compare(group),
                _ => self.tied(group),
            }
        }
    }

    /// Rows of equal rank and key whose texts go on behind the first `from` bytes, which are alike.
    fn texts(&self, entries: &mut [Entry], from: usize, round: usize) {
        if entries.len() <= FEW || round == ROUNDS {
            self.compare(entries);
            return;
        }
        let bytes = |entry: &Entry| text(self.values.get(place(*entry))).as_bytes().get(from..).unwrap_or(&[]);
        let Some(first) = entries.first().map(bytes) else { return };
        let alike = |entry: &Entry| first.iter().zip(bytes(entry)).take_while(|(a, b)| a == b).count();
        let start = entries.iter().map(alike).min().unwrap_or(0);
        for i in 0..entries.len() {
            let key = text_key(bytes(&entries[i]).get(start..).unwrap_or(&[]));
            entries[i] = self.entry(0, key, place(entries[i]));
        }
        entries.sort_unstable();
        for group in groups(entries) {
            if is_cut(group, self.descending) {
                self.texts(group, from + start + BYTES, round + 1);
            } else {
                self.tied(group);
            }
        }
    }

    /// The slow way, for few rows or odd ones.
    fn compare(&self, entries: &mut [Entry]) {
        let value = |entry: &Entry| self.values.get(place(*entry)).unwrap_or(&Value::Unknown);
        let order = |a: &Entry, b: &Entry| {
            let order = value(a).order(value(b));
            if self.descending { order.reverse() } else { order }
        };
        entries.sort_unstable_by(|a, b| order(a, b).then_with(|| self.tie(a, b)));
    }

    /// Rows that are equal in the column.
    fn tied(&self, entries: &mut [Entry]) {
        if let Ties::By(_) = self.ties
            && entries.len() > 1
        {
            entries.sort_unstable_by(|a, b| self.tie(a, b));
        }
    }

    fn tie(&self, a: &Entry, b: &Entry) -> Ordering {
        let (a, b) = (place(*a), place(*b));
        match self.ties {
            Ties::Given => a.cmp(&b),
            Ties::By(text) => {
                let (a, b) = (self.slots[a], self.slots[b]);
                text(a).cmp(text(b)).then(a.cmp(&b))
            }
        }
    }

    fn entry(&self, rank: u8, key: u64, place: usize) -> Entry {
        let (rank, key) = if self.descending { (!rank, !key) } else { (rank, key) };
        Entry::from(rank) << (KEY + PLACE) | Entry::from(key) << PLACE | place as Entry
    }
}

fn place(entry: Entry) -> usize {
    (entry & u128::from(u32::MAX)) as usize
}

/// Runs of sorted entries with the same rank and key.
fn groups(entries: &mut [Entry]) -> impl Iterator<Item = &mut [Entry]> {
    entries.chunk_by_mut(|a, b| a >> PLACE == b >> PLACE)
}

/// Whether the texts of a group of equal keys go on behind what the key holds.
fn is_cut(group: &[Entry], descending: bool) -> bool {
    let count = group.first().map_or(0, |entry| (entry >> PLACE) as u8);
    (if descending { !count } else { count }) as usize > BYTES
}

fn text<'v>(value: Option<&'v Value<'_>>) -> &'v str {
    match value {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// A number in the order of the values of one rank; texts begin after the first `start` bytes, which are alike.
fn key(value: &Value<'_>, start: usize) -> u64 {
    match value {
        Value::Unknown | Value::Absent => 0,
        Value::Bool(b) => u64::from(*b),
        Value::Int(n) => ordered(*n),
        Value::Float(n) => {
            // As `f64::total_cmp` does it: the bits of a negative number run the other way.
            let bits = n.to_bits() as i64;
            ordered(bits ^ (((bits >> 63) as u64) >> 1) as i64)
        }
        Value::Time(at) => ordered(at.as_microsecond()),
        Value::Span(span) => {
            ordered(micros(*span).unwrap_or(if span.is_negative() { i64::MIN } else { i64::MAX }))
        }
        Value::Text(text) => text_key(text.as_bytes().get(start..).unwrap_or(&[])),
        Value::List(list) => {
            let first = list.first().map_or("", |first| first);
            text_key(first.as_bytes().get(start..).unwrap_or(&[]))
        }
    }
}

/// Microseconds; `None` when there are more than a key holds.
fn micros(span: SignedDuration) -> Option<i64> {
    i64::try_from(span.as_micros()).ok()
}

fn ordered(n: i64) -> u64 {
    (n as u64) ^ (1 << 63)
}

/// The first bytes, and how many there are: one that ends is less than one that goes on, whatever with.
fn text_key(bytes: &[u8]) -> u64 {
    let mut key = [0; 8];
    let taken = bytes.len().min(BYTES);
    key[..taken].copy_from_slice(&bytes[..taken]);
    key[BYTES] = bytes.len().min(BYTES + 1) as u8;
    u64::from_be_bytes(key)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    /// Values of one kind, as a column has them, with what is absent or unknown among them.
    fn column() -> impl Strategy<Value = Vec<Value<'static>>> {
        fn with<S>(values: S) -> impl Strategy<Value = Vec<Value<'static>>>
        where
            S: Strategy<Value = Value<'static>> + Clone,
        {
            let cell = prop_oneof![8 => values, 1 => Just(Value::Unknown), 1 => Just(Value::Absent)];
            proptest::collection::vec(cell, 0..120)
        }
        // Long common beginnings, texts that begin others, characters of several bytes, NUL.
        let text = prop_oneof![
            "[ab]{0,12}",
            "00000001-0000-4000-8000-[ab0]{0,20}",
            "[aä前\0]{0,9}",
            Just("same-and-longer-than-a-key".to_owned()),
        ];
        let nanos = prop_oneof![-3i64..3, -5_000i64..5_000, any::<i64>()];
        prop_oneof![
            with(text.clone().prop_map(|text| Value::Text(Cow::Owned(text)))),
            with(
                proptest::collection::vec(text, 0..3)
                    .prop_map(|list| Value::List(list.into_iter().map(Cow::Owned).collect()))
            ),
            with(prop_oneof![-3i64..3, any::<i64>()].prop_map(Value::Int)),
            with(prop_oneof![Just(-0.0), Just(0.0), Just(f64::NAN), any::<f64>()].prop_map(Value::Float)),
            with(prop_oneof![(0i64..3).prop_map(Value::Int), (0i8..3).prop_map(|n| Value::Float(f64::from(n) / 2.0))]),
            with(any::<bool>().prop_map(Value::Bool)),
            with(nanos.clone().prop_map(|n| {
                Value::Time(Timestamp::from_nanosecond(i128::from(n)).unwrap_or(Timestamp::UNIX_EPOCH))
            })),
            with(prop_oneof![
                nanos.prop_map(|n| Value::Span(SignedDuration::from_nanos(n))),
                Just(Value::Span(SignedDuration::MAX)),
                Just(Value::Span(SignedDuration::from_secs(i64::MAX - 1))),
                Just(Value::Span(SignedDuration::MIN)),
            ]),
        ]
    }

    proptest! {
        #[test]
        fn keys_order_as_comparing_does(values in column(), descending: bool, by_text: bool) {
            let slots: Vec<Slot> = (0..values.len() as Slot).rev().collect();
            let second = |slot: Slot| ["b", "a", "a"][slot as usize % 3];
            let ties = if by_text { Ties::By(&second) } else { Ties::Given };
            let value = |slot: Slot| values[slot as usize].clone();
            let mut expected = slots.clone();
            expected.sort_by(|&a, &b| {
                let order = value(a).order(&value(b));
                let order = if descending { order.reverse() } else { order };
                order.then_with(|| if by_text { second(a).cmp(second(b)).then(a.cmp(&b)) } else { Ordering::Equal })
            });
            prop_assert_eq!(sorted(&slots, value, descending, &ties), expected);
        }
    }

    #[test]
    fn long_texts_that_differ_late_are_told_apart() {
        let texts: Vec<String> = (0..2_000).map(|n| format!("{}{:04}", "x".repeat(n % 300), n * 7 % 2_000)).collect();
        let slots: Vec<Slot> = (0..2_000).collect();
        let value = |slot: Slot| Value::text(texts[slot as usize].as_str());
        let mut expected = slots.clone();
        expected.sort_by_key(|slot| &texts[*slot as usize]);
        assert_eq!(sorted(&slots, value, false, &Ties::Given), expected);
        expected.reverse();
        assert_eq!(sorted(&slots, value, true, &Ties::Given), expected);
    }
}
