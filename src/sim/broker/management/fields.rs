//! An object that is written field by field, with only the columns that were asked for.

use serde::Serialize;

/// `columns=name,message_stats.publish`; none: all.
#[derive(Clone, Debug, Default)]
pub struct Columns(Option<Vec<String>>);

impl Columns {
    pub fn of(text: Option<&str>) -> Self {
        let names = text.map(|text| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
        Self(names.map(Iterator::collect).filter(|names: &Vec<String>| !names.is_empty()))
    }

    /// One alone.
    pub fn only(name: &str) -> Self {
        Self(Some(vec![name.to_owned()]))
    }

    fn has(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let Some(names) = &self.0 else { return true };
        names.iter().any(|name| within(path, name) || within(name, path))
    }
}

/// Objects within objects are named by paths with dots; those of one object follow each other.
pub struct Fields<'a> {
    out: &'a mut Vec<u8>,
    columns: &'a Columns,
    /// The objects that are open, outermost first.
    open: Vec<&'static str>,
    /// Whether the innermost has a field already.
    begun: bool,
}

/// Writes one object.
pub fn object(out: &mut Vec<u8>, columns: &Columns, fill: impl FnOnce(&mut Fields<'_>)) {
    out.push(b'{');
    let mut fields = Fields { out, columns, open: Vec::new(), begun: false };
    fill(&mut fields);
    let depth = fields.open.len();
    out.extend(std::iter::repeat_n(b'}', depth + 1));
}

impl Fields<'_> {
    /// Paths are ours: nothing in them needs escaping.
    pub fn put(&mut self, path: &'static str, value: impl Serialize) {
        if !self.columns.has(path) {
            return;
        }
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let parents: smallvec::SmallVec<[&'static str; 3]> =
            parents.split('.').filter(|part| !part.is_empty()).collect();
        let shared = self.open.iter().zip(&parents).take_while(|(a, b)| a == b).count();
        for _ in shared..self.open.len() {
            self.out.push(b'}');
            self.begun = true;
        }
        self.open.truncate(shared);
        for parent in parents.into_iter().skip(shared) {
            self.key(parent);
            self.out.push(b'{');
            self.begun = false;
            self.open.push(parent);
        }
        self.key(name);
        self.begun = true;
        // Writing into memory cannot fail, nor can what is written here.
        let _ = serde_json::to_writer(&mut *self.out, &value);
    }

    fn key(&mut self, name: &str) {
        if self.begun {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// A count with its rate beside it: `publish` and `publish_details`.
macro_rules! counted {
    ($fields:expr, $path:literal, $count:expr, $rate:expr) => {
        $fields.put($path, $count);
        $fields.put(concat!($path, "_details.rate"), $rate);
    };
}
pub(super) use counted;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: Option<&str>) -> String {
        let mut out = Vec::new();
        object(&mut out, &Columns::of(columns), |f| {
            f.put("a", 1);
            f.put("b.c", "x\u{1b}");
            f.put("b.d.e", 2.5);
            f.put("b.f", None::<u8>);
            f.put("g.h", [1, 2]);
            f.put("i", true);
        });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_become_objects_and_columns_choose_among_them() {
        for (columns, expected) in [
            (None, r#"{"a":1,"b":{"c":"x\u001b","d":{"e":2.5},"f":null},"g":{"h":[1,2]},"i":true}"#),
            (Some(""), r#"{"a":1,"b":{"c":"x\u001b","d":{"e":2.5},"f":null},"g":{"h":[1,2]},"i":true}"#),
            (Some("a,i"), r#"{"a":1,"i":true}"#),
            (Some("b.d.e,i"), r#"{"b":{"d":{"e":2.5}},"i":true}"#),
            (Some("b"), r#"{"b":{"c":"x\u001b","d":{"e":2.5},"f":null}}"#),
            (Some("b.f,b.c"), r#"{"b":{"c":"x\u001b","f":null}}"#),
            (Some("g.h"), r#"{"g":{"h":[1,2]}}"#),
            (Some("nope,bb"), "{}"),
        ] {
            assert_eq!(written(columns), expected, "{columns:?}");
        }
    }
}
