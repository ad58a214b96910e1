//! Where a service is: catalog, interface, region, overrides.

use stackwatch::source::{ErrorKind, nova, placement};

use crate::support::stub::{Endpoint, PASSWORD, Stub};

/// An entry with more settings than the usual ones.
fn entry(more: &str) -> String {
    format!("auth: {{auth_url: $URL/identity, username: ops, password: {PASSWORD}, project_id: p}}{more}")
}

fn paths(cloud: &Stub) -> Vec<String> {
    cloud
        .requests()
        .into_iter()
        .map(|request| request.path)
        .filter(|path| !path.contains("identity"))
        .collect()
}

#[tokio::test]
async fn endpoints_with_and_without_version_and_project() {
    for url in [
        "/compute",
        "/compute/",
        "/compute/v2.1",
        "/compute/v2.1/",
        "/compute/v2.1/2ca29ea816ee467fbb9cd53dbbea71b1",
        "/compute/v2/2ca29ea816ee467fbb9cd53dbbea71b1",
    ] {
        let cloud = Stub::new();
        cloud.set(|cloud| {
            for endpoint in cloud.catalog.iter_mut().filter(|endpoint| endpoint.kind == "compute") {
                endpoint.url = url.to_owned();
            }
        });
        let rows = nova::services(&cloud.session()).await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        assert_eq!(rows.len(), 5);
        assert_eq!(paths(&cloud), ["/compute/v2.1/", "/compute/v2.1/os-services"], "{url}");
    }
}

#[tokio::test]
async fn interface_region_and_overrides_choose_the_endpoint() {
    for (more, expected) in [
        ("", "/north/public"),
        (", interface: internal", "/north/internal"),
        (", endpoint_type: internalURL", "/north/internal"),
        (", region_name: south", "/south/public"),
        (", region_name: south, interface: admin", "/south/admin"),
        (", region_name: north, compute_region_name: south", "/south/public"),
        (", interface: admin, compute_interface: internal", "/north/internal"),
        (", compute_endpoint_override: $URL/elsewhere/compute", "/elsewhere"),
        (", compute_endpoint_override: $URL/elsewhere/compute/v2.1/p", "/elsewhere"),
        (", placement_endpoint_override: $URL/elsewhere/placement", "/north/public"),
    ] {
        let cloud = Stub::new();
        cloud.set(|cloud| {
            cloud.catalog.clear();
            for region in ["north", "south"] {
                for interface in ["public", "internal", "admin"] {
                    let url = format!("/{region}/{interface}/compute/v2.1");
                    cloud.catalog.push(Endpoint { kind: "compute", interface, region, url });
                }
            }
        });
        nova::services(&cloud.session_of(&entry(more))).await.unwrap_or_else(|e| panic!("{more}: {e:?}"));
        let expected = ["/", "/os-services"].map(|path| format!("{expected}/compute/v2.1{path}"));
        assert_eq!(paths(&cloud), expected, "{more}");
    }
}

#[tokio::test]
async fn what_is_not_in_the_catalog_is_named() {
    for (kind, more, expected) in [
        ("placement", "", "placement is not in the catalog: no such service"),
        ("none", ", region_name: west", "no public endpoint in region west"),
        ("none", ", placement_region_name: west", "no public endpoint in region west"),
    ] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.catalog.retain(|endpoint| endpoint.kind != kind));
        let error = placement::providers(&cloud.session_of(&entry(more))).await.unwrap_err();
        assert_eq!((error.kind, error.service), (ErrorKind::Missing, "placement"));
        assert!(error.message.contains(expected), "{error:?}");
        assert!(error.next_step.contains("openstack catalog list"), "{error:?}");
    }
}

#[tokio::test]
async fn keystone_is_asked_where_we_logged_in() {
    let cloud = Stub::new();
    cloud.set(|cloud| {
        for endpoint in cloud.catalog.iter_mut().filter(|endpoint| endpoint.kind == "identity") {
            endpoint.url = "http://10.255.255.1:5000/v3".to_owned();
        }
    });
    let session = cloud.session();
    assert_eq!(stackwatch::source::keystone::projects(&session).await.unwrap().len(), 3);
    assert_eq!(cloud.asked("GET /identity/v3/projects").len(), 1);
}

#[tokio::test]
async fn a_new_token_brings_a_new_catalog() {
    let cloud = Stub::new();
    let session = cloud.session();
    nova::services(&session).await.unwrap();
    cloud.set(|cloud| {
        for endpoint in cloud.catalog.iter_mut().filter(|endpoint| endpoint.kind == "compute") {
            endpoint.url = "/moved/compute".to_owned();
        }
        cloud.revoke_tokens();
    });
    nova::services(&session).await.unwrap();
    assert_eq!(cloud.asked("GET /moved/compute/v2.1/os-services").len(), 1);
}
