//! Requests to the APIs by endpoint and status: how many, how they ended, how long they took.
//!
//! As the Operations Guide has its reader do with nova-api.log ("Monitoring", trending): requests an hour and their
//! response times, before users tell. It is known since when lines are heard, and not longer.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::model::{Endpoint, Request};

/// Seconds of a slice, and how many there are: an hour.
const SLICE: i64 = 300;
pub const SLICES: usize = 12;

/// Requests that took so long, in steps of about a tenth.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// By step; those above the last that was needed are not there.
    steps: Vec<u32>,
    told: u64,
    longest: u32,
}

/// Steps for each doubling.
const FINE: u32 = 8;

impl Times {
    fn count(&mut self, micros: u32) {
        let step = step(micros);
        if self.steps.len() <= step {
            self.steps.resize(step + 1, 0);
        }
        if let Some(counted) = self.steps.get_mut(step) {
            *counted = counted.saturating_add(1);
        }
        self.told += 1;
        self.longest = self.longest.max(micros);
    }

    fn add(&mut self, other: &Self) {
        if self.steps.len() < other.steps.len() {
            self.steps.resize(other.steps.len(), 0);
        }
        for (own, more) in self.steps.iter_mut().zip(&other.steps) {
            *own = own.saturating_add(*more);
        }
        self.told += other.told;
        self.longest = self.longest.max(other.longest);
    }

    /// How long (microseconds) this share of the requests took at most, within a tenth; `None` where no line says.
    pub fn quantile(&self, share: f64) -> Option<u32> {
        let wanted = ((self.told as f64 * share).ceil() as u64).max(1);
        let mut passed = 0;
        let at = self.steps.iter().position(|counted| {
            passed += u64::from(*counted);
            passed >= wanted
        })?;
        Some(upper(at).min(self.longest))
    }

    pub fn longest(&self) -> Option<u32> {
        (self.told > 0).then_some(self.longest)
    }
}

/// Small ones have a step each, then each doubling has [`FINE`].
fn step(micros: u32) -> usize {
    let Some(double) = micros.checked_ilog2().filter(|double| *double >= FINE.ilog2()) else {
        return micros as usize;
    };
    let shift = double - FINE.ilog2();
    (FINE * (shift + 1) + ((micros >> shift) - FINE)) as usize
}

/// The largest that falls into a step.
fn upper(step: usize) -> u32 {
    let step = step as u32;
    let Some(above) = step.checked_sub(FINE) else { return step };
    let (shift, rest) = (above / FINE, u64::from(above % FINE + FINE + 1));
    u32::try_from((rest << shift) - 1).unwrap_or(u32::MAX)
}

/// Requests to one endpoint.
#[derive(Clone, Debug)]
pub struct Asked {
    pub endpoint: Endpoint,
    by_status: BTreeMap<u16, (u64, Times)>,
    /// How many came in a slice of time, and of them how many failed by the service's own fault.
    slices: VecDeque<(u32, u32)>,
    /// The number of the last slice since 1970.
    last: i64,
}

impl Asked {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, by_status: BTreeMap::new(), slices: VecDeque::new(), last: 0 }
    }

    fn count(&mut self, request: &Request) {
        let (count, times) = self.by_status.entry(request.status).or_default();
        *count += 1;
        if let Some(took) = request.took {
            times.count(took);
        }
        let slice = request.at.div_euclid(SLICE * 1_000_000);
        if self.slices.is_empty() || slice - self.last >= SLICES as i64 {
            self.slices = std::iter::repeat_n((0, 0), SLICES).collect();
            self.last = slice;
        }
        while self.last < slice {
            self.slices.pop_front();
            self.slices.push_back((0, 0));
            self.last += 1;
        }
        let back = usize::try_from(self.last - slice).unwrap_or(usize::MAX);
        if let Some((all, bad)) = (SLICES - 1).checked_sub(back).and_then(|at| self.slices.get_mut(at)) {
            *all += 1;
            *bad += u32::from(request.status >= 500);
        }
    }

    /// By status, the lowest first: how many, and how long they took.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64, &Times)> {
        self.by_status.iter().map(|(status, (count, times))| (*status, *count, times))
    }

    /// All of them, since it is known.
    pub fn requests(&self) -> u64 {
        self.by_status.values().map(|(count, _)| count).sum()
    }

    /// Those that ended so: a hundred of statuses, 4 or 5.
    pub fn ended(&self, hundred: u16) -> u64 {
        self.by_status.range(hundred * 100..(hundred + 1) * 100).map(|(_, (count, _))| count).sum()
    }

    pub fn times(&self) -> Times {
        let mut all = Times::default();
        for (_, times) in self.by_status.values() {
            all.add(times);
        }
        all
    }

    /// How many came in each slice of the last hour, the last one last.
    pub fn hour(&self, now: Timestamp) -> [u64; SLICES] {
        self.sliced(now, |(all, _)| *all)
    }

    /// And of them those that the service failed at.
    pub fn failed(&self, now: Timestamp) -> [u64; SLICES] {
        self.sliced(now, |(_, bad)| *bad)
    }

    fn sliced(&self, now: Timestamp, of: impl Fn(&(u32, u32)) -> u32) -> [u64; SLICES] {
        let mut sliced = [0; SLICES];
        let newest = now.as_second().div_euclid(SLICE);
        for (back, slice) in self.slices.iter().rev().enumerate() {
            // A host whose clock is ahead writes into the next slice: that is now.
            let age = usize::try_from((newest - (self.last - back as i64)).max(0)).unwrap_or(usize::MAX);
            if let Some(at) = (SLICES - 1).checked_sub(age) {
                sliced[at] += u64::from(of(slice));
            }
        }
        sliced
    }
}

/// All requests that were heard of.
#[derive(Debug, Default)]
pub struct Traffic {
    asked: Vec<Asked>,
    since: Option<i64>,
    own: u64,
}

impl Traffic {
    pub(super) fn put(&mut self, endpoints: Vec<Endpoint>, requests: &[Request], own: u64) {
        self.own += own;
        self.asked.extend(endpoints.into_iter().map(Asked::new));
        for request in requests {
            if let Some(asked) = self.asked.get_mut(request.endpoint as usize) {
                asked.count(request);
                self.since = Some(self.since.map_or(request.at, |since| since.min(request.at)));
            }
        }
    }

    /// Every endpoint; its place is its number.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Requests of our own that ended well: they are not among the others.
    pub fn own(&self) -> u64 {
        self.own
    }

    /// When the first one was answered that is counted, in microseconds since 1970.
    pub fn since(&self) -> Option<i64> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_requests_took_is_told_within_a_tenth() {
        for micros in [0, 1, 7, 8, 9, 15, 16, 17, 1_000, 123_456, 5_000_000, u32::MAX - 1, u32::MAX] {
            let up = upper(step(micros));
            assert!(up >= micros && f64::from(up) <= f64::from(micros) * 1.126, "{micros} {up}");
        }
        assert!((0..100_000).map(step).is_sorted());
        let mut times = Times::default();
        assert_eq!((times.quantile(0.5), times.longest()), (None, None));
        for micros in 1..=1_000 {
            times.count(micros * 1_000);
        }
        let (half, most) = (times.quantile(0.5).unwrap(), times.quantile(0.99).unwrap());
        assert!((500_000..560_000).contains(&half) && (990_000..=1_000_000).contains(&most), "{half} {most}");
        assert_eq!(times.longest(), Some(1_000_000));
    }

    #[test]
    fn requests_count_by_how_they_ended_and_when_they_came() {
        const MINUTE: i64 = 60_000_000;
        let now = 1_000 * MINUTE;
        let endpoint = Endpoint { service: "nova-api".into(), words: "GET /v2.1/servers".into() };
        let mut traffic = Traffic::default();
        let request = |at, status, took| Request { endpoint: 0, at, status, took };
        let requests = [
            request(now, 200, Some(5_000)),
            request(now - MINUTE, 404, Some(1_000)),
            request(now - 30 * MINUTE, 503, None),
            request(now - 90 * MINUTE, 500, Some(9_000)),
            Request { endpoint: 7, ..request(now, 200, None) },
        ];
        traffic.put(vec![endpoint], &requests, 3);
        let [asked] = traffic.asked() else { panic!("{traffic:?}") };
        assert_eq!((asked.requests(), asked.ended(2), asked.ended(4), asked.ended(5)), (4, 1, 1, 2));
        let at = Timestamp::from_microsecond(now).unwrap();
        assert_eq!(asked.hour(at).iter().sum::<u64>(), 3);
        assert_eq!(asked.failed(at)[SLICES - 7], 1);
        assert_eq!(asked.times().longest(), Some(9_000));
        assert_eq!((traffic.since(), traffic.own()), (Some(now - 90 * MINUTE), 3));
        let later = Timestamp::from_microsecond(now + 70 * MINUTE).unwrap();
        assert_eq!(asked.hour(later), [0; SLICES]);
    }
}
