//! Quotas: who is at a limit, what a project has, and the ways there and away.

use stackwatch::model::{Allowance, Course, Labels, NamedKind, Point, QuotaService, Trouble, Wish};
use stackwatch::report::{OutageKind, ProjectSaid, QuotaSaid};

use super::*;

/// nova tells of a project anew.
fn told(at: Timestamp, project: &str, (limit, in_use): (i64, i64)) -> Report {
    let row = facts::projects().into_iter().find(|row| &*row.name == project).unwrap();
    let allowance = Allowance { in_use: Some(in_use), ..Allowance::limit("cores".into(), limit) };
    let said = QuotaSaid::Project(row.id, Ok([allowance].into()));
    facts::report(at, Outcome::Part(Delta::Quotas(QuotaService::Nova, said)))
}

#[test]
fn who_is_nearest_to_a_limit_stands_first_and_every_kind_of_limit_is_told_apart() {
    check(
        "instances",
        &[
            Press("4"),
            Sees("6 of 6 shown · sorted by nearest"),
            // The limit was lowered; near; books that are wrong; not told; unlimited; nothing allowed and nothing there.
            Order(&["shop", "analytics", "erp"]),
            Cursor("112% instances"),
            Sees("shop has 9 of 8 instances (the limit was lowered), 40 of 40 vCPU: more is refused"),
            Sees("4650/5000"),
            Sees("-2/10"),
            Sees("60/∞"),
            Sees("0/0"),
            Press("/project=ci<enter>"),
            Sees("cinder: cinder at 10.0.0.10:8776 answered 500"),
            Press("/<ctrl-u>project=erp<enter>"),
            Sees("cinder counts -2 volumes of erp"),
        ],
    );
}

#[test]
fn a_limit_that_is_reached_takes_its_project_to_the_top() {
    check(
        "quotas",
        &[
            Lacks("100% vCPU"),
            Hear(|now| vec![told(now, "ci", (4, 8))]),
            Order(&["ci", "shop"]),
            Sees("200% vCPU"),
            // Raised again.
            Hear(|now| vec![told(now, "ci", (400, 5))]),
            Order(&["shop", "analytics", "ci"]),
        ],
    );
}

#[test]
fn from_an_instance_to_its_projects_quotas_its_instances_and_back() {
    check(
        "instances",
        &[
            Press("/erp-db<enter>Q"),
            Sees("Instances › Quotas"),
            Cursor("erp"),
            Press("<enter>"),
            Sees("Quotas › erp"),
            Sees("64 of 80 GiB, 80%; default 50"),
            Press("G"),
            Sees("top flavors"),
            Press("i"),
            Sees("/project=erp"),
            Sees("1 of 25 shown"),
            Press("<esc>"),
            Sees("Quotas › erp"),
            Press("<esc><esc>"),
            Sees("/erp-db"),
            // A project that keystone no longer knows.
            Press("/<ctrl-u>orphan-1<enter>Q"),
            Sees("keystone lists no such project"),
        ],
    );
}

#[test]
fn a_project_that_is_gone_into_says_who_may_what_and_what_it_does_to_the_cloud() {
    check(
        "quotas",
        &[
            Press("/project=shop<enter><enter>"),
            Sees("Quotas › shop"),
            Press("G"),
            Sees("users (3), read 0s ago"),
            Sees("oncall (partners): admin, manager, member, reader; 12 users"),
            Sees("ldap-7f3a"),
            Sees("1152.50 vCPU-hours"),
            Sees("largest"),
            Sees("made in 24h"),
            // What was told gets old where it stands.
            Wait(65),
            Sees("users (3), read 1m ago"),
            Press("r"),
            Sees("users (3), read 0s ago"),
            // What was told stays where it is not told again, and says so.
            Wait(65),
            Hear(|now| {
                let assignments = Err(unreachable("keystone at 10.0.0.10:5000 cannot be reached"));
                let delta = Delta::Project(facts::project_id("shop"), ProjectSaid::Assignments(assignments));
                vec![facts::report(now, Outcome::Part(delta))]
            }),
            Order(&["users (3), read 1m ago", "not read anew", "keystone at 10.0.0.10:5000", "oncall"]),
            // It is no other project's.
            Press("<esc>/<ctrl-u>project=erp<enter><enter>"),
            Press("G"),
            Sees("users (3), read 0s ago"),
            Lacks("keystone at"),
        ],
    );
}

fn unreachable(message: &str) -> Trouble {
    Trouble {
        source: "a service",
        kind: OutageKind::Unreachable.as_str(),
        message: message.to_owned(),
        next_step: "ask it from here with curl".to_owned(),
        request_id: None,
    }
}

#[test]
fn what_a_project_has_stored_is_told_once_it_is_gone_into() {
    // 60 lines: the sections of the other services stand above it.
    let mut stage = Stage::new("quotas", (120, 60), facts::cloud());
    walk(
        &mut stage,
        &[
            // Whether there is an object store nobody knows yet.
            Lacks("swift"),
            Press("/project=shop<enter><enter>"),
            Order(&["neutron, read", "swift, read 0s ago", "top flavors"]),
            Sees("12.3 GiB of 100.0 GiB, 12%"),
            Sees("12,408"),
            Wait(65),
            Sees("swift, read 1m ago"),
            Press("<esc>/<ctrl-u>project=erp<enter><enter>"),
            Sees("13.0 GiB of 10.0 GiB, 130%"),
            Sees("its users are refused more now; a ResellerAdmin raises it"),
            Press("<esc>/<ctrl-u>project=ops<enter><enter>"),
            Sees("35 KiB of ∞"),
            Press("<esc>/<ctrl-u>project=展示<enter><enter>"),
            Sees("no account yet: nothing was ever stored"),
            // What one project is refused says nothing of the others.
            Press("<esc>/<ctrl-u>project=ci<enter><enter>"),
            Sees("reseller_admin_role"),
            Sees("`openstack role add --user admin --project ops ResellerAdmin`"),
            Press("<esc>/<ctrl-u>project=analytics<enter><enter>"),
            Sees("4.0 TiB of 4.9 TiB, 81%"),
            Lacks("reseller_admin_role"),
        ],
    );
}

#[test]
fn of_a_cloud_without_an_object_store_nothing_is_said_and_of_one_that_fails_the_reason() {
    // The details stand beside the list: they are seen before anything of theirs was asked.
    let mut stage = Stage::new("quotas", (200, 60), facts::cloud());
    walk(
        &mut stage,
        &[
            // In such a cloud a question ends, and tells of nobody.
            Hear(|now| {
                let ended = Outcome::End { topic: Topic::Account, complete: true, limit: None };
                vec![facts::report(now, ended)]
            }),
            Cursor("shop"),
            Sees("top flavors"),
            Lacks("swift"),
            Hear(|now| {
                let account = Err(unreachable("swift at 10.0.0.10:8080 cannot be reached"));
                let delta = Delta::Project(facts::project_id("shop"), ProjectSaid::Account(account));
                vec![facts::report(now, Outcome::Part(delta))]
            }),
            Sees("swift at 10.0.0.10:8080 cannot"),
            Press("<enter>"),
            Sees("swift, read 0s ago"),
            // Now it is known that there is one.
            Press("<esc>j"),
            Cursor("analytics"),
            Sees("account not asked yet (enter asks swift)"),
        ],
    );
}

#[test]
fn projects_of_one_name_are_told_apart_by_their_domain_and_lead_to_their_own_instances() {
    check(
        "quotas",
        &[
            Hear(|now| {
                let row = Named {
                    id: "ffff0000ffff0000ffff0000ffff0000".into(),
                    name: "erp".into(),
                    domain_id: Some("d2".into()),
                    enabled: Some(false),
                };
                vec![facts::report(now, Outcome::Part(Delta::Names(NamedKind::Project, vec![row])))]
            }),
            Sees("erp (Default)"),
            Sees("erp (partners)"),
            Press("/domain=partners<enter>"),
            Sees("1 of 7 shown"),
            Sees("erp (partners) is disabled"),
            Press("i"),
            Sees("/project_id=ffff0000ffff0000ffff0000ffff0000"),
            Sees("0 of 25 shown"),
        ],
    );
}

#[test]
fn how_far_the_first_round_is_is_said_with_the_time_that_is_left() {
    let mut reports = facts::cloud();
    // nova has told of none but one when it is looked at.
    reports.retain(|said| !matches!(&said.outcome, Outcome::Part(Delta::Quotas(..))));
    reports.retain(|said| match said.outcome {
        Outcome::Begin { topic, .. } | Outcome::End { topic, .. } => !topic.is_of_quotas(),
        _ => true,
    });
    let mut stage = Stage::new("quotas", (120, 40), reports);
    walk(
        &mut stage,
        &[
            // The order is there before anybody was asked: who has most vCPUs stands first.
            Order(&["analytics", "shop", "erp", "ops"]),
            Sees("40/?"),
            Sees("vCPU limits ?"),
            Sees("analytics: nova, cinder, neutron not asked yet"),
            Sees("6 not read yet"),
            Hear(|now| {
                let begin = Outcome::Begin { topic: Topic::NovaQuotas, expected: Some(6) };
                vec![facts::report(now, begin)]
            }),
            Sees("first round 0 of 6 projects"),
            Wait(20),
            Hear(|now| vec![told(now, "ops", (10, 1)), told(now, "erp", (5, 4))]),
            Sees("first round 2 of 6 projects, 0.1/s, 40s left"),
        ],
    );
}

/// What was recorded of nova's vCPUs of a project, over so many days up to the journey's time.
fn recorded(at: Timestamp, project: &str, days: i64, cores: impl Fn(i64) -> f64) -> Report {
    let id = facts::projects().into_iter().find(|row| &*row.name == project).unwrap().id;
    let labels = Labels::from_iter([id.clone()]);
    let wish = Wish { series: "quota.used".into(), labels: Some(labels), over: 30 * 86_400 };
    let hour = |ago: i64| Point { at: at.as_second() - ago * 3_600, value: cores(days * 24 - ago) };
    let course = Course {
        series: wish.series.clone(),
        labels: Labels::from_iter([id, "nova.cores".into()]),
        unit: "the resource's".into(),
        step: 3_600,
        points: (0..days * 24).rev().map(hour).collect(),
    };
    facts::report(at, Outcome::Part(Delta::Trend(wish, [course].into())))
}

#[test]
fn what_a_project_has_used_is_a_course_that_says_when_its_limit_will_be_met() {
    // From one vCPU to four in fifteen days.
    let grows = |at| recorded(at, "erp", 15, |hour| (1 + hour / 96) as f64);
    let mut stage = Stage::new("quotas", (120, 40), facts::cloud());
    walk(
        &mut stage,
        &[
            Cursor("shop"),
            Lacks("full in about"),
            Press("j"),
            Cursor("analytics"),
            Sees("▲ GiB full in about 11 days; analytics is near its limits: GiB 93%, volumes 80%"),
            Press("<enter>"),
            Sees("4650 of 5000, 93%; default 1000; full in about 11 days"),
            Sees("         ▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇█ 30d"),
            Press("<esc>/project=erp<enter>"),
            Lacks("full in about"),
        ],
    );
    let wished = stage.app.wanted().trends;
    assert_eq!(wished.len(), 1);
    let now = stage.now();
    stage.hear(vec![grows(now)]);
    walk(
        &mut stage,
        &[
            // Of 40 there is room for months, and fifteen days tell nothing of them.
            Lacks("full in about"),
            Hear(|now| vec![told(now, "erp", (6, 4))]),
            Sees("▲ vCPU full in about 7 days; cinder counts"),
            Press("<enter>"),
            Sees("4 of 6, 66%; default 20; full in about 7 days"),
            Sees("▁▁▁▁"),
            // The limit that is in force counts: it was raised, or lowered below what is there.
            Hear(|now| vec![told(now, "erp", (8, 4))]),
            Sees("4 of 8, 50%; default 20; full in about 16 days"),
            Hear(|now| vec![told(now, "erp", (4, 4))]),
            Lacks("full in about"),
            Hear(|now| vec![told(now, "erp", (-1, 4))]),
            Sees("4 of ∞"),
            Lacks("▁▁▁▁"),
        ],
    );
}
