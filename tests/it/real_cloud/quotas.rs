//! Quotas of projects of the test's own: what is made and removed there counts, and a limit that is hit is seen.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::{compare_with_the_cli, complete, rows};
use crate::support::cloud::{Api, Cloud, Dashboard, Server, cloud_tests, until};

cloud_tests![
    what_is_made_and_removed_counts_as_the_cli_says,
    a_quota_that_is_hit_is_seen_and_what_was_refused_is_one_key_away,
    what_a_project_has_stored_is_told_as_swift_counts_it,
];

const PATIENCE: Duration = Duration::from_secs(90);

/// Something of the test's own, gone when this has been dropped.
struct Thing<'a> {
    api: &'a Api,
    service: &'static str,
    /// Its own.
    path: String,
    id: String,
}

impl<'a> Thing<'a> {
    fn make(api: &'a Api, service: &'static str, path: &str, kind: &str, body: &Json) -> Self {
        let (status, answer) = api.call(service, "POST", path, Some(&json!({ kind: body })));
        assert!((200..300).contains(&status), "POST {path}: {status} {answer}");
        let id = answer[kind]["id"].as_str().unwrap().to_owned();
        Self { api, service, path: format!("{path}/{id}"), id }
    }

    /// Until cinder is done with it.
    fn available(self, kind: &str) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.api.get(self.service, &self.path);
            match answer[kind]["status"].as_str() {
                Some("available") => return self,
                Some("creating") if Instant::now() < deadline => thread::sleep(Duration::from_millis(100)),
                _ => panic!("{answer}"),
            }
        }
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        // What counts it stays until it is gone; whoever compares sees what did not go.
        let deadline = Instant::now() + PATIENCE;
        while self.api.call(self.service, "DELETE", &self.path, None).0 != 404 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A project in which the administrator has the admin role.
struct Project<'a> {
    thing: Thing<'a>,
    name: String,
    entry: Json,
    api: Api,
}

impl<'a> Project<'a> {
    fn create(admin: &'a Api, stem: &str) -> Self {
        let name = format!("{stem}-{}", std::process::id());
        let body = json!({ "name": name, "domain_id": "default" });
        let thing = Thing::make(admin, "identity", "/projects", "project", &body);
        let user = admin.id_of("identity", "/users", "users", "admin");
        grant(&thing, &user, &admin.id_of("identity", "/roles", "roles", "admin"));
        let mut entry = Cloud::get().entry("admin");
        entry["auth"]["project_name"] = json!(name);
        Self { thing, name, api: Api::of(&entry), entry }
    }

    fn limit(&self, service: &str, limits: &Json) {
        let path = format!("/os-quota-sets/{}", self.thing.id);
        let (status, body) =
            self.thing.api.call(service, "PUT", &path, Some(&json!({ "quota_set": limits })));
        assert_eq!(status, 200, "{body}");
    }

    /// What `show quotas` has in these columns.
    fn figures(&self, columns: &[&str]) -> Vec<Json> {
        let words = ["show", "quotas", "--project", &self.name, "-o", "json"];
        let document = complete(Cloud::get().stackwatch("admin", &words));
        let row = &rows(&document)[0];
        columns.iter().map(|column| row[*column].clone()).collect()
    }
}

fn grant(project: &Thing, user: &str, role: &str) {
    let path = format!("{}/users/{user}/roles/{role}", project.path);
    assert_eq!(project.api.call("identity", "PUT", &path, None).0, 204);
}

/// What needs others goes before them.
struct Things<'a>(Vec<Thing<'a>>);

impl Drop for Things<'_> {
    fn drop(&mut self) {
        while let Some(last) = self.0.pop() {
            drop(last);
        }
    }
}

/// One of each kind, the network first.
fn things(api: &Api) -> Things<'_> {
    let make = |service, path: &str, kind: &str, body: Json| Thing::make(api, service, path, kind, &body);
    let network = make("network", "/v2.0/networks", "network", json!({ "name": "counted" }));
    let subnet =
        json!({ "network_id": network.id, "ip_version": 4, "cidr": "10.99.0.0/24", "enable_dhcp": false });
    let subnet = make("network", "/v2.0/subnets", "subnet", subnet);
    let port = make("network", "/v2.0/ports", "port", json!({ "network_id": network.id }));
    let public = api.id_of("network", "/v2.0/networks", "networks", "public");
    let floating =
        make("network", "/v2.0/floatingips", "floatingip", json!({ "floating_network_id": public }));
    let router = make("network", "/v2.0/routers", "router", json!({ "name": "counted" }));
    let volume = make("volumev3", "/volumes", "volume", json!({ "size": 1 })).available("volume");
    let snapshot = json!({ "volume_id": volume.id });
    let snapshot = make("volumev3", "/snapshots", "snapshot", snapshot).available("snapshot");
    let group = json!({ "name": "counted", "policies": ["affinity"] });
    let group = make("compute", "/os-server-groups", "server_group", group);
    Things(vec![network, subnet, port, floating, router, volume, snapshot, group])
}

const COUNTED: [&str; 12] = [
    "instances",
    "vcpu",
    "ram",
    "volumes",
    "gigabytes",
    "snapshots",
    "floating_ips",
    "ports",
    "networks",
    "subnets",
    "routers",
    "server_groups",
];

fn what_is_made_and_removed_counts_as_the_cli_says() {
    let admin = Api::new("admin");
    let project = Project::create(&admin, "counted");
    let made = things(&project.api);
    let server = Server::create(&project.api, &json!({ "networks": [{ "uuid": made.0[0].id }] }));
    server.wait_for("ACTIVE");
    // Its volume and its snapshot are one GiB each; one port is the instance's.
    assert_eq!(project.figures(&COUNTED), [1, 1, 512, 1, 2, 1, 1, 2, 1, 1, 1, 1].map(|n| json!(n)));
    compare_with_the_cli("quotas");
    drop(server);
    drop(made);
    assert_eq!(project.figures(&COUNTED), [0; 12].map(|n| json!(n)));
    compare_with_the_cli("quotas");
}

fn a_quota_that_is_hit_is_seen_and_what_was_refused_is_one_key_away() {
    let admin = Api::new("admin");
    let project = Project::create(&admin, "full");
    project.limit("compute", &json!({ "instances": 2 }));
    project.limit("volumev3", &json!({ "volumes": 0 }));
    let built = Server::create(&project.api, &json!({}));
    // Its host asks cinder for a volume, which is one too many.
    let disk = json!([{ "boot_index": 0, "uuid": project.api.image()["id"], "source_type": "image",
        "destination_type": "volume", "volume_size": 1 }]);
    let failed = Server::create(&project.api, &json!({ "block_device_mapping_v2": disk, "imageRef": "" }));
    built.wait_for("ACTIVE");
    failed.wait_for("ERROR");
    let third = json!({ "server": { "name": "third", "networks": "none",
        "flavorRef": project.api.id_of("compute", "/flavors", "flavors", "m1.tiny"),
        "imageRef": project.api.image()["id"] } });
    let (status, answer) = project.api.call("compute", "POST", "/servers", Some(&third));
    assert_eq!(status, 403, "{answer}");
    let mut dashboard = Dashboard::open_with("admin", &Cloud::get().log_settings(), "quotas");
    dashboard.press(&format!("/{}\r", project.name));
    let screen = dashboard.wait_for("the project at its limit", PATIENCE, |screen| {
        screen.lines().any(|line| line.contains(&project.name) && line.contains("100%"))
    });
    assert!(screen.contains("has 2 of 2 instances"), "{screen}");
    dashboard.press("i");
    dashboard.wait_for("its instance that failed, and why", PATIENCE, |screen| {
        screen.contains(&failed.name) && screen.contains("VolumeLimitExceeded")
    });
    dashboard.press("\x1b");
    dashboard.wait_for("the quotas again", PATIENCE, |screen| screen.contains("100%"));
    dashboard.press("l");
    dashboard
        .wait_for("what nova answered", PATIENCE, |screen| screen.contains("Quota exceeded for instances"));
}

/// What the details of a project say of the object store, seen with the rights of this entry.
fn stored(entry: &Json, project: &str) -> Vec<String> {
    let keys = format!("/{project}<enter><enter>");
    let words = ["screen", "quotas", "--size", "160x100", "--keys", &keys];
    let output = Cloud::get().stackwatch_as(entry, &words);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{output:#?}");
    // How wide the labels are the longest of them says.
    let lines = output.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.skip_while(|line| !line.starts_with("swift"));
    lines.take_while(|line| !line.starts_with("top flavors")).collect()
}

fn what_a_project_has_stored_is_told_as_swift_counts_it() {
    let (cloud, admin) = (Cloud::get(), Api::new("admin"));
    let project = Project::create(&admin, "stored");
    let put = |api: &Api, path: &str, text: Option<&Json>| api.call("object-store", "PUT", path, text).0;
    let own = || stored(&project.entry, &project.name).join("\n");
    let figures = |bytes: &str, objects: u32, containers: u32| {
        let lines =
            [("bytes", bytes), ("objects", &objects.to_string()), ("containers", &containers.to_string())];
        lines.map(|(label, value)| format!("{label} {value}")).join("\n")
    };
    // swift makes an account of its own accord.
    assert!(own().contains(&figures("0 B of ∞", 0, 0)), "{}", own());
    let texts =
        [("/box", None), ("/box/one", Some(json!("of twenty-two bytes."))), ("/box/two", Some(json!(1)))];
    for (path, text) in &texts {
        assert_eq!(put(&project.api, path, text.as_ref()), 201, "{path}");
    }
    let account = || {
        let mut answers = cloud.cli_as(&project.entry, &["object store account show".to_owned()]).unwrap();
        ["Bytes", "Objects", "Containers"].map(|name| answers[0][name].take())
    };
    let counted = ["23", "2", "1"].map(|figure| json!(figure));
    until("what its container tells it", PATIENCE, || (account() == counted).then_some(()));
    assert!(own().contains(&figures("23 B of ∞", 2, 1)), "{}", own());
    // From another project its account is not to be seen, and the role that would show it is named.
    let refused = stored(&cloud.entry("admin"), &project.name).join(" ");
    assert!(refused.contains("(ResellerAdmin by default)") && refused.contains("next"), "{refused}");
    let role = Thing::make(&admin, "identity", "/roles", "role", &json!({ "name": "ResellerAdmin" }));
    let user = admin.id_of("identity", "/users", "users", "admin");
    grant(&project.thing, &user, &role.id);
    let others = stored(&project.entry, "shop").join("\n");
    assert!(others.contains(&figures("0 B of ∞", 0, 0)), "{others}");
    let limit = cloud.openstack_as(&project.entry, "object store account set --property quota-bytes=20\n");
    assert_eq!(limit.stderr, "");
    let full = own();
    assert!(full.contains("23 B of 20 B, 115%") && full.contains("its users are refused more now"), "{full}");
    assert_eq!(put(&project.api, "/box/three", Some(&json!(2))), 413);
    let reseller = Api::of(&project.entry);
    assert_eq!(reseller.call("object-store", "DELETE", "", None).0, 204);
    let deleted = own();
    assert!(deleted.contains("410 Gone") && deleted.contains("this account was deleted"), "{deleted}");
    assert_eq!(put(&reseller, "/other", None), 503, "as the next step says");
}
