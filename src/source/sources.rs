use std::sync::Arc;

use super::log::Grammar;
use super::log::index::Index;
use super::rabbitmq::{Amqp, Management};
use super::{Error, Session, Traffic};
use crate::config::clouds::CloudConfig;
use crate::config::file::Quotas;
use crate::config::logs::LogPlace;

/// Everything that is asked: a cloud, where there is one, and the brokers.
#[derive(Clone, Default)]
pub struct Sources {
    pub session: Option<Session>,
    pub brokers: Vec<Management>,
    /// The vhosts of those brokers, where their transport URLs are known.
    pub amqp: Vec<Amqp>,
    /// Where its logs are.
    pub logs: Vec<LogPlace>,
    /// Which blocks of them need not be read; none where none is kept.
    pub index: Option<Index>,
    /// How its lines are read, where the operator has formats of his own.
    pub grammar: Option<Arc<Grammar>>,
    /// How fast quotas are asked for.
    pub quotas: Quotas,
    /// Why there is no broker, where there is none.
    pub unconfigured: Option<Error>,
}

impl From<Session> for Sources {
    fn from(session: Session) -> Self {
        Self { session: Some(session), ..Self::default() }
    }
}

impl Sources {
    /// How lines of logs are read.
    pub fn grammar(&self) -> Arc<Grammar> {
        // What ships can be read, a test says so.
        self.grammar.clone().unwrap_or_else(|| Arc::new(Grammar::shipped().unwrap_or_default()))
    }

    pub fn cloud(&self) -> Option<&CloudConfig> {
        self.session.as_ref().map(Session::cloud)
    }

    /// What each of them was asked: all vhosts together.
    pub fn traffic(&self) -> Vec<Traffic> {
        let cloud = self.session.iter().flat_map(Session::traffic);
        let brokers = self.brokers.iter().flat_map(Management::traffic);
        let amqp = self.amqp.iter().map(Amqp::traffic).reduce(|all, one| Traffic {
            requests: all.requests + one.requests,
            errors: all.errors + one.errors,
            latency: all.latency.max(one.latency),
            rate: all.rate + one.rate,
            ..all
        });
        cloud.chain(brokers).chain(amqp).collect()
    }
}
