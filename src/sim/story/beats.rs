//! What the scenario has happen once.

use super::{Step, World};
use crate::sim::cloud::{Flavor, HostIx, Kind};
use crate::sim::scenario::{Beat, What};
use crate::sim::time::{MINUTE, SECOND};

impl World {
    pub(super) fn plan_beats(&mut self) {
        let head = self.cloud.opened.since(self.cloud.now);
        for ix in 0..self.story.beats.len() {
            let at = self.story.beats[ix].at.get_ref().as_millis() as i64;
            self.later(head + at, Step::Beat(ix));
        }
    }

    pub(super) fn beat(&mut self, ix: usize) {
        let Some(beat) = self.story.beats.get(ix).cloned() else { return };
        self.perform(&beat);
    }

    /// Does it now, and plans its end.
    pub fn perform(&mut self, beat: &Beat) {
        let hosts = self.meant(beat);
        let lasts = beat.lasts.map(|lasts| lasts.as_millis() as i64);
        match beat.what {
            What::Reboot => {
                hosts.iter().for_each(|&host| self.silence(host));
                // A machine that is rebooted comes back, whether somebody said when or not.
                self.later(lasts.unwrap_or(3 * MINUTE), Step::Undo(What::Reboot, hosts));
                return;
            }
            What::Deafen => hosts.iter().for_each(|&host| self.deafen(host)),
            What::Silence => hosts.iter().for_each(|&host| self.silence(host)),
            What::Partition => {
                self.cloud.bus.split = Some(self.cloud.now);
                self.tell(Kind::BusSplit { hosts: hosts.len() }, None, None, None);
                hosts.iter().for_each(|&host| self.silence(host));
            }
            What::Disable => {
                let reason = beat.reason.clone().unwrap_or_default();
                hosts.iter().for_each(|&host| self.disable(host, &reason));
            }
            What::LoseBackend => self.lose_backend(),
            What::Build => self.plan_builds(beat),
            What::Delete => {
                for n in 0..beat.count.unwrap_or(1) {
                    self.later(spread(beat, n), Step::Delete);
                }
            }
            What::Drain => hosts.iter().for_each(|&host| self.drain(host)),
            What::Leak => hosts.iter().for_each(|&host| self.leak(host)),
            What::LoseNode | What::MemoryAlarm | What::DiskAlarm => {
                return self.node_beat(beat, lasts);
            }
        }
        if let Some(lasts) = lasts {
            self.later(lasts, Step::Undo(beat.what, hosts));
        }
    }

    pub(super) fn undo(&mut self, what: What, hosts: &[HostIx]) {
        match what {
            What::Reboot => {
                for &host in hosts {
                    self.booted(host);
                    self.bring_back(host);
                }
            }
            What::Deafen | What::Silence => hosts.iter().for_each(|&host| self.bring_back(host)),
            What::Partition => {
                hosts.iter().for_each(|&host| self.bring_back(host));
                self.rejoin();
                self.tell(Kind::BusHealed { hosts: hosts.len() }, None, None, None);
            }
            What::Disable => hosts.iter().for_each(|&host| self.enable(host)),
            What::LoseBackend => self.find_backend(),
            What::LoseNode => hosts.iter().for_each(|&node| self.find_node(node as usize)),
            What::MemoryAlarm | What::DiskAlarm => {
                hosts.iter().for_each(|&node| self.alarm(node as usize, what, false));
            }
            What::Build | What::Delete | What::Drain | What::Leak => {}
        }
    }

    /// The hosts that a beat is about.
    fn meant(&mut self, beat: &Beat) -> Vec<HostIx> {
        let count = self.cloud.hosts.len();
        if count == 0 {
            return Vec::new();
        }
        if let Some(share) = &beat.share {
            let take = (count as f64 * share.get_ref()).ceil() as usize;
            // Neighbours: a rack, a switch.
            let from = self.story.random.below(count);
            return (0..take).map(|n| ((from + n) % count) as HostIx).collect();
        }
        let Some(host) = &beat.host else { return Vec::new() };
        let host = match host.get_ref().as_str() {
            "busiest" => {
                (0..count as HostIx).max_by_key(|&ix| (self.cloud.host(ix).guests, std::cmp::Reverse(ix)))
            }
            name => match name.strip_prefix("pool:") {
                // A small cloud has no pools: then it is the last host's turn.
                Some(pool) => {
                    let found =
                        self.story.pools.iter().find(|(_, name)| *name == pool).map(|(host, _)| *host);
                    found.or(Some(count as HostIx - 1))
                }
                None => name.parse::<usize>().ok().map(|n| ((n - 1) % count) as HostIx),
            },
        };
        host.into_iter().collect()
    }

    fn plan_builds(&mut self, beat: &Beat) {
        let flavor = beat.flavor.as_ref().and_then(|flavor| Flavor::find(flavor.get_ref()));
        // Without the pool nobody could ever have it: an ordinary one then.
        let flavor = flavor.filter(|&flavor| {
            self.cloud
                .flavor(flavor)
                .pool()
                .is_none_or(|pool| self.story.pools.values().any(|name| name == pool))
        });
        let project = beat.project.as_deref().and_then(|name| self.cloud.project_named(name));
        for n in 0..beat.count.unwrap_or(1) {
            self.later(spread(beat, n), Step::Build { project, flavor });
        }
    }

    fn lose_backend(&mut self) {
        let now = self.cloud.now;
        if let Some(backend) = self.cloud.backends.last_mut() {
            backend.silent = Some(now);
            let backend = backend.service();
            self.tell(Kind::BackendSilent { backend }, None, None, None);
        }
    }

    fn find_backend(&mut self) {
        if let Some(backend) = self.cloud.backends.last_mut() {
            backend.silent = None;
            let backend = backend.service();
            self.tell(Kind::BackendBack { backend }, None, None, None);
        }
    }

    /// Its guests leave, one every few seconds.
    fn drain(&mut self, host: HostIx) {
        let guests: Vec<_> = self
            .cloud
            .instances
            .iter()
            .filter(|(_, i)| i.host == Some(host) && !i.is_deleted())
            .map(|(slot, i)| (slot, i.id))
            .collect();
        for (n, (slot, id)) in guests.into_iter().enumerate() {
            self.later(n as i64 * 6 * SECOND, Step::LiveMigrate { slot, id });
        }
    }

    /// Placement keeps what belonged to guests that are gone.
    fn leak(&mut self, host: HostIx) {
        let row = &mut self.cloud.hosts[host as usize];
        row.leaked.vcpus += 6;
        row.leaked.ram += 12_288;
        row.leaked.disk += 120;
        row.generation += 1;
        let leaked = row.leaked;
        self.tell(Kind::Leaked { vcpus: leaked.vcpus, ram: leaked.ram }, None, None, Some(host));
    }
}

/// When the `n`th of a beat's many happens.
fn spread(beat: &Beat, n: usize) -> i64 {
    let over = beat.over.map_or(0, |over| over.as_millis() as i64);
    let count = beat.count.unwrap_or(1).max(1) as i64;
    over * n as i64 / count
}
