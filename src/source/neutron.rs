//! neutron: its agents, and the ports of one instance.

use serde::Deserialize;

use super::pages::Parsed;
use super::wire::{self, Words};
use super::{Error, ErrorKind, Pages, ServiceKind, Session};
use crate::model::{Agent, Port};

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

/// `GET /v2.0/ports?device_id=`: those of one instance.
pub async fn ports_of(session: &Session, device: &str) -> Result<Vec<Port>, Error> {
    let pages = Pages::new(session, ServiceKind::Network, "/ports", None, parse_ports, |row| &row.id);
    pages.with(vec![("device_id".to_owned(), device.to_owned())]).all().await
}

pub(super) fn parse_ports(body: &[u8], _: &mut Words) -> Result<Parsed<Port>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        #[serde(default)]
        status: String,
        #[serde(default)]
        mac_address: String,
        #[serde(default)]
        network_id: String,
        #[serde(default)]
        fixed_ips: Vec<Ip>,
        #[serde(rename = "binding:host_id")]
        binding_host: Option<String>,
        #[serde(rename = "binding:vif_type")]
        vif_type: Option<String>,
    }
    #[derive(Deserialize)]
    struct Ip {
        ip_address: String,
    }
    // A port that is bound nowhere has an empty host.
    let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Into::into);
    wire::list(body, "ports", "ports_links", |row: Row| Port {
        id: row.id.into(),
        status: row.status.into(),
        mac_address: row.mac_address.into(),
        network_id: row.network_id.into(),
        addresses: row.fixed_ips.into_iter().map(|ip| ip.ip_address.into()).collect(),
        binding_host: some(row.binding_host),
        vif_type: some(row.vif_type),
    })
}

#[cfg(test)]
mod port_tests {
    use super::*;

    #[test]
    fn a_port_says_where_it_is_bound_and_one_of_a_member_does_not() {
        let body = r#"{"ports": [
            {"id": "p1", "status": "DOWN", "mac_address": "fa:16:3e:00:00:01", "network_id": "n",
             "fixed_ips": [{"subnet_id": "s", "ip_address": "10.0.0.7"}, {"subnet_id": "t", "ip_address": "fd00::7"}],
             "binding:host_id": "cmp01", "binding:vif_type": "binding_failed", "binding:vnic_type": "normal"},
            {"id": "p2", "status": "DOWN", "fixed_ips": [], "binding:host_id": ""}]}"#;
        let (ports, next) = parse_ports(body.as_bytes(), &mut Words::default()).unwrap();
        assert_eq!((ports.len(), next), (2, None));
        let [first, second] = &ports[..] else { panic!() };
        assert_eq!(first.addresses, ["10.0.0.7".into(), "fd00::7".into()]);
        assert_eq!(
            (first.binding_host.as_deref(), first.vif_type.as_deref()),
            (Some("cmp01"), Some("binding_failed"))
        );
        assert_eq!((&second.binding_host, &second.vif_type), (&None, &None));
    }
}
