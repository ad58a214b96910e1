//! What projects have used, over a cloud that answers as it is told; and who has a role in one.

use serde_json::{Value, json};
use stackwatch::report::{OutageKind, Topic};
use stackwatch::request::Query;

use super::answered;
use crate::support::stub::{Answer, Run, Stub};

const ADMIN: &str = "2ca29ea816ee467fbb9cd53dbbea71b1";
const DEMO: &str = "2a294ffc60fe46fe817f77a69d912949";
/// keystone lists no such project.
const GONE: &str = "00000000000000000000000000000bad";
const LIST: &str = "GET /compute/v2.1/os-simple-tenant-usage";

fn of(project: &str) -> String {
    format!("{LIST}/{project}")
}

/// What nova writes of a project.
fn usage(project: &str, hours: f64) -> Value {
    json!({
        "tenant_id": project,
        "total_hours": hours,
        "total_vcpus_usage": hours * 2.0,
        "total_memory_mb_usage": hours * 512.0,
        "total_local_gb_usage": hours / 3.0,
        "start": "2026-10-01T00:00:00.000000",
        "stop": "2026-11-01T00:00:00.000000",
    })
}

fn server(name: &str, hours: f64, ended: Option<&str>) -> Value {
    json!({
        "hours": hours, "flavor": "m1.small", "instance_id": format!("id-of-{name}"), "name": name,
        "tenant_id": DEMO, "memory_mb": 2_048, "local_gb": 20, "vcpus": 1,
        "started_at": "2026-09-24T09:54:57.000000", "ended_at": ended,
        "state": if ended.is_some() { "terminated" } else { "active" }, "uptime": 3_600,
    })
}

/// The same with its instances, as nova tells of one project.
fn detailed(project: &str, hours: f64, servers: &[Value]) -> Value {
    let mut usage = usage(project, hours);
    usage["server_usages"] = json!(servers);
    usage
}

fn page(usages: &[Value], next: Option<&str>) -> Answer {
    let mut body = json!({ "tenant_usages": usages });
    if let Some(marker) = next {
        let href =
            format!("https://internal.test:8774/v2.1/os-simple-tenant-usage?start=a&end=b&marker={marker}");
        body["tenant_usages_links"] = json!([{ "rel": "next", "href": href }]);
    }
    Answer::json(body)
}

fn denied(right: &str) -> Answer {
    Answer::refusal(
        403,
        &format!("Policy doesn't allow os_compute_api:os-simple-tenant-usage:{right} to be performed."),
    )
}

const OCTOBER: [&str; 8] = ["show", "usage", "--from", "2026-10-01", "--to", "2026-11-01", "-o", "json"];

fn october(cloud: &Stub, more: &[&str]) -> Run {
    cloud.run(&[&OCTOBER[..], more].concat())
}

/// The rows as (name, domain, instances, vCPU-hours).
fn rows(run: &Run) -> Vec<(String, Option<String>, Option<u64>, f64)> {
    let json = run.json();
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        (
            text("project").unwrap(),
            text("domain"),
            row["instances"].as_u64(),
            row["vcpu_hours"].as_f64().unwrap(),
        )
    };
    json["rows"].as_array().unwrap().iter().map(row).collect()
}

fn row(
    name: &str,
    domain: Option<&str>,
    instances: Option<u64>,
    vcpus: f64,
) -> (String, Option<String>, Option<u64>, f64) {
    (name.to_owned(), domain.map(str::to_owned), instances, vcpus)
}

#[test]
fn pages_are_followed_and_a_project_on_several_is_one_row_with_what_is_gone_by_its_id() {
    let cloud = Stub::new();
    // A page that looks like the one before it is no circle: as many instances of a size, all the time there.
    let pages = [
        page(&[usage(ADMIN, 1.5), usage(DEMO, 100.0)], Some("s1")),
        page(&[usage(DEMO, 100.0)], Some("s2")),
        page(&[usage(DEMO, 100.0)], Some("s3")),
        page(&[usage(GONE, 7.0)], Some("s4")),
        page(&[], None),
    ];
    cloud.script(LIST, pages);
    let run = october(&cloud, &[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
    // Who used most stands first. How many instances there were nova does not say in this list.
    let expected = [
        row("demo", Some("Default"), None, 600.0),
        row(GONE, None, None, 14.0),
        row("admin", Some("Default"), None, 3.0),
    ];
    assert_eq!(rows(&run), expected);
    let json = run.json();
    let demo = &json["rows"][0];
    for (column, expected) in [
        ("id", json!(DEMO)),
        ("hours", json!(300.0)),
        ("ram_mb_hours", json!(153_600.0)),
        ("start", json!("2026-10-01T00:00:00Z")),
        ("stop", json!("2026-11-01T00:00:00Z")),
    ] {
        assert_eq!(demo[column], expected, "{column}");
    }
    let sources: Vec<&str> =
        json["sources"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(sources, ["nova usage", "keystone projects"]);
    assert!(json["sources"].as_array().unwrap().iter().all(|source| source["complete"] == true), "{json}");
    let asked = cloud.asked(LIST);
    assert_eq!(asked.len(), 5);
    assert_eq!(
        asked[0].query,
        [("start", "2026-10-01T00:00:00"), ("end", "2026-11-01T00:00:00")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(asked[4].pair("marker"), Some("s4"));
}

#[test]
fn a_link_to_itself_ends_the_reading_and_half_a_sum_is_not_printed() {
    let cloud = Stub::new();
    cloud.script(LIST, [page(&[usage(DEMO, 1.0)], Some("s1")), page(&[usage(DEMO, 1.0)], Some("s1"))]);
    let run = october(&cloud, &[]);
    assert_eq!((run.code, rows(&run).len()), (3, 0), "{run:#?}");
    run.says(&["go round in circles", "  next: "]);
}

#[test]
fn an_older_cloud_answers_whole() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.nova = Some("2.38"));
    cloud.script(LIST, [page(&[usage(DEMO, 2.0)], None)]);
    let run = october(&cloud, &[]);
    assert_eq!((run.code, rows(&run).len()), (0, 1), "{run:#?}");
    assert_eq!(cloud.asked(LIST)[0].header("openstack-api-version"), Some("compute 2.38"));
}

#[test]
fn people_get_two_digits_as_the_cli_has_them_and_programs_all() {
    let cloud = Stub::new();
    cloud.script(LIST, [page(&[usage(DEMO, 10.0)], None)]);
    let args = ["show", "usage", "--from", "2026-10-01", "--to", "2026-11-01"];
    let table = cloud.run(&args);
    assert_eq!(table.code, 0, "{table:#?}");
    let cells: Vec<&str> = table.out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        cells,
        [
            "demo",
            "Default",
            "?",
            "20.00",
            "5120.00",
            "3.33",
            "10.00",
            "2026-10-01",
            "00:00Z",
            "2026-11-01",
            "00:00Z"
        ]
    );
    let csv = cloud.run(&[&args[..], &["-o", "csv", "--filter", "vcpu_hours>19"]].concat());
    assert_eq!(csv.out.lines().count(), 2, "{csv:#?}");
    assert!(csv.out.contains(",3.3333333333333335,10.0,"), "{csv:#?}");
    let none = cloud.run(&[&args[..], &["-o", "csv", "--filter", "vcpu_hours>20"]].concat());
    assert_eq!((none.code, none.out.lines().count()), (0, 1), "{none:#?}");
}

#[test]
fn without_words_the_last_four_weeks_are_asked_for_and_a_period_ends_where_it_is_said_to() {
    let cloud = Stub::new();
    cloud.script(LIST, [page(&[], None)]);
    let asked = |args: &[&str]| {
        let run = cloud.run(&[&["show", "usage"], args].concat());
        assert_eq!(run.code, 0, "{run:#?}");
        let last = cloud.asked(LIST).pop().unwrap();
        ["start", "end"]
            .map(|name| format!("{}Z", last.pair(name).unwrap()).parse::<jiff::Timestamp>().unwrap())
    };
    let now = jiff::Timestamp::now().as_second();
    let [start, end] = asked(&[]).map(|at| (at.as_second() - now) / 3_600);
    // nova ends it at its own now.
    assert!((-672..=-671).contains(&start) && (23..=24).contains(&end), "{start} to {end}");
    let [start, end] = asked(&["--over", "month", "--to", "2026-11-01"]).map(|at| at.to_string());
    assert_eq!((&*start, &*end), ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"));
}

#[test]
fn a_member_sees_its_own_project_and_is_told_so() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.member = true);
    cloud.script(LIST, [denied("list")]);
    let servers = [server("web-1", 6.0, None), server("web-2", 4.0, Some("2026-10-02T00:00:00.000000"))];
    cloud.script(&of(DEMO), [Answer::json(json!({ "tenant_usage": detailed(DEMO, 10.0, &servers) }))]);
    let run = october(&cloud, &[]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert_eq!(rows(&run), [row("demo", None, Some(2), 20.0)]);
    run.says(&["own project only", "os_compute_api:os-simple-tenant-usage:list", "  next: take an account"]);
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].0.as_str(), errors[0].1.as_str()), ("nova", "forbidden"));
    assert_eq!(run.json()["sources"][0]["complete"], false);
    // Its own by name is all that was asked for.
    let run = october(&cloud, &["--project", "demo"]);
    assert_eq!((run.code, rows(&run).len()), (0, 1), "{run:#?}");
    // Nor is that told to everybody.
    cloud.script(&of(DEMO), [denied("show")]);
    let run = october(&cloud, &[]);
    assert_eq!((run.code, rows(&run).len()), (3, 0), "{run:#?}");
    run.says(&["os_compute_api:os-simple-tenant-usage:show"]);
}

#[test]
fn what_cannot_be_had_is_said_with_its_kind() {
    for (answer, kind, words) in [
        (Answer::status(404), "missing", "knows no"),
        (Answer::status(429).header("retry-after", "120"), "unreachable", "asks for fewer requests"),
        (Answer::status(413).header("retry-after", "120"), "unreachable", "asks for fewer requests"),
        (Answer::status(500), "unreachable", "answered 500"),
        (Answer::closes(), "unreachable", "nova at"),
        (Answer::sample(r#"{"tenant_usages": [{"tenant_id": "x"}]}"#), "bad answer", "not its API"),
    ] {
        let cloud = Stub::new();
        cloud.script(LIST, [answer]);
        let run = october(&cloud, &[]);
        assert_eq!((run.code, rows(&run).len()), (3, 0), "{run:#?}");
        let errors = run.errors();
        assert!(errors.len() == 1 && errors[0].0 == "nova" && errors[0].1 == kind, "{words}: {errors:?}");
        assert!(errors[0].2.starts_with("usage: ") && errors[0].2.contains(words), "{words}: {errors:?}");
        run.says(&["  next: "]);
    }
    // An answer that does not come, and names that do not.
    let cloud = Stub::new();
    cloud.script(LIST, [Answer::hangs()]);
    let run = october(&cloud, &["--timeout", "1"]);
    assert_eq!((run.code, run.errors()[0].1.as_str()), (3, "timeout"), "{run:#?}");
    let cloud = Stub::new();
    cloud.script(LIST, [page(&[usage(DEMO, 2.0)], None)]);
    cloud.script("GET /identity/v3/projects", [Answer::status(500)]);
    let run = october(&cloud, &[]);
    assert_eq!((run.code, rows(&run)), (3, vec![row(DEMO, None, None, 4.0)]), "{run:#?}");
    assert_eq!(run.errors()[0].0, "keystone");
}

#[test]
fn one_project_costs_one_question_and_one_that_is_gone_is_found_by_its_id() {
    let cloud = Stub::new();
    let next = format!("https://internal.test/v2.1/os-simple-tenant-usage/{DEMO}?marker=id-of-web-1");
    let pages = [
        json!({
            "tenant_usage": detailed(DEMO, 6.0, &[server("web-1", 6.0, None)]),
            "tenant_usage_links": [{ "rel": "next", "href": next }],
        }),
        json!({ "tenant_usage": detailed(DEMO, 4.0, &[server("web-2", 4.0, Some("2026-10-02T00:00:00.000000"))]) }),
    ];
    cloud.script(&of(DEMO), pages.map(Answer::json));
    let run = october(&cloud, &["--project", "demo"]);
    assert_eq!((run.code, rows(&run)), (0, vec![row("demo", Some("Default"), Some(2), 20.0)]), "{run:#?}");
    let asked = cloud.asked(&of(DEMO));
    assert_eq!((asked.len(), asked[1].pair("marker")), (2, Some("id-of-web-1")));
    assert!(cloud.asked(LIST).is_empty() && cloud.asked(&of(ADMIN)).is_empty());

    // Nothing was used: that is known.
    cloud.script(&of(ADMIN), [Answer::json(json!({ "tenant_usage": {} }))]);
    let run = october(&cloud, &["--project", ADMIN]);
    assert_eq!((run.code, rows(&run)), (0, vec![row("admin", Some("Default"), Some(0), 0.0)]), "{run:#?}");

    cloud.script(&of(GONE), [Answer::json(json!({ "tenant_usage": detailed(GONE, 3.0, &[]) }))]);
    let run = october(&cloud, &["--project", GONE]);
    assert_eq!((run.code, rows(&run)), (0, vec![row(GONE, None, Some(0), 6.0)]), "{run:#?}");

    cloud.script(&of("nobody"), [Answer::json(json!({ "tenant_usage": {} }))]);
    for name in ["nobody", "../servers/detail"] {
        let run = october(&cloud, &["--project", name]);
        assert_eq!((run.code, rows(&run).len()), (1, 0), "{run:#?}");
        run.says(&[&format!("there is no project `{name}`"), "  next: "]);
    }
    assert!(
        cloud.requests().iter().all(|request| !request.path.contains("servers")),
        "a name leads nowhere else"
    );
}

#[test]
fn the_instances_of_one_project_are_told_one_by_one() {
    let cloud = Stub::new();
    let servers =
        [server("web-1", 6.0, None), server("web-2 \u{1b}[31m", 4.25, Some("2026-10-02T00:00:00.000000"))];
    cloud.script(&of(DEMO), [Answer::json(json!({ "tenant_usage": detailed(DEMO, 10.25, &servers) }))]);
    let run = october(&cloud, &["--project", "demo", "--servers", "--filter", "state=terminated"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
    let json = run.json();
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(1), "{json}");
    for (column, expected) in [
        ("project", json!("demo")),
        ("id", json!("id-of-web-2 \u{1b}[31m")),
        ("flavor", json!("m1.small")),
        ("hours", json!(4.25)),
        ("vcpus", json!(1)),
        ("memory_mb", json!(2_048)),
        ("local_gb", json!(20)),
        ("started_at", json!("2026-09-24T09:54:57Z")),
        ("ended_at", json!("2026-10-02T00:00:00Z")),
    ] {
        assert_eq!(json["rows"][0][column], expected, "{column}");
    }
    let table = cloud.run(&["show", "usage", "--project", "demo", "--servers"]);
    let first = table.out.lines().nth(1).unwrap_or_default();
    assert!(first.starts_with("web-1 ") && first.contains(" 6.00 "), "{table:#?}");
}

#[test]
fn what_is_no_period_is_a_usage_error_and_nothing_is_asked() {
    let cloud = Stub::new();
    for (args, parts) in [
        (
            &["--from", "2026-11-01", "--to", "2026-10-01"][..],
            &["before it begins", "--from 2026-10-01 --to"][..],
        ),
        (&["--from", "2026-10-01", "--to", "2026-10-01"], &["is no time at all"]),
        (&["--from", "yesterday"], &["`yesterday` is no date, such as 2026-10-01", "RFC 3339"]),
        (&["--to", "2026-02-30"], &["`2026-02-30` is no date"]),
        (&["--from", "2999-01-01"], &["still to come", "  next: name two moments"]),
        (&["--over", "0d"], &["`0d` is no length of time, such as day, week, month, quarter"]),
        (&["--over", "week", "--from", "2026-10-01"], &["take one of them"]),
        (&["--servers"], &["--servers is for one project", "--project"]),
        (&["--sort", "vcpu_hour"], &["--sort: usage has no column `vcpu_hour`; did you mean `vcpu_hours`?"]),
        (
            &["--project", "demo", "--servers", "--filter", "hurs>1"],
            &["no column `hurs`; did you mean `hours`?"],
        ),
        (&["instances"], &["a series belongs to `show trend`"]),
    ] {
        let run = cloud.run(&[&["show", "usage"], args].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:#?}");
        run.says(parts);
    }
    for args in [&["show", "instances", "--from", "2026-10-01"][..], &["show", "trend", "--servers"]] {
        let run = cloud.run(args);
        assert_eq!(run.code, 2, "{run:#?}");
        run.says(&["belongs to `show usage`"]);
    }
    assert!(cloud.requests().is_empty());
}

// --- what is asked when a project is gone into ---------------------------------------------

#[tokio::test]
async fn who_has_a_role_is_asked_with_what_is_inherited_and_groups_are_named() {
    let cloud = Stub::new();
    let route = "GET /identity/v3/role_assignments";
    let scope = json!({ "project": { "id": DEMO, "name": "demo" } });
    let role = json!({ "id": "r1", "name": "member" });
    let domain = json!({ "id": "default", "name": "Default" });
    let (li, ops) = (
        json!({ "id": "u1", "name": "li", "domain": domain }),
        json!({ "id": "g1", "name": "ops", "domain": domain }),
    );
    let effective = json!([
        { "scope": scope, "role": role, "user": li, "links": { "assignment": "a", "membership": "http://k/v3/groups/g1/users/u1" } },
        { "scope": scope, "role": role, "user": { "id": "u2", "name": "wu", "domain": domain }, "links": { "assignment": "a" } },
    ]);
    let plain = json!([{ "scope": scope, "role": role, "group": ops, "links": { "assignment": "a" } }]);
    cloud.script(route, [effective, plain].map(|rows| Answer::json(json!({ "role_assignments": rows }))));
    let store = answered(&cloud, Query::Assignments(DEMO.into())).await;
    let (_, rows) = store.answers(DEMO).unwrap().assignments.told.as_ref().unwrap();
    let rows: Vec<(&str, Option<usize>)> = rows.iter().map(|row| (&*row.name, row.members)).collect();
    assert_eq!(rows, [("ops", Some(1)), ("wu", None)]);
    let asked = cloud.asked(route);
    assert!(asked.iter().all(|asked| asked.pair("scope.project.id") == Some(DEMO)));
    assert_eq!((asked[0].pair("effective").is_some(), asked[1].pair("effective")), (true, None));
}

#[tokio::test]
async fn a_refusal_of_role_assignments_names_the_right_that_is_missing() {
    let cloud = Stub::new();
    let right = "identity:list_role_assignments";
    let words = format!("You are not authorized to perform the requested action: {right}.");
    cloud.script("GET /identity/v3/role_assignments", [Answer::refusal(403, &words)]);
    let store = answered(&cloud, Query::Assignments(DEMO.into())).await;
    let answered = &store.answers(DEMO).unwrap().assignments;
    let trouble = answered.trouble.as_ref().unwrap();
    assert_eq!(trouble.kind, OutageKind::Forbidden.as_str());
    assert!(trouble.message.contains(right) && !trouble.next_step.is_empty(), "{trouble:?}");
    // It is this project's: the next one may be told of.
    assert!(answered.told.is_none() && store.freshness(Topic::Assignments).outage.is_none());
}

#[tokio::test]
async fn the_last_day_of_a_project_is_asked_for() {
    let cloud = Stub::new();
    cloud.script(
        &of(DEMO),
        [Answer::json(json!({ "tenant_usage": detailed(DEMO, 24.0, &[server("a", 24.0, None)]) }))],
    );
    let store = answered(&cloud, Query::Usage(DEMO.into())).await;
    let (_, usage) = store.answers(DEMO).unwrap().usage.told.as_ref().unwrap();
    assert_eq!((usage.vcpu_hours, usage.servers.is_none()), (48.0, true));
    let asked = cloud.asked(&of(DEMO));
    let start: jiff::Timestamp = format!("{}Z", asked[0].pair("start").unwrap()).parse().unwrap();
    let ago = jiff::Timestamp::now().as_second() - start.as_second();
    assert!((86_400..86_460).contains(&ago), "{ago} s ago");
}
