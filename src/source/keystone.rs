//! keystone: the names behind ids, and who has a role where.

mod assignments;

use serde::Deserialize;

use super::{Error, ServiceKind, Session};
use crate::model::Named;
pub use assignments::assignments;

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

async fn get<T>(
    session: &Session,
    path: &str,
    parse: fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    session.get(ServiceKind::Identity, path, &[], None).await?.read(ServiceKind::Identity, parse)
}

/// `GET /v3/projects`: all of them, in one answer.
pub async fn projects(session: &Session) -> Result<Vec<Named>, Error> {
    get(session, "/projects", parse_projects).await
}

pub(super) fn parse_projects(body: &[u8]) -> Result<Vec<Named>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        projects: Vec<Row>,
    }
    Ok(serde_json::from_slice::<Body>(body)?.projects.into_iter().map(Row::into_model).collect())
}

/// `GET /v3/domains`: only administrators are told.
pub async fn domains(session: &Session) -> Result<Vec<Named>, Error> {
    get(session, "/domains", parse_domains).await
}

pub(super) fn parse_domains(body: &[u8]) -> Result<Vec<Named>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        domains: Vec<Row>,
    }
    Ok(serde_json::from_slice::<Body>(body)?.domains.into_iter().map(Row::into_model).collect())
}

/// `GET /v3/domains/{id}`.
pub async fn domain(session: &Session, id: &str) -> Result<Named, Error> {
    get(session, &format!("/domains/{id}"), parse_domain).await
}

pub(super) fn parse_domain(body: &[u8]) -> Result<Named, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        domain: Row,
    }
    Ok(serde_json::from_slice::<Body>(body)?.domain.into_model())
}

/// `GET /v3/projects/{id}`.
pub async fn project(session: &Session, id: &str) -> Result<Named, Error> {
    get(session, &format!("/projects/{id}"), parse_project).await
}

pub(super) fn parse_project(body: &[u8]) -> Result<Named, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        project: Row,
    }
    Ok(serde_json::from_slice::<Body>(body)?.project.into_model())
}

/// `GET /v3/users/{id}`.
pub async fn user(session: &Session, id: &str) -> Result<Named, Error> {
    get(session, &format!("/users/{id}"), parse_user).await
}

pub(super) fn parse_user(body: &[u8]) -> Result<Named, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        user: Row,
    }
    Ok(serde_json::from_slice::<Body>(body)?.user.into_model())
}
