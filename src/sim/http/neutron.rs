//! neutron v2.0. Collections are built as JSON objects and then filtered, sorted, cut and projected in one place,
//! as neutron itself does it; only ports are so many that they are preselected.

mod agents;
mod collection;
mod networks;
mod ports;
mod quotas;
mod security;

use serde_json::json;
use uuid::Uuid;

use super::answer::ok;
use super::token::Grant;
use super::{Answer, Ask, Front, Refusal, Reply, Service};
use crate::sim::cloud::{Cloud, ProjectIx};
use crate::sim::random::derived;
use collection::{collection, one};

pub(super) struct Cx<'a> {
    pub ask: &'a Ask,
    pub cloud: &'a Cloud,
    pub who: &'a Grant,
}

impl Cx<'_> {
    pub fn is_admin(&self) -> bool {
        self.who.is_admin(self.cloud)
    }

    /// Tenants see their own.
    pub fn sees(&self, project: ProjectIx) -> bool {
        self.is_admin() || self.who.project() == Some(project)
    }

    /// Projects with a network.
    pub fn tenants(&self) -> impl Iterator<Item = ProjectIx> {
        (0..self.cloud.projects.len() as ProjectIx)
            .filter(|&ix| self.cloud.project(ix).network.is_some() && self.sees(ix))
    }

    pub fn public_network(&self) -> Uuid {
        self.cloud.derived("public network")
    }

    pub fn public_subnet(&self) -> Uuid {
        self.cloud.derived("public subnet")
    }
}

pub(super) fn answer(front: &Front, ask: Ask) -> Answer {
    let parts = ask.parts();
    // `details.json` is `details`.
    let parts: Vec<&str> = parts.iter().map(|part| part.strip_suffix(".json").unwrap_or(part)).collect();
    let answer = match parts.as_slice() {
        [] => {
            let link = json!([{"rel": "self", "href": format!("{}/v2.0/", ask.base)}]);
            return Answer::json(
                200,
                &json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": link}]}),
            );
        }
        ["v2.0", rest @ ..] => match front.tokens.of(&ask) {
            Ok(who) => {
                let world = front.read();
                read(&Cx { ask: &ask, cloud: &world.cloud, who: &who }, rest)
            }
            Err(refusal) => Err(refusal),
        },
        _ => Err(super::answer::no_route()),
    };
    answer
        .unwrap_or_else(|refusal| refuse(front, &refusal))
        .with("X-Openstack-Request-Id", ask.request())
        .with("Connection", "keep-alive")
}

/// `Network` and its id.
pub(super) fn missing(kind: &str, id: &str) -> Refusal {
    Refusal::NotFound(format!("{kind} {id} could not be found."))
}

fn refuse(front: &Front, refusal: &Refusal) -> Answer {
    let code = refusal.status();
    let message = refusal.message();
    if code == 401 {
        let body = json!({"error": {"code": 401, "title": "Unauthorized", "message": message}});
        let realm = format!("Keystone uri=\"{}/v3\"", front.url(Service::Keystone));
        return Answer::json(401, &body).with("WWW-Authenticate", realm);
    }
    let kind = match code {
        // `Network x could not be found.`: the exception is named after the thing.
        404 => match message.split(' ').next().filter(|_| message.ends_with("could not be found.")) {
            Some(thing) if thing != "The" => format!("{thing}NotFound"),
            _ => "HTTPNotFound".to_owned(),
        },
        403 => "PolicyNotAuthorized".to_owned(),
        400 => "HTTPBadRequest".to_owned(),
        _ => "HTTPError".to_owned(),
    };
    Answer::json(code, &json!({"NeutronError": {"type": kind, "message": message, "detail": ""}}))
}

fn read(cx: &Cx<'_>, parts: &[&str]) -> Reply {
    if !matches!(cx.ask.method.as_str(), "GET" | "HEAD") {
        return Err(super::answer::no_route());
    }
    match parts {
        [] => ok(&json!({"resources": []})),
        ["networks"] => collection(cx, "networks", networks::networks(cx)),
        ["networks", id] => one(cx, "network", "Network", id, networks::networks(cx)),
        ["subnets"] => collection(cx, "subnets", networks::subnets(cx)),
        ["subnets", id] => one(cx, "subnet", "Subnet", id, networks::subnets(cx)),
        ["routers"] => collection(cx, "routers", networks::routers(cx)),
        ["routers", id] => one(cx, "router", "Router", id, networks::routers(cx)),
        ["floatingips"] => collection(cx, "floatingips", networks::floating(cx)),
        ["floatingips", id] => one(cx, "floatingip", "FloatingIP", id, networks::floating(cx)),
        ["network-ip-availabilities"] => {
            collection(cx, "network_ip_availabilities", networks::availabilities(cx))
        }
        ["network-ip-availabilities", id] => {
            let rows = networks::availabilities(cx);
            let row = rows.into_iter().find(|row| row["network_id"] == **id);
            row.map_or_else(
                || Err(missing("Network", id)),
                |row| ok(&json!({"network_ip_availability": row})),
            )
        }
        ["ports"] => ports::list(cx),
        ["ports", id] => ports::show(cx, id),
        ["security-groups"] => collection(cx, "security_groups", security::groups(cx)),
        ["security-groups", id] => one(cx, "security_group", "SecurityGroup", id, security::groups(cx)),
        ["security-group-rules"] => collection(cx, "security_group_rules", security::rules(cx)),
        ["agents"] => collection(cx, "agents", agents::agents(cx)),
        ["agents", id] => one(cx, "agent", "Agent", id, agents::agents(cx)),
        ["agents", id, what] => agents::serves(cx, id, what),
        ["availability_zones"] => ok(&json!({"availability_zones": [
            {"state": "available", "name": "nova", "resource": "network"},
            {"state": "available", "name": "nova", "resource": "router"},
        ]})),
        ["extensions"] => ok(&json!({"extensions": agents::extensions()})),
        ["extensions", alias] => {
            let found = agents::extensions().into_iter().find(|extension| extension["alias"] == **alias);
            found.map_or_else(|| Err(missing("Extension", alias)), |row| ok(&json!({"extension": row})))
        }
        ["quotas"] => quotas::all(cx),
        ["quotas", project] => quotas::show(cx, project),
        ["quotas", project, "default"] => quotas::default(cx, project),
        ["quotas", project, "details"] => quotas::details(cx, project),
        [
            name @ ("subnetpools" | "address-scopes" | "rbac-policies" | "address-groups"
            | "service-providers" | "flavors" | "segments" | "trunks"),
        ] => collection(cx, &name.replace('-', "_"), Vec::new()),
        _ => Err(super::answer::no_route()),
    }
}

/// The ids of a project's things that are kept nowhere.
pub(super) fn of_project(cx: &Cx<'_>, project: ProjectIx, role: &str) -> Uuid {
    derived(cx.cloud.project(project).id, role)
}

/// A project's id as it is written.
pub(super) fn owner(cx: &Cx<'_>, project: ProjectIx) -> String {
    cx.cloud.project(project).id.simple().to_string()
}
