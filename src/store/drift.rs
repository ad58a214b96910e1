//! Whether nova and Placement agree about a hypervisor.
//!
//! nova's `vcpus_used` should be Placement's `VCPU` + `PCPU` usage, and `memory_mb_used` less the reserved
//! memory its `MEMORY_MB` usage (operations.md, rule C06). The two are written at different moments, so one
//! disagreement means nothing: it counts once it holds over two readings of both, with no migration there.

use jiff::Timestamp;

use super::Store;
use crate::model::{Hypervisor, Provider, ResourceClass};

/// How often in a row nova and Placement were seen to disagree about a hypervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drift {
    /// When nova's figures were read last.
    nova_at: Option<Timestamp>,
    /// The pair of readings that was compared last.
    compared: Option<(Timestamp, Timestamp)>,
    /// Disagreements in a row, each over a newer reading of both sides.
    times: u8,
}

impl Drift {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        self.times >= 2
    }
}

impl Store {
    /// Whether nova and Placement have disagreed about this hypervisor over two readings of both.
    pub fn drifted(&self, hypervisor: &Hypervisor) -> bool {
        self.drift.get(&hypervisor.id).is_some_and(Drift::holds)
    }

    /// Called after each reading of either side.
    pub(super) fn note_drift(&mut self, id: &str, at: Timestamp) {
        let Some(hypervisor) = self.hypervisors.by_id(id) else { return };
        let nova_read = self.freshness(crate::report::Topic::Hypervisors).progress.is_some();
        let migrating = self.migrating(hypervisor);
        let disagree = self.provider_of(hypervisor).and_then(|p| {
            let (read_at, _) = p.usages.as_ref()?;
            Some((*read_at, disagrees(hypervisor, p)?))
        });
        let key = hypervisor.id.clone();
        let before = self.drift.get(&key).copied().unwrap_or_default();
        let mut now = before;
        if nova_read {
            now.nova_at = Some(at);
        }
        if let (Some(nova_at), Some((placement_at, disagree))) = (now.nova_at, disagree) {
            let newer = now.compared.is_none_or(|(n, p)| nova_at > n && placement_at > p);
            if !disagree || migrating {
                now.times = 0;
                now.compared = Some((nova_at, placement_at));
            } else if newer {
                now.times = now.times.saturating_add(1);
                now.compared = Some((nova_at, placement_at));
            }
        }
        if now != before {
            let changed = now.holds() != before.holds();
            self.drift.insert(key.clone(), now);
            if changed && let Some(slot) = crate::table::Slots::slot_of(&self.hypervisors, &key) {
                self.hypervisors.touch(slot);
            }
        }
    }

    fn migrating(&self, hypervisor: &Hypervisor) -> bool {
        let here = |host: &Option<crate::model::Text>| host.as_ref() == Some(&hypervisor.host);
        self.migrations.iter().any(|(_, m)| here(&m.source_compute) || here(&m.dest_compute))
    }
}

/// `None` while either side is unknown.
fn disagrees(hypervisor: &Hypervisor, provider: &Provider) -> Option<bool> {
    let vcpu = provider.usage(ResourceClass::Vcpu).unwrap_or(0);
    let pcpu = provider.usage(ResourceClass::Pcpu).unwrap_or(0);
    let memory = provider.usage(ResourceClass::MemoryMb).unwrap_or(0);
    let reserved = provider.inventory(ResourceClass::MemoryMb)?.reserved;
    Some(
        hypervisor.vcpus_used? != vcpu + pcpu
            || hypervisor.memory_mb_used?.saturating_sub(reserved) != memory,
    )
}
