//! The history: what became of the cloud's figures, in a file of its own for each cloud, region and project.
//!
//! One plain interface: [`Series`](crate::model::Series) by name and labels. A thread writes what it is given each
//! minute ([`History::record`]); whoever asks ([`History::courses`]) opens the file and reads, while that goes on. Fine
//! points become coarse ones with age (`rollup`): minutes for two days, hours for as long as the settings say, days for
//! two years; what is too much in all goes by age, the finest first (`bound`).
//!
//! **Never in the way.** Nobody waits for the disk: what the thread cannot take is dropped, counted and said. A full
//! disk is said once, and tried again with each minute. A damaged file is set aside. SQLite's write-ahead log makes
//! every minute whole or not there, however the process ends. Of several stackwatches one writes, which a lock tells;
//! the others read, and one of them takes its place when it ends.

mod archive;
mod bound;
mod code;
mod database;
mod fault;
mod keeper;
mod rollup;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use archive::Archive;
pub use archive::Entry;
use fault::Fault;
use keeper::Keeper;

use crate::model::{Batch, Course, Trouble, Wish};

/// Batches that may wait for the disk: minutes.
const WAITING: usize = 4;
/// So long the end of the program waits for what is being written.
const END: Duration = Duration::from_millis(500);

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all on disk.
    pub bytes: u64,
    /// How long hours are kept.
    pub keep: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 200 << 20, keep: Duration::from_secs(90 * 86_400) }
    }
}

/// The history of one cloud; clones share it. When the last one goes, what was given is written, and the file closed.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// None where it is read only.
    to: Option<SyncSender<Message>>,
    state: Arc<Mutex<State>>,
    /// Batches that nobody took.
    lost: AtomicU64,
}

enum Message {
    Batch(Batch),
    /// A reader has found it damaged.
    Suspect,
    Finish(SyncSender<()>),
}

/// How it stands with the writing.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    fault: Option<Fault>,
    /// Another stackwatch writes.
    is_elsewhere: bool,
    /// What was set aside, in words.
    notes: Vec<String>,
    /// What was let go of because it was too much.
    dropped: Option<String>,
    /// Batches that could not be written.
    lost: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves it whole: a panic elsewhere damages nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file of one cloud in the directory. `scope` is what tells it from all others: the URL of its keystone, the
/// region, the project. None of them stands in the name but the host.
pub fn file(directory: &Path, host: &str, scope: &[&str]) -> PathBuf {
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).take(80).collect();
    // FNV-1a, which is the same in every version; a zero byte stands in none of them.
    let bytes = scope.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    directory.join(format!("{host}-{hash:016x}.db"))
}

impl History {
    /// Begins to write into this file, on a thread of its own. What is wrong with it is said by [`History::standing`].
    pub fn start(path: PathBuf, limits: Limits) -> Self {
        let (to, from) = mpsc::sync_channel(WAITING);
        let state = Arc::new(Mutex::new(State::default()));
        let keeper = Keeper::new(path.clone(), limits, state.clone());
        let started = thread::Builder::new().name("history".to_owned()).spawn(move || keeper.work(&from));
        if let Err(error) = started {
            lock(&state).fault = Some(Fault::from(error));
        }
        Self(Arc::new(Inner { path, to: Some(to), state, lost: AtomicU64::new(0) }))
    }

    /// The file as it lies there, to be asked only.
    pub fn read(path: PathBuf) -> Self {
        Self(Arc::new(Inner { path, to: None, state: Arc::default(), lost: AtomicU64::new(0) }))
    }

    /// Gives a minute to be written. Never waits: what cannot be taken is dropped and counted.
    pub fn record(&self, batch: Batch) {
        let Some(to) = &self.0.to else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = to.try_send(Message::Batch(batch))
        {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives a minute to be written, and waits until it can be taken: for who has no keys to hear.
    pub fn give(&self, batch: Batch) {
        if let Some(to) = &self.0.to
            && to.send(Message::Batch(batch)).is_err()
        {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of a series, read from the file: that may take some milliseconds. `now` in seconds since 1970.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn courses(&self, wish: &Wish, now: i64) -> Result<Vec<Course>, Trouble> {
        self.ask(|archive| archive.courses(wish, now))
    }

    /// All lines of all series that were ever recorded and are still known.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, Trouble> {
        self.ask(Archive::entries)
    }

    fn ask<T: Default>(&self, question: impl FnOnce(&Archive) -> Result<T, Fault>) -> Result<T, Trouble> {
        let answer = Archive::open(&self.0.path)
            .and_then(|archive| archive.map_or_else(|| Ok(T::default()), |archive| question(&archive)));
        answer.map_err(|fault| {
            if let (Fault::Damaged(_), Some(to)) = (&fault, &self.0.to) {
                // Where it is busy it will see for itself.
                let _ = to.try_send(Message::Suspect);
            }
            fault.trouble(&self.0.path)
        })
    }

    /// Why nothing is written, where that is so.
    pub fn trouble(&self) -> Option<Trouble> {
        lock(&self.0.state).fault.as_ref().map(|fault| fault.trouble(&self.0.path))
    }

    /// What else is to be said of it, each in a sentence: who writes, what was set aside, let go of, lost.
    pub fn notes(&self) -> Vec<String> {
        let state = lock(&self.0.state).clone();
        let mut notes = state.notes;
        if state.is_elsewhere {
            notes.push("another stackwatch records this cloud: this one only reads".to_owned());
        }
        notes.extend(state.dropped.map(|words| format!("let go of {words}")));
        let lost = state.lost + self.0.lost.load(Ordering::Relaxed);
        if lost > 0 {
            notes.push(format!("{lost} min could not be recorded since the start"));
        }
        notes
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Waits until what was given is written, and the file closed; not for long. Nothing is written afterwards.
    pub fn finish(&self) {
        // What is not done by then is written up to some minute: the next start looks whether it is whole.
        self.finish_within(END);
    }

    fn finish_within(&self, patience: Duration) {
        let Some(to) = &self.0.to else { return };
        let begun = Instant::now();
        let (done, is_done) = mpsc::sync_channel(1);
        let mut message = Message::Finish(done);
        while let Err(TrySendError::Full(back)) = to.try_send(message) {
            if begun.elapsed() >= patience {
                return;
            }
            message = back;
            thread::sleep(Duration::from_millis(5));
        }
        // Nobody answers where it has ended before.
        let _ = is_done.recv_timeout(patience.saturating_sub(begun.elapsed()));
    }
}

#[cfg(test)]
mod tests;
