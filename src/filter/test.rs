//! What one condition asks of one cell. Nothing is allocated for a cell of ASCII text, and case is folded in
//! place: 100,000 rows of thirty columns are asked at each letter.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use crate::model::Level;
use crate::table::Value;

#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Lower case.
    Contains(String),
    /// Lower case, between stars.
    Equals(Vec<String>),
    Matches(Regex),
    Compare(Comparison, Bound),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Greater,
    Less,
    AtLeast,
    AtMost,
}

/// What a cell is compared with: as a number, as a length of time in seconds, or as a level of logs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bound {
    pub number: Option<f64>,
    pub seconds: Option<f64>,
    pub level: Option<f64>,
}

/// How severe a level is; what is more severe is greater.
pub(super) fn severity(word: &str) -> Option<f64> {
    Level::parse(word.as_bytes()).map(|level| f64::from(level as u8))
}

impl Test {
    /// Whether ages alone decide: what passes now may not in a minute.
    pub fn is_about_age(&self) -> bool {
        matches!(self, Test::Compare(_, Bound { number: None, seconds: Some(_), .. }))
    }

    /// Whether a cell that passes this test passes `before` too.
    pub fn implies(&self, before: &Test) -> bool {
        match (self, before) {
            (Test::Contains(new), Test::Contains(old)) => new.contains(old.as_str()),
            (Test::Equals(new), Test::Equals(old)) => new == old,
            (Test::Matches(new), Test::Matches(old)) => new.as_str() == old.as_str(),
            // The same age is another one a moment later.
            (Test::Compare(is, bound), Test::Compare(was, before)) => {
                is == was && bound == before && !self.is_about_age()
            }
            _ => false,
        }
    }

    /// Whether a cell passes; `now` turns moments into ages. Numbers are written into `scratch`.
    pub fn passes(&self, value: &Value<'_>, now: Timestamp, scratch: &mut String) -> bool {
        match self {
            Test::Compare(comparison, bound) => {
                let (cell, bound) = match value {
                    Value::Int(n) => (*n as f64, bound.number),
                    Value::Float(n) => (*n, bound.number),
                    Value::Time(at) => (now.duration_since(*at).as_secs_f64(), bound.seconds),
                    Value::Span(span) => (SignedDuration::as_secs_f64(span), bound.seconds),
                    Value::Text(word) => match severity(word) {
                        Some(level) => (level, bound.level),
                        None => return false,
                    },
                    // Unknown is neither more nor less than anything.
                    _ => return false,
                };
                bound.is_some_and(|bound| match comparison {
                    Comparison::Greater => cell > bound,
                    Comparison::Less => cell < bound,
                    Comparison::AtLeast => cell >= bound,
                    Comparison::AtMost => cell <= bound,
                })
            }
            _ => match value {
                Value::Text(text) => self.on_text(text),
                Value::List(list) => {
                    list.iter().any(|item| self.on_text(item))
                        // A list equals what one of its items equals, or all of them together.
                        || matches!(self, Test::Equals(_)) && list.len() != 1 && {
                            scratch.clear();
                            for (i, item) in list.iter().enumerate() {
                                scratch.push_str(if i == 0 { "" } else { "," });
                                scratch.push_str(item);
                            }
                            self.on_text(scratch)
                        }
                }
                Value::Int(n) => self.on_text(written(scratch, n)),
                Value::Float(n) => self.on_text(written(scratch, n)),
                Value::Bool(b) => bool_words(*b).iter().any(|word| self.on_text(word)),
                Value::Unknown => matches!(self, Test::Equals(_)) && self.on_text("?"),
                Value::Absent => {
                    matches!(self, Test::Equals(parts) if parts.len() == 1 && parts[0].is_empty())
                }
                Value::Time(at) => matches!(self, Test::Matches(_)) && self.on_text(written(scratch, at)),
                Value::Span(_) => false,
            },
        }
    }

    fn on_text(&self, text: &str) -> bool {
        match self {
            Test::Contains(part) => contains_folded(text, part),
            Test::Equals(parts) => glob(text, parts),
            Test::Matches(regex) => regex.is_match(text),
            Test::Compare(..) => false,
        }
    }
}

/// `locked=yes` and `locked=true` both.
pub(super) fn bool_words(b: bool) -> [&'static str; 2] {
    if b { ["yes", "true"] } else { ["no", "false"] }
}

fn written<'a>(scratch: &'a mut String, value: &dyn std::fmt::Display) -> &'a str {
    scratch.clear();
    // Writing to a String cannot fail.
    let _ = write!(scratch, "{value}");
    scratch
}

/// Whether the text holds the part (lower case already), whatever its case.
fn contains_folded(text: &str, part: &str) -> bool {
    find(folded(text).as_bytes(), part.as_bytes()).is_some()
}

/// ASCII as it is, since its case is folded while it is compared; all else in lower case.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// Where a text holds the part (lower case already). Of whole characters bytes find no half ones.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part))
}

/// Parts between stars (lower case already), in order; the first and last stand at the ends.
fn glob(text: &str, parts: &[String]) -> bool {
    let text = folded(text);
    let (Some((first, rest)), Some(last)) = (parts.split_first(), parts.last()) else { return false };
    let (first, last) = (first.as_bytes(), last.as_bytes());
    let Some((_, middle)) = rest.split_last() else { return text.as_bytes().eq_ignore_ascii_case(first) };
    let Some((start, mut text)) = text.as_bytes().split_at_checked(first.len()) else { return false };
    if !start.eq_ignore_ascii_case(first) {
        return false;
    }
    for part in middle {
        match find(text, part.as_bytes()) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.len().checked_sub(last.len()).is_some_and(|at| text[at..].eq_ignore_ascii_case(last))
}
