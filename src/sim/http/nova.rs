//! nova, as of Zed: 2.1 to 2.93.

mod acts;
mod aggregates;
mod console;
mod create;
mod filter;
mod flavors;
mod hypervisors;
mod migrations;
mod quotas;
mod server;
mod servers;
mod services;
mod update;
mod usage;

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use server::mac;

use super::answer::{no_route, ok};
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, Instance, ProjectIx, Slot};

/// The highest minor version.
const HIGHEST: u16 = 93;

/// A question with all that decides its answer.
pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
    /// The minor version: 2.`version`.
    pub version: u16,
}

impl Cx<'_> {
    pub fn is_admin(&self) -> bool {
        self.who.is_admin(self.cloud)
    }

    /// nova's no, with the rule that says it.
    pub fn admin(&self, rule: &str) -> Result<(), Refusal> {
        match self.is_admin() {
            true => Ok(()),
            false => Err(policy(rule)),
        }
    }

    pub fn project(&self) -> ProjectIx {
        self.who.project().unwrap_or(0)
    }

    /// An instance that the asker may see; those of others are not there.
    pub fn instance(&self, id: &str) -> Result<(Slot, &Instance), Refusal> {
        let found = Uuid::parse_str(id).ok().and_then(|id| self.cloud.instances.find(id));
        found
            .filter(|(_, instance)| !instance.is_deleted())
            .filter(|(_, instance)| self.is_admin() || instance.project == self.project())
            .ok_or_else(|| Refusal::NotFound(format!("Instance {id} could not be found.")))
    }
}

fn policy(rule: &str) -> Refusal {
    Refusal::Forbidden(format!("Policy doesn't allow os_compute_api:{rule} to be performed."))
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let answer = match ask.parts().as_slice() {
        [] => return Answer::json(200, &versions(&ask)),
        ["v2.1"] => Ok((version(&ask), Some(1))),
        ["v2" | "v2.1", ..] => authorised(front, &ask),
        _ => Err((no_route(), None)),
    };
    let (answer, version) = match answer {
        Ok(found) => found,
        Err((refusal, version)) => (refuse(front, &refusal), version),
    };
    let answer = match version {
        Some(minor) => with_version(answer, &format!("2.{minor}")),
        None => answer,
    };
    answer.with("x-openstack-request-id", ask.request()).with("x-compute-request-id", ask.request())
}

fn with_version(answer: Answer, version: &str) -> Answer {
    answer
        .with("OpenStack-API-Version", format!("compute {version}"))
        .with("X-OpenStack-Nova-API-Version", version)
        .with("Vary", "OpenStack-API-Version, X-OpenStack-Nova-API-Version")
}

type Versioned = Result<(Answer, Option<u16>), (Refusal, Option<u16>)>;

fn authorised(front: &Front, ask: &Ask) -> Versioned {
    let who = front.tokens.of(ask).map_err(|refusal| (refusal, None))?;
    let version = match wanted(ask) {
        Ok(version) => version,
        // What was asked for stands in the header of the refusal too.
        Err((refusal, version)) => return Err((refusal, version)),
    };
    let parts = ask.parts();
    let mut parts = &parts[1..];
    // Old catalogs have the project's id behind the version.
    if let Some(first) = parts.first()
        && first.len() == 32
        && Uuid::parse_str(first).is_ok()
    {
        parts = &parts[1..];
    }
    let reply = if matches!(ask.method.as_str(), "GET" | "HEAD") {
        let world = front.read();
        read(&Cx { ask, cloud: &world.cloud, who: &who, version }, parts)
    } else {
        update::write(front, ask, &who, version, parts)
    };
    match reply {
        Ok(answer) => Ok((answer, Some(version))),
        Err(refusal) => Err((refusal, Some(version))),
    }
}

/// The minor version that is asked for: by the header, or the older one; 2.1 if nothing is said.
fn wanted(ask: &Ask) -> Result<u16, (Refusal, Option<u16>)> {
    let of_compute = |header: &str| header.strip_prefix("compute ").map(|version| version.trim().to_owned());
    let text = ask
        .headers("openstack-api-version")
        .flat_map(|header| header.split(','))
        .find_map(|header| of_compute(header.trim()))
        .or_else(|| ask.header("x-openstack-nova-api-version").map(str::to_owned));
    let Some(text) = text else { return Ok(1) };
    if text == "latest" {
        return Ok(HIGHEST);
    }
    let numbers =
        text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match numbers {
        None => {
            let words = format!(
                "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
            );
            Err((Refusal::BadRequest(words), Some(1)))
        }
        Some((2_u16, minor @ 1..=HIGHEST)) => Ok(minor),
        Some((major, minor)) => {
            let words = format!(
                "Version {major}.{minor} is not supported by the API. Minimum is 2.1 and maximum is 2.{HIGHEST}."
            );
            Err((Refusal::NotAcceptable(words), Some(minor)))
        }
    }
}

fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let (code, message) = (refusal.status(), refusal.message());
    if code == 401 {
        let body = json!({"error": {"code": code, "title": "Unauthorized", "message": message}});
        let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
        // The middleware says no before nova is asked: its body is text to nova, and has no type.
        return Answer::json(code, &body).with("WWW-Authenticate", realm);
    }
    let name = match code {
        400 => "badRequest",
        403 => "forbidden",
        404 => "itemNotFound",
        409 => "conflictingRequest",
        _ => "computeFault",
    };
    Answer::json(code, &json!({name: {"code": code, "message": message}}))
        .with_type("application/json; charset=UTF-8")
}

fn versions(ask: &Ask) -> Value {
    let link = |path: &str| json!([{"rel": "self", "href": format!("{}/{path}/", ask.base)}]);
    json!({"versions": [
        {
            "id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "",
            "updated": "2011-01-21T11:33:21Z", "links": link("v2"),
        },
        {
            "id": "v2.1", "status": "CURRENT", "version": format!("2.{HIGHEST}"), "min_version": "2.1",
            "updated": "2013-07-23T11:33:21Z", "links": link("v2.1"),
        },
    ]})
}

fn version(ask: &Ask) -> Answer {
    Answer::json(
        200,
        &json!({"version": {
            "id": "v2.1", "status": "CURRENT", "version": format!("2.{HIGHEST}"), "min_version": "2.1",
            "updated": "2013-07-23T11:33:21Z",
            "links": [
                {"rel": "self", "href": format!("{}/v2.1/", ask.base)},
                {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"},
            ],
            "media-types": [
                {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"},
            ],
        }}),
    )
}

fn read(cx: &Cx<'_>, parts: &[&str]) -> Reply {
    match parts {
        ["servers"] => servers::list(cx, false),
        ["servers", "detail"] => servers::list(cx, true),
        ["servers", id] => servers::show(cx, id),
        ["servers", id, "os-instance-actions"] => acts::list(cx, id),
        ["servers", id, "os-instance-actions", request] => acts::show(cx, id, request),
        ["servers", id, rest] => servers::part(cx, id, rest),
        ["flavors"] => flavors::list(cx, false),
        ["flavors", "detail"] => flavors::list(cx, true),
        ["flavors", id] => flavors::show(cx, id),
        ["flavors", id, "os-extra_specs"] => flavors::extra_specs(cx, id),
        ["os-hypervisors"] => hypervisors::list(cx, false),
        ["os-hypervisors", "detail"] => hypervisors::list(cx, true),
        ["os-hypervisors", "statistics"] => hypervisors::statistics(cx),
        ["os-hypervisors", id] => hypervisors::show(cx, id),
        ["os-hypervisors", id, "uptime"] => hypervisors::uptime(cx, id),
        ["os-hypervisors", name, what @ ("servers" | "search")] => hypervisors::by_name(cx, name, what),
        ["os-services"] => services::list(cx),
        ["os-aggregates"] => aggregates::list(cx),
        ["os-aggregates", id] => aggregates::show(cx, id),
        ["os-availability-zone"] => aggregates::zones(cx, false),
        ["os-availability-zone", "detail"] => aggregates::zones(cx, true),
        ["os-quota-sets", project] => quotas::show(cx, project, quotas::What::Limits),
        ["os-quota-sets", project, "detail"] => quotas::show(cx, project, quotas::What::Detail),
        ["os-quota-sets", project, "defaults"] => quotas::show(cx, project, quotas::What::Defaults),
        ["os-quota-class-sets", name] => quotas::class(cx, name),
        ["limits"] => quotas::limits(cx),
        ["os-simple-tenant-usage"] => usage::list(cx),
        ["os-simple-tenant-usage", project] => usage::show(cx, project),
        ["os-migrations"] => migrations::list(cx),
        ["os-server-groups"] => ok(&json!({"server_groups": []})),
        ["os-keypairs"] => keypairs(cx),
        ["extensions"] => ok(&json!({"extensions": []})),
        ["os-cells" | "os-cloudpipe" | "os-fping" | "os-virtual-interfaces" | "os-consoles", ..] => {
            Err(Refusal::Gone)
        }
        _ => Err(no_route()),
    }
}

/// One key each, named after the project.
fn keypairs(cx: &Cx<'_>) -> Reply {
    let user = cx.cloud.user(cx.who.user);
    let name = format!("{}-key", cx.cloud.project(user.project).name);
    let mut random = crate::sim::random::Random::stream(user.id.as_u64_pair().0, "keypair");
    let fingerprint: Vec<String> = (0..16).map(|_| random.hex(2)).collect();
    let mut keypair = json!({
        "name": name,
        "public_key": format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{} {name}", random.hex(44)),
        "fingerprint": fingerprint.join(":"),
    });
    if cx.version >= 2 {
        keypair["type"] = "ssh".into();
    }
    ok(&json!({"keypairs": [{"keypair": keypair}]}))
}
