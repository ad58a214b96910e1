//! Notifications, by a queue of our own: exclusive, gone with its connection, and bounded. It is bound beside whatever
//! else is bound to the services' exchanges, so that nobody's messages are taken.

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, Consumer, Event as Notice, ExchangeKind};
use rand::RngExt;

use super::{Amqp, lock, of_host, refusal};
use crate::config::broker::Transport;
use crate::model::Event;
use crate::source::rabbitmq::notification;
use crate::source::{Error, ErrorKind, ServiceKind};

/// Messages that wait for us at most: older ones are dropped then, and that is noticed.
const ROOM: u32 = 10_000;
/// Messages that are on their way to us at most.
const PREFETCH: u16 = 500;
/// Our queue is looked at after so many messages at the latest. In between it cannot have been full and emptied so far
/// that nothing is seen of it.
const STRIDE: u64 = 2_000;
/// Both formats, of any priority.
const KEYS: [&str; 2] = ["notifications.*", "versioned_notifications.*"];

/// What is heard of one vhost.
pub struct Heard {
    /// It closes when it is dropped, and what it consumes ends with it.
    _channel: Channel,
    /// For looks at our queue: a channel that consumes answers them behind what it delivers.
    looks: Channel,
    consumer: Consumer,
    /// Whether the broker takes anything from us.
    notices: BoxStream<'static, Notice>,
    blocked: Option<String>,
    queue: ShortString,
    host: String,
    amqp: Amqp,
    /// Messages since the last look.
    taken: u64,
    /// Messages that are no notification as we know them; the first one is logged.
    strange: u64,
}

impl Amqp {
    /// Whether the settings ask for it.
    pub fn listens(&self) -> bool {
        !self.inner.exchanges.is_empty()
    }

    /// Begins to listen. What was said before is not heard.
    ///
    /// # Errors
    /// Nobody lets us in, none of the exchanges is there, or the account may not have a queue of its own.
    pub async fn listen(&self) -> Result<Heard, Error> {
        let mut link = self.inner.link.lock().await;
        // Whatever was heard before ends with its connection.
        link.connection = None;
        self.connected(&mut link).await?;
        let host = self.inner.transport.hosts.get(link.at).map(of_host).unwrap_or_default();
        let Some(connection) = &link.connection else { return Err(refusal::silent(&host)) };
        let outcome =
            self.answered(&host, self.subscribed(connection, &host)).await.and_then(|outcome| outcome);
        if outcome.is_err() {
            link.connection = None;
        }
        outcome
    }

    /// Our queue, bound to those of the exchanges that are there.
    async fn subscribed(&self, connection: &Connection, host: &str) -> Result<Heard, Error> {
        let transport = &self.inner.transport;
        let said = |error: &lapin::Error| refusal::refusal(error, host, transport);
        let notices = connection.events_listener().boxed();
        let mut exchanges = Vec::new();
        for name in &self.inner.exchanges {
            let channel = connection.create_channel().await.map_err(|error| said(&error))?;
            let name = ShortString::try_new(name.as_str()).unwrap_or_default();
            let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            let there =
                channel.exchange_declare(name.clone(), ExchangeKind::Topic, passive, FieldTable::default());
            match there.await {
                Ok(()) => {
                    exchanges.push(name);
                    let _ = channel.close(200, "".into()).await;
                }
                // The channel is closed: the next exchange has another.
                Err(error) if refusal::of_queue(&error).is_some() => {}
                Err(error) => return Err(said(&error)),
            }
        }
        if exchanges.is_empty() {
            return Err(nothing(&self.inner.exchanges, transport));
        }
        let channel = connection.create_channel().await.map_err(|error| said(&error))?;
        let looks = connection.create_channel().await.map_err(|error| said(&error))?;
        let queue = name();
        let consumer = subscribe(&channel, &queue, &exchanges).await;
        let consumer =
            consumer.map_err(|error| lacks(&error, host, transport).unwrap_or_else(|| said(&error)))?;
        Ok(Heard {
            _channel: channel,
            looks,
            consumer,
            notices,
            blocked: None,
            queue,
            host: host.to_owned(),
            amqp: self.clone(),
            taken: 0,
            strange: 0,
        })
    }
}

/// Below `stackwatch.`, so that a permission can name it.
fn name() -> ShortString {
    let number: u64 = rand::rng().random();
    ShortString::try_new(format!("stackwatch.{number:016x}")).unwrap_or_default()
}

async fn subscribe(
    channel: &Channel,
    queue: &ShortString,
    exchanges: &[ShortString],
) -> Result<Consumer, lapin::Error> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut bounds = FieldTable::default();
    bounds.insert("x-max-length".into(), AMQPValue::LongUInt(ROOM));
    bounds.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
    let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.clone(), own, bounds).await?;
    for exchange in exchanges {
        for key in KEYS {
            let bind = QueueBindOptions::default();
            channel
                .queue_bind(queue.clone(), exchange.clone(), key.into(), bind, FieldTable::default())
                .await?;
        }
    }
    let alone = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.clone(), "stackwatch".into(), alone, FieldTable::default()).await
}

fn nothing(exchanges: &[String], transport: &Transport) -> Error {
    Error::new(
        ErrorKind::Missing,
        ServiceKind::Broker,
        format!("the vhost {} has none of the exchanges {}", transport.vhost, exchanges.join(", ")),
        "do the services send notifications, and here? `driver = messagingv2` in \
         [oslo_messaging_notifications]; else name their exchanges by `notifications` in [broker]",
    )
}

/// An account that may look, and not have a queue.
fn lacks(error: &lapin::Error, host: &str, transport: &Transport) -> Option<Error> {
    let refused = refusal::refused(error)?;
    let Transport { user, vhost, .. } = transport;
    Some(Error::new(
        ErrorKind::Forbidden,
        ServiceKind::Broker,
        format!("rabbitmq at {host} (AMQP) lets user {user} not listen: {refused}"),
        format!("rabbitmqctl set_permissions -p {vhost} {user} '^stackwatch\\.' '^stackwatch\\.' '.*'"),
    ))
}

impl Heard {
    /// Waits for the next message and takes what else is there, up to `limit`. What is no notification is
    /// left out; nothing comes when the broker blocks the connection, or lets it go on.
    ///
    /// # Errors
    /// The connection or our queue is gone.
    pub async fn batch(&mut self, limit: usize) -> Result<Vec<Event>, Error> {
        let mut ready = (&mut self.consumer).ready_chunks(limit);
        let deliveries = tokio::select! {
            deliveries = ready.next() => deliveries,
            Some(notice) = self.notices.next() => {
                self.notice(notice);
                return Ok(Vec::new());
            }
        };
        let Some(deliveries) = deliveries else {
            return Err(refusal::cancelled(&self.host));
        };
        self.taken += deliveries.len() as u64;
        let mut events = Vec::with_capacity(deliveries.len());
        let mut last: Option<Delivery> = None;
        let mut lost = None;
        for delivery in deliveries {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(error) => {
                    lost = Some(self.said(&error));
                    break;
                }
            };
            match notification::parse(&delivery.data) {
                Ok(event) => events.push(event),
                Err(error) => {
                    self.strange += 1;
                    if self.strange == 1 {
                        let vhost = self.amqp.vhost();
                        tracing::warn!("a message on {vhost} is no notification: {error}");
                    }
                }
            }
            last = Some(delivery);
        }
        if let Some(last) = last {
            lost = lost.or(self.ack(&last).await.err());
        }
        match lost {
            // What was heard before the end counts. The next call learns of the end too.
            Some(error) if events.is_empty() => Err(error),
            _ => Ok(events),
        }
    }

    /// Acknowledges all up to this one. On a blocked connection that waits until it goes on, and nobody waits for it.
    async fn ack(&mut self, last: &Delivery) -> Result<(), Error> {
        let mut acked = Box::pin(last.acker.ack(BasicAckOptions { multiple: true }));
        if self.blocked.is_some() {
            // Asked once it is on its way.
            let _ = (&mut acked).now_or_never();
            return Ok(());
        }
        let outcome = tokio::select! {
            biased;
            outcome = &mut acked => outcome,
            Some(notice) = self.notices.next() => {
                self.notice(notice);
                if self.blocked.is_some() {
                    return Ok(());
                }
                acked.await
            }
        };
        outcome.map(drop).map_err(|error| self.said(&error))
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::ConnectionBlocked(reason) => self.blocked = Some(reason),
            Notice::ConnectionUnblocked => self.blocked = None,
            _ => {}
        }
    }

    /// Why less is heard than there is, though the connection stands.
    pub fn trouble(&self) -> Option<Error> {
        self.blocked.as_ref().map(|reason| refusal::blocked(&self.host, reason))
    }

    /// Whether so much was heard that our queue should be looked at.
    pub fn wants_a_look(&self) -> bool {
        self.taken >= STRIDE && self.blocked.is_none()
    }

    /// Whether our queue may have been so full since the last look that the oldest messages in it were dropped.
    ///
    /// # Errors
    /// The connection or our queue is gone.
    pub async fn may_have_dropped(&mut self) -> Result<bool, Error> {
        if self.blocked.is_some() {
            return Ok(false);
        }
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        lock(&self.amqp.inner.asked).requests += 1;
        let asked = self.looks.queue_declare(self.queue.clone(), passive, FieldTable::default());
        let told = self.amqp.answered(&self.host, asked).await?.map_err(|error| self.said(&error))?;
        // What it has lost since it was full was handed to us.
        let taken = std::mem::take(&mut self.taken) + u64::from(PREFETCH);
        Ok(u64::from(told.message_count()) + taken >= u64::from(ROOM))
    }

    fn said(&self, error: &lapin::Error) -> Error {
        refusal::refusal(error, &self.host, &self.amqp.inner.transport)
    }
}
