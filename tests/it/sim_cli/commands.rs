//! The commands, and what the simulator itself says to each.

use serde_json::Value as Json;

use super::expected as of;

pub struct Command {
    /// `{…}` stands for something of the cloud at hand: `expected::fill`.
    pub words: &'static str,
    pub filters: bool,
    pub rows: fn(&Json) -> Vec<Json>,
}

const fn list(words: &'static str, rows: fn(&Json) -> Vec<Json>) -> Command {
    Command { words, filters: false, rows }
}

const fn filtered(words: &'static str, rows: fn(&Json) -> Vec<Json>) -> Command {
    Command { words, filters: true, rows }
}

pub const COMMANDS: &[Command] = &[
    list("server list --all-projects --long", |dump| of::servers_long(dump, &|it| it["status"] != "DELETED")),
    list("server list --all-projects", |dump| of::servers(dump, &|it| it["status"] != "DELETED")),
    filtered("server list --all-projects --status ERROR", |dump| {
        of::servers(dump, &|it| it["status"] == "ERROR")
    }),
    filtered("server list --all-projects --status SHUTOFF --long", |dump| {
        of::servers_long(dump, &|it| it["status"] == "SHUTOFF")
    }),
    filtered("server list --all-projects --host cmp002", |dump| {
        of::servers(dump, &|it| it["host"] == "cmp002" && it["status"] != "DELETED")
    }),
    filtered("server list --project web-shop", |dump| {
        of::servers(dump, &|it| it["project"] == "web-shop" && it["status"] != "DELETED")
    }),
    filtered("server list --all-projects --name ^web-", |dump| {
        of::servers(dump, &|it| {
            it["name"].as_str().is_some_and(|name| name.starts_with("web-")) && it["status"] != "DELETED"
        })
    }),
    filtered("server list --all-projects --flavor m1.large", |dump| {
        of::servers(dump, &|it| it["flavor"] == "m1.large" && it["status"] != "DELETED")
    }),
    filtered("server list --all-projects --image debian-12", |dump| {
        of::servers(dump, &|it| it["image"] == "debian-12" && it["status"] != "DELETED")
    }),
    filtered("server list --all-projects --locked", |dump| {
        of::servers(dump, &|it| it["locked"] == true && it["status"] != "DELETED")
    }),
    filtered("server list --all-projects --deleted --no-name-lookup -c ID -c Name -c Status", |dump| {
        let gone = of::servers(dump, &|it| it["status"] == "DELETED");
        of::only(gone, &["ID", "Name", "Status"])
    }),
    list("hypervisor list --long", of::hypervisors),
    list("hypervisor show cmp002", of::hypervisor_of_cmp002),
    list("compute service list --long", |dump| of::compute_services(dump, &|_| true)),
    filtered("compute service list --service nova-compute --long", |dump| {
        of::compute_services(dump, &|row| row["Binary"] == "nova-compute")
    }),
    list("flavor list --all --long", of::flavors),
    list("aggregate list --long", of::aggregates),
    list("availability zone list --compute --long", of::zones),
    list("quota show --usage --compute web-shop", of::quota),
    list("quota show --usage --volume web-shop", of::volume_quota),
    list("quota show --usage --network web-shop", of::network_quota),
    list("usage list --start 2025-01-01", of::usage),
    list("server migration list", of::migrations),
    list("server event list {server}", of::events),
    list("network agent list --long", of::agents),
    list("network list --long", of::networks),
    filtered("network list --external", of::external_networks),
    list("subnet list --long", of::subnets),
    list("router list --long", of::routers),
    filtered("port list --long --server {server}", of::port_of_server),
    list("floating ip list --long", of::floating_ips),
    list("security group list", of::security_groups),
    list("ip availability list", of::availabilities),
    list("volume list --all-projects --long", |dump| of::volumes(dump, &|_| true)),
    filtered("volume list --all-projects --status available --long", |dump| {
        of::volumes(dump, &|volume| volume["status"] == "available")
    }),
    list("volume service list --long", of::volume_services),
    list("volume snapshot list --all-projects --long", of::snapshots),
    list("volume type list", of::volume_types),
    list("image list --long", |dump| of::images(dump, &|_| true)),
    filtered("image list --public --long", |dump| of::images(dump, &|image| image["public"] == true)),
    list("project list --long", of::projects),
    list("user list --long", of::users),
    list("service list", of::services),
    list("resource provider list", of::providers),
    list("resource provider inventory list {host}", of::inventories),
    list("resource provider usage show {host}", of::provider_usages),
];
