//! Keys to actions, from `keymaps/*.toml`: a trie of chord sequences, per pane over global ones.
//!
//! Everything that shows keys (footer, `?`, README) is derived from here.

mod chord;
mod load;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent};

pub use chord::{Chord, parse_keys};
pub use load::KeymapError;

use crate::action::Action;

/// The keymaps that come with the program.
const SHIPPED: &[(&str, &str)] =
    &[("default", include_str!("../keymaps/default.toml")), ("vim", include_str!("../keymaps/vim.toml"))];

/// The sections that a keymap may have.
pub const SECTIONS: &[&str] = &["global", "hypervisors", "instances", "quotas", "rabbitmq", "logs", "trace"];

/// Which sequence of chords means what, and where.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    /// By section, in the order of the file.
    sections: BTreeMap<String, Vec<(Vec<Chord>, Action)>>,
}

/// The chords of a sequence that has begun.
#[derive(Clone, Debug, Default)]
pub struct Pending(Vec<Chord>);

/// What a key led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Action(Action),
    /// The beginning of a longer sequence.
    Pending,
    /// Nothing is bound to this.
    None,
}

impl Keymap {
    pub const NAMES: &'static [&'static str] = &["default", "vim"];

    /// One of the shipped keymaps. All others lie over `default`.
    pub fn shipped(name: &str) -> Option<Result<Self, KeymapError>> {
        let text = |wanted: &str| SHIPPED.iter().find(|(n, _)| *n == wanted).map(|(_, text)| *text);
        let over = text(name)?;
        Some(Self::default_map().and_then(|map| {
            if name == "default" { Ok(map) } else { map.overlaid(over, &format!("keymaps/{name}.toml")) }
        }))
    }

    /// The default keymap with a file's over it: a sequence of the file wins.
    pub fn with_file(text: &str, file: &str) -> Result<Self, KeymapError> {
        Self::default_map()?.overlaid(text, file)
    }

    fn default_map() -> Result<Self, KeymapError> {
        Self::default().overlaid(SHIPPED[0].1, "keymaps/default.toml")
    }

    /// Feeds one key. Release events are nothing; `esc` ends a sequence that has begun, and does no more.
    pub fn feed(&self, pending: &mut Pending, pane: &str, key: KeyEvent) -> Step {
        let Some(chord) = Chord::from_event(key) else { return Step::None };
        pending.0.push(chord);
        // What a pane binds lies over the global keys, be it longer or shorter than theirs.
        for section in [pane, "global"] {
            let bound = self.sections.get(section).into_iter().flatten();
            let begun: Vec<_> = bound.filter(|(sequence, _)| sequence.starts_with(&pending.0)).collect();
            match begun.iter().find(|(sequence, _)| *sequence == pending.0) {
                Some((_, action)) => {
                    pending.0.clear();
                    return Step::Action(*action);
                }
                None if !begun.is_empty() => return Step::Pending,
                None => {}
            }
        }
        let begun = pending.0.len() > 1;
        pending.0.clear();
        // A key that ends a wrong sequence still means what it means alone.
        if begun && key.code != KeyCode::Esc { self.feed(pending, pane, key) } else { Step::None }
    }

    /// The pane's keys and the global ones that they do not hide, each action once, in the files' order.
    pub fn help(&self, pane: &str) -> Vec<(String, Action)> {
        let mut lines: Vec<(String, Action)> = Vec::new();
        let own = || self.sections.get(pane).into_iter().flatten();
        for section in [pane, "global"] {
            for (sequence, action) in self.sections.get(section).into_iter().flatten() {
                let hidden = section == "global" && own().any(|(over, _)| alike(over, sequence));
                if hidden {
                    continue;
                }
                let keys = words(sequence);
                match lines.iter_mut().find(|(_, known)| known == action) {
                    Some((known, _)) => {
                        known.push(' ');
                        known.push_str(&keys);
                    }
                    None => lines.push((keys, *action)),
                }
            }
        }
        lines
    }

    /// The first key of each action, for the footer, the most useful first: how to find things, then what is
    /// special here, then the rest. Movement never: it is known, and stands in the help.
    pub fn hints(&self, pane: &str) -> Vec<(String, Action)> {
        use Action as A;
        const FIRST: [Action; 3] = [A::Filter, A::Command, A::Help];
        let rank = |action: Action| match FIRST.iter().position(|first| *first == action) {
            Some(at) => at,
            // These everybody tries without being told.
            None if matches!(action, A::Back | A::Quit) => usize::MAX,
            None => FIRST.len(),
        };
        let movement = |action: Action| {
            matches!(
                action,
                A::Up
                    | A::Down
                    | A::Left
                    | A::Right
                    | A::HalfPageUp
                    | A::HalfPageDown
                    | A::PageUp
                    | A::PageDown
                    | A::Top
                    | A::Bottom
                    | A::NextPane
                    | A::PreviousPane
                    | A::SortPrevious
                    | A::Exit
                    | A::Interrupt
                    | A::Redraw
                    | A::Suspend
            ) || action.name().starts_with("pane_")
        };
        let mut hints: Vec<(String, Action)> = self
            .help(pane)
            .into_iter()
            .filter(|(_, action)| !movement(*action))
            .map(|(keys, action)| (keys.split(' ').next().unwrap_or_default().to_owned(), action))
            .collect();
        hints.sort_by_key(|(_, action)| rank(*action));
        hints
    }

    /// The README's table: every action with its keys, by section.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| where | keys | what |\n|---|---|---|\n");
        let order = SECTIONS.iter().filter_map(|name| self.sections.get_key_value(*name));
        for (section, bindings) in order {
            let mut actions: Vec<(Action, Vec<String>)> = Vec::new();
            for (sequence, action) in bindings {
                let keys = format!("`{}`", words(sequence).replace('|', "\\|"));
                match actions.iter_mut().find(|(known, _)| known == action) {
                    Some((_, known)) => known.push(keys),
                    None => actions.push((*action, vec![keys])),
                }
            }
            let place = if section == "global" { "everywhere" } else { section };
            for (action, keys) in actions {
                text.push_str(&format!("| {place} | {} | {} |\n", keys.join(" "), action.help()));
            }
        }
        text
    }
}

/// Whether one sequence begins like the other, so that only one of them can be pressed.
fn alike(a: &[Chord], b: &[Chord]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// `gg`, `ctrl-d`; in a sequence named keys stand in brackets, as `--keys` takes them: `g<enter>`.
fn words(sequence: &[Chord]) -> String {
    let word = |chord: &Chord| match chord.to_string() {
        name if sequence.len() > 1 && name.chars().count() > 1 => format!("<{name}>"),
        name => name,
    };
    sequence.iter().map(word).collect()
}

#[cfg(test)]
mod tests;
