//! What is read at the start: our own settings, and where the clouds are.

pub mod broker;
pub mod clouds;
pub mod file;
pub mod looks;
pub mod secret;
