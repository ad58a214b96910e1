//! Who may log in to the broker, and what each may.

use regex::Regex;

use crate::sim::PASSWORD;

/// Services and clients meet there.
pub const VHOST: &str = "openstack";
pub const VHOSTS: [&str; 2] = ["/", VHOST];

#[derive(Debug)]
pub struct Account {
    pub name: &'static str,
    /// What it may of the management API.
    pub tags: &'static [&'static str],
    /// The vhosts that it may enter.
    pub vhosts: &'static [&'static str],
    /// What it may configure, write and read, in each.
    pub may: [&'static str; 3],
}

/// Our own queues, and those that the server names.
const OWN: &str = "^(stackwatch.*|amq\\.gen.*)$";

pub static ACCOUNTS: [Account; 4] = [
    Account { name: "admin", tags: &["administrator"], vhosts: &VHOSTS, may: [".*", ".*", ".*"] },
    // The services' own.
    Account { name: "openstack", tags: &[], vhosts: &[VHOST], may: [".*", ".*", ".*"] },
    // What kolla makes for its monitoring: it reads and makes nothing.
    Account {
        name: "openstack-monitoring",
        tags: &["monitoring"],
        vhosts: &[VHOST],
        may: ["^$", "^$", ".*"],
    },
    // Besides it may make queues of its own, to hear notifications.
    Account { name: "stackwatch", tags: &["monitoring"], vhosts: &[VHOST], may: [OWN, OWN, ".*"] },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Configure = 0,
    Write = 1,
    Read = 2,
}

impl Account {
    /// Everybody has the simulated cloud's one password.
    pub fn login(name: &str, password: &str) -> Option<&'static Self> {
        ACCOUNTS.iter().find(|account| account.name == name && password == PASSWORD)
    }

    pub fn enters(&self, vhost: &str) -> bool {
        self.vhosts.contains(&vhost)
    }

    pub fn may(&self, right: Right, resource: &str) -> bool {
        // The default exchange has a name for this alone.
        let resource = if resource.is_empty() { "amq.default" } else { resource };
        Regex::new(self.may[right as usize]).is_ok_and(|allowed| allowed.is_match(resource))
    }

    pub fn is_administrator(&self) -> bool {
        self.tags.contains(&"administrator")
    }

    pub fn is_monitor(&self) -> bool {
        self.is_administrator() || self.tags.contains(&"monitoring")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_may_what_it_is_for() {
        let account = |name| Account::login(name, PASSWORD).unwrap();
        for (name, right, resource, expected) in [
            ("openstack", Right::Write, "nova", true),
            ("openstack-monitoring", Right::Configure, "amq.gen-1", false),
            ("openstack-monitoring", Right::Read, "compute", true),
            ("stackwatch", Right::Configure, "amq.gen-1", true),
            ("stackwatch", Right::Configure, "stackwatch.notifications", true),
            ("stackwatch", Right::Configure, "compute.cmp001", false),
            ("stackwatch", Right::Write, "nova", false),
            ("stackwatch", Right::Write, "", false),
        ] {
            assert_eq!(account(name).may(right, resource), expected, "{name} {right:?} {resource}");
        }
        assert!(Account::login("admin", "wrong").is_none() && Account::login("nobody", PASSWORD).is_none());
    }
}
