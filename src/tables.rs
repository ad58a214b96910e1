//! The tables that `show` prints and panes draw: one file each, listed here.

pub mod hypervisors;
pub mod instances;
pub mod logs;
pub mod nodes;
pub mod queues;
pub mod quotas;
pub mod services;
pub mod trace;
pub mod trend;
pub mod usage;

use crate::report::Topic;
use crate::store::Store;
use crate::table::Table;

/// A table over the store, and the topics that its rows come from. The first topic is the one whose failure
/// means that the rows themselves could not be had; the others only fill columns.
pub struct Listed {
    pub table: &'static Table<Store>,
    pub reads: &'static [Topic],
}

/// Every table, by the order of `show --help`.
pub const TABLES: &[Listed] = &[
    Listed { table: &hypervisors::TABLE, reads: hypervisors::READS },
    Listed { table: &instances::TABLE, reads: instances::READS },
    Listed { table: &quotas::TABLE, reads: quotas::READS },
    Listed { table: &services::TABLE, reads: services::READS },
    Listed { table: &queues::TABLE, reads: queues::READS },
    Listed { table: &nodes::TABLE, reads: nodes::READS },
];

/// The table of this name.
pub fn by_name(name: &str) -> Option<&'static Listed> {
    TABLES.iter().find(|listed| listed.table.name == name)
}
