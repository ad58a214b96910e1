//! What a project has in the object store.

use super::Limit;

/// A project's account in swift (OpenStack Object Storage API, "Show account metadata"). swift adds it up from what
/// its containers tell of themselves, so it comes a while after what was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageAccount {
    /// Bytes of all objects, each counted once however many replicas there are.
    pub bytes_used: u64,
    pub objects: u64,
    pub containers: u64,
    /// Bytes, where the middleware `account_quotas` has any: what would go beyond is refused (413).
    pub quota: Limit,
}
