//! keystone v3.

mod login;
mod rows;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::ok;
use super::token::{Grant, Scope};
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, ProjectIx, ROLES, Role};
use crate::sim::random::derived;

/// Where a service listens: its name, type and path behind its port.
pub(super) const CATALOG: [(Service, &str, &str, &str); 6] = [
    (Service::Nova, "nova", "compute", "/v2.1"),
    (Service::Keystone, "keystone", "identity", "/v3"),
    (Service::Cinder, "cinderv3", "volumev3", "/v3/%(project_id)s"),
    (Service::Neutron, "neutron", "network", ""),
    (Service::Placement, "placement", "placement", ""),
    (Service::Glance, "glance", "image", ""),
];

pub(super) const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let answer = match ask.parts().as_slice() {
        [] => Answer::json(300, &json!({"versions": {"values": [version(&ask)]}}))
            .with("Location", format!("{}/v3/", ask.base)),
        ["v3"] => Answer::json(200, &json!({"version": version(&ask)})),
        ["v3", "auth", "tokens"] => {
            login::tokens(front, &ask).unwrap_or_else(|refusal| refuse(front, &refusal))
        }
        ["v3", rest @ ..] => read(front, &ask, rest).unwrap_or_else(|refusal| refuse(front, &refusal)),
        _ => no_page(),
    };
    answer.with("Vary", "X-Auth-Token").with("x-openstack-request-id", ask.request())
}

fn version(ask: &Ask) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{}/v3/", ask.base)}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"},
        ],
    })
}

/// Flask's own page: keystone does not translate it.
fn no_page() -> Answer {
    let page = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL \
                was not found on the server. If you entered the URL manually please check your spelling and try \
                again.</p>\n";
    Answer::bytes(404, page.as_bytes().to_vec()).with_type("text/html; charset=utf-8")
}

fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let code = refusal.status();
    if code == 404 && matches!(refusal, Refusal::NotFound(words) if words.is_empty()) {
        return no_page();
    }
    let title = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        _ => "Error",
    };
    let body = json!({"error": {"code": code, "message": refusal.message(), "title": title}});
    let answer = Answer::json(code, &body);
    match code {
        401 => {
            let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
            answer.with("WWW-Authenticate", realm)
        }
        _ => answer,
    }
}

/// A question, and who asks.
pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
    pub front: &'a Front,
}

impl Cx<'_> {
    pub fn link(&self, path: &str) -> Value {
        json!({"self": format!("{}/v3/{path}", self.ask.base)})
    }

    /// An administrator of any scope.
    fn admin(&self, action: &str) -> Result<(), Refusal> {
        match self.who.has(self.cloud, Role::Admin) {
            true => Ok(()),
            false => {
                let words = "You are not authorized to perform the requested action";
                Err(Refusal::Forbidden(format!("{words}: identity:{action}.")))
            }
        }
    }

    /// The rows that equal what the query asks for, as a collection.
    pub fn collection(&self, name: &str, rows: Vec<Value>) -> Reply {
        let known =
            ["name", "type", "enabled", "domain_id", "parent_id", "service_id", "interface", "region_id"];
        let wanted: Vec<(&str, &str)> = self
            .ask
            .query
            .0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| known.contains(key))
            .collect();
        let says = |row: &Value, key: &str, value: &str| match &row[key] {
            Value::String(text) => text == value,
            Value::Bool(flag) => *flag == super::ask::is_yes(value),
            _ => false,
        };
        let rows: Vec<Value> =
            rows.into_iter().filter(|row| wanted.iter().all(|(key, value)| says(row, key, value))).collect();
        let query =
            if self.ask.raw_query.is_empty() { String::new() } else { format!("?{}", self.ask.raw_query) };
        let own = format!("{}{}{query}", self.ask.base, self.ask.path);
        ok(&json!({name: rows, "links": {"next": null, "self": own, "previous": null}}))
    }

    pub fn role_id(&self, role: Role) -> String {
        derived(self.cloud.id, &format!("role {}", role.name())).simple().to_string()
    }

    pub fn service_id(&self, name: &str) -> String {
        derived(self.cloud.id, &format!("service {name}")).simple().to_string()
    }
}

fn read(front: &Front, ask: &Ask, parts: &[&str]) -> Reply {
    let who = front.tokens.of(ask)?;
    if !matches!(ask.method.as_str(), "GET" | "HEAD") {
        return Err(super::answer::no_route());
    }
    let world = front.read();
    let cx = Cx { ask, cloud: &world.cloud, who: &who, front };
    let one = |name: &str, row: Option<Value>, id: &str| match row {
        Some(row) => ok(&json!({name: row})),
        None => Err(Refusal::NotFound(format!("Could not find {name}: {id}."))),
    };
    match parts {
        ["auth", "catalog"] => catalog_of(&cx),
        ["auth", "projects"] | ["users", _, "projects"] => {
            let own = cx.cloud.user(who.user).project;
            cx.collection("projects", vec![rows::project(&cx, own)])
        }
        ["auth", "domains"] => cx.collection("domains", Vec::new()),
        ["auth", "system"] => {
            let all =
                if cx.cloud.user(who.user).role == Role::Admin { json!([{"all": true}]) } else { json!([]) };
            ok(&json!({"system": all, "links": cx.link("auth/system")}))
        }
        ["projects"] => {
            cx.admin("list_projects")?;
            let all = (0..cx.cloud.projects.len() as ProjectIx).map(|ix| rows::project(&cx, ix)).collect();
            cx.collection("projects", all)
        }
        ["projects", id] => {
            let found = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id));
            if found.is_none() || found != who.project() {
                cx.admin("get_project")?;
            }
            one("project", found.map(|ix| rows::project(&cx, ix)), id)
        }
        ["users"] => {
            cx.admin("list_users")?;
            cx.collection("users", cx.cloud.users.iter().map(|user| rows::user(&cx, user)).collect())
        }
        ["users", id] => {
            let wanted = Uuid::parse_str(id).ok();
            let found = cx.cloud.users.iter().find(|user| Some(user.id) == wanted);
            if found.is_none_or(|user| user.id != cx.cloud.user(who.user).id) {
                cx.admin("get_user")?;
            }
            one("user", found.map(|user| rows::user(&cx, user)), id)
        }
        ["roles"] => {
            cx.admin("list_roles")?;
            cx.collection("roles", ROLES.iter().map(|&role| rows::role(&cx, role)).collect())
        }
        ["role_assignments"] => {
            cx.admin("list_role_assignments")?;
            cx.collection("role_assignments", rows::assignments(&cx))
        }
        ["domains"] => {
            cx.admin("list_domains")?;
            cx.collection("domains", vec![rows::domain(&cx)])
        }
        ["domains", "default"] => one("domain", Some(rows::domain(&cx)), "default"),
        ["regions"] => cx.collection("regions", vec![rows::region(&cx)]),
        ["regions", id] => one("region", Some(rows::region(&cx)).filter(|_| *id == cx.cloud.region), id),
        ["services"] => {
            cx.admin("list_services")?;
            cx.collection("services", CATALOG.iter().map(|entry| rows::service(&cx, entry)).collect())
        }
        ["services", id] => {
            cx.admin("get_service")?;
            let found = CATALOG.iter().find(|(_, name, ..)| cx.service_id(name) == *id);
            one("service", found.map(|entry| rows::service(&cx, entry)), id)
        }
        ["endpoints"] => {
            cx.admin("list_endpoints")?;
            cx.collection("endpoints", rows::endpoints(&cx))
        }
        ["endpoints", id] => {
            cx.admin("get_endpoint")?;
            one("endpoint", rows::endpoints(&cx).into_iter().find(|row| row["id"] == **id), id)
        }
        [name @ ("limits" | "registered_limits" | "groups" | "credentials" | "policies" | "trusts")] => {
            cx.collection(name, Vec::new())
        }
        ["domains", id] => one("domain", None, id),
        _ => Err(super::answer::no_route()),
    }
}

/// What the token says of services, without the token.
fn catalog_of(cx: &Cx<'_>) -> Reply {
    if matches!(cx.who.scope, Scope::None | Scope::System) {
        let words = "You are not authorized to perform the requested action: identity:get_auth_catalog.";
        return Err(Refusal::Forbidden(words.to_owned()));
    }
    ok(&json!({"catalog": rows::catalog(cx), "links": cx.link("auth/catalog")}))
}
