//! Objects written straight into the body: lists of a thousand servers are what is asked for most, and which
//! keys they have depends on the microversion.

use serde::Serialize;

/// An object that is being written.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

/// Writes one object.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true });
    out.push(b'}');
}

/// Writes a list, each of its elements by `write`.
pub fn list<T>(out: &mut Vec<u8>, rows: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (n, row) in rows.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(out, row);
    }
    out.push(b']');
}

impl Object<'_> {
    /// Keys are ours: nothing in them needs escaping.
    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub fn put(&mut self, key: &str, value: impl Serialize) {
        self.key(key);
        // Writing into memory cannot fail, nor can what is written here.
        let _ = serde_json::to_writer(&mut *self.out, &value);
    }

    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        object(self.out, fill);
    }

    pub fn list<T>(
        &mut self,
        key: &str,
        rows: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        self.key(key);
        list(self.out, rows, write);
    }
}

/// Something that is written by `Display`, as a string: ids and times, without a detour through the heap.
pub struct Text<T>(pub T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_nest() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.put("a", "q\"\u{1b}");
            o.object("b", |o| o.put("c", None::<u8>));
            o.list("d", [1, 2], |out, n| object(out, |o| o.put("n", n)));
        });
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, r#"{"a":"q\"\u001b","b":{"c":null},"d":[{"n":1},{"n":2}]}"#);
    }
}
