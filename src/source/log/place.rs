//! Whose log a file is: the host and the service, by where it lies and what it is called.
//!
//! `/var/log/nova/nova-compute.log`, kolla's `/var/log/kolla/nova/nova-compute.log`, a central tree's
//! `/var/log/rsyslog/cmp01/nova-compute.log`, RDO's `/var/log/neutron/server.log` (operations.md 4.2, 4.4).

use std::path::Path;

/// Directories that are called by what is in them, not by a host.
const DIRECTORIES: &[&str] = &[
    "log",
    "logs",
    "kolla",
    "containers",
    "stdouts",
    "rsyslog",
    "remote",
    "hosts",
    "nova",
    "neutron",
    "cinder",
    "glance",
    "keystone",
    "placement",
    "heat",
    "swift",
    "horizon",
    "httpd",
    "apache2",
    "rabbitmq",
    "mariadb",
    "mysql",
    "libvirt",
    "qemu",
    "openvswitch",
    "haproxy",
    "ironic",
    "octavia",
    "_data",
];
/// Those of them below which each directory is a host.
const CENTRAL: &[&str] = &["rsyslog", "remote", "hosts"];
/// Services whose files RDO calls without their first part.
const SHORT: &[&str] = &["neutron", "cinder", "glance", "heat"];

/// A file's host, where its path names one, and its service.
pub fn place(path: &Path) -> (Option<&str>, &str) {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let service = file.split(".log").next().unwrap_or(file);
    let service = service.split('.').next().unwrap_or(service);
    let directory =
        path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let host = (!directory.is_empty() && !DIRECTORIES.contains(&directory)).then_some(directory);
    // `rabbit@ctl01.log` names both.
    if let Some(("rabbit", node)) = service.split_once('@') {
        return (Some(node), "rabbitmq");
    }
    // So does `nova-compute-cmp01.log`, where the logs of all hosts lie in one directory. Kolla's ironic is no host.
    match service.strip_prefix("nova-compute-") {
        Some(host) if !host.is_empty() && host != "ironic" => (Some(host), "nova-compute"),
        _ => (host, service),
    }
}

/// Whether a file lies in a central server's tree: its directory names a host, whichever host the tree is on.
pub fn is_central(path: &Path) -> bool {
    path.iter().any(|part| CENTRAL.iter().any(|central| part == *central))
}

/// The whole name of a service whose file has a part of it: `server` in the directory `neutron`.
pub fn service<'a>(path: &'a Path, called: &'a str) -> std::borrow::Cow<'a, str> {
    let directory =
        path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    if SHORT.contains(&directory) && !called.starts_with(directory) {
        return format!("{directory}-{called}").into();
    }
    called.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_layouts_are_known_by_their_host_and_service() {
        for (path, host, name) in [
            ("/var/log/nova/nova-compute.log", None, "nova-compute"),
            ("/var/log/nova/nova-api.log.1", None, "nova-api"),
            ("/var/log/nova/nova-api.log.2.gz", None, "nova-api"),
            ("/var/log/nova/nova-api.log-20261125.zst", None, "nova-api"),
            ("/var/log/kolla/neutron/neutron-server.log", None, "neutron-server"),
            ("/var/log/neutron/server.log", None, "neutron-server"),
            ("/var/log/cinder/volume.log", None, "cinder-volume"),
            ("/var/log/rsyslog/cmp01/nova-compute.log", Some("cmp01"), "nova-compute"),
            ("/srv/logs/cmp01/nova-compute.log", Some("cmp01"), "nova-compute"),
            ("/var/log/rabbitmq/rabbit@ctl01.log", Some("ctl01"), "rabbitmq"),
            ("nova-compute.log", None, "nova-compute"),
            ("/srv/all/nova-compute-cmp01.log.1", Some("cmp01"), "nova-compute"),
            ("/var/log/kolla/nova/nova-compute-ironic.log", None, "nova-compute-ironic"),
        ] {
            let path = Path::new(path);
            let (found, called) = place(path);
            assert_eq!((found, &*service(path, called)), (host, name), "{}", path.display());
        }
    }
}
