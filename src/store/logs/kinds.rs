//! The same message, counted once: what is said again and again, by whom, since when.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use crate::model::{HeardLine, Level, Line, LogSource, Text};

/// Kinds of messages that are kept: the one that was not said for longest goes.
const KEPT: usize = 2_000;
/// Bytes of a message by which its kind is told.
const TOLD_BY: usize = 300;
/// Hosts that are named.
const HOSTS: usize = 16;

/// One kind of message.
#[derive(Clone, Debug)]
pub struct Kind {
    pub id: u64,
    pub level: Level,
    pub service: Text,
    /// The message; what differs from one to the next stands as `#` and `'…'`.
    pub text: Text,
    pub count: u64,
    /// When it was written first and last, in microseconds since 1970.
    pub first: i64,
    pub last: i64,
    /// Who said it, up to a bound.
    pub hosts: Vec<Text>,
    pub is_on_more_hosts: bool,
    /// The number of the record that said it last.
    pub record: u64,
}

/// All kinds of messages of WARNING and above.
#[derive(Debug, Default)]
pub struct Kinds {
    known: HashMap<u64, Kind>,
    masked: String,
}

impl Kinds {
    pub(super) fn count(
        &mut self,
        number: u64,
        heard: &HeardLine,
        source: &LogSource,
        line: &[u8],
        parsed: &Line,
    ) {
        let id = kind_of(source, heard.level, line, parsed, &mut self.masked);
        let host = own(parsed.host.of(line)).unwrap_or_else(|| source.host.clone());
        if self.known.len() >= KEPT && !self.known.contains_key(&id) {
            let stalest = self.known.values().min_by_key(|kind| kind.last).map(|kind| kind.id);
            stalest.map(|id| self.known.remove(&id));
        }
        let kind = self.known.entry(id).or_insert_with(|| Kind {
            id,
            level: heard.level,
            service: own(parsed.program.of(line)).unwrap_or_else(|| source.service.clone()),
            text: self.masked.as_str().into(),
            count: 0,
            first: heard.at,
            last: heard.at,
            hosts: Vec::new(),
            is_on_more_hosts: false,
            record: number,
        });
        // A half line was counted when it came.
        kind.count += u64::from(heard.replaces.is_none() || kind.count == 0);
        kind.first = kind.first.min(heard.at);
        if heard.at >= kind.last {
            (kind.last, kind.record) = (heard.at, number);
        }
        if !kind.hosts.contains(&host) {
            match kind.hosts.len() < HOSTS {
                true => kind.hosts.push(host),
                false => kind.is_on_more_hosts = true,
            }
        }
    }

    /// In no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Kind> {
        self.known.values()
    }

    pub fn get(&self, id: u64) -> Option<&Kind> {
        self.known.get(&id)
    }
}

/// What a line says of itself, if it does.
pub(super) fn own(bytes: &[u8]) -> Option<Text> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into())
}

/// The kind of a message, as a number that is the same in every run. What is left of it stands in `masked`.
pub fn kind_of(source: &LogSource, level: Level, line: &[u8], parsed: &Line, masked: &mut String) -> u64 {
    masked.clear();
    mask(parsed.message.of(line), masked);
    let program = parsed.program.of(line);
    let mut hasher = foldhash::quality::FixedState::default().build_hasher();
    hasher.write(if program.is_empty() { source.service.as_bytes() } else { program });
    hasher.write_u8(level as u8);
    hasher.write(masked.as_bytes());
    hasher.finish()
}

/// Puts `#` in the place of numbers, ids and addresses, and `'…'` in that of what is quoted: names.
fn mask(message: &[u8], into: &mut String) {
    let message = String::from_utf8_lossy(message.get(..TOLD_BY).unwrap_or(message));
    let mut rest: &str = message.lines().next().unwrap_or_default();
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\'' | '"' if !before.is_alphanumeric() => quoted(rest, c, into),
            c if c.is_ascii_alphanumeric() => word(rest, into),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            into.push(c);
            c.len_utf8()
        });
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    // oslo.messaging says first on which connection: by its id.
    if into.starts_with("[#] ") {
        into.drain(..4);
    }
}

/// What stands in quotes, if they are closed.
fn quoted(rest: &str, quote: char, into: &mut String) -> Option<usize> {
    let end = rest[1..].find(quote)? + 2;
    into.push(quote);
    into.push('…');
    into.push(quote);
    Some(end)
}

/// A word up to a sign that no id has in it.
fn word(rest: &str, into: &mut String) -> Option<usize> {
    let is_in = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':');
    let end = rest.bytes().position(|b| !is_in(&b)).unwrap_or(rest.len());
    // What ends a clause is no part of an address.
    let word = rest[..end].trim_end_matches([':', '-']);
    if !word.bytes().any(|b| b.is_ascii_digit()) && !is_mac(word) && uuid(word).is_none() {
        into.push_str(word);
        return Some(word.len());
    }
    if is_mac(word) {
        into.push('#');
        return Some(word.len());
    }
    let mut left = word;
    while let Some(at) = uuid(left) {
        numbers(&left[..at], into);
        into.push('#');
        left = &left[at + 36..];
    }
    numbers(left, into);
    Some(word.len())
}

/// `#` for each number, and for what is long and hexadecimal.
fn numbers(word: &str, into: &mut String) {
    let is_hex = |part: &str| {
        part.len() >= 8
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && part.bytes().any(|b| b.is_ascii_digit())
    };
    for part in word.split_inclusive(['-', '_', ':']) {
        let bare = part.trim_end_matches(['-', '_', ':']);
        if is_hex(bare) || bare.starts_with("0x") {
            into.push('#');
            into.push_str(&part[bare.len()..]);
            continue;
        }
        let mut was_digit = false;
        for c in part.chars() {
            let is_digit = c.is_ascii_digit();
            match (is_digit, was_digit) {
                (true, true) => {}
                (true, false) => into.push('#'),
                (false, _) => into.push(c),
            }
            was_digit = is_digit;
        }
    }
}

fn uuid(word: &str) -> Option<usize> {
    let bytes = word.as_bytes();
    let is_uuid = |at: usize| {
        bytes.get(at..at + 36).is_some_and(|id| {
            id.iter().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => *b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
        })
    };
    (0..(bytes.len() + 1).saturating_sub(36)).find(|at| is_uuid(*at))
}

fn is_mac(word: &str) -> bool {
    word.len() == 17
        && word.bytes().enumerate().all(|(i, b)| if i % 3 == 2 { b == b':' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_one_to_the_next_is_masked() {
        for (message, masked) in [
            (
                "AMQP server on 10.0.0.11:5672 is unreachable: timed out. Trying again in 4 seconds.",
                "AMQP server on #.#.#.#:# is unreachable: timed out. Trying again in # seconds.",
            ),
            (
                "Failed to build req-5702dcce-8846-4aa2-8a5a-629e8034465f: abcdefab-cdef-abcd-efab-cdefabcdefab gone",
                "Failed to build req-#: # gone",
            ),
            ("Port 'web-17' on cmp07 has fa:16:3e:aa:bb:cc", "Port '…' on cmp# has #"),
            ("can't find it, isn't there", "can't find it, isn't there"),
            ("never closed 'quote", "never closed 'quote"),
            ("at 0x7f3a, digest d41d8cd98f00b204 ende", "at #, digest # ende"),
            ("naïve café 前端 7", "naïve café 前端 #"),
            ("one\nTraceback 2", "one"),
            ("[5f1c2a7e-9a51-4c39-8d1f-0d1f6f2f0001] AMQP server is back", "AMQP server is back"),
            ("", ""),
        ] {
            let mut told = String::new();
            mask(message.as_bytes(), &mut told);
            assert_eq!(told, masked, "{message}");
        }
        mask(b"\xff\xfe bad", &mut String::new());
    }
}
