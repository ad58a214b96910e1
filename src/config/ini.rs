//! oslo's INI, as oslo.config's own parser reads it.
//!
//! Why no library does: a line without `=` stops rust-ini, and configparser ends values at a `#`, which stands in
//! passwords, and loses repeats and continued lines.

use crate::config::secret::Secret;

/// The settings of one file, in its order. A value may be a password: none has a `Debug` that shows it.
#[derive(Debug, Default)]
pub(super) struct Ini {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    section: String,
    key: String,
    value: Secret,
}

impl Ini {
    /// Reads what can be read. oslo refuses a whole file for a line that is none of its own; whoever wants one value
    /// goes past it.
    pub fn parse(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section = String::new();
        // The value that an indented line would continue.
        let mut open = false;
        for line in text.lines().map(str::trim_end) {
            let begins = line.starts_with([' ', '\t']);
            if line.is_empty() {
                open = false;
            } else if begins {
                if let Some(last) = ini.entries.last_mut().filter(|_| open) {
                    last.value = Secret::new(format!("{}\n{}", last.value.expose(), line.trim_start()));
                }
            } else if line.starts_with(['#', ';']) {
                open = false;
            } else if let Some(name) = line.strip_prefix('[') {
                open = false;
                section = name.strip_suffix(']').unwrap_or(name).to_owned();
            } else {
                let assigned = line.find(['=', ':']).map(|at| (line[..at].trim(), line[at + 1..].trim()));
                open = assigned.is_some_and(|(key, _)| !key.is_empty());
                if let Some((key, value)) = assigned.filter(|_| open) {
                    let value = Secret::new(unquoted(value));
                    ini.entries.push(Entry { section: section.clone(), key: key.to_owned(), value });
                }
            }
        }
        ini
    }

    /// The value of a key under any of these names: of several the last counts. Names of sections and keys are the
    /// same in any case, as for oslo.
    pub fn get(&self, section: &str, names: &[&str]) -> Option<&str> {
        let wanted = |entry: &&Entry| {
            entry.section.eq_ignore_ascii_case(section)
                && names.iter().any(|name| entry.key.eq_ignore_ascii_case(name))
        };
        self.entries.iter().rev().find(wanted).map(|entry| entry.value.expose())
    }
}

/// One pair of quotes around a value is not of it.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::Ini;

    #[test]
    fn values_are_those_that_oslo_config_reads() {
        // The file, and what `[DEFAULT] key` is in it.
        for (text, value) in [
            ("[DEFAULT]\nkey = a", Some("a")),
            ("[DEFAULT]\nkey=a", Some("a")),
            ("[DEFAULT]\r\nkey = a\r\n", Some("a")),
            ("[DEFAULT]\nkey: a=b", Some("a=b")),
            ("[DEFAULT]\nkey = a:b", Some("a:b")),
            ("[DEFAULT]\nkey = a # b", Some("a # b")),
            ("[DEFAULT]\nkey = a;b#c", Some("a;b#c")),
            ("[DEFAULT]\nkey = a%20b%%", Some("a%20b%%")),
            ("[DEFAULT]\n# key = a\n;key = a\n#key = a", None),
            ("[DEFAULT]\nkey = a\nkey = b", Some("b")),
            ("[DEFAULT]\nkey = a\n[other]\nkey = b", Some("a")),
            ("[other]\nkey = b\n[DEFAULT]\nkey = a\n[other]\nkey = c", Some("a")),
            ("[DEFAULT]\nkey = a\n[x]\ny = z\n[DEFAULT]\nkey = b", Some("b")),
            ("[DEFAULT]\nkey = a,\n  b,\n\tc", Some("a,\nb,\nc")),
            ("[DEFAULT]\nkey = a\n\n  b", Some("a")),
            ("[DEFAULT]\nkey = a\n# note\n  b", Some("a")),
            ("[DEFAULT]\nkey =\n  b", Some("\nb")),
            ("[DEFAULT]\n  key = a", None),
            ("[DEFAULT]\nbare\nkey = a", Some("a")),
            ("[DEFAULT]\nkey = a\nbare\n  b", Some("a")),
            ("[DEFAULT]\n= a\n  b", None),
            ("[DEFAULT]\nkey =", Some("")),
            ("[DEFAULT]\nkey = \"a b \"", Some("a b ")),
            ("[DEFAULT]\nkey = 'a' b", Some("'a' b")),
            ("[default]\nKEY = a", Some("a")),
            ("[DEFAULT\nkey = a", Some("a")),
            ("key = a", None),
            ("[]\nkey = a", None),
            ("", None),
        ] {
            assert_eq!(Ini::parse(text).get("DEFAULT", &["key"]), value, "{text:?}");
        }
    }

    #[test]
    fn of_two_names_of_one_key_the_later_line_counts() {
        let ini = Ini::parse("[r]\nssl = false\nrabbit_use_ssl = true");
        assert_eq!(ini.get("r", &["ssl", "rabbit_use_ssl"]), Some("true"));
        assert_eq!(ini.get("r", &["ssl"]), Some("false"));
    }

    #[test]
    fn no_value_shows_in_its_debug() {
        let debug = format!("{:?}", Ini::parse("[DEFAULT]\ntransport_url = rabbit://u:hunter2@h\n  hunter2"));
        assert!(debug.contains("transport_url") && !debug.contains("hunter2"), "{debug}");
    }
}
