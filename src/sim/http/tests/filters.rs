//! Each filter finds exactly what a plain look at the cloud finds.

use std::collections::BTreeSet;

use super::*;
use crate::sim::cloud::{Cloud, Instance};

type Takes = Box<dyn Fn(&Cloud, &Instance) -> bool>;

/// A filter as clients write it, and what it means.
type Case = (String, Takes);

fn cases(cloud: &Cloud) -> Vec<Case> {
    let live: Vec<&Instance> =
        cloud.instances.iter().map(|(_, it)| it).filter(|it| !it.is_deleted()).collect();
    let some = live.iter().find(|it| it.nic.is_some_and(|nic| nic.floating.is_some())).unwrap();
    let (host, flavor, project, image) = (some.host, some.flavor, some.project, some.image.unwrap_or(0));
    let address = cloud.project(project).address(some.nic.unwrap().address);
    let floating = cloud.floating[some.nic.unwrap().floating.unwrap() as usize].address();
    let (id, user, name) = (some.id, some.user, some.name.to_string());
    let host_name = cloud.host(host.unwrap()).name.to_string();
    let project_id = cloud.project(project).id.simple().to_string();
    let since = OPENS.plus(-10 * MINUTE);
    let case = |query: String, takes: fn(&Cloud, &Instance) -> bool| -> Case { (query, Box::new(takes)) };
    let alive = |takes: Takes| -> Takes { Box::new(move |cloud, it| !it.is_deleted() && takes(cloud, it)) };
    vec![
        case(String::new(), |_, it| !it.is_deleted()),
        case("status=ERROR".into(), |_, it| it.status() == "ERROR"),
        case("status=active".into(), |_, it| it.status() == "ACTIVE"),
        case("status=SHUTOFF&status=PAUSED".into(), |_, it| ["SHUTOFF", "PAUSED"].contains(&it.status())),
        case("status=nonsense".into(), |_, _| false),
        case("status=DELETED".into(), |_, it| it.is_deleted()),
        case("deleted=true".into(), |_, it| it.is_deleted()),
        case("vm_state=building".into(), |_, it| it.vm_state.as_str() == "building"),
        case("task_state=spawning".into(), |_, it| it.task_state.is_some_and(|t| t.as_str() == "spawning")),
        case("power_state=4".into(), |_, it| it.power as u8 == 4 && !it.is_deleted()),
        case("locked=true".into(), |_, it| it.locked && !it.is_deleted()),
        case("name=^web-0".into(), |_, it| it.name.starts_with("web-0") && !it.is_deleted()),
        case("name=DB".into(), |_, it| it.name.contains("db") && !it.is_deleted()),
        case("availability_zone=az2".into(), |cloud, it| {
            !it.is_deleted() && it.host.is_some_and(|host| cloud.zone_of(cloud.host(host)) == "az2")
        }),
        (format!("host={host_name}"), alive(Box::new(move |_, it| it.host == host))),
        (format!("node={host_name}"), alive(Box::new(move |_, it| it.host == host))),
        case("host=nowhere".into(), |_, _| false),
        (format!("flavor={}", cloud.flavor(flavor).id), alive(Box::new(move |_, it| it.flavor == flavor))),
        (format!("project_id={project_id}"), alive(Box::new(move |_, it| it.project == project))),
        (format!("tenant_id={project_id}"), alive(Box::new(move |_, it| it.project == project))),
        (format!("user_id={}", cloud.user(user).id.simple()), alive(Box::new(move |_, it| it.user == user))),
        (
            format!("image={}", cloud.images[usize::from(image)].id),
            alive(Box::new(move |_, it| it.image == Some(image))),
        ),
        (format!("uuid={id}"), alive(Box::new(move |_, it| it.id == id))),
        (format!("name={name}&uuid={id}"), alive(Box::new(move |_, it| it.id == id))),
        (
            format!("ip=^{}$", address.replace('.', "\\.")),
            alive(Box::new(move |cloud, it| {
                it.nic.is_some_and(|nic| cloud.project(it.project).address(nic.address) == address)
            })),
        ),
        (format!("ip={floating}&uuid={id}"), alive(Box::new(move |_, it| it.id == id))),
        (
            format!("changes-since={}", since.zulu()),
            Box::new(move |_, it| it.updated.seconds() >= since.seconds()),
        ),
        (
            format!("changes-before={}", since.zulu()),
            alive(Box::new(move |_, it| it.updated.seconds() <= since.seconds())),
        ),
    ]
}

#[test]
fn each_filter_finds_what_it_says() {
    let front = front("incident", 12, 300);
    let client = Client::admin(&front);
    let cases = cases(&front.read().cloud);
    for (query, takes) in cases {
        let path =
            format!("/v2.1/servers/detail?all_tenants=1&{}", query.replace('^', "%5E").replace('\\', "%5C"));
        let rows = client.list(Service::Nova, path.trim_end_matches('&'), "2.90", "servers");
        let world = front.read();
        let cloud = &world.cloud;
        let expected: BTreeSet<String> = cloud
            .instances
            .iter()
            .filter(|(_, it)| takes(cloud, it))
            .map(|(_, it)| it.id.to_string())
            .collect();
        let found: BTreeSet<String> = ids(&rows).into_iter().collect();
        assert_eq!(found.len(), rows.len(), "{query}: twice the same");
        assert_eq!(found, expected, "{query}");
        let none = ["status=nonsense", "host=nowhere", "task_state=spawning"].contains(&query.as_str());
        assert!(none || !found.is_empty(), "{query} finds nothing: the test tests nothing");
    }
}

#[test]
fn a_member_sees_the_own_project_and_cannot_ask_for_more() {
    let front = front("healthy", 12, 300);
    let client = Client::member(&front);
    let own = ids(&client.list(Service::Nova, "/v2.1/servers", "2.90", "servers"));
    let world = front.read();
    let mine = world.cloud.instances.iter().filter(|(_, it)| it.project == 2 && !it.is_deleted()).count();
    assert_eq!(own.len(), mine);
    let other = world.cloud.instances.iter().map(|(_, it)| it).find(|it| it.project != 2).unwrap();
    let host = world.cloud.hosts[0].name.to_string();
    let (other, project) = (other.id, world.cloud.project(other.project).id.simple().to_string());
    drop(world);
    assert_eq!(client.get(Service::Nova, &format!("/v2.1/servers/{other}"), "2.90").status, 404);
    assert_eq!(client.get(Service::Nova, &format!("/v2.1/servers?tenant_id={project}"), "2.90").status, 403);
    // What a member may not filter by is ignored.
    let by_host = client.list(Service::Nova, &format!("/v2.1/servers?host={host}"), "2.90", "servers");
    assert_eq!(by_host.len(), mine);
    let row = &client.list(Service::Nova, "/v2.1/servers/detail?limit=1", "2.90", "servers")[0];
    for key in ["OS-EXT-SRV-ATTR:host", "host_status", "OS-EXT-SRV-ATTR:user_data"] {
        assert!(row.get(key).is_none(), "a member sees {key}");
    }
}

#[test]
fn servers_are_sorted_by_what_is_asked_for() {
    let front = front("healthy", 12, 200);
    let client = Client::admin(&front);
    for (query, key) in [
        ("sort_key=display_name&sort_dir=asc", "name"),
        ("sort_key=uuid&sort_dir=asc", "id"),
        ("sort_key=created_at&sort_dir=asc", "created"),
        ("sort_key=updated_at&sort_dir=asc", "updated"),
        ("sort_key=host&sort_dir=asc", "OS-EXT-SRV-ATTR:host"),
    ] {
        let path = format!("/v2.1/servers/detail?all_tenants=1&{query}");
        let rows = client.list(Service::Nova, &path, "2.90", "servers");
        let values: Vec<&str> = rows.iter().map(|row| row[key].as_str().unwrap_or_default()).collect();
        assert!(values.len() == 200 || values.len() > 150, "{query}: {}", values.len());
        assert!(values.is_sorted(), "{query}: {values:?}");
    }
    let down = client.list(Service::Nova, "/v2.1/servers/detail?all_tenants=1", "2.90", "servers");
    let created: Vec<&str> = down.iter().rev().filter_map(|row| row["created"].as_str()).collect();
    assert!(created.is_sorted(), "the youngest come first");
}

#[test]
fn neutron_filters_projects_and_sorts_any_collection() {
    let front = front("healthy", 6, 100);
    let client = Client::admin(&front);
    let list = |path: &str, name: &str| client.list(Service::Neutron, path, "-", name);
    let all = list("/v2.0/networks", "networks");
    let public = list("/v2.0/networks?router:external=True&fields=name&fields=id", "networks");
    assert_eq!(public.len(), 1);
    assert_eq!(public[0].as_object().unwrap().len(), 2);
    assert_eq!(public[0]["name"], "public");
    assert_eq!(list("/v2.0/networks?router:external=False", "networks").len(), all.len() - 1);
    let name = all[1]["name"].as_str().unwrap();
    assert_eq!(list(&format!("/v2.0/networks?name={name}&name=public"), "networks").len(), 2);
    let names: Vec<String> = list("/v2.0/networks?sort_key=name&sort_dir=desc&fields=name", "networks")
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.iter().rev().is_sorted(), "{names:?}");
    let ports = list("/v2.0/ports", "ports");
    for (path, takes) in [
        ("status=ACTIVE", (|row: &Value| row["status"] == "ACTIVE") as fn(&Value) -> bool),
        ("device_owner=network:dhcp", |row| row["device_owner"] == "network:dhcp"),
        ("binding:host_id=cmp001", |row| row["binding:host_id"] == "cmp001"),
        ("binding:vif_type=binding_failed", |_| false),
    ] {
        let expected = ports.iter().filter(|row| takes(row)).count();
        assert_eq!(list(&format!("/v2.0/ports?{path}"), "ports").len(), expected, "{path}");
    }
    let device =
        ports.iter().find(|row| row["device_owner"].as_str().unwrap().starts_with("compute:")).unwrap();
    let found = list(&format!("/v2.0/ports?device_id={}", device["device_id"].as_str().unwrap()), "ports");
    assert_eq!(ids(&found), [device["id"].as_str().unwrap()]);
    let wrong = client.get(Service::Neutron, "/v2.0/ports?nonsense=1", "-");
    assert_eq!(wrong.status, 400);
}
