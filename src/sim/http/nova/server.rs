//! A server as the API shows it: which keys, depends on microversion and role.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use crate::sim::cloud::{Cloud, Instance};
use crate::sim::http::json::{Object, Text, list, object};
use crate::sim::random::Random;

/// Whether it stands in a list or alone: nova gives the latter a little more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    List,
    Show,
}

pub(super) fn brief(cx: &Cx<'_>, out: &mut Vec<u8>, it: &Instance) {
    object(out, |o| {
        o.put("id", it.id);
        o.put("name", &*it.name);
        links(cx, o, it);
    });
}

fn links(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance) {
    let base = &cx.ask.base;
    o.put(
        "links",
        [
            Link { rel: "self", href: format!("{base}/v2.1/servers/{}", it.id) },
            Link { rel: "bookmark", href: format!("{base}/servers/{}", it.id) },
        ],
    );
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

pub(super) fn detail(cx: &Cx<'_>, out: &mut Vec<u8>, it: &Instance, view: View) {
    object(out, |o| {
        basics(cx, o, it);
        state(cx, o, it, view);
        extended(cx, o, it);
        late(cx, o, it, view);
    });
}

fn basics(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance) {
    let cloud = cx.cloud;
    o.put("id", it.id);
    o.put("name", &*it.name);
    o.put("status", it.status());
    o.put("tenant_id", Text(cloud.project(it.project).id.simple()));
    o.put("user_id", Text(cloud.user(it.user).id.simple()));
    o.object("metadata", |o| {
        for (key, value) in it.extra.iter().flat_map(|extra| &extra.metadata) {
            o.put(key, &**value);
        }
    });
    o.put("hostId", host_id(cloud, it));
    match it.image.and_then(|image| cloud.images.get(usize::from(image))) {
        Some(image) => {
            let href = format!("{}/images/{}", cx.ask.base, image.id);
            o.put("image", json!({"id": image.id, "links": [{"rel": "bookmark", "href": href}]}));
        }
        None => o.put("image", ""),
    }
    flavor(cx, o, it);
    o.put("created", it.created.zulu());
    o.put("updated", it.updated.zulu());
    addresses(cx, o, it);
    o.put("accessIPv4", "");
    o.put("accessIPv6", "");
    links(cx, o, it);
    o.put("OS-DCF:diskConfig", "MANUAL");
}

/// A link to it, or from 2.47 on what it was when the server was made.
fn flavor(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance) {
    let flavor = cx.cloud.flavor(it.flavor);
    o.object("flavor", |o| {
        if cx.version < 47 {
            o.put("id", flavor.id);
            let href = format!("{}/flavors/{}", cx.ask.base, flavor.id);
            o.put("links", [Link { rel: "bookmark", href }]);
            return;
        }
        o.put("vcpus", flavor.vcpus);
        o.put("ram", flavor.ram);
        o.put("disk", flavor.disk);
        o.put("ephemeral", 0);
        o.put("swap", 0);
        o.put("original_name", flavor.name);
        o.object("extra_specs", |o| flavor.extra_specs.iter().for_each(|(key, value)| o.put(key, value)));
    });
}

fn addresses(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance) {
    o.object("addresses", |o| {
        let Some(nic) = it.nic else { return };
        let project = cx.cloud.project(it.project);
        let floating = nic.floating.and_then(|ix| cx.cloud.floating.get(ix as usize));
        let fixed = (project.address(nic.address), "fixed");
        let all = [Some(fixed), floating.map(|floating| (floating.address(), "floating"))];
        o.list(&project.network_name(), all.into_iter().flatten(), |out, (address, kind)| {
            object(out, |o| {
                o.put("version", 4);
                o.put("addr", address);
                o.put("OS-EXT-IPS:type", kind);
                o.put("OS-EXT-IPS-MAC:mac_addr", mac(nic.port));
            });
        });
    });
}

/// neutron's prefix, and three bytes of the port's id.
pub(in crate::sim) fn mac(port: Uuid) -> String {
    let [a, b, c, ..] = *port.as_bytes();
    format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")
}

/// What a tenant may know of where it runs: the same for the same host and project.
fn host_id(cloud: &Cloud, it: &Instance) -> String {
    it.host.map_or_else(String::new, |host| {
        host_hash(&cloud.project(it.project).id.simple().to_string(), &cloud.host(host).name)
    })
}

pub(super) fn host_hash(project: &str, host: &str) -> String {
    Random::stream(0, &format!("{project}{host}")).hex(56)
}

fn state(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance, view: View) {
    const PROGRESSES: [&str; 6] = ["ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"];
    let status = it.status();
    if PROGRESSES.contains(&status) {
        o.put("progress", 0);
    }
    if let Some(fault) = it.fault().filter(|_| matches!(status, "ERROR" | "DELETED")) {
        // A server that never had a host is in cell0, where a list does not look for faults.
        let in_cell0 = fault.message.starts_with("No valid host") && it.launched.is_none();
        if view == View::Show || !in_cell0 {
            o.object("fault", |o| {
                o.put("code", fault.code);
                o.put("created", fault.at.zulu());
                o.put("message", &fault.message);
                if cx.is_admin() || fault.code != 500 {
                    o.put("details", &fault.details);
                }
            });
        }
    }
}

fn extended(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance) {
    let cloud = cx.cloud;
    let (v, admin) = (cx.version, cx.is_admin());
    let host = it.host.map(|host| cloud.host(host));
    let asked = it.zone.and_then(|zone| cloud.zones.get(usize::from(zone))).copied();
    o.put("OS-EXT-AZ:availability_zone", host.map_or(asked.unwrap_or(""), |host| cloud.zone_of(host)));
    o.put("config_drive", "");
    o.put("key_name", it.extra.as_ref().and_then(|extra| extra.key_name.as_deref()));
    o.put("OS-SRV-USG:launched_at", it.launched.map(|at| at.micro()));
    o.put("OS-SRV-USG:terminated_at", it.terminated.map(|at| at.micro()));
    if it.nic.is_some() {
        o.put("security_groups", json!([{"name": "default"}]));
    }
    if admin {
        o.put("OS-EXT-SRV-ATTR:host", host.map(|host| &*host.name));
        o.put("OS-EXT-SRV-ATTR:instance_name", format!("instance-{:08x}", it.number));
        o.put("OS-EXT-SRV-ATTR:hypervisor_hostname", host.map(|host| &*host.name));
    }
    if admin && v >= 3 {
        o.put("OS-EXT-SRV-ATTR:reservation_id", reservation(it.id));
        o.put("OS-EXT-SRV-ATTR:launch_index", 0);
    }
    if v >= 90 || admin && v >= 3 {
        o.put("OS-EXT-SRV-ATTR:hostname", hostname(it));
    }
    if admin && v >= 3 {
        o.put("OS-EXT-SRV-ATTR:kernel_id", "");
        o.put("OS-EXT-SRV-ATTR:ramdisk_id", "");
        o.put("OS-EXT-SRV-ATTR:root_device_name", it.launched.map(|_| "/dev/vda"));
        o.put("OS-EXT-SRV-ATTR:user_data", None::<&str>);
    }
    o.put("OS-EXT-STS:task_state", it.task_state.map(crate::sim::cloud::TaskState::as_str));
    o.put("OS-EXT-STS:vm_state", it.vm_state.as_str());
    o.put("OS-EXT-STS:power_state", it.power as u8);
}

fn late(cx: &Cx<'_>, o: &mut Object<'_>, it: &Instance, view: View) {
    let (v, cloud) = (cx.version, cx.cloud);
    o.list("os-extended-volumes:volumes_attached", it.volumes(), |out, &ix| {
        object(out, |o| {
            let volume = cloud.volumes.get(ix as usize);
            o.put("id", volume.map(|volume| volume.id));
            if v >= 3 {
                o.put("delete_on_termination", volume.is_some_and(|volume| volume.bootable));
            }
        });
    });
    if v >= 16 && cx.is_admin() {
        let host = it.host.filter(|_| !it.is_deleted()).map(|host| cloud.host(host));
        o.put("host_status", host.map_or("", |host| host.status_for_servers(cx.ask.now)));
    }
    if v >= 9 {
        o.put("locked", it.locked);
    }
    if v >= 73 {
        let reason = it.extra.as_ref().and_then(|extra| extra.locked_reason.as_deref());
        o.put("locked_reason", reason.filter(|_| it.locked));
    }
    if v >= 19 {
        o.put("description", it.extra.as_ref().and_then(|extra| extra.description.as_deref()));
    }
    if v >= 26 {
        o.put("tags", [(); 0]);
    }
    if v >= 63 {
        o.put("trusted_image_certificates", None::<Value>);
    }
    if v >= 71 && view == View::Show {
        o.put("server_groups", [(); 0]);
    }
}

pub(super) fn reservation(id: Uuid) -> String {
    let [a, b, c, d, ..] = *id.as_bytes();
    format!("r-{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// nova makes a host name of a name: letters, digits and dashes.
pub(super) fn hostname(it: &Instance) -> String {
    let name: String =
        it.name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    match name.chars().any(|c| c.is_ascii_alphabetic()) {
        true => name.to_owned(),
        false => format!("server-{}", it.id),
    }
}

/// A body of one list, each row by `write`.
pub(super) fn body(
    name: &str,
    rows: &[&Instance],
    links: Option<Value>,
    mut write: impl FnMut(&mut Vec<u8>, &Instance),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + rows.len() * 2_048);
    out.push(b'{');
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    list(&mut out, rows, |out, row| write(out, row));
    if let Some(links) = links {
        out.extend_from_slice(format!(",\"{name}_links\":{links}").as_bytes());
    }
    out.push(b'}');
    out
}
