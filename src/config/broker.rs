//! Where the brokers are: `[broker]` of `config.toml`, or a `[[broker]]` for each of several; else what nova, neutron
//! and cinder of this host are configured for.

mod discover;
mod entry;
mod transport;

use std::path::PathBuf;

use url::Url;

pub use discover::Trouble;
pub use entry::Brokers;
pub use transport::{Host, Transport};

use super::clouds::Tls;
use super::secret::Secret;

/// Everything that is needed to ask one broker, which may be a cluster of several nodes.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// What rows and messages call it: the `name` of the settings, else its first host.
    pub name: String,
    /// The cloud of clouds.yaml that it belongs to; `None`: whichever is looked at.
    pub cloud: Option<String>,
    /// Where its nodes speak AMQP, once for each vhost; empty where only the management API was named.
    pub transports: Vec<Transport>,
    /// The management API's addresses in the order in which they are tried, without their userinfo.
    pub management: Vec<Url>,
    /// Where each node publishes its metrics for Prometheus.
    pub metrics: Vec<Url>,
    pub user: String,
    pub password: Secret,
    pub tls: Tls,
    /// How many nodes the cluster should have.
    pub nodes: Option<usize>,
    /// The exchanges whose notifications are listened to; empty: none are.
    pub notifications: Vec<String>,
    /// Where this was found, in words.
    pub origin: String,
}

/// Where OpenStack's services send their notifications: each its own `control_exchange`, and oslo's default.
pub const EXCHANGES: [&str; 4] = ["nova", "neutron", "cinder", "openstack"];

impl BrokerConfig {
    /// Where its nodes speak AMQP.
    pub fn hosts(&self) -> &[Host] {
        self.transports.first().map_or(&[], |transport| &transport.hosts)
    }
}

/// The management plugin's ports, in the clear and with TLS.
const PORTS: [(&str, u16); 2] = [("http", 15672), ("https", 15671)];

/// The management API beside the AMQP ports: in the clear first, but never where AMQP itself has TLS.
fn beside(hosts: &[Host], secure: bool) -> Vec<Url> {
    PORTS
        .iter()
        .filter(|(scheme, _)| !secure || *scheme == "https")
        .flat_map(|(scheme, port)| {
            hosts
                .iter()
                .filter_map(move |host| Url::parse(&format!("{scheme}://{}:{port}", host.in_url())).ok())
        })
        .collect()
}

/// The metrics' ports, which are the plugin rabbitmq_prometheus' own.
const METRICS: [(&str, u16); 2] = [("http", 15692), ("https", 15691)];

/// The metrics beside the management API: once a host, in the clear unless all of it has TLS.
fn metrics(management: &[Url]) -> Vec<Url> {
    let mut found: Vec<Url> = Vec::new();
    for url in management {
        let port = METRICS.iter().find(|(scheme, _)| *scheme == url.scheme()).map(|(_, port)| *port);
        let mut url = url.clone();
        url.set_path("");
        if url.set_port(port).is_ok() && found.iter().all(|known| known.host() != url.host()) {
            found.push(url);
        }
    }
    found
}

/// A broker's own trust, over what its transport URL says.
fn tls(verify: bool, own: [Option<PathBuf>; 3], url: Option<&Transport>) -> Tls {
    let [cacert, cert, key] = own;
    let file = |own: Option<PathBuf>, option| own.or_else(|| url?.option(option).map(PathBuf::from));
    Tls {
        verify,
        cacert: file(cacert, "ssl_ca_file"),
        cert: file(cert, "ssl_cert_file"),
        key: file(key, "ssl_key_file"),
    }
}
