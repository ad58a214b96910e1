//! AMQP 0-9-1 to one vhost of a broker, over all of its hosts: passive declares, which tell depth and consumers
//! to an account that the management API does not know.
//!
//! A passive declare changes nothing but one thing: it renews the expiry of a queue that has one (operations.md
//! 3.3). So only queues are asked for that stay by themselves. Nothing is taken from a queue, nothing is published.

mod dial;
mod listen;
mod refusal;

use std::sync::{Arc, Mutex as Lock};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use lapin::auth::AuthProvider;
use lapin::options::QueueDeclareOptions;
use lapin::runtime::default_runtime;
use lapin::types::{FieldTable, LongString, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::sync::Mutex;

use super::client::{lock, of_all};
use crate::config::broker::{BrokerConfig, Host, Transport};
use crate::config::secret::Secret;
use crate::model::Text;
use crate::source::{Error, ErrorKind, Limits, ServiceKind, Traffic};
pub use listen::Heard;

/// Declares that are under way at once. Those behind one that finds nothing are void and sent again, so that more
/// would cost more than they save.
const PIPELINE: usize = 200;
/// Seconds between two signs of life, as oslo.messaging has it.
const HEARTBEAT: u16 = 60;
/// Bytes of a frame, at most. A broker may set no bound at all (`frame_max = 0`), and lapin keeps room for 32 of
/// those that were agreed on; from 4.1 on it takes 8192 and more only.
const FRAME: u32 = 32_768;
/// How long a node may say nothing to what it answers at once when it is well.
const ANSWER: Duration = Duration::from_secs(15);
/// Bytes of a queue's or vhost's name, at most.
const NAME: usize = 255;

/// One vhost of a broker. Clones share the connection.
#[derive(Clone)]
pub struct Amqp {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Text,
    /// Whose notifications are listened to.
    exchanges: Vec<String>,
    vhost: Text,
    transport: Transport,
    dialer: Arc<dial::Dialer>,
    limits: Limits,
    link: Mutex<Link>,
    asked: Arc<Lock<Asked>>,
}

/// The connection, and the host that it goes to, or went to last.
#[derive(Default)]
struct Link {
    at: usize,
    connection: Option<Connection>,
    /// Why the broker has blocked it, as far as it has.
    blocked: String,
}

/// What was asked so far: each login and each declare counts, each time nobody answered as a failure.
struct Asked {
    started: Instant,
    requests: u64,
    errors: u64,
    /// How long the last round of declares took.
    latency: Duration,
}

impl Default for Asked {
    fn default() -> Self {
        Self { started: Instant::now(), requests: 0, errors: 0, latency: Duration::ZERO }
    }
}

/// What a passive declare says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declared {
    /// Messages that wait for a consumer, and how many of those there are.
    There {
        ready: u64,
        consumers: u64,
    },
    Missing,
    /// Why this account may not know, in the broker's words.
    Refused(Text),
}

impl Amqp {
    /// One for each vhost of a broker. No I/O but reading certificates.
    pub fn all(config: &BrokerConfig, limits: Limits) -> Result<Vec<Self>, Error> {
        let of_vhost = |transport: &Transport| {
            let inner = Inner {
                broker: config.name.as_str().into(),
                exchanges: config.notifications.clone(),
                vhost: transport.vhost.as_str().into(),
                transport: transport.clone(),
                dialer: Arc::new(dial::Dialer::new(transport.secure, &config.tls, limits.connect)?),
                limits,
                link: Mutex::default(),
                asked: Arc::default(),
            };
            Ok(Self { inner: Arc::new(inner) })
        };
        config.transports.iter().map(of_vhost).collect()
    }

    /// The same vhost, with a connection of its own. What it asks is counted together.
    pub fn another(&self) -> Self {
        let Inner { broker, exchanges, vhost, transport, dialer, limits, asked, .. } = &*self.inner;
        let inner = Inner {
            broker: broker.clone(),
            exchanges: exchanges.clone(),
            vhost: vhost.clone(),
            transport: transport.clone(),
            dialer: dialer.clone(),
            limits: *limits,
            link: Mutex::default(),
            asked: asked.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The name of the broker whose vhost this is.
    pub fn broker(&self) -> &Text {
        &self.inner.broker
    }

    pub fn vhost(&self) -> &Text {
        &self.inner.vhost
    }

    pub fn user(&self) -> &str {
        &self.inner.transport.user
    }

    /// What it was asked so far, as of other services. Nobody counts AMQP's bytes.
    pub fn traffic(&self) -> Traffic {
        let asked = lock(&self.inner.asked);
        let elapsed = asked.started.elapsed().as_secs_f64().max(1.0);
        Traffic {
            service: Some(ServiceKind::Amqp),
            requests: asked.requests,
            errors: asked.errors,
            bytes: None,
            latency: asked.latency,
            rate: asked.requests as f64 / elapsed,
        }
    }

    /// `host:port` of the node that the connection goes to; that would be tried first where there is none.
    pub async fn address(&self) -> String {
        let at = self.inner.link.lock().await.at;
        self.inner.transport.hosts.get(at).map(of_host).unwrap_or_default()
    }

    /// Opens the connection, where there is none.
    pub async fn open(&self) -> Result<(), Error> {
        let mut link = self.inner.link.lock().await;
        self.connected(&mut link).await.map(drop)
    }

    /// Declares these queues passively; the answers stand in the order of the names.
    ///
    /// # Errors
    /// No host lets us in, or the connection was lost or blocked on the way: then the next call opens a new one, or
    /// waits for the broker to let the old one go on.
    pub async fn declare(&self, names: &[Text]) -> Result<Vec<Declared>, Error> {
        let mut link = self.inner.link.lock().await;
        self.connected(&mut link).await?;
        let started = Instant::now();
        let host = self.inner.transport.hosts.get(link.at).map(of_host).unwrap_or_default();
        let Link { connection: Some(connection), blocked: why, .. } = &mut *link else {
            return Err(of_all(Vec::new()));
        };
        let connection = &*connection;
        // lapin writes nothing on a blocked connection: what is asked there waits.
        if connection.status().blocked() {
            return Err(refusal::blocked(&host, why));
        }
        let outcome = tokio::select! {
            biased;
            outcome = self.declare_all(connection, names, &host) => outcome,
            reason = blocked(connection) => {
                *why = reason;
                Err(refusal::blocked(&host, why))
            }
        };
        let is_blocked = connection.status().blocked();
        let mut asked = lock(&self.inner.asked);
        match &outcome {
            Ok(_) => asked.latency = started.elapsed(),
            Err(error) => {
                asked.errors += 1;
                // What is left of it would keep the next question waiting too.
                if !is_blocked {
                    link.connection = None;
                    // So would a host that hangs: the next one is tried before it.
                    link.at += usize::from(error.kind == ErrorKind::Timeout);
                    link.at %= self.inner.transport.hosts.len().max(1);
                }
            }
        }
        outcome
    }

    /// Passive declares of all of them, so many at once. The broker answers in order; one that fails closes its
    /// channel, and whatever was sent behind it is void and sent again.
    async fn declare_all(
        &self,
        connection: &Connection,
        names: &[Text],
        host: &str,
    ) -> Result<Vec<Declared>, Error> {
        let said = |error: lapin::Error| refusal::refusal(&error, host, &self.inner.transport);
        let mut answers = Vec::with_capacity(names.len());
        let mut channel = None;
        while let Some(rest) = names.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            let batch = rest.get(..PIPELINE).unwrap_or(rest);
            lock(&self.inner.asked).requests += batch.len() as u64;
            let asked = declare(connection, channel.take(), batch);
            let (some, open) = self.answered(host, asked).await?.map_err(said)?;
            answers.extend(some);
            channel = open;
        }
        if let Some(channel) = channel {
            self.answered(host, channel.close(200, "".into())).await?.map_err(said)?;
        }
        Ok(answers)
    }

    /// What a node answers, unless it is silent for too long.
    async fn answered<T>(&self, host: &str, asked: impl Future<Output = T>) -> Result<T, Error> {
        let patience = self.inner.limits.total.min(ANSWER);
        tokio::time::timeout(patience, asked).await.map_err(|_| refusal::silent(host))
    }

    /// The connection: that which there is, or to the first host that lets us in.
    async fn connected<'a>(&self, link: &'a mut Link) -> Result<&'a Connection, Error> {
        let hosts = &self.inner.transport.hosts;
        let lost = link.connection.as_ref().is_none_or(|connection| !connection.status().connected());
        if lost {
            (link.connection, link.blocked) = (None, String::new());
            let mut failed: Vec<(String, Error)> = Vec::new();
            for at in (0..hosts.len()).map(|n| (link.at + n) % hosts.len()) {
                let Some(host) = hosts.get(at) else { break };
                match self.enter(host).await {
                    Ok(connection) => {
                        (link.at, link.connection) = (at, Some(connection));
                        break;
                    }
                    Err(error) if refusal::is_of_host(&error) => failed.push((of_host(host), error)),
                    Err(error) => return Err(error),
                }
            }
            if link.connection.is_none() {
                return Err(of_all(failed));
            }
        }
        link.connection.as_ref().ok_or_else(|| of_all(Vec::new()))
    }

    /// A connection to one host, from the socket to the vhost.
    async fn enter(&self, host: &Host) -> Result<Connection, Error> {
        let outcome = self.log_in(host).await;
        let mut asked = lock(&self.inner.asked);
        asked.requests += 1;
        asked.errors += u64::from(outcome.is_err());
        outcome
    }

    async fn log_in(&self, host: &Host) -> Result<Connection, Error> {
        let transport = &self.inner.transport;
        if transport.vhost.len() > NAME {
            return Err(refusal::no_vhost(transport));
        }
        let stream = Lock::new(Some(self.inner.dialer.open(host).await?));
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                // The password is with `Plain` alone.
                userinfo: AMQPUserInfo { username: transport.user.clone(), password: String::new() },
                host: host.name.clone(),
                port: host.port,
            },
            vhost: transport.vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(HEARTBEAT),
                frame_max: Some(FRAME),
                ..AMQPQueryString::default()
            },
        };
        let login = Plain { user: transport.user.clone(), password: transport.password.clone() };
        let properties = ConnectionProperties::default()
            .with_connection_name("stackwatch".into())
            .with_client_property("product".into(), "stackwatch".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into())
            .with_auth_provider(login);
        let opening = Connection::connector(
            uri,
            default_runtime().map_err(|error| refusal::refusal(&error, &of_host(host), transport))?,
            async move |_, _| {
                let stream = lock(&stream).take();
                let lost = || std::io::Error::from(std::io::ErrorKind::NotConnected);
                Ok(stream.ok_or_else(lost)?)
            },
            properties,
        );
        match tokio::time::timeout(self.inner.limits.connect, opening).await {
            Ok(outcome) => outcome.map_err(|error| refusal::refusal(&error, &of_host(host), transport)),
            Err(_) => Err(refusal::silent(&of_host(host))),
        }
    }
}

fn of_host(host: &Host) -> String {
    format!("{}:{}", host.in_url(), host.port)
}

/// Waits until the broker blocks this connection, and for its words.
async fn blocked(connection: &Connection) -> String {
    let mut events = connection.events_listener();
    loop {
        match events.next().await {
            Some(Event::ConnectionBlocked(reason)) => return reason,
            Some(_) => {}
            None => return std::future::pending().await,
        }
    }
}

/// Passive declares of so many queues at once. The answers are those up to the first that closed the channel; it is
/// handed back where none has.
async fn declare(
    connection: &Connection,
    channel: Option<Channel>,
    names: &[Text],
) -> Result<(Vec<Declared>, Option<Channel>), lapin::Error> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let open = match channel {
        Some(open) => open,
        None => connection.create_channel().await?,
    };
    let batch = names.iter().map(|name| async {
        match ShortString::try_new(&**name) {
            Ok(name) => open.queue_declare(name, passive, FieldTable::default()).await.map(Some),
            // No queue has such a name.
            Err(_) => Ok(None),
        }
    });
    let mut answers = Vec::with_capacity(names.len());
    for outcome in join_all(batch).await {
        answers.push(match outcome {
            Ok(Some(queue)) => Declared::There {
                ready: queue.message_count().into(),
                consumers: queue.consumer_count().into(),
            },
            Ok(None) => Declared::Missing,
            Err(error) => match refusal::of_queue(&error) {
                Some(answer) => {
                    answers.push(answer);
                    return Ok((answers, None));
                }
                None => return Err(error),
            },
        });
    }
    Ok((answers, Some(open)))
}

/// The mechanism that every broker knows. The password is handed on when it is asked for, and is nowhere else.
struct Plain {
    user: String,
    password: Secret,
}

impl AuthProvider for Plain {
    fn mechanism(&self) -> ShortString {
        "PLAIN".into()
    }

    fn auth_starter(&self) -> Result<LongString, String> {
        Ok(format!("\0{}\0{}", self.user, self.password.expose()).into())
    }
}
