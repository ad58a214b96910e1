//! A hypervisor, judged by what nova says of its compute service and by Placement's limits.
//!
//! operations.md N01–N04 (service state), C01–C05 (overcommit), C06 (Placement disagrees), 2.12 (its logs).

use super::{Note, Verdict, said};
use crate::model::{Hypervisor, Queue, ResourceClass, ServiceState, ServiceStatus};
use crate::report::Topic;
use crate::store::Store;

/// Share of the scheduler's limit from which a host is called full (operations.md C01; a judgement).
pub const FULL: f64 = 0.95;

/// The verdict alone, without building words: what sorting and colour need.
pub fn verdict(store: &Store, hypervisor: &Hypervisor) -> Verdict {
    let mut worst = service_verdict(store, hypervisor).max(said::verdict(store, hypervisor));
    if store.drifted(hypervisor) || fullest(store, hypervisor).is_some_and(|(share, _)| share >= FULL) {
        worst = worst.max(Verdict::Warning);
    }
    match idle_queue(store, hypervisor) {
        Some(queue) => worst.max(super::queue::verdict(store, queue)),
        None => worst,
    }
}

/// The queue by which nova talks to it, if nobody takes from it: that is known before nova calls the service down
/// (operations.md R07). What a broker said before it fell silent is no news.
fn idle_queue<'a>(store: &'a Store, hypervisor: &Hypervisor) -> Option<&'a Queue> {
    let queue = store.compute_queue(hypervisor).filter(|queue| queue.consumers == Some(0))?;
    store.freshness(Topic::Queues).outage.is_none().then_some(queue)
}

fn service_verdict(store: &Store, hypervisor: &Hypervisor) -> Verdict {
    let service = store.compute_service(&hypervisor.host);
    // The service list is read more often than the hypervisors, so it knows first.
    let state = service.map_or(hypervisor.state, |s| s.state);
    let status = service.map_or(hypervisor.status, |s| s.status);
    if service.is_some_and(|s| s.forced_down) {
        return Verdict::Warning;
    }
    match (state, status) {
        (ServiceState::Down, ServiceStatus::Enabled) => Verdict::Critical,
        (ServiceState::Down, ServiceStatus::Disabled) if store.instance_count_on(hypervisor) > 0 => {
            Verdict::Warning
        }
        (ServiceState::Up | ServiceState::Down, ServiceStatus::Disabled) => {
            if auto_disabled(disabled_reason(store, hypervisor)) {
                Verdict::Critical
            } else {
                Verdict::Disabled
            }
        }
        (ServiceState::Up, ServiceStatus::Enabled) => Verdict::Ok,
        _ => Verdict::Unknown,
    }
}

/// nova-compute writes this prefix when it disabled itself because libvirt was lost.
fn auto_disabled(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.starts_with("AUTO:"))
}

/// Why the compute service is disabled, from the fresher of the two lists.
pub fn disabled_reason<'a>(store: &'a Store, hypervisor: &'a Hypervisor) -> Option<&'a str> {
    store
        .compute_service(&hypervisor.host)
        .and_then(|s| s.disabled_reason.as_deref())
        .or(hypervisor.disabled_reason.as_deref())
}

/// The resource that is nearest to its scheduling limit: its share, and its name.
pub fn fullest(store: &Store, hypervisor: &Hypervisor) -> Option<(f64, &'static str)> {
    let provider = store.provider_of(hypervisor)?;
    let share = |class, used: Option<u64>, reserved_counts: bool, name| {
        let limit = provider.capacity(class)?;
        // nova counts the host's reservation as used; the limit is without it.
        let reserved = provider.inventory(class).filter(|_| reserved_counts).map_or(0, |i| i.reserved);
        let used = used? as f64 - reserved as f64;
        (limit > 0.0).then(|| (used / limit, name))
    };
    [
        share(ResourceClass::Vcpu, hypervisor.vcpus_used, false, "vCPU"),
        share(ResourceClass::MemoryMb, hypervisor.memory_mb_used, true, "RAM"),
    ]
    .into_iter()
    .flatten()
    .max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Everything that is to be said, worst first. The words name figures and the next step.
pub fn notes(store: &Store, hypervisor: &Hypervisor) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |verdict, words: String| notes.push(Note { verdict, words });
    let host = &hypervisor.host;
    let guests = match store.instance_count_on(hypervisor) {
        1 => "1 instance".to_owned(),
        n => format!("{n} instances"),
    };
    let service = service_verdict(store, hypervisor);
    let reason = disabled_reason(store, hypervisor);
    match service {
        Verdict::Critical if auto_disabled(reason) => say(
            service,
            format!(
                "nova-compute on {host} disabled itself ({}): restart libvirt there, then nova-compute",
                reason.unwrap_or_default()
            ),
        ),
        Verdict::Critical => say(
            service,
            format!(
                "nova calls nova-compute on {host} down; its {guests} may well be running: \
                 ping {host}, then `systemctl status nova-compute` there; evacuate only after fencing"
            ),
        ),
        Verdict::Warning if store.compute_service(host).is_some_and(|s| s.forced_down) => say(
            service,
            format!("{host} is forced down: after the evacuation, unset it or the service will not work"),
        ),
        Verdict::Warning => say(service, format!("{host} is disabled and down with {guests} on it")),
        Verdict::Disabled => say(
            service,
            match reason {
                Some(reason) => format!("{host} is disabled: {reason}"),
                None => format!("{host} is disabled, and nobody said why"),
            },
        ),
        Verdict::Unknown => say(service, format!("nova does not say how {host} is: its cell may be down")),
        _ => {}
    }
    if store.drifted(hypervisor) {
        say(
            Verdict::Warning,
            format!(
                "nova and Placement disagree about what {host} has in use: \
                 `nova-manage placement heal_allocations`, or audit with `nova-manage placement audit`"
            ),
        );
    }
    if let Some(queue) = idle_queue(store, hypervisor) {
        let verdict = super::queue::verdict(store, queue);
        let waits = match queue.ready {
            Some(1) => "1 message waits".to_owned(),
            Some(n) => format!("{n} messages wait"),
            None => "what waits is unknown".to_owned(),
        };
        say(verdict, format!("{} has no consumer, {waits}: nova-compute there is off the bus", queue.name));
    }
    if let Some((share, name)) = fullest(store, hypervisor).filter(|(share, _)| *share >= FULL) {
        say(
            Verdict::Warning,
            format!("{host}'s {name} is {:.0}% of what the scheduler may give", share * 100.0),
        );
    }
    notes.extend(said::notes(store, hypervisor));
    notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    notes
}
