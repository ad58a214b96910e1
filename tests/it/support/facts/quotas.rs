//! What each project may have and has: one at its limit, one near, one over, one without limits, one that a service
//! keeps silent about, and books that are wrong.

use std::ops::Range;

use jiff::Timestamp;
use stackwatch::model::{
    Allowance, Allowances, Assignment, Course, Labels, Limit, Named, NamedKind, Point, QuotaService,
    StorageAccount, Trouble, Wish,
};
use stackwatch::report::{Delta, QuotaSaid, Report, Topic};

use super::instances::{self, project_id};
use super::{EVIL, ago, evil, read, report};
use stackwatch::report::Outcome;

/// Resource, limit, in use (where the service says it), reserved.
type Seed = (&'static str, i64, Option<i64>, i64);

fn allowances(seeds: &[Seed]) -> Allowances {
    let mut all: Vec<Allowance> = seeds
        .iter()
        .map(|&(resource, limit, in_use, reserved)| Allowance {
            resource: resource.into(),
            limit: Limit::from_number(limit),
            in_use,
            reserved,
        })
        .collect();
    all.sort_by(|a, b| a.resource.cmp(&b.resource));
    all.into()
}

/// What nova counts of a project: its instances, as they stand in the facts.
fn counted(project: &str) -> (i64, i64, i64) {
    let id = project_id(project);
    let all = instances::all();
    let own = || all.iter().filter(|it| it.project_id == id);
    let flavors = || own().filter_map(|it| it.flavor.as_ref());
    (
        own().count() as i64,
        flavors().map(|flavor| i64::from(flavor.vcpus.unwrap_or(0))).sum(),
        flavors().map(|flavor| i64::from(flavor.ram.unwrap_or(0))).sum(),
    )
}

fn nova(project: &str, (instances, cores, ram): (i64, i64, i64)) -> Allowances {
    let (n, vcpus, mib) = counted(project);
    allowances(&[
        ("instances", instances, Some(n), 0),
        ("cores", cores, Some(vcpus), 0),
        ("ram", ram, Some(mib), 0),
        ("server_groups", 10, Some(1), 0),
        ("key_pairs", 100, None, 0),
        ("metadata_items", 128, None, 0),
        ("server_group_members", 10, None, 0),
    ])
}

fn cinder(volumes: (i64, i64, i64), gigabytes: (i64, i64)) -> Allowances {
    allowances(&[
        ("volumes", volumes.0, Some(volumes.1), volumes.2),
        ("gigabytes", gigabytes.0, Some(gigabytes.1), 0),
        ("snapshots", 10, Some(2), 0),
        ("backups", 10, Some(0), 0),
        ("backup_gigabytes", 1_000, Some(0), 0),
        ("volumes_ssd", -1, Some(volumes.1), volumes.2),
        ("gigabytes_ssd", -1, Some(gigabytes.1), 0),
        ("per_volume_gigabytes", -1, None, 0),
    ])
}

fn neutron(floating: (i64, i64), ports: i64) -> Allowances {
    allowances(&[
        ("floatingip", floating.0, Some(floating.1), 0),
        ("port", 500, Some(ports), 0),
        ("network", 100, Some(1), 0),
        ("subnet", 100, Some(1), 0),
        ("router", 10, Some(1), 0),
        ("security_group", 10, Some(3), 0),
        ("security_group_rule", 100, Some(12), 0),
        ("rbac_policy", 10, Some(0), 0),
    ])
}

fn defaults(service: QuotaService) -> Allowances {
    let limits = |seeds: &[(&'static str, i64)]| {
        let seeds: Vec<Seed> = seeds.iter().map(|&(name, limit)| (name, limit, None, 0)).collect();
        allowances(&seeds)
    };
    match service {
        QuotaService::Nova => {
            limits(&[("instances", 10), ("cores", 20), ("ram", 51_200), ("server_groups", 10)])
        }
        QuotaService::Cinder => limits(&[("volumes", 10), ("gigabytes", 1_000), ("snapshots", 10)]),
        _ => limits(&[("floatingip", 50), ("port", 500), ("network", 100), ("router", 10)]),
    }
}

const UNLIMITED: (i64, i64, i64) = (-1, -1, -1);

/// The domains, and all that was told of the projects.
pub fn reports() -> Vec<Report> {
    let domain = |id: &str, name: &str| Named {
        id: id.into(),
        name: name.into(),
        domain_id: None,
        enabled: Some(true),
    };
    let domains =
        Delta::Names(NamedKind::Domain, vec![domain("default", "Default"), domain("d2", "partners")]);
    let (_, shop_cores, _) = counted("shop");
    let nova = |project: &str| {
        Ok(match project {
            // At its limit to the last vCPU, and over that of its instances.
            "shop" => nova(project, (8, shop_cores, 512 * 1_024)),
            "analytics" => nova(project, (100, 400, 2_048 * 1_024)),
            "ops" => nova(project, UNLIMITED),
            _ => nova(project, (10, 40, 80 * 1_024)),
        })
    };
    let cinder = |project: &str| match project {
        "shop" => Ok(cinder((20, 12, 1), (1_000, 510))),
        "analytics" => Ok(cinder((50, 40, 0), (5_000, 4_650))),
        "ci" => Err(Trouble {
            source: "cinder",
            kind: "unreachable",
            message: "cinder at 10.0.0.10:8776 answered 500 Internal Server Error".to_owned(),
            next_step: "cinder's log has the cause under the request id".to_owned(),
            request_id: Some("req-00000000-0000-4000-8000-00000000c1de".to_owned()),
        }),
        // A failed delete was booked twice.
        "erp" => Ok(cinder((10, -2, 0), (1_000, 40))),
        "ops" => Ok(cinder((-1, 3, 0), (-1, 60))),
        _ => Ok(cinder((0, 0, 0), (0, 0))),
    };
    let neutron = |project: &str| {
        Ok(match project {
            "shop" => neutron((10, 5), 31),
            "analytics" => neutron((5, 1), 14),
            "ops" => neutron((-1, 2), 6),
            _ => neutron((50, 0), 3),
        })
    };
    let all = |service, of: &dyn Fn(&str) -> Result<Allowances, Trouble>| {
        let said = instances::PROJECTS.iter().map(|name| QuotaSaid::Project(project_id(name), of(name)));
        let said = [QuotaSaid::Defaults(defaults(service))].into_iter().chain(said);
        said.map(|said| Delta::Quotas(service, said)).collect::<Vec<_>>()
    };
    [
        vec![report(ago(600), Outcome::Part(domains))],
        read(240, Topic::NovaQuotas, all(QuotaService::Nova, &nova)),
        read(200, Topic::CinderQuotas, all(QuotaService::Cinder, &cinder)),
        read(180, Topic::NeutronQuotas, all(QuotaService::Neutron, &neutron)),
        read(170, Topic::GlanceQuotas, vec![Delta::Quotas(QuotaService::Glance, QuotaSaid::Absent)]),
    ]
    .concat()
}

/// A group and two users, of whom one's directory does not answer.
pub fn assignments() -> Vec<Assignment> {
    let of = |id: &str, name: &str, domain: &str, roles: &[&str], members| Assignment {
        id: id.into(),
        name: name.into(),
        domain: Some(domain.into()),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        members,
    };
    vec![
        of("g1", "oncall", "partners", &["admin", "manager", "member", "reader"], Some(12)),
        of(&instances::user_id(), "li", "Default", &["member", "reader"], None),
        of("ldap-7f3a", "ldap-7f3a", "partners", &["reader"], None),
    ]
}

/// What a project has stored: some of its quota, nearly all of it, more than it, without one, nothing ever; and of one
/// nobody may know.
pub fn account(id: &str) -> Result<Option<StorageAccount>, Trouble> {
    const GIB: u64 = 1 << 30;
    let of = |bytes_used, quota| StorageAccount { bytes_used, objects: 12_408, containers: 7, quota };
    let name = instances::PROJECTS.iter().find(|name| *project_id(name) == *id);
    Ok(Some(match name.copied().unwrap_or_default() {
        "shop" => of(GIB / 10 * 123, Limit::Of(100 * GIB)),
        "analytics" => of(4_096 * GIB, Limit::Of(5_000 * GIB)),
        "erp" => of(13 * GIB, Limit::Of(10 * GIB)),
        "ops" => of(35 << 10, Limit::Unlimited),
        "ci" => {
            return Err(Trouble {
                source: "swift",
                kind: "forbidden",
                message: format!(
                    "swift refused HEAD /v1/AUTH_{id}: another project's account is shown to its reseller_admin_role (ResellerAdmin by default)"
                ),
                next_step: "`openstack role add --user admin --project ops ResellerAdmin`".to_owned(),
                request_id: None,
            });
        }
        _ => return Ok(None),
    }))
}

/// What was recorded of a project: a point an hour. Its last two vCPUs came one after the other, with a week between in
/// which nobody recorded; of gigabytes analytics has taken thirty more each day for three weeks.
pub fn courses(wish: &Wish, at: Timestamp) -> Vec<Course> {
    let id = wish.labels.iter().flatten().next().cloned().unwrap_or_default();
    let Some(project) = instances::PROJECTS.iter().find(|name| project_id(name) == id) else {
        return Vec::new();
    };
    let now = at.as_second() / 3_600 * 3_600;
    let course = |resource: &str, hours: &[Range<i64>], value: &dyn Fn(i64) -> i64| Course {
        series: wish.series.clone(),
        labels: Labels::from_iter([id.clone(), resource.into()]),
        unit: "the resource's".into(),
        step: 3_600,
        points: hours
            .iter()
            .flat_map(|hours| hours.clone().rev())
            .map(|ago| Point { at: now - ago * 3_600, value: value(ago) as f64 })
            .collect(),
    };
    let (_, cores, _) = counted(project);
    let mut all = vec![course("nova.cores", &[480..648, 0..312], &|ago| match ago {
        ..150 => cores,
        150..312 => cores - 1,
        _ => cores - 2,
    })];
    if *project == "analytics" {
        all.push(course("cinder.gigabytes", &[168..504, 0..168], &|ago| 4_650 - ago / 24 * 30));
    }
    all
}

pub fn poison(said: &mut QuotaSaid) {
    let poisoned = |allowances: &Allowances| {
        let mut all = allowances.to_vec();
        all.iter_mut().for_each(|it: &mut Allowance| evil(&mut it.resource));
        Allowances::from(all)
    };
    match said {
        QuotaSaid::Absent | QuotaSaid::Gone(_) => {}
        QuotaSaid::Defaults(defaults) => *defaults = poisoned(defaults),
        QuotaSaid::Project(_, Ok(allowances)) => *allowances = poisoned(allowances),
        QuotaSaid::Project(_, Err(trouble)) => poison_trouble(trouble),
    }
}

pub fn poison_account(account: &mut Result<Option<StorageAccount>, Trouble>) {
    account.as_mut().err().into_iter().for_each(poison_trouble);
}

fn poison_trouble(trouble: &mut Trouble) {
    for words in [&mut trouble.message, &mut trouble.next_step] {
        words.push_str(EVIL);
    }
}
