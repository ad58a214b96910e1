//! What the CLI must print, from what the simulator itself says that it holds.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use stackwatch::sim::cloud::FLAVORS;

fn rows<'a>(dump: &'a Json, kind: &str) -> &'a Vec<Json> {
    dump[kind].as_array().unwrap_or_else(|| panic!("the dump has no {kind}"))
}

fn find<'a>(dump: &'a Json, kind: &str, key: &str, value: &Json) -> &'a Json {
    let found = rows(dump, kind).iter().find(|row| row[key] == *value);
    found.unwrap_or_else(|| panic!("no {kind} with {key} {value}"))
}

fn project_id(dump: &Json, name: &Json) -> Json {
    find(dump, "projects", "name", name)["id"].clone()
}

/// `{server}` is one that is active and has a port, `{host}` the first hypervisor.
pub fn fill(words: &str, dump: &Json) -> String {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    words
        .replace("{server}", &text(&one_server(dump)["id"]))
        .replace("{host}", &text(&dump["hosts"][0]["id"]))
}

fn one_server(dump: &Json) -> &Json {
    let acted = |it: &&Json| {
        it["status"] == "ACTIVE" && it["port"].is_string() && !it["actions"].as_array().unwrap().is_empty()
    };
    rows(dump, "instances").iter().find(acted).expect("an active server that something was done to")
}

pub fn only(rows: Vec<Json>, columns: &[&str]) -> Vec<Json> {
    let cut = |row: Json| columns.iter().map(|column| ((*column).to_owned(), row[*column].clone())).collect();
    rows.into_iter().map(cut).map(Json::Object).collect()
}

pub fn instances<'a>(dump: &'a Json, takes: &dyn Fn(&Json) -> bool) -> Vec<&'a Json> {
    rows(dump, "instances").iter().filter(|it| it["status"] != "DELETED" && takes(it)).collect()
}

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

pub fn agents(dump: &Json) -> Vec<Json> {
    let row = |agent: &Json| {
        json!({
            "ID": agent["id"],
            "Agent Type": agent["type"],
            "Host": agent["host"],
            "Availability Zone": agent["zone"],
            "Alive": agent["alive"],
            "State": true,
            "Binary": agent["binary"],
        })
    };
    rows(dump, "agents").iter().map(row).collect()
}

/// Projects that have a network.
fn tenants(dump: &Json) -> impl Iterator<Item = &Json> {
    rows(dump, "projects").iter().filter(|project| project["network"].is_object())
}

pub fn networks(dump: &Json) -> Vec<Json> {
    let row = |id: &Json, name: &Json, project: &Json, subnet: &Json, external: bool| {
        json!({
            "ID": id,
            "Name": name,
            "Status": "ACTIVE",
            "Project": project,
            "State": true,
            "Shared": false,
            "Subnets": [subnet],
            "Network Type": if external { "flat" } else { "vxlan" },
            "Router Type": external,
            "Availability Zones": ["nova"],
            "Tags": [],
        })
    };
    let public = &dump["public"];
    let mut all = vec![row(
        &public["network"],
        &json!("public"),
        &project_id(dump, &json!("admin")),
        &public["subnet"],
        true,
    )];
    all.extend(tenants(dump).map(|project| {
        let network = &project["network"];
        row(&network["id"], &network["name"], &project["id"], &network["subnet"], false)
    }));
    all
}

pub fn external_networks(dump: &Json) -> Vec<Json> {
    let public = networks(dump).into_iter().filter(|row| row["Router Type"] == true).collect();
    only(public, &["ID", "Name", "Subnets"])
}

pub fn subnets(dump: &Json) -> Vec<Json> {
    let row = |id: &Json, name: String, network: &Json, project: &Json, of: &Json, dhcp: bool| {
        json!({
            "ID": id,
            "Name": name,
            "Network": network,
            "Subnet": of["cidr"],
            "Project": project,
            "DHCP": dhcp,
            "Name Servers": ["192.0.2.53"],
            "Allocation Pools": [{"start": of["first"], "end": of["last"]}],
            "Host Routes": [],
            "IP Version": 4,
            "Gateway": of["gateway"],
            "Service Types": [],
            "Tags": [],
        })
    };
    let public = &dump["public"];
    let admin = project_id(dump, &json!("admin"));
    let mut all =
        vec![row(&public["subnet"], "public-v4".to_owned(), &public["network"], &admin, public, false)];
    all.extend(tenants(dump).map(|project| {
        let network = &project["network"];
        let name = format!("{}-v4", project["name"].as_str().unwrap());
        row(&network["subnet"], name, &network["id"], &project["id"], network, true)
    }));
    all
}

pub fn routers(dump: &Json) -> Vec<Json> {
    let public = &dump["public"];
    tenants(dump)
        .map(|project| {
            json!({
                "ID": project["network"]["router"],
                "Name": format!("{}-router", project["name"].as_str().unwrap()),
                "Status": "ACTIVE",
                "State": true,
                "Project": project["id"],
                "Distributed": false,
                "HA": false,
                "Routes": [],
                "External gateway info": {
                    "enable_snat": true,
                    "external_fixed_ips": [{
                        "ip_address": project["network"]["outside"], "subnet_id": public["subnet"],
                    }],
                    "network_id": public["network"],
                },
                "Availability zones": ["nova"],
                "Tags": [],
            })
        })
        .collect()
}

/// neutron's prefix, and three bytes of the port's id.
fn mac(port: &Json) -> String {
    let digits = port.as_str().unwrap();
    format!("fa:16:3e:{}:{}:{}", &digits[0..2], &digits[2..4], &digits[4..6])
}

pub fn port_of_server(dump: &Json) -> Vec<Json> {
    let server = one_server(dump);
    let project = find(dump, "projects", "name", &server["project"]);
    let zone = &find(dump, "hosts", "name", &server["host"])["zone"];
    vec![json!({
        "ID": server["port"],
        "Name": "",
        "MAC Address": mac(&server["port"]),
        "Fixed IP Addresses": [{"ip_address": server["address"], "subnet_id": project["network"]["subnet"]}],
        "Status": "ACTIVE",
        "Security Groups": [project["network"]["groups"]["default"]],
        "Device Owner": format!("compute:{}", zone.as_str().unwrap()),
        "Tags": [],
        "Trunk subports": [],
    })]
}

pub fn floating_ips(dump: &Json) -> Vec<Json> {
    let row = |floating: &Json| {
        let project = find(dump, "projects", "name", &floating["project"]);
        let server = floating["instance"].is_string();
        let server = server.then(|| find(dump, "instances", "id", &floating["instance"]));
        let of = |key: &str| server.map_or(Json::Null, |server| server[key].clone());
        let up = server.is_some_and(|server| server["host"].is_string());
        json!({
            "ID": floating["id"],
            "Floating IP Address": floating["address"],
            "Fixed IP Address": of("address"),
            "Port": of("port"),
            "Floating Network": dump["public"]["network"],
            "Project": project["id"],
            "Router": server.map_or(Json::Null, |_| project["network"]["router"].clone()),
            "Status": if up { "ACTIVE" } else { "DOWN" },
            "Description": "",
            "Tags": [],
            "DNS Name": null,
            "DNS Domain": null,
        })
    };
    rows(dump, "floating_ips").iter().map(row).collect()
}

pub fn security_groups(dump: &Json) -> Vec<Json> {
    let groups = [("default", "Default security group"), ("web", "HTTP, HTTPS and SSH from anywhere")];
    tenants(dump)
        .flat_map(|project| {
            groups.map(|(name, description)| {
                json!({
                    "ID": project["network"]["groups"][name],
                    "Name": name,
                    "Description": description,
                    "Project": project["id"],
                    "Tags": [],
                    "Shared": false,
                })
            })
        })
        .collect()
}

pub fn availabilities(dump: &Json) -> Vec<Json> {
    let row = |id: &Json, name: &Json, total: u64, used: u64| {
        json!({
            "Network ID": id,
            "Network Name": name,
            "Total IPs": total,
            "Used IPs": used,
            // An extension that Zed has not.
            "Total IPs in Subnet": "",
            "Total IPs in Allocation Pool": "",
            "Used IPs in Subnet": "",
            "Used IPs in Allocation Pool": "",
        })
    };
    let outside = tenants(dump).count() + rows(dump, "floating_ips").len();
    let public = &dump["public"];
    let mut all = vec![row(&public["network"], &json!("public"), 65_533, outside as u64)];
    all.extend(tenants(dump).map(|project| {
        let network = &project["network"];
        let guests = instances(dump, &|it| it["project"] == project["name"] && it["address"].is_string());
        // DHCP and the router have one each.
        row(&network["id"], &network["name"], 4_093, guests.len() as u64 + 2)
    }));
    all
}

pub fn volumes(dump: &Json, takes: &dyn Fn(&Json) -> bool) -> Vec<Json> {
    let row = |volume: &Json| {
        let attached = match &volume["attached"] {
            Json::Null => Vec::new(),
            server => {
                let host = &find(dump, "instances", "id", server)["host"];
                let boots = volume["bootable"] == true;
                vec![json!({
                    "attached_at": volume["updated"],
                    "attachment_id": volume["attachment"],
                    "device": if boots { "/dev/vda" } else { "/dev/vdb" },
                    "host_name": host,
                    "id": volume["id"],
                    "server_id": server,
                    "volume_id": volume["id"],
                })]
            }
        };
        json!({
            "ID": volume["id"],
            "Name": volume["name"],
            "Status": volume["status"],
            "Size": volume["size"],
            "Type": volume["type"],
            "Bootable": volume["bootable"],
            "Attached to": attached,
            "Properties": {},
        })
    };
    rows(dump, "volumes").iter().filter(|volume| takes(volume)).map(row).collect()
}

pub fn volume_services(dump: &Json) -> Vec<Json> {
    let row = |binary: &str, host: &Json, up: bool, reported: &Json| {
        let state = if up { "up" } else { "down" };
        json!({
            "Binary": binary,
            "Host": host,
            "Zone": "nova",
            "Status": "enabled",
            "State": state,
            "Updated At": reported,
            "Cluster": null,
            // Only from 3.49 on, which the CLI does not ask for.
            "Backend State": null,
            "Disabled Reason": null,
        })
    };
    let schedulers = rows(dump, "controllers").iter();
    let schedulers = schedulers.map(|c| row("cinder-scheduler", &c["name"], true, &c["cinder_reported"]));
    let backends = rows(dump, "backends").iter();
    let backends = backends.map(|b| row("cinder-volume", &b["service"], b["up"] == true, &b["reported"]));
    schedulers.chain(backends).collect()
}

pub fn snapshots(dump: &Json) -> Vec<Json> {
    let row = |snapshot: &Json| {
        json!({
            "ID": snapshot["id"],
            "Name": snapshot["name"],
            "Description": null,
            "Status": "available",
            "Size": snapshot["size"],
            "Created At": snapshot["created"],
            "Volume": snapshot["volume"],
            "Properties": {},
        })
    };
    rows(dump, "snapshots").iter().map(row).collect()
}

pub fn volume_types(dump: &Json) -> Vec<Json> {
    let row = |kind: &Json| json!({"ID": kind["id"], "Name": kind["name"], "Is Public": true});
    rows(dump, "volume_types").iter().map(row).collect()
}

pub fn images(dump: &Json, takes: &dyn Fn(&Json) -> bool) -> Vec<Json> {
    let row = |image: &Json| {
        let complete = image["status"] == "active";
        let if_complete = |value: Json| if complete { value } else { Json::Null };
        json!({
            "ID": image["id"],
            "Name": image["name"],
            "Disk Format": if_complete(json!("qcow2")),
            "Container Format": if_complete(json!("bare")),
            "Size": image["size"],
            "Checksum": image["checksum"],
            "Status": image["status"],
            "Visibility": if image["public"] == true { "public" } else { "private" },
            "Protected": false,
            "Project": project_id(dump, &image["owner"]),
            "Hash Algorithm": if_complete(json!("sha512")),
            "Hash Value": image["hash"],
            "Tags": [],
        })
    };
    rows(dump, "images").iter().filter(|image| takes(image)).map(row).collect()
}

pub fn projects(dump: &Json) -> Vec<Json> {
    let row = |project: &Json| {
        json!({
            "ID": project["id"],
            "Name": project["name"],
            "Domain ID": "default",
            "Description": project["description"],
            "Enabled": true,
        })
    };
    rows(dump, "projects").iter().map(row).collect()
}

pub fn users(dump: &Json) -> Vec<Json> {
    let row = |user: &Json| {
        json!({
            "ID": user["id"],
            "Name": user["name"],
            "Project": null,
            "Domain": "default",
            "Description": null,
            "Email": null,
            "Enabled": true,
        })
    };
    rows(dump, "users").iter().map(row).collect()
}

pub fn services(dump: &Json) -> Vec<Json> {
    let row = |service: &Json| json!({"ID": service["id"], "Name": service["name"], "Type": service["type"]});
    rows(dump, "services").iter().map(row).collect()
}

pub fn providers(dump: &Json) -> Vec<Json> {
    let row = |host: &Json| {
        json!({
            "uuid": host["id"],
            "name": host["name"],
            "generation": host["generation"],
            "root_provider_uuid": host["id"],
            "parent_provider_uuid": null,
        })
    };
    rows(dump, "hosts").iter().map(row).collect()
}

pub fn inventories(dump: &Json) -> Vec<Json> {
    let host = &dump["hosts"][0];
    let (size, used, leaked) = (&host["size"], &host["used"], &host["leaked"]);
    let row = |class: &str, key: &str, ratio: Json, reserved: u32| {
        json!({
            "resource_class": class,
            "allocation_ratio": ratio,
            "min_unit": 1,
            "max_unit": size[key],
            "reserved": reserved,
            "step_size": 1,
            "total": size[key],
            "used": used[key].as_u64().unwrap() + leaked[key].as_u64().unwrap(),
        })
    };
    vec![
        row("VCPU", "vcpus", host["ratio"]["vcpus"].clone(), 0),
        row("MEMORY_MB", "ram", host["ratio"]["ram"].clone(), 512),
        row("DISK_GB", "disk", json!(1.0), 0),
    ]
}

pub fn provider_usages(dump: &Json) -> Vec<Json> {
    let rows = inventories(dump);
    let row = |row: &Json| json!({"resource_class": row["resource_class"], "usage": row["used"]});
    rows.iter().map(row).collect()
}
