//! Compute hosts (service, hypervisor and resource provider in one) and controllers.

use uuid::Uuid;

use super::Amount;
use crate::sim::time::{SECOND, Time};

pub type HostIx = u32;

/// nova's `service_down_time`: so long without a report, and the service is down.
pub const SERVICE_DOWN: i64 = 60 * SECOND;
/// nova's `report_interval`.
const REPORT: i64 = 10 * SECOND;
/// What nova keeps back for the host itself, MiB.
const RESERVED_RAM: u32 = 512;

pub struct Host {
    /// Of the compute node and of the resource provider.
    pub id: Uuid,
    pub service: Uuid,
    pub name: Box<str>,
    /// Its number in the database: before 2.53 the id.
    pub number: u32,
    pub zone: u8,
    pub size: Amount,
    pub ratio_cpu: f64,
    pub ratio_ram: f64,
    /// What placement has allocated, and nova counts.
    pub used: Amount,
    /// Allocations in placement of guests that are gone: nova does not count them.
    pub leaked: Amount,
    pub guests: u32,
    pub enabled: bool,
    pub disabled_reason: Option<Box<str>>,
    pub forced_down: bool,
    /// Whether somebody consumes its queue.
    pub listens: bool,
    /// Since when it has not reported.
    pub silent: Option<Time>,
    pub booted: Time,
    /// Of its inventory in placement.
    pub generation: u32,
    pub cpu: &'static str,
    /// Messages in its queue that nobody consumes.
    pub backlog: u32,
}

impl Host {
    /// When its service last reported.
    pub fn reported(&self, now: Time) -> Time {
        match self.silent {
            Some(since) => last_report(since, self.number),
            None => last_report(now, self.number),
        }
    }

    /// As nova judges it.
    pub fn is_up(&self, now: Time) -> bool {
        !self.forced_down && now.since(self.reported(now)) <= SERVICE_DOWN
    }

    /// `host_status` of the servers on it.
    pub fn status_for_servers(&self, now: Time) -> &'static str {
        if !self.enabled {
            "MAINTENANCE"
        } else if self.forced_down {
            "DOWN"
        } else if self.is_up(now) {
            "UP"
        } else {
            "UNKNOWN"
        }
    }

    /// What may be allocated: total less reserved, times the ratio.
    pub fn capacity(&self) -> Amount {
        Amount {
            vcpus: (f64::from(self.size.vcpus) * self.ratio_cpu) as u32,
            ram: (f64::from(self.size.ram.saturating_sub(RESERVED_RAM)) * self.ratio_ram) as u32,
            disk: self.size.disk,
        }
    }

    pub fn fits(&self, amount: Amount) -> bool {
        let (capacity, used) = (self.capacity(), self.allocated());
        // No single guest may have more than the machine has: placement's max_unit.
        amount.vcpus <= self.size.vcpus
            && amount.ram <= self.size.ram
            && used.vcpus + amount.vcpus <= capacity.vcpus
            && used.ram + amount.ram <= capacity.ram
            && used.disk + amount.disk <= capacity.disk
    }

    /// What placement says is used.
    pub fn allocated(&self) -> Amount {
        let mut amount = self.used;
        amount += self.leaked;
        amount
    }

    pub fn reserved_ram(&self) -> u32 {
        RESERVED_RAM
    }

    /// nova's `memory_mb_used`.
    pub fn ram_used(&self) -> u32 {
        self.used.ram + RESERVED_RAM
    }

    /// An address in the management network.
    pub fn address(&self) -> String {
        format!("172.{}.{}.{}", 16 + (self.number >> 16), self.number >> 8 & 255, self.number & 255)
    }
}

/// Each service reports every ten seconds, at a second of its own.
pub fn last_report(now: Time, number: u32) -> Time {
    let phase = i64::from(number % 10) * SECOND;
    Time((now.0 - phase).div_euclid(REPORT) * REPORT + phase)
}

/// A controller: scheduler and conductor, and the control plane of neutron and cinder.
pub struct Controller {
    pub name: Box<str>,
    /// Of its scheduler; its conductor has the next.
    pub number: u32,
    pub scheduler: Uuid,
    pub conductor: Uuid,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn host() -> Host {
        Host {
            id: Uuid::nil(),
            service: Uuid::nil(),
            name: "cmp001".into(),
            number: 7,
            zone: 0,
            size: Amount { vcpus: 8, ram: 16_896, disk: 100 },
            ratio_cpu: 4.0,
            ratio_ram: 1.5,
            used: Amount::default(),
            leaked: Amount::default(),
            guests: 0,
            enabled: true,
            disabled_reason: None,
            forced_down: false,
            listens: true,
            silent: None,
            booted: Time(0),
            generation: 0,
            cpu: "EPYC",
            backlog: 0,
        }
    }

    #[test]
    fn a_silent_host_is_down_a_minute_after_its_last_report() {
        let mut host = host();
        let now = Time(1_000_000_000);
        assert!(host.is_up(now) && now.since(host.reported(now)) < REPORT);
        host.silent = Some(now);
        assert!(host.is_up(now.plus(50 * SECOND)));
        assert!(!host.is_up(now.plus(61 * SECOND)));
        assert_eq!(host.status_for_servers(now.plus(61 * SECOND)), "UNKNOWN");
        host.enabled = false;
        assert_eq!(host.status_for_servers(now), "MAINTENANCE");
    }

    #[test]
    fn capacity_is_what_is_not_reserved_times_the_ratio() {
        let mut host = host();
        assert_eq!(host.capacity(), Amount { vcpus: 32, ram: 24_576, disk: 100 });
        assert!(host.fits(Amount { vcpus: 8, ram: 16_384, disk: 100 }));
        assert!(!host.fits(Amount { vcpus: 9, ram: 1, disk: 1 }), "more than the machine has");
        host.leaked = Amount { vcpus: 30, ram: 0, disk: 0 };
        assert!(!host.fits(Amount { vcpus: 3, ram: 1, disk: 1 }), "leaked allocations count");
    }
}
