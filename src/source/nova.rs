//! nova: services, hypervisors, aggregates, servers and what was done to them.

mod migrations;
mod server;
mod usage;

use serde::Deserialize;
use serde_json::Value;

use super::pages::Parsed;
use super::wire::{self, Id, Str, Words};
use super::{Error, Microversion, Pages, ServiceKind, Session};
use crate::model::{
    ActionEvent, Aggregate, Hypervisor, Instance, InstanceAction, Named, Service, ServiceState,
    ServiceStatus, Text, Volume,
};
pub use migrations::{migrations, migrations_of};
use server::ServerBody;
pub use usage::{usage_of, usages};

/// The highest microversion that we understand.
pub const CAP: Microversion = Microversion(2, 96);
/// From 2.88 on a list of hypervisors asks every compute by RPC and leaves the figures out: 60 s for one
/// that hangs. Never beyond 2.87 there.
pub const HYPERVISORS_CAP: Microversion = Microversion(2, 87);

/// What a nova of this microversion cannot tell, in the columns' words: shown as unknown.
pub fn lacks(version: Option<Microversion>) -> Vec<&'static str> {
    let since = [
        (9, "whether an instance is locked"),
        (11, "whether a host is forced down"),
        (16, "an instance's host status"),
        (47, "a flavor's name and size"),
        (62, "the host of an instance's events"),
        (73, "why an instance is locked"),
    ];
    let known = version.unwrap_or(Microversion(2, 1));
    since.iter().filter(|(minor, _)| known < Microversion(2, *minor)).map(|(_, what)| *what).collect()
}

/// A list or object that comes whole.
async fn get<T>(
    session: &Session,
    path: &str,
    parse: fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    session.get(ServiceKind::Compute, path, &[], Some(CAP)).await?.read(ServiceKind::Compute, parse)
}

/// `GET /os-services`. Rows of a down cell have status `UNKNOWN` and little else.
pub async fn services(session: &Session) -> Result<Vec<Service>, Error> {
    get(session, "/os-services", parse_services).await
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct ServiceBody<'a> {
    id: Option<Id>,
    binary: Str<'a>,
    host: Str<'a>,
    zone: Option<Str<'a>>,
    #[serde(default)]
    status: Option<Str<'a>>,
    #[serde(default)]
    state: Option<Str<'a>>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    updated_at: Option<jiff::Timestamp>,
    #[serde(default)]
    disabled_reason: Option<Str<'a>>,
    #[serde(default)]
    forced_down: Option<bool>,
}

fn parse_services(body: &[u8]) -> Result<Vec<Service>, serde_json::Error> {
    let mut words = Words::default();
    let (rows, _) = wire::list(body, "services", "services_links", |row: ServiceBody| Service {
        // A down cell's row has no id: its binary and host tell it apart.
        id: row.id.map_or_else(|| format!("{}:{}", &*row.binary, &*row.host).into(), Id::into_text),
        binary: words.text(&row.binary),
        host: words.text(&row.host),
        zone: words.maybe(row.zone),
        state: row.state.as_deref().map_or(ServiceState::Unknown, ServiceState::parse),
        status: row.status.as_deref().map_or(ServiceStatus::Unknown, ServiceStatus::parse),
        disabled_reason: words.maybe(row.disabled_reason),
        updated_at: row.updated_at,
        forced_down: row.forced_down.unwrap_or(false),
    })?;
    Ok(rows)
}

/// `GET /os-hypervisors/detail`, in pages from 2.33 on.
pub fn hypervisors(session: &Session) -> Pages<Hypervisor> {
    let path = "/os-hypervisors/detail";
    Pages::new(session, ServiceKind::Compute, path, Some(HYPERVISORS_CAP), parse_hypervisors, |row| &row.id)
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct HypervisorBody<'a> {
    id: Id,
    hypervisor_hostname: Str<'a>,
    state: Option<Str<'a>>,
    status: Option<Str<'a>>,
    hypervisor_type: Option<Str<'a>>,
    hypervisor_version: Option<u64>,
    host_ip: Option<Str<'a>>,
    service: Option<HypervisorService<'a>>,
    vcpus: Option<i64>,
    vcpus_used: Option<i64>,
    memory_mb: Option<i64>,
    memory_mb_used: Option<i64>,
    local_gb: Option<i64>,
    local_gb_used: Option<i64>,
    running_vms: Option<i64>,
    #[serde(default)]
    cpu_info: Value,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct HypervisorService<'a> {
    host: Str<'a>,
    disabled_reason: Option<Str<'a>>,
}

/// nova may count below zero for a moment; that is no measurement.
fn count(n: Option<i64>) -> Option<u64> {
    n.and_then(|n| u64::try_from(n).ok())
}

/// A JSON object from 2.28 on, before that a string that holds one.
fn cpu_model(cpu_info: &Value) -> Option<Text> {
    match cpu_info {
        Value::Object(map) => map.get("model")?.as_str().map(Into::into),
        Value::String(text) => cpu_model(&serde_json::from_str(text).ok().filter(Value::is_object)?),
        _ => None,
    }
}

fn parse_hypervisors(body: &[u8], words: &mut Words) -> Result<Parsed<Hypervisor>, serde_json::Error> {
    wire::list(body, "hypervisors", "hypervisors_links", |row: HypervisorBody| {
        let service = row.service.as_ref();
        Hypervisor {
            id: row.id.into_text(),
            host: words.text(service.map_or(&row.hypervisor_hostname, |service| &service.host)),
            hypervisor_hostname: words.text(&row.hypervisor_hostname),
            state: row.state.as_deref().map_or(ServiceState::Unknown, ServiceState::parse),
            status: row.status.as_deref().map_or(ServiceStatus::Unknown, ServiceStatus::parse),
            disabled_reason: words.maybe(row.service.and_then(|service| service.disabled_reason)),
            hypervisor_type: words.text(&row.hypervisor_type.unwrap_or_default()),
            hypervisor_version: row.hypervisor_version,
            host_ip: words.maybe(row.host_ip),
            vcpus: count(row.vcpus),
            vcpus_used: count(row.vcpus_used),
            memory_mb: count(row.memory_mb),
            memory_mb_used: count(row.memory_mb_used),
            local_gb: count(row.local_gb),
            local_gb_used: count(row.local_gb_used),
            running_vms: count(row.running_vms),
            cpu_model: cpu_model(&row.cpu_info),
        }
    })
}

/// `GET /os-aggregates`.
pub async fn aggregates(session: &Session) -> Result<Vec<Aggregate>, Error> {
    get(session, "/os-aggregates", parse_aggregates).await
}

fn parse_aggregates(body: &[u8]) -> Result<Vec<Aggregate>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        aggregates: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        name: String,
        availability_zone: Option<String>,
        #[serde(default)]
        hosts: Vec<String>,
        #[serde(default)]
        metadata: std::collections::BTreeMap<String, String>,
    }
    let rows = serde_json::from_slice::<Body>(body)?.aggregates.into_iter();
    Ok(rows
        .map(|row| Aggregate {
            id: row.id.into_text(),
            name: row.name.into(),
            availability_zone: row.availability_zone.map(Into::into),
            hosts: row.hosts.into_iter().map(Into::into).collect(),
            metadata: row.metadata.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        })
        .collect())
}

/// Which servers to list.
#[derive(Clone, Debug, Default)]
pub struct ServerQuery {
    pub all_projects: bool,
    /// Rows updated since then, deleted ones among them.
    pub changes_since: Option<jiff::Timestamp>,
    /// A regular expression of the database's, which names must match.
    pub name: Option<String>,
    /// Rows a page; the service clamps it (1,000 by default).
    pub limit: Option<u32>,
}

/// `GET /servers/detail`, in pages. Deleted servers come with their status when `changes_since` is given.
pub fn servers(session: &Session, query: ServerQuery) -> Pages<Instance> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    if query.all_projects {
        add("all_tenants", "1".to_owned());
    }
    if let Some(since) = query.changes_since {
        // nova compares whole seconds, and takes a plain UTC time at every version.
        add("changes-since", since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    if let Some(name) = query.name {
        add("name", name);
    }
    if let Some(limit) = query.limit {
        add("limit", limit.to_string());
    }
    Pages::new(session, ServiceKind::Compute, "/servers/detail", Some(CAP), parse_servers, |row| &row.id)
        .with(pairs)
}

fn parse_servers(body: &[u8], words: &mut Words) -> Result<Parsed<Instance>, serde_json::Error> {
    wire::list(body, "servers", "servers_links", |server: ServerBody| server.into_model(words))
}

/// `GET /servers/{id}`.
pub async fn server(session: &Session, id: &str) -> Result<Instance, Error> {
    get(session, &format!("/servers/{id}"), parse_server).await
}

fn parse_server(body: &[u8]) -> Result<Instance, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "'de: 'a"))]
    struct Body<'a> {
        server: ServerBody<'a>,
    }
    Ok(serde_json::from_slice::<Body>(body)?.server.into_model(&mut Words::default()))
}

/// `GET /servers/detail?deleted=true`: the row of a server that was deleted and is not archived yet. Only
/// administrators are told; `None`: there is none.
pub async fn deleted_server(session: &Session, id: &str) -> Result<Option<Instance>, Error> {
    let query = [("all_tenants", "1"), ("deleted", "true"), ("uuid", id)];
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let pages =
        Pages::new(session, ServiceKind::Compute, "/servers/detail", Some(CAP), parse_servers, |row| &row.id);
    let page = pages.with(query).first().await?;
    Ok(page.and_then(|page| page.rows.into_iter().find(|row| &*row.id == id)))
}

/// `GET /servers/{id}/os-volume_attachments`.
pub async fn volume_attachments(session: &Session, id: &str) -> Result<Vec<Volume>, Error> {
    get(session, &format!("/servers/{id}/os-volume_attachments"), parse_attachments).await
}

fn parse_attachments(body: &[u8]) -> Result<Vec<Volume>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        volume_attachments: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "volumeId")]
        volume_id: String,
        device: Option<String>,
        /// From 2.79 on.
        delete_on_termination: Option<bool>,
    }
    let rows = serde_json::from_slice::<Body>(body)?.volume_attachments.into_iter();
    Ok(rows
        .map(|row| Volume {
            id: row.volume_id.into(),
            device: row.device.map(Into::into),
            delete_on_termination: row.delete_on_termination,
            ..Volume::default()
        })
        .collect())
}

/// `GET /flavors/{id}`: its name, for clouds that do not embed flavors in servers.
pub async fn flavor(session: &Session, id: &str) -> Result<Named, Error> {
    let name = get(session, &format!("/flavors/{id}"), parse_flavor).await?;
    Ok(Named { id: id.into(), name: name.into(), domain_id: None, enabled: None })
}

fn parse_flavor(body: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        flavor: Row,
    }
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    Ok(serde_json::from_slice::<Body>(body)?.flavor.name)
}

#[derive(Deserialize)]
struct ActionBody {
    action: String,
    request_id: String,
    user_id: Option<String>,
    project_id: Option<String>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    start_time: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    updated_at: Option<jiff::Timestamp>,
    message: Option<String>,
    #[serde(default)]
    events: Vec<EventBody>,
}

#[derive(Deserialize)]
struct EventBody {
    event: String,
    #[serde(default, deserialize_with = "wire::timestamp")]
    start_time: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    finish_time: Option<jiff::Timestamp>,
    result: Option<String>,
    host: Option<String>,
    details: Option<String>,
    traceback: Option<String>,
}

impl ActionBody {
    fn into_model(self) -> InstanceAction {
        let events = self.events.into_iter().map(|event| ActionEvent {
            event: event.event.into(),
            start_time: event.start_time,
            finish_time: event.finish_time,
            result: event.result.map(Into::into),
            host: event.host.map(Into::into),
            details: event.details.map(Into::into),
            traceback: event.traceback.map(Into::into),
        });
        let mut events: Vec<ActionEvent> = events.collect();
        events.sort_by_key(|event| event.start_time);
        InstanceAction {
            action: self.action.into(),
            request_id: self.request_id.into(),
            user_id: self.user_id.map(Into::into),
            project_id: self.project_id.map(Into::into),
            start_time: self.start_time,
            updated_at: self.updated_at,
            message: self.message.map(Into::into),
            events,
        }
    }
}

/// `GET /servers/{id}/os-instance-actions`, newest first; in pages from 2.58 on.
pub async fn instance_actions(session: &Session, id: &str) -> Result<Vec<InstanceAction>, Error> {
    let path = format!("/servers/{id}/os-instance-actions");
    let pages = Pages::new(session, ServiceKind::Compute, path, Some(CAP), parse_actions, |action| {
        &action.request_id
    });
    let mut actions = pages.all().await?;
    actions.sort_by_key(|action| std::cmp::Reverse(action.start_time));
    Ok(actions)
}

fn parse_actions(body: &[u8], _: &mut Words) -> Result<Parsed<InstanceAction>, serde_json::Error> {
    wire::list(body, "instanceActions", "links", ActionBody::into_model)
}

/// `GET /servers/{id}/os-instance-actions/{request_id}`: the events of one action.
pub async fn action_events(session: &Session, id: &str, request_id: &str) -> Result<Vec<ActionEvent>, Error> {
    get(session, &format!("/servers/{id}/os-instance-actions/{request_id}"), parse_events).await
}

fn parse_events(body: &[u8]) -> Result<Vec<ActionEvent>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "instanceAction")]
        action: ActionBody,
    }
    Ok(serde_json::from_slice::<Body>(body)?.action.into_model().events)
}

/// `POST /servers/{id}/action` with `os-getConsoleOutput`: a question although it is a POST.
pub async fn console_log(session: &Session, id: &str, lines: u32) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Body {
        output: Option<String>,
    }
    let question = format!("{{\"os-getConsoleOutput\": {{\"length\": {lines}}}}}");
    let path = format!("/servers/{id}/action");
    let answer = session.ask(ServiceKind::Compute, &path, &question, Some(CAP)).await?;
    let body: Body = answer.read(ServiceKind::Compute, |body| serde_json::from_slice(body))?;
    Ok(body.output.unwrap_or_default())
}

#[cfg(test)]
mod tests;
