//! The names behind ids, and the rows that show them.

use super::{Change, Store};
use crate::model::{Named, NamedKind};
use crate::table::Slots;

impl Store {
    pub(super) fn put_names(&mut self, kind: NamedKind, names: Vec<Named>) {
        for row in names {
            match kind {
                NamedKind::Project => self.put_project(row),
                NamedKind::Domain => self.put_domain(row),
                // The few rows on screen that show them are drawn afresh anyway.
                NamedKind::User => drop(self.users.upsert(row)),
                NamedKind::Image => drop(self.images.upsert(row)),
                NamedKind::Flavor => drop(self.flavors.upsert(row)),
            }
        }
    }

    /// Its name stands in a column that every row of its instances shows.
    fn put_project(&mut self, row: Named) {
        let (id, name) = (row.id.clone(), row.name.clone());
        let (slot, old) = match self.projects.upsert(row) {
            Change::Unchanged => return self.list_quotas(id, false),
            Change::Inserted(slot) => (slot, None),
            Change::Updated(slot, old) => (slot, Some(old)),
        };
        if let Some(old) = old {
            self.named.take(&old.name, slot);
        }
        self.named.add(&name, slot);
        for slot in self.instances_in.of(&id) {
            self.instances.touch(*slot);
        }
        self.list_quotas(id, true);
    }

    /// A domain's name stands in the rows of its projects.
    fn put_domain(&mut self, row: Named) {
        if self.domains.upsert(row) != Change::Unchanged {
            for slot in self.quotas.live() {
                self.quotas.touch(slot);
            }
        }
    }
}
