//! The request's context, which oslo.messaging puts beside every payload.

use serde_json::{Map, Value, json};

use crate::sim::cloud::{Cloud, Event, Instance, Role, UserIx};

/// Who asked for it: whoever began the action with this request id, else the instance's own user.
pub(super) fn who(event: &Event, about: Option<&Instance>) -> Option<UserIx> {
    let act = about
        .into_iter()
        .flat_map(Instance::acts)
        .find(|act| Some(act.request) == event.request)
        .map(|act| act.user);
    act.or_else(|| about.map(|it| it.user)).filter(|_| event.request.is_some())
}

pub(super) fn add(message: &mut Map<String, Value>, cloud: &Cloud, event: &Event, about: Option<&Instance>) {
    let user = who(event, about).and_then(|ix| cloud.users.get(ix as usize));
    let project = user.map(|user| cloud.project(user.project));
    let (user_id, project_id) =
        (user.map(|u| u.id.simple().to_string()), project.map(|p| p.id.simple().to_string()));
    let dash = "-".to_owned();
    let identity = format!(
        "{} {} - {} {}",
        user_id.as_ref().unwrap_or(&dash),
        project_id.as_ref().unwrap_or(&dash),
        if user.is_some() { "default" } else { "-" },
        if user.is_some() { "default" } else { "-" },
    );
    let roles: Vec<&str> =
        user.map(|user| user.roles().iter().map(|role| role.name()).collect()).unwrap_or_default();
    let domain = user.map(|_| "default");
    for (name, value) in [
        ("user", json!(user_id)),
        ("project_id", json!(project_id)),
        ("system_scope", Value::Null),
        ("project", json!(project_id)),
        ("domain", Value::Null),
        ("user_domain", json!(domain)),
        ("project_domain", json!(domain)),
        ("is_admin", json!(user.is_none_or(|user| user.role == Role::Admin))),
        ("read_only", json!(false)),
        ("show_deleted", json!(false)),
        ("auth_token", Value::Null),
        ("request_id", json!(event.request.map(|id| format!("req-{id}")))),
        ("global_request_id", Value::Null),
        ("resource_uuid", Value::Null),
        ("roles", json!(roles)),
        ("user_identity", json!(identity)),
        ("is_admin_project", json!(true)),
        ("user_id", json!(user_id)),
        ("read_deleted", json!("no")),
        ("remote_address", Value::Null),
        ("timestamp", json!(event.at.micro())),
        ("quota_class", Value::Null),
        ("user_name", json!(user.map(|user| &*user.name))),
        ("service_catalog", json!([])),
        ("project_name", json!(project.map(|project| &*project.name))),
    ] {
        message.insert(format!("_context_{name}"), value);
    }
}
