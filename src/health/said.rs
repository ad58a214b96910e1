//! What known messages in a host's logs make of it (operations.md 2.12; thresholds are data: `assets/signatures.toml`).

use super::{Note, Verdict};
use crate::model::Hypervisor;
use crate::report::Topic;
use crate::signature::Told;
use crate::store::{Fact, Store};

/// Findings of the services on this host. What was said before its logs fell silent is no news.
fn findings<'a>(store: &'a Store, hypervisor: &'a Hypervisor) -> impl Iterator<Item = (Told, &'a Fact)> {
    let is_heard = store.freshness(Topic::Logs).outage.is_none();
    let facts = store.logs.facts().of_host(&hypervisor.host);
    facts.filter(move |_| is_heard).filter_map(|fact| Some((fact.told()?, fact)))
}

pub fn verdict(store: &Store, hypervisor: &Hypervisor) -> Verdict {
    findings(store, hypervisor).map(|(told, _)| of(told)).max().unwrap_or(Verdict::Ok)
}

pub fn notes<'a>(store: &'a Store, hypervisor: &'a Hypervisor) -> impl Iterator<Item = Note> + 'a {
    findings(store, hypervisor)
        .map(|(told, fact)| Note { verdict: of(told), words: words(fact, &hypervisor.host) })
}

fn of(told: Told) -> Verdict {
    match told {
        Told::Warning => Verdict::Warning,
        Told::Critical => Verdict::Critical,
    }
}

/// `nova-compute on cmp03 said 12 times in 5 min (M1): The service has lost the message broker. See …`
fn words(fact: &Fact, host: &str) -> String {
    let signature = fact.signature;
    let minutes = signature.tells.as_ref().map_or(60, |tells| tells.minutes);
    let often = match fact.times() {
        1 => format!("in the last {minutes} min"),
        times => format!("{times} times in {minutes} min"),
    };
    format!(
        "{} on {host} said {often} ({}): {} {}",
        fact.service, signature.id, signature.meaning, signature.next
    )
}
