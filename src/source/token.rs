//! Logging in: the request, and what keystone answers.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::catalog::CatalogEntry;
use super::wire;
use crate::config::clouds::{Auth, CloudConfig, Domain, Principal, Scope};
use crate::config::secret::Secret;

/// Renewed so long before it ends, so that no request meets the end.
const MARGIN: Duration = Duration::from_secs(300);
/// One that lives shortly is renewed when so much of its life is left: with the whole margin it would never
/// be good.
const SHARE: u32 = 5;

/// A token with what came with it.
#[derive(Debug)]
pub(super) struct Token {
    pub secret: Secret,
    pub expires_at: Option<Timestamp>,
    /// When it came, and how long it lives from then on. Measured between keystone's own two times, so a
    /// clock that is wrong, here or there, does no harm.
    life: Option<(Instant, Duration)>,
    pub user: String,
    pub project: Option<Named>,
    pub roles: Vec<Named>,
    pub catalog: Vec<CatalogEntry>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
}

#[derive(Deserialize)]
struct Body {
    token: BodyToken,
}

#[derive(Deserialize)]
struct BodyToken {
    #[serde(default, deserialize_with = "wire::timestamp")]
    expires_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    issued_at: Option<Timestamp>,
    user: Named,
    project: Option<Named>,
    #[serde(default)]
    roles: Vec<Named>,
    #[serde(default)]
    catalog: Vec<CatalogEntry>,
}

impl Token {
    /// `POST /v3/auth/tokens`: the token is in the header, the rest in the body.
    pub fn parse(secret: Secret, body: &[u8]) -> Result<Self, serde_json::Error> {
        let BodyToken { expires_at, issued_at, user, project, roles, catalog } =
            serde_json::from_slice::<Body>(body)?.token;
        let life = expires_at.zip(issued_at).map(|(end, start)| end.duration_since(start));
        // One that says no end is good until somebody refuses it.
        let life = life.and_then(|life| Duration::try_from(life).ok()).map(|life| (Instant::now(), life));
        Ok(Self { secret, expires_at, life, user: user.name, project, roles, catalog })
    }

    /// Whether nobody need think of renewing it yet.
    pub fn is_fresh(&self) -> bool {
        self.life.is_none_or(|(since, life)| since.elapsed() < life.saturating_sub(MARGIN.min(life / SHARE)))
    }

    /// Whether keystone should still know it.
    pub fn is_good(&self) -> bool {
        self.life.is_none_or(|(since, life)| since.elapsed() < life)
    }
}

/// The body of a login; zeroed after it was sent.
pub(super) fn request(cloud: &CloudConfig) -> Zeroizing<String> {
    let (method, value) = match &cloud.auth {
        Auth::Password { user, password } => {
            let mut user = principal(user);
            user["password"] = password.expose().into();
            ("password", json!({ "user": user }))
        }
        Auth::Token(token) => ("token", json!({ "id": token.expose() })),
        Auth::ApplicationCredential { id, name, user, secret } => {
            let mut credential = json!({ "secret": secret.expose() });
            if let Some(id) = id {
                credential["id"] = id.as_str().into();
            } else if let (Some(name), Some(user)) = (name, user) {
                credential["name"] = name.as_str().into();
                credential["user"] = principal(user);
            }
            ("application_credential", credential)
        }
    };
    let mut auth = json!({ "identity": { "methods": [method], method: value } });
    // An application credential carries its project: keystone refuses a scope beside it.
    if !matches!(cloud.auth, Auth::ApplicationCredential { .. })
        && let Some(scope) = scope(&cloud.scope)
    {
        auth["scope"] = scope;
    }
    Zeroizing::new(json!({ "auth": auth }).to_string())
}

fn principal(principal: &Principal) -> Value {
    match (&principal.id, &principal.name) {
        (Some(id), _) => json!({ "id": id }),
        (None, name) => json!({ "name": name, "domain": domain(&principal.domain) }),
    }
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}

fn scope(scope: &Scope) -> Option<Value> {
    match scope {
        Scope::Project(project) => Some(json!({ "project": principal(project) })),
        Scope::Domain(of) => Some(json!({ "domain": domain(of) })),
        Scope::System => Some(json!({ "system": { "all": true } })),
        Scope::Implied => None,
    }
}
