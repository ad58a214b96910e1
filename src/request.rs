//! What flows left: what the screen makes worth asking, and questions about one thing.
//!
//! Panes and the app know this and no collector; collectors know this and no pane.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{NamedKind, Passage, Text, Wish};
use crate::report::Topic;

/// What the screen and the store make worth asking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Grows by one each time that the operator asks for a topic anew.
    pub refresh: BTreeMap<Topic, u64>,
    /// Hypervisors on screen, by id: Placement is asked about these first.
    pub hypervisors: Vec<Text>,
    /// Projects with their quotas on screen, by id: these are asked about first.
    pub projects: Vec<Text>,
    /// All projects, by id, those that use most first; `None` until they were read.
    pub quotas: Option<Arc<[Text]>>,
    /// Ids on screen whose names nobody has told yet.
    pub names: Vec<(NamedKind, Text)>,
    /// Names of the queues that OpenStack's services have declared; `None` until their lists were read.
    pub queues: Option<Arc<[Text]>>,
    /// Grows with each notification that told less than must be known: an instance that nobody knew, or a gap.
    pub stirred: u64,
    /// What is on screen of what was recorded: asked for at once, and again now and then.
    pub trends: Vec<Wish>,
    /// What is traced: a UUID, or a request id.
    pub trace: Option<Text>,
    /// Logs are looked at as they grow.
    pub logs: bool,
    /// Notifications are heard: what they tell need not be asked for as often.
    pub heard: bool,
    /// Nobody has looked for long: poll at a quarter of the rate.
    pub slow: bool,
}

/// A question of a drill-down, asked when the operator goes into something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// What was done to this instance.
    Actions(Text),
    /// The tail of its console log.
    Console(Text),
    /// Its own row, now.
    Instance(Text),
    /// What stands around a line of a log.
    Around(Passage),
    /// Who takes messages from this queue.
    Consumers { broker: Text, vhost: Text, name: Text },
    /// What became of these series.
    Trend(Vec<Wish>),
    /// Who has a role in this project.
    Assignments(Text),
    /// What this project has used in the last day.
    Usage(Text),
    /// What this project has in the object store.
    Account(Text),
}

impl Query {
    pub fn topic(&self) -> Topic {
        match self {
            Query::Actions(_) => Topic::Actions,
            Query::Console(_) => Topic::Console,
            Query::Instance(_) => Topic::Instances,
            Query::Around(_) => Topic::Around,
            Query::Consumers { .. } => Topic::Consumers,
            Query::Trend(_) => Topic::History,
            Query::Assignments(_) => Topic::Assignments,
            Query::Usage(_) => Topic::Usage,
            Query::Account(_) => Topic::Account,
        }
    }

    /// Two queries of the same slot do not run together: the newer one wins.
    pub fn slot(&self) -> &'static str {
        self.topic().name()
    }
}
