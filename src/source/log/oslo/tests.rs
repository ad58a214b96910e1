use proptest::prelude::*;

use super::*;

const INSTANCE: &str = "f064d769-2144-43c6-a1f6-7967745cf373";

fn part(line: &str, span: Span) -> &str {
    std::str::from_utf8(span.of(line.as_bytes())).unwrap()
}

/// pid, level, logger, global id, request id, user, project, domain, scope, user domain, project domain, instance.
fn parts(line: &str) -> Vec<String> {
    let parsed = parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
    let mut parts = vec![part(line, parsed.pid).to_owned(), parsed.level.as_str().to_owned()];
    for span in [
        parsed.logger,
        parsed.global_request_id,
        parsed.request_id,
        parsed.user,
        parsed.project,
        parsed.domain,
        parsed.system_scope,
        parsed.user_domain,
        parsed.project_domain,
        parsed.instance,
        parsed.message,
    ] {
        parts.push(part(line, span).to_owned());
    }
    parts
}

#[test]
fn identities_of_every_age_are_taken_apart() {
    let a = "req-a54b595b-8846-4aa2-8a5a-629e8034465f";
    let b = "req-5705d6e1-6d36-4643-9095-f166c8947bd2";
    // The brackets; then global id, request id, user, project, domain, scope, user domain, project domain.
    let cases: [(String, [&str; 8]); 13] = [
        (format!("[None {a} u p - - ud pd]"), ["", a, "u", "p", "", "", "ud", "pd"]),
        (format!("[{b} {a} u p d all ud pd]"), [b, a, "u", "p", "d", "all", "ud", "pd"]),
        (format!("[None {a} u p d all ud pd x]"), ["", a, "u", "p", "d", "all", "ud", "pd"]),
        (format!("[{a} u p - ud pd]"), ["", a, "u", "p", "", "", "ud", "pd"]),
        (format!("[{b} {a} u p - ud pd]"), [b, a, "u", "p", "", "", "ud", "pd"]),
        (format!("[{a} u p]"), ["", a, "u", "p", "", "", "", ""]),
        (format!("[None {a} - - - - - -]"), ["", a, "", "", "", "", "", ""]),
        (format!("[{b} None u p - - - -]"), [b, "", "u", "p", "", "", "", ""]),
        (format!("[{a}]"), ["", a, "", "", "", "", "", ""]),
        (format!("[None {a}]"), ["", a, "", "", "", "", "", ""]),
        (format!("[None {a} ]"), ["", a, "", "", "", "", "", ""]),
        ("[None None u p - - - -]".to_owned(), ["", "", "u", "p", "", "", "", ""]),
        ("[-]".to_owned(), [""; 8]),
    ];
    for (brackets, identity) in cases {
        let line =
            format!("2026-11-23 18:48:30.066 21292 INFO nova.a {brackets} [instance: {INSTANCE}] Said");
        let mut expected = vec!["21292", "INFO", "nova.a"];
        expected.extend(identity);
        expected.extend([INSTANCE, "Said"]);
        assert_eq!(parts(&line), expected, "{line}");
    }
}

#[test]
fn a_line_of_a_traceback_has_no_context_and_keeps_its_indent() {
    for (line, instance, message) in [
        ("2026-11-23 18:54:58.719 26997 ERROR nova.a   File \"x\"", "", "  File \"x\""),
        (
            "2026-11-23 18:54:58.719 26997 ERROR nova.a [instance: f064d769-2144-43c6-a1f6-7967745cf373]   File",
            INSTANCE,
            "  File",
        ),
        ("2026-11-23 18:54:58.719 26997 ERROR nova.a ", "", ""),
        (
            "2013-02-25 20:26:33 6619 TRACE nova.rpc Traceback (most recent call last):",
            "",
            "Traceback (most recent call last):",
        ),
    ] {
        let parsed = parse(line.as_bytes()).unwrap();
        assert_eq!(parsed.context, Context::Absent, "{line}");
        assert_eq!((part(line, parsed.instance), part(line, parsed.message)), (instance, message), "{line}");
    }
}

#[test]
fn a_message_may_begin_with_brackets_of_its_own() {
    let line = "2026-11-23 18:54:58.289 26998 ERROR nova.scheduler.client.report [None req-b6218599-02ac-4e06-a897-0dee4481d48e u p - - ud pd] [req-0a4561d3-73cb-41c8-9c16-b6a713b1b35e] Failed";
    let parsed = parse(line.as_bytes()).unwrap();
    assert!(part(line, parsed.request_id).starts_with("req-b621"));
    assert!(part(line, parsed.message).starts_with("[req-0a45"));
    let line = "2026-11-23 18:54:58.289 26998 ERROR nova.a [a, b] Failed";
    assert_eq!(part(line, parse(line.as_bytes()).unwrap().message), "[a, b] Failed");
}

#[test]
fn old_and_coloured_lines_are_read() {
    let line = "2013-02-25 20:26:33 6619 ERROR nova.openstack.common.rpc.common [-] AMQP server on localhost:5672 is unreachable: [Errno 111] ECONNREFUSED. Trying again in 23 seconds.";
    let parsed = parse(line.as_bytes()).unwrap();
    assert_eq!((parsed.level, parsed.context), (Level::Error, Context::Empty));
    let line = "2026-11-23 18:54:58.289 \x1b[00;32mDEBUG nova.a [\x1b[01;36mNone req-b6218599-02ac-4e06-a897-0dee4481d48e \x1b[00;36madmin demo\x1b[00;32m] \x1b[01;35m\x1b[00;32mSaid\x1b[00m";
    let parsed = parse(line.as_bytes()).unwrap();
    assert_eq!((parsed.level, part(line, parsed.user)), (Level::Debug, "admin"));
}

#[test]
fn access_lines_of_eventlet_and_uwsgi_tell_method_path_status_and_time() {
    for (message, method, path, status, took) in [
        (
            "127.0.0.1 \"POST /v2.1/servers\" status: 202 len: 370 microversion: 2.90 time: 1.152465",
            "POST",
            "/v2.1/servers",
            202,
            Some(1_152_465),
        ),
        (
            "127.0.0.1 \"GET /v2.0/ports?device_id=a HTTP/1.1\" status: 200  len: 946 time: 0.0797749",
            "GET",
            "/v2.0/ports?device_id=a",
            200,
            Some(79_774),
        ),
        ("127.0.0.1 \"GET /\" status: 200 len: 136 microversion: 1.0", "GET", "/", 200, None),
    ] {
        let line = format!("2026-11-23 18:48:30.066 21292 INFO nova.api [-] {message}");
        let access = parse(line.as_bytes()).unwrap().access.unwrap_or_else(|| panic!("{line}"));
        assert_eq!((part(&line, access.method), part(&line, access.path)), (method, path));
        assert_eq!((access.status, access.took), (status, took));
    }
    let line = "2026-11-23 18:48:30.066 21292 INFO nova.api [-] He said \"GET / is what I want\"";
    assert_eq!(parse(line.as_bytes()).unwrap().access, None);
}

#[test]
fn what_is_no_line_of_oslo_is_refused() {
    for line in [
        "2026-11-23 18:17:10.123456+00:00 [error] <0.1.0> connection closed",
        "2026-11-23 18:00:01 12345 [Warning] Aborted connection",
        "2026-11-23 18:00:01.123+0000: 1234: error : virNetSocketReadWire:1791 : End of file",
        "Traceback (most recent call last):",
        "2026-11-23 18:00:01.123",
        "2026-11-23 18:00:01.123 1 INFO",
    ] {
        assert_eq!(parse(line.as_bytes()), None, "{line}");
    }
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"2026-11-23 18:48:30.066 "[..],
        b"21292 ",
        b"ERROR ",
        b"nova.a ",
        b"[None req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] ",
        b"[instance: f064d769-2144-43c6-a1f6-7967745cf373] ",
        b"\"GET /a\" status: 200 time: 99999999999999999999.99999999999",
        b"[",
        b"]",
        b"-",
        b"\x1b[",
        b"m",
        b"\n",
        b"\xff\x00",
    ]);
    let piece = prop_oneof![pieces.prop_map(<[u8]>::to_vec), prop::collection::vec(any::<u8>(), 0..6)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(line in anything()) {
        if let Some(parsed) = parse(&line) {
            prop_assert!(parsed.message.end() <= line.len());
        }
        let _ = after_time(&line, 0);
    }

    #[test]
    fn a_line_may_be_cut_anywhere(cut in 0usize..220) {
        let line = b"2026-11-23 18:48:30.066 21292 INFO nova.api.openstack.requestlog [None req-a54b595b-8846-4aa2-8a5a-629e8034465f 2abd 2a29 - - default default] 127.0.0.1 \"POST /v2.1/servers\" status: 202 len: 370 microversion: 2.90 time: 1.152465";
        let cut = line.get(..cut).unwrap_or(line);
        let whole = parse(line).unwrap();
        if let Some(parsed) = parse(cut) {
            prop_assert_eq!(parsed.time, whole.time);
            prop_assert!(parsed.message.end() <= cut.len());
        }
    }
}
