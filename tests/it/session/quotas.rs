//! Quotas of every project, over a cloud that answers as it is told.

use std::time::Duration;

use stackwatch::config::file::Quotas as Settings;
use stackwatch::feed::Feed;
use stackwatch::model::{Limit, QuotaService};
use stackwatch::report::Topic;
use stackwatch::request::Wanted;
use stackwatch::source::Sources;
use stackwatch::store::Store;

use crate::support::stub::{Answer, Endpoint, Stub};

const ADMIN: &str = "2ca29ea816ee467fbb9cd53dbbea71b1";
const DEMO: &str = "2a294ffc60fe46fe817f77a69d912949";

fn nova(id: &str) -> String {
    format!("GET /compute/v2.1/os-quota-sets/{id}/detail")
}

fn neutron(id: &str) -> String {
    format!("GET /network/v2.0/quotas/{id}/details.json")
}

fn cinder(id: &str) -> String {
    format!("GET /volume/v3/os-quota-sets/{id}")
}

/// A cloud with cinder in its catalog.
fn with_cinder() -> Stub {
    let cloud = Stub::new();
    cloud.set(|cloud| {
        cloud.catalog.push(Endpoint {
            kind: "block-storage",
            interface: "public",
            region: "RegionOne",
            url: "/volume/v3".to_owned(),
        });
    });
    cloud
}

/// The collectors of quotas and projects at work, and what they told.
struct Watch {
    feed: Feed,
    store: Store,
}

impl Watch {
    fn start(cloud: &Stub, requests_per_second: f64) -> Self {
        let quotas = Settings { requests_per_second };
        let sources = Sources { session: Some(cloud.session()), quotas, ..Sources::default() };
        let feed = Feed::start(sources, 0, |topic| topic.is_of_quotas() || topic == Topic::Projects);
        Self { feed, store: Store::default() }
    }

    /// Takes in reports until this holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Store) -> bool) {
        let mut batch = Vec::new();
        let mut order = stackwatch::health::quota::Order::default();
        let waiting = async {
            while !holds(&self.store) {
                self.feed.want(Wanted { quotas: order.of(&self.store), ..Wanted::default() });
                self.feed.reports(&mut batch, 64).await.unwrap();
                batch.drain(..).for_each(|report| self.store.apply(report));
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn settled(&mut self) {
        self.until("all quotas are told", |store| {
            QuotaService::ALL.iter().all(|service| store.freshness(Topic::of_quotas(*service)).settled())
        })
        .await;
    }

    fn figure(&self, id: &str, service: QuotaService, resource: &str) -> Option<(Limit, Option<i64>)> {
        let allowance = self.store.quotas.by_id(id)?.find(service, resource)?;
        Some((allowance.limit, allowance.in_use))
    }

    /// Why a service's answer about a project is missing.
    fn trouble(&self, id: &str, service: QuotaService) -> Option<String> {
        let trouble = self.store.quotas.by_id(id)?.of(service).trouble.as_ref()?;
        Some(format!("{}: {}", trouble.kind, trouble.message))
    }
}

use QuotaService::{Cinder, Glance, Neutron, Nova};

#[tokio::test]
async fn every_project_is_asked_about_once_of_every_service_that_is_there() {
    let cloud = with_cinder();
    let mut watch = Watch::start(&cloud, 4.0);
    watch.settled().await;
    for id in [ADMIN, DEMO] {
        assert_eq!(watch.figure(id, Nova, "cores"), Some((Limit::Of(2_000), Some(135))));
        assert_eq!(watch.figure(id, Cinder, "gigabytes_fast"), Some((Limit::Unlimited, Some(16))));
        assert_eq!(watch.figure(id, Neutron, "port"), Some((Limit::Of(1_000), Some(11))));
        for path in [nova(id), cinder(id), neutron(id)] {
            assert_eq!(cloud.asked(&path).len(), 1, "{path}");
        }
    }
    assert_eq!(cloud.asked(&cinder(DEMO))[0].pair("usage"), Some("True"));
    // This glance asks keystone for no limits.
    assert!(watch.store.has_no_quotas(Glance));
    assert!(QuotaService::ALL.iter().all(|s| watch.store.freshness(Topic::of_quotas(*s)).limit.is_none()));
}

#[tokio::test]
async fn a_service_that_is_not_in_the_catalog_is_not_asked_about_each_project() {
    let cloud = Stub::new();
    let mut watch = Watch::start(&cloud, 4.0);
    watch.settled().await;
    assert!(watch.store.has_no_quotas(Cinder) && !watch.store.has_no_quotas(Nova));
    assert!(cloud.requests().iter().all(|request| !request.path.contains("/volume")));
    assert!(watch.store.freshness(Topic::CinderQuotas).outage.is_none(), "that is no failure");
}

#[tokio::test]
async fn what_one_project_is_refused_is_its_rows_and_the_round_goes_on() {
    for (status, kind, words) in [
        (404, "missing", "knows no"),
        (403, "forbidden", "nova refused GET"),
        (400, "bad answer", "answered 400"),
        (500, "unreachable", "answered 500"),
    ] {
        let cloud = with_cinder();
        cloud.script(&nova(DEMO), [Answer::status(status)]);
        let mut watch = Watch::start(&cloud, 4.0);
        watch.settled().await;
        let trouble = watch.trouble(DEMO, Nova).unwrap_or_default();
        assert!(trouble.starts_with(kind) && trouble.contains(words), "{status}: {trouble}");
        assert_eq!(watch.figure(ADMIN, Nova, "instances"), Some((Limit::Of(500), Some(40))), "{status}");
        assert_eq!(watch.figure(DEMO, Neutron, "router"), Some((Limit::Of(10), Some(1))), "{status}");
        let limit = watch.store.freshness(Topic::NovaQuotas).limit.clone().unwrap();
        assert!(limit.message.starts_with("of 1 of 3 projects not told: nova"), "{}", limit.message);
    }
}

#[test]
fn a_project_that_was_deleted_since_it_was_listed_is_no_row_and_no_trouble() {
    let cloud = with_cinder();
    let words = format!("Project ID {DEMO} is not a valid project.");
    cloud.script(&nova(DEMO), [Answer::refusal(400, &words)]);
    let run = cloud.run(&["show", "quotas", "-o", "json"]);
    assert_eq!((run.code, &*run.err), (0, ""), "{run:#?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["id"] != DEMO), "{rows:?}");
}

#[tokio::test]
async fn a_service_that_asks_to_be_left_alone_is_and_the_others_go_on() {
    for status in [413, 429] {
        let cloud = with_cinder();
        // Longer than a request waits by itself.
        for id in [ADMIN, DEMO] {
            cloud.script(&nova(id), [Answer::status(status).header("retry-after", "120")]);
        }
        let mut watch = Watch::start(&cloud, 4.0);
        watch
            .until("nova fails and the others are told", |store| {
                store.freshness(Topic::NovaQuotas).outage.is_some()
                    && [Cinder, Neutron].iter().all(|s| store.freshness(Topic::of_quotas(*s)).settled())
            })
            .await;
        let failing = watch.store.freshness(Topic::NovaQuotas).outage.clone().unwrap();
        assert!(
            failing.outage.retry_in.is_some_and(|pause| pause >= Duration::from_secs(100)),
            "{failing:?}"
        );
        assert!(watch.figure(DEMO, Cinder, "volumes").is_some());
        for id in [ADMIN, DEMO] {
            assert!(cloud.asked(&nova(id)).len() <= 1, "{status}: {id} was asked about again");
        }
    }
}

#[tokio::test]
async fn refusals_in_a_row_are_the_services_and_it_rests() {
    let cloud = with_cinder();
    let many: Vec<String> = (0..40).map(|n| format!("{n:032x}")).collect();
    let rows: Vec<serde_json::Value> =
        many.iter().map(|id| serde_json::json!({"id": id, "name": id, "domain_id": "default"})).collect();
    cloud.script("GET /identity/v3/projects", [Answer::json(serde_json::json!({"projects": rows}))]);
    for id in &many {
        cloud.script(&cinder(id), [Answer::status(500)]);
    }
    let mut watch = Watch::start(&cloud, 0.0);
    watch.until("cinder rests", |store| store.freshness(Topic::CinderQuotas).outage.is_some()).await;
    let asked =
        cloud.requests().iter().filter(|request| request.path.contains("/volume/v3/os-quota-sets")).count();
    assert!(asked <= 3 + 4, "{asked} projects were asked about after three refusals");
}

#[tokio::test]
async fn a_neutron_without_details_tells_limits_from_one_list() {
    let cloud = Stub::new();
    for id in [ADMIN, DEMO] {
        cloud.script(&neutron(id), [Answer::status(404)]);
    }
    // Only one of them has limits of its own.
    cloud.script(
        "GET /network/v2.0/quotas",
        [Answer::json(serde_json::json!({"quotas": [{"tenant_id": DEMO, "project_id": DEMO, "port": 7}]}))],
    );
    let mut watch = Watch::start(&cloud, 4.0);
    watch.settled().await;
    assert_eq!(watch.figure(DEMO, Neutron, "port"), Some((Limit::Of(7), None)));
    assert_eq!(watch.figure(DEMO, Neutron, "network"), Some((Limit::Of(100), None)), "the default");
    assert_eq!(watch.figure(ADMIN, Neutron, "port"), Some((Limit::Of(500), None)));
    assert_eq!(cloud.asked("GET /network/v2.0/quotas").len(), 1);
}

#[tokio::test]
async fn glances_limits_come_from_keystone_where_it_asks_for_them() {
    let cloud = Stub::new();
    let json = |body: &str| [Answer::sample(body)];
    cloud.script(
        "GET /image/v2/info/usage",
        json(r#"{"usage": {"image_count_total": {"limit": 100, "usage": 3}}}"#),
    );
    cloud.script(
        "GET /identity/v3/registered_limits",
        json(r#"{"registered_limits": [{"resource_name": "image_count_total", "default_limit": 50}]}"#),
    );
    cloud.script(
        "GET /identity/v3/limits",
        json(&format!(
            r#"{{"limits": [{{"project_id": "{ADMIN}", "resource_name": "image_count_total", "resource_limit": 100}}]}}"#
        )),
    );
    let mut watch = Watch::start(&cloud, 4.0);
    watch.settled().await;
    // The asker's own project, and another.
    assert_eq!(watch.figure(ADMIN, Glance, "image_count_total"), Some((Limit::Of(100), Some(3))));
    assert_eq!(watch.figure(DEMO, Glance, "image_count_total"), Some((Limit::Of(50), None)));
}

#[tokio::test]
async fn a_member_is_told_of_its_own_project_by_its_own_limits_where_nova_keeps_the_quota_from_it() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.member = true);
    cloud.script(&nova(DEMO), [Answer::status(403)]);
    let mut watch = Watch::start(&cloud, 4.0);
    watch.settled().await;
    let rows: Vec<&str> = watch.store.quotas.iter().map(|(_, row)| &*row.id).collect();
    assert_eq!(rows, [DEMO]);
    assert_eq!(watch.figure(DEMO, Nova, "cores"), Some((Limit::Of(2_000), Some(135))));
    assert_eq!(watch.trouble(DEMO, Nova), None);
}

#[test]
fn one_project_alone_costs_one_question_of_each_service() {
    let cloud = with_cinder();
    let run = cloud.run(&["show", "quotas", "--project", "demo", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    for (column, expected) in [
        ("project", serde_json::json!("demo")),
        ("domain", serde_json::json!("Default")),
        ("id", serde_json::json!(DEMO)),
        ("vcpu", serde_json::json!(135)),
        ("vcpu_limit", serde_json::json!(2_000)),
        ("ram", serde_json::json!(1_051_520)),
        ("gigabytes", serde_json::json!(17)),
        ("floating_ips_limit", serde_json::json!(50)),
        ("key_pairs", serde_json::Value::Null),
        ("key_pairs_limit", serde_json::json!(100)),
        ("nearest", serde_json::json!(40)),
        ("nearest_resource", serde_json::json!("volumes")),
    ] {
        assert_eq!(row[column], expected, "{column} of {row}");
    }
    assert_eq!(cloud.asked(&nova(DEMO)).len(), 1);
    assert_eq!(cloud.asked(&nova(ADMIN)).len(), 0);
    let run = cloud.run(&["show", "quotas", "--project", "nobody"]);
    assert_eq!(run.code, 1, "{run:#?}");
    run.says(&["there is no project `nobody`", "  next: "]);
    let run = cloud.run(&["show", "services", "--project", "demo"]);
    assert_eq!(run.code, 2, "{run:#?}");
}

#[test]
fn a_row_that_could_not_be_had_is_named_and_the_rest_is_printed() {
    let cloud = Stub::new();
    cloud.script(&neutron(DEMO), [Answer::status(500)]);
    let run = cloud.run(&["show", "quotas", "-o", "json"]);
    assert_eq!(run.code, 3, "{run:#?}");
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].2.contains("of 1 of 3 projects not told: neutron at"), "{errors:?}");
    let json = run.json();
    let row = json["rows"].as_array().unwrap().iter().find(|row| row["id"] == DEMO).unwrap().clone();
    assert!(row["ports"].is_null() && row["volumes"].is_null(), "{row}");
    assert_eq!((&row["verdict"], &row["vcpu"]), (&serde_json::json!("unknown"), &serde_json::json!(135)));
}
