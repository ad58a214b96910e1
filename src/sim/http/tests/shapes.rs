//! Every answer has the keys, and the types, that the real service's had: object by object, microversion by
//! microversion.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const SHAPES: &str = include_str!("../../../../tests/samples/shapes.txt");

/// One key of an object: its types, and whether every object has it.
#[derive(Debug)]
struct Key {
    types: String,
    optional: bool,
}

/// One recorded request.
struct Shape {
    service: Service,
    version: String,
    status: u16,
    path: String,
    objects: BTreeMap<String, BTreeMap<String, Key>>,
}

fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for line in SHAPES.lines().filter(|line| !line.starts_with('#')) {
        if let Some((object, keys)) = line.strip_prefix("  ").and_then(|line| line.split_once(" | ")) {
            let keys = keys.split(' ').map(|key| {
                let (name, types) = key.rsplit_once('=').unwrap();
                let optional = name.ends_with('?');
                (name.trim_end_matches('?').to_owned(), Key { types: types.to_owned(), optional })
            });
            let object = if object == "." { "" } else { object };
            shapes.last_mut().unwrap().objects.insert(object.to_owned(), keys.collect());
            continue;
        }
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        shapes.push(Shape {
            service: *Service::ALL.iter().find(|service| service.name() == words[0]).unwrap(),
            version: words[1].to_owned(),
            status: words[2].parse().unwrap(),
            path: words[3].to_owned(),
            objects: BTreeMap::new(),
        });
    }
    shapes
}

/// What ours has and the record has not, with the reason; nothing else may differ.
const MORE: &[(&str, &str)] = &[
    // A list shows the faults of servers that have a host; the only one that had failed was in cell0.
    ("/servers/detail", "servers[].fault"),
    // None of the recorded servers had these.
    ("/servers/detail", "servers[].security_groups"),
    ("/servers/", "server.security_groups"),
    ("/servers/detail", "servers[].metadata.*"),
    ("/servers/detail", "servers[].flavor.extra_specs.*"),
    ("/servers/", "server.metadata.*"),
    ("/servers/", "server.flavor.extra_specs.*"),
    ("/servers/", "server.addresses.*"),
    ("/servers/", "server.progress"),
    ("/servers/", "server.os-extended-volumes:volumes_attached[]"),
    ("/servers/detail", "servers[].addresses.*"),
    ("/servers/detail", "servers[].os-extended-volumes:volumes_attached[]"),
    ("/flavors/detail", "flavors[].extra_specs.*"),
    // A cloud without snapshots says nothing about them.
    ("/snapshots/detail", "snapshots[]"),
    // Links of a running live migration.
    ("/os-migrations", "migrations[].links"),
    // No page was full.
    ("/servers", "servers_links"),
    ("/v2/images", "next"),
    // No agent was dead, no image of that page complete, no volume of it attached.
    ("/agents?alive=False", "agents[]"),
    ("/v2/images?limit=1", "images[].stores"),
    ("limit=2", "volumes[].attachments[]"),
    // The recorded host had one class of guests' resources more, or a pool's metadata less.
    ("/os-aggregates", "aggregates[].metadata.*"),
    // Zed's fake driver knew no topology of cells.
    ("/os-hypervisors", "cpu_info.topology.cells"),
    // Types of volumes have other names here.
    ("/os-quota-sets/", "quota_set."),
    // Each microversion's usage by the consumer's type.
    ("/usages?project_id", "usages."),
    ("/l3-routers", "routers[]"),
    ("/ports?status=DOWN", "ports[]"),
    ("/os-simple-tenant-usage", "tenant_usage"),
];

/// A server that boots from a volume has an empty string where others have their image.
const OTHER_TYPES: &[(&str, char)] = &[("image", 's')];

/// What the record has and ours has not.
const LESS: &[(&str, &str)] = &[
    // Messages, snapshots taken by shelving, mail addresses: nobody has them here.
    ("/messages", "messages[]"),
    ("/v2/images", "images[]"),
    ("/v3/users", "users[].email"),
    ("/dhcp-networks", "networks[]"),
    // Until 2.75 an empty list is left out; every recorded host had guests.
    ("with_servers", "hypervisors[].servers"),
    ("/os-quota-sets/", "quota_set."),
    ("/usages?project_id", "usages."),
    ("/os-simple-tenant-usage", "tenant_usage"),
];

fn excused(list: &[(&str, &str)], path: &str, key: &str) -> bool {
    list.iter().any(|(of, name)| path.contains(of) && key.contains(name))
}

/// Objects whose keys are names, not attributes.
const MAPS: &[&str] = &[
    "addresses",
    "metadata",
    "extra_specs",
    "allocations",
    "provider_summaries",
    "mappings",
    "hosts",
    "binding:profile",
    "options",
    "configurations",
    "usages",
    "volume_image_metadata",
];

fn type_of(value: &Value) -> char {
    match value {
        Value::Null => '0',
        Value::Bool(_) => 'b',
        Value::Number(_) => 'n',
        Value::String(_) => 's',
        Value::Array(_) => 'a',
        Value::Object(_) => 'o',
    }
}

/// All objects of a body by where they stand.
fn walk<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a serde_json::Map<String, Value>)>) {
    match value {
        Value::Object(map) => {
            let name = at.rsplit('.').next().unwrap_or_default().trim_end_matches("[]");
            let is_map = MAPS.contains(&name);
            if !is_map {
                found.push((at.to_owned(), map));
            }
            for (key, value) in map {
                let key = if is_map { "*" } else { key };
                let below = if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
                walk(value, &below, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|item| walk(item, &format!("{at}[]"), found)),
        _ => {}
    }
}

fn compare(shape: &Shape, body: &Value, wrong: &mut BTreeSet<String>) -> usize {
    let mut objects = Vec::new();
    walk(body, "", &mut objects);
    let mut compared = 0;
    for (at, object) in objects {
        let name = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
        let about = format!("{} {} {}", shape.service.name(), shape.version, shape.path);
        let Some(keys) = shape.objects.get(&at) else {
            let excused =
                object.is_empty() || object.keys().all(|key| excused(MORE, &shape.path, &name(key)));
            if !excused {
                wrong.insert(format!(
                    "{about}: an object `{at}` with {:?}",
                    object.keys().collect::<Vec<_>>()
                ));
            }
            continue;
        };
        for (key, value) in object {
            compared += 1;
            match keys.get(key) {
                None if excused(MORE, &shape.path, &name(key)) => {}
                None => {
                    wrong.insert(format!("{about}: `{}` is not Zed's", name(key)));
                }
                Some(known) => {
                    let own = type_of(value);
                    let known_other = OTHER_TYPES.contains(&(key.as_str(), own));
                    let fits = own == '0' || known.types == "0" || known.types.contains(own) || known_other;
                    if !fits {
                        wrong.insert(format!("{about}: `{}` is {own}, Zed's {}", name(key), known.types));
                    }
                }
            }
        }
        for (key, _) in keys.iter().filter(|(_, known)| !known.optional) {
            if !object.contains_key(key) && key != "*" && !excused(LESS, &shape.path, &name(key)) {
                wrong.insert(format!("{about}: `{}` is missing", name(key)));
            }
        }
    }
    compared
}

/// The record's things, in this cloud.
fn places(front: &Front) -> Vec<(&'static str, String)> {
    let world = front.read();
    let cloud = &world.cloud;
    let live = |wanted: fn(&crate::sim::cloud::Instance) -> bool| {
        let found =
            cloud.instances.youngest_first(None).map(|(_, it)| it).find(|it| wanted(it) && !it.is_deleted());
        found.unwrap().id
    };
    let acted = cloud
        .instances
        .iter()
        .map(|(_, it)| it)
        .find(|it| it.status() == "ACTIVE" && it.acts().iter().any(|act| act.name == "create"));
    let acted = acted.unwrap();
    let failed = live(|it| it.status() == "ERROR" && it.host.is_none());
    let (_, failed_row) = cloud.instances.find(failed).unwrap();
    let agent = |binary: &str| {
        crate::sim::random::derived(cloud.id, &format!("{binary} {}", cloud.controllers[0].name)).to_string()
    };
    vec![
        ("{admin}", cloud.project(0).id.simple().to_string()),
        ("{project}", cloud.project(acted.project).id.simple().to_string()),
        ("{server}", acted.id.to_string()),
        ("{failed}", failed.to_string()),
        ("{host}", cloud.hosts[0].id.to_string()),
        ("{request}", format!("req-{}", acted.acts()[0].request)),
        ("{failed-request}", format!("req-{}", failed_row.acts()[0].request)),
        ("{agent}", agent("neutron-metadata-agent")),
        ("{dhcp}", agent("neutron-dhcp-agent")),
        ("{l3}", agent("neutron-l3-agent")),
        ("2026-11-23T18:25:40Z", OPENS.plus(-5 * MINUTE).zulu().to_string()),
        ("2026-11-01T00:00:00", "2026-10-01T00:00:00".to_owned()),
        ("2026-12-01T00:00:00", OPENS.micro().to_string()),
    ]
}

#[test]
fn every_answer_has_the_keys_and_types_of_the_real_one() {
    let front = front("incident", 12, 150);
    let client = Client::admin(&front);
    let places = places(&front);
    let mut wrong = BTreeSet::new();
    let mut compared = 0;
    for shape in shapes() {
        let path = places.iter().fold(shape.path.clone(), |path, (name, value)| path.replace(name, value));
        let got = client.get(shape.service, &path, &shape.version);
        if got.status != shape.status {
            wrong.insert(format!("{path}: {} instead of {}: {}", got.status, shape.status, got.body));
            continue;
        }
        compared += compare(&shape, &got.body, &mut wrong);
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 20_000, "only {compared} keys were compared");
}
