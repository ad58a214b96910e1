//! Guests that move from host to host: what they hold where.

use super::{Course, World};
use crate::sim::cloud::{Amount, Hold, Kind, Progress};

impl World {
    /// The guest is on the other host now. What it held there is its own, and what it had is held
    /// (until a resize is confirmed) or released.
    pub(super) fn arrive(&mut self, course: &Course, keeps: bool) {
        let Some(instance) = self.instance_mut(course) else { return };
        let (Some(from), Some(hold)) = (instance.host, instance.extra().hold.take()) else { return };
        let old = instance.flavor;
        instance.host = Some(hold.host);
        instance.flavor = hold.flavor;
        if keeps {
            instance.extra().hold = Some(Hold { host: from, flavor: old, ..hold });
        }
        let (old, new) = (self.cloud.flavor(old).amount(), self.cloud.flavor(hold.flavor).amount());
        self.cloud.release(from, if keeps { Amount::default() } else { old }, 1);
        self.cloud.claim(hold.host, Amount::default(), 1);
        let project = self.instance(course).map_or(0, |instance| instance.project);
        let used = &mut self.cloud.projects[project as usize].used;
        used.cores += i64::from(new.vcpus) - i64::from(old.vcpus);
        used.ram += i64::from(new.ram) - i64::from(old.ram);
    }

    /// Gives up what it holds on another host.
    pub(super) fn let_go(&mut self, course: &Course) {
        let hold = self.instance_mut(course).and_then(|instance| instance.extra.as_mut()?.hold.take());
        if let Some(hold) = hold {
            self.cloud.release(hold.host, self.cloud.flavor(hold.flavor).amount(), 0);
            self.migration_is(course, hold.migration, Progress::Failed);
        }
    }

    pub(super) fn migration_is(&mut self, course: &Course, number: u32, progress: Progress) {
        let now = self.cloud.now;
        let Some(migration) = self.cloud.migrations.iter_mut().rev().find(|m| m.number == number) else {
            return;
        };
        migration.progress = progress;
        migration.updated = now;
        self.tell_of(course, Kind::Migration { number, status: progress.as_str() });
    }
}
