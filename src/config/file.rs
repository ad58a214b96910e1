//! `config.toml`: the only settings of our own. Unknown keys and bad values are errors with their place.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::clouds::ConfigError;

/// The settings, with the defaults of `assets/config.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub cloud: Cloud,
    pub ui: Ui,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cloud {
    /// The cloud to open when neither `--cloud` nor `OS_CLOUD` names one.
    pub name: Option<String>,
    /// A bound on the sum of all requests.
    pub requests_per_second: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// `dark`, `light`, `mono`, or a file.
    pub theme: String,
    /// `default`, `vim`, or a file.
    pub keymap: String,
    pub mouse: bool,
    pub time: Time,
    /// Cells that signs of ambiguous width take in this terminal.
    pub ambiguous_width: u8,
    /// Plain ASCII signs and bars.
    pub ascii: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: "dark".to_owned(),
            keymap: "default".to_owned(),
            mouse: true,
            time: Time::Local,
            ambiguous_width: 1,
            ascii: false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    #[default]
    Local,
    Utc,
}

/// The commented default, compiled in: a user's file has the same format.
pub const DEFAULT: &str = include_str!("../../assets/config.toml");

/// Reads the file that was named, or the first of the usual ones; none is fine.
pub fn load(named: Option<&Path>) -> Result<(File, Option<PathBuf>), ConfigError> {
    let (path, text) = match named {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
            (path.to_owned(), text)
        }
        None => {
            let mut found = None;
            for path in usual() {
                match std::fs::read_to_string(&path) {
                    Ok(text) => {
                        found = Some((path, text));
                        break;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(ConfigError::unreadable(&path, &error)),
                }
            }
            match found {
                Some(found) => found,
                None => return Ok((File::default(), None)),
            }
        }
    };
    let file = parse(&text, &path.display().to_string())?;
    Ok((file, Some(path)))
}

fn usual() -> Vec<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    home.map(|dir| dir.join("stackwatch/config.toml"))
        .into_iter()
        .chain([PathBuf::from("/etc/stackwatch/config.toml")])
        .collect()
}

/// Parses a file's text; `name` stands in messages.
pub fn parse(text: &str, name: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::toml(name, text, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_default_is_the_default() {
        let file = parse(DEFAULT, "assets/config.toml").unwrap();
        assert_eq!(format!("{file:?}"), format!("{:?}", File::default()));
    }

    #[test]
    fn a_wrong_key_is_named_with_its_place_and_neighbour() {
        let error = parse("[ui]\ntheem = \"dark\"\n", "c.toml").unwrap_err().to_string();
        assert!(error.contains("c.toml:2:1"), "{error}");
        assert!(error.contains("theme"), "{error}");
    }
}
