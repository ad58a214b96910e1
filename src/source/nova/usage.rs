//! nova: what projects have used over a time.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::pages::{Pages, Parse, Parsed};
use super::super::wire::{self, Str, Words};
use super::super::{Error, ServiceKind, Session};
use super::CAP;
use crate::model::{Period, ServerUsage, Text, Usage};

/// `GET /os-simple-tenant-usage`: of every project that had an instance in the period, its instances not told one by
/// one. From 2.40 on in pages of so many instances, so that a project may stand on several; before, whole. Only
/// administrators are told.
pub async fn usages(session: &Session, period: &Period) -> Result<Vec<Usage>, Error> {
    all(session, "/os-simple-tenant-usage".to_owned(), period, parse_usages).await
}

/// `GET /os-simple-tenant-usage/{project}`, with its instances; pages likewise. `None`: it had none in the period,
/// or there is no such project.
pub async fn usage_of(session: &Session, project: &str, period: &Period) -> Result<Option<Usage>, Error> {
    let path = format!("/os-simple-tenant-usage/{project}");
    Ok(all(session, path, period, parse_usage).await?.pop())
}

async fn all(
    session: &Session,
    path: String,
    period: &Period,
    parse: Parse<Usage>,
) -> Result<Vec<Usage>, Error> {
    // Dates have no zone here: nova takes them for UTC, and writes its own so.
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let query = [("start", date(period.start)), ("end", date(period.end))];
    let query = query.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let pages = Pages::new(session, ServiceKind::Compute, path, Some(CAP), parse, |row| &row.project);
    let mut usages: Vec<Usage> = Vec::new();
    let mut slots: HashMap<Text, usize> = HashMap::new();
    for page in pages.with(query).with_repeats().all().await? {
        match slots.get(&page.project).and_then(|slot| usages.get_mut(*slot)) {
            Some(known) => known.add(page),
            None => {
                slots.insert(page.project.clone(), usages.len());
                usages.push(page);
            }
        }
    }
    Ok(usages)
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct UsageBody<'a> {
    tenant_id: Str<'a>,
    total_hours: f64,
    total_vcpus_usage: f64,
    total_memory_mb_usage: f64,
    total_local_gb_usage: f64,
    #[serde(default, deserialize_with = "wire::timestamp")]
    start: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    stop: Option<jiff::Timestamp>,
    #[serde(default)]
    server_usages: Option<Vec<ServerBody<'a>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct ServerBody<'a> {
    instance_id: Option<Str<'a>>,
    name: Option<Str<'a>>,
    flavor: Option<Str<'a>>,
    state: Option<Str<'a>>,
    hours: f64,
    vcpus: Option<u64>,
    memory_mb: Option<u64>,
    local_gb: Option<u64>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    started_at: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    ended_at: Option<jiff::Timestamp>,
}

impl ServerBody<'_> {
    fn into_model(self, words: &mut Words) -> ServerUsage {
        ServerUsage {
            id: self.instance_id.map(|id| Text::from(&*id)),
            name: self.name.as_deref().unwrap_or_default().into(),
            flavor: words.text(self.flavor.as_deref().unwrap_or_default()),
            state: words.text(self.state.as_deref().unwrap_or_default()),
            hours: self.hours,
            vcpus: self.vcpus,
            memory_mb: self.memory_mb,
            local_gb: self.local_gb,
            started_at: self.started_at,
            ended_at: self.ended_at,
        }
    }
}

impl UsageBody<'_> {
    fn into_model(self, words: &mut Words) -> Usage {
        let servers = self.server_usages;
        Usage {
            project: Text::from(&*self.tenant_id),
            hours: self.total_hours,
            vcpu_hours: self.total_vcpus_usage,
            ram_mb_hours: self.total_memory_mb_usage,
            disk_gb_hours: self.total_local_gb_usage,
            start: self.start,
            stop: self.stop,
            servers: servers.map(|list| list.into_iter().map(|server| server.into_model(words)).collect()),
        }
    }
}

pub(super) fn parse_usages(body: &[u8], words: &mut Words) -> Result<Parsed<Usage>, serde_json::Error> {
    wire::list(body, "tenant_usages", "tenant_usages_links", |row: UsageBody| row.into_model(words))
}

pub(super) fn parse_usage(body: &[u8], words: &mut Words) -> Result<Parsed<Usage>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        tenant_usage: Value,
        #[serde(default)]
        tenant_usage_links: Vec<wire::Link>,
    }
    let body = serde_json::from_slice::<Body>(body)?;
    // `{}`: no instance was there in the period. Anything else that lacks its figures is no answer.
    let row = match &body.tenant_usage {
        Value::Object(fields) if fields.is_empty() => None,
        usage => Some(UsageBody::deserialize(usage)?.into_model(words)),
    };
    Ok((row.into_iter().collect(), wire::next(body.tenant_usage_links)))
}
