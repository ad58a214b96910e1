//! placement, as of Zed: 1.0 to 1.39.

mod allocations;
mod providers;

use serde_json::json;
use uuid::Uuid;

use super::answer::{no_route, ok};
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, Role};
use providers::host;

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

/// A question, and who asks.
pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
    /// The minor version: 1.`version`.
    pub version: u16,
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
        ["resource_providers"] => providers::list(cx),
        ["resource_providers", id] => ok(&providers::row(cx, host(cx, id)?)),
        ["resource_providers", id, "inventories"] => providers::inventories(host(cx, id)?),
        ["resource_providers", id, "inventories", class] => providers::inventory(host(cx, id)?, class),
        ["resource_providers", id, "usages"] => providers::usages(host(cx, id)?),
        ["resource_providers", id, "aggregates"] => providers::aggregates(cx, id),
        ["resource_providers", id, "traits"] => providers::traits(host(cx, id)?),
        ["resource_providers", id, "allocations"] => allocations::of_provider(cx, id),
        ["allocations", consumer] => allocations::of_consumer(cx, consumer),
        ["allocation_candidates"] => allocations::candidates(cx),
        ["usages"] => allocations::of_project(cx),
        ["resource_classes"] => {
            let class = |name: &&str| json!({"name": name, "links": [{"rel": "self", "href": format!("/resource_classes/{name}")}]});
            ok(&json!({"resource_classes": CLASSES.iter().map(class).collect::<Vec<_>>()}))
        }
        ["resource_classes", name] if CLASSES.contains(name) => ok(
            &json!({"name": name, "links": [{"rel": "self", "href": format!("/resource_classes/{name}")}]}),
        ),
        ["traits"] => {
            ok(&json!({"traits": providers::TRAITS.iter().chain([&providers::DISABLED]).collect::<Vec<_>>()}))
        }
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
