//! The services that talk over the broker: what each process serves, and how many of them there are.

/// nova's, neutron's, and cinder's control exchanges. cinder's is oslo.messaging's default: nobody set another.
pub const EXCHANGES: [&str; 3] = ["nova", "neutron", "openstack"];

/// A kind of process.
#[derive(Debug)]
pub struct Kind {
    /// `argv[0]`, which oslo.messaging calls its connections by.
    pub binary: &'static str,
    pub exchange: &'static str,
    /// Processes on a host.
    pub workers: u8,
    /// What it serves: of each topic it takes from the shared queue, from its host's and from a fanout of its
    /// own.
    pub topics: &'static [&'static str],
    /// Queues from which it takes notifications.
    pub reads: &'static [&'static str],
    /// Whether it asks others, and so has a queue for the answers.
    pub asks: bool,
}

const NOTHING: &[&str] = &[];

/// What neutron's agents on every host are told of.
const AGENT_TOPICS: &[&str] = &[
    "q-agent-notifier-network-update",
    "q-agent-notifier-port-delete",
    "q-agent-notifier-port-update",
    "q-agent-notifier-security_group-update",
    "q-agent-notifier-tunnel-update",
];

const fn server(
    binary: &'static str,
    exchange: &'static str,
    workers: u8,
    topics: &'static [&'static str],
) -> Kind {
    Kind { binary, exchange, workers, topics, reads: NOTHING, asks: true }
}

const fn reader(binary: &'static str, reads: &'static [&'static str]) -> Kind {
    Kind { binary, exchange: "nova", workers: 1, topics: NOTHING, reads, asks: false }
}

/// On each controller.
pub static OF_CONTROLLERS: [Kind; 10] = [
    // Its APIs run below uwsgi.
    server("uwsgi", "nova", 2, NOTHING),
    server("nova-conductor", "nova", 4, &["conductor"]),
    server("nova-scheduler", "nova", 2, &["scheduler"]),
    server("neutron-server", "neutron", 1, &["q-plugin", "q-l3-plugin", "q-server-resource-versions"]),
    // Its worker for what agents report.
    server("neutron-server", "neutron", 1, &["q-reports-plugin", "q-l3-plugin"]),
    server("neutron-dhcp-agent", "neutron", 1, &["dhcp_agent"]),
    server("neutron-l3-agent", "neutron", 1, &["l3_agent"]),
    server("neutron-metadata-agent", "neutron", 1, NOTHING),
    server("neutron-openvswitch-agent", "neutron", 1, AGENT_TOPICS),
    server("cinder-scheduler", "openstack", 1, &["cinder-scheduler"]),
];

/// On each controller, where notifications are read.
pub static READERS: [Kind; 2] = [
    reader("ceilometer-agent-notification", &["notifications.info", "notifications.error"]),
    reader("watcher-decision-engine", &["versioned_notifications.info", "versioned_notifications.error"]),
];

/// On each compute host.
pub static COMPUTE: Kind = server("nova-compute", "nova", 1, &["compute"]);
pub static AGENT: Kind = server("neutron-openvswitch-agent", "neutron", 1, AGENT_TOPICS);

/// One for each of cinder's backends, and what it serves beside its own backend's topic.
pub static BACKEND: Kind = server("cinder-volume", "openstack", 1, &["cinder-volume"]);

/// The queues of notifications: who publishes declares them too, so they are there whether somebody reads or not.
pub const NOTIFICATIONS: [&str; 4] = [
    "notifications.info",
    "notifications.error",
    "versioned_notifications.info",
    "versioned_notifications.error",
];
