//! Themes as data: named roles → styles; and the signs that go with them, never colour alone.

use std::fmt;

use ratatui::style::{Color, Style};
use serde::Deserialize;

/// What a piece of the screen is, whatever it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Text,
    Header,
    Heading,
    Tab,
    TabActive,
    Rule,
    Selection,
    Ok,
    Warn,
    Crit,
    Unknown,
    Stale,
    Accent,
    Dim,
    Bar,
    BarEmpty,
    Prompt,
    Error,
}

/// A theme: a style for each role. Files in the format of `assets/themes/*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    text: Style,
    header: Style,
    heading: Style,
    tab: Style,
    tab_active: Style,
    rule: Style,
    selection: Style,
    ok: Style,
    warn: Style,
    crit: Style,
    unknown: Style,
    stale: Style,
    accent: Style,
    dim: Style,
    bar: Style,
    bar_empty: Style,
    prompt: Style,
    error: Style,
}

/// The themes that come with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("dark", include_str!("../assets/themes/dark.toml")),
    ("light", include_str!("../assets/themes/light.toml")),
    ("mono", include_str!("../assets/themes/mono.toml")),
    ("colorblind", include_str!("../assets/themes/colorblind.toml")),
];

/// What is wrong with a theme, with its place.
#[derive(Debug)]
pub struct ThemeError(String);

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Theme {
    pub const NAMES: &'static [&'static str] = &["dark", "light", "mono", "colorblind"];

    /// One of the shipped themes.
    pub fn shipped(name: &str) -> Option<Result<Self, ThemeError>> {
        SHIPPED
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(n, text)| Self::parse(text, &format!("themes/{n}.toml")))
    }

    /// Parses a theme; `file` stands in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, ThemeError> {
        toml::from_str(text).map_err(|error| ThemeError(crate::words::toml(file, text, &error)))
    }

    pub(crate) fn missing(name: &str, why: &str) -> ThemeError {
        let near = crate::words::nearest(name, Self::NAMES.iter().copied());
        let near = near.map(|near| format!("; near it: {near}")).unwrap_or_default();
        ThemeError(format!(
            "theme `{name}`: not one of {}{near}, and as a file: {why}",
            Self::NAMES.join(", ")
        ))
    }

    pub fn style(&self, role: Role) -> Style {
        match role {
            Role::Text => self.text,
            Role::Header => self.header,
            Role::Heading => self.heading,
            Role::Tab => self.tab,
            Role::TabActive => self.tab_active,
            Role::Rule => self.rule,
            Role::Selection => self.selection,
            Role::Ok => self.ok,
            Role::Warn => self.warn,
            Role::Crit => self.crit,
            Role::Unknown => self.unknown,
            Role::Stale => self.stale,
            Role::Accent => self.accent,
            Role::Dim => self.dim,
            Role::Bar => self.bar,
            Role::BarEmpty => self.bar_empty,
            Role::Prompt => self.prompt,
            Role::Error => self.error,
        }
    }

    /// The theme on a terminal that knows fewer colours: true colours become the nearest of 16.
    pub fn reduced(mut self) -> Self {
        for style in [
            &mut self.text,
            &mut self.header,
            &mut self.heading,
            &mut self.tab,
            &mut self.tab_active,
            &mut self.rule,
            &mut self.selection,
            &mut self.ok,
            &mut self.warn,
            &mut self.crit,
            &mut self.unknown,
            &mut self.stale,
            &mut self.accent,
            &mut self.dim,
            &mut self.bar,
            &mut self.bar_empty,
            &mut self.prompt,
            &mut self.error,
        ] {
            style.fg = style.fg.map(nearest_of_16);
            style.bg = style.bg.map(nearest_of_16);
        }
        self
    }
}

/// xterm's own 16, in the order of ratatui's names.
pub const PALETTE_16: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 49, 49)),
    (Color::Green, (13, 188, 121)),
    (Color::Yellow, (229, 229, 16)),
    (Color::Blue, (36, 114, 200)),
    (Color::Magenta, (188, 63, 188)),
    (Color::Cyan, (17, 168, 205)),
    (Color::Gray, (204, 204, 204)),
    (Color::DarkGray, (118, 118, 118)),
    (Color::LightRed, (241, 76, 76)),
    (Color::LightGreen, (35, 209, 139)),
    (Color::LightYellow, (245, 245, 67)),
    (Color::LightBlue, (59, 142, 234)),
    (Color::LightMagenta, (214, 112, 214)),
    (Color::LightCyan, (41, 184, 219)),
    (Color::White, (255, 255, 255)),
];

fn nearest_of_16(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    let distance = |(x, y, z): (u8, u8, u8)| {
        let d = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
        d(r, x) + d(g, y) + d(b, z)
    };
    PALETTE_16.iter().min_by_key(|(_, rgb)| distance(*rgb)).map_or(color, |(color, _)| *color)
}

/// What a sign says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Ok,
    Warn,
    Crit,
    Info,
    Unknown,
    Disabled,
    Stale,
    Busy,
}

/// How this terminal writes: UTF-8 signs or ASCII, and how wide ambiguous ones are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    ascii: bool,
    /// Cells of a character of ambiguous width: 1 or 2.
    pub ambiguous: u8,
}

impl Look {
    pub fn new(ascii: bool, ambiguous: u8) -> Self {
        Self { ascii, ambiguous: ambiguous.clamp(1, 2) }
    }

    pub fn is_ascii(self) -> bool {
        self.ascii
    }

    pub fn sign(self, sign: Sign) -> &'static str {
        let (utf8, ascii) = match sign {
            Sign::Ok => ("●", "o"),
            Sign::Warn => ("▲", "!"),
            Sign::Crit => ("✖", "x"),
            Sign::Info => ("i", "i"),
            Sign::Unknown => ("?", "?"),
            Sign::Disabled | Sign::Stale => ("◌", "-"),
            Sign::Busy => ("…", "~"),
        };
        // In a font that draws them two cells wide they would push every column; ASCII keeps the grid.
        if self.ascii || self.ambiguous == 2 { ascii } else { utf8 }
    }

    pub fn rule(self) -> &'static str {
        if self.ascii || self.ambiguous == 2 { "-" } else { "─" }
    }

    /// Between the steps of the way that led here.
    pub fn crumb(self) -> &'static str {
        if self.ascii { " > " } else { " › " }
    }

    /// The sorted column's mark: ascending or descending.
    pub fn sorted(self, descending: bool) -> &'static str {
        match (self.ascii || self.ambiguous == 2, descending) {
            // Arrows: a triangle is the sign of a warning.
            (false, true) => "↓",
            (false, false) => "↑",
            (true, true) => "v",
            (true, false) => "^",
        }
    }

    pub fn ellipsis(self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_themes_name_every_role() {
        for name in Theme::NAMES {
            assert!(Theme::shipped(name).unwrap().is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_role_is_named_with_its_place() {
        let text = include_str!("../assets/themes/dark.toml").replace("warn =", "wran =");
        let error = Theme::parse(&text, "my.toml").unwrap_err().to_string();
        assert!(error.contains("my.toml:") && error.contains("wran") && error.contains("warn"), "{error}");
    }

    #[test]
    fn mono_has_no_colour() {
        let mono = Theme::shipped("mono").unwrap().unwrap();
        for role in [Role::Ok, Role::Crit, Role::Selection, Role::Text] {
            assert_eq!((mono.style(role).fg, mono.style(role).bg), (None, None));
        }
    }
}
