//! The HTTP client: bounds, counters, and what an answer must look like.

mod gate;
mod refusal;
mod traffic;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use url::Url;

pub(super) use refusal::refusal;
pub use traffic::Traffic;

use super::{Error, ErrorKind, ServiceKind};
use crate::config::clouds::Tls;
use crate::trace::Id;
use gate::{Gate, PATIENCE};

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

/// One answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The cloud's own id of the request, else ours.
    pub id: String,
}

impl Answer {
    /// What it says, or why that cannot be understood.
    pub fn read<T>(
        &self,
        service: ServiceKind,
        parse: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, Error> {
        parse(&self.body).map_err(|error| Error::bad_answer(service, error).with_id(&self.id))
    }
}

pub(super) struct Http {
    client: reqwest::Client,
    limits: Limits,
    gates: BTreeMap<ServiceKind, Gate>,
    traffic: Mutex<BTreeMap<ServiceKind, Traffic>>,
    started: Instant,
    /// When the next request may start, under a rate limit.
    next: tokio::sync::Mutex<tokio::time::Instant>,
    clock_offset: Mutex<Option<SignedDuration>>,
    /// The memory of a long body that was read.
    spare: Mutex<Option<BytesMut>>,
    /// Whether the environment names a proxy: then what cannot be reached may be that.
    proxied: bool,
}

/// Bodies of so many bytes leave their memory to the next one: shorter ones cost nothing, of longer ones there are
/// none a second time.
const SPARE: Range<usize> = 1 << 16..1 << 23;

/// How often a request is sent that the service puts off each time.
const TRIES: u32 = 4;

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
    /// `service`: whose files of certificates these are, for messages.
    pub fn new(service: ServiceKind, tls: &Tls, limits: Limits) -> Result<Arc<Self>, Error> {
        install_provider();
        let place = if service == ServiceKind::Broker { "[broker]" } else { "clouds.yaml" };
        let refused = |what: String| {
            Error::new(ErrorKind::Tls, service, what, format!("check cacert, cert and key in {place}"))
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
            if bundle.is_empty() {
                return Err(refused(format!("{} holds no certificate", path.display())));
            }
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
            gates: ServiceKind::ALL.iter().map(|kind| (*kind, Gate::new(limits.in_flight))).collect(),
            traffic: Mutex::default(),
            started: Instant::now(),
            next: tokio::sync::Mutex::new(tokio::time::Instant::now()),
            clock_offset: Mutex::new(None),
            spare: Mutex::new(None),
            proxied: ["http_proxy", "https_proxy", "all_proxy"].iter().any(|name| {
                std::env::var_os(name).or_else(|| std::env::var_os(name.to_uppercase())).is_some()
            }),
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

    /// Sends a request and takes its whole answer, whatever its status. Where the service asks for a short
    /// pause, the request is sent again after it.
    pub async fn send(
        &self,
        service: ServiceKind,
        request: RequestBuilder,
        host: &str,
    ) -> Result<(StatusCode, Answer), Error> {
        let mut request = request;
        for _ in 1..TRIES {
            // Bodies here are texts, which can be sent twice.
            let Some(again) = request.try_clone() else { break };
            let (status, answer) = self.once(service, request, host).await?;
            match answer.retry_after(status) {
                Some(pause) if pause <= PATIENCE => request = again,
                _ => return Ok((status, answer)),
            }
        }
        self.once(service, request, host).await
    }

    async fn once(
        &self,
        service: ServiceKind,
        request: RequestBuilder,
        host: &str,
    ) -> Result<(StatusCode, Answer), Error> {
        let id = format!("req-{}", uuid4());
        let gate = self.gates.get(&service);
        let _permit = match gate {
            Some(gate) => Some(gate.pass(service, host).await?),
            None => None,
        };
        self.pace().await;
        let started = Instant::now();
        let outcome = self.exchange(service, request.header("X-OpenStack-Request-ID", &id), host, &id).await;
        let mut table = lock(&self.traffic);
        let entry = table.entry(service).or_default();
        entry.requests += 1;
        entry.latency = started.elapsed();
        let bytes = entry.bytes.get_or_insert(0);
        match &outcome {
            Ok((status, answer)) => {
                *bytes += answer.body.len() as u64;
                entry.errors += u64::from(!status.is_success() && *status != StatusCode::MULTIPLE_CHOICES);
                if let (Some(gate), Some(pause)) = (gate, answer.retry_after(*status)) {
                    gate.close(pause);
                }
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
        id: &str,
    ) -> Result<(StatusCode, Answer), Error> {
        let failed = |error: reqwest::Error| Error::transport(service, host, &error, self.proxied);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let headers = response.headers().clone();
        self.note_clock(&headers);
        // What it says of its length is believed as far as we would take it in.
        let length = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = self.room(length.unwrap_or_default().min(self.limits.body));
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
        let id = request_id(&headers).unwrap_or_else(|| id.to_owned());
        Ok((status, Answer { headers, body: body.freeze(), id }))
    }

    /// Room for a body of this length.
    fn room(&self, length: usize) -> BytesMut {
        let spare = if length >= SPARE.start { lock(&self.spare).take() } else { None };
        let mut room = spare.unwrap_or_default();
        room.reserve(length);
        room
    }

    /// Takes back what a body stood in: the pages of a long list need no new memory each.
    pub fn give_back(&self, body: Bytes) {
        if SPARE.contains(&body.len())
            && let Ok(mut room) = body.try_into_mut()
        {
            room.clear();
            *lock(&self.spare) = Some(room);
        }
    }

    fn note_clock(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            let offset = date.duration_since(Timestamp::now());
            // `Date` has whole seconds: less than two is no error of anybody's.
            let offset =
                if offset.abs() < SignedDuration::from_secs(2) { SignedDuration::ZERO } else { offset };
            *lock(&self.clock_offset) = Some(offset);
        }
    }
}

/// When the answer was written, by the other end's clock.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get("date")?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// A poisoned lock here means that a panic is on its way out already; the counters are still good.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A random UUID in its text form.
pub(super) fn uuid4() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    // Told by it in the services' logs: a trace leaves our own questions out.
    Id::ours(u128::from_be_bytes(bytes)).to_string()
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
fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-openstack-request-id", "x-compute-request-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
