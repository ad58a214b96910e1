//! Reading a keymap: every mistake is named with its file, line, column and what was meant.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;

use super::{Chord, Keymap, SECTIONS, alike};
use crate::action::Action;
use crate::words::{nearest, place};

/// What is wrong with a keymap.
#[derive(Debug)]
pub struct KeymapError(String);

impl fmt::Display for KeymapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeymapError {}

/// `[section]` tables of `"keys" = "action"`.
type Sections = BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<String>>>;

impl Keymap {
    /// A name that is neither shipped nor a file.
    pub(crate) fn missing(name: &str, why: &str) -> KeymapError {
        let near = nearest(name, Self::NAMES.iter().copied());
        let near = near.map(|near| format!("; near it: {near}")).unwrap_or_default();
        KeymapError(format!(
            "keymap `{name}`: not one of {}{near}, and as a file: {why}",
            Self::NAMES.join(", ")
        ))
    }

    /// This keymap with a file's over it.
    pub(super) fn overlaid(mut self, text: &str, file: &str) -> Result<Self, KeymapError> {
        let sections: Sections =
            toml::from_str(text).map_err(|error| KeymapError(crate::words::toml(file, text, &error)))?;
        for (section, bindings) in sections {
            let at = |start: usize| {
                let (line, column) = place(text, start);
                format!("{file}:{line}:{column}")
            };
            let name = section.get_ref().as_str();
            if !SECTIONS.contains(&name) {
                return Err(unknown("section", name, &at(section.span().start), SECTIONS.iter().copied()));
            }
            let mut fresh: Vec<(usize, Vec<Chord>, Action)> = Vec::new();
            for (keys, action) in bindings {
                let key_place = at(keys.span().start);
                let sequence = chords(keys.get_ref(), &key_place)?;
                let names = Action::ALL.iter().map(|action| action.name());
                let action_name = action.get_ref().as_str();
                let known = Action::from_name(action_name)
                    .ok_or_else(|| unknown("action", action_name, &at(action.span().start), names))?;
                if let Some((_, other, _)) = fresh.iter().find(|(_, other, _)| alike(other, &sequence)) {
                    let (this, other) = (super::words(&sequence), super::words(other));
                    return Err(KeymapError(if this == other {
                        format!("{key_place}: `{this}` is bound twice")
                    } else {
                        format!(
                            "{key_place}: `{this}` and `{other}` begin alike: only the shorter can be pressed"
                        )
                    }));
                }
                fresh.push((keys.span().start, sequence, known));
            }
            // The file's own order is the order of help.
            fresh.sort_by_key(|(start, ..)| *start);
            let bound = self.sections.entry(name.to_owned()).or_default();
            bound.retain(|(old, _)| !fresh.iter().any(|(_, new, _)| alike(new, old)));
            bound.extend(fresh.into_iter().map(|(_, sequence, action)| (sequence, action)));
        }
        Ok(self)
    }
}

/// `g g` as its chords.
fn chords(keys: &str, at: &str) -> Result<Vec<Chord>, KeymapError> {
    const HOW: &str = "write `j`, `G`, `ctrl-d`, `enter`, or several: `g g`";
    let sequence = keys.split_whitespace().map(|word| {
        Chord::parse(word).ok_or_else(|| {
            let near =
                Chord::nearest(word).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            KeymapError(format!("{at}: `{word}` is no key; {near}{HOW}"))
        })
    });
    let sequence: Vec<Chord> = sequence.collect::<Result<_, _>>()?;
    if sequence.is_empty() {
        Err(KeymapError(format!("{at}: `{keys}` is no key; {HOW}")))
    } else {
        Ok(sequence)
    }
}

fn unknown<'a>(what: &str, name: &str, at: &str, names: impl Iterator<Item = &'a str>) -> KeymapError {
    let near = nearest(name, names);
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    KeymapError(format!("{at}: there is no {what} `{name}`{near}"))
}
