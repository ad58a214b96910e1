//! Answers that are no success, in words.

use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Answer, host_of};
use crate::source::{Error, ErrorKind, ServiceKind};

/// An answer that is no success, as an error with its next step.
pub(in crate::source) fn refusal(
    service: ServiceKind,
    method: &Method,
    url: &Url,
    status: StatusCode,
    answer: &Answer,
) -> Error {
    let name = service.name();
    let (host, path) = (host_of(url), url.path());
    let said = message(&answer.body);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let header = |name: &str| answer.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let (kind, message, next) = match status.as_u16() {
        300..=399 => (
            ErrorKind::Redirect,
            format!(
                "{name} at {host} redirects to {}: not followed, since that would carry the token there",
                header("location").map_or_else(|| "nowhere".to_owned(), |to| clean(to, 120))
            ),
            "write the final URL into the catalog (or as an endpoint override)".to_owned(),
        ),
        401 if service == ServiceKind::Identity => (
            ErrorKind::Auth,
            format!("{name} at {host} refused the credentials{said}"),
            "check user, password, project and domains; `openstack token issue` tries the same".to_owned(),
        ),
        401 => (
            ErrorKind::Auth,
            format!("{name} at {host} refused a token that keystone has just issued{said}"),
            format!(
                "look at [keystone_authtoken] of {name} and at its log: wrong keystone, memcached or clock"
            ),
        ),
        403 => (
            ErrorKind::Forbidden,
            format!("{name} refused {method} {path}{said}"),
            "this account lacks the role that the service's policy asks for: admin, mostly".to_owned(),
        ),
        404 => (
            ErrorKind::Missing,
            format!("{name} at {host} knows no {path}{said}"),
            "it is gone, or the endpoint in the catalog is wrong".to_owned(),
        ),
        413 | 429 => (
            ErrorKind::RateLimited,
            format!("{name} at {host} asks for fewer requests ({status})"),
            "set [cloud] requests_per_second in config.toml".to_owned(),
        ),
        500..=599 => (
            ErrorKind::Server,
            format!("{name} at {host} answered {status}{said}"),
            format!("{name}'s log has the cause under the request id"),
        ),
        _ => (
            ErrorKind::BadAnswer,
            format!("{name} at {host} answered {status} to {method} {path}{said}"),
            format!("{name}'s log has the cause under the request id"),
        ),
    };
    let mut error = Error::new(kind, service, message, next);
    error.status = Some(status.as_u16());
    error.request_id = Some(answer.id.clone());
    error.retry_after = answer.retry_after(status);
    error
}

/// What the service says in its error's body, in one short line. HTML is a proxy's, and says nothing.
fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4_096)]);
    if text.trim_start().starts_with('<') {
        return "(an HTML page: a proxy or load balancer answered, not the service)".to_owned();
    }
    let found = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|json| first_message(&json));
    clean(&found.unwrap_or_default(), 300)
}

/// `{"itemNotFound": {"message"}}`, `{"error": {"message"}}`, `{"errors": [{"detail"}]}`, `{"NeutronError": …}`.
fn first_message(json: &serde_json::Value) -> Option<String> {
    match json {
        serde_json::Value::Object(map) => ["message", "detail"]
            .iter()
            .find_map(|key| map.get(*key)?.as_str().map(str::to_owned))
            .or_else(|| map.values().find_map(first_message)),
        serde_json::Value::Array(list) => list.iter().find_map(first_message),
        _ => None,
    }
}

/// Without control characters, and short.
fn clean(text: &str, most: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
