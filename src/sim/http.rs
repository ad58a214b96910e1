//! The HTTP front: one port a service, each with its own ways of saying the same things. What a client sees is
//! shaped as OpenStack Zed answers; nothing here knows how stackwatch reads it.

pub(super) mod answer;
pub(super) mod ask;
mod cinder;
mod control;
mod glance;
pub(super) mod json;
mod keystone;
mod neutron;
mod nova;
mod page;
mod placement;
#[cfg(test)]
pub(super) mod tests;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::sync::Notify;
use uuid::Uuid;

use answer::{Answer, Refusal, Reply};
use ask::Ask;
use token::Tokens;

use super::broker::Broker;
use super::clock::Clock;
use super::random::Random;
use super::story::World;

/// What is asked for at most; a server's user data is the largest thing that clients send.
const BODY: usize = 1 << 20;
/// Steps that are told at once; then readers get their turn.
const STEPS: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Keystone,
    Nova,
    Placement,
    Neutron,
    Cinder,
    Glance,
}

impl Service {
    pub const ALL: [Self; 6] =
        [Self::Keystone, Self::Nova, Self::Placement, Self::Neutron, Self::Cinder, Self::Glance];

    pub fn name(self) -> &'static str {
        match self {
            Self::Keystone => "keystone",
            Self::Nova => "nova",
            Self::Placement => "placement",
            Self::Neutron => "neutron",
            Self::Cinder => "cinder",
            Self::Glance => "glance",
        }
    }
}

/// What all services share.
pub struct Front {
    world: RwLock<World>,
    pub clock: Clock,
    tokens: Tokens,
    pub broker: Arc<Broker>,
    /// `http://127.0.0.1:8774`, in the order of `Service::ALL`.
    urls: [String; 6],
    /// Requests so far, in the same order.
    asked: [AtomicU64; 6],
    /// Of them those about quotas, which are dear: nova counts anew for each.
    asked_quotas: AtomicU64,
    seed: u64,
    /// Wakes whoever tells the story when the next step may be due earlier.
    pub changed: Notify,
}

impl Front {
    pub fn new(world: World, clock: Clock, broker: Arc<Broker>, urls: [String; 6], seed: u64) -> Self {
        let (asked, asked_quotas, changed) = Default::default();
        let (world, tokens) = (RwLock::new(world), Tokens::new());
        Self { world, clock, tokens, broker, urls, asked, asked_quotas, seed, changed }
    }

    pub fn url(&self, service: Service) -> &str {
        &self.urls[service as usize]
    }

    /// How often this service was asked so far.
    fn asked(&self, service: Service) -> u64 {
        self.asked[service as usize].load(Ordering::Relaxed)
    }

    fn asked_quotas(&self) -> u64 {
        self.asked_quotas.load(Ordering::Relaxed)
    }

    pub fn read(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change something, with the story told up to now.
    pub fn write(&self) -> RwLockWriteGuard<'_, World> {
        let now = self.clock.now();
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        while world.advance(now, STEPS) {}
        self.changed.notify_one();
        world
    }

    /// Tells what is due, some of it; whether more is.
    pub fn tell(&self) -> bool {
        let now = self.clock.now();
        self.world.write().unwrap_or_else(PoisonError::into_inner).advance(now, STEPS)
    }

    /// The id of a request. While time stands still the same question has the same id, so that what is shown
    /// can be repeated.
    fn request_id(&self, service: Service, about: &str) -> Uuid {
        let asked = self.asked[service as usize].fetch_add(1, Ordering::Relaxed);
        let n = if self.clock.rate() == 0.0 { 0 } else { asked };
        Random::stream(self.seed ^ n.rotate_left(32), about).uuid()
    }

    fn answer(&self, service: Service, ask: Ask) -> Answer {
        if ask.segments.iter().any(|part| part == "os-quota-sets" || part == "quotas") {
            self.asked_quotas.fetch_add(1, Ordering::Relaxed);
        }
        if service == Service::Keystone && ask.segments.first().is_some_and(|first| first == "sim") {
            return control::answer(self, &ask);
        }
        match service {
            Service::Keystone => keystone::answer(self, ask),
            Service::Nova => nova::answer(self, ask),
            Service::Placement => placement::answer(self, ask),
            Service::Neutron => neutron::answer(self, ask),
            Service::Cinder => cinder::answer(self, ask),
            Service::Glance => glance::answer(self, ask),
        }
    }
}

/// The routes of a service: all lead to one place, where a `match` over the path's segments decides.
pub fn router(service: Service, front: Arc<Front>) -> Router {
    Router::new().fallback(move |request: Request| {
        let front = front.clone();
        async move { respond(&front, service, request).await }
    })
}

async fn respond(front: &Front, service: Service, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let head = parts.method == axum::http::Method::HEAD;
    let answer = match to_bytes(body, BODY).await {
        Ok(body) => {
            let about = format!("{} {} {}", service.name(), parts.method, parts.uri);
            let id = front.request_id(service, &about);
            let ask = Ask::new(&parts, body, front.url(service), id, front.clock.now());
            front.answer(service, ask)
        }
        Err(_) => Answer::json(413, &serde_json::json!({"error": "the body is too large"})),
    };
    write(answer, front, head)
}

pub(super) fn write(answer: Answer, front: &Front, head: bool) -> Response<Body> {
    let length = answer.body.len();
    let body = if head { Body::empty() } else { Body::from(answer.body) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = ("Date", front.clock.now().http().to_string());
    let length = ("Content-Length", length.to_string());
    for (name, value) in answer.headers.into_iter().chain([date, length]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
