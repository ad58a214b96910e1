//! Which servers a list is about: every filter that the CLI and operators' tools use.

use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use super::{Cx, policy};
use crate::sim::cloud::{Flavor, FlavorIx, HostIx, Instance, ProjectIx};
use crate::sim::http::answer::Refusal;
use crate::sim::http::ask::is_yes;
use crate::sim::time::Time;

/// What nova's schema knows; from 2.75 on anything else is refused.
const KNOWN: &[&str] = &[
    "user_id",
    "project_id",
    "tenant_id",
    "launch_index",
    "image_ref",
    "image",
    "kernel_id",
    "ramdisk_id",
    "hostname",
    "key_name",
    "power_state",
    "vm_state",
    "task_state",
    "host",
    "node",
    "flavor",
    "reservation_id",
    "launched_at",
    "terminated_at",
    "availability_zone",
    "name",
    "display_name",
    "display_description",
    "description",
    "locked_by",
    "uuid",
    "root_device_name",
    "config_drive",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "progress",
    "all_tenants",
    "changes-since",
    "changes-before",
    "status",
    "ip",
    "ip6",
    "created_at",
    "deleted",
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "tags",
    "tags-any",
    "not-tags",
    "not-tags-any",
    "locked",
];

/// What a tenant may filter by (`_get_server_search_options`); the rest is ignored without a word.
const TENANTS: &[&str] = &[
    "reservation_id",
    "name",
    "status",
    "image",
    "flavor",
    "ip",
    "ip6",
    "changes-since",
    "all_tenants",
    "uuid",
    "tags",
    "locked",
    "changes-before",
];
const TENANTS_SINCE_2_83: &[&str] = &[
    "availability_zone",
    "config_drive",
    "key_name",
    "created_at",
    "launched_at",
    "terminated_at",
    "power_state",
    "task_state",
    "vm_state",
    "progress",
    "user_id",
];

#[derive(Default)]
pub(super) struct Filter {
    project: Option<ProjectIx>,
    /// Nothing can match: an unknown project, host or status.
    nothing: bool,
    user: Option<Uuid>,
    uuid: Option<Vec<String>>,
    status: Vec<String>,
    vm_state: Vec<String>,
    task_state: Vec<String>,
    power: Option<u8>,
    host: Option<HostIx>,
    zone: Option<String>,
    flavor: Option<FlavorIx>,
    image: Option<Uuid>,
    name: Option<Regex>,
    ip: Option<Regex>,
    key: Option<String>,
    reservation: Option<String>,
    locked: Option<bool>,
    deleted: Option<bool>,
    since: Option<Time>,
    before: Option<Time>,
}

impl Filter {
    pub fn of(cx: &Cx<'_>, detail: bool) -> Result<Self, Refusal> {
        let query = &cx.ask.query;
        if cx.version >= 75
            && let Some((name, _)) = query.0.iter().find(|(name, _)| !KNOWN.contains(&name.as_str()))
        {
            let why = format!("Additional properties are not allowed ('{name}' was unexpected)");
            return Err(Refusal::BadRequest(format!("Invalid input for query parameters {why}")));
        }
        let admin = cx.is_admin();
        let may = |name: &str| {
            admin || TENANTS.contains(&name) || cx.version >= 83 && TENANTS_SINCE_2_83.contains(&name)
        };
        let get = |name: &str| query.get(name).filter(|_| may(name));
        let all = |name: &str| -> Vec<String> {
            query.all(name).filter(|_| may(name)).map(str::to_lowercase).collect()
        };
        let mut filter = Self {
            status: all("status"),
            vm_state: all("vm_state"),
            task_state: all("task_state"),
            zone: get("availability_zone").map(str::to_owned),
            key: get("key_name").map(str::to_owned),
            reservation: get("reservation_id").map(str::to_owned),
            locked: get("locked").map(is_yes),
            since: time(cx, "changes-since")?,
            before: time(cx, "changes-before")?,
            power: get("power_state").and_then(|power| power.parse().ok()),
            name: regex(get("name"))?,
            ip: regex(get("ip"))?,
            ..Self::default()
        };
        filter.uuid = get("uuid").map(|uuids| uuids.split(',').map(str::to_lowercase).collect());
        filter.of_project(cx, detail)?;
        if let Some(host) = get("host").or_else(|| get("node")) {
            filter.host = cx.cloud.host_named(host);
            filter.nothing |= filter.host.is_none();
        }
        if let Some(user) = get("user_id") {
            filter.user = Uuid::parse_str(user).ok();
            filter.nothing |= filter.user.is_none();
        }
        if let Some(image) = get("image").or_else(|| get("image_ref")) {
            filter.image = Uuid::parse_str(image).ok();
            filter.nothing |= filter.image.is_none();
        }
        if let Some(flavor) = get("flavor") {
            filter.flavor = Flavor::find(flavor);
            filter.nothing |= filter.flavor.is_none();
        }
        filter.of_deleted(get("deleted").map(is_yes), admin)?;
        Ok(filter)
    }

    /// The asker's project, or all that were asked for.
    fn of_project(&mut self, cx: &Cx<'_>, detail: bool) -> Result<(), Refusal> {
        let query = &cx.ask.query;
        let own = cx.project();
        let named = |name: &str| {
            query.get(name).map(|id| Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id)))
        };
        let tenant = named("tenant_id");
        // Another's tenant_id means all_tenants; project_id does not.
        let implied = tenant.is_some_and(|tenant| tenant != Some(own));
        if !query.flag("all_tenants").unwrap_or(implied) {
            self.project = Some(own);
            return Ok(());
        }
        if !cx.is_admin() {
            let rule =
                if detail { "servers:detail:get_all_tenants" } else { "servers:index:get_all_tenants" };
            return Err(policy(rule));
        }
        if let Some(project) = tenant.or_else(|| named("project_id")) {
            self.project = project;
            self.nothing |= project.is_none();
        }
        Ok(())
    }

    fn of_deleted(&mut self, asked: Option<bool>, admin: bool) -> Result<(), Refusal> {
        self.deleted = match (asked, self.since) {
            (Some(deleted), _) => Some(deleted),
            // What was deleted since is news as well.
            (None, Some(_)) => None,
            (None, None) => Some(false),
        };
        if self.status.iter().any(|status| status == "deleted") {
            if !admin {
                let words = "Only administrators may list deleted instances".to_owned();
                return Err(Refusal::Forbidden(words));
            }
            self.deleted = Some(true);
        }
        Ok(())
    }

    pub fn takes(&self, cx: &Cx<'_>, it: &Instance) -> bool {
        let among = |list: &[String], word: &str| list.is_empty() || list.iter().any(|known| known == word);
        !self.nothing
            && self.deleted.is_none_or(|deleted| deleted == it.is_deleted())
            && self.project.is_none_or(|project| project == it.project)
            && self.since.is_none_or(|since| it.updated.seconds() >= since.seconds())
            && self.before.is_none_or(|before| it.updated.seconds() <= before.seconds())
            && self.host.is_none_or(|host| it.host == Some(host))
            && self.flavor.is_none_or(|flavor| it.flavor == flavor)
            && self.locked.is_none_or(|locked| it.locked == locked)
            && self.power.is_none_or(|power| it.power as u8 == power)
            && (self.status.is_empty() || among(&self.status, &it.status().to_lowercase()))
            && among(&self.vm_state, it.vm_state.as_str())
            && among(&self.task_state, it.task_state.map_or("", crate::sim::cloud::TaskState::as_str))
            && self.name.as_ref().is_none_or(|name| name.is_match(&it.name))
            && self.rest(cx, it)
    }

    /// What is seldom asked for, and costs a look at something else.
    fn rest(&self, cx: &Cx<'_>, it: &Instance) -> bool {
        let cloud = cx.cloud;
        let zone = || it.host.map_or("", |host| cloud.zone_of(cloud.host(host)));
        let image = || it.image.and_then(|image| cloud.images.get(usize::from(image))).map(|image| image.id);
        let key = || it.extra.as_ref().and_then(|extra| extra.key_name.as_deref());
        self.user.is_none_or(|user| cloud.user(it.user).id == user)
            && self.uuid.as_ref().is_none_or(|uuids| uuids.contains(&it.id.to_string()))
            && self.zone.as_deref().is_none_or(|wanted| wanted == zone())
            && self.image.is_none_or(|wanted| image() == Some(wanted))
            && self.key.as_deref().is_none_or(|wanted| key() == Some(wanted))
            && self.reservation.as_deref().is_none_or(|wanted| super::server::reservation(it.id) == wanted)
            && self.ip.as_ref().is_none_or(|ip| addresses(cx, it).iter().any(|address| ip.is_match(address)))
    }
}

fn addresses(cx: &Cx<'_>, it: &Instance) -> Vec<String> {
    let Some(nic) = it.nic else { return Vec::new() };
    let floating = nic.floating.and_then(|ix| cx.cloud.floating.get(ix as usize));
    let fixed = cx.cloud.project(it.project).address(nic.address);
    std::iter::once(fixed).chain(floating.map(crate::sim::cloud::Floating::address)).collect()
}

fn time(cx: &Cx<'_>, name: &str) -> Result<Option<Time>, Refusal> {
    let Some(text) = cx.ask.query.get(name) else { return Ok(None) };
    Time::parse(text).map(Some).ok_or_else(|| {
        let why = format!("'{text}' is not a 'date-time'");
        Refusal::BadRequest(format!("Invalid input for query parameters {name}. Value: {text}. {why}"))
    })
}

/// As the database matches: anywhere, whatever the case.
fn regex(text: Option<&str>) -> Result<Option<Regex>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let built = RegexBuilder::new(text).case_insensitive(true).size_limit(1 << 20).build();
    built
        .map(Some)
        .map_err(|_| Refusal::BadRequest(format!("Invalid filter: '{text}' is no regular expression")))
}
