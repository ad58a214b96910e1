//! Which hosts are asked for their logs: those that `ssh` of `[[logs]]` names, and those of the API's lists that it
//! matches.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::logs::{LogPlace, Reach, own_host};
use crate::model::{Text, Trouble};
use crate::source::log::scan::elsewhere::{Asked, Way};
use crate::source::log::ssh::Host;
use crate::source::{Session, neutron, nova};

/// The hosts by their names, and what keeps others from being asked.
pub async fn hosts(session: Option<&Session>, places: &[LogPlace]) -> (Vec<Asked>, Vec<Trouble>) {
    let (mut asked, mut troubles) = (Vec::new(), Vec::new());
    let patterns = |place: &LogPlace| match &place.reach {
        Reach::Ssh { hosts, .. } => hosts.clone(),
        Reach::Here => Vec::new(),
    };
    let is_any_glob = places.iter().flat_map(patterns).any(|pattern| is_glob(pattern.as_str()));
    let known = match session {
        Some(session) if is_any_glob => match of_api(session).await {
            Ok(names) => Some(names),
            Err(trouble) => {
                troubles.push(trouble);
                None
            }
        },
        _ => None,
    };
    for place in places {
        let Reach::Ssh { hosts, sudo } = &place.reach else {
            // Its files are read without asking anybody.
            let own = Host::parse(&own_host()).filter(|_| place.journal);
            asked.extend(own.map(|host| Asked { host, way: Way::Here, place: place.clone() }));
            continue;
        };
        let way = if *sudo { Way::Sudo } else { Way::Ssh };
        let mut names: BTreeSet<Text> = BTreeSet::new();
        for pattern in hosts {
            let text = pattern.as_str();
            if !is_glob(text) {
                names.insert(text.into());
                continue;
            }
            let matched = || known.iter().flatten().filter(|name| pattern.matches(name));
            names.extend(matched().cloned());
            if matched().next().is_none() {
                troubles.extend(nobody(text, session.is_some(), known.as_ref()));
            }
        }
        for name in names {
            match Host::parse(&name) {
                Some(host) => asked.push(Asked { host, way, place: place.clone() }),
                None => troubles.push(Trouble {
                    next_step: "give it a name of letters, digits, `.`, `-`, `_` or `:`".to_owned(),
                    ..Trouble::of_log(format!("nothing from {name}: no name that ssh may be given"))
                }),
            }
        }
    }
    (asked, troubles)
}

/// A host that failed is not asked again for so long: while it is waited for nothing new is told.
const REST: Duration = Duration::from_secs(60);

/// A host, and what is looked through there.
type Which = (Host, Vec<String>);

/// Hosts that failed lately, and why.
#[derive(Debug, Default)]
pub(super) struct Resting(Mutex<HashMap<Which, (Instant, Trouble)>>);

impl Resting {
    /// Those that may be asked now; of the others what is said of them.
    pub fn rouse(&self, hosts: Vec<Asked>, now: Instant) -> (Vec<Asked>, Vec<Trouble>) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, (since, _)| now.duration_since(*since) < REST);
        let (mut awake, mut troubles) = (Vec::new(), Vec::new());
        for asked in hosts {
            match resting.get(&(asked.host.clone(), asked.args())) {
                Some((_, trouble)) => troubles.push(trouble.clone()),
                None => awake.push(asked),
            }
        }
        (awake, troubles)
    }

    pub fn lay(&self, asked: &Asked, trouble: &Trouble, now: Instant) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert((asked.host.clone(), asked.args()), (now, trouble.clone()));
    }
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Every host that runs a service of nova's or an agent of neutron's.
async fn of_api(session: &Session) -> Result<BTreeSet<Text>, Trouble> {
    let (services, agents) = tokio::join!(nova::services(session), neutron::agents(session));
    // A cloud without agents, as OVN's may be, has nova's services still.
    let agents = agents.unwrap_or_default().into_iter().map(|agent| agent.host);
    match services {
        Ok(services) => Ok(services.into_iter().map(|service| service.host).chain(agents).collect()),
        Err(error) => Err(Trouble {
            next_step: error.next_step,
            ..Trouble::of_log(format!("which hosts there are to ask by SSH is not known: {}", error.message))
        }),
    }
}

/// Nobody is called so. Where the list could not be had, that was said.
fn nobody(pattern: &str, has_cloud: bool, known: Option<&BTreeSet<Text>>) -> Option<Trouble> {
    let (message, next_step) = match (has_cloud, known) {
        (false, _) => (
            format!("`{pattern}` of [[logs]] ssh is a pattern, and without a cloud nobody knows the hosts"),
            "name the cloud, or the hosts".to_owned(),
        ),
        (true, Some(known)) => {
            let some: Vec<&str> = known.iter().take(5).map(|name| &**name).collect();
            (
                format!("no host of nova's or neutron's list is called `{pattern}`, as [[logs]] ssh has it"),
                format!("there are {} hosts: {} …", known.len(), some.join(", ")),
            )
        }
        (true, None) => return None,
    };
    Some(Trouble { next_step, ..Trouble::of_log(message) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::parse;

    #[tokio::test]
    async fn a_host_that_failed_rests_for_a_minute_and_is_named_meanwhile() {
        let places = parse("[[logs]]\nssh = ['cmp01', 'cmp02']\n", "c.toml").unwrap().logs;
        let (asked, _) = hosts(None, &places).await;
        let (resting, now) = (Resting::default(), Instant::now());
        resting.lay(&asked[1], &Trouble::of_log("nothing from cmp02: it is down"), now);
        let (awake, troubles) = resting.rouse(asked.clone(), now + REST / 2);
        assert_eq!((awake.len(), awake[0].host.to_string()), (1, "cmp01".to_owned()));
        assert_eq!(troubles, [Trouble::of_log("nothing from cmp02: it is down")]);
        let (awake, troubles) = resting.rouse(asked, now + REST * 2);
        assert_eq!((awake.len(), troubles.len()), (2, 0));
    }

    #[tokio::test]
    async fn without_a_cloud_names_are_taken_as_they_are_and_patterns_are_said_to_be_some() {
        let text = "[[logs]]\nssh = ['cmp01', 'compute*', 'cmp01', '-oProxyCommand=x']\n[[logs]]\nssh = 'ctl01'\nsudo = true\n\
                    [[logs]]\npath = '/srv'\n";
        let places = parse(text, "c.toml").unwrap().logs;
        let (asked, troubles) = hosts(None, &places).await;
        let asked: Vec<(String, Way)> =
            asked.iter().map(|asked| (asked.host.to_string(), asked.way)).collect();
        assert_eq!(asked, [("cmp01".to_owned(), Way::Ssh), ("ctl01".to_owned(), Way::Sudo)]);
        let words: Vec<&str> = troubles.iter().map(|trouble| &*trouble.message).collect();
        assert!(words[0].contains("`compute*`") && words[0].contains("without a cloud"), "{words:?}");
        assert!(words[1].contains("-oProxyCommand=x: no name that ssh may be given"), "{words:?}");
        assert_eq!(troubles.len(), 2);
    }
}
