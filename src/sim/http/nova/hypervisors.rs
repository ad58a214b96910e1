//! Hypervisors, with the figures that 2.88 took away.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use serde_json::json;

use super::Cx;
use crate::sim::cloud::{Amount, Host, HostIx, Instance};
use crate::sim::http::answer::{Answer, Refusal, Reply, no_route, ok};
use crate::sim::http::json::{Object, list as write_list, object};
use crate::sim::http::page::{MOST, Page};
use crate::sim::time::MINUTE;

/// QEMU 7.2.0.
const VERSION: u32 = 7_002_000;

/// Guests by host: one walk over all instances for those who want them.
type Guests<'a> = BTreeMap<HostIx, Vec<&'a Instance>>;

fn guests<'a>(cx: &Cx<'a>) -> Guests<'a> {
    let mut guests = Guests::new();
    for (_, it) in cx.cloud.instances.iter().filter(|(_, it)| !it.is_deleted()) {
        if let Some(host) = it.host {
            guests.entry(host).or_default().push(it);
        }
    }
    for list in guests.values_mut() {
        list.sort_by_key(|it| it.number);
    }
    guests
}

fn put_id(cx: &Cx<'_>, o: &mut Object<'_>, host: &Host) {
    match cx.version >= 53 {
        true => o.put("id", host.id),
        // The services were counted from the controllers on, the hypervisors by themselves.
        false => o.put("id", host.number - 6),
    }
}

fn write(cx: &Cx<'_>, out: &mut Vec<u8>, ix: HostIx, detail: bool, guests: Option<&Guests<'_>>) {
    let host = cx.cloud.host(ix);
    object(out, |o| {
        put_id(cx, o, host);
        o.put("hypervisor_hostname", &*host.name);
        o.put("state", if host.is_up(cx.ask.now) { "up" } else { "down" });
        o.put("status", if host.enabled { "enabled" } else { "disabled" });
        if detail {
            figures(cx, o, host);
        }
        let Some(guests) = guests else { return };
        let empty = Vec::new();
        let of_host = guests.get(&ix).unwrap_or(&empty);
        // Before 2.75 an empty list was left out.
        if cx.version >= 75 || !of_host.is_empty() {
            o.list("servers", of_host, |out, it| {
                object(out, |o| {
                    o.put("name", format!("instance-{:08x}", it.number));
                    o.put("uuid", it.id);
                });
            });
        }
    });
}

fn figures(cx: &Cx<'_>, o: &mut Object<'_>, host: &Host) {
    o.put("hypervisor_type", "QEMU");
    o.put("hypervisor_version", VERSION);
    o.put("host_ip", host.address());
    o.object("service", |o| {
        match cx.version >= 53 {
            true => o.put("id", host.service),
            false => o.put("id", host.number),
        }
        o.put("host", &*host.name);
        o.put("disabled_reason", host.disabled_reason.as_deref());
    });
    if cx.version >= 88 {
        o.put("uptime", host.is_up(cx.ask.now).then(|| uptime_words(cx, host)));
        return;
    }
    let Amount { vcpus, ram, disk } = host.size;
    o.put("vcpus", vcpus);
    o.put("memory_mb", ram);
    o.put("local_gb", disk);
    o.put("vcpus_used", host.used.vcpus);
    o.put("memory_mb_used", host.ram_used());
    o.put("local_gb_used", host.used.disk);
    o.put("free_ram_mb", i64::from(ram) - i64::from(host.ram_used()));
    o.put("free_disk_gb", i64::from(disk) - i64::from(host.used.disk));
    o.put("current_workload", 0);
    o.put("running_vms", host.guests);
    o.put("disk_available_least", i64::from(disk) - i64::from(host.used.disk) * 3 / 4);
    let cpu = json!({
        "arch": "x86_64",
        "model": host.cpu,
        "vendor": if host.cpu.starts_with("EPYC") { "AMD" } else { "Intel" },
        "features": ["aes", "avx2", "fma", "pge", "clflush", "smap", "xsave"],
        "topology": {"cells": 2, "sockets": 1, "cores": vcpus / 4, "threads": 2},
    });
    match cx.version >= 28 {
        true => o.put("cpu_info", cpu),
        false => o.put("cpu_info", cpu.to_string()),
    }
}

/// As the host's own `uptime` says it.
fn uptime_words(cx: &Cx<'_>, host: &Host) -> String {
    let minutes = cx.ask.now.since(host.booted).max(0) / MINUTE;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let now = cx.ask.now.spaced().to_string();
    let clock = now.split(' ').nth(1).unwrap_or_default();
    let load = f64::from(host.used.vcpus) / f64::from(host.size.vcpus.max(1)) * 2.0;
    format!(
        " {clock} up {days} days, {hours:2}:{minutes:02},  0 users,  load average: {load:.2}, {:.2}, {:.2}",
        load * 0.97,
        load * 0.95
    )
}

pub(super) fn list(cx: &Cx<'_>, detail: bool) -> Reply {
    cx.admin(if detail { "os-hypervisors:list-detail" } else { "os-hypervisors:list" })?;
    let query = &cx.ask.query;
    let pattern = query.get("hypervisor_hostname_pattern").filter(|_| cx.version >= 53);
    let with_servers = cx.version >= 53 && query.flag("with_servers") == Some(true);
    let page = if cx.version >= 33 { Page::of(cx.ask)? } else { Page { limit: usize::MAX, marker: None } };
    let mut hosts: Vec<HostIx> = (0..cx.cloud.hosts.len() as HostIx).collect();
    if let Some(pattern) = pattern {
        if query.has("limit") || query.has("marker") {
            let words = "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.";
            return Err(Refusal::BadRequest(words.to_owned()));
        }
        hosts.retain(|&ix| cx.cloud.host(ix).name.contains(pattern));
        if hosts.is_empty() {
            return Err(Refusal::NotFound(format!("No hypervisor matching '{pattern}' could be found.")));
        }
    }
    let id = |ix: &HostIx| match cx.version >= 53 {
        true => cx.cloud.host(*ix).id.to_string(),
        false => (ix + 1).to_string(),
    };
    let cut = page.cut(&hosts, id).ok_or_else(|| {
        Refusal::BadRequest(format!("marker [{}] not found", page.marker.as_deref().unwrap_or_default()))
    })?;
    let guests = with_servers.then(|| guests(cx));
    let mut out = b"{\"hypervisors\":".to_vec();
    write_list(&mut out, cut, |out, &ix| write(cx, out, ix, detail, guests.as_ref()));
    if let Some(links) = page.links(cx.ask, cut.len(), cut.last().map(id).as_deref()) {
        out.extend_from_slice(format!(",\"hypervisors_links\":{links}").as_bytes());
    }
    out.push(b'}');
    debug_assert!(cx.version < 33 || cut.len() <= MOST);
    Ok(Answer::bytes(200, out))
}

fn find(cx: &Cx<'_>, id: &str) -> Result<HostIx, Refusal> {
    let found = (0..cx.cloud.hosts.len() as HostIx).find(|&ix| match cx.version >= 53 {
        true => cx.cloud.host(ix).id.to_string() == id,
        false => (ix + 1).to_string() == id,
    });
    found.ok_or_else(|| Refusal::NotFound(format!("Hypervisor with ID '{id}' could not be found.")))
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    cx.admin("os-hypervisors:show")?;
    if cx.version >= 53 && uuid::Uuid::parse_str(id).is_err() {
        return Err(Refusal::BadRequest(format!("Invalid uuid {id}")));
    }
    let ix = find(cx, id)?;
    let with_servers = cx.version >= 53 && cx.ask.query.flag("with_servers") == Some(true);
    let guests = with_servers.then(|| guests(cx));
    let mut out = b"{\"hypervisor\":".to_vec();
    write(cx, &mut out, ix, true, guests.as_ref());
    out.push(b'}');
    Ok(Answer::bytes(200, out))
}

pub(super) fn statistics(cx: &Cx<'_>) -> Reply {
    if cx.version >= 88 {
        return Err(no_route());
    }
    cx.admin("os-hypervisors:statistics")?;
    let (mut size, mut used, mut guests, mut count) = (Amount::default(), Amount::default(), 0, 0_u32);
    let mut ram_used = 0_u64;
    // What is down or disabled does not count.
    for host in cx.cloud.hosts.iter().filter(|host| host.enabled) {
        size += host.size;
        used += host.used;
        ram_used += u64::from(host.ram_used());
        guests += host.guests;
        count += 1;
    }
    ok(&json!({"hypervisor_statistics": {
        "count": count,
        "vcpus": size.vcpus,
        "memory_mb": size.ram,
        "local_gb": size.disk,
        "vcpus_used": used.vcpus,
        "memory_mb_used": ram_used,
        "local_gb_used": used.disk,
        "free_ram_mb": i64::from(size.ram) - ram_used as i64,
        "free_disk_gb": i64::from(size.disk) - i64::from(used.disk),
        "current_workload": 0,
        "running_vms": guests,
        "disk_available_least": i64::from(size.disk) - i64::from(used.disk) * 3 / 4,
    }}))
}

pub(super) fn uptime(cx: &Cx<'_>, id: &str) -> Reply {
    if cx.version >= 88 {
        return Err(no_route());
    }
    cx.admin("os-hypervisors:uptime")?;
    let host = cx.cloud.host(find(cx, id)?);
    if !host.is_up(cx.ask.now) {
        return Err(Refusal::BadRequest(format!("Compute host {} is down.", host.name)));
    }
    let mut out = b"{\"hypervisor\":".to_vec();
    object(&mut out, |o| {
        put_id(cx, o, host);
        o.put("hypervisor_hostname", &*host.name);
        o.put("state", "up");
        o.put("status", if host.enabled { "enabled" } else { "disabled" });
        o.put("uptime", uptime_words(cx, host));
    });
    out.push(b'}');
    Ok(Answer::bytes(200, out))
}

/// `/os-hypervisors/{pattern}/servers` and `/search`, until 2.53.
pub(super) fn by_name(cx: &Cx<'_>, pattern: &str, what: &str) -> Reply {
    if cx.version >= 53 {
        return Err(no_route());
    }
    cx.admin(if what == "search" { "os-hypervisors:search" } else { "os-hypervisors:servers" })?;
    let pattern = RegexBuilder::new(&regex::escape(pattern)).case_insensitive(true).build();
    let hosts: Vec<HostIx> = (0..cx.cloud.hosts.len() as HostIx)
        .filter(|&ix| pattern.as_ref().is_ok_and(|pattern| pattern.is_match(&cx.cloud.host(ix).name)))
        .collect();
    if hosts.is_empty() {
        return Err(Refusal::NotFound("No hypervisor matching that could be found.".to_owned()));
    }
    let guests = (what == "servers").then(|| guests(cx));
    let mut out = b"{\"hypervisors\":".to_vec();
    write_list(&mut out, hosts, |out, ix| write(cx, out, ix, false, guests.as_ref()));
    out.push(b'}');
    Ok(Answer::bytes(200, out))
}
