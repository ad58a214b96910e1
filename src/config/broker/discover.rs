//! The brokers that nova, neutron and cinder of this host are configured for, by the layouts of packages, DevStack,
//! kolla-ansible and TripleO (operations.md 4.1, 4.2).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Host, Transport};
use crate::config::ini::Ini;

/// Services that are asked of: each has a `NAME.conf`.
const SERVICES: [&str; 3] = ["nova", "neutron", "cinder"];

/// Where a transport URL stands: of the calls, and of the notifications where those go elsewhere, the last one under
/// its old name.
const KEYS: [(&str, &str); 3] = [
    ("DEFAULT", "transport_url"),
    ("oslo_messaging_notifications", "transport_url"),
    ("DEFAULT", "notification_transport_url"),
];
/// What stands of TLS beside it: its name in a URL, and the old name in the file.
const FLAG: (&str, &str) = ("ssl", "rabbit_use_ssl");
const FILES: [(&str, &str); 3] = [
    ("ssl_ca_file", "kombu_ssl_ca_certs"),
    ("ssl_cert_file", "kombu_ssl_certfile"),
    ("ssl_key_file", "kombu_ssl_keyfile"),
];

/// Why a part of a service's configuration could not be taken, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub message: String,
    pub next_step: String,
}

/// A transport URL, and where it stands.
struct Found {
    transport: Transport,
    place: String,
}

/// One broker: its vhosts, and where they were found.
pub(super) struct Group {
    pub transports: Vec<Transport>,
    pub origin: String,
}

/// The brokers of the files below this root.
pub(super) fn brokers(root: &Path) -> (Vec<Group>, Vec<Trouble>) {
    let mut search = Search { root, found: Vec::new(), troubles: Vec::new() };
    for service in SERVICES {
        search.of_service(service);
    }
    let Search { found, troubles, .. } = search;
    (groups(found), troubles)
}

struct Search<'a> {
    root: &'a Path,
    found: Vec<Found>,
    troubles: Vec<Trouble>,
}

/// The files of one process, each over those before it.
type Layers = Vec<(PathBuf, Ini)>;

impl Search<'_> {
    fn of_service(&mut self, service: &'static str) {
        let name = format!("{service}.conf");
        let etc = self.root.join("etc").join(service);
        self.of_process(service, &etc, &name);
        // DevStack has a file for each cell, and one for nova-compute.
        let cells = |file: &str| file.starts_with("nova_cell") || file == "nova-cpu.conf";
        for file in self.list(&etc).into_iter().filter(|file| cells(file)) {
            self.of_process(service, &etc, &file);
        }
        for dir in ["etc/kolla", "var/lib/config-data/puppet-generated"].map(|dir| self.root.join(dir)) {
            for container in self.list(&dir) {
                let dir = dir.join(container);
                self.of_process(service, &dir, &name);
                self.of_process(service, &dir.join("etc").join(service), &name);
            }
        }
    }

    /// A file with the directories that are read after it.
    fn of_process(&mut self, service: &str, dir: &Path, name: &str) {
        let base = dir.join(name);
        let Some(ini) = self.read(service, &base) else { return };
        let mut layers = vec![(base, ini)];
        for dir in [dir.join(format!("{name}.d")), dir.join("conf.d")] {
            for file in self.list(&dir) {
                let path = dir.join(file);
                // RDO has a directory in `conf.d` for each program.
                let paths = match path.is_dir() {
                    true => self.list(&path).into_iter().map(|file| path.join(file)).collect(),
                    false => vec![path],
                };
                for path in paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "conf")) {
                    let ini = self.read(service, &path);
                    layers.extend(ini.map(|ini| (path, ini)));
                }
            }
        }
        for (section, key) in KEYS {
            let Some((path, value)) = last(&layers, section, &[key]).filter(|(_, url)| !url.is_empty())
            else {
                continue;
            };
            let place = format!("{} [{section}] {key}", path.display());
            match self.transport(value, &layers, &place) {
                Ok(transport) => self.found.push(Found { transport, place }),
                Err(why) => self
                    .troubles
                    .push(Trouble { message: format!("{place}: {why}"), next_step: NAME_IT.to_owned() }),
            }
        }
    }

    /// A URL with what the file says of TLS beside it.
    fn transport(&mut self, value: &str, layers: &Layers, place: &str) -> Result<Transport, String> {
        // Python's urlsplit leaves out where a URL was continued on another line.
        let url: Zeroizing<String> =
            Zeroizing::new(value.chars().filter(|c| !"\n\r\t".contains(*c)).collect());
        if refers(&url) {
            return Err("it refers to another setting by `$`, which stackwatch does not follow".to_owned());
        }
        let url = Zeroizing::new(url.replace("$$", "$"));
        let mut transport = Transport::parse(&url)?;
        let beside = |(name, old)| last(layers, "oslo_messaging_rabbit", &[name, old]);
        if let Some((_, value)) = beside(FLAG) {
            transport.below(FLAG.0, value);
        }
        if !transport.secure {
            return Ok(transport);
        }
        for (name, old) in FILES {
            if let Some((_, file)) = beside((name, old)).filter(|(_, file)| !file.is_empty()) {
                transport.below(name, file);
            }
        }
        self.files(&mut transport, place);
        Ok(transport)
    }

    /// A file that only the service may read, or that its container alone has, is done without: that is no reason to
    /// have no broker.
    fn files(&mut self, transport: &mut Transport, place: &str) {
        let named = FILES.map(|(name, _)| (name, transport.option(name).map(str::to_owned)));
        for (name, file) in named {
            let Some(file) = file else { continue };
            let path = self.root.join(file.trim_start_matches('/'));
            let path = if Path::new(&file).is_absolute() { path } else { PathBuf::from(&file) };
            match File::open(&path) {
                Ok(_) => transport.set(name, Some(&path.display().to_string())),
                Err(error) => {
                    transport.set(name, None);
                    // One without the other is nothing.
                    let own = ["ssl_cert_file", "ssl_key_file"];
                    if own.contains(&name) {
                        own.iter().for_each(|name| transport.set(name, None));
                    }
                    self.add(Trouble {
                        message: format!("{} ({name} of {place}) cannot be read: {error}", path.display()),
                        next_step:
                            "it is done without; name one that can be read in config.toml, by `cacert`, \
                                    or `cert` and `key`, in [broker]"
                                .to_owned(),
                    });
                }
            }
        }
    }

    /// A file that is there. One that may not be read is said.
    fn read(&mut self, service: &str, path: &Path) -> Option<Ini> {
        match fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => Some(Ini::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if is_absent(&error) => None,
            Err(error) => {
                self.add(unreadable(service, path, &error));
                None
            }
        }
    }

    /// The names in a directory that is there, in their order.
    fn list(&mut self, dir: &Path) -> Vec<String> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                // What the file in it said already.
                let said = self.troubles.iter().any(|known| known.message.contains(&*dir.to_string_lossy()));
                if !is_absent(&error) && !said {
                    self.add(unreadable("nova", dir, &error));
                }
                return Vec::new();
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    fn add(&mut self, trouble: Trouble) {
        if !self.troubles.contains(&trouble) {
            self.troubles.push(trouble);
        }
    }
}

const NAME_IT: &str =
    "name the broker in config.toml: [broker] url = \"rabbit://user:password@host:5672/vhost\"";

fn unreadable(service: &str, path: &Path, error: &io::Error) -> Trouble {
    Trouble {
        message: format!("{} cannot be read: {error}", path.display()),
        next_step: format!(
            "run stackwatch as root, or as a member of the group that may read it (`{service}`); or {NAME_IT}"
        ),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What counts of several files: the last that says it.
fn last<'a>(layers: &'a Layers, section: &str, names: &[&str]) -> Option<(&'a Path, &'a str)> {
    layers.iter().rev().find_map(|(path, ini)| Some((path.as_path(), ini.get(section, names)?)))
}

/// Whether oslo would put another setting's value in; `$$` stands for `$`.
fn refers(value: &str) -> bool {
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let behind = &rest[at + 1..];
        if behind.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{') {
            return true;
        }
        rest = behind.strip_prefix('$').unwrap_or(behind);
    }
    false
}

/// URLs that share a host are of one broker: all of its nodes serve all of its vhosts.
fn groups(found: Vec<Found>) -> Vec<Group> {
    struct Parts {
        hosts: Vec<Host>,
        transports: Vec<Transport>,
        places: Vec<String>,
        more: usize,
    }
    let mut all: Vec<Parts> = Vec::new();
    for Found { transport, place } in found {
        let shares = |parts: &&mut Parts| transport.hosts.iter().any(|host| parts.hosts.contains(host));
        let Some(parts) = all.iter_mut().find(shares) else {
            let hosts = transport.hosts.clone();
            all.push(Parts { hosts, transports: vec![transport], places: vec![place], more: 0 });
            continue;
        };
        let more: Vec<Host> =
            transport.hosts.iter().filter(|host| !parts.hosts.contains(host)).cloned().collect();
        let is_known = parts.transports.iter().any(|known| known.vhost == transport.vhost);
        if is_known && more.is_empty() {
            parts.more += 1;
            continue;
        }
        parts.hosts.extend(more);
        parts.places.push(place);
        if !is_known {
            parts.transports.push(transport);
        }
    }
    let group = |parts: Parts| {
        let Parts { hosts, mut transports, places, more } = parts;
        transports.iter_mut().for_each(|transport| transport.hosts.clone_from(&hosts));
        let more = if more == 0 { String::new() } else { format!(" (and {more} more that say the same)") };
        Group { transports, origin: places.join(", ") + &more }
    };
    all.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests;
