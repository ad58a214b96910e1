//! Flavors.

use serde_json::{Map, Value, json};

use super::Cx;
use crate::sim::cloud::{FLAVORS, Flavor};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::http::page::Page;

fn specs(flavor: &Flavor) -> Map<String, Value> {
    flavor.extra_specs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
}

fn row(cx: &Cx<'_>, flavor: &Flavor, detail: bool) -> Value {
    let base = &cx.ask.base;
    let mut row = json!({
        "id": flavor.id,
        "name": flavor.name,
        "links": [
            {"rel": "self", "href": format!("{base}/v2.1/flavors/{}", flavor.id)},
            {"rel": "bookmark", "href": format!("{base}/flavors/{}", flavor.id)},
        ],
    });
    if cx.version >= 55 {
        row["description"] = Value::Null;
    }
    if detail {
        row["ram"] = json!(flavor.ram);
        row["disk"] = json!(flavor.disk);
        row["vcpus"] = json!(flavor.vcpus);
        // None was written as nothing at all, for years.
        row["swap"] = if cx.version >= 75 { json!(0) } else { json!("") };
        row["OS-FLV-EXT-DATA:ephemeral"] = json!(0);
        row["OS-FLV-DISABLED:disabled"] = json!(false);
        row["os-flavor-access:is_public"] = json!(true);
        row["rxtx_factor"] = json!(1.0);
        if cx.version >= 61 {
            row["extra_specs"] = Value::Object(specs(flavor));
        }
    }
    row
}

pub(super) fn list(cx: &Cx<'_>, detail: bool) -> Reply {
    let query = &cx.ask.query;
    let least = |name: &str| query.get(name).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    let (ram, disk) = (least("minRam"), least("minDisk"));
    // All of them are public: who asks for private ones alone gets none.
    let public = query.get("is_public").is_none_or(|word| !matches!(word, "False" | "false" | "0"));
    let mut flavors: Vec<&Flavor> =
        FLAVORS.iter().filter(|flavor| public && flavor.ram >= ram && flavor.disk >= disk).collect();
    if let Some(key) = query.get("sort_key") {
        match key {
            "memory_mb" => flavors.sort_by_key(|flavor| flavor.ram),
            "vcpus" => flavors.sort_by_key(|flavor| flavor.vcpus),
            "root_gb" => flavors.sort_by_key(|flavor| flavor.disk),
            "name" => flavors.sort_by_key(|flavor| flavor.name),
            _ => {}
        }
    }
    if query.get("sort_dir") == Some("desc") {
        flavors.reverse();
    }
    let page = Page::of(cx.ask)?;
    let cut = page.cut(&flavors, |flavor| flavor.id.to_owned()).ok_or_else(|| {
        Refusal::BadRequest(format!("marker [{}] not found", page.marker.as_deref().unwrap_or_default()))
    })?;
    let rows: Vec<Value> = cut.iter().map(|flavor| row(cx, flavor, detail)).collect();
    let mut body = json!({"flavors": rows});
    if let Some(links) = page.links(cx.ask, cut.len(), cut.last().map(|flavor| flavor.id)) {
        body["flavors_links"] = links;
    }
    ok(&body)
}

fn find(id: &str) -> Result<&'static Flavor, Refusal> {
    FLAVORS
        .iter()
        .find(|flavor| flavor.id == id)
        .ok_or_else(|| Refusal::NotFound(format!("Flavor {id} could not be found.")))
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    ok(&json!({"flavor": row(cx, find(id)?, true)}))
}

pub(super) fn extra_specs(_: &Cx<'_>, id: &str) -> Reply {
    ok(&json!({"extra_specs": specs(find(id)?)}))
}
