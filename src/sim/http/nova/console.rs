//! What a guest wrote on its console: a boot, as far as it came.

use crate::sim::cloud::{Cloud, Instance, Power, VmState};
use crate::sim::random::derived;

pub(super) fn log(cloud: &Cloud, it: &Instance, length: Option<usize>) -> String {
    let Some(launched) = it.launched else { return String::new() };
    let image = it.image.and_then(|image| cloud.images.get(usize::from(image)));
    let system = image.map_or("Debian GNU/Linux 12", |image| &image.name);
    let host = super::server::hostname(it);
    let address = it.nic.map(|nic| cloud.project(it.project).address(nic.address));
    let flavor = cloud.flavor(it.flavor);
    let mut lines = vec![
        "[    0.000000] Linux version 6.1.0-26-cloud-amd64 (debian-kernel@lists.debian.org)".to_owned(),
        "[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro console=tty0 console=ttyS0"
            .to_owned(),
        format!("[    0.004000] smpboot: Allowing {} CPUs, 0 hotplug CPUs", flavor.vcpus),
        format!("[    0.012000] Memory: {}K available", u64::from(flavor.ram) * 1_024),
        "[    0.771000] virtio_blk virtio2: [vda] assigned".to_owned(),
        "[    1.204000] EXT4-fs (vda1): mounted filesystem with ordered data mode".to_owned(),
        format!("[    2.911000] systemd[1]: Detected virtualization kvm. Hostname set to <{host}>."),
    ];
    match &address {
        Some(address) => {
            lines.push(format!("[    4.350000] cloud-init[412]: ci-info: |  ens3  | True | {address} |"))
        }
        None => lines.push("[    4.350000] cloud-init[412]: ci-info: no network device is up".to_owned()),
    }
    if it.vm_state == VmState::Error {
        lines.push(
            "[    5.020000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"
                .to_owned(),
        );
    } else {
        lines.push(format!(
            "[    6.118000] cloud-init[590]: Cloud-init v. 22.4.2 finished at {}.",
            launched.http()
        ));
        lines.push(format!("{system} {host} ttyS0"));
        lines.push(format!("ssh-host-key: {}", derived(it.id, "console")));
        lines.push(format!("{host} login: "));
    }
    if it.power == Power::Shutdown {
        lines.push("[ 4711.000000] reboot: Power down".to_owned());
    }
    let skip = length.map_or(0, |length| lines.len().saturating_sub(length));
    lines[skip..].join("\n")
}
