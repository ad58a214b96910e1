use jiff::Timestamp;

use super::{Identified, Text};

/// A RabbitMQ broker, which may be a cluster (`GET /api/overview`, `/api/health/checks/…`,
/// `/api/connections`). What a broker did not say is `None`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Broker {
    /// What the settings call it: its rows, its nodes' and its queues' have it.
    pub name: Text,
    pub cluster_name: Option<Text>,
    pub version: Option<Text>,
    pub erlang_version: Option<Text>,
    /// The node that answered, and at which address.
    pub answered_by: Option<Text>,
    pub address: Text,
    /// The user that we are to it.
    pub user: Text,
    /// The plugin gives no statistics (`management_agent.disable_metrics_collector`).
    pub statistics_off: bool,
    pub totals: Totals,
    pub rates: Rates,
    pub counters: Counters,
    pub churn: Churn,
    /// `None`: could not be asked (before 3.8.10 there is no such check); empty: none in effect.
    pub alarms: Option<Vec<Alarm>>,
    /// Nodes that must not be stopped, else a quorum queue loses its majority.
    pub quorum_critical: Option<bool>,
    /// `None`: not read, or too many to be read.
    pub connections: Option<Connections>,
    /// How many nodes the settings expect.
    pub nodes_expected: Option<usize>,
    /// The vhosts that the transport URLs name.
    pub vhosts: Vec<Text>,
    /// Why it could not be asked the last time, in words, and what to do.
    pub trouble: Option<(Text, Text)>,
    /// When it answered last.
    pub as_of: Option<Timestamp>,
}

impl Identified for Broker {
    fn id(&self) -> &Text {
        &self.name
    }
}

/// How a vhost of a broker is reached over AMQP.
#[derive(Clone, Debug, PartialEq)]
pub struct AmqpState {
    pub broker: Text,
    pub vhost: Text,
    /// `host:port` that answered, or was tried first.
    pub address: Text,
    pub user: Text,
    /// Why it could not be asked the last time, in words, and what to do.
    pub trouble: Option<(Text, Text)>,
    /// Queues that must be there and are not, in this vhost.
    pub missing: Vec<Text>,
    /// Queues that this account may not ask for: how many, and the broker's words about one of them.
    pub refused: Option<(usize, Text)>,
}

/// How many there are (`object_totals`, `queue_totals`).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Totals {
    pub connections: Option<u64>,
    pub channels: Option<u64>,
    pub queues: Option<u64>,
    pub consumers: Option<u64>,
    pub exchanges: Option<u64>,
    pub ready: Option<u64>,
    pub unacked: Option<u64>,
}

/// Messages a second.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rates {
    pub publish: Option<f64>,
    pub deliver: Option<f64>,
    pub ack: Option<f64>,
}

/// Messages since the broker's start (`message_stats`): what our own rates are made of.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Counters {
    pub publish: Option<u64>,
    /// Given out, by whatever way (`deliver_get`).
    pub deliver: Option<u64>,
    pub ack: Option<u64>,
}

/// What comes and goes, a second (`churn_rates`).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Churn {
    pub connections_opened: Option<f64>,
    pub connections_closed: Option<f64>,
    pub channels_opened: Option<f64>,
    pub channels_closed: Option<f64>,
    pub queues_created: Option<f64>,
    pub queues_deleted: Option<f64>,
}

/// A resource alarm: while one is in effect on any node, whoever publishes is blocked on all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    pub node: Text,
    /// `memory`, `disk`.
    pub resource: Text,
}

/// Connections by state.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Connections {
    pub running: u64,
    /// Slowed down by credit flow, for seconds mostly.
    pub flow: u64,
    /// Would be blocked if they published.
    pub blocking: u64,
    pub blocked: u64,
    pub other: u64,
}

/// One node of a broker (`GET /api/nodes`). A node that does not run has hardly more than its name.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerNode {
    /// `broker/node`: node names are unique in one broker only.
    pub id: Text,
    pub broker: Text,
    /// `rabbit@ctl01`.
    pub name: Text,
    pub running: Option<bool>,
    /// The nodes that it cannot see, though they run.
    pub partitions: Vec<Text>,
    /// Bytes.
    pub mem_used: Option<u64>,
    /// Bytes: the high watermark, from which publishers are blocked.
    pub mem_limit: Option<u64>,
    pub mem_alarm: Option<bool>,
    /// Bytes.
    pub disk_free: Option<u64>,
    /// Bytes: below this publishers are blocked.
    pub disk_free_limit: Option<u64>,
    pub disk_free_alarm: Option<bool>,
    pub fd_used: Option<u64>,
    pub fd_total: Option<u64>,
    /// Not given from 4.0 on.
    pub sockets_used: Option<u64>,
    pub sockets_total: Option<u64>,
    /// Erlang processes.
    pub proc_used: Option<u64>,
    pub proc_total: Option<u64>,
    pub run_queue: Option<u64>,
    /// Milliseconds since its start.
    pub uptime_ms: Option<u64>,
    /// Of the `rabbit` application.
    pub version: Option<Text>,
    pub being_drained: Option<bool>,
}

impl Identified for BrokerNode {
    fn id(&self) -> &Text {
        &self.id
    }
}
