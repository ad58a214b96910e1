//! What several services' answers have in common: ids that are numbers in old versions, three ways of
//! writing a time, lists with links to the next page, words that repeat (`words.rs`).
//!
//! A large cloud's list is hundreds of megabytes of which a row keeps little: bodies are read in place, texts
//! are borrowed from them, and a row is made before the next is read.

mod words;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

pub(super) use words::Words;

use super::pages::Parsed;
use crate::model::Text;

/// A text of the body: borrowed, unless JSON had to escape something in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Str<'a>(Cow<'a, str>);

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Str<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowed)
    }
}

/// Mostly one or two: what a row brings and does not keep must not lie between what others keep, where it would
/// leave holes.
type Few<T> = SmallVec<[T; 2]>;

/// A short list.
#[derive(Debug)]
pub(super) struct List<T>(Few<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Few::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<List<T>, S::Error> {
                let mut items = Few::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// An object's entries, in the order of their keys.
#[derive(Debug)]
pub(super) struct Entries<'a, V>(Few<(Str<'a>, V)>);

impl<V> Default for Entries<'_, V> {
    fn default() -> Self {
        Self(Few::new())
    }
}

impl<'a, V> Deref for Entries<'a, V> {
    type Target = [(Str<'a>, V)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, V> IntoIterator for Entries<'a, V> {
    type Item = (Str<'a>, V);
    type IntoIter = smallvec::IntoIter<[Self::Item; 2]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Entries<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<'a, V>(PhantomData<(Str<'a>, V)>);
        impl<'de: 'a, 'a, V: Deserialize<'de>> Visitor<'de> for Object<'a, V> {
            type Value = Entries<'a, V>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<'a, V>, M::Error> {
                let mut entries = Few::new();
                while let Some(entry) = map.next_entry::<Str, V>()? {
                    entries.push(entry);
                }
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

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

/// Where the next page is.
pub(super) fn next(links: Vec<Link>) -> Option<String> {
    links.into_iter().find(|link| link.rel == "next").map(|link| link.href)
}

/// Reads the list `name` of a body, and its link to the next page among `links`.
pub(super) fn list<'de, B: Deserialize<'de>, T>(
    body: &'de [u8],
    name: &'static str,
    links: &'static str,
    row: impl FnMut(B) -> T,
) -> Result<Parsed<T>, serde_json::Error> {
    // Looked at once as a whole, which is faster than text by text.
    let body = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    let mut json = serde_json::Deserializer::from_str(body);
    let parsed = Listing { name, links, row, body: PhantomData }.deserialize(&mut json)?;
    json.end()?;
    Ok(parsed)
}

/// The object around a list.
struct Listing<F, B> {
    name: &'static str,
    links: &'static str,
    row: F,
    body: PhantomData<B>,
}

impl<'de, B: Deserialize<'de>, T, F: FnMut(B) -> T> DeserializeSeed<'de> for Listing<F, B> {
    type Value = Parsed<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parsed<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, B: Deserialize<'de>, T, F: FnMut(B) -> T> Visitor<'de> for Listing<F, B> {
    type Value = Parsed<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "an object that holds `{}`", self.name)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<Parsed<T>, M::Error> {
        let (mut rows, mut link) = (None, None);
        while let Some(key) = map.next_key::<Str>()? {
            if &*key == self.name {
                rows = Some(map.next_value_seed(Rows { row: &mut self.row, body: PhantomData })?);
            } else if &*key == self.links {
                link = next(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok((rows.ok_or_else(|| M::Error::missing_field(self.name))?, link))
    }
}

/// The list itself: each body becomes a row at once.
struct Rows<'f, F, B> {
    row: &'f mut F,
    body: PhantomData<B>,
}

impl<'de, B: Deserialize<'de>, T, F: FnMut(B) -> T> DeserializeSeed<'de> for Rows<'_, F, B> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, B: Deserialize<'de>, T, F: FnMut(B) -> T> Visitor<'de> for Rows<'_, F, B> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<T>, S::Error> {
        let mut rows = Vec::new();
        while let Some(body) = list.next_element()? {
            rows.push((self.row)(body));
        }
        Ok(rows)
    }
}

/// How far from its end a body's links are looked for.
const TAIL: usize = 4_096;

/// The link to the next page, as far as the end of the body tells: OpenStack's services write links after the
/// rows. It says what may be asked for while the rows are parsed; they alone say what the next page is.
pub(super) fn next_at_end(body: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"links\"";
    let tail = &body[body.len().saturating_sub(TAIL)..];
    let at = tail.windows(KEY.len()).rposition(|window| window == KEY)?;
    let value = tail[at + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
    let mut links = serde_json::Deserializer::from_slice(value).into_iter::<Vec<Link>>();
    let found = links.next()?.ok()?;
    (value[links.byte_offset()..].trim_ascii() == b"}").then(|| next(found))?
}

/// nova writes `2026-11-23T18:50:10.000000` and `…Z`, neutron `2026-11-23 18:50:21`: all UTC.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    // A date alone has no `+`, and its signs of minus come before the tenth byte.
    let has_offset = text.ends_with('Z') || text.get(10..).is_some_and(|time| time.contains(['+', '-']));
    if has_offset {
        return text.parse().ok();
    }
    Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()
}

/// A time that may be null, missing or nonsense: then it is unknown.
pub(super) fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<Str>::deserialize(deserializer)?.as_deref().and_then(parse_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_of_writing_a_time() {
        let expected = "2026-11-23T18:50:10Z".parse().ok();
        for text in [
            "2026-11-23T18:50:10.000000",
            "2026-11-23T18:50:10Z",
            "2026-11-23 18:50:10",
            "2026-11-23 18:50:10+00:00",
            "2026-11-23T13:50:10-05:00",
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        for text in ["never", "", "2026-11-23T25:00:00", "ünglücklich-äöü"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn the_next_link_stands_at_the_end_of_a_body() {
        let link = r#"[{"rel": "self", "href": "x"}, {"rel": "next", "href": "http://a/?marker=1"}]"#;
        for (body, expected) in [
            (format!(r#"{{"servers": [], "servers_links": {link}}}"#), Some("http://a/?marker=1")),
            (format!("{{\"agents\": [], \"agents_links\" :\n{link}\n}}\n"), Some("http://a/?marker=1")),
            // Not the list's own, or not all there.
            (format!(r#"{{"servers": [{{"x_links": {link}}}]}}"#), None),
            (format!(r#"{{"servers": [], "servers_links": {link}"#), None),
            (r#"{"servers": [], "servers_links": []}"#.to_owned(), None),
            (r#"{"servers": [{"metadata": {"a": "\"x_links\": []"}}]}"#.to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(next_at_end(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_list_without_its_rows_is_an_error() {
        let read = |body: &'static str| list(body.as_bytes(), "rows", "rows_links", |n: u32| n);
        assert_eq!(read(r#"{"other": {"rows": 1}, "rows": [1, 2]}"#).unwrap(), (vec![1, 2], None));
        for body in [r"{}", r#"{"rows": {}}"#, r"[]", r#"{"rows": [1, 2"#, r#"{"rows": []} x"#] {
            assert!(read(body).is_err(), "{body}");
        }
        assert!(read("{}").unwrap_err().to_string().starts_with("missing field `rows`"));
    }
}
