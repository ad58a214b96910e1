//! The one filter language: words that are all required.
//!
//! `word` (in any column), `col=value` (`*` stands for anything), `col!=value`, `col~regex`, `~regex` (in any
//! column), `col>n`, `col<n`, `col>=n`, `col<=n` with numbers, durations (`3m`), sizes (`2GiB`, in the
//! column's own unit) and levels of logs (`level>=WARNING`); a leading `!` negates; quotes hold spaces.

mod sieve;
mod test;

use std::fmt;

use jiff::Timestamp;
use regex::RegexBuilder;

pub use sieve::Sieve;

use crate::table::Column;
use crate::words::nearest;
use test::{Bound, Comparison, Test, severity};

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

    /// Whether it asks this column by its name.
    pub fn names(&self, column: &str) -> bool {
        self.terms.iter().any(|term| term.column == Some(column))
    }

    /// Whether a row may pass now and not in a minute, though nothing about it changes.
    pub fn is_about_ages(&self) -> bool {
        self.terms.iter().any(|term| term.test.is_about_age())
    }

    /// Whether every row that passes this filter passes `before` too: then only those need a look.
    pub fn narrows(&self, before: &Filter) -> bool {
        before.terms.iter().all(|old| self.terms.iter().any(|new| new.implies(old)))
    }

    /// What a row of so many columns costs to ask, in cells.
    pub fn cost(&self, columns: usize) -> usize {
        // Going to a row at all takes about as long as several of its cells.
        const ROW: usize = 8;
        let cells = |term: &Term| if term.column.is_some() { 1 } else { columns };
        // And a regular expression as several words.
        let weight = |term: &Term| if matches!(term.test, Test::Matches(_)) { 4 } else { 1 };
        ROW + self.terms.iter().map(|term| cells(term) * weight(term)).sum::<usize>()
    }

    /// Puts the filter to rows of a table with these columns; `now` turns moments into ages.
    pub fn sieve<'a, C: ?Sized>(
        &'a self,
        columns: &'static [Column<C>],
        cx: &'a C,
        now: Timestamp,
    ) -> Sieve<'a, C> {
        Sieve::new(self, columns, cx, now)
    }
}

impl Term {
    /// Whether a row that passes this term passes the other too.
    fn implies(&self, old: &Term) -> bool {
        self.column == old.column
            && self.negated == old.negated
            && if self.negated { old.test.implies(&self.test) } else { self.test.implies(&old.test) }
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
                message: format!("`{value}` is no number, duration (3m), size (2GiB) or level (WARNING)"),
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
    if let Some(level) = severity(value) {
        return Some(Bound { level: Some(level), ..Bound::default() });
    }
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(value.len());
    let number: f64 = value[..digits].parse().ok()?;
    let seconds = |unit: f64| Some(Bound { seconds: Some(number * unit), ..Bound::default() });
    let plain = |n: f64| Some(Bound { number: Some(n), seconds: Some(n), ..Bound::default() });
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::table::{Slot, Value, column};

    struct Fake;

    const NAMES: &[&str] = &[
        "name",
        "host",
        "vcpus",
        "age",
        "locked",
        "ip",
        "fault",
        "ram",
        "memory_mb",
        "local_gb",
        "disk",
        "level",
    ];

    const CREATED: i64 = 1_000_000;

    /// A row like any other, and behind it rows that differ from it in one cell.
    static COLUMNS: &[Column<Fake>] = &[
        column!("name", "", "", "", Left, (0, 0), 0, |_, slot| Value::text(match slot {
            1 => "ΣΊΓΜΑ-straße",
            _ => "Web-17 前端",
        })),
        column!("host", "", "", "", Left, (0, 0), 0, |_, _| Value::text("cmp01")),
        column!("vcpus", "", "", "", Left, (0, 0), 0, |_, _| Value::Int(8)),
        column!("age", "", "", "", Left, (0, 0), 0, |_, _| {
            Timestamp::from_second(CREATED).map_or(Value::Unknown, Value::Time)
        }),
        column!("locked", "", "", "", Left, (0, 0), 0, |_, slot| Value::Bool(slot == 0)),
        column!("ip", "", "", "", Left, (0, 0), 0, |_, slot| match slot {
            0 => Value::List(["10.0.0.1", "192.0.2.7"].map(Cow::from).into_iter().collect()),
            1 => Value::List(["10.0.0.1"].map(Cow::from).into_iter().collect()),
            _ => Value::Absent,
        }),
        column!("fault", "", "", "", Left, (0, 0), 0, |_, _| Value::Absent),
        column!("ram", "", "", "", Left, (0, 0), 0, |_, _| Value::Unknown),
        column!("memory_mb", "", "", "", Left, (0, 0), 0, |_, _| Value::Int(16_384)),
        column!("local_gb", "", "", "", Left, (0, 0), 0, |_, _| Value::Int(1_800)),
        column!("disk", "", "", "", Left, (0, 0), 0, |_, _| Value::Float(40.5)),
        column!("level", "", "", "", Left, (0, 0), 0, |_, slot| {
            Value::text(["ERROR", "INFO", "TRACE"][slot as usize % 3])
        }),
    ];

    fn kept(filter: &str, slots: &[Slot]) -> Vec<Slot> {
        let now = Timestamp::from_second(CREATED + 7_200).unwrap();
        let parsed = Filter::parse(filter, NAMES).unwrap();
        parsed.sieve(COLUMNS, &Fake, now).keep(slots)
    }

    fn check(filter: &str, expected: bool) {
        assert_eq!(kept(filter, &[0]) == [0], expected, "{filter}");
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
            ("disk<=41GiB", true),
            ("disk<40960M", false),
            // Levels by how severe they are, whatever a service calls them.
            ("level>=WARNING", true),
            ("level>=err", true),
            ("level>ERROR", false),
            ("level<WARN", false),
            ("level<7", false),
            ("host>=ERROR", false),
            // Unknown is neither more nor less than anything, but can be asked for.
            ("ram>0", false),
            ("ram<1", false),
            ("ram=?", true),
        ] {
            check(filter, expected);
        }
    }

    #[test]
    fn a_word_means_the_same_in_every_kind_of_cell() {
        for (filter, expected) in [
            // Case is folded in any script, in the text and in the word.
            ("σίγμα", &[1][..]),
            ("STRASSE", &[]),
            ("STRAßE", &[1]),
            ("前", &[0, 2]),
            ("name=*前端", &[0, 2]),
            ("name=σίγμα-straße", &[1]),
            ("!name=web*", &[1]),
            // Numbers as they are written, whole or not.
            ("638", &[0, 1, 2]),
            ("vcpus=8", &[0, 1, 2]),
            ("40.5", &[0, 1, 2]),
            ("disk=40.5", &[0, 1, 2]),
            ("vcpus~^8$", &[0, 1, 2]),
            // A truth by both of its names, also as part of a word.
            ("yes", &[0]),
            ("tru", &[0]),
            ("locked=false", &[1, 2]),
            ("locked~^no$", &[1, 2]),
            // A list by its items, or by all of them; a word never spans two.
            ("192.0.2.7", &[0]),
            ("10.0.0.1,192", &[]),
            ("ip=10.0.0.1,192.0.2.7", &[0]),
            ("ip=10.0.0.1", &[0, 1]),
            ("ip=10.*7", &[0]),
            // What is absent is empty, what is unknown is `?`, and neither holds a word.
            ("ip=", &[2]),
            ("!ip=", &[0, 1]),
            ("fault=?", &[]),
            ("ram=?", &[0, 1, 2]),
            ("ram=", &[]),
            ("fault~.", &[]),
            ("?", &[]),
            // A moment is found by a regular expression only.
            ("1970", &[]),
            ("~1970-01-12", &[0, 1, 2]),
            ("age=1970*", &[]),
            // An empty word is in every text, but not where there is none.
            ("\"\"", &[0, 1, 2]),
        ] {
            assert_eq!(kept(filter, &[0, 1, 2]), expected, "{filter}");
        }
    }

    /// What stands in a block's buffer is searched as each cell by itself is.
    #[test]
    fn many_rows_are_asked_as_one_is() {
        let all: Vec<Slot> = (0..1_000).map(|n| n % 5).collect();
        for filter in ["web", "!web", "8 !yes", "σ", "10.0", "e", "ip=", "!~^c", "web \"\"", "nothing"] {
            let one_by_one: Vec<Slot> =
                all.iter().copied().filter(|slot| kept(filter, &[*slot]) == [*slot]).collect();
            assert_eq!(kept(filter, &all), one_by_one, "{filter}");
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
            let error = Filter::parse(filter, NAMES).unwrap_err();
            assert_eq!(error.at, at, "{filter}: {error}");
            assert!(error.message.contains(part), "{filter}: {error}");
        }
    }

    #[test]
    fn only_ages_are_asked_again() {
        for (filter, expected) in
            [("age<5m", true), ("!age>1d", true), ("vcpus>8", false), ("web host=a", false)]
        {
            assert_eq!(Filter::parse(filter, NAMES).unwrap().is_about_ages(), expected, "{filter}");
        }
    }

    #[test]
    fn one_more_letter_narrows() {
        for (new, old, expected) in [
            ("web", "we", true),
            ("we", "", true),
            ("we cm", "we", true),
            ("we", "web", false),
            ("host=a web", "host=a", true),
            ("host=a web", "host=a we", true),
            ("host=ab", "host=a", false),
            ("host=a", "host=", false),
            ("vcpus>7 name~^w !x", "name~^w vcpus>7", true),
            ("vcpus>8", "vcpus>7", false),
            // The other way round where it is negated.
            ("!web", "!we", false),
            ("!we", "!web", true),
            ("web", "!we", false),
            // Who was younger a moment ago may not be any more.
            ("age<5m web", "age<5m", false),
        ] {
            let parse = |text| Filter::parse(text, NAMES).unwrap();
            assert_eq!(parse(new).narrows(&parse(old)), expected, "{new} after {old}");
        }
    }
}
