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
    let mut values = Vec::with_capacity(slots.len());
    let (mut entries, kinds) = entries(slots, value, descending, &mut values);
    Sort { slots, values: &values, descending, ties }.sort(&mut entries, &kinds);
    entries.iter().filter_map(|entry| slots.get(place(*entry)).copied()).collect()
}

/// Asks each row for its value, and makes its key while its text is at hand: rows lie far apart in memory, and
/// going through all of them is most of the work.
fn entries<'a>(
    slots: &[Slot],
    value: impl Fn(Slot) -> Value<'a>,
    descending: bool,
    values: &mut Vec<Value<'a>>,
) -> (Vec<Entry>, Kinds) {
    // Of what some rows' texts begin with it is likely that all do.
    let some: Vec<Value<'a>> = slots.iter().step_by(slots.len() / 64 + 1).map(|slot| value(*slot)).collect();
    let start = some.iter().filter_map(text).reduce(|start, text| &start[..common(start, text)]);
    let mut start = start.unwrap_or_default();
    let mut kinds = Kinds { start: start.len(), ..Kinds::default() };
    let mut entries = Vec::with_capacity(slots.len());
    for (place, &slot) in slots.iter().enumerate() {
        let value = value(slot);
        kinds.note(&value);
        if let Some(text) = text(&value)
            && !text.starts_with(start)
        {
            start = &start[..common(start, text)];
        }
        entries.push(entry(&value, kinds.start, place, descending));
        values.push(value);
    }
    if start.len() < kinds.start {
        kinds.start = start.len();
        for (place, value) in values.iter().enumerate() {
            entries[place] = entry(value, kinds.start, place, descending);
        }
    }
    (entries, kinds)
}

struct Sort<'s, 'a> {
    slots: &'s [Slot],
    values: &'s [Value<'a>],
    descending: bool,
    ties: &'s Ties<'a>,
}

/// Which kinds of values a column holds, and how many bytes all of its texts begin with alike.
#[derive(Default)]
struct Kinds {
    ints: bool,
    floats: bool,
    texts: bool,
    lists: bool,
    /// Moments or lengths of time that a key does not hold whole.
    fine: bool,
    start: usize,
}

impl Kinds {
    fn note(&mut self, value: &Value<'_>) {
        match value {
            Value::Int(_) => self.ints = true,
            Value::Float(_) => self.floats = true,
            Value::Text(_) => self.texts = true,
            Value::List(_) => self.lists = true,
            Value::Time(at) => self.fine |= at.subsec_nanosecond() % 1_000 != 0,
            Value::Span(span) => self.fine |= span.subsec_nanos() % 1_000 != 0 || micros(*span).is_none(),
            Value::Unknown | Value::Absent | Value::Bool(_) => {}
        }
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

impl Sort<'_, '_> {
    fn sort(&self, entries: &mut [Entry], kinds: &Kinds) {
        if kinds.are_mixed() {
            self.compare(entries);
            return;
        }
        entries.sort_unstable();
        for group in groups(entries) {
            match group.first().and_then(|entry| self.values.get(place(*entry))) {
                Some(Value::Text(_)) if is_cut(group, self.descending) => {
                    self.texts(group, kinds.start + BYTES, 0);
                }
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
        let bytes = |entry: &Entry| {
            let text = self.values.get(place(*entry)).and_then(text).unwrap_or_default();
            text.as_bytes().get(from..).unwrap_or(&[])
        };
        let Some(first) = entries.first().map(bytes) else { return };
        let alike = |entry: &Entry| first.iter().zip(bytes(entry)).take_while(|(a, b)| a == b).count();
        let start = entries.iter().map(alike).min().unwrap_or(0);
        for entry in entries.iter_mut() {
            let key = text_key(bytes(entry).get(start..).unwrap_or(&[]));
            *entry = packed(0, key, place(*entry), self.descending);
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
        // Places are what sorting has decided by already.
        if let Ties::By(_) = self.ties {
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
}

fn entry(value: &Value<'_>, start: usize, place: usize, descending: bool) -> Entry {
    packed(value.rank(), key(value, start), place, descending)
}

fn packed(rank: u8, key: u64, place: usize, descending: bool) -> Entry {
    let (rank, key) = if descending { (!rank, !key) } else { (rank, key) };
    Entry::from(rank) << (KEY + PLACE) | Entry::from(key) << PLACE | place as Entry
}

fn place(entry: Entry) -> usize {
    (entry & u128::from(u32::MAX)) as usize
}

/// Runs of several sorted entries with the same rank and key.
fn groups(entries: &mut [Entry]) -> impl Iterator<Item = &mut [Entry]> {
    entries.chunk_by_mut(|a, b| a >> PLACE == b >> PLACE).filter(|group| group.len() > 1)
}

/// Whether the texts of a group of equal keys go on behind what the key holds.
fn is_cut(group: &[Entry], descending: bool) -> bool {
    let count = group.first().map_or(0, |entry| (entry >> PLACE) as u8);
    (if descending { !count } else { count }) as usize > BYTES
}

/// The text that a value is sorted by, or by first.
fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Text(text) => Some(text),
        Value::List(list) => Some(list.first().map_or("", |first| first)),
        _ => None,
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
        Value::Text(_) | Value::List(_) => {
            text_key(text(value).unwrap_or_default().as_bytes().get(start..).unwrap_or(&[]))
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
            with(prop_oneof![
                (0i64..3).prop_map(Value::Int),
                (0i8..3).prop_map(|n| Value::Float(f64::from(n) / 2.0))
            ]),
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
        let texts: Vec<String> =
            (0..2_000).map(|n| format!("{}{:04}", "x".repeat(n % 300), n * 7 % 2_000)).collect();
        let slots: Vec<Slot> = (0..2_000).collect();
        let value = |slot: Slot| Value::text(texts[slot as usize].as_str());
        let mut expected = slots.clone();
        expected.sort_by_key(|slot| &texts[*slot as usize]);
        assert_eq!(sorted(&slots, value, false, &Ties::Given), expected);
        expected.reverse();
        assert_eq!(sorted(&slots, value, true, &Ties::Given), expected);
    }
}
