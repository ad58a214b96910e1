//! `config.toml`: the only settings of our own. Unknown keys and bad values are errors with their place.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::broker::Brokers;
use super::clouds::ConfigError;
use super::history::History;
use super::logs::LogPlace;

/// The settings, with the defaults of `assets/config.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub cloud: Cloud,
    pub broker: Brokers,
    pub logs: Vec<LogPlace>,
    pub index: Index,
    pub history: History,
    pub quotas: Quotas,
    pub ui: Ui,
    /// What lies beside the settings: formats of logs and signatures of the operator's own.
    #[serde(skip)]
    pub own: Own,
}

/// Files of the operator's own, by name: path and text of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// `formats/*.toml`, as `assets/formats/README.md` says.
    pub formats: Vec<(String, String)>,
    /// `signatures/*.toml`, in the form of `assets/signatures.toml`.
    pub signatures: Vec<(String, String)>,
}

/// What is kept of the logs, so that a trace need not read all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Index {
    /// Where; an empty one means that none is kept.
    pub path: Option<PathBuf>,
}

impl Index {
    /// `path`, else below the user's cache. None where none is to be kept, or there is no place for it.
    pub fn directory(&self) -> Option<PathBuf> {
        let usual = || own_directory("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("index"));
        self.path.clone().or_else(usual).filter(|path| !path.as_os_str().is_empty())
    }
}

/// Our own directory below the user's of a kind: where the variable says, else there at home.
pub(super) fn own_directory(variable: &str, at_home: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // As the specification says, a path that is not absolute does not count.
    let named = set(variable).filter(|path| path.is_absolute());
    let directory = named.or_else(|| set("HOME").map(|home| home.join(at_home)));
    directory.map(|directory| directory.join("stackwatch"))
}

impl Own {
    /// Those of all of these directories.
    fn in_all(directories: &[PathBuf]) -> Result<Self, ConfigError> {
        let mut own = Self::default();
        for directory in directories {
            own.formats.extend(files(&directory.join("formats"))?);
            own.signatures.extend(files(&directory.join("signatures"))?);
        }
        Ok(own)
    }
}

/// All `*.toml` of a directory, by name. One that is not there has none.
fn files(directory: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let unreadable = |path: &Path, error: &std::io::Error| ConfigError::unreadable(path, error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        Ok((path.display().to_string(), text))
    };
    paths.into_iter().map(read).collect()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cloud {
    /// The cloud to open when neither `--cloud` nor `OS_CLOUD` names one.
    pub name: Option<String>,
    /// A bound on the sum of all requests.
    pub requests_per_second: Option<f64>,
}

/// How fast projects are asked about: each costs every service a call.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Of all services together; 0: as fast as four in flight to each of them allow.
    #[serde(deserialize_with = "rate")]
    pub requests_per_second: f64,
}

fn rate<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    if rate == 0.0 || (0.01..=1_000.0).contains(&rate) {
        return Ok(rate);
    }
    let what = serde::de::Unexpected::Float(rate);
    Err(serde::de::Error::invalid_value(what, &"0 (no bound), or between 0.01 and 1000 a second"))
}

impl Default for Quotas {
    fn default() -> Self {
        Self { requests_per_second: 4.0 }
    }
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
                None => {
                    let directories: Vec<PathBuf> =
                        usual().iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
                    return Ok((File { own: Own::in_all(&directories)?, ..File::default() }, None));
                }
            }
        }
    };
    let mut file = parse(&text, &path.display().to_string())?;
    file.own = Own::in_all(path.parent().map(Path::to_owned).as_slice())?;
    Ok((file, Some(path)))
}

fn usual() -> Vec<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    home.map(|dir| dir.join("stackwatch/config.toml"))
        .into_iter()
        .chain([super::root().join("etc/stackwatch/config.toml")])
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

    #[test]
    fn an_empty_path_keeps_no_index() {
        let directory = |text| parse(text, "c.toml").unwrap().index.directory();
        assert_eq!(directory("[index]\npath = ''"), None);
        assert_eq!(directory("[index]\npath = '/srv/x'"), Some("/srv/x".into()));
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        let rate = |text: &str| parse(&format!("[quotas]\nrequests_per_second = {text}"), "c.toml");
        for (text, expected) in [("0", 0.0), ("0.5", 0.5), ("20", 20.0)] {
            assert_eq!(rate(text).unwrap().quotas.requests_per_second, expected);
        }
        for text in ["-1", "nan", "1e-9", "inf", "'fast'"] {
            let error = rate(text).unwrap_err().to_string();
            assert!(error.contains("c.toml:2:"), "{text}: {error}");
        }
    }

    fn brokers(text: &str) -> Vec<crate::config::broker::BrokerConfig> {
        parse(text, "c.toml").unwrap_or_else(|error| panic!("{text}: {error}")).broker.all
    }

    #[test]
    fn brokers_by_transport_url_by_management_url_and_by_both() {
        // Settings; name, vhosts, management, user of each broker.
        for (text, expected) in [
            (
                "[broker]\nurl = 'rabbit://u:p@ctl1:5672,u:p@[fd00::2]/nova'",
                "ctl1 nova http://ctl1:15672/ http://[fd00::2]:15672/ https://ctl1:15671/ https://[fd00::2]:15671/ u",
            ),
            ("[broker]\nurl = 'amqps://u:p@ctl1/nova'", "ctl1 nova https://ctl1:15671/ u"),
            (
                "[broker]\nname = 'prod'\nmanagement = 'http://m:q%40@vip:15672/rabbit/api/'\n\
                 url = ['rabbit://u:p@a/nova', 'rabbit://u:p@a//']",
                "prod nova,/ http://vip:15672/rabbit m",
            ),
            (
                "[broker]\nurl = ['rabbit://u:p@a/nova', 'rabbit://v:q@b/cell1']\nuser = 'mon'\npassword = 'x'",
                "a nova http://a:15672/ https://a:15671/ mon\nb cell1 http://b:15672/ https://b:15671/ mon",
            ),
            (
                "[[broker]]\nmanagement = ['http://u:p@a:1', 'http://b:1']\n[[broker]]\nmanagement = 'http://u:p@a:2'",
                "a  http://a:1/ http://b:1/ u\na-2  http://a:2/ u",
            ),
        ] {
            let found = brokers(text);
            let said = found.iter().map(|broker| {
                let urls: Vec<&str> = broker.management.iter().map(url::Url::as_str).collect();
                let vhosts: Vec<&str> = broker.transports.iter().map(|url| url.vhost.as_str()).collect();
                format!("{} {} {} {}", broker.name, vhosts.join(","), urls.join(" "), broker.user)
            });
            assert_eq!(said.collect::<Vec<_>>().join("\n"), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_broker_is_named_with_its_place_and_without_its_password() {
        for (text, words) in [
            ("[broker]\nulr = 'x'", &["c.toml:2:1", "did you mean `url`?"][..]),
            ("[broker]\nurl = 'rabit://u:hunter2@h/v'", &["c.toml:2:7", "did you mean `rabbit`?"]),
            (
                "[broker]\nurl = ['rabbit://u:p@h/v',\n 'rabbit://u:hunter2@h:x/v']",
                &["c.toml:2:7", "number 2 of the list", "no number"],
            ),
            ("[broker]\nmanagement = 'ctl1:hunter2'", &["c.toml:2:14", "http://host:15672"]),
            ("[broker]\nmanagement = 'http://h:1'", &["c.toml:1:", "no `user` and `password`"]),
            ("[[broker]]\nname = 'x'", &["c.toml:1:", "needs a `url`"]),
            ("[broker]\nuser = 'u'", &["c.toml:1:", "go together"]),
            ("[broker]\nmanagement = 'http://h:1'\nuser = 'u'", &["c.toml:1:", "go together"]),
            ("broker = 'rabbit://u:hunter2@h/v'", &["c.toml:1:", "[broker]"]),
            (
                "[broker]\nurl = ['rabbit://u:p@a/', 'rabbit://u:p@b/']\nmanagement = 'http://a:1'",
                &["c.toml:1:", "a [[broker]]"],
            ),
        ] {
            let error = parse(text, "c.toml").unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn a_broker_s_debug_shows_no_password() {
        let file =
            parse("[broker]\nurl = 'rabbit://u:hunter2@h/v'\nmanagement = 'http://u:hunter3@h:1'", "c.toml");
        let debug = format!("{:?}", file.unwrap());
        assert!(debug.contains("\"h\"") && !debug.contains("hunter"), "{debug}");
    }
}
