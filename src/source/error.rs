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
    pub(super) fn transport(service: ServiceKind, host: &str, error: &reqwest::Error, proxied: bool) -> Self {
        let name = service.name();
        let chain = causes(error);
        let secure = error.url().is_some_and(|url| url.scheme() == "https");
        let last = chain.last().cloned().unwrap_or_default();
        let about = |words: &[&str]| chain.iter().any(|cause| words.iter().any(|word| cause.contains(word)));
        let (kind, message, next) = if error.is_timeout() {
            (
                ErrorKind::Timeout,
                format!("{name} at {host} did not answer in time"),
                "the service hangs, or a firewall drops packets: try `curl` from here; then its log",
            )
        } else if about(&["InvalidContentType", "corrupt message"]) {
            (
                ErrorKind::Tls,
                format!("{name} at {host} does not speak TLS: {last}"),
                "write http:// for https:// in the URL, or ask for the port that has TLS",
            )
        } else if about(&["fatal alert"]) {
            (
                ErrorKind::Tls,
                format!("{name} at {host} ended the TLS handshake: {last}"),
                "it may ask for a client certificate: name it by `cert:` and `key:` in clouds.yaml",
            )
        } else if about(&["certificate", "TLS", "tls"]) {
            (
                ErrorKind::Tls,
                format!("{name} at {host}: the TLS certificate is not trusted: {last}"),
                "name your CA by `cacert:` in clouds.yaml (OS_CACERT); `verify: false` trusts anybody",
            )
        } else if about(&["tunnel", "proxy"]) {
            (
                ErrorKind::Unreachable,
                format!("{name} at {host}: the proxy does not let us through: {last}"),
                "check https_proxy, and leave the cloud's hosts out by no_proxy",
            )
        } else if about(&["dns", "lookup address"]) {
            (
                ErrorKind::Unreachable,
                format!("{name}: the name {host} cannot be resolved: {last}"),
                "check the host name and this machine's DNS; is the VPN up?",
            )
        } else if error.is_connect() {
            (
                ErrorKind::Unreachable,
                format!("{name} at {host} cannot be reached: {last}"),
                if proxied {
                    "is the proxy of http_proxy or https_proxy right, or should no_proxy leave this host out?"
                } else {
                    "is the service running, and the port open from here?"
                },
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
                // Over HTTP/2 the alert that says so is lost.
                if secure {
                    "the service or a proxy restarts, or asks for a client certificate (`cert:` and `key:` in \
                     clouds.yaml): its log says why"
                } else {
                    "the service or a proxy restarts: its log says why"
                },
            )
        };
        Self::new(kind, service, message, next)
    }
}

/// The words of everything behind an error. Its own hold the URL, in which any word may stand.
fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut chain = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    chain
}
