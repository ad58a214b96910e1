//! `/v3/auth/tokens`: logging in with a password, a token, or the application credential; looking at a token, and
//! giving it back.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, rows};
use crate::sim::cloud::{Cloud, ProjectIx, Role, UserIx};
use crate::sim::http::Front;
use crate::sim::http::answer::{Answer, Refusal, Reply, no_route};
use crate::sim::http::ask::Ask;
use crate::sim::http::token::{Grant, Scope};
use crate::sim::time::{DAY, HOUR};

pub(super) fn tokens(front: &Front, ask: &Ask) -> Reply {
    match ask.method.as_str() {
        "POST" => issue(front, ask),
        "GET" | "HEAD" => {
            let who = front.tokens.of(ask)?;
            let (token, grant) = subject(front, ask)?;
            let own = ask.header("x-auth-token") == Some(token);
            let world = front.read();
            if !own && !who.has(&world.cloud, Role::Admin) {
                let words =
                    "You are not authorized to perform the requested action: identity:validate_token.";
                return Err(Refusal::Forbidden(words.to_owned()));
            }
            let body = body(&Cx { ask, cloud: &world.cloud, who: &grant, front });
            Ok(Answer::json(200, &body).with("X-Subject-Token", token))
        }
        "DELETE" => {
            front.tokens.of(ask)?;
            let (token, _) = subject(front, ask)?;
            front.tokens.revoke(token);
            Ok(Answer::empty(204))
        }
        _ => Err(no_route()),
    }
}

fn subject<'a>(front: &Front, ask: &'a Ask) -> Result<(&'a str, Grant), Refusal> {
    let token = ask.header("x-subject-token").unwrap_or_default();
    let grant = front.tokens.find(token, ask.now);
    grant.map(|grant| (token, grant)).ok_or_else(|| Refusal::NotFound("Failed to validate token".to_owned()))
}

fn issue(front: &Front, ask: &Ask) -> Reply {
    let body = ask.json()?;
    let auth = &body["auth"];
    let client = "The server could not comply with the request since it is either malformed or otherwise incorrect. \
                  The client is assumed to be in error.";
    if !auth.is_object() {
        return Err(Refusal::BadRequest(format!("Expecting to find auth in request body. {client}")));
    }
    let identity = &auth["identity"];
    let method = identity["methods"][0].as_str();
    let method =
        method.ok_or_else(|| Refusal::BadRequest(format!("Expecting to find identity in auth. {client}")))?;
    let world = front.read();
    let cloud = &world.cloud;
    let (user, methods, credential, old) = match method {
        "password" => (by_password(cloud, &identity["password"]["user"])?, vec!["password"], false, None),
        "token" => {
            let token = identity["token"]["id"].as_str().unwrap_or_default();
            let old = front.tokens.find(token, ask.now).ok_or(Refusal::Unauthorized)?;
            let mut methods = vec!["token"];
            methods.extend(old.methods.iter().copied().filter(|method| *method != "token"));
            (old.user, methods, old.by_credential, Some(old))
        }
        "application_credential" => {
            let user = by_credential(cloud, &identity["application_credential"])?;
            (user, vec!["application_credential"], true, None)
        }
        _ => return Err(Refusal::Unauthorized),
    };
    let own = cloud.user(user).project;
    let scope = match auth.get("scope") {
        _ if credential && method == "application_credential" => Scope::Project(own),
        Some(scope) => scope_of(cloud, user, scope)?,
        // A token is exchanged within its scope; a user without a default project gets none.
        None => old.as_ref().map_or(Scope::None, |old| old.scope),
    };
    // A fast clock must not outrun its clients: an hour of theirs at least.
    let lasts = ((HOUR as f64 * front.clock.rate()) as i64).clamp(HOUR, 400 * DAY);
    let expires = old.map_or(ask.now.plus(lasts), |old| old.expires);
    let audit = audit_id();
    let grant = Grant { user, scope, methods, audit, issued: ask.now, expires, by_credential: credential };
    let token = front.tokens.grant(grant.clone());
    let body = self::body(&Cx { ask, cloud, who: &grant, front });
    Ok(Answer::json(201, &body).with("X-Subject-Token", token))
}

fn by_password(cloud: &Cloud, user: &Value) -> Result<UserIx, Refusal> {
    let ix = find_user(cloud, user).ok_or(Refusal::Unauthorized)?;
    let password = user["password"].as_str();
    match cloud.user(ix).password {
        Some(right) if password == Some(right) => Ok(ix),
        _ => Err(Refusal::Unauthorized),
    }
}

fn find_user(cloud: &Cloud, user: &Value) -> Option<UserIx> {
    let found = match user["id"].as_str() {
        Some(id) => {
            let id = Uuid::parse_str(id).ok()?;
            cloud.users.iter().position(|user| user.id == id)
        }
        None => {
            let name = user["name"].as_str().filter(|_| is_default(&user["domain"]))?;
            cloud.users.iter().position(|user| *user.name == *name)
        }
    };
    found.map(|ix| ix as UserIx)
}

fn is_default(domain: &Value) -> bool {
    domain["id"] == "default" || domain["name"] == "Default" || domain["name"] == "default"
}

fn by_credential(cloud: &Cloud, asked: &Value) -> Result<UserIx, Refusal> {
    let credential = &cloud.credential;
    let named = match asked["id"].as_str() {
        Some(id) => Uuid::parse_str(id).ok() == Some(credential.id),
        None => asked["name"] == credential.name && find_user(cloud, &asked["user"]) == Some(credential.user),
    };
    match named && asked["secret"] == credential.secret.as_str() {
        true => Ok(credential.user),
        false => Err(Refusal::Unauthorized),
    }
}

fn scope_of(cloud: &Cloud, user: UserIx, scope: &Value) -> Result<Scope, Refusal> {
    let own = cloud.user(user);
    if let Some(project) = scope.get("project") {
        let found: Option<ProjectIx> = match project["id"].as_str() {
            Some(id) => Uuid::parse_str(id).ok().and_then(|id| cloud.project_by_id(id)),
            None => project["name"]
                .as_str()
                .filter(|_| is_default(&project["domain"]))
                .and_then(|name| cloud.project_named(name)),
        };
        // Nobody has a role but in the own project.
        return found.filter(|&ix| ix == own.project).map(Scope::Project).ok_or(Refusal::Unauthorized);
    }
    if own.role != Role::Admin {
        return Err(Refusal::Unauthorized);
    }
    match (scope.get("system"), scope.get("domain")) {
        (Some(_), _) => Ok(Scope::System),
        (None, Some(domain)) if is_default(domain) => Ok(Scope::Domain),
        _ => Err(Refusal::Unauthorized),
    }
}

fn audit_id() -> String {
    let id = rand::random::<u128>();
    format!("{id:032x}")[..22].to_owned()
}

fn body(cx: &Cx<'_>) -> Value {
    let user = cx.cloud.user(cx.who.user);
    let domain = json!({"id": "default", "name": "Default"});
    let mut token = json!({
        "methods": cx.who.methods,
        "user": {
            "domain": domain,
            "id": user.id.simple().to_string(),
            "name": &*user.name,
            "password_expires_at": null,
        },
        "audit_ids": [cx.who.audit],
        "expires_at": cx.who.expires.micro_zulu(),
        "issued_at": cx.who.issued.micro_zulu(),
    });
    match cx.who.scope {
        Scope::None => return json!({"token": token}),
        Scope::Project(ix) => {
            let project = cx.cloud.project(ix);
            token["project"] =
                json!({"domain": domain, "id": project.id.simple().to_string(), "name": &*project.name});
            token["is_domain"] = false.into();
        }
        Scope::Domain => token["domain"] = domain,
        Scope::System => token["system"] = json!({"all": true}),
    }
    let roles = cx.who.roles(cx.cloud).iter();
    token["roles"] = roles.map(|&role| json!({"id": cx.role_id(role), "name": role.name()})).collect();
    if cx.who.by_credential {
        let credential = &cx.cloud.credential;
        token["application_credential"] = json!({
            "id": credential.id.simple().to_string(),
            "name": credential.name,
            "restricted": true,
        });
    }
    if !cx.ask.query.has("nocatalog") {
        token["catalog"] = rows::catalog(cx);
    }
    json!({"token": token})
}
