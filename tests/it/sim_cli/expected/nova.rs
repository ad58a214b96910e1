//! nova.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use stackwatch::sim::cloud::FLAVORS;

use super::{find, one_server, project_id, rows};

fn addresses(it: &Json) -> Json {
    let list: Vec<&Json> = [&it["address"], &it["floating"]].into_iter().filter(|a| a.is_string()).collect();
    match list.is_empty() {
        true => json!({}),
        false => json!({ format!("{}-net", it["project"].as_str().unwrap()): list }),
    }
}

fn image(dump: &Json, it: &Json) -> (Json, Json) {
    const FROM_VOLUME: &str = "N/A (booted from volume)";
    match &it["image"] {
        Json::Null => (FROM_VOLUME.into(), FROM_VOLUME.into()),
        name => (name.clone(), find(dump, "images", "name", name)["id"].clone()),
    }
}

pub fn servers(dump: &Json, takes: &dyn Fn(&Json) -> bool) -> Vec<Json> {
    let all = rows(dump, "instances").iter().filter(|it| takes(it));
    all.map(|it| {
        json!({
            "ID": it["id"],
            "Name": it["name"],
            "Status": it["status"],
            "Networks": addresses(it),
            "Image": image(dump, it).0,
            "Flavor": it["flavor"],
            "Project ID": project_id(dump, &it["project"]),
        })
    })
    .collect()
}

pub fn servers_long(dump: &Json, takes: &dyn Fn(&Json) -> bool) -> Vec<Json> {
    let all = rows(dump, "instances").iter().filter(|it| takes(it));
    all.map(|it| {
        let host = it["host"].is_string().then(|| find(dump, "hosts", "name", &it["host"]));
        let status = host.map_or("", |host| match (&host["enabled"], &host["up"]) {
            (Json::Bool(false), _) => "MAINTENANCE",
            (_, Json::Bool(true)) => "UP",
            _ => "UNKNOWN",
        });
        let (image_name, image_id) = image(dump, it);
        json!({
            "ID": it["id"],
            "Name": it["name"],
            "Status": it["status"],
            "Task State": it["task_state"],
            "Power State": it["power"],
            "Networks": addresses(it),
            "Image Name": image_name,
            "Image ID": image_id,
            "Flavor": it["flavor"],
            "Availability Zone": host.map_or(json!(""), |host| host["zone"].clone()),
            "Host": it["host"],
            "Properties": it["metadata"],
            "Project ID": project_id(dump, &it["project"]),
            "Host Status": status,
        })
    })
    .collect()
}

pub fn hypervisors(dump: &Json) -> Vec<Json> {
    let row = |host: &Json| {
        json!({
            "ID": host["id"],
            "Hypervisor Hostname": host["name"],
            "Hypervisor Type": "QEMU",
            "Host IP": host["address"],
            "State": if host["up"] == true { "up" } else { "down" },
        })
    };
    rows(dump, "hosts").iter().map(row).collect()
}

pub fn hypervisor_of_cmp002(dump: &Json) -> Vec<Json> {
    let host = find(dump, "hosts", "name", &json!("cmp002"));
    let has = |aggregate: &&Json| aggregate["hosts"].as_array().unwrap().contains(&host["name"]);
    let aggregates: Vec<&Json> =
        rows(dump, "aggregates").iter().filter(has).map(|aggregate| &aggregate["name"]).collect();
    let uptime = &host["uptime"];
    vec![json!({
        "aggregates": aggregates,
        "cpu_info": {},
        "host_ip": host["address"],
        "host_time": uptime["clock"],
        "hypervisor_hostname": "cmp002",
        "hypervisor_type": "QEMU",
        "hypervisor_version": 7_002_000,
        "id": host["id"],
        "load_average": uptime["load"],
        "service_host": "cmp002",
        "service_id": host["service"],
        "state": if host["up"] == true { "up" } else { "down" },
        "status": if host["enabled"] == true { "enabled" } else { "disabled" },
        "uptime": uptime["up"],
        "users": "0",
    })]
}

pub fn compute_services(dump: &Json, takes: &dyn Fn(&Json) -> bool) -> Vec<Json> {
    let mut all = Vec::new();
    for controller in rows(dump, "controllers") {
        for binary in ["scheduler", "conductor"] {
            all.push(json!({
                "ID": controller[binary],
                "Binary": format!("nova-{binary}"),
                "Host": controller["name"],
                "Zone": "internal",
                "Status": "enabled",
                "State": "up",
                "Updated At": controller[format!("{binary}_reported")],
                "Disabled Reason": null,
                "Forced Down": false,
            }));
        }
    }
    all.extend(rows(dump, "hosts").iter().map(|host| {
        json!({
            "ID": host["service"],
            "Binary": "nova-compute",
            "Host": host["name"],
            "Zone": host["zone"],
            "Status": if host["enabled"] == true { "enabled" } else { "disabled" },
            "State": if host["up"] == true { "up" } else { "down" },
            "Updated At": host["reported"],
            "Disabled Reason": host["disabled_reason"],
            "Forced Down": false,
        })
    }));
    all.into_iter().filter(|row| takes(row)).collect()
}

pub fn flavors(dump: &Json) -> Vec<Json> {
    let row = |flavor: &Json| {
        json!({
            "ID": flavor["id"],
            "Name": flavor["name"],
            "RAM": flavor["ram"],
            "Disk": flavor["disk"],
            "Ephemeral": 0,
            "VCPUs": flavor["vcpus"],
            "Is Public": true,
            "Swap": 0,
            "RXTX Factor": 1.0,
            "Properties": flavor["extra_specs"],
        })
    };
    rows(dump, "flavors").iter().map(row).collect()
}

pub fn aggregates(dump: &Json) -> Vec<Json> {
    let row = |aggregate: &Json| {
        // The CLI takes the zone out of the metadata.
        let mut properties = aggregate["metadata"].as_object().unwrap().clone();
        properties.remove("availability_zone");
        json!({
            "ID": aggregate["number"],
            "UUID": aggregate["id"],
            "Name": aggregate["name"],
            "Availability Zone": aggregate["zone"],
            "Properties": properties,
            "Hosts": aggregate["hosts"],
        })
    };
    rows(dump, "aggregates").iter().map(row).collect()
}

pub fn zones(dump: &Json) -> Vec<Json> {
    let row = |zone: &Json, host: &Json, service: &str, up: bool, reported: &Json| {
        let smile = if up { ":-)" } else { "XXX" };
        json!({
            "Zone Name": zone,
            "Zone Status": "available",
            "Zone Resource": "",
            "Host Name": host,
            "Service Name": service,
            "Service Status": format!("enabled {smile} {}", reported.as_str().unwrap()),
        })
    };
    let mut all = Vec::new();
    // What is disabled is not there at all.
    for host in rows(dump, "hosts").iter().filter(|host| host["enabled"] == true) {
        all.push(row(&host["zone"], &host["name"], "nova-compute", host["up"] == true, &host["reported"]));
    }
    for controller in rows(dump, "controllers") {
        for binary in ["scheduler", "conductor"] {
            let reported = &controller[format!("{binary}_reported")];
            all.push(row(&json!("internal"), &controller["name"], &format!("nova-{binary}"), true, reported));
        }
    }
    all
}

pub fn quota(dump: &Json) -> Vec<Json> {
    let project = find(dump, "projects", "name", &json!("web-shop"));
    let (limit, used) = (&project["quota"], &project["used"]);
    let row = |name: &str, limit: Json, used: Json| json!({"Resource": name, "Limit": limit, "In Use": used, "Reserved": 0});
    vec![
        row("cores", limit["cores"].clone(), used["cores"].clone()),
        row("instances", limit["instances"].clone(), used["instances"].clone()),
        row("ram", limit["ram"].clone(), used["ram"].clone()),
        // nova says nothing of these since 2.36, and the CLI makes it a zero.
        row("fixed_ips", json!(0), json!(0)),
        row("floating_ips", json!(0), json!(0)),
        row("networks", json!(0), json!(0)),
        row("security_group_rules", json!(0), json!(0)),
        row("security_groups", json!(0), json!(0)),
        row("injected-file-size", json!(10_240), json!(0)),
        row("injected-path-size", json!(255), json!(0)),
        row("injected-files", json!(5), json!(0)),
        row("key-pairs", json!(100), json!("N/A")),
        row("properties", json!(128), json!(0)),
        row("server-group-members", json!(10), json!(0)),
        row("server-groups", json!(10), json!(0)),
    ]
}

fn seconds(text: &Json) -> f64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second() as f64
}

pub fn usage(dump: &Json) -> Vec<Json> {
    let now = seconds(&dump["now"]);
    let begin = seconds(&json!("2025-01-01T00:00:00Z"));
    let mut sums: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for it in rows(dump, "instances").iter().filter(|it| it["launched"].is_string()) {
        let end = if it["terminated"].is_string() { seconds(&it["terminated"]) } else { now };
        let hours = (end.min(now) - seconds(&it["launched"]).max(begin)).max(0.0) / 3_600.0;
        let flavor = FLAVORS.iter().find(|flavor| it["flavor"] == flavor.name).unwrap();
        let project = project_id(dump, &it["project"]).as_str().unwrap().to_owned();
        let sum = sums.entry(project).or_default();
        for (sum, of) in sum.iter_mut().zip([flavor.ram, flavor.vcpus, flavor.disk]) {
            *sum += hours * f64::from(of);
        }
    }
    sums.into_iter()
        .map(|(project, [ram, cpu, disk])| {
            json!({
                "Project": project, "Servers": null, "RAM MB-Hours": ram, "CPU Hours": cpu, "Disk GB-Hours": disk,
            })
        })
        .collect()
}

pub fn migrations(dump: &Json) -> Vec<Json> {
    let number = |name: &Json| FLAVORS.iter().position(|flavor| *name == flavor.name).unwrap() + 1;
    let row = |migration: &Json| {
        let to = find(dump, "hosts", "name", &migration["to"]);
        let live = migration["kind"] == "live-migration";
        json!({
            "Id": migration["number"],
            "UUID": migration["id"],
            "Source Node": migration["from"],
            "Dest Node": migration["to"],
            "Source Compute": migration["from"],
            "Dest Compute": migration["to"],
            "Dest Host": if live { Json::Null } else { to["address"].clone() },
            "Status": migration["status"],
            "Server UUID": migration["instance"],
            "Old Flavor": number(&migration["old_flavor"]),
            "New Flavor": number(&migration["new_flavor"]),
            "Type": migration["kind"],
            "Created At": migration["created"],
            "Updated At": migration["updated"],
        })
    };
    rows(dump, "migrations").iter().map(row).collect()
}

pub fn events(dump: &Json) -> Vec<Json> {
    let server = one_server(dump);
    let row = |act: &Json| {
        json!({
            "Request ID": act["request"],
            "Server ID": server["id"],
            "Action": act["action"],
            "Start Time": act["start"],
        })
    };
    server["actions"].as_array().unwrap().iter().map(row).collect()
}
