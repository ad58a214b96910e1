//! `tail`: logs as they grow, all files merged by time, on standard output. Needs no cloud.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::trace::open;
use super::{Failure, complain, grammar, log_places, settings};
use crate::cli::Common;
use crate::collect::logs::reader::Reader;
use crate::collect::logs::{self, others};
use crate::config::logs::LogPlace;
use crate::exit::Exit;
use crate::filter::Filter;
use crate::model::{Heard, Level, Trouble};
use crate::report::{Delta, Outcome, Report};
use crate::source::log::follow::Pace;
use crate::source::log::ssh::Ssh;
use crate::store::{Record, Store};
use crate::tables::logs::COLUMNS;
use crate::ui::text::sanitise;

/// Pieces of other hosts' files that may wait.
const WAITING: usize = 64;
/// Files are asked this often.
const POLL: Duration = Duration::from_millis(100);

pub struct Wish {
    pub log: Vec<PathBuf>,
    pub level: Option<String>,
    pub filter: Option<String>,
    pub lines: usize,
}

pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let filter = filter(wish)?;
    let settings = settings(common)?;
    let places = log_places(&wish.log, &settings, common.cloud.as_deref())?;
    let (here, elsewhere) = logs::split(&places);
    let (say, heard) = tokio::sync::mpsc::channel(WAITING);
    // Which hosts match a pattern a cloud alone knows.
    let session = match elsewhere.iter().all(LogPlace::is_here) {
        true => None,
        false => open(common, &settings)?,
    };
    let others = tokio::spawn(others::follow(session, elsewhere, Ssh::default(), say));
    let _others = tokio_util::task::AbortOnDropHandle::new(others);
    let mut reader = Reader::new(here, grammar(&settings)).hearing(heard);
    let is_coloured =
        io::stdout().is_terminal() && !common.no_color && std::env::var_os("NO_COLOR").is_none();
    let mut tail = Tail { store: Store::default(), filter, next: 0, is_coloured, away: Vec::new() };
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    // What stands there is told at once, in the order of time.
    let mut heard = Vec::new();
    while reader.poll(Instant::now(), Pace::All, &mut |batch| heard.push(batch)) {}
    let mut told = tail.hear(heard, Some(wish.lines));
    loop {
        match told {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
            Err(error) => return Err(Failure::usage(format!("cannot write to standard output: {error}"))),
            Ok(()) => {}
        }
        tokio::select! {
            _ = &mut interrupted => return Ok(Exit::Interrupt),
            () = tokio::time::sleep(POLL) => {}
        }
        let mut heard = Vec::new();
        // Whatever one file has, others are not held up for longer than for a turn.
        reader.poll(Instant::now(), Pace::All, &mut |batch| heard.push(batch));
        told = tail.hear(heard, None);
    }
}

fn filter(wish: &Wish) -> Result<Filter, Failure> {
    let columns: Vec<&'static str> = COLUMNS.iter().map(|column| column.name).collect();
    let mut text = wish.filter.clone().unwrap_or_default();
    Filter::parse(&text, &columns).map_err(|error| Failure::usage(format!("--filter: {error}")))?;
    if let Some(word) = &wish.level {
        let level = Level::parse(word.as_bytes()).ok_or_else(|| Failure {
            next_step: Some("there are DEBUG, INFO, WARNING, ERROR and CRITICAL".to_owned()),
            ..Failure::usage(format!("--level: `{word}` is no level"))
        })?;
        text = format!("{text} level>={}", level.as_str());
    }
    Filter::parse(&text, &columns).map_err(|error| Failure::usage(format!("--filter: {error}")))
}

/// What is printed, and how far.
struct Tail {
    store: Store,
    filter: Filter,
    /// The number of the next line that was not printed yet.
    next: u64,
    is_coloured: bool,
    away: Vec<Trouble>,
}

impl Tail {
    /// Takes in what was heard, and prints what passes; at the start so many of the last records.
    fn hear(&mut self, heard: Vec<Heard>, first: Option<usize>) -> io::Result<()> {
        let at = Timestamp::now();
        for batch in heard {
            for trouble in &batch.troubles {
                complain(&trouble.message, &trouble.next_step);
            }
            // Said once, and again when it was away in between.
            for trouble in batch.away.iter().filter(|trouble| !self.away.contains(trouble)) {
                complain(&trouble.message, &trouble.next_step);
            }
            self.away = batch.away.to_vec();
            self.store.apply(Report { at, epoch: 0, outcome: Outcome::Part(Delta::Logs(Box::new(batch))) });
        }
        let logs = &self.store.logs;
        let held = logs.numbers();
        let from = self.next.max(held.start);
        self.next = held.end;
        // Each new line with its record: a traceback may go on with one that was printed before.
        let mut lines: Vec<(i64, u64, u64)> = (from..held.end)
            .filter_map(|number| {
                let (head, _) = logs.line(number)?;
                Some((logs.at(head)?, head, number))
            })
            .collect();
        lines.sort_unstable();
        let mut heads: Vec<u32> = lines
            .iter()
            .filter_map(|(_, head, _)| u32::try_from(head.checked_sub(held.start)?).ok())
            .collect();
        heads.dedup();
        let mut passed = self.filter.sieve(COLUMNS, &self.store, at).keep(&heads);
        if let Some(most) = first {
            passed.drain(..passed.len().saturating_sub(most));
        }
        let passed: std::collections::HashSet<u64> =
            passed.into_iter().map(|slot| held.start + u64::from(slot)).collect();
        let mut out = io::BufWriter::new(io::stdout().lock());
        for (_, head, number) in lines {
            if !passed.contains(&head) {
                continue;
            }
            if let (Some(record), Some((_, bytes))) = (logs.record(head), logs.line(number)) {
                self.print(&mut out, &record, bytes)?;
            }
        }
        out.flush()
    }

    /// `cmp03 nova-compute  2026-11-23 …`: whose the line is, and the line as it stands in its file.
    fn print(&self, out: &mut dyn Write, record: &Record, line: &[u8]) -> io::Result<()> {
        let (dim, bad, plain) = match (self.is_coloured, record.level) {
            (false, _) => ("", "", ""),
            (true, Level::Error | Level::Critical) => ("\x1b[2m", "\x1b[31m", "\x1b[0m"),
            (true, Level::Warning) => ("\x1b[2m", "\x1b[33m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "", "\x1b[0m"),
        };
        let whose = format!("{} {}", record.source.host, record.source.service);
        let line = String::from_utf8_lossy(line);
        writeln!(out, "{dim}{}{plain}  {bad}{}{plain}", sanitise(&whose), sanitise(&line))
    }
}
