use jiff::Timestamp;

use super::{Identified, Text};

/// A nova service (`GET /os-services`): nova-compute, nova-scheduler, nova-conductor …
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// UUID from microversion 2.53 on, a number in text before.
    pub id: Text,
    pub binary: Text,
    pub host: Text,
    pub zone: Option<Text>,
    pub state: ServiceState,
    pub status: ServiceStatus,
    pub disabled_reason: Option<Text>,
    /// Last heartbeat that nova's database saw (UTC). `None` for a row of a down cell.
    pub updated_at: Option<Timestamp>,
    /// An operator fenced it off (`PUT /os-services/{id}` with `forced_down`).
    pub forced_down: bool,
}

impl Identified for Service {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// Whether nova heard from the service within `service_down_time`. Down does not mean that its guests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceState {
    Up,
    Down,
    /// A down cell's row (status `UNKNOWN`), or a word that we do not know.
    Unknown,
}

/// Whether the scheduler may place instances there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceStatus {
    Enabled,
    Disabled,
    Unknown,
}

impl ServiceState {
    pub fn parse(word: &str) -> Self {
        match word {
            "up" => Self::Up,
            "down" => Self::Down,
            _ => Self::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

impl ServiceStatus {
    pub fn parse(word: &str) -> Self {
        match word {
            "enabled" => Self::Enabled,
            "disabled" => Self::Disabled,
            _ => Self::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
        }
    }
}
