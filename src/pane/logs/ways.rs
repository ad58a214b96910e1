//! The ways from other panes to the logs.

use crate::model::is_same_host;
use crate::pane::{Cx, Go, Reply};
use crate::store::Kind;
use crate::ui::format;

/// To the logs of a host, as nova names it, and of them to those with these words.
pub fn of_host(cx: &Cx, host: &str, words: &str) -> Reply {
    let mut hosts = cx.store.logs.sources().iter().map(|source| &*source.host);
    let host = hosts.find(|known| is_same_host(known, host)).unwrap_or(host);
    with(&format!("host={}{words}", format::quoted(host)))
}

/// Kinds of warnings and errors that a host's services said with this word (lower case), the last one first.
pub fn kinds_of<'a>(cx: &Cx<'a>, host: &str, word: &str) -> Vec<&'a Kind> {
    let kinds = cx.store.logs.kinds().iter();
    let mut kinds: Vec<&Kind> = kinds
        .filter(|kind| kind.hosts.iter().any(|known| is_same_host(known, host)))
        .filter(|kind| kind.text.to_lowercase().contains(word))
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse((kind.last, kind.id)));
    kinds
}

/// To the logs that pass a filter.
pub fn with(filter: &str) -> Reply {
    Reply::Go(Go { pane: "logs", filter: Some(filter.to_owned()), select: None })
}
