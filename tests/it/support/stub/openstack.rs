//! A healthy cloud's answers, from recorded bodies: three hosts, six instances, two projects.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::broker::Broker;
use super::{Answer, Request};

/// Right for user `ops`.
pub const PASSWORD: &str = "correct-horse";
/// Right for the application credential `ac-1`, which `ops` calls `stackwatch`.
pub const APP_SECRET: &str = "battery-staple";
/// What every token begins with.
pub const TOKEN: &str = "gAAAAAB-stub-token-";

/// One line of the catalog.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub kind: &'static str,
    pub interface: &'static str,
    pub region: &'static str,
    /// A path on the stub, or a whole URL.
    pub url: String,
}

/// What this cloud is like. Tests change it through `Stub::set`.
pub struct Openstack {
    pub password: String,
    /// The account is a member of one project, no admin.
    pub member: bool,
    /// nova's highest microversion; `None`: a nova from before there were any.
    pub nova: Option<&'static str>,
    pub token_life: Duration,
    /// The clock of every host of this cloud against ours.
    pub clock_ahead: SignedDuration,
    /// Rows a page, whatever limit was asked for.
    pub page: usize,
    /// Where `next` links point; our own address where nothing is said.
    pub links: Option<String>,
    pub gzip: bool,
    pub catalog: Vec<Endpoint>,
    /// Its RabbitMQ, below `/broker`.
    pub broker: Broker,
    pub(super) url: String,
    issued: u64,
    valid: HashSet<String>,
}

impl Openstack {
    pub(super) fn new(url: String) -> Self {
        let paths = [
            ("identity", "/identity/v3"),
            ("compute", "/compute/v2.1"),
            ("placement", "/placement"),
            ("network", "/network"),
            ("image", "/image"),
        ];
        let catalog = paths
            .into_iter()
            .flat_map(|(kind, path)| {
                ["admin", "internal", "public"].map(|interface| Endpoint {
                    kind,
                    interface,
                    region: "RegionOne",
                    url: path.to_owned(),
                })
            })
            .collect();
        Self {
            password: PASSWORD.to_owned(),
            member: false,
            nova: Some("2.93"),
            token_life: Duration::from_secs(3_600),
            clock_ahead: SignedDuration::ZERO,
            page: 1_000,
            links: None,
            gzip: false,
            catalog,
            broker: Broker::new(),
            url,
            issued: 0,
            valid: HashSet::new(),
        }
    }

    /// No token that was issued so far is good any longer.
    pub fn revoke_tokens(&mut self) {
        self.valid.clear();
    }

    /// A token from elsewhere.
    pub fn issue_token(&mut self) -> String {
        self.issued += 1;
        let token = format!("{TOKEN}{}", self.issued);
        self.valid.insert(token.clone());
        token
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + self.clock_ahead
    }

    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        let Some((service, path)) = request.service() else { return Answer::status(404) };
        if service == "broker" {
            return self.broker.answer(request, path);
        }
        let public = matches!((service, path), ("identity", "/v3/" | "/v3/auth/tokens") | (_, "/" | ""));
        if !public && !request.header("x-auth-token").is_some_and(|token| self.valid.contains(token)) {
            return Answer {
                status: 401,
                ..Answer::sample(include_str!("../../../samples/keystone/401.json"))
            };
        }
        match service {
            "identity" => self.keystone(request, path),
            "compute" => self.nova(request, path),
            "placement" => self.placement(path),
            "network" if path == "/v2.0/agents" => Answer::sample(if self.member {
                include_str!("../../../samples/neutron/agents-member.json")
            } else {
                include_str!("../../../samples/neutron/agents.json")
            }),
            "network" => neutron_quotas(path),
            "volume" if path.starts_with("/v3/os-quota-class-sets/") => Answer::json(json!({
                "quota_class_set": { "id": "default", "volumes": 10, "gigabytes": 1_000, "snapshots": 10 }
            })),
            "volume" if path.starts_with("/v3/os-quota-sets/") => {
                Answer::sample(include_str!("../../../samples/cinder/quota-usage.json"))
            }
            "volume" if path == "/v3/os-services" => {
                Answer::sample(include_str!("../../../samples/cinder/os-services.json"))
            }
            "image" if path.starts_with("/v2/images/") => {
                Answer::sample(include_str!("../../../samples/glance/image.json"))
            }
            _ => Answer::status(404),
        }
    }

    fn keystone(&mut self, request: &Request, path: &str) -> Answer {
        match path {
            "/v3/" => Answer::sample(include_str!("../../../samples/keystone/version.json")),
            "/v3/auth/tokens" => self.log_in(request),
            _ if self.member => denied("identity:list_projects"),
            "/v3/domains" => Answer::sample(include_str!("../../../samples/keystone/domains.json")),
            "/v3/projects" => Answer::sample(include_str!("../../../samples/keystone/projects.json")),
            _ if path.starts_with("/v3/users/") => {
                Answer::sample(include_str!("../../../samples/keystone/user.json"))
            }
            _ if path.starts_with("/v3/projects/") => {
                Answer::sample(include_str!("../../../samples/keystone/project.json"))
            }
            _ => Answer::status(404),
        }
    }

    fn log_in(&mut self, request: &Request) -> Answer {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let auth = &body["auth"];
        let identity = &auth["identity"];
        let good = match identity["methods"][0].as_str() {
            Some("password") => {
                let user = &identity["password"]["user"];
                user["password"] == self.password.as_str() && (user["name"] == "ops" || user["id"] == "u-ops")
            }
            Some("token") => identity["token"]["id"].as_str().is_some_and(|token| self.valid.contains(token)),
            Some("application_credential") => {
                let credential = &identity["application_credential"];
                credential["secret"] == APP_SECRET
                    && (credential["id"] == "ac-1"
                        || credential["name"] == "stackwatch" && credential["user"]["name"] == "ops")
            }
            _ => false,
        };
        if !good {
            return Answer {
                status: 401,
                ..Answer::sample(include_str!("../../../samples/keystone/401.json"))
            };
        }
        let mut token: Value =
            serde_json::from_str(include_str!("../../../samples/keystone/token.json")).unwrap();
        let inner = &mut token["token"];
        let (issued, end) = (self.now(), self.now() + self.token_life);
        inner["issued_at"] = keystone_time(issued).into();
        inner["expires_at"] = keystone_time(end).into();
        inner["catalog"] = self.catalog();
        if self.member {
            inner["roles"] = json!([{ "id": "r-member", "name": "member" }]);
            inner["project"] = json!({ "id": "2a294ffc60fe46fe817f77a69d912949", "name": "demo" });
        }
        let project =
            auth["scope"]["project"].is_object() || identity["methods"][0] == "application_credential";
        if !project {
            inner.as_object_mut().unwrap().remove("project");
        }
        let answer = Answer { status: 201, ..Answer::json(token) };
        answer.header("x-subject-token", &self.issue_token())
    }

    fn catalog(&self) -> Value {
        let mut kinds: Vec<&str> = self.catalog.iter().map(|endpoint| endpoint.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let of = |kind: &str| -> Vec<Value> {
            let lines = self.catalog.iter().filter(|endpoint| endpoint.kind == kind);
            lines.map(|e| json!({ "interface": e.interface, "region_id": e.region, "region": e.region, "url": self.absolute(&e.url) })).collect()
        };
        kinds.into_iter().map(|kind| json!({ "type": kind, "name": kind, "endpoints": of(kind) })).collect()
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') { format!("{}{url}", self.url) } else { url.to_owned() }
    }

    fn nova(&self, request: &Request, path: &str) -> Answer {
        let Some(path) = path.strip_prefix("/v2.1") else {
            return Answer::sample(include_str!("../../../samples/nova/versions.json"));
        };
        let asked = request.header("openstack-api-version").and_then(|value| value.strip_prefix("compute "));
        let version = number(asked.unwrap_or("2.1"));
        if version > number(self.nova.unwrap_or("2.1")) {
            return Answer {
                status: 406,
                ..Answer::sample(include_str!("../../../samples/nova/unknown-microversion.json"))
            };
        }
        let admin_only = match path {
            "/os-hypervisors/detail" => Some("os_compute_api:os-hypervisors:list-detail"),
            "/os-services" => Some("os_compute_api:os-services:list"),
            "/os-aggregates" => Some("os_compute_api:os-aggregates:index"),
            "/os-quota-class-sets/default" => Some("os_compute_api:os-quota-class-sets:show"),
            "/os-migrations" => Some("os_compute_api:os-migrations:index"),
            "/servers/detail" if request.pair("all_tenants").is_some() => {
                Some("os_compute_api:servers:detail:get_all_tenants")
            }
            _ => None,
        };
        if let Some(policy) = admin_only.filter(|_| self.member) {
            return denied(policy);
        }
        match path {
            "/" => self.nova_version(),
            "/os-services" => Answer::sample(if version < 53 {
                include_str!("../../../samples/nova/services-2.1.json")
            } else {
                include_str!("../../../samples/nova/services-2.90.json")
            }),
            "/os-hypervisors/detail" => self.pages(
                request,
                "hypervisors",
                match version {
                    ..28 => include_str!("../../../samples/nova/hypervisors-2.1.json"),
                    28..53 => include_str!("../../../samples/nova/hypervisors-2.28.json"),
                    53..88 => include_str!("../../../samples/nova/hypervisors-2.87.json"),
                    _ => include_str!("../../../samples/nova/hypervisors-2.88.json"),
                },
            ),
            "/os-aggregates" => Answer::sample(include_str!("../../../samples/nova/aggregates.json")),
            "/os-migrations" => self.pages(
                request,
                "migrations",
                if version < 59 {
                    include_str!("../../../samples/nova/migrations-2.1.json")
                } else {
                    include_str!("../../../samples/nova/migrations-2.80.json")
                },
            ),
            "/servers/detail" if request.pair("changes-since").is_some() => {
                Answer::sample(include_str!("../../../samples/nova/servers-changes-since.json"))
            }
            "/servers/detail" => self.pages(request, "servers", servers(version)),
            "/os-quota-class-sets/default" => Answer::json(json!({
                "quota_class_set": { "id": "default", "instances": 10, "cores": 20, "ram": 51_200, "key_pairs": 100 }
            })),
            "/limits" => Answer::sample(include_str!("../../../samples/nova/limits.json")),
            _ if path.starts_with("/os-quota-sets/") => Answer::sample(if version < 36 {
                include_str!("../../../samples/nova/quota-detail-2.1.json")
            } else {
                include_str!("../../../samples/nova/quota-detail.json")
            }),
            _ if path.ends_with("/os-instance-actions") => {
                Answer::sample(include_str!("../../../samples/nova/actions.json"))
            }
            _ if path.contains("/os-instance-actions/") => {
                Answer::sample(include_str!("../../../samples/nova/events-2.90.json"))
            }
            _ if path.ends_with("/action") => Answer::json(json!({ "output": "login: " })),
            _ => match path.strip_prefix("/servers/") {
                Some("e5d66ca8-edb6-4963-b7f0-9b62819efd99") if version < 47 => {
                    Answer::sample(include_str!("../../../samples/nova/server-error-2.1.json"))
                }
                Some("e5d66ca8-edb6-4963-b7f0-9b62819efd99") => {
                    Answer::sample(include_str!("../../../samples/nova/server-error-2.90.json"))
                }
                Some(wanted) => server(servers(version), wanted),
                None => Answer::status(404),
            },
        }
    }

    fn nova_version(&self) -> Answer {
        let mut document: Value =
            serde_json::from_str(include_str!("../../../samples/nova/version.json")).unwrap();
        document["version"]["version"] = self.nova.unwrap_or("").into();
        document["version"]["min_version"] = if self.nova.is_some() { "2.1" } else { "" }.into();
        Answer::json(document)
    }

    /// One page, with a link to the next in nova's manner.
    fn pages(&self, request: &Request, list: &str, body: &str) -> Answer {
        let mut body: Value = serde_json::from_str(body).unwrap();
        let rows = body[list].as_array().unwrap().clone();
        let asked = request.pair("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
        let start = match request.pair("marker") {
            None => 0,
            Some(marker) => match rows.iter().position(|row| id(row) == marker) {
                Some(at) => at + 1,
                None => return Answer::refusal(400, &format!("marker [{marker}] not found")),
            },
        };
        let end = rows.len().min(start.saturating_add(self.page.min(asked)));
        let page = &rows[start..end];
        body[list] = page.into();
        if let Some(last) = page.last().filter(|_| end < rows.len()) {
            let mut query: Vec<(String, String)> = request.query.clone();
            query.retain(|(name, _)| name != "marker");
            query.push(("marker".to_owned(), id(last)));
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let host = self.links.as_deref().unwrap_or(&self.url);
            body[format!("{list}_links")] =
                json!([{ "rel": "next", "href": format!("{host}{}?{query}", request.path) }]);
        }
        Answer::json(body)
    }

    fn placement(&self, path: &str) -> Answer {
        match path {
            "/" | "" => Answer::sample(include_str!("../../../samples/placement/root.json")),
            _ if self.member => denied("placement:resource_providers:list"),
            "/resource_providers" => {
                Answer::sample(include_str!("../../../samples/placement/providers-1.39.json"))
            }
            _ if path.ends_with("/inventories") => {
                Answer::sample(include_str!("../../../samples/placement/inventories.json"))
            }
            _ if path.ends_with("/usages") => {
                Answer::sample(include_str!("../../../samples/placement/usages.json"))
            }
            _ => Answer::status(404),
        }
    }
}

/// neutron's quotas, whichever project is named: it knows none.
fn neutron_quotas(path: &str) -> Answer {
    match path.strip_prefix("/v2.0/quotas") {
        Some("") => Answer::sample(include_str!("../../../samples/neutron/quotas.json")),
        Some(rest) if rest.ends_with("/details.json") => {
            Answer::sample(include_str!("../../../samples/neutron/quota-details.json"))
        }
        Some(rest) if rest.ends_with("/default") => {
            Answer::json(json!({ "quota": { "network": 100, "port": 500, "floatingip": 50, "router": 10 } }))
        }
        _ => Answer::status(404),
    }
}

/// The list of all servers.
fn servers(version: u32) -> &'static str {
    match version {
        ..47 => include_str!("../../../samples/nova/servers-2.1.json"),
        47..90 => include_str!("../../../samples/nova/servers-2.47.json"),
        _ => include_str!("../../../samples/nova/servers-2.90.json"),
    }
}

/// One of them, on its own.
fn server(list: &str, wanted: &str) -> Answer {
    let list: Value = serde_json::from_str(list).unwrap();
    match list["servers"].as_array().unwrap().iter().find(|row| row["id"] == wanted) {
        Some(row) => Answer::json(json!({ "server": row })),
        None => Answer::refusal(404, &format!("Instance {wanted} could not be found.")),
    }
}

fn id(row: &Value) -> String {
    row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned)
}

fn number(version: &str) -> u32 {
    version.split_once('.').and_then(|(_, minor)| minor.parse().ok()).unwrap_or(0)
}

fn denied(policy: &str) -> Answer {
    let mut answer = Answer::json(json!({
        "forbidden": { "code": 403, "message": format!("Policy doesn't allow {policy} to be performed.") }
    }));
    answer.status = 403;
    answer
}

fn keystone_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}
