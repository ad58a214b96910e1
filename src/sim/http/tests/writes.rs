//! What clients change, and what comes of it.

use super::*;
use crate::sim::time::SECOND;

fn server(client: &Client<'_>, id: &str) -> Value {
    client.get(Service::Nova, &format!("/v2.1/servers/{id}"), "2.90").body["server"].clone()
}

fn create(client: &Client<'_>, body: &Value) -> Got {
    client.ask(Service::Nova, "POST", "/v2.1/servers", "2.90", &json!({"server": body}))
}

fn act(client: &Client<'_>, id: &str, action: &Value) -> Got {
    client.ask(Service::Nova, "POST", &format!("/v2.1/servers/{id}/action"), "2.90", action)
}

fn image(front: &Front) -> String {
    front.read().cloud.images[0].id.to_string()
}

#[test]
fn a_server_lives_from_its_creation_to_its_deletion() {
    let front = front("still", 6, 60);
    let client = Client::member(&front);
    let wish = json!({"name": "mine", "flavorRef": "2", "imageRef": image(&front), "networks": "auto"});
    let got = create(&client, &wish);
    assert_eq!(got.status, 202, "{}", got.body);
    let id = got.body["server"]["id"].as_str().unwrap().to_owned();
    assert!(got.body["server"]["adminPass"].is_string());
    assert_eq!(server(&client, &id)["status"], "BUILD");
    pass(&front, MINUTE);
    let active = server(&client, &id);
    assert_eq!(active["status"], "ACTIVE", "{active}");
    assert_eq!(active["flavor"]["original_name"], "m1.small");
    assert_eq!(active["addresses"].as_object().unwrap().len(), 1);
    let acts = client.get(Service::Nova, &format!("/v2.1/servers/{id}/os-instance-actions"), "2.90").body;
    assert_eq!(acts["instanceActions"][0]["request_id"], got.header("x-openstack-request-id").unwrap());
    let path = format!("/v2.1/servers/{id}");
    assert_eq!(client.ask(Service::Nova, "DELETE", &path, "2.90", &Value::Null).status, 204);
    pass(&front, MINUTE);
    assert_eq!(client.get(Service::Nova, &path, "2.90").status, 404);
    let admin = Client::admin(&front);
    let gone = admin.list(Service::Nova, "/v2.1/servers?all_tenants=1&deleted=true", "2.90", "servers");
    assert!(ids(&gone).contains(&id));
}

#[test]
fn actions_lead_where_nova_leads() {
    let front = front("still", 6, 60);
    let client = Client::admin(&front);
    let id = {
        let world = front.read();
        let found =
            world.cloud.instances.iter().map(|(_, it)| it).find(|it| {
                it.status() == "ACTIVE" && it.task_state.is_none() && it.flavor == 1 && !it.locked
            });
        found.unwrap().id.to_string()
    };
    for (action, status, becomes) in [
        (json!({"os-stop": null}), 202, "SHUTOFF"),
        (json!({"os-stop": null}), 409, "SHUTOFF"),
        (json!({"os-start": null}), 202, "ACTIVE"),
        (json!({"reboot": {"type": "HARD"}}), 202, "ACTIVE"),
        (json!({"pause": null}), 202, "PAUSED"),
        (json!({"unpause": null}), 202, "ACTIVE"),
        (json!({"resize": {"flavorRef": "3"}}), 202, "VERIFY_RESIZE"),
        (json!({"confirmResize": null}), 204, "ACTIVE"),
        (json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}), 202, "ACTIVE"),
        (json!({"createImage": {"name": "kept"}}), 202, "ACTIVE"),
        (json!({"shelve": null}), 202, "SHELVED_OFFLOADED"),
        (json!({"unshelve": null}), 202, "ACTIVE"),
        (json!({"os-resetState": {"state": "error"}}), 202, "ERROR"),
        (json!({"os-resetState": {"state": "active"}}), 202, "ACTIVE"),
        (json!({"dance": null}), 400, "ACTIVE"),
    ] {
        let got = act(&client, &id, &action);
        assert_eq!(got.status, status, "{action}: {}", got.body);
        pass(&front, 3 * MINUTE);
        let now = server(&client, &id);
        assert_eq!(now["status"], becomes, "{action}");
        assert_eq!(now["OS-EXT-STS:task_state"], Value::Null, "{action}");
    }
    let images = client.list(Service::Glance, "/v2/images?name=kept", "-", "images");
    assert_eq!(images[0]["status"], "active");
}

#[test]
fn a_lock_keeps_its_owner_out_and_its_administrator_not() {
    let front = front("still", 6, 60);
    let member = Client::member(&front);
    let wish = json!({"name": "mine", "flavorRef": "1", "imageRef": image(&front), "networks": "none"});
    let id = create(&member, &wish).body["server"]["id"].as_str().unwrap().to_owned();
    pass(&front, MINUTE);
    assert_eq!(act(&member, &id, &json!({"lock": {"locked_reason": "mine"}})).status, 202);
    let locked = server(&member, &id);
    assert_eq!((&locked["locked"], &locked["locked_reason"]), (&json!(true), &json!("mine")));
    let got = act(&member, &id, &json!({"os-stop": null}));
    assert_eq!(got.status, 409);
    assert_eq!(got.body["conflictingRequest"]["message"], format!("Instance {id} is locked"));
    assert_eq!(act(&Client::admin(&front), &id, &json!({"os-stop": null})).status, 202);
}

#[test]
fn a_console_says_how_the_guest_booted() {
    let front = front("still", 6, 60);
    let client = Client::admin(&front);
    let id = {
        let world = front.read();
        let found = world.cloud.instances.iter().map(|(_, it)| it).find(|it| it.status() == "ACTIVE");
        found.unwrap().id.to_string()
    };
    let whole = act(&client, &id, &json!({"os-getConsoleOutput": {}}));
    assert_eq!(whole.status, 200);
    let whole = whole.body["output"].as_str().unwrap().to_owned();
    assert!(whole.contains("Linux version") && whole.lines().count() > 5, "{whole}");
    let tail = act(&client, &id, &json!({"os-getConsoleOutput": {"length": 2}}));
    assert_eq!(tail.body["output"].as_str().unwrap().lines().count(), 2);
}

#[test]
fn wishes_that_cannot_be_are_refused_before_anything_happens() {
    let front = front("still", 6, 60);
    let client = Client::member(&front);
    let image = image(&front);
    let count = front.read().cloud.instances.live();
    {
        let mut world = front.write();
        let project = &mut world.cloud.projects[2];
        project.quota.ram = project.used.ram + 8_192;
    }
    for (wish, status, words) in [
        (json!({"flavorRef": "1", "imageRef": image}), 400, "name"),
        (json!({"name": "x", "imageRef": image}), 400, "flavorRef"),
        (
            json!({"name": "x", "flavorRef": "nope", "imageRef": image}),
            400,
            "Flavor nope could not be found.",
        ),
        (json!({"name": "x", "flavorRef": "1", "imageRef": "nope"}), 400, "Can not find requested image"),
        (json!({"name": "x", "flavorRef": "1"}), 400, "Invalid imageRef provided."),
        (
            json!({"name": "x", "flavorRef": "1", "imageRef": image, "availability_zone": "mars"}),
            400,
            "The requested availability zone is not available",
        ),
        (
            json!({"name": "x", "flavorRef": "1", "imageRef": image, "networks": [{"uuid": "nope"}]}),
            400,
            "Network nope could not be found.",
        ),
        (json!({"name": "x", "flavorRef": "1", "imageRef": image, "max_count": 5_000}), 400, "max_count"),
        // Half of it is left.
        (
            json!({"name": "x", "flavorRef": "5", "imageRef": image}),
            403,
            "Quota exceeded for ram: Requested 16384",
        ),
    ] {
        let got = create(&client, &wish);
        let message = got
            .body
            .as_object()
            .and_then(|body| body.values().next())
            .map(|fault| fault["message"].to_string());
        let message = message.unwrap_or_default();
        assert_eq!(got.status, status, "{wish}: {message}");
        assert!(message.contains(words), "{wish}: {message}");
    }
    assert_eq!(front.read().cloud.instances.live(), count);
}

#[test]
fn a_compute_is_disabled_and_enabled_and_the_scheduler_knows() {
    let front = front("still", 3, 3);
    let client = Client::admin(&front);
    let services = client.list(Service::Nova, "/v2.1/os-services?binary=nova-compute", "2.53", "services");
    for service in &services {
        let path = format!("/v2.1/os-services/{}", service["id"].as_str().unwrap());
        let body = json!({"status": "disabled", "disabled_reason": "CHG-1"});
        let got = client.ask(Service::Nova, "PUT", &path, "2.53", &body);
        assert_eq!((got.status, &got.body["service"]["disabled_reason"]), (200, &json!("CHG-1")));
    }
    let hypervisors = client.list(Service::Nova, "/v2.1/os-hypervisors", "2.53", "hypervisors");
    assert!(hypervisors.iter().all(|row| row["status"] == "disabled"));
    let zones = client.list(Service::Nova, "/v2.1/os-availability-zone", "2.53", "availabilityZoneInfo");
    assert!(zones.is_empty(), "zones without an enabled host are not there");
    let wish = json!({"name": "x", "flavorRef": "1", "imageRef": image(&front), "networks": "none"});
    let id = create(&client, &wish).body["server"]["id"].as_str().unwrap().to_owned();
    pass(&front, MINUTE);
    let failed = server(&client, &id);
    assert_eq!(failed["fault"]["message"], "No valid host was found. ");
    let path = "/v2.1/os-services/enable";
    let body = json!({"host": "cmp001", "binary": "nova-compute"});
    assert_eq!(client.ask(Service::Nova, "PUT", path, "2.1", &body).status, 200);
    let id = create(&client, &wish).body["server"]["id"].as_str().unwrap().to_owned();
    pass(&front, MINUTE);
    assert_eq!(server(&client, &id)["OS-EXT-SRV-ATTR:host"], "cmp001");
}

#[test]
fn tests_can_hold_the_clock_and_make_things_happen() {
    let front = front("still", 3, 3);
    let control =
        |method: &str, path: &str, body: Value| send(&front, Service::Keystone, method, path, &[], &body);
    let before = control("GET", "/sim/clock", Value::Null).body;
    assert_eq!(before["rate"], 0.0);
    let later = OPENS.plus(30 * SECOND).zulu().to_string();
    assert_eq!(control("POST", "/sim/clock", json!({"now": later})).body["now"], later);
    assert_eq!(control("POST", "/sim/beat", json!({"do": "silence", "host": "2"})).status, 204);
    let events = control("GET", "/sim/events?after=0", Value::Null).body;
    let silent =
        events["events"].as_array().unwrap().iter().find(|event| event["kind"] == "host-silent").unwrap();
    assert_eq!(silent["host"], "cmp002");
    let dump = control("GET", "/sim/dump", Value::Null).body;
    assert_eq!(dump["hosts"].as_array().unwrap().len(), 3);
    let wrong = control("POST", "/sim/beat", json!({"do": "silense"}));
    assert_eq!(wrong.status, 400);
    assert!(wrong.body["error"].as_str().unwrap().contains("did you mean `silence`?"), "{}", wrong.body);
    let client = Client::admin(&front);
    client.get(Service::Nova, "/v2.1/servers", "2.1");
    let asked = control("GET", "/sim/requests", Value::Null).body;
    assert_eq!(
        (&asked["nova"], &asked["cinder"], &asked["quotas"]),
        (&json!(1), &json!(0), &json!(0)),
        "{asked}"
    );
    client.get(Service::Nova, "/v2.1/os-quota-sets/defaults", "2.1");
    let asked = control("GET", "/sim/requests", Value::Null).body;
    assert_eq!((&asked["nova"], &asked["quotas"]), (&json!(2), &json!(1)), "{asked}");
    assert_eq!(control("POST", "/sim/revoke", Value::Null).status, 204);
    assert_eq!(client.get(Service::Nova, "/v2.1/servers", "2.1").status, 401);
}
