//! What became of a queue's or a broker's figures: depths and rates from our own samples.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::model::Counters;

/// Samples that are kept: as many as the trend on screen has cells.
const KEPT: usize = 8;
/// Two readings that are closer than this are one sample: whoever presses `r` makes no queue grow.
const APART: SignedDuration = SignedDuration::from_secs(5);
/// So many samples in a row tell growth from a burst.
const GROWING: usize = 5;

/// The last samples of one queue or broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    samples: VecDeque<Sample>,
    /// Messages a second between the last two samples; `None` until there are two, or after a restart.
    pub publish: Option<f64>,
    pub deliver: Option<f64>,
    /// Since when a queue was seen without a consumer.
    pub alone_since: Option<Timestamp>,
    /// Since when the management API and AMQP disagree about whether it has one.
    pub disputed_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    at: Timestamp,
    depth: Option<u64>,
    counters: Counters,
}

impl Sample {
    /// A second. Counters that went back belong to a broker or queue that was made anew.
    fn rate_since(&self, then: &Sample, of: impl Fn(&Counters) -> Option<u64>) -> Option<f64> {
        let more = of(&self.counters)?.checked_sub(of(&then.counters)?)?;
        Some(more as f64 / self.at.duration_since(then.at).as_secs_f64())
    }
}

impl Trend {
    /// Takes in what was read now. Whether anything has changed by which rows are judged, sorted and filtered; one
    /// more sample that is like those before it is drawn all the same.
    pub(super) fn push(&mut self, at: Timestamp, depth: Option<u64>, counters: Counters) -> bool {
        let before = (self.publish, self.deliver, self.latest(), self.growing());
        let sample = Sample { at, depth, counters };
        match self.samples.back_mut() {
            // The newest figures, and the time of the first: rates are over the whole span.
            Some(last) if at.duration_since(last.at) < APART => last.depth = depth,
            last => {
                if let Some(last) = last.copied() {
                    self.publish = sample.rate_since(&last, |counters| counters.publish);
                    self.deliver = sample.rate_since(&last, |counters| counters.deliver);
                }
                if self.samples.len() == KEPT {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
        before != (self.publish, self.deliver, self.latest(), self.growing())
    }

    /// The last two depths, by which a burst is told from a backlog; of one alone that one twice.
    fn latest(&self) -> Option<(Option<u64>, Option<u64>)> {
        let last = self.samples.back()?.depth;
        let before = self.samples.len().checked_sub(2).and_then(|at| self.samples.get(at));
        Some((before.map_or(last, |sample| sample.depth), last))
    }

    /// The depths as they were read, the newest last; what was unknown then is left out.
    pub fn depths(&self) -> impl Iterator<Item = u64> {
        self.samples.iter().filter_map(|sample| sample.depth)
    }

    /// Messages a second between each two samples, the newest last; what is not known is left out.
    pub fn rates(&self, of: fn(&Counters) -> Option<u64>) -> Vec<f64> {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        pairs.filter_map(|(then, now)| now.rate_since(then, of)).collect()
    }

    /// First and last depth, and the time between them, of a queue that grew with each of the last samples.
    pub fn growing(&self) -> Option<(u64, u64, SignedDuration)> {
        let start = self.samples.len().checked_sub(GROWING)?;
        let last: Vec<(Timestamp, u64)> =
            self.samples.range(start..).filter_map(|s| Some((s.at, s.depth?))).collect();
        let grows = last.len() == GROWING && last.windows(2).all(|pair| matches!(pair, [a, b] if a.1 < b.1));
        let (first, newest) = (last.first().filter(|_| grows)?, last.last()?);
        Some((first.1, newest.1, newest.0.duration_since(first.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn count(publish: u64) -> Counters {
        Counters { publish: Some(publish), ..Counters::default() }
    }

    #[test]
    fn five_samples_that_rise_are_growth_and_a_hasty_reader_makes_none() {
        let mut trend = Trend::default();
        for (second, depth, grows) in [
            (0, 3, false),
            (10, 4, false),
            (20, 5, false),
            (21, 6, false),
            (22, 7, false),
            (30, 8, false),
            (40, 9, true),
            (50, 9, false),
        ] {
            trend.push(at(second), Some(depth), Counters::default());
            assert_eq!(trend.growing().is_some(), grows, "after {second} s");
        }
        assert_eq!(trend.depths().collect::<Vec<_>>(), [3, 4, 7, 8, 9, 9]);
    }

    #[test]
    fn a_sample_like_those_before_it_changes_nothing_and_a_depth_that_stays_does_once() {
        let mut trend = Trend::default();
        for (second, depth, changes) in [
            (0, 0, true),
            (10, 0, false),
            (20, 0, false),
            (30, 1_500, true),
            // It stayed for two samples: that is a backlog, whatever the row says.
            (40, 1_500, true),
            (50, 1_500, false),
            (60, 0, true),
        ] {
            assert_eq!(trend.push(at(second), Some(depth), Counters::default()), changes, "after {second} s");
        }
    }

    #[test]
    fn rates_are_ours_where_the_broker_gives_none_and_unknown_after_a_restart() {
        let mut trend = Trend::default();
        for (second, publish, rate) in
            [(0, 100, None), (10, 150, Some(5.0)), (12, 160, Some(5.0)), (20, 150, Some(0.0)), (30, 7, None)]
        {
            trend.push(at(second), Some(0), count(publish));
            assert_eq!(trend.publish, rate, "after {second} s");
        }
    }

    #[test]
    fn a_depth_that_was_not_measured_is_no_sample_of_growth() {
        let mut trend = Trend::default();
        for (second, depth) in [(0, Some(1)), (10, Some(2)), (20, None), (30, Some(3)), (40, Some(4))] {
            trend.push(at(second), depth, Counters::default());
        }
        assert_eq!(trend.growing(), None);
    }
}
