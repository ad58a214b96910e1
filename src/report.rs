//! What a collector can say. Success, progress and failure travel in the same channel: an outage is data too.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    Agent, Aggregate, Allowances, AmqpState, Assignment, Broker, BrokerNode, Consumer, Counts, Course, Depth,
    Event, Heard, Hypervisor, Instance, InstanceAction, Migration, Named, NamedKind, Provider, Queue,
    QuotaService, Service, StorageAccount, Stretch, Text, Trouble, Usage, Wish,
};
use crate::trace::Account;

/// One thing a collector says, with its own time: the store reads no clock.
#[derive(Clone, Debug)]
pub struct Report {
    pub at: Timestamp,
    /// Grows when the cloud or region changes; reports of an older epoch are dropped.
    pub epoch: u64,
    pub outcome: Outcome,
}

impl Report {
    /// As if it had been heard then: for a clock that stands still.
    pub fn heard_at(mut self, at: Timestamp) -> Self {
        self.at = at;
        if let Outcome::Part(Delta::Providers(rows)) = &mut self.outcome {
            for row in rows {
                row.inventories.iter_mut().for_each(|(read, _)| *read = at);
                row.usages.iter_mut().for_each(|(read, _)| *read = at);
            }
        }
        self
    }
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// A full read starts; `expected` rows, if that is known.
    Begin { topic: Topic, expected: Option<usize> },
    /// Upserts and removals, by page or by event.
    Part(Delta),
    /// A full read ended. Rows that a complete read did not name go now, never before.
    /// `limit`: what this account may not see of it, though the read succeeded.
    End { topic: Topic, complete: bool, limit: Option<Outage> },
    /// An incremental read ended: what is there is true as of this report.
    Current { topic: Topic },
    /// The topic could not be had. What was known stays, and ages.
    Outage { topic: Topic, outage: Outage },
}

/// A kind of facts that is read, ages and fails as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    Identity,
    Services,
    Hypervisors,
    Aggregates,
    Providers,
    Instances,
    Migrations,
    Agents,
    Projects,
    Users,
    Images,
    Actions,
    Console,
    Brokers,
    Nodes,
    Queues,
    Consumers,
    Events,
    VolumeServices,
    Trace,
    Logs,
    Around,
    History,
    NovaQuotas,
    CinderQuotas,
    NeutronQuotas,
    GlanceQuotas,
    Assignments,
    Usage,
    Account,
}

impl Topic {
    pub const ALL: [Topic; 30] = [
        Topic::Identity,
        Topic::Services,
        Topic::Hypervisors,
        Topic::Aggregates,
        Topic::Providers,
        Topic::Instances,
        Topic::Migrations,
        Topic::Agents,
        Topic::Projects,
        Topic::Users,
        Topic::Images,
        Topic::Actions,
        Topic::Console,
        Topic::Brokers,
        Topic::Nodes,
        Topic::Queues,
        Topic::Consumers,
        Topic::Events,
        Topic::VolumeServices,
        Topic::Trace,
        Topic::Logs,
        Topic::Around,
        Topic::History,
        Topic::NovaQuotas,
        Topic::CinderQuotas,
        Topic::NeutronQuotas,
        Topic::GlanceQuotas,
        Topic::Assignments,
        Topic::Usage,
        Topic::Account,
    ];

    /// The name in `sources` and messages.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Identity => "identity",
            Topic::Services => "services",
            Topic::Hypervisors => "hypervisors",
            Topic::Aggregates => "aggregates",
            Topic::Providers => "providers",
            Topic::Instances => "instances",
            Topic::Migrations => "migrations",
            Topic::Agents => "agents",
            Topic::Projects => "projects",
            Topic::Users => "users",
            Topic::Images => "images",
            Topic::Actions => "instance actions",
            Topic::Console => "console log",
            Topic::Brokers => "broker",
            Topic::Nodes => "nodes",
            Topic::Queues => "queues",
            Topic::Consumers => "consumers",
            Topic::Events => "notifications",
            Topic::VolumeServices => "volume services",
            Topic::Trace => "trace",
            Topic::Logs => "logs",
            Topic::Around => "log around a line",
            Topic::History => "history",
            Topic::NovaQuotas | Topic::CinderQuotas | Topic::NeutronQuotas | Topic::GlanceQuotas => "quotas",
            Topic::Assignments => "role assignments",
            Topic::Usage => "usage",
            Topic::Account => "account",
        }
    }

    /// The service that answers for it.
    pub fn source(self) -> &'static str {
        match self {
            Topic::Identity | Topic::Projects | Topic::Users | Topic::Assignments => "keystone",
            Topic::Services
            | Topic::Hypervisors
            | Topic::Aggregates
            | Topic::Instances
            | Topic::Migrations
            | Topic::Actions
            | Topic::Console
            | Topic::NovaQuotas
            | Topic::Usage => "nova",
            Topic::Providers => "placement",
            Topic::Agents | Topic::NeutronQuotas => "neutron",
            Topic::Images | Topic::GlanceQuotas => "glance",
            Topic::VolumeServices | Topic::CinderQuotas => "cinder",
            Topic::Account => "swift",
            Topic::Trace | Topic::Logs | Topic::Around => "logs",
            Topic::Brokers | Topic::Nodes | Topic::Queues | Topic::Consumers | Topic::Events => "rabbitmq",
            Topic::History => "history",
        }
    }

    /// Whether a broker answers for it, and no service of the cloud.
    pub fn is_of_broker(self) -> bool {
        matches!(self, Topic::Brokers | Topic::Nodes | Topic::Queues | Topic::Consumers | Topic::Events)
    }

    /// The quotas of a service.
    pub fn of_quotas(service: QuotaService) -> Self {
        match service {
            QuotaService::Nova => Topic::NovaQuotas,
            QuotaService::Cinder => Topic::CinderQuotas,
            QuotaService::Neutron => Topic::NeutronQuotas,
            QuotaService::Glance => Topic::GlanceQuotas,
        }
    }

    /// Asked for project by project in a slow round: each row has an age of its own.
    pub fn is_of_quotas(self) -> bool {
        QuotaService::ALL.into_iter().any(|service| Topic::of_quotas(service) == self)
    }

    /// Heard only where the settings ask for it: nobody waits for it.
    pub fn is_optional(self) -> bool {
        matches!(self, Topic::Events | Topic::History)
    }

    /// Read only when somebody goes into something.
    pub fn is_asked_for(self) -> bool {
        matches!(
            self,
            Topic::Actions
                | Topic::Console
                | Topic::Consumers
                | Topic::Trace
                | Topic::Around
                | Topic::Assignments
                | Topic::Usage
                | Topic::Account
        )
    }

    /// The age from which the topic's facts are drawn as stale, though nobody reported an outage: three
    /// times the longest pause that its collector makes.
    pub fn stale_after(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Topic::Instances => 90,
            // The connection is looked after each 15 s; of files that are silent it is said as often.
            Topic::Events | Topic::Logs => 60,
            Topic::Services
            | Topic::Migrations
            | Topic::Agents
            | Topic::VolumeServices
            | Topic::Brokers
            | Topic::Nodes => 120,
            Topic::Hypervisors | Topic::History => 210,
            Topic::Providers | Topic::Aggregates => 1_200,
            Topic::Identity | Topic::Projects | Topic::Users | Topic::Images => 7_200,
            Topic::Actions
            | Topic::Console
            | Topic::Consumers
            | Topic::Trace
            | Topic::Around
            | Topic::Assignments
            | Topic::Usage
            | Topic::Account => 300,
            // A large broker is asked no more often than it can bear.
            Topic::Queues => 600,
            // Somebody is asked about as long as there are projects; a quarter of an hour where there are few.
            Topic::NovaQuotas | Topic::CinderQuotas | Topic::NeutronQuotas | Topic::GlanceQuotas => 2_700,
        })
    }
}

/// Changed facts of one kind.
#[derive(Clone, Debug)]
pub enum Delta {
    Identity(Box<Identity>),
    Services(Vec<Service>),
    Hypervisors(Vec<Hypervisor>),
    Aggregates(Vec<Aggregate>),
    /// Providers carry only what was read of them; the store merges inventories and usages.
    Providers(Vec<Provider>),
    Instances(Vec<Instance>),
    Migrations(Vec<Migration>),
    Agents(Vec<Agent>),
    VolumeServices(Vec<Service>),
    Names(NamedKind, Vec<Named>),
    Remove(Topic, Vec<Text>),
    /// An answer to a question about one instance.
    Actions {
        instance: Text,
        actions: Vec<InstanceAction>,
    },
    Console {
        instance: Text,
        text: Text,
    },
    Brokers(Vec<Broker>),
    Nodes(Vec<BrokerNode>),
    Queues(Vec<Queue>),
    /// What changed of queues that were listed before.
    Depths(Vec<Depth>),
    /// What passive declares say in one vhost: all that is known of it, each time.
    Amqp {
        state: AmqpState,
        found: Vec<(Text, Counts)>,
    },
    /// What services said over the bus, in the order in which it came.
    Events(Vec<Event>),
    /// Notifications may have been missed: what they would have told must be asked for.
    Missed,
    /// What the logs hold of a subject: all of it so far.
    Trace(Arc<Account>),
    /// What stands around a line of a log.
    Around(Arc<Stretch>),
    /// Lines of logs that are tailed.
    Logs(Box<Heard>),
    /// What became of a series: an answer to this question.
    Trend(Wish, Arc<[Course]>),
    /// What a service says of quotas.
    Quotas(QuotaService, QuotaSaid),
    /// An answer to a question about one project, by its id.
    Project(Text, ProjectSaid),
    /// An answer to a question about one queue, by its id.
    Consumers {
        queue: Text,
        consumers: Vec<Consumer>,
    },
}

/// What one project is answered to one question, or why there is no answer.
#[derive(Clone, Debug)]
pub enum ProjectSaid {
    /// Who has a role in it.
    Assignments(Result<Vec<Assignment>, Trouble>),
    /// What it has used in the last day.
    Usage(Result<Usage, Trouble>),
    /// Its account in the object store, `None` where it has none yet.
    Account(Result<Option<StorageAccount>, Trouble>),
}

/// One thing that a service says of quotas, or does not.
#[derive(Clone, Debug)]
pub enum QuotaSaid {
    /// It is not in the catalog, or has no quotas: nobody is limited by it.
    Absent,
    /// What a project may have of which nobody has said anything else.
    Defaults(Allowances),
    /// Its answer about one project, by id, or why there is none.
    Project(Text, Result<Allowances, Trouble>),
    /// This project, by id, was deleted since it was listed.
    Gone(Text),
}

/// Who we are to the cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub user: Text,
    pub project: Option<Text>,
    pub project_id: Option<Text>,
    pub roles: Vec<Text>,
    pub expires_at: Option<Timestamp>,
    /// How far this machine's clock is behind the cloud's (negative: ahead), when it was measured.
    pub clock_offset: Option<SignedDuration>,
}

/// Why a topic could not be had, in words for the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    pub kind: OutageKind,
    /// Names the source and the cause.
    pub message: String,
    /// What to do about it.
    pub next_step: String,
    pub request_id: Option<String>,
    /// When it is tried again.
    pub retry_in: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutageKind {
    Unreachable,
    Auth,
    Forbidden,
    BadAnswer,
    Missing,
}

impl OutageKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::BadAnswer => "bad answer",
            Self::Missing => "missing",
        }
    }
}
