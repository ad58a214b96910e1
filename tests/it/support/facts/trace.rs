//! What the logs hold of web-17, which no host had room for: the very lines of a real cloud, at another time.

use std::sync::Arc;

use jiff::SignedDuration;
use stackwatch::model::{InstanceAction, Passage, Passed, Port, Stamp, Stretch, Trouble};
use stackwatch::source::log::Grammar;
use stackwatch::trace::story::Steps;
use stackwatch::trace::{Account, Belongings, Entry, Id, Reason, Subject};

use super::{instances, now};

const GLOBAL: &str = "req-5702dcce-8846-4aa2-8a5a-629e8034465f";
const LOCAL: &str = "req-a54b595b-1c1e-4b0e-9d63-3ad2b2fd4e0a";
const PLACEMENT: &str = "req-0a4561d3-73cb-41c8-9c16-b6a713b1b35e";
const LOOK: &str = "req-33333333-73cb-41c8-9c16-b6a713b1b35e";

/// Host, service, milliseconds after 03:10:41, level, logger, local id, message; `UUID` stands for the instance's.
const LINES: &[(&str, &str, u32, &str, &str, &str, &str)] = &[
    (
        "ctl01",
        "neutron-server",
        40,
        "INFO",
        "neutron.wsgi",
        PLACEMENT,
        "10.0.0.5 \"GET /v2.0/networks?id=79d17bb5-8d5d-4b44-ae52-1a2c8c1a9e70 HTTP/1.1\" status: 200  len: 891 time: 0.0313270",
    ),
    (
        "ctl01",
        "nova-api",
        157,
        "INFO",
        "nova.osapi_compute.wsgi.server",
        LOCAL,
        "10.0.0.5 \"POST /v2.1/servers HTTP/1.1\" status: 202 len: 777 time: 0.4131",
    ),
    (
        "ctl01",
        "placement-api",
        199,
        "INFO",
        "placement.requestlog",
        PLACEMENT,
        "10.0.0.6 \"GET /allocation_candidates?limit=1000&resources=MEMORY_MB:16384,VCPU:8\" status: 200 len: 53 microversion: 1.36",
    ),
    (
        "ctl02",
        "nova-scheduler",
        200,
        "INFO",
        "nova.scheduler.manager",
        LOCAL,
        "Got no allocation candidates from the Placement API. This could be due to insufficient resources or a temporary occurrence as compute nodes start up.",
    ),
    (
        "ctl02",
        "nova-conductor",
        205,
        "ERROR",
        "nova.conductor.manager",
        LOCAL,
        "Failed to schedule instances: nova.exception_Remote.NoValidHost_Remote: No valid host was found. ",
    ),
    (
        "ctl02",
        "nova-conductor",
        261,
        "WARNING",
        "nova.scheduler.utils",
        LOCAL,
        "Failed to compute_task_build_instances: No valid host was found. : nova.exception_Remote.NoValidHost_Remote: No valid host was found. ",
    ),
    (
        "ctl02",
        "nova-conductor",
        263,
        "WARNING",
        "nova.scheduler.utils",
        LOCAL,
        "[instance: UUID] Setting instance to ERROR state.: nova.exception_Remote.NoValidHost_Remote: No valid host was found. ",
    ),
];

fn entry(
    (host, service, ms, level, logger, local, message): (&str, &str, u32, &str, &str, &str, &str),
) -> Entry {
    let uuid = instances::id_of("web-17");
    let head = format!(
        "2026-11-24 03:10:41.{ms:03} 2712 {level} {logger} [{GLOBAL} {local} 7f1d0c6f8f9b4b0f a86a9c0e52f4 - - default default] {}",
        message.replace("UUID", &uuid)
    );
    let parsed = Grammar::shipped().unwrap().parse(head.as_bytes());
    let rest = match message.starts_with("Failed to schedule") {
        true => {
            "2026-11-24 03:10:41.205 2712 ERROR nova.conductor.manager Traceback (most recent call last):\n\
                 2026-11-24 03:10:41.205 2712 ERROR nova.conductor.manager   File \"/usr/lib/python3/dist-packages/nova/conductor/manager.py\", line 1587, in schedule_and_build_instances\n\
                 2026-11-24 03:10:41.205 2712 ERROR nova.conductor.manager nova.exception_Remote.NoValidHost_Remote: No valid host was found. \n"
        }
        false => "",
    };
    let Stamp::Local(at) = parsed.time else { panic!("{head}") };
    let id = |text: &str| Id::of(text.as_bytes()).unwrap();
    Entry {
        host: host.into(),
        service: service.into(),
        path: format!("/var/log/remote/{host}/{service}.log").into(),
        offset: u64::from(ms) * 100,
        at: Some(at),
        lines: 1 + rest.lines().count(),
        rest: rest.as_bytes().into(),
        reason: if message.contains("UUID") { Reason::Names } else { Reason::Request(id(GLOBAL)) },
        head: head.into_bytes().into(),
        parsed,
    }
}

/// The whole account of it.
pub fn account() -> Account {
    let instance = instances::instance("web-17");
    let mut account = Account::new(Subject::parse(instance.id.as_bytes()).unwrap());
    account.entries = LINES.iter().map(|line| Arc::new(entry(*line))).collect();
    // Somebody looked at it afterwards, and its lines are not the cause.
    let look = "10.0.0.5 \"GET /v2.1/servers/UUID HTTP/1.1\" status: 200 len: 1890 time: 0.0671";
    let mut look = entry(("ctl01", "nova-api", 900, "INFO", "nova.osapi_compute.wsgi.server", LOOK, look));
    let text = String::from_utf8_lossy(&look.head).replace(GLOBAL, "None");
    look.parsed = Grammar::shipped().unwrap().parse(text.as_bytes());
    look.head = text.into_bytes().into();
    account.entries.push(Arc::new(look));
    account.actions = vec![InstanceAction {
        action: "create".into(),
        request_id: LOCAL.into(),
        user_id: instance.user_id.clone(),
        project_id: None,
        start_time: Some(now() - SignedDuration::from_secs(124)),
        updated_at: None,
        message: Some("Error".into()),
        events: Vec::new(),
    }];
    account.instance = Some(instance);
    account.belongings = Belongings {
        ports: vec![Port {
            id: "1baf4e7d-a18e-41b0-a143-60c0b7847dba".into(),
            status: "DOWN".into(),
            mac_address: "fa:16:3e:1b:af:4e".into(),
            addresses: vec!["10.0.0.17".into()],
            ..Port::default()
        }],
        image: Some("debian-12-genericcloud".into()),
        ..Belongings::default()
    };
    account.files = 31;
    account.omitted.lookers = 38;
    account.troubles = vec![Trouble {
        next_step: "read them as root, or as a member of the group adm".to_owned(),
        ..Trouble::of_log("/var/log/remote/cmp04/nova-compute.log: no right to read it")
    }];
    account.retell(&Steps::shipped().unwrap());
    account
}

/// Of which file a line is wanted, its neighbours: each wish for more has more, up to the file's beginning and end.
pub fn around(passage: &Passage) -> Stretch {
    const WHOLE: u64 = 1 << 20;
    let grammar = Grammar::shipped().unwrap();
    let line = |offset: u64, text: &str| {
        let parsed = grammar.parse(text.as_bytes());
        let is_head = parsed.is_head();
        Passed { offset, text: text.as_bytes().into(), level: parsed.level, parsed, is_head }
    };
    let neighbour = |n: u64, level: &str, word: &str| {
        format!(
            "2026-11-24 03:10:{:02}.{:03} 2712 {level} nova.other [-] {word} {n}",
            20 + n / 50 % 40,
            n % 1000
        )
    };
    let (before, after) = ((passage.before / 1_000).min(passage.offset), passage.after / 1_000);
    let mut lines: Vec<Passed> = (0..before)
        .map(|n| {
            let away = before - n;
            let level = if away == 30 { "ERROR" } else { "INFO" };
            line(passage.offset - away, &neighbour(away, level, "before"))
        })
        .collect();
    lines.push(line(passage.offset, &String::from_utf8_lossy(&passage.head)));
    lines.extend((1..=after).map(|n| {
        let level = if n == 3 { "WARNING" } else { "INFO" };
        line(passage.offset + n * 100, &neighbour(n, level, "behind"))
    }));
    Stretch {
        passage: passage.clone(),
        path: passage.path.clone(),
        lines,
        begins: passage.before >= WHOLE,
        ends: passage.after >= WHOLE,
        trouble: None,
    }
}

/// [`super::EVIL`] behind every line.
pub fn poison_stretch(stretch: &mut Stretch) {
    super::evil(&mut stretch.path);
    for line in &mut stretch.lines {
        line.text = [&*line.text, super::EVIL.as_bytes()].concat().into();
    }
}
