//! Where a service is, and which microversions it knows.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{FAILED_FOR, Session, json};
use crate::source::catalog::{self, VersionDocument};
use crate::source::http::refusal;
use crate::source::token::Token;
use crate::source::{Error, Microversion, ServiceKind};

/// What is known of a service's endpoint. It is asked for by one flight too, and a failure stands for all
/// who waited for it.
#[derive(Default)]
pub(super) struct Slot {
    known: Option<Known>,
    failed: Option<(Instant, Error)>,
}

/// An endpoint, and the token whose catalog named it: a new token may come with a new catalog, and a service
/// may have been upgraded meanwhile.
struct Known {
    token: Arc<Token>,
    endpoint: Endpoint,
}

/// A service's base URL and the microversions that it knows.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub base: Url,
    range: Option<(Microversion, Microversion)>,
}

impl Session {
    pub(super) async fn forget(&self, service: ServiceKind) {
        if let Some(slot) = self.inner.endpoints.get(&service) {
            *slot.lock().await = Slot::default();
        }
    }

    /// Where a service is; discovered once per token.
    pub(super) async fn endpoint(&self, service: ServiceKind, token: &Arc<Token>) -> Result<Endpoint, Error> {
        let Some(slot) = self.inner.endpoints.get(&service) else {
            return Err(Error::bad_answer(service, "unknown service"));
        };
        let mut slot = slot.lock().await;
        if let Some(known) = slot.known.as_ref().filter(|known| Arc::ptr_eq(&known.token, token)) {
            return Ok(known.endpoint.clone());
        }
        if let Some((at, error)) = &slot.failed
            && at.elapsed() < FAILED_FOR
        {
            return Err(error.clone());
        }
        let found = self.find(service, token).await;
        // One that refuses this token may take the next.
        slot.failed = found
            .as_ref()
            .err()
            .filter(|error| error.status != Some(401))
            .map(|error| (Instant::now(), error.clone()));
        let endpoint = found?;
        slot.known = Some(Known { token: token.clone(), endpoint: endpoint.clone() });
        Ok(endpoint)
    }

    async fn find(&self, service: ServiceKind, token: &Token) -> Result<Endpoint, Error> {
        let cloud = &self.inner.cloud;
        let settings = self.settings(service);
        let url = match settings.and_then(|settings| settings.endpoint.as_ref()) {
            Some(url) => url.clone(),
            // The one that we logged in at: what the catalog says of it may be an inner address.
            None if service == ServiceKind::Identity => cloud.auth_url.clone(),
            None => {
                let interface = settings.and_then(|settings| settings.interface).unwrap_or(cloud.interface);
                let region = settings.and_then(|settings| settings.region.as_ref()).or(cloud.region.as_ref());
                catalog::endpoint(&token.catalog, service, interface, region.map(String::as_str))?
            }
        };
        let mut endpoint = Endpoint { base: catalog::base(service, &url), range: None };
        if service.microversioned().is_some() {
            endpoint.range = self.discover(service, &endpoint.base, token).await?;
        }
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
        let answer = json(service, &url, answer)?;
        let document: VersionDocument = serde_json::from_slice(&answer.body).map_err(|error| {
            Error::bad_answer(service, format!("its version document: {error}")).with_id(&answer.id)
        })?;
        Ok(document.range(service))
    }
}

impl Endpoint {
    /// The highest that both ends know; `None` on a cloud without microversions, or one too new for us.
    pub fn microversion(&self, cap: Microversion) -> Option<Microversion> {
        let (lowest, highest) = self.range?;
        let best = highest.min(cap);
        (best >= lowest).then_some(best)
    }
}
