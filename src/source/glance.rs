//! glance: images by id.

use serde::Deserialize;

use super::{Error, ServiceKind, Session};
use crate::model::Named;

/// `GET /v2/images/{id}`. An image without a name is called by its id.
pub async fn image(session: &Session, id: &str) -> Result<Named, Error> {
    let answer = session.get(ServiceKind::Image, &format!("/images/{id}"), &[], None).await?;
    answer.read(ServiceKind::Image, parse_image)
}

pub(super) fn parse_image(body: &[u8]) -> Result<Named, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        id: String,
        name: Option<String>,
    }
    let row: Body = serde_json::from_slice(body)?;
    let name = row.name.filter(|name| !name.is_empty()).unwrap_or_else(|| row.id.clone());
    Ok(Named { id: row.id.into(), name: name.into(), domain_id: None, enabled: None })
}
