//! Services, pools, quotas and limits.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Cx;
use crate::sim::cloud::{Backend, ProjectIx, VOLUME_TYPES, last_report};
use crate::sim::http::answer::{Refusal, Reply, ok};
use crate::sim::time::Time;

/// Binary, host, last report, whether it is up.
fn rows(cx: &Cx<'_>) -> Vec<(&'static str, String, Time, bool)> {
    let mut rows: Vec<(&'static str, String, Time, bool)> = cx
        .cloud
        .controllers
        .iter()
        .enumerate()
        .map(|(n, controller)| {
            ("cinder-scheduler", controller.name.to_string(), last_report(cx.ask.now, n as u32), true)
        })
        .collect();
    for (n, backend) in cx.cloud.backends.iter().enumerate() {
        let (now, n) = (cx.ask.now, n as u32);
        rows.push(("cinder-volume", backend.service(), backend.reported(now, n), backend.is_up(now, n)));
    }
    rows
}

pub(super) fn services(cx: &Cx<'_>) -> Reply {
    cx.admin("volume_extension:services:index")?;
    let (binary, host) = (cx.ask.query.get("binary"), cx.ask.query.get("host"));
    let rows: Vec<Value> = rows(cx)
        .into_iter()
        .filter(|(name, ..)| binary.is_none_or(|binary| binary == *name))
        .filter(|(_, name, ..)| host.is_none_or(|host| host == name))
        .map(|(binary, host, reported, up)| {
            let is_volume = binary == "cinder-volume";
            let mut row = json!({
                "binary": binary,
                "host": host,
                "zone": "nova",
                "status": "enabled",
                "state": if up { "up" } else { "down" },
                "updated_at": reported.micro(),
                "disabled_reason": null,
            });
            if cx.version >= 7 {
                row["cluster"] = Value::Null;
            }
            if is_volume {
                row["replication_status"] = json!("disabled");
                row["active_backend_id"] = Value::Null;
                row["frozen"] = json!(false);
                if cx.version >= 49 {
                    row["backend_state"] = json!(if up { "up" } else { "down" });
                }
            }
            row
        })
        .collect();
    ok(&json!({"services": rows}))
}

pub(super) fn hosts(cx: &Cx<'_>) -> Reply {
    cx.admin("volume_extension:hosts")?;
    let rows: Vec<Value> = rows(cx)
        .into_iter()
        .map(|(service, host_name, reported, up)| {
            json!({
                "host_name": host_name,
                "service": service,
                "zone": "nova",
                "service-status": if up { "available" } else { "unavailable" },
                "service-state": "enabled",
                "last-update": reported.micro(),
            })
        })
        .collect();
    ok(&json!({"hosts": rows}))
}

/// A backend that is down is not among them: the scheduler has forgotten it.
pub(super) fn pools(cx: &Cx<'_>) -> Reply {
    cx.admin("scheduler_extension:scheduler_stats:get_pools")?;
    let detail = cx.ask.query.flag("detail").unwrap_or(false);
    let up = |(n, backend): &(usize, &Backend)| backend.is_up(cx.ask.now, *n as u32);
    let rows: Vec<Value> = cx
        .cloud
        .backends
        .iter()
        .enumerate()
        .filter(up)
        .map(|(n, backend)| {
            let mut row = json!({"name": backend.pool()});
            if detail {
                row["capabilities"] = capabilities(cx, backend, n as u32);
            }
            row
        })
        .collect();
    ok(&json!({"pools": rows}))
}

fn capabilities(cx: &Cx<'_>, backend: &Backend, n: u32) -> Value {
    // Thin: a little more than half of what was promised is in use.
    let stored = f64::from(backend.provisioned) * 0.55;
    let volumes = cx.cloud.volumes.iter().filter(|volume| {
        let own = volume.backend.and_then(|ix| cx.cloud.backends.get(usize::from(ix)));
        !volume.deleted && own.is_some_and(|own| own.name == backend.name)
    });
    json!({
        "pool_name": backend.name,
        "total_capacity_gb": f64::from(backend.capacity),
        "free_capacity_gb": f64::from(backend.capacity) - stored,
        "provisioned_capacity_gb": f64::from(backend.provisioned),
        "allocated_capacity_gb": backend.provisioned,
        "reserved_percentage": 5,
        "max_over_subscription_ratio": "20.0",
        "thin_provisioning_support": true,
        "thick_provisioning_support": false,
        "QoS_support": false,
        "multiattach": true,
        "backend_state": "up",
        "filter_function": null,
        "goodness_function": null,
        "location_info": format!("RBDDriver:ceph.conf:{}:cinder:volumes-{}", cx.cloud.id, backend.name),
        "total_volumes": volumes.count(),
        "cacheable": true,
        "volume_backend_name": backend.name,
        "storage_protocol": "ceph",
        "vendor_name": "Open Source",
        "driver_version": "1.3.0",
        "timestamp": backend.reported(cx.ask.now, n).micro(),
    })
}

/// What a project has: volumes, GiB, snapshots; of one type if `kind`.
fn used(cx: &Cx<'_>, project: ProjectIx, kind: Option<u8>) -> (u64, u64, u64) {
    let (mut count, mut size) = (0, 0);
    for volume in cx.cloud.volumes.iter().filter(|v| !v.deleted && v.project == project) {
        if kind.is_none_or(|kind| kind == volume.kind) {
            count += 1;
            size += u64::from(volume.size);
        }
    }
    let snapshots = cx.cloud.snapshots.iter().filter(|snapshot| {
        let volume = cx.cloud.volumes.get(snapshot.volume as usize);
        snapshot.project == project && kind.is_none_or(|kind| volume.is_some_and(|v| v.kind == kind))
    });
    let snapshots: Vec<u64> = snapshots.map(|snapshot| u64::from(snapshot.size)).collect();
    // Snapshots count in the gigabytes too.
    (count, size + snapshots.iter().sum::<u64>(), snapshots.len() as u64)
}

fn set(cx: &Cx<'_>, project: ProjectIx, defaults: bool) -> Vec<(String, i64, u64)> {
    let quota = cx.cloud.project(project).quota;
    let (count, size, snapshots) = used(cx, project, None);
    let limit = |own: i64, default: i64| if defaults { default } else { own };
    let mut rows = vec![
        ("volumes".to_owned(), limit(quota.volumes, 10), count),
        ("per_volume_gigabytes".to_owned(), -1, 0),
        (
            "snapshots".to_owned(),
            limit(if quota.volumes < 0 { -1 } else { quota.volumes.max(10) }, 10),
            snapshots,
        ),
        // Gigabytes are set with room for the snapshots of all volumes.
        (
            "gigabytes".to_owned(),
            limit(if quota.gigabytes < 0 { -1 } else { quota.gigabytes * 2 }, 1_000),
            size,
        ),
        ("backups".to_owned(), 10, 0),
        ("backup_gigabytes".to_owned(), 1_000, 0),
    ];
    for (n, name) in VOLUME_TYPES.iter().enumerate() {
        let (count, size, snapshots) = used(cx, project, Some(n as u8));
        rows.push((format!("volumes_{name}"), -1, count));
        rows.push((format!("gigabytes_{name}"), -1, size));
        rows.push((format!("snapshots_{name}"), -1, snapshots));
    }
    rows.push(("groups".to_owned(), 10, 0));
    rows
}

pub(super) fn quota(cx: &Cx<'_>, id: &str, defaults: bool) -> Reply {
    let found = Uuid::parse_str(id).ok().and_then(|id| cx.cloud.project_by_id(id));
    if !cx.is_admin() && found != Some(cx.project()) {
        let words = "Policy doesn't allow volume_extension:quotas:show to be performed.";
        return Err(Refusal::Forbidden(words.to_owned()));
    }
    let with_usage = cx.ask.query.flag("usage").unwrap_or(false) && !defaults;
    let mut row = json!({"id": id});
    for (name, limit, in_use) in set(cx, found.unwrap_or(0), defaults) {
        row[name] = match with_usage {
            true => json!({"limit": limit, "in_use": in_use, "reserved": 0}),
            false => json!(limit),
        };
    }
    ok(&json!({"quota_set": row}))
}

/// What a project has of which nobody has said anything else; every class is the default one.
pub(super) fn quota_class(cx: &Cx<'_>, name: &str) -> Reply {
    cx.admin("volume_extension:quota_classes")?;
    let mut row = json!({"id": name});
    for (name, limit, _) in set(cx, cx.project(), true) {
        row[name] = json!(limit);
    }
    ok(&json!({"quota_class_set": row}))
}

pub(super) fn limits(cx: &Cx<'_>) -> Reply {
    let rows = set(cx, cx.project(), false);
    let find =
        |name: &str| rows.iter().find(|(known, ..)| known == name).map(|(_, limit, used)| (*limit, *used));
    let (volumes, gigabytes, snapshots) = (find("volumes"), find("gigabytes"), find("snapshots"));
    let limit = |of: Option<(i64, u64)>| of.map(|(limit, _)| limit);
    let used = |of: Option<(i64, u64)>| of.map(|(_, used)| used);
    ok(&json!({"limits": {"rate": [], "absolute": {
        "maxTotalVolumes": limit(volumes),
        "maxTotalSnapshots": limit(snapshots),
        "maxTotalVolumeGigabytes": limit(gigabytes),
        "maxTotalBackups": 10,
        "maxTotalBackupGigabytes": 1000,
        "totalVolumesUsed": used(volumes),
        "totalGigabytesUsed": used(gigabytes),
        "totalSnapshotsUsed": used(snapshots),
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }}}))
}
