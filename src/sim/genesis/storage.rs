//! Images, backends, volumes and snapshots.

use uuid::Uuid;

use super::HISTORY;
use crate::sim::cloud::{Backend, Cloud, Image, Instance, Snapshot, Volume};
use crate::sim::random::{Random, derived};
use crate::sim::time::{DAY, MINUTE, SECOND};

/// Name, MiB, least disk in GiB.
const IMAGES: [(&str, u64, u32); 8] = [
    ("cirros-0.6.2", 20, 1),
    ("ubuntu-24.04", 590, 4),
    ("ubuntu-22.04", 640, 4),
    ("debian-12", 330, 3),
    ("rocky-9", 1_020, 10),
    ("flatcar-stable", 480, 8),
    ("windows-server-2022", 11_800, 40),
    ("opensuse-leap-15", 410, 5),
];

pub(super) fn images(cloud: &mut Cloud) {
    for (n, (name, mebibytes, min_disk)) in IMAGES.iter().enumerate() {
        cloud.images.push(Image {
            id: cloud.derived(&format!("image {name}")),
            name: (*name).into(),
            owner: 0,
            public: true,
            size: Some(mebibytes << 20),
            min_disk: *min_disk,
            created: cloud.now.plus(-HISTORY + n as i64 * DAY),
            of: None,
            deleted: false,
        });
    }
}

pub(super) fn backends() -> Vec<Backend> {
    let backend = |name, host: &str, capacity| Backend {
        name,
        host: host.into(),
        capacity,
        provisioned: 0,
        silent: None,
    };
    vec![backend("ssd", "ctl01", 200_000), backend("hdd", "ctl02", 800_000)]
}

/// A volume for an instance: to boot from, or for its data.
pub(super) fn volume(cloud: &mut Cloud, instance: &mut Instance, bootable: bool, random: &mut Random) {
    let ix = cloud.volumes.len() as u32;
    let kind = random.weighted([5, 4, 1].into_iter()) as u8;
    let backend = if kind == 1 { 1 } else { 0 };
    let size = match bootable {
        true => cloud.flavor(instance.flavor).disk.max(8),
        false => *random.pick(&[10, 20, 50, 100, 200, 500]).unwrap_or(&10),
    };
    cloud.backends[usize::from(backend)].provisioned += size;
    let role = if bootable { "root" } else { "data" };
    cloud.volumes.push(Volume {
        id: random.uuid(),
        // nova gives the volumes that it makes no name.
        name: if bootable { "".into() } else { format!("{}-{role}", instance.name).into() },
        size,
        kind,
        backend: Some(backend),
        project: instance.project,
        user: instance.user,
        attached: Some(instance.id),
        bootable,
        failed: false,
        deleted: false,
        created: instance.created.plus(2 * SECOND),
        updated: instance.created.plus(MINUTE),
    });
    instance.extra().volumes.push(ix);
}

/// Volumes that nobody has, one that failed, and snapshots of some.
pub(super) fn snapshots(cloud: &mut Cloud, random: &mut Random) {
    let owners = cloud.projects.len() as u32;
    for n in 0..(cloud.volumes.len() / 12).max(2) as u32 {
        let project = 2 + n % (owners - 2);
        let failed = n % 9 == 1;
        let size = 10;
        let backend = u8::from(n % 2 == 1);
        if !failed {
            cloud.backends[usize::from(backend)].provisioned += size;
        }
        let created = cloud.now.plus(-random.between(DAY, 200 * DAY));
        cloud.volumes.push(Volume {
            id: random.uuid(),
            name: format!("spare-{:02}", n + 1).into(),
            size,
            kind: backend,
            backend: (!failed).then_some(backend),
            project,
            user: cloud.project(project).user,
            attached: None,
            bootable: false,
            failed,
            deleted: false,
            created,
            updated: created.plus(3 * SECOND),
        });
    }
    for ix in (0..cloud.volumes.len()).step_by(7) {
        let volume = &cloud.volumes[ix];
        if volume.failed {
            continue;
        }
        let id: Uuid = derived(volume.id, "snapshot");
        cloud.snapshots.push(Snapshot {
            id,
            name: format!("nightly-{:03}", ix / 7 + 1).into(),
            volume: ix as u32,
            size: volume.size,
            project: volume.project,
            user: volume.user,
            created: volume.updated.plus(random.between(MINUTE, DAY)).min(cloud.now),
        });
    }
}
