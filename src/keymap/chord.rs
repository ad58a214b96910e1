//! One chord: a key with its modifiers, as a keymap writes it.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key with its modifiers, normalised: terminals differ in how they report shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Names of keys that are no characters.
const NAMES: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("lt", KeyCode::Char('<')),
    ("gt", KeyCode::Char('>')),
];

impl Chord {
    /// `None` for a release, and for keys that are modifiers alone.
    pub fn from_event(key: KeyEvent) -> Option<Self> {
        if key.kind == KeyEventKind::Release || matches!(key.code, KeyCode::Modifier(_) | KeyCode::Null) {
            return None;
        }
        Some(Self::normal(key.code, key.modifiers))
    }

    fn normal(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let kept = modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        match code {
            // The character says already that shift was held.
            KeyCode::Char(c) => {
                let c = if kept.contains(KeyModifiers::SHIFT) && c.is_ascii_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c
                };
                let c = if kept.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c };
                Self { code: KeyCode::Char(c), modifiers: kept - KeyModifiers::SHIFT }
            }
            KeyCode::Tab if kept.contains(KeyModifiers::SHIFT) => {
                Self { code: KeyCode::BackTab, modifiers: kept - KeyModifiers::SHIFT }
            }
            KeyCode::BackTab => Self { code, modifiers: kept - KeyModifiers::SHIFT },
            code => Self { code, modifiers: kept },
        }
    }

    /// `j`, `G`, `ctrl-d`, `alt-b`, `enter`, `f5`.
    pub fn parse(word: &str) -> Option<Self> {
        let (modifiers, rest) = modified(word);
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == rest) {
            return Some(Self::normal(*code, modifiers));
        }
        let function = rest.strip_prefix('f').and_then(|n| n.parse::<u8>().ok());
        if let Some(n) = function.filter(|n| (1..=24).contains(n)) {
            return Some(Self::normal(KeyCode::F(n), modifiers));
        }
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => Some(Self::normal(KeyCode::Char(c), modifiers)),
            _ => None,
        }
    }

    /// What a mistyped name was meant to be, its modifiers kept.
    pub fn nearest(word: &str) -> Option<String> {
        let (_, rest) = modified(word);
        let near = crate::words::nearest(rest, NAMES.iter().map(|(name, _)| *name))?;
        Some(format!("{}{near}", word.strip_suffix(rest)?))
    }

    /// The key event that this chord stands for.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

/// The modifiers before a key's name, and the name.
fn modified(word: &str) -> (KeyModifiers, &str) {
    const MODIFIERS: &[(&str, KeyModifiers)] =
        &[("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)];
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = word;
    while let Some((name, modifier)) = MODIFIERS.iter().find(|(name, _)| rest.starts_with(name)) {
        // `ctrl--` holds the minus itself.
        modifiers |= *modifier;
        rest = &rest[name.len()..];
    }
    (modifiers, rest)
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("shift-")?;
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (_, KeyCode::Char('<')) => f.write_str("<"),
            (_, KeyCode::Char('>')) => f.write_str(">"),
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, KeyCode::F(n)) => write!(f, "f{n}"),
            (None, code) => write!(f, "{code:?}"),
        }
    }
}

/// Keys as `--keys` and tests write them: characters as they are, others as `<enter>`, `<ctrl-d>`, `<lt>`.
pub fn parse_keys(text: &str) -> Result<Vec<KeyEvent>, String> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '<' {
            keys.push(Chord::normal(KeyCode::Char(c), KeyModifiers::NONE).event());
            continue;
        }
        let end = rest.find('>').ok_or_else(|| format!("`<{rest}` is never closed by `>`"))?;
        let name = &rest[..end];
        rest = &rest[end + 1..];
        let chord = Chord::parse(name).ok_or_else(|| {
            let near = Chord::nearest(name);
            let near = near.map(|near| format!("; did you mean <{near}>?")).unwrap_or_default();
            format!("there is no key <{name}>{near}")
        })?;
        keys.push(chord.event());
    }
    Ok(keys)
}
