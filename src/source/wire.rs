//! What several services' answers have in common: ids that are numbers in old versions, three ways of
//! writing a time, links to the next page, words that repeat.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::model::Text;

/// A UUID, or a number before microversion 2.53.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(i64),
}

impl Id {
    pub fn into_text(self) -> Text {
        match self {
            Id::Text(text) => text.into(),
            Id::Number(n) => n.to_string().into(),
        }
    }
}

/// A link of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    rel: String,
    href: String,
}

pub(super) fn next(links: Vec<Link>) -> Option<String> {
    links.into_iter().find(|link| link.rel == "next").map(|link| link.href)
}

/// nova writes `2026-11-23T18:50:10.000000` and `…Z`, neutron `2026-11-23 18:50:21`: all UTC.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let text = text.replacen(' ', "T", 1);
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}

/// A time that may be null, missing or nonsense: then it is unknown.
pub(super) fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(parse_time))
}

/// Words that many rows share are kept once.
#[derive(Default)]
pub(super) struct Interner(HashSet<Text>);

impl Interner {
    pub fn text(&mut self, word: String) -> Text {
        if let Some(known) = self.0.get(word.as_str()) {
            return known.clone();
        }
        let text: Text = word.into();
        self.0.insert(text.clone());
        text
    }

    pub fn maybe(&mut self, word: Option<String>) -> Option<Text> {
        word.filter(|word| !word.is_empty()).map(|word| self.text(word))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn three_ways_of_writing_a_time() {
        let expected = "2026-11-23T18:50:10Z".parse().ok();
        for text in ["2026-11-23T18:50:10.000000", "2026-11-23T18:50:10Z", "2026-11-23 18:50:10"] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        assert_eq!(parse_time("never"), None);
    }
}
