//! The rows of keystone's collections.

use serde_json::{Value, json};

use super::{CATALOG, Cx, INTERFACES};
use crate::sim::cloud::{ProjectIx, Role, User};
use crate::sim::http::Service;
use crate::sim::random::derived;

pub(super) fn project(cx: &Cx<'_>, ix: ProjectIx) -> Value {
    let project = cx.cloud.project(ix);
    let id = project.id.simple().to_string();
    json!({
        "id": id,
        "name": &*project.name,
        "domain_id": "default",
        "description": project.description,
        "enabled": true,
        "parent_id": "default",
        "is_domain": false,
        "tags": [],
        "options": {},
        "links": cx.link(&format!("projects/{id}")),
    })
}

pub(super) fn user(cx: &Cx<'_>, user: &User) -> Value {
    let id = user.id.simple().to_string();
    json!({
        "id": id,
        "name": &*user.name,
        "domain_id": "default",
        "enabled": true,
        "password_expires_at": null,
        "options": {},
        "links": cx.link(&format!("users/{id}")),
    })
}

pub(super) fn role(cx: &Cx<'_>, role: Role) -> Value {
    let id = cx.role_id(role);
    let options = if role == Role::Service { json!({}) } else { json!({"immutable": true}) };
    json!({
        "id": id,
        "name": role.name(),
        "domain_id": null,
        "description": null,
        "options": options,
        "links": cx.link(&format!("roles/{id}")),
    })
}

pub(super) fn domain(cx: &Cx<'_>) -> Value {
    json!({
        "id": "default",
        "name": "Default",
        "description": "The default domain",
        "enabled": true,
        "tags": [],
        "options": {},
        "links": cx.link("domains/default"),
    })
}

pub(super) fn region(cx: &Cx<'_>) -> Value {
    json!({
        "id": cx.cloud.region,
        "description": "",
        "parent_region_id": null,
        "links": cx.link(&format!("regions/{}", cx.cloud.region)),
    })
}

type Entry = (Service, &'static str, &'static str, &'static str);

pub(super) fn service(cx: &Cx<'_>, (_, name, kind, _): &Entry) -> Value {
    let id = cx.service_id(name);
    json!({
        "name": name,
        "id": id,
        "type": kind,
        "enabled": true,
        "links": cx.link(&format!("services/{id}")),
    })
}

fn endpoint_id(cx: &Cx<'_>, name: &str, interface: &str) -> String {
    derived(cx.cloud.id, &format!("endpoint {name} {interface}")).simple().to_string()
}

pub(super) fn endpoints(cx: &Cx<'_>) -> Vec<Value> {
    let of_service = |(service, name, _, path): &Entry| {
        let url = format!("{}{path}", cx.front.url(*service));
        INTERFACES.map(|interface| {
            let id = endpoint_id(cx, name, interface);
            json!({
                "id": id,
                "interface": interface,
                "region_id": cx.cloud.region,
                "service_id": cx.service_id(name),
                "url": url,
                "enabled": true,
                "region": cx.cloud.region,
                "links": cx.link(&format!("endpoints/{id}")),
            })
        })
    };
    CATALOG.iter().flat_map(of_service).collect()
}

/// The catalog of a token: as endpoints are, with the project in their place. Without a project, services whose
/// URL needs one are left out.
pub(super) fn catalog(cx: &Cx<'_>) -> Value {
    let project = cx.who.project().map(|ix| cx.cloud.project(ix).id.simple().to_string());
    let entries: Vec<Value> = CATALOG
        .iter()
        .filter_map(|(service, name, kind, path)| {
            let path = match &project {
                Some(project) => path.replace("%(project_id)s", project),
                None if path.contains("%(project_id)s") => return None,
                None => (*path).to_owned(),
            };
            let url = format!("{}{path}", cx.front.url(*service));
            let endpoints = INTERFACES.map(|interface| {
                json!({
                    "id": endpoint_id(cx, name, interface),
                    "interface": interface,
                    "region_id": cx.cloud.region,
                    "url": url,
                    "region": cx.cloud.region,
                })
            });
            Some(json!({
                "endpoints": endpoints,
                "id": cx.service_id(name),
                "type": kind,
                "name": name,
            }))
        })
        .collect();
    Value::Array(entries)
}

/// Who is what where. Filters: `user.id`, `scope.project.id`, `role.id`, `include_names`, `effective`.
pub(super) fn assignments(cx: &Cx<'_>) -> Vec<Value> {
    let query = &cx.ask.query;
    let names = query.flag("include_names").unwrap_or(false);
    let dashless = |id: uuid::Uuid| id.simple().to_string();
    let named = |id: String, name: &str| match names {
        true => json!({"id": id, "name": name, "domain": {"id": "default", "name": "Default"}}),
        false => json!({"id": id}),
    };
    let mut rows = Vec::new();
    for user in &cx.cloud.users {
        let project = cx.cloud.project(user.project);
        let (user_id, project_id) = (dashless(user.id), dashless(project.id));
        let is_asked = query.get("user.id").is_none_or(|id| id == user_id)
            && query.get("scope.project.id").is_none_or(|id| id == project_id);
        if !is_asked {
            continue;
        }
        // What is implied is not assigned.
        let own = if user.role == Role::Service { Role::Admin } else { user.role };
        let role_id = cx.role_id(own);
        if query.get("role.id").is_some_and(|id| id != role_id) {
            continue;
        }
        let role = match names {
            true => json!({"id": role_id, "name": own.name()}),
            false => json!({"id": role_id}),
        };
        let path = format!("projects/{project_id}/users/{user_id}/roles/{role_id}");
        rows.push(json!({
            "links": {"assignment": format!("{}/v3/{path}", cx.ask.base)},
            "scope": {"project": named(project_id, &project.name)},
            "user": named(user_id.clone(), &user.name),
            "role": role.clone(),
        }));
        if user.role == Role::Admin && !query.has("scope.project.id") {
            let path = format!("system/users/{user_id}/roles/{role_id}");
            rows.push(json!({
                "links": {"assignment": format!("{}/v3/{path}", cx.ask.base)},
                "scope": {"system": {"all": true}},
                "user": named(user_id, &user.name),
                "role": role,
            }));
        }
    }
    rows
}
