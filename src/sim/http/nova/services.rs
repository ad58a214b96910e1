//! os-services: scheduler, conductor and the computes.

use uuid::Uuid;

use super::Cx;
use crate::sim::cloud::{Controller, Host, HostIx, SERVICE_DOWN, last_report};
use crate::sim::http::answer::{Answer, Refusal, Reply};
use crate::sim::http::json::object;
use crate::sim::time::Time;

struct Row<'a> {
    binary: &'a str,
    host: &'a str,
    number: u32,
    id: Uuid,
    zone: &'a str,
    up: bool,
    reported: Time,
    enabled: bool,
    reason: Option<&'a str>,
    forced_down: bool,
}

fn of_controller<'a>(cx: &Cx<'a>, controller: &'a Controller) -> [Row<'a>; 2] {
    let row = |binary, number, id| {
        let reported = last_report(cx.ask.now, number);
        Row {
            binary,
            host: &controller.name,
            number,
            id,
            zone: "internal",
            up: cx.ask.now.since(reported) <= SERVICE_DOWN,
            reported,
            enabled: true,
            reason: None,
            forced_down: false,
        }
    };
    [
        row("nova-scheduler", controller.number, controller.scheduler),
        row("nova-conductor", controller.number + 1, controller.conductor),
    ]
}

fn of_host<'a>(cx: &Cx<'a>, host: &'a Host) -> Row<'a> {
    Row {
        binary: "nova-compute",
        host: &host.name,
        number: host.number,
        id: host.service,
        zone: cx.cloud.zone_of(host),
        up: host.is_up(cx.ask.now),
        reported: host.reported(cx.ask.now),
        enabled: host.enabled,
        reason: host.disabled_reason.as_deref(),
        forced_down: host.forced_down,
    }
}

fn write(cx: &Cx<'_>, out: &mut Vec<u8>, row: &Row<'_>) {
    object(out, |o| {
        o.put("binary", row.binary);
        o.put("host", row.host);
        match cx.version >= 53 {
            true => o.put("id", row.id),
            false => o.put("id", row.number),
        }
        o.put("zone", row.zone);
        o.put("status", if row.enabled { "enabled" } else { "disabled" });
        o.put("state", if row.up { "up" } else { "down" });
        o.put("updated_at", row.reported.micro());
        o.put("disabled_reason", row.reason);
        if cx.version >= 11 {
            o.put("forced_down", row.forced_down);
        }
    });
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    cx.admin("os-services:list")?;
    let (binary, host) = (cx.ask.query.get("binary"), cx.ask.query.get("host"));
    let controllers = cx.cloud.controllers.iter().flat_map(|controller| of_controller(cx, controller));
    let computes = cx.cloud.hosts.iter().map(|host| of_host(cx, host));
    let rows = controllers
        .chain(computes)
        .filter(|row| binary.is_none_or(|binary| binary == row.binary))
        .filter(|row| host.is_none_or(|host| host == row.host));
    let mut body = Vec::new();
    object(&mut body, |o| o.list("services", rows, |out, row| write(cx, out, &row)));
    Ok(Answer::bytes(200, body))
}

/// One compute's service, after something was done to it.
pub(super) fn one(cx: &Cx<'_>, host: HostIx) -> Answer {
    let mut body = b"{\"service\":".to_vec();
    write(cx, &mut body, &of_host(cx, cx.cloud.host(host)));
    body.push(b'}');
    Answer::bytes(200, body)
}

pub(super) fn find(cx: &Cx<'_>, id: &str) -> Result<HostIx, Refusal> {
    let id_of = Uuid::parse_str(id).ok();
    let found = cx.cloud.hosts.iter().position(|host| Some(host.service) == id_of);
    found.map(|ix| ix as HostIx).ok_or_else(|| Refusal::NotFound(format!("Service {id} could not be found.")))
}
