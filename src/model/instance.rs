use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Identified, Text};

/// An instance (`GET /servers/detail?all_tenants=1`).
///
/// A down cell gives partial rows (status `UNKNOWN`; id, project, created only; nova's api-guide, "Handling
/// Down Cells"): `partial` says so.
///
/// A large cloud has 100,000 of them: what many have in common is shared, what few have is boxed.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub id: Text,
    pub name: Text,
    /// ACTIVE, BUILD, ERROR, SHUTOFF … as nova spells it.
    pub status: Text,
    pub vm_state: Option<Text>,
    pub task_state: Option<Text>,
    pub power_state: PowerState,
    pub host: Option<Text>,
    pub hypervisor_hostname: Option<Text>,
    /// `instance-0000001f`, libvirt's name for it.
    pub instance_name: Option<Text>,
    pub project_id: Text,
    pub user_id: Option<Text>,
    pub flavor: Option<Arc<Flavor>>,
    pub image_id: Option<Text>,
    pub availability_zone: Option<Text>,
    pub addresses: Box<[Address]>,
    pub volumes: Box<[VolumeRef]>,
    /// In name order, each once.
    pub security_groups: Arc<[Text]>,
    /// In key order.
    pub metadata: Box<[(Text, Text)]>,
    pub key_name: Option<Text>,
    pub locked: bool,
    pub locked_reason: Option<Text>,
    /// `host_status`: UP, DOWN, MAINTENANCE, UNKNOWN (microversion 2.16).
    pub host_status: Option<Text>,
    pub fault: Option<Box<Fault>>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    pub launched_at: Option<Timestamp>,
    /// A row of a cell that does not answer: everything else is as it was known before, or unknown.
    pub partial: bool,
}

impl Instance {
    /// A partial row of which nothing was known before its cell went away.
    pub fn is_bare(&self) -> bool {
        self.partial && self.name.is_empty()
    }
}

impl Identified for Instance {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// The flavor as the instance was built with (microversion 2.47 embeds it; before, only an id is known).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flavor {
    /// `original_name`; before 2.47 the flavor's id.
    pub name: Text,
    /// Before 2.47: whose name is to be looked up.
    pub id: Option<Text>,
    pub vcpus: Option<u32>,
    /// MiB.
    pub ram: Option<u32>,
    /// GiB.
    pub disk: Option<u32>,
    /// In key order.
    pub extra_specs: Box<[(Text, Text)]>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub network: Text,
    pub addr: Text,
    pub kind: AddressKind,
    pub mac: Option<Mac>,
}

/// A port's MAC address, of which a large cloud has some 100,000: in its six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac([u8; 6]);

impl Mac {
    /// `fa:16:3e:c8:43:92`, as neutron writes all of them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            // Two digits: the standard library would take a sign too.
            let part = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+'))?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    Fixed,
    Floating,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VolumeRef {
    pub id: Text,
    pub delete_on_termination: Option<bool>,
}

/// Why an instance is in ERROR. An old fault may outlive the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: Option<i64>,
    pub message: Text,
    pub details: Option<Text>,
    pub created: Option<Timestamp>,
}

/// nova's `OS-EXT-STS:power_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerState {
    NoState,
    Running,
    Paused,
    Shutdown,
    Crashed,
    Suspended,
    /// Not given, or a number that we do not know.
    Unknown,
}

impl PowerState {
    pub fn from_number(n: i64) -> Self {
        match n {
            0 => Self::NoState,
            1 => Self::Running,
            3 => Self::Paused,
            4 => Self::Shutdown,
            6 => Self::Crashed,
            7 => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// As notifications spell it.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "pending" => Self::NoState,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "shutdown" => Self::Shutdown,
            "crashed" => Self::Crashed,
            "suspended" => Self::Suspended,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoState => "NOSTATE",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Shutdown => "Shutdown",
            Self::Crashed => "Crashed",
            Self::Suspended => "Suspended",
            Self::Unknown => "unknown",
        }
    }
}

/// One entry of `GET /servers/{id}/os-instance-actions`, with its events once they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceAction {
    pub action: Text,
    pub request_id: Text,
    pub user_id: Option<Text>,
    pub project_id: Option<Text>,
    pub start_time: Option<Timestamp>,
    /// From microversion 2.58.
    pub updated_at: Option<Timestamp>,
    /// "Error" when it failed.
    pub message: Option<Text>,
    pub events: Vec<ActionEvent>,
}

/// One event of an instance action (`/os-instance-actions/{request_id}`).
#[derive(Clone, Debug, PartialEq)]
pub struct ActionEvent {
    pub event: Text,
    pub start_time: Option<Timestamp>,
    pub finish_time: Option<Timestamp>,
    /// "Success" or "Error"; `None` while it runs.
    pub result: Option<Text>,
    /// From microversion 2.62, for who may see it.
    pub host: Option<Text>,
    /// From microversion 2.84.
    pub details: Option<Text>,
    pub traceback: Option<Text>,
}

#[cfg(test)]
mod tests {
    use super::Mac;

    #[test]
    fn a_mac_is_six_bytes() {
        for text in ["fa:16:3e:c8:43:92", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"] {
            assert_eq!(Mac::parse(text).map(|mac| mac.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Mac::parse("FA:16:3E:C8:43:92"), Mac::parse("fa:16:3e:c8:43:92"));
        for text in [
            "",
            "fa:16:3e:c8:43",
            "fa:16:3e:c8:43:92:00",
            "fa163ec84392",
            "+a:16:3e:c8:43:92",
            "fa:16:3e:c8:43:ü",
        ] {
            assert_eq!(Mac::parse(text), None, "{text}");
        }
    }
}
