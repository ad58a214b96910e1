//! Which of many rows pass a filter.
//!
//! Rows are asked in blocks, and within a block column by column: the texts of a column stand one behind the
//! other in one buffer, where case is folded and a word is searched at once instead of cell by cell.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memmem::Finder;

use super::Filter;
use super::test::{Test, bool_words};
use crate::table::{Column, Slot, Value};

/// A filter that is put to rows of one table at one moment.
pub struct Sieve<'a, C: ?Sized + 'static> {
    cx: &'a C,
    now: Timestamp,
    terms: Vec<Sought<'a, C>>,
    cells: Cells,
    scratch: String,
}

/// A term, and where it is looked for.
struct Sought<'a, C: ?Sized + 'static> {
    negated: bool,
    columns: Vec<&'static Column<C>>,
    test: &'a Test,
    word: Option<Word<'a>>,
}

/// A word that can be searched in a buffer of many cells.
struct Word<'a> {
    finder: Finder<'a>,
    /// Whether a number could hold it.
    digits: bool,
}

/// So many rows stay in the processor's cache while all of their columns are asked.
const BLOCK: usize = 256;
/// Stands behind each text of a buffer, so that no word is found across two.
const END: u8 = 0;

impl<'a, C: ?Sized> Sieve<'a, C> {
    pub(super) fn new(filter: &'a Filter, columns: &'static [Column<C>], cx: &'a C, now: Timestamp) -> Self {
        let mut terms: Vec<Sought<'a, C>> = filter
            .terms
            .iter()
            .map(|term| Sought {
                negated: term.negated,
                columns: columns.iter().filter(|c| term.column.is_none_or(|name| c.name == name)).collect(),
                test: &term.test,
                word: word(&term.test),
            })
            .collect();
        // What is quickly asked spares the rest a look.
        terms.sort_by_key(|term| term.columns.len());
        Self { cx, now, terms, cells: Cells::default(), scratch: String::new() }
    }

    /// The rows that pass, in the order in which they were given.
    pub fn keep(&mut self, slots: &[Slot]) -> Vec<Slot> {
        let Self { cx, now, terms, cells, scratch } = self;
        let mut kept = Vec::new();
        let (mut left, mut todo, mut hit) = (Vec::new(), Vec::new(), Vec::new());
        for block in slots.chunks(BLOCK) {
            left.clear();
            left.extend_from_slice(block);
            for term in terms.iter() {
                hit.clear();
                hit.resize(left.len(), false);
                todo.clear();
                todo.extend(0..left.len());
                for column in &term.columns {
                    let value = |i: usize| (column.value)(*cx, left[i]);
                    let mut one_by_one = || {
                        for &i in &todo {
                            hit[i] = term.test.passes(&value(i), *now, scratch);
                        }
                    };
                    match &term.word {
                        Some(word) if cells.fill(&todo, value, word.digits) => cells.search(word, &mut hit),
                        _ => one_by_one(),
                    }
                    todo.retain(|&i| !hit[i]);
                    if todo.is_empty() {
                        break;
                    }
                }
                let mut hits = hit.iter();
                left.retain(|_| hits.next().is_some_and(|hit| *hit != term.negated));
            }
            kept.extend_from_slice(&left);
        }
        kept
    }
}

fn word(test: &Test) -> Option<Word<'_>> {
    let Test::Contains(part) = test else { return None };
    // An empty word is in every text and in nothing else; `END` could be found between texts.
    if part.is_empty() || part.as_bytes().contains(&END) {
        return None;
    }
    // A fraction or a huge number is written in other ways too, but never with a letter that is not here.
    let digits = part.bytes().all(|b| b.is_ascii_digit() || b".-infa".contains(&b));
    Some(Word { finder: Finder::new(part.as_bytes()), digits })
}

/// The texts of one column, each with [`END`] behind it.
#[derive(Default)]
struct Cells {
    text: Vec<u8>,
    /// A row of the block, and where its text ends.
    ends: Vec<(usize, usize)>,
}

impl Cells {
    /// Takes in the cells of these rows; `false` when they must be asked one by one, since folding case is more
    /// than a matter of bytes.
    fn fill<'v>(&mut self, rows: &[usize], value: impl Fn(usize) -> Value<'v>, digits: bool) -> bool {
        self.text.clear();
        self.ends.clear();
        let mut before = None;
        for &row in rows {
            let value = value(row);
            // Many rows share one text: it is taken in once where they stand together.
            let same = match &value {
                Value::Text(Cow::Borrowed(text)) => Some((text.as_ptr() as usize, text.len())),
                _ => None,
            };
            if same.is_none() || same != before {
                self.push(&value, digits);
                self.text.push(END);
            }
            before = same;
            self.ends.push((row, self.text.len()));
        }
        self.text.make_ascii_lowercase();
        self.text.is_ascii()
    }

    fn push(&mut self, value: &Value<'_>, digits: bool) {
        use std::io::Write as _;
        // Writing to a Vec cannot fail.
        let _ = match value {
            Value::Text(text) => self.text.write_all(text.as_bytes()),
            Value::List(list) => list.iter().try_for_each(|item| {
                self.text.extend_from_slice(item.as_bytes());
                self.text.push(END);
                Ok(())
            }),
            Value::Bool(b) => {
                let [one, other] = bool_words(*b);
                write!(self.text, "{one}\0{other}")
            }
            Value::Int(n) if digits => write!(self.text, "{n}"),
            Value::Float(n) if digits => write!(self.text, "{n}"),
            Value::Int(_) | Value::Float(_) => Ok(()),
            // A word is in none of these.
            Value::Unknown | Value::Absent | Value::Time(_) | Value::Span(_) => Ok(()),
        };
    }

    /// Marks the rows whose text holds the word.
    fn search(&self, word: &Word<'_>, hit: &mut [bool]) {
        let (mut from, mut at) = (0, 0);
        while let Some(found) = self.text.get(from..).and_then(|rest| word.finder.find(rest)) {
            while self.ends.get(at).is_some_and(|(_, end)| *end <= from + found) {
                at += 1;
            }
            let Some(&(_, end)) = self.ends.get(at) else { return };
            while let Some(&(row, _)) = self.ends.get(at).filter(|(_, other)| *other == end) {
                hit[row] = true;
                at += 1;
            }
            from = end;
        }
    }
}
