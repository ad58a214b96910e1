use jiff::Timestamp;

use super::{Identified, Text};

/// A neutron agent (`GET /v2.0/agents`). To a non-admin neutron answers an empty list, not 403.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub id: Text,
    pub binary: Text,
    pub agent_type: Text,
    pub host: Text,
    /// Heard from within neutron's `agent_down_time`.
    pub alive: bool,
    pub admin_state_up: bool,
    pub availability_zone: Option<Text>,
    pub heartbeat: Option<Timestamp>,
}

impl Identified for Agent {
    fn id(&self) -> &Text {
        &self.id
    }
}
