//! The thread that writes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::database::{Database, Right, set_aside};
use super::fault::Fault;
use super::rollup::{DAY, HOUR};
use super::{Limits, Message, State, lock};
use crate::model::{Batch, Labels, Pace};

/// Minutes between two looks at how large the file is.
const LOOK: u32 = 60;

pub(super) struct Keeper {
    path: PathBuf,
    limits: Limits,
    state: Arc<Mutex<State>>,
    /// The right to write, once it was had; it is held until the end.
    right: Option<Right>,
    database: Option<Database>,
    /// The lines that were written, by series.
    known: HashMap<&'static str, HashMap<Labels, Known>>,
    /// The day that is under way.
    day: Option<i64>,
    /// Batches until the next look at the size.
    look: u32,
}

/// A line that was written.
struct Known {
    number: i64,
    /// The hour in which it was written last, and what.
    last: Option<(i64, f64)>,
}

impl Keeper {
    pub fn new(path: PathBuf, limits: Limits, state: Arc<Mutex<State>>) -> Self {
        Self { path, limits, state, right: None, database: None, known: HashMap::new(), day: None, look: 0 }
    }

    /// Writes what comes until nobody can send any more.
    pub fn work(mut self, from: &Receiver<Message>) {
        let opened = self.open().map(drop);
        self.say(&opened);
        while let Ok(message) = from.recv() {
            match message {
                Message::Batch(batch) => {
                    let mut written = self.put(&batch);
                    if matches!(written, Err(Fault::Damaged(_))) {
                        written = self.begin_anew().and_then(|()| self.put(&batch));
                    }
                    self.say(&written);
                    if written.is_err() {
                        lock(&self.state).lost += 1;
                    }
                }
                Message::Suspect => {
                    // What this thread still holds of it may well be whole: it is opened, and so looked through, again.
                    self.database = None;
                    let opened = self.open().map(drop);
                    self.say(&opened);
                }
                Message::Finish(done) => {
                    self.close();
                    // Who asked may have gone meanwhile.
                    let _ = done.send(());
                    return;
                }
            }
        }
        self.close();
    }

    /// What came of it, once for each change.
    fn say(&self, outcome: &Result<(), Fault>) {
        let mut state = lock(&self.state);
        let fault = outcome.as_ref().err().cloned();
        if fault != state.fault {
            if let Some(fault) = &fault {
                let trouble = fault.trouble(&self.path);
                tracing::warn!("history: {}; {}", trouble.message, trouble.next_step);
            }
            state.fault = fault;
        }
    }

    /// Whether it is open, and ours to write. A damaged one is set aside.
    fn open(&mut self) -> Result<bool, Fault> {
        if self.database.is_some() {
            return Ok(true);
        }
        if self.right.is_none() {
            self.right = Right::take(&self.path)?;
            lock(&self.state).is_elsewhere = self.right.is_none();
        }
        if self.right.is_none() {
            return Ok(false);
        }
        match Database::open(&self.path) {
            Ok(database) => self.database = Some(database),
            Err(Fault::Damaged(why)) => {
                self.database = None;
                self.aside(&why)?;
                self.database = Some(Database::open(&self.path)?);
            }
            Err(other) => return Err(other),
        }
        lock(&self.state).dropped = self.database.as_ref().and_then(|file| file.about("dropped").ok()?);
        (self.day, self.look) = (None, 0);
        self.known.clear();
        Ok(true)
    }

    fn begin_anew(&mut self) -> Result<(), Fault> {
        self.database = None;
        self.aside("found while it was used")?;
        self.open().map(drop)
    }

    fn aside(&self, why: &str) -> Result<(), Fault> {
        let aside = set_aside(&self.path, Timestamp::now())?;
        let words = format!(
            "the history was damaged ({why}): it lies in {} now, and a new one was begun; look at the disk",
            aside.display()
        );
        tracing::warn!("{words}");
        lock(&self.state).notes.push(words);
        Ok(())
    }

    fn put(&mut self, batch: &Batch) -> Result<(), Fault> {
        if !self.open()? {
            return Ok(());
        }
        let Some(database) = &mut self.database else { return Ok(()) };
        let day = batch.at.div_euclid(DAY);
        if self.day != Some(day) {
            database.fold(batch.at)?;
            database.age(&self.limits, batch.at)?;
            self.known.clear();
            self.day = Some(day);
            self.look = 0;
        }
        if self.look == 0 {
            self.look = LOOK;
            if let Some(gone) = database.fit(&self.limits)? {
                let words = format!("{gone}: more than {} MiB", self.limits.bytes >> 20);
                tracing::info!("history: let go of {words}");
                database.say("dropped", &words)?;
                lock(&self.state).dropped = Some(words);
            }
        }
        self.look -= 1;
        let written = hear(database, &mut self.known, batch);
        if written.is_err() {
            // What was thought to be written may not be.
            self.known.clear();
        }
        written
    }

    fn close(&mut self) {
        if let Some(database) = self.database.take()
            && let Err(fault) = database.close()
        {
            // The next start looks whether it is whole.
            tracing::info!("history: {}", fault.trouble(&self.path).message);
        }
        // Whoever waits for the end may take our place.
        self.right = None;
    }
}

/// Writes what is due of a batch, whole or not at all.
fn hear(
    database: &mut Database,
    known: &mut HashMap<&'static str, HashMap<Labels, Known>>,
    batch: &Batch,
) -> Result<(), Fault> {
    let hour = batch.at.div_euclid(HOUR);
    let mut due = Vec::with_capacity(batch.samples.len());
    database.connection.execute_batch("BEGIN IMMEDIATE")?;
    let written = (|| {
        for sample in batch.samples.iter().filter(|sample| sample.value.is_finite()) {
            let lines = known.entry(sample.series.name).or_default();
            let line = match lines.get_mut(&sample.labels) {
                Some(line) => line,
                None => {
                    let number = database.number(sample, batch.at)?;
                    lines.entry(sample.labels.clone()).or_insert(Known { number, last: None })
                }
            };
            let now = (hour, sample.value);
            if sample.series.pace == Pace::Changes && line.last == Some(now) {
                continue;
            }
            line.last = Some(now);
            due.push((line.number, sample.value));
        }
        if due.is_empty() { Ok(()) } else { database.hear(batch.at, &due) }
    })();
    let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
    written.and(database.connection.execute_batch(end).map_err(Fault::from)).inspect_err(|_| {
        // Where it has gone back by itself there is nothing to go back from.
        let _ = database.connection.execute_batch("ROLLBACK");
    })
}
