//! Who logs in, with what, and what for.

use super::entry::{Auth as AuthEntry, Entry};
use super::{Auth, ConfigError, Domain, Lookup, Principal, Scope};
use crate::config::secret::Secret;

pub(super) fn credentials(
    name: &str,
    entry: &Entry,
    auth: &AuthEntry,
    lookup: &Lookup,
    origin: &str,
) -> Result<Auth, ConfigError> {
    let kind = entry.auth_type.as_deref().unwrap_or(if auth.application_credential_secret.is_some() {
        "v3applicationcredential"
    } else if auth.token.is_some() {
        "v3token"
    } else {
        "password"
    });
    let missing = |what: &str| ConfigError::missing(name, what, origin);
    let user = || Principal {
        id: auth.user_id.clone(),
        name: auth.username.clone(),
        domain: domain(auth.user_domain_id.as_ref(), auth.user_domain_name.as_ref(), auth),
    };
    // Asked for on the terminal, or exported beside `OS_CLOUD`.
    let password = || auth.password.clone().or_else(|| lookup.env.get("OS_PASSWORD").map(Secret::new));
    match kind {
        "password" | "v3password" => {
            if auth.username.is_none() && auth.user_id.is_none() {
                return Err(missing("username"));
            }
            let password = password().ok_or_else(|| ConfigError::no_password(name, origin))?;
            Ok(Auth::Password { user: user(), password })
        }
        "token" | "v3token" => Ok(Auth::Token(auth.token.clone().ok_or_else(|| missing("token"))?)),
        "v3applicationcredential" => {
            let id = auth.application_credential_id.clone();
            let app = auth.application_credential_name.clone();
            if id.is_none() && app.is_none() {
                return Err(missing("application_credential_id"));
            }
            if id.is_none() && auth.username.is_none() && auth.user_id.is_none() {
                return Err(missing("username (a credential by name needs its user)"));
            }
            let secret = auth
                .application_credential_secret
                .clone()
                .ok_or_else(|| missing("application_credential_secret"))?;
            let by_name = id.is_none();
            Ok(Auth::ApplicationCredential { id, name: app, user: by_name.then(user), secret })
        }
        other => Err(ConfigError::unsupported(name, other, origin)),
    }
}

/// The domain of a user or project: its own words, else the one domain that is named for both, else the
/// default.
fn domain(id: Option<&String>, name: Option<&String>, auth: &AuthEntry) -> Domain {
    let project = [&auth.project_id, &auth.project_name, &auth.tenant_id, &auth.tenant_name];
    // Without a project, `domain_id` is the scope, and says nothing about the user.
    let scoped = project.iter().any(|word| word.is_some());
    let both = |word: &Option<String>| word.clone().filter(|_| scoped);
    let by_id = |id: Option<String>| id.map(Domain::Id);
    let by_name = |name: Option<String>| name.map(Domain::Name);
    by_id(id.cloned())
        .or_else(|| by_name(name.cloned()))
        .or_else(|| by_id(both(&auth.domain_id)))
        .or_else(|| by_name(both(&auth.domain_name)))
        .or_else(|| by_id(auth.default_domain_id.clone()))
        .or_else(|| by_name(auth.default_domain_name.clone()))
        .unwrap_or_else(|| Domain::Id("default".to_owned()))
}

pub(super) fn scope(auth: &AuthEntry) -> Scope {
    if auth.system_scope.as_deref() == Some("all") {
        return Scope::System;
    }
    let (id, name) = (auth.project_id.as_ref(), auth.project_name.as_ref());
    let (id, name) = (id.or(auth.tenant_id.as_ref()), name.or(auth.tenant_name.as_ref()));
    if id.is_some() || name.is_some() {
        return Scope::Project(Principal {
            id: id.cloned(),
            name: name.cloned(),
            domain: domain(auth.project_domain_id.as_ref(), auth.project_domain_name.as_ref(), auth),
        });
    }
    match (&auth.domain_id, &auth.domain_name) {
        (Some(id), _) => Scope::Domain(Domain::Id(id.clone())),
        (_, Some(name)) => Scope::Domain(Domain::Name(name.clone())),
        _ => Scope::Implied,
    }
}
