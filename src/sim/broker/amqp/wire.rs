//! Octets into frames and back. What a client sends is bounded before it is looked at: a frame by what was
//! negotiated, tables within tables by a depth.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parse_frame};

/// RabbitMQ's `frame_max`, and what holds until another is agreed upon.
pub const FRAME_MAX: u32 = 131_072;
/// Around a frame's payload: type, channel, size; and the octet at its end.
const HEAD: usize = 7;
const TAIL: usize = 1;
const END: u8 = 0xCE;
/// The parser calls itself for each table within a table.
const DEEPEST: usize = 64;

const METHOD: u8 = 1;
const CONTENT: u8 = 2;

/// `AMQP`, 0, 0-9-1.
pub const GREETING: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

#[derive(Debug, PartialEq)]
// There is one at a time, and it goes where it is used.
#[expect(clippy::large_enum_variant)]
pub enum Heard {
    Greeting,
    Frame(AMQPFrame),
    /// A frame that is whole and says nothing that is known: its channel, class and method.
    Garbled {
        channel: u16,
        class: u16,
        method: u16,
    },
}

/// After this nothing more can be made of what comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// It does not speak AMQP 0-9-1.
    Greeting,
    /// A frame's type, and what is wrong with it.
    Frame(u8, &'static str),
}

/// What has come and is no whole frame yet.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    greeted: bool,
    limit: usize,
}

impl Reader {
    pub fn new() -> Self {
        Self { buffer: Vec::new(), greeted: false, limit: FRAME_MAX as usize }
    }

    /// What was agreed upon.
    pub fn set_limit(&mut self, frame_max: u32) {
        self.limit = frame_max as usize;
    }

    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next that is whole.
    pub fn next(&mut self) -> Result<Option<Heard>, Broken> {
        if !self.greeted {
            let known = self.buffer.len().min(GREETING.len());
            if self.buffer[..known] != GREETING[..known] {
                return Err(Broken::Greeting);
            }
            if known < GREETING.len() {
                return Ok(None);
            }
            self.buffer.drain(..known);
            self.greeted = true;
            return Ok(Some(Heard::Greeting));
        }
        let &[kind, c1, c2, s1, s2, s3, s4, ..] = &self.buffer[..] else { return Ok(None) };
        let (channel, size) = (u16::from_be_bytes([c1, c2]), u32::from_be_bytes([s1, s2, s3, s4]) as usize);
        if !matches!(kind, METHOD | CONTENT | 3 | 8) {
            return Err(Broken::Frame(kind, "unknown_frame_type"));
        }
        if size > self.limit.saturating_sub(HEAD + TAIL) {
            return Err(Broken::Frame(kind, "frame_too_large"));
        }
        let whole = HEAD + size + TAIL;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        if self.buffer[whole - 1] != END {
            return Err(Broken::Frame(kind, "invalid_frame_end_marker"));
        }
        let heard = take(&self.buffer[..whole], kind, channel);
        self.buffer.drain(..whole);
        Ok(Some(heard))
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.buffer.len()
    }
}

fn take(frame: &[u8], kind: u8, channel: u16) -> Heard {
    let payload = &frame[HEAD..frame.len() - TAIL];
    let parsed = match kind {
        METHOD | CONTENT if is_deep(payload) => None,
        _ => parse_frame(frame).ok().map(|(_, frame)| frame),
    };
    let word = |at: usize| match payload.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    match parsed {
        Some(frame) => Heard::Frame(frame),
        None => Heard::Garbled { channel, class: word(0), method: if kind == METHOD { word(2) } else { 0 } },
    }
}

/// Whether it may hold more tables and arrays within each other than the parser's stack bears. Each begins with
/// its letter and its length, so what looks like one counts as one.
fn is_deep(payload: &[u8]) -> bool {
    let mut ends: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    for (at, window) in payload.windows(5).enumerate() {
        let &[b'F' | b'A', l1, l2, l3, l4] = window else { continue };
        let end = at + 5 + u32::from_be_bytes([l1, l2, l3, l4]) as usize;
        if end > payload.len() {
            continue;
        }
        while ends.peek().is_some_and(|Reverse(earlier)| *earlier <= at) {
            ends.pop();
        }
        ends.push(Reverse(end));
        if ends.len() > DEEPEST {
            return true;
        }
    }
    false
}

/// Adds a frame to what is to be sent.
pub fn write(out: &mut Vec<u8>, frame: &AMQPFrame) {
    // Into memory; what is written here fits its fields.
    if let Ok(context) = gen_frame(frame)(WriteContext::from(Vec::new())) {
        out.extend_from_slice(&context.into_inner().0);
    }
}

/// Whether the protocol has a method of this number.
pub fn is_known(class: u16, method: u16) -> bool {
    let methods: &[u16] = match class {
        10 => &[10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71],
        20 => &[10, 11, 20, 21, 40, 41],
        40 => &[10, 11, 20, 21, 30, 31, 40, 51],
        50 => &[10, 11, 20, 21, 30, 31, 40, 41, 50, 51],
        60 => &[10, 11, 20, 21, 30, 31, 40, 50, 60, 70, 71, 72, 80, 90, 100, 110, 111, 120, 0],
        85 => &[10, 11],
        90 => &[10, 11, 20, 21, 30, 31],
        _ => &[],
    };
    methods.contains(&method)
}

#[cfg(test)]
mod tests {
    use amq_protocol::protocol::{AMQPClass, queue};
    use amq_protocol::types::{AMQPValue, FieldArray, FieldTable};
    use proptest::prelude::*;

    use super::*;

    fn declare(arguments: FieldTable) -> AMQPFrame {
        let declare = queue::Declare {
            queue: "q".into(),
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments,
        };
        AMQPFrame::Method(1, AMQPClass::Queue(queue::AMQPMethod::Declare(declare)))
    }

    fn greeted() -> Reader {
        let mut reader = Reader::new();
        reader.push(&GREETING);
        assert_eq!(reader.next(), Ok(Some(Heard::Greeting)));
        reader
    }

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let mut octets = GREETING.to_vec();
        write(&mut octets, &declare(FieldTable::default()));
        write(&mut octets, &AMQPFrame::Heartbeat);
        for size in 1..octets.len() {
            let mut reader = Reader::new();
            let mut heard = Vec::new();
            for piece in octets.chunks(size) {
                reader.push(piece);
                while let Some(next) = reader.next().unwrap() {
                    heard.push(next);
                }
            }
            let frame = Heard::Frame(declare(FieldTable::default()));
            assert_eq!(heard, [Heard::Greeting, frame, Heard::Frame(AMQPFrame::Heartbeat)], "in {size}s");
            assert_eq!(reader.held(), 0);
        }
    }

    #[test]
    fn what_is_no_amqp_is_broken_at_once() {
        for (octets, expected) in [
            (&b"GET / HTTP/1.1"[..], Broken::Greeting),
            (b"AMQP\x01\x01\x09\x01", Broken::Greeting),
            (b"AMQP\x00\x00\x09\x01\x04\0\0\0\0\0\0", Broken::Frame(4, "unknown_frame_type")),
            (b"AMQP\x00\x00\x09\x01\x01\0\0\xff\xff\xff\xff", Broken::Frame(1, "frame_too_large")),
            (b"AMQP\x00\x00\x09\x01\x08\0\0\0\0\0\0\0", Broken::Frame(8, "invalid_frame_end_marker")),
        ] {
            let mut reader = Reader::new();
            reader.push(octets);
            let broken = loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{octets:?} is waited for"),
                    Err(broken) => break broken,
                }
            };
            assert_eq!(broken, expected, "{octets:?}");
        }
    }

    /// A frame whose arguments hold tables or arrays within each other.
    fn nested(depth: usize, arrays: bool) -> Vec<u8> {
        let mut inner = Vec::new();
        for _ in 0..depth {
            let mut outer = if arrays { vec![b'A'] } else { vec![0, b'F'] };
            outer.extend_from_slice(&(inner.len() as u32).to_be_bytes());
            outer.extend_from_slice(&inner);
            inner = outer;
        }
        if arrays {
            inner.insert(0, 0);
        }
        // queue.declare: ticket, name, flags, arguments.
        let mut payload = vec![0, 50, 0, 10, 0, 0, 1, b'q', 1];
        payload.extend_from_slice(&(inner.len() as u32).to_be_bytes());
        payload.extend_from_slice(&inner);
        let mut frame = vec![METHOD, 0, 1];
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(&payload);
        frame.push(END);
        frame
    }

    #[test]
    fn tables_within_tables_are_read_to_a_depth_and_no_further() {
        for arrays in [false, true] {
            for (depth, is_read) in [(1, true), (20, true), (60, true), (65, false), (10_000, false)] {
                let mut reader = greeted();
                reader.push(&nested(depth, arrays));
                let heard = reader.next().unwrap().unwrap();
                match heard {
                    Heard::Frame(AMQPFrame::Method(1, _)) => assert!(is_read, "{depth} {arrays}"),
                    Heard::Garbled { channel: 1, class: 50, method: 10 } => {
                        assert!(!is_read, "{depth} {arrays}");
                    }
                    other => panic!("{depth} {arrays}: {other:?}"),
                }
            }
        }
    }

    fn value() -> impl Strategy<Value = AMQPValue> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(AMQPValue::Boolean),
            any::<i32>().prop_map(AMQPValue::LongInt),
            "[A-F]{0,40}".prop_map(|text| AMQPValue::LongString(text.into())),
            Just(AMQPValue::Void),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6)
                    .prop_map(|all| AMQPValue::FieldArray(FieldArray::from(all))),
                prop::collection::btree_map("[A-F]{1,8}", inner, 0..6).prop_map(|all| {
                    let mut table = FieldTable::default();
                    all.into_iter().for_each(|(name, value)| {
                        table.insert(name.into(), value);
                    });
                    AMQPValue::FieldTable(table)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in value()) {
            let mut arguments = FieldTable::default();
            arguments.insert("x".into(), value);
            let frame = declare(arguments);
            let (mut reader, mut octets) = (greeted(), Vec::new());
            write(&mut octets, &frame);
            reader.push(&octets);
            prop_assert_eq!(reader.next(), Ok(Some(Heard::Frame(frame))));
        }

        #[test]
        fn garbage_ends_somehow_and_never_piles_up(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..40),
            greets: bool,
        ) {
            let mut reader = if greets { greeted() } else { Reader::new() };
            let total: usize = pieces.iter().map(Vec::len).sum();
            'all: for piece in pieces {
                reader.push(&piece);
                for _ in 0..=total {
                    match reader.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'all,
                    }
                }
                prop_assert!(reader.next().is_err() || reader.held() <= FRAME_MAX as usize);
            }
        }

        /// Frames with honest heads and ends, so that garbage comes as far as the parser.
        #[test]
        fn garbage_in_a_whole_frame_is_a_frame_or_garbled(
            kind in prop::sample::select(vec![1_u8, 2, 3, 8]),
            channel: u16,
            class in prop::sample::select(vec![10_u8, 20, 40, 50, 60, 85, 90, 99]),
            method in 0_u8..130,
            rest in prop::collection::vec(
                prop::sample::select(vec![0_u8, 1, 2, 5, b'A', b'F', b'S', b't', b'V', 200, 255]), 0..300),
        ) {
            let mut payload = vec![0, class, 0, method];
            payload.extend(rest);
            let mut frame = vec![kind];
            frame.extend(channel.to_be_bytes());
            frame.extend((payload.len() as u32).to_be_bytes());
            frame.extend(&payload);
            frame.push(END);
            let mut reader = greeted();
            reader.push(&frame);
            let heard = reader.next();
            prop_assert!(matches!(heard, Ok(Some(Heard::Frame(_) | Heard::Garbled { .. }))), "{heard:?}");
            prop_assert_eq!(reader.held(), 0);
        }
    }
}
