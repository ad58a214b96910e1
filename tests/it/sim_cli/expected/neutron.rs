//! neutron.

use serde_json::{Value as Json, json};

use super::{find, instances, one_server, only, project_id, rows};

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

/// What web-shop has of a network's things: each project has one network with its router.
pub fn network_quota(dump: &Json) -> Vec<Json> {
    let own = |row: &&Json| row["project"] == "web-shop";
    let quota = &find(dump, "projects", "name", &json!("web-shop"))["quota"];
    let guests = instances(dump, &|it| it["project"] == "web-shop" && it["port"].is_string()).len();
    let floating = rows(dump, "floating_ips").iter().filter(own).count();
    let ports = quota["instances"].as_i64().unwrap() + 50;
    [
        ("floating_ips", quota["floating_ips"].as_i64().unwrap(), floating),
        ("networks", 100, 1),
        // DHCP's and the router's besides those of the guests.
        ("ports", ports.max(500), guests + 2),
        ("rbac_policies", 10, 0),
        ("routers", 10, 1),
        ("subnets", 100, 1),
        ("subnet_pools", -1, 0),
        ("security_group_rules", 100, 9),
        ("security_groups", 10, 2),
    ]
    .map(|(name, limit, used)| json!({"Resource": name, "Limit": limit, "In Use": used, "Reserved": 0}))
    .to_vec()
}
