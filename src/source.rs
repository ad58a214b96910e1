//! Sources speak a protocol and return the model's types. Here: OpenStack's HTTP APIs, RabbitMQ's, and logs.

mod catalog;
pub mod cinder;
mod error;
pub mod glance;
mod http;
pub mod keystone;
pub mod log;
pub mod neutron;
pub mod nova;
mod pages;
pub mod placement;
pub mod quota;
pub mod rabbitmq;
mod session;
mod sources;
pub mod swift;
#[cfg(test)]
mod tests;
mod token;
mod wire;

pub use catalog::{Microversion, ServiceKind};
pub use error::{Error, ErrorKind};
pub use http::{Limits, Traffic};
pub use pages::{Page, Pages};
pub use session::{Identity, Session};
pub use sources::Sources;
