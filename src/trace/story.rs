//! What the records of a trace say together: the requests, each with its steps and the time between them, and
//! where it failed. The steps are data (`assets/steps.toml`).

use std::collections::{BTreeMap, HashMap};

use regex::bytes::Regex;
use serde::Deserialize;

use super::{Id, NoHost, first_line};
use crate::model::Level;

const SHIPPED: &str = include_str!("../../assets/steps.toml");

/// A record, as the story sees it. `message` is its head's, without what stands before.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Microseconds since 1970, UTC.
    pub at: Option<i64>,
    pub host: &'a str,
    pub service: &'a str,
    pub level: Level,
    pub request: Option<Id>,
    pub global: Option<Id>,
    pub message: &'a [u8],
    /// It is of another instance, which shares the request.
    pub is_of_another: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    Done,
    Failed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shipped {
    filter: BTreeMap<String, String>,
    step: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    name: String,
    service: String,
    pattern: String,
    end: Option<End>,
    action: Option<String>,
    #[serde(default)]
    beside: bool,
}

struct Known {
    name: String,
    service: String,
    pattern: Regex,
    end: Option<End>,
    action: Option<String>,
    beside: bool,
}

/// The steps that are known.
#[derive(Default)]
pub struct Steps {
    known: Vec<Known>,
    /// What it means that a filter of nova's scheduler left no host.
    filters: BTreeMap<String, String>,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub at: i64,
    /// In the list of records.
    pub record: usize,
    /// Where: named by the line itself, or whose log it is.
    pub host: String,
    pub end: Option<End>,
    /// What the request is, if this step says so.
    pub action: Option<String>,
    /// It stands under a request of its own.
    pub beside: bool,
}

/// Everything that was done under one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The id that other services know it by; `None`: what services did by themselves.
    pub id: Option<Id>,
    /// nova's own id, where another one led.
    pub local: Option<Id>,
    /// Places in the list of records, in the order of time.
    pub records: Vec<usize>,
    pub steps: Vec<Step>,
}

/// Where it failed: the record that says so first.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub record: usize,
    pub request: Option<Id>,
    /// The step that was taken last before it.
    pub after: Option<String>,
    /// The request came to a good end all the same: the step that it ended with. Tried elsewhere, mostly.
    pub mended: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// In the order in which they began.
    pub requests: Vec<Request>,
    pub failure: Option<Failure>,
    /// Why the scheduler had no host for it, where it said so under the request that failed.
    pub no_host: Option<NoHost>,
}

/// Why the steps cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StepsError {
    #[error("steps.toml: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("steps.toml: {0}: {1}")]
    Pattern(String, regex::Error),
}

impl Steps {
    /// What ships.
    ///
    /// # Errors
    /// Never, a test says so.
    pub fn shipped() -> Result<Self, StepsError> {
        let shipped: Shipped = toml::from_str(SHIPPED)?;
        let known = shipped.step.into_iter().map(|shape| {
            let pattern =
                Regex::new(&shape.pattern).map_err(|error| StepsError::Pattern(shape.name.clone(), error))?;
            let Shape { name, service, end, action, beside, .. } = shape;
            Ok(Known { name, service, pattern, end, action, beside })
        });
        let known = known.collect::<Result<_, StepsError>>()?;
        Ok(Self { known, filters: shipped.filter })
    }

    /// The story of records that are in the order of time.
    pub fn story(&self, records: &[Heard]) -> Story {
        let roots = roots(records);
        let mut requests: Vec<Request> = Vec::new();
        let mut places: HashMap<Option<Id>, usize> = HashMap::new();
        for (place, record) in records.iter().enumerate() {
            let id = root(record, &roots);
            let at = *places.entry(id).or_insert_with(|| {
                requests.push(Request { id, ..Request::default() });
                requests.len() - 1
            });
            let request = &mut requests[at];
            if request.local.is_none() && is_nova(record) && record.request != id {
                request.local = record.request;
            }
            request.records.push(place);
            if let Some(step) = self.step(place, record) {
                // What is said twice is one step: an event, and neutron's answer; a port, and its update.
                if request.steps.iter().all(|known| (&known.name, &known.host) != (&step.name, &step.host)) {
                    request.steps.push(step);
                }
            }
        }
        lend(&mut requests);
        let failure = failure(records, &requests);
        let no_host = failure.as_ref().and_then(|failure| self.no_host(records, &requests, failure));
        Story { requests, failure, no_host }
    }

    /// What the scheduler says of the request that failed.
    fn no_host(&self, records: &[Heard], requests: &[Request], failure: &Failure) -> Option<NoHost> {
        let request = requests.iter().find(|request| request.records.contains(&failure.record))?;
        let own = request.records.iter().filter_map(|at| Some((*at, records.get(*at)?)));
        let own = own.filter(|(_, record)| !record.is_of_another);
        let mut no_host = NoHost::of(own.map(|(at, record)| (at, record.service, record.message)))?;
        no_host.meaning = no_host.culprit().and_then(|filter| self.filters.get(&filter.name)).cloned();
        Some(no_host)
    }

    fn step(&self, place: usize, record: &Heard) -> Option<Step> {
        let at = record.at.filter(|_| !record.is_of_another)?;
        let message = first_line(record.message);
        let known = self.known.iter().find(|known| {
            let is_its = match known.service.strip_suffix('*') {
                Some(start) => record.service.starts_with(start),
                None => record.service == known.service,
            };
            is_its && known.pattern.is_match(message)
        })?;
        let named = known.pattern.captures(message).and_then(|found| found.name("host"));
        let host = named.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        Some(Step {
            name: known.name.clone(),
            at,
            record: place,
            host: host.unwrap_or_else(|| record.host.to_owned()),
            end: known.end,
            action: known.action.clone(),
            beside: known.beside,
        })
    }
}

impl Request {
    /// The longest time between two steps: its end, and how long, in microseconds.
    pub fn longest_gap(&self) -> Option<(&Step, i64)> {
        let pairs = self.steps.iter().zip(self.steps.iter().skip(1));
        pairs.map(|(before, after)| (after, after.at - before.at)).max_by_key(|(_, gap)| *gap)
    }

    /// What was asked for, as far as a line says it.
    pub fn action(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| step.action.as_deref())
    }

    /// The last claim that was not followed by another host's: where it came to be.
    pub fn claimed(&self) -> Option<&Step> {
        self.steps.iter().rfind(|step| step.name == "claimed")
    }

    pub fn end(&self) -> Option<End> {
        self.steps.iter().rev().find_map(|step| step.end)
    }
}

/// What neutron tells nova comes under a request of neutron's own: it is a step of what was under way then.
fn lend(requests: &mut [Request]) {
    let steps: Vec<Step> =
        requests.iter().flat_map(|request| &request.steps).filter(|s| s.beside).cloned().collect();
    for step in steps {
        let is_under_way = |request: &&mut Request| {
            let times = || request.steps.iter().filter(|step| !step.beside).map(|step| step.at);
            request.action().is_some()
                && times().min().is_some_and(|first| first <= step.at)
                && times().max().is_some_and(|last| step.at <= last)
        };
        if let Some(request) = requests.iter_mut().rfind(is_under_way)
            && !request.steps.contains(&step)
        {
            request.steps.push(step);
            request.steps.sort_by_key(|step| step.at);
        }
    }
}

fn is_nova(record: &Heard) -> bool {
    record.service.starts_with("nova-")
}

/// nova's own ids, and the global ones under which other services know the same request: one story, two names.
fn roots(records: &[Heard]) -> BTreeMap<Id, Id> {
    let both = records.iter().filter(|record| is_nova(record)).filter_map(|r| Some((r.request?, r.global?)));
    both.collect()
}

/// The request at whose root a record stands: the global id where there is one, since all services have that.
fn root(record: &Heard, roots: &BTreeMap<Id, Id>) -> Option<Id> {
    let own = record.global.or(record.request)?;
    Some(roots.get(&own).copied().unwrap_or(own))
}

/// The first error of what did not come to a good end; where there is none but a request that failed, the step that
/// says so; else the first error of all.
fn failure(records: &[Heard], requests: &[Request]) -> Option<Failure> {
    let of = |record: usize| requests.iter().find(|request| request.records.contains(&record));
    let mended = |record: usize| {
        let last = of(record)?.steps.iter().rev().find(|step| step.end.is_some())?;
        (last.end == Some(End::Done) && last.record > record).then(|| last.name.clone())
    };
    let is_error = |record: &Heard| record.level >= Level::Error && !record.is_of_another;
    let errors =
        || records.iter().enumerate().filter(|(_, record)| is_error(record)).map(|(number, _)| number);
    let ended = requests.iter().flat_map(|request| &request.steps);
    let ended = || ended.clone().filter(|step| step.end == Some(End::Failed)).map(|step| step.record).min();
    let found =
        errors().find(|record| mended(*record).is_none()).or_else(ended).or_else(|| errors().next())?;
    let request = of(found);
    let before = request.map(|r| r.steps.iter().filter(|step| step.record < found)).into_iter().flatten();
    Some(Failure {
        record: found,
        request: request.and_then(|request| request.id),
        after: before.last().map(|step| step.name.clone()),
        mended: mended(found),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"a54b595b-8846-4aa2-8a5a-629e8034465f";
    const B: &[u8] = b"f184a242-8846-4aa2-8a5a-629e8034465f";
    const P: &[u8] = b"0a4561d3-73cb-41c8-9c16-b6a713b1b35e";

    fn heard<'a>(at: i64, service: &'a str, ids: [Option<&[u8]>; 2], message: &'a str) -> Heard<'a> {
        let [global, request] = ids.map(|id| id.and_then(Id::parse));
        let level = if message.contains("ailed") { Level::Error } else { Level::Info };
        let host = if service == "nova-compute" { "cmp01" } else { "ctl01" };
        let message = message.as_bytes();
        Heard { at: Some(at), host, service, level, request, global, message, is_of_another: false }
    }

    fn told(story: &Story) -> Vec<String> {
        let steps = |request: &Request| {
            let steps: Vec<String> =
                request.steps.iter().map(|step| format!("{} on {}", step.name, step.host)).collect();
            format!("{} records: {}", request.records.len(), steps.join(", "))
        };
        story.requests.iter().map(steps).collect()
    }

    #[test]
    fn a_build_is_told_in_its_steps_whatever_id_a_service_knows_it_by() {
        let steps = Steps::shipped().unwrap();
        let records = [
            heard(0, "nova-api", [Some(A), Some(B)], "10.0.0.5 \"POST /v2.1/servers\" status: 202 len: 370"),
            heard(
                1,
                "placement-api",
                [Some(A), Some(P)],
                "x \"PUT /allocations/f064d769-2144-43c6-a1f6-7967745cf373\" status: 204",
            ),
            heard(5, "nova-compute", [Some(A), Some(B)], "Claim successful on node cmp01"),
            heard(
                6,
                "neutron-server",
                [Some(A), Some(P)],
                "x \"POST /v2.0/ports HTTP/1.1\" status: 201  len: 1",
            ),
            heard(
                60,
                "nova-compute",
                [Some(A), Some(B)],
                "Took 6.70 seconds to spawn the instance on the hypervisor.",
            ),
            heard(61, "nova-compute", [None, Some(B)], "Took 7.04 seconds to build instance."),
            heard(70, "nova-compute", [None, None], "VM Started (Lifecycle Event)"),
        ];
        let story = steps.story(&records);
        assert_eq!(
            told(&story),
            [
                "6 records: accepted on ctl01, allocated on ctl01, claimed on cmp01, port made on ctl01, spawned on \
                 cmp01, active on cmp01",
                "1 records: "
            ]
        );
        let request = &story.requests[0];
        assert_eq!((request.id, request.local), (Id::parse(A), Id::parse(B)));
        assert_eq!(request.longest_gap().map(|(step, gap)| (step.name.as_str(), gap)), Some(("spawned", 54)));
        assert_eq!((request.end(), &story.failure), (Some(End::Done), &None));
    }

    #[test]
    fn what_neutron_says_to_nova_is_a_step_of_the_build_that_is_under_way() {
        let steps = Steps::shipped().unwrap();
        let event = "Creating event network-vif-plugged:x for instance y on cmp01";
        let build = |at, message| heard(at, "nova-compute", [None, Some(A)], message);
        let records = [
            heard(0, "nova-api", [None, Some(A)], "10.0.0.5 \"POST /v2.1/servers\" status: 202 len: 370"),
            build(5, "Claim successful on node cmp01"),
            heard(50, "nova-api", [Some(P), Some(B)], event),
            build(61, "Took 7.04 seconds to build instance."),
            heard(90, "nova-api", [Some(P), Some(B)], event),
        ];
        let story = steps.story(&records);
        let names: Vec<&str> = story.requests[0].steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["accepted", "claimed", "plugged", "active"]);
        assert_eq!(story.requests[0].action(), Some("create"));
        assert_eq!(story.requests[1].records, [2, 4], "the lines stay where they were written");
    }

    #[test]
    fn a_failure_is_the_first_error_with_the_step_before_it() {
        let steps = Steps::shipped().unwrap();
        let records = [
            heard(0, "nova-api", [None, Some(A)], "10.0.0.5 \"POST /v2.1/servers\" status: 202 len: 370"),
            heard(5, "nova-compute", [None, Some(A)], "Claim successful on node cmp01"),
            Heard {
                is_of_another: true,
                ..heard(6, "nova-compute", [None, Some(A)], "Instance failed to spawn: x")
            },
            heard(7, "nova-compute", [None, Some(A)], "Instance failed to spawn: libvirt.libvirtError: y"),
        ];
        let story = steps.story(&records);
        let failure = story.failure.unwrap();
        assert_eq!((failure.record, failure.after.as_deref()), (3, Some("claimed")));
        assert_eq!(failure.mended, None);
    }

    #[test]
    fn what_came_to_a_good_end_elsewhere_gives_way_to_what_did_not() {
        let steps = Steps::shipped().unwrap();
        let mut records = vec![
            heard(5, "nova-compute", [None, Some(A)], "Claim successful on node cmp20"),
            heard(7, "nova-compute", [None, Some(A)], "Instance failed to spawn: nova.exception.X"),
            heard(8, "nova-compute", [None, Some(A)], "Claim successful on node cmp01"),
            heard(9, "nova-compute", [None, Some(A)], "Took 7.04 seconds to build instance."),
        ];
        let failure = steps.story(&records).failure.unwrap();
        assert_eq!((failure.record, failure.mended.as_deref()), (1, Some("active")));
        records.push(heard(20, "nova-compute", [None, Some(B)], "Live migration failed: y"));
        let failure = steps.story(&records).failure.unwrap();
        assert_eq!((failure.record, failure.mended), (4, None));
    }

    #[test]
    fn a_request_that_was_refused_failed_though_nobody_called_it_an_error() {
        let steps = Steps::shipped().unwrap();
        let records =
            [heard(0, "nova-api", [None, Some(A)], "10.0.0.5 \"POST /v2.1/servers\" status: 403 len: 180")];
        let story = steps.story(&records);
        assert_eq!(story.failure.map(|failure| failure.record), Some(0));
        assert_eq!(story.requests[0].end(), Some(End::Failed));
    }
}
