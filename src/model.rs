//! What is known about a cloud, as plain data: no I/O, no clock, no terminal.
//!
//! Names are OpenStack's own. A field that the cloud did not give is `None`, never a zero that looks like
//! a measurement. Texts are as the cloud sent them; whoever draws or prints them sanitises them.

mod account;
mod agent;
mod aggregate;
mod assignment;
mod broker;
mod endpoint;
mod event;
mod hypervisor;
mod instance;
mod log;
mod migration;
mod names;
mod passage;
mod port;
mod provider;
mod queue;
mod queue_name;
mod quota;
mod series;
mod service;
mod tail;
mod trouble;
mod usage;
mod volume;

pub use account::StorageAccount;
pub use agent::Agent;
pub use aggregate::Aggregate;
pub use assignment::Assignment;
pub use broker::{Alarm, AmqpState, Broker, BrokerNode, Churn, Connections, Counters, Rates, Totals};
pub use endpoint::{Endpoint, Request, endpoint};
pub use event::{Event, News};
pub use hypervisor::{Hypervisor, is_same_host, short_host};
pub use instance::{
    ActionEvent, Address, AddressKind, Fault, Flavor, Instance, InstanceAction, Mac, PowerState, VolumeRef,
};
pub use log::{Access, Context, Level, Line, Span, Stamp};
pub use migration::Migration;
pub use names::{Named, NamedKind};
pub use passage::{Passage, Passed, Stretch};
pub use port::Port;
pub use provider::{Inventory, Provider, ResourceClass};
pub use queue::{Consumer, Counts, Depth, Queue, QueueType};
pub use queue_name::{Meaning, QueueRole};
pub use quota::{Allowance, Allowances, Answered, Limit, QuotaService, Quotas, find as find_allowance};
pub use series::{Batch, Course, Labels, Pace, Point, Rollup, Sample, Series, Wish};
pub use service::{Service, ServiceState, ServiceStatus};
pub use tail::{Heard, HeardLine, LogSource, Parse};
pub use trouble::Trouble;
pub use usage::{Period, ServerUsage, Usage};
pub use volume::Volume;

/// A shared immutable string. Many rows carry the same project, host or status; they share one.
pub type Text = std::sync::Arc<str>;

/// A row that the store keeps under a stable identity.
pub trait Identified {
    /// The key that the cloud itself uses: a UUID mostly.
    fn id(&self) -> &Text;
}
