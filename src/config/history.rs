//! `[history]` in the settings: what is kept of the cloud's figures over time.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::file::own_directory;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// In which directory; an empty one means that none is kept.
    pub path: Option<PathBuf>,
    /// How long hours are kept.
    #[serde(deserialize_with = "span")]
    pub keep: Duration,
    /// Bytes on disk, of each cloud.
    #[serde(deserialize_with = "size")]
    pub max_size: u64,
}

const DAY: u64 = 86_400;

impl Default for History {
    fn default() -> Self {
        Self { path: None, keep: Duration::from_secs(90 * DAY), max_size: 200 << 20 }
    }
}

impl History {
    /// `path`, else below the user's state. None where none is to be kept, or there is no place for it.
    pub fn directory(&self) -> Option<PathBuf> {
        let usual = || own_directory("XDG_STATE_HOME", ".local/state").map(|state| state.join("history"));
        self.path.clone().or_else(usual).filter(|path| !path.as_os_str().is_empty())
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = of_units(&text, &[("h", 3_600), ("d", DAY), ("w", 7 * DAY), ("y", 365 * DAY)]);
    let seconds = seconds.filter(|seconds| (DAY..=100 * 365 * DAY).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is no length of time from a day on: write it as 90d, 12w or 1y"))
    })
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = of_units(&text, &[("MiB", 1 << 20), ("GiB", 1 << 30)]);
    bytes.filter(|bytes| *bytes >= 4 << 20).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is no size of 4 MiB or more: write it as 200MiB or 1GiB"))
    })
}

/// A whole number and one of these units.
fn of_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, word) = text.split_at(digits);
    let (_, unit) = units.iter().find(|(unit, _)| *unit == word.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::parse;

    #[test]
    fn what_is_kept_is_said_with_units() {
        let history = |text: &str| parse(&format!("[history]\n{text}"), "c.toml").map(|file| file.history);
        let keep =
            |text: &str| history(&format!("keep = '{text}'")).map(|history| history.keep.as_secs() / DAY);
        let size =
            |text: &str| history(&format!("max_size = '{text}'")).map(|history| history.max_size >> 20);
        for (text, days) in [("90d", 90), ("48h", 2), ("12 w", 84), ("2y", 730)] {
            assert_eq!(keep(text).unwrap(), days, "{text}");
        }
        for (text, mib) in [("200MiB", 200), ("1 GiB", 1_024)] {
            assert_eq!(size(text).unwrap(), mib, "{text}");
        }
        for text in ["", "90", "d", "3m", "1h", "-1d", "1.5d", "99999999999999999999d", "200y"] {
            let error = keep(text).unwrap_err().to_string();
            assert!(error.contains("c.toml:2:8") && error.contains("90d"), "{error}");
        }
        for text in ["", "200", "MiB", "1MiB", "200 MB", "17179869184GiB"] {
            let error = size(text).unwrap_err().to_string();
            assert!(error.contains("c.toml:2:12") && error.contains("200MiB"), "{error}");
        }
    }

    #[test]
    fn an_empty_path_keeps_none() {
        let directory = |path| History { path, ..History::default() }.directory();
        assert_eq!(directory(Some("".into())), None);
        assert_eq!(directory(Some("/srv/x".into())), Some("/srv/x".into()));
    }
}
