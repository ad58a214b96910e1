//! Pages: put together they are the whole, once; and figures of different services agree.

use std::collections::BTreeMap;

use super::*;
use crate::sim::cloud::HostIx;

/// Follows `next` links to the end.
fn pages(client: &Client<'_>, service: Service, path: &str, version: &str, name: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(path.to_owned());
    let mut count = 0;
    while let Some(path) = next {
        count += 1;
        assert!(count < 500, "{path}: no end");
        let got = client.get(service, &path, version);
        assert_eq!(got.status, 200, "{path}: {}", got.body);
        rows.extend(got.body[name].as_array().unwrap().iter().cloned());
        let links = got.body[format!("{name}_links")].as_array().cloned().unwrap_or_default();
        let link = links.iter().find(|link| link["rel"] == "next").and_then(|link| link["href"].as_str());
        let link = link.or_else(|| got.body["next"].as_str());
        next = link.map(|href| href.replacen(&format!("http://{}:1", service.name()), "", 1));
    }
    rows
}

#[test]
fn pages_put_together_are_the_whole() {
    let front = front("incident", 23, 400);
    let client = Client::admin(&front);
    let project = front.read().cloud.project(0).id.simple().to_string();
    let volumes = format!("/v3/{project}/volumes/detail?all_tenants=1");
    let snapshots = format!("/v3/{project}/snapshots/detail?all_tenants=1");
    for (service, path, version, name) in [
        (Service::Nova, "/v2.1/servers/detail?all_tenants=1", "2.90", "servers"),
        (Service::Nova, "/v2.1/servers?all_tenants=1&sort_key=display_name&sort_dir=asc", "2.1", "servers"),
        (Service::Nova, "/v2.1/servers?all_tenants=1&status=ACTIVE", "2.53", "servers"),
        (Service::Nova, "/v2.1/os-hypervisors/detail?", "2.53", "hypervisors"),
        (Service::Nova, "/v2.1/os-migrations?", "2.80", "migrations"),
        (Service::Nova, "/v2.1/flavors/detail?", "2.90", "flavors"),
        (Service::Neutron, "/v2.0/ports?", "-", "ports"),
        (Service::Neutron, "/v2.0/security-groups?", "-", "security_groups"),
        (Service::Neutron, "/v2.0/security-group-rules?", "-", "security_group_rules"),
        (Service::Cinder, &volumes, "3.70", "volumes"),
        (Service::Cinder, &snapshots, "3.70", "snapshots"),
        (Service::Glance, "/v2/images?", "-", "images"),
    ] {
        let whole = ids(&client.list(service, &format!("{path}&limit=1000"), version, name));
        let paged = ids(&pages(&client, service, &format!("{path}&limit=7"), version, name));
        assert!(whole.len() > 7, "{path}: {} rows make no pages", whole.len());
        assert_eq!(paged, whole, "{path}");
    }
}

#[test]
fn a_list_of_servers_ends_at_a_thousand_and_says_where_it_goes_on() {
    let front = front("healthy", 60, 2_300);
    let client = Client::admin(&front);
    let first = client.get(Service::Nova, "/v2.1/servers?all_tenants=1&limit=5000", "2.90");
    assert_eq!(first.body["servers"].as_array().unwrap().len(), 1_000);
    let all = pages(&client, Service::Nova, "/v2.1/servers?all_tenants=1", "2.90", "servers");
    assert_eq!(all.len(), front.read().cloud.instances.live());
    let none = client.get(Service::Nova, "/v2.1/servers?all_tenants=1&limit=0", "2.90");
    assert_eq!(none.body, json!({"servers": []}), "no row and no link");
}

#[test]
fn neutron_pages_in_both_directions() {
    let front = front("healthy", 3, 60);
    let client = Client::admin(&front);
    let all = ids(&client.list(Service::Neutron, "/v2.0/ports", "-", "ports"));
    let marker = &all[10];
    let path = format!("/v2.0/ports?limit=4&marker={marker}&page_reverse=True");
    assert_eq!(ids(&client.list(Service::Neutron, &path, "-", "ports")), all[6..10]);
    let first = client.get(Service::Neutron, "/v2.0/ports?limit=2&fields=id", "-").body;
    let rels: Vec<&str> =
        first["ports_links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect();
    assert_eq!(rels, ["next", "previous"]);
    assert!(client.get(Service::Neutron, "/v2.0/ports", "-").body.get("ports_links").is_none());
}

#[test]
fn nova_placement_and_quotas_say_the_same_of_the_same_guests() {
    let front = front("incident", 12, 300);
    let client = Client::admin(&front);
    let hypervisors =
        client.list(Service::Nova, "/v2.1/os-hypervisors/detail?with_servers=true", "2.53", "hypervisors");
    let servers = client.list(Service::Nova, "/v2.1/servers/detail?all_tenants=1", "2.90", "servers");
    let mut on: BTreeMap<&str, usize> = BTreeMap::new();
    for host in servers.iter().filter_map(|server| server["OS-EXT-SRV-ATTR:host"].as_str()) {
        *on.entry(host).or_default() += 1;
    }
    for (ix, row) in hypervisors.iter().enumerate() {
        let name = row["hypervisor_hostname"].as_str().unwrap();
        let guests = on.get(name).copied().unwrap_or(0);
        assert_eq!(row["running_vms"], guests, "{name}");
        assert_eq!(row["servers"].as_array().map_or(0, Vec::len), guests, "{name}");
        let path = format!("/resource_providers/{}/usages", row["id"].as_str().unwrap());
        let usages = client.get(Service::Placement, &path, "1.39").body;
        let leaked = front.read().cloud.host(ix as HostIx).leaked;
        let of = |key: &str| row[key].as_u64().unwrap();
        assert_eq!(usages["usages"]["VCPU"], of("vcpus_used") + u64::from(leaked.vcpus), "{name}");
        assert_eq!(
            usages["usages"]["MEMORY_MB"],
            of("memory_mb_used") - 512 + u64::from(leaked.ram),
            "{name}"
        );
        let path = format!("/resource_providers/{}/allocations", row["id"].as_str().unwrap());
        let held = client.get(Service::Placement, &path, "1.39").body;
        let held: u64 = held["allocations"]
            .as_object()
            .unwrap()
            .values()
            .map(|allocation| allocation["resources"]["VCPU"].as_u64().unwrap())
            .sum();
        assert_eq!(usages["usages"]["VCPU"], held, "{name}: the sum of its allocations");
    }
    let project = front.read().cloud.project(2).id.simple().to_string();
    let quota = client.get(Service::Nova, &format!("/v2.1/os-quota-sets/{project}/detail"), "2.90").body;
    let own = servers.iter().filter(|server| server["tenant_id"] == project.as_str());
    let cores: u64 = own.clone().map(|server| server["flavor"]["vcpus"].as_u64().unwrap()).sum();
    assert_eq!(quota["quota_set"]["cores"]["in_use"], cores);
    assert_eq!(quota["quota_set"]["instances"]["in_use"], own.count());
    let limits = client.get(Service::Nova, &format!("/v2.1/limits?tenant_id={project}"), "2.90").body;
    assert_eq!(limits["limits"]["absolute"]["totalCoresUsed"], cores);
}

#[test]
fn usage_in_pages_adds_up_to_usage_at_once() {
    let front = front("healthy", 6, 120);
    let client = Client::admin(&front);
    let period = format!("start=2026-01-01T00:00:00&end={}", OPENS.micro());
    let hours = |rows: &[Value]| {
        let mut by_project: BTreeMap<String, f64> = BTreeMap::new();
        for row in rows {
            let hours = row["total_hours"].as_f64().unwrap();
            *by_project.entry(row["tenant_id"].as_str().unwrap().to_owned()).or_default() += hours;
        }
        by_project
    };
    let whole =
        client.list(Service::Nova, &format!("/v2.1/os-simple-tenant-usage?{period}"), "2.1", "tenant_usages");
    let path = format!("/v2.1/os-simple-tenant-usage?{period}&limit=7");
    let paged = pages(&client, Service::Nova, &path, "2.40", "tenant_usages");
    let (whole, paged) = (hours(&whole), hours(&paged));
    assert_eq!(whole.keys().collect::<Vec<_>>(), paged.keys().collect::<Vec<_>>());
    for (project, hours) in &whole {
        assert!((hours - paged[project]).abs() < 1e-6, "{project}: {hours} and {}", paged[project]);
    }
}
