//! The collector of notifications by itself.

use std::time::Duration;

use stackwatch::collect::{self, Outlet};
use stackwatch::model::Event;
use stackwatch::report::{Delta, Outage, Outcome, Report, Topic};
use stackwatch::request::Wanted;
use stackwatch::source::Sources;
use stackwatch::source::rabbitmq::Amqp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How long anything may take that it says: a node that starts takes its time.
const DEADLINE: Duration = Duration::from_secs(90);

/// The collector of notifications at work, and what it says.
pub struct Listening {
    reports: mpsc::Receiver<Report>,
    task: JoinHandle<()>,
    _wanted: watch::Sender<Wanted>,
}

/// What it says, as far as these tests are about it.
#[derive(Debug, PartialEq)]
pub enum Says {
    Well,
    Part(String),
    Out(String),
    Heard(Vec<String>),
    Missed,
}

impl Listening {
    pub fn start(amqp: Vec<Amqp>) -> Self {
        Self::with_room(amqp, 64)
    }

    /// Whose reports are taken so few at a time that it must wait for who reads them.
    pub fn with_room(amqp: Vec<Amqp>, room: usize) -> Self {
        let sources = Sources { amqp, ..Sources::default() };
        let mut collectors = collect::all(&sources);
        let at = collectors.iter().position(|collector| collector.topic() == Topic::Events).unwrap();
        let collector = collectors.swap_remove(at);
        let (to, reports) = mpsc::channel(room);
        let (_wanted, wants) = watch::channel(Wanted::default());
        let task = tokio::spawn(collect::supervise(collector, wants, Outlet::new(to, 0)));
        Self { reports, task, _wanted }
    }

    pub async fn report(&mut self) -> Report {
        let report = tokio::time::timeout(DEADLINE, self.reports.recv()).await;
        report.expect("something is said").unwrap()
    }

    pub async fn next(&mut self) -> Says {
        match self.report().await.outcome {
            Outcome::End { complete: true, limit: None, .. } => Says::Well,
            Outcome::End { limit: Some(Outage { message, .. }), .. } => Says::Part(message),
            Outcome::Outage { outage, .. } => Says::Out(outage.message),
            Outcome::Part(Delta::Events(events)) => {
                Says::Heard(events.iter().map(|event: &Event| event.id.to_string()).collect())
            }
            Outcome::Part(Delta::Missed) => Says::Missed,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A notification with this id, of so many bytes at least.
pub fn notification(id: &str, size: usize) -> Vec<u8> {
    let padding = "x".repeat(size);
    let message = serde_json::json!({
        "message_id": id, "publisher_id": "nova-compute:cmp01", "event_type": "instance.update",
        "payload": { "padding": padding },
    });
    message.to_string().into_bytes()
}
