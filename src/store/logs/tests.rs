use super::*;
use crate::model::Span;

#[derive(Debug)]
struct Whole;

impl Parse for Whole {
    fn parse(&self, line: &[u8]) -> Line {
        Line { message: Span::new(0, line.len()), ..Line::default() }
    }
}

/// Tells a store what a collector would: text, microseconds, level, the record it goes on with, what it replaces.
struct Teller {
    logs: Logs,
    next: u64,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

impl Teller {
    fn over(room: usize) -> Self {
        Self { logs: Logs::with_room(room), next: 0 }
    }

    fn batch(&mut self, lines: &[(&str, Level, Option<u64>, Option<u64>)]) {
        let (mut text, mut heard) = (Vec::new(), Vec::new());
        for (n, (words, level, record, replaces)) in lines.iter().enumerate() {
            let start = text.len();
            text.extend_from_slice(words.as_bytes());
            heard.push(HeardLine {
                source: 0,
                text: Span::new(start, text.len()),
                length: words.len() as u64,
                at: 1_000_000_000,
                level: *level,
                record: record.unwrap_or(self.next + n as u64),
                replaces: *replaces,
                known: None,
                is_own: words.starts_with("own"),
            });
        }
        let source = LogSource { path: "a.log".into(), host: "cmp01".into(), service: "nova-compute".into() };
        let sources = if self.next == 0 { vec![source] } else { Vec::new() };
        let first = self.next;
        self.next += lines.len() as u64;
        let parse = Arc::new(Whole);
        self.logs.put(
            Heard {
                first,
                sources,
                lines: heard,
                text,
                parse,
                endpoints: Vec::new(),
                requests: Vec::new(),
                own_requests: 0,
                troubles: Vec::new(),
                files: 1,
                away: Arc::default(),
            },
            now(),
        );
    }
}

#[test]
fn a_record_is_its_line_and_those_that_go_on_with_it() {
    let mut teller = Teller::over(ROOM);
    teller.batch(&[
        ("failed", Level::Error, None, None),
        ("Traceback", Level::Error, Some(0), None),
        ("another", Level::Info, None, None),
    ]);
    teller.batch(&[("  File x", Level::Error, Some(0), None)]);
    let logs = &teller.logs;
    let record = logs.record(0).unwrap();
    assert_eq!((record.head, record.more, record.level), (&b"failed"[..], 2, Level::Error));
    assert_eq!(logs.rest(&record).collect::<Vec<_>>(), [&b"Traceback"[..], b"  File x"]);
    assert!(logs.record(1).is_none());
    assert_eq!(logs.record(2).unwrap().head, b"another");
    assert_eq!(logs.rest(&logs.record(2).unwrap()).count(), 0);
    // A traceback is one error.
    assert_eq!(logs.rates().errors(now())[BARS - 1], 1);
}

#[test]
fn what_came_first_goes_first_and_is_counted() {
    let mut teller = Teller::over(16 * CHUNK);
    let long = "x".repeat(CHUNK / 2);
    for _ in 0..100 {
        teller.batch(&[(&long, Level::Info, None, None)]);
    }
    let logs = &teller.logs;
    let held = logs.numbers();
    assert_eq!((held.end, held.start), (100, logs.dropped()));
    assert!((28..=32).contains(&(held.end - held.start)), "{held:?}");
    assert!(logs.record(held.start).is_some() && logs.record(held.start - 1).is_none());
    assert_eq!(logs.record(99).unwrap().head.len(), CHUNK / 2);
}

#[test]
fn a_line_whose_record_is_gone_is_shown_nowhere_and_breaks_nothing() {
    let mut teller = Teller::over(2 * CHUNK);
    let long = "x".repeat(CHUNK);
    teller.batch(&[("failed", Level::Error, None, None)]);
    for _ in 0..4 {
        teller.batch(&[(&long, Level::Info, None, None)]);
    }
    teller.batch(&[("late", Level::Error, Some(0), None)]);
    assert!(teller.logs.record(0).is_none() && teller.logs.record(5).is_none());
}

#[test]
fn the_half_of_a_line_gives_way_to_the_whole() {
    let mut teller = Teller::over(ROOM);
    teller.batch(&[("hal", Level::Warning, None, None)]);
    teller.batch(&[("half", Level::Warning, None, Some(0))]);
    let logs = &teller.logs;
    assert!(logs.record(0).is_none());
    assert_eq!((logs.record(1).unwrap().head, logs.replaced()), (&b"half"[..], 1));
    assert_eq!(logs.rates().warnings(now())[BARS - 1], 1);
}

#[test]
fn the_same_message_is_counted_once_with_its_hosts() {
    let mut teller = Teller::over(ROOM);
    for n in 0..412 {
        teller.batch(&[(&format!("AMQP server on 10.0.0.{n} is unreachable"), Level::Error, None, None)]);
    }
    teller.batch(&[("something else", Level::Warning, None, None), ("in passing", Level::Info, None, None)]);
    let kinds: Vec<&Kind> = teller.logs.kinds().iter().collect();
    assert_eq!(kinds.len(), 2);
    let many = kinds.iter().find(|kind| kind.count > 1).unwrap();
    assert_eq!((many.count, &*many.text), (412, "AMQP server on #.#.#.# is unreachable"));
    assert_eq!((many.record, many.hosts.as_slice()), (411, &["cmp01".into()][..]));
    assert_eq!(teller.logs.kinds().get(many.id).unwrap().count, 412);
}

#[test]
fn a_collector_that_counts_anew_is_told_anew() {
    let mut teller = Teller::over(ROOM);
    teller.batch(&[("one", Level::Info, None, None), ("two", Level::Info, None, None)]);
    teller.next = 0;
    teller.batch(&[("again", Level::Info, None, None)]);
    assert_eq!(teller.logs.numbers(), 0..1);
    assert_eq!(teller.logs.sources().len(), 1);
}

#[test]
fn records_of_our_own_are_counted_as_long_as_they_are_held() {
    let mut teller = Teller::over(2 * CHUNK);
    let own = "own ".repeat(CHUNK / 8);
    teller.batch(&[
        (&own, Level::Info, None, None),
        ("own, which goes on", Level::Info, Some(0), None),
        ("own, half", Level::Info, None, None),
        ("another's", Level::Info, None, None),
    ]);
    assert_eq!(teller.logs.own(), 2);
    assert_eq!([0, 2, 3].map(|number| teller.logs.is_own(number)), [true, true, false]);
    teller.batch(&[("whole", Level::Info, None, Some(2))]);
    assert_eq!(teller.logs.own(), 1);
    let other = "x".repeat(CHUNK);
    teller.batch(&[(&other, Level::Info, None, None), (&other, Level::Info, None, None)]);
    assert!(teller.logs.dropped() > 0);
    assert_eq!(teller.logs.own(), 0);
}
