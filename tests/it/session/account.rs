//! What projects have in the object store, over a swift that answers as it is told.

use serde_json::json;
use stackwatch::model::{Limit, StorageAccount, Trouble};
use stackwatch::report::{OutageKind, Topic};
use stackwatch::request::Query;
use stackwatch::store::Store;

use super::answered;
use crate::support::stub::{Answer, Endpoint, Request, Stub};

/// The token's project.
const OWN: &str = "2ca29ea816ee467fbb9cd53dbbea71b1";
const DEMO: &str = "2a294ffc60fe46fe817f77a69d912949";
const PLACE: &str = "/object/v1/AUTH_2ca29ea816ee467fbb9cd53dbbea71b1";

/// A cloud whose catalog has its object store there.
fn with_swift(path: &str) -> Stub {
    let cloud = Stub::new();
    let (kind, interface, region) = ("object-store", "public", "RegionOne");
    cloud.set(|cloud| cloud.catalog.push(Endpoint { kind, interface, region, url: path.to_owned() }));
    cloud
}

/// What swift answers to a HEAD: 204, and headers.
fn account(headers: &[(&str, &str)]) -> Answer {
    headers.iter().fold(Answer::status(204), |answer, (name, value)| answer.header(name, value))
}

/// Bytes, objects and containers.
const FIGURES: [(&str, &str); 3] = [
    ("X-Account-Bytes-Used", "13207024386"),
    ("X-Account-Object-Count", "12408"),
    ("X-Account-Container-Count", "7"),
];

fn with_quota(name: &str, value: &str) -> Answer {
    account(&FIGURES).header(name, value)
}

async fn asked(cloud: &Stub, project: &str) -> Store {
    answered(cloud, Query::Account(project.into())).await
}

/// What a store was told of an account; `None`: that there is none.
#[track_caller]
fn told(store: &Store, project: &str) -> Option<StorageAccount> {
    let answered = &store.answers(project).unwrap().account;
    assert_eq!(answered.trouble, None);
    answered.told.as_ref().unwrap().1
}

/// Why an account is not told: that is its project's, and the next one may be told of.
#[track_caller]
fn trouble<'a>(store: &'a Store, project: &str) -> &'a Trouble {
    let answered = &store.answers(project).unwrap().account;
    assert!(answered.told.is_none() && store.freshness(Topic::Account).outage.is_none());
    answered.trouble.as_ref().unwrap()
}

/// What the object store was asked.
fn questions(cloud: &Stub) -> Vec<Request> {
    cloud.requests().into_iter().filter(|request| request.path.starts_with("/object")).collect()
}

#[tokio::test]
async fn ones_own_account_is_asked_where_the_catalog_has_it_by_its_head_alone() {
    let cloud = with_swift(PLACE);
    cloud.script(&format!("HEAD {PLACE}"), [with_quota("X-Account-Meta-Quota-Bytes", "107374182400")]);
    let account = told(&asked(&cloud, OWN).await, OWN).unwrap();
    let expected = StorageAccount {
        bytes_used: 13_207_024_386,
        objects: 12_408,
        containers: 7,
        quota: Limit::Of(100 << 30),
    };
    assert_eq!(account, expected);
    let asked = questions(&cloud);
    assert_eq!(asked.len(), 1);
    assert_eq!((&*asked[0].method, &*asked[0].path, &*asked[0].body), ("HEAD", PLACE, ""));
    assert!(asked[0].header("x-auth-token").is_some() && asked[0].query.is_empty());
}

#[tokio::test]
async fn another_projects_account_is_asked_behind_the_same_prefix() {
    for prefix in ["AUTH_", "KEY_", ""] {
        let cloud = with_swift(&format!("/object/v1/{prefix}{OWN}"));
        cloud.script(&format!("HEAD /object/v1/{prefix}{DEMO}"), [account(&FIGURES)]);
        let store = asked(&cloud, DEMO).await;
        assert_eq!(told(&store, DEMO).map(|account| account.objects), Some(12_408), "{prefix}");
        assert!(store.answers(OWN).is_none() && store.has_accounts());
        assert_eq!(questions(&cloud).len(), 1, "{prefix}");
    }
}

#[tokio::test]
async fn a_quota_is_what_swift_holds_to() {
    const NEWER: &str = "X-Account-Quota-Bytes";
    const OLDER: &str = "X-Account-Meta-Quota-Bytes";
    for (answer, quota) in [
        (account(&FIGURES), Limit::Unlimited),
        (with_quota(OLDER, "10"), Limit::Of(10)),
        (with_quota(NEWER, "20"), Limit::Of(20)),
        (with_quota(OLDER, "10").header(NEWER, "20"), Limit::Of(20)),
        (with_quota(NEWER, "0"), Limit::Of(0)),
        (with_quota(OLDER, "-1"), Limit::Unlimited),
        (with_quota(OLDER, "99999999999999999999"), Limit::Unlimited),
    ] {
        let cloud = with_swift(PLACE);
        cloud.script(&format!("HEAD {PLACE}"), [answer.clone()]);
        let account = told(&asked(&cloud, OWN).await, OWN).unwrap();
        assert_eq!(account.quota, quota, "{answer:?}");
    }
}

#[tokio::test]
async fn a_project_that_never_stored_anything_has_no_account_and_that_is_no_failure() {
    let cloud = with_swift(PLACE);
    cloud.script(&format!("HEAD {PLACE}"), [Answer::status(404)]);
    assert_eq!(told(&asked(&cloud, OWN).await, OWN), None);
}

#[tokio::test]
async fn a_refusal_is_one_projects_and_names_the_role_that_is_missing() {
    for (project, role) in [(DEMO, "ResellerAdmin"), (OWN, "swiftoperator")] {
        let cloud = with_swift(PLACE);
        cloud.script(&format!("HEAD /object/v1/AUTH_{project}"), [Answer::status(403)]);
        let store = asked(&cloud, project).await;
        let trouble = trouble(&store, project);
        assert_eq!((trouble.source, trouble.kind), ("swift", "forbidden"));
        assert!(trouble.message.contains(role) && trouble.request_id.is_some(), "{trouble:?}");
        let command = format!("`openstack role add --user admin --project admin {role}`");
        assert!(trouble.next_step.starts_with(&command), "{trouble:?}");
    }
}

#[tokio::test]
async fn without_an_object_store_in_the_catalog_nothing_is_asked_nor_said() {
    let elsewhere = Stub::new();
    elsewhere.set(|cloud| {
        let (kind, interface, region) = ("object-store", "public", "RegionTwo");
        cloud.catalog.push(Endpoint { kind, interface, region, url: PLACE.to_owned() });
    });
    for cloud in [Stub::new(), elsewhere] {
        let store = asked(&cloud, OWN).await;
        assert!(store.answers(OWN).is_none() && !store.has_accounts());
        assert_eq!(store.freshness(Topic::Account).outage, None);
        assert!(questions(&cloud).is_empty());
    }
}

#[tokio::test]
async fn an_endpoint_that_names_no_project_is_asked_for_ones_own_alone() {
    let cloud = with_swift("/object/v1");
    cloud.script("HEAD /object/v1", [account(&FIGURES)]);
    assert_eq!(told(&asked(&cloud, OWN).await, OWN).map(|account| account.containers), Some(7));
    let store = asked(&cloud, DEMO).await;
    let trouble = trouble(&store, DEMO);
    assert!(trouble.message.contains("tells of no other") && !trouble.next_step.is_empty(), "{trouble:?}");
    assert_eq!(questions(&cloud).len(), 1, "its own figures are nobody else's");
}

#[tokio::test]
async fn a_token_that_was_revoked_is_renewed_once() {
    let cloud = with_swift(PLACE);
    cloud.script(&format!("HEAD {PLACE}"), [Answer::status(401), account(&FIGURES)]);
    let store = asked(&cloud, OWN).await;
    assert!(told(&store, OWN).is_some());
    assert_eq!((questions(&cloud).len(), cloud.logins()), (2, 2));
    cloud.script(&format!("HEAD {PLACE}"), [Answer::status(401)]);
    let store = asked(&cloud, OWN).await;
    let trouble = trouble(&store, OWN);
    assert_eq!(trouble.kind, OutageKind::Auth.as_str());
    assert!(trouble.message.starts_with("swift at "), "{trouble:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_nothing_is_made_of_it() {
    let without = |name: &str| -> Vec<(&str, &str)> {
        FIGURES.into_iter().filter(|(header, _)| *header != name).collect()
    };
    let but = |name: &'static str, value: &'static str| {
        let mut headers = without(name);
        headers.push((name, value));
        account(&headers)
    };
    use OutageKind::{BadAnswer, Unreachable};
    for (answer, kind, words) in [
        (but("X-Account-Bytes-Used", "many"), BadAnswer, "X-Account-Bytes-Used is no number"),
        (but("X-Account-Object-Count", "-3"), BadAnswer, "X-Account-Object-Count is no number"),
        (but("X-Account-Container-Count", "7.5"), BadAnswer, "X-Account-Container-Count is no number"),
        (account(&without("X-Account-Object-Count")), BadAnswer, "no X-Account-Object-Count"),
        (
            with_quota("X-Account-Meta-Quota-Bytes", "10G"),
            BadAnswer,
            "X-Account-Meta-Quota-Bytes is no number",
        ),
        // A proxy's page, and a service that is no swift.
        (Answer::html(200, "<html>log in</html>"), BadAnswer, "no X-Account-Bytes-Used"),
        (Answer::json(json!({})), BadAnswer, "no X-Account-Bytes-Used"),
        (Answer::redirect("https://elsewhere.test/"), BadAnswer, "redirects to https://elsewhere.test/"),
        (Answer::status(500), Unreachable, "answered 500"),
        (Answer::status(410), BadAnswer, "this account was deleted"),
        (Answer::closes(), Unreachable, "swift at"),
    ] {
        let cloud = with_swift(PLACE);
        cloud.script(&format!("HEAD {PLACE}"), [answer]);
        let store = asked(&cloud, OWN).await;
        let trouble = trouble(&store, OWN);
        assert!(trouble.kind == kind.as_str() && trouble.message.contains(words), "{words}: {trouble:?}");
        assert!(trouble.message.starts_with("swift ") && !trouble.next_step.is_empty(), "{trouble:?}");
    }
}
