//! A healthy broker's management API, from recorded bodies: one node, sixteen queues.

use serde_json::{Value, json};

use super::{Answer, Request};

/// `ops` with the usual password.
const LOGIN: &str = "Basic b3BzOmNvcnJlY3QtaG9yc2U=";

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../samples/rabbitmq/", $name, ".json"))
    };
}

/// What this broker is like.
#[derive(Clone, Debug)]
pub struct Broker {
    pub version: &'static str,
    /// Tags of the account; without `monitoring` it may ask for nothing.
    pub tags: &'static str,
    /// The account has a permission on the vhost of the queues.
    pub permitted: bool,
    pub memory_alarm: bool,
    /// How many queues it says it has, where that is not what it lists.
    pub queue_count: Option<u64>,
}

impl Broker {
    pub(super) fn new() -> Self {
        Self {
            version: "3.10.8",
            tags: "monitoring",
            permitted: true,
            memory_alarm: false,
            queue_count: None,
        }
    }

    pub(super) fn answer(&self, request: &Request, path: &str) -> Answer {
        if request.header("authorization") != Some(LOGIN) {
            return refusal("Login failed");
        }
        let queues: Vec<Value> = serde_json::from_str(sample!("queues")).unwrap();
        match path {
            "/api/whoami" => Answer::json(json!({ "name": "ops", "tags": [self.tags] })),
            // As 3.10 does it: nodes are refused, and of the rest a part is shown.
            _ if self.tags.is_empty() => refusal("Not management user"),
            "/api/nodes" if self.tags != "monitoring" => refusal("Not monitor user"),
            "/api/overview" => {
                let mut overview: Value = serde_json::from_str(sample!("overview")).unwrap();
                overview["rabbitmq_version"] = json!(self.version);
                overview["object_totals"]["queues"] = json!(self.queue_count.unwrap_or(queues.len() as u64));
                Answer::json(overview)
            }
            "/api/health/checks/alarms" if self.memory_alarm => {
                Answer { status: 503, ..Answer::sample(sample!("alarms")) }
            }
            _ if path.starts_with("/api/health/checks/") => Answer::json(json!({ "status": "ok" })),
            "/api/nodes" => Answer::sample(sample!("nodes")),
            "/api/connections" if self.memory_alarm => Answer::sample(sample!("connections-alarm")),
            "/api/connections" => Answer::json(json!([{ "state": "running" }])),
            "/api/queues" | "/api/queues/detailed" if !self.permitted => Answer::json(json!([])),
            "/api/queues" | "/api/queues/detailed" if request.pair("page").is_some() => {
                let end = json!({ "items": queues, "page": 1, "page_count": 1, "total_count": queues.len() });
                Answer::json(end)
            }
            "/api/queues" | "/api/queues/detailed" => Answer::json(json!(queues)),
            "/api/queues/%2Fzed" if !self.permitted => refusal("User not authorised to access virtual host"),
            "/api/queues/%2Fzed" => Answer::json(json!({ "items": [], "page": 1, "page_count": 1 })),
            "/api/queues/%2Fzed/conductor" => Answer::sample(sample!("queue")),
            _ if path.starts_with("/api/connections/") => Answer::sample(sample!("connection")),
            _ => Answer { status: 404, ..Answer::sample(sample!("404")) },
        }
    }
}

fn refusal(reason: &str) -> Answer {
    Answer { status: 401, ..Answer::json(json!({ "error": "not_authorised", "reason": reason })) }
}
