//! os-simple-tenant-usage: hours, by project and by server.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, policy};
use crate::sim::cloud::{Instance, ProjectIx};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::http::page::Page;
use crate::sim::time::{HOUR, SECOND, Time};

struct Period {
    start: Time,
    stop: Time,
}

impl Period {
    /// Nothing said is nothing asked: the period is empty, as nova has it.
    fn of(cx: &Cx<'_>) -> Result<Self, Refusal> {
        let get = |name: &str| match cx.ask.query.get(name) {
            None => Ok(cx.ask.now),
            Some(text) => Time::parse(text)
                .ok_or_else(|| Refusal::BadRequest(format!("Invalid datetime format for {name}: {text}"))),
        };
        let (start, end) = (get("start")?, get("end")?);
        if end < start {
            return Err(Refusal::BadRequest(
                "Invalid start time. The start time cannot occur after the end time.".to_owned(),
            ));
        }
        Ok(Self { start, stop: end.min(cx.ask.now) })
    }

    fn hours(&self, it: &Instance) -> f64 {
        let Some(launched) = it.launched else { return 0.0 };
        let from = launched.max(self.start);
        let to = it.terminated.map_or(self.stop, |gone| gone.min(self.stop));
        to.since(from).max(0) as f64 / HOUR as f64
    }

    /// Whether it was there in the period.
    fn knows(&self, it: &Instance) -> bool {
        it.launched.is_some_and(|launched| launched <= self.stop)
            && it.terminated.is_none_or(|gone| gone >= self.start)
    }
}

#[derive(Default)]
struct Sum {
    hours: f64,
    vcpus: f64,
    ram: f64,
    disk: f64,
    servers: Vec<Value>,
}

fn add_up(cx: &Cx<'_>, period: &Period, rows: &[&Instance], detailed: bool) -> BTreeMap<ProjectIx, Sum> {
    let mut sums: BTreeMap<ProjectIx, Sum> = BTreeMap::new();
    for it in rows {
        let flavor = cx.cloud.flavor(it.flavor);
        let hours = period.hours(it);
        let sum = sums.entry(it.project).or_default();
        sum.hours += hours;
        sum.vcpus += hours * f64::from(flavor.vcpus);
        sum.ram += hours * f64::from(flavor.ram);
        sum.disk += hours * f64::from(flavor.disk);
        if detailed {
            sum.servers.push(json!({
                "hours": hours,
                "flavor": flavor.name,
                "instance_id": it.id,
                "name": &*it.name,
                "tenant_id": cx.cloud.project(it.project).id.simple().to_string(),
                "memory_mb": flavor.ram,
                "local_gb": flavor.disk,
                "vcpus": flavor.vcpus,
                "started_at": it.launched.map(|at| at.micro()),
                "ended_at": it.terminated.map(|at| at.micro()),
                "state": if it.is_deleted() { "terminated" } else { it.vm_state.as_str() },
                "uptime": it.launched.map_or(0, |at| it.terminated.unwrap_or(cx.ask.now).since(at) / SECOND),
            }));
        }
    }
    sums
}

fn json_of(cx: &Cx<'_>, period: &Period, project: ProjectIx, sum: Sum, detailed: bool) -> Value {
    let mut row = json!({
        "tenant_id": cx.cloud.project(project).id.simple().to_string(),
        "total_local_gb_usage": sum.disk,
        "total_vcpus_usage": sum.vcpus,
        "total_memory_mb_usage": sum.ram,
        "total_hours": sum.hours,
        "start": period.start.micro(),
        "stop": period.stop.micro(),
    });
    if detailed {
        row["server_usages"] = Value::Array(sum.servers);
    }
    row
}

/// The servers of the period by uuid, and of them the page's; the link to the next.
fn page<'a>(
    cx: &Cx<'a>,
    period: &Period,
    project: Option<ProjectIx>,
) -> Result<(Vec<&'a Instance>, Option<Value>), Refusal> {
    let all = cx.cloud.instances.iter().map(|(_, it)| it);
    let mut rows: Vec<&Instance> =
        all.filter(|it| project.is_none_or(|p| p == it.project) && period.knows(it)).collect();
    if cx.version < 40 {
        return Ok((rows, None));
    }
    let page = Page::of(cx.ask)?;
    rows.sort_by_key(|it| it.id);
    let from = match &page.marker {
        Some(marker) => rows.partition_point(|it| it.id.to_string() <= *marker),
        None => 0,
    };
    let rows: Vec<&Instance> = rows.into_iter().skip(from).take(page.limit).collect();
    let last = rows.last().map(|it| it.id.to_string());
    let links = page.links(cx.ask, rows.len(), last.as_deref());
    Ok((rows, links))
}

pub(super) fn list(cx: &Cx<'_>) -> Reply {
    cx.admin("os-simple-tenant-usage:list")?;
    let period = Period::of(cx)?;
    let detailed = cx.ask.query.get("detailed") == Some("1");
    let (rows, links) = page(cx, &period, None)?;
    let sums = add_up(cx, &period, &rows, detailed);
    let rows: Vec<Value> =
        sums.into_iter().map(|(project, sum)| json_of(cx, &period, project, sum, detailed)).collect();
    let mut body = json!({"tenant_usages": rows});
    if let Some(links) = links {
        body["tenant_usages_links"] = links;
    }
    ok(&body)
}

pub(super) fn show(cx: &Cx<'_>, id: &str) -> Reply {
    let project = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id));
    if !cx.is_admin() && project != Some(cx.project()) {
        return Err(policy("os-simple-tenant-usage:show"));
    }
    let period = Period::of(cx)?;
    let Some(project) = project else { return ok(&json!({"tenant_usage": {}})) };
    let (rows, links) = page(cx, &period, Some(project))?;
    let sum = add_up(cx, &period, &rows, true).remove(&project);
    let usage = sum.map_or_else(|| json!({}), |sum| json_of(cx, &period, project, sum, true));
    let mut body = json!({"tenant_usage": usage});
    if let Some(links) = links {
        body["tenant_usage_links"] = links;
    }
    ok(&body)
}
