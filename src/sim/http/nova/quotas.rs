//! Quotas, and the limits of the asker's own project.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cx, policy};
use crate::sim::cloud::ProjectIx;
use crate::sim::http::answer::{Refusal, Reply, ok};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Limits,
    Detail,
    Defaults,
}

/// Resource, limit, in use. What older versions had besides went to neutron or away.
fn resources(cx: &Cx<'_>, project: ProjectIx, defaults: bool) -> Vec<(&'static str, i64, i64)> {
    let row = cx.cloud.project(project);
    let (quota, used) = (row.quota, row.used);
    let limit = |own: i64, default: i64| if defaults { default } else { own };
    let mut all = vec![
        ("cores", limit(quota.cores, 20), used.cores),
        ("instances", limit(quota.instances, 10), used.instances),
        ("key_pairs", 100, 0),
        ("metadata_items", 128, 0),
        ("ram", limit(quota.ram, 51_200), used.ram),
        ("server_group_members", 10, 0),
        ("server_groups", 10, 0),
    ];
    if cx.version <= 56 {
        all.extend([
            ("injected_file_content_bytes", 10_240, 0),
            ("injected_file_path_bytes", 255, 0),
            ("injected_files", 5, 0),
        ]);
    }
    if cx.version <= 35 {
        all.extend([
            ("fixed_ips", -1, 0),
            ("floating_ips", -1, 0),
            ("security_group_rules", -1, 0),
            ("security_groups", -1, 0),
        ]);
    }
    all
}

pub(super) fn show(cx: &Cx<'_>, id: &str, what: What) -> Reply {
    let found = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id));
    if what != What::Defaults && !cx.is_admin() && found != Some(cx.project()) {
        return Err(policy(if what == What::Detail { "os-quota-sets:detail" } else { "os-quota-sets:show" }));
    }
    let project =
        found.ok_or_else(|| Refusal::BadRequest(format!("Project ID {id} is not a valid project.")))?;
    let mut set = json!({"id": id});
    for (name, limit, in_use) in resources(cx, project, what == What::Defaults) {
        set[name] = match what {
            What::Detail => json!({"limit": limit, "in_use": in_use, "reserved": 0}),
            What::Limits | What::Defaults => json!(limit),
        };
    }
    ok(&json!({"quota_set": set}))
}

/// What a project has of which nobody has said anything else; every class is the default one.
pub(super) fn class(cx: &Cx<'_>, name: &str) -> Reply {
    cx.admin("os-quota-class-sets:show")?;
    let mut set = json!({"id": name});
    for (name, limit, _) in resources(cx, cx.project(), true) {
        set[name] = json!(limit);
    }
    ok(&json!({"quota_class_set": set}))
}

pub(super) fn limits(cx: &Cx<'_>) -> Reply {
    let mut project = cx.project();
    if let Some(tenant) = cx.ask.query.get("tenant_id") {
        cx.admin("limits:other_project")?;
        project = Uuid::parse_str(tenant).ok().and_then(|id| cx.cloud.project_by_id(id)).unwrap_or(project);
    }
    let row = cx.cloud.project(project);
    let mut absolute = json!({
        "maxTotalInstances": row.quota.instances,
        "maxTotalCores": row.quota.cores,
        "maxTotalRAMSize": row.quota.ram,
        "maxServerMeta": 128,
        "maxTotalKeypairs": 100,
        "maxServerGroups": 10,
        "maxServerGroupMembers": 10,
        "totalRAMUsed": row.used.ram,
        "totalCoresUsed": row.used.cores,
        "totalInstancesUsed": row.used.instances,
        "totalServerGroupsUsed": 0,
    });
    let mut old = |version: u16, pairs: &[(&str, i64)]| {
        if cx.version <= version {
            pairs.iter().for_each(|(name, value)| absolute[*name] = Value::from(*value));
        }
    };
    old(56, &[("maxPersonality", 5), ("maxPersonalitySize", 10_240)]);
    old(38, &[("maxImageMeta", 128)]);
    old(
        35,
        &[
            ("maxTotalFloatingIps", -1),
            ("maxSecurityGroups", -1),
            ("maxSecurityGroupRules", -1),
            ("totalFloatingIpsUsed", 0),
            ("totalSecurityGroupsUsed", 0),
        ],
    );
    ok(&json!({"limits": {"rate": [], "absolute": absolute}}))
}
