//! What a scenario's format alone cannot say: names that must exist, figures that must be possible.

use std::ops::Range;

use jiff::SignedDuration;

use super::{Beat, Scenario, What};
use crate::sim::cloud::FLAVORS;
use crate::words;

impl Scenario {
    pub(super) fn check(&self, text: &str, file: &str) -> Result<(), String> {
        let checker = Checker { scenario: self, text, file };
        checker.figures()?;
        for pool in &self.pool {
            checker.flavor(pool.flavor.get_ref(), pool.flavor.span())?;
        }
        self.beat.iter().try_for_each(|beat| checker.beat(beat))
    }
}

/// Each has a node of the broker at most.
const CONTROLLERS: usize = 3;

struct Checker<'a> {
    scenario: &'a Scenario,
    text: &'a str,
    file: &'a str,
}

impl Checker<'_> {
    fn at(&self, span: Range<usize>, message: &str) -> String {
        let (line, column) = words::place(self.text, span.start);
        format!("{}:{line}:{column}: {message}", self.file)
    }

    fn figures(&self) -> Result<(), String> {
        let Scenario { odds, quota, crowd, .. } = self.scenario;
        let crowd = crowd.as_ref();
        for (name, share) in [
            ("odds.spawn_fails", odds.spawn_fails),
            ("odds.reschedules", odds.reschedules),
            ("odds.too_big", odds.too_big),
            ("odds.operation_fails", odds.operation_fails),
            ("crowd.share", crowd.map_or(0.0, |crowd| crowd.share)),
            ("crowd.hosts", crowd.map_or(0.0, |crowd| crowd.hosts)),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{}: {name} = {share} is not between 0 and 1", self.file));
            }
        }
        for (name, slack) in [("quota.slack", quota.slack), ("quota.squeezed_slack", quota.squeezed_slack)] {
            if !(0.0..=1_000.0).contains(&slack) {
                return Err(format!("{}: {name} = {slack} is not between 0 and 1000", self.file));
            }
        }
        let nodes = self.scenario.broker.nodes;
        if !(1..=CONTROLLERS).contains(&nodes) {
            return Err(format!("{}: broker.nodes = {nodes} is not between 1 and {CONTROLLERS}", self.file));
        }
        if self.scenario.prelude.is_negative() || self.scenario.prelude > SignedDuration::from_hours(24) {
            return Err(format!("{}: prelude is not between 0 and 24 hours", self.file));
        }
        Ok(())
    }

    fn flavor(&self, name: &str, span: Range<usize>) -> Result<(), String> {
        let names = || FLAVORS.iter().map(|flavor| flavor.name);
        if names().any(|known| known == name) {
            return Ok(());
        }
        let near = words::nearest(name, names());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(self.at(span, &format!("there is no flavor `{name}`{near}")))
    }

    fn beat(&self, beat: &Beat) -> Result<(), String> {
        if *beat.at.get_ref() < -self.scenario.prelude {
            return Err(self.at(beat.at.span(), "lies before the prelude begins"));
        }
        if let Some(share) = &beat.share
            && !(0.0..=1.0).contains(share.get_ref())
        {
            return Err(self.at(share.span(), "a share lies between 0 and 1"));
        }
        if let Some(flavor) = &beat.flavor {
            self.flavor(flavor.get_ref(), flavor.span())?;
        }
        if matches!(beat.what, What::LoseNode | What::MemoryAlarm | What::DiskAlarm) {
            return self.node(beat);
        }
        let of_hosts = !matches!(beat.what, What::Build | What::Delete | What::LoseBackend);
        match &beat.host {
            Some(host) => self.host(host.get_ref(), host.span()),
            None if of_hosts && beat.share.is_none() => {
                Err(self.at(beat.at.span(), "this beat needs a `host` or a `share`"))
            }
            None => Ok(()),
        }
    }

    fn node(&self, beat: &Beat) -> Result<(), String> {
        let Some(node) = &beat.node else {
            return Err(self.at(beat.at.span(), "this beat needs a `node`"));
        };
        let nodes = self.scenario.broker.nodes;
        match (1..=nodes).contains(node.get_ref()) {
            true => Ok(()),
            false => Err(self.at(node.span(), &format!("the broker has nodes from 1 to {nodes}"))),
        }
    }

    fn host(&self, host: &str, span: Range<usize>) -> Result<(), String> {
        if host == "busiest" || host.parse::<usize>().is_ok_and(|n| n > 0) {
            return Ok(());
        }
        let Some(pool) = host.strip_prefix("pool:") else {
            return Err(self.at(span, "a host is `busiest`, a number from 1, or `pool:NAME`"));
        };
        if self.scenario.pool.iter().any(|known| known.name == pool) {
            return Ok(());
        }
        let near = words::nearest(pool, self.scenario.pool.iter().map(|known| known.name.as_str()));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(self.at(span, &format!("there is no pool `{pool}`{near}")))
    }
}
