//! Everything that changes something.

use serde_json::{Value, json};

use super::{Cx, console, create, quotas, servers, services};
use crate::sim::cloud::{Act, HostIx, Power, Slot, VmState};
use crate::sim::http::Front;
use crate::sim::http::answer::{Answer, Refusal, Reply, no_route, ok};
use crate::sim::http::ask::Ask;
use crate::sim::http::token::Grant;
use crate::sim::story::{Actor, Op, World};

pub(super) fn write(front: &Front, ask: &Ask, who: &Grant, version: u16, parts: &[&str]) -> Reply {
    let mut world = front.write();
    let world = &mut *world;
    let seen = Seen { ask, who, version };
    match (ask.method.as_str(), parts) {
        ("POST", ["servers"]) => create::create(world, ask, who, version),
        ("DELETE", ["servers", id]) => {
            let slot = seen.slot(world, id)?;
            world.operate(slot, Op::Delete, seen.actor(), ask.id).map_err(create::words)?;
            Ok(Answer::empty(204))
        }
        ("PUT", ["servers", id]) => rename(world, &seen, id),
        ("POST", ["servers", id, "action"]) => action(world, &seen, id),
        ("PUT", ["os-services", id]) => service(world, &seen, id),
        ("PUT", ["os-quota-sets", project]) => quota(world, &seen, project),
        _ => Err(no_route()),
    }
}

/// Who asks for what; the cloud itself is borrowed anew each time, since it changes.
struct Seen<'a> {
    ask: &'a Ask,
    who: &'a Grant,
    version: u16,
}

impl Seen<'_> {
    fn cx<'a>(&'a self, world: &'a World) -> Cx<'a> {
        Cx { ask: self.ask, cloud: &world.cloud, who: self.who, version: self.version }
    }

    fn slot(&self, world: &World, id: &str) -> Result<Slot, Refusal> {
        self.cx(world).instance(id).map(|(slot, _)| slot)
    }

    fn actor(&self) -> Actor {
        Actor { user: self.who.user, project: self.who.project().unwrap_or(0) }
    }
}

fn rename(world: &mut World, seen: &Seen<'_>, id: &str) -> Reply {
    let slot = seen.slot(world, id)?;
    let body = seen.ask.json()?;
    let now = world.cloud.now;
    if let Some(it) = world.cloud.instances.at_mut(slot) {
        if let Some(name) = body["server"]["name"].as_str().filter(|name| !name.is_empty()) {
            it.name = name.into();
        }
        if let Some(description) = body["server"]["description"].as_str() {
            it.extra().description = Some(description.into());
        }
        it.updated = now;
    }
    let cx = seen.cx(world);
    let (_, it) = cx.instance(id)?;
    Ok(Answer::bytes(200, servers::alone(&cx, it)))
}

/// `POST /servers/{id}/action`: one key says what.
fn action(world: &mut World, seen: &Seen<'_>, id: &str) -> Reply {
    let slot = seen.slot(world, id)?;
    let body = seen.ask.json()?;
    let only = body.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
    let Some((name, detail)) = only else {
        return Err(Refusal::BadRequest("There is no such action: None".to_owned()));
    };
    match name.as_str() {
        "os-getConsoleOutput" => return console_output(world, slot, detail),
        "lock" | "unlock" => return lock(world, seen, slot, name == "lock", detail),
        "os-resetState" => return reset(world, seen, slot, detail),
        "createImage" => return snapshot(world, seen, slot, detail),
        _ => {}
    }
    let (op, status) = operation(world, seen, name, detail)?;
    let locked = world.cloud.instances.at(slot).is_some_and(|it| it.locked);
    if locked && !seen.cx(world).is_admin() {
        return Err(Refusal::Conflict(format!("Instance {id} is locked")));
    }
    world.operate(slot, op, seen.actor(), seen.ask.id).map_err(create::words)?;
    Ok(Answer::empty(status))
}

/// The operation of an action's name, and the status of its answer.
fn operation(world: &World, seen: &Seen<'_>, name: &str, detail: &Value) -> Result<(Op, u16), Refusal> {
    let cx = seen.cx(world);
    let admin = |rule: &str| cx.admin(rule);
    let host = || detail["host"].as_str().and_then(|host| world.cloud.host_named(host));
    Ok(match name {
        "os-stop" => (Op::Stop, 202),
        "os-start" => (Op::Start, 202),
        "reboot" => (Op::Reboot { hard: detail["type"].as_str() == Some("HARD") }, 202),
        "pause" => (Op::Pause, 202),
        "unpause" => (Op::Unpause, 202),
        "suspend" => (Op::Suspend, 202),
        "resume" => (Op::Resume, 202),
        "rescue" => (Op::Rescue, 200),
        "unrescue" => (Op::Unrescue, 202),
        "shelve" => (Op::Shelve, 202),
        "shelveOffload" => (Op::Shelve, 202),
        "unshelve" => (Op::Unshelve, 202),
        "resize" => {
            let flavor = detail["flavorRef"].as_str().unwrap_or_default();
            let flavor = crate::sim::cloud::Flavor::find(flavor)
                .ok_or_else(|| Refusal::BadRequest(format!("Flavor {flavor} could not be found.")))?;
            (Op::Resize(flavor), 202)
        }
        "confirmResize" => (Op::Confirm, 204),
        "revertResize" => (Op::Revert, 202),
        "migrate" => {
            admin("os-migrate-server:migrate")?;
            (Op::Migrate, 202)
        }
        "os-migrateLive" => {
            admin("os-migrate-server:migrate_live")?;
            if detail["host"].is_string() && host().is_none() {
                let name = detail["host"].as_str().unwrap_or_default();
                return Err(Refusal::BadRequest(format!("Compute host {name} could not be found.")));
            }
            (Op::LiveMigrate(host()), 202)
        }
        "evacuate" => {
            admin("os-evacuate")?;
            (Op::Evacuate, 200)
        }
        "rebuild" => (Op::Rebuild, 202),
        "forceDelete" => (Op::Delete, 202),
        _ => return Err(Refusal::BadRequest(format!("There is no such action: {name}"))),
    })
}

fn console_output(world: &World, slot: Slot, detail: &Value) -> Reply {
    let Some(it) = world.cloud.instances.at(slot) else { return Err(no_route()) };
    if it.host.is_none() {
        return Err(Refusal::Conflict(format!("Instance {} is not ready", it.id)));
    }
    let length = detail["length"].as_u64().or_else(|| detail["length"].as_str()?.parse().ok());
    ok(&json!({"output": console::log(&world.cloud, it, length.map(|length| length as usize))}))
}

fn lock(world: &mut World, seen: &Seen<'_>, slot: Slot, locks: bool, detail: &Value) -> Reply {
    let (now, who) = (world.cloud.now, seen.actor());
    if let Some(it) = world.cloud.instances.at_mut(slot) {
        it.locked = locks;
        it.updated = now;
        it.extra().locked_reason = detail["locked_reason"].as_str().filter(|_| locks).map(Into::into);
        it.add_act(Act {
            name: if locks { "lock" } else { "unlock" },
            request: seen.ask.id,
            user: who.user,
            project: who.project,
            start: now,
            updated: now,
            failed: false,
            events: Vec::new(),
        });
    }
    Ok(Answer::empty(202))
}

/// The operator says what state it is in.
fn reset(world: &mut World, seen: &Seen<'_>, slot: Slot, detail: &Value) -> Reply {
    seen.cx(world).admin("os-admin-actions:reset_state")?;
    let now = world.cloud.now;
    if let Some(it) = world.cloud.instances.at_mut(slot) {
        let active = detail["state"].as_str() == Some("active");
        it.vm_state = if active { VmState::Active } else { VmState::Error };
        it.task_state = None;
        it.updated = now;
        if !active && it.fault().is_none() {
            it.extra().fault = Some(crate::sim::words::reset(now));
            it.power = Power::NoState;
        }
    }
    Ok(Answer::empty(202))
}

fn snapshot(world: &mut World, seen: &Seen<'_>, slot: Slot, detail: &Value) -> Reply {
    let Some(it) = world.cloud.instances.at(slot) else { return Err(no_route()) };
    let (id, project) = (it.id, it.project);
    let words =
        format!("Cannot 'createImage' instance {id} while it is in vm_state {}", it.vm_state.as_str());
    let name = detail["name"].as_str().filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Refusal::BadRequest("'name' is a required property".to_owned()))?.to_owned();
    let image = world.snapshot(slot, id, name, project, Some((seen.actor(), seen.ask.id)));
    let image = image.and_then(|image| world.cloud.images.get(image)).map(|image| image.id);
    let image = image.ok_or(Refusal::Conflict(words))?;
    // Before 2.45 a link in a header, of a service that the client then had to guess.
    Ok(match seen.version >= 45 {
        true => Answer::json(202, &json!({"image_id": image})),
        false => Answer::empty(202).with("Location", format!("{}/v2/images/{image}", seen.ask.base)),
    })
}

/// `PUT /os-services/{id}`, or `/enable`, `/disable`, `/disable-log-reason` and `/force-down` before 2.53.
fn service(world: &mut World, seen: &Seen<'_>, id: &str) -> Reply {
    seen.cx(world).admin("os-services:update")?;
    let body = seen.ask.json()?;
    let host: HostIx = match seen.version >= 53 {
        true => services::find(&seen.cx(world), id)?,
        false => {
            let name = body["host"].as_str().unwrap_or_default();
            let found = world.cloud.host_named(name);
            found.ok_or_else(|| {
                Refusal::NotFound(format!("Could not find binary nova-compute on host {name}."))
            })?
        }
    };
    let status = match (seen.version >= 53, id) {
        (true, _) => body["status"].as_str(),
        (false, "enable") => Some("enabled"),
        (false, "disable" | "disable-log-reason") => Some("disabled"),
        (false, "force-down") => None,
        (false, _) => return Err(Refusal::NotFound("Unknown action".to_owned())),
    };
    match status {
        Some("enabled") => world.enable(host),
        Some("disabled") => world.disable(host, body["disabled_reason"].as_str().unwrap_or_default()),
        Some(other) => {
            return Err(Refusal::BadRequest(format!("'{other}' is not one of ['enabled', 'disabled']")));
        }
        None => {}
    }
    if let Some(forced) = body["forced_down"].as_bool() {
        world.cloud.hosts[host as usize].forced_down = forced;
    }
    Ok(services::one(&seen.cx(world), host))
}

fn quota(world: &mut World, seen: &Seen<'_>, id: &str) -> Reply {
    seen.cx(world).admin("os-quota-sets:update")?;
    let found = uuid::Uuid::parse_str(id).ok().and_then(|id| world.cloud.project_by_id(id));
    let project =
        found.ok_or_else(|| Refusal::BadRequest(format!("Project ID {id} is not a valid project.")))?;
    let body = seen.ask.json()?;
    let set = &body["quota_set"];
    let quota = &mut world.cloud.projects[project as usize].quota;
    for (name, limit) in
        [("instances", &mut quota.instances), ("cores", &mut quota.cores), ("ram", &mut quota.ram)]
    {
        if let Some(wanted) = set[name].as_i64() {
            *limit = wanted;
        }
    }
    quotas::show(&seen.cx(world), id, quotas::What::Limits)
}
