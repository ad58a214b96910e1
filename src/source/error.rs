//! Why a source gave no answer, in words for the operator.

use std::time::Duration;

use super::ServiceKind;

/// A failed request: the source, the cause, the next step.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub kind: ErrorKind,
    pub service: &'static str,
    pub message: String,
    pub next_step: String,
    /// The cloud's own id of the request, else ours: its logs know it.
    pub request_id: Option<String>,
    /// What the service asked for by `Retry-After`.
    pub retry_after: Option<Duration>,
    pub status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    Unreachable,
    Timeout,
    Tls,
    Auth,
    Forbidden,
    /// Not in the catalog, or 404.
    Missing,
    RateLimited,
    Server,
    BadAnswer,
    TooLarge,
    Redirect,
}

impl Error {
    pub(super) fn new(
        kind: ErrorKind,
        service: ServiceKind,
        message: String,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            service: service.name(),
            message,
            next_step: next_step.into(),
            request_id: None,
            retry_after: None,
            status: None,
        }
    }

    pub(super) fn with_id(mut self, id: &str) -> Self {
        self.request_id.get_or_insert_with(|| id.to_owned());
        self
    }

    pub(super) fn bad_answer(service: ServiceKind, what: impl std::fmt::Display) -> Self {
        Self::new(
            ErrorKind::BadAnswer,
            service,
            format!("{} answered something that is not its API: {what}", service.name()),
            "look at the endpoint's URL in the catalog, and at proxies on the way",
        )
    }

    /// What reqwest says, with the true cause: it hides it several errors deep.
    pub(super) fn transport(service: ServiceKind, host: &str, error: &reqwest::Error) -> Self {
        let name = service.name();
        let chain = causes(error);
        let last = chain.last().cloned().unwrap_or_default();
        let (kind, message, next) = if error.is_timeout() {
            (
                ErrorKind::Timeout,
                format!("{name} at {host} did not answer in time"),
                "the service hangs, or a firewall drops packets: try `curl` from here; then its log",
            )
        } else if chain
            .iter()
            .any(|cause| cause.contains("certificate") || cause.contains("TLS") || cause.contains("tls"))
        {
            (
                ErrorKind::Tls,
                format!("{name} at {host}: the TLS certificate is not trusted: {last}"),
                "name your CA by `cacert:` in clouds.yaml (OS_CACERT); `verify: false` trusts anybody",
            )
        } else if chain.iter().any(|cause| cause.contains("dns") || cause.contains("lookup address")) {
            (
                ErrorKind::Unreachable,
                format!("{name}: the name {host} cannot be resolved: {last}"),
                "check the host name and this machine's DNS; is the VPN up?",
            )
        } else if error.is_connect() {
            (
                ErrorKind::Unreachable,
                format!("{name} at {host} cannot be reached: {last}"),
                "is the service running, and the port open from here?",
            )
        } else if error.is_body() || error.is_decode() {
            (
                ErrorKind::BadAnswer,
                format!("{name} at {host} cut its answer short: {last}"),
                "a service or proxy restarts, or a proxy's limit is too small",
            )
        } else {
            (
                ErrorKind::Unreachable,
                format!("{name} at {host} broke the connection: {last}"),
                "the service or a proxy restarts: its log says why",
            )
        };
        Self::new(kind, service, message, next)
    }
}

/// The words of an error and of everything behind it.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    chain
}
