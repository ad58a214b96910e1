//! cinder.

use serde_json::{Value as Json, json};

use super::{find, rows};

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
