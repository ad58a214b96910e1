//! What the openstack CLI says of every documented column, in the terms of our JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::support::cloud::{Api, Cloud, until};

/// How a column is held against the CLI. The functions take all that the CLI said of one row.
pub enum Says {
    /// The same.
    Same(fn(&Json) -> Json),
    /// A name where somebody has looked it up, else the id.
    Either(fn(&Json) -> [Json; 2]),
    /// A moment that moves on by itself: not before the CLI's first answer, not after its second.
    Moves(fn(&Json) -> Json),
    /// A figure that grows by itself: not below the CLI's first answer, not above its second.
    Grows(fn(&Json) -> Json),
    /// No command says it, for this reason.
    Derived(&'static str),
}
use Says::{Derived, Either, Grows, Moves, Same};

/// The columns of a table, and which may be null in every row of a cloud that is well.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Says)],
    pub often_null: &'static [&'static str],
    /// All that the CLI says, by the id of our row.
    pub told: fn(&Cloud, &Api) -> BTreeMap<String, Json>,
}

pub const TABLES: &[Table] = &[
    Table {
        name: "hypervisors",
        columns: HYPERVISORS,
        often_null: &["disabled_reason"],
        told: tell_hypervisors,
    },
    Table { name: "instances", columns: INSTANCES, often_null: &["task_state"], told: tell_instances },
    Table { name: "quotas", columns: QUOTAS, often_null: QUOTAS_OFTEN_NULL, told: tell_quotas },
    Table { name: "services", columns: SERVICES, often_null: &["disabled_reason"], told: tell_services },
    Table {
        name: "queues",
        columns: QUEUES,
        // One node, no policy, no replicated queue.
        often_null: &["policy", "members", "members_online"],
        told: tell_queues,
    },
    Table { name: "nodes", columns: NODES, often_null: &["partitions"], told: tell_nodes },
    Table { name: "usage", columns: USAGE, often_null: &["domain"], told: tell_usage },
];

const HYPERVISORS: &[(&str, Says)] = &[
    ("host", Same(|t| t["show"]["service_host"].clone())),
    ("hypervisor_hostname", Same(|t| t["show"]["hypervisor_hostname"].clone())),
    ("zone", Same(|t| t["service"]["Zone"].clone())),
    ("aggregates", Same(|t| t["aggregates"].clone())),
    ("state", Same(|t| t["service"]["State"].clone())),
    ("status", Same(|t| t["service"]["Status"].clone())),
    ("disabled_reason", Same(|t| t["service"]["Disabled Reason"].clone())),
    ("last_seen", Moves(|t| utc(&t["service"]["Updated At"]))),
    ("vms", Same(|t| t["show"]["running_vms"].clone())),
    ("vcpus", Same(|t| t["show"]["vcpus"].clone())),
    ("vcpus_used", Same(|t| t["show"]["vcpus_used"].clone())),
    ("vcpu_limit", Same(|t| limit(&t["inventory"]["VCPU"]))),
    ("vcpu_allocation_ratio", Same(|t| t["inventory"]["VCPU"]["allocation_ratio"].clone())),
    ("vcpu_ratio", Same(|t| ratio(&t["show"]["vcpus_used"], &t["show"]["vcpus"]))),
    ("memory_mb", Same(|t| t["show"]["memory_mb"].clone())),
    ("memory_mb_used", Same(|t| t["show"]["memory_mb_used"].clone())),
    ("memory_limit_mb", Same(|t| limit(&t["inventory"]["MEMORY_MB"]))),
    ("memory_allocation_ratio", Same(|t| t["inventory"]["MEMORY_MB"]["allocation_ratio"].clone())),
    ("memory_ratio", Same(|t| ratio(&t["show"]["memory_mb_used"], &t["show"]["memory_mb"]))),
    ("local_gb", Same(|t| t["show"]["local_gb"].clone())),
    ("local_gb_used", Same(|t| t["show"]["local_gb_used"].clone())),
    ("queue_ready", Derived("a row of the table of queues, which is compared by itself")),
    ("queue_consumers", Derived("a row of the table of queues, which is compared by itself")),
    ("disk_limit_gb", Same(|t| limit(&t["inventory"]["DISK_GB"]))),
    // VCPU and PCPU together: no host of this cloud has dedicated CPUs.
    ("placement_vcpus_used", Same(|t| t["usage"]["VCPU"]["usage"].clone())),
    ("placement_memory_mb_used", Same(|t| t["usage"]["MEMORY_MB"]["usage"].clone())),
    ("placement_as_of", Derived("the moment of our own question to Placement")),
    ("drifted", Derived("our judgement over two readings of nova and Placement")),
    ("forced_down", Same(|t| t["service"]["Forced Down"].clone())),
    ("host_ip", Same(|t| t["show"]["host_ip"].clone())),
    ("hypervisor_type", Same(|t| t["show"]["hypervisor_type"].clone())),
    ("hypervisor_version", Same(|t| t["show"]["hypervisor_version"].clone())),
    ("cpu_model", Same(|t| t["show"]["cpu_info"]["model"].clone())),
    ("id", Same(|t| t["show"]["id"].clone())),
    ("trouble", Derived("our judgement, as a number")),
    ("verdict", Derived("our judgement, in a word")),
];

const INSTANCES: &[(&str, Says)] = &[
    ("name", Same(|t| t["show"]["name"].clone())),
    ("id", Same(|t| t["show"]["id"].clone())),
    ("status", Same(|t| t["show"]["status"].clone())),
    ("vm_state", Same(|t| t["show"]["OS-EXT-STS:vm_state"].clone())),
    ("task_state", Same(|t| t["show"]["OS-EXT-STS:task_state"].clone())),
    ("task_since", Derived("when we saw the task state first")),
    ("power_state", Same(|t| power(&t["show"]["OS-EXT-STS:power_state"]))),
    ("project", Same(|t| t["project"].clone())),
    ("project_id", Same(|t| t["show"]["project_id"].clone())),
    ("user", Either(|t| [t["user"].clone(), t["show"]["user_id"].clone()])),
    ("user_id", Same(|t| t["show"]["user_id"].clone())),
    ("host", Same(|t| t["show"]["OS-EXT-SRV-ATTR:host"].clone())),
    ("hypervisor_hostname", Same(|t| t["show"]["OS-EXT-SRV-ATTR:hypervisor_hostname"].clone())),
    ("instance_name", Same(|t| t["show"]["OS-EXT-SRV-ATTR:instance_name"].clone())),
    ("flavor", Same(|t| t["show"]["flavor"]["original_name"].clone())),
    ("vcpus", Same(|t| t["show"]["flavor"]["vcpus"].clone())),
    ("ram", Same(|t| t["show"]["flavor"]["ram"].clone())),
    ("disk", Same(|t| t["show"]["flavor"]["disk"].clone())),
    ("image_id", Same(|t| image_id(&t["list"]))),
    ("image", Either(|t| [t["image"].clone(), image_id(&t["list"])])),
    ("addresses", Same(|t| t["addresses"].clone())),
    ("floating_ips", Same(|t| t["floating"].clone())),
    ("zone", Same(|t| t["show"]["OS-EXT-AZ:availability_zone"].clone())),
    ("created", Same(|t| utc(&t["show"]["created"]))),
    ("updated", Same(|t| utc(&t["show"]["updated"]))),
    ("launched_at", Same(|t| utc(&t["show"]["OS-SRV-USG:launched_at"]))),
    ("host_status", Same(|t| t["show"]["host_status"].clone())),
    ("locked", Same(|t| t["show"]["locked"].clone())),
    ("key_name", Same(|t| t["show"]["key_name"].clone())),
    ("fault", Same(|t| t["show"]["fault"]["message"].clone())),
    ("trouble", Derived("our judgement, as a number")),
    ("verdict", Derived("our judgement, in a word")),
];

/// A user's, an image's or nobody's; or what a cloud without volumes, backups and requests under way has none of.
const QUOTAS_OFTEN_NULL: &[&str] = &["key_pairs", "reserved", "nearest", "nearest_resource", "reason"];

/// `openstack quota show --usage` of each project, service by service.
const QUOTAS: &[(&str, Says)] = &[
    ("project", Same(|t| t["project"]["Name"].clone())),
    ("id", Same(|t| t["project"]["ID"].clone())),
    ("domain", Same(|t| t["domain"].clone())),
    ("enabled", Same(|t| t["project"]["Enabled"].clone())),
    ("nearest", Derived("the largest of the shares, whose figures are compared by themselves")),
    ("nearest_resource", Derived("the largest of the shares, whose figures are compared by themselves")),
    ("instances", Same(|t| t["compute"]["instances"]["In Use"].clone())),
    ("instances_limit", Same(|t| t["compute"]["instances"]["Limit"].clone())),
    ("vcpu", Same(|t| t["compute"]["cores"]["In Use"].clone())),
    ("vcpu_limit", Same(|t| t["compute"]["cores"]["Limit"].clone())),
    ("ram", Same(|t| t["compute"]["ram"]["In Use"].clone())),
    ("ram_limit", Same(|t| t["compute"]["ram"]["Limit"].clone())),
    ("volumes", Same(|t| t["volume"]["volumes"]["In Use"].clone())),
    ("volumes_limit", Same(|t| t["volume"]["volumes"]["Limit"].clone())),
    ("gigabytes", Same(|t| t["volume"]["gigabytes"]["In Use"].clone())),
    ("gigabytes_limit", Same(|t| t["volume"]["gigabytes"]["Limit"].clone())),
    ("snapshots", Same(|t| t["volume"]["snapshots"]["In Use"].clone())),
    ("snapshots_limit", Same(|t| t["volume"]["snapshots"]["Limit"].clone())),
    ("backups", Same(|t| t["volume"]["backups"]["In Use"].clone())),
    ("backups_limit", Same(|t| t["volume"]["backups"]["Limit"].clone())),
    ("backup_gigabytes", Same(|t| t["volume"]["backup_gigabytes"]["In Use"].clone())),
    ("backup_gigabytes_limit", Same(|t| t["volume"]["backup_gigabytes"]["Limit"].clone())),
    ("floating_ips", Same(|t| t["network"]["floating_ips"]["In Use"].clone())),
    ("floating_ips_limit", Same(|t| t["network"]["floating_ips"]["Limit"].clone())),
    ("ports", Same(|t| t["network"]["ports"]["In Use"].clone())),
    ("ports_limit", Same(|t| t["network"]["ports"]["Limit"].clone())),
    ("networks", Same(|t| t["network"]["networks"]["In Use"].clone())),
    ("networks_limit", Same(|t| t["network"]["networks"]["Limit"].clone())),
    ("subnets", Same(|t| t["network"]["subnets"]["In Use"].clone())),
    ("subnets_limit", Same(|t| t["network"]["subnets"]["Limit"].clone())),
    ("routers", Same(|t| t["network"]["routers"]["In Use"].clone())),
    ("routers_limit", Same(|t| t["network"]["routers"]["Limit"].clone())),
    ("security_groups", Same(|t| t["network"]["security_groups"]["In Use"].clone())),
    ("security_groups_limit", Same(|t| t["network"]["security_groups"]["Limit"].clone())),
    ("security_group_rules", Same(|t| t["network"]["security_group_rules"]["In Use"].clone())),
    ("security_group_rules_limit", Same(|t| t["network"]["security_group_rules"]["Limit"].clone())),
    ("server_groups", Same(|t| t["compute"]["server_groups"]["In Use"].clone())),
    ("server_groups_limit", Same(|t| t["compute"]["server_groups"]["Limit"].clone())),
    ("key_pairs", Derived("of each user: nova tells no use of a project's, and the CLI N/A")),
    ("key_pairs_limit", Same(|t| t["compute"]["key_pairs"]["Limit"].clone())),
    ("reserved", Derived("requests under way, which pass between two readings")),
    ("as_of", Derived("the moment of our own question")),
    ("nova_as_of", Derived("the moment of our own question")),
    ("cinder_as_of", Derived("the moment of our own question")),
    ("neutron_as_of", Derived("the moment of our own question")),
    ("pressure", Derived("the largest of the shares, whose figures are compared by themselves")),
    ("reason", Derived("our judgement, in words")),
    ("trouble", Derived("our judgement, as a number")),
    ("verdict", Derived("our judgement, in a word")),
];

const SERVICES: &[(&str, Says)] = &[
    ("binary", Same(|t| t["Binary"].clone())),
    ("host", Same(|t| t["Host"].clone())),
    ("zone", Same(|t| t["Zone"].clone())),
    ("state", Same(|t| t["State"].clone())),
    ("status", Same(|t| t["Status"].clone())),
    ("last_seen", Moves(|t| utc(&t["Updated At"]))),
    ("disabled_reason", Same(|t| t["Disabled Reason"].clone())),
    ("forced_down", Same(|t| t["Forced Down"].clone())),
    ("id", Same(|t| t["ID"].clone())),
];

/// `rabbitmqctl list_queues`.
const QUEUES: &[(&str, Says)] = &[
    ("name", Same(|t| t["name"].clone())),
    ("vhost", Same(|t| t["vhost"].clone())),
    ("broker", Derived("what the settings call it")),
    ("service", Derived("what the name says")),
    ("host", Derived("what the name says")),
    ("role", Derived("what the name says")),
    ("topic", Derived("what the name says")),
    ("type", Same(|t| t["type"].clone())),
    ("ready", Same(|t| t["messages_ready"].clone())),
    ("unacked", Same(|t| t["messages_unacknowledged"].clone())),
    ("consumers", Same(|t| t["consumers"].clone())),
    ("publish_rate", Derived("rabbitmqctl tells no rates")),
    ("deliver_rate", Derived("rabbitmqctl tells no rates")),
    ("trend", Derived("our own samples")),
    ("state", Same(|t| t["state"].clone())),
    ("memory", Derived("of the broker's last sample, and it moves by itself")),
    ("node", Derived("rabbitmqctl prints a process id, whose node is a number in JSON")),
    ("reason", Derived("our judgement, in words")),
    ("members", Same(|t| t["members"].clone())),
    ("members_online", Same(|t| t["online"].clone())),
    ("consumer_capacity", Derived("of the broker's last sample, and it moves by itself")),
    ("policy", Same(|t| t["policy"].clone())),
    ("durable", Same(|t| t["durable"].clone())),
    ("exclusive", Same(|t| t["exclusive"].clone())),
    ("expires", Same(|t| t["expires"].clone())),
    ("idle_since", Derived("it moves by itself")),
    ("id", Same(|t| t["id"].clone())),
    ("trouble", Derived("our judgement, as a number")),
    ("verdict", Derived("our judgement, in a word")),
];

/// `rabbitmqctl status` and `cluster_status`.
const NODES: &[(&str, Says)] = &[
    ("name", Same(|t| t["name"].clone())),
    ("broker", Derived("what the settings call it")),
    ("running", Same(|t| t["running"].clone())),
    ("version", Same(|t| t["status"]["rabbitmq_version"].clone())),
    ("uptime", Derived("it moves by itself")),
    ("mem_used", Derived("it moves by itself")),
    ("mem_limit", Same(|t| t["status"]["vm_memory_high_watermark_limit"].clone())),
    ("mem_alarm", Same(|t| t["memory_alarm"].clone())),
    ("disk_free", Derived("it moves by itself")),
    ("disk_free_limit", Same(|t| t["status"]["disk_free_limit"].clone())),
    ("disk_free_alarm", Same(|t| t["disk_alarm"].clone())),
    ("fd_used", Derived("it moves by itself")),
    ("fd_total", Derived("rabbitmqctl takes what the broker keeps for itself away")),
    ("sockets_used", Derived("it moves by itself")),
    ("sockets_total", Same(|t| t["status"]["file_descriptors"]["sockets_limit"].clone())),
    ("proc_used", Derived("it moves by itself")),
    ("proc_total", Same(|t| t["status"]["processes"]["limit"].clone())),
    ("run_queue", Derived("it moves by itself")),
    ("partitions", Same(|t| t["partitions"].clone())),
    ("being_drained", Derived("the API gives it from 3.11 on")),
    ("id", Same(|t| t["id"].clone())),
    ("reason", Derived("our judgement, in words")),
    ("trouble", Derived("our judgement, as a number")),
    ("verdict", Derived("our judgement, in a word")),
];

/// Since when the test of usage asks, as the CLI and we ask for it.
pub const USAGE_SINCE: &str = "2025-01-01";

/// `openstack usage list`.
const USAGE: &[(&str, Says)] = &[
    ("project", Same(|t| t["name"].clone())),
    ("id", Same(|t| t["usage"]["Project"].clone())),
    ("domain", Same(|t| t["domain"].clone())),
    ("instances", Derived("the CLI leaves it empty, and nova tells it of one project alone")),
    ("vcpu_hours", Grows(|t| t["usage"]["CPU Hours"].clone())),
    ("ram_mb_hours", Grows(|t| t["usage"]["RAM MB-Hours"].clone())),
    ("disk_gb_hours", Grows(|t| t["usage"]["Disk GB-Hours"].clone())),
    ("hours", Derived("the CLI leaves it out")),
    ("start", Same(|_| json!(format!("{USAGE_SINCE}T00:00:00Z")))),
    ("stop", Derived("the moment of our own question")),
];

// --- the CLI's words in ours --------------------------------------------------------

/// A moment, however the service writes it.
fn utc(text: &Json) -> Json {
    let Some(text) = text.as_str() else { return Json::Null };
    let text = format!("{}Z", text.trim_end_matches('Z'));
    json!(text.parse::<Timestamp>().unwrap().to_string())
}

/// The CLI has words for an instance that booted from a volume.
fn image_id(listed: &Json) -> Json {
    let id = &listed["Image ID"];
    if id == "N/A (booted from volume)" { Json::Null } else { id.clone() }
}

/// What the scheduler may give of a resource class.
fn limit(inventory: &Json) -> Json {
    let number = |key: &str| inventory[key].as_f64().unwrap();
    json!(((number("total") - number("reserved")) * number("allocation_ratio")) as i64)
}

fn ratio(used: &Json, total: &Json) -> Json {
    json!((used.as_f64().unwrap() / total.as_f64().unwrap() * 100.0).round() / 100.0)
}

/// nova.objects.fields.InstancePowerState.
fn power(state: &Json) -> Json {
    json!(match state.as_i64().unwrap() {
        0 => "NOSTATE",
        1 => "Running",
        3 => "Paused",
        4 => "Shutdown",
        6 => "Crashed",
        7 => "Suspended",
        n => panic!("nova knows no power state {n}"),
    })
}

// --- all that the CLI says ------------------------------------------------------------

fn rows(document: &Json) -> &Vec<Json> {
    document.as_array().expect("a list")
}

/// A list as an object, by one of its columns.
fn by(document: &Json, key: &str) -> Json {
    let entries = rows(document).iter().map(|row| (row[key].as_str().unwrap().to_owned(), row.clone()));
    Json::Object(entries.collect::<Map<_, _>>())
}

/// A sorted list, null where there is nothing in it.
fn sorted(mut words: Vec<&str>) -> Json {
    words.sort_unstable();
    if words.is_empty() { Json::Null } else { json!(words) }
}

fn tell_hypervisors(cloud: &Cloud, api: &Api) -> BTreeMap<String, Json> {
    let list = api.get("compute", "/os-hypervisors");
    let hosts: Vec<&str> =
        rows(&list["hypervisors"]).iter().map(|row| row["hypervisor_hostname"].as_str().unwrap()).collect();
    // The API's own list has numbers for ids; Placement knows the host by the id that the CLI shows.
    let providers = cloud.cli("admin", &["resource provider list".to_owned()]).unwrap();
    let providers = by(&providers[0], "name");
    let mut commands = vec!["compute service list --long".to_owned(), "aggregate list --long".to_owned()];
    for host in &hosts {
        let id = providers[host]["uuid"].as_str().unwrap();
        commands.push(format!("hypervisor show {host}"));
        commands.push(format!("resource provider inventory list {id}"));
        commands.push(format!("resource provider usage show {id}"));
    }
    let said = cloud.cli("admin", &commands).unwrap();
    said[2..]
        .chunks(3)
        .map(|said_of| {
            let show = &said_of[0];
            let host = &show["service_host"];
            let service =
                rows(&said[0]).iter().find(|row| row["Binary"] == "nova-compute" && row["Host"] == *host);
            let aggregates = rows(&said[1])
                .iter()
                .filter(|row| rows(&row["Hosts"]).contains(host))
                .map(|row| row["Name"].as_str().unwrap())
                .collect();
            let told = json!({
                "show": show,
                "service": service,
                "aggregates": sorted(aggregates),
                "inventory": by(&said_of[1], "resource_class"),
                "usage": by(&said_of[2], "resource_class"),
            });
            (show["id"].as_str().unwrap().to_owned(), told)
        })
        .collect()
}

fn tell_instances(cloud: &Cloud, api: &Api) -> BTreeMap<String, Json> {
    const LISTS: [&str; 5] = [
        "server list --all-projects --long -n",
        "project list",
        "user list",
        "image list",
        "floating ip list",
    ];
    // An instance that is deleted meanwhile cannot be shown: then all is asked again.
    let said = until("the CLI shows every instance", Duration::from_secs(120), || {
        let list = api.get("compute", "/servers?all_tenants=1");
        let ids = rows(&list["servers"]).iter().map(|row| row["id"].as_str().unwrap());
        let shows = ids.map(|id| format!("server show {id}"));
        let commands: Vec<_> = LISTS.iter().map(|list| (*list).to_owned()).chain(shows).collect();
        cloud.cli("admin", &commands).ok()
    });
    let [servers, projects, users, images] = [0, 1, 2, 3].map(|n| by(&said[n], "ID"));
    let floating: Vec<&Json> = rows(&said[4]).iter().map(|row| &row["Floating IP Address"]).collect();
    said[LISTS.len()..]
        .iter()
        .map(|show| {
            let id = show["id"].as_str().unwrap();
            let addresses: Vec<&Json> =
                show["addresses"].as_object().unwrap().values().flat_map(rows).collect();
            let text = |list: Vec<&Json>| sorted(list.into_iter().map(|a| a.as_str().unwrap()).collect());
            let name = |names: &Json, id: &Json| names[id.as_str().unwrap_or_default()]["Name"].clone();
            let told = json!({
                "show": show,
                "list": servers[id],
                "project": name(&projects, &show["project_id"]),
                "user": name(&users, &show["user_id"]),
                "image": name(&images, &servers[id]["Image ID"]),
                "floating": text(addresses.iter().filter(|a| floating.contains(a)).copied().collect()),
                "addresses": text(addresses),
            });
            (id.to_owned(), told)
        })
        .collect()
}

/// What `quota show --usage` has of one service, by the resource's name in our terms: it writes some with dashes, and
/// has short words for security groups.
fn by_resource(said: &Json) -> Json {
    let entries = rows(said).iter().map(|row| {
        let name = row["Resource"].as_str().unwrap().replace('-', "_");
        let name = match name.as_str() {
            "secgroups" => "security_groups".to_owned(),
            "secgroup_rules" => "security_group_rules".to_owned(),
            _ => name,
        };
        (name, row.clone())
    });
    Json::Object(entries.collect::<Map<_, _>>())
}

fn tell_quotas(cloud: &Cloud, _: &Api) -> BTreeMap<String, Json> {
    let lists = ["project list --long".to_owned(), "domain list".to_owned()];
    let lists = cloud.cli("admin", &lists).unwrap();
    let domains = by(&lists[1], "ID");
    let projects = rows(&lists[0]);
    let kinds = ["compute", "volume", "network"];
    let ids = projects.iter().map(|project| project["ID"].as_str().unwrap());
    let commands = ids.flat_map(|id| kinds.map(|kind| format!("quota show --usage --{kind} {id}")));
    let said = cloud.cli("admin", &commands.collect::<Vec<_>>()).unwrap();
    let told = projects.iter().zip(said.chunks(kinds.len())).map(|(project, said)| {
        let domain = &domains[project["Domain ID"].as_str().unwrap_or_default()]["Name"];
        let told = json!({
            "project": project,
            "domain": domain,
            "compute": by_resource(&said[0]),
            "volume": by_resource(&said[1]),
            "network": by_resource(&said[2]),
        });
        (project["ID"].as_str().unwrap().to_owned(), told)
    });
    told.collect()
}

fn tell_usage(cloud: &Cloud, _: &Api) -> BTreeMap<String, Json> {
    let commands = [
        format!("usage list --start {USAGE_SINCE}"),
        "project list --long".to_owned(),
        "domain list".to_owned(),
    ];
    let said = cloud.cli("admin", &commands).unwrap();
    let (projects, domains) = (by(&said[1], "ID"), by(&said[2], "ID"));
    let told = rows(&said[0]).iter().map(|usage| {
        let id = usage["Project"].as_str().unwrap();
        let project = &projects[id];
        let told = json!({
            "usage": usage,
            // One that is gone keeps its id.
            "name": if project.is_null() { &usage["Project"] } else { &project["Name"] },
            "domain": domains[project["Domain ID"].as_str().unwrap_or_default()]["Name"],
        });
        (id.to_owned(), told)
    });
    told.collect()
}

fn tell_services(cloud: &Cloud, _: &Api) -> BTreeMap<String, Json> {
    let said = cloud.cli("admin", &["compute service list --long".to_owned()]).unwrap();
    by(&said[0], "ID").as_object().unwrap().clone().into_iter().collect()
}

/// What `rabbitmqctl` prints as JSON.
fn told_by_rabbitmqctl(cloud: &Cloud, words: &[&str]) -> Json {
    let words: Vec<&str> = words.iter().copied().chain(["--formatter", "json"]).collect();
    let output = cloud.rabbitmqctl(&words);
    assert_eq!(output.code, Some(0), "{output:#?}");
    output.json()
}

fn tell_queues(cloud: &Cloud, _: &Api) -> BTreeMap<String, Json> {
    let vhost = cloud.env("RABBIT_VHOST");
    let items = "name type state durable exclusive messages_ready messages_unacknowledged consumers policy arguments members online";
    let words: Vec<&str> = ["list_queues", "-p", &vhost].into_iter().chain(items.split(' ')).collect();
    let said = told_by_rabbitmqctl(cloud, &words);
    let told = rows(&said).iter().map(|row| {
        let name = row["name"].as_str().unwrap();
        let id = format!("cloud/{}/{name}", vhost.replace('/', "%2F"));
        // `[["x-expires","signedint",1800000]]` or `{"x-expires":1800000}`.
        let arguments = row["arguments"].to_string();
        let expires = arguments.split_once("x-expires").map(|(_, rest)| {
            let digits: String =
                rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().unwrap()
        });
        let mut told = row.clone();
        told["vhost"] = json!(vhost);
        told["id"] = json!(id);
        told["expires"] = json!(expires);
        for list in ["members", "online"] {
            if !told[list].is_array() || told[list] == json!([]) {
                told[list] = Json::Null;
            }
        }
        (id, told)
    });
    told.collect()
}

fn tell_nodes(cloud: &Cloud, _: &Api) -> BTreeMap<String, Json> {
    let status = told_by_rabbitmqctl(cloud, &["status"]);
    let cluster = told_by_rabbitmqctl(cloud, &["cluster_status"]);
    let node = &cluster["running_nodes"][0];
    let id = format!("cloud/{}", node.as_str().unwrap());
    let alarms = status["alarms"].to_string();
    let told = json!({
        "id": id,
        "name": node,
        "running": true,
        "status": status,
        "memory_alarm": alarms.contains("memory"),
        "disk_alarm": alarms.contains("disk"),
        "partitions": Json::Null,
    });
    assert_eq!(cluster["partitions"], json!({}));
    BTreeMap::from([(id, told)])
}

// --- the comparison -----------------------------------------------------------------------

/// What one comparison found.
#[derive(Default)]
pub struct Found {
    pub wrong: Vec<String>,
    /// Cells that were compared, by column, and how many of them held something.
    pub compared: BTreeMap<&'static str, (usize, usize)>,
}

/// Holds our rows against what the CLI said before and after: of what did not change between, every cell.
pub fn compare(
    table: &Table,
    before: &BTreeMap<String, Json>,
    ours: &[Json],
    after: &BTreeMap<String, Json>,
) -> Found {
    let mut found = Found::default();
    for (id, told) in before {
        let Some(later) = after.get(id) else { continue };
        let Some(row) = ours.iter().find(|row| row["id"] == id.as_str()) else {
            found.wrong.push(format!("{} has no row {id}", table.name));
            continue;
        };
        for (column, says) in table.columns {
            let (right, expected) = match says {
                Derived(_) => continue,
                Same(f) if f(told) != f(later) => continue,
                Either(f) if f(told) != f(later) => continue,
                Same(f) => (plain(&row[column]) == plain(&f(told)), f(told)),
                Either(f) => (f(told).contains(&row[column]), json!(f(told))),
                Grows(f) => {
                    let [first, last] = [f(told), f(later)].map(|n| n.as_f64().unwrap());
                    // Sums of floats differ in their last digit.
                    let slack = last.abs() * 1e-12;
                    let ours = row[column].as_f64().unwrap_or(f64::NAN);
                    (first - slack <= ours && ours <= last + slack, json!([first, last]))
                }
                Moves(f) => {
                    let [first, ours, last] = [&f(told), &row[column], &f(later)].map(|at| at.to_string());
                    (first <= ours && ours <= last, json!([f(told), f(later)]))
                }
            };
            let (cells, held) = found.compared.entry(column).or_default();
            *cells += 1;
            *held += usize::from(!row[column].is_null());
            if !right {
                found.wrong.push(format!("{column} of {id} is {}, the CLI says {expected}", row[column]));
            }
        }
    }
    let strange = ours.iter().filter_map(|row| row["id"].as_str());
    let strange = strange.filter(|id| !before.contains_key(*id) && !after.contains_key(*id));
    found.wrong.extend(strange.map(|id| format!("{} has a row {id} that the CLI does not know", table.name)));
    found
}

/// nova writes an empty text for nothing; the order of a list says nothing.
fn plain(value: &Json) -> Json {
    match value {
        Json::String(text) if text.is_empty() => Json::Null,
        Json::Array(list) => sorted(list.iter().map(|word| word.as_str().unwrap()).collect()),
        other => other.clone(),
    }
}
