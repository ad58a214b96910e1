//! A connection: from the greeting over login and tuning to its end. Nothing here waits; what is to be sent is in
//! `out`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::connection::{self, AMQPMethod as Method};
use amq_protocol::protocol::{AMQPClass, channel as wire_channel};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::channel::Channel;
use super::login::{amqplain, plain};
use super::refusal::{Refusal, cut};
use super::table;
use super::wire::{self, FRAME_MAX, Heard};
use crate::sim::broker::accounts::{Account, VHOST, VHOSTS};
use crate::sim::broker::post::{Client, ClientId};
use crate::sim::http::Front;

/// RabbitMQ's defaults.
const CHANNEL_MAX: u16 = 2_047;
const HEARTBEAT: u16 = 60;
/// `frame_min_size`.
const FRAME_MIN: u32 = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Starting,
    Tuning,
    Opening,
    Open,
    /// Told to close: its last word is waited for.
    Closing(Instant),
    Over,
}

pub struct Talk {
    front: Arc<Front>,
    peer: SocketAddr,
    stage: Stage,
    /// What it said of itself.
    properties: Map<String, Value>,
    mechanism: &'static str,
    account: Option<&'static Account>,
    client: Option<ClientId>,
    heartbeat: u16,
    channel_max: u16,
    frame_max: u32,
    channels: BTreeMap<u16, Channel>,
    wake: Arc<Notify>,
    /// What is to be sent.
    pub out: Vec<u8>,
}

/// What is to be sent at once at most; the rest follows when that is gone.
const BATCH: usize = 256 << 10;

impl Talk {
    pub fn new(front: Arc<Front>, peer: SocketAddr) -> Self {
        Self {
            front,
            peer,
            stage: Stage::Greeting,
            properties: Map::new(),
            mechanism: "PLAIN",
            account: None,
            client: None,
            heartbeat: HEARTBEAT,
            channel_max: CHANNEL_MAX,
            frame_max: FRAME_MAX,
            channels: BTreeMap::new(),
            wake: Arc::default(),
            out: Vec::new(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    pub fn closing_since(&self) -> Option<Instant> {
        match self.stage {
            Stage::Closing(since) => Some(since),
            _ => None,
        }
    }

    pub fn heartbeat(&self) -> Option<Duration> {
        (self.heartbeat > 0).then(|| Duration::from_secs(self.heartbeat.into()))
    }

    pub fn frame_max(&self) -> u32 {
        self.frame_max
    }

    /// Notified when there is something to deliver.
    pub fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    pub fn beat(&mut self) {
        wire::write(&mut self.out, &AMQPFrame::Heartbeat);
    }

    /// Ends it without another word.
    pub fn leave(&mut self) {
        self.stage = Stage::Over;
        self.let_go();
    }

    /// What came is no frame. Nothing that follows can be read.
    pub fn break_off(&mut self, kind: u8, why: &str) {
        if self.stage == Stage::Open {
            self.refuse(&Refusal::frame(kind, why), 0, 0);
        }
        self.leave();
    }

    fn say(&mut self, method: Method) {
        wire::write(&mut self.out, &AMQPFrame::Method(0, AMQPClass::Connection(method)));
    }

    pub fn hear(&mut self, heard: Heard) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        let (channel, class, method) = match &heard {
            Heard::Frame(AMQPFrame::Method(channel, method)) => {
                (*channel, method.get_amqp_class_id(), method.get_amqp_method_id())
            }
            Heard::Garbled { channel, class, method } => (*channel, *class, *method),
            _ => (0, 0, 0),
        };
        if let Stage::Closing(_) = self.stage {
            return self.closing(&heard);
        }
        if let Err(refusal) = self.take(heard) {
            if refusal.hard || channel == 0 {
                self.refuse(&refusal, class, method);
            } else {
                self.close_channel(channel, &refusal, class, method);
            }
        }
        self.note(channel);
    }

    /// Of what still comes only its last word counts.
    fn closing(&mut self, heard: &Heard) {
        match heard {
            Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::CloseOk(_)))) => self.leave(),
            Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::Close(_)))) => {
                self.say(Method::CloseOk(connection::CloseOk {}));
                self.leave();
            }
            _ => {}
        }
    }

    fn take(&mut self, heard: Heard) -> Result<(), Refusal> {
        match (self.stage, heard) {
            (Stage::Greeting, Heard::Greeting) => {
                self.start();
                Ok(())
            }
            (_, Heard::Frame(AMQPFrame::Heartbeat)) => Ok(()),
            (_, Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::Close(_))))) => {
                self.say(Method::CloseOk(connection::CloseOk {}));
                self.leave();
                Ok(())
            }
            (
                Stage::Starting,
                Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::StartOk(ok)))),
            ) => self.login(&ok),
            (
                Stage::Tuning,
                Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::TuneOk(ok)))),
            ) => self.tune(&ok),
            (
                Stage::Opening,
                Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::Open(open)))),
            ) => self.open(open.virtual_host.as_str()),
            (Stage::Open, heard) => self.opened(heard),
            // Out of turn, and nobody is logged in yet: there is nothing to say to it.
            _ => {
                self.leave();
                Ok(())
            }
        }
    }

    fn start(&mut self) {
        self.stage = Stage::Starting;
        let cluster = self.front.read().cloud.bus.nodes.first().map(|node| node.name()).unwrap_or_default();
        self.say(Method::Start(connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: table::server(&cluster),
            mechanisms: "AMQPLAIN PLAIN".into(),
            locales: "en_US".into(),
        }));
    }

    fn login(&mut self, ok: &connection::StartOk) -> Result<(), Refusal> {
        self.properties = table::to_json(&ok.client_properties);
        let response = ok.response.as_bytes();
        let (mechanism, said) = match ok.mechanism.as_str() {
            "PLAIN" => ("PLAIN", plain(response)),
            "AMQPLAIN" => ("AMQPLAIN", amqplain(response)),
            other => return Err(Refusal::command(&format!("unknown authentication mechanism '{other}'"))),
        };
        self.mechanism = mechanism;
        let account = said.and_then(|(name, password)| Account::login(&name, &password));
        let Some(account) = account else {
            // Who does not say that it understands such a close is only cut off.
            let understands = self
                .properties
                .get("capabilities")
                .and_then(|all| all.get("authentication_failure_close"))
                .and_then(Value::as_bool);
            if understands == Some(true) {
                return Err(Refusal::login(mechanism));
            }
            self.leave();
            return Ok(());
        };
        self.account = Some(account);
        self.stage = Stage::Tuning;
        self.say(Method::Tune(connection::Tune {
            channel_max: CHANNEL_MAX,
            frame_max: FRAME_MAX,
            heartbeat: HEARTBEAT,
        }));
        Ok(())
    }

    /// 0 is "as you like" for each.
    fn tune(&mut self, ok: &connection::TuneOk) -> Result<(), Refusal> {
        let bounds = [
            ("frame_max", ok.frame_max, FRAME_MIN, FRAME_MAX),
            ("channel_max", ok.channel_max.into(), 1, CHANNEL_MAX.into()),
        ];
        for (name, value, least, most) in bounds {
            let out = match value {
                0 => None,
                _ if value < least => Some(("lower", "minimum", least)),
                _ if value > most => Some(("higher", "maximum", most)),
                _ => None,
            };
            if let Some((than, what, bound)) = out {
                let text =
                    format!("negotiated {name} = {value} is {than} than the {what} allowed value ({bound})");
                return Err(Refusal::not_allowed(&text));
            }
        }
        self.frame_max = if ok.frame_max == 0 { FRAME_MAX } else { ok.frame_max };
        self.channel_max = if ok.channel_max == 0 { CHANNEL_MAX } else { ok.channel_max };
        self.heartbeat = ok.heartbeat;
        self.stage = Stage::Opening;
        Ok(())
    }

    fn open(&mut self, vhost: &str) -> Result<(), Refusal> {
        let Some(account) = self.account else { return Err(Refusal::command("nobody is logged in")) };
        if !VHOSTS.contains(&vhost) {
            return Err(Refusal::not_allowed(&format!("vhost {vhost} not found")));
        }
        if !account.enters(vhost) {
            let text = format!("access to vhost '{vhost}' refused for user '{}'", account.name);
            return Err(Refusal::not_allowed(&text));
        }
        if vhost != VHOST {
            // There is nothing in it, and nothing is made there.
            let text = format!("the simulated broker has its queues in vhost '{VHOST}' alone");
            return Err(Refusal::not_implemented(&text));
        }
        let client = Client {
            peer: self.peer,
            user: account.name,
            mechanism: self.mechanism,
            properties: self.properties.clone(),
            since: self.front.clock.now(),
            channels: BTreeMap::new(),
            heartbeat: self.heartbeat,
            frame_max: self.frame_max,
            wake: self.wake.clone(),
        };
        self.client = Some(self.front.broker.lock().post.connect(client));
        self.stage = Stage::Open;
        self.say(Method::OpenOk(connection::OpenOk {}));
        Ok(())
    }

    fn opened(&mut self, heard: Heard) -> Result<(), Refusal> {
        let (number, method) = match heard {
            Heard::Frame(AMQPFrame::Method(0, AMQPClass::Connection(Method::UpdateSecret(_)))) => {
                self.say(Method::UpdateSecretOk(connection::UpdateSecretOk {}));
                return Ok(());
            }
            Heard::Frame(AMQPFrame::Method(0, _)) => {
                return Err(Refusal::command("unexpected method on channel 0"));
            }
            Heard::Frame(AMQPFrame::Method(number, method)) => (number, method),
            // Of a message that nobody asked for.
            Heard::Frame(AMQPFrame::Header(number, _) | AMQPFrame::Body(number, _)) => {
                return match self.channels.get(&number) {
                    Some(channel) if channel.is_closing() => Ok(()),
                    _ => Err(Refusal::unexpected("expected a method, got content instead")),
                };
            }
            Heard::Garbled { channel, class, method } => {
                if self.channels.get(&channel).is_some_and(Channel::is_closing) {
                    return Ok(());
                }
                return Err(match wire::is_known(class, method) {
                    true => Refusal::syntax(),
                    false => Refusal::not_implemented(&format!("method {class}.{method}")),
                });
            }
            Heard::Greeting | Heard::Frame(_) => return Err(Refusal::unexpected("unexpected frame")),
        };
        if let AMQPClass::Channel(wire_channel::AMQPMethod::Open(_)) = method {
            return self.open_channel(number);
        }
        let Some(channel) = self.channels.get_mut(&number) else {
            return Err(Refusal::channel("expected 'channel.open'"));
        };
        let (Some(account), Some(client)) = (self.account, self.client) else { return Ok(()) };
        let goes_on = channel.hear(method, &self.front, account, client, &mut self.out)?;
        if !goes_on {
            self.channels.remove(&number);
        }
        Ok(())
    }

    fn open_channel(&mut self, number: u16) -> Result<(), Refusal> {
        if self.channels.contains_key(&number) {
            return Err(Refusal::channel("second 'channel.open' seen"));
        }
        if number > self.channel_max || self.channels.len() >= usize::from(self.channel_max) {
            let (open, most) = (self.channels.len(), self.channel_max);
            let text =
                format!("number of channels opened ({open}) has reached the negotiated channel_max ({most})");
            return Err(Refusal::not_allowed(&text));
        }
        self.channels.insert(number, Channel::new(number));
        let ok = AMQPClass::Channel(wire_channel::AMQPMethod::OpenOk(wire_channel::OpenOk {}));
        wire::write(&mut self.out, &AMQPFrame::Method(number, ok));
        Ok(())
    }

    fn close_channel(&mut self, number: u16, refusal: &Refusal, class: u16, method: u16) {
        let Some(client) = self.client else { return };
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.close(&self.front, client);
            let close = wire_channel::Close {
                reply_code: refusal.code,
                reply_text: refusal.text.as_str().into(),
                class_id: class,
                method_id: method,
            };
            let close = AMQPClass::Channel(wire_channel::AMQPMethod::Close(close));
            wire::write(&mut self.out, &AMQPFrame::Method(number, close));
        }
    }

    /// Closes the connection, and says why.
    fn refuse(&mut self, refusal: &Refusal, class: u16, method: u16) {
        self.let_go();
        self.say(Method::Close(connection::Close {
            reply_code: refusal.code,
            reply_text: cut(refusal.text.clone()).into(),
            class_id: class,
            method_id: method,
        }));
        self.stage = Stage::Closing(Instant::now());
    }

    /// Puts what may be delivered into `out`; whether there is more.
    pub fn deliver(&mut self) -> bool {
        let (Some(client), Stage::Open) = (self.client, self.stage) else { return false };
        let mut more = false;
        for (number, channel) in &mut self.channels {
            let (moved, left) = channel.deliver(&self.front, self.frame_max, BATCH, &mut self.out);
            more |= left;
            if moved {
                let row = channel.row();
                if let Some(client) = self.front.broker.lock().post.clients.get_mut(&client) {
                    client.channels.insert(*number, row);
                }
            }
        }
        more
    }

    /// Keeps what others see of a channel.
    fn note(&mut self, number: u16) {
        let Some(id) = self.client else { return };
        let row = self.channels.get(&number).map(Channel::row);
        let mut inner = self.front.broker.lock();
        if let Some(client) = inner.post.clients.get_mut(&id) {
            match row {
                Some(row) => client.channels.insert(number, row),
                None => client.channels.remove(&number),
            };
        }
    }

    /// Its queues and consumers go with it.
    fn let_go(&mut self) {
        if let Some(client) = self.client.take() {
            for channel in self.channels.values_mut() {
                channel.close(&self.front, client);
            }
            self.channels.clear();
            self.front.broker.lock().post.disconnect(client);
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.let_go();
    }
}
