mod filters;
mod lists;
mod refusals;
mod shapes;
mod writes;

use axum::body::Bytes;
use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::sim::genesis::{PASSWORD, Plan};
use crate::sim::scenario::Scenario;
use crate::sim::time::{MINUTE, Time};

const OPENS: Time = Time(1_795_000_000_000);

/// A front whose clock stands still.
pub(in crate::sim) fn front(scenario: &str, hypervisors: usize, instances: usize) -> Front {
    let scenario = match scenario {
        // Nothing happens by itself.
        "still" => Scenario::parse("title = \"still\"\nprelude = \"0s\"\n", "still.toml").unwrap(),
        name => Scenario::load(name).unwrap(),
    };
    let broker = Broker::new(5_672, 15_672);
    let listeners = vec![broker.listener()];
    let world = World::new(Plan { hypervisors, instances, seed: 1 }, &scenario, OPENS, listeners);
    let urls = Service::ALL.map(|service| format!("http://{}:1", service.name()));
    Front::new(world, Clock::new(OPENS, 0.0), broker, urls, 1)
}

/// Lets so many milliseconds go by.
pub(in crate::sim) fn pass(front: &Front, milliseconds: i64) {
    front.clock.set(front.clock.now().plus(milliseconds));
    drop(front.write());
}

/// A client of one token.
struct Client<'a> {
    front: &'a Front,
    token: String,
}

struct Got {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

fn send(
    front: &Front,
    service: Service,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Got {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let ask = Ask::new(&parts, body, front.url(service), front.request_id(service, path), front.clock.now());
    let answer = front.answer(service, ask);
    let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Got { status: answer.status, headers: answer.headers, body }
}

fn log_in(front: &Front, user: &str, project: &str) -> Got {
    let auth = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": PASSWORD,
        }}},
        "scope": {"project": {"name": project, "domain": {"id": "default"}}},
    }});
    send(front, Service::Keystone, "POST", "/v3/auth/tokens", &[], &auth)
}

impl<'a> Client<'a> {
    fn new(front: &'a Front, user: &str, project: &str) -> Self {
        let got = log_in(front, user, project);
        assert_eq!(got.status, 201, "{user} of {project}: {}", got.body);
        Self { front, token: got.header("X-Subject-Token").unwrap().to_owned() }
    }

    fn admin(front: &'a Front) -> Self {
        Self::new(front, "admin", "admin")
    }

    fn member(front: &'a Front) -> Self {
        let name = front.read().cloud.project(2).name.to_string();
        Self::new(front, "alice", &name)
    }

    fn ask(&self, service: Service, method: &str, path: &str, version: &str, body: &Value) -> Got {
        let kind = match service {
            Service::Nova => "compute",
            Service::Placement => "placement",
            _ => "volume",
        };
        let version = format!("{kind} {version}");
        let mut headers = vec![("X-Auth-Token", self.token.as_str())];
        if !version.ends_with('-') {
            headers.push(("OpenStack-API-Version", &version));
        }
        send(self.front, service, method, path, &headers, body)
    }

    fn get(&self, service: Service, path: &str, version: &str) -> Got {
        self.ask(service, "GET", path, version, &Value::Null)
    }

    /// The list of a good answer.
    fn list(&self, service: Service, path: &str, version: &str, name: &str) -> Vec<Value> {
        let got = self.get(service, path, version);
        assert_eq!(got.status, 200, "{path}: {}", got.body);
        got.body[name].as_array().unwrap_or_else(|| panic!("{path}: {}", got.body)).clone()
    }
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_quiet_minute_changes_what_is_asked_again() {
    let front = front("healthy", 10, 100);
    let client = Client::admin(&front);
    let path = "/v2.1/servers/detail?all_tenants=1";
    let before = client.get(Service::Nova, path, "2.90").body;
    assert_eq!(before, client.get(Service::Nova, path, "2.90").body, "the clock stands still");
    pass(&front, MINUTE);
    assert_ne!(before, client.get(Service::Nova, path, "2.90").body);
}

#[test]
fn while_time_stands_still_the_same_question_has_the_same_request_id() {
    let front = front("healthy", 1, 1);
    let client = Client::admin(&front);
    let id =
        |path| client.get(Service::Nova, path, "2.90").header("x-openstack-request-id").unwrap().to_owned();
    assert_eq!(id("/v2.1/servers"), id("/v2.1/servers"));
    assert_ne!(id("/v2.1/servers"), id("/v2.1/flavors"));
    front.clock.set_rate(1.0);
    assert_ne!(id("/v2.1/servers"), id("/v2.1/servers"));
}
