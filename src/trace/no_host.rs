//! Why no host was found for an instance: which filters the scheduler asked, and how many hosts each left.
//!
//! nova's scheduler says it in three ways (`nova/filters.py`, `nova/scheduler/manager.py`): at INFO all filters with
//! their counts, but only once no host is left; at DEBUG each filter as it is asked; and where Placement gave it no
//! candidates, that alone, since then no filter was ever asked.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// What a filter left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: String,
    /// Hosts after it.
    pub left: u64,
}

/// Why there was no host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoHost {
    /// Hosts before the first filter, where the scheduler says so.
    pub start: Option<u64>,
    /// In the order in which they were asked; none where Placement gave no candidates.
    pub filters: Vec<Filter>,
    /// What Placement was asked for, as its log has it: `VCPU 8, MEMORY_MB 16384`. Empty where that is not known.
    pub asked: String,
    /// What the last filter looks at, where that is known.
    pub meaning: Option<String>,
    /// The record that says so, in the list of records.
    pub record: usize,
}

/// `'ComputeFilter: (start: 3, end: 0)'`; cinder's has no quotes.
static COUNTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([A-Za-z]\w*): \(start: (\d+), end: (\d+)\)").ok());
/// `Filter ComputeFilter returned 0 hosts`, `Filter RamFilter returned 12 host(s)`.
static RETURNED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^Filter (\w+) returned (\d+) host").ok());
/// `Starting with 3 host(s)`
static STARTING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^Starting with (\d+) host").ok());

/// Of more filters than this only those that took hosts are named.
const NAMED: usize = 4;

impl NoHost {
    /// Of the records of one request, in the order of time: their places, services and messages. The last time that
    /// the scheduler found none; `None` where it never said so.
    pub fn of<'a>(records: impl Iterator<Item = (usize, &'a str, &'a [u8])>) -> Option<Self> {
        let (mut found, mut asked) = (None, String::new());
        // What each filter left, as they are asked.
        let mut going = Self::at(0);
        for (at, service, message) in records {
            if service.starts_with("placement") {
                if let Some(question) = candidates(message) {
                    asked = question;
                }
                continue;
            }
            if service != "nova-scheduler" {
                continue;
            }
            if message.starts_with(b"Got no allocation candidates") {
                found = Some(Self { asked: asked.clone(), ..Self::at(at) });
            } else if let Some([count]) = captured(&STARTING, message) {
                going = Self { start: number(count), ..Self::at(at) };
            } else if let Some([name, left]) = captured(&RETURNED, message) {
                let left = number(left).unwrap_or(0);
                going.filters.push(Filter { name: text(name), left });
                if left == 0 {
                    found = Some(Self { record: at, ..std::mem::replace(&mut going, Self::at(at)) });
                }
            } else if message.starts_with(b"Filtering removed all hosts") {
                // At DEBUG the same is said with every host's name: the counts are known by then.
                found = Self::counted(at, message).or(found);
            }
        }
        found
    }

    fn at(record: usize) -> Self {
        Self { start: None, filters: Vec::new(), asked: String::new(), meaning: None, record }
    }

    /// From the line that has all filters with their counts.
    fn counted(at: usize, message: &[u8]) -> Option<Self> {
        let mut start = None;
        let mut filters = Vec::new();
        for found in COUNTS.as_ref()?.captures_iter(message) {
            let (_, [name, before, left]) = found.extract();
            start = start.or(number(before));
            filters.push(Filter { name: text(name), left: number(left)? });
        }
        (!filters.is_empty()).then(|| Self { start, filters, ..Self::at(at) })
    }

    /// The filter that took the last hosts.
    pub fn culprit(&self) -> Option<&Filter> {
        self.filters.last()
    }

    /// `no valid host: 3 hosts → AvailabilityZoneFilter 3 → ComputeFilter 0: none of them has …`.
    pub fn words(&self) -> String {
        let Some(culprit) = self.culprit() else {
            let asked = if self.asked.is_empty() { "what it asks" } else { &self.asked };
            return format!("no valid host: Placement has no candidate for {asked}; no filter was asked");
        };
        let mut words = "no valid host: ".to_owned();
        match self.start {
            Some(1) => words.push_str("1 host"),
            Some(start) => words.push_str(&format!("{start} hosts")),
            None => words.push_str("some hosts"),
        }
        let mut before = self.start;
        let mut idle = 0;
        for filter in &self.filters {
            if self.filters.len() > NAMED && before == Some(filter.left) {
                idle += 1;
                continue;
            }
            words.push_str(&format!(" → {} {}", filter.name, filter.left));
            before = Some(filter.left);
        }
        match idle {
            0 => {}
            1 => words.push_str(" (1 other took none)"),
            n => words.push_str(&format!(" ({n} others took none)")),
        }
        let meaning = match &self.meaning {
            Some(meaning) => meaning.clone(),
            None => format!("none passes {}", culprit.name),
        };
        format!("{words}: {meaning}")
    }
}

/// What Placement was asked for: `VCPU 8, MEMORY_MB 16384, trait CUSTOM_X`.
fn candidates(message: &[u8]) -> Option<String> {
    const PATH: &[u8] = b"\"GET /allocation_candidates?";
    let at = memchr::memmem::find(message, PATH)? + PATH.len();
    let query = message.get(at..)?.split(|byte| matches!(byte, b' ' | b'"')).next()?;
    let mut asked = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query) {
        // Numbered groups ask alike: `resources1`, `required_PORT`.
        if name.starts_with("resources") {
            asked.extend(value.split(',').map(|one| one.replacen(':', " ", 1)));
        } else if name.starts_with("required") {
            asked.extend(value.split(',').map(|one| match one.strip_prefix('!') {
                Some(without) => format!("not {without}"),
                None => format!("trait {one}"),
            }));
        } else if name.starts_with("member_of") {
            asked.push(format!("aggregate {}", value.trim_start_matches("in:").replace(',', " or ")));
        }
    }
    Some(asked.join(", "))
}

fn captured<'a, const N: usize>(regex: &LazyLock<Option<Regex>>, message: &'a [u8]) -> Option<[&'a [u8]; N]> {
    Some(regex.as_ref()?.captures(message)?.extract().1)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[(&str, &str)]) -> Option<String> {
        let records = lines.iter().enumerate();
        NoHost::of(records.map(|(at, (service, message))| (at, *service, message.as_bytes())))
            .map(|no_host| no_host.words())
    }

    const ALL: &str = "Filtering removed all hosts for the request with instance ID \
         'e5d66ca8-edb6-4963-b7f0-9b62819efd99'. Filter results: ";

    #[test]
    fn the_filters_are_told_with_what_each_left() {
        let counted = format!(
            "{ALL}['AvailabilityZoneFilter: (start: 3, end: 3)', 'ComputeFilter: (start: 3, end: 0)']"
        );
        assert_eq!(
            told(&[
                ("nova-scheduler", "Filter ComputeFilter returned 0 hosts"),
                ("nova-scheduler", &counted)
            ])
            .unwrap(),
            "no valid host: 3 hosts → AvailabilityZoneFilter 3 → ComputeFilter 0: none passes ComputeFilter"
        );
        assert_eq!(
            told(&[("nova-scheduler", "Filter ComputeFilter returned 0 hosts")]).unwrap(),
            "no valid host: some hosts → ComputeFilter 0: none passes ComputeFilter"
        );
        assert_eq!(told(&[("nova-conductor", &counted)]), None, "only the scheduler knows");
    }

    #[test]
    fn at_debug_each_filter_says_it_and_the_names_of_all_hosts_change_nothing() {
        let names = format!("{ALL}[('RamFilter', [('cmp01', 'cmp01')]), ('NUMATopologyFilter', None)]");
        let lines = [
            "Starting with 9 host(s)",
            "Filter RamFilter returned 8 host(s)",
            "Starting with 41 host(s)",
            "Filter RamFilter returned 1 host(s)",
            "Filter NUMATopologyFilter returned 0 hosts",
            &names,
        ];
        assert_eq!(
            told(&lines.map(|line| ("nova-scheduler", line))).unwrap(),
            "no valid host: 41 hosts → RamFilter 1 → NUMATopologyFilter 0: none passes NUMATopologyFilter"
        );
    }

    #[test]
    fn of_many_filters_those_that_took_none_are_counted() {
        let counts = [("A", 41, 41), ("B", 41, 31), ("C", 31, 31), ("D", 31, 8), ("E", 8, 0)];
        let counts = counts.map(|(name, start, end)| format!("'{name}: (start: {start}, end: {end})'"));
        let line = format!("{ALL}[{}]", counts.join(", "));
        assert_eq!(
            told(&[("nova-scheduler", &line)]).unwrap(),
            "no valid host: 41 hosts → B 31 → D 8 → E 0 (2 others took none): none passes E"
        );
    }

    #[test]
    fn without_candidates_it_is_said_what_placement_was_asked_for() {
        let asked = "127.0.0.1 \"GET /allocation_candidates?limit=1000&resources=MEMORY_MB%3A16384%2CVCPU%3A8\
                     &required=HW_CPU_X86_AVX512F&root_required=%21COMPUTE_STATUS_DISABLED\" status: 200 len: 53";
        let lines =
            [("placement-api", asked), ("nova-scheduler", "Got no allocation candidates from the Placement")];
        assert_eq!(
            told(&lines).unwrap(),
            "no valid host: Placement has no candidate for MEMORY_MB 16384, VCPU 8, trait HW_CPU_X86_AVX512F; no \
             filter was asked"
        );
        assert_eq!(
            told(&lines[1..]).unwrap(),
            "no valid host: Placement has no candidate for what it asks; no filter was asked"
        );
        assert_eq!(told(&lines[..1]), None);
    }
}
