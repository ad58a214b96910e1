//! `POST /servers`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use crate::sim::cloud::{Flavor, FlavorIx};
use crate::sim::http::answer::{Answer, Refusal, Reply};
use crate::sim::http::ask::Ask;
use crate::sim::http::token::Grant;
use crate::sim::random::Random;
use crate::sim::story::{Actor, Refused, Wish, World};

fn invalid(why: &str) -> Refusal {
    Refusal::BadRequest(format!("Invalid input for field/attribute server. {why}"))
}

/// Takes the builds on.
pub(super) fn create(world: &mut World, ask: &Ask, who: &Grant, version: u16) -> Reply {
    let body = ask.json()?;
    let server = body.get("server").filter(|server| server.is_object());
    let server = server.ok_or_else(|| Refusal::BadRequest("'server' is a required property".to_owned()))?;
    let wish = wish(&Cx { ask, cloud: &world.cloud, who, version }, server)?;
    let number = |name: &str| server.get(name).and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
    let count = number("max_count").or_else(|| number("min_count")).unwrap_or(1);
    if !(1..=1_000).contains(&count) {
        return Err(invalid("min_count and max_count lie between 1 and 1000"));
    }
    let actor = Actor { user: who.user, project: who.project().unwrap_or(0) };
    let mut first: Option<Uuid> = None;
    for n in 1..=count {
        let name = if count > 1 { format!("{}-{n}", wish.name) } else { wish.name.clone() };
        // All of one request carry its id.
        match world.build(Wish { name, ..wish.clone() }, actor, ask.id) {
            Ok((_, id)) => {
                first.get_or_insert(id);
            }
            Err(refused) if first.is_none() => return Err(words(refused)),
            // Some were built: nova builds as many as fit.
            Err(_) => break,
        }
    }
    let id = first.unwrap_or_default();
    if server.get("return_reservation_id").and_then(Value::as_bool) == Some(true) {
        return Ok(Answer::json(202, &json!({"reservation_id": super::server::reservation(id)})));
    }
    let base = &ask.base;
    let mut created = json!({
        "id": id,
        "links": [
            {"rel": "self", "href": format!("{base}/v2.1/servers/{id}")},
            {"rel": "bookmark", "href": format!("{base}/servers/{id}")},
        ],
        "OS-DCF:diskConfig": "MANUAL",
        "adminPass": Random::stream(id.as_u64_pair().0, "password").hex(12),
    });
    if wish.network {
        created["security_groups"] = json!([{"name": "default"}]);
    }
    let location = format!("{base}/v2.1/servers/{id}");
    Ok(Answer::json(202, &json!({"server": created})).with("Location", location))
}

pub(super) fn words(refused: Refused) -> Refusal {
    match refused {
        Refused::Quota(words) => Refusal::Forbidden(words),
        Refused::Conflict(words) => Refusal::Conflict(words),
    }
}

/// What is asked for, checked as nova checks it.
fn wish(cx: &Cx<'_>, server: &Value) -> Result<Wish, Refusal> {
    let text = |name: &str| server.get(name).and_then(Value::as_str);
    let name = text("name").filter(|name| !name.trim().is_empty() && name.len() <= 255);
    let name = name.ok_or_else(|| invalid("'name' is a required property"))?.trim().to_owned();
    let flavor = text("flavorRef").ok_or_else(|| invalid("'flavorRef' is a required property"))?;
    let flavor = flavor_of(flavor)?;
    let mappings = server.get("block_device_mapping_v2").and_then(Value::as_array);
    let image = match text("imageRef").filter(|image| !image.is_empty()) {
        Some(image) => Some(image_of(cx, image)?),
        None => {
            // From a volume, or from an image that a mapping names.
            let mapped = mappings.into_iter().flatten().find(|m| m["source_type"] == "image");
            match mapped.and_then(|mapping| mapping["uuid"].as_str()) {
                Some(image) => Some(image_of(cx, image)?),
                None if mappings.is_some_and(|mappings| !mappings.is_empty()) => None,
                None => {
                    let words = "Invalid imageRef provided.".to_owned();
                    return Err(Refusal::BadRequest(words));
                }
            }
        }
    };
    if let Some(image) = image.and_then(|image| cx.cloud.images.get(usize::from(image)))
        && image.status() != "active"
    {
        return Err(Refusal::BadRequest(format!("Image {} is not active.", image.id)));
    }
    let metadata = server.get("metadata").and_then(Value::as_object);
    Ok(Wish {
        name,
        flavor,
        image,
        zone: zone_of(cx, text("availability_zone"))?,
        network: network_of(cx, server.get("networks"))?,
        key_name: text("key_name").map(str::to_owned),
        metadata: metadata
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}

fn flavor_of(flavor: &str) -> Result<FlavorIx, Refusal> {
    // A reference may be a link.
    let id = flavor.rsplit('/').next().unwrap_or(flavor);
    Flavor::find(id).ok_or_else(|| Refusal::BadRequest(format!("Flavor {id} could not be found.")))
}

pub(super) fn image_of(cx: &Cx<'_>, image: &str) -> Result<u16, Refusal> {
    let id = Uuid::parse_str(image.rsplit('/').next().unwrap_or(image)).ok();
    let found = cx.cloud.images.iter().position(|row| Some(row.id) == id && !row.deleted);
    let visible = found.filter(|&ix| {
        let row = &cx.cloud.images[ix];
        row.public || cx.is_admin() || row.owner == cx.project()
    });
    visible.map(|ix| ix as u16).ok_or_else(|| Refusal::BadRequest("Can not find requested image".to_owned()))
}

/// `zone`, or `zone:host`, of which the host is left to the scheduler.
fn zone_of(cx: &Cx<'_>, zone: Option<&str>) -> Result<Option<u8>, Refusal> {
    let Some(zone) = zone else { return Ok(None) };
    let name = zone.split(':').next().unwrap_or(zone);
    let found = cx.cloud.zones.iter().position(|known| *known == name);
    found
        .map(|ix| Some(ix as u8))
        .ok_or_else(|| Refusal::BadRequest("The requested availability zone is not available".to_owned()))
}

/// Whether it gets a port: in its project's network, if that is asked for or nothing else is.
fn network_of(cx: &Cx<'_>, networks: Option<&Value>) -> Result<bool, Refusal> {
    let project = cx.cloud.project(cx.project());
    match networks {
        None => Ok(project.network.is_some()),
        Some(Value::String(word)) => Ok(word == "auto" && project.network.is_some()),
        Some(Value::Array(list)) => {
            for network in list.iter().filter_map(|network| network["uuid"].as_str()) {
                let id = Uuid::parse_str(network).ok();
                let known = project.network.is_some() && Some(project.network_id()) == id;
                if !known {
                    return Err(Refusal::BadRequest(format!("Network {network} could not be found.")));
                }
            }
            Ok(!list.is_empty())
        }
        Some(_) => Err(invalid("'networks' is neither a list, 'auto' nor 'none'")),
    }
}
