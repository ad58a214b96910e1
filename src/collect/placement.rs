use std::collections::HashMap;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Collector, Outlet};
use crate::model::{Provider, Text};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, ErrorKind, Session, placement};

/// Requests a round, and the pause between rounds: together the budget, four requests a second.
const BUDGET: usize = 20;
const EVERY: Duration = Duration::from_secs(5);
/// The first round may ask more at once, so that a small cloud is whole on the first screen.
const FIRST_BUDGET: usize = 120;
const LIST_EVERY: Duration = Duration::from_secs(300);
const INVENTORY_EVERY: Duration = Duration::from_secs(3_600);
/// Usages change with every build, but a call a host is dear: never sooner than this.
const USAGE_EVERY: Duration = Duration::from_secs(60);

/// Placement's limits and usages. They cost a call a host each, so they are asked in a fair round: hosts on
/// screen first, then the one that was asked longest ago.
pub struct Placement {
    session: Session,
    listed: Option<Instant>,
    providers: HashMap<Text, Asked>,
    refreshes: u64,
    /// Every provider was asked once.
    whole: bool,
}

struct Asked {
    name: Text,
    inventories: Option<Instant>,
    usages: Option<Instant>,
}

/// What to ask about one provider.
struct Due {
    id: Text,
    inventories: bool,
    /// Never asked sorts before asked long ago.
    last: Option<Instant>,
    visible: bool,
}

impl Placement {
    pub fn new(session: Session) -> Self {
        Self { session, listed: None, providers: HashMap::new(), refreshes: 0, whole: false }
    }

    async fn list(&mut self, out: &Outlet) -> Result<(), Error> {
        let providers = placement::providers(&self.session).await?;
        let mut known = std::mem::take(&mut self.providers);
        for provider in &providers {
            let asked = known.remove(&provider.id).unwrap_or(Asked {
                name: provider.name.clone(),
                inventories: None,
                usages: None,
            });
            self.providers.insert(provider.id.clone(), asked);
        }
        self.listed = Some(Instant::now());
        if self.whole {
            out.whole(Topic::Providers, Delta::Providers(providers)).await;
        } else {
            // The read ends when each provider was asked: until then its limits are unknown.
            let expected = Some(providers.len());
            out.say(Outcome::Begin { topic: Topic::Providers, expected }).await;
            out.say(Outcome::Part(Delta::Providers(providers))).await;
        }
        Ok(())
    }

    fn due(&self, visible: &[Text]) -> Vec<Due> {
        let older = |at: Option<Instant>, limit| at.is_none_or(|at| at.elapsed() >= limit);
        let mut due: Vec<Due> = self
            .providers
            .iter()
            .filter(|(_, asked)| {
                older(asked.usages, USAGE_EVERY) || older(asked.inventories, INVENTORY_EVERY)
            })
            .map(|(id, asked)| Due {
                id: id.clone(),
                inventories: older(asked.inventories, INVENTORY_EVERY),
                last: asked.usages,
                visible: visible.contains(id),
            })
            .collect();
        due.sort_by(|a, b| b.visible.cmp(&a.visible).then(a.last.cmp(&b.last)).then(a.id.cmp(&b.id)));
        due
    }

    async fn ask(&mut self, due: &Due, out: &Outlet) -> Result<usize, Error> {
        let Some(asked) = self.providers.get_mut(&due.id) else { return Ok(0) };
        let mut row =
            Provider { id: due.id.clone(), name: asked.name.clone(), inventories: None, usages: None };
        let mut spent = 1;
        if due.inventories {
            let inventories = placement::inventories(&self.session, &due.id).await?;
            row.inventories = Some((Timestamp::now(), inventories));
            asked.inventories = Some(Instant::now());
            spent += 1;
        }
        let usages = placement::usages(&self.session, &due.id).await?;
        row.usages = Some((Timestamp::now(), usages));
        asked.usages = Some(Instant::now());
        out.say(Outcome::Part(Delta::Providers(vec![row]))).await;
        Ok(spent)
    }
}

/// Whether any provider was asked before.
fn spent_before(providers: &HashMap<Text, Asked>) -> bool {
    providers.values().any(|asked| asked.usages.is_some())
}

impl Collector for Placement {
    fn topic(&self) -> Topic {
        Topic::Providers
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let asked = wanted.borrow().refresh.get(&Topic::Providers).copied().unwrap_or(0);
            let anew = asked != self.refreshes;
            self.refreshes = asked;
            if anew || self.listed.is_none_or(|at| at.elapsed() >= LIST_EVERY) {
                self.list(out).await?;
            }
            let visible = wanted.borrow().hypervisors.clone();
            if anew {
                for id in &visible {
                    if let Some(asked) = self.providers.get_mut(id) {
                        asked.usages = None;
                    }
                }
            }
            let budget = if spent_before(&self.providers) { BUDGET } else { FIRST_BUDGET };
            let mut spent = 0;
            for due in self.due(&visible) {
                if spent >= budget {
                    break;
                }
                match self.ask(&due, out).await {
                    Ok(n) => spent += n,
                    // A host that went away meanwhile: the next list will not name it.
                    Err(error) if error.kind == ErrorKind::Missing => {
                        self.providers.remove(&due.id);
                    }
                    Err(error) => return Err(error),
                }
            }
            if !self.whole && self.providers.values().all(|asked| asked.usages.is_some()) {
                self.whole = true;
                out.say(Outcome::End { topic: Topic::Providers, complete: true, limit: None }).await;
            } else if self.whole && spent > 0 {
                out.say(Outcome::Current { topic: Topic::Providers }).await;
            }
            Ok(())
        })
    }
}
