//! placement, as of Zed: 1.0 to 1.39.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{no_route, ok};
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Amount, Cloud, Host, Instance, Role};

const HIGHEST: u16 = 39;

const CLASSES: [&str; 21] = [
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
];

const TRAITS: [&str; 8] = [
    "COMPUTE_NODE",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_DEVICE_TAGGING",
    "HW_CPU_X86_AVX2",
    "HW_CPU_X86_AESNI",
];

/// nova sets it on computes that are disabled or forced down.
const DISABLED: &str = "COMPUTE_STATUS_DISABLED";

struct Cx<'a> {
    ask: &'a Ask,
    cloud: &'a Cloud,
    who: &'a Grant,
    version: u16,
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let (answer, version) = match ask.parts().as_slice() {
        [] => (Ok(root()), "1.0".to_owned()),
        _ => match authorised(front, &ask) {
            (reply, Some(version)) => (reply, version),
            (reply, None) => {
                let answer = reply.unwrap_or_else(|refusal| refuse(front, &ask, &refusal));
                return answer.with("x-openstack-request-id", ask.request());
            }
        },
    };
    answer
        .unwrap_or_else(|refusal| refuse(front, &ask, &refusal))
        .with("openstack-api-version", format!("placement {version}"))
        .with("vary", "openstack-api-version")
        .with("x-openstack-request-id", ask.request())
}

fn root() -> Answer {
    let version = json!({
        "id": "v1.0", "max_version": format!("1.{HIGHEST}"), "min_version": "1.0", "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    });
    Answer::json(200, &json!({"versions": [version]}))
}

fn authorised(front: &Front, ask: &Ask) -> (Reply, Option<String>) {
    let who = match front.tokens.of(ask) {
        Ok(who) => who,
        Err(refusal) => return (Err(refusal), None),
    };
    let wanted = ask.headers("openstack-api-version").find_map(|header| header.strip_prefix("placement "));
    let version = match wanted.map(str::trim) {
        None => 0,
        Some("latest") => HIGHEST,
        Some(text) => {
            let minor = text.strip_prefix("1.").and_then(|minor| minor.parse::<u16>().ok());
            match minor.filter(|minor| *minor <= HIGHEST) {
                Some(minor) => minor,
                None => {
                    let words = format!("Unacceptable version header: {text}");
                    return (Err(Refusal::NotAcceptable(words)), Some(text.to_owned()));
                }
            }
        }
    };
    let world = front.read();
    let cx = Cx { ask, cloud: &world.cloud, who: &who, version };
    (read(&cx), Some(format!("1.{version}")))
}

fn refuse(front: &Front, ask: &Ask, refusal: &Refusal) -> Answer {
    let code = refusal.status();
    if code == 401 {
        let body = json!({"error": {"code": 401, "title": "Unauthorized", "message": refusal.message()}});
        let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
        return Answer::json(401, &body).with("WWW-Authenticate", realm);
    }
    let title = match code {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        406 => "Not Acceptable",
        409 => "Conflict",
        _ => "Error",
    };
    let words = match code {
        403 => "Access was denied to this resource.",
        404 => "The resource could not be found.",
        406 => "The resource could not be generated that was acceptable to your browser.",
        _ => {
            "The server could not comply with the request since it is either malformed or otherwise incorrect."
        }
    };
    let detail = format!("{words}\n\n {}  ", refusal.message());
    Answer::json(
        code,
        &json!({"errors": [{
            "status": code, "title": title, "detail": detail, "request_id": ask.request(),
        }]}),
    )
}

fn read(cx: &Cx<'_>) -> Reply {
    let parts = cx.ask.parts();
    // Who is no administrator may ask for the usage of the own project alone.
    let own = matches!(parts.as_slice(), ["usages"]) && asks_for_own(cx);
    if !own && !cx.who.has(cx.cloud, Role::Admin) {
        return Err(Refusal::Forbidden(format!("Policy does not allow {} to be performed.", rule(&parts))));
    }
    if cx.ask.method != "GET" && cx.ask.method != "HEAD" {
        return Err(no_route());
    }
    let reply = match parts.as_slice() {
        ["resource_providers"] => providers(cx),
        ["resource_providers", id] => ok(&provider(cx, host(cx, id)?)),
        ["resource_providers", id, "inventories"] => inventories(host(cx, id)?),
        ["resource_providers", id, "inventories", class] => inventory(host(cx, id)?, class),
        ["resource_providers", id, "usages"] => usages(host(cx, id)?),
        ["resource_providers", id, "aggregates"] => aggregates(cx, id),
        ["resource_providers", id, "traits"] => traits_of(host(cx, id)?),
        ["resource_providers", id, "allocations"] => allocations(cx, id),
        ["allocations", consumer] => consumer_allocations(cx, consumer),
        ["allocation_candidates"] => candidates(cx),
        ["usages"] => project_usages(cx),
        ["resource_classes"] => {
            let class = |name: &&str| json!({"name": name, "links": [{"rel": "self", "href": format!("/resource_classes/{name}")}]});
            ok(&json!({"resource_classes": CLASSES.iter().map(class).collect::<Vec<_>>()}))
        }
        ["resource_classes", name] if CLASSES.contains(name) => ok(
            &json!({"name": name, "links": [{"rel": "self", "href": format!("/resource_classes/{name}")}]}),
        ),
        ["traits"] => ok(&json!({"traits": TRAITS.iter().chain([&DISABLED]).collect::<Vec<_>>()})),
        _ => Err(no_route()),
    };
    // From 1.15 on every answer says how old it is.
    reply.map(|answer| match cx.version >= 15 {
        true => answer.with("Last-Modified", cx.ask.now.http().to_string()).with("Cache-Control", "no-cache"),
        false => answer,
    })
}

fn asks_for_own(cx: &Cx<'_>) -> bool {
    let own = cx.who.project().map(|ix| cx.cloud.project(ix).id);
    let asked = cx.ask.query.get("project_id").and_then(|id| Uuid::parse_str(id).ok());
    own.is_some() && asked == own
}

fn rule(parts: &[&str]) -> String {
    match parts {
        ["resource_providers"] => "placement:resource_providers:list".to_owned(),
        ["resource_providers", _] => "placement:resource_providers:show".to_owned(),
        ["resource_providers", _, what, ..] => format!("placement:resource_providers:{what}"),
        [first, ..] => format!("placement:{first}:list"),
        [] => "placement".to_owned(),
    }
}

fn host<'a>(cx: &Cx<'a>, id: &str) -> Result<&'a Host, Refusal> {
    let wanted = Uuid::parse_str(id).ok();
    let found = cx.cloud.hosts.iter().find(|host| Some(host.id) == wanted);
    found.ok_or_else(|| {
        Refusal::NotFound(format!(
            "No resource provider with uuid {id} found : No resource provider with uuid {id} found"
        ))
    })
}

fn providers(cx: &Cx<'_>) -> Reply {
    let query = &cx.ask.query;
    let wanted = query.get("resources").map(amount).transpose()?;
    let member = query.get("member_of").map(|list| {
        let list = list.strip_prefix("in:").unwrap_or(list);
        list.split(',').filter_map(|id| Uuid::parse_str(id).ok()).collect::<Vec<_>>()
    });
    let in_aggregate =
        |host: &Host| member.as_ref().is_none_or(|ids| of_host(cx, host).iter().any(|id| ids.contains(id)));
    let rows: Vec<Value> = cx
        .cloud
        .hosts
        .iter()
        .filter(|host| query.get("name").is_none_or(|name| *host.name == *name))
        .filter(|host| query.get("uuid").is_none_or(|id| Uuid::parse_str(id) == Ok(host.id)))
        .filter(|host| query.get("in_tree").is_none_or(|id| Uuid::parse_str(id) == Ok(host.id)))
        .filter(|host| wanted.is_none_or(|amount| host.fits(amount)))
        .filter(|host| in_aggregate(host))
        .map(|host| provider(cx, host))
        .collect();
    ok(&json!({"resource_providers": rows}))
}

fn provider(cx: &Cx<'_>, host: &Host) -> Value {
    let own = format!("/resource_providers/{}", host.id);
    let mut parts = vec!["inventories", "usages"];
    for (since, name) in [(1, "aggregates"), (6, "traits"), (11, "allocations")] {
        if cx.version >= since {
            parts.push(name);
        }
    }
    let mut links = vec![json!({"rel": "self", "href": own})];
    links.extend(parts.iter().map(|name| json!({"rel": name, "href": format!("{own}/{name}")})));
    let mut row = json!({
        "uuid": host.id,
        "name": &*host.name,
        "generation": host.generation,
        "links": links,
    });
    if cx.version >= 14 {
        row["parent_provider_uuid"] = Value::Null;
        row["root_provider_uuid"] = json!(host.id);
    }
    row
}

fn inventory_of(host: &Host) -> Value {
    let class = |total: u32, reserved: u32, ratio: f64| {
        json!({
            "total": total, "reserved": reserved, "min_unit": 1, "max_unit": total, "step_size": 1,
            "allocation_ratio": ratio,
        })
    };
    json!({
        "VCPU": class(host.size.vcpus, 0, host.ratio_cpu),
        "MEMORY_MB": class(host.size.ram, host.reserved_ram(), host.ratio_ram),
        "DISK_GB": class(host.size.disk, 0, 1.0),
    })
}

fn inventories(host: &Host) -> Reply {
    ok(&json!({"resource_provider_generation": host.generation, "inventories": inventory_of(host)}))
}

fn inventory(host: &Host, class: &str) -> Reply {
    let mut row = inventory_of(host)[class].clone();
    if row.is_null() {
        let words = format!("No inventory of class {class} for {}", host.id);
        return Err(Refusal::NotFound(words));
    }
    row["resource_provider_generation"] = json!(host.generation);
    ok(&row)
}

fn resources(amount: Amount) -> Value {
    json!({"VCPU": amount.vcpus, "MEMORY_MB": amount.ram, "DISK_GB": amount.disk})
}

fn usages(host: &Host) -> Reply {
    ok(&json!({
        "resource_provider_generation": host.generation,
        "usages": resources(host.allocated()),
    }))
}

/// nova mirrors its host aggregates.
fn of_host(cx: &Cx<'_>, host: &Host) -> Vec<Uuid> {
    let ix = cx.cloud.hosts.iter().position(|other| other.id == host.id).unwrap_or(0) as u32;
    cx.cloud.aggregates.iter().filter(|aggregate| aggregate.has(ix)).map(|aggregate| aggregate.id).collect()
}

fn aggregates(cx: &Cx<'_>, id: &str) -> Reply {
    let host = host(cx, id)?;
    let mut body = json!({"aggregates": of_host(cx, host)});
    if cx.version >= 19 {
        body["resource_provider_generation"] = json!(host.generation);
    }
    ok(&body)
}

fn names(host: &Host) -> Vec<&'static str> {
    let disabled = !host.enabled || host.forced_down;
    TRAITS.iter().copied().chain(disabled.then_some(DISABLED)).collect()
}

fn traits_of(host: &Host) -> Reply {
    ok(&json!({"traits": names(host), "resource_provider_generation": host.generation}))
}

/// What an instance holds, by provider: where it is, and where it goes to or came from.
fn held<'a>(cx: &Cx<'a>, it: &'a Instance) -> Vec<(&'a Host, Amount)> {
    let here = it.host.map(|host| (cx.cloud.host(host), cx.cloud.flavor(it.flavor).amount()));
    let there = it.hold().map(|hold| (cx.cloud.host(hold.host), cx.cloud.flavor(hold.flavor).amount()));
    here.into_iter().chain(there).collect()
}

fn allocations(cx: &Cx<'_>, id: &str) -> Reply {
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

fn consumer_allocations(cx: &Cx<'_>, consumer: &str) -> Reply {
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
fn amount(text: &str) -> Result<Amount, Refusal> {
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

fn candidates(cx: &Cx<'_>) -> Reply {
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

fn project_usages(cx: &Cx<'_>) -> Reply {
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
