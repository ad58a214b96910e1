//! What is read at the start: our own settings, and where the clouds are.

pub mod broker;
pub mod clouds;
pub mod file;
pub mod history;
mod ini;
pub mod logs;
pub mod looks;
pub mod secret;

use std::path::PathBuf;

/// What stands for `/` where files of this host are looked for by themselves: that of another host, mounted here, or
/// one that was made for a test.
pub fn root() -> PathBuf {
    std::env::var_os("STACKWATCH_ROOT")
        .filter(|root| !root.is_empty())
        .map_or_else(|| "/".into(), PathBuf::from)
}
