//! Lists as the management API gives them: filtered, sorted, cut into pages, with the columns that were asked for;
//! bare, or inside a page's object.

use std::cmp::Ordering;

use regex::RegexBuilder;
use serde_json::{Value, json};

use super::fields::{Columns, Fields, object};
use crate::sim::http::answer::Answer;
use crate::sim::http::ask::Ask;
use crate::sim::http::json::list as array;

/// RabbitMQ's `MAX_PAGE_SIZE` and its default.
const MOST: usize = 500;
const USUAL: usize = 100;

/// `{"error": "bad_request", "reason": …}`.
pub fn bad(error: &str, reason: &str) -> Answer {
    Answer::json(400, &json!({"error": error, "reason": reason}))
}

struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(ask: &Ask) -> Result<Option<Self>, Answer> {
        let number = |name| match ask.query.get(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<i64>()
                .map(Some)
                .map_err(|_| bad("bad_request", "Pagination parameters are invalid")),
        };
        let (Some(page), size) = (number("page")?, number("page_size")?) else { return Ok(None) };
        let size = size.unwrap_or(USUAL as i64);
        match (usize::try_from(page), usize::try_from(size)) {
            (Ok(number @ 1..), Ok(size @ 1..=MOST)) => Ok(Some(Self { number, size })),
            _ => Err(bad(
                "bad_request",
                &format!("Invalid pagination parameters: page number {page}, page size {size}"),
            )),
        }
    }
}

/// Rows that come in the order that nobody has to ask for, each written by `write`.
pub fn reply<R>(
    ask: &Ask,
    mut rows: Vec<R>,
    name: impl Fn(&R) -> &str,
    write: impl Fn(&R, &mut Fields<'_>),
) -> Answer {
    let page = match Page::of(ask) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let total = rows.len();
    if page.is_some()
        && let Some(wanted) = ask.query.get("name").filter(|wanted| !wanted.is_empty())
        && let Err(refused) = filter(&mut rows, wanted, ask.query.get("use_regex") == Some("true"), name)
    {
        return refused;
    }
    let reverse = ask.query.get("sort_reverse") == Some("true");
    if let Some(column) = ask.query.get("sort").filter(|column| !column.is_empty()) {
        let only = Columns::only(column);
        rows.sort_by_cached_key(|row| Key(key(row, column, &only, &write)));
    }
    if reverse {
        rows.reverse();
    }
    let columns = Columns::of(ask.query.get("columns"));
    let mut out = Vec::new();
    let items = |out: &mut Vec<u8>, rows: &[R]| {
        array(out, rows, |out, row| object(out, &columns, |fields| write(row, fields)));
    };
    let Some(Page { number, size }) = page else {
        items(&mut out, &rows);
        return Answer::bytes(200, out);
    };
    let filtered = rows.len();
    let pages = filtered.div_ceil(size).max(1);
    if number > pages {
        let reason = format!("Page out of range, page: {number} page size: {size}, len: {filtered}");
        return bad("page_out_of_range", &reason);
    }
    let from = (number - 1) * size;
    let cut = &rows[from..filtered.min(from + size)];
    let head = format!("{{\"filtered_count\":{filtered},\"item_count\":{},\"items\":", cut.len());
    out.extend_from_slice(head.as_bytes());
    items(&mut out, cut);
    let tail =
        format!(",\"page\":{number},\"page_count\":{pages},\"page_size\":{size},\"total_count\":{total}}}");
    out.extend_from_slice(tail.as_bytes());
    Answer::bytes(200, out)
}

fn filter<R>(
    rows: &mut Vec<R>,
    wanted: &str,
    is_regex: bool,
    name: impl Fn(&R) -> &str,
) -> Result<(), Answer> {
    if !is_regex {
        let wanted = wanted.to_lowercase();
        rows.retain(|row| name(row).to_lowercase().contains(&wanted));
        return Ok(());
    }
    // It comes from outside: what it compiles to is bounded.
    let regex = RegexBuilder::new(wanted).case_insensitive(true).size_limit(1 << 20).build();
    let regex = regex.map_err(|_| bad("bad_request", "Invalid regular expression"))?;
    rows.retain(|row| regex.is_match(name(row)));
    Ok(())
}

/// What stands in a column; 0 where a row has nothing there, as in RabbitMQ.
fn key<R>(row: &R, column: &str, only: &Columns, write: &impl Fn(&R, &mut Fields<'_>)) -> Value {
    let mut out = Vec::new();
    object(&mut out, only, |fields| write(row, fields));
    let value: Value = serde_json::from_slice(&out).unwrap_or_default();
    column.split('.').try_fold(&value, |value, part| value.get(part)).cloned().unwrap_or(json!(0))
}

/// Values in Erlang's order: numbers, words (atoms first), everything else as it is written.
#[derive(PartialEq)]
struct Key(Value);

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |value: &Value| match value {
            Value::Number(_) => 0,
            Value::Null | Value::Bool(_) => 1,
            Value::String(_) => 2,
            _ => 3,
        };
        match (&self.0, &other.0) {
            (Value::Number(a), Value::Number(b)) => {
                let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
                a.total_cmp(&b)
            }
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (a, b) if rank(a) != rank(b) => rank(a).cmp(&rank(b)),
            (a, b) => a.to_string().cmp(&b.to_string()),
        }
    }
}
