//! All projects together: how many are at a limit, and how far what they may have goes beyond what is there.

use jiff::SignedDuration;

use crate::health::{self, Verdict};
use crate::model::{Limit, QuotaService, ResourceClass};
use crate::pane::Cx;
use crate::report::Topic;
use crate::store::Store;
use crate::table::{Slots, Tally};
use crate::ui::format;

/// The sums, made anew when a project's figures have changed.
#[derive(Default)]
pub(super) struct Totals {
    tally: Tally<Verdict>,
    seen: Option<u64>,
    vcpu: Sum,
    ram: Sum,
    /// By service: projects that it has told of, or said why not.
    told: [usize; QuotaService::ALL.len()],
}

/// What of a resource all projects may have.
#[derive(Default)]
struct Sum {
    limits: u64,
    unlimited: usize,
    unknown: usize,
}

impl Sum {
    fn add(&mut self, limit: Option<Limit>) {
        match limit {
            Some(Limit::Of(limit)) => self.limits = self.limits.saturating_add(limit),
            Some(Limit::Unlimited) => self.unlimited += 1,
            None => self.unknown += 1,
        }
    }

    /// `vCPU limits 2,400 (2 unlimited) of 1,536, 1.6:1`.
    fn words(&self, label: &str, capacity: Option<f64>, show: fn(f64) -> String) -> String {
        // Of nobody anything is known yet.
        if self.limits == 0 && self.unlimited == 0 && self.unknown > 0 {
            return format!("{label} limits ?");
        }
        let limits = show(self.limits as f64);
        let of = match capacity {
            Some(capacity) if capacity > 0.0 => {
                format!("{}, {:.1}:1", show(capacity), self.limits as f64 / capacity)
            }
            _ => "?".to_owned(),
        };
        let unlimited = match self.unlimited {
            0 => String::new(),
            n => format!(" ({} unlimited)", format::number(n as i64)),
        };
        format!("{label} limits {limits}{unlimited} of {of}")
    }
}

impl Totals {
    pub fn sync(&mut self, store: &Store) {
        let rows = &store.quotas;
        self.tally.sync(rows, |slot| rows.get(slot).map(|row| health::quota::verdict(store, row)));
        if self.seen.replace(rows.revision()) == Some(rows.revision()) {
            return;
        }
        (self.vcpu, self.ram, self.told) = Default::default();
        for (_, row) in rows.iter() {
            let limit = |name| row.find(QuotaService::Nova, name).map(|allowance| allowance.limit);
            self.vcpu.add(limit("cores"));
            self.ram.add(limit("ram"));
            for (service, told) in QuotaService::ALL.into_iter().zip(&mut self.told) {
                let answered = row.of(service);
                *told += usize::from(answered.told.is_some() || answered.trouble.is_some());
            }
        }
    }

    /// The line below the table.
    pub fn words(&self, store: &Store) -> String {
        let count = |verdict| self.tally.count(&verdict);
        let mut words = format!(
            "{} · {} at a limit · {} near one",
            format::count(store.quotas.len(), "project"),
            count(Verdict::Critical),
            count(Verdict::Warning),
        );
        let whole = |n: f64| format::number(n as i64);
        for words_of in [
            self.vcpu.words("vCPU", capacity(store, ResourceClass::Vcpu), whole),
            self.ram.words("RAM", capacity(store, ResourceClass::MemoryMb), format::mebibytes),
        ] {
            words.push_str(&format!("    {words_of}"));
        }
        if self.vcpu.unknown > 0 {
            words.push_str(&format!("    {} not read yet", self.vcpu.unknown));
        }
        words
    }

    /// How far the first round is: `first round 812 of 2,000 projects, 14m left`.
    pub fn round(&self, cx: &Cx) -> Option<String> {
        let store = cx.store;
        let all = store.quotas.len();
        let asked = QuotaService::ALL.into_iter().zip(self.told);
        let under_way = asked.filter(|(service, _)| {
            store.freshness(Topic::of_quotas(*service)).progress.is_some() && !store.has_no_quotas(*service)
        });
        // The slowest service is how far it is.
        let (service, told) = under_way.min_by_key(|(_, told)| *told)?;
        let progress = store.freshness(Topic::of_quotas(service)).progress?;
        let words =
            format!("first round {} of {} projects", format::number(told as i64), format::number(all as i64));
        let went = cx.now.duration_since(progress.started).as_secs_f64();
        // Ten seconds say nothing about the rest.
        if told == 0 || told >= all || went < 10.0 {
            return Some(words);
        }
        let rate = told as f64 / went;
        let left = SignedDuration::from_secs(((all - told) as f64 / rate) as i64);
        Some(format!("{words}, {rate:.1}/s, {} left", format::duration(left)))
    }
}

/// What the scheduler may give on all hosts; `None` while Placement has told of none.
fn capacity(store: &Store, class: ResourceClass) -> Option<f64> {
    let of = |(_, row)| store.provider_of(row)?.capacity(class);
    store.hypervisors.iter().filter_map(of).reduce(|a, b| a + b)
}
