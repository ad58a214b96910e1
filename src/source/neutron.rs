//! neutron: its agents.

use serde::Deserialize;

use super::pages::Parsed;
use super::wire::{self, Words};
use super::{Error, ErrorKind, Pages, ServiceKind, Session};
use crate::model::Agent;

/// `GET /v2.0/agents`, in pages where the operator set a limit. To an account that may not see them neutron
/// answers an empty list with 200: since no cloud with neutron has none (but for some OVN builds), an empty
/// one is reported as refused.
pub async fn agents(session: &Session) -> Result<Vec<Agent>, Error> {
    let pages = Pages::new(session, ServiceKind::Network, "/agents", None, parse_agents, |row| &row.id);
    let rows = pages.all().await?;
    if rows.is_empty() {
        return Err(Error::new(
            ErrorKind::Forbidden,
            ServiceKind::Network,
            "neutron shows no agents: to an account without the admin role it answers an empty list"
                .to_owned(),
            "take an account with the admin role; until then the agents are unknown, not fine",
        ));
    }
    Ok(rows)
}

pub(super) fn parse_agents(body: &[u8], _: &mut Words) -> Result<Parsed<Agent>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        #[serde(default)]
        binary: String,
        #[serde(default)]
        agent_type: String,
        #[serde(default)]
        host: String,
        alive: Option<bool>,
        admin_state_up: Option<bool>,
        availability_zone: Option<String>,
        #[serde(default, deserialize_with = "wire::timestamp")]
        heartbeat_timestamp: Option<jiff::Timestamp>,
    }
    wire::list(body, "agents", "agents_links", |row: Row| Agent {
        id: row.id.into(),
        binary: row.binary.into(),
        agent_type: row.agent_type.into(),
        host: row.host.into(),
        alive: row.alive.unwrap_or(false),
        admin_state_up: row.admin_state_up.unwrap_or(true),
        availability_zone: row.availability_zone.map(Into::into),
        heartbeat: row.heartbeat_timestamp,
    })
}
