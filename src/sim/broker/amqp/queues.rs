//! A channel's methods about queues.

use amq_protocol::protocol::AMQPClass;
use amq_protocol::protocol::queue::{self, AMQPMethod as Queue};

use super::channel::{Channel, Cx, not_ours};
use super::refusal::Refusal;
use super::table;
use crate::sim::broker::accounts::{Right, VHOST};
use crate::sim::broker::post::{ClientQueue, MOST_QUEUES, Terms};
use crate::sim::random::Random;

impl Channel {
    pub(super) fn queue(&mut self, method: Queue, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        match method {
            Queue::Declare(declare) if declare.passive => self.look(&declare, cx),
            Queue::Declare(declare) => self.declare(&declare, cx),
            Queue::Bind(bind) => {
                let name = self.named(bind.queue.as_str())?;
                let (exchange, key) = (bind.exchange.as_str(), bind.routing_key.as_str());
                bindable(&name, exchange, cx)?;
                cx.front.broker.lock().post.bind(exchange, &name, key);
                if !bind.nowait {
                    cx.say(AMQPClass::Queue(Queue::BindOk(queue::BindOk {})));
                }
                Ok(())
            }
            Queue::Unbind(unbind) => {
                let name = self.named(unbind.queue.as_str())?;
                let (exchange, key) = (unbind.exchange.as_str(), unbind.routing_key.as_str());
                bindable(&name, exchange, cx)?;
                cx.front.broker.lock().post.unbind(exchange, &name, key);
                cx.say(AMQPClass::Queue(Queue::UnbindOk(queue::UnbindOk {})));
                Ok(())
            }
            Queue::Purge(purge) => {
                let name = self.named(purge.queue.as_str())?;
                cx.need(Right::Read, "queue", &name)?;
                own(&name, "purge", cx)?;
                let mut inner = cx.front.broker.lock();
                let messages =
                    inner.post.queues.get_mut(&name).map(|queue| std::mem::take(&mut queue.messages));
                drop(inner);
                if !purge.nowait {
                    let message_count = messages.map_or(0, |messages| messages.len() as u32);
                    cx.say(AMQPClass::Queue(Queue::PurgeOk(queue::PurgeOk { message_count })));
                }
                Ok(())
            }
            Queue::Delete(delete) => self.delete(&delete, cx),
            _ => Err(Refusal::not_implemented("this method of queue")),
        }
    }

    /// A passive declare: how many messages are ready, and how many consumers there are.
    fn look(&mut self, declare: &queue::Declare, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let name = self.named(declare.queue.as_str())?;
        let now = cx.front.clock.now();
        let mut inner = cx.front.broker.lock();
        inner.post.sweep(now);
        let own = inner.post.queues.get_mut(&name).map(|queue| {
            // It counts as use.
            queue.used = now;
            (queue.owner, queue.messages.len() as u64, queue.consumers.len() as u32)
        });
        drop(inner);
        let (ready, consumers) = match own {
            Some((Some(owner), ..)) if owner != cx.client => return Err(Refusal::locked(&name, VHOST)),
            Some((_, ready, consumers)) => (ready, consumers),
            None => {
                let world = cx.front.read();
                let table = cx.front.broker.table(&world.cloud, now);
                let row = table.find(&name).ok_or_else(|| Refusal::no_queue(&name, VHOST))?;
                // Of a stream this count says nothing.
                (if row.stream { 0 } else { row.ready }, row.consumers)
            }
        };
        self.declared(declare, name, ready, consumers, cx);
        Ok(())
    }

    fn declared(
        &mut self,
        declare: &queue::Declare,
        name: String,
        ready: u64,
        consumers: u32,
        cx: &mut Cx<'_>,
    ) {
        self.last_queue.clone_from(&name);
        if !declare.nowait {
            let message_count = u32::try_from(ready).unwrap_or(u32::MAX);
            let ok = queue::DeclareOk { queue: name.into(), message_count, consumer_count: consumers };
            cx.say(AMQPClass::Queue(Queue::DeclareOk(ok)));
        }
    }

    fn declare(&mut self, declare: &queue::Declare, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let terms = Terms {
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            arguments: table::to_json(&declare.arguments),
        };
        let now = cx.front.clock.now();
        let named = match declare.queue.as_str() {
            "" => {
                let count = cx.front.broker.lock().post.name();
                format!("amq.gen-{}", Random::stream(count, "amq.gen").hex(22))
            }
            name => name.to_owned(),
        };
        cx.need(Right::Configure, "queue", &named)?;
        let services = cx.is_services(&named);
        let mut inner = cx.front.broker.lock();
        inner.post.sweep(now);
        let full = inner.post.queues.len() >= MOST_QUEUES;
        let (ready, consumers) = match inner.post.queues.get_mut(&named) {
            Some(queue) if queue.owner.is_some_and(|owner| owner != cx.client) => {
                return Err(Refusal::locked(&named, VHOST));
            }
            Some(queue) => {
                same(&named, &queue.terms, &terms)?;
                queue.used = now;
                (queue.messages.len() as u64, queue.consumers.len() as u32)
            }
            None if services => return Err(not_ours("declare anew", &named)),
            None if declare.queue.as_str().starts_with("amq.") => {
                let text = format!("queue name '{named}' contains reserved prefix 'amq.*'");
                return Err(Refusal::access(&text));
            }
            None if full => {
                let text = format!(
                    "cannot declare queue '{named}': queue limit in vhost '{VHOST}' ({MOST_QUEUES}) is reached"
                );
                return Err(Refusal::precondition(&text));
            }
            None => {
                let owner = terms.exclusive.then_some(cx.client);
                let queue = ClientQueue::new(terms, owner, now);
                inner.post.queues.insert(named.clone(), queue);
                (0, 0)
            }
        };
        drop(inner);
        self.declared(declare, named, ready, consumers, cx);
        Ok(())
    }

    fn delete(&mut self, delete: &queue::Delete, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let name = self.named(delete.queue.as_str())?;
        cx.need(Right::Configure, "queue", &name)?;
        let mut message_count = 0;
        // What is not there is deleted already.
        if own(&name, "delete", cx).map(|()| true).or_else(|refusal| match refusal.code {
            404 => Ok(false),
            _ => Err(refusal),
        })? {
            let mut inner = cx.front.broker.lock();
            let queue = inner.post.queues.get(&name);
            let used = queue.is_some_and(|queue| !queue.consumers.is_empty());
            let full = queue.is_some_and(|queue| !queue.messages.is_empty());
            if delete.if_unused && used {
                return Err(Refusal::precondition(&format!("queue '{name}' in vhost '{VHOST}' in use")));
            }
            if delete.if_empty && full {
                return Err(Refusal::precondition(&format!("queue '{name}' in vhost '{VHOST}' not empty")));
            }
            message_count = inner.post.delete(&name) as u32;
            // Others that took from it hear of it.
            inner.post.clients.values().for_each(|client| client.wake.notify_one());
        }
        if !delete.nowait {
            cx.say(AMQPClass::Queue(Queue::DeleteOk(queue::DeleteOk { message_count })));
        }
        Ok(())
    }
}

/// Whether a queue is a client's, and this one may use it.
fn own(name: &str, what: &str, cx: &Cx<'_>) -> Result<(), Refusal> {
    let owner = cx.front.broker.lock().post.queues.get(name).map(|queue| queue.owner);
    match owner {
        Some(Some(owner)) if owner != cx.client => Err(Refusal::locked(name, VHOST)),
        Some(_) => Ok(()),
        None if cx.is_services(name) => Err(not_ours(what, name)),
        None => Err(Refusal::no_queue(name, VHOST)),
    }
}

/// Whether this one may bind that queue to that exchange, and both are there.
fn bindable(name: &str, exchange: &str, cx: &Cx<'_>) -> Result<(), Refusal> {
    cx.need(Right::Write, "queue", name)?;
    if exchange.is_empty() {
        return Err(Refusal::access("operation not permitted on the default exchange"));
    }
    cx.need(Right::Read, "exchange", exchange)?;
    own(name, "bind", cx)?;
    match cx.has_exchange(exchange) {
        true => Ok(()),
        false => Err(Refusal::no_exchange(exchange, VHOST)),
    }
}

/// A queue that is there must be what is declared.
fn same(name: &str, is: &Terms, wanted: &Terms) -> Result<(), Refusal> {
    let flags = [
        ("durable", is.durable, wanted.durable),
        ("auto_delete", is.auto_delete, wanted.auto_delete),
        ("exclusive", is.exclusive, wanted.exclusive),
    ];
    for (what, current, received) in flags {
        if current != received {
            let text = format!(
                "inequivalent arg '{what}' for queue '{name}' in vhost '{VHOST}': received '{received}' but current is \
                 '{current}'"
            );
            return Err(Refusal::precondition(&text));
        }
    }
    for what in ["x-expires", "x-max-length", "x-overflow", "x-queue-type", "x-message-ttl"] {
        let (current, received) = (is.arguments.get(what), wanted.arguments.get(what));
        if current != received {
            let text =
                |value: Option<&serde_json::Value>| value.map_or("none".to_owned(), |v| format!("'{v}'"));
            let text = format!(
                "inequivalent arg '{what}' for queue '{name}' in vhost '{VHOST}': received {} but current is {}",
                text(received),
                text(current)
            );
            return Err(Refusal::precondition(&text));
        }
    }
    Ok(())
}
