//! Tests that break a service of the real cloud. They run alone, after all others, and undo on drop.
//!
//! What is waited for is what the cloud does in its own time: nova calls a service down 20 s after its last
//! report, and here as everywhere the dashboard asks for services each 15 s. So a wait that ends early costs
//! nothing, and one that does not end at all is a failure that shows the screen.

mod broker;
mod notifications;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use stackwatch::source::{Limits, Session, neutron};

use crate::support::cloud::{Api, Cloud, Dashboard, cloud_tests, until};

cloud_tests![
    keystone_down_at_the_start_opens_the_dashboard_which_keeps_trying_and_recovers,
    nova_api_stopped_greys_the_rows_with_reason_and_age_and_started_makes_them_fresh,
    each_killed_nova_compute_shows_its_host_down_with_its_last_seen_time_and_restarted_up,
    a_frozen_nova_compute_does_not_hold_up_the_hypervisors,
    a_disabled_nova_compute_shows_why,
    a_stopped_scheduler_and_conductor_and_a_silenced_neutron_agent_are_down_and_come_back,
    placement_stopped_leaves_limits_with_their_age_or_unknown_and_the_hosts,
    neutron_server_stopped_is_named_and_takes_no_hypervisor_away,
    glance_stopped_leaves_image_ids_and_cinder_api_stopped_breaks_nothing,
    rabbitmq_restarted_changes_nothing_and_stopped_takes_every_nova_compute_down_until_it_is_back,
    mariadb_stopped_gives_reasons_with_request_ids_and_back_gives_fresh_rows,
    expired_tokens_are_renewed_by_one_login,
    a_slow_nova_api_holds_up_neither_keys_nor_other_sources,
];

/// What nova may take to call a silent service down, and the dashboard to hear of it, on a busy machine.
const DOWN: Duration = Duration::from_secs(90);
/// What a service may take to be back.
const BACK: Duration = Duration::from_secs(120);
/// What an answer may take that needs nothing but asking.
const SOON: Duration = Duration::from_secs(30);

const HOSTS: [&str; 4] = ["cmp01", "cmp02", "cmp03", "cmp04"];

/// The cloud for one test alone, where tests run as threads of one process.
fn alone() -> (&'static Cloud, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has mended the cloud all the same.
    (Cloud::get(), ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn hosts_shown(screen: &str) -> bool {
    HOSTS.iter().all(|host| screen.contains(host))
}

/// The line of the screen that has this word.
fn line<'a>(screen: &'a str, word: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(word))
}

/// What is said when nobody listens where a service should.
fn unreachable(name: &str, service: &str) -> String {
    format!("{name} at {} cannot be reached", Cloud::get().address(service))
}

/// How many cells of a host's row are this figure or sign.
fn figures(screen: &str, host: &str, figure: &str) -> usize {
    line(screen, host).map_or(0, |row| row.split([' ', '/']).filter(|word| *word == figure).count())
}

/// Every host stands there with its limit of vCPUs: 10 of them, each given out 16 times.
fn limits_shown(screen: &str) -> bool {
    HOSTS.iter().all(|host| figures(screen, host, "160") == 1)
}

/// `show TABLE -o json`, whatever its exit code.
fn show(cloud: &Cloud, table: &str) -> (Option<i32>, Json) {
    let output = cloud.stackwatch("admin", &["show", table, "-o", "json"]);
    (output.code, output.json())
}

/// The states of services by host, of one binary.
fn states(document: &Json, key: &str, value: &str) -> Vec<(String, String)> {
    let rows = document["rows"].as_array().unwrap().iter().filter(|row| row[key] == value);
    rows.map(|row| (text(&row["host"]), text(&row["state"]))).collect()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

// --- keystone -----------------------------------------------------------------------------

fn keystone_down_at_the_start_opens_the_dashboard_which_keeps_trying_and_recovers() {
    let (cloud, _alone) = alone();
    let fault = cloud.fault(&["stop", "keystone"]);
    let mut dashboard = Dashboard::open("admin", "hypervisors");
    let screen = dashboard.wait_for("what is missing, and when it is tried again", SOON, |screen| {
        screen.contains("hypervisors could not be had") && screen.contains("next try in")
    });
    assert!(screen.contains(&unreachable("keystone", "keystone")), "{screen}");
    assert!(screen.contains("next: is the service running"), "{screen}");
    // It listens while it waits.
    dashboard.press("?");
    dashboard.wait_for("the keys", SOON, |screen| screen.contains("the keys of this pane"));
    dashboard.press("\x1b");
    fault.and(&["start", "keystone"]);
    dashboard.wait_for("the hosts", BACK, hosts_shown);
}

fn expired_tokens_are_renewed_by_one_login() {
    let (cloud, _alone) = alone();
    let mut dashboard = Dashboard::open("admin", "instances");
    dashboard.wait_for("the instances", SOON, |screen| screen.contains("web-01"));
    // What each service was asked stands below its sources, which are more than the window holds.
    dashboard.press("!G");
    let requests = |screen: &str, service: &str| -> Option<u64> {
        let line = screen
            .lines()
            .find(|line| line.trim_start().starts_with(service) && line.contains("requests"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let screen = dashboard.wait_for("the requests", SOON, |screen| requests(screen, "keystone").is_some());
    let (mut logins, mut asked) =
        (requests(&screen, "keystone").unwrap(), requests(&screen, "nova").unwrap());
    // The names of what is on the screen are looked up at first: until nova alone is asked, six times over.
    dashboard.wait_for("keystone left alone", BACK, |screen| {
        match (requests(screen, "keystone"), requests(screen, "nova")) {
            (Some(keystone), Some(nova)) if keystone == logins => nova >= asked + 6,
            (Some(keystone), Some(nova)) => {
                (logins, asked) = (keystone, nova);
                false
            }
            _ => false,
        }
    });
    asked = requests(&dashboard.screen().contents(), "nova").unwrap();
    let fault = cloud.fault(&["expire-tokens"]);
    // Services and instances are asked for by collectors of their own: all of them meet the dead token.
    let screen = dashboard.wait_for("nova asked again and again", BACK, |screen| {
        requests(screen, "nova").is_some_and(|n| n >= asked + 6)
    });
    // Without the one flight each of the nine collectors would log in.
    let more = requests(&screen, "keystone").unwrap_or_default() - logins;
    assert_eq!(more, 1, "requests more to keystone: {screen}");
    dashboard.press("\x1b");
    let screen = dashboard.wait_for("the instances", SOON, |screen| screen.contains("web-01"));
    assert!(!screen.contains("as of"), "nothing may be said to be old: {screen}");
    drop(fault);
}

// --- nova ---------------------------------------------------------------------------------

fn nova_api_stopped_greys_the_rows_with_reason_and_age_and_started_makes_them_fresh() {
    let (cloud, _alone) = alone();
    let mut dashboard = Dashboard::open("admin", "instances");
    let fresh =
        |screen: &str| screen.contains("web-01") && !screen.contains("as of") && !screen.contains("◌ nova");
    dashboard.wait_for("the instances", SOON, fresh);
    let colour = |dashboard: &Dashboard, word: &str| {
        let screen = dashboard.screen();
        let row = screen.contents().lines().position(|line| line.contains(word)).unwrap() as u16;
        let column = screen.contents().lines().nth(row as usize).unwrap().find(word).unwrap() as u16;
        screen.cell(row, column).unwrap().fgcolor()
    };
    let bright = colour(&dashboard, "web-01");
    let fault = cloud.fault(&["stop", "nova-api"]);
    // A request that is under way ends otherwise; the next one finds nobody.
    let nobody = unreachable("nova", "nova-api");
    let screen = dashboard.wait_for("the reason, the age and the next try", DOWN, |screen| {
        let said = line(screen, "instances as of").unwrap_or_default();
        said.contains(" ago") && said.contains("next try in") && said.contains(&nobody)
    });
    assert!(screen.contains("◌ nova"), "the header says it too: {screen}");
    assert!(screen.contains("web-01"), "nothing is lost: {screen}");
    assert_ne!(colour(&dashboard, "web-01"), bright, "old rows are grey");
    // The other pane hears of it as soon as it asks.
    dashboard.press("2r");
    let screen = dashboard.wait_for("the hosts, as of then", SOON, |screen| {
        hosts_shown(screen) && screen.contains("hypervisors as of")
    });
    assert!(screen.contains(&nobody), "{screen}");
    let (code, document) = show(cloud, "instances");
    assert_eq!(code, Some(3));
    assert_eq!(document["errors"][0]["kind"], "unreachable");
    dashboard.press("3");
    fault.and(&["start", "nova-api"]);
    dashboard.wait_for("fresh instances", BACK, fresh);
    assert_eq!(colour(&dashboard, "web-01"), bright);
}

fn each_killed_nova_compute_shows_its_host_down_with_its_last_seen_time_and_restarted_up() {
    let (cloud, _alone) = alone();
    let api = Api::new("admin");
    let dashboard = Dashboard::open("admin", "hypervisors");
    let is =
        |screen: &str, host: &str, state: &str| line(screen, host).is_some_and(|row| row.contains(state));
    dashboard.wait_for("all up", SOON, |screen| HOSTS.iter().all(|host| is(screen, host, " up ")));
    let killed = Timestamp::now();
    let fault = cloud.fault(&["kill", "nova-compute-cmp01"]);
    dashboard.wait_for("cmp01 down, and since when", DOWN, |screen| {
        is(screen, "cmp01", "down 2") || is(screen, "cmp01", "down 3")
    });
    let screen = dashboard.screen().contents();
    assert!(HOSTS[1..].iter().all(|host| is(&screen, host, " up ")), "the others are up: {screen}");
    for host in &HOSTS[1..] {
        fault.and(&["kill", &format!("nova-compute-{host}")]);
    }
    let document = until("all down", DOWN, || {
        let (code, document) = show(cloud, "hypervisors");
        assert_eq!(code, Some(0), "a host that is down is no outage: {document}");
        document["rows"].as_array().unwrap().iter().all(|row| row["state"] == "down").then_some(document)
    });
    let services = api.get("compute", "/os-services?binary=nova-compute");
    for row in document["rows"].as_array().unwrap() {
        let service =
            services["services"].as_array().unwrap().iter().find(|s| s["host"] == row["host"]).unwrap();
        let reported: Timestamp = format!("{}Z", text(&service["updated_at"])).parse().unwrap();
        let seen: Timestamp = text(&row["last_seen"]).parse().unwrap();
        assert_eq!(seen, reported);
        assert_eq!(row["verdict"], "critical");
        if row["host"] == "cmp01" {
            assert!(seen <= killed, "{seen} is after {killed}");
        }
    }
    dashboard.wait_for("all down", DOWN, |screen| HOSTS.iter().all(|host| is(screen, host, "down ")));
    fault.and(&["undo"]);
    dashboard.wait_for("all up", BACK, |screen| HOSTS.iter().all(|host| is(screen, host, " up ")));
}

fn a_frozen_nova_compute_does_not_hold_up_the_hypervisors() {
    let (cloud, _alone) = alone();
    let fault = cloud.fault(&["freeze", "nova-compute-cmp02"]);
    // From 2.88 on nova asks every compute that it calls up, and answers 500 after a minute. The time limit is
    // below that and far above what an answer takes: all was read, or this word says that it was not.
    let words = ["show", "hypervisors", "-o", "json", "--timeout", "20"];
    let output = cloud.stackwatch("admin", &words);
    let document = output.json();
    assert_eq!((output.code, &document["errors"]), (Some(0), &json!([])), "{output:#?}");
    assert!(
        states(&document, "host", "cmp02").contains(&("cmp02".to_owned(), "up".to_owned())),
        "{document}"
    );
    drop(fault);
}

/// A compute service that is disabled until this is dropped.
struct Disabled<'a> {
    api: &'a Api,
    path: String,
}

impl<'a> Disabled<'a> {
    fn new(api: &'a Api, host: &str, reason: &str) -> Self {
        let list = api.get("compute", &format!("/os-services?binary=nova-compute&host={host}"));
        let service = &list["services"][0];
        assert_eq!(service["host"], host);
        let body = json!({ "host": host, "binary": "nova-compute", "disabled_reason": reason });
        let (status, answer) = api.call("compute", "PUT", "/os-services/disable-log-reason", Some(&body));
        assert_eq!(status, 200, "{answer}");
        Self { api, path: host.to_owned() }
    }
}

impl Drop for Disabled<'_> {
    fn drop(&mut self) {
        let body = json!({ "host": self.path, "binary": "nova-compute" });
        let (status, answer) = self.api.call("compute", "PUT", "/os-services/enable", Some(&body));
        if status != 200 {
            eprintln!("{} was not enabled again: {answer}", self.path);
        }
    }
}

fn a_disabled_nova_compute_shows_why() {
    let (cloud, _alone) = alone();
    let api = Api::new("admin");
    let _disabled = Disabled::new(&api, "cmp04", "new fan, CHG-4712");
    let (code, document) = show(cloud, "hypervisors");
    assert_eq!(code, Some(0));
    for row in document["rows"].as_array().unwrap() {
        let told = (text(&row["status"]), text(&row["disabled_reason"]), text(&row["verdict"]));
        let expected = match row["host"].as_str() {
            Some("cmp04") => ("disabled", "new fan, CHG-4712", "disabled"),
            _ => ("enabled", "", "ok"),
        };
        assert_eq!((told.0.as_str(), told.1.as_str(), told.2.as_str()), expected);
    }
    let keys = "/cmp04<enter>";
    let screen = cloud.stackwatch("admin", &["screen", "hypervisors", "--keys", keys]).stdout;
    assert!(screen.contains("cmp04 is disabled: new fan, CHG-4712"), "{screen}");
}

fn a_stopped_scheduler_and_conductor_and_a_silenced_neutron_agent_are_down_and_come_back() {
    let (cloud, _alone) = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(async { Session::new(cloud.config("admin"), Limits::default()).unwrap() });
    // No table has neutron's agents yet: the collector's own question answers for them.
    let agents = || -> Vec<(String, bool)> {
        let agents = runtime.block_on(neutron::agents(&session)).unwrap();
        agents.iter().map(|agent| (agent.host.to_string(), agent.alive)).collect()
    };
    let services = || -> Vec<(String, String)> {
        let (code, document) = show(cloud, "services");
        assert_eq!(code, Some(0), "a service that is down is no outage: {document}");
        let rows = document["rows"].as_array().unwrap().iter();
        rows.map(|row| (text(&row["binary"]), text(&row["state"]))).collect()
    };
    let are = |services: &[(String, String)], state: &str| {
        ["nova-scheduler", "nova-conductor"]
            .iter()
            .all(|binary| services.contains(&((*binary).into(), state.into())))
    };
    assert!(services().iter().all(|(_, state)| state == "up"), "{:?}", services());
    assert!(agents().iter().all(|(_, alive)| *alive), "{:?}", agents());
    let fault = cloud.fault(&["stop", "nova-scheduler"]);
    fault.and(&["stop", "nova-conductor"]);
    fault.and(&["stop", "neutron-agent-cmp03"]);
    until("scheduler and conductor down", DOWN, || are(&services(), "down").then_some(()));
    let dead = until("the agent of cmp03 not alive", DOWN, || {
        let agents = agents();
        agents.contains(&("cmp03".to_owned(), false)).then_some(agents)
    });
    assert!(dead.iter().all(|(host, alive)| *alive || host == "cmp03"), "{dead:?}");
    fault.and(&["undo"]);
    until("all up", BACK, || services().iter().all(|(_, state)| state == "up").then_some(()));
    until("all agents alive", BACK, || agents().iter().all(|(_, alive)| *alive).then_some(()));
}

fn a_slow_nova_api_holds_up_neither_keys_nor_other_sources() {
    let (cloud, _alone) = alone();
    let mut dashboard = Dashboard::open("admin", "hypervisors");
    dashboard.wait_for("the hosts and their limits", SOON, limits_shown);
    let age = |screen: &str, source: &str| -> Option<i64> {
        let words: Vec<&str> = screen.lines().next()?.split_whitespace().collect();
        let at = words.iter().position(|word| *word == source)?;
        words.get(at + 1)?.strip_suffix('s')?.parse().ok()
    };
    // All of nova's lists were read once: until then nothing has an age.
    dashboard.wait_for("nova's age", SOON, |screen| age(screen, "nova").is_some());
    // Each answer takes longer than all that is waited for below.
    let fault = cloud.fault(&["slow", "nova-api", "20"]);
    let first = dashboard.wait_for("the ages", SOON, |screen| {
        age(screen, "nova").is_some_and(|nova| nova >= 3) && age(screen, "placement").is_some()
    });
    dashboard.press("r");
    dashboard.press("?");
    let seen = dashboard.wait_for("the keys, at once", Duration::from_secs(10), |screen| {
        screen.contains("the keys of this pane")
    });
    assert!(age(&seen, "nova") >= age(&first, "nova"), "nova has not answered yet: {seen}");
    dashboard.press("\x1b");
    let screen =
        dashboard.wait_for("placement asked again, nova not heard", Duration::from_secs(10), |screen| {
            age(screen, "placement") < age(screen, "nova") && age(screen, "nova") > age(&first, "nova")
        });
    assert!(hosts_shown(&screen), "{screen}");
    let output = cloud.stackwatch("admin", &["show", "services", "-o", "json", "--timeout", "2"]);
    assert_eq!(output.code, Some(3));
    assert_eq!(output.json()["errors"][0]["kind"], "timeout");
    drop(fault);
}

// --- the others ----------------------------------------------------------------------------

fn placement_stopped_leaves_limits_with_their_age_or_unknown_and_the_hosts() {
    let (cloud, _alone) = alone();
    let mut dashboard = Dashboard::open("admin", "hypervisors");
    dashboard.wait_for("the hosts and their limits", SOON, limits_shown);
    let fault = cloud.fault(&["stop", "placement"]);
    dashboard.press("r");
    let screen = dashboard
        .wait_for("the age of the limits and the reason", SOON, |screen| screen.contains("providers as of"));
    assert!(screen.contains(&unreachable("placement", "placement")), "{screen}");
    assert!(limits_shown(&screen), "the limits stay: {screen}");
    // Never read, they are unknown, and never taken for a default.
    let (code, document) = show(cloud, "hypervisors");
    assert_eq!(code, Some(3));
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(
            (&row["state"], &row["vcpu_limit"], &row["vcpu_allocation_ratio"]),
            (&json!("up"), &Json::Null, &Json::Null)
        );
    }
    let errors: Vec<String> =
        document["errors"].as_array().unwrap().iter().map(|e| text(&e["source"])).collect();
    assert_eq!(errors, ["placement"]);
    let screen = cloud.stackwatch("admin", &["screen", "hypervisors", "--size", "180x40"]);
    assert_eq!(screen.code, Some(3));
    // The limits of vCPU and RAM; the disk's share of one, and its bar's place, may be more.
    assert!(HOSTS.iter().all(|host| figures(&screen.stdout, host, "?") >= 2), "{}", screen.stdout);
    assert!(HOSTS.iter().all(|host| figures(&screen.stdout, host, "160") == 0), "{}", screen.stdout);
    fault.and(&["start", "placement"]);
    dashboard.press("r");
    dashboard
        .wait_for("fresh limits", BACK, |screen| limits_shown(screen) && !screen.contains("providers as of"));
}

fn neutron_server_stopped_is_named_and_takes_no_hypervisor_away() {
    let (cloud, _alone) = alone();
    let _fault = cloud.fault(&["stop", "neutron-server"]);
    let doctor = cloud.stackwatch("admin", &["doctor"]);
    assert_eq!(doctor.code, Some(3));
    let said = line(&doctor.stdout, "neutron agents").unwrap_or_default();
    assert!(said.starts_with('x') && said.contains(&unreachable("neutron", "neutron-server")), "{doctor:#?}");
    let (code, document) = show(cloud, "hypervisors");
    assert_eq!((code, document["rows"].as_array().unwrap().len()), (Some(0), 4));
    // nova asks neutron for the security groups of a list of servers, and answers 500 without them.
    let (code, document) = show(cloud, "instances");
    let error = &document["errors"][0];
    assert_eq!((code, text(&error["source"]).as_str()), (Some(3), "nova"), "{document}");
    assert!(text(&error["message"]).contains("answered 500"), "{document}");
    assert!(text(&error["request_id"]).starts_with("req-"), "{document}");
}

fn glance_stopped_leaves_image_ids_and_cinder_api_stopped_breaks_nothing() {
    let (cloud, _alone) = alone();
    let image = Api::new("admin").id_of("image", "/v2/images", "images", "tiny-linux");
    let keys = "/web-01<enter><enter>";
    let details = || {
        let screen = cloud.stackwatch("admin", &["screen", "instances", "--size", "120x60", "--keys", keys]);
        assert_eq!(screen.code, Some(0), "{screen:#?}");
        screen.stdout
    };
    let screen = details();
    assert!(screen.contains(&format!("tiny-linux ({image})")), "{screen}");
    let fault = cloud.fault(&["stop", "glance-api"]);
    let screen = details();
    assert!(screen.contains(&image) && !screen.contains("tiny-linux"), "{screen}");
    fault.and(&["stop", "cinder-api"]);
    for table in ["hypervisors", "instances", "services"] {
        let (code, document) = show(cloud, table);
        assert_eq!((code, &document["errors"]), (Some(0), &json!([])), "{table}");
    }
}

fn rabbitmq_restarted_changes_nothing_and_stopped_takes_every_nova_compute_down_until_it_is_back() {
    let (cloud, _alone) = alone();
    let dashboard = Dashboard::open("admin", "hypervisors");
    let all = |screen: &str, state: &str| {
        HOSTS.iter().all(|host| line(screen, host).is_some_and(|row| row.contains(state)))
    };
    dashboard.wait_for("all up", SOON, |screen| all(screen, " up "));
    let fault = cloud.fault(&["restart", "rabbitmq"]);
    dashboard.wait_for("all up", BACK, |screen| all(screen, " up "));
    fault.and(&["stop", "rabbitmq"]);
    let screen = dashboard.wait_for("all down", DOWN, |screen| all(screen, "down "));
    assert!(screen.contains("4 down"), "{screen}");
    // Scheduler and conductor write their reports into the database themselves.
    let (_, document) = show(cloud, "services");
    assert!(
        states(&document, "binary", "nova-compute").iter().all(|(_, state)| state == "down"),
        "{document}"
    );
    fault.and(&["start", "rabbitmq"]);
    dashboard.wait_for("all up", BACK, |screen| all(screen, " up "));
}

fn mariadb_stopped_gives_reasons_with_request_ids_and_back_gives_fresh_rows() {
    let (cloud, _alone) = alone();
    let mut dashboard = Dashboard::open("admin", "instances");
    dashboard.wait_for("the instances", SOON, |screen| screen.contains("web-01"));
    let fault = cloud.fault(&["stop", "mariadb"]);
    let screen = dashboard.wait_for("the reason", DOWN, |screen| screen.contains("instances as of"));
    assert!(screen.contains("web-01"), "nothing is lost: {screen}");
    // The line at the bottom is too short for nova's whole answer.
    dashboard.press("!");
    let screen = dashboard.wait_for("the request id", SOON, |screen| screen.contains("req-"));
    assert!(screen.contains("answered 5"), "{screen}");
    dashboard.press("\x1b");
    // A new login needs the database at once.
    let (code, document) = show(cloud, "hypervisors");
    assert_eq!((code, &document["rows"]), (Some(3), &json!([])));
    for error in document["errors"].as_array().unwrap() {
        assert!(text(&error["request_id"]).starts_with("req-"), "{error}");
    }
    fault.and(&["start", "mariadb"]);
    dashboard.wait_for("fresh instances", BACK, |screen| {
        screen.contains("web-01") && !screen.contains("instances as of")
    });
}
