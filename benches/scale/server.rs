//! A cloud of pre-rendered pages, in a process of its own: as fast as the loopback, so that what is measured is
//! who reads them. Bodies are shaped as nova, Placement and keystone write them (tests/samples).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// How large the cloud is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub hypervisors: usize,
    pub instances: usize,
    pub projects: usize,
}

/// Rows a page, as nova's `[api] max_limit` has it.
const PAGE: usize = 1_000;
/// What changed since, for an incremental read.
pub const CHANGES: usize = 100;

/// Answers by path and query, each a whole HTTP response.
type Answers = HashMap<String, Vec<u8>>;

/// Serves until it is killed; prints its port.
pub fn serve(size: Size) -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on the loopback");
    let port = listener.local_addr().expect("its address").port();
    let answers = Arc::new(render(size, port));
    println!("{port}");
    loop {
        if let Ok((stream, _)) = listener.accept() {
            let answers = answers.clone();
            std::thread::spawn(move || talk(stream, &answers));
        }
    }
}

/// One connection, kept alive.
fn talk(mut stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let path = line.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink()).ok()?;
        let known = answers.get(&key(&path)).or_else(|| answers.get("404"))?;
        stream.write_all(known).ok()?;
    }
}

/// What tells answers apart: the path, the marker, whether only changes are asked for.
pub fn key(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let marker = query.split('&').find(|pair| pair.starts_with("marker=")).unwrap_or_default();
    let changes = if query.contains("changes-since") { "changes" } else { "" };
    format!("{path}?{changes}{marker}")
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

/// A UUID that says what it is and which.
fn uuid(kind: u32, n: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

fn project(n: usize) -> String {
    format!("{n:032x}")
}

fn render(size: Size, port: u16) -> Answers {
    let mut answers = Answers::new();
    let mut put = |path: &str, body: &str| {
        answers.insert(key(path), response("200 OK", "", body));
    };
    let url = format!("http://127.0.0.1:{port}");
    put(
        "/v2.1/",
        r#"{"version": {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1"}}"#,
    );
    put("/", r#"{"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0"}]}"#);
    pages(size.instances, |from, to| {
        let path = format!("/v2.1/servers/detail?{}", marker(0x1, from));
        put(
            &path,
            &list("servers", &url, "/servers/detail", 0x1, to, size.instances, from, |out, n| {
                server(out, size, n)
            }),
        );
    });
    let mut changed = String::from("{\"servers\": [");
    for n in 0..CHANGES.min(size.instances) {
        if n > 0 {
            changed.push(',');
        }
        let mut row = String::new();
        server(&mut row, size, n * 7 % size.instances);
        changed.push_str(
            &row.replace("2026-11-23T18:49:59Z", "2026-11-24T00:00:00Z")
                .replace("\"m1.nano\"", "\"m1.mini\""),
        );
    }
    changed.push_str("]}");
    put("/v2.1/servers/detail?changes-since=x", &changed);
    pages(size.hypervisors, |from, to| {
        let path = format!("/v2.1/os-hypervisors/detail?{}", marker(0x2, from));
        put(
            &path,
            &list("hypervisors", &url, "/os-hypervisors/detail", 0x2, to, size.hypervisors, from, hypervisor),
        );
    });
    let mut services = String::from("{\"services\": [");
    let mut providers = String::from("{\"resource_providers\": [");
    for n in 0..size.hypervisors {
        let comma = if n > 0 { "," } else { "" };
        let _ = write!(
            services,
            "{comma}{{\"binary\": \"nova-compute\", \"host\": \"cmp{n:05}\", \"id\": \"{}\", \"zone\": \"az-{}\", \
             \"status\": \"enabled\", \"state\": \"up\", \"updated_at\": \"2026-11-23T18:50:10.000000\", \
             \"disabled_reason\": null, \"forced_down\": false}}",
            uuid(0x3, n),
            n % 3
        );
        let _ = write!(
            providers,
            "{comma}{{\"uuid\": \"{id}\", \"name\": \"cmp{n:05}\", \"parent_provider_uuid\": null, \
             \"root_provider_uuid\": \"{id}\"}}",
            id = uuid(0x2, n)
        );
    }
    put("/v2.1/os-services", &(services + "]}"));
    put("/resource_providers", &(providers + "]}"));
    let mut aggregates = String::from("{\"aggregates\": [");
    for rack in 0..size.hypervisors.div_ceil(100) {
        let hosts = (rack * 100..size.hypervisors.min(rack * 100 + 100)).map(|n| format!("\"cmp{n:05}\""));
        let comma = if rack > 0 { "," } else { "" };
        let _ = write!(
            aggregates,
            "{comma}{{\"id\": {rack}, \"name\": \"rack-{rack:03}\", \"availability_zone\": null, \"hosts\": [{}], \
             \"metadata\": {{}}}}",
            hosts.collect::<Vec<_>>().join(",")
        );
    }
    put("/v2.1/os-aggregates", &(aggregates + "]}"));
    put("/v2.1/os-migrations", "{\"migrations\": []}");
    let mut projects = String::from("{\"projects\": [");
    for n in 0..size.projects {
        let comma = if n > 0 { "," } else { "" };
        let _ = write!(
            projects,
            "{comma}{{\"id\": \"{}\", \"name\": \"project-{n:04}\", \"domain_id\": \"default\", \"enabled\": true}}",
            project(n)
        );
    }
    put("/v3/projects", &(projects + "]}"));
    let endpoint = |kind: &str, path: &str| {
        format!(
            "{{\"type\": \"{kind}\", \"endpoints\": [{{\"url\": \"{url}{path}\", \"interface\": \"public\", \
             \"region_id\": \"RegionOne\", \"region\": \"RegionOne\"}}]}}"
        )
    };
    let token = format!(
        "{{\"token\": {{\"expires_at\": \"2099-01-01T00:00:00.000000Z\", \"user\": {{\"id\": \"u\", \"name\": \"bench\"}}, \
         \"project\": {{\"id\": \"p\", \"name\": \"admin\"}}, \"roles\": [{{\"id\": \"r\", \"name\": \"admin\"}}], \
         \"catalog\": [{}, {}]}}}}",
        endpoint("compute", "/v2.1"),
        endpoint("placement", "")
    );
    answers.insert(key("/v3/auth/tokens"), response("201 Created", "X-Subject-Token: bench\r\n", &token));
    answers.insert(
        "404".to_owned(),
        response("404 Not Found", "", "{\"itemNotFound\": {\"message\": \"no such thing\"}}"),
    );
    answers
}

fn pages(rows: usize, mut page: impl FnMut(usize, usize)) {
    for from in (0..rows.max(1)).step_by(PAGE) {
        page(from, rows.min(from + PAGE));
    }
}

/// The query that asks for the page that begins at this row.
fn marker(kind: u32, from: usize) -> String {
    if from == 0 { String::new() } else { format!("marker={}", uuid(kind, from - 1)) }
}

#[allow(clippy::too_many_arguments)]
fn list(
    name: &str,
    url: &str,
    path: &str,
    kind: u32,
    to: usize,
    all: usize,
    from: usize,
    mut row: impl FnMut(&mut String, usize),
) -> String {
    let mut body = format!("{{\"{name}\": [");
    for n in from..to {
        if n > from {
            body.push(',');
        }
        row(&mut body, n);
    }
    body.push(']');
    if to < all {
        let next = marker(kind, to);
        let _ = write!(
            body,
            ", \"{name}_links\": [{{\"rel\": \"next\", \"href\": \"{url}/v2.1{path}?{next}\"}}]"
        );
    }
    body.push('}');
    body
}

fn server(out: &mut String, size: Size, n: usize) {
    let host = n % size.hypervisors.max(1);
    let (status, vm, power) = match n % 50 {
        0 => ("SHUTOFF", "stopped", 4),
        _ => ("ACTIVE", "active", 1),
    };
    let _ = write!(
        out,
        "{{\"id\": \"{id}\", \"name\": \"vm-{n:06}\", \"status\": \"{status}\", \"tenant_id\": \"{project}\", \
         \"user_id\": \"{user:032x}\", \"metadata\": {{}}, \
         \"hostId\": \"3bd66284a9676db5ded4435990c4260e1d2bb565d605488b11833d22\", \
         \"image\": {{\"id\": \"dad2b808-6fd9-4919-934e-499cf48fa4b6\", \"links\": [{{\"rel\": \"bookmark\", \
         \"href\": \"http://127.0.0.1:8774/images/dad2b808-6fd9-4919-934e-499cf48fa4b6\"}}]}}, \
         \"flavor\": {{\"vcpus\": 1, \"ram\": 64, \"disk\": 1, \"ephemeral\": 0, \"swap\": 0, \
         \"original_name\": \"m1.nano\", \"extra_specs\": {{}}}}, \"created\": \"2026-11-23T18:49:51Z\", \
         \"updated\": \"2026-11-23T18:49:59Z\", \"addresses\": {{\"private\": [{{\"version\": 4, \
         \"addr\": \"10.{a}.{b}.{c}\", \"OS-EXT-IPS:type\": \"fixed\", \"OS-EXT-IPS-MAC:mac_addr\": \
         \"fa:16:3e:{a:02x}:{b:02x}:{c:02x}\"}}]}}, \"accessIPv4\": \"\", \"accessIPv6\": \"\", \
         \"links\": [{{\"rel\": \"self\", \"href\": \"http://127.0.0.1:8774/v2.1/servers/{id}\"}}, \
         {{\"rel\": \"bookmark\", \"href\": \"http://127.0.0.1:8774/servers/{id}\"}}], \
         \"OS-DCF:diskConfig\": \"MANUAL\", \"progress\": 0, \"OS-EXT-AZ:availability_zone\": \"az-{zone}\", \
         \"config_drive\": \"\", \"key_name\": null, \"OS-SRV-USG:launched_at\": \"2026-11-23T18:49:59.000000\", \
         \"OS-SRV-USG:terminated_at\": null, \"OS-EXT-SRV-ATTR:host\": \"cmp{host:05}\", \
         \"OS-EXT-SRV-ATTR:instance_name\": \"instance-{n:08x}\", \
         \"OS-EXT-SRV-ATTR:hypervisor_hostname\": \"cmp{host:05}\", \
         \"OS-EXT-SRV-ATTR:reservation_id\": \"r-2e1ueg9o\", \"OS-EXT-SRV-ATTR:launch_index\": 0, \
         \"OS-EXT-SRV-ATTR:hostname\": \"vm-{n:06}\", \"OS-EXT-SRV-ATTR:kernel_id\": \"\", \
         \"OS-EXT-SRV-ATTR:ramdisk_id\": \"\", \"OS-EXT-SRV-ATTR:root_device_name\": \"/dev/sda\", \
         \"OS-EXT-SRV-ATTR:user_data\": null, \"OS-EXT-STS:task_state\": null, \"OS-EXT-STS:vm_state\": \"{vm}\", \
         \"OS-EXT-STS:power_state\": {power}, \"os-extended-volumes:volumes_attached\": [], \"locked\": false, \
         \"locked_reason\": null, \"description\": null, \"tags\": [], \"trusted_image_certificates\": null, \
         \"host_status\": \"UP\", \"security_groups\": [{{\"name\": \"default\"}}]}}",
        id = uuid(0x1, n),
        project = project(n % size.projects.max(1)),
        user = n % 500,
        a = n >> 16 & 255,
        b = n >> 8 & 255,
        c = n & 255,
        zone = host % 3,
    );
}

fn hypervisor(out: &mut String, n: usize) {
    let _ = write!(
        out,
        "{{\"id\": \"{}\", \"hypervisor_hostname\": \"cmp{n:05}\", \"state\": \"up\", \"status\": \"enabled\", \
         \"hypervisor_type\": \"QEMU\", \"hypervisor_version\": 6002000, \"host_ip\": \"10.0.0.1\", \
         \"service\": {{\"id\": \"{}\", \"host\": \"cmp{n:05}\", \"disabled_reason\": null}}, \"vcpus\": 64, \
         \"memory_mb\": 262144, \"local_gb\": 1028, \"vcpus_used\": {}, \"memory_mb_used\": 2048, \
         \"local_gb_used\": 17, \"free_ram_mb\": 6144, \"free_disk_gb\": 1011, \"current_workload\": 0, \
         \"running_vms\": 10, \"disk_available_least\": 0, \"cpu_info\": {{\"model\": \"Cascadelake\"}}}}",
        uuid(0x2, n),
        uuid(0x3, n),
        n % 64
    );
}
