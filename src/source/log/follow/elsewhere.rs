//! Logs of another host as they grow, over SSH: a script there looks each second what came and tells it, and how far it
//! was told is known here, so that nothing is lost nor told twice when the connection breaks.

mod others;

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::super::files::LogFile;
use super::super::scan::elsewhere::{Asked, Clock, clock, logfile, of_fault};
use super::super::ssh::{Came, Fault, Host, Kind, Ssh};
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
    asked: Asked,
    told: HashMap<Key, Place>,
    /// When it looked last, by its own clock.
    since: Option<u64>,
    skew: Skew,
}

/// How far a file was told, and by what its content is known again.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    at: u64,
    /// What stands before that, as far as it was told: [`MARK`] bytes at most.
    mark: Vec<u8>,
    /// It was seen that something else stands there by now.
    is_anew: bool,
}

/// What a piece of a file is that comes after others.
#[derive(Debug, PartialEq, Eq)]
enum News {
    More(Vec<u8>),
    /// A writer that does not append goes on where it was, in a file that was truncated.
    BehindHole(Vec<u8>),
    /// It does not go on with what was told.
    Another,
}

/// As `follow.sh` has it.
const MARK: usize = 64;

impl Place {
    fn new(path: PathBuf, at: u64) -> Self {
        Self { path, at, mark: Vec::new(), is_anew: false }
    }

    /// Takes in a piece that begins there.
    fn news(&mut self, from: u64, mut bytes: Vec<u8>) -> News {
        // Of a file that was just truncated there was less than was meant, and what comes next leaves a gap.
        let known = self.at.checked_sub(from).and_then(|known| usize::try_from(known).ok());
        let Some(before) = known.and_then(|known| bytes.get(..known)) else { return News::Another };
        let common = before.len().min(self.mark.len());
        let is_same = before.ends_with(self.mark.get(self.mark.len() - common..).unwrap_or_default());
        let is_hole = !is_same && before.iter().all(|byte| *byte == 0);
        if !is_same && !is_hole {
            return News::Another;
        }
        bytes.drain(..before.len());
        self.at += bytes.len() as u64;
        self.mark.extend_from_slice(bytes.get(bytes.len().saturating_sub(MARK)..).unwrap_or_default());
        self.mark.drain(..self.mark.len().saturating_sub(MARK));
        if is_hole { News::BehindHole(bytes) } else { News::More(bytes) }
    }

    fn lost(&self, why: &str) -> Trouble {
        let path = self.path.display();
        Trouble::of_log(format!("{path} was truncated; what was written since the last look is lost: {why}"))
    }
}

/// Another content stands where a file was told up to.
struct Anew;

/// How a connection came to its end, where it did not break.
enum Ended {
    /// Its script ended.
    Itself,
    Unheard,
    /// Its script has to know that another content stands in a file.
    Anew,
}

/// By how much a host's clock is said to be wrong.
#[derive(Debug, Default)]
pub(super) struct Skew(Option<SignedDuration>);

/// A clock that is wrong by more than this is worth a word.
const SKEW: SignedDuration = SignedDuration::from_secs(1);

impl Skew {
    /// What is to be said of a clock that is wrong: its lines stand among others' where they do not belong. Once, and
    /// again when it is off by another second.
    pub fn news(&mut self, host: &Host, clock: Clock) -> Option<Trouble> {
        let off = clock.ahead.abs();
        let is_news = (clock.ahead - self.0.unwrap_or_default()).abs() > SKEW;
        if off - clock.doubt <= SKEW || !is_news {
            return None;
        }
        self.0 = Some(clock.ahead);
        let (side, when) = if clock.ahead.is_negative() { ("behind", "early") } else { ("ahead of", "late") };
        let words = format!(
            "{host}: its clock is {:.1}s {side} this machine's: its lines stand so much too {when}",
            off.as_secs_f64()
        );
        Some(Trouble { next_step: format!("`chronyc tracking` on {host}"), ..Trouble::of_log(words) })
    }
}

impl Following {
    pub fn new(asked: Asked) -> Self {
        Self { asked, told: HashMap::new(), since: None, skew: Skew::default() }
    }

    /// One connection, until it breaks, or nobody hears any more; and what is to be said of that. Whoever hears may make
    /// it wait: the files there keep the rest.
    pub async fn run(&mut self, ssh: &Ssh, number: usize, to: &mpsc::Sender<(usize, Told)>) -> Trouble {
        let ended = loop {
            match self.talk(ssh, number, to).await {
                Ok(Ended::Anew) => {}
                Ok(Ended::Itself | Ended::Unheard) => break Fault::new(Kind::Other, "its script ended"),
                Err(fault) => break fault,
            }
        };
        of_fault(&self.asked.host, &ended, !self.told.is_empty())
    }

    async fn talk(
        &mut self,
        ssh: &Ssh,
        number: usize,
        to: &mpsc::Sender<(usize, Told)>,
    ) -> Result<Ended, Fault> {
        let begun = Timestamp::now();
        let mut talk = self.asked.start(ssh, SCRIPT).await?;
        let since = self.since.map(|at| format!("since {at}\n"));
        let told = self
            .told
            .iter()
            .map(|(key, place)| format!("{key} {}{}\n", place.at, if place.is_anew { " anew" } else { "" }));
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
                    if let Some(trouble) = self.skew.news(&self.asked.host, clock)
                        && to.send((number, Told::Trouble(trouble))).await.is_err()
                    {
                        return Ok(Ended::Unheard);
                    }
                }
                continue;
            }
            let told = match letter {
                "D" => match self.piece(rest) {
                    Ok(told) => told,
                    Err(Anew) => return Ok(Ended::Anew),
                },
                _ => self.understand(letter, rest, &zone).into_iter().collect(),
            };
            for told in told {
                if to.send((number, told)).await.is_err() {
                    return Ok(Ended::Unheard);
                }
            }
        }
        Ok(Ended::Itself)
    }

    /// `2049_131 4096 BASE64`.
    fn piece(&mut self, text: &str) -> Result<SmallVec<[Told; 2]>, Anew> {
        let mut told = SmallVec::new();
        let Some((key, from, bytes)) = piece(text) else { return Ok(told) };
        let Some(place) = self.told.get_mut(&key) else { return Ok(told) };
        let bytes = match place.news(from, bytes) {
            News::More(bytes) => bytes,
            News::BehindHole(bytes) => {
                told.push(Told::Trouble(place.lost("its writer went on behind a hole")));
                bytes
            }
            // The script has looked for a copy of what stood there before, and this one is none.
            News::Another if place.is_anew => {
                told.push(Told::Trouble(place.lost("no copy of it is there")));
                return Ok(told);
            }
            News::Another => {
                place.is_anew = true;
                return Err(Anew);
            }
        };
        if !bytes.is_empty() {
            told.push(Told::Bytes { key, bytes });
        }
        Ok(told)
    }

    fn understand(&mut self, letter: &str, rest: &str, zone: &TimeZone) -> Option<Told> {
        match letter {
            "K" => {
                self.since = rest.parse().ok().or(self.since);
                None
            }
            "0" => {
                let place = self.told.get_mut(rest)?;
                *place = Place::new(std::mem::take(&mut place.path), 0);
                Some(Told::Anew { key: rest.to_owned() })
            }
            "F" => {
                let (key, from, file) = self.file(rest, zone)?;
                self.told.insert(key.clone(), Place::new(file.path.clone(), from));
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
    use super::*;

    #[test]
    fn a_content_is_known_by_what_stood_before_the_place_and_a_hole_by_its_zeros() {
        let mut place = Place::new("cmp03:/x.log".into(), 100);
        let mut news = |from: u64, bytes: &str| match place.news(from, bytes.as_bytes().to_vec()) {
            News::More(bytes) => String::from_utf8(bytes).unwrap(),
            News::BehindHole(bytes) => format!("hole {}", String::from_utf8(bytes).unwrap()),
            News::Another => "another".to_owned(),
        };
        // What stood before the first piece nobody knows.
        assert_eq!(news(97, "xyzone\n"), "one\n");
        assert_eq!(news(97, "xyzone\ntwo\n"), "two\n");
        assert_eq!(news(104, "two\nthree\n"), "three\n");
        assert_eq!(news(108, "other\nfour\n"), "another");
        // A gap, and less than was told.
        assert_eq!((news(120, "x"), news(104, "two\n")), ("another".to_owned(), "another".to_owned()));
        assert_eq!(news(112, "\0\0four\n"), "hole four\n");
        assert_eq!(news(114, "four\nfive\n"), "five\n");
    }

    #[test]
    fn a_clock_that_is_wrong_is_said_once_and_again_when_it_is_off_by_more() {
        let (mut skew, host) = (Skew::default(), Host::parse("cmp03").unwrap());
        let mut said = |millis: i64, doubt: i64| {
            let [ahead, doubt] = [millis, doubt].map(SignedDuration::from_millis);
            skew.news(&host, Clock { ahead, doubt }).map(|trouble| trouble.message)
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
