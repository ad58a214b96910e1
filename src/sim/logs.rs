//! The logs of the cloud's services: a listener of the story that writes, host by host as a central rsyslog does
//! (`HOST/SERVICE.log`), the lines that nova, neutron, placement, cinder and glance write at each step.
//!
//! ```text
//!   story ──▶ step ("claimed") ──▶ entries of lines.toml ──▶ lines in the order of time ──▶ files
//!                                     ▲
//!                   facts (the instance, its request, its host …)
//! ```
//!
//! Which lines those are is data. Between what an instance's trace must hold stands what it must not: dashboards
//! that poll, and services' own work under ids that they use for days.

mod facts;
mod files;

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

use super::cloud::{Cloud, Event, HostIx, Kind};
use super::random::Random;
use super::story::Listener;
use super::time::Time;
use facts::Facts;
use files::Files;

/// Of so many actions that are begun, one falls together with somebody's poll.
const POLLED: f64 = 0.35;
/// Instances that a poll names.
const NAMED: usize = 8;

/// Who a line is written for: what stands in its brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Who {
    #[default]
    User,
    Beside,
    Callback,
    Hub,
    None,
}

/// An entry of `lines.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    on: String,
    of: String,
    #[serde(default = "info")]
    level: String,
    logger: String,
    #[serde(default)]
    who: Who,
    #[serde(default)]
    about: bool,
    /// Milliseconds.
    #[serde(default)]
    after: i64,
    text: String,
    #[serde(default)]
    trace: Vec<String>,
}

fn info() -> String {
    "INFO".to_owned()
}

#[derive(Deserialize)]
struct Shipped {
    line: Vec<Entry>,
}

/// The entries by their step.
static ENTRIES: LazyLock<HashMap<String, Vec<Entry>>> = LazyLock::new(|| {
    // A test reads what is shipped; without it there would be no line, which that test would say.
    let shipped = toml::from_str::<Shipped>(include_str!("logs/lines.toml"));
    let mut by_step: HashMap<String, Vec<Entry>> = HashMap::new();
    for entry in shipped.map(|shipped| shipped.line).unwrap_or_default() {
        by_step.entry(entry.on.clone()).or_default().push(entry);
    }
    by_step
});

/// A line on its way: written when the story has come that far.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Time,
    order: u64,
    host: Box<str>,
    service: Box<str>,
    text: String,
}

/// Writes the services' logs below a directory.
pub struct Logs {
    files: Files,
    waiting: BinaryHeap<Reverse<Waiting>>,
    written: u64,
    random: Random,
    /// Where a request is worked on: a host that gave up is not in the instance any more.
    places: BTreeMap<Uuid, HostIx>,
    /// Whom was heard of last.
    recent: VecDeque<Uuid>,
}

impl Logs {
    pub fn new(dir: PathBuf, seed: u64) -> Self {
        Self {
            files: Files::new(dir),
            waiting: BinaryHeap::new(),
            written: 0,
            random: Random::stream(seed, "logs"),
            places: BTreeMap::new(),
            recent: VecDeque::new(),
        }
    }

    fn write(&mut self, cloud: &Cloud, at: Time, facts: &Facts<'_>, steps: &[String]) {
        let Some(entries) = steps.iter().find_map(|step| ENTRIES.get(step)) else { return };
        for entry in entries {
            let Some(host) = facts.home(cloud, &entry.of) else { continue };
            let at = at.plus(entry.after);
            let own = format!("{} {} {}", entry.on, entry.of, entry.after);
            let Some(text) = facts.line(cloud, at, entry, &own, &host) else { continue };
            self.written += 1;
            self.waiting.push(Reverse(Waiting {
                at,
                order: self.written,
                host: host.into(),
                service: entry.of.as_str().into(),
                text,
            }));
        }
    }

    /// Somebody's dashboard, which names instances that it is not about.
    fn poll(&mut self, cloud: &Cloud, at: Time) {
        let request = self.random.uuid();
        let devices: Vec<Uuid> = self.recent.iter().copied().collect();
        let facts = Facts { request: Some(request), devices: &devices, ..Facts::default() };
        self.write(cloud, at, &facts, &["poll".to_owned()]);
    }
}

impl Listener for Logs {
    fn hear(&mut self, cloud: &Cloud, event: &Event) {
        if let (Some(request), Some(host)) = (event.request, event.host) {
            self.places.insert(request, host);
        }
        if let Some(id) = event.instance {
            self.recent.retain(|known| *known != id);
            self.recent.push_back(id);
            if self.recent.len() > NAMED {
                self.recent.pop_front();
            }
        }
        let place = event.host.or_else(|| self.places.get(&event.request?).copied());
        let facts = Facts {
            kind: Some(&event.kind),
            request: event.request,
            instance: event.instance.and_then(|id| cloud.instances.find(id)).map(|(_, instance)| instance),
            host: place.and_then(|ix| cloud.hosts.get(ix as usize)),
            devices: &[],
        };
        self.write(cloud, event.at, &facts, &steps(&event.kind));
        if let Kind::NoValidHost { candidates } = &event.kind {
            // nova-compute is down on all that Placement named.
            let why = if *candidates > 0 { "filtered-out" } else { "no-candidates" };
            self.write(cloud, event.at, &facts, &[why.to_owned()]);
        }
        match &event.kind {
            Kind::Accepted { .. } if self.random.chance(POLLED) => {
                let at = event.at.plus(self.random.between(-400, 2_000));
                self.poll(cloud, at);
            }
            Kind::Finished { .. } => {
                event.request.and_then(|request| self.places.remove(&request));
            }
            _ => {}
        }
    }

    fn passed(&mut self, until: Time) {
        let mut due = Vec::new();
        while let Some(next) = self.waiting.peek_mut().filter(|next| next.0.at <= until) {
            let Reverse(line) = PeekMut::pop(next);
            due.push((line.host, line.service, line.text));
        }
        self.files.append(due);
    }
}

/// What a step is called in `lines.toml`, the most telling name first.
fn steps(kind: &Kind) -> Vec<String> {
    let name = |name: &str, action: &str| vec![format!("{name}/{action}"), name.to_owned()];
    match kind {
        Kind::Accepted { action } => name("accepted", action),
        Kind::Refused { action, .. } => name("refused", action),
        Kind::Finished { action, failed: false } => name("finished", action),
        Kind::Finished { action, failed: true } => {
            vec![format!("finished/{action}/failed"), "finished/failed".to_owned()]
        }
        // The enum's own words, as tests and `dump` have them.
        other => serde_json::to_value(other)
            .ok()
            .and_then(|value| value.get("kind")?.as_str().map(str::to_owned))
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
mod tests;
