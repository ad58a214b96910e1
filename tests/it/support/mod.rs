//! What tests share.

pub mod amqp;
pub mod brokers;
pub mod cloud;
pub mod facts;
pub mod journald;
pub mod listening;
pub mod pty;
pub mod sim;
pub mod sshd;
pub mod stage;
pub mod stub;
pub mod tail;
