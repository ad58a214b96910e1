//! Answers that are broken, hostile or too much.

use serde_json::json;

use super::{HOSTS, fails, keys, lists};
use crate::support::stub::{Answer, Stub};

const SERVICES: &str = "GET /compute/v2.1/os-services";
const SERVERS: &str = "GET /compute/v2.1/servers/detail";

#[test]
fn a_redirect_is_reported_and_the_token_stays_here() {
    let elsewhere = Stub::new();
    let cloud = Stub::new();
    cloud.script(SERVICES, [Answer::redirect(&format!("{}/compute", elsewhere.url()))]);
    let run = cloud.run(&["show", "services", "-o", "json"]);
    let to = format!("redirects to {}/compute: not followed", elsewhere.url());
    lists(&run, 3, &[("nova", "bad answer", &to)]);
    fails(&run, 3, &["into the catalog (or as an endpoint override)"]);
    // Of keystone itself, which would get the password.
    cloud.script("POST /identity/v3/auth/tokens", [Answer::redirect(&elsewhere.url())]);
    let doctor = cloud.run(&["doctor"]);
    assert_eq!(doctor.code, 3);
    assert!(
        doctor.out.contains("keystone at 127.0.0.1:") && doctor.out.contains("not followed"),
        "{}",
        doctor.out
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_next_link_to_another_host_is_followed_on_our_own() {
    let elsewhere = Stub::new();
    let cloud = Stub::new();
    cloud.set(|cloud| (cloud.page, cloud.links) = (2, Some(elsewhere.url())));
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    lists(&run, 0, &[]);
    assert_eq!((keys(&run, "name").len(), cloud.asked(SERVERS).len()), (6, 3));
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_body_that_is_cut_in_half_costs_its_own_columns_only() {
    let cloud = Stub::new();
    let half = r#"{"aggregates": [{"id": 1, "name": "rack-a", "hosts": ["cmp01"#;
    cloud.script("GET /compute/v2.1/os-aggregates", [Answer::cut(half)]);
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    lists(&run, 3, &[("nova", "bad answer", "cut its answer short")]);
    assert_eq!(keys(&run, "host"), HOSTS);
    assert!(run.json()["rows"][0]["aggregates"].is_null());
    fails(&run, 3, &["aggregates: nova at 127.0.0.1:", "a service or proxy restarts"]);
}

#[test]
fn pages_before_a_broken_one_are_printed() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.page = 2);
    cloud.script(SERVERS, [Answer::usual(), Answer::usual(), Answer::cut("{\"servers\": [{")]);
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    lists(&run, 3, &[("nova", "bad answer", "cut its answer short")]);
    assert_eq!(keys(&run, "name").len(), 4);
    assert_eq!(run.json()["sources"][0]["complete"], false);
}

#[test]
fn json_that_is_not_nova_is_said() {
    for (answer, words) in [
        (Answer::sample("{\"services\": 7}"), "not its API: invalid type"),
        (Answer::sample("[]"), "not its API"),
        (Answer::sample("hello"), "no JSON"),
    ] {
        let cloud = Stub::new();
        cloud.script(SERVICES, [answer]);
        let run = cloud.run(&["show", "services", "-o", "json"]);
        lists(&run, 3, &[("nova", "bad answer", words)]);
        fails(&run, 3, &["look at the endpoint's URL in the catalog, and at proxies"]);
    }
}

#[test]
fn an_error_of_a_service_has_its_words_and_its_request_id() {
    let cloud = Stub::new();
    cloud.script(SERVICES, [Answer::refusal(500, "Unexpected API Error.").header("x-test", "1")]);
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "unreachable", "500 Internal Server Error: Unexpected API Error.")]);
    let id = run.json()["errors"][0]["request_id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("req-00000000-0000-4000-8000-"), "the cloud's own: {id}");
    fails(&run, 3, &["nova's log has the cause under the request id"]);
}

#[test]
fn a_hundred_megabytes_in_one_answer_are_not_taken_in() {
    let cloud = Stub::new();
    let piece = format!("{{\"services\": [\"{}", "x".repeat(1 << 16));
    cloud.script(SERVICES, [Answer::endless(&piece)]);
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "bad answer", "sends more than 64 MiB in one answer: not taken in")]);
    fails(&run, 3, &["its page limit is off"]);
    assert!(cloud.sent() < 96 << 20, "it stopped reading: {} bytes left the server", cloud.sent());
}

#[test]
fn pages_that_go_round_in_circles_are_printed_once() {
    let cloud = Stub::new();
    let page = json!({
        "servers": [{ "id": "a", "name": "a", "status": "ACTIVE" }],
        "servers_links": [{ "rel": "next", "href": "http://h/?marker=a" }],
    });
    cloud.script(SERVERS, [Answer::json(page)]);
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    lists(&run, 3, &[("nova", "bad answer", "go round in circles")]);
    assert_eq!(keys(&run, "id"), ["a"]);
    assert_eq!(cloud.asked(SERVERS).len(), 2);
}

/// What a tenant or a broken service could write: a terminal's title, its clipboard, colours, line ends, C1
/// controls, bidirectional overrides, what has no width.
const HOSTILE: &str = "a\u{1b}]0;pwned\u{7}b\u{1b}]52;c;ZXZpbA==\u{1b}\\c\u{1b}[31md\r\ne\u{9b}2Jf\u{202e}g\u{2066}h\u{200b}i\u{7f}j\u{85}k";

#[test]
fn hostile_names_come_out_harmless_in_every_form() {
    let cloud = Stub::new();
    let server = json!({
        "id": "11111111-1111-4111-8111-111111111111",
        "name": HOSTILE, "status": "ERROR", "tenant_id": HOSTILE, "user_id": HOSTILE,
        "OS-EXT-SRV-ATTR:host": HOSTILE, "key_name": HOSTILE, "metadata": { HOSTILE: HOSTILE },
        "addresses": { HOSTILE: [{ "addr": "10.0.0.1", "OS-EXT-IPS:type": "fixed" }] },
        "flavor": { "original_name": HOSTILE, "vcpus": 1, "ram": 64, "disk": 1, "extra_specs": {} },
        "fault": { "code": 500, "message": HOSTILE, "details": HOSTILE, "created": "2026-11-23T18:48:41Z" },
    });
    cloud.script(SERVERS, [Answer::json(json!({ "servers": [server] }))]);
    // The check of every run looks for control characters and overrides.
    for args in [
        &["show", "instances"][..],
        &["show", "instances", "-o", "csv"],
        &["screen", "instances"],
        &["screen", "instances", "--keys", "<enter>"],
        &["screen", "instances", "-o", "svg"],
    ] {
        let run = cloud.run(args);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.out.contains("abcd"), "the rest of the name is there: {}", run.out);
        assert!(!run.out.contains("pwned") && !run.out.contains("ZXZpbA"), "{}", run.out);
    }
    // JSON keeps what is there, in escapes: a reader gets the name as the cloud has it.
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    assert_eq!(run.json()["rows"][0]["name"], HOSTILE);
}

#[test]
fn hostile_words_of_an_error_come_out_harmless() {
    let cloud = Stub::new();
    cloud.script(SERVICES, [Answer::refusal(500, HOSTILE)]);
    for args in [
        &["show", "services"][..],
        &["show", "services", "-o", "json"],
        &["screen", "hypervisors"],
        &["doctor"],
    ] {
        // The check of every run is what this is about.
        assert_eq!(cloud.run(args).code, 3, "{args:?}");
    }
}

#[test]
fn a_down_cells_rows_are_shown_as_unknown() {
    let cloud = Stub::new();
    // As nova's API reference has it: from 2.69 on, id, project, creation and links, and nothing else.
    let partial = json!({
        "id": "22222222-2222-4222-8222-222222222222", "status": "UNKNOWN", "tenant_id": "t",
        "created": "2026-11-23T18:48:41Z", "links": [],
    });
    cloud.script(SERVERS, [Answer::json(json!({ "servers": [partial] }))]);
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    assert_eq!(run.code, 3, "{run:#?}");
    fails(&run, 3, &["1 instances stand in a cell that does not answer", "nova-manage cell_v2 list_cells"]);
    assert_eq!(run.json()["sources"][0]["complete"], false);
    let row = &run.json()["rows"][0];
    assert_eq!((&row["status"], &row["verdict"]), (&json!("UNKNOWN"), &json!("unknown")));
    assert!(row["name"].is_null() && row["locked"].is_null() && row["power_state"].is_null(), "{row}");
}
