//! The cloud's RabbitMQ: what oslo.messaging would have declared there, the management API that shows it, and
//! enough of AMQP 0-9-1 that a client finds a queue's depth and hears notifications.
//!
//! ```text
//!   cloud ──▶ process ──▶ table ──▶ management (HTTP)
//!     │       (who takes  (queues)         ▲
//!     │        from what)                  │
//!   story ──▶ ledger ───────┘              │
//!     └─────▶ notify ──▶ post ──▶ amqp ────┘
//!             (oslo's     (clients, and their queues)
//!              messages)
//! ```
//!
//! Nothing of the services' is kept: their queues follow from hosts, states and counts whenever somebody asks. Only
//! what clients declare is here to stay. RabbitMQ 3.10.8 is what it says it is.

mod accounts;
mod amqp;
mod kinds;
mod ledger;
mod management;
mod notify;
mod post;
mod process;
mod route;
mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use accounts::VHOST;
pub(super) use amqp::serve;
pub(super) use management::router;

use ledger::Ledger;
use post::{Message, Post};
use table::Table;

use super::cloud::{Cloud, Event};
use super::story::Listener;
use super::time::Time;

/// Who reads the brokers of a cloud.
pub const MONITOR: &str = "stackwatch";

pub struct Broker {
    inner: Mutex<Inner>,
    /// Where it speaks AMQP.
    pub amqp: u16,
    /// Where it shows its state over HTTP.
    pub management: u16,
}

#[derive(Default)]
struct Inner {
    ledger: Ledger,
    post: Post,
    /// The services' queues, as of a revision and a second.
    table: Option<((u64, i64), Arc<Table>)>,
}

impl Broker {
    pub fn new(amqp: u16, management: u16) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), amqp, management })
    }

    /// The ear that hears the story.
    pub fn listener(self: &Arc<Self>) -> Box<dyn Listener> {
        Box::new(Ear(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The services' queues as they are now.
    fn table(&self, cloud: &Cloud, now: Time) -> Arc<Table> {
        let mut inner = self.lock();
        let Inner { ledger, table, .. } = &mut *inner;
        let as_of = (ledger.revision, now.seconds());
        match table {
            Some((then, table)) if *then == as_of => table.clone(),
            _ => {
                let made = Arc::new(Table::new(cloud, ledger, now));
                *table = Some((as_of, made.clone()));
                made
            }
        }
    }

    /// What it holds, for tests: its own names, past all that clients are shown.
    pub fn dump(&self, cloud: &Cloud, now: Time) -> serde_json::Value {
        management::dump(self, cloud, now)
    }
}

struct Ear(Arc<Broker>);

impl Listener for Ear {
    fn hear(&mut self, cloud: &Cloud, event: &Event) {
        let notices = notify::notices(cloud, event);
        let mut notified = [0; 4];
        notices.iter().for_each(|notice| notified[notice.queue()] += 1);
        let mut inner = self.0.lock();
        inner.ledger.hear(cloud, event, notified);
        for notice in notices {
            // Written only if somebody wants it.
            if inner.post.wants(notice.exchange(), notice.key()) {
                inner.post.publish(&Message {
                    exchange: notice.exchange(),
                    key: notice.key().into(),
                    body: notice.body(cloud, event).into(),
                    redelivered: false,
                });
            }
        }
    }
}
