//! Queues and brokers as they come in, and who is behind them.

use jiff::Timestamp;

use super::trend::Trend;
use super::{Change, Store};
use crate::model::{
    Agent, AmqpState, Broker, BrokerNode, Counts, Depth, Hypervisor, Queue, QueueRole, Service, Text,
};
use crate::report::Topic;
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

    /// A queue that is gone meanwhile is nobody's: the next list has it, or has it not.
    pub(super) fn put_depth(&mut self, depth: &Depth, at: Timestamp) {
        if let Some(known) = self.queues.by_id(&depth.id) {
            let mut row = known.clone();
            row.measure(depth);
            self.put_queue(row, at);
        }
    }

    /// What passive declares have found in one vhost.
    pub(super) fn put_amqp(&mut self, state: AmqpState, found: Vec<(Text, Counts)>, at: Timestamp) {
        let AmqpState { broker, vhost, .. } = &state;
        if state.trouble.is_some() {
            self.undeclare(broker, vhost);
        }
        for (name, counts) in found {
            let row = match self.queues.by_id(&Queue::id_of(broker, vhost, &name)) {
                Some(known) => {
                    let mut row = known.clone();
                    row.declared = Some(counts);
                    row.settle();
                    row
                }
                None => Queue::found(broker, vhost, &name, counts),
            };
            self.put_queue(row, at);
        }
        for name in &state.missing {
            let id = Queue::id_of(broker, vhost, name);
            match self.queues.by_id(&id).map(|row| row.listed) {
                // Nobody else knows it.
                Some(None) => self.remove(Topic::Queues, &id),
                Some(Some(_)) => self.without_declare(&id),
                None => {}
            }
        }
        self.amqp.insert((broker.clone(), vhost.clone()), state);
        // What is missing is a part of how well queues are known.
        self.freshness.entry(Topic::Queues).or_default().revision += 1;
    }

    /// What was declared in a vhost is not known any more: it goes, rather than stand there as if it were new.
    fn undeclare(&mut self, broker: &str, vhost: &str) {
        let is_its = |row: &Queue| &*row.broker == broker && &*row.vhost == vhost && row.declared.is_some();
        let rows = self.queues.iter().filter(|(_, row)| is_its(row));
        let ids: Vec<Text> = rows.map(|(_, row)| row.id.clone()).collect();
        for id in ids {
            self.without_declare(&id);
        }
    }

    fn without_declare(&mut self, id: &str) {
        if let Some(row) = self.queues.by_id(id).filter(|row| row.declared.is_some()) {
            let mut row = row.clone();
            row.declared = None;
            row.settle();
            self.queues.upsert(row);
        }
    }

    pub(super) fn put_queue(&mut self, mut row: Queue, at: Timestamp) {
        let known = self.queues.by_id(&row.id);
        // The list knows nothing of what was declared; that is as true as it was.
        if row.declared.is_none()
            && let Some(known) = known.filter(|known| known.declared.is_some())
        {
            row.declared = known.declared;
            row.settle();
        }
        let served = |row: &Queue| (row.ready, row.consumers);
        let host = row.meaning.host.clone().filter(|_| known.map(served) != Some(served(&row)));
        let disputed = row.is_disputed();
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
        if disputed != trend.disputed_since.is_some() {
            trend.disputed_since = disputed.then_some(at);
            changed = true;
        }
        if changed && let Some(slot) = self.queues.slot_of(&id) {
            self.queues.touch(slot);
        }
        // Whether a host's work is taken is in its own verdict.
        if let Some(host) = host {
            self.touch_nodes(&host);
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
        if let Some(host) = &row.meaning.host {
            self.touch_nodes(host);
        }
    }

    /// What a service or agent says of itself is in the verdicts of its queues.
    pub(super) fn touch_queues(&mut self, host: &str, binary: &str) {
        for slot in self.queues_to.of(host).iter().chain(self.queues_of.of(binary)) {
            self.queues.touch(*slot);
        }
    }

    pub(super) fn put_volume_service(&mut self, row: Service) {
        let touched = row.clone();
        if !matches!(self.volume_services.upsert(row), Change::Unchanged) {
            self.touch_volume_queues(&touched);
        }
    }

    /// The queues of a host have no backend in their place.
    pub(super) fn touch_volume_queues(&mut self, row: &Service) {
        let host = row.host.split_once('@').map_or(&*row.host, |(host, _)| host);
        self.touch_queues(host, &row.binary);
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
