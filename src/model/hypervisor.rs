use super::{Identified, ServiceState, ServiceStatus, Text};

/// A hypervisor (`GET /os-hypervisors/detail`, at most microversion 2.87: later ones drop the figures).
///
/// Used figures are nova's own count and include what nova reserves for the host itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypervisor {
    /// UUID from microversion 2.53 on, a number in text before.
    pub id: Text,
    pub hypervisor_hostname: Text,
    /// `service.host`: what instances, queues and aggregates call this host.
    pub host: Text,
    pub state: ServiceState,
    pub status: ServiceStatus,
    pub disabled_reason: Option<Text>,
    pub hypervisor_type: Text,
    pub hypervisor_version: Option<u64>,
    pub host_ip: Option<Text>,
    /// Physical threads, not overcommitted.
    pub vcpus: Option<u64>,
    /// Allocated vCPUs; above `vcpus` is normal.
    pub vcpus_used: Option<u64>,
    /// MiB.
    pub memory_mb: Option<u64>,
    /// MiB, with the host's reservation in it.
    pub memory_mb_used: Option<u64>,
    /// GiB.
    pub local_gb: Option<u64>,
    /// GiB.
    pub local_gb_used: Option<u64>,
    pub running_vms: Option<u64>,
    pub cpu_model: Option<Text>,
}

impl Identified for Hypervisor {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// Whether a host that somebody names is the one that another names: either may have its domain.
pub fn is_same_host(a: &str, b: &str) -> bool {
    a == b || ((!a.contains('.') || !b.contains('.')) && short_host(a) == short_host(b))
}

/// A host's name without its domain.
pub fn short_host(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}
