//! Queues and brokers as they come in, and who is behind them.

use jiff::Timestamp;

use super::trend::Trend;
use super::{Change, Store};
use crate::model::{Agent, Broker, BrokerNode, Hypervisor, Queue, QueueRole, Service, Text};
use crate::table::{Slot, Slots};

impl Store {
    /// A queue's figures over time.
    pub fn trend(&self, id: &str) -> Option<&Trend> {
        self.trends.get(id)
    }

    /// nova's services on a host.
    pub fn services_on(&self, host: &str) -> impl Iterator<Item = &Service> {
        self.services_on.of(host).iter().filter_map(|slot| self.services.get(*slot))
    }

    /// neutron's agents on a host.
    pub fn agents_on(&self, host: &str) -> impl Iterator<Item = &Agent> {
        self.agents_on.of(host).iter().filter_map(|slot| self.agents.get(*slot))
    }

    /// The queues that lead to a host.
    pub fn queues_to(&self, host: &str) -> impl Iterator<Item = &Queue> {
        self.queues_to.of(host).iter().filter_map(|slot| self.queues.get(*slot))
    }

    /// The queues that the processes of a service share.
    pub fn queues_shared_by(&self, service: &str) -> impl Iterator<Item = &Queue> {
        self.queues_of.of(service).iter().filter_map(|slot| self.queues.get(*slot))
    }

    /// The queue by which nova talks to the compute service of a hypervisor.
    pub fn compute_queue(&self, hypervisor: &Hypervisor) -> Option<&Queue> {
        self.queues_to(&hypervisor.host).find(|queue| &*queue.meaning.topic == "compute")
    }

    /// The hypervisor that a queue leads to.
    pub fn hypervisor_behind(&self, queue: &Queue) -> Option<&Hypervisor> {
        let host = queue.meaning.host.as_ref()?;
        self.nodes_on.of(host).iter().find_map(|slot| self.hypervisors.get(*slot))
    }

    /// The nodes of a broker, by name.
    pub fn nodes_of(&self, broker: &str) -> Vec<&BrokerNode> {
        let mut nodes: Vec<&BrokerNode> =
            self.nodes.iter().map(|(_, node)| node).filter(|node| &*node.broker == broker).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }

    pub(super) fn put_broker(&mut self, row: Broker, at: Timestamp) {
        let (name, counters, depth) = (row.name.clone(), row.counters, row.totals.ready);
        let answered = row.trouble.is_none();
        self.brokers.upsert(row);
        if answered
            && self.trends.entry(name.clone()).or_default().push(at, depth, counters)
            && let Some(slot) = self.brokers.slot_of(&name)
        {
            self.brokers.touch(slot);
        }
    }

    pub(super) fn put_queue(&mut self, row: Queue, at: Timestamp) {
        let (id, counters, depth, consumers) = (row.id.clone(), row.counters, row.ready, row.consumers);
        if let Change::Inserted(slot) = self.queues.upsert(row) {
            self.place_queue(slot, true);
        }
        let trend = self.trends.entry(id.clone()).or_default();
        let mut changed = trend.push(at, depth, counters);
        match consumers {
            Some(0) if trend.alone_since.is_none() => {
                trend.alone_since = Some(at);
                changed = true;
            }
            Some(1..) => changed |= trend.alone_since.take().is_some(),
            _ => {}
        }
        if changed && let Some(slot) = self.queues.slot_of(&id) {
            self.queues.touch(slot);
        }
    }

    /// In the indexes, or out of them. A queue's name, and so its place, never changes.
    fn place_queue(&mut self, slot: Slot, comes: bool) {
        let Some(row) = self.queues.get(slot) else { return };
        let (role, host, service) = (row.meaning.role, row.meaning.host.clone(), row.meaning.service);
        self.index_queue(slot, role, host.as_ref(), service, comes);
    }

    fn index_queue(
        &mut self,
        slot: Slot,
        role: QueueRole,
        host: Option<&Text>,
        service: Option<&'static str>,
        comes: bool,
    ) {
        let place = match (role, host, service) {
            (QueueRole::Host, Some(host), _) => Some((&mut self.queues_to, host.clone())),
            (QueueRole::Topic, _, Some(service)) => Some((&mut self.queues_of, service.into())),
            _ => None,
        };
        match place {
            Some((groups, key)) if comes => groups.add(&key, slot),
            Some((groups, key)) => groups.take(&key, slot),
            None => {}
        }
    }

    pub(super) fn forget_queue(&mut self, slot: Slot, row: &Queue) {
        self.index_queue(slot, row.meaning.role, row.meaning.host.as_ref(), row.meaning.service, false);
        self.trends.remove(&row.id);
        self.consumers.remove(&row.id);
    }

    /// What a service or agent says of itself is in the verdicts of its queues.
    pub(super) fn touch_queues(&mut self, host: &str, binary: &str) {
        for slot in self.queues_to.of(host).iter().chain(self.queues_of.of(binary)) {
            self.queues.touch(*slot);
        }
    }

    pub(super) fn put_agent(&mut self, row: Agent) {
        let (host, binary) = (row.host.clone(), row.binary.clone());
        match self.agents.upsert(row) {
            Change::Unchanged => return,
            Change::Inserted(slot) => self.agents_on.add(&host, slot),
            Change::Updated(..) => {}
        }
        self.touch_queues(&host, &binary);
    }

    pub(super) fn forget_agent(&mut self, slot: Slot, row: &Agent) {
        self.agents_on.take(&row.host, slot);
        self.touch_queues(&row.host, &row.binary);
    }
}
