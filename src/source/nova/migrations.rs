//! nova: migrations.

use serde::Deserialize;

use super::super::pages::Parsed;
use super::super::wire::{self, Id, Words};
use super::super::{Error, Microversion, Pages, ServiceKind, Session};
use super::CAP;
use crate::model::Migration;

/// `GET /os-migrations`: those under way.
pub async fn migrations(session: &Session) -> Result<Vec<Migration>, Error> {
    let path = "/os-migrations";
    let pages = Pages::new(session, ServiceKind::Compute, path, Some(CAP), parse_migrations, |row| &row.id);
    let (_, version) = session.about(ServiceKind::Compute, CAP).await?;
    let pages = if version >= Some(Microversion(2, 59)) {
        // Ended ones would be all of the cloud's history: recent changes hold everything that still moves.
        let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
        pages.with(vec![("changes-since".to_owned(), since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())])
    } else {
        pages
    };
    let mut rows = pages.all().await?;
    let over = ["completed", "confirmed", "reverted", "error", "failed", "cancelled", "done"];
    rows.retain(|row| !over.contains(&&*row.status));
    Ok(rows)
}

/// `GET /os-migrations?instance_uuid=`: all of one instance's, the oldest first. The filter is as old as the list;
/// pages came with 2.59. Only administrators are told.
pub async fn migrations_of(session: &Session, id: &str) -> Result<Vec<Migration>, Error> {
    let path = "/os-migrations";
    let pages = Pages::new(session, ServiceKind::Compute, path, Some(CAP), parse_migrations, |row| &row.id);
    let mut rows = pages.with(vec![("instance_uuid".to_owned(), id.to_owned())]).all().await?;
    rows.retain(|row| &*row.instance_id == id);
    rows.sort_by_key(|row| row.created_at);
    Ok(rows)
}

pub(super) fn parse_migrations(body: &[u8], _: &mut Words) -> Result<Parsed<Migration>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        #[serde(default)]
        instance_uuid: Option<String>,
        status: String,
        migration_type: Option<String>,
        source_compute: Option<String>,
        dest_compute: Option<String>,
        #[serde(default, deserialize_with = "wire::timestamp")]
        created_at: Option<jiff::Timestamp>,
        #[serde(default, deserialize_with = "wire::timestamp")]
        updated_at: Option<jiff::Timestamp>,
    }
    wire::list(body, "migrations", "migrations_links", |row: Row| Migration {
        id: row.id.into_text(),
        instance_id: row.instance_uuid.unwrap_or_default().into(),
        status: row.status.into(),
        migration_type: row.migration_type.map(Into::into),
        source_compute: row.source_compute.map(Into::into),
        dest_compute: row.dest_compute.map(Into::into),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
