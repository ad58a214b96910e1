//! From what a [`Follower`] gives out to batches of records: which line belongs to which, and when it was written.

mod copies;
mod traffic;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::others;
use crate::config::logs::LogPlace;
use crate::model::{Heard, HeardLine, Level, Line, LogSource, Span, Text, Trouble};
use crate::signature::Signatures;
use crate::source::log::files::Skipped;
use crate::source::log::follow::elsewhere::Others;
use crate::source::log::follow::{Follower, Pace, Piece, Told};
use crate::source::log::index::Index;
use crate::source::log::{Folder, Grammar, Zone};
use crate::trace::Id;
use copies::Copies;
use traffic::{Access, Said, Traffic};

/// A batch is handed on when it has so many bytes.
const BATCH: usize = 1 << 20;
/// Pieces of other hosts' files that are taken in between two looks at this host's.
const AT_ONCE: usize = 64;
/// Records of one file that may still go on.
const OPEN: usize = 32;
/// Lines without a time go on with the record above, but not for longer than this: then they are their own.
const TOGETHER: Duration = Duration::from_secs(5);
/// What is known of a content that nobody writes any more is forgotten after so long.
const IDLE: Duration = Duration::from_secs(300);

/// Reads logs as they grow, and tells them in batches.
pub struct Reader {
    follower: Follower,
    others: Others,
    heard: Option<others::Heard>,
    telling: Telling,
}

/// All that is needed to tell what a line is.
struct Telling {
    grammar: Arc<Grammar>,
    contents: HashMap<u64, Content, foldhash::fast::FixedState>,
    sources: HashMap<Text, u32>,
    new_sources: Vec<LogSource>,
    lines: Vec<HeardLine>,
    text: Vec<u8>,
    troubles: Vec<Trouble>,
    copies: Copies,
    traffic: Traffic,
    /// The number of the next line.
    next: u64,
    /// How many files were followed, and who was not heard, when the last batch was handed on.
    files: usize,
    away: Arc<[Trouble]>,
}

/// What stands in a file between two truncations.
struct Content {
    source: u32,
    folder: Folder,
    zone: Zone,
    /// When the last line was written.
    before: Option<i64>,
    /// Records by the folder's number, with the number of their line and their time.
    open: VecDeque<(u64, u64, i64)>,
    /// The greatest of those numbers so far.
    newest: u64,
    /// The last line, if it was told: a copy of another file's is not.
    last: Option<u64>,
    heard: Instant,
    /// Lines told before any that has a time: places in the batch.
    untimed: Vec<usize>,
    said: Said,
}

type Send<'a> = dyn FnMut(Heard) + 'a;

impl Reader {
    /// Nothing is opened before the first poll.
    pub fn new(places: Vec<LogPlace>, grammar: Arc<Grammar>) -> Self {
        Self {
            follower: Follower::new(places),
            others: Others::default(),
            heard: None,
            telling: Telling {
                grammar,
                contents: HashMap::default(),
                sources: HashMap::new(),
                new_sources: Vec::new(),
                lines: Vec::new(),
                text: Vec::new(),
                troubles: Vec::new(),
                copies: Copies::default(),
                traffic: Traffic::default(),
                next: 0,
                files: 0,
                away: Arc::default(),
            },
        }
    }

    /// With what other hosts have to tell.
    #[must_use]
    pub fn hearing(self, heard: others::Heard) -> Self {
        Self { heard: Some(heard), ..self }
    }

    /// What is read of this host's files goes into the index too.
    #[must_use]
    pub fn indexed(self, index: Option<Index>) -> Self {
        Self { follower: self.follower.indexed(index), ..self }
    }

    /// Tells what came since the last poll. Whether there is more already.
    pub fn poll(&mut self, now: Instant, pace: Pace, send: &mut Send<'_>) -> bool {
        let clock = Timestamp::now();
        let telling = &mut self.telling;
        let mut tell = |told: Told<'_>| match told {
            Told::Line(piece) => {
                telling.line(&piece, now, clock);
                if telling.text.len() >= BATCH {
                    telling.hand_on(send);
                }
            }
            Told::Lost(path, why) => telling.trouble(path, &why),
            Told::Trouble(trouble) => telling.troubles.push(trouble.clone()),
            Told::Skipped(path, why) if is_worth_saying(why) => telling.trouble(path, &why.to_string()),
            Told::Skipped(..) => {}
        };
        let mut is_more = self.follower.poll(now, pace, &mut tell);
        if let Some(heard) = &mut self.heard {
            let mut left = AT_ONCE;
            while left > 0
                && let Ok((host, told)) = heard.try_recv()
            {
                self.others.hear(host, told, &mut tell);
                left -= 1;
            }
            is_more |= left == 0;
        }
        let away = self.others.away();
        let is_changed = !away.eq(self.telling.away.iter());
        let files = self.follower.files().len() + self.others.len();
        let telling = &mut self.telling;
        if telling.has_news() || telling.files != files || is_changed {
            telling.away = self.others.away().cloned().collect();
            telling.files = files;
            telling.hand_on(send);
        }
        if telling.contents.len() > 2 * files + 16 {
            telling.contents.retain(|_, content| now.duration_since(content.heard) < IDLE);
        }
        is_more
    }
}

/// The id of the signature of a message that makes a finding, or ends one.
fn known(line: &[u8], parsed: &Line) -> Option<&'static str> {
    let known = Signatures::known()?.told(parsed.message.of(line), parsed.level)?;
    Some(known.id.as_str())
}

/// What lies among logs and is none says nothing.
fn is_worth_saying(why: &Skipped) -> bool {
    !matches!(why, Skipped::Kind(_) | Skipped::NotAFile(_))
}

/// A question of our own caused the line. Where something is wrong with it, that is no less wrong for it.
fn is_own(line: &[u8], parsed: &Line) -> bool {
    let is_well = parsed.level < Level::Warning && parsed.access.is_none_or(|access| access.status < 500);
    let mut ids = [parsed.request_id, parsed.global_request_id].into_iter();
    is_well && ids.any(|id| Id::is_ours_in(id.of(line)))
}

impl Telling {
    fn has_news(&self) -> bool {
        !self.lines.is_empty() || !self.troubles.is_empty() || !self.new_sources.is_empty()
    }

    fn trouble(&mut self, path: &Path, why: &str) {
        self.troubles.push(Trouble::of_log(format!("{}: {why}", path.display())));
    }

    fn hand_on(&mut self, send: &mut Send<'_>) {
        for content in self.contents.values_mut() {
            content.untimed.clear();
        }
        let lines = std::mem::take(&mut self.lines);
        let (endpoints, requests, own_requests) = self.traffic.take();
        send(Heard {
            first: self.next - lines.len() as u64,
            sources: std::mem::take(&mut self.new_sources),
            lines,
            text: std::mem::take(&mut self.text),
            parse: self.grammar.clone(),
            endpoints,
            requests,
            own_requests,
            troubles: std::mem::take(&mut self.troubles),
            files: self.files,
            away: self.away.clone(),
        });
    }

    fn line(&mut self, piece: &Piece<'_>, now: Instant, clock: Timestamp) {
        let number = self.next;
        if !self.contents.contains_key(&piece.id) {
            let content = self.content(piece, now, clock);
            self.contents.insert(piece.id, content);
        }
        let Some(content) = self.contents.get_mut(&piece.id) else { return };
        let parsed = self.grammar.parse(piece.bytes);
        let replaces = content.last.filter(|_| piece.given > 0);
        let (record, mut is_head) = content.folder.place(piece.bytes, &parsed);
        // The folder counts upwards: a record that has just begun is not looked for.
        let may_be_open = record <= content.newest;
        content.newest = content.newest.max(record);
        let mut open = content.open.iter().rev();
        let above = may_be_open.then(|| open.find(|(known, ..)| *known == record)).flatten().copied();
        let is_late = now.duration_since(content.heard) > TOGETHER;
        // A file that tells no times, or one that goes on after a rest, has records of one line.
        is_head |= above.is_none() || (!parsed.is_head() && (content.before.is_none() || is_late));
        let at = match content.zone.instant(parsed.time, content.before) {
            Some(at) => {
                for untimed in content.untimed.drain(..) {
                    // They stand above this one.
                    if let Some(line) = self.lines.get_mut(untimed) {
                        line.at = at;
                    }
                }
                content.before = Some(at);
                at
            }
            None => match above.filter(|_| !is_head) {
                Some((.., at)) => at,
                None => {
                    if content.before.is_none() {
                        content.untimed.push(self.lines.len());
                    }
                    // What stood there before was written when the file was.
                    let written =
                        if now.duration_since(content.heard).is_zero() { piece.file.written } else { clock };
                    written.min(clock).as_microsecond()
                }
            },
        };
        let told = self.copies.of(piece.file, piece.bytes, &parsed, content.source, number);
        let head = if is_head {
            // A half line's record is the one of the whole; what goes on with a copy, goes on with what was told.
            if above.is_some() || replaces.is_some() {
                content.open.retain(|(known, line, _)| *known != record && Some(*line) != replaces);
            }
            content.open.push_back((record, told.unwrap_or(number), at));
            content.open.drain(..content.open.len().saturating_sub(OPEN));
            number
        } else {
            above.map_or(number, |(_, line, _)| line)
        };
        content.heard = now;
        content.last = told.is_none().then_some(number);
        if told.is_some() {
            return;
        }
        let service = &piece.file.service;
        let is_own = is_own(piece.bytes, &parsed);
        let heard = Access { line: piece.bytes, parsed: &parsed, at, is_again: replaces.is_some(), is_own };
        self.traffic.hear(&mut content.said, service, &heard);
        let start = self.text.len();
        self.text.extend_from_slice(piece.bytes);
        self.lines.push(HeardLine {
            source: content.source,
            text: Span::new(start, self.text.len()),
            length: piece.length,
            at,
            level: parsed.level,
            record: head,
            replaces,
            known: if head == number { known(piece.bytes, &parsed) } else { None },
            is_own,
        });
        self.next += 1;
    }

    fn content(&mut self, piece: &Piece<'_>, now: Instant, clock: Timestamp) -> Content {
        let file = piece.file;
        let path: Text = file.path.to_string_lossy().into();
        let number = self.sources.len() as u32;
        let source = *self.sources.entry(path.clone()).or_insert(number);
        if source == number {
            self.new_sources.push(LogSource { path, host: file.host.clone(), service: file.service.clone() });
        }
        Content {
            source,
            folder: Folder::default(),
            zone: Zone::new(file.zone.clone(), clock),
            before: None,
            open: VecDeque::new(),
            newest: 0,
            last: None,
            heard: now,
            untimed: Vec::new(),
            said: Said::default(),
        }
    }
}

#[cfg(test)]
mod tests;
