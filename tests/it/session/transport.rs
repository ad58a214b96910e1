//! TLS, HTTP/2, compression, redirects, connections.

use stackwatch::source::{ErrorKind, Limits, Session, nova};

use crate::support::stub::{Answer, PASSWORD, Stub};

const SERVICES: &str = "GET /compute/v2.1/os-services";

fn entry(more: &str) -> String {
    format!("auth: {{auth_url: $URL/identity, username: ops, password: {PASSWORD}, project_id: p}}{more}")
}

#[tokio::test]
async fn certificates_of_an_own_authority() {
    for (more, trusted) in [
        ("", false),
        (", cacert: $DIR/ca.pem", true),
        (", verify: false", true),
        (", insecure: true", true),
        (", verify: no, cacert: $DIR/ca.pem", true),
    ] {
        let cloud = Stub::tls();
        match cloud.session_of(&entry(more)).login().await {
            Ok(_) => assert!(trusted, "{more}"),
            Err(error) => {
                assert!(!trusted, "{more}: {error:?}");
                assert_eq!((error.kind, error.service), (ErrorKind::Tls, "keystone"));
                assert!(error.message.contains("certificate is not trusted"), "{error:?}");
                assert!(error.next_step.contains("cacert"), "{error:?}");
                assert!(cloud.requests().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_service_may_ask_for_our_certificate() {
    let cloud = Stub::mutual_tls();
    let both = std::fs::read_to_string(cloud.dir().join("client.pem")).unwrap()
        + &std::fs::read_to_string(cloud.dir().join("client.key")).unwrap();
    cloud.write("both.pem", &both);
    for (more, accepted) in [
        (", cacert: $DIR/ca.pem", false),
        (", cacert: $DIR/ca.pem, cert: $DIR/client.pem, key: $DIR/client.key", true),
        (", cacert: $DIR/ca.pem, cert: $DIR/both.pem", true),
    ] {
        match cloud.session_of(&entry(more)).login().await {
            Ok(_) => assert!(accepted, "{more}"),
            Err(error) => {
                assert!(!accepted, "{more}: {error:?}");
                assert!(error.next_step.contains("client certificate"), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn certificate_files_that_are_none_are_named() {
    let cloud = Stub::tls();
    cloud.write("empty.pem", "nothing\n");
    for (more, file) in [
        (", cacert: $DIR/gone.pem", "gone.pem"),
        (", cacert: $DIR/empty.pem", "empty.pem"),
        (", cert: $DIR/empty.pem", "empty.pem"),
        (", cert: $DIR/ca.pem, key: $DIR/gone.key", "gone.key"),
    ] {
        let error = Session::new(cloud.config(&entry(more)), Limits::default()).err();
        let error = error.unwrap_or_else(|| panic!("{more}"));
        assert_eq!(error.kind, ErrorKind::Tls);
        assert!(error.message.contains(file) && error.next_step.contains("clouds.yaml"), "{error:?}");
    }
}

#[tokio::test]
async fn https_where_no_tls_is_spoken_is_told_apart() {
    let cloud = Stub::new();
    let entry = entry("").replace("$URL", &cloud.url().replace("http:", "https:"));
    let error = cloud.session_of(&entry).login().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tls, "{error:?}");
    assert!(error.message.contains("does not speak TLS"), "{error:?}");
}

#[tokio::test]
async fn http_2_where_it_is_offered_and_one_connection_for_all() {
    let (plain, tls) = (Stub::new(), Stub::tls());
    for (cloud, version) in [(&plain, hyper::Version::HTTP_11), (&tls, hyper::Version::HTTP_2)] {
        let session = cloud.session();
        for _ in 0..5 {
            nova::services(&session).await.unwrap();
        }
        assert!(cloud.requests().iter().all(|request| request.version == version), "{version:?}");
        assert_eq!(cloud.connections(), 1, "{version:?}");
    }
}

#[tokio::test]
async fn compressed_answers_are_asked_for_and_read() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.gzip = true);
    assert_eq!(nova::services(&cloud.session()).await.unwrap().len(), 5);
    let asked = cloud.asked(SERVICES);
    assert!(asked[0].header("accept-encoding").is_some_and(|value| value.contains("gzip")));
}

#[tokio::test]
async fn a_redirect_is_reported_and_never_followed() {
    let elsewhere = Stub::new();
    for status in [301, 302, 303, 307, 308] {
        let cloud = Stub::new();
        let to = format!("{}/compute/v2.1/os-services", elsewhere.url());
        let mut answer = Answer::html(status, "").header("location", &to);
        cloud.script(SERVICES, [answer.clone()]);
        let error = nova::services(&cloud.session()).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Redirect, Some(status)));
        assert!(error.message.contains(&to) && error.message.contains("not followed"), "{error:?}");
        // Nor is a login sent on, with the password in it.
        answer = answer.header("x-test", "login");
        cloud.script("POST /identity/v3/auth/tokens", [answer]);
        let error = cloud.session().login().await.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::Redirect, "keystone"));
    }
    assert!(elsewhere.requests().is_empty() && elsewhere.connections() == 0, "nothing went there");
}

#[tokio::test]
async fn what_is_not_the_api_is_told_in_words() {
    let html = "<!DOCTYPE html><html><body>Please log in \u{1b}[31m</body></html>";
    for (answer, kind, words) in [
        (Answer::html(200, html), ErrorKind::BadAnswer, "an HTML page, not JSON: a proxy or login page"),
        (Answer::html(503, html), ErrorKind::Server, "(an HTML page: a proxy or load balancer answered"),
        (Answer::html(404, html), ErrorKind::Missing, "(an HTML page"),
        (Answer::sample("{\"servers\": []}"), ErrorKind::BadAnswer, "missing field `services`"),
        (Answer::sample("{\"services\": {}}"), ErrorKind::BadAnswer, "invalid type"),
        (Answer::sample("{\"services\": ["), ErrorKind::BadAnswer, "EOF while parsing"),
        (Answer::sample(""), ErrorKind::BadAnswer, "no JSON"),
        (Answer::cut("{\"services\": [{\"id\": 1}, "), ErrorKind::BadAnswer, "cut its answer short"),
        (Answer::closes(), ErrorKind::Unreachable, "broke the connection"),
        (
            Answer::refusal(500, "Unexpected \u{1b}]52;c;eA==\u{7} API Error.\n"),
            ErrorKind::Server,
            "Unexpected",
        ),
        (
            Answer::refusal(418, "teapot"),
            ErrorKind::BadAnswer,
            "418 I'm a teapot to GET /compute/v2.1/os-services: teapot",
        ),
        (Answer::refusal(403, "Policy doesn't allow x."), ErrorKind::Forbidden, "refused GET"),
    ] {
        let cloud = Stub::new();
        cloud.script(SERVICES, [answer.clone()]);
        let error = nova::services(&cloud.session()).await.unwrap_err();
        assert_eq!((error.kind, error.service), (kind, "nova"), "{answer:?}: {error:?}");
        assert!(error.message.contains(words), "{error:?}");
        assert!(!error.message.contains(char::is_control) && !error.next_step.is_empty(), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_has_the_request_id_that_the_logs_know() {
    let cloud = Stub::new();
    let session = cloud.session();
    cloud.script(SERVICES, [Answer::status(500)]);
    let error = nova::services(&session).await.unwrap_err();
    assert!(
        error.request_id.is_some_and(|id| id.starts_with("req-00000000-0000-4000-8000-")),
        "the cloud's own"
    );
    cloud.script(SERVICES, [Answer::closes()]);
    let error = nova::services(&session).await.unwrap_err();
    let sent = cloud.asked(SERVICES).last().unwrap().header("x-openstack-request-id").map(str::to_owned);
    assert_eq!(error.request_id, sent, "ours, where the cloud named none");
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cloud = Stub::new();
    for (url, words, next) in [
        (format!("http://{closed}"), "cannot be reached: Connection refused", "is the service running"),
        ("http://tls-certificate.invalid:5000".to_owned(), "cannot be resolved", "DNS"),
    ] {
        let error = cloud.session_of(&entry("").replace("$URL", &url)).login().await.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::Unreachable, "keystone"), "{error:?}");
        assert!(error.message.contains(words) && error.next_step.contains(next), "{error:?}");
    }
}
