use super::*;
use crate::model::Stamp;
use crate::source::log::Grammar;

const OURS: &str = "f064d769-2144-43c6-a1f6-7967745cf373";
const OTHER: &str = "bd707159-9b11-4e84-9bac-3565b8982fd4";
const A: &str = "req-aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "req-bbbbbbbb-0000-4000-8000-000000000002";

fn id(text: &str) -> Id {
    Id::of(text.as_bytes()).unwrap()
}

fn line(logger: &str, context: &str, message: &str) -> String {
    format!("2026-11-23 18:48:30.066 1 INFO {logger} [{context} - - d d] {message}")
}

static GRAMMAR: std::sync::LazyLock<Grammar> = std::sync::LazyLock::new(|| Grammar::shipped().unwrap());

fn hear(trace: &mut Trace, line: &str) -> Option<Result<Reason, LeftOut>> {
    let parsed = GRAMMAR.parse(line.as_bytes());
    assert_ne!(parsed.time, Stamp::None, "{line}");
    trace.hear(line.as_bytes(), &parsed, b"", false)
}

fn of_ours() -> Trace {
    Trace::new(Subject::parse(OURS.as_bytes()).unwrap())
}

#[test]
fn only_some_lines_lend_their_ids() {
    let (a, b) = (id(A), id(B));
    let user = format!("{B} {A} u p");
    let nobody = format!("{B} {A} - -");
    let cases = [
        ("nova.compute.claims", &user, format!("[instance: {OURS}] Claim successful"), vec![a, b]),
        (
            "nova.scheduler.utils",
            &user,
            format!("[instance: {OURS}] Setting instance to ERROR state"),
            vec![a, b],
        ),
        ("nova.compute.claims", &nobody, format!("[instance: {OURS}] Updating resource usage"), vec![]),
        ("nova.compute.claims", &user, format!("[instance: {OTHER}] Evicted by {OURS}"), vec![]),
        (
            "nova.api",
            &user,
            format!("1.1.1.1 \"POST /v2.1/servers/{OURS}/action\" status: 202 len: 0"),
            vec![a, b],
        ),
        (
            "nova.api",
            &user,
            format!("1.1.1.1 \"DELETE /v2.1/servers/{OURS}\" status: 204 len: 0"),
            vec![a, b],
        ),
        ("nova.api", &user, format!("1.1.1.1 \"GET /v2.1/servers/{OURS}\" status: 200 len: 0"), vec![a]),
        ("nova.api", &user, format!("1.1.1.1 \"GET /v2.1/os-x?server={OURS}\" status: 200 len: 0"), vec![]),
        (
            "nova.api",
            &user,
            format!("Creating event network-changed:x for instance {OURS} on cmp01"),
            vec![a, b],
        ),
        (
            "nova.api",
            &user,
            format!("Creating event network-changed:x for instance {OTHER} on {OURS}"),
            vec![],
        ),
        (
            "placement.requestlog",
            &user,
            format!("1.1.1.1 \"PUT /allocations/{OURS}\" status: 204 len: 0"),
            vec![b],
        ),
        (
            "placement.requestlog",
            &user,
            format!("1.1.1.1 \"GET /allocations/{OURS}\" status: 200 len: 0"),
            vec![],
        ),
        (
            "neutron.wsgi",
            &user,
            format!("1.1.1.1 \"GET /v2.0/ports?device_id={OURS} HTTP/1.1\" status: 200  len: 1"),
            vec![],
        ),
        (
            "neutron.wsgi",
            &user,
            format!("1.1.1.1 \"PUT /v2.0/x/{OURS} HTTP/1.1\" status: 200  len: 1"),
            vec![],
        ),
    ];
    for (logger, context, message, expected) in cases {
        let mut trace = of_ours();
        let line = line(logger, context, &message);
        hear(&mut trace, &line);
        let mut lent: Vec<Id> =
            trace.followed().filter(|(_, id)| id.nearness == Nearness::Request).map(|(id, _)| id).collect();
        lent.sort();
        assert_eq!(lent, expected, "{line}");
    }
}

#[test]
fn a_service_s_part_of_a_request_is_followed_and_lends_nothing() {
    let mut trace = of_ours().with_requests([id(A)]);
    assert_eq!(trace.fresh(), [id(A)]);
    let part = line(
        "neutron.wsgi",
        &format!("{A} {B} u p"),
        "1.1.1.1 \"GET /v2.0/networks HTTP/1.1\" status: 200  len: 1",
    );
    assert_eq!(hear(&mut trace, &part), Some(Ok(Reason::Request(id(A)))));
    assert_eq!(trace.fresh(), [id(B)]);
    let deeper = line("neutron.agent", &format!("{B} {} u p", A.replace("aaaa", "cccc")), "plugged");
    assert_eq!(hear(&mut trace, &deeper), Some(Ok(Reason::Part(id(B)))));
    assert_eq!(trace.fresh(), []);
    // The periodic work of a service under such an id is none of its.
    let hub = line("neutron.agent", &format!("{A} {} - -", A.replace("aaaa", "dddd")), "synced");
    assert!(matches!(hear(&mut trace, &hub), Some(Ok(_))));
    assert_eq!(trace.fresh(), []);
}

#[test]
fn looks_are_left_out_and_counted_until_their_id_is_known() {
    let mut trace = of_ours();
    let look = line(
        "placement.requestlog",
        &format!("{A} {B} u p"),
        &format!("1.1.1.1 \"GET /allocations/{OURS}\" status: 200 len: 0"),
    );
    assert_eq!(hear(&mut trace, &look), Some(Err(LeftOut::Look)));
    assert_eq!(trace.omitted().lookers, 1);
    let lender = line("nova.compute", &format!("None {A} u p"), &format!("[instance: {OURS}] Claim"));
    assert_eq!(hear(&mut trace, &lender), Some(Ok(Reason::Request(id(A)))));
    let parsed = GRAMMAR.parse(look.as_bytes());
    let again = trace.hear(look.as_bytes(), &parsed, b"", true);
    assert_eq!(again, Some(Ok(Reason::Request(id(A)))));
    assert_eq!(trace.omitted().lookers, 0);
}

#[test]
fn siblings_are_kept_and_said_to_be_so() {
    let mut trace = of_ours().with_requests([id(A)]);
    for (message, expected) in [
        (format!("[instance: {OTHER}] Claim successful"), Reason::Sibling(id(A))),
        (format!("Creating event network-changed:x for instance {OTHER} on cmp01"), Reason::Sibling(id(A))),
        (format!("[instance: {OURS}] Claim successful"), Reason::Request(id(A))),
        ("Using RPCClient manually".to_owned(), Reason::Request(id(A))),
    ] {
        assert_eq!(hear(&mut trace, &line("nova.a", &format!("None {A} u p"), &message)), Some(Ok(expected)));
    }
    let answer = format!(
        "2026-11-23 18:48:30.066 1 INFO neutron.notifiers.nova [-] Nova event matching ['{A}'] response: {{'server_uuid': '{OTHER}'}}"
    );
    assert_eq!(hear(&mut trace, &answer), Some(Ok(Reason::Sibling(id(A)))));
    assert_eq!(hear(&mut trace, &answer.replace(OTHER, OURS)), Some(Ok(Reason::Names)));
    assert_eq!(hear(&mut trace, &line("nova.a", &format!("None {B} u p"), "unrelated")), None);
}

#[test]
fn our_own_questions_are_no_part_of_the_story() {
    let mut trace = of_ours();
    let own = line(
        "nova.api",
        "None req-57ac3a7c-8846-4aa2-8a5a-629e8034465f u p",
        &format!("1.1.1.1 \"GET /v2.1/servers/{OURS}\" status: 200 len: 0"),
    );
    assert_eq!(hear(&mut trace, &own), Some(Err(LeftOut::Ours)));
    assert_eq!((trace.omitted().ours, trace.fresh()), (1, vec![]));
}

#[test]
fn an_id_of_a_deploy_has_a_limit_that_what_names_the_instance_passes() {
    let mut trace = of_ours().with_requests([id(A)]);
    let other = line("nova.a", &format!("{A} {B} u p"), "a line of a thousand instances");
    for _ in 0..LINES_OF_ONE_ID {
        assert!(matches!(hear(&mut trace, &other), Some(Ok(_))));
    }
    assert_eq!(hear(&mut trace, &other), Some(Err(LeftOut::Crowd(id(A)))));
    assert_eq!(trace.omitted().crowd, 1);
    let named = line("nova.a", &format!("{A} {B} u p"), &format!("[instance: {OURS}] Claim"));
    assert!(matches!(hear(&mut trace, &named), Some(Ok(_))));
}

#[test]
fn ids_are_followed_up_to_a_bound_and_the_rest_is_counted() {
    let many = (0..IDS as u32 + 5).map(|n| id(&format!("{n:08x}-0000-4000-8000-000000000002")));
    let trace = of_ours().with_requests(many);
    assert_eq!((trace.followed().count(), trace.omitted().ids), (IDS, 5));
}

#[test]
fn a_request_is_traced_like_an_instance() {
    let mut trace = Trace::new(Subject::parse(A.as_bytes()).unwrap());
    assert_eq!(trace.fresh(), [id(A)]);
    let part = line(
        "neutron.wsgi",
        &format!("{A} {B} u p"),
        "1.1.1.1 \"GET /v2.0/networks HTTP/1.1\" status: 200  len: 1",
    );
    assert_eq!(hear(&mut trace, &part), Some(Ok(Reason::Request(id(A)))));
    assert_eq!(trace.fresh(), [id(B)]);
}

#[test]
fn a_story_is_in_the_order_of_time_and_then_of_the_files() {
    let mut records = vec![(Some(2), 0, 5), (None, 1, 0), (Some(1), 1, 7), (Some(1), 0, 9), (Some(1), 0, 3)];
    order(&mut records, |record| *record);
    assert_eq!(records, [(None, 1, 0), (Some(1), 0, 3), (Some(1), 0, 9), (Some(1), 1, 7), (Some(2), 0, 5)]);
}

#[test]
fn an_answer_about_versions_stands_under_somebody_elses_id() {
    let context = format!("None {A} u p");
    let about = |path: &str| {
        let mut trace = of_ours();
        let own = format!("[instance: {OURS}] Claim successful");
        assert!(hear(&mut trace, &line("nova.compute.claims", &context, &own)).unwrap().is_ok());
        let asked = format!("127.0.0.1 \"GET {path}\" status: 200 len: 384 microversion: 2.1 time: 0.000640");
        hear(&mut trace, &line("nova.api.openstack.requestlog", &context, &asked))
    };
    for path in ["/", "/v2.1/", "/v2.1", "/v3/?x"] {
        assert_eq!(about(path), None, "{path}");
    }
    for path in ["/v2.1/limits", "/volumes", "/v"] {
        assert!(matches!(about(path), Some(Ok(Reason::Request(_)))), "{path}");
    }
}

/// rsyslog writes a record of several lines as one.
#[test]
fn what_rsyslog_made_one_line_of_is_read_as_it_was_written() {
    let message =
        b"Took 1.5 seconds to build instance.#012Traceback (most recent call last):#012  File \"x\"";
    assert_eq!(words(message, 100), "Took 1.5 seconds to build instance.");
    assert_eq!(first_line(b"a\nb#012c"), b"a");
    assert_eq!(first_line(b"no end #01"), b"no end #01");
}
