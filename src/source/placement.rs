//! Placement: providers, what they have, what is in use.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Error, Microversion, ServiceKind, Session};
use crate::model::{Inventory, Provider, ResourceClass};

/// The highest microversion that we understand; 1.14 first knows nested providers.
pub const CAP: Microversion = Microversion(1, 39);

async fn get<T>(
    session: &Session,
    path: &str,
    parse: fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    session.get(ServiceKind::Placement, path, &[], Some(CAP)).await?.read(ServiceKind::Placement, parse)
}

/// `GET /resource_providers`: the roots, which are the hypervisors.
pub async fn providers(session: &Session) -> Result<Vec<Provider>, Error> {
    get(session, "/resource_providers", parse_providers).await
}

pub(super) fn parse_providers(body: &[u8]) -> Result<Vec<Provider>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        resource_providers: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        uuid: String,
        name: String,
        parent_provider_uuid: Option<String>,
    }
    Ok(serde_json::from_slice::<Body>(body)?
        .resource_providers
        .into_iter()
        .filter(|row| row.parent_provider_uuid.is_none())
        .map(|row| Provider { id: row.uuid.into(), name: row.name.into(), inventories: None, usages: None })
        .collect())
}

fn class(name: &str) -> Option<ResourceClass> {
    match name {
        "VCPU" => Some(ResourceClass::Vcpu),
        "PCPU" => Some(ResourceClass::Pcpu),
        "MEMORY_MB" => Some(ResourceClass::MemoryMb),
        "DISK_GB" => Some(ResourceClass::DiskGb),
        _ => None,
    }
}

type Inventories = Vec<(ResourceClass, Inventory)>;
type Usages = Vec<(ResourceClass, u64)>;

/// `GET /resource_providers/{id}/inventories`.
pub async fn inventories(session: &Session, id: &str) -> Result<Inventories, Error> {
    get(session, &format!("/resource_providers/{id}/inventories"), parse_inventories).await
}

pub(super) fn parse_inventories(body: &[u8]) -> Result<Inventories, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        inventories: BTreeMap<String, Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        total: u64,
        #[serde(default)]
        reserved: u64,
        allocation_ratio: f64,
    }
    Ok(serde_json::from_slice::<Body>(body)?
        .inventories
        .into_iter()
        .filter_map(|(name, row)| {
            let Row { total, reserved, allocation_ratio } = row;
            Some((class(&name)?, Inventory { total, reserved, allocation_ratio }))
        })
        .collect())
}

/// `GET /resource_providers/{id}/usages`.
pub async fn usages(session: &Session, id: &str) -> Result<Usages, Error> {
    get(session, &format!("/resource_providers/{id}/usages"), parse_usages).await
}

pub(super) fn parse_usages(body: &[u8]) -> Result<Usages, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        usages: BTreeMap<String, u64>,
    }
    let usages = serde_json::from_slice::<Body>(body)?.usages;
    Ok(usages.into_iter().filter_map(|(name, used)| Some((class(&name)?, used))).collect())
}
