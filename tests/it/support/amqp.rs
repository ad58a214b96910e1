//! A node that speaks just enough AMQP to let a client in, answer its declares and deliver to it, and that fails as it
//! is told: what no real broker can be made to do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame, parse_frame};
use amq_protocol::protocol::{AMQPClass, BasicProperties, basic, channel, connection, exchange, queue};
use amq_protocol::types::FieldTable;

/// What the node offers: bytes of a frame at most and seconds between two signs of life, 0 for no bound and for none.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub frame_max: u32,
    pub heartbeat: u16,
}

impl Default for Offer {
    /// As RabbitMQ.
    fn default() -> Self {
        Self { frame_max: 131_072, heartbeat: 60 }
    }
}

/// The figures of every queue that it is asked for.
pub const READY: u32 = 3;
pub const CONSUMERS: u32 = 1;

pub struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    offer: Offer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last connection: what is said by itself goes there.
    stream: Option<TcpStream>,
    connections: usize,
    /// What the last client took of the offer.
    agreed: Option<(u32, u16)>,
    declares: usize,
    silent: bool,
    holds: bool,
    /// Where the last consumer is: channel and tag.
    consumer: Option<(u16, String)>,
    delivered: u64,
}

impl Peer {
    pub fn start(offer: Offer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { offer, state: Mutex::default() });
        let node = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, node) = (stream.unwrap(), node.clone());
                thread::spawn(move || node.converse(stream));
            }
        });
        Self { address, shared }
    }

    /// One that takes connections and says nothing on them.
    pub fn silent() -> Self {
        let peer = Self::start(Offer::default());
        peer.be_silent(true);
        peer
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    pub fn declares(&self) -> usize {
        self.shared.lock().declares
    }

    /// Frame and heartbeat that the last client agreed on.
    pub fn agreed(&self) -> Option<(u32, u16)> {
        self.shared.lock().agreed
    }

    pub fn has_consumer(&self) -> bool {
        self.shared.lock().consumer.is_some()
    }

    /// From now on it answers nothing, not even a sign of life; or does again.
    pub fn be_silent(&self, silent: bool) {
        self.shared.lock().silent = silent;
    }

    /// From now on it answers all but declares; or those too.
    pub fn hold_declares(&self, holds: bool) {
        self.shared.lock().holds = holds;
    }

    pub fn block(&self, reason: &str) {
        let blocked = connection::Blocked { reason: reason.into() };
        self.say(&[method(0, AMQPClass::Connection(connection::AMQPMethod::Blocked(blocked)))]);
    }

    pub fn unblock(&self) {
        let unblocked = connection::Unblocked {};
        self.say(&[method(0, AMQPClass::Connection(connection::AMQPMethod::Unblocked(unblocked)))]);
    }

    /// Delivers to the consumer, in frames as large as was agreed.
    pub fn deliver(&self, body: &[u8]) {
        let frames = {
            let mut state = self.shared.lock();
            let (number, tag) = state.consumer.clone().expect("a consumer");
            let (frame_max, _) = state.agreed.expect("an agreement");
            state.delivered += 1;
            let deliver = basic::Deliver {
                consumer_tag: tag.as_str().into(),
                delivery_tag: state.delivered,
                redelivered: false,
                exchange: "nova".into(),
                routing_key: "notifications.info".into(),
            };
            let body_size = body.len() as u64;
            let header =
                AMQPContentHeader { class_id: 60, body_size, properties: BasicProperties::default() };
            let mut frames = vec![
                method(number, AMQPClass::Basic(basic::AMQPMethod::Deliver(deliver))),
                AMQPFrame::Header(number, header),
            ];
            let pieces = body.chunks(frame_max as usize - 8);
            frames.extend(pieces.map(|piece| AMQPFrame::Body(number, piece.to_vec())));
            frames
        };
        self.say(&frames);
    }

    /// A frame of so many bytes, whatever was agreed.
    pub fn send_frame_of(&self, size: usize) {
        self.say(&[AMQPFrame::Body(1, vec![b'x'; size - 8])]);
    }

    /// Breaks the connection.
    pub fn hang_up(&self) {
        if let Some(stream) = self.shared.lock().stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn say(&self, frames: &[AMQPFrame]) {
        let stream = self.shared.lock().stream.as_ref().expect("a connection").try_clone().unwrap();
        write(&stream, frames);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// One connection, until the client ends it.
    fn converse(&self, mut stream: TcpStream) {
        {
            let mut state = self.lock();
            state.connections += 1;
            state.stream = Some(stream.try_clone().unwrap());
            state.consumer = None;
        }
        let mut greeting = [0; 8];
        if stream.read_exact(&mut greeting).is_err() || greeting != *b"AMQP\x00\x00\x09\x01" {
            return;
        }
        let start = connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: FieldTable::default(),
            mechanisms: "PLAIN".into(),
            locales: "en_US".into(),
        };
        if !self.lock().silent {
            write(&stream, &[method(0, AMQPClass::Connection(connection::AMQPMethod::Start(start)))]);
        }
        let (mut heard, mut chunk) = (Vec::new(), [0; 16_384]);
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            heard.extend_from_slice(&chunk[..read]);
            while let Some(frame) = next(&mut heard) {
                if let Some(answer) = self.answer(frame) {
                    write(&stream, &[answer]);
                }
            }
        }
    }

    fn answer(&self, frame: AMQPFrame) -> Option<AMQPFrame> {
        use {basic::AMQPMethod as Basic, channel::AMQPMethod as Channel, connection::AMQPMethod as Own};
        use {exchange::AMQPMethod as Exchange, queue::AMQPMethod as Queue};
        let mut state = self.lock();
        let (number, said) = match frame {
            AMQPFrame::Heartbeat => return (!state.silent).then_some(AMQPFrame::Heartbeat),
            AMQPFrame::Method(number, said) => (number, said),
            _ => return None,
        };
        let answer = match said {
            AMQPClass::Connection(Own::StartOk(_)) => {
                let Offer { frame_max, heartbeat } = self.offer;
                AMQPClass::Connection(Own::Tune(connection::Tune { channel_max: 2047, frame_max, heartbeat }))
            }
            AMQPClass::Connection(Own::TuneOk(ok)) => {
                state.agreed = Some((ok.frame_max, ok.heartbeat));
                return None;
            }
            AMQPClass::Connection(Own::Open(_)) => {
                let (asked, most) = (state.agreed.map_or(0, |(asked, _)| asked), self.offer.frame_max);
                match most == 0 || asked <= most {
                    true => AMQPClass::Connection(Own::OpenOk(connection::OpenOk {})),
                    // RabbitMQ's own words. It says them as soon as it can, and lapin misses them when it has
                    // not asked for its vhost by then.
                    false => AMQPClass::Connection(Own::Close(connection::Close {
                        reply_code: 530,
                        reply_text: format!(
                            "NOT_ALLOWED - negotiated frame_max = {asked} is higher than the maximum \
                             allowed value ({most})"
                        )
                        .into(),
                        class_id: 10,
                        method_id: 31,
                    })),
                }
            }
            AMQPClass::Connection(Own::Close(_)) => {
                AMQPClass::Connection(Own::CloseOk(connection::CloseOk {}))
            }
            AMQPClass::Channel(Channel::Open(_)) => AMQPClass::Channel(Channel::OpenOk(channel::OpenOk {})),
            AMQPClass::Channel(Channel::Close(_)) => {
                AMQPClass::Channel(Channel::CloseOk(channel::CloseOk {}))
            }
            AMQPClass::Exchange(Exchange::Declare(_)) => {
                AMQPClass::Exchange(Exchange::DeclareOk(exchange::DeclareOk {}))
            }
            AMQPClass::Queue(Queue::Declare(declare)) => {
                state.declares += 1;
                if state.holds {
                    return None;
                }
                let (message_count, consumer_count) = (READY, CONSUMERS);
                let ok = queue::DeclareOk { queue: declare.queue, message_count, consumer_count };
                AMQPClass::Queue(Queue::DeclareOk(ok))
            }
            AMQPClass::Queue(Queue::Bind(_)) => AMQPClass::Queue(Queue::BindOk(queue::BindOk {})),
            AMQPClass::Basic(Basic::Qos(_)) => AMQPClass::Basic(Basic::QosOk(basic::QosOk {})),
            AMQPClass::Basic(Basic::Consume(consume)) => {
                state.consumer = Some((number, consume.consumer_tag.to_string()));
                state.delivered = 0;
                AMQPClass::Basic(Basic::ConsumeOk(basic::ConsumeOk { consumer_tag: consume.consumer_tag }))
            }
            _ => return None,
        };
        (!state.silent).then(|| method(number, answer))
    }
}

fn method(number: u16, said: AMQPClass) -> AMQPFrame {
    AMQPFrame::Method(number, said)
}

/// The next frame that is whole.
fn next(heard: &mut Vec<u8>) -> Option<AMQPFrame> {
    let (rest, frame) = parse_frame(heard.as_slice()).ok()?;
    let used = heard.len() - rest.len();
    heard.drain(..used);
    Some(frame)
}

/// A client that went is what some tests are about.
fn write(mut stream: &TcpStream, frames: &[AMQPFrame]) {
    let mut octets = Vec::new();
    for frame in frames {
        let written = gen_frame(frame)(WriteContext::from(Vec::new())).unwrap();
        octets.extend(written.into_inner().0);
    }
    let _ = stream.write_all(&octets);
}
