//! Logs of another host as they grow, over SSH: a script there looks each second what came and tells it, and how far it
//! was told is known here, so that nothing is lost nor told twice when the connection breaks.

mod others;

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::super::files::LogFile;
use super::super::scan::elsewhere::{Asked, Clock, clock, logfile};
use super::super::ssh::{Came, Fault, Kind, Ssh};
use crate::model::Trouble;

const SCRIPT: &str = include_str!("elsewhere/follow.sh");

pub use others::Others;

/// A file there, by its device and inode.
pub type Key = String;

/// What a host has to tell.
#[derive(Debug)]
pub enum Told {
    /// All is well: the host answers.
    Begun,
    /// It cannot be followed now, or not all of it.
    Away(Trouble),
    /// A file, told from this place on.
    File {
        key: Key,
        file: LogFile,
        from: u64,
    },
    Bytes {
        key: Key,
        bytes: Vec<u8>,
    },
    /// It was truncated: what comes is another content.
    Anew {
        key: Key,
    },
    Trouble(Trouble),
}

/// A host that is followed, and how far.
#[derive(Debug)]
pub struct Following {
    pub asked: Asked,
    told: HashMap<Key, u64>,
    /// When it looked last, by its own clock.
    since: Option<u64>,
    /// By how much its clock is said to be wrong.
    skew: Option<SignedDuration>,
}

/// A clock that is wrong by more than this is worth a word.
const SKEW: SignedDuration = SignedDuration::from_secs(1);

impl Following {
    pub fn new(asked: Asked) -> Self {
        Self { asked, told: HashMap::new(), since: None, skew: None }
    }

    /// Whether anything came of it so far.
    pub fn has_told(&self) -> bool {
        !self.told.is_empty()
    }

    /// One connection, until it breaks, or nobody hears any more. Whoever hears may make it wait: the files there keep
    /// the rest.
    pub async fn run(&mut self, ssh: &Ssh, number: usize, to: &mpsc::Sender<(usize, Told)>) -> Fault {
        match self.talk(ssh, number, to).await {
            Ok(()) => Fault::new(Kind::Other, "its script ended"),
            Err(fault) => fault,
        }
    }

    async fn talk(
        &mut self,
        ssh: &Ssh,
        number: usize,
        to: &mpsc::Sender<(usize, Told)>,
    ) -> Result<(), Fault> {
        let begun = Timestamp::now();
        let mut talk = self.asked.start(ssh, SCRIPT).await?;
        let since = self.since.map(|at| format!("since {at}\n"));
        let told = self.told.iter().map(|(key, at)| format!("{key} {at}\n"));
        let known: String = since.into_iter().chain(told).collect();
        talk.give(known.as_bytes()).await?;
        let _ = to.send((number, Told::Begun)).await;
        let mut zone = self.asked.place.zone.clone().unwrap_or(TimeZone::UTC);
        let mut line = Vec::new();
        while talk.line(&mut line).await? == Came::Line {
            let text = String::from_utf8_lossy(&line);
            let Some((letter, rest)) = text.split_once(' ') else { continue };
            if letter == "C" {
                if let Some((clock, its)) = clock(rest, begun, Timestamp::now()) {
                    zone = self.asked.place.zone.clone().unwrap_or(its);
                    if let Some(trouble) = self.skew(clock)
                        && to.send((number, Told::Trouble(trouble))).await.is_err()
                    {
                        return Ok(());
                    }
                }
                continue;
            }
            let Some(told) = self.understand(letter, rest, &zone) else { continue };
            if to.send((number, told)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What is to be said of a clock that is wrong: its lines stand among others' where they do not belong. Once, and
    /// again when it is off by another second.
    fn skew(&mut self, clock: Clock) -> Option<Trouble> {
        let (off, host) = (clock.ahead.abs(), &self.asked.host);
        let is_news = (clock.ahead - self.skew.unwrap_or_default()).abs() > SKEW;
        if off - clock.doubt <= SKEW || !is_news {
            return None;
        }
        self.skew = Some(clock.ahead);
        let (side, when) = if clock.ahead.is_negative() { ("behind", "early") } else { ("ahead of", "late") };
        let words = format!(
            "{host}: its clock is {:.1}s {side} this machine's: its lines stand so much too {when}",
            off.as_secs_f64()
        );
        Some(Trouble { next_step: format!("`chronyc tracking` on {host}"), ..Trouble::of_log(words) })
    }

    fn understand(&mut self, letter: &str, rest: &str, zone: &TimeZone) -> Option<Told> {
        match letter {
            "D" => {
                let (key, at, bytes) = piece(rest)?;
                // Of a file that has just been truncated there may be less than was meant.
                self.told.insert(key.clone(), at + bytes.len() as u64);
                Some(Told::Bytes { key, bytes })
            }
            "K" => {
                self.since = rest.parse().ok().or(self.since);
                None
            }
            "0" => {
                self.told.insert(rest.to_owned(), 0);
                Some(Told::Anew { key: rest.to_owned() })
            }
            "F" => {
                let (key, from, file) = self.file(rest, zone)?;
                self.told.insert(key.clone(), from);
                Some(Told::File { key, file, from })
            }
            _ => self.trouble(letter, rest).map(Told::Trouble),
        }
    }

    /// `2049_131 4096 5120 1764412345 /var/log/nova/nova-compute.log`.
    fn file(&self, text: &str, zone: &TimeZone) -> Option<(Key, u64, LogFile)> {
        let (key, rest) = text.split_once(' ')?;
        let (from, rest) = rest.split_once(' ')?;
        let identity = key.replace('_', ":");
        let Asked { host, place, .. } = &self.asked;
        let file = logfile(&format!("{identity} {rest}"), host, place, zone)?;
        Some((key.to_owned(), from.parse().ok()?, file))
    }

    fn trouble(&self, letter: &str, rest: &str) -> Option<Trouble> {
        let host = &self.asked.host;
        let path = PathBuf::from(rest);
        let (message, next_step) = match letter {
            "X" => (format!("{host}: no right to read {}", path.display()), self.asked.needs_a_right()),
            "Z" => (
                format!(
                    "{host}:{} was truncated; what was written since the last look is lost: no copy of it is there",
                    path.display()
                ),
                String::new(),
            ),
            // A layout that is not there is another deployment's.
            "N" if !self.asked.place.paths.is_empty() => (
                format!("{host}: there is no {}", path.display()),
                format!("does {host} have it? `path` in [[logs]] says where to look"),
            ),
            "L" => (
                format!("nothing from {host}: it has no {rest}, by which its logs are sent"),
                format!("install GNU coreutils on {host}"),
            ),
            _ => return None,
        };
        Some(Trouble { next_step, ..Trouble::of_log(message) })
    }
}

/// `2049_131 4096 BASE64`.
fn piece(text: &str) -> Option<(Key, u64, Vec<u8>)> {
    let mut parts = text.splitn(3, ' ');
    let (key, at) = (parts.next()?, parts.next()?.parse().ok()?);
    let bytes = STANDARD.decode(parts.next()?).ok()?;
    Some((key.to_owned(), at, bytes))
}

#[cfg(test)]
mod tests {
    use super::super::super::scan::elsewhere::Way;
    use super::super::super::ssh::Host;
    use super::*;
    use crate::config::logs::LogPlace;

    #[test]
    fn a_clock_that_is_wrong_is_said_once_and_again_when_it_is_off_by_more() {
        let place = LogPlace::named(Vec::new(), "test");
        let asked = Asked { host: Host::parse("cmp03").unwrap(), way: Way::Ssh, place };
        let mut following = Following::new(asked);
        let mut said = |millis: i64, doubt: i64| {
            let [ahead, doubt] = [millis, doubt].map(SignedDuration::from_millis);
            following.skew(Clock { ahead, doubt }).map(|trouble| trouble.message)
        };
        // Known no better than that.
        assert_eq!(said(1_500, 600), None);
        let first = said(-12_340, 100).unwrap();
        assert_eq!(
            first,
            "cmp03: its clock is 12.3s behind this machine's: its lines stand so much too early"
        );
        assert_eq!(said(-12_900, 100), None);
        assert!(said(4_000, 10).unwrap().contains("4.0s ahead of this machine's"));
    }
}
