use jiff::Timestamp;

use super::broker::Counters;
use super::queue_name::Meaning;
use super::{Identified, Text};

/// A queue (`GET /api/queues`). A broker leaves out what it has not measured yet: then it is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// `broker/vhost/name`, with what separates them encoded.
    pub id: Text,
    pub broker: Text,
    pub vhost: Text,
    pub name: Text,
    pub kind: QueueType,
    /// What the name says to OpenStack.
    pub meaning: Meaning,
    /// `running`, `idle`, `flow`, `down`, `minority`, `crashed`, `stopped`.
    pub state: Option<Text>,
    /// As the management API lists it; `None`: it does not.
    pub listed: Option<Counts>,
    /// As a passive declare over AMQP says; `None`: not asked, or no answer.
    pub declared: Option<Counts>,
    /// Messages that wait for a consumer: the better of the two.
    pub ready: Option<u64>,
    /// Messages that a consumer has and did not acknowledge.
    pub unacked: Option<u64>,
    pub consumers: Option<u64>,
    /// Share of the time in which a message could be given out at once: below 1 consumers are slow.
    pub consumer_capacity: Option<f64>,
    /// Messages a second as the broker has measured them.
    pub publish_rate: Option<f64>,
    pub deliver_rate: Option<f64>,
    pub counters: Counters,
    /// Bytes.
    pub memory: Option<u64>,
    /// Where it lives: its leader, of a replicated one.
    pub node: Option<Text>,
    pub members: Vec<Text>,
    pub online: Vec<Text>,
    pub policy: Option<Text>,
    pub durable: Option<bool>,
    pub exclusive: Option<bool>,
    /// `x-expires` in milliseconds: unused for so long it goes by itself.
    pub expires_ms: Option<u64>,
    pub idle_since: Option<Timestamp>,
}

impl Queue {
    /// The identity of a queue.
    pub fn id_of(broker: &str, vhost: &str, name: &str) -> Text {
        let encoded = |part: &str| part.replace('%', "%25").replace('/', "%2F");
        format!("{}/{}/{name}", encoded(broker), encoded(vhost)).into()
    }

    /// One that only a passive declare has found.
    pub fn found(broker: &Text, vhost: &Text, name: &Text, declared: Counts) -> Self {
        let mut queue = Self {
            id: Self::id_of(broker, vhost, name),
            broker: broker.clone(),
            vhost: vhost.clone(),
            name: name.clone(),
            kind: QueueType::Unknown,
            meaning: Meaning::of(name, QueueType::Unknown),
            state: None,
            listed: None,
            declared: Some(declared),
            ready: None,
            unacked: None,
            consumers: None,
            consumer_capacity: None,
            publish_rate: None,
            deliver_rate: None,
            counters: Counters::default(),
            memory: None,
            node: None,
            members: Vec::new(),
            online: Vec::new(),
            policy: None,
            durable: None,
            exclusive: None,
            expires_ms: None,
            idle_since: None,
        };
        queue.settle();
        queue
    }

    /// Takes in what was measured since it was listed; what was not is as it was.
    pub fn measure(&mut self, depth: &Depth) {
        let listed = self.listed.unwrap_or_default();
        let Counts { ready, consumers } = depth.counts;
        self.listed =
            Some(Counts { ready: ready.or(listed.ready), consumers: consumers.or(listed.consumers) });
        self.unacked = depth.unacked.or(self.unacked);
        self.settle();
    }

    /// Goes by what was declared: that is true now, where the management API's figures are some seconds old. But
    /// of a stream a declare says nothing, and of a quorum queue's consumers something wrong before 4.3
    /// (operations.md 3.3).
    pub fn settle(&mut self) {
        let listed = self.listed.unwrap_or_default();
        let declared = self.declared.unwrap_or_default();
        self.ready =
            if self.kind == QueueType::Stream { listed.ready } else { declared.ready.or(listed.ready) };
        self.consumers = if self.kind == QueueType::Quorum {
            listed.consumers.or(declared.consumers)
        } else {
            declared.consumers.or(listed.consumers)
        };
    }

    /// Whether one of the two ways says that somebody takes messages, and the other that nobody does.
    pub fn is_disputed(&self) -> bool {
        let listed = self.listed.and_then(|counts| counts.consumers);
        let declared = self.declared.and_then(|counts| counts.consumers);
        let pair = listed.zip(declared).filter(|_| self.kind != QueueType::Quorum);
        pair.is_some_and(|(listed, declared)| (listed == 0) != (declared == 0))
    }
}

impl Identified for Queue {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// What a node's metrics tell of a queue that is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Depth {
    /// The queue's.
    pub id: Text,
    pub counts: Counts,
    pub unacked: Option<u64>,
}

/// What both ways of asking tell of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub ready: Option<u64>,
    pub consumers: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueType {
    Classic,
    Quorum,
    /// A log that keeps what was read: its depth is no backlog.
    Stream,
    /// A word that we do not know, or none.
    Unknown,
}

impl QueueType {
    pub fn parse(word: &str) -> Self {
        // Older and newer brokers name the module in some answers.
        match word {
            "classic" | "rabbit_classic_queue" => Self::Classic,
            "quorum" | "rabbit_quorum_queue" => Self::Quorum,
            "stream" | "rabbit_stream_queue" => Self::Stream,
            _ => Self::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
            Self::Stream => "stream",
            Self::Unknown => "unknown",
        }
    }
}

/// Who takes messages from a queue (`consumer_details` of `GET /api/queues/{vhost}/{name}`, with the
/// connection behind each).
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    pub tag: Text,
    /// `10.0.0.5:33222 -> 10.0.0.11:5672`.
    pub connection: Text,
    pub peer_host: Option<Text>,
    pub user: Option<Text>,
    /// The program and process id in oslo.messaging's connection name `program:pid:uuid`.
    pub program: Option<Text>,
    pub pid: Option<u64>,
    /// The connection's: `running`, `blocked` …
    pub state: Option<Text>,
    pub connected_at: Option<Timestamp>,
    pub prefetch_count: Option<u64>,
    pub active: Option<bool>,
}
