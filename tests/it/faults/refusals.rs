//! Accounts that may not do all, or nothing at all.

use serde_json::Value;

use super::{HOSTS, fails, keys, lists};
use crate::support::stub::{APP_SECRET, Answer, Stub};

fn member() -> Stub {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.member = true);
    cloud
}

#[test]
fn a_wrong_password_is_tried_once_and_said_by_all() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.password = "changed".to_owned());
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    let refused = "refused the credentials: The request you have made requires authentication.";
    lists(
        &run,
        3,
        &[
            ("nova", "auth", refused),
            ("nova", "auth", refused),
            ("nova", "auth", refused),
            ("placement", "auth", refused),
        ],
    );
    fails(&run, 3, &["keystone at 127.0.0.1:", "check user, password, project and domains"]);
    assert_eq!(cloud.logins(), 1, "four collectors, one login");
    assert_eq!(run.json()["rows"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_wrong_password_on_the_screen_and_in_doctor() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.password = "changed".to_owned());
    let screen = cloud.run(&["screen", "hypervisors"]);
    assert_eq!((screen.code, cloud.logins()), (3, 1));
    assert!(
        screen.out.contains("refused the credentials") && screen.out.contains("next try in"),
        "{}",
        screen.out
    );
    let doctor = cloud.run(&["doctor"]);
    assert_eq!((doctor.code, cloud.logins()), (3, 2));
    assert!(
        doctor.out.contains("x keystone login") && doctor.out.contains("next: check user"),
        "{}",
        doctor.out
    );
}

#[test]
fn an_application_credential_that_was_deleted() {
    let cloud = Stub::new();
    let auth = format!(
        "auth: {{auth_url: $URL/identity, application_credential_id: gone, \
                        application_credential_secret: {APP_SECRET}}}"
    );
    cloud.write("clouds.yaml", &cloud.clouds(&auth));
    fails(&cloud.run(&["show", "services"]), 3, &["refused the credentials"]);
}

#[test]
fn a_member_learns_which_right_is_missing_for_hypervisors() {
    let cloud = member();
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    let policy = |name| format!("Policy doesn't allow {name} to be performed.");
    lists(
        &run,
        3,
        &[
            ("nova", "forbidden", &policy("os_compute_api:os-hypervisors:list-detail")),
            ("nova", "forbidden", &policy("os_compute_api:os-services:list")),
            ("nova", "forbidden", &policy("os_compute_api:os-aggregates:index")),
            ("placement", "forbidden", &policy("placement:resource_providers:list")),
        ],
    );
    fails(&run, 3, &["lacks the role that the service's policy asks for"]);
    let screen = cloud.run(&["screen", "hypervisors", "--size", "100x30"]).out;
    for words in
        ["os_compute_api:os-", "hypervisors could not be had", "next: this account lacks the role", "req-"]
    {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
}

#[test]
fn a_member_sees_its_own_instances_and_is_told_so() {
    let cloud = member();
    let run = cloud.run(&["show", "instances", "-o", "json"]);
    lists(&run, 3, &[("nova", "forbidden", "own project only")]);
    assert_eq!(keys(&run, "name").len(), 6);
    assert!(keys(&run, "project").iter().all(|project| project == "demo"), "its own name is in its token");
    fails(&run, 3, &["os_compute_api:servers:detail:get_all_tenants", "admin role"]);
    let complete: Vec<Value> =
        run.json()["sources"].as_array().unwrap().iter().map(|s| s["complete"].clone()).collect();
    assert_eq!(complete[0], false, "an own project is not all of them");
    let servers = cloud.asked("GET /compute/v2.1/servers/detail");
    assert_eq!(servers.iter().filter(|request| request.pair("all_tenants").is_some()).count(), 1);
    let screen = cloud.run(&["screen", "instances"]);
    assert_eq!(screen.code, 3);
    assert!(screen.out.contains("own project only") && screen.out.contains("web-01"), "{}", screen.out);
}

#[test]
fn a_member_sees_its_own_project_s_quotas_and_is_told_so() {
    let cloud = member();
    let run = cloud.run(&["show", "quotas"]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert_eq!(run.out.lines().count(), 2, "{run:#?}");
    run.says(&["keystone: projects: own project only", "identity:list_projects", "admin role", "  next: "]);
    let run = cloud.run(&["show", "quotas", "-o", "json"]);
    assert_eq!(keys(&run, "project"), ["demo"]);
    assert_eq!(run.json()["sources"][0]["complete"], false, "{run:#?}");
    // Another's are not said to be nobody's.
    let run = cloud.run(&["show", "quotas", "--project", "admin"]);
    assert_eq!(run.code, 3, "{run:#?}");
    run.says(&["own project only"]);
    let screen = cloud.run(&["screen", "quotas", "--keys", "!"]);
    assert!(screen.code == 3 && screen.out.contains("own project only"), "{}", screen.out);
}

#[test]
fn for_a_member_agents_are_unknown_and_not_fine() {
    let doctor = member().run(&["doctor"]);
    assert_eq!(doctor.code, 3);
    let line = doctor.out.lines().find(|line| line.contains("neutron agents")).unwrap_or_default();
    assert!(line.starts_with('x') && line.contains("neutron shows no agents"), "{}", doctor.out);
    assert!(doctor.out.contains("the agents are unknown, not fine"), "{}", doctor.out);
}

#[test]
fn one_refusal_leaves_the_rows() {
    let cloud = Stub::new();
    cloud.script("GET /placement/resource_providers", [Answer::refusal(403, "Policy doesn't allow it.")]);
    let run = cloud.run(&["show", "hypervisors", "-o", "json"]);
    lists(&run, 3, &[("placement", "forbidden", "Policy doesn't allow it.")]);
    assert_eq!(keys(&run, "host"), HOSTS);
    assert_eq!(run.json()["rows"][0]["vcpu_limit"], Value::Null, "unknown, and no assumed 16:1");
}

#[test]
fn a_token_that_is_revoked_in_the_middle_is_renewed_unseen() {
    let cloud = Stub::new();
    cloud.script("GET /compute/v2.1/os-services", [Answer::status(401), Answer::usual()]);
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 0, &[]);
    assert_eq!((keys(&run, "host").len(), cloud.logins(), run.err.as_str()), (5, 2, ""));
}

#[test]
fn a_given_token_that_is_revoked_cannot_be_renewed() {
    let cloud = Stub::new();
    let mut token = String::new();
    cloud.set(|cloud| token = cloud.issue_token());
    let auth = format!("auth_type: token, auth: {{auth_url: $URL/identity, token: {token}, project_id: p}}");
    cloud.write("clouds.yaml", &cloud.clouds(&auth));
    assert_eq!(cloud.run(&["show", "services"]).code, 0, "while it lives");
    cloud.set(|cloud| cloud.revoke_tokens());
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "auth", "refused the token: it has expired or was revoked")]);
    fails(&run, 3, &["cannot renew a token that it was given"]);
    let doctor = cloud.run(&["doctor"]);
    assert!(doctor.out.contains("token (cannot be renewed)"), "{}", doctor.out);
}

#[test]
fn a_service_that_refuses_every_token_is_named() {
    let cloud = Stub::new();
    cloud.script("GET /compute/v2.1/os-services", [Answer::status(401)]);
    let run = cloud.run(&["show", "services", "-o", "json"]);
    lists(&run, 3, &[("nova", "auth", "refused a token that keystone has just issued")]);
    fails(&run, 3, &["[keystone_authtoken] of nova"]);
}
