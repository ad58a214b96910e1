//! What is known. `apply` is the only place where facts change; everything else reads.
//!
//! The store reads no clock and does no I/O: time comes in with each report. What one row's line shows of
//! another (a host's zone, a project's name) is looked up through indexes, and the row is touched when that
//! other changes, so that views re-place it.

mod courses;
mod drift;
mod events;
mod freshness;
mod index;
pub mod logs;
mod names;
mod projects;
mod queues;
mod quotas;
mod rows;
mod traces;
mod trend;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use courses::Courses;
pub use drift::Drift;
pub use events::Events;
pub use freshness::{Failing, Freshness, Progress, Standing};
pub use logs::{Fact, Kind, Logs, Record};
pub use projects::Answers;
pub use quotas::{COUNTED, Counted};
pub use rows::{Change, Rows};
pub use trend::Trend;

use crate::model::{
    Agent, Aggregate, AmqpState, Broker, BrokerNode, Consumer, Hypervisor, Instance, InstanceAction,
    Migration, Named, Provider, Queue, Quotas, Service, Stretch, Text,
};
use crate::report::{Delta, Identity, Outcome, Report, Topic};
use crate::table::{Slot, Slots};
use crate::trace::Account;
use index::{ByText, Groups};

/// Everything that is known about one cloud and region.
#[derive(Debug, Default)]
pub struct Store {
    pub identity: Option<Identity>,
    pub services: Rows<Service>,
    pub hypervisors: Rows<Hypervisor>,
    pub aggregates: Rows<Aggregate>,
    pub providers: Rows<Provider>,
    pub instances: Rows<Instance>,
    pub migrations: Rows<Migration>,
    pub agents: Rows<Agent>,
    /// cinder's; a volume service's host is `host@backend`.
    pub volume_services: Rows<Service>,
    pub projects: Rows<Named>,
    pub domains: Rows<Named>,
    /// A row for each project that keystone lists.
    pub quotas: Rows<Quotas>,
    pub users: Rows<Named>,
    pub images: Rows<Named>,
    /// Only on clouds that do not embed flavors in servers (before microversion 2.47).
    pub flavors: Rows<Named>,
    /// The last answers about single instances, by instance id: as many as were looked at.
    pub actions: HashMap<Text, (Timestamp, Vec<InstanceAction>)>,
    pub console: HashMap<Text, (Timestamp, Text)>,
    pub brokers: Rows<Broker>,
    pub nodes: Rows<BrokerNode>,
    pub queues: Rows<Queue>,
    /// How brokers are reached over AMQP, by broker and vhost.
    pub amqp: BTreeMap<(Text, Text), AmqpState>,
    /// The last answers about single queues, by queue id.
    pub consumers: HashMap<Text, (Timestamp, Vec<Consumer>)>,
    /// The last notifications, the newest last.
    pub events: Events,
    /// The last lines of the logs that are tailed.
    pub logs: Logs,
    /// The last answer about what stands around a line of a log, and when it came.
    pub around: Option<(Timestamp, Arc<Stretch>)>,
    /// The last answers about what became of a series, the newest last.
    courses: Courses,
    of_projects: projects::OfProjects,
    /// The last traces, the newest last.
    traces: VecDeque<Arc<Account>>,
    freshness: HashMap<Topic, Freshness>,
    epoch: u64,
    /// nova-compute's service row of a host.
    compute_of: ByText<Slot>,
    /// A hypervisor's row by its `hypervisor_hostname`.
    node_of: ByText<Slot>,
    /// Hypervisor rows of a service host: several under ironic.
    nodes_on: Groups,
    /// Names of the aggregates that a host stands in, in name order.
    aggregates_of: ByText<Vec<Text>>,
    instances_on: Groups,
    instances_in: Groups,
    /// Since when an instance shows its task state, as far as we saw.
    task_since: HashMap<Slot, (Text, Timestamp), foldhash::fast::RandomState>,
    drift: ByText<Drift>,
    services_on: Groups,
    agents_on: Groups,
    /// Queues that lead to a host, and those that a service's processes share, by its name.
    queues_to: Groups,
    queues_of: Groups,
    /// What became of each queue's and each broker's figures, by id.
    trends: ByText<Trend>,
    /// Projects by their name, which several domains may have given.
    named: Groups,
    quota_books: quotas::Books,
}

impl Store {
    /// Forgets everything; reports of epochs before this one are dropped from now on.
    pub fn reset(&mut self, epoch: u64) {
        let old = std::mem::take(self);
        self.epoch = epoch;
        // What was seen of the old rows says nothing of the new ones.
        self.hypervisors = Rows::after(&old.hypervisors);
        self.instances = Rows::after(&old.instances);
        self.nodes = Rows::after(&old.nodes);
        self.queues = Rows::after(&old.queues);
        self.quotas = Rows::after(&old.quotas);
    }

    /// Takes in one report.
    pub fn apply(&mut self, report: Report) {
        if report.epoch < self.epoch {
            return;
        }
        let at = report.at;
        self.logs.forget(at);
        match report.outcome {
            Outcome::Begin { topic, expected } => {
                self.begin_read(topic);
                let fresh = self.freshness.entry(topic).or_default();
                fresh.progress = Some(Progress { started: at, seen: 0, expected });
                fresh.revision += 1;
            }
            Outcome::Part(delta) => self.apply_delta(at, delta),
            Outcome::End { topic, complete, limit } => {
                if complete {
                    self.sweep(topic);
                }
                let fresh = self.freshness.entry(topic).or_default();
                fresh.progress = None;
                fresh.complete = complete;
                fresh.limit = limit;
                self.succeeded(topic, at);
                if topic == Topic::Instances {
                    self.check_quotas();
                }
            }
            Outcome::Current { topic } => self.succeeded(topic, at),
            Outcome::Outage { topic, outage } => {
                self.freshness.entry(topic).or_default().failed(at, outage);
            }
        }
        for host in self.logs.take_changed_hosts() {
            self.touch_nodes_called(&host);
        }
    }

    fn succeeded(&mut self, topic: Topic, at: Timestamp) {
        let fresh = self.freshness.entry(topic).or_default();
        let first = fresh.as_of.is_none();
        fresh.succeeded(at);
        // Until these lists were read, nobody can say who should be behind a queue.
        if first && matches!(topic, Topic::Services | Topic::Agents | Topic::VolumeServices) {
            for slot in self.queues.live() {
                self.queues.touch(slot);
            }
        }
    }

    /// How well a topic is known.
    pub fn freshness(&self, topic: Topic) -> &Freshness {
        static NEVER: Freshness = Freshness {
            as_of: None,
            complete: false,
            limit: None,
            outage: None,
            progress: None,
            revision: 0,
        };
        self.freshness.get(&topic).unwrap_or(&NEVER)
    }

    fn apply_delta(&mut self, at: Timestamp, delta: Delta) {
        match delta {
            Delta::Identity(identity) => self.identity = Some(*identity),
            Delta::Services(rows) => {
                self.count(Topic::Services, rows.len());
                for row in rows {
                    self.put_service(row);
                }
            }
            Delta::Hypervisors(rows) => {
                self.count(Topic::Hypervisors, rows.len());
                for row in rows {
                    self.put_hypervisor(row, at);
                }
            }
            Delta::Aggregates(rows) => {
                self.count(Topic::Aggregates, rows.len());
                let before = self.aggregates.revision();
                for row in rows {
                    self.aggregates.upsert(row);
                }
                if self.aggregates.revision() != before {
                    self.index_aggregates();
                }
            }
            Delta::Providers(rows) => {
                // The list alone says nothing: a provider counts once its usages are there.
                self.count(Topic::Providers, rows.iter().filter(|row| row.usages.is_some()).count());
                for row in rows {
                    self.put_provider(row, at);
                }
            }
            Delta::Instances(rows) => {
                self.count(Topic::Instances, rows.len());
                for row in rows {
                    self.put_instance(row, at);
                }
            }
            Delta::Migrations(rows) => {
                self.count(Topic::Migrations, rows.len());
                for row in rows {
                    self.migrations.upsert(row);
                }
            }
            Delta::Agents(rows) => {
                self.count(Topic::Agents, rows.len());
                for row in rows {
                    self.put_agent(row);
                }
            }
            Delta::VolumeServices(rows) => {
                self.count(Topic::VolumeServices, rows.len());
                for row in rows {
                    self.put_volume_service(row);
                }
            }
            Delta::Brokers(rows) => {
                self.count(Topic::Brokers, rows.len());
                for row in rows {
                    self.put_broker(row, at);
                }
            }
            Delta::Nodes(rows) => {
                self.count(Topic::Nodes, rows.len());
                for row in rows {
                    self.nodes.upsert(row);
                }
            }
            Delta::Queues(rows) => {
                self.count(Topic::Queues, rows.len());
                for row in rows {
                    self.put_queue(row, at);
                }
            }
            Delta::Depths(depths) => {
                for depth in depths {
                    self.put_depth(&depth, at);
                }
            }
            Delta::Amqp { state, found } => self.put_amqp(state, found, at),
            Delta::Events(events) => {
                for event in events {
                    self.put_event(event, at);
                }
            }
            Delta::Missed => self.events.stirred += 1,
            Delta::Consumers { queue, consumers } => {
                if let Some(slot) = self.queues.slot_of(&queue) {
                    self.queues.touch(slot);
                }
                self.consumers.insert(queue, (at, consumers));
            }
            Delta::Trace(account) => self.put_trace(account),
            Delta::Around(stretch) => self.around = Some((at, stretch)),
            Delta::Logs(heard) => self.logs.put(*heard, at),
            Delta::Trend(wish, courses) => self.put_courses(wish, courses, at),
            Delta::Quotas(service, said) => self.put_quotas(service, said, at),
            Delta::Project(id, said) => self.of_projects.put(id, said, at),
            Delta::Names(kind, rows) => self.put_names(kind, rows),
            Delta::Remove(topic, ids) => {
                for id in ids {
                    self.remove(topic, &id);
                }
            }
            Delta::Actions { instance, actions } => {
                self.touch_instance(&instance);
                self.actions.insert(instance, (at, actions));
            }
            Delta::Console { instance, text } => {
                self.touch_instance(&instance);
                self.console.insert(instance, (at, text));
            }
        }
    }

    fn count(&mut self, topic: Topic, rows: usize) {
        if let Some(fresh) = self.freshness.get_mut(&topic)
            && let Some(progress) = fresh.progress.as_mut()
        {
            progress.seen += rows;
            fresh.revision += 1;
        }
    }

    fn begin_read(&mut self, topic: Topic) {
        match topic {
            Topic::Services => self.services.begin_read(),
            Topic::Hypervisors => self.hypervisors.begin_read(),
            Topic::Aggregates => self.aggregates.begin_read(),
            Topic::Providers => self.providers.begin_read(),
            Topic::Instances => self.instances.begin_read(),
            Topic::Migrations => self.migrations.begin_read(),
            Topic::Agents => self.agents.begin_read(),
            Topic::VolumeServices => self.volume_services.begin_read(),
            Topic::Projects => {
                self.projects.begin_read();
                self.quotas.begin_read();
            }
            Topic::Users => self.users.begin_read(),
            Topic::Images => self.images.begin_read(),
            Topic::Brokers => self.brokers.begin_read(),
            Topic::Nodes => self.nodes.begin_read(),
            Topic::Queues => self.queues.begin_read(),
            Topic::Identity
            | Topic::Actions
            | Topic::Console
            | Topic::Consumers
            | Topic::Events
            | Topic::Trace
            | Topic::Logs
            | Topic::Around
            | Topic::History
            | Topic::NovaQuotas
            | Topic::CinderQuotas
            | Topic::NeutronQuotas
            | Topic::GlanceQuotas
            | Topic::Assignments
            | Topic::Usage
            | Topic::Account => {}
        }
    }

    fn sweep(&mut self, topic: Topic) {
        match topic {
            Topic::Services => {
                for (slot, row) in self.services.sweep() {
                    self.forget_service(slot, &row);
                }
            }
            Topic::Hypervisors => {
                for (slot, row) in self.hypervisors.sweep() {
                    self.forget_hypervisor(slot, &row);
                }
            }
            Topic::Aggregates => {
                if !self.aggregates.sweep().is_empty() {
                    self.index_aggregates();
                }
            }
            Topic::Instances => {
                for (slot, row) in self.instances.sweep() {
                    self.forget_instance(slot, &row);
                }
            }
            Topic::Providers => drop(self.providers.sweep()),
            Topic::Migrations => drop(self.migrations.sweep()),
            Topic::Agents => {
                for (slot, row) in self.agents.sweep() {
                    self.forget_agent(slot, &row);
                }
            }
            Topic::VolumeServices => {
                for (_, row) in self.volume_services.sweep() {
                    self.touch_volume_queues(&row);
                }
            }
            Topic::Brokers => drop(self.brokers.sweep()),
            Topic::Nodes => drop(self.nodes.sweep()),
            Topic::Queues => {
                for (slot, row) in self.queues.sweep() {
                    self.forget_queue(slot, &row);
                }
            }
            // Names of what is gone stay useful: rows may still refer to them. Its limits are gone.
            Topic::Projects => self.sweep_quotas(),
            Topic::Users | Topic::Images => {}
            Topic::Identity
            | Topic::Actions
            | Topic::Console
            | Topic::Consumers
            | Topic::Events
            | Topic::Trace
            | Topic::Logs
            | Topic::Around
            | Topic::History
            | Topic::NovaQuotas
            | Topic::CinderQuotas
            | Topic::NeutronQuotas
            | Topic::GlanceQuotas
            | Topic::Assignments
            | Topic::Usage
            | Topic::Account => {}
        }
    }

    fn remove(&mut self, topic: Topic, id: &str) {
        match topic {
            Topic::Instances => {
                if let Some((slot, row)) = self.instances.remove(id) {
                    self.forget_instance(slot, &row);
                }
            }
            Topic::Migrations => drop(self.migrations.remove(id)),
            Topic::Hypervisors => {
                if let Some((slot, row)) = self.hypervisors.remove(id) {
                    self.forget_hypervisor(slot, &row);
                }
            }
            Topic::Nodes => drop(self.nodes.remove(id)),
            Topic::Queues => {
                if let Some((slot, row)) = self.queues.remove(id) {
                    self.forget_queue(slot, &row);
                }
            }
            // Nothing else is removed by event: full reads sweep.
            _ => {}
        }
    }

    fn touch_instance(&mut self, id: &str) {
        if let Some(slot) = self.instances.slot_of(id) {
            self.instances.touch(slot);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
