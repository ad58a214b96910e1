//! glance, keystone and Placement.

use serde_json::{Value as Json, json};

use super::{project_id, rows};

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
