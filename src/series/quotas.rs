//! What projects have of what is limited: what of it is due to be recorded.

use std::collections::HashSet;

use jiff::Timestamp;
use smallvec::smallvec;

use super::recorder::is_whole;
use crate::model::{Allowance, Labels, Limit, QuotaService, Quotas, Text};
use crate::report::Topic;
use crate::store::{COUNTED, Standing, Store};
use crate::table::{Slot, Slots};

/// What must be known from one minute to the next. Thousands of projects are not gone through each minute: all with
/// each hour, and else those of which something has changed.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// The hour of the last look, and the revision of the rows then.
    seen: Option<(i64, u64)>,
    /// Lines that were recorded: of what is no longer in use it is known that there is none.
    lines: HashSet<(Text, Text)>,
}

impl Due {
    /// What is due with this hour, counted since 1970: each line with its value, in the resource's own unit.
    pub fn take(&mut self, store: &Store, hour: i64, now: Timestamp) -> Vec<(Labels, f64)> {
        let rows = &store.quotas;
        let changed = match self.seen.replace((hour, rows.revision())) {
            Some((before, revision)) if before == hour => rows.changed_since(revision),
            _ => None,
        };
        let mut due = Vec::new();
        for row in changed.unwrap_or_else(|| rows.live()).iter().filter_map(|slot: &Slot| rows.get(*slot)) {
            for service in QuotaService::ALL {
                for it in fresh(store, row, service, now).into_iter().flatten() {
                    due.extend(self.line(store, row, service, it, now));
                }
            }
        }
        due
    }

    /// None of what has no limit, and of what was never in use.
    fn line(
        &mut self,
        store: &Store,
        row: &Quotas,
        service: QuotaService,
        it: &Allowance,
        now: Timestamp,
    ) -> Option<(Labels, f64)> {
        if it.limit == Limit::Unlimited {
            return None;
        }
        // These go by the instances, which must be known then.
        let by_instances = service == QuotaService::Nova && COUNTED.contains(&&*it.resource);
        if by_instances && !is_whole(store, Topic::Instances, now) {
            return None;
        }
        // Less than nothing is what wrong books say.
        let in_use = store.in_use(row, service, &it.resource).filter(|in_use| *in_use >= 0)?;
        let line = (row.id.clone(), label(service, &it.resource));
        if in_use == 0 && !self.lines.contains(&line) {
            return None;
        }
        let labels = smallvec![line.0.clone(), line.1.clone()];
        self.lines.insert(line);
        Some((labels, in_use as f64))
    }
}

/// `nova.cores`: what the resource of a line is called.
pub fn label(service: QuotaService, resource: &str) -> Text {
    format!("{}.{resource}", service.name()).into()
}

/// What a service said of a project, while that is as of now: it answers, and its answer is no older than may be. A
/// round over all projects need not be over.
pub(super) fn fresh<'a>(
    store: &Store,
    row: &'a Quotas,
    service: QuotaService,
    now: Timestamp,
) -> Option<&'a [Allowance]> {
    let topic = Topic::of_quotas(service);
    let answered = row.of(service);
    let (at, allowances) = answered.told.as_ref()?;
    let is_new = now.duration_since(*at) <= topic.stale_after();
    let answers = answered.trouble.is_none() && store.freshness(topic).standing(topic, now) == Standing::Fresh;
    (is_new && answers).then_some(&**allowances)
}
