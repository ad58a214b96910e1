//! A project's quotas, judged by how near its use is to its limits (operations.md 2.5, Q01 and Q02).

use std::borrow::Cow;
use std::sync::Arc;

use super::{Note, Verdict};
use crate::model::{Allowance, Limit, QuotaService, Quotas, StorageAccount, Text};
use crate::report::Topic;
use crate::store::{COUNTED, Store};
use crate::table::Slots;

/// Share of a limit from which a project is called near it (operations.md Q01).
pub const NEAR: f64 = 0.80;
/// From here on what its users ask for is refused.
pub const FULL: f64 = 1.0;

/// One resource of a project against its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Use<'a> {
    pub service: QuotaService,
    /// As the service calls it.
    pub resource: &'a str,
    pub limit: Limit,
    pub in_use: i64,
    pub reserved: i64,
}

impl<'a> Use<'a> {
    /// What a row has of a resource; `None` where its use or its limit is not known, or nobody counts it.
    pub fn of(store: &Store, row: &Quotas, service: QuotaService, allowance: &'a Allowance) -> Option<Self> {
        let in_use = store.in_use(row, service, &allowance.resource)?;
        let Allowance { resource, limit, reserved, .. } = allowance;
        Some(Self { service, resource, limit: *limit, in_use, reserved: *reserved })
    }

    /// In use and promised, of the limit. `None`: there is no limit, or nothing is allowed and nothing used.
    pub fn share(&self) -> Option<f64> {
        share(self.limit, self.in_use.max(0) as u64 + self.reserved.max(0) as u64)
    }

    /// More than is allowed: the limit was lowered.
    pub fn is_over(&self) -> bool {
        matches!(self.limit, Limit::Of(limit) if self.in_use > limit as i64)
    }

    pub fn verdict(&self) -> Verdict {
        match judge(self.limit, self.share()) {
            Verdict::Ok if self.in_use < 0 => Verdict::Warning,
            verdict => verdict,
        }
    }
}

fn share(limit: Limit, taken: u64) -> Option<f64> {
    match limit {
        Limit::Unlimited => None,
        Limit::Of(0) if taken == 0 => None,
        // Nothing is allowed: each one is too many.
        Limit::Of(limit) => Some(taken as f64 / limit.max(1) as f64),
    }
}

fn judge(limit: Limit, share: Option<f64>) -> Verdict {
    match share {
        // Who may have nothing was stopped on purpose.
        Some(_) if limit == Limit::Of(0) => Verdict::Warning,
        Some(share) if share >= FULL => Verdict::Critical,
        Some(share) if share >= NEAR => Verdict::Warning,
        _ => Verdict::Ok,
    }
}

/// What an account has stored against its quota: its share, where it has one, and the verdict of any other [`Use`].
pub fn of_account(account: &StorageAccount) -> (Option<f64>, Verdict) {
    let share = share(account.quota, account.bytes_used);
    (share, judge(account.quota, share))
}

/// What operators call a resource: `vCPU` for nova's `cores`.
pub fn label(service: QuotaService, resource: &str) -> Cow<'_, str> {
    let known = match (service, resource) {
        (QuotaService::Nova, "cores") => "vCPU",
        (QuotaService::Nova, "ram") => "RAM",
        (QuotaService::Nova, "server_group_members") => "group members",
        (QuotaService::Cinder, "gigabytes") => "GiB",
        (QuotaService::Cinder, "backup_gigabytes") => "backup GiB",
        (QuotaService::Cinder, "per_volume_gigabytes") => "GiB of a volume",
        (QuotaService::Neutron, "floatingip") => "floating IPs",
        (QuotaService::Neutron, "rbac_policy") => "RBAC policies",
        (QuotaService::Neutron, "security_group_rule") => "security rules",
        (QuotaService::Neutron, "subnetpool") => "subnet pools",
        // Its resources are named in the singular.
        (QuotaService::Neutron, other) => return Cow::Owned(format!("{}s", other.replace('_', " "))),
        (QuotaService::Cinder, other) => {
            // What cinder counts for each volume type besides: the type tells them apart, so it goes first.
            return Cow::Owned(match other.split_once('_') {
                Some(("gigabytes", kind)) => format!("{kind} GiB"),
                Some((what @ ("volumes" | "snapshots"), kind)) => format!("{kind} {what}"),
                _ => other.replace('_', " "),
            });
        }
        (_, other) => return Cow::Owned(other.replace('_', " ")),
    };
    Cow::Borrowed(known)
}

/// All that is known of a row's use.
pub fn uses<'a>(store: &'a Store, row: &'a Quotas) -> impl Iterator<Item = Use<'a>> {
    row.all().filter_map(move |(service, allowance)| Use::of(store, row, service, allowance))
}

/// The resource that is nearest to its limit, with its share; of several the first. Nothing is near of which nothing
/// is used.
pub fn nearest<'a>(store: &'a Store, row: &'a Quotas) -> Option<(f64, Use<'a>)> {
    let shares = uses(store, row).filter_map(|of| Some((of.share().filter(|share| *share > 0.0)?, of)));
    shares.reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// The verdict alone, without building words: what sorting and colour need.
pub fn verdict(store: &Store, row: &Quotas) -> Verdict {
    let worst = uses(store, row).map(|of| of.verdict()).max().unwrap_or(Verdict::Ok);
    match worst {
        // What was told before a failure is no news.
        Verdict::Ok if lacks(store, row).next().is_some() || is_failing(row) => Verdict::Unknown,
        Verdict::Ok if is_disabled(store, row) => Verdict::Disabled,
        worst => worst,
    }
}

fn is_failing(row: &Quotas) -> bool {
    QuotaService::ALL.into_iter().any(|service| row.of(service).trouble.is_some())
}

fn is_disabled(store: &Store, row: &Quotas) -> bool {
    store.projects.by_id(&row.id).is_some_and(|project| project.enabled == Some(false))
}

/// The services that are there and have not told of the project.
pub fn lacks<'a>(store: &'a Store, row: &'a Quotas) -> impl Iterator<Item = QuotaService> + 'a {
    let told = move |service: &QuotaService| row.of(*service).told.is_some();
    // glance's limits are in force on few clouds, and no use stands beside them.
    let all = QuotaService::ALL.into_iter().filter(|service| *service != QuotaService::Glance);
    all.filter(move |service| !told(service) && !store.has_no_quotas(*service))
}

/// What a project goes by: with its domain where others have the same name.
pub fn called(store: &Store, id: &str) -> String {
    let Some(project) = store.projects.by_id(id) else { return id.to_owned() };
    match &project.domain_id {
        Some(domain) if store.is_ambiguous(&project.name) => {
            let domain = store.domains.by_id(domain).map_or(domain, |row| &row.name);
            format!("{} ({domain})", project.name)
        }
        _ => project.name.to_string(),
    }
}

/// Everything that is to be said, worst first. The words name figures and the next step.
pub fn notes(store: &Store, row: &Quotas) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |verdict, words: String| notes.push(Note { verdict, words });
    let name = called(store, &row.id);
    let mut all: Vec<(f64, Use)> = Vec::new();
    for of in uses(store, row) {
        if of.in_use < 0 {
            say(Verdict::Warning, negative(&name, &of));
        }
        if let Some(share) = of.share().filter(|share| *share >= NEAR) {
            all.push((share, of));
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (share, of) in &all {
        say(of.verdict(), pressed(&name, *share, of));
    }
    for service in QuotaService::ALL {
        if let Some(trouble) = &row.of(service).trouble {
            say(Verdict::Unknown, format!("{}: {}", service.name(), trouble.message));
        }
    }
    for resource in COUNTED {
        if let Some((told, here)) = store.disagreement(row, resource) {
            say(Verdict::Info, differs(resource, told, here));
        }
    }
    if is_disabled(store, row) {
        say(Verdict::Disabled, format!("{name} is disabled: what it has stays, and counts"));
    }
    notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    notes
}

/// The same in one line, which names the project once: what is full, what is near, and the rest of the notes.
pub fn summary(store: &Store, row: &Quotas) -> Option<String> {
    let mut uses: Vec<(f64, Use)> = uses(store, row)
        .filter_map(|of| Some((of.share()?, of)))
        .filter(|(share, _)| *share >= NEAR)
        .collect();
    uses.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut rest: Vec<String> = notes(store, row).into_iter().map(|note| note.words).collect();
    if uses.len() < 2 {
        return (!rest.is_empty()).then(|| rest.join("; "));
    }
    // They say the same at length.
    let told: Vec<String> =
        uses.iter().map(|(share, of)| pressed(&called(store, &row.id), *share, of)).collect();
    rest.retain(|words| !told.contains(words));
    let (full, near): (Vec<_>, Vec<_>) = uses.iter().partition(|(share, _)| *share >= FULL);
    let list = |uses: &[&(f64, Use)]| {
        let one = |(share, of): &&(f64, Use)| match *share >= FULL {
            true => {
                let lowered = if of.is_over() { " (the limit was lowered)" } else { "" };
                format!("{} {}{lowered}", figures(of), label(of.service, of.resource))
            }
            false => format!("{} {}%", label(of.service, of.resource), percent(*share)),
        };
        uses.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let name = called(store, &row.id);
    let mut words = match full.first() {
        None => format!("{name} is near its limits: {}", list(&near)),
        Some((_, first)) => {
            let near = if near.is_empty() { String::new() } else { format!("; near: {}", list(&near)) };
            format!("{name} has {}: more is refused, {}{near}", list(&full), set(first, &name))
        }
    };
    for more in rest {
        words.push_str("; ");
        words.push_str(&more);
    }
    Some(words)
}

/// `400 of 512`; of RAM `400 of 512 GiB`.
pub fn figures(of: &Use) -> String {
    let limit = match of.limit {
        Limit::Unlimited => "∞".to_owned(),
        Limit::Of(limit) => amount(of.service, of.resource, limit as i64),
    };
    let unit = if (of.service, of.resource) == (QuotaService::Nova, "ram") { " GiB" } else { "" };
    format!("{} of {limit}{unit}", amount(of.service, of.resource, of.in_use))
}

/// A figure of a resource as operators read it: RAM in GiB, whole where it is.
pub fn amount(service: QuotaService, resource: &str, n: i64) -> String {
    match (service, resource) {
        (QuotaService::Nova, "ram") if n % 1_024 == 0 => (n / 1_024).to_string(),
        // Half a GiB of hundreds is nobody's concern.
        (QuotaService::Nova, "ram") if n > 102_400 => format!("{:.0}", n as f64 / 1_024.0),
        (QuotaService::Nova, "ram") => format!("{:.1}", n as f64 / 1_024.0),
        _ => n.to_string(),
    }
}

/// A share in whole percent: what is not full is never said to be.
pub fn percent(share: f64) -> i64 {
    (share * 100.0 + 1e-6).floor() as i64
}

fn pressed(name: &str, share: f64, of: &Use) -> String {
    let (label, figures) = (label(of.service, of.resource), figures(of));
    let promised = if of.reserved > 0 { format!(", {} promised", of.reserved) } else { String::new() };
    if of.limit == Limit::Of(0) {
        return format!("{name} may have no {label}, and has {}", of.in_use);
    }
    let set = set(of, name);
    if of.is_over() {
        format!("{name} has {figures} {label}: the limit was lowered below that, and more is refused; {set}")
    } else if share >= FULL {
        format!("{name} has {figures} {label}{promised}: its users are refused more now; {set}")
    } else {
        format!("{name} has {figures} {label}{promised}, {}%", percent(share))
    }
}

/// The line that raises a limit, with the CLI's name for the resource.
fn set(of: &Use, name: &str) -> String {
    let option = match (of.service, of.resource) {
        (QuotaService::Neutron, "floatingip") => "floating-ips".to_owned(),
        (QuotaService::Neutron, "security_group") => "secgroups".to_owned(),
        (QuotaService::Neutron, "security_group_rule") => "secgroup-rules".to_owned(),
        (QuotaService::Neutron, "rbac_policy") => "rbac-policies".to_owned(),
        (QuotaService::Neutron, other) => format!("{}s", other.replace('_', "-")),
        (QuotaService::Cinder, other) => match other.split_once('_') {
            Some((what @ ("gigabytes" | "volumes" | "snapshots"), kind)) => {
                return format!("`openstack quota set --{what} N --volume-type {kind} {name}`");
            }
            _ => other.replace('_', "-"),
        },
        // Unified limits have ids.
        (QuotaService::Glance, _) => return format!("`openstack limit list --project {name}`"),
        (QuotaService::Nova, other) => other.replace('_', "-"),
    };
    format!("`openstack quota set --{option} N {name}`")
}

/// cinder and neutron keep books; nova counts.
fn negative(name: &str, of: &Use) -> String {
    let label = label(of.service, of.resource);
    let cause = match of.service {
        QuotaService::Cinder => {
            "a failed delete was booked twice: `cinder-manage quota check --project-id ID`, then `quota sync`"
        }
        _ => "a failed delete was booked twice: its books are made anew with the next change",
    };
    format!("{} counts {} {label} of {name}: {cause}", of.service.name(), of.in_use)
}

fn differs(resource: &str, told: i64, here: i64) -> String {
    let label = label(QuotaService::Nova, resource);
    let [told, here] = [told, here].map(|n| amount(QuotaService::Nova, resource, n));
    format!(
        "nova counts {told} {label}, its instances are {here}: [quota] count_usage_from_placement leaves out what \
         is shelved or was never placed and counts a resize twice, or a cell does not answer"
    )
}

/// All projects, those that use most first. Made anew when others are there, and once more when the instances are.
#[derive(Debug, Default)]
pub struct Order {
    made_of: Option<(u64, usize, bool)>,
    projects: Arc<[Text]>,
    /// Of this name or id alone.
    only: Option<String>,
}

impl Order {
    pub fn only(project: Option<String>) -> Self {
        Self { only: project, ..Self::default() }
    }

    /// `None` while the projects may still come.
    pub fn of(&mut self, store: &Store) -> Option<Arc<[Text]>> {
        if !store.freshness(Topic::Projects).settled() {
            return None;
        }
        let read = store.freshness(Topic::Instances).as_of.is_some();
        let now = (store.projects.revision(), store.quotas.len(), read);
        if self.made_of != Some(now) {
            let is_meant = |id: &Text| self.only.as_ref().is_none_or(|only| is_called(store, id, only));
            let mut all: Vec<&Text> =
                store.quotas.iter().map(|(_, row)| &row.id).filter(|id| is_meant(id)).collect();
            all.sort_by_key(|id| {
                let counted = store.counted(id);
                (std::cmp::Reverse((counted.cores, counted.instances)), *id)
            });
            self.projects = all.into_iter().cloned().collect();
            self.made_of = Some(now);
        }
        Some(self.projects.clone())
    }
}

/// Whether a project goes by this name or id.
pub fn is_called(store: &Store, id: &str, name: &str) -> bool {
    id == name || store.projects.by_id(id).is_some_and(|project| &*project.name == name)
}

#[cfg(test)]
mod tests;
