//! Known messages: what a line means, and what to do. The messages are data (`assets/signatures.toml`).
//!
//! Of a million lines few match, so a line is asked for all literals at once first, and only the patterns whose
//! literal it has are tried. A pattern never reaches to the end of a line: `LOG.exception` puts the error's words
//! there.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use smallvec::SmallVec;

use crate::model::Level;

const SHIPPED: &str = include_str!("../assets/signatures.toml");

/// A message that is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub id: String,
    /// What the service calls it, in oslo's words.
    pub level: String,
    /// Which service says it; `any` where it is a library's.
    pub service: String,
    /// Stands in every line that matches.
    pub literal: String,
    pub pattern: String,
    /// A message that matches.
    pub sample: String,
    pub meaning: String,
    /// What to do next.
    pub next: String,
    /// Where it was read: repository, file and line.
    pub source: String,
    /// What it makes of the host whose service says it.
    pub tells: Option<Tells>,
}

/// From how often on a message that is known makes a finding of the host whose service says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tells {
    /// What was said longer ago counts no more.
    pub minutes: u16,
    /// Times within those minutes.
    pub warning: Option<u32>,
    pub critical: Option<u32>,
    /// The signature by which the same service says that it is over.
    pub until: Option<String>,
}

/// How bad a host's finding is that its log makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Warning,
    Critical,
}

impl Tells {
    /// What it comes to, said so often.
    pub fn told(&self, times: u64) -> Option<Told> {
        let is_from = |from: Option<u32>| from.is_some_and(|from| times >= u64::from(from));
        if is_from(self.critical) {
            Some(Told::Critical)
        } else {
            is_from(self.warning).then_some(Told::Warning)
        }
    }
}

/// Why a file of signatures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("{0}: {1}")]
    Toml(String, toml::de::Error),
    #[error("{file}: signature {id}: {why}")]
    Signature { file: String, id: String, why: String },
    #[error("all signatures together: {0}")]
    Literals(aho_corasick::BuildError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    signature: Vec<Signature>,
}

struct Known {
    signature: Signature,
    level: Level,
    pattern: Regex,
}

/// What ships with the operator's own, where there are any.
static OWN: OnceLock<Signatures> = OnceLock::new();

/// All known messages, ready to be looked for.
pub struct Signatures {
    known: Vec<Known>,
    literals: AhoCorasick,
    /// Those by which services say in passing that something is over.
    over: Vec<usize>,
}

impl Signatures {
    /// What ships, made when it is first asked for: it takes milliseconds that the first frame has not.
    pub fn known() -> Option<&'static Self> {
        static KNOWN: LazyLock<Option<Signatures>> = LazyLock::new(|| Signatures::shipped().ok());
        OWN.get().or(KNOWN.as_ref())
    }

    /// Takes in the operator's own, for all that is asked from then on. Once, at the start.
    ///
    /// # Errors
    /// As [`Signatures::with`].
    pub fn own(files: &[(String, String)]) -> Result<(), SignatureError> {
        if !files.is_empty() {
            // Only the first counts: the settings are read once.
            let _ = OWN.set(Self::with(files)?);
        }
        Ok(())
    }

    /// Only what ships.
    ///
    /// # Errors
    /// Never, a test says so.
    pub fn shipped() -> Result<Self, SignatureError> {
        Self::with(&[])
    }

    /// What ships, and a user's files, name and text each. The same id again replaces the one before.
    ///
    /// # Errors
    /// A file is no TOML, or a signature in it cannot be used.
    pub fn with(files: &[(String, String)]) -> Result<Self, SignatureError> {
        let mut known: Vec<Known> = Vec::new();
        let shipped = std::iter::once(("signatures.toml", SHIPPED));
        for (file, text) in shipped.chain(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
            let sheet: Sheet =
                toml::from_str(text).map_err(|error| SignatureError::Toml(file.to_owned(), error))?;
            for signature in sheet.signature {
                let id = signature.id.clone();
                let failed = |why| SignatureError::Signature { file: file.to_owned(), id: id.clone(), why };
                let made = Known::new(signature).map_err(failed)?;
                match known.iter_mut().find(|known| known.signature.id == id) {
                    Some(before) => *before = made,
                    None => known.push(made),
                }
            }
        }
        let literals = known.iter().map(|known| &known.signature.literal);
        let literals = AhoCorasick::new(literals).map_err(SignatureError::Literals)?;
        let over = over(&known)?;
        Ok(Self { known, literals, over })
    }

    /// What is known of a message, the most telling first: that with the longest literal.
    pub fn of(&self, message: &[u8], level: Level) -> SmallVec<[&Signature; 2]> {
        let mut found: SmallVec<[&Signature; 2]> = SmallVec::new();
        for hit in self.literals.find_overlapping_iter(message) {
            let known = &self.known[hit.pattern().as_usize()];
            let is_new = !found.iter().any(|found| found.id == known.signature.id);
            if is_new && known.is_of(level) && known.pattern.is_match(message) {
                found.push(&known.signature);
            }
        }
        found.sort_by_key(|signature| std::cmp::Reverse(signature.literal.len()));
        found
    }

    /// The signature of a message that makes a finding, or ends one; else the most telling.
    ///
    /// What is said in passing is asked for little: there is a lot of it, and only its beginning is looked at.
    pub fn told(&self, message: &[u8], level: Level) -> Option<&Signature> {
        if level < Level::Warning && level != Level::Unknown {
            let message = own_words(message);
            let over = self.over.iter().filter_map(|at| self.known.get(*at));
            let mut over = over.filter(|known| message.starts_with(known.signature.literal.as_bytes()));
            return over.next().map(|known| &known.signature);
        }
        let known = self.of(message, level);
        let told = known.iter().find(|known| known.tells.is_some()).or(known.first());
        told.copied()
    }

    pub fn get(&self, id: &str) -> Option<&Signature> {
        self.all().find(|signature| signature.id == id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Signature> {
        self.known.iter().map(|known| &known.signature)
    }
}

/// The places of those that end what others tell.
fn over(known: &[Known]) -> Result<Vec<usize>, SignatureError> {
    let mut over = Vec::new();
    for Known { signature, .. } in known {
        let Some(until) = signature.tells.as_ref().and_then(|tells| tells.until.as_ref()) else { continue };
        let Some(at) = known.iter().position(|known| known.signature.id == *until) else {
            return Err(SignatureError::Signature {
                file: "tells".to_owned(),
                id: signature.id.clone(),
                why: format!("it is told until `{until}`, which is no signature"),
            });
        };
        if !over.contains(&at) {
            over.push(at);
        }
    }
    Ok(over)
}

/// oslo.messaging says first on which connection: by its id.
fn own_words(message: &[u8]) -> &[u8] {
    match message.strip_prefix(b"[") {
        Some(rest) => memchr::memmem::find(rest, b"] ").map_or(message, |end| &rest[end + 2..]),
        None => message,
    }
}

impl Known {
    fn new(signature: Signature) -> Result<Self, String> {
        let level = Level::parse(signature.level.as_bytes());
        let level = level.ok_or_else(|| format!("`{}` is no level", signature.level))?;
        if signature.literal.len() < 5 {
            return Err("its literal is too short to tell lines by".to_owned());
        }
        if signature.pattern.ends_with('$') {
            return Err("its pattern is anchored at the end of the line, where an exception's words follow"
                .to_owned());
        }
        let pattern = RegexBuilder::new(&signature.pattern).unicode(false).build();
        let pattern = pattern.map_err(|error| error.to_string())?;
        let sample = signature.sample.as_bytes();
        if !signature.sample.contains(&signature.literal) || !pattern.is_match(sample) {
            return Err("its sample does not match".to_owned());
        }
        Ok(Self { signature, level, pattern })
    }

    /// What a service complains of it says at WARNING or above; a line whose level is not known may be anything.
    fn is_of(&self, level: Level) -> bool {
        self.level < Level::Warning || level >= Level::Warning || level == Level::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(signatures: &Signatures, message: &str, level: Level) -> Vec<String> {
        signatures.of(message.as_bytes(), level).iter().map(|found| found.id.clone()).collect()
    }

    #[test]
    fn every_sample_matches_its_own_signature_whatever_follows() {
        let signatures = Signatures::shipped().unwrap();
        assert!(signatures.all().count() >= 121);
        for signature in signatures.all() {
            for tail in ["", ": nova.exception.Something: more words", "\r"] {
                let message = format!("{}{tail}", signature.sample);
                let level = Level::parse(signature.level.as_bytes()).unwrap();
                let found = ids(&signatures, &message, level);
                assert!(found.contains(&signature.id), "{}: {found:?}", signature.id);
            }
            for words in [&signature.meaning, &signature.next] {
                assert!(words.ends_with('.') && words.len() > 10, "{}: {words}", signature.id);
            }
            assert!(signature.source.contains(".py:"), "{}: {}", signature.id, signature.source);
        }
    }

    #[test]
    fn the_most_telling_comes_first() {
        let signatures = Signatures::shipped().unwrap();
        let message = "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance x.";
        assert_eq!(ids(&signatures, message, Level::Error), ["S5b", "S5"]);
    }

    #[test]
    fn a_complaint_is_not_looked_for_among_what_is_said_in_passing() {
        let signatures = Signatures::shipped().unwrap();
        let message = "Instance failed to spawn";
        assert_eq!(ids(&signatures, message, Level::Info), [""; 0]);
        assert_eq!(ids(&signatures, message, Level::Error), ["B1"]);
        assert_eq!(ids(&signatures, message, Level::Unknown), ["B1"]);
        assert_eq!(ids(&signatures, "Rebooting instance", Level::Info), ["T8"]);
    }

    #[test]
    fn what_makes_a_finding_is_told_and_what_ends_it_though_it_is_said_in_passing() {
        let signatures = Signatures::shipped().unwrap();
        let told =
            |message: &str, level| signatures.told(message.as_bytes(), level).map(|known| known.id.as_str());
        let lost = "[5f1c2a7e-9a51-4c39-8d1f-0d1f6f2f0001] AMQP server on 10.0.0.11:5672 is unreachable: timed out. \
                    Trying again in 2 seconds.";
        assert_eq!(told(lost, Level::Error), Some("M1"));
        let back =
            "[5f1c2a7e-9a51-4c39-8d1f-0d1f6f2f0001] Reconnected to AMQP server on 10.0.0.11:5672 via [amqp]";
        assert_eq!(told(back, Level::Info), Some("M6"));
        assert_eq!(told("Rebooting instance", Level::Info), None, "nothing is found by that");
        assert_eq!(told("Setting instance to ERROR state.", Level::Warning), Some("S6"));
        let findings = signatures.all().filter_map(|known| Some((known, known.tells.as_ref()?)));
        for (known, tells) in findings {
            let level = Level::parse(known.level.as_bytes()).unwrap();
            let told = told(&known.sample, level).and_then(|id| signatures.get(id));
            // A sample may name its cause, which is known, too.
            assert!(told.is_some_and(|told| told.tells.is_some()), "{}", known.id);
            assert!(tells.minutes > 0 && tells.told(100).is_some(), "{}", known.id);
            assert!(
                tells.critical.is_none_or(|critical| tells.warning.is_none_or(|warning| warning < critical))
            );
        }
        assert_eq!(signatures.get("B1").unwrap().tells.as_ref().unwrap().told(2), None);
    }

    #[test]
    fn a_users_file_adds_and_replaces_and_a_bad_one_names_itself() {
        let entry = |id: &str, pattern: &str| {
            format!(
                "[[signature]]\nid='{id}'\nlevel='ERROR'\nservice='any'\nliteral='Disk melted'\npattern='{pattern}'\n\
                 sample='Disk melted on cmp01'\nmeaning='m'\nnext='n'\nsource='s'\n"
            )
        };
        let with = |text: String| Signatures::with(&[("own.toml".to_owned(), text)]);
        let count = Signatures::shipped().unwrap().all().count();
        let own = with(entry("X1", "Disk melted on (.*)")).unwrap();
        assert_eq!(
            (own.all().count(), ids(&own, "Disk melted on x", Level::Error)),
            (count + 1, vec!["X1".to_owned()])
        );
        let own = with(entry("M1", "Disk melted on (.*)")).unwrap();
        assert_eq!(
            (own.all().count(), own.get("M1").unwrap().sample.as_str()),
            (count, "Disk melted on cmp01")
        );
        for (pattern, why) in
            [("Disk melted$", "anchored"), ("Disk froze", "does not match"), ("(", "unclosed")]
        {
            let error = with(entry("X1", pattern)).err().unwrap().to_string();
            assert!(error.contains(why) && error.contains("own.toml: signature X1"), "{error}");
        }
    }
}
