//! The HTTP client: bounds, counters, and what an answer must look like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use super::{Error, ErrorKind, ServiceKind};
use crate::config::clouds::Tls;

/// Bounds on what we ask and take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// One request, with its body.
    pub total: Duration,
    /// Bytes of one answer after decompression; 1,000 servers take about 2 MB.
    pub body: usize,
    /// Requests under way per service.
    pub in_flight: usize,
    /// All services together; `None`: only `in_flight` bounds them.
    pub requests_per_second: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(90),
            body: 64 << 20,
            in_flight: 4,
            requests_per_second: None,
        }
    }
}

/// What one service was asked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    pub service: Option<ServiceKind>,
    pub requests: u64,
    pub errors: u64,
    pub bytes: u64,
    /// Of the last answer.
    pub latency: Duration,
    /// Requests a second since the start.
    pub rate: f64,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10} {:>6} requests  {:>4} failed  {:>8.1} KiB  {:>5.2}/s  last {} ms",
            self.service.map_or("", ServiceKind::name),
            self.requests,
            self.errors,
            self.bytes as f64 / 1024.0,
            self.rate,
            self.latency.as_millis()
        )
    }
}

/// One answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub(super) struct Http {
    client: reqwest::Client,
    limits: Limits,
    gates: BTreeMap<ServiceKind, Semaphore>,
    traffic: Mutex<BTreeMap<ServiceKind, Traffic>>,
    started: Instant,
    /// When the next request may start, under a rate limit.
    next: tokio::sync::Mutex<tokio::time::Instant>,
    clock_offset: Mutex<Option<SignedDuration>>,
}

/// The product in `User-Agent`: a cloud's operators should know who asks.
const AGENT: &str = concat!("stackwatch/", env!("CARGO_PKG_VERSION"));

/// reqwest and lapin share rustls; its provider is installed once for the process.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody installed one before: as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

impl Http {
    pub fn new(tls: &Tls, limits: Limits) -> Result<Arc<Self>, Error> {
        install_provider();
        let refused = |what: String| {
            Error::new(
                ErrorKind::Tls,
                ServiceKind::Identity,
                what,
                "check cacert, cert and key in clouds.yaml",
            )
        };
        let read = |path: &std::path::Path| {
            std::fs::read(path)
                .map_err(|error| refused(format!("{} cannot be read: {error}", path.display())))
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(AGENT)
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .pool_idle_timeout(Duration::from_secs(90))
            .tls_danger_accept_invalid_certs(!tls.verify);
        if let Some(path) = &tls.cacert {
            let bundle = reqwest::Certificate::from_pem_bundle(&read(path)?)
                .map_err(|error| refused(format!("{} holds no certificate: {error}", path.display())))?;
            builder = builder.tls_certs_merge(bundle);
        }
        if let Some(path) = &tls.cert {
            let mut pem = read(path)?;
            if let Some(key) = &tls.key {
                pem.push(b'\n');
                pem.extend(read(key)?);
            }
            let identity = reqwest::Identity::from_pem(&pem).map_err(|error| {
                refused(format!("{} is no client certificate with key: {error}", path.display()))
            })?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|error| refused(format!("TLS cannot be set up: {error}")))?;
        Ok(Arc::new(Self {
            client,
            limits,
            gates: ServiceKind::ALL.iter().map(|kind| (*kind, Semaphore::new(limits.in_flight))).collect(),
            traffic: Mutex::default(),
            started: Instant::now(),
            next: tokio::sync::Mutex::new(tokio::time::Instant::now()),
            clock_offset: Mutex::new(None),
        }))
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    pub fn traffic(&self) -> Vec<Traffic> {
        let elapsed = self.started.elapsed().as_secs_f64().max(1.0);
        let table = lock(&self.traffic);
        table
            .iter()
            .map(|(kind, t)| Traffic { service: Some(*kind), rate: t.requests as f64 / elapsed, ..*t })
            .collect()
    }

    /// How far the cloud's clock is ahead of ours, by the last answer's `Date` (whole seconds).
    pub fn clock_offset(&self) -> Option<SignedDuration> {
        *lock(&self.clock_offset)
    }

    /// Sends one request and takes its whole answer, whatever its status.
    pub async fn send(
        &self,
        service: ServiceKind,
        request: RequestBuilder,
        host: &str,
    ) -> Result<(StatusCode, Answer), Error> {
        let id = format!("req-{}", uuid4());
        let _permit = match self.gates.get(&service) {
            Some(gate) => gate.acquire().await.ok(),
            None => None,
        };
        self.pace().await;
        let started = Instant::now();
        let outcome = self.exchange(service, request.header("X-OpenStack-Request-ID", &id), host).await;
        let mut table = lock(&self.traffic);
        let entry = table.entry(service).or_default();
        entry.requests += 1;
        entry.latency = started.elapsed();
        match &outcome {
            Ok((status, answer)) => {
                entry.bytes += answer.body.len() as u64;
                entry.errors += u64::from(!status.is_success() && *status != StatusCode::MULTIPLE_CHOICES);
            }
            Err(_) => entry.errors += 1,
        }
        tracing::debug!(service = service.name(), %id, ms = started.elapsed().as_millis() as u64, ok = outcome.is_ok());
        outcome.map_err(|error| error.with_id(&id))
    }

    /// Waits for this request's turn under a rate limit.
    async fn pace(&self) {
        let Some(rate) = self.limits.requests_per_second.filter(|rate| *rate > 0.0) else { return };
        let due = {
            let mut next = self.next.lock().await;
            let due = (*next).max(tokio::time::Instant::now());
            *next = due + Duration::from_secs_f64(1.0 / rate);
            due
        };
        tokio::time::sleep_until(due).await;
    }

    async fn exchange(
        &self,
        service: ServiceKind,
        request: RequestBuilder,
        host: &str,
    ) -> Result<(StatusCode, Answer), Error> {
        let failed = |error: reqwest::Error| Error::transport(service, host, &error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let headers = response.headers().clone();
        self.note_clock(&headers);
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.limits.body {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    service,
                    format!(
                        "{} at {host} sends more than {} MiB in one answer: not taken in",
                        service.name(),
                        self.limits.body >> 20
                    ),
                    "its page limit is off, or this is not the service: look at it with `curl`",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, Answer { headers, body: body.freeze() }))
    }

    fn note_clock(&self, headers: &HeaderMap) {
        let date = headers.get("date").and_then(|value| value.to_str().ok());
        if let Some(date) = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()) {
            let offset = date.timestamp().duration_since(Timestamp::now());
            // `Date` has whole seconds: less than two is no error of anybody's.
            let offset =
                if offset.abs() < SignedDuration::from_secs(2) { SignedDuration::ZERO } else { offset };
            *lock(&self.clock_offset) = Some(offset);
        }
    }
}

/// A poisoned lock here means that a panic is on its way out already; the counters are still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A random UUID in its text form.
pub(super) fn uuid4() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// `host:port`, for messages.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The cloud's own request id.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-openstack-request-id", "x-compute-request-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// An answer that is no success, as an error with its next step.
pub(super) fn refusal(
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
        401 => (
            ErrorKind::Auth,
            format!("{name} at {host} refused the credentials{said}"),
            "check user, password, project and domains; `openstack token issue` tries the same".to_owned(),
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
    error.request_id = request_id(&answer.headers);
    error.retry_after = header("retry-after").and_then(retry_after);
    error
}

/// Seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(3_600)));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(Timestamp::now())).ok().map(|d| d.min(Duration::from_secs(3_600)))
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
pub(super) fn clean(text: &str, most: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
