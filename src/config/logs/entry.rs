//! `[[logs]]` in the settings, checked while its place in the file is known.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{LogPlace, Origin, Reach};

#[derive(Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    Several(Vec<T>),
}

impl<T> Many<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    path: Option<Many<PathBuf>>,
    host: Option<String>,
    service: Option<String>,
    time_zone: Option<String>,
    ssh: Option<Many<String>>,
    #[serde(default)]
    sudo: bool,
    #[serde(default)]
    journal: bool,
    cloud: Option<String>,
}

impl<'de> Deserialize<'de> for LogPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer)?.place().map_err(D::Error::custom)
    }
}

impl Raw {
    fn place(self) -> Result<LogPlace, String> {
        let paths = self.path.map(Many::into_vec).unwrap_or_default();
        let zone = |name: &String| {
            TimeZone::get(name)
                .map_err(|_| format!("`{name}` is no time zone: take UTC, or a name such as Europe/Berlin"))
        };
        let zone = self.time_zone.as_ref().map(zone).transpose()?;
        let reach = match self.ssh {
            None if self.sudo => return Err("`sudo` is for hosts that are reached by `ssh`".to_owned()),
            None => Reach::Here,
            Some(hosts) => {
                let pattern = |host: &String| {
                    glob::Pattern::new(host)
                        .map_err(|error| format!("`{host}` is no pattern of hosts: {error}"))
                };
                let hosts = hosts.into_vec().iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
                Reach::Ssh { hosts, sudo: self.sudo }
            }
        };
        if paths.is_empty() && !self.journal && matches!(reach, Reach::Here) {
            return Err("a [[logs]] needs a `path`, `journal = true`, or `ssh`".to_owned());
        }
        if self.host.is_some() && !matches!(reach, Reach::Here) {
            return Err("`host` is for logs that lie here: those of `ssh` are their host's".to_owned());
        }
        Ok(LogPlace {
            reach,
            paths,
            journal: self.journal,
            host: self.host,
            service: self.service,
            zone,
            cloud: self.cloud,
            origin: Origin::Named("[[logs]]".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::config::file::parse;

    #[test]
    fn logs_by_path_over_ssh_and_from_the_journal() {
        let text = "[[logs]]\npath = ['/srv/logs/*.log', '/var/log/kolla']\ntime_zone = 'Europe/Berlin'\n\
                    [[logs]]\npath = '/srv/api.log'\nhost = 'ctl01'\nservice = 'nova-api'\ncloud = 'prod'\n\
                    [[logs]]\nssh = 'compute*'\nsudo = true\n[[logs]]\njournal = true\n";
        let logs = parse(text, "c.toml").unwrap().logs;
        let paths: Vec<usize> = logs.iter().map(|place| place.paths.len()).collect();
        assert_eq!(paths, [2, 1, 0, 0]);
        assert_eq!(logs[0].zone.as_ref().and_then(TimeZone::iana_name), Some("Europe/Berlin"));
        assert_eq!(
            (logs[1].host.as_deref(), logs[1].service.as_deref(), logs[1].cloud.as_deref()),
            (Some("ctl01"), Some("nova-api"), Some("prod"))
        );
        let reach = format!("{:?}", logs[2].reach);
        assert!(reach.contains("compute*") && reach.contains("sudo: true"), "{reach}");
        assert!(logs[3].journal && logs[3].is_here());
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (text, words) in [
            ("[[logs]]\nhost = 'x'", &["c.toml:1:", "needs a `path`"][..]),
            ("[[logs]]\npath = '/x'\ntime_zone = 'Berlin'", &["Europe/Berlin"]),
            ("[[logs]]\npath = '/x'\nsudo = true", &["`ssh`"]),
            ("[[logs]]\nssh = 'x'\nhost = 'y'", &["`host`"]),
            ("[[logs]]\npaht = '/x'", &["c.toml:2:1", "did you mean `path`?"]),
            ("[logs]\npath = '/x'", &["c.toml:1:"]),
        ] {
            let error = parse(text, "c.toml").unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }
}
