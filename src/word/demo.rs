//! `demo`, and `--cloud demo`: the embedded cloud, inside this process and gone with it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failure;
use crate::cli::{Common, Simulated};
use crate::config::broker::Brokers;
use crate::config::clouds::{self, CloudConfig, Found, Lookup};
use crate::config::file;
use crate::config::logs::LogPlace;
use crate::exit::Exit;
use crate::sim::{DEFAULT_SCENARIO, Logs, Options, PASSWORD, Sim};

/// What the header says: nobody shall take it for a real one.
const NAME: &str = "DEMO";

/// Opens the dashboard over it.
pub async fn run(common: Common, simulated: Simulated, pane: Option<&str>) -> Result<Exit, Failure> {
    let common = Common { cloud: Some(NAME.to_owned()), simulated: Some(simulated), ..common };
    super::dashboard::run(&common, pane).await
}

/// The embedded cloud that was asked for: by `demo`, or as `--cloud demo[:SCENARIO]`. One of that name in
/// clouds.yaml is meant before plain `demo`.
pub fn asked(common: &Common, lookup: &Lookup) -> Option<Simulated> {
    if let Some(simulated) = &common.simulated {
        return Some(simulated.clone());
    }
    let (name, scenario) = match common.cloud.as_deref()?.split_once(':') {
        Some((name, scenario)) => (name, scenario),
        None => (common.cloud.as_deref()?, DEFAULT_SCENARIO),
    };
    let plain = !common.cloud.as_deref()?.contains(':');
    let is_known = || plain && clouds::find(lookup).is_ok();
    (name == "demo" && !is_known()).then(|| Simulated {
        hypervisors: None,
        instances: None,
        seed: 1,
        scenario: scenario.to_owned(),
    })
}

/// Names that are tried for the logs' directory.
const TRIES: usize = 100;

/// The embedded cloud at work: how to log in, where its broker is, and where its services write their logs. Those go
/// with this.
pub struct Demo {
    pub cloud: CloudConfig,
    pub brokers: Brokers,
    pub logs: LogPlace,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.logs.paths.iter().for_each(|dir| drop(std::fs::remove_dir_all(dir)));
    }
}

/// For nobody else's eyes: names of projects and users stand there, as in any log. A demo that was killed leaves its
/// directory behind, and its process id comes again: that one is somebody's, and not touched.
fn log_dir() -> Result<PathBuf, Failure> {
    let name = std::env::temp_dir().join(format!("stackwatch-demo-{}", std::process::id()));
    let cannot = |dir: &Path, why: &dyn Display| {
        Failure::usage(format!("the embedded cloud's logs cannot be written to {}: {why}", dir.display()))
    };
    for number in 0..TRIES {
        let dir = if number == 0 { name.clone() } else { name.with_extension(number.to_string()) };
        match std::fs::DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot(&dir, &error)),
        }
    }
    Err(cannot(&name, &"others are there; remove what demos that were killed left behind"))
}

/// Starts it. Its clock stands still at `clock`.
pub fn start(simulated: &Simulated, clock: Option<Timestamp>) -> Result<Demo, Failure> {
    let logs = LogPlace::named(vec![log_dir()?], "the embedded cloud").in_zone(TimeZone::UTC);
    let options =
        Options { speed: if clock.is_some() { 0.0 } else { 1.0 }, opens: clock, ..options(simulated) };
    let writer = Logs::new(logs.paths.first().cloned().unwrap_or_default(), options.seed);
    let sim = Sim::start(&options, vec![Box::new(writer)]).map_err(Failure::usage)?;
    let env: BTreeMap<String, String> = [
        ("OS_AUTH_URL", format!("{}/v3", sim.auth_url())),
        ("OS_USERNAME", "admin".to_owned()),
        ("OS_PASSWORD", PASSWORD.to_owned()),
        ("OS_PROJECT_NAME", "admin".to_owned()),
        ("OS_USER_DOMAIN_NAME", "Default".to_owned()),
        ("OS_PROJECT_DOMAIN_NAME", "Default".to_owned()),
        ("OS_REGION_NAME", "RegionOne".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut settings = sim.broker_settings();
    if clock.is_none() {
        // Where time stands still nothing is said.
        settings.push_str("notifications = true\n");
    }
    let brokers = file::parse(&settings, "the simulated cloud")?.broker;
    sim.detach();
    match clouds::find(&Lookup { cloud: None, region: None, env, dirs: Vec::new() })? {
        Found::One(mut cloud) => {
            cloud.name = NAME.to_owned();
            cloud.origin = format!("this program: a simulated cloud, scenario {}", simulated.scenario);
            Ok(Demo { cloud: *cloud, brokers, logs })
        }
        Found::Choose(_) => Err(Failure::usage("the embedded cloud has several regions: this is a bug")),
    }
}

pub fn options(simulated: &Simulated) -> Options {
    let Simulated { hypervisors, instances, seed, scenario } = simulated.clone();
    Options { hypervisors, instances, seed, scenario, ..Options::default() }
}

#[cfg(test)]
mod tests {
    use super::log_dir;

    #[test]
    fn what_a_killed_demo_left_behind_is_not_touched_and_in_nobodys_way() {
        let (one, other) = (log_dir().unwrap(), log_dir().unwrap());
        assert!(one != other && one.is_dir() && other.is_dir());
        [one, other].iter().for_each(|dir| std::fs::remove_dir(dir).unwrap());
    }
}
