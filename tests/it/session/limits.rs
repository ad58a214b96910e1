//! Bounds: requests in flight, pauses that a service asks for, timeouts, sizes.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use futures::future::join_all;
use stackwatch::source::{ErrorKind, Limits, Session, keystone, neutron, nova};

use super::pass;
use crate::support::stub::{Answer, Gate, PASSWORD, Stub, until};

const SERVICES: &str = "GET /compute/v2.1/os-services";
const AGENTS: &str = "GET /network/v2.0/agents";

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let cloud = Stub::new();
    cloud.script(AGENTS, [Answer::status(401), Answer::usual()]);
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    nova::hypervisors(&session).next().await.unwrap();
    neutron::agents(&session).await.unwrap();
    keystone::projects(&session).await.unwrap();
    let requests = cloud.requests();
    assert!(requests.len() >= 8, "logins, discovery and a repetition among them");
    let mut ids = HashSet::new();
    for request in &requests {
        let id = request.header("x-openstack-request-id").unwrap_or_default();
        let uuid = id.strip_prefix("req-").unwrap_or_default();
        let shape: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(shape, [8, 4, 4, 4, 12], "{id}");
        assert!(ids.insert(id.to_owned()), "{id} twice");
    }
}

#[tokio::test]
async fn four_requests_of_a_service_are_under_way_and_no_more() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    let gate = Gate::new();
    cloud.script(SERVICES, [Answer::usual().held_by(&gate)]);
    let busy = session.clone();
    let many = tokio::spawn(async move { join_all((0..10).map(|_| nova::services(&busy))).await });
    until("four under way", || cloud.most_at_once("compute") == 4).await;
    // Another service is not held up by them.
    neutron::agents(&session).await.unwrap();
    assert_eq!(cloud.asked(SERVICES).len(), 1 + 4);
    gate.open();
    assert!(many.await.unwrap().iter().all(Result::is_ok));
    assert_eq!((cloud.most_at_once("compute"), cloud.asked(SERVICES).len()), (4, 11));
}

#[tokio::test]
async fn a_short_pause_is_waited_out_and_the_request_sent_again() {
    let second = || "1".to_owned();
    let soon = || {
        (jiff::Timestamp::now() + Duration::from_secs(2)).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    for (status, after) in [(429, second as fn() -> String), (503, second), (429, soon)] {
        let cloud = Stub::new();
        let session = cloud.session();
        nova::aggregates(&session).await.unwrap();
        let after = after();
        let put_off = Answer::status(status).header("retry-after", &after);
        cloud.script(SERVICES, [put_off.clone(), put_off, Answer::usual()]);
        let started = Instant::now();
        assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5), "{status} {after}");
        assert!(started.elapsed() >= Duration::from_secs(1), "{status} {after}: it did not wait");
        assert_eq!(cloud.asked(SERVICES).len(), 3);
    }
}

#[tokio::test]
async fn a_service_that_always_puts_off_is_given_up() {
    let cloud = Stub::new();
    cloud.script(SERVICES, [Answer::status(503).header("retry-after", "0")]);
    let error = nova::services(&cloud.session()).await.unwrap_err();
    assert_eq!((error.status, error.retry_after), (Some(503), Some(Duration::ZERO)));
    assert_eq!(cloud.asked(SERVICES).len(), 4);
}

#[tokio::test]
async fn a_long_pause_is_an_outage_and_nothing_is_sent_before_its_end() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::aggregates(&session).await.unwrap();
    cloud.script(SERVICES, [Answer::status(429).header("retry-after", "120"), Answer::usual()]);
    let error = nova::services(&session).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(120))));
    let before = cloud.requests().len();
    for _ in 0..3 {
        let error = nova::aggregates(&session).await.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::RateLimited, "nova"));
        assert!(error.message.contains("asks not to be asked for another"), "{error:?}");
        assert!(error.retry_after.is_some_and(|left| left <= Duration::from_secs(120)), "{error:?}");
    }
    assert_eq!(cloud.requests().len(), before, "nothing was sent");
    neutron::agents(&session).await.unwrap();
    pass(Duration::from_secs(121)).await;
    assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5));
}

#[tokio::test]
async fn without_a_time_a_503_is_an_answer_at_once() {
    for header in ["", "soon", "-3"] {
        let cloud = Stub::new();
        cloud.script(SERVICES, [Answer::status(503).header("retry-after", header)]);
        let error = nova::services(&cloud.session()).await.unwrap_err();
        assert_eq!((error.kind, error.retry_after), (ErrorKind::Server, None), "{header}");
        assert_eq!(cloud.asked(SERVICES).len(), 1);
    }
}

#[tokio::test]
async fn a_rate_limit_spaces_the_requests() {
    let cloud = Stub::new();
    let limits = Limits { requests_per_second: Some(20.0), ..Limits::default() };
    let session = cloud.session_within(limits);
    let started = Instant::now();
    join_all((0..6).map(|_| nova::services(&session))).await;
    // A login, discovery and six more, a twentieth of a second apart.
    assert_eq!(cloud.requests().len(), 8);
    assert!(started.elapsed() >= Duration::from_millis(7 * 50));
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_in_time() {
    let cloud = Stub::new();
    let session = cloud.session_within(Limits { total: Duration::from_secs(1), ..Limits::default() });
    session.login().await.unwrap();
    for answer in [Answer::hangs(), Answer::endless(" ")] {
        cloud.script(SERVICES, [answer]);
        let error = nova::services(&session).await.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::Timeout, "nova"), "{error:?}");
        assert!(error.message.contains("did not answer in time"), "{error:?}");
    }
}

#[tokio::test]
async fn a_service_that_hangs_at_discovery_is_waited_for_once_by_all() {
    let cloud = Stub::new();
    let session = cloud.session_within(Limits { total: Duration::from_secs(1), ..Limits::default() });
    session.login().await.unwrap();
    cloud.script("GET /compute/v2.1/", [Answer::hangs(), Answer::usual()]);
    for outcome in join_all((0..5).map(|_| nova::services(&session))).await {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Timeout);
    }
    assert_eq!(cloud.asked("GET /compute/v2.1/").len(), 1);
    pass(Duration::from_secs(2)).await;
    assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5));
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_given_up_in_time() {
    // A queue of one that nobody empties: what comes after it waits for ever.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let full: Vec<_> =
        join_all((0..4).map(|_| {
            tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address))
        }))
        .await;
    assert!(full.iter().any(Result::is_err), "its queue is full");
    let cloud = Stub::new();
    let entry = format!("auth: {{auth_url: 'http://{address}', username: ops, password: {PASSWORD}}}");
    let limits = Limits { connect: Duration::from_millis(200), ..Limits::default() };
    let error = Session::new(cloud.config(&entry), limits).unwrap().login().await.unwrap_err();
    assert_eq!((error.kind, error.service), (ErrorKind::Timeout, "keystone"), "{error:?}");
    assert!(error.message.contains(&address.to_string()), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_taken_in() {
    let cloud = Stub::new();
    let session = cloud.session_within(Limits { body: 1 << 20, ..Limits::default() });
    cloud.script(SERVICES, [Answer::endless(&format!("{{\"services\": [\"{}", "x".repeat(1 << 16)))]);
    let error = nova::services(&session).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.contains("more than 1 MiB in one answer"), "{error:?}");
    // What both ends' buffers hold comes on top.
    assert!(cloud.sent() < 32 << 20, "{} bytes were taken", cloud.sent());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_not_taken_in() {
    let cloud = Stub::new();
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let packed = zip.finish().unwrap();
    assert!(packed.len() < 1 << 20);
    cloud.script(SERVICES, [Answer::bytes(packed).header("content-encoding", "gzip")]);
    let session = cloud.session_within(Limits { body: 1 << 20, ..Limits::default() });
    assert_eq!(nova::services(&session).await.unwrap_err().kind, ErrorKind::TooLarge);
}

#[tokio::test]
async fn traffic_is_counted_by_service() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.script(SERVICES, [Answer::status(500)]);
    nova::services(&session).await.unwrap_err();
    let counted: Vec<_> = session
        .traffic()
        .iter()
        .map(|t| (t.service.map_or("", |kind| kind.name()), t.requests, t.errors))
        .collect();
    assert_eq!(counted, [("keystone", 1, 0), ("nova", 3, 1)]);
}
