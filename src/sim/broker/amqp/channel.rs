//! A channel: queues declared, bound, consumed from, and what was delivered and is not acknowledged yet.

use std::collections::BTreeMap;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use amq_protocol::protocol::basic::{self, AMQPMethod as Basic};
use amq_protocol::protocol::channel::{self, AMQPMethod as Own};
use amq_protocol::protocol::confirm::{self, AMQPMethod as Confirm};
use amq_protocol::protocol::exchange::{self, AMQPMethod as Exchange};
use amq_protocol::protocol::{AMQPClass, BasicProperties};
use amq_protocol::types::FieldTable;

use super::refusal::Refusal;
use super::wire;
use crate::sim::broker::accounts::{Account, Right, VHOST};
use crate::sim::broker::kinds::EXCHANGES;
use crate::sim::broker::post::{ChannelRow, ClientId, Consumer, Message};
use crate::sim::http::Front;

pub struct Channel {
    number: u16,
    /// Told to close: until it says that it has, nothing it says counts.
    closing: bool,
    /// For consumers to come.
    pub(super) prefetch: u16,
    consumers: Vec<Taker>,
    next_tag: u64,
    /// By delivery tag: the consumer's tag, the queue, the message.
    unacked: BTreeMap<u64, (String, String, Message)>,
    /// The queue that is meant where none is named.
    pub(super) last_queue: String,
    confirms: bool,
    tags: u64,
}

/// A consumer of this channel.
struct Taker {
    tag: String,
    queue: String,
    no_ack: bool,
    prefetch: u16,
    outstanding: u16,
}

/// Who asks, and what is there.
pub(super) struct Cx<'a> {
    pub front: &'a Front,
    pub account: &'static Account,
    pub client: ClientId,
    pub number: u16,
    pub out: &'a mut Vec<u8>,
}

impl Cx<'_> {
    pub fn say(&mut self, method: AMQPClass) {
        wire::write(self.out, &AMQPFrame::Method(self.number, method));
    }

    /// Whether the services have declared a queue of this name.
    pub fn is_services(&self, name: &str) -> bool {
        let world = self.front.read();
        self.front.broker.table(&world.cloud, self.front.clock.now()).find(name).is_some()
    }

    pub fn has_exchange(&self, name: &str) -> bool {
        use crate::sim::broker::management::BUILT_IN;
        if BUILT_IN.iter().any(|(known, _)| *known == name) || EXCHANGES.contains(&name) {
            return true;
        }
        if self.front.broker.lock().post.exchanges.contains_key(name) {
            return true;
        }
        let world = self.front.read();
        let table = self.front.broker.table(&world.cloud, self.front.clock.now());
        table.rows.iter().any(|row| row.fanout_exchange() == Some(name))
    }

    pub fn need(&self, right: Right, kind: &str, name: &str) -> Result<(), Refusal> {
        if self.account.may(right, name) {
            return Ok(());
        }
        let user = self.account.name;
        Err(Refusal::access(&format!(
            "access to {kind} '{name}' in vhost '{VHOST}' refused for user '{user}'"
        )))
    }
}

/// The services' queues are there to be looked at alone.
pub(super) fn not_ours(what: &str, name: &str) -> Refusal {
    Refusal::not_implemented(&format!("the simulated broker does not {what} the services' queue '{name}'"))
}

impl Channel {
    pub fn new(number: u16) -> Self {
        Self {
            number,
            closing: false,
            prefetch: 0,
            consumers: Vec::new(),
            next_tag: 1,
            unacked: BTreeMap::new(),
            last_queue: String::new(),
            confirms: false,
            tags: 0,
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing
    }

    pub fn row(&self) -> ChannelRow {
        ChannelRow { prefetch: self.prefetch, unacked: self.unacked.len(), confirms: self.confirms }
    }

    /// What it had is given back, and it hears nothing any more.
    pub fn close(&mut self, front: &Front, client: ClientId) {
        self.closing = true;
        self.consumers.clear();
        let number = self.number;
        let mut inner = front.broker.lock();
        // The last delivered goes back first, so that the order stays.
        for (_, (_, queue, message)) in std::mem::take(&mut self.unacked).into_iter().rev() {
            inner.post.give_back(&queue, message);
        }
        inner.post.cancel_all(|consumer| consumer.client == client && consumer.channel == number);
    }

    /// Takes a method; whether the channel stays.
    pub fn hear(
        &mut self,
        method: AMQPClass,
        front: &Front,
        account: &'static Account,
        client: ClientId,
        out: &mut Vec<u8>,
    ) -> Result<bool, Refusal> {
        let mut cx = Cx { front, account, client, number: self.number, out };
        match method {
            AMQPClass::Channel(Own::Close(_)) => {
                self.close(front, client);
                cx.say(AMQPClass::Channel(Own::CloseOk(channel::CloseOk {})));
                return Ok(false);
            }
            AMQPClass::Channel(Own::CloseOk(_)) if self.closing => return Ok(false),
            _ if self.closing => {}
            AMQPClass::Channel(Own::Flow(flow)) if flow.active => {
                cx.say(AMQPClass::Channel(Own::FlowOk(channel::FlowOk { active: true })));
            }
            AMQPClass::Queue(method) => self.queue(method, &mut cx)?,
            AMQPClass::Basic(method) => self.basic(method, &mut cx)?,
            AMQPClass::Exchange(method) => exchange(method, &mut cx)?,
            AMQPClass::Confirm(Confirm::Select(select)) => {
                self.confirms = true;
                if !select.nowait {
                    cx.say(AMQPClass::Confirm(Confirm::SelectOk(confirm::SelectOk {})));
                }
            }
            other => {
                return Err(Refusal::not_implemented(&format!("class {}", other.get_amqp_class_id())));
            }
        }
        Ok(true)
    }

    fn basic(&mut self, method: Basic, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        match method {
            Basic::Qos(qos) => {
                // RabbitMQ's "global" is one limit for the channel: here for each of its consumers.
                self.prefetch = qos.prefetch_count;
                if qos.global {
                    self.consumers.iter_mut().for_each(|own| own.prefetch = qos.prefetch_count);
                }
                cx.say(AMQPClass::Basic(Basic::QosOk(basic::QosOk {})));
                Ok(())
            }
            Basic::Consume(consume) => self.consume(&consume, cx),
            Basic::Cancel(cancel) => {
                let tag = cancel.consumer_tag;
                self.consumers.retain(|own| own.tag != tag.as_str());
                let (client, number) = (cx.client, cx.number);
                cx.front.broker.lock().post.cancel_all(|consumer| {
                    consumer.client == client && consumer.channel == number && consumer.tag == tag.as_str()
                });
                if !cancel.nowait {
                    cx.say(AMQPClass::Basic(Basic::CancelOk(basic::CancelOk { consumer_tag: tag })));
                }
                Ok(())
            }
            Basic::Ack(ack) => self.settle(ack.delivery_tag, ack.multiple, true, cx),
            Basic::Nack(nack) if nack.requeue => self.settle(nack.delivery_tag, nack.multiple, false, cx),
            Basic::Nack(nack) => self.settle(nack.delivery_tag, nack.multiple, true, cx),
            Basic::Reject(reject) => self.settle(reject.delivery_tag, false, !reject.requeue, cx),
            Basic::Publish(publish) => {
                let exchange = publish.exchange;
                cx.need(Right::Write, "exchange", exchange.as_str())?;
                Err(Refusal::access("the simulated broker takes no messages from clients"))
            }
            Basic::Get(_) => Err(Refusal::not_implemented("basic.get: consume instead")),
            _ => Err(Refusal::not_implemented("this method of basic")),
        }
    }

    fn consume(&mut self, consume: &basic::Consume, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let name = self.named(consume.queue.as_str())?;
        cx.need(Right::Read, "queue", &name)?;
        let tag = match consume.consumer_tag.as_str() {
            "" => {
                self.tags += 1;
                format!("amq.ctag-{:x}-{:x}-{:x}", cx.client, cx.number, self.tags)
            }
            tag => tag.to_owned(),
        };
        if self.consumers.iter().any(|own| own.tag == tag) {
            return Err(Refusal::not_allowed(&format!("attempt to reuse consumer tag '{tag}'")));
        }
        let services = cx.is_services(&name);
        let mut inner = cx.front.broker.lock();
        let Some(queue) = inner.post.queues.get_mut(&name) else {
            return Err(if services {
                not_ours("deliver from", &name)
            } else {
                Refusal::no_queue(&name, VHOST)
            });
        };
        if queue.owner.is_some_and(|owner| owner != cx.client) {
            return Err(Refusal::locked(&name, VHOST));
        }
        let taken = queue.consumers.iter().any(|other| other.exclusive)
            || (consume.exclusive && !queue.consumers.is_empty());
        if taken {
            return Err(Refusal::access(&format!("queue '{name}' in vhost '{VHOST}' in exclusive use")));
        }
        queue.used = cx.front.clock.now();
        queue.consumers.push(Consumer {
            client: cx.client,
            channel: cx.number,
            tag: tag.clone(),
            no_ack: consume.no_ack,
            exclusive: consume.exclusive,
            prefetch: self.prefetch,
        });
        drop(inner);
        let prefetch = self.prefetch;
        let own = Taker { tag: tag.clone(), queue: name, no_ack: consume.no_ack, prefetch, outstanding: 0 };
        self.consumers.push(own);
        if !consume.nowait {
            let ok = basic::ConsumeOk { consumer_tag: tag.into() };
            cx.say(AMQPClass::Basic(Basic::ConsumeOk(ok)));
        }
        Ok(())
    }

    /// The queue that is meant.
    pub(super) fn named(&self, name: &str) -> Result<String, Refusal> {
        match name {
            "" if self.last_queue.is_empty() => Err(Refusal {
                code: 404,
                text: "NOT_FOUND - no previously declared queue".to_owned(),
                hard: false,
            }),
            "" => Ok(self.last_queue.clone()),
            name => Ok(name.to_owned()),
        }
    }

    /// Acknowledges one, or all up to it, or gives them back.
    fn settle(&mut self, tag: u64, multiple: bool, done: bool, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let tags: Vec<u64> = match (tag, multiple) {
            // All there are.
            (0, true) => self.unacked.keys().copied().collect(),
            (_, true) => self.unacked.range(..=tag).map(|(tag, _)| *tag).collect(),
            (_, false) => self.unacked.contains_key(&tag).then_some(tag).into_iter().collect(),
        };
        if tags.is_empty() && tag != 0 {
            return Err(Refusal::precondition(&format!("unknown delivery tag {tag}")));
        }
        let mut inner = cx.front.broker.lock();
        for tag in tags.into_iter().rev() {
            let Some((consumer, queue, message)) = self.unacked.remove(&tag) else { continue };
            if let Some(own) = self.consumers.iter_mut().find(|own| own.tag == consumer) {
                own.outstanding = own.outstanding.saturating_sub(1);
            }
            match done {
                true => inner.post.acknowledge(&queue),
                false => inner.post.give_back(&queue, message),
            }
        }
        Ok(())
    }

    /// Delivers as much as may be: whether anything was, and whether more could be.
    pub fn deliver(
        &mut self,
        front: &Front,
        frame_max: u32,
        batch: usize,
        out: &mut Vec<u8>,
    ) -> (bool, bool) {
        if self.closing || self.consumers.is_empty() {
            return (false, false);
        }
        let number = self.number;
        let (mut moved, mut gone) = (false, Vec::new());
        let mut inner = front.broker.lock();
        for own in &mut self.consumers {
            if !inner.post.queues.contains_key(&own.queue) {
                gone.push(own.tag.clone());
                continue;
            }
            while own.no_ack || own.prefetch == 0 || own.outstanding < own.prefetch {
                if out.len() >= batch {
                    return (moved, true);
                }
                let Some(message) = inner.post.take(&own.queue, own.no_ack) else { break };
                moved = true;
                write_message(out, number, frame_max, own, self.next_tag, &message);
                if !own.no_ack {
                    own.outstanding += 1;
                    self.unacked.insert(self.next_tag, (own.tag.clone(), own.queue.clone(), message));
                }
                self.next_tag += 1;
            }
        }
        drop(inner);
        for tag in gone {
            // Its queue was deleted: RabbitMQ tells it so.
            self.consumers.retain(|own| own.tag != tag);
            let cancel = basic::Cancel { consumer_tag: tag.into(), nowait: true };
            wire::write(out, &AMQPFrame::Method(number, AMQPClass::Basic(Basic::Cancel(cancel))));
        }
        (moved, false)
    }
}

fn write_message(out: &mut Vec<u8>, number: u16, frame_max: u32, own: &Taker, tag: u64, message: &Message) {
    let deliver = basic::Deliver {
        consumer_tag: own.tag.as_str().into(),
        delivery_tag: tag,
        redelivered: message.redelivered,
        exchange: message.exchange.into(),
        routing_key: (*message.key).into(),
    };
    wire::write(out, &AMQPFrame::Method(number, AMQPClass::Basic(Basic::Deliver(deliver))));
    // As oslo.messaging's notifier sends them.
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_headers(FieldTable::default())
        .with_delivery_mode(2)
        .with_priority(0);
    let header = AMQPContentHeader { class_id: 60, body_size: message.body.len() as u64, properties };
    wire::write(out, &AMQPFrame::Header(number, header));
    for piece in message.body.chunks(frame_max as usize - 8) {
        wire::write(out, &AMQPFrame::Body(number, piece.to_vec()));
    }
}

fn exchange(method: Exchange, cx: &mut Cx<'_>) -> Result<(), Refusal> {
    match method {
        Exchange::Declare(declare) => {
            let name = declare.exchange.as_str();
            let there = cx.has_exchange(name);
            if declare.passive && !there {
                return Err(Refusal::no_exchange(name, VHOST));
            }
            if !declare.passive {
                cx.need(Right::Configure, "exchange", name)?;
                let own = cx.front.broker.lock().post.exchanges.get(name).cloned();
                let kind = own.unwrap_or_else(|| kind_of(name).to_owned());
                if there && kind != declare.kind.as_str() {
                    let text = format!(
                        "inequivalent arg 'type' for exchange '{name}' in vhost '{VHOST}': received '{}' but current \
                         is '{kind}'",
                        declare.kind
                    );
                    return Err(Refusal::precondition(&text));
                }
                if !there {
                    let mut inner = cx.front.broker.lock();
                    if inner.post.exchanges.len() >= crate::sim::broker::post::MOST_QUEUES {
                        return Err(Refusal::precondition("there are too many exchanges"));
                    }
                    inner.post.exchanges.insert(name.to_owned(), declare.kind.as_str().to_owned());
                }
            }
            if !declare.nowait {
                cx.say(AMQPClass::Exchange(Exchange::DeclareOk(exchange::DeclareOk {})));
            }
            Ok(())
        }
        Exchange::Delete(delete) => {
            let name = delete.exchange.as_str();
            cx.need(Right::Configure, "exchange", name)?;
            let gone = cx.front.broker.lock().post.exchanges.remove(name).is_some();
            if !gone && cx.has_exchange(name) {
                return Err(Refusal::access(&format!("exchange '{name}' is the services'")));
            }
            if !delete.nowait {
                cx.say(AMQPClass::Exchange(Exchange::DeleteOk(exchange::DeleteOk {})));
            }
            Ok(())
        }
        _ => Err(Refusal::not_implemented("exchanges bound to exchanges")),
    }
}

/// Of an exchange that is not a client's.
fn kind_of(name: &str) -> &'static str {
    use crate::sim::broker::management::BUILT_IN;
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    built_in.unwrap_or(if EXCHANGES.contains(&name) { "topic" } else { "fanout" })
}
