//! keystone: the names behind ids.

use serde::Deserialize;

use super::{Error, ServiceKind, Session};
use crate::model::Named;

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    name: String,
    domain_id: Option<String>,
    enabled: Option<bool>,
}

impl Row {
    fn into_model(self) -> Named {
        Named {
            id: self.id.into(),
            name: self.name.into(),
            domain_id: self.domain_id.map(Into::into),
            enabled: self.enabled,
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::bad_answer(ServiceKind::Identity, error))
}

/// `GET /v3/projects`: all of them, in one answer.
pub async fn projects(session: &Session) -> Result<Vec<Named>, Error> {
    #[derive(Deserialize)]
    struct Body {
        projects: Vec<Row>,
    }
    let body = session.get(ServiceKind::Identity, "/projects", &[], None).await?;
    Ok(parse::<Body>(&body)?.projects.into_iter().map(Row::into_model).collect())
}

/// `GET /v3/projects/{id}`.
pub async fn project(session: &Session, id: &str) -> Result<Named, Error> {
    #[derive(Deserialize)]
    struct Body {
        project: Row,
    }
    let body = session.get(ServiceKind::Identity, &format!("/projects/{id}"), &[], None).await?;
    Ok(parse::<Body>(&body)?.project.into_model())
}

/// `GET /v3/users/{id}`.
pub async fn user(session: &Session, id: &str) -> Result<Named, Error> {
    #[derive(Deserialize)]
    struct Body {
        user: Row,
    }
    let body = session.get(ServiceKind::Identity, &format!("/users/{id}"), &[], None).await?;
    Ok(parse::<Body>(&body)?.user.into_model())
}
