//! An answer, and the ways of saying no. Each service words a no in its own way.

use serde::Serialize;
use serde_json::Value;

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub type Reply = Result<Answer, Refusal>;

impl Answer {
    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("Content-Type", "application/json".to_owned())], body }
    }

    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // What is written here has string keys and finite numbers: it always can be.
        Self::bytes(status, serde_json::to_vec(body).unwrap_or_default())
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Instead of the one that is there.
    pub fn with_type(mut self, kind: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "Content-Type");
        self.with("Content-Type", kind)
    }
}

pub fn ok(body: &Value) -> Reply {
    Ok(Answer::json(200, body))
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Refusal {
    BadRequest(String),
    Unauthorized,
    Forbidden(String),
    /// What could not be found; empty: the path itself.
    NotFound(String),
    NotAcceptable(String),
    Conflict(String),
    Gone,
}

impl Refusal {
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Unauthorized => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::NotAcceptable(_) => 406,
            Self::Conflict(_) => 409,
            Self::Gone => 410,
        }
    }

    /// The words that webob has for a status when the service has none.
    pub fn message(&self) -> String {
        let words = match self {
            Self::BadRequest(words) if words.is_empty() => {
                "The server could not comply with the request since it is either malformed or otherwise incorrect."
            }
            Self::BadRequest(words)
            | Self::Forbidden(words)
            | Self::NotAcceptable(words)
            | Self::Conflict(words) => words,
            Self::Unauthorized => "The request you have made requires authentication.",
            Self::NotFound(words) if words.is_empty() => "The resource could not be found.",
            Self::NotFound(words) => words,
            Self::Gone => "This resource is no longer available. No forwarding address is given.",
        };
        words.to_owned()
    }
}

/// Nothing has this path.
pub fn no_route() -> Refusal {
    Refusal::NotFound(String::new())
}
