//! Pages: a limit, a marker, and the link to the next.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::ask::Ask;

/// nova's, cinder's and glance's `max_limit`.
pub const MOST: usize = 1_000;

pub struct Page {
    pub limit: usize,
    pub marker: Option<String>,
}

impl Page {
    /// As nova and cinder read it: a larger limit is quietly cut.
    pub fn of(ask: &Ask) -> Result<Self, Refusal> {
        let limit = match ask.query.get("limit") {
            None => MOST,
            Some(text) => {
                let number = text.parse::<usize>().map_err(|_| {
                    let why = format!("'{text}' does not match '^[0-9]*$'");
                    Refusal::BadRequest(format!(
                        "Invalid input for query parameters limit. Value: {text}. {why}"
                    ))
                })?;
                number.min(MOST)
            }
        };
        Ok(Self { limit, marker: ask.query.get("marker").map(str::to_owned) })
    }

    /// `[{"rel": "next", "href": …}]` when the page is full, as nova and cinder do it: even if nothing follows.
    pub fn links(&self, ask: &Ask, rows: usize, last: Option<&str>) -> Option<Value> {
        let last = last.filter(|_| self.limit > 0 && rows == self.limit)?;
        Some(json!([{"rel": "next", "href": format!("{}{}", ask.base, ask.after(last, &[]))}]))
    }

    /// The rows of this page, of those that are in order already; `None`: the marker is nowhere.
    pub fn cut<'a, T>(&self, rows: &'a [T], id: impl Fn(&T) -> String) -> Option<&'a [T]> {
        let from = match &self.marker {
            Some(marker) => rows.iter().position(|row| id(row) == *marker)? + 1,
            None => 0,
        };
        Some(&rows[from..rows.len().min(from + self.limit)])
    }
}
