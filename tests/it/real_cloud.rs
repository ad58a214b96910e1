//! The tests over a real OpenStack, side by side with the openstack CLI; those that ask for nothing but what any
//! cloud has run over the simulated one too.
//!
//! They read the cloud and make instances of their own, so they may run beside each other.

mod columns;
mod quotas;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value as Json, json};
use stackwatch::source::{Limits, Session, nova};
use stackwatch::tables;

use crate::support::cloud::{Api, Cloud, Dashboard, Output, Server, cloud_tests, simulated_tests, until};
use columns::{Found, Says};

cloud_tests![
    hypervisors_are_what_the_cli_says_in_every_column,
    instances_are_what_the_cli_says_in_every_column,
    services_are_what_the_cli_says_in_every_column,
    quotas_are_what_the_cli_says_in_every_column,
    usage_is_what_the_cli_says_in_every_column,
    a_member_sees_its_own_usage_with_one_error_and_exit_3,
    a_member_sees_its_own_instances_with_one_error_and_exit_3,
    a_member_is_told_which_right_the_hypervisors_need,
    an_application_credential_sees_what_its_user_sees,
    a_token_alone_reads_the_whole_cloud,
    a_wrong_password_is_refused_with_its_next_step_and_exit_3,
    a_closed_port_is_named_with_its_next_step_and_exit_3,
    a_token_of_the_system_reads_the_whole_cloud,
    a_token_of_a_domain_is_refused_without_a_role_there_and_reads_the_whole_cloud_with_it,
    the_doctor_finds_an_admin_well,
    the_doctor_says_what_a_member_lacks_and_takes_no_empty_list_of_agents_for_fine,
    names_with_escape_sequences_reach_no_output_but_json_where_they_are_escaped,
    pages_of_any_size_give_every_instance_once,
    older_microversions_give_the_same_rows,
    an_instance_that_no_host_took_shows_its_fault_and_its_request_ids,
    the_console_log_of_an_instance_stands_on_its_key,
    an_instance_made_by_the_cli_appears_becomes_active_and_goes_without_a_key_pressed,
    queues_are_what_rabbitmqctl_says_in_every_column,
    nodes_are_what_rabbitmqctl_says_in_every_column,
    every_queue_of_the_cloud_is_understood,
    an_account_that_the_broker_hides_queues_from_is_told_so_with_the_line_that_grants_them,
];

simulated_tests![
    hypervisors_are_what_the_cli_says_in_every_column,
    instances_are_what_the_cli_says_in_every_column,
    services_are_what_the_cli_says_in_every_column,
    quotas_are_what_the_cli_says_in_every_column,
    usage_is_what_the_cli_says_in_every_column,
    a_member_sees_its_own_usage_with_one_error_and_exit_3,
    a_member_sees_its_own_instances_with_one_error_and_exit_3,
    a_member_is_told_which_right_the_hypervisors_need,
    a_token_alone_reads_the_whole_cloud,
    a_wrong_password_is_refused_with_its_next_step_and_exit_3,
    a_closed_port_is_named_with_its_next_step_and_exit_3,
    the_doctor_finds_an_admin_well,
    the_doctor_says_what_a_member_lacks_and_takes_no_empty_list_of_agents_for_fine,
    pages_of_any_size_give_every_instance_once,
    older_microversions_give_the_same_rows,
    an_instance_made_by_the_cli_appears_becomes_active_and_goes_without_a_key_pressed,
];

#[test]
fn every_documented_column_is_compared_with_the_cli_or_derived_for_a_reason() {
    let usage = &tables::usage::TABLE;
    let usage = (usage.name, usage.columns.iter().map(|column| column.name).collect::<BTreeSet<&str>>());
    let listed = tables::TABLES
        .iter()
        .map(|listed| (listed.table.name, listed.table.columns.iter().map(|column| column.name).collect()));
    for (name, documented) in listed.chain([usage]) {
        let table = columns::TABLES.iter().find(|table| table.name == name);
        let table = table.unwrap_or_else(|| panic!("the table {name} is compared with nothing"));
        let held: BTreeSet<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(documented, held, "the columns of {}", table.name);
        for (name, says) in table.columns {
            if let Says::Derived(reason) = says {
                assert!(!reason.is_empty(), "{name} is derived for no reason");
            }
        }
    }
}

// --- side by side with the CLI ------------------------------------------------------------

/// Reads the CLI, ours, and the CLI again. Others change the cloud meanwhile, and some changes come and go
/// between the two readings: a difference counts when it is there three times. What a broker lists it has measured up
/// to 5 s before, and a message that was on its way then stays unacknowledged for as long: so often that several
/// samples lie between the first and the last.
fn compare_with_the_cli(name: &str) {
    let is_sampled = matches!(name, "queues" | "nodes");
    let times = if is_sampled { 12 } else { 3 };
    let (cloud, api) = (Cloud::get(), Api::new("admin"));
    let table = columns::TABLES.iter().find(|table| table.name == name).unwrap();
    let mut found = Found::default();
    for _ in 0..times {
        let before = (table.told)(cloud, &api);
        let since: &[&str] = if name == "usage" { &["--from", columns::USAGE_SINCE] } else { &[] };
        let words = [&["show", name, "-o", "json"], since].concat();
        // The simulated cloud has no broker yet.
        let ours = complete(match name {
            "queues" | "nodes" => cloud.stackwatch_with_broker("admin", &words),
            _ => cloud.stackwatch("admin", &words),
        });
        let after = (table.told)(cloud, &api);
        found = columns::compare(table, &before, rows(&ours), &after);
        if found.wrong.is_empty() {
            break;
        }
    }
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    for (column, says) in table.columns {
        let (cells, held) = found.compared.get(column).copied().unwrap_or_default();
        let compared = matches!(says, Says::Derived(_)) || cells > 0;
        assert!(compared, "{column} changed in every row between two readings: it was not compared");
        let empty = held == 0 && cells > 0 && !table.often_null.contains(column);
        assert!(!empty, "{column} is null in every row: nothing was compared");
    }
}

fn hypervisors_are_what_the_cli_says_in_every_column() {
    compare_with_the_cli("hypervisors");
}

fn instances_are_what_the_cli_says_in_every_column() {
    let api = Api::new("admin");
    // No other instance may have one.
    let key = Key::any(&api);
    let server = Server::create(&api, &json!({ "key_name": key.name }));
    server.wait_for("ACTIVE");
    compare_with_the_cli("instances");
}

fn services_are_what_the_cli_says_in_every_column() {
    compare_with_the_cli("services");
}

/// With an instance, and after it: what it counts comes and goes.
fn quotas_are_what_the_cli_says_in_every_column() {
    let api = Api::new("admin");
    let server = Server::create(&api, &json!({}));
    server.wait_for("ACTIVE");
    compare_with_the_cli("quotas");
    drop(server);
    compare_with_the_cli("quotas");
}

/// While an instance is there, and after it: what is gone has used nonetheless.
fn usage_is_what_the_cli_says_in_every_column() {
    let api = Api::new("admin");
    let server = Server::create(&api, &json!({}));
    server.wait_for("ACTIVE");
    compare_with_the_cli("usage");
    drop(server);
    compare_with_the_cli("usage");
}

fn a_member_sees_its_own_usage_with_one_error_and_exit_3() {
    let document = partial(Cloud::get().stackwatch("member", &["show", "usage", "-o", "json"]));
    let project = Cloud::get().entry("member")["auth"]["project_name"].clone();
    assert_eq!(column(&document, "project"), BTreeSet::from([project.as_str().unwrap()]));
    let row = &rows(&document)[0];
    assert!(
        row["instances"].as_u64().is_some_and(|n| n > 0) && row["hours"].as_f64().is_some_and(|n| n > 0.0),
        "{row}"
    );
    let errors = errors(&document);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let (source, kind, message) = errors[0];
    assert_eq!((source, kind), ("nova", "forbidden"));
    assert!(
        message.contains("own project only") && message.contains("os-simple-tenant-usage:list"),
        "{message}"
    );
}

fn queues_are_what_rabbitmqctl_says_in_every_column() {
    compare_with_the_cli("queues");
}

fn nodes_are_what_rabbitmqctl_says_in_every_column() {
    compare_with_the_cli("nodes");
}

/// An SSH key that is there, or one of the test's own, deleted when this is dropped.
struct Key<'a> {
    name: String,
    own: Option<&'a Api>,
}

impl<'a> Key<'a> {
    fn any(api: &'a Api) -> Self {
        let keys = api.get("compute", "/os-keypairs");
        if let Some(name) = keys["keypairs"][0]["keypair"]["name"].as_str() {
            return Self { name: name.to_owned(), own: None };
        }
        let name = format!("test-{}", std::process::id());
        let (status, body) =
            api.call("compute", "POST", "/os-keypairs", Some(&json!({ "keypair": { "name": name } })));
        assert!(matches!(status, 200 | 201), "the key was refused: {body}");
        Self { name, own: Some(api) }
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        if let Some(api) = self.own {
            api.call("compute", "DELETE", &format!("/os-keypairs/{}", self.name), None);
        }
    }
}

/// The document of a word that read everything it wanted.
fn complete(output: Output) -> Json {
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:#?}");
    let document = output.json();
    assert_eq!(document["errors"], json!([]));
    document
}

/// The document of a word that could not read everything: exit 3, and standard error says so too.
fn partial(output: Output) -> Json {
    assert_eq!(output.code, Some(3), "{output:#?}");
    let document = output.json();
    for error in document["errors"].as_array().unwrap() {
        let message = error["message"].as_str().unwrap();
        assert!(output.stderr.contains(message), "standard error leaves out {message}: {}", output.stderr);
        assert!(output.stderr.contains("next: "), "no next step: {}", output.stderr);
    }
    document
}

fn rows(document: &Json) -> &[Json] {
    document["rows"].as_array().unwrap()
}

fn column<'a>(document: &'a Json, name: &str) -> BTreeSet<&'a str> {
    column_of(&document["rows"], name)
}

fn column_of<'a>(rows: &'a Json, name: &str) -> BTreeSet<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect()
}

/// The errors as (source, kind, message).
fn errors(document: &Json) -> Vec<(&str, &str, &str)> {
    document["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["source"].as_str().unwrap(), e["kind"].as_str().unwrap(), e["message"].as_str().unwrap()))
        .collect()
}

// --- who may see what -------------------------------------------------------------------------

/// The ids that the CLI lists for an entry's own project.
fn own_instances(entry: &str) -> BTreeSet<String> {
    let list = Cloud::get().cli(entry, &["server list".to_owned()]).unwrap();
    list[0].as_array().unwrap().iter().map(|row| row["ID"].as_str().unwrap().to_owned()).collect()
}

/// Rows of the own project only, and the reason once.
fn sees_its_own_instances(entry: &str) {
    let own = own_instances(entry);
    let document = partial(Cloud::get().stackwatch(entry, &["show", "instances", "-o", "json"]));
    let ids: BTreeSet<String> = column(&document, "id").into_iter().map(str::to_owned).collect();
    assert!(!ids.is_empty());
    assert_eq!(ids, own);
    // The project that the entry's user works in.
    let project = Cloud::get().entry("member")["auth"]["project_name"].clone();
    assert_eq!(column(&document, "project"), BTreeSet::from([project.as_str().unwrap()]));
    let errors = errors(&document);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let (source, kind, message) = errors[0];
    assert_eq!((source, kind), ("nova", "forbidden"));
    assert!(message.contains("own project only"), "{message}");
}

fn a_member_sees_its_own_instances_with_one_error_and_exit_3() {
    sees_its_own_instances("member");
}

fn an_application_credential_sees_what_its_user_sees() {
    sees_its_own_instances("appcred");
}

fn a_member_is_told_which_right_the_hypervisors_need() {
    let document = partial(Cloud::get().stackwatch("member", &["show", "hypervisors", "-o", "json"]));
    assert_eq!(document["rows"], json!([]));
    let errors = errors(&document);
    for (topic, source, right) in [
        ("hypervisors", "nova", "os_compute_api:os-hypervisors:list-detail"),
        ("services", "nova", "os_compute_api:os-services:list"),
        ("aggregates", "nova", "os_compute_api:os-aggregates:index"),
        ("providers", "placement", "placement:resource_providers:list"),
    ] {
        let of_topic = errors.iter().find(|(_, _, message)| message.starts_with(topic));
        let (said_by, kind, message) = of_topic.unwrap_or_else(|| panic!("{topic}: nothing in {errors:#?}"));
        assert_eq!((*said_by, *kind), (source, "forbidden"));
        assert!(message.contains(right), "{message} does not name {right}");
    }
    for source in document["sources"].as_array().unwrap() {
        assert_eq!((&source["complete"], &source["as_of"]), (&json!(false), &Json::Null), "{source}");
    }
    let screen = Cloud::get().stackwatch("member", &["screen", "hypervisors"]);
    assert_eq!(screen.code, Some(3));
    assert!(screen.stdout.contains("hypervisors could not be had"), "{}", screen.stdout);
    assert!(screen.stdout.contains("os_compute_api:os-hypervisors:list-detail"), "{}", screen.stdout);
}

fn a_token_alone_reads_the_whole_cloud() {
    let cloud = Cloud::get();
    let with_token = complete(cloud.stackwatch("token", &["show", "hypervisors", "-o", "json"]));
    let with_password = complete(cloud.stackwatch("admin", &["show", "hypervisors", "-o", "json"]));
    assert!(!rows(&with_token).is_empty());
    assert_eq!(column(&with_token, "id"), column(&with_password, "id"));
}

fn a_wrong_password_is_refused_with_its_next_step_and_exit_3() {
    let output = Cloud::get().stackwatch("wrong", &["show", "instances", "-o", "json"]);
    let steps = output.stderr.clone();
    let document = partial(output);
    assert_eq!(document["rows"], json!([]));
    for (_, kind, message) in errors(&document) {
        assert_eq!(kind, "auth");
        assert!(message.contains("refused the credentials"), "{message}");
    }
    assert!(steps.contains("check user, password, project and domains"), "{steps}");
    assert!(!steps.contains("not-the-password"), "{steps}");
}

fn a_closed_port_is_named_with_its_next_step_and_exit_3() {
    let url = Cloud::get().entry("closed")["auth"]["auth_url"].as_str().unwrap().to_owned();
    let address = url.trim_start_matches("http://").trim_end_matches("/v3");
    let output = Cloud::get().stackwatch("closed", &["show", "instances", "-o", "json"]);
    let steps = output.stderr.clone();
    let document = partial(output);
    assert_eq!(document["rows"], json!([]));
    for (_, kind, message) in errors(&document) {
        assert_eq!(kind, "unreachable");
        assert!(message.contains(address) && message.contains("cannot be reached"), "{message}");
    }
    assert!(steps.contains("is the service running, and the port open from here?"), "{steps}");
}

/// An entry without a project, for something else.
fn scoped(mut entry: Json, scope: &str, to: &str) -> Json {
    let auth = entry["auth"].as_object_mut().unwrap();
    auth.retain(|key, _| !key.starts_with("project"));
    auth.insert(scope.to_owned(), json!(to));
    entry
}

/// What tells a row of each table whatever the microversion: ids were numbers once.
const NAMES: [(&str, &[&str]); 3] = [
    ("hypervisors", &["host", "state"]),
    ("instances", &["id", "status"]),
    ("services", &["binary", "host", "state"]),
];

/// An entry of the test's own reads the rows that the admin reads.
fn reads_the_whole_cloud(entry: &Json) {
    let cloud = Cloud::get();
    for (table, columns) in NAMES {
        let words = ["show", table, "-o", "json"];
        let read = |document: Json| -> BTreeSet<String> {
            // Other tests make instances meanwhile.
            let seeded =
                rows(&document).iter().filter(|row| !row["name"].as_str().unwrap_or("").starts_with("test-"));
            seeded
                .map(|row| {
                    columns.iter().map(|name| row[name].as_str().unwrap()).collect::<Vec<_>>().join(" ")
                })
                .collect()
        };
        let (of_entry, of_admin) = (
            read(complete(cloud.stackwatch_as(entry, &words))),
            read(complete(cloud.stackwatch("admin", &words))),
        );
        assert!(of_admin.len() >= 4, "{of_admin:?}");
        assert_eq!(of_entry, of_admin, "{table}");
    }
}

fn a_token_of_the_system_reads_the_whole_cloud() {
    reads_the_whole_cloud(&scoped(Cloud::get().entry("admin"), "system_scope", "all"));
}

fn a_token_of_a_domain_is_refused_without_a_role_there_and_reads_the_whole_cloud_with_it() {
    let api = Api::new("admin");
    let user = User::create(&api);
    let mut entry = scoped(Cloud::get().entry("admin"), "domain_name", "Default");
    entry["auth"]["username"] = json!(user.name);
    entry["auth"]["password"] = json!(User::PASSWORD);
    let document = partial(Cloud::get().stackwatch_as(&entry, &["show", "hypervisors", "-o", "json"]));
    assert!(errors(&document).iter().all(|(_, kind, _)| *kind == "auth"), "{document}");
    user.give_the_admin_role_on_its_domain();
    reads_the_whole_cloud(&entry);
}

/// A user of the test's own, without a role at first, deleted when this is dropped.
struct User<'a> {
    id: String,
    name: String,
    api: &'a Api,
}

impl<'a> User<'a> {
    const PASSWORD: &'static str = "test-user-pw";

    fn create(api: &'a Api) -> Self {
        let name = format!("test-{}", std::process::id());
        let user = json!({ "name": name, "password": Self::PASSWORD, "domain_id": "default" });
        let (status, body) = api.call("identity", "POST", "/users", Some(&json!({ "user": user })));
        assert_eq!(status, 201, "the user was refused: {body}");
        Self { id: body["user"]["id"].as_str().unwrap().to_owned(), name, api }
    }

    fn give_the_admin_role_on_its_domain(&self) {
        let role = self.api.id_of("identity", "/roles", "roles", "admin");
        let path = format!("/domains/default/users/{}/roles/{role}", self.id);
        assert_eq!(self.api.call("identity", "PUT", &path, None).0, 204);
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        self.api.call("identity", "DELETE", &format!("/users/{}", self.id), None);
    }
}

// --- the doctor ---------------------------------------------------------------------------------

/// What the doctor says of each thing: its sign, and the lines about it.
fn findings(output: &Output) -> BTreeMap<String, (char, String)> {
    let mut findings: BTreeMap<String, (char, String)> = BTreeMap::new();
    let mut last = String::new();
    for line in output.stdout.lines() {
        let (sign, rest) = line.split_at(2);
        let sign = sign.chars().next().unwrap();
        match (sign, rest.split_once("  ")) {
            (' ', _) => findings.get_mut(&last).unwrap().1.push_str(rest.trim_start()),
            (sign, Some((what, words))) => {
                last = what.to_owned();
                findings.insert(last.clone(), (sign, words.trim_start().to_owned()));
            }
            _ => panic!("the doctor says {line}"),
        }
    }
    findings
}

fn the_doctor_finds_an_admin_well() {
    let output = Cloud::get().stackwatch("admin", &["doctor"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let findings = findings(&output);
    for asked in [
        "keystone login",
        "nova",
        "placement",
        "nova services",
        "nova hypervisors",
        "nova aggregates",
        "nova instances of all projects",
        "placement providers",
        "keystone projects",
        "neutron agents",
        "clock",
    ] {
        assert_eq!(findings.get(asked).map(|(sign, _)| *sign), Some('o'), "{asked}: {}", output.stdout);
    }
    assert!(findings.values().all(|(sign, _)| matches!(sign, 'o' | 'i')), "{}", output.stdout);
    assert!(findings["keystone login"].1.contains("admin@admin"), "{}", output.stdout);
}

fn the_doctor_says_what_a_member_lacks_and_takes_no_empty_list_of_agents_for_fine() {
    let output = Cloud::get().stackwatch("member", &["doctor"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    let findings = findings(&output);
    assert_eq!(findings["keystone login"].0, 'o');
    for (asked, words) in [
        ("nova services", "os_compute_api:os-services:list"),
        ("nova hypervisors", "os_compute_api:os-hypervisors:list-detail"),
        ("nova aggregates", "os_compute_api:os-aggregates:index"),
        ("nova instances of all projects", "os_compute_api:servers:detail:get_all_tenants"),
        ("placement providers", "placement:resource_providers:list"),
        ("keystone projects", "identity:list_projects"),
        ("neutron agents", "unknown, not fine"),
    ] {
        let (sign, said) = &findings[asked];
        assert_eq!(*sign, 'x', "{asked}: {said}");
        assert!(said.contains(words) && said.contains("next: "), "{asked}: {said}");
    }
}

// --- bad names ------------------------------------------------------------------------------------

/// What a name may carry that a terminal obeys: all controls, and the marks that turn the writing round.
fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn names_with_escape_sequences_reach_no_output_but_json_where_they_are_escaped() {
    let cloud = Cloud::get();
    let json = cloud.stackwatch("admin", &["show", "instances", "-o", "json"]);
    assert!(!json.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", json.stdout);
    let document = complete(json);
    let hostile: Vec<&str> =
        column(&document, "name").into_iter().filter(|name| name.contains(obeyed)).collect();
    assert_eq!(hostile.len(), 1, "the seed makes one instance with such a name");
    for sequence in ["\u{1b}[31m", "\r", "\u{202e}", "\u{1b}]52;c;", "\u{7}"] {
        assert!(hostile[0].contains(sequence), "{:?} in {:?}", sequence, hostile[0]);
    }
    // Its metadata has the same text, and so has its network's name.
    let inside = "/demo-hostile-meta<enter><enter>";
    for (words, allowed) in [
        (&["show", "instances", "-o", "table"][..], "\n"),
        (&["show", "instances", "-o", "csv"], "\r\n"),
        (&["screen", "instances", "--size", "200x60"], "\n"),
        (&["screen", "instances", "--size", "200x60", "-o", "svg"], "\n"),
        (&["screen", "instances", "--size", "120x60", "--keys", inside], "\n"),
        (&["screen", "instances", "--size", "120x60", "--keys", inside, "-o", "svg"], "\n"),
    ] {
        let output = cloud.stackwatch("admin", words);
        assert_eq!(output.code, Some(0), "{words:?}: {output:#?}");
        let text = output.stdout.replace("\r\n", "\n");
        assert!(text.contains("evil"), "{words:?} leave the name out: {text}");
        let bad: Vec<char> = text.chars().filter(|c| obeyed(*c) && !allowed.contains(*c)).collect();
        assert!(bad.is_empty(), "{words:?} let through {bad:?}");
    }
    // Colours are the only sequences of a coloured screen.
    let coloured = cloud.stackwatch("admin", &["screen", "instances", "--size", "200x60", "-o", "ansi"]);
    let sequences = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let rest = sequences.replace_all(&coloured.stdout, "");
    assert!(rest.contains("evil"));
    assert!(!rest.contains(|c: char| obeyed(c) && c != '\n'), "{rest:?}");
}

// --- pages, details ---------------------------------------------------------------------------------

fn pages_of_any_size_give_every_instance_once() {
    let (cloud, api) = (Cloud::get(), Api::new("admin"));
    let listed = || -> BTreeSet<String> {
        let list = api.get("compute", "/servers?all_tenants=1");
        let ids = list["servers"].as_array().unwrap().iter();
        ids.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for limit in [1, 5, 1000] {
        let before = listed();
        let pages: Vec<Vec<String>> = runtime.block_on(async {
            let session = Session::new(cloud.config("admin"), Limits::default()).unwrap();
            let query =
                nova::ServerQuery { all_projects: true, limit: Some(limit), ..nova::ServerQuery::default() };
            let mut pages = nova::servers(&session, query);
            let mut all = Vec::new();
            while let Some(page) = pages.next().await.unwrap() {
                all.push(page.rows.iter().map(|row| row.id.to_string()).collect());
            }
            all
        });
        let after = listed();
        assert!(pages.iter().all(|page| page.len() <= limit as usize), "{pages:#?}");
        assert!(pages.len() >= before.len().min(after.len()).div_ceil(limit as usize), "{pages:#?}");
        let rows: Vec<String> = pages.into_iter().flatten().collect();
        let distinct: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(distinct.len(), rows.len(), "with {limit} rows a page some came twice");
        let stayed: BTreeSet<String> = before.intersection(&after).cloned().collect();
        assert!(stayed.len() >= 12, "the seed makes 12 instances: {stayed:?}");
        let missing: Vec<&String> = stayed.difference(&distinct).collect();
        assert!(missing.is_empty(), "with {limit} rows a page these are missing: {missing:?}");
    }
}

fn older_microversions_give_the_same_rows() {
    let cloud = Cloud::get();
    for version in ["2.1", "2.53", "2.87"] {
        let mut entry = cloud.entry("admin");
        entry["compute_default_microversion"] = json!(version);
        let doctor = cloud.stackwatch_as(&entry, &["doctor"]);
        let nova = doctor.stdout.lines().find(|line| line.starts_with("o nova ")).unwrap_or_default();
        assert!(nova.ends_with(&format!("microversion {version}")), "{version} is not asked for: {nova}");
        reads_the_whole_cloud(&entry);
    }
}

fn an_instance_that_no_host_took_shows_its_fault_and_its_request_ids() {
    let (cloud, api) = (Cloud::get(), Api::new("admin"));
    let id = api.id_of("compute", "/servers?all_tenants=1", "servers", "demo-too-big");
    let actions = api.get("compute", &format!("/servers/{id}/os-instance-actions"));
    let create = &actions["instanceActions"][0];
    let request = create["request_id"].as_str().unwrap();
    let screen = |keys: &str| {
        let keys = format!("/demo-too-big<enter>{keys}");
        let output = cloud.stackwatch("admin", &["screen", "instances", "--size", "160x80", "--keys", &keys]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        output.stdout
    };
    let events = screen("e");
    for words in [request, "create", "conductor_schedule_and_build_instances", "Error", "ctl01"] {
        assert!(events.contains(words), "{words} is not among its events: {events}");
    }
    let everything = screen("<enter>");
    for words in [request, &id, "No valid host was found", "m1.huge: 96 vCPU, 524288 MiB RAM"] {
        assert!(everything.contains(words), "{words} is not among its details: {everything}");
    }
    let list = screen("");
    assert!(list.contains("No valid host was found"), "the words at the bottom do not say why: {list}");
}

fn the_console_log_of_an_instance_stands_on_its_key() {
    let api = Api::new("admin");
    let server = Server::create(&api, &json!({}));
    server.wait_for("ACTIVE");
    let keys = format!("/id={}<enter>c", server.id);
    let output = Cloud::get().stackwatch("admin", &["screen", "instances", "--keys", &keys]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    // nova's fake driver says these three lines of every instance.
    for line in ["FAKE CONSOLE OUTPUT", "ANOTHER", "LAST LINE"] {
        assert!(output.stdout.contains(line), "{line} is not in the console log: {}", output.stdout);
    }
}

// --- live ---------------------------------------------------------------------------------------------

/// Instances are asked for each 10 s, a tenth more or less; the rest is for the answer on a busy machine. Less
/// than two refreshes.
const ONE_REFRESH: Duration = Duration::from_secs(20);

fn an_instance_made_by_the_cli_appears_becomes_active_and_goes_without_a_key_pressed() {
    let (cloud, api) = (Cloud::get(), Api::new("admin"));
    let hosts = api.get("compute", "/os-hypervisors");
    let hosts = column_of(&hosts["hypervisors"], "hypervisor_hostname");
    let dashboard = Dashboard::open("admin", "hypervisors");
    dashboard.wait_for("the hosts", Duration::from_secs(30), |screen| {
        hosts.iter().all(|host| screen.contains(host))
    });
    drop(dashboard);
    let mut dashboard = Dashboard::open("admin", "instances");
    dashboard.wait_for("the instances", Duration::from_secs(30), |screen| screen.contains("web-"));
    // The youngest first, and there.
    dashboard.press(":sort -created\rgg");
    let (name, image) = (format!("test-{}", std::process::id()), api.image());
    let image = image["name"].as_str().unwrap();
    let command = format!("server create --flavor m1.tiny --image {image} --nic none {name}");
    let made = cloud.cli("admin", &[command]).unwrap();
    let path = format!("/servers/{}", made[0]["id"].as_str().unwrap());
    let row = |screen: &str| screen.lines().find(|line| line.contains(&name)).map(str::to_owned);
    dashboard.wait_for("the new instance", ONE_REFRESH, |screen| row(screen).is_some());
    let ended = until("nova ends the build", Duration::from_secs(60), || {
        let status = api.get("compute", &path)["server"]["status"].clone();
        (status != "BUILD").then_some(status)
    });
    assert_eq!(ended, "ACTIVE");
    dashboard.wait_for("it is ACTIVE", ONE_REFRESH, |screen| {
        row(screen).is_some_and(|row| row.contains("ACTIVE"))
    });
    cloud.openstack("admin", &format!("server delete {name}\n"));
    until("nova has deleted it", Duration::from_secs(60), || {
        (api.call("compute", "GET", &path, None).0 == 404).then_some(())
    });
    dashboard.wait_for("it is gone", ONE_REFRESH, |screen| row(screen).is_none());
}

// --- the broker ---------------------------------------------------------------------------

/// The services of this cloud, by what nova and neutron say of them: each has its queue, and no queue of
/// theirs is a stranger to us.
fn every_queue_of_the_cloud_is_understood() {
    let document = complete(Cloud::get().stackwatch_with_broker("admin", &["show", "queues", "-o", "json"]));
    let strangers: Vec<&str> = rows(&document)
        .iter()
        .filter(|row| row["role"] == "other")
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let names = column(&document, "name");
    let services = complete(Cloud::get().stackwatch("admin", &["show", "services", "-o", "json"]));
    for service in rows(&services) {
        let (binary, host) = (service["binary"].as_str().unwrap(), service["host"].as_str().unwrap());
        let queue = format!("{}.{host}", binary.strip_prefix("nova-").unwrap());
        assert!(names.contains(queue.as_str()), "{queue} is missing in {names:?}");
    }
}

/// A user of the broker, deleted when this is dropped.
struct BrokerUser(&'static str);

impl BrokerUser {
    fn create(name: &'static str) -> Self {
        let user = Self(name);
        user.ctl(&["add_user", name, "no-secret"]);
        user
    }

    fn ctl(&self, words: &[&str]) {
        let output = Cloud::get().rabbitmqctl(words);
        assert_eq!(output.code, Some(0), "{words:?}: {output:#?}");
    }
}

impl Drop for BrokerUser {
    fn drop(&mut self) {
        Cloud::get().rabbitmqctl(&["delete_user", self.0]);
    }
}

fn an_account_that_the_broker_hides_queues_from_is_told_so_with_the_line_that_grants_them() {
    let cloud = Cloud::get();
    let user = BrokerUser::create("stackwatch-test");
    let settings = cloud.broker_settings() + "user = 'stackwatch-test'\npassword = 'no-secret'\n";
    let show = |words: &[&str]| cloud.stackwatch_as_user("admin", &settings, words);
    let queues = ["show", "queues", "-o", "json"];
    let tag = "rabbitmqctl set_user_tags stackwatch-test monitoring";
    let vhost = cloud.env("RABBIT_VHOST");
    let permission = format!("rabbitmqctl set_permissions -p {vhost} stackwatch-test '^$' '^$' '.*'");

    // No tag at all, a tag that lets it log in, the right one, and the permission: each step as we said it.
    let none = show(&queues);
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.contains("Not management user") && none.stderr.contains(tag), "{none:#?}");
    user.ctl(&["set_user_tags", "stackwatch-test", "management"]);
    let some = show(&queues);
    assert!(some.code == Some(3) && some.stderr.contains(tag), "{some:#?}");
    assert_eq!(rows(&some.json()).len(), 0);

    user.ctl(&["set_user_tags", "stackwatch-test", "monitoring"]);
    let hidden = show(&queues);
    assert_eq!((hidden.code, rows(&hidden.json()).len()), (Some(3), 0), "{hidden:#?}");
    assert!(hidden.stderr.contains("shows user stackwatch-test 0 of "), "{hidden:#?}");
    let doctor = show(&["doctor"]);
    assert!(doctor.code == Some(3) && doctor.stdout.contains(&permission), "{doctor:#?}");

    user.ctl(&["set_permissions", "-p", &vhost, "stackwatch-test", "^$", "^$", ".*"]);
    assert!(!rows(&complete(show(&queues))).is_empty());
    let doctor = show(&["doctor"]);
    assert!(doctor.stdout.contains(&format!("{vhost}: stackwatch-test sees its queues")), "{doctor:#?}");

    let wrong = cloud.broker_settings() + "user = 'stackwatch-test'\npassword = 'wrong'\n";
    let wrong = cloud.stackwatch_as_user("admin", &wrong, &queues);
    assert_eq!(wrong.code, Some(3));
    assert!(wrong.stderr.contains("refused user stackwatch-test: Login failed"), "{wrong:#?}");
}
