//! One broker's management API over all of its hosts: the first that answers, and staying with it.

use std::sync::{Arc, Mutex, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::config::broker::BrokerConfig;
use crate::source::http::{Answer, Http, host_of, refusal};
use crate::source::{Error, ErrorKind, Limits, ServiceKind, Traffic, session};

const SERVICE: ServiceKind = ServiceKind::Broker;

/// Clones share everything.
#[derive(Clone)]
pub struct Management {
    inner: Arc<Inner>,
}

struct Inner {
    config: BrokerConfig,
    http: Arc<Http>,
    /// The host that answered last.
    at: Mutex<usize>,
    version: Mutex<Option<(u32, u32)>>,
}

impl Management {
    /// No I/O but reading certificates. One request at a time, whatever the limits say: the plugin runs in
    /// one node, beside the queues.
    pub fn new(config: BrokerConfig, limits: Limits) -> Result<Self, Error> {
        let http = Http::new(SERVICE, &config.tls, Limits { in_flight: 1, ..limits })?;
        Ok(Self { inner: Arc::new(Inner { config, http, at: Mutex::new(0), version: Mutex::new(None) }) })
    }

    pub fn config(&self) -> &BrokerConfig {
        &self.inner.config
    }

    pub fn traffic(&self) -> Vec<Traffic> {
        self.inner.http.traffic()
    }

    /// `host:port` of the node that answered last, or will be asked first.
    pub fn address(&self) -> String {
        self.inner.config.management.get(*lock(&self.inner.at)).map(host_of).unwrap_or_default()
    }

    /// What the overview said; until then the oldest is assumed.
    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        lock(&self.inner.version).is_some_and(|version| version >= (major, minor))
    }

    pub(super) fn read<T>(
        &self,
        answer: &Answer,
        parse: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, Error> {
        answer.read(SERVICE, parse).map_err(without_id)
    }

    /// A GET whose answer is JSON.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, Error> {
        let judge = |url: &Url, status, answer| self.judge(url, status, answer);
        let answer = self.first(path, query, judge).await?;
        if path == ["overview"] {
            *lock(&self.inner.version) = version(&answer);
        }
        Ok(answer)
    }

    /// A GET, whatever the status says.
    pub(super) async fn ask(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<(StatusCode, Answer), Error> {
        self.first(path, query, |_, status, answer| Ok((status, answer))).await
    }

    /// `GET /metrics/detailed` of one node.
    pub(super) async fn metrics(&self, node: &Url, query: &[(&str, &str)]) -> Result<bytes::Bytes, Error> {
        let mut url = node.clone();
        url.set_path(&format!("{}/metrics/detailed", node.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        let request = self.inner.http.request(Method::GET, url.clone()).header("Accept", "text/plain");
        let sent = self.inner.http.send(SERVICE, request, &host_of(&url)).await;
        let (status, answer) = sent.map_err(without_id)?;
        if status.is_success() {
            return Ok(answer.body);
        }
        Err(without_id(refusal(SERVICE, &Method::GET, &url, status, &answer)))
    }

    /// Asks the host that answered last, and if it does not any more, the others in their order.
    async fn first<T>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        judge: impl Fn(&Url, StatusCode, Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let first = *lock(&self.inner.at);
        let urls = &self.inner.config.management;
        let mut failed: Vec<(String, Error)> = Vec::new();
        for at in (0..urls.len()).map(|n| (first + n) % urls.len()) {
            let Some(base) = urls.get(at) else { break };
            let url = url(base, path, query);
            match self.attempt(&url).await.and_then(|(status, answer)| judge(&url, status, answer)) {
                Ok(answer) => {
                    *lock(&self.inner.at) = at;
                    return Ok(answer);
                }
                // Something else listens there, or the node is on its way up or down: the next may be well.
                Err(error) if is_of_host(&error, path) => failed.push((host_of(&url), error)),
                Err(error) => return Err(error),
            }
        }
        Err(of_all(failed))
    }

    async fn attempt(&self, url: &Url) -> Result<(StatusCode, Answer), Error> {
        let config = &self.inner.config;
        let request = self
            .inner
            .http
            .request(Method::GET, url.clone())
            .basic_auth(&config.user, Some(config.password.expose()))
            .header("Accept", "application/json");
        self.inner.http.send(SERVICE, request, &host_of(url)).await.map_err(without_id)
    }

    fn judge(&self, url: &Url, status: StatusCode, answer: Answer) -> Result<Answer, Error> {
        if status.is_success() {
            return session::json(SERVICE, url, answer).map_err(without_id);
        }
        let mut error = without_id(refusal(SERVICE, &Method::GET, url, status, &answer));
        if status == StatusCode::UNAUTHORIZED {
            self.refused(url, &reason(&answer), &mut error);
        }
        Err(error)
    }

    /// The broker says 401 for everything: who we are not, and what we may not.
    fn refused(&self, url: &Url, reason: &str, error: &mut Error) {
        let (host, user) = (host_of(url), &self.inner.config.user);
        (error.kind, error.message, error.next_step) = if reason.contains("virtual host") {
            (
                ErrorKind::Forbidden,
                format!("rabbitmq at {host}: user {user} has no permission on this vhost"),
                format!("rabbitmqctl set_permissions -p VHOST {user} '^$' '^$' '.*'"),
            )
        } else if reason.starts_with("Not ") {
            (
                ErrorKind::Forbidden,
                format!("rabbitmq at {host} lets user {user} not ask this: {reason}"),
                format!("rabbitmqctl set_user_tags {user} monitoring"),
            )
        } else {
            let said = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            (
                ErrorKind::Auth,
                format!("rabbitmq at {host} refused user {user}{said}"),
                format!(
                    "check user and password in [broker]; `rabbitmqctl authenticate_user {user}` asks for the \
                     same; guest may come from the broker's own host only"
                ),
            )
        };
    }
}

/// All but what may stand in a URL everywhere (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A base with these segments behind `/api`, each encoded: `/` is in the name of most vhosts.
fn url(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    // The url crate leaves `[` and `|` as they are, which the broker answers with 400.
    let encoded = path.iter().map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
    let path = std::iter::once("api".to_owned()).chain(encoded).collect::<Vec<_>>().join("/");
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// Whether another host of the cluster may do better.
fn is_of_host(error: &Error, path: &[&str]) -> bool {
    match error.kind {
        ErrorKind::Unreachable
        | ErrorKind::Timeout
        | ErrorKind::Tls
        | ErrorKind::Server
        | ErrorKind::Redirect
        // Also a node that went in the middle of its answer.
        | ErrorKind::BadAnswer => true,
        // Every broker has what one word names; what more words name may have gone.
        ErrorKind::Missing => path.len() == 1,
        _ => false,
    }
}

/// No host answered: what the most telling of them said, and who else was asked.
pub(super) fn of_all(mut failed: Vec<(String, Error)>) -> Error {
    // Who speaks at all tells more than who does not.
    let silent = |error: &Error| matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout);
    let at = failed.iter().position(|(_, error)| !silent(error)).unwrap_or(0);
    if failed.is_empty() {
        return nowhere();
    }
    let (_, mut error) = failed.swap_remove(at);
    if !failed.is_empty() {
        let others: Vec<&str> = failed.iter().map(|(host, _)| host.as_str()).collect();
        error.message.push_str(&format!(" (nor does {} answer)", others.join(", ")));
    }
    error
}

fn nowhere() -> Error {
    Error::new(
        ErrorKind::Missing,
        SERVICE,
        "rabbitmq: there is no address to ask".to_owned(),
        "name the management API in config.toml: [broker] management = \"http://host:15672\"",
    )
}

/// The broker's logs know no request ids.
fn without_id(mut error: Error) -> Error {
    error.request_id = None;
    error
}

/// `{"error": "not_authorised", "reason": "Login failed"}`.
fn reason(answer: &Answer) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let text = said.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `3.10.8`.
fn version(answer: &Answer) -> Option<(u32, u32)> {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body).ok()?;
    let mut numbers = said.get("rabbitmq_version")?.as_str()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_stay_one_segment() {
        let base = Url::parse("http://h:15672/rabbit").unwrap();
        for (path, expected) in [
            (&["overview"][..], "http://h:15672/rabbit/api/overview"),
            (&["queues", "/", "a b"], "http://h:15672/rabbit/api/queues/%2F/a%20b"),
            (&["queues", "/v%", "x/y?#"], "http://h:15672/rabbit/api/queues/%2Fv%25/x%2Fy%3F%23"),
            (&["queues", "v", "前端\u{1b}"], "http://h:15672/rabbit/api/queues/v/%E5%89%8D%E7%AB%AF%1B"),
            (&["queues", "v", "a[|^]@:b"], "http://h:15672/rabbit/api/queues/v/a%5B%7C%5E%5D%40%3Ab"),
        ] {
            assert_eq!(url(&base, path, &[]).as_str(), expected);
        }
        let base = Url::parse("http://h:15672/").unwrap();
        assert_eq!(url(&base, &["nodes"], &[("a", "b c")]).as_str(), "http://h:15672/api/nodes?a=b+c");
    }
}
