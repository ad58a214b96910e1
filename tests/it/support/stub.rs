//! An HTTP server that answers as it is told: enough of an OpenStack to log in and list.
//!
//! ```ignore
//! let cloud = Stub::new();                                           // all is well
//! cloud.script("GET /compute/v2.1/os-services", [Answer::status(500)]); // now it is not
//! let run = cloud.run(&["show", "services"]);                        // the real binary, clean environment
//! assert_eq!(run.code, 3);
//! assert_eq!(cloud.asked("GET /compute/v2.1/os-services").len(), 1); // what was sent
//! ```
//!
//! Library tests take a session of it: `cloud.session()`, or `cloud.session_of("auth: {…}")` with an entry of
//! `clouds.yaml` in which `$URL` stands for the stub's address.

mod answer;
mod broker;
mod openstack;
mod program;
mod tls;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use stackwatch::config::clouds::{self, CloudConfig, Found, Lookup};
use stackwatch::source::{Limits, Session};

use answer::Body;
pub use answer::{Answer, Gate};
pub use openstack::{APP_SECRET, Endpoint, Openstack, PASSWORD, TOKEN};
pub use program::{Run, command, run, run_without_reader};

/// What a client sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: hyper::HeaderMap,
    pub body: String,
    pub version: hyper::Version,
    /// Whole, as a proxy gets it.
    pub uri: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A value of the query.
    pub fn pair(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The service that is asked, and the path behind its name.
    fn service(&self) -> Option<(&'static str, &str)> {
        ["identity", "compute", "placement", "network", "image", "volume", "broker"].into_iter().find_map(
            |service| {
                let at = self.path.find(&format!("/{service}"))?;
                Some((service, &self.path[at + 1 + service.len()..]))
            },
        )
    }
}

struct Shared {
    openstack: Mutex<Openstack>,
    scripts: Mutex<HashMap<String, VecDeque<Answer>>>,
    requests: Mutex<Vec<Request>>,
    /// Requests under way now, and the most at once so far, by service.
    busy: Mutex<HashMap<&'static str, (usize, usize)>>,
    connections: AtomicUsize,
    answers: AtomicU64,
    sent: Arc<AtomicU64>,
}

/// The server. It ends when it is dropped.
pub struct Stub {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    dir: tempfile::TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Stub {
    pub fn new() -> Self {
        Self::start("http", |_| None)
    }

    /// Over TLS, by a certificate of `ca.pem` in its directory.
    pub fn tls() -> Self {
        Self::start("https", |dir| Some(tls::acceptor(dir, false)))
    }

    /// Over TLS, and only for who shows `client.pem`.
    pub fn mutual_tls() -> Self {
        Self::start("https", |dir| Some(tls::acceptor(dir, true)))
    }

    fn start(scheme: &'static str, tls: impl FnOnce(&Path) -> Option<tokio_rustls::TlsAcceptor>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tls = tls(dir.path());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            openstack: Mutex::new(Openstack::new(format!("{scheme}://{address}"))),
            scripts: Mutex::default(),
            requests: Mutex::default(),
            busy: Mutex::default(),
            connections: AtomicUsize::new(0),
            answers: AtomicU64::new(0),
            sent: Arc::default(),
        });
        // Threads of its own: tests block on the binary, and on runtimes of theirs.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(accept(listener, tls, shared.clone()));
        let stub = Self { shared, address, scheme, dir, runtime: Some(runtime) };
        stub.write("clouds.yaml", &stub.clouds(&stub.entry()));
        stub
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The directory that the binary runs in, with `clouds.yaml` in it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).unwrap();
    }

    /// Answers of one route (`GET /compute/v2.1/os-services`), one a request; the last one stays.
    pub fn script(&self, route: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.shared.scripts).insert(route.to_owned(), answers.into_iter().collect());
    }

    /// The same answer on every route that has no script of its own.
    pub fn answer_all(&self, answer: Answer) {
        self.script("*", [answer]);
    }

    /// Changes what the cloud is like.
    pub fn set(&self, change: impl FnOnce(&mut Openstack)) {
        change(&mut lock(&self.shared.openstack));
    }

    /// What came in so far, in its order.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// What came in on one route.
    pub fn asked(&self, route: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|r| format!("{} {}", r.method, r.path) == route).collect()
    }

    /// How often somebody logged in, or tried.
    pub fn logins(&self) -> usize {
        self.asked("POST /identity/v3/auth/tokens").len()
    }

    /// The most requests that a service had under way at the same time.
    pub fn most_at_once(&self, service: &str) -> usize {
        lock(&self.shared.busy).get(service).map_or(0, |(_, most)| *most)
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes of endless bodies that somebody took.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// The usual entry of `clouds.yaml`.
    pub fn entry(&self) -> String {
        let trust = if self.scheme == "https" { ", cacert: $DIR/ca.pem" } else { "" };
        format!(
            "auth: {{auth_url: $URL/identity, username: ops, password: {PASSWORD}, project_name: admin, \
             user_domain_name: Default, project_domain_name: Default}}, region_name: RegionOne{trust}"
        )
    }

    /// A `clouds.yaml` with one cloud, `stub`. `$URL` and `$DIR` stand for the stub's.
    pub fn clouds(&self, entry: &str) -> String {
        let entry = entry.replace("$URL", &self.url()).replace("$DIR", &self.dir().display().to_string());
        format!("clouds:\n  stub: {{{entry}}}\n")
    }

    /// Its host has a log where packages put them.
    pub fn with_logs(self) -> Self {
        let log = self.dir().join("var/log/nova");
        std::fs::create_dir_all(&log).unwrap();
        let line = "2026-11-24 18:40:00.205 21276 INFO nova.osapi_compute.wsgi.server [-] started\n";
        std::fs::write(log.join("nova-api.log"), line).unwrap();
        self
    }

    /// With its broker in the settings that the binary finds by itself.
    pub fn with_broker(self) -> Self {
        std::fs::create_dir_all(self.dir().join(".config/stackwatch")).unwrap();
        let text = format!(
            "[broker]\nmanagement = '{}/broker'\nuser = 'ops'\npassword = '{PASSWORD}'\n",
            self.url()
        );
        self.write(".config/stackwatch/config.toml", &text);
        self
    }

    pub fn config(&self, entry: &str) -> CloudConfig {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("clouds.yaml"), self.clouds(entry)).unwrap();
        let dirs = vec![dir.path().to_owned()];
        match clouds::find(&Lookup { cloud: None, region: None, env: Default::default(), dirs }) {
            Ok(Found::One(cloud)) => *cloud,
            other => panic!("{entry}: {other:?}"),
        }
    }

    pub fn session(&self) -> Session {
        self.session_of(&self.entry())
    }

    pub fn session_of(&self, entry: &str) -> Session {
        Session::new(self.config(entry), Limits::default()).unwrap()
    }

    pub fn session_within(&self, limits: Limits) -> Session {
        Session::new(self.config(&self.entry()), limits).unwrap()
    }

    /// The binary over this cloud; more can be set before it runs.
    pub fn command(&self, args: &[&str]) -> Command {
        command(self.dir(), args)
    }

    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Run {
        run(self.command(args))
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not awaited: it may be dropped within a test's own runtime.
            runtime.shutdown_background();
        }
    }
}

/// Waits until the condition holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn accept(
    listener: std::net::TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(shared.clone(), request));
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that breaks the connection, or no handshake, is what some tests are about.
            let _ = match tls {
                None => server.serve_connection(TokioIo::new(stream), service).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        });
    }
}

type Response = hyper::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

async fn serve(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Result<Response, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        version: head.version,
        uri: head.uri.to_string(),
    };
    let _busy = Busy::enter(&shared, request.service().map_or("", |(service, _)| service));
    lock(&shared.requests).push(request.clone());
    let mut answer = scripted(&shared, &request);
    if let Some(gate) = answer.gate.take() {
        gate.pass().await;
    }
    let zips = {
        let mut openstack = lock(&shared.openstack);
        if matches!(answer.body, Body::Usual) {
            answer = openstack.answer(&request);
        }
        let date = openstack.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers.push(("date".to_owned(), date));
        openstack.gzip && request.header("accept-encoding").is_some_and(|value| value.contains("gzip"))
    };
    respond(&shared, answer, zips)
}

/// The next answer of the route's script; without one, what a healthy cloud says.
fn scripted(shared: &Shared, request: &Request) -> Answer {
    let mut scripts = lock(&shared.scripts);
    let route = format!("{} {}", request.method, request.path);
    let route = if scripts.contains_key(&route) { route.as_str() } else { "*" };
    match scripts.get_mut(route) {
        Some(script) if script.len() > 1 => script.pop_front().unwrap_or_else(Answer::usual),
        Some(script) => script.front().cloned().unwrap_or_else(Answer::usual),
        None => Answer::usual(),
    }
}

fn respond(shared: &Shared, answer: Answer, zips: bool) -> Result<Response, std::io::Error> {
    let number = shared.answers.fetch_add(1, Ordering::SeqCst) + 1;
    let mut response = hyper::Response::builder()
        .status(answer.status)
        .header("x-openstack-request-id", format!("req-00000000-0000-4000-8000-{number:012}"));
    for (name, value) in answer.headers.iter().filter(|(_, value)| !value.is_empty()) {
        response = response.header(name, value);
    }
    let body = match answer.body {
        Body::Whole(body) if zips => {
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zip.write_all(&body)?;
            response = response.header("content-encoding", "gzip");
            whole(zip.finish()?)
        }
        Body::Whole(body) => whole(body),
        Body::Cut(half) => {
            response = response.header("content-length", half.len() * 2);
            let broken = Err(std::io::Error::other("cut"));
            let pieces = [Ok(Frame::data(Bytes::from(half))), broken];
            // The half must have left before the connection breaks.
            let pieces = futures::stream::iter(pieces).then(|piece| async {
                tokio::task::yield_now().await;
                piece
            });
            StreamBody::new(pieces).boxed_unsync()
        }
        Body::Endless(piece) => {
            let (piece, sent) = (Bytes::from(piece), shared.sent.clone());
            let pieces = futures::stream::repeat_with(move || {
                sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
                Ok(Frame::data(piece.clone()))
            });
            StreamBody::new(pieces).boxed_unsync()
        }
        Body::Nothing | Body::Usual => return Err(std::io::Error::other("closes")),
    };
    response.body(body).map_err(std::io::Error::other)
}

fn whole(body: Vec<u8>) -> UnsyncBoxBody<Bytes, std::io::Error> {
    Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Counts a request while it is under way.
struct Busy<'a>(&'a Shared, &'static str);

impl<'a> Busy<'a> {
    fn enter(shared: &'a Shared, service: &'static str) -> Self {
        let mut busy = lock(&shared.busy);
        let (now, most) = busy.entry(service).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Self(shared, service)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if let Some((now, _)) = lock(&self.0.busy).get_mut(self.1) {
            *now -= 1;
        }
    }
}
