//! A trace as it is told: what was heard of the subject, from whom, what it says together, and what could not be had.

use std::sync::Arc;
use std::time::Duration;

use super::story::{Heard, Request, Steps, Story};
use super::{Belongings, Id, Omitted, Reason, Subject};
use crate::model::{Instance, InstanceAction, Level, Line, Text, Trouble};

/// A record of a log, and why it belongs.
#[derive(Clone, Debug)]
pub struct Entry {
    pub host: Text,
    pub service: Text,
    /// The file that it stands in.
    pub path: Text,
    /// Where its first line begins there, in bytes.
    pub offset: u64,
    /// Microseconds since 1970, UTC.
    pub at: Option<i64>,
    pub parsed: Line,
    /// Its first line, without the line break.
    pub head: Box<[u8]>,
    /// The lines that go on with it, each with its line break.
    pub rest: Box<[u8]>,
    /// How many lines it has.
    pub lines: usize,
    pub reason: Reason,
}

impl Entry {
    /// The record as the story takes it.
    fn heard(&self) -> Heard<'_> {
        // A line that only mentions a request is told with it: neutron's words about an event.
        let mentioned = match self.reason {
            Reason::Mentions(id) => Some(id),
            _ => None,
        };
        Heard {
            at: self.at,
            host: &self.host,
            service: &self.service,
            level: self.parsed.level,
            request: Id::of(self.parsed.request_id.of(&self.head)).or(mentioned),
            global: Id::of(self.parsed.global_request_id.of(&self.head)),
            message: self.message(),
            is_of_another: self.reason.is_of_another(),
        }
    }

    /// Lines that go on with it, as lines of their own or within it.
    pub fn more(&self) -> usize {
        let within = match self.parsed.program.is_empty() {
            true => 0,
            false => memchr::memmem::find_iter(self.message(), NEWLINE).count(),
        };
        self.lines.saturating_sub(1) + within
    }

    /// Its message, without what stands before. As the file has it: nothing was stripped.
    pub fn message(&self) -> &[u8] {
        self.parsed.message.of(&self.head)
    }
}

/// What the clock of a host that was asked shows: its lines stand so much too late, or too early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    pub host: Text,
    /// Microseconds before this machine's.
    pub ahead: i64,
    /// How well that is known.
    pub doubt: i64,
}

/// A clock that is wrong by more than this is worth a word.
const SKEW: i64 = 1_000_000;

impl Clock {
    /// In words, where it is so far off that it matters.
    fn words(&self) -> Option<String> {
        let Self { host, ahead, doubt } = self;
        let side = if *ahead < 0 { "behind" } else { "ahead of" };
        (ahead.abs() - doubt > SKEW)
            .then(|| format!("{host}'s is {} {side} this machine's", seconds(ahead.abs())))
    }
}

/// Where it failed, in one sentence. Not stripped of anything.
#[derive(Debug)]
pub struct Answer<'a> {
    pub words: String,
    /// The record whose message says most about the cause.
    pub known_by: &'a Entry,
    /// It came to a good end all the same.
    pub is_mended: bool,
}

/// Characters of a message that say what it is about.
const WORDS: usize = 400;

fn is_no_host(words: &str) -> bool {
    words.contains("NoValidHost") || words.contains("No valid host")
}

/// All that is known of a subject.
#[derive(Clone, Debug)]
pub struct Account {
    pub subject: Subject,
    /// The instance as nova's API has it; none where nobody was asked, or nova knows none.
    pub instance: Option<Instance>,
    pub actions: Vec<InstanceAction>,
    /// What else the APIs know of it.
    pub belongings: Belongings,
    /// In the order of time, then as they stand in their files.
    pub entries: Vec<Arc<Entry>>,
    pub story: Story,
    pub omitted: Omitted,
    /// Bytes that are read, of how many, while it goes on.
    pub reading: Option<(u64, u64)>,
    /// Files that were looked through.
    pub files: usize,
    /// Other hosts that have not answered yet.
    pub waiting: usize,
    /// Those of other hosts that were asked.
    pub clocks: Vec<Clock>,
    /// How long the logs took, but for waiting for hosts that failed.
    pub worked: Duration,
    /// It was ended before its time.
    pub was_cancelled: bool,
    pub troubles: Vec<Trouble>,
}

impl Account {
    /// Nothing is known yet.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            instance: None,
            actions: Vec::new(),
            belongings: Belongings::default(),
            entries: Vec::new(),
            story: Story::default(),
            omitted: Omitted::default(),
            reading: None,
            files: 0,
            waiting: 0,
            clocks: Vec::new(),
            worked: Duration::ZERO,
            was_cancelled: false,
            troubles: Vec::new(),
        }
    }

    /// Makes its story of its records.
    pub fn retell(&mut self, steps: &Steps) {
        let heard: Vec<Heard> = self.entries.iter().map(|entry| entry.heard()).collect();
        self.story = steps.story(&heard);
    }

    /// What a request is called: `create`, as nova's API has it, else as the log says it.
    pub fn action<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        self.known(request).map(|action| &*action.action).or(request.action())
    }

    /// What nova's API says of a request.
    pub fn known(&self, request: &Request) -> Option<&InstanceAction> {
        let is_its = |id: &str| {
            [request.id, request.local].into_iter().flatten().any(|own| id.ends_with(&own.to_string()))
        };
        self.actions.iter().find(|action| is_its(&action.request_id))
    }

    /// Where it failed, and what is known of that: `None` where nothing did.
    pub fn answer(&self) -> Option<Answer<'_>> {
        let failure = self.story.failure.as_ref()?;
        let entry = self.entries.get(failure.record)?;
        let after = failure.after.as_ref().map(|step| format!(" after “{step}”")).unwrap_or_default();
        let said = words(entry.message(), WORDS);
        let failed = match &failure.mended {
            Some(end) => format!("“{end}” in the end; failed"),
            None => "failed".to_owned(),
        };
        let is_mended = failure.mended.is_some();
        let no_host = self.story.no_host.as_ref();
        let told = no_host.and_then(|no_host| Some((no_host, self.entries.get(no_host.record)?)));
        Some(match told {
            // Whoever says that there is no host does not know why; the scheduler does.
            Some((no_host, scheduler)) if is_no_host(&said) => Answer {
                words: format!("{failed}{after}: {}", no_host.words()),
                known_by: scheduler,
                is_mended,
            },
            _ => {
                let then = told.map(|(no_host, _)| format!("; then {}", no_host.words()));
                let words = format!(
                    "{failed}{after}: {} on {}: {said}{}",
                    entry.service,
                    entry.host,
                    then.unwrap_or_default()
                );
                Answer { words, known_by: entry, is_mended }
            }
        })
    }

    /// What was left out, in words; empty where nothing was.
    pub fn left_out(&self) -> String {
        let Omitted { lookers, ours, crowd, ids, copies } = self.omitted;
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
        [
            count(lookers, "records of somebody who looked at many"),
            count(ours, "of our own questions"),
            count(crowd, "of requests that brought too many"),
            count(ids, "request ids that were too many to follow"),
            count(copies, "that stand in another file, too"),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }

    /// Clocks that are wrong, in words; empty where none is.
    pub fn skews(&self) -> String {
        self.clocks.iter().filter_map(Clock::words).collect::<Vec<_>>().join(", ")
    }

    /// How many records of so severe a level there are, of this instance's own.
    pub fn count(&self, level: Level) -> usize {
        let is_so = |entry: &&Arc<Entry>| entry.parsed.level >= level && !entry.reason.is_of_another();
        self.entries.iter().filter(is_so).count()
    }
}

/// What rsyslog makes of a line's end in a message: oslo sends a record with its traceback as one.
pub const NEWLINE: &str = "#012";

/// The first line of a message, also of one that rsyslog made one line of.
pub fn first_line(message: &[u8]) -> &[u8] {
    let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let end = memchr::memmem::find(line, NEWLINE.as_bytes());
    end.and_then(|end| line.get(..end)).unwrap_or(line)
}

/// A message's first line, as far as it is read at a glance: so many characters. Not stripped of anything.
pub fn words(message: &[u8], characters: usize) -> String {
    let text = String::from_utf8_lossy(first_line(message));
    let mut words: String = text.chars().take(characters).collect();
    if words.len() < text.len() {
        words.push('…');
    }
    words.truncate(words.trim_end().len());
    words
}

/// A length of time in microseconds: `0.067s`, `6.70s`, `4m12s`.
pub fn seconds(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    match seconds {
        s if s < 1.0 => format!("{s:.3}s"),
        s if s < 60.0 => format!("{s:.2}s"),
        s => format!("{}m{:02}s", s as i64 / 60, s as i64 % 60),
    }
}
