//! From a line of whatever service to its parts: oslo's by hand, then the formats that are data.

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::model::{Line, Parse, Stamp};

use super::format::{Format, FormatError, Sheet};
use super::oslo;

/// What ships: file name and text.
const SHIPPED: &[(&str, &str)] = &[
    ("syslog.toml", include_str!("../../../assets/formats/syslog.toml")),
    ("json.toml", include_str!("../../../assets/formats/json.toml")),
    ("access.toml", include_str!("../../../assets/formats/access.toml")),
    ("infra.toml", include_str!("../../../assets/formats/infra.toml")),
];

/// Bytes at the start of a line by which its format is told.
const HEAD: usize = 4096;

/// All that is known of how lines are written. Made once, shared by all sources.
#[derive(Default)]
pub struct Grammar {
    formats: Vec<Format>,
    /// Says in one go which formats may fit: of most lines that oslo did not write, none does.
    which: RegexSet,
}

impl Grammar {
    /// Only what ships.
    ///
    /// # Errors
    /// Never, a test says so.
    pub fn shipped() -> Result<Self, FormatError> {
        Self::with(&[])
    }

    /// What ships, and behind nothing but oslo's own a user's files: name and text each.
    ///
    /// # Errors
    /// A file is no TOML, or a format in it cannot be used.
    pub fn with(files: &[(String, String)]) -> Result<Self, FormatError> {
        let mut formats = Vec::new();
        let shipped = SHIPPED.iter().map(|(name, text)| (*name, *text));
        for (file, text) in files.iter().map(|(name, text)| (name.as_str(), text.as_str())).chain(shipped) {
            let sheet: Sheet =
                toml::from_str(text).map_err(|error| FormatError::Toml(file.to_owned(), error))?;
            for entry in &sheet.format {
                let name = entry.name.clone();
                let failed = |why| FormatError::Format { file: file.to_owned(), name, why };
                formats.push(Format::new(entry).map_err(failed)?);
            }
        }
        let patterns = formats.iter().map(Format::pattern);
        let which = RegexSetBuilder::new(patterns).unicode(false).dot_matches_new_line(true).build();
        let which = which.map_err(|error| FormatError::Format {
            file: "all formats".to_owned(),
            name: "together".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self { formats, which })
    }

    /// The line in parts. What nobody knows is a line without a time, all of it message.
    pub fn parse(&self, line: &[u8]) -> Line {
        self.known(line, true).map_or_else(|| plain(line), |(parsed, _)| parsed)
    }

    /// The format's name beside it: `oslo`, or one of the files'.
    pub fn name(&self, line: &[u8]) -> Option<&str> {
        self.known(line, true).map(|(_, name)| name)
    }

    fn known(&self, line: &[u8], is_outer: bool) -> Option<(Line, &str)> {
        if let Some(parsed) = oslo::parse(line) {
            return Some((parsed, "oslo"));
        }
        let line = line.get(..oslo::trimmed(line))?;
        let head = line.get(..line.len().min(HEAD))?;
        for index in self.which.matches(head).iter() {
            let format = &self.formats[index];
            if format.inner && !is_outer {
                continue;
            }
            let Some(mut parsed) = format.parse(line) else { continue };
            if format.inner {
                parsed = self.within(line, parsed);
            }
            return Some((parsed, &format.name));
        }
        None
    }

    /// What stands behind a prefix. The prefix knows the host; the inner line, if it is one, all else.
    fn within(&self, line: &[u8], outer: Line) -> Line {
        let at = outer.message.start();
        let inner = line.get(at..).unwrap_or_default();
        let known = self.known(inner, false).map(|(parsed, _)| parsed);
        let Some(inner) = known.or_else(|| oslo::after_time(inner, 0)) else { return outer };
        let inner = inner.shifted(at);
        Line {
            time: both(outer.time, inner.time),
            host: outer.host,
            program: outer.program,
            pid: if inner.pid.is_empty() { outer.pid } else { inner.pid },
            level: if inner.level == crate::model::Level::Unknown { outer.level } else { inner.level },
            ..inner
        }
    }
}

impl Parse for Grammar {
    fn parse(&self, line: &[u8]) -> Line {
        Grammar::parse(self, line)
    }
}

/// A grammar that is made when it is first needed, and then shared by all who read logs.
#[derive(Clone, Debug, Default)]
pub struct Grammars(Arc<OnceLock<Arc<Grammar>>>);

impl Grammars {
    /// What ships, where the operator has no formats of their own.
    pub fn new(own: Option<Arc<Grammar>>) -> Self {
        Self(Arc::new(own.map_or_else(OnceLock::new, OnceLock::from)))
    }

    pub fn get(&self) -> Arc<Grammar> {
        // What ships can be read, a test says so.
        self.0.get_or_init(|| Arc::new(Grammar::shipped().unwrap_or_default())).clone()
    }
}

impl fmt::Debug for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grammar({} formats)", self.formats.len())
    }
}

/// The time of a line and that of its prefix. oslo's has milliseconds and no zone; syslog's may have a zone, and
/// be from when the line was forwarded: the zone of the one and the clock of the other, if they are of one time.
fn both(outer: Stamp, inner: Stamp) -> Stamp {
    const QUARTER: i64 = 900_000_000;
    match (outer, inner) {
        (outer, Stamp::None) => outer,
        (Stamp::Utc(sent), Stamp::Local(wall)) => {
            // Zones lie quarters of an hour apart; forwarding takes seconds.
            let offset = (wall - sent + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
            let is_zone = (-12 * 4 * QUARTER..=14 * 4 * QUARTER).contains(&offset);
            Stamp::Utc(if is_zone { wall - offset } else { sent })
        }
        (_, inner) => inner,
    }
}

/// A line that goes on with the one above, or that is of a format which nobody knows: shown as it is.
fn plain(line: &[u8]) -> Line {
    Line { message: crate::model::Span::new(0, oslo::trimmed(line)), ..Line::default() }
}

#[cfg(test)]
#[path = "grammar/tests.rs"]
mod tests;
