use super::rabbitmq::{Amqp, Management};
use super::{Error, Session, Traffic};
use crate::config::clouds::CloudConfig;

/// Everything that is asked: a cloud, where there is one, and the brokers.
#[derive(Clone, Default)]
pub struct Sources {
    pub session: Option<Session>,
    pub brokers: Vec<Management>,
    /// The vhosts of those brokers, where their transport URLs are known.
    pub amqp: Vec<Amqp>,
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

    pub fn traffic(&self) -> Vec<Traffic> {
        let cloud = self.session.iter().flat_map(Session::traffic);
        cloud.chain(self.brokers.iter().flat_map(Management::traffic)).collect()
    }
}
