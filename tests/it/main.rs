//! All tests that need more than one module, in one binary.
//!
//! Those over a real cloud stand in `real_cloud` and, where they break a service, in `breaking`: `tests/run`
//! brings the cloud up and runs them; a bare `cargo test` names them as ignored.

// Also in what tests share: a failed expectation is the point there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
mod tail;

mod breaking;
mod brokers;
mod cli;
mod cloud_logs;
mod docs;
mod faults;
mod history;
mod journeys;
mod logs;
mod real_cloud;
mod rsyslog;
mod screens;
mod session;
mod sim_broker;
mod sim_cli;
mod sim_logs;
mod sim_words;
mod ssh;
mod terminal;
mod tidy;
mod trace;
