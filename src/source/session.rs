//! A session with one cloud: its token, its catalog, its endpoints, its bounds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::catalog::{self, VersionDocument};
use super::http::{Answer, Http, Limits, Traffic, host_of, refusal};
use super::token::{self, Token};
use super::{Error, ErrorKind, Microversion, ServiceKind};
use crate::config::clouds::{Auth, CloudConfig};
use crate::config::secret::Secret;

/// Renewed so long before it expires, so that no request meets the end.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// A refused login is not tried again by the next waiter: nine collectors with a wrong password would lock
/// the account.
const REFUSED_FOR: Duration = Duration::from_secs(25);
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
    endpoints: BTreeMap<ServiceKind, Mutex<Option<Endpoint>>>,
}

/// The token is renewed by one flight: whoever holds the lock logs in, the others wait and find it done.
#[derive(Default)]
struct TokenState {
    token: Option<Arc<Token>>,
    failed: Option<(Instant, Error)>,
}

/// A service's base URL and the microversions that it knows.
#[derive(Clone, Debug)]
struct Endpoint {
    base: Url,
    range: Option<(Microversion, Microversion)>,
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
        let http = Http::new(&cloud.tls, limits)?;
        let endpoints = ServiceKind::ALL.iter().map(|kind| (*kind, Mutex::default())).collect();
        Ok(Self { inner: Arc::new(Inner { cloud, http, token: Mutex::default(), endpoints }) })
    }

    pub fn cloud(&self) -> &CloudConfig {
        &self.inner.cloud
    }

    pub fn traffic(&self) -> Vec<Traffic> {
        self.inner.http.traffic()
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
        let endpoint = self.endpoint(service).await?;
        Ok((endpoint.base.clone(), endpoint.microversion(cap)))
    }

    /// A GET whose answer is JSON. `cap` is the highest microversion that we understand there.
    pub(super) async fn get(
        &self,
        service: ServiceKind,
        path: &str,
        query: &[(&str, &str)],
        cap: Option<Microversion>,
    ) -> Result<Bytes, Error> {
        self.call(Method::GET, service, path, query, cap, None).await
    }

    /// The only POST beside the login: a question that nova takes as an action (the console log).
    pub(super) async fn ask(
        &self,
        service: ServiceKind,
        path: &str,
        body: &str,
        cap: Option<Microversion>,
    ) -> Result<Bytes, Error> {
        self.call(Method::POST, service, path, &[], cap, Some(body)).await
    }

    async fn call(
        &self,
        method: Method,
        service: ServiceKind,
        path: &str,
        query: &[(&str, &str)],
        cap: Option<Microversion>,
        body: Option<&str>,
    ) -> Result<Bytes, Error> {
        let mut token = self.token().await?;
        let endpoint = self.endpoint(service).await?;
        let mut url = endpoint.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let version = cap.and_then(|cap| endpoint.microversion(cap));
        let mut renewed = false;
        loop {
            let (status, answer) =
                self.send(service, method.clone(), url.clone(), &token.secret, version, body).await?;
            match status {
                StatusCode::UNAUTHORIZED if !renewed => {
                    // Expired early or revoked: one renewal, then it is an answer.
                    renewed = true;
                    token = self.renew(&token).await?;
                }
                status if status.is_success() => return json(service, &url, answer),
                status => return Err(refusal(service, &method, &url, status, &answer)),
            }
        }
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
        if let Some(token) = &state.token
            && (token.lasts(self.cloud_now(), MARGIN) || matches!(self.inner.cloud.auth, Auth::Token(_)))
        {
            return Ok(token.clone());
        }
        self.log_in(&mut state).await
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

    fn cloud_now(&self) -> Timestamp {
        Timestamp::now() + self.clock_offset().unwrap_or(SignedDuration::ZERO)
    }

    async fn log_in(&self, state: &mut TokenState) -> Result<Arc<Token>, Error> {
        if let Some((at, error)) = &state.failed {
            let pause = if error.kind == ErrorKind::Auth { REFUSED_FOR } else { FAILED_FOR };
            if at.elapsed() < pause {
                return Err(error.clone());
            }
        }
        match self.post_login().await {
            Ok(token) => {
                let token = Arc::new(token);
                *state = TokenState { token: Some(token.clone()), failed: None };
                // A new token may come with a new catalog.
                for endpoint in self.inner.endpoints.values() {
                    *endpoint.lock().await = None;
                }
                Ok(token)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
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

    /// Where a service is; discovered once per token.
    async fn endpoint(&self, service: ServiceKind) -> Result<Endpoint, Error> {
        let token = self.token().await?;
        let Some(slot) = self.inner.endpoints.get(&service) else {
            return Err(Error::bad_answer(service, "unknown service"));
        };
        let mut known = slot.lock().await;
        if let Some(endpoint) = known.as_ref() {
            return Ok(endpoint.clone());
        }
        let cloud = &self.inner.cloud;
        let url = match service.types().iter().find_map(|kind| cloud.overrides.get(*kind)) {
            Some(url) => url.clone(),
            // The one that we logged in at: what the catalog says of it may be an inner address.
            None if service == ServiceKind::Identity => cloud.auth_url.clone(),
            None => catalog::endpoint(&token.catalog, service, cloud.interface, cloud.region.as_deref())?,
        };
        let mut endpoint = Endpoint { base: catalog::base(service, &url), range: None };
        if service.microversioned().is_some() {
            endpoint.range = self.discover(service, &endpoint.base, &token).await?;
        }
        *known = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Asks a service for the microversions that it knows.
    async fn discover(
        &self,
        service: ServiceKind,
        base: &Url,
        token: &Token,
    ) -> Result<Option<(Microversion, Microversion)>, Error> {
        let mut url = base.clone();
        url.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        let (status, answer) =
            self.send(service, Method::GET, url.clone(), &token.secret, None, None).await?;
        if !status.is_success() && status != StatusCode::MULTIPLE_CHOICES {
            return Err(refusal(service, &Method::GET, &url, status, &answer));
        }
        let body = json(service, &url, answer)?;
        let document: VersionDocument = serde_json::from_slice(&body)
            .map_err(|error| Error::bad_answer(service, format!("its version document: {error}")))?;
        Ok(document.range(service))
    }
}

impl Endpoint {
    /// The highest that both ends know; `None` on a cloud without microversions, or one too new for us.
    fn microversion(&self, cap: Microversion) -> Option<Microversion> {
        let (lowest, highest) = self.range?;
        let best = highest.min(cap);
        (best >= lowest).then_some(best)
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
fn json(service: ServiceKind, url: &Url, answer: Answer) -> Result<Bytes, Error> {
    match answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => Ok(answer.body),
        _ => Err(not_json(service, url, &answer, "no JSON")),
    }
}

fn not_json(service: ServiceKind, url: &Url, answer: &Answer, what: &str) -> Error {
    let html = answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    let (name, host) = (service.name(), host_of(url));
    let mut error = if html {
        Error::new(
            ErrorKind::BadAnswer,
            service,
            format!("{name} at {host} answered an HTML page, not JSON: a proxy or login page stands between"),
            "check http_proxy, no_proxy and the endpoint's URL",
        )
    } else {
        Error::bad_answer(service, format!("{what} ({host})"))
    };
    error.request_id = super::http::request_id(&answer.headers);
    error
}
