//! cinder: its services, and single volumes.

use serde::Deserialize;

use super::pages::Parsed;
use super::wire::{self, Str, Words};
use super::{Error, ErrorKind, Pages, ServiceKind, Session};
use crate::model::{Service, ServiceState, ServiceStatus, Volume};

/// `GET /os-services`. A cloud without cinder has none: that is no failure.
pub async fn services(session: &Session) -> Result<Vec<Service>, Error> {
    let pages = Pages::new(session, ServiceKind::Volume, "/os-services", None, parse_services, |row| &row.id);
    match pages.all().await {
        Err(error) if error.kind == ErrorKind::Missing && error.status.is_none() => Ok(Vec::new()),
        outcome => outcome,
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Row<'a> {
    binary: Str<'a>,
    /// `ctl01`, of a volume service `ctl01@backend`.
    host: Str<'a>,
    zone: Option<Str<'a>>,
    status: Option<Str<'a>>,
    state: Option<Str<'a>>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    updated_at: Option<jiff::Timestamp>,
    disabled_reason: Option<Str<'a>>,
}

pub(super) fn parse_services(body: &[u8], words: &mut Words) -> Result<Parsed<Service>, serde_json::Error> {
    wire::list(body, "services", "services_links", |row: Row| Service {
        // It gives none.
        id: format!("{}:{}", &*row.binary, &*row.host).into(),
        binary: words.text(&row.binary),
        host: words.text(&row.host),
        zone: words.maybe(row.zone),
        state: row.state.as_deref().map_or(ServiceState::Unknown, ServiceState::parse),
        status: row.status.as_deref().map_or(ServiceStatus::Unknown, ServiceStatus::parse),
        disabled_reason: words.maybe(row.disabled_reason),
        updated_at: row.updated_at,
        forced_down: false,
    })
}

/// `GET /volumes/{id}`: what nova's attachment does not say of it.
pub async fn volume(session: &Session, of: &Volume) -> Result<Volume, Error> {
    let path = format!("/volumes/{}", of.id);
    let answer = session.get(ServiceKind::Volume, &path, &[], None).await?;
    let row = answer.read(ServiceKind::Volume, parse_volume)?;
    Ok(Volume { device: of.device.clone(), delete_on_termination: of.delete_on_termination, ..row })
}

fn parse_volume(body: &[u8]) -> Result<Volume, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        volume: Row,
    }
    #[derive(Deserialize)]
    struct Row {
        id: String,
        name: Option<String>,
        status: Option<String>,
        size: Option<u64>,
        volume_type: Option<String>,
        #[serde(rename = "os-vol-host-attr:host")]
        host: Option<String>,
    }
    let row = serde_json::from_slice::<Body>(body)?.volume;
    Ok(Volume {
        id: row.id.into(),
        name: row.name.filter(|name| !name.is_empty()).map(Into::into),
        status: row.status.map(Into::into),
        size: row.size,
        volume_type: row.volume_type.map(Into::into),
        host: row.host.map(Into::into),
        ..Volume::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_says_where_it_lies_and_what_it_is() {
        let body = r#"{"volume": {"id": "v", "name": "", "status": "error_detaching", "size": 20, "volume_type": "fast",
            "os-vol-host-attr:host": "ctl01@fast#pool", "attachments": [], "bootable": "false"}}"#;
        let volume = parse_volume(body.as_bytes()).unwrap();
        assert_eq!((volume.size, volume.status.as_deref()), (Some(20), Some("error_detaching")));
        assert_eq!((volume.name, volume.host.as_deref()), (None, Some("ctl01@fast#pool")));
    }

    #[test]
    fn a_recorded_list_is_read_whole() {
        let body = include_bytes!("../../tests/samples/cinder/os-services.json");
        let (rows, _) = parse_services(body, &mut Words::default()).unwrap();
        let said: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {} {} {}", row.binary, row.host, row.state.as_str(), row.status.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                "cinder-scheduler ctl01 up enabled",
                "cinder-volume ctl01@fast up enabled",
                "cinder-volume ctl01@infinite up enabled",
                "cinder-volume ctl01@slow down enabled",
            ],
        );
        assert!(rows.iter().all(|row| row.updated_at.is_some()));
    }
}
