//! Dialogues, as a client that is not ours would have them; and garbage.

use std::sync::{Arc, LazyLock};

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::basic::{self, AMQPMethod as Basic};
use amq_protocol::protocol::channel::{self, AMQPMethod as Own};
use amq_protocol::protocol::connection::{self, AMQPMethod as Method};
use amq_protocol::protocol::queue::{self, AMQPMethod as Queue};
use amq_protocol::protocol::{AMQPClass, exchange, tx};
use amq_protocol::types::{AMQPValue, FieldTable};
use proptest::prelude::*;

use super::talk::Talk;
use super::wire::{self, FRAME_MAX, GREETING, Heard, Reader};
use crate::sim::http::Front;
use crate::sim::http::tests::{front, pass};
use crate::sim::scenario::Beat;

/// A client, and the broker's side of its connection.
struct Peer {
    talk: Talk,
    /// Of what the broker reads, and of what the client reads.
    there: Reader,
    here: Reader,
    heard: Vec<AMQPFrame>,
}

fn capabilities() -> FieldTable {
    let mut all = FieldTable::default();
    all.insert("authentication_failure_close".into(), AMQPValue::Boolean(true));
    let mut table = FieldTable::default();
    table.insert("capabilities".into(), AMQPValue::FieldTable(all));
    table.insert("connection_name".into(), AMQPValue::LongString("stackwatch:1:test".into()));
    table
}

impl Peer {
    fn new(front: &Arc<Front>) -> Self {
        let talk = Talk::new(front.clone(), "127.0.0.1:40000".parse().unwrap());
        let mut here = Reader::new();
        // What the broker says begins with no greeting.
        here.push(&GREETING);
        assert_eq!(here.next(), Ok(Some(Heard::Greeting)));
        Self { talk, there: Reader::new(), here, heard: Vec::new() }
    }

    fn send(&mut self, octets: &[u8]) {
        self.there.push(octets);
        super::listen(&mut self.there, &mut self.talk);
        self.take();
    }

    /// Takes what the broker says, as a task would.
    fn take(&mut self) {
        loop {
            let more = self.talk.deliver();
            let out = std::mem::take(&mut self.talk.out);
            self.here.push(&out);
            while let Ok(Some(heard)) = self.here.next() {
                match heard {
                    Heard::Frame(frame) => self.heard.push(frame),
                    other => panic!("the broker says {other:?}"),
                }
            }
            if !more {
                return;
            }
        }
    }

    fn say(&mut self, channel: u16, method: AMQPClass) {
        let mut octets = Vec::new();
        wire::write(&mut octets, &AMQPFrame::Method(channel, method));
        self.send(&octets);
    }

    /// What was answered since it was last asked.
    fn answers(&mut self) -> Vec<AMQPFrame> {
        std::mem::take(&mut self.heard)
    }

    fn answer(&mut self) -> AMQPClass {
        let answers = self.answers();
        match answers.as_slice() {
            [AMQPFrame::Method(_, method)] => method.clone(),
            other => panic!("{other:?} instead of one method"),
        }
    }

    /// Up to the open connection.
    fn login(front: &Arc<Front>, user: &str, password: &str, vhost: &str) -> Self {
        let mut peer = Self::new(front);
        peer.send(&GREETING);
        assert!(matches!(peer.answer(), AMQPClass::Connection(Method::Start(_))));
        peer.say(0, start_ok("PLAIN", format!("\0{user}\0{password}").into_bytes(), capabilities()));
        if matches!(peer.heard.first(), Some(AMQPFrame::Method(0, AMQPClass::Connection(Method::Tune(_))))) {
            peer.answers();
            peer.say(0, tune_ok(2_047, FRAME_MAX, 60));
            peer.say(0, AMQPClass::Connection(Method::Open(connection::Open { virtual_host: vhost.into() })));
        }
        peer
    }

    fn open(front: &Arc<Front>, user: &str) -> Self {
        let mut peer = Self::login(front, user, "simulated", "openstack");
        assert!(matches!(peer.answer(), AMQPClass::Connection(Method::OpenOk(_))));
        peer.say(1, AMQPClass::Channel(Own::Open(channel::Open {})));
        assert!(matches!(peer.answer(), AMQPClass::Channel(Own::OpenOk(_))));
        peer
    }

    /// Code and text with which the channel or the connection was closed.
    fn closed(&mut self) -> (u16, String) {
        match self.answer() {
            AMQPClass::Channel(Own::Close(close)) => (close.reply_code, close.reply_text.to_string()),
            AMQPClass::Connection(Method::Close(close)) => (close.reply_code, close.reply_text.to_string()),
            other => panic!("{other:?} is no close"),
        }
    }
}

fn start_ok(mechanism: &str, response: Vec<u8>, client_properties: FieldTable) -> AMQPClass {
    AMQPClass::Connection(Method::StartOk(connection::StartOk {
        client_properties,
        mechanism: mechanism.into(),
        response: response.into(),
        locale: "en_US".into(),
    }))
}

fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> AMQPClass {
    AMQPClass::Connection(Method::TuneOk(connection::TuneOk { channel_max, frame_max, heartbeat }))
}

fn declare(name: &str, passive: bool, exclusive: bool, arguments: &[(&str, i32)]) -> AMQPClass {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), AMQPValue::LongInt(*value));
    }
    AMQPClass::Queue(Queue::Declare(queue::Declare {
        queue: name.into(),
        passive,
        durable: false,
        exclusive,
        auto_delete: exclusive,
        nowait: false,
        arguments: table,
    }))
}

fn bind(queue: &str, exchange: &str, key: &str) -> AMQPClass {
    AMQPClass::Queue(Queue::Bind(queue::Bind {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        nowait: false,
        arguments: FieldTable::default(),
    }))
}

fn consume(queue: &str, tag: &str, no_ack: bool) -> AMQPClass {
    AMQPClass::Basic(Basic::Consume(basic::Consume {
        queue: queue.into(),
        consumer_tag: tag.into(),
        no_local: false,
        no_ack,
        exclusive: false,
        nowait: false,
        arguments: FieldTable::default(),
    }))
}

fn ack(delivery_tag: u64, multiple: bool) -> AMQPClass {
    AMQPClass::Basic(Basic::Ack(basic::Ack { delivery_tag, multiple }))
}

fn qos(prefetch_count: u16) -> AMQPClass {
    AMQPClass::Basic(Basic::Qos(basic::Qos { prefetch_count, global: false }))
}

fn still() -> Arc<Front> {
    Arc::new(front("still", 3, 10))
}

fn beat(front: &Front, text: &str) {
    let beat: Beat = toml::from_str(&format!("at = \"0s\"\n{text}")).unwrap();
    front.write().perform(&beat);
}

/// The deliveries among frames: tag, whether it comes again, the body.
fn deliveries(frames: Vec<AMQPFrame>) -> Vec<(u64, bool, Vec<u8>)> {
    let mut found: Vec<(u64, bool, Vec<u8>)> = Vec::new();
    let mut missing = 0;
    for frame in frames {
        match frame {
            AMQPFrame::Method(_, AMQPClass::Basic(Basic::Deliver(deliver))) => {
                assert_eq!(missing, 0, "a message is cut short");
                found.push((deliver.delivery_tag, deliver.redelivered, Vec::new()));
            }
            AMQPFrame::Header(_, header) => missing = header.body_size,
            AMQPFrame::Body(_, piece) => {
                missing -= piece.len() as u64;
                found.last_mut().unwrap().2.extend(piece);
            }
            other => panic!("{other:?} among deliveries"),
        }
    }
    assert_eq!(missing, 0);
    found
}

#[test]
fn logins_are_taken_and_refused_as_rabbitmq_does() {
    let front = still();
    for (user, password, vhost, code, text) in [
        (
            "stackwatch",
            "wrong",
            "openstack",
            403,
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.",
        ),
        ("stackwatch", "simulated", "nope", 530, "NOT_ALLOWED - vhost nope not found"),
        (
            "stackwatch",
            "simulated",
            "/",
            530,
            "NOT_ALLOWED - access to vhost '/' refused for user 'stackwatch'",
        ),
    ] {
        let (found, said) = Peer::login(&front, user, password, vhost).closed();
        assert!(found == code && said.starts_with(text), "{user} {vhost}: {found} {said}");
    }
    // Who does not say that it understands such a close is only cut off.
    let mut peer = Peer::new(&front);
    peer.send(&GREETING);
    peer.answers();
    peer.say(0, start_ok("PLAIN", b"\0stackwatch\0wrong".to_vec(), FieldTable::default()));
    assert!(peer.talk.is_over() && peer.answers().is_empty());
    // py-amqp's own mechanism: a table without its length.
    let mut peer = Peer::new(&front);
    peer.send(&GREETING);
    peer.answers();
    let response = b"\x05LOGINS\0\0\0\x09openstack\x08PASSWORDS\0\0\0\x09simulated".to_vec();
    peer.say(0, start_ok("AMQPLAIN", response, capabilities()));
    assert!(matches!(peer.answer(), AMQPClass::Connection(Method::Tune(_))));
    for (tune, text) in [
        (tune_ok(0, 100, 0), "negotiated frame_max = 100 is lower than the minimum allowed value (4096)"),
        (tune_ok(0, 1 << 20, 0), "negotiated frame_max = 1048576 is higher"),
        (tune_ok(4_000, 0, 0), "negotiated channel_max = 4000 is higher"),
    ] {
        let mut peer = Peer::new(&front);
        peer.send(&GREETING);
        peer.say(0, start_ok("PLAIN", b"\0stackwatch\0simulated".to_vec(), capabilities()));
        peer.answers();
        peer.say(0, tune);
        let (code, said) = peer.closed();
        assert!(code == 530 && said.contains(text), "{said}");
    }
    assert!(front.broker.lock().post.clients.is_empty(), "nobody stays");
}

#[test]
fn a_passive_declare_says_depth_and_consumers_and_a_missing_queue_closes_the_channel() {
    let front = still();
    let mut peer = Peer::open(&front, "openstack-monitoring");
    let look = |peer: &mut Peer, name: &str| {
        peer.say(1, declare(name, true, false, &[]));
        match peer.answer() {
            AMQPClass::Queue(Queue::DeclareOk(ok)) => (ok.message_count, ok.consumer_count),
            other => panic!("{name}: {other:?}"),
        }
    };
    assert_eq!(look(&mut peer, "compute.cmp002"), (0, 1));
    assert_eq!(look(&mut peer, "conductor"), (0, 12));
    beat(&front, "do = \"deafen\"\nhost = \"2\"");
    assert_eq!((look(&mut peer, "compute.cmp002"), look(&mut peer, "compute")), ((0, 0), (0, 2)));
    // Two behind it are void.
    let mut octets = Vec::new();
    for name in ["compute.nope", "compute", "conductor"] {
        wire::write(&mut octets, &AMQPFrame::Method(1, declare(name, true, false, &[])));
    }
    peer.send(&octets);
    assert_eq!(peer.closed(), (404, "NOT_FOUND - no queue 'compute.nope' in vhost 'openstack'".to_owned()));
    peer.say(1, AMQPClass::Channel(Own::CloseOk(channel::CloseOk {})));
    peer.say(1, AMQPClass::Channel(Own::Open(channel::Open {})));
    peer.answers();
    assert_eq!(look(&mut peer, "compute"), (0, 2));
    let long = "x".repeat(255);
    peer.say(1, declare(&long, true, false, &[]));
    let (code, text) = peer.closed();
    assert!(code == 404 && text.len() == 255, "{text}");
}

#[test]
fn what_an_account_may_not_is_refused_with_the_broker_s_words() {
    let front = still();
    let cases: [(&str, AMQPClass, u16, &str); 13] = [
        (
            "openstack-monitoring",
            declare("", false, true, &[]),
            403,
            "ACCESS_REFUSED - access to queue 'amq.gen-",
        ),
        (
            "stackwatch",
            declare("mine", false, false, &[]),
            403,
            "access to queue 'mine' in vhost 'openstack' refused for user 'stackwatch'",
        ),
        (
            "admin",
            declare("amq.mine", false, false, &[]),
            403,
            "queue name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        ("admin", declare("compute", false, false, &[]), 540, "NOT_IMPLEMENTED"),
        ("admin", consume("compute", "", true), 540, "NOT_IMPLEMENTED"),
        ("admin", consume("nope", "", true), 404, "no queue 'nope'"),
        ("admin", bind("compute", "nova", "x"), 540, "NOT_IMPLEMENTED"),
        ("stackwatch", bind("compute", "nova", "x"), 403, "access to queue 'compute'"),
        ("admin", bind("", "nova", "x"), 404, "NOT_FOUND - no previously declared queue"),
        ("admin", AMQPClass::Tx(tx::AMQPMethod::Select(tx::Select {})), 540, "NOT_IMPLEMENTED"),
        (
            "admin",
            AMQPClass::Exchange(exchange::AMQPMethod::Declare(exchange::Declare {
                exchange: "cinder".into(),
                kind: "topic".into(),
                passive: true,
                durable: false,
                auto_delete: false,
                internal: false,
                nowait: false,
                arguments: FieldTable::default(),
            })),
            404,
            "NOT_FOUND - no exchange 'cinder' in vhost 'openstack'",
        ),
        (
            "admin",
            AMQPClass::Basic(Basic::Publish(basic::Publish {
                exchange: "nova".into(),
                routing_key: "notifications.info".into(),
                mandatory: false,
                immediate: false,
            })),
            403,
            "takes no messages from clients",
        ),
        ("admin", ack(7, false), 406, "PRECONDITION_FAILED - unknown delivery tag 7"),
    ];
    for (user, method, code, text) in cases {
        let mut peer = Peer::open(&front, user);
        let what = format!("{user} {method:?}");
        peer.say(1, method);
        let (found, said) = peer.closed();
        assert!(found == code && said.contains(text), "{what}: {found} {said}");
    }
    let mut peer = Peer::open(&front, "admin");
    peer.say(9, declare("compute", true, false, &[]));
    assert_eq!(peer.closed().0, 504, "a channel that is not open");
    let mut peer = Peer::open(&front, "admin");
    // Class 60, method 99.
    peer.send(&[1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 99, 0xCE]);
    assert_eq!(peer.closed(), (540, "NOT_IMPLEMENTED - method 60.99".to_owned()));
    let mut peer = Peer::open(&front, "admin");
    // A declare without its arguments.
    peer.send(&[1, 0, 1, 0, 0, 0, 4, 0, 50, 0, 10, 0xCE]);
    assert_eq!(peer.closed().0, 502);
    let mut peer = Peer::open(&front, "admin");
    peer.send(&[1, 0, 1, 0xff, 0, 0, 0]);
    assert!(peer.talk.is_over() && peer.closed().0 == 501, "it cannot be read on");
}

#[test]
fn what_a_client_has_bound_for_comes_and_the_services_queues_are_as_before() {
    let front = still();
    let mut peer = Peer::open(&front, "stackwatch");
    peer.say(1, declare("", false, true, &[("x-max-length", 1_000)]));
    let AMQPClass::Queue(Queue::DeclareOk(ok)) = peer.answer() else { panic!("no queue") };
    let name = ok.queue.to_string();
    assert!(name.starts_with("amq.gen-"), "{name}");
    // An empty name is the last that was declared.
    peer.say(1, bind("", "nova", "notifications.info"));
    assert!(matches!(peer.answer(), AMQPClass::Queue(Queue::BindOk(_))));
    peer.say(1, consume(&name, "own", true));
    assert!(matches!(peer.answer(), AMQPClass::Basic(Basic::ConsumeOk(_))));
    peer.say(1, consume(&name, "own", true));
    assert!(peer.closed().1.contains("attempt to reuse consumer tag 'own'"));

    let mut peer = Peer::open(&front, "stackwatch");
    assert!(!front.broker.lock().post.queues.contains_key(&name), "it was that connection's alone");
    peer.say(1, declare("stackwatch.test", false, true, &[]));
    peer.say(1, bind("stackwatch.test", "nova", "versioned_notifications.*"));
    peer.say(1, consume("stackwatch.test", "", true));
    peer.answers();
    beat(&front, "do = \"build\"\ncount = 1");
    for _ in 0..20 {
        pass(&front, 1_000);
    }
    peer.take();
    let came = deliveries(peer.answers());
    let kinds: Vec<String> = came
        .iter()
        .map(|(_, _, body)| {
            let envelope: serde_json::Value = serde_json::from_slice(body).unwrap();
            let message: serde_json::Value =
                serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
            message["event_type"].as_str().unwrap().to_owned()
        })
        .collect();
    for kind in [
        "instance.update",
        "scheduler.select_destinations.end",
        "instance.create.start",
        "instance.create.end",
    ] {
        assert!(kinds.iter().any(|found| found == kind), "{kind} of {kinds:?}");
    }
    assert!(came.iter().map(|(tag, ..)| *tag).eq(1..=came.len() as u64), "tags count from 1");
    // Others' copies are not touched: each of its queues got as many as was published.
    let inner = front.broker.lock();
    let published = inner.ledger.notified[2].total + inner.ledger.notified[3].total;
    assert_eq!(published, came.len() as u64);
}

#[test]
fn unacknowledged_messages_wait_for_their_prefetch_and_come_again_when_the_client_goes() {
    let front = still();
    let mut peer = Peer::open(&front, "stackwatch");
    peer.say(1, declare("stackwatch.kept", false, false, &[]));
    peer.say(1, bind("stackwatch.kept", "nova", "notifications.#"));
    peer.say(1, qos(2));
    peer.say(1, consume("stackwatch.kept", "a", false));
    peer.answers();
    beat(&front, "do = \"build\"\ncount = 1");
    for _ in 0..20 {
        pass(&front, 1_000);
    }
    peer.take();
    assert_eq!(deliveries(peer.answers()).len(), 2, "two at a time");
    peer.say(1, ack(1, false));
    let third = deliveries(peer.answers());
    assert_eq!(third.iter().map(|(tag, again, _)| (*tag, *again)).collect::<Vec<_>>(), [(3, false)]);
    peer.say(1, ack(0, true));
    assert_eq!(deliveries(peer.answers()).len(), 2);
    let left = front.broker.lock().post.queues["stackwatch.kept"].messages.len();
    drop(peer);
    let inner = front.broker.lock();
    let queue = &inner.post.queues["stackwatch.kept"];
    assert_eq!((queue.messages.len(), queue.unacked, queue.consumers.len()), (left + 2, 0, 0));
    drop(inner);
    let mut other = Peer::open(&front, "stackwatch");
    other.say(1, consume("stackwatch.kept", "b", true));
    let answers = other.answers().split_off(1);
    let again = deliveries(answers);
    assert_eq!(again.iter().filter(|(_, again, _)| *again).count(), 2);
    assert_eq!(again.len(), left + 2);
}

#[test]
fn an_exclusive_queue_is_locked_to_others_and_a_deleted_one_cancels_its_consumers() {
    let front = still();
    let (mut one, mut other) = (Peer::open(&front, "stackwatch"), Peer::open(&front, "stackwatch"));
    one.say(1, declare("stackwatch.alone", false, true, &[]));
    one.answers();
    other.say(1, declare("stackwatch.alone", true, false, &[]));
    let (code, text) = other.closed();
    assert!(code == 405 && text.starts_with("RESOURCE_LOCKED - cannot obtain exclusive access"), "{text}");

    let mut other = Peer::open(&front, "admin");
    one.say(1, declare("stackwatch.shared", false, false, &[("x-expires", 60_000)]));
    one.say(1, consume("stackwatch.shared", "c", true));
    one.answers();
    other.say(1, declare("stackwatch.shared", false, false, &[]));
    let (code, text) = other.closed();
    assert!(
        code == 406 && text.contains("inequivalent arg 'x-expires' for queue 'stackwatch.shared'"),
        "{text}"
    );
    other.say(1, AMQPClass::Channel(Own::CloseOk(channel::CloseOk {})));
    other.say(1, AMQPClass::Channel(Own::Open(channel::Open {})));
    let delete =
        queue::Delete { queue: "stackwatch.shared".into(), if_unused: true, if_empty: false, nowait: false };
    other.answers();
    other.say(1, AMQPClass::Queue(Queue::Delete(delete.clone())));
    assert!(other.closed().1.contains("in use"));
    other.say(1, AMQPClass::Channel(Own::CloseOk(channel::CloseOk {})));
    other.say(1, AMQPClass::Channel(Own::Open(channel::Open {})));
    other.answers();
    other.say(1, AMQPClass::Queue(Queue::Delete(queue::Delete { if_unused: false, ..delete })));
    assert!(matches!(other.answer(), AMQPClass::Queue(Queue::DeleteOk(_))));
    one.take();
    let AMQPClass::Basic(Basic::Cancel(cancel)) = one.answer() else { panic!("nobody told it") };
    assert_eq!(cancel.consumer_tag.as_str(), "c");
    one.say(0, AMQPClass::Connection(Method::Close(connection::Close::default())));
    assert!(one.talk.is_over() && matches!(one.answer(), AMQPClass::Connection(Method::CloseOk(_))));
}

/// One cloud for all of them: it is not changed, and takes a while.
static SHARED: LazyLock<Arc<Front>> = LazyLock::new(still);

/// Methods of all kinds, in a sound frame each.
fn frame() -> impl Strategy<Value = AMQPFrame> {
    let name = prop::sample::select(vec![
        "",
        "compute",
        "stackwatch.a",
        "stackwatch.b",
        "amq.gen-x",
        "nova",
        "nope",
    ]);
    let method = (0_u8..16, name.clone(), name, any::<bool>(), any::<bool>(), 0_u64..5).prop_map(
        |(kind, one, two, yes, no, tag)| match kind {
            0 => AMQPClass::Channel(Own::Open(channel::Open {})),
            1 => AMQPClass::Channel(Own::Close(channel::Close::default())),
            2 => AMQPClass::Channel(Own::CloseOk(channel::CloseOk {})),
            3 | 4 => declare(one, yes, no, &[("x-max-length", tag as i32)]),
            5 => bind(one, two, "notifications.*"),
            6 | 7 => consume(one, two, yes),
            8 => ack(tag, yes),
            9 => qos(tag as u16),
            10 => {
                AMQPClass::Basic(Basic::Nack(basic::Nack { delivery_tag: tag, multiple: yes, requeue: no }))
            }
            11 => AMQPClass::Basic(Basic::Cancel(basic::Cancel { consumer_tag: one.into(), nowait: yes })),
            12 => AMQPClass::Queue(Queue::Delete(queue::Delete {
                queue: one.into(),
                if_unused: yes,
                if_empty: no,
                nowait: false,
            })),
            13 => AMQPClass::Queue(Queue::Purge(queue::Purge { queue: one.into(), nowait: no })),
            14 => AMQPClass::Tx(tx::AMQPMethod::Select(tx::Select {})),
            _ => AMQPClass::Connection(Method::Close(connection::Close::default())),
        },
    );
    prop_oneof![
        12 => (0_u16..4, method).prop_map(|(channel, method)| AMQPFrame::Method(channel, method)),
        1 => Just(AMQPFrame::Heartbeat),
        1 => (0_u16..4, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(c, body)| AMQPFrame::Body(c, body)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn methods_in_any_order_are_answered_and_leave_nothing_behind(frames in prop::collection::vec(frame(), 0..40)) {
        let mut peer = Peer::open(&SHARED, "stackwatch");
        for frame in &frames {
            let mut octets = Vec::new();
            wire::write(&mut octets, frame);
            peer.send(&octets);
        }
        drop(peer);
        let mut inner = SHARED.broker.lock();
        prop_assert!(inner.post.clients.is_empty());
        prop_assert!(inner.post.queues.values().all(|queue| queue.consumers.is_empty() && queue.unacked == 0));
        let names: Vec<String> = inner.post.queues.keys().cloned().collect();
        names.iter().for_each(|name| { inner.post.delete(name); });
    }

    #[test]
    fn garbage_ends_a_connection_or_is_waited_for_and_never_more(
        octets in prop::collection::vec(any::<u8>(), 0..2_000),
        opened: bool,
    ) {
        let mut peer = if opened { Peer::open(&SHARED, "stackwatch") } else { Peer::new(&SHARED) };
        for piece in octets.chunks(97) {
            peer.send(piece);
        }
        prop_assert!(peer.talk.out.is_empty());
        drop(peer);
        prop_assert!(SHARED.broker.lock().post.clients.is_empty());
    }
}
