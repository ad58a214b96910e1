//! A line of a log, taken apart where it stands: every part is an offset into the line's own bytes, so that
//! reading a line allocates nothing and a log may hold what is no UTF-8.

use std::fmt;

/// How severe a service calls a line. In order: what is more severe is greater.
///
/// oslo.log has AUDIT (21, gone since Kilo) and TRACE (5, below DEBUG) beside Python's own. In logs of Juno and
/// before TRACE marks the lines of a traceback; those continue the record above them, whatever they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// The line does not say, or says a word that nobody knows.
    #[default]
    Unknown,
    Trace,
    Debug,
    Info,
    Audit,
    Warning,
    Error,
    Critical,
}

impl Level {
    /// The word that a service writes: oslo's, syslog's, RabbitMQ's, libvirt's, Open vSwitch's, MariaDB's.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let known: &[(&[u8], Self)] = &[
            (b"INFO", Self::Info),
            (b"WARNING", Self::Warning),
            (b"ERROR", Self::Error),
            (b"DEBUG", Self::Debug),
            (b"CRITICAL", Self::Critical),
            (b"AUDIT", Self::Audit),
            (b"TRACE", Self::Trace),
            (b"WARN", Self::Warning),
            (b"NOTICE", Self::Info),
            (b"NOTE", Self::Info),
            (b"SYSTEM", Self::Info),
            (b"DBG", Self::Debug),
            (b"ERR", Self::Error),
            (b"CRIT", Self::Critical),
            (b"FATAL", Self::Critical),
            (b"ALERT", Self::Critical),
            (b"EMER", Self::Critical),
            (b"EMERG", Self::Critical),
            (b"EMERGENCY", Self::Critical),
        ];
        known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }

    /// syslog's severity: the lowest three bits of a priority (RFC 5424, 6.2.1).
    pub fn from_severity(severity: u8) -> Self {
        match severity & 7 {
            0..=2 => Self::Critical,
            3 => Self::Error,
            4 => Self::Warning,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// oslo's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "?",
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Audit => "AUDIT",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// Where a part stands in its line. Empty: the line has no such part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` up to, without, `end`. A line of more than 4 GiB has no parts.
    pub fn new(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if start <= end => Self { start, end },
            _ => Self::default(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub fn start(self) -> usize {
        self.start as usize
    }

    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The part's bytes. Nothing where the line is not the one that was parsed.
    pub fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The same part, of a line that begins `by` bytes earlier.
    #[must_use]
    pub fn shifted(self, by: usize) -> Self {
        if self.is_empty() { Self::default() } else { Self::new(self.start() + by, self.end() + by) }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// The time as the line gives it. Microseconds since 1970-01-01 00:00, by the clock that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Stamp {
    #[default]
    None,
    /// By the host's own wall clock: oslo writes no offset.
    Local(i64),
    Utc(i64),
    /// By the host's own wall clock, in a year that is not said (RFC 3164): as if it were 2000.
    Yearless(i64),
}

/// What stands in the place where oslo writes the request's context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Context {
    /// Nothing: of oslo's lines those that go on with the record above (`logging_exception_prefix`), since a
    /// record of its own has at least `[-]`.
    #[default]
    Absent,
    /// `[-]`: work that nobody asked for.
    Empty,
    Given,
}

/// What a line is, in parts. See [`Span`] for what the parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Line {
    pub time: Stamp,
    pub level: Level,
    pub context: Context,
    /// From a syslog prefix.
    pub host: Span,
    pub program: Span,
    pub pid: Span,
    pub logger: Span,
    /// The id under which this service works: `req-…`.
    pub request_id: Span,
    /// The id under which the one that asked it works.
    pub global_request_id: Span,
    pub user: Span,
    pub project: Span,
    pub domain: Span,
    pub system_scope: Span,
    pub user_domain: Span,
    pub project_domain: Span,
    /// The UUID of `[instance: …]`.
    pub instance: Span,
    /// All that is left.
    pub message: Span,
    /// It tells of a request to an API, and how that ended.
    pub access: Option<Access>,
}

/// A request as an access line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Access {
    pub method: Span,
    /// With its query.
    pub path: Span,
    pub status: u16,
    /// In microseconds.
    pub took: Option<u64>,
}

impl Line {
    /// The same line with `by` bytes put in front of it.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        for span in [
            &mut self.host,
            &mut self.program,
            &mut self.pid,
            &mut self.logger,
            &mut self.request_id,
            &mut self.global_request_id,
            &mut self.user,
            &mut self.project,
            &mut self.domain,
            &mut self.system_scope,
            &mut self.user_domain,
            &mut self.project_domain,
            &mut self.instance,
            &mut self.message,
        ] {
            *span = span.shifted(by);
        }
        if let Some(access) = &mut self.access {
            access.method = access.method.shifted(by);
            access.path = access.path.shifted(by);
        }
        self
    }

    /// Somebody asked for it: a line without a user is a service's own work, and its request id one that is
    /// used again and again.
    pub fn has_user(&self) -> bool {
        !self.user.is_empty()
    }

    /// It begins with a time: what does not, goes on with the line above.
    pub fn is_head(&self) -> bool {
        self.time != Stamp::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_every_services_word() {
        for (word, level) in [
            ("INFO", Level::Info),
            ("warning", Level::Warning),
            ("WARN", Level::Warning),
            ("Note", Level::Info),
            ("EMER", Level::Critical),
            ("AUDIT", Level::Audit),
        ] {
            assert_eq!(Level::parse(word.as_bytes()), Some(level), "{word}");
        }
        assert_eq!(Level::parse(b"INFORMATION"), None);
        assert!(Level::Audit > Level::Info && Level::Audit < Level::Warning && Level::Trace < Level::Debug);
    }

    #[test]
    fn a_span_of_another_line_is_empty_rather_than_a_panic() {
        assert_eq!(Span::new(2, 9).of(b"short"), b"");
        assert_eq!(Span::new(3, 2), Span::default());
        assert_eq!(Span::new(1, 3).shifted(2).of(b"..abcd"), b"bc");
    }
}
