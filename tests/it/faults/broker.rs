//! A broker that is down, refuses, hides, or is something else.

use std::net::TcpListener;

use serde_json::{Value, json};
use stackwatch::collect::{self, Outlet};
use stackwatch::config::file;
use stackwatch::report::{Outcome, Topic};
use stackwatch::request::Wanted;
use stackwatch::source::rabbitmq::{self, Management, Which};
use stackwatch::source::{ErrorKind, Limits, Sources};

use super::{fails, keys};
use crate::support::stub::{Answer, PASSWORD, Run, Stub};

const OVERVIEW: &str = "GET /broker/api/overview";
const QUEUES: &str = "GET /broker/api/queues";

/// `[broker]` over the stub.
fn settings(more: &str) -> String {
    format!("[broker]\nname = 'prod'\nuser = 'ops'\npassword = '{PASSWORD}'\n{more}")
}

/// Runs a word with these settings, in which `$URL` and `$DIR` stand for the stub's.
#[track_caller]
fn with(cloud: &Stub, settings: &str, args: &[&str]) -> Run {
    let text = settings.replace("$URL", &cloud.url()).replace("$DIR", &cloud.dir().display().to_string());
    cloud.write("config.toml", &text);
    let args: Vec<&str> = args.iter().copied().chain(["--config", "config.toml"]).collect();
    cloud.run(&args)
}

#[track_caller]
fn show(cloud: &Stub, args: &[&str]) -> Run {
    with(cloud, &settings("management = '$URL/broker'"), args)
}

/// It ended so, and the only error is this one: kind, a part of the message. A broker's logs know no request
/// id, so there is none.
#[track_caller]
fn has_one(run: &Run, code: i32, kind: &str, part: &str) {
    assert_eq!(run.code, code, "{run:#?}");
    let errors = run.errors();
    assert!(
        matches!(errors.as_slice(), [(s, k, m)] if s == "rabbitmq" && k == kind && m.contains(part)),
        "{run:#?}"
    );
    assert!(run.json()["errors"][0]["request_id"].is_null(), "{run:#?}");
}

fn closed() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn row<'a>(rows: &'a Value, name: &str) -> &'a Value {
    rows["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn queues_need_a_broker_and_no_cloud() {
    let cloud = Stub::new();
    std::fs::remove_file(cloud.dir().join("clouds.yaml")).unwrap();
    let run = show(&cloud, &["show", "queues", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let rows = run.json();
    assert!(rows["cloud"].is_null());
    let conductor = row(&rows, "conductor");
    assert_eq!((&conductor["ready"], &conductor["consumers"]), (&json!(0), &json!(1)));
    assert_eq!((&conductor["service"], &conductor["verdict"]), (&json!("nova-conductor"), &json!("ok")));
    let unread = row(&rows, "notifications.info");
    assert_eq!(
        (&unread["ready"], &unread["role"], &unread["verdict"]),
        (&json!(558), &json!("notification"), &json!("info"))
    );
    let names: Vec<&str> =
        rows["sources"].as_array().unwrap().iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, ["rabbitmq queues"]);
    let nodes = show(&cloud, &["show", "nodes", "-o", "json"]);
    assert_eq!((nodes.code, keys(&nodes, "name")), (0, vec!["rabbit@vm".to_owned()]), "{nodes:#?}");
}

#[test]
fn with_a_cloud_its_lists_say_who_should_be_behind_a_queue() {
    let cloud = Stub::new();
    let mut queues: Value = serde_json::from_str(include_str!("../../samples/rabbitmq/queues.json")).unwrap();
    for queue in queues.as_array_mut().unwrap() {
        if queue["name"] == "compute.cmp03" {
            queue["consumers"] = json!(0);
            queue["messages_ready"] = json!(41);
        }
    }
    cloud.script(QUEUES, [Answer::json(queues)]);
    let run = show(&cloud, &["show", "queues", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let rows = run.json();
    let lost = row(&rows, "compute.cmp03");
    assert_eq!((&lost["host"], &lost["verdict"]), (&json!("cmp03"), &json!("critical")));
    let reason = lost["reason"].as_str().unwrap();
    assert!(
        reason
            .contains("compute.cmp03 has no consumer and 41 messages: nova-compute on cmp03 is off the bus")
    );
    // The worst comes first.
    assert_eq!(keys(&run, "name")[0], "compute.cmp03");
}

#[test]
fn without_a_broker_the_pane_says_how_to_name_one_and_no_other_pane_complains() {
    let cloud = Stub::new();
    let run = cloud.run(&["show", "queues"]);
    fails(&run, 2, &["no broker is configured", "[broker] url"]);
    let screen = cloud.run(&["screen", "rabbitmq"]);
    assert_eq!(screen.code, 3, "{screen:#?}");
    assert!(screen.out.contains("no broker is configured"), "{}", screen.out);
    let screen = cloud.run(&["screen", "hypervisors"]);
    assert_eq!(screen.code, 0, "{screen:#?}");
    assert!(!screen.out.lines().next().unwrap().contains("rabbit"), "{}", screen.out);
    assert!(!screen.out.contains("no broker is configured"), "{}", screen.out);
    let doctor = cloud.run(&["doctor"]);
    assert!(
        doctor.out.contains("i rabbitmq") && doctor.out.contains("no broker is configured"),
        "{}",
        doctor.out
    );
}

#[test]
fn the_broker_of_the_settings_is_not_asked_for_the_simulated_cloud() {
    let cloud = Stub::new();
    for (args, own) in [
        (&["doctor", "--cloud", "demo"][..], "i rabbitmq simulated"),
        (&["screen", "rabbitmq", "--cloud", "demo"], "rabbit@ctl01"),
    ] {
        let run = show(&cloud, args);
        assert!(run.out.contains(own) && !run.out.contains("prod"), "{run:#?}");
    }
    assert!(cloud.requests().is_empty());
}

#[test]
fn a_broker_that_is_down_is_said_with_the_plugin_to_enable() {
    let cloud = Stub::new();
    let run =
        with(&cloud, &settings(&format!("management = '{}'", closed())), &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "unreachable", "rabbitmq at 127.0.0.1:");
    fails(&run, 3, &["Connection refused", "rabbitmq-plugins enable rabbitmq_management"]);
    let screen = with(&cloud, &settings(&format!("management = '{}'", closed())), &["screen", "rabbitmq"]);
    assert_eq!(screen.code, 3);
    assert!(
        screen.out.contains("Connection refused") && screen.out.contains("next try in"),
        "{}",
        screen.out
    );
}

#[test]
fn the_first_host_that_answers_is_asked_and_stayed_with() {
    let cloud = Stub::new();
    let management = format!("management = ['{}', '{}', '$URL/broker']", closed(), closed());
    let run = with(&cloud, &settings(&management), &["show", "queues", "-o", "json"]);
    assert_eq!((run.code, run.json()["rows"].as_array().map(Vec::len)), (0, Some(16)), "{run:#?}");
    let none = format!("management = ['{}', '{}']", closed(), closed());
    let run = with(&cloud, &settings(&none), &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "unreachable", "(nor does 127.0.0.1:");
}

/// A node that goes while it speaks, and what is no broker at all.
#[test]
fn a_host_that_breaks_off_or_is_something_else_is_left_for_the_next() {
    for (route, answer) in [
        (QUEUES, Answer::cut("[{\"name\": \"conductor\", \"vho")),
        (QUEUES, Answer::html(200, "<html>hello</html>")),
        (OVERVIEW, Answer::status(404)),
        ("GET /broker/api/nodes", Answer::status(404)),
        ("GET /broker/api/health/checks/alarms", Answer::closes()),
    ] {
        let (first, second) = (Stub::new(), Stub::new());
        first.script(route, [answer]);
        let both = settings(&format!("management = ['{}/broker', '$URL/broker']", first.url()));
        for words in
            [&["show", "queues", "-o", "json"][..], &["show", "nodes", "-o", "json"], &["screen", "rabbitmq"]]
        {
            let run = with(&second, &both, words);
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{route}: {run:#?}");
        }
        assert!(!second.asked(route).is_empty(), "{route} was asked of nobody");
    }
}

/// Cells have brokers of their own: one that is silent takes nothing away from the others.
#[test]
fn of_two_brokers_the_one_that_answers_is_shown_and_the_other_named() {
    let cloud = Stub::new();
    let two = settings("management = '$URL/broker'").replace("[broker]", "[[broker]]")
        + &settings(&format!("\nmanagement = '{}'", closed()))
            .replace("[broker]", "\n[[broker]]")
            .replace("'prod'", "'cell1'");
    let run = with(&cloud, &two, &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "unreachable", "broker cell1: rabbitmq at 127.0.0.1:");
    assert_eq!(run.json()["rows"].as_array().map(Vec::len), Some(16), "{run:#?}");
    assert_eq!(run.json()["sources"][0]["complete"], false);
    let screen = with(&cloud, &two, &["screen", "rabbitmq", "--size", "120x40"]);
    assert_eq!(screen.code, 3);
    for part in ["? cell1  ?", "i prod · rabbit@vm  3.10.8", "Connection refused", "16 of 16 shown"] {
        assert!(screen.out.contains(part), "{part}:\n{}", screen.out);
    }
}

#[test]
fn a_broker_of_another_cloud_is_left_alone() {
    let cloud = Stub::new();
    let two = settings("management = '$URL/broker'").replace("[broker]", "[[broker]]\ncloud = 'stub'")
        + &settings(&format!("\nmanagement = '{}'", closed()))
            .replace("[broker]", "\n[[broker]]\ncloud = 'elsewhere'")
            .replace("'prod'", "'theirs'");
    let run = with(&cloud, &two, &["show", "queues", "-o", "json"]);
    assert_eq!((run.code, run.json()["rows"].as_array().map(Vec::len)), (0, Some(16)), "{run:#?}");
    let screen = with(&cloud, &two, &["screen", "rabbitmq", "--size", "120x40"]);
    assert!(screen.code == 0 && !screen.out.contains("theirs"), "{}", screen.out);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let cloud = Stub::new();
    let text = settings("management = '$URL/broker'").replace(PASSWORD, "wrong");
    let run = with(&cloud, &text, &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "auth", "refused user ops: Login failed");
    fails(&run, 3, &["rabbitmqctl authenticate_user ops"]);
    assert_eq!(cloud.asked(OVERVIEW).len(), 1);
}

#[test]
fn a_missing_tag_and_a_missing_permission_come_with_the_line_that_grants_them() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.broker.tags = "management");
    let grant = "next: rabbitmqctl set_user_tags ops monitoring";
    let run = show(&cloud, &["show", "nodes", "-o", "json"]);
    has_one(&run, 3, "forbidden", "lets user ops not ask this: Not monitor user");
    fails(&run, 3, &[grant]);
    // Its queues are shown, and that they may not be all.
    let run = show(&cloud, &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "forbidden", "user ops has no tag `monitoring` (it has management)");
    fails(&run, 3, &[grant]);
    assert_eq!(run.json()["rows"].as_array().map(Vec::len), Some(16));
    // Without any tag it may not even log in there.
    cloud.set(|cloud| cloud.broker.tags = "");
    has_one(&show(&cloud, &["show", "queues", "-o", "json"]), 3, "forbidden", "Not management user");

    // An empty list that is not empty.
    cloud.set(|cloud| (cloud.broker.tags, cloud.broker.permitted) = ("monitoring", false));
    let run = show(&cloud, &["show", "queues", "-o", "json"]);
    has_one(&run, 3, "forbidden", "shows user ops 0 of 16 queues");
    fails(&run, 3, &["next: rabbitmqctl set_permissions -p VHOST ops '^$' '^$' '.*'"]);
    assert_eq!(run.json()["sources"][0]["complete"], false);

    let doctor = with(
        &cloud,
        &settings("url = 'rabbit://ops:x@127.0.0.1//zed'\nmanagement = '$URL/broker'"),
        &["doctor"],
    );
    assert_eq!(doctor.code, 3, "{doctor:#?}");
    for part in [
        "x rabbitmq vhost",
        "no permission on the vhost /zed",
        "next: rabbitmqctl set_permissions -p /zed ops '^$' '^$' '.*'",
    ] {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
}

#[test]
fn the_doctor_finds_a_broker_well() {
    let cloud = Stub::new();
    let host = closed().replace("http://", "");
    let entry = format!("url = 'rabbit://ops:x@{host}//zed'\nmanagement = '$URL/broker'");
    let doctor = with(&cloud, &settings(&entry), &["doctor"]);
    // But for AMQP: nobody speaks it there.
    assert_eq!(doctor.code, 3, "{doctor:#?}");
    for part in [
        "i rabbitmq prod                    from [broker] in the settings, AMQP 127.0.0.1:",
        "x rabbitmq AMQP /zed               rabbitmq at 127.0.0.1:",
        "(AMQP) cannot be reached: Connection refused",
        "o rabbitmq management              3.10.8 at 127.0.0.1:",
        "user ops, 16 queues",
        "o rabbitmq tags                    ops is monitoring",
        "o rabbitmq vhost                   /zed: ops sees its queues",
    ] {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
}

#[test]
fn something_else_on_the_management_port() {
    for (answer, kind, part) in [
        (Answer::html(200, "<html>hello</html>"), "bad answer", "answered an HTML page"),
        (Answer::redirect("https://elsewhere.test/"), "bad answer", "that would carry the password there"),
        (Answer::cut("{\"rabbitmq_ver"), "bad answer", "cut its answer short"),
        (Answer::closes(), "unreachable", "broke the connection"),
        (Answer::json(json!([1, 2])), "bad answer", "is not its API"),
        (Answer::status(500), "unreachable", "answered 500"),
        (Answer::status(404), "missing", "knows no /broker/api/overview"),
    ] {
        let cloud = Stub::new();
        cloud.script(OVERVIEW, [answer.clone()]);
        cloud.script(QUEUES, [answer]);
        let run = show(&cloud, &["show", "queues", "-o", "json"]);
        has_one(&run, 3, kind, part);
        assert_eq!(run.json()["rows"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn a_broker_that_is_killed_in_the_middle_of_its_list_loses_nothing_else() {
    let cloud = Stub::new();
    cloud.script(QUEUES, [Answer::cut("[{\"name\": \"conductor\", \"vho")]);
    let screen = show(&cloud, &["screen", "rabbitmq", "--size", "120x40"]);
    assert_eq!(screen.code, 3);
    assert!(screen.out.contains("cut its answer short"), "{}", screen.out);
    // The overview and the nodes came.
    assert!(screen.out.contains("rabbit@vm  3.10.8"), "{}", screen.out);
}

#[test]
fn a_memory_alarm_is_said_before_any_node_says_it() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.broker.memory_alarm = true);
    let screen = show(&cloud, &["screen", "rabbitmq", "--size", "160x40"]);
    assert_eq!(screen.code, 0, "{screen:#?}");
    for part in ["✖ memory alarm on rabbit@vm: whoever publishes to prod is blocked", "2 blocked, 2 blocking"]
    {
        assert!(screen.out.contains(part), "{part}:\n{}", screen.out);
    }
}

#[test]
fn tls_with_an_unknown_authority_and_with_a_client_certificate() {
    let cloud = Stub::tls();
    let run = show(&cloud, &["show", "nodes", "-o", "json"]);
    has_one(&run, 3, "unreachable", "certificate is not trusted");
    fails(&run, 3, &["`cacert` in [broker]"]);
    let known = settings("management = '$URL/broker'\ncacert = '$DIR/ca.pem'");
    assert_eq!(with(&cloud, &known, &["show", "nodes"]).code, 0);

    let cloud = Stub::mutual_tls();
    let run = with(&cloud, &known, &["show", "nodes"]);
    assert_eq!(run.code, 3, "{run:#?}");
    run.says(&["client certificate", "`cert` and `key` in [broker]"]);
    let both = settings(
        "management = '$URL/broker'\ncacert = '$DIR/ca.pem'\ncert = '$DIR/client.pem'\nkey = '$DIR/client.key'",
    );
    assert_eq!(with(&cloud, &both, &["show", "nodes"]).code, 0);
    let gone = settings("management = '$URL/broker'\ncacert = 'nowhere.pem'");
    fails(&with(&cloud, &gone, &["show", "nodes"]), 2, &["nowhere.pem cannot be read", "[broker]"]);
}

const ODD: [&str; 7] = ["a b", "x/y", "100%", "🐇", "\u{1b}[31mred\u{7}", "?#&", "前端\u{202e}"];

#[test]
fn queue_names_of_any_kind_come_out_harmless_and_whole_in_json() {
    let cloud = Stub::new();
    let queues: Vec<Value> = ODD.iter().map(|name| json!({ "name": name, "vhost": "v\u{1b}/" })).collect();
    cloud.script(QUEUES, [Answer::json(json!(queues))]);
    cloud.set(|cloud| cloud.broker.queue_count = Some(ODD.len() as u64));
    let run = show(&cloud, &["show", "queues", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let mut names = keys(&run, "name");
    names.sort();
    let mut expected = ODD.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(names, expected);
    // Fresh queues: nothing was measured.
    assert!(
        run.json()["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["ready"].is_null() && row["verdict"] == "unknown")
    );
    // That nothing a terminal obeys comes out is checked by every run.
    for args in [
        &["show", "queues"][..],
        &["show", "queues", "-o", "csv"],
        &["screen", "rabbitmq", "--keys", "<enter>"],
    ] {
        assert_eq!(show(&cloud, args).code, 0, "{args:?}");
    }
}

fn management(cloud: &Stub) -> Management {
    let text = settings("management = '$URL/broker'").replace("$URL", &cloud.url());
    let broker = file::parse(&text, "c").unwrap().broker.all.remove(0);
    Management::new(broker, Limits::default()).unwrap()
}

#[tokio::test]
async fn a_queue_of_any_name_is_asked_for_under_its_name() {
    let cloud = Stub::new();
    let broker = management(&cloud);
    for name in ODD {
        let error = rabbitmq::consumers(&broker, "/v", name).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Missing);
    }
    let asked: Vec<String> = cloud.requests().into_iter().map(|request| request.path).collect();
    for (path, name) in asked.iter().zip(ODD) {
        let last = path.strip_prefix("/broker/api/queues/%2Fv/").unwrap();
        let read = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
        assert_eq!(read, name);
    }
}

#[tokio::test]
async fn the_consumers_of_a_queue_come_with_the_process_behind_each() {
    let cloud = Stub::new();
    let consumers = rabbitmq::consumers(&management(&cloud), "/zed", "conductor").await.unwrap();
    let [one] = consumers.as_slice() else { panic!("{consumers:?}") };
    assert_eq!((one.program.as_deref(), one.pid), (Some("neutron-dhcp-agent"), Some(21_299)));
    assert_eq!(one.state.as_deref(), Some("running"));
}

#[tokio::test]
async fn one_request_is_under_way_at_a_time() {
    let cloud = Stub::new();
    let broker = management(&cloud);
    let questions = (0..6).map(|_| rabbitmq::nodes(&broker));
    let answers = futures::future::join_all(questions).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(cloud.most_at_once("broker"), 1);
}

#[tokio::test]
async fn the_deepest_queues_are_sorted_by_the_broker_in_pages_that_it_gives() {
    let cloud = Stub::new();
    let part = rabbitmq::queues(&management(&cloud), Which::Deepest(3)).await.unwrap();
    assert!(part.is_last);
    let asked = cloud.asked(QUEUES).remove(0);
    let pairs = ["page", "page_size", "sort", "sort_reverse"].map(|key| asked.pair(key));
    assert_eq!(pairs, [Some("3"), Some("500"), Some("messages"), Some("true")]);
    assert!(asked.pair("columns").unwrap().contains("messages_ready,"));
}

#[tokio::test]
async fn from_3_13_on_the_detailed_list_is_asked_and_where_it_is_missing_the_plain_one() {
    const DETAILED: &str = "GET /broker/api/queues/detailed";
    for (version, detailed, there) in
        [("3.10.8", 0, true), ("3.13.7", 1, true), ("4.1.0", 1, true), ("3.13.0-beta", 1, false)]
    {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.broker.version = version);
        if !there {
            cloud.script(DETAILED, [Answer::status(404)]);
        }
        let broker = management(&cloud);
        rabbitmq::queue_count(&broker).await.unwrap();
        assert_eq!(rabbitmq::queues(&broker, Which::All).await.unwrap().rows.len(), 16, "{version}");
        assert_eq!(cloud.asked(DETAILED).len(), detailed, "{version}");
        assert_eq!(cloud.asked(QUEUES).len(), usize::from(detailed == 0 || !there), "{version}");
    }
}

/// More than 2,000 queues cost a broker seconds: all of them are asked for seldom, the deepest in between.
#[tokio::test]
async fn a_large_broker_is_asked_for_all_its_queues_once_and_then_for_the_deepest() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.broker.queue_count = Some(5_000));
    let sources = Sources { brokers: vec![management(&cloud)], ..Sources::default() };
    let mut collectors = collect::all(&sources);
    let queues = collectors.iter_mut().find(|collector| collector.topic() == Topic::Queues).unwrap();
    let (_wanted, wants) = tokio::sync::watch::channel(Wanted::default());
    let (to, mut reports) = tokio::sync::mpsc::channel(64);
    let out = Outlet::new(to, 0);
    let mut ends = Vec::new();
    // The third answer fails: after it all are read again, so that nothing stays old.
    for _ in 0..5 {
        if cloud.asked(QUEUES).len() == 2 {
            cloud.script(QUEUES, [Answer::status(500), Answer::usual()]);
        }
        let round = queues.round(&wants, &out).await;
        let mut ended = false;
        while let Ok(report) = reports.try_recv() {
            ended |= matches!(report.outcome, Outcome::End { complete: true, .. });
        }
        ends.push((round.is_ok(), ended));
    }
    assert_eq!(ends, [(true, true), (true, false), (false, false), (true, true), (true, false)]);
    let pages: Vec<Option<String>> =
        cloud.asked(QUEUES).iter().map(|request| request.pair("page").map(str::to_owned)).collect();
    let deepest = Some("1".to_owned());
    assert_eq!(pages, [None, deepest.clone(), deepest.clone(), None, deepest]);
    assert!(queues.every() >= std::time::Duration::from_secs(30));
}
