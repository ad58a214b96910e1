//! Scenarios: what happens in the simulated cloud, as data. The shipped ones are compiled in; a file of the same
//! format does as well. Everything is checked when it is read: an error names file, line, column and the nearest
//! name.

mod check;

use jiff::SignedDuration;
use serde::Deserialize;
use toml::Spanned;

use crate::words;

/// The shipped scenarios, by name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("healthy", include_str!("../../assets/scenarios/healthy.toml")),
    ("incident", include_str!("../../assets/scenarios/incident.toml")),
    ("broker-partition", include_str!("../../assets/scenarios/broker-partition.toml")),
    ("quota-squeeze", include_str!("../../assets/scenarios/quota-squeeze.toml")),
    ("noisy-neighbour", include_str!("../../assets/scenarios/noisy-neighbour.toml")),
    ("scale", include_str!("../../assets/scenarios/scale.toml")),
];

/// One scenario, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line about it.
    pub title: String,
    /// How much of the story is over when the cloud opens.
    pub prelude: SignedDuration,
    #[serde(default)]
    pub size: Size,
    #[serde(default)]
    pub pace: Pace,
    #[serde(default)]
    pub odds: Odds,
    #[serde(default)]
    pub quota: Quota,
    #[serde(default)]
    pub broker: Broker,
    pub crowd: Option<Crowd>,
    #[serde(default)]
    pub pool: Vec<Pool>,
    #[serde(default)]
    pub beat: Vec<Beat>,
}

/// How large the cloud is unless the command line says otherwise.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Size {
    pub hypervisors: usize,
    pub instances: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { hypervisors: 40, instances: 1_000 }
    }
}

/// The mean time between two operations of a kind in the whole cloud; absent: it does not happen by itself.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    pub create: Option<SignedDuration>,
    pub delete: Option<SignedDuration>,
    pub stop: Option<SignedDuration>,
    pub start: Option<SignedDuration>,
    pub reboot: Option<SignedDuration>,
    pub resize: Option<SignedDuration>,
    pub migrate: Option<SignedDuration>,
    pub live_migrate: Option<SignedDuration>,
    pub snapshot: Option<SignedDuration>,
    pub shelve: Option<SignedDuration>,
    pub unshelve: Option<SignedDuration>,
    pub pause: Option<SignedDuration>,
    /// A compute drops off for a few minutes and comes back.
    pub host_blip: Option<SignedDuration>,
}

/// How often things go wrong, from 0 to 1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Odds {
    /// Of a build: the guest does not spawn, and nova gives up.
    pub spawn_fails: f64,
    /// Of a build: it fails on the first host and succeeds on another.
    pub reschedules: f64,
    /// Of a build: it asks for more than any host has.
    pub too_big: f64,
    /// Of an operation on a guest.
    pub operation_fails: f64,
}

impl Default for Odds {
    fn default() -> Self {
        Self { spawn_fails: 0.02, reschedules: 0.03, too_big: 0.005, operation_fails: 0.01 }
    }
}

/// Limits, as a multiple of what a project uses when the cloud opens.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Of most projects.
    pub slack: f64,
    /// How many projects are squeezed: the largest.
    pub squeezed: usize,
    /// Their slack.
    pub squeezed_slack: f64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { slack: 2.0, squeezed: 0, squeezed_slack: 1.0 }
    }
}

/// The broker below the cloud.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Broker {
    /// Of its cluster: one on each controller, of which there are three.
    pub nodes: usize,
    /// Whether somebody reads the notifications; else they only pile up.
    pub read: bool,
}

impl Default for Broker {
    fn default() -> Self {
        Self { nodes: 3, read: true }
    }
}

/// One project that has far more than its share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    pub project: String,
    /// Of all instances, from 0 to 1.
    pub share: f64,
    /// The share of hosts that its instances crowd on.
    pub hosts: f64,
}

/// Hosts that take one flavor alone, in an aggregate of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub name: String,
    /// How many; a tenth of the cloud at most.
    pub hosts: usize,
    pub flavor: Spanned<String>,
}

/// Something that happens once, at a time counted from when the cloud opens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    pub at: Spanned<SignedDuration>,
    #[serde(rename = "do")]
    pub what: What,
    /// `busiest`, a number counted from 1, or `pool:NAME` (its first host).
    pub host: Option<Spanned<String>>,
    /// Instead of `host`: this share of all hosts.
    pub share: Option<Spanned<f64>>,
    /// For `lose-node` and the alarms: which of the broker's nodes, counted from 1.
    pub node: Option<Spanned<usize>>,
    /// Undone after this long; never if absent.
    #[serde(rename = "for")]
    pub lasts: Option<SignedDuration>,
    /// The reason for `disable`.
    pub reason: Option<String>,
    /// For `build` and `delete`: how many, spread over `over`.
    pub count: Option<usize>,
    pub over: Option<SignedDuration>,
    pub flavor: Option<Spanned<String>>,
    /// A project's name; the first if absent.
    pub project: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The machine goes down and comes back: nova-compute is silent meanwhile, its guests are shut off.
    Reboot,
    /// nova-compute lives and reports, but nobody consumes its queue.
    Deafen,
    /// nova-compute neither reports nor consumes.
    Silence,
    Disable,
    /// A volume backend stops to report.
    LoseBackend,
    /// The last node of the broker stands apart; hosts lose the broker and find it again.
    Partition,
    /// A node of the broker does not run.
    LoseNode,
    /// A node of the broker is short of memory, or of disk: all that publish are blocked.
    MemoryAlarm,
    DiskAlarm,
    Build,
    Delete,
    /// Guests leave the host by live migration.
    Drain,
    /// Placement keeps allocations of a guest that is gone.
    Leak,
}

impl Scenario {
    /// A shipped scenario by its name, else a file.
    pub fn load(name: &str) -> Result<Self, String> {
        if let Some((name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::parse(text, &format!("assets/scenarios/{name}.toml"));
        }
        let names = || SHIPPED.iter().map(|(name, _)| *name);
        let is_file =
            name.contains('/') || std::path::Path::new(name).extension().is_some_and(|e| e == "toml");
        if !is_file {
            let near = words::nearest(name, names());
            let near = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean `{near}`?"));
            let all: Vec<&str> = names().collect();
            return Err(format!("there is no scenario `{name}`{near} There are: {}", all.join(", ")));
        }
        match std::fs::read_to_string(name) {
            Ok(text) => Self::parse(&text, name),
            Err(error) => Err(format!("cannot read the scenario {name}: {error}")),
        }
    }

    /// `file` stands in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| words::toml(file, text, &error))?;
        scenario.check(text, file)?;
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_scenario_is_sound() {
        for (name, _) in SHIPPED {
            let scenario = Scenario::load(name).unwrap();
            assert!(!scenario.title.is_empty(), "{name}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_what_was_meant() {
        let head = "title = \"t\"\nprelude = \"1m\"\n";
        for (text, place, words) in [
            ("pase = {}", "s.toml:3:1", "did you mean `pace`?"),
            ("[pace]\ncreate = \"often\"", "s.toml:4:10", ""),
            ("[odds]\nspawn_fails = 2.0", "s.toml", "odds.spawn_fails"),
            ("[[beat]]\nat = \"1m\"\ndo = \"rebot\"", "s.toml:5:6", "did you mean `reboot`?"),
            ("[[beat]]\nat = \"1m\"\ndo = \"reboot\"", "s.toml:4:6", "`host`"),
            ("[[beat]]\nat = \"1m\"\ndo = \"reboot\"\nhost = \"pool:gup\"", "s.toml:6:8", "no pool `gup`"),
            ("[[beat]]\nat = \"1m\"\ndo = \"lose-node\"", "s.toml:4:6", "`node`"),
            ("[[beat]]\nat = \"1m\"\ndo = \"disk-alarm\"\nnode = 4", "s.toml:6:8", "from 1 to 3"),
            ("[broker]\nnodes = 9", "s.toml", "broker.nodes"),
            ("[[beat]]\nat = \"-2m\"\ndo = \"reboot\"\nhost = \"1\"", "s.toml:4:6", "prelude"),
            (
                "[[pool]]\nname = \"gpu\"\nhosts = 1\nflavor = \"g1.larg\"",
                "s.toml:6:10",
                "did you mean `g1.large`?",
            ),
        ] {
            let error = Scenario::parse(&format!("{head}{text}\n"), "s.toml").unwrap_err();
            assert!(error.starts_with(place) && error.contains(words), "{text}\n{error}");
        }
    }

    #[test]
    fn an_unknown_scenario_is_met_with_the_nearest() {
        let error = Scenario::load("incidnet").unwrap_err();
        assert!(error.contains("did you mean `incident`?"), "{error}");
        let error = Scenario::load("/no/such.toml").unwrap_err();
        assert!(error.contains("/no/such.toml"), "{error}");
    }
}
