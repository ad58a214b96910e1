//! Host aggregates and the zones that they make.

use serde_json::{Map, Value, json};

use super::Cx;
use crate::sim::cloud::{Aggregate, Host, last_report};
use crate::sim::http::answer::{Refusal, Reply, ok};

fn row(cx: &Cx<'_>, aggregate: &Aggregate) -> Value {
    let zone = aggregate.zone.and_then(|zone| cx.cloud.zones.get(usize::from(zone)));
    let metadata: Map<String, Value> =
        aggregate.metadata.iter().map(|(key, value)| ((*key).to_owned(), Value::from(&**value))).collect();
    let hosts: Vec<&str> = aggregate.hosts.iter().map(|&host| &*cx.cloud.host(host).name).collect();
    let mut row = json!({
        "id": aggregate.number,
        "name": &*aggregate.name,
        "hosts": hosts,
        "metadata": metadata,
        "created_at": aggregate.created.micro(),
        "updated_at": null,
        "deleted_at": null,
        "deleted": false,
        "availability_zone": zone,
    });
    if cx.version >= 41 {
        row["uuid"] = json!(aggregate.id);
    }
    row
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    cx.admin("os-aggregates:index")?;
    let rows: Vec<Value> = cx.cloud.aggregates.iter().map(|aggregate| row(cx, aggregate)).collect();
    ok(&json!({"aggregates": rows}))
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    cx.admin("os-aggregates:show")?;
    let found = cx.cloud.aggregates.iter().find(|aggregate| aggregate.number.to_string() == id);
    match found {
        Some(aggregate) => ok(&json!({"aggregate": row(cx, aggregate)})),
        None => Err(Refusal::NotFound(format!("Aggregate {id} could not be found."))),
    }
}

pub(super) fn zones(cx: &Cx<'_>, detail: bool) -> Reply {
    if detail {
        cx.admin("os-availability-zone:detail")?;
    }
    let mut rows: Vec<Value> = cx
        .cloud
        .zones
        .iter()
        .enumerate()
        // A zone without a host that is enabled is not there.
        .filter(|(n, _)| cx.cloud.hosts.iter().any(|host| host.enabled && usize::from(host.zone) == *n))
        .map(|(n, name)| {
            let hosts = cx.cloud.hosts.iter().filter(|host| host.enabled && usize::from(host.zone) == n);
            let hosts: Map<String, Value> =
                hosts.map(|host| (host.name.to_string(), compute(cx, host))).collect();
            let hosts = if detail { Value::Object(hosts) } else { Value::Null };
            json!({"zoneName": name, "zoneState": {"available": true}, "hosts": hosts})
        })
        .collect();
    if detail {
        rows.push(internal(cx));
    }
    ok(&json!({"availabilityZoneInfo": rows}))
}

fn compute(cx: &Cx<'_>, host: &Host) -> Value {
    json!({"nova-compute": {
        // Whether it is up, and whether it is enabled: disabled ones are not listed at all.
        "available": host.is_up(cx.ask.now),
        "active": true,
        "updated_at": host.reported(cx.ask.now).micro(),
    }})
}

fn internal(cx: &Cx<'_>) -> Value {
    let service = |number| json!({"available": true, "active": true, "updated_at": last_report(cx.ask.now, number).micro()});
    let hosts: Map<String, Value> = cx
        .cloud
        .controllers
        .iter()
        .map(|controller| {
            let services = json!({
                "nova-scheduler": service(controller.number),
                "nova-conductor": service(controller.number + 1),
            });
            (controller.name.to_string(), services)
        })
        .collect();
    json!({"zoneName": "internal", "zoneState": {"available": true}, "hosts": hosts})
}
