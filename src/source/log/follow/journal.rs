//! The journal of a host, this one or another, as it grows: `journalctl` follows it there and tells each record, and which
//! one was told last is known here, so that nothing is lost nor told twice when the connection breaks.

mod record;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::super::scan::elsewhere::{Asked, clock, journal_fault, logfile, of_fault};
use super::super::ssh::{Came, Fault, Kind, Patience, Ssh, Talk};
use super::elsewhere::{Skew, Told};
use crate::model::Trouble;

const SCRIPT: &str = include_str!("journal/follow.sh");
const KEY: &str = "journal";
/// Records that are there already are handed on together, up to so many bytes of lines.
const BATCH: usize = 64 << 10;
/// A journal may be silent for as long as it likes: that the other end is still there, ssh itself sees to.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// The journal of a host that is followed, and how far.
#[derive(Debug)]
pub struct Journal {
    asked: Asked,
    /// Of the record that was told last.
    cursor: Option<String>,
    skew: Skew,
}

/// What came of one connection, as its end has to be told.
#[derive(Debug, Default)]
struct Heard {
    lines: Vec<u8>,
    /// The record that was told before, which comes first.
    last: Option<String>,
    /// What journalctl has to say of its rights.
    said: Option<String>,
    /// How journalctl ended.
    code: Option<String>,
}

impl Heard {
    /// What was not handed on yet.
    fn bytes(&mut self) -> Option<Told> {
        let lines = std::mem::take(&mut self.lines);
        (!lines.is_empty()).then(|| Told::Bytes { key: KEY.to_owned(), bytes: lines })
    }
}

impl Journal {
    pub fn new(asked: Asked) -> Self {
        Self { asked, cursor: None, skew: Skew::default() }
    }

    /// One connection, until it breaks, or nobody hears any more; and what is to be said of that. Whoever hears may make
    /// it wait: the journal keeps the rest.
    pub async fn run(&mut self, ssh: &Ssh, number: usize, to: &mpsc::Sender<(usize, Told)>) -> Trouble {
        let patience = Patience { line: FOREVER, ..ssh.patience };
        let ssh = Ssh { patience, ..ssh.clone() };
        match self.talk(&ssh, number, to).await {
            Ok(trouble) => trouble,
            Err(fault) => of_fault(&self.asked.host, &fault, self.cursor.is_some()),
        }
    }

    async fn talk(
        &mut self,
        ssh: &Ssh,
        number: usize,
        to: &mpsc::Sender<(usize, Told)>,
    ) -> Result<Trouble, Fault> {
        let begun = Timestamp::now();
        let mut talk = self.asked.start(ssh, SCRIPT).await?;
        talk.give(self.cursor.as_deref().unwrap_or_default().as_bytes()).await?;
        let mut heard = Heard { last: self.cursor.clone(), ..Heard::default() };
        let mut line = Vec::new();
        if let Some(file) = self.file() {
            // That nobody hears any more is noticed with the first record.
            let _ = to.send((number, file)).await;
        }
        let came = loop {
            let came = talk.line(&mut line).await;
            if !matches!(came, Ok(Came::Line)) {
                break came;
            }
            let told = match line.as_slice() {
                [b'{', ..] => self.record(&line, &mut heard),
                [letter, rest @ ..] => {
                    self.about(*letter, String::from_utf8_lossy(rest).trim(), begun, &mut heard)
                }
                [] => None,
            };
            let is_due = heard.lines.len() >= BATCH || !talk.has_line();
            let bytes = if is_due { heard.bytes() } else { None };
            for told in told.into_iter().chain(bytes) {
                if to.send((number, told)).await.is_err() {
                    return Err(Fault::new(Kind::Other, "nobody hears it any more"));
                }
            }
        };
        // However it ended: these count as told, and will not be asked for again.
        if let Some(bytes) = heard.bytes() {
            let _ = to.send((number, bytes)).await;
        }
        came?;
        Ok(self.ended(talk, heard).await)
    }

    /// As which file its lines are told.
    fn file(&self) -> Option<Told> {
        let words = format!("0:0 1 {} journal", Timestamp::now().as_second());
        let file = logfile(&words, &self.asked.host, &self.asked.place, &TimeZone::UTC)?;
        Some(Told::File { key: KEY.to_owned(), file, from: 0 })
    }

    /// A record, whose line goes on with those that were not handed on yet; what else there is to say of it.
    fn record(&mut self, json: &[u8], heard: &mut Heard) -> Option<Told> {
        let host = &self.asked.host;
        let Some(record) = record::parse(json) else {
            let words = format!("{host}: a record of its journal is left out: it is too long, or torn");
            return Some(Told::Trouble(Trouble::of_log(words)));
        };
        let last = heard.last.take();
        if last.as_deref() == Some(&*record.cursor) {
            return None;
        }
        record.write(host.name(), &mut heard.lines);
        self.cursor = Some(record.cursor.into_owned());
        let words =
            || format!("{host}: its journal no longer has what was told last: what followed may be lost");
        last.map(|_| Told::Trouble(Trouble::of_log(words())))
    }

    /// A letter and what it is about.
    fn about(&mut self, letter: u8, rest: &str, begun: Timestamp, heard: &mut Heard) -> Option<Told> {
        match letter {
            // Where its files are followed, too, those tell it.
            b'C' if self.asked.place.paths.is_empty() => {
                let (clock, _) = clock(rest, begun, Timestamp::now())?;
                self.skew.news(&self.asked.host, clock).map(Told::Trouble)
            }
            b'J' => {
                heard.said = Some(rest.to_owned());
                Some(Told::Away(journal_fault(&self.asked, rest)))
            }
            b'K' => Some(Told::Begun),
            b'E' => {
                heard.code = Some(rest.to_owned());
                None
            }
            _ => None,
        }
    }

    /// journalctl does not end by itself: why it did.
    async fn ended(&self, mut talk: Talk, heard: Heard) -> Trouble {
        if let Some(said) = &heard.said {
            return journal_fault(&self.asked, said);
        }
        let errors = talk.errors().await;
        let said = errors.lines().rev().find(|line| !line.trim().is_empty());
        let code = heard.code.unwrap_or_default();
        journal_fault(&self.asked, said.unwrap_or(&format!("journalctl ended with exit code {code}")))
    }
}

#[cfg(test)]
mod tests;
