//! Versions, tokens, and every way of saying no.

use super::*;

#[test]
fn each_service_says_its_versions_without_a_token() {
    let front = front("healthy", 1, 1);
    for (service, path, status, key) in [
        (Service::Keystone, "/", 300, "versions"),
        (Service::Keystone, "/v3", 200, "version"),
        (Service::Nova, "/", 200, "versions"),
        (Service::Nova, "/v2.1/", 200, "version"),
        (Service::Placement, "/", 200, "versions"),
        (Service::Neutron, "/", 200, "versions"),
        (Service::Cinder, "/", 300, "versions"),
        (Service::Cinder, "/v3/", 200, "versions"),
        (Service::Glance, "/", 300, "versions"),
        (Service::Glance, "/versions", 200, "versions"),
    ] {
        let got = send(&front, service, "GET", path, &[], &Value::Null);
        assert_eq!(got.status, status, "{} {path}", service.name());
        assert!(got.body.get(key).is_some(), "{} {path}: {}", service.name(), got.body);
    }
}

#[test]
fn without_a_good_token_every_service_says_401_and_where_keystone_is() {
    let front = front("healthy", 1, 1);
    let expired = Client::admin(&front);
    front.clock.set(OPENS.plus(2 * 60 * MINUTE));
    for (service, path) in [
        (Service::Keystone, "/v3/projects"),
        (Service::Nova, "/v2.1/servers"),
        (Service::Placement, "/resource_providers"),
        (Service::Neutron, "/v2.0/networks"),
        (Service::Cinder, "/v3/0123456789abcdef0123456789abcdef/volumes"),
        (Service::Glance, "/v2/images"),
    ] {
        for headers in
            [vec![], vec![("X-Auth-Token", "nonsense")], vec![("X-Auth-Token", expired.token.as_str())]]
        {
            let got = send(&front, service, "GET", path, &headers, &Value::Null);
            assert_eq!(got.status, 401, "{}", service.name());
            assert_eq!(got.header("WWW-Authenticate"), Some("Keystone uri=\"http://keystone:1/v3\""));
            assert!(got.header("x-openstack-request-id").is_some_and(|id| id.starts_with("req-")));
        }
    }
}

#[test]
fn who_logs_in_how_and_for_what() {
    let front = front("healthy", 1, 1);
    let (project, credential) = {
        let world = front.read();
        let credential = &world.cloud.credential;
        (world.cloud.project(2).name.to_string(), (credential.id.to_string(), credential.secret.clone()))
    };
    let log = |identity: Value, scope: Value| {
        let mut auth = json!({"auth": {"identity": identity}});
        if !scope.is_null() {
            auth["auth"]["scope"] = scope;
        }
        let got = send(&front, Service::Keystone, "POST", "/v3/auth/tokens", &[], &auth);
        (got.status, got.body["token"].clone())
    };
    let password = |name: &str, password: &str| {
        json!({"methods": ["password"], "password": {"user": {
            "name": name, "domain": {"name": "Default"}, "password": password,
        }}})
    };
    let of = |name: &str| json!({"project": {"name": name, "domain": {"id": "default"}}});
    let secret = |secret: &str| {
        json!({"methods": ["application_credential"], "application_credential": {
            "id": credential.0, "secret": secret,
        }})
    };
    for (identity, scope, status) in [
        (password("admin", PASSWORD), of("admin"), 201),
        (password("alice", PASSWORD), of(&project), 201),
        (password("alice", "wrong"), of(&project), 401),
        (password("nobody", PASSWORD), of(&project), 401),
        (password("nova", PASSWORD), of("service"), 401),
        (password("alice", PASSWORD), of("admin"), 401),
        (password("alice", PASSWORD), json!({"system": {"all": true}}), 401),
        (password("admin", PASSWORD), json!({"system": {"all": true}}), 201),
        (password("admin", PASSWORD), Value::Null, 201),
        (secret(&credential.1), Value::Null, 201),
        (secret("wrong"), Value::Null, 401),
        (json!({"methods": ["totp"]}), Value::Null, 401),
        (json!({}), Value::Null, 400),
    ] {
        let got = log(identity.clone(), scope.clone()).0;
        assert_eq!(got, status, "{identity} {scope}");
    }
    let (_, token) = log(password("admin", PASSWORD), of("admin"));
    assert_eq!(token["catalog"].as_array().unwrap().len(), 6);
    assert_eq!(token["roles"].as_array().unwrap().len(), 3);
    let (_, unscoped) = log(password("admin", PASSWORD), Value::Null);
    assert!(unscoped.get("catalog").is_none() && unscoped.get("roles").is_none());
    let client = Client::member(&front);
    let again = json!({"methods": ["token"], "token": {"id": client.token}});
    assert_eq!(log(again, of(&project)).0, 201, "a token for a token");
}

#[test]
fn a_token_can_be_looked_at_and_given_back() {
    let front = front("healthy", 1, 1);
    let client = Client::admin(&front);
    let member = Client::member(&front);
    let look = |who: &Client<'_>, at: &str, method: &str| {
        let headers = [("X-Auth-Token", who.token.as_str()), ("X-Subject-Token", at)];
        send(&front, Service::Keystone, method, "/v3/auth/tokens", &headers, &Value::Null)
    };
    let got = look(&client, &member.token, "GET");
    assert_eq!((got.status, &got.body["token"]["user"]["name"]), (200, &json!("alice")));
    assert_eq!(look(&member, &client.token, "GET").status, 403);
    assert_eq!(look(&client, &member.token, "HEAD").status, 200);
    assert_eq!(look(&client, &member.token, "DELETE").status, 204);
    assert_eq!(look(&client, &member.token, "GET").status, 404);
    assert_eq!(member.get(Service::Nova, "/v2.1/servers", "2.1").status, 401);
}

#[test]
fn nova_is_exact_about_versions() {
    let front = front("healthy", 1, 1);
    let client = Client::admin(&front);
    for (version, status, answered) in [
        ("-", 200, "2.1"),
        ("2.53", 200, "2.53"),
        ("latest", 200, "2.93"),
        ("2.999", 406, "2.999"),
        ("x", 400, "2.1"),
    ] {
        let got = client.get(Service::Nova, "/v2.1/servers", version);
        assert_eq!(got.status, status, "{version}: {}", got.body);
        assert_eq!(got.header("OpenStack-API-Version"), Some(format!("compute {answered}").as_str()));
        assert_eq!(got.header("X-OpenStack-Nova-API-Version"), Some(answered));
        assert_eq!(got.header("Vary"), Some("OpenStack-API-Version, X-OpenStack-Nova-API-Version"));
        assert_eq!(got.header("x-compute-request-id"), got.header("x-openstack-request-id"));
    }
    let words = "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.93.";
    let got = client.get(Service::Nova, "/v2.1/servers", "2.999");
    assert_eq!(got.body, json!({"computeFault": {"code": 406, "message": words}}));
    let old = [("X-Auth-Token", client.token.as_str()), ("X-OpenStack-Nova-API-Version", "2.25")];
    let got = send(&front, Service::Nova, "GET", "/v2.1/servers", &old, &Value::Null);
    assert_eq!(got.header("X-OpenStack-Nova-API-Version"), Some("2.25"), "the older header counts too");
    let two =
        [("X-Auth-Token", client.token.as_str()), ("OpenStack-API-Version", "volume 3.1, compute 2.60")];
    let got = send(&front, Service::Nova, "GET", "/v2.1/servers", &two, &Value::Null);
    assert_eq!(got.header("X-OpenStack-Nova-API-Version"), Some("2.60"), "two services in one header");
}

#[test]
fn cinder_has_no_patience_with_the_versions_of_others() {
    let front = front("healthy", 1, 1);
    let client = Client::admin(&front);
    let project = front.read().cloud.project(0).id.simple().to_string();
    let path = format!("/v3/{project}/os-services");
    let headers = [("X-Auth-Token", client.token.as_str()), ("OpenStack-API-Version", "compute 2.90")];
    assert_eq!(send(&front, Service::Cinder, "GET", &path, &headers, &Value::Null).status, 400);
    assert_eq!(client.get(Service::Cinder, &path, "3.999").status, 406);
    let foreign = front.read().cloud.project(2).id.simple().to_string();
    assert_eq!(client.get(Service::Cinder, &format!("/v3/{foreign}/volumes"), "3.70").status, 400);
}

#[test]
fn what_is_not_there_is_said_in_each_services_words() {
    let front = front("healthy", 2, 2);
    let client = Client::admin(&front);
    let nil = "00000000-0000-0000-0000-000000000000";
    let project = front.read().cloud.project(0).id.simple().to_string();
    let cases = [
        (
            Service::Nova,
            format!("/v2.1/servers/{nil}"),
            404,
            json!({"itemNotFound": {"code": 404, "message": format!("Instance {nil} could not be found.")}}),
        ),
        (
            Service::Nova,
            format!("/v2.1/servers?all_tenants=1&marker={nil}"),
            400,
            json!({"badRequest": {"code": 400, "message": format!("marker [{nil}] not found")}}),
        ),
        (
            Service::Nova,
            "/v2.1/nonsense".to_owned(),
            404,
            json!({"itemNotFound": {"code": 404, "message": "The resource could not be found."}}),
        ),
        (
            Service::Nova,
            "/v2.1/os-cells".to_owned(),
            410,
            json!({"computeFault": {"code": 410, "message":
                "This resource is no longer available. No forwarding address is given."}}),
        ),
        (
            Service::Keystone,
            "/v3/projects/nope".to_owned(),
            404,
            json!({"error": {"code": 404, "message": "Could not find project: nope.", "title": "Not Found"}}),
        ),
        (
            Service::Neutron,
            format!("/v2.0/networks/{nil}"),
            404,
            json!({"NeutronError": {"type": "NetworkNotFound", "detail": "",
                "message": format!("Network {nil} could not be found.")}}),
        ),
        (
            Service::Cinder,
            format!("/v3/{project}/volumes/{nil}"),
            404,
            json!({"itemNotFound": {"code": 404, "message": format!("Volume {nil} could not be found.")}}),
        ),
    ];
    for (service, path, status, body) in cases {
        let got = client.get(service, &path, if service == Service::Cinder { "3.70" } else { "2.90" });
        assert_eq!((got.status, got.body), (status, body), "{path}");
    }
    let got = client.get(Service::Placement, &format!("/resource_providers/{nil}/usages"), "1.39");
    assert_eq!(got.status, 404);
    assert_eq!(got.body["errors"][0]["title"], "Not Found");
    assert_eq!(client.get(Service::Glance, &format!("/v2/images/{nil}"), "-").status, 404);
}

#[test]
fn what_2_88_took_away_is_gone_there_and_still_here_before() {
    let front = front("healthy", 2, 2);
    let client = Client::admin(&front);
    let id = front.read().cloud.hosts[0].id;
    let number = 1;
    for (path, version, status) in [
        ("/v2.1/os-hypervisors/statistics".to_owned(), "2.87", 200),
        ("/v2.1/os-hypervisors/statistics".to_owned(), "2.88", 404),
        (format!("/v2.1/os-hypervisors/{id}/uptime"), "2.87", 200),
        (format!("/v2.1/os-hypervisors/{id}/uptime"), "2.88", 404),
        (format!("/v2.1/os-hypervisors/{id}"), "2.53", 200),
        (format!("/v2.1/os-hypervisors/{number}"), "2.1", 200),
        (format!("/v2.1/os-hypervisors/{number}"), "2.53", 400),
        ("/v2.1/os-hypervisors/cmp001/servers".to_owned(), "2.1", 200),
        ("/v2.1/os-hypervisors/cmp001/servers".to_owned(), "2.53", 404),
        ("/v2.1/servers?foo=bar".to_owned(), "2.74", 200),
        ("/v2.1/servers?foo=bar".to_owned(), "2.75", 400),
        ("/v2.1/servers?limit=-1".to_owned(), "2.1", 400),
        ("/v2.1/servers?sort_key=foo".to_owned(), "2.1", 400),
        ("/v2.1/servers?changes-since=yesterday".to_owned(), "2.1", 400),
        ("/v2.1/servers?name=[".to_owned(), "2.1", 400),
    ] {
        assert_eq!(client.get(Service::Nova, &path, version).status, status, "{path} at {version}");
    }
}

#[test]
fn a_member_gets_what_policy_allows() {
    let front = front("healthy", 6, 100);
    let client = Client::member(&front);
    let own = front.read().cloud.project(2).id.simple().to_string();
    let other = front.read().cloud.project(3).id.simple().to_string();
    let volume = |path: &str| format!("/v3/{own}/{path}");
    for (service, path, status) in [
        (Service::Nova, "/v2.1/servers/detail?all_tenants=1".to_owned(), 403),
        (Service::Nova, "/v2.1/os-services".to_owned(), 403),
        (Service::Nova, "/v2.1/os-hypervisors/detail".to_owned(), 403),
        (Service::Nova, "/v2.1/os-aggregates".to_owned(), 403),
        (Service::Nova, "/v2.1/os-availability-zone/detail".to_owned(), 403),
        (Service::Nova, "/v2.1/os-availability-zone".to_owned(), 200),
        (Service::Nova, "/v2.1/os-migrations".to_owned(), 403),
        (Service::Nova, "/v2.1/os-simple-tenant-usage".to_owned(), 403),
        (Service::Nova, format!("/v2.1/os-simple-tenant-usage/{own}"), 200),
        (Service::Nova, format!("/v2.1/os-quota-sets/{own}/detail"), 200),
        (Service::Nova, format!("/v2.1/os-quota-sets/{other}/detail"), 403),
        (Service::Nova, "/v2.1/limits".to_owned(), 200),
        (Service::Nova, format!("/v2.1/limits?tenant_id={other}"), 403),
        (Service::Nova, "/v2.1/flavors/detail".to_owned(), 200),
        (Service::Placement, "/resource_providers".to_owned(), 403),
        (Service::Placement, format!("/usages?project_id={own}"), 200),
        (Service::Placement, format!("/usages?project_id={other}"), 403),
        (Service::Keystone, "/v3/projects".to_owned(), 403),
        (Service::Keystone, format!("/v3/projects/{own}"), 200),
        (Service::Keystone, format!("/v3/projects/{other}"), 403),
        (Service::Keystone, "/v3/users".to_owned(), 403),
        (Service::Keystone, "/v3/auth/catalog".to_owned(), 200),
        (Service::Keystone, "/v3/regions".to_owned(), 200),
        (Service::Neutron, format!("/v2.0/quotas/{own}"), 200),
        (Service::Neutron, format!("/v2.0/quotas/{other}"), 403),
        (Service::Cinder, volume("os-services"), 403),
        (Service::Cinder, volume("scheduler-stats/get_pools"), 403),
        (Service::Cinder, volume("volumes/detail?all_tenants=1"), 200),
        (Service::Glance, "/v2/images".to_owned(), 200),
        (Service::Glance, "/v2/tasks".to_owned(), 403),
    ] {
        let version = match service {
            Service::Placement => "1.39",
            Service::Cinder => "3.70",
            _ => "2.53",
        };
        let got = client.get(service, &path, version);
        assert_eq!(got.status, status, "{} {path}: {}", service.name(), got.body);
    }
    // neutron does not refuse: it shows nothing.
    assert!(client.list(Service::Neutron, "/v2.0/agents", "-", "agents").is_empty());
    let networks = client.list(Service::Neutron, "/v2.0/networks", "-", "networks");
    assert_eq!(networks.len(), 2, "the own and the public one");
    assert!(networks[0].get("provider:network_type").is_none());
    let words = client.get(Service::Nova, "/v2.1/os-services", "2.53").body;
    let expected = "Policy doesn't allow os_compute_api:os-services:list to be performed.";
    assert_eq!(words["forbidden"]["message"], expected);
}
