//! The one filter language: words that are all required.
//!
//! `word` (in any column), `col=value` (`*` stands for anything), `col!=value`, `col~regex`, `~regex` (in any
//! column), `col>n`, `col<n`, `col>=n`, `col<=n` with numbers, durations (`3m`) and sizes (`2GiB`, in the
//! column's own unit); a leading `!` negates; quotes hold spaces.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexBuilder};

use crate::table::Value;
use crate::words::nearest;

/// A parsed filter. The empty one matches every row.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    /// `None`: any column.
    column: Option<&'static str>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Lower case.
    Contains(String),
    /// Lower case, between stars.
    Equals(Vec<String>),
    Matches(Regex),
    Compare(Comparison, Bound),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Greater,
    Less,
    AtLeast,
    AtMost,
}

/// What a cell is compared with: as a number, and as a length of time in seconds.
#[derive(Clone, Copy, Debug)]
struct Bound {
    number: Option<f64>,
    seconds: Option<f64>,
}

/// What is wrong with a filter, and where (in characters, from 1).
#[derive(Clone, Debug, PartialEq)]
pub struct FilterError {
    pub at: usize,
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at, self.message)
    }
}

impl std::error::Error for FilterError {}

/// A row, as a filter asks about it.
pub trait Row {
    /// The cell of this column.
    fn cell(&self, column: &str) -> Value<'_>;
    /// Whether any cell passes the test.
    fn any(&self, test: &mut dyn FnMut(&Value<'_>) -> bool) -> bool;
}

impl Filter {
    /// Parses a filter over these columns.
    pub fn parse(text: &str, columns: &[&'static str]) -> Result<Self, FilterError> {
        let mut terms = Vec::new();
        for (at, word, quoted) in split(text)? {
            terms.push(term(at, &word, quoted, columns)?);
        }
        Ok(Self { terms })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row may pass now and not in a minute, though nothing about it changes.
    pub fn is_about_ages(&self) -> bool {
        let about_age = |test: &Test| matches!(test, Test::Compare(_, Bound { number: None, .. }));
        self.terms.iter().any(|term| about_age(&term.test))
    }

    /// Whether every row that passes this filter passes `before` too: then only those need a look.
    pub fn narrows(&self, before: &Filter) -> bool {
        let plain = |filter: &Filter| {
            filter
                .terms
                .iter()
                .all(|t| !t.negated && t.column.is_none() && matches!(t.test, Test::Contains(_)))
        };
        plain(self)
            && plain(before)
            && before.terms.iter().all(|old| {
                self.terms.iter().any(|new| match (&old.test, &new.test) {
                    (Test::Contains(old), Test::Contains(new)) => new.contains(old.as_str()),
                    _ => false,
                })
            })
    }

    /// Whether a row passes; `now` turns moments into ages.
    pub fn matches(&self, row: &dyn Row, now: Timestamp) -> bool {
        self.terms.iter().all(|term| {
            let passes = match term.column {
                Some(column) => term.test.passes(&row.cell(column), now),
                None => row.any(&mut |value| term.test.passes(value, now)),
            };
            passes != term.negated
        })
    }
}

/// Words with their place; quotes hold spaces, and a word that is quoted whole is never a condition.
fn split(text: &str) -> Result<Vec<(usize, String, bool)>, FilterError> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String, bool)> = None;
    let mut open = None;
    for (i, c) in text.chars().enumerate() {
        let at = i + 1;
        match c {
            '"' => {
                open = if open.is_some() { None } else { Some(at) };
                // A quote that begins the word makes it plain text.
                word.get_or_insert((at, String::new(), true));
            }
            c if c.is_whitespace() && open.is_none() => words.extend(word.take()),
            c => word.get_or_insert((at, String::new(), false)).1.push(c),
        }
    }
    if let Some(at) = open {
        return Err(FilterError { at, message: "this quote is never closed".to_owned() });
    }
    words.extend(word);
    Ok(words)
}

/// Longer signs first: `>=` is no `>`.
const SIGNS: &[&str] = &["!=", ">=", "<=", "=", "~", ">", "<"];

fn term(at: usize, word: &str, quoted: bool, columns: &[&'static str]) -> Result<Term, FilterError> {
    let (mut negated, word) = match word.strip_prefix('!') {
        Some(rest) if !quoted && !rest.is_empty() => (true, rest),
        _ => (false, word),
    };
    let contains = |text: &str| Test::Contains(text.to_lowercase());
    if quoted {
        return Ok(Term { negated, column: None, test: contains(word) });
    }
    let sign = SIGNS
        .iter()
        .filter_map(|sign| word.find(sign).map(|found| (found, *sign)))
        .min_by_key(|(found, sign)| (*found, std::cmp::Reverse(sign.len())));
    let Some((found, sign)) = sign else {
        return Ok(Term { negated, column: None, test: contains(word) });
    };
    let (name, value) = (&word[..found], &word[found + sign.len()..]);
    let value_at = at + word[..found + sign.len()].chars().count();
    if name.is_empty() && sign != "~" {
        return Ok(Term { negated, column: None, test: contains(word) });
    }
    let column = match columns.iter().find(|column| **column == name) {
        Some(column) => Some(*column),
        None if name.is_empty() => None,
        None => {
            let near = nearest(name, columns.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(FilterError { at, message: format!("there is no column `{name}`{near}") });
        }
    };
    let test = match sign {
        "=" | "!=" => {
            negated ^= sign == "!=";
            Test::Equals(value.to_lowercase().split('*').map(str::to_owned).collect())
        }
        "~" => Test::Matches(
            RegexBuilder::new(value).case_insensitive(true).size_limit(1 << 20).build().map_err(|error| {
                FilterError {
                    at: value_at,
                    message: format!(
                        "not a regular expression: {}",
                        error.to_string().lines().last().unwrap_or("")
                    ),
                }
            })?,
        ),
        sign => {
            let comparison = match sign {
                ">" => Comparison::Greater,
                "<" => Comparison::Less,
                ">=" => Comparison::AtLeast,
                _ => Comparison::AtMost,
            };
            let bound = bound(value, column.is_some_and(in_gib)).ok_or_else(|| FilterError {
                at: value_at,
                message: format!("`{value}` is no number, duration (3m) or size (2GiB)"),
            })?;
            Test::Compare(comparison, bound)
        }
    };
    Ok(Term { negated, column, test })
}

/// Whether a column counts in GiB: nova's names say so (`local_gb`), but for a flavor's `disk`.
fn in_gib(column: &str) -> bool {
    column == "disk" || column.split('_').any(|part| part == "gb")
}

fn bound(value: &str, gib: bool) -> Option<Bound> {
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(value.len());
    let number: f64 = value[..digits].parse().ok()?;
    let seconds = |unit: f64| Some(Bound { number: None, seconds: Some(number * unit) });
    let plain = |n: f64| Some(Bound { number: Some(n), seconds: Some(n) });
    // In the column's own unit: MiB unless it says GiB.
    let size = |mib: f64| plain(number * if gib { mib / 1_024.0 } else { mib });
    match &value[digits..] {
        "" | "%" => plain(number),
        "s" => seconds(1.0),
        "m" => seconds(60.0),
        "h" => seconds(3_600.0),
        "d" => seconds(86_400.0),
        "MiB" | "M" => size(1.0),
        "GiB" | "G" => size(1_024.0),
        "TiB" | "T" => size(1_024.0 * 1_024.0),
        _ => None,
    }
}

impl Test {
    fn passes(&self, value: &Value<'_>, now: Timestamp) -> bool {
        match self {
            Test::Compare(comparison, bound) => {
                let (cell, bound) = match value {
                    Value::Int(n) => (*n as f64, bound.number),
                    Value::Float(n) => (*n, bound.number),
                    Value::Time(at) => (now.duration_since(*at).as_secs_f64(), bound.seconds),
                    Value::Span(span) => (SignedDuration::as_secs_f64(span), bound.seconds),
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
            Test::Equals(_) if matches!(value, Value::List(_)) => match value {
                // A list equals what one of its items equals, or all of them together.
                Value::List(list) => {
                    list.iter().any(|item| self.on_text(item)) || self.on_text(&list.join(","))
                }
                _ => false,
            },
            _ => match value {
                Value::Text(text) => self.on_text(text),
                Value::List(list) => list.iter().any(|item| self.on_text(item)),
                Value::Int(n) => self.on_text(&n.to_string()),
                Value::Float(n) => self.on_text(&n.to_string()),
                Value::Bool(b) => {
                    // `locked=yes` and `locked=true` both.
                    self.on_text(if *b { "yes" } else { "no" })
                        || self.on_text(if *b { "true" } else { "false" })
                }
                Value::Unknown => matches!(self, Test::Equals(_)) && self.on_text("?"),
                Value::Absent => {
                    matches!(self, Test::Equals(parts) if parts.len() == 1 && parts[0].is_empty())
                }
                Value::Time(at) => matches!(self, Test::Matches(_)) && self.on_text(&at.to_string()),
                Value::Span(_) => false,
            },
        }
    }

    fn on_text(&self, text: &str) -> bool {
        match self {
            Test::Contains(part) => contains_folded(text, part),
            Test::Equals(parts) => glob(&text.to_lowercase(), parts),
            Test::Matches(regex) => regex.is_match(text),
            Test::Compare(..) => false,
        }
    }
}

/// Whether the text holds the part (lower case already), whatever its case. ASCII needs no allocation.
fn contains_folded(text: &str, part: &str) -> bool {
    if part.is_empty() {
        return true;
    }
    if text.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return text.len() >= part.len()
            && text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(part)
}

/// Parts between stars, in order; the first and last stand at the ends.
fn glob(text: &str, parts: &[String]) -> bool {
    let (Some((first, rest)), Some(last)) = (parts.split_first(), parts.last()) else { return false };
    let Some((_, middle)) = rest.split_last() else { return text == first };
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match text.find(part.as_str()) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake(Vec<(&'static str, Value<'static>)>);

    impl Row for Fake {
        fn cell(&self, column: &str) -> Value<'_> {
            self.0.iter().find(|(name, _)| *name == column).map_or(Value::Unknown, |(_, v)| v.clone())
        }

        fn any(&self, test: &mut dyn FnMut(&Value<'_>) -> bool) -> bool {
            self.0.iter().any(|(_, value)| test(value))
        }
    }

    const COLUMNS: &[&str] =
        &["name", "host", "vcpus", "age", "locked", "ip", "fault", "ram", "memory_mb", "local_gb", "disk"];

    fn row() -> Fake {
        let created = Timestamp::from_second(1_000_000).unwrap();
        Fake(vec![
            ("name", Value::text("Web-17 前端")),
            ("host", Value::text("cmp01")),
            ("vcpus", Value::Int(8)),
            ("age", Value::Time(created)),
            ("locked", Value::Bool(true)),
            ("ip", Value::List(vec!["10.0.0.1".into(), "192.0.2.7".into()])),
            ("fault", Value::Absent),
            ("ram", Value::Unknown),
            ("memory_mb", Value::Int(16_384)),
            ("local_gb", Value::Int(1_800)),
            ("disk", Value::Int(40)),
        ])
    }

    fn check(filter: &str, expected: bool) {
        let now = Timestamp::from_second(1_000_000 + 7_200).unwrap();
        let parsed = Filter::parse(filter, COLUMNS).unwrap();
        assert_eq!(parsed.matches(&row(), now), expected, "{filter}");
    }

    #[test]
    fn the_language() {
        for (filter, expected) in [
            ("", true),
            ("web", true),
            ("WEB cmp01", true),
            ("web cmp02", false),
            ("!cmp02", true),
            ("!cmp01", false),
            ("\"17 前\"", true),
            ("host=cmp01", true),
            ("host=cmp", false),
            ("host=cmp*", true),
            ("host=*p0*", true),
            ("host!=cmp02", true),
            ("!host=cmp01", false),
            ("name~^web-\\d+", true),
            ("~^cmp0[12]$", true),
            ("vcpus>7", true),
            ("vcpus>=8", true),
            ("vcpus<8", false),
            ("age>1h", true),
            ("age>3h", false),
            ("locked=yes", true),
            ("locked=true", true),
            ("ip=10.0.0.1", true),
            ("ip=192.0.2.*", true),
            ("ip=10.0.0", false),
            ("fault=", true),
            ("host=", false),
            // Sizes are in the column's own unit.
            ("memory_mb>=16GiB", true),
            ("memory_mb>16G", false),
            ("memory_mb<20000M", true),
            ("local_gb>1TiB", true),
            ("local_gb>1801GiB", false),
            ("disk<=40GiB", true),
            ("disk<40960M", false),
            // Unknown is neither more nor less than anything, but can be asked for.
            ("ram>0", false),
            ("ram<1", false),
            ("ram=?", true),
        ] {
            check(filter, expected);
        }
    }

    #[test]
    fn mistakes_have_a_place_and_a_neighbour() {
        for (filter, at, part) in [
            ("web hosst=1", 5, "`host`"),
            ("name~[", 6, "regular expression"),
            ("vcpus>many", 7, "`many`"),
            ("a \"b", 3, "never closed"),
        ] {
            let error = Filter::parse(filter, COLUMNS).unwrap_err();
            assert_eq!(error.at, at, "{filter}: {error}");
            assert!(error.message.contains(part), "{filter}: {error}");
        }
    }

    #[test]
    fn only_ages_are_asked_again() {
        for (filter, expected) in
            [("age<5m", true), ("!age>1d", true), ("vcpus>8", false), ("web host=a", false)]
        {
            assert_eq!(Filter::parse(filter, COLUMNS).unwrap().is_about_ages(), expected, "{filter}");
        }
    }

    #[test]
    fn one_more_letter_narrows() {
        let parse = |text| Filter::parse(text, COLUMNS).unwrap();
        assert!(parse("web").narrows(&parse("we")));
        assert!(parse("we").narrows(&parse("")));
        assert!(parse("we cm").narrows(&parse("we")));
        assert!(!parse("we").narrows(&parse("web")));
        assert!(!parse("!web").narrows(&parse("!we")));
        assert!(!parse("host=a").narrows(&parse("host=")));
    }
}
