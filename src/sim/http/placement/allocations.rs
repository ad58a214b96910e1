//! Allocations: what each instance holds, where there would be room, and what a project holds in all.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Cx;
use super::providers::{host, names, resources};
use crate::sim::cloud::{Amount, Host, Instance};
use crate::sim::http::answer::{Refusal, Reply, no_route, ok};

/// What an instance holds, by provider: where it is, and where it goes to or came from.
fn held<'a>(cx: &Cx<'a>, it: &'a Instance) -> Vec<(&'a Host, Amount)> {
    let here = it.host.map(|host| (cx.cloud.host(host), cx.cloud.flavor(it.flavor).amount()));
    let there = it.hold().map(|hold| (cx.cloud.host(hold.host), cx.cloud.flavor(hold.flavor).amount()));
    here.into_iter().chain(there).collect()
}

pub(super) fn of_provider(cx: &Cx<'_>, id: &str) -> Reply {
    let host = host(cx, id)?;
    let mut rows = Map::new();
    let live = cx.cloud.instances.iter().map(|(_, it)| it).filter(|it| !it.is_deleted());
    for it in live {
        for (_, amount) in held(cx, it).into_iter().filter(|(holder, _)| holder.id == host.id) {
            rows.insert(it.id.to_string(), allocation(cx, amount));
        }
    }
    if host.leaked != Amount::default() {
        // Of a guest that is gone.
        let ghost = crate::sim::random::derived(host.id, "leak");
        rows.insert(ghost.to_string(), allocation(cx, host.leaked));
    }
    ok(&json!({"allocations": rows, "resource_provider_generation": host.generation}))
}

fn allocation(cx: &Cx<'_>, amount: Amount) -> Value {
    let mut row = json!({"resources": resources(amount)});
    if cx.version >= 28 {
        row["consumer_generation"] = json!(1);
    }
    row
}

pub(super) fn of_consumer(cx: &Cx<'_>, consumer: &str) -> Reply {
    let found = Uuid::parse_str(consumer).ok().and_then(|id| cx.cloud.instances.find(id));
    let Some((_, it)) = found.filter(|(_, it)| !it.is_deleted() && it.host.is_some()) else {
        return ok(&json!({"allocations": {}}));
    };
    let rows: Map<String, Value> = held(cx, it)
        .into_iter()
        .map(|(host, amount)| {
            (host.id.to_string(), json!({"resources": resources(amount), "generation": host.generation}))
        })
        .collect();
    let mut body = json!({"allocations": rows});
    if cx.version >= 12 {
        body["project_id"] = json!(cx.cloud.project(it.project).id.simple().to_string());
        body["user_id"] = json!(cx.cloud.user(it.user).id.simple().to_string());
    }
    if cx.version >= 28 {
        body["consumer_generation"] = json!(1);
    }
    if cx.version >= 38 {
        body["consumer_type"] = json!("INSTANCE");
    }
    ok(&body)
}

/// `VCPU:1,MEMORY_MB:64,DISK_GB:1`.
pub(super) fn amount(text: &str) -> Result<Amount, Refusal> {
    let mut amount = Amount::default();
    for part in text.split(',') {
        let (class, number) = part.split_once(':').unwrap_or((part, ""));
        let number = number.parse::<u32>().map_err(|_| {
            Refusal::BadRequest(format!("Badly formed resources parameter. Expected resources query string in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: {text}."))
        })?;
        match class {
            "VCPU" => amount.vcpus = number,
            "MEMORY_MB" => amount.ram = number,
            "DISK_GB" => amount.disk = number,
            _ => {
                return Err(Refusal::BadRequest(format!(
                    "Invalid resource class in resources parameter: {class}"
                )));
            }
        }
    }
    Ok(amount)
}

pub(super) fn candidates(cx: &Cx<'_>) -> Reply {
    if cx.version < 10 {
        return Err(no_route());
    }
    let resources_asked = cx.ask.query.get("resources");
    let asked = resources_asked.ok_or_else(|| {
        Refusal::BadRequest("JSON does not validate: 'resources' is a required property".to_owned())
    })?;
    let wanted = amount(asked)?;
    let limit = cx.ask.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let hosts: Vec<&Host> = cx.cloud.hosts.iter().filter(|host| host.fits(wanted)).take(limit).collect();
    // Only what was asked for stands in a request.
    let named: Map<String, Value> = resources(wanted)
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(class, _)| asked.contains(class.as_str()))
        .map(|(class, number)| (class.clone(), number.clone()))
        .collect();
    let requests: Vec<Value> = hosts
        .iter()
        .map(|host| {
            let mut request = match cx.version >= 12 {
                true => json!({"allocations": {host.id.to_string(): {"resources": named}}}),
                false => json!({"allocations": [{
                    "resource_provider": {"uuid": host.id}, "resources": named,
                }]}),
            };
            if cx.version >= 34 {
                request["mappings"] = json!({"": [host.id]});
            }
            request
        })
        .collect();
    let summaries: Map<String, Value> =
        hosts.iter().map(|host| (host.id.to_string(), summary(cx, host))).collect();
    ok(&json!({"allocation_requests": requests, "provider_summaries": summaries}))
}

fn summary(cx: &Cx<'_>, host: &Host) -> Value {
    let (capacity, used) = (host.capacity(), host.allocated());
    let class = |capacity, used| json!({"capacity": capacity, "used": used});
    let mut row = json!({"resources": {
        "VCPU": class(capacity.vcpus, used.vcpus),
        "MEMORY_MB": class(capacity.ram, used.ram),
        "DISK_GB": class(capacity.disk, used.disk),
    }});
    if cx.version >= 17 {
        row["traits"] = json!(names(host));
    }
    if cx.version >= 29 {
        row["parent_provider_uuid"] = Value::Null;
        row["root_provider_uuid"] = json!(host.id);
    }
    row
}

pub(super) fn of_project(cx: &Cx<'_>) -> Reply {
    if cx.version < 9 {
        return Err(no_route());
    }
    let project = cx.ask.query.get("project_id").ok_or_else(|| {
        Refusal::BadRequest("JSON does not validate: 'project_id' is a required property".to_owned())
    })?;
    let project = Uuid::parse_str(project).ok().and_then(|id| cx.cloud.project_by_id(id));
    let mut sum = Amount::default();
    let mut consumers = 0;
    let live = cx.cloud.instances.iter().map(|(_, it)| it).filter(|it| !it.is_deleted());
    for it in live.filter(|it| Some(it.project) == project && it.host.is_some()) {
        held(cx, it).into_iter().for_each(|(_, amount)| sum += amount);
        consumers += 1;
    }
    if consumers == 0 {
        return ok(&json!({"usages": {}}));
    }
    let mut usages = resources(sum);
    if cx.version < 38 {
        return ok(&json!({"usages": usages}));
    }
    usages["consumer_count"] = json!(consumers);
    ok(&json!({"usages": {"INSTANCE": usages}}))
}
