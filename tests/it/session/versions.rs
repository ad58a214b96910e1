//! Microversions: the highest that both ends know, each service its own, bounded by us and by clouds.yaml.

use stackwatch::model::PowerState;
use stackwatch::source::{Microversion, ServiceKind, Session, glance, keystone, neutron, nova, placement};

use crate::support::stub::{Answer, PASSWORD, Stub};

const HEADER: &str = "openstack-api-version";

async fn servers(session: &Session) -> Vec<stackwatch::model::Instance> {
    let query = nova::ServerQuery { all_projects: true, ..Default::default() };
    nova::servers(session, query).next().await.unwrap().unwrap().rows
}

#[tokio::test]
async fn each_service_gets_its_own_header_and_no_other() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    placement::providers(&session).await.unwrap();
    neutron::agents(&session).await.unwrap();
    keystone::projects(&session).await.unwrap();
    glance::image(&session, "dad2b808-6fd9-4919-934e-499cf48fa4b6").await.unwrap();
    let expected = [
        ("GET /compute/v2.1/os-services", Some("compute 2.93")),
        ("GET /placement/resource_providers", Some("placement 1.39")),
        ("GET /network/v2.0/agents", None),
        ("GET /identity/v3/projects", None),
        ("GET /image/v2/images/dad2b808-6fd9-4919-934e-499cf48fa4b6", None),
        ("POST /identity/v3/auth/tokens", None),
        // Discovery asks what there is.
        ("GET /compute/v2.1/", None),
        ("GET /placement/", None),
    ];
    for (route, header) in expected {
        let asked = cloud.asked(route);
        assert_eq!(asked.len(), 1, "{route}");
        assert_eq!(asked[0].header(HEADER), header, "{route}");
        assert_eq!(asked[0].header("x-openstack-nova-api-version"), None, "{route}");
    }
    assert_eq!(cloud.requests().len(), expected.len(), "nothing else was asked");
}

#[tokio::test]
async fn the_highest_that_both_know_below_every_bound() {
    // nova's highest, a setting, then what services and hypervisors are asked with.
    for (highest, setting, services, hypervisors) in [
        (Some("2.93"), "", Some("2.93"), Some("2.87")),
        (Some("2.100"), "", Some("2.96"), Some("2.87")),
        (Some("2.60"), "", Some("2.60"), Some("2.60")),
        (Some("2.1"), "", Some("2.1"), Some("2.1")),
        (None, "", None, None),
        (Some("2.93"), ", compute_api_version: '2.53'", Some("2.53"), Some("2.53")),
        (Some("2.93"), ", compute_default_microversion: '2.90'", Some("2.90"), Some("2.87")),
        (Some("2.60"), ", compute_default_microversion: '2.90'", Some("2.60"), Some("2.60")),
        (Some("2.93"), ", compute_api_version: 2", Some("2.93"), Some("2.87")),
        (Some("2.93"), ", placement_api_version: '1.14'", Some("2.93"), Some("2.87")),
    ] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.nova = highest);
        let session = cloud.session_of(&format!(
            "auth: {{auth_url: $URL/identity, username: ops, password: {PASSWORD}, project_id: p}}{setting}"
        ));
        let case = format!("{highest:?}{setting}");
        assert_eq!(nova::services(&session).await.unwrap().len(), 5, "{case}");
        assert_eq!(nova::hypervisors(&session).next().await.unwrap().unwrap().rows.len(), 3, "{case}");
        for (route, version) in [("os-services", services), ("os-hypervisors/detail", hypervisors)] {
            let asked = cloud.asked(&format!("GET /compute/v2.1/{route}"));
            let expected = version.map(|version| format!("compute {version}"));
            assert_eq!(asked[0].header(HEADER), expected.as_deref(), "{route} {case}");
            // The name of the header before 2.27.
            let older = asked[0].header("x-openstack-nova-api-version");
            assert_eq!(older, version.filter(|version| *version == "2.1"), "{route} {case}");
        }
        let (_, about) = session.about(ServiceKind::Compute, nova::CAP).await.unwrap();
        assert_eq!(about.map(|version| version.to_string()).as_deref(), services, "{case}");
    }
}

#[tokio::test]
async fn placement_is_bounded_by_its_own_setting() {
    let cloud = Stub::new();
    let session = cloud.session_of(&format!("{}, placement_api_version: '1.14'", cloud.entry()));
    placement::providers(&session).await.unwrap();
    nova::services(&session).await.unwrap();
    assert_eq!(cloud.asked("GET /placement/resource_providers")[0].header(HEADER), Some("placement 1.14"));
    assert_eq!(cloud.asked("GET /compute/v2.1/os-services")[0].header(HEADER), Some("compute 2.93"));
}

#[tokio::test]
async fn an_old_cloud_works_with_less() {
    for highest in [Some("2.1"), None] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.nova = highest);
        let session = cloud.session();
        let hypervisors = nova::hypervisors(&session).next().await.unwrap().unwrap().rows;
        assert_eq!((&*hypervisors[0].id, &*hypervisors[0].host), ("1", "cmp03"));
        assert_eq!(hypervisors[0].cpu_model.as_deref(), Some("Nehalem"), "JSON in a string then");
        let rows = servers(&session).await;
        let web = &rows[0];
        assert_eq!(
            (&*web.name, web.power_state, web.host_status.as_ref()),
            ("web-01", PowerState::Running, None)
        );
        let flavor = web.flavor.as_ref().unwrap();
        assert_eq!((&*flavor.name, flavor.vcpus, flavor.ram), ("1", None, None), "an id, and no figures");
        assert_eq!(nova::aggregates(&session).await.unwrap().len(), 2);
        // Without a time to start from, all are read and those under way kept.
        let moving = nova::migrations(&session).await.unwrap();
        assert_eq!((moving.len(), &*moving[0].status), (1, "finished"));
        assert_eq!(cloud.asked("GET /compute/v2.1/os-migrations")[0].query, []);
    }
}

#[test]
fn what_an_old_nova_lacks_is_named() {
    assert_eq!(nova::lacks(None).len(), 6);
    assert_eq!(
        nova::lacks(Some(Microversion(2, 60))),
        ["the host of an instance's events", "why an instance is locked"]
    );
    assert_eq!(nova::lacks(Some(Microversion(2, 93))), [""; 0]);
}

#[tokio::test]
async fn a_nova_that_was_replaced_by_an_older_one_is_asked_anew() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.set(|cloud| cloud.nova = Some("2.79"));
    let error = nova::services(&session).await.unwrap_err();
    assert_eq!(error.status, Some(406));
    assert!(
        error.message.contains("Version 2.999 is not supported by the API"),
        "nova's own words: {error:?}"
    );
    nova::services(&session).await.unwrap();
    let asked = cloud.asked("GET /compute/v2.1/os-services");
    assert_eq!(asked.last().unwrap().header(HEADER), Some("compute 2.79"));
}

#[tokio::test]
async fn discovery_takes_both_kinds_of_document_and_nothing_else() {
    let list = r#"{"versions": [{"id": "v2.0", "version": "", "min_version": ""},
                                {"id": "v2.1", "version": "2.53", "min_version": "2.1"}]}"#;
    for (answer, expected) in [
        (Answer::sample(list), Ok("compute 2.53")),
        (Answer::redirect("https://elsewhere.test/"), Err("redirects to https://elsewhere.test/")),
        (Answer::html(200, "<html>Welcome to nginx!"), Err("an HTML page, not JSON")),
        (Answer::sample("[1]"), Err("its version document")),
        (Answer::status(404), Err("knows no /compute/v2.1/")),
    ] {
        let cloud = Stub::new();
        cloud.script("GET /compute/v2.1/", [answer]);
        let outcome = nova::services(&cloud.session()).await;
        let asked = cloud.asked("GET /compute/v2.1/os-services");
        match expected {
            Ok(header) => assert_eq!(asked[0].header(HEADER), Some(header), "{outcome:?}"),
            Err(words) => {
                let error = outcome.unwrap_err();
                assert!(error.message.contains(words), "{error:?}");
                assert!(error.request_id.is_some() && asked.is_empty(), "{error:?}");
            }
        }
    }
}
