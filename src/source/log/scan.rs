//! Tracing through files.
//!
//! One pass over everything for the UUID; it notes on its way which request ids stand where ([`note`]), so that those
//! which the found lines lend are then looked for only there, to the fixed point. What the index covers that tailing
//! leaves behind ([`super::index`]) is looked into in both only where something may be ([`plan`]). Of packed files the
//! notes and what was found stay for the next trace ([`packs`]). What belongs is [`crate::trace`]'s to say, as records
//! come; they are handed on at once, and put in order at the end. Files are read block by block, never mapped: one that is truncated while it is read is no fault, it
//! merely ends. Two threads at most: the machine has other work. Other hosts look through their own files meanwhile
//! ([`elsewhere`]): what they find is heard like what is found here.

mod around;
mod book;
pub mod elsewhere;
mod note;
mod packs;
mod plan;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use tokio::sync::watch;

use crate::model::{Text, Trouble};
use crate::trace::{Id, Reason, Trace};

use self::book::Book;
use self::elsewhere::{Asking, Clock, Elsewhere, State};
use self::plan::{Job, Jobs, Plan, Work};
use self::worker::{Hands, Needle, Scanned, Worker};
use super::files::LogFile;
use super::grammar::Grammar;
use super::index::Index;

pub use around::Record;
pub use packs::Packs;

/// Memory for notes: enough for 11 GiB of logs. Blocks without a note are looked through again.
const NOTES: usize = 256 << 20;
/// Times that newly adopted ids are looked for. Two levels need three; hosts that answer one after the other may need
/// as many each.
const ROUNDS: usize = 6;
/// It is looked whether the trace was cancelled this often, where only other hosts are waited for.
const LOOK: Duration = Duration::from_millis(50);

/// How much is done and kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub threads: usize,
    /// Records kept, and their bytes.
    pub records: usize,
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 2, records: 100_000, bytes: 256 << 20 }
    }
}

/// A record that belongs, and why.
#[derive(Clone, Debug)]
pub struct Kept {
    /// In the list of files; those of other hosts are counted behind it.
    pub file: usize,
    /// Microseconds since 1970, UTC.
    pub at: Option<i64>,
    pub reason: Reason,
    pub record: Record,
}

/// What is said while it goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A record that belongs, as soon as that is known: in no order.
    Kept(&'a Kept),
    /// Bytes of the first pass that are done, of how many, packed ones as they lie there.
    Read { done: u64, of: u64 },
    /// A file of another host, the next in the list.
    File(&'a LogFile),
    /// So many other hosts have not been heard yet. Said again and again while only they are waited for.
    Waiting(usize),
}

/// All of it.
#[derive(Debug, Default)]
pub struct Told {
    /// By time, then as they stand in the files.
    pub records: Vec<Kept>,
    /// Files that could not be read to their end, and why.
    pub trouble: Vec<(PathBuf, String)>,
    /// Files of other hosts, which are counted behind the list of those here.
    pub elsewhere: Vec<LogFile>,
    /// What other hosts could not tell.
    pub troubles: Vec<Trouble>,
    /// Which of them will not be asked again, and why.
    pub failed: Vec<(usize, Trouble)>,
    /// The clocks of those that were heard.
    pub clocks: Vec<(Text, Clock)>,
    /// Bytes that were looked at here, unpacked, in all passes.
    pub bytes: u64,
    pub rounds: usize,
    /// There was more than the limits allow: so many records were let go.
    pub dropped: usize,
    /// There were still ids to look for when the rounds were over.
    pub unfinished: usize,
    pub was_cancelled: bool,
    /// How long it took, but for waiting for hosts that failed.
    pub worked: Duration,
}

enum Message {
    Found {
        file: usize,
        records: Vec<Record>,
    },
    Done {
        file: usize,
        job: usize,
        scanned: Scanned,
    },
    /// A thread over files has ended.
    Ended,
    Elsewhere {
        host: usize,
        heard: elsewhere::Heard,
    },
    Asked {
        host: usize,
        state: State,
    },
    Trouble(Trouble),
}

/// Traces what `trace` is about through the files of this host.
pub fn run(
    files: &[LogFile],
    grammar: &Grammar,
    trace: &mut Trace,
    limits: Limits,
    cancelled: &AtomicBool,
    say: &mut dyn FnMut(Progress),
) -> Told {
    everywhere(files, Beside::default(), grammar, trace, limits, cancelled, say)
}

/// What there is beside the files of this host.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    pub others: Option<&'a Elsewhere>,
    pub index: Option<&'a Index>,
    /// What earlier traces have found out about packed files.
    pub packs: Option<&'a Packs>,
}

/// Traces what `trace` is about through the files of this host, and through those of others.
pub fn everywhere(
    files: &[LogFile],
    beside: Beside,
    grammar: &Grammar,
    trace: &mut Trace,
    limits: Limits,
    cancelled: &AtomicBool,
    say: &mut dyn FnMut(Progress),
) -> Told {
    let Beside { others, index, packs } = beside;
    let (sender, receiver) = mpsc::sync_channel(64);
    let (wishes, wished) = watch::channel(Vec::new());
    let hosts = others.map_or(&[][..], |others| &others.hosts);
    let plan = Plan::new(files, index, packs.cloned().unwrap_or_default());
    let book = Book::new(files, plan.covered(), hosts, limits, trace, say);
    // What is moved in goes where this is left, however it is: then those who send to us, or wait for us, end.
    std::thread::scope(move |scope| {
        if let Some(others) = others.filter(|others| !others.hosts.is_empty()) {
            let asking = Asking { subject: book.subject(), grammar, cancelled, sender: sender.clone() };
            scope.spawn(move || others.ask(&asking, wished));
        }
        let room = AtomicUsize::new(NOTES);
        Search { plan, grammar, limits, cancelled, room, sender, receiver, wishes, book }.run()
    })
}

/// The loop over rounds.
struct Search<'a> {
    plan: Plan<'a>,
    grammar: &'a Grammar,
    limits: Limits,
    cancelled: &'a AtomicBool,
    /// Bytes that there are left for notes.
    room: AtomicUsize,
    sender: SyncSender<Message>,
    receiver: Receiver<Message>,
    wishes: watch::Sender<Vec<Id>>,
    book: Book<'a>,
}

impl Search<'_> {
    fn run(mut self) -> Told {
        // What the API has named is known from the start.
        let mut sought = self.fresh();
        let mut needle = Needle::subject(self.book.subject().id());
        let most = ROUNDS * (1 + self.book.hosts());
        loop {
            self.round(&needle);
            self.book.went_through();
            sought.extend(self.fresh());
            while sought.is_empty() && self.book.is_waiting() && !self.is_cancelled() {
                match self.receiver.recv_timeout(LOOK) {
                    Ok(message) => self.book.hear(message),
                    Err(RecvTimeoutError::Timeout) => self.book.say_who_is_waited_for(),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                sought.extend(self.fresh());
            }
            if sought.is_empty() || self.is_cancelled() {
                break;
            }
            self.book.told.rounds += 1;
            if self.book.told.rounds > most {
                self.book.told.unfinished = sought.len();
                break;
            }
            needle = Needle::ids(&sought);
            sought.clear();
        }
        let was_cancelled = self.is_cancelled();
        self.plan.keep();
        self.book.finish(was_cancelled)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Ids that nobody has been asked for yet; other hosts are, by this.
    fn fresh(&mut self) -> Vec<Id> {
        let fresh = self.book.fresh();
        if !fresh.is_empty() {
            self.wishes.send_modify(|ids| ids.extend(&fresh));
        }
        fresh
    }

    /// One pass over the files of this host.
    fn round(&mut self, needle: &Needle) {
        let Self { plan, grammar, limits, cancelled, room, sender, receiver, book, .. } = self;
        let Jobs { jobs, told } = plan.jobs(needle, &|file, place| book.holds(file, place));
        for (file, record) in told {
            book.hear(Message::Found { file, records: vec![(*record).clone()] });
        }
        let is_first = matches!(needle, Needle::Subject(..));
        let round = Round { files: book.files, jobs: &jobs, grammar, needle, cancelled, room };
        round.run(limits.threads, sender, receiver, &mut |mut message| {
            match &mut message {
                Message::Done { file, job, scanned } => {
                    plan.noted(*file, scanned);
                    if is_first {
                        book.read(jobs.get(*job).map_or(0, |job| job.share));
                    }
                }
                Message::Found { file, records } => plan.found(*file, records),
                _ => {}
            }
            book.hear(message);
        });
    }
}

/// Says that a thread has ended, however it has.
struct Ended(SyncSender<Message>);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.send(Message::Ended);
    }
}

/// Those that are at work over files, and what is heard meanwhile.
struct Threads<'a> {
    receiver: &'a Receiver<Message>,
    at_work: usize,
}

impl Threads<'_> {
    /// None once all have ended.
    fn next(&mut self) -> Option<Message> {
        while self.at_work > 0 {
            match self.receiver.recv() {
                Ok(Message::Ended) => self.at_work -= 1,
                Ok(message) => return Some(message),
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Threads<'_> {
    /// Whoever waits for room to speak must not wait for ever where nobody listens any more.
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

/// One pass of all threads over all jobs.
struct Round<'a> {
    files: &'a [LogFile],
    jobs: &'a [Job],
    grammar: &'a Grammar,
    needle: &'a Needle,
    cancelled: &'a AtomicBool,
    room: &'a AtomicUsize,
}

impl Round<'_> {
    /// Until all its threads have ended. Others may speak meanwhile.
    fn run(
        &self,
        threads: usize,
        sender: &SyncSender<Message>,
        receiver: &Receiver<Message>,
        hear: &mut dyn FnMut(Message),
    ) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let mut threads = Threads { receiver, at_work: threads.max(1) };
            for _ in 0..threads.at_work {
                let end = Ended(sender.clone());
                let next = &next;
                scope.spawn(move || self.work(next, &end.0));
            }
            while let Some(message) = threads.next() {
                hear(message);
            }
        });
    }

    fn work(&self, next: &AtomicUsize, sender: &SyncSender<Message>) {
        let mut hands = Hands::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(number) else { return };
            if self.cancelled.load(Ordering::Relaxed) {
                return;
            }
            let mut found = |records| {
                // Nobody listens any more only when the listener has panicked.
                let _ = sender.send(Message::Found { file: job.file, records });
            };
            let mut worker = Worker {
                grammar: self.grammar,
                needle: self.needle,
                cancelled: self.cancelled,
                room: self.room,
                found: &mut found,
                batch: Vec::new(),
                hands: &mut hands,
            };
            let file = &self.files[job.file];
            let scanned = match &job.work {
                Work::Parts(parts) => worker.plain(file, parts),
                Work::Noted(places) => worker.noted(file, places),
                Work::Packed(blocks) => worker.packed(file, blocks.as_deref()),
            };
            let _ = sender.send(Message::Done { file: job.file, job: number, scanned });
        }
    }
}

#[cfg(test)]
mod tests;
