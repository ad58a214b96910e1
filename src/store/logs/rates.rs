//! How many records were written, by level, over the last minutes.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::model::Level;

/// Seconds in a bucket, and how many buckets there are: ten minutes.
const SECONDS: i64 = 10;
const BUCKETS: usize = 60;
/// Bars of a sparkline: a minute each.
pub const BARS: usize = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    all: u32,
    warnings: u32,
    errors: u32,
}

/// Counts of records by when they were written, not by when they were heard.
#[derive(Debug, Default)]
pub struct Rates {
    /// The number of the last bucket since 1970.
    last: i64,
    buckets: VecDeque<Bucket>,
}

impl Rates {
    /// One that was written at `at` (microseconds). What is older than all buckets, or ahead of the clock, counts not.
    pub(super) fn count(&mut self, at: i64, level: Level, now: Timestamp) {
        let bucket = at.div_euclid(SECONDS * 1_000_000);
        if bucket > now.as_second().div_euclid(SECONDS) + 1 {
            return;
        }
        if self.buckets.is_empty() || bucket - self.last >= BUCKETS as i64 {
            self.buckets = std::iter::repeat_n(Bucket::default(), BUCKETS).collect();
            self.last = bucket;
        }
        while self.last < bucket {
            self.buckets.pop_front();
            self.buckets.push_back(Bucket::default());
            self.last += 1;
        }
        let Some(at) =
            usize::try_from(self.last - bucket).ok().and_then(|back| (BUCKETS - 1).checked_sub(back))
        else {
            return;
        };
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.all += 1;
            bucket.warnings += u32::from(level == Level::Warning);
            bucket.errors += u32::from(level >= Level::Error);
        }
    }

    /// Errors of each of the last minutes, the last one last.
    pub fn errors(&self, now: Timestamp) -> [u64; BARS] {
        self.minutes(now, |bucket| bucket.errors)
    }

    pub fn warnings(&self, now: Timestamp) -> [u64; BARS] {
        self.minutes(now, |bucket| bucket.warnings)
    }

    /// Records a second over the last minute.
    pub fn a_second(&self, now: Timestamp) -> f64 {
        self.minutes(now, |bucket| bucket.all)[BARS - 1] as f64 / 60.0
    }

    fn minutes(&self, now: Timestamp, of: impl Fn(&Bucket) -> u32) -> [u64; BARS] {
        const A_MINUTE: usize = BUCKETS / BARS;
        let mut minutes = [0; BARS];
        let newest = now.as_second().div_euclid(SECONDS);
        for (back, bucket) in self.buckets.iter().rev().enumerate() {
            // A host whose clock is ahead writes into the next bucket: that is now.
            let age = (newest - (self.last - back as i64)).max(0);
            let minute = usize::try_from(age).unwrap_or(usize::MAX) / A_MINUTE;
            if let Some(minute) = (BARS - 1).checked_sub(minute) {
                minutes[minute] += u64::from(of(bucket));
            }
        }
        minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    #[test]
    fn records_count_where_they_were_written_and_age() {
        let (mut rates, now) = (Rates::default(), 1_000 * MINUTE);
        for (ago, level) in [
            (0, Level::Error),
            (MINUTE / 2, Level::Critical),
            (9 * MINUTE, Level::Error),
            (0, Level::Warning),
            (0, Level::Info),
            (11 * MINUTE, Level::Error),
            (-MINUTE, Level::Error),
        ] {
            rates.count(now - ago, level, at(now));
        }
        assert_eq!(rates.errors(at(now)), [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(rates.warnings(at(now))[BARS - 1], 1);
        assert_eq!(rates.a_second(at(now)), 4.0 / 60.0);
        assert_eq!(rates.errors(at(now + 3 * MINUTE)), [0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(rates.errors(at(now + 60 * MINUTE)), [0; BARS]);
        rates.count(now + 30 * MINUTE, Level::Error, at(now + 30 * MINUTE));
        assert_eq!(rates.errors(at(now + 30 * MINUTE)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
