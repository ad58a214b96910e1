//! Keymap, theme and signs as the settings and the terminal's environment ask for them.

use jiff::tz::TimeZone;

use crate::cli::Common;
use crate::config::file::{File, Time};
use crate::keymap::{Keymap, KeymapError};
use crate::theme::{Depth, Look, Theme, ThemeError};
use crate::ui::format::Clock;

/// How the dashboard looks and which keys it hears.
pub struct Looks {
    pub keymap: Keymap,
    pub theme: Theme,
    /// What the terminal can show of any theme.
    pub depth: Depth,
    /// Whether the theme is made for light terminals.
    pub light: bool,
    pub look: Look,
    pub clock: Clock,
    pub mouse: bool,
}

impl Looks {
    /// Errors name the file, the line and the nearest valid name.
    pub fn load(common: &Common, file: &File) -> Result<Self, String> {
        let no_color = common.no_color || set("NO_COLOR");
        let name = if no_color { "mono" } else { file.ui.theme.as_str() };
        let theme = theme(name).map_err(|error| error.to_string())?;
        let depth = depth();
        Ok(Self {
            keymap: keymap(&file.ui.keymap).map_err(|error| error.to_string())?,
            theme: theme.at(depth),
            depth,
            light: name == "light",
            look: Look::new(file.ui.ascii || !utf8_locale(), file.ui.ambiguous_width),
            clock: Clock::new(TimeZone::system(), file.ui.time == Time::Utc),
            mouse: file.ui.mouse,
        })
    }
}

fn set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// As terminals say it of themselves. COLORTERM seldom survives ssh; TERM does.
fn depth() -> Depth {
    let of = |name| std::env::var(name).unwrap_or_default();
    match (of("COLORTERM").as_str(), of("TERM").as_str()) {
        ("truecolor" | "24bit", _) => Depth::Full,
        (_, term) if term.ends_with("-direct") => Depth::Full,
        (_, term) if term.contains("256color") => Depth::Indexed,
        _ => Depth::Basic,
    }
}

/// The first of the locale's variables that is set decides, as in the C library. None set at all is common
/// in `ssh host command`, where the terminal behind is UTF-8 today.
fn utf8_locale() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn theme(name: &str) -> Result<Theme, ThemeError> {
    match Theme::shipped(name) {
        Some(theme) => theme,
        None => match std::fs::read_to_string(name) {
            Ok(text) => Theme::parse(&text, name),
            Err(error) => Err(Theme::missing(name, &error.to_string())),
        },
    }
}

fn keymap(name: &str) -> Result<Keymap, KeymapError> {
    match Keymap::shipped(name) {
        Some(keymap) => keymap,
        None => match std::fs::read_to_string(name) {
            Ok(text) => Keymap::with_file(&text, name),
            Err(error) => Err(Keymap::missing(name, &error.to_string())),
        },
    }
}
