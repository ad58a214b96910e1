//! Where logs are: `[[logs]]` of `config.toml`; else what this host's services are configured for, and where
//! packages, kolla-ansible, TripleO and a central rsyslog put them (operations.md 4.2, 4.4).

mod entry;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::ini::Ini;

/// Logs that are read in one way: where they are, whose they are, and by which clock they tell the time.
#[derive(Clone, Debug)]
pub struct LogPlace {
    pub reach: Reach,
    /// Files, directories, globs. Empty only where journald alone is read, or over SSH: then the known layouts are.
    pub paths: Vec<PathBuf>,
    /// journald's own, by `journalctl`.
    pub journal: bool,
    /// Whose they are, whatever their path says. A line that names its host itself knows better.
    pub host: Option<String>,
    /// Of which service, whatever the file is called.
    pub service: Option<String>,
    /// In which lines without an offset tell the time. Where nobody says: this machine's own for what lies here, a
    /// host's own for what is read over SSH.
    pub zone: Option<TimeZone>,
    /// The cloud of clouds.yaml whose logs they are; `None`: of whichever is looked at.
    pub cloud: Option<String>,
    pub origin: Origin,
}

/// Who says that there are logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator: where there are none, that is a fault.
    Named(String),
    /// This host's own files: who has not written yet, has no log.
    Found(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Named(words) | Self::Found(words)) = self;
        f.write_str(words)
    }
}

/// How logs are come by.
#[derive(Clone, Debug)]
pub enum Reach {
    /// On this host; or lying here, whoever wrote them.
    Here,
    /// On the hosts that the API names and one of these matches.
    Ssh { hosts: Vec<glob::Pattern>, sudo: bool },
}

impl LogPlace {
    /// Files that were named: whose they are, their paths alone say.
    pub fn named(paths: Vec<PathBuf>, origin: &str) -> Self {
        Self {
            reach: Reach::Here,
            paths,
            journal: false,
            host: None,
            service: None,
            zone: None,
            cloud: None,
            origin: Origin::Named(origin.to_owned()),
        }
    }

    /// The same, by another clock.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone: Some(zone), ..self }
    }

    pub fn is_here(&self) -> bool {
        matches!(self.reach, Reach::Here)
    }
}

/// Those that belong to a cloud. Where no cloud is known, all.
pub fn of_cloud<'a>(all: &'a [LogPlace], cloud: Option<&str>) -> impl Iterator<Item = &'a LogPlace> {
    all.iter().filter(move |place| match (&place.cloud, cloud) {
        (Some(its), Some(cloud)) => its == cloud,
        _ => true,
    })
}

/// Directories of this host, below its root: packages', kolla-ansible's, TripleO's, a central rsyslog's. They are
/// listed, not globbed: a host has few.
pub const LAYOUTS: &[&str] = &[
    "var/log/nova",
    "var/log/neutron",
    "var/log/placement",
    "var/log/cinder",
    "var/log/glance",
    "var/log/keystone",
    "var/log/kolla",
    "var/lib/docker/volumes/kolla_logs/_data",
    "var/log/containers",
    "var/log/rsyslog",
];

/// Services whose configuration may name another directory: each has a `NAME.conf` in a directory of its name.
const SERVICES: &[&str] =
    &["nova", "neutron", "placement", "cinder", "glance", "keystone", "heat", "octavia"];

/// Where this host has logs, each directory or file once. Nothing is said of what is not there.
pub fn found(root: &Path) -> Vec<LogPlace> {
    let mut places: Vec<LogPlace> = Vec::new();
    let mut add = |path: PathBuf, origin: String| {
        // One directory has many names: kolla's is a link to its volume.
        let Ok(whole) = path.canonicalize() else { return };
        let is_known = places.iter().flat_map(|place| &place.paths).any(|known| whole.starts_with(known));
        if !is_known {
            let host = Some(own_host());
            let origin = Origin::Found(origin);
            places.push(LogPlace { host, origin, ..LogPlace::named(vec![whole], "") });
        }
    };
    for service in SERVICES {
        let conf = root.join("etc").join(service).join(format!("{service}.conf"));
        for (key, path) in configured(&conf) {
            let path = root.join(path.strip_prefix("/").unwrap_or(&path));
            add(path, format!("{} [DEFAULT] {key}", conf.display()));
        }
    }
    for layout in LAYOUTS {
        add(root.join(layout), "where packages and deployment tools put them".to_owned());
    }
    // A central tree's directories are other hosts'.
    for place in &mut places {
        if place.paths.iter().any(|path| path.ends_with("rsyslog")) {
            place.host = None;
        }
    }
    places
}

/// `log_dir`, and `log_file` where that is a path of its own.
fn configured(conf: &Path) -> Vec<(&'static str, PathBuf)> {
    let Ok(bytes) = std::fs::read(conf) else { return Vec::new() };
    let ini = Ini::parse(&String::from_utf8_lossy(&bytes));
    let path =
        |names: &[&str]| ini.get("DEFAULT", names).map(PathBuf::from).filter(|path| path.is_absolute());
    let dir = path(&["log_dir", "logdir"]).map(|path| ("log_dir", path));
    let file = path(&["log_file", "logfile"]).map(|path| ("log_file", path));
    dir.into_iter().chain(file).collect()
}

/// What this host calls itself: nova's services go by the same name, unless they are told another.
pub fn own_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_s_logs_are_where_its_services_say_and_where_layouts_have_them_each_once() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for dir in ["var/log/nova", "srv/logs/neutron", "var/lib/docker/volumes/kolla_logs/_data", "etc/nova"]
        {
            std::fs::create_dir_all(root.join(dir)).unwrap();
        }
        std::fs::create_dir_all(root.join("etc/neutron")).unwrap();
        std::os::unix::fs::symlink(
            root.join("var/lib/docker/volumes/kolla_logs/_data"),
            root.join("var/log/kolla"),
        )
        .unwrap();
        std::fs::write(root.join("etc/nova/nova.conf"), "[DEFAULT]\nlog_dir = /var/log/nova\n").unwrap();
        std::fs::write(
            root.join("etc/neutron/neutron.conf"),
            "[DEFAULT]\nlog_dir = /srv/logs/neutron\nlog_file = neutron.log\n",
        )
        .unwrap();
        let found: Vec<(String, Option<String>)> = found(&root)
            .into_iter()
            .map(|place| (place.paths[0].strip_prefix(&root).unwrap().display().to_string(), place.host))
            .collect();
        let own = || Some(own_host());
        assert_eq!(
            found,
            [
                ("var/log/nova".to_owned(), own()),
                ("srv/logs/neutron".to_owned(), own()),
                ("var/lib/docker/volumes/kolla_logs/_data".to_owned(), own()),
            ]
        );
    }

    #[test]
    fn the_logs_of_another_cloud_are_left_alone() {
        let place = |cloud: Option<&str>| LogPlace {
            cloud: cloud.map(str::to_owned),
            ..LogPlace::named(Vec::new(), "test")
        };
        let all = [place(None), place(Some("prod")), place(Some("lab"))];
        assert_eq!(of_cloud(&all, Some("prod")).count(), 2);
        assert_eq!(of_cloud(&all, None).count(), 3);
    }
}
