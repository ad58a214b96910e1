//! Clients of ours: their connections, their queues, what these are bound to and what waits in them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::route;
use crate::sim::time::Time;

/// Of all clients together.
pub const MOST_QUEUES: usize = 1_000;
/// Where a client sets no bound itself: the oldest go.
const MOST_MESSAGES: usize = 10_000;

pub type ClientId = u64;

/// A notification on its way.
#[derive(Clone, Debug)]
pub struct Message {
    pub exchange: &'static str,
    pub key: Arc<str>,
    pub body: Arc<[u8]>,
    pub redelivered: bool,
}

#[derive(Debug)]
pub struct Client {
    pub peer: std::net::SocketAddr,
    pub user: &'static str,
    pub mechanism: &'static str,
    pub properties: Map<String, Value>,
    pub since: Time,
    /// Channels that are open, with what may be on its way unacknowledged.
    pub channels: BTreeMap<u16, ChannelRow>,
    pub heartbeat: u16,
    pub frame_max: u32,
    /// Wakes its task.
    pub wake: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelRow {
    pub prefetch: u16,
    pub unacked: usize,
    pub confirms: bool,
}

#[derive(Clone, Debug)]
pub struct Consumer {
    pub client: ClientId,
    pub channel: u16,
    pub tag: String,
    pub no_ack: bool,
    pub exclusive: bool,
    pub prefetch: u16,
}

/// What a queue was declared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    pub durable: bool,
    pub exclusive: bool,
    pub auto_delete: bool,
    pub arguments: Map<String, Value>,
}

#[derive(Debug)]
pub struct ClientQueue {
    pub terms: Terms,
    /// Whose alone it is.
    pub owner: Option<ClientId>,
    pub messages: VecDeque<Message>,
    pub unacked: usize,
    pub consumers: Vec<Consumer>,
    pub published: u64,
    pub delivered: u64,
    pub acked: u64,
    pub used: Time,
}

/// The arguments that are heeded.
impl Terms {
    fn number(&self, name: &str) -> Option<i64> {
        self.arguments.get(name)?.as_i64()
    }

    fn room(&self) -> usize {
        let own = self.number("x-max-length").and_then(|n| usize::try_from(n).ok());
        own.unwrap_or(MOST_MESSAGES).min(MOST_MESSAGES)
    }

    /// The newest is refused instead of the oldest dropped.
    fn refuses(&self) -> bool {
        self.arguments.get("x-overflow").and_then(Value::as_str).is_some_and(|how| how != "drop-head")
    }
}

#[derive(Debug, Default)]
pub struct Post {
    pub clients: BTreeMap<ClientId, Client>,
    pub queues: BTreeMap<String, ClientQueue>,
    /// Exchange, queue, key.
    pub bindings: Vec<(String, String, String)>,
    /// Exchanges that clients declared: name and type.
    pub exchanges: BTreeMap<String, String>,
    next: ClientId,
    names: u64,
    pub opened: u64,
    pub closed: u64,
}

impl Post {
    /// The number of the next queue that the server names.
    pub fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    pub fn connect(&mut self, client: Client) -> ClientId {
        self.next += 1;
        self.opened += 1;
        self.clients.insert(self.next, client);
        self.next
    }

    /// It is gone: so are its consumers and what was its alone.
    pub fn disconnect(&mut self, id: ClientId) {
        if self.clients.remove(&id).is_none() {
            return;
        }
        self.closed += 1;
        self.cancel_all(|consumer| consumer.client == id);
        let own: Vec<String> =
            self.queues.iter().filter(|(_, q)| q.owner == Some(id)).map(|(name, _)| name.clone()).collect();
        for name in own {
            self.delete(&name);
        }
    }

    /// Takes consumers away, and the queues that lived for them.
    pub fn cancel_all(&mut self, which: impl Fn(&Consumer) -> bool) {
        let mut orphans = Vec::new();
        for (name, queue) in &mut self.queues {
            let before = queue.consumers.len();
            queue.consumers.retain(|consumer| !which(consumer));
            if queue.consumers.is_empty() && before > 0 && queue.terms.auto_delete {
                orphans.push(name.clone());
            }
        }
        for name in orphans {
            self.delete(&name);
        }
    }

    /// Removes a queue; how many messages went with it.
    pub fn delete(&mut self, name: &str) -> usize {
        self.bindings.retain(|(_, queue, _)| queue != name);
        self.queues.remove(name).map_or(0, |queue| queue.messages.len())
    }

    /// Queues that nobody used for as long as they said.
    pub fn sweep(&mut self, now: Time) {
        let over: Vec<String> = self
            .queues
            .iter()
            .filter(|(_, queue)| {
                let lasts = queue.terms.number("x-expires");
                queue.consumers.is_empty() && lasts.is_some_and(|lasts| now.since(queue.used) > lasts)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in over {
            self.delete(&name);
        }
    }

    pub fn bind(&mut self, exchange: &str, queue: &str, key: &str) {
        let binding = (exchange.to_owned(), queue.to_owned(), key.to_owned());
        if !self.bindings.contains(&binding) {
            self.bindings.push(binding);
        }
    }

    pub fn unbind(&mut self, exchange: &str, queue: &str, key: &str) {
        self.bindings.retain(|(e, q, k)| !(e == exchange && q == queue && k == key));
    }

    /// Whether somebody wants what comes this way.
    pub fn wants(&self, exchange: &str, key: &str) -> bool {
        self.bindings.iter().any(|(e, _, pattern)| e == exchange && route::fits(pattern, key))
    }

    pub fn publish(&mut self, message: &Message) {
        // A queue gets one copy, however often it is bound.
        let mut bound: Vec<&str> = self
            .bindings
            .iter()
            .filter(|(e, _, pattern)| e == message.exchange && route::fits(pattern, &message.key))
            .map(|(_, queue, _)| queue.as_str())
            .collect();
        bound.sort_unstable();
        bound.dedup();
        for name in bound {
            let Some(queue) = self.queues.get_mut(name) else { continue };
            queue.put(message.clone());
            for consumer in &queue.consumers {
                if let Some(client) = self.clients.get(&consumer.client) {
                    client.wake.notify_one();
                }
            }
        }
    }

    /// The next message of a queue, for a consumer that must acknowledge it or need not.
    pub fn take(&mut self, name: &str, no_ack: bool) -> Option<Message> {
        let queue = self.queues.get_mut(name)?;
        let message = queue.messages.pop_front()?;
        queue.delivered += 1;
        if no_ack {
            queue.acked += 1;
        } else {
            queue.unacked += 1;
        }
        Some(message)
    }

    pub fn acknowledge(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.unacked = queue.unacked.saturating_sub(1);
            queue.acked += 1;
        }
    }

    /// Not acknowledged: back to where it was.
    pub fn give_back(&mut self, name: &str, message: Message) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.unacked = queue.unacked.saturating_sub(1);
            queue.messages.push_front(Message { redelivered: true, ..message });
            for consumer in &queue.consumers {
                if let Some(client) = self.clients.get(&consumer.client) {
                    client.wake.notify_one();
                }
            }
        }
    }
}

impl ClientQueue {
    pub fn new(terms: Terms, owner: Option<ClientId>, used: Time) -> Self {
        let (messages, consumers) = (VecDeque::new(), Vec::new());
        Self { terms, owner, messages, unacked: 0, consumers, published: 0, delivered: 0, acked: 0, used }
    }

    fn put(&mut self, message: Message) {
        self.published += 1;
        let room = self.terms.room();
        if self.messages.len() >= room && self.terms.refuses() {
            return;
        }
        self.messages.push_back(message);
        while self.messages.len() > room {
            self.messages.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(n: u8) -> Message {
        Message { exchange: "nova", key: "notifications.info".into(), body: [n].into(), redelivered: false }
    }

    fn queue(arguments: Value) -> ClientQueue {
        let terms = Terms { arguments: arguments.as_object().cloned().unwrap(), ..Terms::default() };
        ClientQueue::new(terms, None, Time(0))
    }

    #[test]
    fn a_full_queue_loses_its_oldest_message_or_refuses_the_newest() {
        for (arguments, left) in [
            (json!({"x-max-length": 2}), vec![2, 3]),
            (json!({"x-max-length": 2, "x-overflow": "drop-head"}), vec![2, 3]),
            (json!({"x-max-length": 2, "x-overflow": "reject-publish"}), vec![1, 2]),
            (json!({"x-max-length": 0}), vec![]),
            (json!({"x-max-length": -1}), vec![1, 2, 3]),
            (json!({}), vec![1, 2, 3]),
        ] {
            let mut queue = queue(arguments.clone());
            (1..=3).for_each(|n| queue.put(message(n)));
            let kept: Vec<u8> = queue.messages.iter().map(|m| m.body[0]).collect();
            assert_eq!((kept, queue.published), (left, 3), "{arguments}");
        }
    }

    #[test]
    fn a_queue_without_a_bound_of_its_own_is_bounded_all_the_same() {
        let mut queue = queue(json!({}));
        (0..MOST_MESSAGES + 10).for_each(|n| queue.put(message(n as u8)));
        assert_eq!(queue.messages.len(), MOST_MESSAGES);
    }

    #[test]
    fn only_what_a_queue_is_bound_to_comes_into_it_and_once_alone() {
        let mut post = Post::default();
        post.queues.insert("own".to_owned(), queue(json!({})));
        assert!(!post.wants("nova", "notifications.info"));
        post.bind("nova", "own", "notifications.*");
        post.bind("nova", "own", "#");
        post.bind("neutron", "own", "other");
        assert!(post.wants("nova", "notifications.info") && !post.wants("neutron", "notifications.info"));
        post.publish(&message(1));
        assert_eq!(post.queues["own"].messages.len(), 1);
        post.unbind("nova", "own", "notifications.*");
        post.unbind("nova", "own", "#");
        post.publish(&message(2));
        assert_eq!(post.queues["own"].messages.len(), 1);
        let taken = post.take("own", false).unwrap();
        assert_eq!((post.queues["own"].unacked, post.take("own", false).is_none()), (1, true));
        post.give_back("own", taken);
        let again = post.take("own", true).unwrap();
        assert!(again.redelivered && post.queues["own"].unacked == 0);
    }

    #[test]
    fn an_unused_queue_goes_when_its_time_is_over() {
        let mut post = Post::default();
        post.queues.insert("short".to_owned(), queue(json!({"x-expires": 1_000})));
        post.queues.insert("ever".to_owned(), queue(json!({})));
        post.sweep(Time(1_000));
        assert_eq!(post.queues.len(), 2);
        post.sweep(Time(1_001));
        assert_eq!(post.queues.keys().collect::<Vec<_>>(), ["ever"]);
    }
}
