//! glance: images by id.

use serde::Deserialize;

use super::{Error, ServiceKind, Session};
use crate::model::Named;

/// `GET /v2/images/{id}`. An image without a name is called by its id.
pub async fn image(session: &Session, id: &str) -> Result<Named, Error> {
    #[derive(Deserialize)]
    struct Body {
        id: String,
        name: Option<String>,
    }
    let body = session.get(ServiceKind::Image, &format!("/images/{id}"), &[], None).await?;
    let row: Body =
        serde_json::from_slice(&body).map_err(|error| Error::bad_answer(ServiceKind::Image, error))?;
    let name = row.name.filter(|name| !name.is_empty()).unwrap_or_else(|| row.id.clone());
    Ok(Named { id: row.id.into(), name: name.into(), domain_id: None, enabled: None })
}
