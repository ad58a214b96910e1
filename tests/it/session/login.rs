//! Tokens: how they are asked for, how long they are used, what happens when they end before their time.

use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use stackwatch::source::{ErrorKind, Session, neutron, nova};

use super::{MINUTE, pass};
use crate::support::stub::{APP_SECRET, Answer, Gate, PASSWORD, Stub, until};

const SERVICES: &str = "GET /compute/v2.1/os-services";
const LOGIN: &str = "POST /identity/v3/auth/tokens";

/// So many collectors that want the same at the same time.
async fn together(session: &Session, many: usize) -> Vec<Result<usize, stackwatch::source::Error>> {
    join_all((0..many).map(|_| async { nova::services(session).await.map(|rows| rows.len()) })).await
}

#[tokio::test]
async fn a_login_says_who_we_are() {
    let cloud = Stub::new();
    let identity = cloud.session().login().await.unwrap();
    assert_eq!((identity.user.as_str(), identity.project.as_deref()), ("admin", Some("admin")));
    assert_eq!(identity.roles, ["member", "reader", "admin"]);
    assert!(identity.expires_at.is_some());
    assert_eq!(identity.services, ["compute", "identity", "image", "network", "placement"]);
}

#[tokio::test]
async fn one_login_serves_all_who_wait() {
    let cloud = Stub::new();
    let session = cloud.session();
    for outcome in together(&session, 8).await {
        assert_eq!(outcome, Ok(5));
    }
    assert_eq!(cloud.logins(), 1);
}

/// What is sent, for every way to log in and every scope.
#[tokio::test]
async fn what_a_login_sends() {
    let user = |user: Value| json!({ "methods": ["password"], "password": { "user": user } });
    let ops = json!({ "name": "ops", "domain": { "name": "Default" }, "password": PASSWORD });
    let ops_of = |domain: Value| json!({ "name": "ops", "domain": domain, "password": PASSWORD });
    let password =
        format!("auth_url: $URL/identity, username: ops, user_domain_name: Default, password: {PASSWORD}");
    let scoped = |scope: &str| format!("auth: {{{password}, {scope}}}");
    let app = format!(
        "auth_type: v3applicationcredential, auth: {{auth_url: $URL/identity/v3, \
                       application_credential_secret: {APP_SECRET}"
    );
    let in_default = json!({ "project": { "name": "p", "domain": { "id": "default" } } });
    let cases = [
        (format!("auth: {{{password}}}"), user(ops.clone()), Value::Null),
        (scoped("project_id: p1"), user(ops.clone()), json!({ "project": { "id": "p1" } })),
        (scoped("project_name: p"), user(ops.clone()), in_default.clone()),
        (
            scoped("project_name: p, project_domain_name: D"),
            user(ops.clone()),
            json!({ "project": { "name": "p", "domain": { "name": "D" } } }),
        ),
        (scoped("domain_id: d1"), user(ops.clone()), json!({ "domain": { "id": "d1" } })),
        (scoped("domain_name: D"), user(ops.clone()), json!({ "domain": { "name": "D" } })),
        (scoped("system_scope: all"), user(ops.clone()), json!({ "system": { "all": true } })),
        (
            format!("auth: {{auth_url: $URL/identity/v2.0, user_id: u-ops, password: {PASSWORD}}}"),
            user(json!({ "id": "u-ops", "password": PASSWORD })),
            Value::Null,
        ),
        (
            format!(
                "auth: {{auth_url: $URL/identity, username: ops, password: {PASSWORD}, user_domain_id: d}}"
            ),
            user(ops_of(json!({ "id": "d" }))),
            Value::Null,
        ),
        (
            format!("{app}, application_credential_id: ac-1}}"),
            json!({
                "methods": ["application_credential"],
                "application_credential": { "id": "ac-1", "secret": APP_SECRET },
            }),
            Value::Null,
        ),
        (
            // A scope beside it is left out: keystone refuses both together.
            format!(
                "{app}, application_credential_name: stackwatch, username: ops, user_domain_name: Default, \
                     project_name: p}}"
            ),
            json!({
                "methods": ["application_credential"],
                "application_credential": {
                    "name": "stackwatch",
                    "user": { "name": "ops", "domain": { "name": "Default" } },
                    "secret": APP_SECRET,
                },
            }),
            Value::Null,
        ),
    ];
    for (entry, identity, scope) in cases {
        let cloud = Stub::new();
        cloud.session_of(&entry).login().await.unwrap_or_else(|error| panic!("{entry}: {error:?}"));
        let sent: Value = serde_json::from_str(&cloud.asked(LOGIN)[0].body).unwrap();
        assert_eq!((&sent["auth"]["identity"], &sent["auth"]["scope"]), (&identity, &scope), "{entry}");
        assert_eq!(cloud.asked(LOGIN)[0].header("x-auth-token"), None);
    }
}

#[tokio::test]
async fn a_given_token_is_exchanged_for_one_with_the_scope() {
    let cloud = Stub::new();
    let mut token = String::new();
    cloud.set(|cloud| token = cloud.issue_token());
    let entry =
        format!("auth_type: v3token, auth: {{auth_url: $URL/identity, token: {token}, project_id: p1}}");
    let session = cloud.session_of(&entry);
    assert_eq!(nova::services(&session).await.unwrap().len(), 5);
    let sent: Value = serde_json::from_str(&cloud.asked(LOGIN)[0].body).unwrap();
    assert_eq!(sent["auth"]["identity"], json!({ "methods": ["token"], "token": { "id": token } }));
    assert_eq!(sent["auth"]["scope"], json!({ "project": { "id": "p1" } }));
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    pass(54 * MINUTE).await;
    nova::services(&session).await.unwrap();
    assert_eq!(cloud.logins(), 1);
    pass(2 * MINUTE).await;
    nova::services(&session).await.unwrap();
    assert_eq!(cloud.logins(), 2);
    let tokens: Vec<_> =
        cloud.asked(SERVICES).iter().map(|r| r.header("x-auth-token").map(str::to_owned)).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn a_token_that_lives_a_minute_is_used_for_most_of_it() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.token_life = MINUTE);
    let session = cloud.session();
    for _ in 0..4 {
        nova::services(&session).await.unwrap();
        pass(Duration::from_secs(11)).await;
    }
    assert_eq!(cloud.logins(), 1);
    pass(Duration::from_secs(5)).await;
    nova::services(&session).await.unwrap();
    assert_eq!(cloud.logins(), 2, "twelve seconds before its end");
}

#[tokio::test]
async fn a_clock_that_is_days_wrong_costs_no_login() {
    for hours in [-50, 50] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.clock_ahead = SignedDuration::from_hours(hours));
        let session = cloud.session();
        for _ in 0..3 {
            nova::services(&session).await.unwrap();
        }
        assert_eq!(cloud.logins(), 1);
        let off = session.clock_offset().unwrap() - SignedDuration::from_hours(hours);
        assert!(off.abs() < SignedDuration::from_secs(20), "{off}");
    }
}

#[tokio::test]
async fn while_keystone_is_away_the_old_token_is_used_to_its_end() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.script(LOGIN, [Answer::status(503)]);
    pass(56 * MINUTE).await;
    assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5));
    pass(5 * MINUTE).await;
    let error = nova::services(&session).await.unwrap_err();
    assert_eq!((error.kind, error.service), (ErrorKind::Server, "keystone"));
}

#[tokio::test]
async fn a_revoked_token_is_renewed_once_for_all_who_were_refused() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.set(|cloud| cloud.revoke_tokens());
    for outcome in together(&session, 12).await {
        assert_eq!(outcome, Ok(5));
    }
    assert_eq!(cloud.logins(), 2);
}

#[tokio::test]
async fn a_renewal_under_way_is_waited_for() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.set(|cloud| cloud.revoke_tokens());
    let gate = Gate::new();
    cloud.script(LOGIN, [Answer::usual().held_by(&gate)]);
    let waiting = session.clone();
    let waiters = tokio::spawn(async move { together(&waiting, 6).await });
    until("the renewal", || cloud.logins() == 2).await;
    // One more comes while it hangs.
    let late = tokio::spawn(async move { neutron::agents(&session).await.map(|rows| rows.len()) });
    gate.open();
    assert!(waiters.await.unwrap().iter().all(Result::is_ok));
    assert!(late.await.unwrap().is_ok());
    assert_eq!(cloud.logins(), 2);
}

#[tokio::test]
async fn a_second_refusal_is_an_answer() {
    let cloud = Stub::new();
    cloud.script(SERVICES, [Answer::refusal(401, "who are you?")]);
    let error = nova::services(&cloud.session()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Auth, Some(401)));
    assert!(
        error.message.contains("nova at 127.0.0.1") && error.message.contains("who are you?"),
        "{error:?}"
    );
    assert!(error.next_step.contains("keystone_authtoken"), "{error:?}");
    assert_eq!((cloud.logins(), cloud.asked(SERVICES).len()), (2, 2));
}

#[tokio::test]
async fn a_given_token_that_is_revoked_is_said_to_be_past_renewal() {
    let cloud = Stub::new();
    let mut token = String::new();
    cloud.set(|cloud| token = cloud.issue_token());
    let session = cloud.session_of(&format!("auth: {{auth_url: $URL/identity, token: {token}}}"));
    nova::services(&session).await.unwrap();
    cloud.set(|cloud| cloud.revoke_tokens());
    for _ in 0..3 {
        let error = nova::services(&session).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Auth);
        assert!(error.message.contains("expired or was revoked"), "{error:?}");
        assert!(error.next_step.contains("cannot renew a token that it was given"), "{error:?}");
    }
    assert_eq!(cloud.logins(), 2, "once when it came, once when it was refused");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_for_all_and_then_ever_more_rarely() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.password = "changed".to_owned());
    let session = cloud.session();
    for outcome in together(&session, 9).await {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::Auth, "keystone"));
        assert!(error.message.contains("refused the credentials"), "{error:?}");
        assert!(error.next_step.contains("password"), "{error:?}");
    }
    assert_eq!(cloud.logins(), 1);
    // After this many more seconds: so many logins in all.
    for (seconds, logins) in [(20, 1), (10, 2), (40, 2), (15, 3), (90, 3), (20, 4), (110, 5)] {
        pass(Duration::from_secs(seconds)).await;
        together(&session, 3).await;
        assert_eq!(cloud.logins(), logins, "{seconds} s later");
    }
    // The right password ends it.
    cloud.set(|cloud| cloud.password = PASSWORD.to_owned());
    pass(2 * MINUTE).await;
    assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5));
}

#[tokio::test]
async fn keystone_that_fails_is_asked_again_after_a_second() {
    let cloud = Stub::new();
    cloud.script(LOGIN, [Answer::status(500), Answer::usual()]);
    let session = cloud.session();
    for outcome in together(&session, 5).await {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Server);
    }
    assert_eq!(cloud.logins(), 1);
    pass(Duration::from_secs(2)).await;
    assert_eq!(nova::services(&session).await.map(|rows| rows.len()), Ok(5));
}

#[tokio::test]
async fn no_header_and_no_error_shows_a_secret() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.script(SERVICES, [Answer::status(500)]);
    let error = nova::services(&session).await.unwrap_err();
    let shown = format!("{error:?} {:?} {:?}", session.cloud(), session.login().await.unwrap());
    assert!(!shown.contains(PASSWORD) && !shown.contains("stub-token"), "{shown}");
    for request in cloud.requests() {
        let told = format!("{} {:?}", request.uri, request.header("user-agent"));
        assert!(told.contains("stackwatch/") && !told.contains(PASSWORD), "{told}");
    }
}
