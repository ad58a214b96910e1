//! A session with one cloud: its token, its catalog, its endpoints, its bounds.

mod endpoint;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::http::{Answer, Http, Limits, Traffic, host_of, refusal};
use super::token::{self, Token};
use super::wire::Words;
use super::{Error, ErrorKind, Microversion, ServiceKind, catalog};
use crate::config::clouds::{Auth, CloudConfig, ServiceConfig};
use crate::config::secret::Secret;
use endpoint::Slot;

/// A refused login is not tried again by the next waiter: nine collectors with a wrong password would lock
/// the account. The pause doubles, and is always shorter than a collector's own and longer than that one's
/// jitter: so each round of all of them is one login.
const REFUSED_FOR: Duration = Duration::from_secs(25);
const REFUSED_AT_MOST: Duration = Duration::from_secs(100);
const FAILED_FOR: Duration = Duration::from_secs(1);

/// A session; clones share everything.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    cloud: CloudConfig,
    http: Arc<Http>,
    token: Mutex<TokenState>,
    endpoints: BTreeMap<ServiceKind, Mutex<Slot>>,
    /// What rows of all its lists share.
    words: Arc<std::sync::Mutex<Words>>,
}

/// The token is renewed by one flight: whoever holds the lock logs in, the others wait and find it done.
#[derive(Default)]
struct TokenState {
    token: Option<Arc<Token>>,
    failed: Option<Failed>,
}

/// A login that went wrong, and for how long it stands for all others.
struct Failed {
    at: Instant,
    pause: Duration,
    error: Error,
}

/// One request, but for who asks and where.
struct Question<'a> {
    method: Method,
    service: ServiceKind,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    cap: Option<Microversion>,
    body: Option<&'a str>,
    /// Whose place in the service is asked, where the endpoint names a project.
    project: Option<&'a str>,
}

/// Who we are, and where the services are.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user: String,
    pub project: Option<String>,
    pub project_id: Option<String>,
    pub roles: Vec<String>,
    pub expires_at: Option<Timestamp>,
    /// Service types of the catalog.
    pub services: Vec<String>,
}

impl Session {
    /// No I/O but reading certificates: nothing is asked before the first request.
    pub fn new(cloud: CloudConfig, limits: Limits) -> Result<Self, Error> {
        let http = Http::new(ServiceKind::Identity, &cloud.tls, limits)?;
        let endpoints = ServiceKind::ALL.iter().map(|kind| (*kind, Mutex::default())).collect();
        Ok(Self {
            inner: Arc::new(Inner { cloud, http, token: Mutex::default(), endpoints, words: Arc::default() }),
        })
    }

    pub fn cloud(&self) -> &CloudConfig {
        &self.inner.cloud
    }

    pub fn traffic(&self) -> Vec<Traffic> {
        self.inner.http.traffic()
    }

    pub(super) fn give_back(&self, body: Bytes) {
        self.inner.http.give_back(body);
    }

    pub(super) fn words(&self) -> Arc<std::sync::Mutex<Words>> {
        self.inner.words.clone()
    }

    /// How far the cloud's clock is ahead of ours; zero below two seconds.
    pub fn clock_offset(&self) -> Option<SignedDuration> {
        self.inner.http.clock_offset()
    }

    /// Logs in if need be, and says who we are.
    pub async fn login(&self) -> Result<Identity, Error> {
        let token = self.token().await?;
        Ok(Identity {
            user: token.user.clone(),
            project: token.project.as_ref().map(|project| project.name.clone()),
            project_id: token.project.as_ref().map(|project| project.id.clone()),
            roles: token.roles.iter().map(|role| role.name.clone()).collect(),
            expires_at: token.expires_at,
            services: token.catalog.iter().map(|entry| entry.kind.clone()).collect(),
        })
    }

    /// The base URL of a service, and the microversion that a request capped at `cap` would use.
    pub async fn about(
        &self,
        service: ServiceKind,
        cap: Microversion,
    ) -> Result<(Url, Option<Microversion>), Error> {
        let token = self.token().await?;
        let endpoint = self.endpoint(service, &token).await?;
        Ok((endpoint.base.clone(), endpoint.microversion(self.capped(service, cap))))
    }

    /// Our own bound, or the lower one that the configuration sets.
    fn capped(&self, service: ServiceKind, cap: Microversion) -> Microversion {
        let set = self.settings(service).and_then(|settings| settings.microversion);
        set.map_or(cap, |(major, minor)| cap.min(Microversion(major, minor)))
    }

    fn settings(&self, service: ServiceKind) -> Option<&ServiceConfig> {
        service.types().iter().find_map(|kind| self.inner.cloud.services.get(*kind))
    }

    /// A GET whose answer is JSON. `cap` is the highest microversion that we understand there.
    pub(super) async fn get(
        &self,
        service: ServiceKind,
        path: &str,
        query: &[(&str, &str)],
        cap: Option<Microversion>,
    ) -> Result<Answer, Error> {
        let method = Method::GET;
        self.call(&Question { method, service, path, query, cap, body: None, project: None }).await
    }

    /// A HEAD on a project's own place in a service, whose answer is its headers.
    pub(super) async fn head(&self, service: ServiceKind, project: &str) -> Result<Answer, Error> {
        let (method, project) = (Method::HEAD, Some(project));
        self.call(&Question { method, service, path: "", query: &[], cap: None, body: None, project }).await
    }

    /// The only POST beside the login: a question that nova takes as an action (the console log).
    pub(super) async fn ask(
        &self,
        service: ServiceKind,
        path: &str,
        body: &str,
        cap: Option<Microversion>,
    ) -> Result<Answer, Error> {
        let (method, body) = (Method::POST, Some(body));
        self.call(&Question { method, service, path, query: &[], cap, body, project: None }).await
    }

    async fn call(&self, question: &Question<'_>) -> Result<Answer, Error> {
        let token = self.token().await?;
        match self.attempt(question, &token).await {
            // Expired early or revoked: one renewal, then it is an answer.
            Err(error) if error.status == Some(401) => {
                let token = self.renew(&token).await?;
                self.attempt(question, &token).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(&self, question: &Question<'_>, token: &Arc<Token>) -> Result<Answer, Error> {
        let &Question { ref method, service, path, query, cap, body, project } = question;
        let endpoint = self.endpoint(service, token).await?;
        let mut url = match project {
            None => endpoint.base.clone(),
            Some(project) => {
                let own = token.project.as_ref().map(|own| own.id.as_str());
                catalog::of_project(service, &endpoint.base, own, project)?
            }
        };
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let version = cap.and_then(|cap| endpoint.microversion(self.capped(service, cap)));
        let (status, answer) =
            self.send(service, method.clone(), url.clone(), &token.secret, version, body).await?;
        if status.is_success() {
            return if *method == Method::HEAD { Ok(answer) } else { json(service, &url, answer) };
        }
        if status == StatusCode::NOT_ACCEPTABLE {
            // The service was replaced by an older one: what it knows is asked anew.
            self.forget(service).await;
        }
        Err(refusal(service, method, &url, status, &answer))
    }

    async fn send(
        &self,
        service: ServiceKind,
        method: Method,
        url: Url,
        token: &Secret,
        version: Option<Microversion>,
        body: Option<&str>,
    ) -> Result<(StatusCode, Answer), Error> {
        let host = host_of(&url);
        let mut request = self
            .inner
            .http
            .request(method, url)
            .header("X-Auth-Token", sensitive(service, token)?)
            .header("Accept", "application/json");
        if let (Some(version), Some(word)) = (version, service.microversioned()) {
            request = request.header("OpenStack-API-Version", format!("{word} {version}"));
            // The header was renamed in 2.27; older novas know only this one.
            if service == ServiceKind::Compute && version < Microversion(2, 27) {
                request = request.header("X-OpenStack-Nova-API-Version", version.to_string());
            }
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_owned());
        }
        self.inner.http.send(service, request, &host).await
    }

    /// The token, fresh enough.
    async fn token(&self) -> Result<Arc<Token>, Error> {
        let mut state = self.inner.token.lock().await;
        let known = state.token.clone();
        if let Some(token) = &known
            && (token.is_fresh() || matches!(self.inner.cloud.auth, Auth::Token(_)))
        {
            return Ok(token.clone());
        }
        match (self.log_in(&mut state).await, known) {
            // keystone is out of reach for a moment: the old one is still good for a while.
            (Err(error), Some(token)) if error.kind != ErrorKind::Auth && token.is_good() => Ok(token),
            (outcome, _) => outcome,
        }
    }

    /// Another token than the one that was refused.
    async fn renew(&self, refused: &Arc<Token>) -> Result<Arc<Token>, Error> {
        let mut state = self.inner.token.lock().await;
        match &state.token {
            // Somebody else has renewed it meanwhile.
            Some(token) if !Arc::ptr_eq(token, refused) => return Ok(token.clone()),
            _ => state.token = None,
        }
        self.log_in(&mut state).await
    }

    async fn log_in(&self, state: &mut TokenState) -> Result<Arc<Token>, Error> {
        if let Some(failed) = &state.failed
            && failed.at.elapsed() < failed.pause
        {
            return Err(failed.error.clone());
        }
        match self.post_login().await {
            Ok(token) => {
                let token = Arc::new(token);
                *state = TokenState { token: Some(token.clone()), failed: None };
                Ok(token)
            }
            Err(error) => {
                let before = state.failed.as_ref().filter(|failed| failed.error.kind == ErrorKind::Auth);
                let pause = match (error.kind, error.retry_after) {
                    (_, Some(asked)) => asked,
                    (ErrorKind::Auth, None) => {
                        before.map_or(REFUSED_FOR, |failed| (failed.pause * 2).min(REFUSED_AT_MOST))
                    }
                    _ => FAILED_FOR,
                };
                state.failed = Some(Failed { at: Instant::now(), pause, error: error.clone() });
                Err(error)
            }
        }
    }

    async fn post_login(&self) -> Result<Token, Error> {
        let cloud = &self.inner.cloud;
        let mut url = cloud.auth_url.clone();
        url.set_path(&format!("{}/auth/tokens", url.path().trim_end_matches('/')));
        let host = host_of(&url);
        let body = token::request(cloud);
        let request = self
            .inner
            .http
            .request(Method::POST, url.clone())
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .body(Bytes::from_owner(body));
        let service = ServiceKind::Identity;
        let (status, answer) = self.inner.http.send(service, request, &host).await?;
        if status != StatusCode::CREATED && status != StatusCode::OK {
            let mut error = refusal(service, &Method::POST, &url, status, &answer);
            if error.kind == ErrorKind::Auth && matches!(cloud.auth, Auth::Token(_)) {
                error.message =
                    format!("keystone at {host} refused the token: it has expired or was revoked");
                "stackwatch cannot renew a token that it was given: bring another one, or a password \
                 or application credential"
                    .clone_into(&mut error.next_step);
            }
            return Err(error);
        }
        let secret = answer
            .headers
            .get("x-subject-token")
            .and_then(|value| value.to_str().ok())
            .map(Secret::new)
            .ok_or_else(|| not_json(service, &url, &answer, "no X-Subject-Token"))?;
        Token::parse(secret, &answer.body)
            .map_err(|error| not_json(service, &url, &answer, &error.to_string()))
    }
}

/// The token as a header that no log shows.
fn sensitive(service: ServiceKind, token: &Secret) -> Result<reqwest::header::HeaderValue, Error> {
    let mut value = reqwest::header::HeaderValue::from_str(token.expose())
        .map_err(|_| Error::bad_answer(service, "a token with control characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body of a success: JSON, not a proxy's page.
pub(super) fn json(service: ServiceKind, url: &Url, answer: Answer) -> Result<Answer, Error> {
    match answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => Ok(answer),
        _ => Err(not_json(service, url, &answer, "no JSON")),
    }
}

fn not_json(service: ServiceKind, url: &Url, answer: &Answer, what: &str) -> Error {
    let html = answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    let (name, host) = (service.name(), host_of(url));
    let error = if html {
        Error::new(
            ErrorKind::BadAnswer,
            service,
            format!("{name} at {host} answered an HTML page, not JSON: a proxy or login page stands between"),
            "check http_proxy, no_proxy and the endpoint's URL",
        )
    } else {
        Error::bad_answer(service, format!("{what} ({host})"))
    };
    error.with_id(&answer.id)
}
