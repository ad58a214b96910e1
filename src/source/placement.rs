//! Placement: providers, what they have, what is in use.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Error, Microversion, ServiceKind, Session};
use crate::model::{Inventory, Provider, ResourceClass};

/// The highest microversion that we understand; 1.14 first knows nested providers.
pub const CAP: Microversion = Microversion(1, 39);

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::bad_answer(ServiceKind::Placement, error))
}

async fn get(session: &Session, path: &str) -> Result<bytes::Bytes, Error> {
    session.get(ServiceKind::Placement, path, &[], Some(CAP)).await
}

/// `GET /resource_providers`: the roots, which are the hypervisors.
pub async fn providers(session: &Session) -> Result<Vec<Provider>, Error> {
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
    let body = get(session, "/resource_providers").await?;
    Ok(parse::<Body>(&body)?
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

/// `GET /resource_providers/{id}/inventories`.
pub async fn inventories(session: &Session, id: &str) -> Result<Vec<(ResourceClass, Inventory)>, Error> {
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
    let body = get(session, &format!("/resource_providers/{id}/inventories")).await?;
    Ok(parse::<Body>(&body)?
        .inventories
        .into_iter()
        .filter_map(|(name, row)| {
            let Row { total, reserved, allocation_ratio } = row;
            Some((class(&name)?, Inventory { total, reserved, allocation_ratio }))
        })
        .collect())
}

/// `GET /resource_providers/{id}/usages`.
pub async fn usages(session: &Session, id: &str) -> Result<Vec<(ResourceClass, u64)>, Error> {
    #[derive(Deserialize)]
    struct Body {
        usages: BTreeMap<String, u64>,
    }
    let body = get(session, &format!("/resource_providers/{id}/usages")).await?;
    let usages = parse::<Body>(&body)?.usages;
    Ok(usages.into_iter().filter_map(|(name, used)| Some((class(&name)?, used))).collect())
}
