//! Everything known about one project's quotas, service by service, and what it has of instances.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::trend::Trend;
use crate::health::Verdict;
use crate::health::quota::{self as health, Use};
use crate::model::{
    Allowance, Answered, Assignment, Instance, Limit, QuotaService, Quotas, StorageAccount, find_allowance,
};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::theme::Role;
use crate::ui::details::Section;
use crate::ui::format;

const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn sections(cx: &Cx, row: &Quotas) -> Vec<Section> {
    let mut sections = vec![project(cx, row)];
    sections.extend(QuotaService::ALL.into_iter().filter_map(|service| of_service(cx, row, service)));
    sections.extend(account(cx, row));
    sections.extend([flavors(cx, row), noisy(cx, row), users(cx, row), instances(cx, row)]);
    sections
}

fn project(cx: &Cx, row: &Quotas) -> Section {
    let mut section = Section::new("project");
    let project = cx.store.projects.by_id(&row.id);
    section.add("name", project.map_or("?", |project| &*project.name));
    section.add("id", row.id.to_string());
    let domain = project.and_then(|project| project.domain_id.as_ref());
    let domain = domain.map(|id| match cx.store.domains.by_id(id) {
        Some(domain) if domain.name != *id => format!("{} ({id})", domain.name),
        _ => id.to_string(),
    });
    section.add("domain", domain.unwrap_or_else(|| "?".to_owned()));
    section.add(
        "enabled",
        match project.and_then(|project| project.enabled) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        },
    );
    for note in health::notes(cx.store, row) {
        section.add_as(parts::role(note.verdict), note.verdict.as_str(), note.words);
    }
    section
}

/// What a service allows, and of it what is in use. glance's stand here only where somebody has set them.
fn of_service(cx: &Cx, row: &Quotas, service: QuotaService) -> Option<Section> {
    let name = service.name();
    let answered = row.of(service);
    if cx.store.has_no_quotas(service) {
        if service == QuotaService::Glance {
            return None;
        }
        let mut section = Section::new(name);
        section.add("", format!("no {name} in this cloud, so no limits of it"));
        return Some(section);
    }
    let Some((at, allowances)) = &answered.told else {
        if service == QuotaService::Glance && answered.trouble.is_none() {
            return None;
        }
        let mut section = Section::new(name);
        match (&answered.trouble, &cx.store.freshness(Topic::of_quotas(service)).outage) {
            (Some(trouble), _) => {
                section.add_as(Role::Unknown, "unknown", trouble.message.clone());
                section.add("next", trouble.next_step.clone());
            }
            (None, Some(failing)) => {
                section.add_as(Role::Unknown, "unknown", failing.outage.message.clone());
                section.add("next", failing.outage.next_step.clone());
            }
            (None, None) => section.add_as(Role::Unknown, "unknown", "not asked yet"),
        }
        return Some(section);
    };
    let age = format::duration(cx.now.duration_since(*at));
    let trend = Trend::of(cx, row);
    let mut section = Section::new(format!("{name}, read {age} ago"));
    let mut rows: Vec<(Option<Use>, &Allowance)> =
        allowances.iter().map(|it| (Use::of(cx.store, row, service, it), it)).collect();
    // What is nearest to its limit first; what nobody counts last.
    let rank = |of: &Option<Use>| match of {
        Some(of) => of.share().map_or(-1.0, |share| share + f64::from(u8::from(of.in_use != 0)) * 1e-9),
        None => -2.0,
    };
    rows.sort_by(|(a, _), (b, _)| rank(b).total_cmp(&rank(a)));
    let defaults = cx.store.quota_defaults(service);
    // cinder has three resources more for each volume type, and hardly anybody limits them.
    let mut idle = Vec::new();
    for (of, allowance) in rows {
        let usual = defaults.and_then(|defaults| find_allowance(defaults, &allowance.resource));
        let role = match of.as_ref().map(Use::verdict) {
            Some(verdict) if verdict != Verdict::Ok => parts::role(verdict),
            _ => Role::Text,
        };
        let label = health::label(service, &allowance.resource).into_owned();
        if of.as_ref().is_some_and(|of| of.limit == Limit::Unlimited && (of.in_use, of.reserved) == (0, 0)) {
            idle.push(label);
            continue;
        }
        let mut words = words(service, of.as_ref(), allowance, usual);
        if let Some((trend, of)) = trend.as_ref().zip(of.as_ref()) {
            words.extend(trend.words(of, cx.now));
        }
        section.add_as(role, label, words);
    }
    if !idle.is_empty() {
        section.add("0 of ∞", idle.join(", "));
    }
    Some(section)
}

/// `48 of 50, 96%, 2 promised; default 10`.
fn words(service: QuotaService, of: Option<&Use>, it: &Allowance, usual: Option<&Allowance>) -> String {
    let amount = |n: i64| health::amount(service, &it.resource, n);
    let limit = |limit: Limit| match limit {
        Limit::Unlimited => "∞".to_owned(),
        Limit::Of(n) => amount(n as i64),
    };
    let mut words = match of {
        Some(of) => health::figures(of),
        None if it.in_use.is_none() && service != QuotaService::Glance => {
            format!("{} at most", limit(it.limit))
        }
        None => format!("? of {}", limit(it.limit)),
    };
    if let Some(share) = of.and_then(Use::share) {
        words.push_str(&format!(", {}%", health::percent(share)));
    }
    if it.reserved != 0 {
        words.push_str(&format!(", {} promised", it.reserved));
    }
    match usual {
        Some(usual) if usual.limit != it.limit => {
            words.push_str(&format!("; default {}", limit(usual.limit)))
        }
        _ => {}
    }
    words
}

/// What it has stored. Whether the cloud has an object store only an answer tells: until then nothing is said.
fn account(cx: &Cx, row: &Quotas) -> Option<Section> {
    if !cx.store.has_accounts() {
        return None;
    }
    let answered = cx.store.answers(&row.id).map(|answers| &answers.account);
    let mut section = Section::new(titled(cx, Topic::Account.source(), answered));
    lacking(&mut section, Topic::Account, answered);
    match answered.and_then(|it| it.told.as_ref()) {
        Some((_, Some(account))) => stored(&mut section, account),
        Some((_, None)) => section.add("", "no account yet: nothing was ever stored"),
        None => {}
    }
    Some(section)
}

/// `12.3 GiB of 100.0 GiB, 12%`.
fn stored(section: &mut Section, account: &StorageAccount) {
    let (share, verdict) = health::of_account(account);
    let quota = match account.quota {
        Limit::Unlimited => "∞".to_owned(),
        Limit::Of(n) => format::bytes(n),
    };
    let percent = share.map(|share| format!(", {}%", health::percent(share))).unwrap_or_default();
    let role = if verdict == Verdict::Ok { Role::Text } else { parts::role(verdict) };
    section.add_as(role, "bytes", format!("{} of {quota}{percent}", format::bytes(account.bytes_used)));
    if verdict == Verdict::Critical {
        let raise = "a ResellerAdmin raises it by `swift post -m quota-bytes:N` on this account";
        section.add("next", format!("its users are refused more now; {raise}"));
    }
    section.add("objects", format::number(account.objects as i64));
    section.add("containers", format::number(account.containers as i64));
}

/// What its instances are made of, the flavor that takes most first.
fn flavors(cx: &Cx, row: &Quotas) -> Section {
    let slots = cx.store.instances_in(&row.id);
    let mut of: BTreeMap<&str, (usize, u64, u64)> = BTreeMap::new();
    for flavor in slots.iter().filter_map(|slot| cx.store.instances.get(*slot)?.flavor.as_deref()) {
        let sum = of.entry(cx.store.flavor_name(flavor)).or_default();
        sum.0 += 1;
        sum.1 += u64::from(flavor.vcpus.unwrap_or(0));
        sum.2 += u64::from(flavor.ram.unwrap_or(0));
    }
    let mut of: Vec<_> = of.into_iter().collect();
    of.sort_by_key(|(name, (n, vcpus, ram))| (std::cmp::Reverse((*vcpus, *ram, *n)), *name));
    let mut section = Section::new("top flavors");
    const MOST: usize = 8;
    for (name, (n, vcpus, ram)) in of.iter().take(MOST) {
        section.add(
            (*name).to_owned(),
            format!(
                "{}, {} vCPU, {} RAM",
                format::count(*n, "instance"),
                format::number(*vcpus as i64),
                format::mebibytes(*ram as f64)
            ),
        );
    }
    if of.is_empty() {
        section.add("", "–");
    }
    if of.len() > MOST {
        section.add("…", format!("{} more", of.len() - MOST));
    }
    section
}

/// What it does to the cloud: its largest instances, and what became of those that it made in the last day.
fn noisy(cx: &Cx, row: &Quotas) -> Section {
    const LARGEST: usize = 5;
    const FAILED: usize = 5;
    let mut section = Section::new("noisy");
    if instances_unread(cx, row) {
        section.add_as(Role::Unknown, "unknown", "its instances were not read");
        return section;
    }
    let mut all: Vec<&Instance> =
        cx.store.instances_in(&row.id).iter().filter_map(|slot| cx.store.instances.get(*slot)).collect();
    // Those whose size nobody tells come last.
    let size = |it: &Instance| it.flavor.as_ref().map(|flavor| (flavor.vcpus, flavor.ram));
    all.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| (&a.name, &a.id).cmp(&(&b.name, &b.id))));
    for (at, instance) in all.iter().take(LARGEST).enumerate() {
        let (vcpus, ram) = size(instance).unwrap_or_default();
        let vcpus = format::maybe(vcpus.map(u64::from));
        let ram = ram.map_or("?".to_owned(), |ram| format::mebibytes(f64::from(ram)));
        let host = instance.host.as_deref().unwrap_or("no host");
        let label = if at == 0 { "largest" } else { "" };
        section.add(label, format!("{}  {vcpus} vCPU, {ram} RAM  {host}", instance.name));
    }
    let is_new = |it: &&Instance| it.created.is_some_and(|at| cx.now.duration_since(at) < DAY);
    let made: Vec<&Instance> = all.iter().copied().filter(is_new).collect();
    let has_failed = |it: &&Instance| &*it.status == "ERROR" && it.fault.is_some();
    let failed: Vec<&Instance> = made.iter().copied().filter(has_failed).collect();
    let role = if failed.is_empty() { Role::Text } else { Role::Crit };
    section.add_as(
        role,
        "made in 24h",
        format!("{} that are still there, {} in ERROR", format::count(made.len(), "instance"), failed.len()),
    );
    for instance in failed.iter().take(FAILED) {
        let fault = instance.fault.as_ref().map_or("", |fault| fault.message.trim());
        section.add_as(Role::Crit, "ERROR", format!("{}  {fault}", instance.name));
    }
    if failed.len() > FAILED {
        section.add("…", format!("{} more: `i` lists all", failed.len() - FAILED));
    }
    let answered = cx.store.answers(&row.id).map(|answers| &answers.usage);
    if let Some((at, usage)) = answered.and_then(|it| it.told.as_ref()) {
        let age = format::duration(cx.now.duration_since(*at));
        let hours = usage.vcpu_hours;
        let words = format!("{hours:.2} vCPU-hours, deleted instances among them; nova said so {age} ago");
        section.add("used in 24h", words);
    }
    lacking(&mut section, Topic::Usage, answered);
    section
}

/// Who may do so.
fn users(cx: &Cx, row: &Quotas) -> Section {
    const MOST: usize = 200;
    let answered = cx.store.answers(&row.id).map(|answers| &answers.assignments);
    let told = answered.and_then(|it| it.told.as_ref());
    let name = told.map_or("users".to_owned(), |(_, rows)| format!("users ({})", rows.len()));
    let mut section = Section::new(titled(cx, &name, answered));
    lacking(&mut section, Topic::Assignments, answered);
    let Some((_, assignments)) = told else { return section };
    for assignment in assignments.iter().take(MOST) {
        section.add(if assignment.members.is_some() { "group" } else { "user" }, holder(assignment));
    }
    if assignments.is_empty() {
        section.add("", "nobody has a role in it");
    }
    if assignments.len() > MOST {
        let list = format!("`openstack role assignment list --names --effective --project {}`", row.id);
        section.add("…", format!("{} more: {list}", assignments.len() - MOST));
    }
    section
}

/// `oncall (partners): member, reader; 12 users`.
fn holder(assignment: &Assignment) -> String {
    let domain = assignment.domain.as_deref().unwrap_or("domain ?");
    let members = assignment.members.map(|members| format!("; {}", format::count(members, "user")));
    format!("{} ({domain}): {}{}", assignment.name, assignment.roles.join(", "), members.unwrap_or_default())
}

/// What a section says, and how old that is.
fn titled<T>(cx: &Cx, name: &str, answered: Option<&Answered<T>>) -> String {
    match answered.and_then(|it| it.told.as_ref()) {
        Some((at, _)) => format!("{name}, read {} ago", format::duration(cx.now.duration_since(*at))),
        None => name.to_owned(),
    }
}

/// Why there is no answer, or why it is an old one.
fn lacking<T>(section: &mut Section, topic: Topic, answered: Option<&Answered<T>>) {
    match answered {
        Some(Answered { trouble: Some(trouble), told }) => {
            let what = if told.is_some() { "not read anew" } else { "unknown" };
            section.add_as(Role::Unknown, what, trouble.message.clone());
            section.add("next", trouble.next_step.clone());
        }
        Some(Answered { told: Some(_), .. }) => {}
        _ => {
            let words = format!("{} not asked yet (enter asks {})", topic.name(), topic.source());
            section.add_as(Role::Unknown, "unknown", words);
        }
    }
}

/// Of none that are there and none that were read only the latter says nothing.
fn instances_unread(cx: &Cx, row: &Quotas) -> bool {
    cx.store.freshness(Topic::Instances).as_of.is_none() && cx.store.instances_in(&row.id).is_empty()
}

fn instances(cx: &Cx, row: &Quotas) -> Section {
    let slots = cx.store.instances_in(&row.id);
    if instances_unread(cx, row) {
        let mut section = Section::new("instances");
        section.add_as(Role::Unknown, "unknown", "not read");
        return section;
    }
    let mut section = Section::new(format!("instances ({})", slots.len()));
    // Every line costs; beyond this many the instances pane is the place (`i`).
    const MOST: usize = 200;
    let line = |instance: &Instance| {
        let flavor = instance.flavor.as_deref().map_or("?", |flavor| cx.store.flavor_name(flavor));
        let host = instance.host.as_deref().unwrap_or("no host");
        format!("{}  {}  {flavor}  {host}", instance.status, instance.name)
    };
    for instance in slots.iter().take(MOST).filter_map(|slot| cx.store.instances.get(*slot)) {
        section.add(instance.id.get(..8).unwrap_or(&instance.id).to_owned(), line(instance));
    }
    if slots.len() > MOST {
        section.add("…", format!("{} more: `i` lists all", slots.len() - MOST));
    }
    section
}
