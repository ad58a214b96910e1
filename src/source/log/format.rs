//! Formats that are data: a regex with named groups, and how its time is written. Those that ship stand in
//! `assets/formats/*.toml`, each with lines that it must read; a user's files have the same form.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::model::{Access, Context, Level, Line, Span, Stamp};

use super::json::Fields;
use super::moment::Moment;

/// Why a file of formats cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("{0}: {1}")]
    Toml(String, toml::de::Error),
    #[error("{file}: format {name}: {why}")]
    Format { file: String, name: String, why: String },
}

/// A file of formats.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sheet {
    pub format: Vec<Entry>,
}

/// A format as its file has it. `assets/formats/README.md` says what each field is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub name: String,
    pub regex: Option<String>,
    pub json: Option<Fields>,
    #[serde(default)]
    pub time: Vec<String>,
    #[serde(default)]
    pub utc: bool,
    pub level: Option<String>,
    #[serde(default)]
    pub inner: bool,
    /// For tests: what is in it is not looked at otherwise.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "samples are for tests"))]
    pub sample: Vec<Sample>,
}

/// A line, and what it must be read as.
#[derive(Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "samples are for tests"))]
pub(super) struct Sample {
    pub line: String,
    #[serde(flatten)]
    pub parts: std::collections::BTreeMap<String, String>,
}

/// A format that can be used.
pub(super) struct Format {
    pub name: String,
    shape: Shape,
    times: Vec<Moment>,
    /// Times without an offset are UTC, not the host's.
    utc: bool,
    level: Option<Level>,
    /// The message may be a line of its own: what stands behind a syslog prefix.
    pub inner: bool,
}

enum Shape {
    Regex(Regex),
    Json(Box<Fields>),
}

impl Format {
    pub(super) fn new(entry: &Entry) -> Result<Self, String> {
        let shape = match (&entry.regex, &entry.json) {
            (Some(regex), None) => Shape::Regex(compile(regex)?),
            (None, Some(fields)) => Shape::Json(Box::new(fields.clone())),
            _ => return Err("it needs either `regex` or `json`".to_owned()),
        };
        let times = entry.time.iter().map(|form| Moment::new(form)).collect();
        let level = match &entry.level {
            Some(word) => Some(Level::parse(word.as_bytes()).ok_or(format!("`{word}` is no level"))?),
            None => None,
        };
        Ok(Self { name: entry.name.clone(), shape, times, utc: entry.utc, level, inner: entry.inner })
    }

    /// What a set of all formats looks for: JSON begins with a brace.
    pub(super) fn pattern(&self) -> &str {
        match &self.shape {
            Shape::Regex(regex) => regex.as_str(),
            Shape::Json(_) => r"^\s*\{",
        }
    }

    pub(super) fn parse(&self, line: &[u8]) -> Option<Line> {
        let mut parsed = match &self.shape {
            Shape::Regex(regex) => self.by_regex(regex, line)?,
            Shape::Json(fields) => fields.parse(line, |text| self.moment(text))?,
        };
        if parsed.level == Level::Unknown {
            parsed.level = self.level.unwrap_or_default();
        }
        Some(parsed)
    }

    fn moment(&self, text: &[u8]) -> Stamp {
        let stamp = self.times.iter().find_map(|form| form.parse(text)).unwrap_or_default();
        match stamp {
            Stamp::Local(micros) if self.utc => Stamp::Utc(micros),
            stamp => stamp,
        }
    }

    fn by_regex(&self, regex: &Regex, line: &[u8]) -> Option<Line> {
        let found = regex.captures(line)?;
        let span = |name: &str| found.name(name).map_or(Span::default(), |m| Span::new(m.start(), m.end()));
        let number = |name: &str| {
            found.name(name).and_then(|m| std::str::from_utf8(m.as_bytes()).ok()?.parse::<f64>().ok())
        };
        let time = found.name("time").map_or(Stamp::None, |m| self.moment(m.as_bytes()));
        let word = found.name("level").and_then(|m| Level::parse(m.as_bytes()));
        let severity = number("priority").map(|priority| Level::from_severity((priority as u64 & 7) as u8));
        let access = number("status").map(|status| Access {
            method: span("method"),
            path: span("path"),
            status: status as u16,
            took: number("took_us")
                .or_else(|| number("took_ms").map(|ms| ms * 1e3))
                .or_else(|| number("took_s").map(|s| s * 1e6))
                .filter(|took| *took >= 0.0)
                .map(|took| took as u64),
        });
        let request_id = span("request_id");
        Some(Line {
            time,
            level: word.or(severity).unwrap_or_default(),
            context: if request_id.is_empty() { Context::Empty } else { Context::Given },
            host: span("host"),
            program: span("program"),
            pid: span("pid"),
            logger: span("logger"),
            request_id,
            instance: span("instance"),
            message: span("message"),
            access,
            ..Line::default()
        })
    }
}

/// Bytes, not characters: a log may hold anything. A message may hold what looks like a line break.
fn compile(regex: &str) -> Result<Regex, String> {
    if !regex.starts_with('^') {
        return Err("its regex must begin with ^: a format reads whole lines".to_owned());
    }
    let built =
        RegexBuilder::new(regex).unicode(false).dot_matches_new_line(true).size_limit(1 << 22).build();
    let built = built.map_err(|error| error.to_string())?;
    let known = [
        "time",
        "level",
        "priority",
        "host",
        "program",
        "pid",
        "logger",
        "request_id",
        "instance",
        "message",
        "method",
        "path",
        "status",
        "took_us",
        "took_ms",
        "took_s",
    ];
    match built.capture_names().flatten().find(|name| !known.contains(name)) {
        Some(name) => Err(format!("nobody knows a group `{name}`; there are {}", known.join(", "))),
        None => Ok(built),
    }
}
