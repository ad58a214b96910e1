//! Quotas of nova, cinder and neutron, and glance's, which stand in keystone as unified limits.
//!
//! nova and cinder say `in_use`, neutron `used`, glance `usage`; who is not asked for usage tells limits alone. A nova
//! with `UnifiedLimitsDriver` answers as one without.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::http::lock;
use super::wire::{Str, Words};
use super::{Error, ErrorKind, Microversion, ServiceKind, Session, nova};
use crate::model::{Allowance, Allowances, Limit, QuotaService, Text};

/// What counts for each thing by itself (a server's metadata, a user's keys): a project uses nothing of it, though
/// the services write a zero there.
const OF_EACH: &[&str] = &[
    "injected_file_content_bytes",
    "injected_file_path_bytes",
    "injected_files",
    "key_pairs",
    "metadata_items",
    "per_volume_gigabytes",
    "server_group_members",
];

/// Of these nova spoke before 2.36, when they had long been neutron's.
const OF_NEUTRON: &[&str] =
    &["fixed_ips", "floating_ips", "networks", "security_groups", "security_group_rules"];

/// How a set is asked for.
struct Question {
    service: ServiceKind,
    path: String,
    query: &'static [(&'static str, &'static str)],
    cap: Option<Microversion>,
}

impl Question {
    fn new(service: ServiceKind, path: String) -> Self {
        let cap = (service == ServiceKind::Compute).then_some(nova::CAP);
        Self { service, path, query: &[], cap }
    }

    async fn ask<T>(
        self,
        session: &Session,
        parse: fn(&[u8], &mut Words) -> Result<T, serde_json::Error>,
    ) -> Result<T, Error> {
        let answer = session.get(self.service, &self.path, self.query, self.cap).await?;
        let words = session.words();
        answer.read(self.service, |body| parse(body, &mut lock(&words)))
    }
}

/// What one project may have and has: nova's `GET /os-quota-sets/{id}/detail`, cinder's `/os-quota-sets/{id}?usage=True`,
/// neutron's `/v2.0/quotas/{id}/details.json`. A nova that keeps that from members is asked for their own `/limits`.
/// Missing from neutron: it has no such extension, and [`own`] tells the limits.
pub async fn of_project(
    session: &Session,
    service: QuotaService,
    project: &str,
) -> Result<Allowances, Error> {
    match service {
        QuotaService::Nova => {
            let path = format!("/os-quota-sets/{project}/detail");
            match Question::new(ServiceKind::Compute, path).ask(session, parse).await {
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    let own = session.login().await?.project_id;
                    if own.as_deref() != Some(project) {
                        return Err(error);
                    }
                    Question::new(ServiceKind::Compute, "/limits".to_owned()).ask(session, parse_limits).await
                }
                outcome => outcome,
            }
        }
        QuotaService::Cinder => {
            let path = format!("/os-quota-sets/{project}");
            let question = Question::new(ServiceKind::Volume, path);
            Question { query: &[("usage", "True")], ..question }.ask(session, parse).await
        }
        QuotaService::Neutron => {
            let path = format!("/quotas/{project}/details.json");
            Question::new(ServiceKind::Network, path).ask(session, parse).await
        }
        // The asker's own project alone: the path names none.
        QuotaService::Glance => {
            Question::new(ServiceKind::Image, "/info/usage".to_owned()).ask(session, parse).await
        }
    }
}

/// Whether a project was deleted: nova asks keystone about it first (`verify_project_id`), and answers 400; cinder and
/// neutron tell of any id.
pub fn is_gone(error: &Error) -> bool {
    error.status == Some(400) && error.message.ends_with("is not a valid project.")
}

/// What a project may have of which nobody has said anything else: `GET /os-quota-class-sets/default` of nova and
/// cinder, neutron's `/v2.0/quotas/{id}/default`, keystone's `/v3/registered_limits` for glance.
pub async fn defaults(session: &Session, service: QuotaService) -> Result<Allowances, Error> {
    let class = || "/os-quota-class-sets/default".to_owned();
    match service {
        QuotaService::Nova => Question::new(ServiceKind::Compute, class()).ask(session, parse).await,
        QuotaService::Cinder => Question::new(ServiceKind::Volume, class()).ask(session, parse).await,
        QuotaService::Neutron => {
            // They are the same whoever is named.
            let own = session.login().await?.project_id.unwrap_or_else(|| "default".to_owned());
            let path = format!("/quotas/{own}/default");
            Question::new(ServiceKind::Network, path).ask(session, parse).await
        }
        QuotaService::Glance => {
            let path = "/registered_limits".to_owned();
            Question::new(ServiceKind::Identity, path).ask(session, parse_registered).await
        }
    }
}

/// The projects that have limits of their own, all in one answer: neutron's `GET /v2.0/quotas`, keystone's
/// `/v3/limits` for glance. nova and cinder have no such list.
pub async fn own(session: &Session, service: QuotaService) -> Result<Vec<(Text, Allowances)>, Error> {
    match service {
        QuotaService::Nova | QuotaService::Cinder => Ok(Vec::new()),
        QuotaService::Neutron => {
            Question::new(ServiceKind::Network, "/quotas".to_owned()).ask(session, parse_list).await
        }
        QuotaService::Glance => {
            Question::new(ServiceKind::Identity, "/limits".to_owned()).ask(session, parse_unified).await
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Figure {
    Limit(i64),
    Use {
        limit: i64,
        #[serde(alias = "used", alias = "usage")]
        in_use: Option<i64>,
        #[serde(default)]
        reserved: Option<i64>,
    },
    /// The project's id, or what only a plug-in knows.
    Other(IgnoredAny),
}

fn allowance(name: &str, figure: &Figure, words: &mut Words) -> Option<Allowance> {
    let (limit, in_use, reserved) = match figure {
        Figure::Limit(limit) => (*limit, None, None),
        Figure::Use { limit, .. } if OF_EACH.contains(&name) => (*limit, None, None),
        Figure::Use { limit, in_use, reserved } => (*limit, *in_use, *reserved),
        Figure::Other(_) => return None,
    };
    let resource = words.text(name);
    Some(Allowance { resource, limit: Limit::from_number(limit), in_use, reserved: reserved.unwrap_or(0) })
}

/// One set: `{"quota_set": {…}}`, `{"quota_class_set": {…}}`, neutron's `{"quota": {…}}`, glance's `{"usage": {…}}`.
fn parse(body: &[u8], words: &mut Words) -> Result<Allowances, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "'de: 'a"))]
    struct Body<'a> {
        #[serde(alias = "quota_class_set", alias = "quota", alias = "usage")]
        quota_set: BTreeMap<Str<'a>, Figure>,
    }
    let figures = serde_json::from_slice::<Body>(body)?.quota_set;
    let figures = figures.iter().filter(|(name, _)| !OF_NEUTRON.contains(&&***name));
    Ok(figures.filter_map(|(name, figure)| allowance(name, figure, words)).collect())
}

/// neutron's list of the projects that have limits of their own.
fn parse_list(body: &[u8], words: &mut Words) -> Result<Vec<(Text, Allowances)>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        quotas: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        /// Until Newton the only name for it; both are there since.
        tenant_id: Text,
        #[serde(flatten)]
        figures: BTreeMap<String, Figure>,
    }
    let rows = serde_json::from_slice::<Body>(body)?.quotas.into_iter();
    Ok(rows
        .map(|row| {
            let figures = row.figures.iter();
            (row.tenant_id, figures.filter_map(|(name, figure)| allowance(name, figure, words)).collect())
        })
        .collect())
}

/// nova's names for the limits of the asker's own project: resource, limit, use.
const ABSOLUTE: &[(&str, &str, &str)] = &[
    ("cores", "maxTotalCores", "totalCoresUsed"),
    ("instances", "maxTotalInstances", "totalInstancesUsed"),
    ("key_pairs", "maxTotalKeypairs", ""),
    ("metadata_items", "maxServerMeta", ""),
    ("ram", "maxTotalRAMSize", "totalRAMUsed"),
    ("server_group_members", "maxServerGroupMembers", ""),
    ("server_groups", "maxServerGroups", "totalServerGroupsUsed"),
];

fn parse_limits(body: &[u8], words: &mut Words) -> Result<Allowances, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        limits: Limits,
    }
    #[derive(Deserialize)]
    struct Limits {
        absolute: BTreeMap<String, i64>,
    }
    let absolute = serde_json::from_slice::<Body>(body)?.limits.absolute;
    let rows = ABSOLUTE.iter().filter_map(|&(resource, limit, used)| {
        let limit = Limit::from_number(*absolute.get(limit)?);
        let in_use = absolute.get(used).copied();
        Some(Allowance { resource: words.text(resource), limit, in_use, reserved: 0 })
    });
    Ok(rows.collect())
}

/// What unified limits glance has begin so; those of other services stand beside them.
const OF_GLANCE: &str = "image_";

fn parse_registered(body: &[u8], words: &mut Words) -> Result<Allowances, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        registered_limits: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        resource_name: String,
        default_limit: i64,
    }
    let rows = serde_json::from_slice::<Body>(body)?.registered_limits.into_iter();
    let rows = rows.filter(|row| row.resource_name.starts_with(OF_GLANCE));
    let limits: BTreeMap<String, i64> = rows.map(|row| (row.resource_name, row.default_limit)).collect();
    Ok(limits.iter().map(|(name, limit)| Allowance::limit(words.text(name), *limit)).collect())
}

fn parse_unified(body: &[u8], words: &mut Words) -> Result<Vec<(Text, Allowances)>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body {
        limits: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        /// None of a domain's.
        project_id: Option<Text>,
        resource_name: String,
        resource_limit: i64,
    }
    let mut of: BTreeMap<Text, BTreeMap<String, i64>> = BTreeMap::new();
    for row in serde_json::from_slice::<Body>(body)?.limits {
        if let Some(project) = row.project_id.filter(|_| row.resource_name.starts_with(OF_GLANCE)) {
            of.entry(project).or_default().insert(row.resource_name, row.resource_limit);
        }
    }
    let of = of.into_iter().map(|(project, limits)| {
        (project, limits.iter().map(|(name, limit)| Allowance::limit(words.text(name), *limit)).collect())
    });
    Ok(of.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cores 135+0 of 2000`, a line a resource.
    fn said(allowances: &[Allowance]) -> Vec<String> {
        let line = |it: &Allowance| {
            let used = it.in_use.map_or_else(|| "?".to_owned(), |n| format!("{n}+{}", it.reserved));
            format!("{} {used} of {}", it.resource, it.limit.to_number())
        };
        allowances.iter().map(line).collect()
    }

    fn read(body: &[u8]) -> Vec<String> {
        said(&parse(body, &mut Words::default()).unwrap())
    }

    #[test]
    fn recorded_answers_of_each_service() {
        let nova = [
            "cores 135+0 of 2000",
            "instances 40+0 of 500",
            "key_pairs ? of 100",
            "metadata_items ? of 128",
            "ram 1051520+0 of 4096000",
            "server_group_members ? of 10",
            "server_groups 0+0 of 10",
        ];
        let new = include_bytes!("../../tests/samples/nova/quota-detail.json");
        assert_eq!(read(new), nova);
        // Before 2.36 nova speaks for neutron too, and means nothing by it.
        let old = read(include_bytes!("../../tests/samples/nova/quota-detail-2.1.json"));
        let more = old.iter().filter(|line| !nova.contains(&line.as_str()));
        assert!(more.clone().all(|line| line.starts_with("injected_file")), "{old:?}");
        assert_eq!((old.len(), more.count()), (10, 3));

        let cinder = read(include_bytes!("../../tests/samples/cinder/quota-usage.json"));
        for line in ["gigabytes 17+0 of 1000", "gigabytes_fast 16+0 of -1", "per_volume_gigabytes ? of -1"] {
            assert!(cinder.iter().any(|said| said == line), "{line} in {cinder:?}");
        }
        let neutron = read(include_bytes!("../../tests/samples/neutron/quota-details.json"));
        for line in ["port 11+0 of 1000", "floatingip 2+0 of 50", "subnetpool 0+0 of -1"] {
            assert!(neutron.iter().any(|said| said == line), "{line} in {neutron:?}");
        }
    }

    #[test]
    fn limits_alone_have_no_use_and_what_is_no_figure_is_left_out() {
        let body = br#"{"quota_class_set": {"id": "default", "cores": 20, "ram": -1, "odd": {"x": 1}, "none": null}}"#;
        assert_eq!(read(body), ["cores ? of 20", "ram ? of -1"]);
        // A use that was not told is no zero, and one below zero is none either.
        let body =
            br#"{"quota_set": {"volumes": {"limit": 10, "in_use": -2, "reserved": 1}, "x": {"limit": 1}}}"#;
        assert_eq!(read(body), ["volumes -2+1 of 10", "x ? of 1"]);
        assert!(parse(br#"{"quotas": []}"#, &mut Words::default()).is_err());
    }

    #[test]
    fn the_list_of_projects_with_limits_of_their_own() {
        let body = include_bytes!("../../tests/samples/neutron/quotas.json");
        let list = parse_list(body, &mut Words::default()).unwrap();
        let ids: Vec<&str> = list.iter().map(|(id, _)| &**id).collect();
        assert_eq!(ids, ["2ca29ea816ee467fbb9cd53dbbea71b1", "2a294ffc60fe46fe817f77a69d912949"]);
        let said = said(&list[1].1);
        assert_eq!((said.len(), said[0].as_str()), (9, "floatingip ? of 50"));
        assert!(said.iter().any(|line| line == "port ? of 1000"), "{said:?}");
    }

    #[test]
    fn a_members_own_limits_have_the_names_of_the_quota_set() {
        let body = include_bytes!("../../tests/samples/nova/limits.json");
        let own = said(&parse_limits(body, &mut Words::default()).unwrap());
        assert_eq!(own, read(include_bytes!("../../tests/samples/nova/quota-detail.json")));
    }

    #[test]
    fn of_unified_limits_only_glances_count() {
        // As keystone's API reference has them.
        let body = br#"{"registered_limits": [
            {"id": "a", "service_id": "s", "region_id": null, "resource_name": "image_size_total", "default_limit": 1000},
            {"id": "b", "service_id": "n", "region_id": null, "resource_name": "class:VCPU", "default_limit": 20}]}"#;
        let defaults = parse_registered(body, &mut Words::default()).unwrap();
        assert_eq!(said(&defaults), ["image_size_total ? of 1000"]);
        let body = br#"{"limits": [
            {"id": "a", "project_id": "p", "domain_id": null, "resource_name": "image_size_total", "resource_limit": 5},
            {"id": "b", "project_id": null, "domain_id": "d", "resource_name": "image_size_total", "resource_limit": 6},
            {"id": "c", "project_id": "p", "domain_id": null, "resource_name": "servers", "resource_limit": 7}]}"#;
        let own = parse_unified(body, &mut Words::default()).unwrap();
        assert_eq!(own.len(), 1);
        assert_eq!((&*own[0].0, said(&own[0].1)), ("p", vec!["image_size_total ? of 5".to_owned()]));
        // What the asker's own project uses, and a glance that asks keystone for nothing.
        let body = br#"{"usage": {"image_count_total": {"limit": 100, "usage": 3}}}"#;
        assert_eq!(read(body), ["image_count_total 3+0 of 100"]);
        assert_eq!(read(br#"{"usage": {}}"#), Vec::<String>::new());
    }
}
