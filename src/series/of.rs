//! What each series is now.

use std::collections::BTreeMap;

use smallvec::{SmallVec, smallvec};

use super::quotas;
use super::recorder::Seen;
use crate::model::{Broker, Hypervisor, Labels, QuotaService, Quotas, Text, find_allowance};

type To<'a> = &'a mut dyn FnMut(Labels, f64);

pub(super) fn instances(seen: &Seen<'_>, to: To<'_>) {
    to(SmallVec::new(), seen.store.instances.len() as f64);
}

/// Statuses of which it is told that there is none. The others begin with their first instance.
const USUAL: [&str; 4] = ["ACTIVE", "BUILD", "ERROR", "SHUTOFF"];

pub(super) fn by_status(seen: &Seen<'_>, to: To<'_>) {
    for (status, count) in seen.statuses.all().filter(|(status, _)| !USUAL.contains(&&***status)) {
        to(smallvec![status.clone()], count as f64);
    }
    for status in USUAL.map(Text::from) {
        let count = seen.statuses.count(&status);
        to(smallvec![status], count as f64);
    }
}

pub(super) fn by_flavor(seen: &Seen<'_>, to: To<'_>) {
    for (flavor, count) in seen.flavors.all() {
        to(smallvec![flavor.clone()], count as f64);
    }
}

pub(super) fn by_host(seen: &Seen<'_>, to: To<'_>) {
    for (_, row) in seen.store.hypervisors.iter() {
        to(smallvec![row.hypervisor_hostname.clone()], seen.store.instance_count_on(row) as f64);
    }
}

pub(super) fn vcpus_used(seen: &Seen<'_>, to: To<'_>) {
    by_zone(seen, to, |row| row.vcpus_used);
}

/// As nova counts it, with what is reserved for the hosts.
pub(super) fn ram_used(seen: &Seen<'_>, to: To<'_>) {
    by_zone(seen, to, |row| row.memory_mb_used);
}

/// The sum over the hosts of each zone; none of a zone with a host whose figure is not known.
fn by_zone(seen: &Seen<'_>, to: To<'_>, figure: impl Fn(&Hypervisor) -> Option<u64>) {
    let mut zones: BTreeMap<&Text, Option<u64>> = BTreeMap::new();
    for (_, row) in seen.store.hypervisors.iter() {
        // Nobody knows where a host stands whose service is gone.
        let Some(zone) = seen.store.compute_service(&row.host).and_then(|service| service.zone.as_ref())
        else {
            continue;
        };
        let sum = zones.entry(zone).or_insert(Some(0));
        *sum = sum.zip(figure(row)).map(|(sum, more)| sum.saturating_add(more));
    }
    for (zone, sum) in zones {
        if let Some(sum) = sum {
            to(smallvec![zone.clone()], sum as f64);
        }
    }
}

/// What projects have of what is limited, as far as it is due.
pub(super) fn quota_used(seen: &Seen<'_>, to: To<'_>) {
    for (labels, value) in seen.quotas {
        to(labels.clone(), *value);
    }
}

pub(super) fn volumes(seen: &Seen<'_>, to: To<'_>) {
    of_all_projects(seen, to, "volumes");
}

pub(super) fn volumes_size(seen: &Seen<'_>, to: To<'_>) {
    of_all_projects(seen, to, "gigabytes");
}

/// What cinder counts of all projects together. None where one was not told of, of whom it is too long ago, or whose
/// books are wrong.
fn of_all_projects(seen: &Seen<'_>, to: To<'_>, resource: &str) {
    let figure = |row: &Quotas| {
        let answer = quotas::fresh(seen.store, row, QuotaService::Cinder, seen.now)?;
        let in_use = find_allowance(answer, resource)?.in_use?;
        u64::try_from(in_use).ok()
    };
    let all = seen.store.quotas.iter().map(|(_, row)| figure(row));
    let sum = all.reduce(|sum, more| Some(sum?.saturating_add(more?)));
    if let Some(Some(sum)) = sum {
        to(SmallVec::new(), sum as f64);
    }
}

pub(super) fn queues(seen: &Seen<'_>, to: To<'_>) {
    by_broker(seen, to, |broker| broker.totals.queues);
}

pub(super) fn ready(seen: &Seen<'_>, to: To<'_>) {
    by_broker(seen, to, |broker| broker.totals.ready);
}

pub(super) fn unacked(seen: &Seen<'_>, to: To<'_>) {
    by_broker(seen, to, |broker| broker.totals.unacked);
}

/// One that gave no answer the last time has old figures.
fn by_broker(seen: &Seen<'_>, to: To<'_>, figure: impl Fn(&Broker) -> Option<u64>) {
    for (_, broker) in seen.store.brokers.iter().filter(|(_, broker)| broker.trouble.is_none()) {
        if let Some(figure) = figure(broker) {
            to(smallvec![broker.name.clone()], figure as f64);
        }
    }
}

/// Of the last minute, as many as it would be in an hour: whatever part of an hour is heard, its mean is true.
pub(super) fn errors(seen: &Seen<'_>, to: To<'_>) {
    for (service, count) in seen.errors {
        to(smallvec![service.clone()], *count as f64 * 60.0);
    }
}
