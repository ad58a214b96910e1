//! os-instance-actions: what was done to a server, under which request.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, server};
use crate::sim::cloud::{Act, ActEvent, Instance};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::http::page::Page;
use crate::sim::random::derived;
use crate::sim::time::SECOND;

/// The newest first. The creation of those that were there before the story follows from what they are.
fn acts(cx: &Cx<'_>, it: &Instance) -> Vec<Act> {
    let born = it.extra.as_ref().is_some_and(|extra| extra.born);
    let mut acts: Vec<Act> = it.acts().iter().rev().cloned().collect();
    if !born {
        acts.push(birth(cx, it));
    }
    acts
}

fn birth(cx: &Cx<'_>, it: &Instance) -> Act {
    let finish = it.launched.unwrap_or(it.created.plus(SECOND));
    let host = it.host.map(|host| cx.cloud.host(host).name.clone());
    let failed = it.launched.is_none();
    let (name, host) = match host.filter(|_| !failed) {
        Some(host) => ("compute__do_build_and_run_instance", host),
        None => ("conductor_schedule_and_build_instances", "ctl01".into()),
    };
    Act {
        name: "create",
        request: derived(it.id, "create"),
        user: it.user,
        project: it.project,
        start: it.created.plus(-SECOND),
        updated: finish,
        failed,
        events: vec![ActEvent { name, start: it.created, finish: Some(finish), failed, host }],
    }
}

fn row(cx: &Cx<'_>, it: &Instance, act: &Act) -> Value {
    let mut row = json!({
        "action": act.name,
        "instance_uuid": it.id,
        "request_id": format!("req-{}", act.request),
        "user_id": cx.cloud.user(act.user).id.simple().to_string(),
        "project_id": cx.cloud.project(act.project).id.simple().to_string(),
        "start_time": act.start.micro(),
        "message": act.failed.then_some("Error"),
    });
    if cx.version >= 58 {
        row["updated_at"] = json!(act.updated.micro());
    }
    row
}

pub(super) fn list(cx: &Cx<'_>, id: &str) -> Reply {
    // From 2.21 on also of those that are gone.
    let it = found(cx, id)?;
    let acts = acts(cx, it);
    let name = |act: &Act| format!("req-{}", act.request);
    let page = Page::of(cx.ask)?;
    if cx.version < 58 {
        let rows: Vec<Value> = acts.iter().map(|act| row(cx, it, act)).collect();
        return ok(&json!({"instanceActions": rows}));
    }
    let cut = page.cut(&acts, name).ok_or_else(|| {
        Refusal::BadRequest(format!("marker [{}] not found", page.marker.as_deref().unwrap_or_default()))
    })?;
    let rows: Vec<Value> = cut.iter().map(|act| row(cx, it, act)).collect();
    let mut body = json!({"instanceActions": rows});
    // A link only to those who asked for a part.
    let asked = cx.ask.query.has("limit");
    if let Some(links) = page.links(cx.ask, cut.len(), cut.last().map(name).as_deref()).filter(|_| asked) {
        body["links"] = links;
    }
    ok(&body)
}

fn found<'a>(cx: &'a Cx<'_>, id: &str) -> Result<&'a Instance, Refusal> {
    let gone = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.instances.find(id)).map(|(_, it)| it);
    let visible = gone
        .filter(|it| cx.version >= 21 && it.is_deleted() && (cx.is_admin() || it.project == cx.project()));
    match visible {
        Some(it) => Ok(it),
        None => cx.instance(id).map(|(_, it)| it),
    }
}

pub(super) fn show(cx: &Cx<'_>, id: &str, request: &str) -> Reply {
    let it = found(cx, id)?;
    let acts = acts(cx, it);
    let act = acts
        .iter()
        .find(|act| format!("req-{}", act.request) == request)
        .ok_or_else(|| Refusal::NotFound(format!("Action {request} not found")))?;
    let mut row = row(cx, it, act);
    // Tenants see the events from 2.51 on, without tracebacks and hosts.
    if cx.is_admin() || cx.version >= 51 {
        row["events"] = act.events.iter().rev().map(|event| event_row(cx, it, event)).collect();
    }
    ok(&json!({"instanceAction": row}))
}

fn event_row(cx: &Cx<'_>, it: &Instance, event: &ActEvent) -> Value {
    let result = if event.failed { "Error" } else { "Success" };
    let mut row = json!({
        "event": event.name,
        "start_time": event.start.micro(),
        "finish_time": event.finish.map(|at| at.micro()),
        "result": event.finish.map(|_| result),
    });
    let fault = it.fault().filter(|_| event.failed);
    if cx.is_admin() {
        row["traceback"] = json!(fault.map(|fault| fault.details.as_str()));
    }
    if cx.version >= 62 {
        let project = cx.cloud.project(it.project).id.simple().to_string();
        if cx.is_admin() {
            row["host"] = json!(&*event.host);
        }
        row["hostId"] = json!(server::host_hash(&project, &event.host));
    }
    if cx.version >= 84 && cx.is_admin() {
        row["details"] = json!(fault.map(|fault| fault.message.as_str()));
    }
    row
}
