//! Nobody answers, or not who should.

use std::net::TcpListener;

use jiff::SignedDuration;

use super::{HOSTS, fails, keys, lists};
use crate::support::stub::{Answer, PASSWORD, Run, Stub, command, run};

/// Runs a word over a cloud at another address than the stub's.
fn at(url: &str, more: &str, args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let auth = format!("auth: {{auth_url: '{url}', username: ops, password: {PASSWORD}}}");
    std::fs::write(dir.path().join("clouds.yaml"), format!("clouds:\n  c: {{{auth}{more}}}\n")).unwrap();
    run(command(dir.path(), args))
}

fn closed() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn keystone_that_is_down_is_said_with_the_next_step() {
    let run = at(&closed(), "", &["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "unreachable", "keystone at 127.0.0.1:")]);
    fails(
        &run,
        3,
        &["cannot be reached: Connection refused", "is the service running, and the port open from here?"],
    );
    let screen = at(&closed(), "", &["screen", "instances"]);
    assert_eq!(screen.code, 3);
    assert!(
        screen.out.contains("Connection refused") && screen.out.contains("next try in"),
        "{}",
        screen.out
    );
    let doctor = at(&closed(), "", &["doctor"]);
    assert_eq!(doctor.code, 3);
    assert!(
        doctor.out.contains("x keystone login") && doctor.out.contains("next: is the service"),
        "{}",
        doctor.out
    );
}

#[test]
fn a_name_that_nobody_knows() {
    let run = at("https://keystone.invalid:5000", "", &["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "unreachable", "the name keystone.invalid:5000 cannot be resolved")]);
    fails(&run, 3, &["this machine's DNS"]);
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let cloud = Stub::tls();
    cloud.write("clouds.yaml", &cloud.clouds(&cloud.entry().replace(", cacert: $DIR/ca.pem", "")));
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "unreachable", "the TLS certificate is not trusted: ")]);
    fails(&run, 3, &["keystone at 127.0.0.1:", "cacert", "OS_CACERT"]);
    assert!(cloud.requests().is_empty());
    let mut trusting = cloud.command(&["show", "services"]);
    trusting.env("OS_CLOUD", "stub").env("SSL_CERT_FILE", cloud.dir().join("ca.pem"));
    assert_eq!(self::run(trusting).code, 0, "the system's own store may name it as well");
}

#[test]
fn doctor_warns_where_nobody_is_verified() {
    let cloud = Stub::tls();
    cloud.write("clouds.yaml", &cloud.clouds(&cloud.entry().replace("cacert: $DIR/ca.pem", "verify: false")));
    let doctor = cloud.run(&["doctor"]);
    assert_eq!(doctor.code, 0);
    assert!(doctor.out.contains("verify is off"), "{}", doctor.out);
}

#[test]
fn a_service_that_is_down_leaves_what_the_others_say() {
    let cloud = Stub::new();
    let dead = closed();
    cloud.set(|cloud| {
        for endpoint in cloud.catalog.iter_mut().filter(|endpoint| endpoint.kind == "placement") {
            endpoint.url.clone_from(&dead);
        }
    });
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    lists(&run, 3, &[("placement", "unreachable", "placement at 127.0.0.1:")]);
    assert_eq!(keys(&run, "host"), HOSTS);
    let screen = cloud.run(&["screen", "hypervisors"]);
    assert_eq!(screen.code, 3);
    assert!(HOSTS.iter().all(|host| screen.out.contains(host)), "{}", screen.out);
}

#[test]
fn a_service_that_is_not_in_the_catalog_leaves_the_rows_too() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.catalog.retain(|endpoint| endpoint.kind != "placement"));
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    assert_eq!((run.code, keys(&run, "host").len()), (3, 3));
    let missing = ("placement".to_owned(), "missing".to_owned());
    assert!(
        run.errors()
            .iter()
            .any(|(s, k, m)| (s, k) == (&missing.0, &missing.1) && m.contains("no such service"))
    );
}

#[test]
fn what_hangs_is_given_up_at_the_timeout_and_the_rest_is_printed() {
    let cloud = Stub::new();
    cloud.script("GET /compute/v2.1/os-aggregates", [Answer::hangs()]);
    let run = cloud.run(&["show", "hypervisors", "-o", "json", "--timeout", "3"]);
    assert_eq!((run.code, keys(&run, "host").len()), (3, 3));
    let errors = run.errors();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].0.as_str(), errors[0].1.as_str()), ("nova", "timeout"));
    fails(&run, 3, &["aggregates: no answer in time", "--timeout"]);
    let screen = cloud.run(&["screen", "hypervisors", "--timeout", "3"]);
    assert!(HOSTS.iter().all(|host| screen.out.contains(host)), "{}", screen.out);
    assert_eq!(screen.code, 3);
}

#[test]
fn doctor_does_not_wait_longer_than_it_is_told() {
    let cloud = Stub::new();
    cloud.script("GET /compute/v2.1/os-aggregates", [Answer::hangs()]);
    let doctor = cloud.run(&["doctor", "--timeout", "2"]);
    assert_eq!(doctor.code, 3);
    let line = doctor.out.lines().find(|line| line.contains("nova aggregates")).unwrap_or_default();
    assert!(line.starts_with('x') && line.contains("did not answer in time"), "{}", doctor.out);
    assert!(doctor.out.contains("o neutron agents"), "what comes after it is asked too:\n{}", doctor.out);
}

#[test]
fn a_proxy_from_the_environment_is_used_and_left_out_where_it_should() {
    let proxy = Stub::new();
    proxy.set(|cloud| {
        for endpoint in &mut cloud.catalog {
            endpoint.url = format!("http://cloud.invalid{}", endpoint.url);
        }
    });
    proxy.write("clouds.yaml", &proxy.clouds(&proxy.entry().replace("$URL", "http://cloud.invalid")));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy"] {
        let mut command = proxy.command(&["show", "services"]);
        command.env(name, proxy.url());
        assert_eq!(run(command).code, 0, "{name}");
    }
    assert!(proxy.requests().iter().all(|request| request.uri.starts_with("http://cloud.invalid/")));
    let mut command = proxy.command(&["show", "services"]);
    command.env("http_proxy", proxy.url()).env("no_proxy", "cloud.invalid");
    fails(&run(command), 3, &["the name cloud.invalid cannot be resolved"]);
}

#[test]
fn a_proxy_that_is_down_is_thought_of() {
    let mut command = Stub::new().command(&["show", "services"]);
    let cloud = Stub::new();
    command.current_dir(cloud.dir()).env("http_proxy", closed());
    fails(&run(command), 3, &["cannot be reached", "is the proxy of http_proxy or https_proxy right"]);
}

#[test]
fn a_proxy_that_lets_nobody_through_is_named() {
    let (cloud, proxy) = (Stub::tls(), Stub::new());
    let mut command = cloud.command(&["show", "services"]);
    command.env("https_proxy", proxy.url());
    fails(&run(command), 3, &["keystone at 127.0.0.1:", "the proxy does not let us through", "no_proxy"]);
    assert_eq!((proxy.requests()[0].method.as_str(), cloud.connections()), ("CONNECT", 0));
}

#[test]
fn a_proxys_html_is_not_taken_for_an_answer() {
    let cloud = Stub::new();
    let proxy = Stub::new();
    proxy.answer_all(Answer::html(200, "<html><title>Sign in \u{1b}[2J</title></html>"));
    let mut command = cloud.command(&["show", "services", "-o", "json"]);
    command.env("http_proxy", proxy.url());
    let run = run(command);
    lists(
        &run,
        3,
        &[("nova", "bad answer", "answered an HTML page, not JSON: a proxy or login page stands between")],
    );
    fails(&run, 3, &["check http_proxy, no_proxy"]);
    assert!(cloud.requests().is_empty());
}

#[test]
fn a_clock_that_is_wrong_is_said_and_does_no_harm() {
    for hours in [-30, 30] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.clock_ahead = SignedDuration::from_hours(hours));
        let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
        lists(&run, 0, &[]);
        assert_eq!((keys(&run, "host").len(), cloud.logins()), (3, 1));
        let doctor = cloud.run(&["doctor"]);
        let line = doctor.out.lines().find(|line| line.contains("clock")).unwrap_or_default();
        assert!(line.starts_with('!') && line.contains("NTP"), "{}", doctor.out);
        let words = if hours > 0 { "ahead of this machine's" } else { "behind this machine's" };
        assert!(line.contains(words), "{}", doctor.out);
    }
}
