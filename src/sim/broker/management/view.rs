//! Everything that is asked about, at one moment.

use std::sync::{Arc, MutexGuard};

use crate::sim::broker::accounts::Account;
use crate::sim::broker::post::{Client, ClientId, ClientQueue};
use crate::sim::broker::process::{self, Connection, Place, Process, Use};
use crate::sim::broker::table::{Row, Table};
use crate::sim::broker::{Broker, Inner};
use crate::sim::cloud::{BusNode, Cloud};
use crate::sim::time::Time;

pub struct View<'a> {
    pub cloud: &'a Cloud,
    pub now: Time,
    pub broker: &'a Broker,
    pub account: &'static Account,
    pub table: Arc<Table>,
    pub inner: MutexGuard<'a, Inner>,
    pub large: bool,
}

/// A queue, whoever declared it.
#[derive(Clone, Copy)]
pub enum QueueRow<'a> {
    Services(&'a Row),
    Clients(&'a str, &'a ClientQueue),
}

/// Whose a connection is.
pub enum Owner<'a> {
    Service(Process<'a>, Connection),
    Client(ClientId, &'a Client),
}

pub struct ConnectionRow<'a> {
    pub name: String,
    pub peer: String,
    pub port: u16,
    /// The server's end.
    pub host: String,
    pub own_port: u16,
    pub node: String,
    pub owner: Owner<'a>,
}

/// A consumer, with the connection and channel that it has.
pub struct ConsumerRow<'a> {
    pub queue: String,
    pub tag: String,
    pub channel: u16,
    pub connection: usize,
    pub no_ack: bool,
    pub exclusive: bool,
    pub prefetch: u16,
    pub connections: &'a [ConnectionRow<'a>],
}

/// The port on which services reach their nodes.
const AMQP: u16 = 5672;

impl<'a> View<'a> {
    pub fn new(broker: &'a Broker, cloud: &'a Cloud, now: Time, account: &'static Account) -> Self {
        let table = broker.table(cloud, now);
        let mut inner = broker.lock();
        inner.post.sweep(now);
        Self { cloud, now, broker, account, table, inner, large: process::is_large(cloud) }
    }

    pub fn node(&self, place: usize) -> Option<&BusNode> {
        let count = self.cloud.bus.running().count().max(1);
        self.cloud.bus.running().nth(place % count)
    }

    pub fn node_name(&self, place: usize) -> String {
        self.node(place).map(BusNode::name).unwrap_or_default()
    }

    /// In the order of their names.
    pub fn queues(&self) -> Vec<QueueRow<'_>> {
        let mut rows: Vec<QueueRow<'_>> = self.table.rows.iter().map(QueueRow::Services).collect();
        rows.extend(self.inner.post.queues.iter().map(|(name, queue)| QueueRow::Clients(name, queue)));
        if !self.inner.post.queues.is_empty() {
            rows.sort_by(|a, b| a.name().cmp(b.name()));
        }
        rows
    }

    pub fn queue(&self, name: &str) -> Option<QueueRow<'_>> {
        let own = self.inner.post.queues.get_key_value(name);
        own.map(|(name, queue)| QueueRow::Clients(name, queue))
            .or_else(|| self.table.find(name).map(QueueRow::Services))
    }

    pub fn processes(&self) -> impl Iterator<Item = Process<'_>> {
        process::all(self.cloud, &self.inner.ledger, self.now)
    }

    pub fn connections(&self) -> Vec<ConnectionRow<'_>> {
        let mut rows = Vec::new();
        for process in self.processes() {
            for connection in process.connections() {
                let place = connection.id.as_u128() as u16;
                let node = self.node(usize::from(place));
                let host = node.map(|node| self.controller_address(&node.host)).unwrap_or_default();
                let peer = match process.place {
                    Place::Controller(n) => address(n),
                    Place::Host(ix) => self.cloud.host(ix).address(),
                };
                rows.push(ConnectionRow {
                    name: format!("{peer}:{} -> {host}:{AMQP}", connection.port),
                    peer,
                    port: connection.port,
                    host,
                    own_port: AMQP,
                    node: node.map(BusNode::name).unwrap_or_default(),
                    owner: Owner::Service(process.clone(), connection),
                });
            }
        }
        for (id, client) in &self.inner.post.clients {
            let (peer, port) = (client.peer.ip().to_string(), client.peer.port());
            let own_port = self.broker.amqp;
            rows.push(ConnectionRow {
                name: format!("{peer}:{port} -> 127.0.0.1:{own_port}"),
                peer,
                port,
                host: "127.0.0.1".to_owned(),
                own_port,
                node: self.node_name(0),
                owner: Owner::Client(*id, client),
            });
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    fn controller_address(&self, name: &str) -> String {
        address(self.cloud.controllers.iter().position(|c| &*c.name == name).unwrap_or(0))
    }

    /// Those of one connection, or of all.
    pub fn consumers<'r>(&'r self, connections: &'r [ConnectionRow<'r>]) -> Vec<ConsumerRow<'r>> {
        let mut rows = Vec::new();
        for (at, connection) in connections.iter().enumerate() {
            let mut add = |queue: String, tag: String| {
                rows.push(ConsumerRow {
                    queue,
                    tag,
                    channel: 1,
                    connection: at,
                    no_ack: false,
                    exclusive: false,
                    prefetch: 0,
                    connections,
                });
            };
            match &connection.owner {
                Owner::Service(process, its) => {
                    let queues = process.queues(self.now, self.large).into_iter();
                    let taken = queues.filter(|queue| queue.taken && its.purpose == of(queue.sort));
                    taken.enumerate().for_each(|(n, queue)| add(queue.name, (n + 1).to_string()));
                }
                Owner::Client(id, _) => {
                    for (name, queue) in &self.inner.post.queues {
                        for consumer in queue.consumers.iter().filter(|consumer| consumer.client == *id) {
                            rows.push(ConsumerRow {
                                queue: name.clone(),
                                tag: consumer.tag.clone(),
                                channel: consumer.channel,
                                connection: at,
                                no_ack: consumer.no_ack,
                                exclusive: consumer.exclusive,
                                prefetch: consumer.prefetch,
                                connections,
                            });
                        }
                    }
                }
            }
        }
        rows
    }
}

/// A controller's address in the management network, where hosts have theirs.
pub fn address(controller: usize) -> String {
    format!("172.16.0.{}", controller + 1)
}

/// The connection that takes from a queue.
fn of(sort: process::Sort) -> Use {
    match sort {
        process::Sort::Reply => Use::Replies,
        _ => Use::Work,
    }
}

impl QueueRow<'_> {
    pub fn name(&self) -> &str {
        match self {
            Self::Services(row) => &row.name,
            Self::Clients(name, _) => name,
        }
    }

    pub fn ready(&self) -> u64 {
        match self {
            Self::Services(row) => row.ready,
            Self::Clients(_, queue) => queue.messages.len() as u64,
        }
    }

    pub fn unacked(&self) -> u64 {
        match self {
            Self::Services(_) => 0,
            Self::Clients(_, queue) => queue.unacked as u64,
        }
    }

    pub fn consumers(&self) -> u32 {
        match self {
            Self::Services(row) => row.consumers,
            Self::Clients(_, queue) => queue.consumers.len() as u32,
        }
    }
}
