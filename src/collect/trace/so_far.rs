//! What a trace has found so far, told while it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Tracer;
use crate::source::log::files::LogFile;
use crate::source::log::scan::{Kept, Progress};
use crate::trace::Account;

/// It is told this often, where there is anything new.
const TOLD: Duration = Duration::from_millis(100);

/// Where it goes.
pub type Listener = watch::Sender<Option<Arc<Account>>>;

pub(super) struct SoFar<'a> {
    tracer: &'a Tracer,
    listener: &'a Listener,
    /// What was known when it began.
    account: Account,
    /// Those of other hosts behind those that lie here.
    files: Vec<LogFile>,
    kept: Vec<Kept>,
    reading: (u64, u64),
    is_new: bool,
    told_at: Instant,
}

impl<'a> SoFar<'a> {
    pub fn new(tracer: &'a Tracer, listener: &'a Listener, account: &Account, files: &[LogFile]) -> Self {
        Self {
            tracer,
            listener,
            account: account.clone(),
            files: files.to_vec(),
            kept: Vec::new(),
            reading: (0, 0),
            is_new: true,
            told_at: Instant::now(),
        }
    }

    pub fn hear(&mut self, progress: Progress) {
        // Who waits says so again and again: without this nobody would hear of what came last before.
        self.is_new |= !matches!(progress, Progress::Waiting(hosts) if hosts == self.account.waiting);
        match progress {
            Progress::Kept(record) => self.kept.push(record.clone()),
            Progress::Read { done, of } => self.reading = (done, of),
            Progress::File(file) => self.files.push(file.clone()),
            Progress::Waiting(hosts) => self.account.waiting = hosts,
        }
        if self.is_new && self.told_at.elapsed() > TOLD {
            let mut partial = self.account.clone();
            partial.files = self.files.len();
            self.tracer.tell(&mut partial, &self.files, self.kept.clone());
            partial.reading = Some(self.reading);
            self.listener.send_replace(Some(Arc::new(partial)));
            self.told_at = Instant::now();
            self.is_new = false;
        }
    }
}
