use super::log::Grammars;
use super::log::index::Index;
use super::rabbitmq::{Amqp, Management};
use super::{Error, Session, Traffic};
use crate::config::clouds::CloudConfig;
use crate::config::file::Quotas;
use crate::config::logs::LogPlace;
use crate::history::History;

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
    /// What its figures were; none where none is kept.
    pub history: Option<History>,
    /// How its lines are read.
    pub grammar: Grammars,
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
