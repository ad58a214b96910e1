//! Quotas by project, and what the instances that are known here count against nova's.
//!
//! nova counts live: every row that is not deleted, whatever its state and wherever it is, but for those that are
//! deleted softly (nova/objects/instance.py, `_get_counts_in_db`). So do we: its figures are there with the first
//! page of instances, long before somebody was asked about all projects, and are checked against nova's own whenever
//! that is read.

use jiff::Timestamp;

use super::index::ByText;
use super::{Change, Rows, Store};
use crate::model::{Allowance, Allowances, Answered, Instance, QuotaService, Quotas, Text, Trouble};
use crate::report::{QuotaSaid, Topic};
use crate::table::Slots;

/// What the instances of a project count against its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub instances: i64,
    /// vCPUs; without those of instances whose flavor is not known.
    pub cores: i64,
    /// MiB; likewise.
    pub ram: i64,
    /// Instances of which nobody says how large they are: novas before 2.47, and cells that do not answer.
    pub unsized_ones: i64,
}

impl Counted {
    fn of(instance: &Instance) -> Self {
        if matches!(&*instance.status, "SOFT_DELETED" | "DELETED") {
            return Self::default();
        }
        let size = instance.flavor.as_ref().and_then(|flavor| Some((flavor.vcpus?, flavor.ram?)));
        let (cores, ram) = size.unwrap_or_default();
        Self { instances: 1, cores: cores.into(), ram: ram.into(), unsized_ones: i64::from(size.is_none()) }
    }

    fn add(&mut self, other: Self, sign: i64) {
        self.instances += sign * other.instances;
        self.cores += sign * other.cores;
        self.ram += sign * other.ram;
        self.unsized_ones += sign * other.unsized_ones;
    }

    /// The figure of one of nova's resources; none where instances of unknown size are among them.
    pub fn figure(&self, resource: &str) -> Option<i64> {
        match resource {
            "instances" => Some(self.instances),
            "cores" => Some(self.cores).filter(|_| self.unsized_ones == 0),
            "ram" => Some(self.ram).filter(|_| self.unsized_ones == 0),
            _ => None,
        }
    }
}

/// The resources that instances count against.
pub const COUNTED: [&str; 3] = ["instances", "cores", "ram"];

/// What is known beside the rows.
#[derive(Debug, Default)]
pub(super) struct Books {
    counted: ByText<Counted>,
    checks: ByText<Check>,
    services: [Service; QuotaService::ALL.len()],
}

#[derive(Debug, Default)]
struct Service {
    defaults: Option<Allowances>,
    absent: bool,
}

/// nova's last answer about a project beside what was known here when it came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Check {
    /// `None`: no instances had been read.
    base: Option<Counted>,
    /// Answers in a row that differed from what was known here: an instance that has just come is known to one side
    /// first, so one alone means nothing.
    times: u8,
}

impl Books {
    /// An instance came, changed or went.
    pub(super) fn count(&mut self, rows: &mut Rows<Quotas>, old: Option<&Instance>, new: Option<&Instance>) {
        let said = |row: Option<&Instance>| row.map(|row| (row.project_id.clone(), Counted::of(row)));
        let (old, new) = (said(old), said(new));
        if old == new {
            return;
        }
        for (change, sign) in [(old, -1), (new, 1)] {
            let Some((project, counted)) = change else { continue };
            if let Some(slot) = rows.slot_of(&project) {
                rows.touch(slot);
            }
            self.counted.entry(project).or_default().add(counted, sign);
        }
    }
}

impl Store {
    /// A project is there: so are its quotas, though nothing is known of them yet.
    pub(super) fn list_quotas(&mut self, id: Text, changed: bool) {
        let known = self.quotas.by_id(&id).cloned();
        let change = self.quotas.upsert(known.unwrap_or_else(|| Quotas::new(id.clone())));
        if changed
            && change == Change::Unchanged
            && let Some(slot) = self.quotas.slot_of(&id)
        {
            self.quotas.touch(slot);
        }
    }

    pub(super) fn sweep_quotas(&mut self) {
        for (_, row) in self.quotas.sweep() {
            self.quota_books.checks.remove(&row.id);
        }
        let there = &self.quotas;
        self.of_projects.retain(|id| there.by_id(id).is_some());
    }

    pub(super) fn put_quotas(&mut self, service: QuotaService, said: QuotaSaid, at: Timestamp) {
        let books = &mut self.quota_books.services[service as usize];
        match said {
            QuotaSaid::Absent => books.absent = true,
            QuotaSaid::Defaults(defaults) => {
                *books = Service { defaults: Some(defaults), absent: false };
            }
            QuotaSaid::Project(id, answer) => return self.put_answer(service, &id, answer, at),
            QuotaSaid::Gone(id) => {
                self.quotas.remove(&id);
                self.quota_books.checks.remove(&id);
                return self.count(Topic::of_quotas(service), 1);
            }
        }
        // It stands in every row.
        for slot in self.quotas.live() {
            self.quotas.touch(slot);
        }
    }

    fn put_answer(
        &mut self,
        service: QuotaService,
        id: &Text,
        answer: Result<Allowances, Trouble>,
        at: Timestamp,
    ) {
        // A project that was deleted in between has no row any more.
        let Some(mut row) = self.quotas.by_id(id).cloned() else { return };
        let answered = row.of_mut(service);
        // Those on screen are asked again before all have been asked once.
        let first = *answered == Answered::default();
        answered.hear(answer, at);
        let is_novas = service == QuotaService::Nova && answered.trouble.is_none();
        self.quotas.upsert(row);
        self.count(Topic::of_quotas(service), usize::from(first));
        if is_novas {
            self.check(id);
        }
    }

    /// Holds nova's new answer against what is known here.
    fn check(&mut self, id: &Text) {
        let base = self.knows_instances().then(|| self.counted(id));
        let before = self.quota_books.checks.get(id).copied().unwrap_or_default();
        let row = self.quotas.by_id(id);
        let differs = base.zip(row).is_some_and(|(base, row)| {
            COUNTED.iter().any(|name| differs(row.find(QuotaService::Nova, name), &base))
        });
        let times = if differs { before.times.saturating_add(1) } else { 0 };
        self.quota_books.checks.insert(id.clone(), Check { base, times });
    }

    /// All instances were read: what nova said before of its quotas can be held against them now.
    pub(super) fn check_quotas(&mut self) {
        let unchecked: Vec<Text> = self
            .quota_books
            .checks
            .iter()
            .filter(|(_, check)| check.base.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in unchecked {
            self.check(&id);
            if let Some(slot) = self.quotas.slot_of(&id) {
                self.quotas.touch(slot);
            }
        }
    }

    /// Whether the instances of all projects that we may see are known.
    fn knows_instances(&self) -> bool {
        self.freshness(Topic::Instances).as_of.is_some()
    }

    /// What the instances of a project that are known here count.
    pub fn counted(&self, project: &str) -> Counted {
        self.quota_books.counted.get(project).copied().unwrap_or_default()
    }

    /// Whether a service limits nobody: it is not there, or has no quotas.
    pub fn has_no_quotas(&self, service: QuotaService) -> bool {
        self.quota_books.services[service as usize].absent
    }

    /// What a project may have of which nobody has said anything else.
    pub fn quota_defaults(&self, service: QuotaService) -> Option<&Allowances> {
        self.quota_books.services[service as usize].defaults.as_ref()
    }

    /// What a project has of a resource: the service's own figure; of instances, vCPUs and RAM what is known here,
    /// since that is newer whenever an instance came or went after nova's answer.
    pub fn in_use(&self, row: &Quotas, service: QuotaService, resource: &str) -> Option<i64> {
        let told = row.find(service, resource).and_then(|allowance| allowance.in_use);
        if service != QuotaService::Nova || !COUNTED.contains(&resource) {
            return told;
        }
        let now = self.counted(&row.id).figure(resource);
        let (Some(told), Some(now)) = (told, now) else {
            // Pages that are in already are shown while the rest arrives.
            let fresh = self.freshness(Topic::Instances);
            let some = fresh.as_of.is_some() || fresh.progress.is_some_and(|progress| progress.seen > 0);
            return told.or(now.filter(|_| some));
        };
        let check = self.quota_books.checks.get(&row.id).copied().unwrap_or_default();
        match check.base.and_then(|base| base.figure(resource)) {
            None => Some(told),
            Some(base) if base == now => Some(told),
            // They count differently, so nova's figure goes on from where it was.
            Some(base) if check.times >= 2 => Some(told + now - base),
            Some(_) => Some(now),
        }
    }

    /// nova's figure and what was known here when it came, where they differ and nothing has changed since, or
    /// where they have differed twice.
    pub fn disagreement(&self, row: &Quotas, resource: &str) -> Option<(i64, i64)> {
        let allowance = row.find(QuotaService::Nova, resource);
        let check = self.quota_books.checks.get(&row.id)?;
        let base = check.base?;
        let (told, here) = (allowance?.in_use?, base.figure(resource)?);
        let holds = check.times >= 2 || self.counted(&row.id) == base;
        (told != here && holds).then_some((told, here))
    }
}

fn differs(allowance: Option<&Allowance>, base: &Counted) -> bool {
    let Some(allowance) = allowance else { return false };
    let here = base.figure(&allowance.resource);
    allowance.in_use.zip(here).is_some_and(|(told, here)| told != here)
}

#[cfg(test)]
mod tests;
