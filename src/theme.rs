//! Themes as data: named roles → styles; and the signs that go with them, never colour alone.

use std::fmt;

use ratatui::style::{Color, Style};
use serde::Deserialize;

macro_rules! roles {
    ($($role:ident = $field:ident),+ $(,)?) => {
        /// What a piece of the screen is, whatever it looks like.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Role { $($role),+ }

        /// A theme: a style for each role. Files in the format of `assets/themes/*.toml`.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Theme {
            $($field: Style,)+
            #[serde(default)]
            basic: Basic,
        }

        /// What roles look like where there are 16 colours only, and the nearest one would not do.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Basic { $($field: Option<Style>,)+ }

        impl Theme {
            pub fn style(&self, role: Role) -> Style {
                match role { $(Role::$role => self.$field),+ }
            }

            /// The theme on a terminal with 16 colours.
            fn reduced(mut self) -> Self {
                $(self.$field = self.basic.$field.unwrap_or_else(|| recoloured(self.$field, nearest_of_16));)+
                self
            }

            /// The theme on a terminal with 256 colours.
            fn indexed(mut self) -> Self {
                $(self.$field = recoloured(self.$field, nearest_of_256);)+
                self
            }
        }
    };
}

roles! {
    Text = text,
    Header = header,
    Heading = heading,
    Tab = tab,
    TabActive = tab_active,
    Rule = rule,
    Selection = selection,
    Ok = ok,
    Warn = warn,
    Crit = crit,
    Unknown = unknown,
    Stale = stale,
    Accent = accent,
    Dim = dim,
    Bar = bar,
    BarEmpty = bar_empty,
    Prompt = prompt,
    Error = error,
}

/// How many colours a terminal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 16.
    Basic,
    /// 256.
    Indexed,
    /// All of them.
    Full,
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

    /// The theme as a terminal of this depth can show it.
    pub fn at(self, depth: Depth) -> Self {
        match depth {
            Depth::Basic => self.reduced(),
            Depth::Indexed => self.indexed(),
            Depth::Full => self,
        }
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
}

fn recoloured(style: Style, nearest: fn(Color) -> Color) -> Style {
    Style { fg: style.fg.map(nearest), bg: style.bg.map(nearest), ..style }
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
    let near = PALETTE_16.iter().min_by_key(|(_, rgb)| distance((r, g, b), *rgb));
    near.map_or(color, |(color, _)| *color)
}

/// Of xterm's cube and greys; its first 16 differ from terminal to terminal.
fn nearest_of_256(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    (16..=255u8).min_by_key(|index| distance((r, g, b), xterm(*index))).map_or(color, Color::Indexed)
}

/// What xterm shows for one of the colours from 16 on.
pub fn xterm(index: u8) -> (u8, u8, u8) {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |n: u8| LEVELS.get(usize::from(n % 6)).copied().unwrap_or_default();
    match index.saturating_sub(16) {
        n @ 0..216 => (level(n / 36), level(n / 6), level(n)),
        n => {
            let grey = 8 + 10 * (n - 216);
            (grey, grey, grey)
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> i32 {
    let d = |x: u8, y: u8| (i32::from(x) - i32::from(y)).pow(2);
    d(a.0, b.0) + d(a.1, b.1) + d(a.2, b.2)
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
    /// Set by the operator.
    Mark,
    /// What is searched for.
    Match,
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
            Sign::Mark => ("◆", "#"),
            Sign::Match => ("›", ">"),
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

    const LEGIBLE: [Role; 13] = [
        Role::Text,
        Role::Heading,
        Role::Tab,
        Role::Ok,
        Role::Warn,
        Role::Crit,
        Role::Unknown,
        Role::Stale,
        Role::Accent,
        Role::Dim,
        Role::Header,
        Role::Prompt,
        Role::Error,
    ];

    fn shipped(name: &str) -> Theme {
        Theme::shipped(name).unwrap().unwrap()
    }

    /// Relative luminance, as WCAG has it.
    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.039_28 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    fn rgb(color: Option<Color>, otherwise: (u8, u8, u8)) -> (u8, u8, u8) {
        match color {
            Some(Color::Rgb(r, g, b)) => (r, g, b),
            Some(Color::Indexed(index)) => xterm(index),
            Some(named) => PALETTE_16.iter().find(|(c, _)| *c == named).unwrap().1,
            None => otherwise,
        }
    }

    #[test]
    fn every_text_is_legible_on_its_ground_and_under_the_cursor() {
        let (black, white) = ((0x1a, 0x1b, 0x26), (0xfa, 0xfa, 0xfa));
        for (name, paper, ink) in
            [("dark", black, white), ("colorblind", black, white), ("light", white, black)]
        {
            for theme in [shipped(name), shipped(name).indexed()] {
                let selected = rgb(theme.style(Role::Selection).bg, paper);
                for role in LEGIBLE {
                    let fg = rgb(theme.style(role).fg, ink);
                    let (plain, under) = (contrast(fg, paper), contrast(fg, selected));
                    assert!(plain >= 4.5, "{name}, {role:?}: {plain:.1} on the ground");
                    assert!(under >= 3.0, "{name}, {role:?}: {under:.1} under the cursor");
                }
            }
        }
    }

    #[test]
    fn sixteen_colours_still_tell_good_from_bad() {
        for name in ["dark", "light", "colorblind"] {
            let theme = shipped(name).reduced();
            let verdicts = [Role::Ok, Role::Warn, Role::Crit, Role::Unknown].map(|role| theme.style(role).fg);
            let distinct: std::collections::HashSet<_> = verdicts.iter().collect();
            assert_eq!(distinct.len(), 4, "{name}: {verdicts:?}");
            // A ground that is one of 16 would swallow one of the colours upon it.
            let selection = theme.style(Role::Selection);
            assert_eq!(selection.bg, None, "{name}");
            assert!(selection.add_modifier.contains(ratatui::style::Modifier::REVERSED), "{name}");
        }
    }

    #[test]
    fn the_nearest_colours() {
        for (rgb, of_256, of_16) in [
            ((0, 0, 0), 16, Color::Black),
            ((255, 255, 255), 231, Color::White),
            ((0x8a, 0x94, 0xa6), 103, Color::DarkGray),
            ((118, 118, 118), 243, Color::DarkGray),
        ] {
            let color = Color::Rgb(rgb.0, rgb.1, rgb.2);
            assert_eq!(
                (nearest_of_256(color), nearest_of_16(color)),
                (Color::Indexed(of_256), of_16),
                "{rgb:?}"
            );
        }
    }

    #[test]
    fn mono_has_no_colour() {
        let mono = Theme::shipped("mono").unwrap().unwrap();
        for role in [Role::Ok, Role::Crit, Role::Selection, Role::Text] {
            assert_eq!((mono.style(role).fg, mono.style(role).bg), (None, None));
        }
    }
}
