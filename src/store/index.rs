//! Who belongs to whom: the indexes that keep one row's line cheap, and their upkeep as rows change.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use jiff::Timestamp;

use super::{Change, Store};
use crate::model::{Aggregate, Flavor, Hypervisor, Instance, Provider, Service, Text, is_same_host};
use crate::table::{Slot, Slots};

/// A map by what the cloud calls things.
pub(super) type ByText<T> = HashMap<Text, T, RandomState>;

/// Slots grouped by a key, each group in slot order.
#[derive(Debug, Default)]
pub(super) struct Groups(ByText<Vec<Slot>>);

impl Groups {
    pub(super) fn add(&mut self, key: &Text, slot: Slot) {
        // Most keys are known: no reference is counted for those.
        let Some(group) = self.0.get_mut(key) else {
            self.0.insert(key.clone(), vec![slot]);
            return;
        };
        // A read of all rows fills slots in order, so that most go to the end.
        if let Err(at) = group.binary_search(&slot) {
            group.insert(at, slot);
        }
    }

    pub(super) fn take(&mut self, key: &Text, slot: Slot) {
        if let Some(group) = self.0.get_mut(key) {
            if let Ok(at) = group.binary_search(&slot) {
                group.remove(at);
            }
            if group.is_empty() {
                self.0.remove(key);
            }
        }
    }

    pub(super) fn of(&self, key: &str) -> &[Slot] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

/// The hypervisor that an instance stands on: ironic has many nodes a host, so the node's name goes first.
fn node(instance: &Instance) -> Option<&Text> {
    instance.hypervisor_hostname.as_ref().or(instance.host.as_ref())
}

impl Store {
    /// nova-compute's service row on a host.
    pub fn compute_service(&self, host: &str) -> Option<&Service> {
        self.services.get(*self.compute_of.get(host)?)
    }

    /// The aggregates that a host stands in, in name order.
    pub fn aggregates_of(&self, host: &str) -> &[Text] {
        self.aggregates_of.get(host).map_or(&[], Vec::as_slice)
    }

    /// The Placement provider of a hypervisor: the same UUID, or before microversion 2.53 the same name.
    pub fn provider_of(&self, hypervisor: &Hypervisor) -> Option<&Provider> {
        self.providers.by_id(&hypervisor.id).or_else(|| {
            let by_name = |p: &&Provider| p.name == hypervisor.hypervisor_hostname;
            // Old clouds only: a scan, since their ids are numbers.
            if hypervisor.id.contains('-') {
                None
            } else {
                self.providers.iter().map(|(_, p)| p).find(by_name)
            }
        })
    }

    /// The hypervisor that an instance stands on.
    pub fn hypervisor_of(&self, instance: &Instance) -> Option<(Slot, &Hypervisor)> {
        let slot = *self.node_of.get(node(instance)?)?;
        self.hypervisors.get(slot).map(|row| (slot, row))
    }

    /// The name of a flavor; the id until it was looked up.
    pub fn flavor_name<'a>(&'a self, flavor: &'a Flavor) -> &'a str {
        flavor.id.as_ref().and_then(|id| self.flavors.by_id(id)).map_or(&flavor.name, |named| &named.name)
    }

    /// The slots of the instances on a hypervisor.
    pub fn instances_on(&self, hypervisor: &Hypervisor) -> &[Slot] {
        self.instances_on.of(&hypervisor.hypervisor_hostname)
    }

    pub fn instance_count_on(&self, hypervisor: &Hypervisor) -> usize {
        self.instances_on(hypervisor).len()
    }

    pub fn instance_count_in(&self, project: &str) -> usize {
        self.instances_in.of(project).len()
    }

    /// The slots of the instances of a project.
    pub fn instances_in(&self, project: &str) -> &[Slot] {
        self.instances_in.of(project)
    }

    /// Whether projects of several domains have this name.
    pub fn is_ambiguous(&self, name: &str) -> bool {
        self.named.of(name).len() > 1
    }

    /// Since when an instance has shown its task state: when we first saw it, or its last update before.
    pub fn task_since(&self, slot: Slot) -> Option<Timestamp> {
        self.task_since.get(&slot).map(|(_, since)| *since)
    }

    pub(super) fn put_service(&mut self, row: Service) {
        let host = row.host.clone();
        let compute = row.binary.as_ref() == "nova-compute";
        let binary = row.binary.clone();
        match self.services.upsert(row) {
            Change::Unchanged => return,
            Change::Inserted(slot) | Change::Updated(slot, _) => {
                if compute {
                    self.compute_of.insert(host.clone(), slot);
                }
                self.services_on.add(&host, slot);
            }
        }
        self.touch_nodes(&host);
        self.touch_queues(&host, &binary);
    }

    pub(super) fn forget_service(&mut self, slot: Slot, row: &Service) {
        if self.compute_of.get(&row.host) == Some(&slot) {
            self.compute_of.remove(&row.host);
        }
        self.services_on.take(&row.host, slot);
        self.touch_queues(&row.host, &row.binary);
        self.touch_nodes(&row.host);
    }

    pub(super) fn put_hypervisor(&mut self, row: Hypervisor, at: Timestamp) {
        let (id, name, host) = (row.id.clone(), row.hypervisor_hostname.clone(), row.host.clone());
        match self.hypervisors.upsert(row) {
            Change::Unchanged => {}
            Change::Inserted(slot) => {
                self.node_of.insert(name, slot);
                self.nodes_on.add(&host, slot);
            }
            Change::Updated(slot, old) => {
                if old.hypervisor_hostname != name {
                    self.node_of.remove(&old.hypervisor_hostname);
                    self.node_of.insert(name, slot);
                }
                if old.host != host {
                    self.nodes_on.take(&old.host, slot);
                    self.nodes_on.add(&host, slot);
                }
            }
        }
        self.note_drift(&id, at);
    }

    pub(super) fn forget_hypervisor(&mut self, slot: Slot, row: &Hypervisor) {
        if self.node_of.get(&row.hypervisor_hostname) == Some(&slot) {
            self.node_of.remove(&row.hypervisor_hostname);
        }
        self.nodes_on.take(&row.host, slot);
        self.drift.remove(&row.id);
    }

    /// A provider's report carries only what was read now; what was read before stays.
    pub(super) fn put_provider(&mut self, mut row: Provider, at: Timestamp) {
        if let Some(known) = self.providers.by_id(&row.id) {
            row.inventories = row.inventories.or_else(|| known.inventories.clone());
            row.usages = row.usages.or_else(|| known.usages.clone());
        }
        let (id, name) = (row.id.clone(), row.name.clone());
        if self.providers.upsert(row) == Change::Unchanged {
            return;
        }
        if let Some(slot) = self.hypervisors.slot_of(&id).or_else(|| self.node_of.get(&name).copied()) {
            self.hypervisors.touch(slot);
        }
        self.note_drift(&id, at);
    }

    /// A down cell's partial row takes nothing away from what is known: it says that the rest is old.
    pub(super) fn put_instance(&mut self, mut row: Instance, at: Timestamp) {
        if row.partial
            && let Some(known) = self.instances.by_id(&row.id)
        {
            row = Instance { status: row.status, partial: true, ..known.clone() };
        }
        // nova's list leaves the fault out; what was asked for by itself stays while the row is the same.
        if row.fault.is_none()
            && &*row.status == "ERROR"
            && let Some(known) = self.instances.by_id(&row.id).filter(|known| known.updated == row.updated)
        {
            row.fault.clone_from(&known.fault);
        }
        let (slot, old) = match self.instances.upsert(row) {
            Change::Unchanged => return,
            Change::Inserted(slot) => (slot, None),
            Change::Updated(slot, old) => (slot, Some(old)),
        };
        self.quota_books.count(&mut self.quotas, old.as_ref(), self.instances.get(slot));
        let Some(row) = self.instances.get(slot) else { return };
        let was_in = old.as_ref().map(|old| &old.project_id);
        if was_in != Some(&row.project_id) {
            if let Some(was_in) = was_in {
                self.instances_in.take(was_in, slot);
            }
            self.instances_in.add(&row.project_id, slot);
        }
        match &row.task_state {
            None => drop(self.task_since.remove(&slot)),
            Some(task) => {
                let known = self.task_since.get(&slot).is_some_and(|(known, _)| known == task);
                if !known {
                    // The save that set the task is the newest thing that can have updated the row.
                    let since = row.updated.map_or(at, |updated| updated.min(at));
                    self.task_since.insert(slot, (task.clone(), since));
                }
            }
        }
        let (was_on, now_on) = (old.as_ref().and_then(node), node(row).cloned());
        if was_on != now_on.as_ref() {
            self.stand(slot, was_on, false);
            self.stand(slot, now_on.as_ref(), true);
        }
    }

    pub(super) fn forget_instance(&mut self, slot: Slot, row: &Instance) {
        self.instances_in.take(&row.project_id, slot);
        self.quota_books.count(&mut self.quotas, Some(row), None);
        self.stand(slot, node(row), false);
        self.task_since.remove(&slot);
        self.actions.remove(&row.id);
        self.console.remove(&row.id);
    }

    /// An instance comes to a node or leaves it; the node's line shows how many there are.
    fn stand(&mut self, slot: Slot, on: Option<&Text>, comes: bool) {
        let Some(on) = on else { return };
        if comes {
            self.instances_on.add(on, slot);
        } else {
            self.instances_on.take(on, slot);
        }
        if let Some(&node) = self.node_of.get(on) {
            self.hypervisors.touch(node);
        }
    }

    pub(super) fn index_aggregates(&mut self) {
        let mut of: ByText<Vec<Text>> = ByText::default();
        for (_, Aggregate { name, hosts, .. }) in self.aggregates.iter() {
            for host in hosts {
                of.entry(host.clone()).or_default().push(name.clone());
            }
        }
        of.values_mut().for_each(|names| names.sort());
        self.aggregates_of = of;
        // Few hosts change, but aggregates change once a week: touching all is simpler than comparing.
        for slot in self.hypervisors.live() {
            self.hypervisors.touch(slot);
        }
    }

    /// The nodes of a host as its log calls it: nova's name and the log's may differ in the domain.
    pub(super) fn touch_nodes_called(&mut self, host: &str) {
        if !self.nodes_on.of(host).is_empty() {
            return self.touch_nodes(host);
        }
        for slot in self.hypervisors.live() {
            if self.hypervisors.get(slot).is_some_and(|row| is_same_host(&row.host, host)) {
                self.hypervisors.touch(slot);
            }
        }
    }

    pub(super) fn touch_nodes(&mut self, host: &str) {
        for slot in self.nodes_on.of(host) {
            self.hypervisors.touch(*slot);
        }
    }
}
