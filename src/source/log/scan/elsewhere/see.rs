//! Whether a host's logs could be looked through, without doing it.

use jiff::Timestamp;

use super::super::super::ssh::{Came, Fault, Ssh};
use super::answer::clock;
use super::{Asked, Clock};

const SCRIPT: &str = include_str!("see.sh");

/// What is there.
#[derive(Debug, Default)]
pub struct Seen {
    pub clock: Option<Clock>,
    /// The name of its zone, or its offset.
    pub zone: String,
    /// Files and directories: how many files below can be read, and how many cannot.
    pub places: Vec<(String, usize, usize)>,
    /// Directories that cannot be listed.
    pub unlisted: Vec<String>,
    pub missing: Vec<String>,
    /// Why its journal cannot be read, where it was asked for.
    pub journal: Option<String>,
    /// Its grep is of no use.
    pub lacks: bool,
}

/// Goes there and looks.
pub async fn see(ssh: &Ssh, asked: &Asked) -> Result<Seen, Fault> {
    let mut talk = asked.start(ssh, SCRIPT).await?;
    let since = Timestamp::now();
    talk.give(b"").await?;
    let (mut seen, mut line) = (Seen::default(), Vec::new());
    while talk.line(&mut line).await? == Came::Line {
        let text = String::from_utf8_lossy(&line);
        let Some((letter, rest)) = text.split_once(' ') else { continue };
        match letter {
            "C" => {
                if let Some((clock, zone)) = clock(rest, since, Timestamp::now()) {
                    seen.clock = Some(clock);
                    let offset = || zone.to_offset(since).to_string();
                    seen.zone = zone.iana_name().map_or_else(offset, ToOwned::to_owned);
                }
            }
            "P" => seen.places.extend(place(rest)),
            "X" => seen.unlisted.push(rest.to_owned()),
            "N" => seen.missing.push(rest.to_owned()),
            "J" => seen.journal = Some(rest.to_owned()),
            "L" => seen.lacks = true,
            _ => {}
        }
    }
    Ok(seen)
}

/// `12 0 /var/log/nova`.
fn place(text: &str) -> Option<(String, usize, usize)> {
    let mut parts = text.splitn(3, ' ');
    let (readable, unreadable) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((parts.next()?.to_owned(), readable, unreadable))
}
