//! What stands at the end of the logs: web-17's failed build, a broker that is not reached, pollers, a half year old
//! format, and a traceback that goes on.

use std::sync::Arc;

use stackwatch::model::{Endpoint, Heard, HeardLine, Line, LogSource, Request, Span, Stamp, Trouble};
use stackwatch::signature::Signatures;
use stackwatch::source::log::Grammar;

use super::{EVIL, instances, trace};

/// Host, service, and a line as it stands in the file.
fn lines() -> Vec<(&'static str, &'static str, String)> {
    let mut lines: Vec<(&str, &str, String)> = trace::account()
        .entries
        .iter()
        .map(|entry| {
            let host = if &*entry.host == "ctl01" { "ctl01" } else { "ctl02" };
            let service = ["neutron-server", "nova-api", "placement-api", "nova-scheduler", "nova-conductor"];
            let service = service.into_iter().find(|service| **service == *entry.service).unwrap();
            let mut text = String::from_utf8_lossy(&entry.head).into_owned();
            for line in String::from_utf8_lossy(&entry.rest).lines() {
                text = format!("{text}\n{line}");
            }
            (host, service, text)
        })
        .collect();
    for n in 0..12 {
        lines.push(("cmp07", "nova-compute", format!(
            "2026-11-24 03:{:02}:{:02}.900 3107 ERROR oslo.messaging._drivers.impl_rabbit [-] [5f1c2a7e-9a51-4c39-8d1f-0d1f6f2f{n:04}] AMQP server on 10.0.0.11:5672 is unreachable: timed out. Trying again in {} seconds.: socket.timeout: timed out",
            5 + n / 2,
            n % 2 * 30,
            n + 1
        )));
    }
    lines.push(("cmp03", "nova-compute", format!(
        "2026-11-24 03:12:40.118 2900 INFO nova.compute.manager [None req-77777777-1c1e-4b0e-9d63-3ad2b2fd4e0a 7f1d0c6f8f9b4b0f a86a9c0e52f4 - - default default] [instance: {}] Took 4.31 seconds to build instance.",
        instances::id_of("web-01")
    )));
    lines.push((
        "ctl01",
        "rabbitmq",
        "2026-11-24 03:12:42.000001+00:00 [warning] <0.912.0> closing AMQP connection <0.912.0> (10.0.0.37:50412 -> 10.0.0.11:5672 - nova-compute:3107:5f1c):".to_owned(),
    ));
    lines
}

fn told(line: &[u8], parsed: &Line) -> Option<&'static str> {
    let known = Signatures::known()?.told(parsed.message.of(line), parsed.level)?;
    Some(known.id.as_str())
}

/// Requests of the last hour: service, endpoint, status, how many, microseconds of the first and of each next one.
const ASKED: [(&str, &str, u16, i64, u32, u32); 8] = [
    ("nova-api", "GET /v2.1/servers/detail", 200, 1_204, 95_000, 200),
    ("nova-api", "GET /v2.1/servers/detail", 504, 9, 60_000_000, 0),
    ("nova-api", "POST /v2.1/servers", 202, 31, 400_000, 9_000),
    ("nova-api", "GET /v2.1/servers/{id}", 200, 212, 40_000, 100),
    ("nova-api", "GET /v2.1/servers/{id}", 404, 3, 12_000, 0),
    ("neutron-server", "PUT /v2.0/ports/{id}", 200, 64, 700_000, 20_000),
    ("neutron-server", "PUT /v2.0/ports/{id}", 500, 1, 31_000_000, 0),
    ("placement-api", "GET /allocation_candidates", 200, 31, 9_000, 900),
];

fn asked() -> (Vec<Endpoint>, Vec<Request>) {
    let (mut endpoints, mut requests) = (Vec::<Endpoint>::new(), Vec::new());
    let last: jiff::Timestamp = "2026-11-24T03:12:40Z".parse().unwrap();
    for (service, words, status, count, took, more) in ASKED {
        let wanted = Endpoint { service: service.into(), words: words.into() };
        if endpoints.last() != Some(&wanted) {
            endpoints.push(wanted);
        }
        let endpoint = endpoints.len() as u32 - 1;
        requests.extend((0..count).map(|n| Request {
            endpoint,
            // Over most of an hour.
            at: last.as_microsecond() - n * 50 * 60_000_000 / count,
            status,
            took: Some(took + more * n as u32),
        }));
    }
    (endpoints, requests)
}

/// All of it, as a collector would tell it.
pub fn heard() -> Heard {
    let grammar = Grammar::shipped().unwrap();
    let mut heard = Heard {
        first: 0,
        sources: Vec::new(),
        lines: Vec::new(),
        text: Vec::new(),
        parse: Arc::new(Grammar::shipped().unwrap()),
        troubles: vec![Trouble::of_log("/var/log/remote/cmp04/nova-compute.log: no right to read it")],
        files: 31,
        away: Arc::default(),
        endpoints: Vec::new(),
        requests: Vec::new(),
        own_requests: 0,
    };
    let (endpoints, requests) = asked();
    (heard.endpoints, heard.requests) = (endpoints, requests);
    for (host, service, text) in lines() {
        let path = format!("/var/log/remote/{host}/{service}.log");
        let known = heard.sources.iter().position(|source| *source.path == *path);
        let source = known.unwrap_or_else(|| {
            heard.sources.push(LogSource { path: path.into(), host: host.into(), service: service.into() });
            heard.sources.len() - 1
        });
        let (mut head, mut at) = (None, 0);
        for line in text.lines() {
            let parsed = grammar.parse(line.as_bytes());
            if let Stamp::Local(micros) | Stamp::Utc(micros) = parsed.time {
                at = micros;
            }
            let number = heard.lines.len() as u64;
            let start = heard.text.len();
            heard.text.extend_from_slice(line.as_bytes());
            heard.lines.push(HeardLine {
                source: source as u32,
                text: Span::new(start, heard.text.len()),
                length: line.len() as u64,
                at,
                level: parsed.level,
                record: *head.get_or_insert(number),
                replaces: None,
                known: told(line.as_bytes(), &parsed),
                is_own: false,
            });
        }
    }
    heard
}

/// What comes next: lines of cmp03's nova-compute.
pub fn more(first: u64, lines: &[&str]) -> Heard {
    let grammar = Grammar::shipped().unwrap();
    let mut more = Heard { first, sources: Vec::new(), troubles: Vec::new(), ..heard() };
    (more.endpoints, more.requests, more.own_requests) = (Vec::new(), Vec::new(), 0);
    let source = heard().sources.iter().position(|source| &*source.host == "cmp03").unwrap() as u32;
    (more.lines, more.text) = (Vec::new(), Vec::new());
    for (n, line) in lines.iter().enumerate() {
        let parsed = grammar.parse(line.as_bytes());
        let Stamp::Local(at) = parsed.time else { panic!("{line}") };
        let start = more.text.len();
        more.text.extend_from_slice(line.as_bytes());
        more.lines.push(HeardLine {
            source,
            text: Span::new(start, more.text.len()),
            length: line.len() as u64,
            at,
            level: parsed.level,
            record: first + n as u64,
            replaces: None,
            known: told(line.as_bytes(), &parsed),
            is_own: line.contains("req-57ac3a7c-"),
        });
    }
    more
}

/// [`EVIL`] behind every line, and in every name.
pub fn poison(heard: &mut Heard) {
    let old = std::mem::take(&mut heard.text);
    for line in &mut heard.lines {
        let start = heard.text.len();
        heard.text.extend_from_slice(line.text.of(&old));
        heard.text.extend_from_slice(EVIL.replace('\n', " ").as_bytes());
        line.text = Span::new(start, heard.text.len());
    }
    for source in &mut heard.sources {
        [&mut source.path, &mut source.host, &mut source.service].into_iter().for_each(super::evil);
    }
    for trouble in &mut heard.troubles {
        trouble.message.push_str(EVIL);
    }
}
