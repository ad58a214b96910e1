//! A request, taken apart.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::Refusal;
use crate::sim::time::Time;

pub struct Ask {
    pub method: Method,
    /// `/v2.1/servers/detail`.
    pub path: String,
    /// The path's parts, decoded.
    pub segments: Vec<String>,
    pub query: Query,
    /// As it came.
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// `http://127.0.0.1:8774`, as the client calls this service.
    pub base: String,
    pub id: Uuid,
    pub now: Time,
}

impl Ask {
    pub fn new(parts: &Parts, body: Bytes, own: &str, id: Uuid, now: Time) -> Self {
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let path = parts.uri.path().to_owned();
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
        Self {
            method: parts.method.clone(),
            segments: path.split('/').filter(|part| !part.is_empty()).map(decode).collect(),
            path,
            query: Query(form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect()),
            raw_query,
            headers: parts.headers.clone(),
            body,
            base: host.map_or_else(|| own.to_owned(), |host| format!("http://{host}")),
            id,
            now,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that may come more than once: `OpenStack-API-Version` of several services.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub fn request(&self) -> String {
        format!("req-{}", self.id)
    }

    pub fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Refusal::BadRequest("Malformed request body".to_owned()))
    }

    pub fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The same question, from behind this row on.
    pub fn after(&self, marker: &str, drop: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.query.0 {
            if name != "marker" && !drop.contains(&name.as_str()) {
                query.append_pair(name, value);
            }
        }
        query.append_pair("marker", marker);
        format!("{}?{}", self.path, query.finish())
    }
}

fn decode(part: &str) -> String {
    // `+` is a plus in a path.
    let part = part.replace('+', "%2B");
    form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

pub struct Query(pub Vec<(String, String)>);

impl Query {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Yes and no as OpenStack spells them; a name without a value is a yes.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(is_yes)
    }
}

pub fn is_yes(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "" | "1" | "t" | "true" | "on" | "y" | "yes")
}
