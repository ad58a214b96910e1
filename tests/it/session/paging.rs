//! Lists in pages: complete whatever the page limit, and never round in circles.

use serde_json::{Value, json};
use stackwatch::source::{Error, ErrorKind, Session, neutron, nova};

use crate::support::stub::{Answer, Stub};

const SERVERS: &str = "GET /compute/v2.1/servers/detail";

/// The names of all servers, and what ended the reading.
async fn names(session: &Session, limit: Option<u32>) -> (Vec<String>, Result<(), Error>) {
    let query = nova::ServerQuery { all_projects: true, limit, ..Default::default() };
    let mut pages = nova::servers(session, query);
    let mut names = Vec::new();
    loop {
        match pages.next().await {
            Ok(Some(page)) => names.extend(page.rows.iter().map(|row| row.name.to_string())),
            Ok(None) => return (names, Ok(())),
            Err(error) => return (names, Err(error)),
        }
    }
}

#[tokio::test]
async fn a_list_is_whole_whatever_the_page_limit() {
    let expected = ["web-01", "too-big", "web-08", "web-07", "web-03", "web-04"];
    for (page, limit, requests) in
        [(1, None, 6), (4, None, 2), (5, Some(2), 3), (6, None, 1), (1_000, Some(6), 1), (2, Some(1_000), 3)]
    {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.page = page);
        assert_eq!(
            names(&cloud.session(), limit).await,
            (expected.map(str::to_owned).to_vec(), Ok(())),
            "{page}"
        );
        let asked = cloud.asked(SERVERS);
        assert_eq!(asked.len(), requests, "{page} {limit:?}");
        for request in &asked {
            assert_eq!(request.pair("all_tenants"), Some("1"));
            assert_eq!(request.pair("limit"), limit.map(|limit| limit.to_string()).as_deref());
        }
        assert!(asked.iter().skip(1).all(|request| request.pair("marker").is_some()));
    }
}

#[tokio::test]
async fn hypervisors_and_migrations_come_in_pages_too() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.page = 1);
    let session = cloud.session();
    let mut pages = nova::hypervisors(&session);
    let mut hosts = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        hosts.extend(page.rows.iter().map(|row| row.host.to_string()));
    }
    assert_eq!(hosts, ["cmp03", "cmp02", "cmp01"]);
    // The one under way is on the first page, those that ended on two more.
    assert_eq!(nova::migrations(&session).await.unwrap().len(), 1);
    let asked = cloud.asked("GET /compute/v2.1/os-migrations");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.pair("changes-since").is_some()));
}

#[tokio::test]
async fn agents_and_actions_follow_their_links() {
    let cloud = Stub::new();
    let agent = |id: &str| json!({ "id": id, "binary": "neutron-l3-agent", "host": id, "alive": true });
    let page = |id: &str, next: Option<&str>| {
        let links: Vec<Value> = next
            .into_iter()
            .map(|marker| json!({ "rel": "next", "href": format!("http://10.0.0.9:9696/v2.0/agents?marker={marker}") }))
            .chain([json!({ "rel": "previous", "href": "http://10.0.0.9:9696/v2.0/agents?page_reverse=True" })])
            .collect();
        Answer::json(json!({ "agents": [agent(id)], "agents_links": links }))
    };
    cloud.script("GET /network/v2.0/agents", [page("a", Some("a")), page("b", None)]);
    let agents = neutron::agents(&cloud.session()).await.unwrap();
    assert_eq!(agents.iter().map(|agent| &*agent.id).collect::<Vec<_>>(), ["a", "b"]);

    let action = |id: &str| json!({ "action": "reboot", "request_id": id, "start_time": "2026-11-23T18:48:41.000000" });
    let first = json!({
        "instanceActions": [action("req-1")],
        "links": [{ "rel": "next", "href": "http://10.0.0.9/x?limit=1&marker=req-1" }],
    });
    let route = "GET /compute/v2.1/servers/s/os-instance-actions";
    cloud.script(route, [Answer::json(first), Answer::json(json!({ "instanceActions": [action("req-2")] }))]);
    assert_eq!(nova::instance_actions(&cloud.session(), "s").await.unwrap().len(), 2);
    assert_eq!(cloud.asked(route)[1].pair("marker"), Some("req-1"));
}

#[tokio::test]
async fn of_a_link_only_the_query_is_used() {
    let elsewhere = Stub::new();
    // Another host, a host behind TLS, and a bare path as glance writes it.
    for links in [elsewhere.url(), "https://internal.test:8774".to_owned(), String::new()] {
        let cloud = Stub::new();
        cloud.set(|cloud| (cloud.page, cloud.links) = (4, Some(links.clone())));
        let (names, end) = names(&cloud.session(), None).await;
        assert_eq!((names.len(), end), (6, Ok(())), "{links}");
    }
    assert!(elsewhere.requests().is_empty(), "no token went there");
}

#[tokio::test]
async fn pages_that_go_round_in_circles_end_with_an_error() {
    let page = |name: &str, marker: &str| {
        let rows = if name.is_empty() {
            json!([])
        } else {
            json!([{ "id": name, "name": name, "status": "ACTIVE" }])
        };
        let next = format!("http://h/v2.1/servers/detail?all_tenants=1&marker={marker}");
        Answer::json(json!({ "servers": rows, "servers_links": [{ "rel": "next", "href": next }] }))
    };
    for (case, pages, rows) in [
        ("a link to itself", vec![page("a", "a")], 1),
        ("two that link to each other", vec![page("a", "a"), page("b", "b"), page("c", "a")], 2),
        ("the same page under ever new markers", vec![page("a", "1"), page("a", "2"), page("a", "3")], 1),
        ("an empty page that leads on", vec![page("a", "a"), page("", "b")], 1),
    ] {
        let cloud = Stub::new();
        let most = pages.len();
        cloud.script(SERVERS, pages);
        let (names, end) = names(&cloud.session(), None).await;
        let error = end.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer, "{case}");
        assert!(
            error.message.contains("the pages of /servers/detail go round in circles"),
            "{case}: {error:?}"
        );
        assert_eq!(names.len(), rows, "{case}");
        // One more may have been on its way.
        assert!(cloud.asked(SERVERS).len() <= most.max(2) + 1, "{case}");
    }
}

#[tokio::test]
async fn a_page_that_fails_leaves_those_before_it() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.page = 2);
    cloud.script(SERVERS, [Answer::usual(), Answer::usual(), Answer::status(500)]);
    let (names, end) = names(&cloud.session(), None).await;
    assert_eq!((names.len(), end.unwrap_err().status), (4, Some(500)));
}

#[tokio::test]
async fn changes_since_is_asked_in_utc_and_names_the_deleted() {
    let cloud = Stub::new();
    let session = cloud.session();
    let since = "2026-11-23T19:25:40.7+01:00".parse().ok();
    let query = nova::ServerQuery { all_projects: true, changes_since: since, ..Default::default() };
    let rows = nova::servers(&session, query).next().await.unwrap().unwrap().rows;
    assert_eq!(rows.iter().map(|row| &*row.status).collect::<Vec<_>>(), ["DELETED", "ACTIVE"]);
    assert_eq!(cloud.asked(SERVERS)[0].pair("changes-since"), Some("2026-11-23T18:25:40Z"));
}
