//! Which lines belong to an instance, and why. Pure: whoever reads files asks [`Trace::hear`].
//!
//! From the UUID by closure to the requests that were made for it, and from those to what other services did
//! under them. The naive closure is wrong: of 89 request ids on lines that name one instance of a real cloud, 72
//! stood on lines that name others, too, since a dashboard polled all of them. So ([`lend`]) only some lines lend
//! their ids, and only if they carry a user: a service's own work has one request id for everything it does.
//!
//! Two levels. The first are the ids of the requests themselves, nova's own and the global one of whoever asked
//! nova: other services write them in the global place. The second are the ids under which those services
//! themselves work for it; they are followed, and lend none. Lines of siblings that share a request (`--max 50`,
//! neutron's events come by the handful) are kept and said to be theirs.

mod account;
mod belongings;
pub mod compare;
mod id;
mod lend;
mod no_host;
mod reason;
pub mod story;

use std::collections::HashMap;

pub use account::{Account, Answer, Clock, Entry, NEWLINE, first_line, seconds, words};
pub use belongings::{Belongings, Fact};
pub use id::Id;
pub use no_host::{Filter, NoHost};
pub use reason::{LeftOut, Reason};

use crate::model::Line;

/// Lines that one id may bring. A deploy gives a thousand instances one global id, and their lines would bury
/// those of the one that is asked about.
pub const LINES_OF_ONE_ID: usize = 5_000;
/// Ids that are followed: a request of every minute for a day.
pub const IDS: usize = 2_000;
/// Ids of other services' parts that are followed besides. With one bound for both it would be chance, whichever file is
/// read first, which of a thousand requests are told whole.
const PARTS: usize = 3 * IDS;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Instance(Id),
    Request(Id),
}

impl Subject {
    /// A UUID is an instance's, `req-…` a request's.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_prefix(b"req-") {
            Some(rest) => Id::parse(rest).map(Self::Request),
            None => Id::parse(text).map(Self::Instance),
        }
    }

    /// As it is written, and parsed again.
    pub fn text(self) -> String {
        match self {
            Self::Instance(id) => id.to_string(),
            Self::Request(id) => format!("req-{id}"),
        }
    }

    pub fn id(self) -> Id {
        match self {
            Self::Instance(id) | Self::Request(id) => id,
        }
    }
}

/// How near to the subject an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// The request itself, or the global id that it came with.
    Request,
    /// What another service calls its part of it.
    Part,
}

/// An id that is followed.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    pub nearness: Nearness,
    /// Lines that it brought.
    pub lines: usize,
    /// Lines that it would have brought, had there been room.
    pub cut: usize,
}

/// What was left out, and what was not followed: said, never left out in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Omitted {
    /// Records that name the instance because somebody looked at many.
    pub lookers: usize,
    /// Records that our own questions caused.
    pub ours: usize,
    /// Records of ids that brought too many.
    pub crowd: usize,
    /// Ids that were not followed, since there were too many.
    pub ids: usize,
    /// Records that stand in another file, too.
    pub copies: usize,
}

/// What is known of the lines heard so far.
pub struct Trace {
    subject: Subject,
    text: [u8; 36],
    followed: HashMap<Id, Followed>,
    /// How many of each nearness were taken up.
    requests: usize,
    parts: usize,
    fresh: Vec<Id>,
    omitted: Omitted,
}

impl Trace {
    pub fn new(subject: Subject) -> Self {
        let mut trace = Self {
            subject,
            text: subject.id().text(),
            followed: HashMap::new(),
            requests: 0,
            parts: 0,
            fresh: Vec::new(),
            omitted: Omitted::default(),
        };
        if let Subject::Request(id) = subject {
            trace.follow(id, Nearness::Request);
        }
        trace
    }

    /// Requests that nova's API names for it (`GET /servers/{id}/os-instance-actions`): the exact start.
    pub fn with_requests(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        for id in ids {
            self.follow(id, Nearness::Request);
        }
        self
    }

    pub fn subject(&self) -> Subject {
        self.subject
    }

    pub fn followed(&self) -> impl Iterator<Item = (Id, &Followed)> {
        self.followed.iter().map(|(id, followed)| (*id, followed))
    }

    pub fn omitted(&self) -> Omitted {
        self.omitted
    }

    /// Ids that lines have to be looked for by, and have not yet been.
    pub fn fresh(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.fresh)
    }

    /// A record: its first line, in parts, and the lines that go on with it. Says why it belongs, or why not;
    /// `None` when it has nothing to do with the subject. To be called once for a record, or `again` for one that
    /// was left out: an id that was adopted since may have made it part of the story.
    pub fn hear(
        &mut self,
        line: &[u8],
        parsed: &Line,
        rest: &[u8],
        again: bool,
    ) -> Option<Result<Reason, LeftOut>> {
        let verdict = self.judge(line, parsed, rest);
        let counter = match verdict {
            Some(Err(LeftOut::Look)) => &mut self.omitted.lookers,
            Some(Err(LeftOut::Ours)) => &mut self.omitted.ours,
            Some(Err(LeftOut::Crowd(_))) => &mut self.omitted.crowd,
            Some(Ok(_)) if again => {
                self.omitted.lookers = self.omitted.lookers.saturating_sub(1);
                return verdict;
            }
            _ => return verdict,
        };
        *counter += usize::from(!again);
        verdict
    }

    fn judge(&mut self, line: &[u8], parsed: &Line, rest: &[u8]) -> Option<Result<Reason, LeftOut>> {
        if lend::is_under_a_stale_id(line, parsed) {
            return None;
        }
        let [local, global] = [parsed.request_id, parsed.global_request_id].map(|span| Id::of(span.of(line)));
        let nearness = |id: &Id| self.followed.get(id).map(|followed| (followed.nearness, *id));
        let is_ours = [local, global].into_iter().flatten().any(Id::is_ours);
        let finder = memchr::memmem::Finder::new(&self.text);
        let names = finder.find(line).is_some() || finder.find(rest).is_some();
        let known = [local, global].iter().flatten().filter_map(nearness).min().map(|(_, id)| id);
        if is_ours && (names || known.is_some()) {
            return Some(Err(LeftOut::Ours));
        }
        let lent = if self.is_instance() { lend::ids(line, parsed, &self.text) } else { [None; 2] };
        for id in lent.into_iter().flatten() {
            self.follow(id, Nearness::Request);
        }
        if let (Some(global), Some(local)) = (global, local)
            && parsed.has_user()
            && self.followed.get(&global).is_some_and(|id| id.nearness == Nearness::Request)
        {
            self.follow(local, Nearness::Part);
        }
        let known = known.or(lent.into_iter().flatten().next());
        let is_of_another = self.is_instance() && lend::is_of_another(line, parsed, &self.text);
        match (names, known) {
            (true, Some(id)) => self.bring(id, Reason::Request(id), true),
            (true, None) if lend::is_look(line, parsed, &self.text) => Some(Err(LeftOut::Look)),
            (true, None) => Some(Ok(Reason::Names)),
            (false, Some(id)) if is_of_another => self.bring(id, Reason::Sibling(id), false),
            (false, Some(id)) => self.bring(id, self.reason(id), false),
            (false, None) => {
                let id = mentioned(line, &self.followed)?;
                self.bring(id, if is_of_another { Reason::Sibling(id) } else { Reason::Mentions(id) }, false)
            }
        }
    }

    fn is_instance(&self) -> bool {
        matches!(self.subject, Subject::Instance(_))
    }

    fn reason(&self, id: Id) -> Reason {
        match self.followed.get(&id).map(|followed| followed.nearness) {
            Some(Nearness::Part) => Reason::Part(id),
            _ => Reason::Request(id),
        }
    }

    /// Counts a line for the id that brought it. One that names the subject is never one too many.
    fn bring(&mut self, id: Id, reason: Reason, always: bool) -> Option<Result<Reason, LeftOut>> {
        let followed = self.followed.get_mut(&id)?;
        if followed.lines >= LINES_OF_ONE_ID && !always {
            followed.cut += 1;
            return Some(Err(LeftOut::Crowd(id)));
        }
        followed.lines += 1;
        Some(Ok(reason))
    }

    fn follow(&mut self, id: Id, nearness: Nearness) {
        if let Some(known) = self.followed.get_mut(&id) {
            known.nearness = known.nearness.min(nearness);
            return;
        }
        if id.is_ours() || id == self.subject.id() && self.is_instance() {
            return;
        }
        let (count, most) = match nearness {
            Nearness::Request => (&mut self.requests, IDS),
            Nearness::Part => (&mut self.parts, PARTS),
        };
        if *count >= most {
            self.omitted.ids += 1;
            return;
        }
        *count += 1;
        self.followed.insert(id, Followed { nearness, lines: 0, cut: 0 });
        self.fresh.push(id);
    }
}

/// A followed id that stands in the line's words: `Nova event matching ['req-…']`.
fn mentioned(line: &[u8], followed: &HashMap<Id, Followed>) -> Option<Id> {
    let at = memchr::memmem::find_iter(line, b"req-");
    at.filter_map(|at| Id::of(line.get(at..at + 40)?)).find(|id| followed.contains_key(id))
}

/// The order of a story: by time, then as the lines stand in their files. What has no time comes first.
pub fn order<T>(records: &mut [T], key: impl Fn(&T) -> (Option<i64>, usize, u64)) {
    records.sort_by_key(key);
}

#[cfg(test)]
mod tests;
