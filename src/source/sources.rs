use super::rabbitmq::{Amqp, Management};
use super::{Session, Traffic};
use crate::config::clouds::CloudConfig;

/// Everything that is asked: a cloud, where there is one, and the brokers.
#[derive(Clone)]
pub struct Sources {
    pub session: Option<Session>,
    pub brokers: Vec<Management>,
    /// The vhosts of those brokers, where their transport URLs are known.
    pub amqp: Vec<Amqp>,
}

impl From<Session> for Sources {
    fn from(session: Session) -> Self {
        Self { session: Some(session), brokers: Vec::new(), amqp: Vec::new() }
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
