//! Other hosts, by the operator's own `ssh`: its configuration, agent, jump hosts and control sockets are theirs,
//! and what they can reach by hand can be reached here.
//!
//! It never asks: a password, a passphrase and an unknown host key are faults, in words ([`Fault`]). It never hangs:
//! until the other end is ready, and between what it says, there are limits ([`Patience`]). What runs there is one
//! script that gets its arguments quoted and the rest over standard input; it says when it begins (what a login
//! prints before is passed over) and when it has ended, so that a torn answer is never taken for a whole one.

mod fault;
mod program;

use std::fmt;

pub use fault::{Fault, Kind};
pub use program::{Came, Patience, Ssh, Talk};

use crate::model::Text;

/// The name of a host that may be given to a program: an API's word is not enough.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Text);

impl Host {
    /// `[A-Za-z0-9._:-]+`, and not an option.
    pub fn parse(name: &str) -> Option<Self> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let is_name = !name.is_empty() && !name.starts_with('-') && name.bytes().all(is_fit);
        is_name.then(|| Self(name.into()))
    }

    pub fn name(&self) -> &Text {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word for a POSIX shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
