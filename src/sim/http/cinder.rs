//! cinder v3, as of Zed: 3.0 to 3.70.

mod services;
mod volumes;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{no_route, ok};
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, ProjectIx, VOLUME_TYPES};

const HIGHEST: u16 = 70;

pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
    /// The minor version: 3.`version`.
    pub version: u16,
    /// `http://127.0.0.1:8776/v3/2ca2…`: what links begin with.
    pub root: String,
}

impl Cx<'_> {
    pub fn is_admin(&self) -> bool {
        self.who.is_admin(self.cloud)
    }

    pub fn admin(&self, rule: &str) -> Result<(), Refusal> {
        match self.is_admin() {
            true => Ok(()),
            false => {
                let words = format!("Policy doesn't allow {rule} to be performed.");
                Err(Refusal::Forbidden(words))
            }
        }
    }

    pub fn project(&self) -> ProjectIx {
        self.who.project().unwrap_or(0)
    }

    /// All tenants' rows for administrators who ask for them, else the own.
    pub fn sees(&self, project: ProjectIx) -> bool {
        let all = self.is_admin() && self.ask.query.flag("all_tenants").unwrap_or(false);
        all || project == self.project()
    }

    /// The row's two links.
    pub fn links(&self, path: &str) -> Value {
        let bookmark = self.root.replacen("/v3/", "/", 1);
        json!([
            {"rel": "self", "href": format!("{}/{path}", self.root)},
            {"rel": "bookmark", "href": format!("{bookmark}/{path}")},
        ])
    }
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let parts = ask.parts();
    let (answer, version) = match parts.as_slice() {
        [] => (Answer::json(300, &json!({"versions": [version_of(&ask)]})), Some(0)),
        ["v3"] => (Answer::json(200, &json!({"versions": [version_of(&ask)]})), Some(0)),
        ["v3", rest @ ..] => {
            let (reply, version) = authorised(front, &ask, rest);
            (reply.unwrap_or_else(|refusal| refuse(front, &refusal)), version)
        }
        _ => (refuse(front, &no_route()), None),
    };
    let answer = match version {
        Some(minor) => answer
            .with("OpenStack-API-Version", format!("volume 3.{minor}"))
            .with("Vary", "OpenStack-API-Version"),
        None => answer,
    };
    answer.with("x-compute-request-id", ask.request()).with("x-openstack-request-id", ask.request())
}

fn version_of(ask: &Ask) -> Value {
    json!({
        "id": "v3.0", "status": "CURRENT", "version": format!("3.{HIGHEST}"), "min_version": "3.0",
        "updated": "2022-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": format!("{}/v3/", ask.base)},
        ],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"},
        ],
    })
}

fn authorised(front: &Front, ask: &Ask, parts: &[&str]) -> (Reply, Option<u16>) {
    let who = match front.tokens.of(ask) {
        Ok(who) => who,
        Err(refusal) => return (Err(refusal), None),
    };
    let version = match wanted(ask) {
        Ok(version) => version,
        Err(refusal) => return (Err(refusal), None),
    };
    let world = front.read();
    let cloud = &world.cloud;
    // The project's id stands behind the version, or, from 3.67 on, not at all.
    let named = parts.first().and_then(|first| Uuid::parse_str(first).ok());
    let (parts, root) = match named {
        Some(id) => (&parts[1..], format!("{}/v3/{}", ask.base, id.simple())),
        None => (parts, format!("{}/v3", ask.base)),
    };
    let own = who.project().map(|ix| cloud.project(ix).id);
    if own.is_none() || named.is_some() && named != own {
        let words = "Malformed request url".to_owned();
        return (Err(Refusal::BadRequest(words)), Some(version));
    }
    let cx = Cx { ask, cloud, who: &who, version, root };
    (read(&cx, parts), Some(version))
}

/// Only `volume 3.x` is a version of ours; cinder has no patience with the headers of others.
fn wanted(ask: &Ask) -> Result<u16, Refusal> {
    let Some(header) = ask.header("openstack-api-version") else { return Ok(0) };
    let mut all = header.split(',').map(str::trim);
    let Some(text) = all.find_map(|header| header.strip_prefix("volume ")) else {
        return Err(Refusal::BadRequest(String::new()));
    };
    if text == "latest" {
        return Ok(HIGHEST);
    }
    let minor = text.strip_prefix("3.").and_then(|minor| minor.parse::<u16>().ok());
    minor.filter(|minor| *minor <= HIGHEST).ok_or_else(|| {
        Refusal::NotAcceptable(format!(
            "Version {text} is not supported by the API. Minimum is 3.0 and maximum is 3.{HIGHEST}."
        ))
    })
}

fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let (code, message) = (refusal.status(), refusal.message());
    if code == 401 {
        let body = json!({"error": {"code": code, "title": "Unauthorized", "message": message}});
        let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
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
}

fn read(cx: &Cx<'_>, parts: &[&str]) -> Reply {
    if !matches!(cx.ask.method.as_str(), "GET" | "HEAD") {
        return Err(no_route());
    }
    match parts {
        ["volumes"] => volumes::list(cx, false),
        ["volumes", "detail"] => volumes::list(cx, true),
        ["volumes", "summary"] => volumes::summary(cx),
        ["volumes", id] => volumes::show(cx, id),
        ["snapshots"] => volumes::snapshots(cx, false),
        ["snapshots", "detail"] => volumes::snapshots(cx, true),
        ["snapshots", id] => volumes::snapshot(cx, id),
        ["attachments"] | ["attachments", "detail"] => volumes::attachments(cx),
        ["types"] => {
            ok(&json!({"volume_types": (0..VOLUME_TYPES.len()).map(|n| kind(cx, n)).collect::<Vec<_>>()}))
        }
        ["types", "default"] => ok(&json!({"volume_type": kind(cx, 2)})),
        ["types", id] => {
            let found = (0..VOLUME_TYPES.len()).find(|&n| type_id(cx, n).to_string() == **id);
            let words = || Refusal::NotFound(format!("Volume type {id} could not be found."));
            found.map_or_else(|| Err(words()), |n| ok(&json!({"volume_type": kind(cx, n)})))
        }
        ["os-services"] => services::services(cx),
        ["os-hosts"] => services::hosts(cx),
        ["os-availability-zone"] => ok(&json!({"availabilityZoneInfo": [
            {"zoneName": "nova", "zoneState": {"available": true}},
        ]})),
        ["scheduler-stats", "get_pools"] => services::pools(cx),
        ["os-quota-sets", project] => services::quota(cx, project, false),
        ["os-quota-sets", project, "defaults"] => services::quota(cx, project, true),
        ["os-quota-class-sets", name] => services::quota_class(cx, name),
        ["limits"] => services::limits(cx),
        ["extensions"] => ok(&json!({"extensions": []})),
        [
            name @ ("backups" | "messages" | "qos-specs" | "group_types" | "groups" | "clusters"
            | "consistencygroups" | "os-volume-transfer" | "volume-transfers"),
            ..,
        ] if parts.len() == 1 || parts[1] == "detail" => {
            let name = match *name {
                "qos-specs" => "qos_specs",
                "os-volume-transfer" | "volume-transfers" => "transfers",
                name => name,
            };
            ok(&json!({name: []}))
        }
        _ => Err(no_route()),
    }
}

pub(super) fn type_id(cx: &Cx<'_>, n: usize) -> Uuid {
    cx.cloud.derived(&format!("volume type {n}"))
}

fn kind(cx: &Cx<'_>, n: usize) -> Value {
    let name = VOLUME_TYPES[n];
    let specs = match n {
        2 => json!({}),
        _ => json!({"volume_backend_name": name}),
    };
    let mut row = json!({
        "id": type_id(cx, n),
        "name": name,
        "is_public": true,
        "description": if n == 2 { json!("Default Volume Type") } else { Value::Null },
        "extra_specs": specs,
        "os-volume-type-access:is_public": true,
    });
    if cx.is_admin() {
        row["qos_specs_id"] = Value::Null;
    }
    row
}
