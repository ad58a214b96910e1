//! What was heard, and what of it is kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use super::elsewhere::{Asked, Heard, State};
use super::{Kept, Limits, Message, Progress, Record, Told};
use crate::model::Text;
use crate::source::log::files::LogFile;
use crate::source::log::zone::Zone;
use crate::trace::{Id, Subject, Trace, order};

pub(super) struct Book<'a> {
    /// Those of this host.
    pub files: &'a [LogFile],
    pub told: Told,
    trace: &'a mut Trace,
    say: &'a mut dyn FnMut(Progress),
    limits: Limits,
    /// Of all files, as they are counted.
    zones: Vec<Zone>,
    /// Bytes of the first pass.
    done: u64,
    of: u64,
    /// Of each file the lines of what is kept: where they begin, and how long they are.
    kept: HashMap<usize, BTreeMap<u64, u32>>,
    /// Left out so far; one whose id was adopted since comes again.
    out: HashSet<(usize, u64)>,
    size: usize,
    hosts: Vec<HostBook>,
    /// Files of other hosts, by whose they are and which they are there: one has many names.
    elsewhere: HashMap<(Text, (u64, u64)), usize>,
    /// Ids that were found so far.
    ids: usize,
    begun: Instant,
}

/// What is known of another host.
struct HostBook {
    name: Text,
    state: Option<State>,
    /// The file that it speaks of.
    file: Option<usize>,
}

impl<'a> Book<'a> {
    /// `covered`: bytes of these files that the index knows.
    pub fn new(
        files: &'a [LogFile],
        covered: u64,
        hosts: &[Asked],
        limits: Limits,
        trace: &'a mut Trace,
        say: &'a mut dyn FnMut(Progress),
    ) -> Self {
        let host = |asked: &Asked| HostBook { name: asked.host.name().clone(), state: None, file: None };
        Self {
            files,
            told: Told::default(),
            trace,
            say,
            limits,
            zones: files.iter().map(|file| Zone::new(file.zone.clone(), file.written)).collect(),
            done: covered,
            of: files.iter().map(|file| file.size).sum(),
            kept: HashMap::new(),
            out: HashSet::new(),
            size: 0,
            hosts: hosts.iter().map(host).collect(),
            elsewhere: HashMap::new(),
            ids: 0,
            begun: Instant::now(),
        }
    }

    pub fn subject(&self) -> Subject {
        self.trace.subject()
    }

    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Ids that were found since.
    pub fn fresh(&mut self) -> Vec<Id> {
        let fresh = self.trace.fresh();
        self.ids += fresh.len();
        fresh
    }

    /// Whether a host still owes an answer.
    pub fn is_waiting(&self) -> bool {
        self.hosts.iter().any(|host| match host.state {
            None => true,
            Some(State::Upto(ids)) => ids < self.ids,
            Some(State::Failed(_)) => false,
        })
    }

    /// What stands at this place is kept already.
    pub fn holds(&self, file: usize, place: u64) -> bool {
        let line = self.kept.get(&file).and_then(|lines| lines.range(..=place).next_back());
        line.is_some_and(|(at, length)| place - at < u64::from(*length))
    }

    /// The files of this host were gone through once more.
    pub fn went_through(&mut self) {
        self.told.worked = self.begun.elapsed();
    }

    /// Hosts that have not been heard yet.
    pub fn say_who_is_waited_for(&mut self) {
        let unheard = self.hosts.iter().filter(|host| host.state.is_none()).count();
        (self.say)(Progress::Waiting(unheard));
    }

    /// So many bytes of the first pass are done.
    pub fn read(&mut self, share: u64) {
        // What turned out to be damaged was counted as covered.
        self.done = (self.done + share).min(self.of);
        (self.say)(Progress::Read { done: self.done, of: self.of });
    }

    pub fn hear(&mut self, message: Message) {
        match message {
            Message::Found { file, records } => {
                records.into_iter().for_each(|record| self.record(file, record));
            }
            Message::Done { file, scanned, .. } => {
                self.told.bytes += scanned.bytes;
                if let (Some(why), Some(file)) = (scanned.trouble, self.files.get(file)) {
                    self.trouble(file, why);
                }
            }
            Message::Ended => {}
            Message::Elsewhere { host, heard } => self.elsewhere(host, heard),
            Message::Asked { host, state } => {
                match &state {
                    State::Upto(_) => self.told.worked = self.begun.elapsed(),
                    State::Failed(trouble) => self.told.failed.push((host, trouble.clone())),
                }
                if let Some(host) = self.hosts.get_mut(host) {
                    host.state = Some(state);
                }
                self.say_who_is_waited_for();
            }
            Message::Trouble(trouble) => {
                if !self.told.troubles.contains(&trouble) {
                    self.told.troubles.push(trouble);
                }
            }
        }
    }

    fn elsewhere(&mut self, host: usize, heard: Heard) {
        let Some(at) = self.hosts.get_mut(host) else { return };
        match heard {
            Heard::Clock(clock) => {
                if !self.told.clocks.iter().any(|(name, _)| *name == at.name) {
                    self.told.clocks.push((at.name.clone(), clock));
                }
            }
            Heard::File(file) => {
                let next = self.files.len() + self.told.elsewhere.len();
                let number = *self.elsewhere.entry((at.name.clone(), file.identity)).or_insert(next);
                at.file = Some(number);
                if number == next {
                    self.zones.push(Zone::new(file.zone.clone(), file.written));
                    (self.say)(Progress::File(&file));
                    self.told.elsewhere.push(file);
                }
            }
            Heard::Record(record) => {
                if let Some(file) = at.file {
                    self.record(file, record);
                }
            }
        }
    }

    fn record(&mut self, file: usize, record: Record) {
        let place = (file, record.offset());
        let kept = self.kept.entry(file).or_default();
        if kept.contains_key(&place.1) {
            return;
        }
        let was_out = self.out.contains(&place);
        match self.trace.hear(&record.head, &record.parsed, &record.rest, was_out) {
            None => {}
            Some(Err(_)) => {
                self.out.insert(place);
            }
            Some(Ok(reason)) => {
                let size = record.head.len() + record.rest.len();
                if self.told.records.len() >= self.limits.records || self.size + size > self.limits.bytes {
                    self.told.dropped += 1;
                    // Another id may lead to it once more.
                    kept.extend(record.lines.first().copied());
                    return;
                }
                self.size += size;
                self.out.remove(&place);
                kept.extend(record.lines.iter().copied());
                let at = self.zones.get_mut(file).and_then(|zone| zone.instant(record.parsed.time, None));
                let kept = Kept { file, at, reason, record };
                (self.say)(Progress::Kept(&kept));
                self.told.records.push(kept);
            }
        }
    }

    fn trouble(&mut self, file: &LogFile, why: String) {
        let known = self.told.trouble.iter().any(|(path, said)| *path == file.path && *said == why);
        if !known {
            self.told.trouble.push((file.path.clone(), why));
        }
    }

    pub fn finish(mut self, was_cancelled: bool) -> Told {
        order(&mut self.told.records, |kept| (kept.at, kept.file, kept.record.offset()));
        self.told.was_cancelled = was_cancelled;
        self.told
    }
}
